-- Campaigns mended: failures are sent to again once, clocks that PostgreSQL does not know stop nobody, and counts of a
-- job that was cancelled add up.

CREATE INDEX bulk_message_jobs_resends ON bulk_message_jobs (of_job) WHERE of_job IS NOT NULL;

-- The later ones by number, too: in the morning all of them are due at once.
CREATE INDEX bulk_message_recipients_later_by_number ON bulk_message_recipients (job_no, user_no)
    WHERE status = 'queued' AND due_at > 0;

-- The job that a chain of resends began with.
CREATE FUNCTION first_job(job integer) RETURNS text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain AS (
        SELECT j.job_id, j.of_job FROM bulk_message_jobs j WHERE j.job_no = job
        UNION ALL
        SELECT o.job_id, o.of_job FROM bulk_message_jobs o JOIN chain c ON o.job_no = c.of_job
    )
    SELECT c.job_id FROM chain c WHERE c.of_job IS NULL
$$;

-- The job that sends again to those whom a job failed to reach, but for those that were stopped for good.
CREATE FUNCTION resend_of(job integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT o.job_id FROM bulk_message_jobs o
    WHERE o.of_job = job AND o.status NOT IN ('CANCELLED', 'FAILED') ORDER BY o.job_no DESC LIMIT 1
$$;

-- Whom a job failed to reach, less those whom a resend of it has come to: one that was cancelled came to some. Each is
-- looked up there (OFFSET 0), whatever the statistics say of a ledger that is new.
CREATE FUNCTION missed_by(job integer) RETURNS TABLE (user_no integer) LANGUAGE sql STABLE AS $$
    SELECT r.user_no FROM bulk_message_recipients r
    WHERE r.job_no = job AND r.status = 'failed' AND NOT EXISTS (
        SELECT FROM bulk_message_recipients q
        WHERE q.job_no = ANY (ARRAY(SELECT o.job_no FROM bulk_message_jobs o WHERE o.of_job = job))
            AND q.user_no = r.user_no AND q.status <> 'queued'
        OFFSET 0
    )
$$;

-- The next of them, by the order of their index: not all are put in order for each page.
CREATE FUNCTION missed_page(job integer, after integer, most integer) RETURNS integer[] LANGUAGE sql STABLE
SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off SET jit = off
AS $$
    SELECT ARRAY(SELECT m.user_no FROM missed_by(job) m WHERE m.user_no > after ORDER BY m.user_no LIMIT most)
$$;

-- As before, but for a resend.
CREATE OR REPLACE FUNCTION read_audience(
    job integer, holder bigint, most integer, OUT is_held boolean, OUT user_nos integer[], OUT is_last boolean
)
LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
DECLARE
    told bulk_message_jobs;
BEGIN
    SELECT * INTO told FROM bulk_message_jobs j
    WHERE j.job_no = job AND j.lease = holder AND is_running(j.status) FOR NO KEY UPDATE;
    is_held := told.job_no IS NOT NULL OR NULL;
    is_last := told.is_read;
    IF is_held IS NULL OR NOT is_last AND told.of_job IS NULL AND told.born_to IS NULL THEN
        RETURN;
    END IF;
    user_nos := '{}';
    IF is_last THEN
        RETURN;
    END IF;
    IF told.of_job IS NULL THEN
        user_nos := ARRAY(
            SELECT a.user_no FROM campaign_audience(told.born_from, told.born_to, told.conditions, told.started_at) a
            WHERE a.status = 'active' AND a.user_no > told.cursor_no AND a.user_no <= told.last_no
            ORDER BY a.user_no LIMIT most
        );
    ELSE
        user_nos := missed_page(told.of_job, told.cursor_no, most);
    END IF;
    INSERT INTO bulk_message_recipients (job_no, user_no, status)
    SELECT job, n, 'queued' FROM unnest(user_nos) AS n;
    is_last := cardinality(user_nos) < most;
    UPDATE bulk_message_jobs j SET is_read = is_last,
        cursor_no = coalesce(user_nos[cardinality(user_nos)], j.cursor_no),
        total_users = CASE WHEN is_last
            THEN (SELECT count(*) FROM bulk_message_recipients r WHERE r.job_no = job)
            ELSE j.total_users END
    WHERE j.job_no = job;
END
$$;

-- The same in a zone that may have a name that is not known here: then by the clock of *otherwise*.
CREATE FUNCTION night_ends(now_ms bigint, zone text, otherwise text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN night_ends(now_ms, zone);
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN night_ends(now_ms, otherwise);
END
$$;

-- As before, and nobody writes to himself.
CREATE OR REPLACE FUNCTION left_out(
    user_no integer, status text, phone text, sender integer, channel text, is_advertising boolean
) RETURNS SETOF text LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT CASE
        WHEN status = 'deleted' OR left_out.user_no = sender THEN 'gone'
        WHEN status <> 'active' THEN 'suspended'
        WHEN channel = 'http' AND phone IS NULL THEN 'no_phone'
        WHEN channel = 'in_app' AND EXISTS (
            SELECT FROM user_blocks b WHERE b.blocker_no = left_out.user_no AND b.blocked_no = sender
        ) THEN 'blocked'
        WHEN is_advertising THEN
            CASE (SELECT c FROM consent_of(left_out.user_no, 'advertising') c)
                WHEN true THEN NULL WHEN false THEN 'opted_out' ELSE 'no_consent' END
    END
$$;

-- As before, but zones are looked at one by one.
CREATE OR REPLACE FUNCTION going_of(
    told bulk_message_jobs, recipients integer[], now_ms bigint, OUT going integer[], OUT apart jsonb
)
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off
AS $$
BEGIN
    going := ARRAY(
        SELECT q.user_no FROM bulk_message_recipients q
        WHERE q.job_no = told.job_no AND q.user_no = ANY (recipients) AND q.status = 'queued' AND q.due_at <= now_ms
        ORDER BY q.user_no FOR UPDATE SKIP LOCKED
    );
    WITH zones AS MATERIALIZED (
        SELECT z.zone, night_ends(now_ms, z.zone, told.zone) AS ends FROM (
            SELECT DISTINCT u.time_zone AS zone FROM users u WHERE told.is_advertising AND u.user_no = ANY (going)
        ) z
    ), standing AS (
        SELECT u.user_no, l.why, CASE
            WHEN told.is_advertising AND (SELECT c FROM consent_of(u.user_no, 'advertising_night') c) IS NOT TRUE
                THEN (SELECT z.ends FROM zones z WHERE z.zone = u.time_zone)
        END AS ends
        FROM users u, left_out(u.user_no, u.status, u.phone, told.sender_no, told.channel, told.is_advertising) l (why)
        WHERE u.user_no = ANY (going)
    ), skipped AS (
        UPDATE bulk_message_recipients r SET status = 'skipped', done_at = now_ms, reason = s.why
        FROM standing s
        WHERE r.job_no = told.job_no AND r.user_no = ANY (going) AND r.user_no = s.user_no AND s.why IS NOT NULL
    ), waiting AS (
        UPDATE bulk_message_recipients r SET due_at = s.ends, reason = 'night'
        FROM standing s
        WHERE r.job_no = told.job_no AND r.user_no = ANY (going) AND r.user_no = s.user_no
            AND s.why IS NULL AND s.ends IS NOT NULL
    )
    SELECT coalesce(jsonb_agg(jsonb_build_array(s.user_no, coalesce(s.why, 'night'), s.ends)), '[]')
    INTO apart FROM standing s WHERE s.why IS NOT NULL OR s.ends IS NOT NULL;
    IF apart <> '[]' THEN
        going := ARRAY(
            SELECT n FROM unnest(going) AS n
            WHERE n NOT IN (SELECT (a ->> 0)::integer FROM jsonb_array_elements(apart) AS a) ORDER BY n
        );
    END IF;
END
$$;

-- An attempt may have been taken, by a provider that knows a message by its id.
ALTER TABLE bulk_message_recipients ADD COLUMN in_doubt boolean NOT NULL DEFAULT false;

-- As before, and who is in doubt.
CREATE OR REPLACE FUNCTION begin_bulk(
    job integer, holder bigint, recipients integer[], now_ms bigint, until_ms bigint,
    OUT ready jsonb, OUT apart jsonb, OUT message text, OUT is_advertising boolean
)
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off
AS $$
DECLARE
    told bulk_message_jobs;
    going integer[];
BEGIN
    told := held_job(job, holder);
    IF told.job_no IS NULL THEN
        RETURN;
    END IF;
    SELECT g.going, g.apart INTO going, begin_bulk.apart FROM going_of(told, recipients, now_ms) g;
    WITH leased AS (
        UPDATE bulk_message_recipients r SET status = 'leased', leased_until = until_ms, lease = holder,
            attempt = r.attempt + 1, reason = NULL
        WHERE r.job_no = job AND r.user_no = ANY (going) RETURNING r.user_no, r.attempt, r.in_doubt
    )
    SELECT coalesce(
        jsonb_agg(jsonb_build_array(l.user_no, u.phone, l.attempt, l.in_doubt) ORDER BY l.user_no), '[]'
    ) INTO ready
    FROM leased l JOIN users u ON u.user_no = l.user_no;
    message := told.message;
    is_advertising := told.is_advertising;
END
$$;

-- As before, but who is queued again in a job that is over is never sent to; whose message was not looked at has had no
-- attempt; and *doubts* are kept.
DROP FUNCTION record_bulk(integer, bigint, integer[], text[], text[], text[], bigint[], bigint);
CREATE FUNCTION record_bulk(
    job integer, holder bigint, recipients integer[], statuses text[], reasons text[], provider_ids text[],
    again_at bigint[], doubts boolean[], now_ms bigint
) RETURNS void
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off
AS $$
DECLARE
    told bulk_message_jobs := held_job(job, holder);
    settled text[];
BEGIN
    WITH written AS (
        UPDATE bulk_message_recipients r SET status = n.status::bulk_recipient_status, reason = n.reason,
            provider_id = n.provider_id, due_at = coalesce(n.again, r.due_at),
            attempt = r.attempt - coalesce(
                n.again IS NOT NULL AND n.reason IN ('limited', 'not_authorized', 'redirected'), false
            )::integer,
            in_doubt = r.in_doubt OR n.doubt,
            done_at = CASE WHEN n.again IS NULL THEN now_ms END
        FROM unnest(recipients, statuses, reasons, provider_ids, again_at, doubts)
            AS n (user_no, status, reason, provider_id, again, doubt)
        WHERE r.job_no = job AND r.user_no = ANY (recipients) AND r.user_no = n.user_no
            AND r.status = 'leased' AND r.lease = holder AND (n.again IS NULL OR r.due_at < n.again)
        RETURNING r.status
    )
    SELECT array_agg(w.status::text) INTO settled FROM written w;
    IF told.job_no IS NULL THEN
        UPDATE bulk_message_jobs j SET
            success_count = j.success_count + cardinality(array_positions(settled, 'sent')),
            failure_count = j.failure_count + cardinality(array_positions(settled, 'failed')),
            unknown_count = j.unknown_count + cardinality(array_positions(settled, 'unknown')),
            skipped_count = j.skipped_count + CASE WHEN j.status IN ('CANCELLED', 'FAILED')
                THEN cardinality(array_positions(settled, 'queued')) ELSE 0 END
        WHERE j.job_no = job AND settled IS NOT NULL;
    END IF;
END
$$;
