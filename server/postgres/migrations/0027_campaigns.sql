-- Campaigns (specification 002): one message to everyone of an age group. Times are milliseconds since the Unix epoch.

-- The service itself writes to people: nobody signs in as it, and nothing chooses it as a recipient.
ALTER TABLE users DROP CONSTRAINT users_role_check;
ALTER TABLE users ADD CONSTRAINT users_role_check CHECK (role IN ('user', 'admin', 'service'));

-- Those of an age group, found by their birth dates; the specification has its number there, which is not kept.
CREATE INDEX idx_user_birth_date ON users (birth_date);
CREATE INDEX idx_user_status ON users (user_no) WHERE status = 'active';

-- What people agreed to or took back; the last entry of a kind holds.
CREATE TABLE consents (
    consent_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_no integer NOT NULL REFERENCES users,
    kind text NOT NULL CHECK (kind IN ('advertising', 'advertising_night')),
    is_given boolean NOT NULL,
    source text NOT NULL CHECK (char_length(source) BETWEEN 1 AND 64),
    at bigint NOT NULL
);
CREATE INDEX consents_last ON consents (user_no, kind, consent_no);

-- What somebody said last; nothing where he never said anything. As a table it is put into a query as it stands.
CREATE FUNCTION consent_of(who integer, what text) RETURNS SETOF boolean LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT c.is_given FROM consents c WHERE c.user_no = who AND c.kind = what ORDER BY c.consent_no DESC LIMIT 1
$$;

CREATE TABLE bulk_message_jobs (
    job_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the later, the higher
    job_id text NOT NULL UNIQUE,
    created_by integer NOT NULL REFERENCES users,
    sender_no integer NOT NULL REFERENCES users, -- the account of the service
    title text NOT NULL DEFAULT '' CHECK (char_length(title) <= 100), -- for admins
    -- Null: for people who were named, who are in the ledger from the beginning.
    age_group text CHECK (age_group IN ('TEENS', 'TWENTIES', 'THIRTIES', 'FORTIES', 'FIFTIES_PLUS')),
    conditions jsonb NOT NULL DEFAULT '{}', -- beyond the age group
    message text NOT NULL CHECK (char_length(message) BETWEEN 1 AND 4000),
    channel text NOT NULL CHECK (channel IN ('in_app', 'http')),
    is_advertising boolean NOT NULL,
    priority smallint NOT NULL DEFAULT 2 CHECK (priority BETWEEN 1 AND 4),
    is_ramped boolean NOT NULL DEFAULT false, -- to 1 %, then 10 %, then all
    zone text NOT NULL, -- whose calendar says how old people are on the day of sending
    of_job integer REFERENCES bulk_message_jobs, -- to those whom that one failed to reach, and nobody else
    status text NOT NULL CHECK (status IN (
        'CREATED', 'SCHEDULED', 'IN_PROGRESS', 'PROCESSING_BATCH', 'SENDING_MESSAGES', 'PAUSED',
        'COMPLETED', 'PARTIALLY_FAILED', 'FAILED', 'CANCELLED'
    )),
    reason text NOT NULL DEFAULT '', -- why it was paused, or failed
    created_at bigint NOT NULL,
    start_at bigint NOT NULL,
    started_at bigint,
    completed_at bigint,
    leased_until bigint NOT NULL DEFAULT 0, -- until then a node is at work on it
    lease bigint NOT NULL DEFAULT 0, -- raised by each node that takes it: the fencing token
    born_from date, -- the audience, as of the day it began
    born_to date,
    last_no integer NOT NULL DEFAULT 0, -- who came later is not of the audience
    cursor_no integer NOT NULL DEFAULT 0, -- up to here people were read into the ledger
    is_read boolean NOT NULL DEFAULT false, -- all of them were
    total_users integer NOT NULL DEFAULT 0, -- before the reading an estimate
    success_count integer NOT NULL DEFAULT 0,
    failure_count integer NOT NULL DEFAULT 0,
    unknown_count integer NOT NULL DEFAULT 0,
    skipped_count integer NOT NULL DEFAULT 0
);
CREATE INDEX bulk_message_jobs_due ON bulk_message_jobs (start_at)
    WHERE status IN ('CREATED', 'SCHEDULED', 'IN_PROGRESS', 'PROCESSING_BATCH', 'SENDING_MESSAGES');

-- The ledger: what became of each recipient. Without foreign keys: people and jobs stay, and a million rows a job
-- would each be looked up twice.
CREATE TYPE bulk_recipient_status AS ENUM (
    'queued', 'leased', 'sent', 'delivered', 'read', 'failed', 'skipped', 'unknown'
);
CREATE TABLE bulk_message_recipients (
    job_no integer NOT NULL,
    user_no integer NOT NULL,
    status bulk_recipient_status NOT NULL,
    attempt smallint NOT NULL DEFAULT 0,
    due_at bigint NOT NULL DEFAULT 0, -- not before; 0 for at once
    leased_until bigint NOT NULL DEFAULT 0,
    lease bigint NOT NULL DEFAULT 0,
    done_at bigint,
    reason text,
    provider_id text,
    PRIMARY KEY (job_no, user_no)
);
CREATE INDEX bulk_message_recipients_fresh ON bulk_message_recipients (job_no, user_no)
    WHERE status = 'queued' AND due_at = 0;
CREATE INDEX bulk_message_recipients_later ON bulk_message_recipients (job_no, due_at)
    WHERE status = 'queued' AND due_at > 0;
CREATE INDEX bulk_message_recipients_leased ON bulk_message_recipients (job_no, leased_until)
    WHERE status = 'leased';

-- A node works on it, or may.
CREATE FUNCTION is_running(status text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT status IN ('IN_PROGRESS', 'PROCESSING_BATCH', 'SENDING_MESSAGES')
$$;

-- The job, if *holder* is its lease; else nothing. Who stops a job takes the lock alone, and so waits for the calls
-- that are under way: after it none does anything any more.
CREATE FUNCTION held_job(job integer, holder bigint) RETURNS bulk_message_jobs LANGUAGE plpgsql AS $$
DECLARE
    told bulk_message_jobs;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('campaign', job));
    SELECT * INTO told FROM bulk_message_jobs j WHERE j.job_no = job AND j.lease = holder AND is_running(j.status);
    RETURN told;
END
$$;

-- Who is meant, whether active or not. Into a query it is put as it stands, and indexes are used.
CREATE FUNCTION campaign_audience(born_from date, born_to date, conditions jsonb, now_ms bigint)
RETURNS SETOF users LANGUAGE sql STABLE AS $$
    SELECT u.* FROM users u
    WHERE u.role = 'user' AND u.birth_date BETWEEN coalesce(born_from, '-infinity') AND born_to
        AND (conditions -> 'region' IS NULL OR u.region = conditions ->> 'region')
        AND (conditions -> 'is_test' IS NULL OR u.is_test = (conditions ->> 'is_test')::boolean)
        AND (conditions -> 'last_seen_within_days' IS NULL
            OR greatest(u.last_seen_at, u.last_sign_in_at) >= to_timestamp(now_ms / 1000.0)
                - make_interval(days => (conditions ->> 'last_seen_within_days')::integer))
$$;

-- Put the next *most* people of the audience into the ledger. *is_held* is null where the lease is another's, and
-- *user_nos* where the audience was not settled yet. Planned anew each time: how wide an age group is decides.
CREATE FUNCTION read_audience(
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
        user_nos := ARRAY(
            SELECT r.user_no FROM bulk_message_recipients r
            WHERE r.job_no = told.of_job AND r.user_no > told.cursor_no AND r.status = 'failed'
            ORDER BY r.user_no LIMIT most
        );
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

-- When the night ends in a zone, from 21:00 to 08:00; NULL by day.
CREATE FUNCTION night_ends(now_ms bigint, zone text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN hour >= 21 OR hour < 8 THEN (extract(epoch FROM (
        date_trunc('day', here) + interval '8 hours' + CASE WHEN hour >= 21 THEN interval '1 day' ELSE '0' END
    ) AT TIME ZONE zone) * 1000)::bigint END
    FROM (SELECT here, extract(hour FROM here) AS hour
        FROM (SELECT to_timestamp(now_ms / 1000.0) AT TIME ZONE zone AS here) a) b
$$;

-- Why somebody is left out; null for who is not. One row, for the same reason.
CREATE FUNCTION left_out(
    user_no integer, status text, phone text, sender integer, channel text, is_advertising boolean
) RETURNS SETOF text LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT CASE
        WHEN status = 'deleted' THEN 'gone'
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

-- Of *recipients* those who are queued and whose time has come, less those who are left out or wait for the end of
-- their night: *apart* says who, why and until when.
CREATE FUNCTION going_of(
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
    WITH standing AS (
        SELECT u.user_no, l.why, CASE
            WHEN told.is_advertising AND (SELECT c FROM consent_of(u.user_no, 'advertising_night') c) IS NOT TRUE
                THEN night_ends(now_ms, u.time_zone)
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

-- Store one message of the job's sender for each of these recipients who is still queued. A room is made where the
-- two have none, by the id at the recipient's place. Of those in *watching* who got it, *live* says in which room and
-- whether that is new. All is null where the lease is another's.
--
-- A room that an actor has owned gets a new epoch and no owner, so that whatever he holds of it is stale. He is not
-- waited for, as a claim waits: were he about to store an event at the same place, one of the two would meet the
-- primary key. Then this call fails, having done nothing, or he finds out that another wrote.
--
-- Every look is by index, with all its columns: a plan made while the tables were small must not walk a whole job.
CREATE FUNCTION deliver_bulk(
    job integer, holder bigint, recipients integer[], room_ids text[], watching integer[], now_ms bigint,
    OUT delivered integer, OUT apart jsonb, OUT live jsonb
)
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off
AS $$
DECLARE
    told bulk_message_jobs;
    service integer;
    going integer[];
    rooms integer[];
    new_rooms integer[];
BEGIN
    told := held_job(job, holder);
    IF told.job_no IS NULL THEN
        RETURN;
    END IF;
    service := told.sender_no;
    SELECT g.going, g.apart INTO going, deliver_bulk.apart FROM going_of(told, recipients, now_ms) g;

    WITH made AS (
        INSERT INTO chat_rooms (room_id, room_type, direct_key, created_by)
        SELECT room_ids[n.place], 'direct', least(service, n.who) || ':' || greatest(service, n.who), service
        FROM unnest(going) WITH ORDINALITY AS n (who, place)
        WHERE NOT EXISTS (
            SELECT FROM chat_rooms c WHERE c.direct_key = least(service, n.who) || ':' || greatest(service, n.who)
        )
        ON CONFLICT (direct_key) DO NOTHING
        RETURNING room_no, direct_key
    ), inside AS (
        INSERT INTO chat_members (room_no, user_no)
        SELECT m.room_no, who FROM made m, LATERAL unnest(string_to_array(m.direct_key, ':')::integer[]) AS who
    )
    SELECT coalesce(array_agg(m.room_no), '{}') INTO new_rooms FROM made m;

    rooms := ARRAY(
        SELECT c.room_no FROM unnest(going) AS g (who)
        JOIN chat_rooms c ON c.direct_key = least(service, g.who) || ':' || greatest(service, g.who)
        ORDER BY c.room_no FOR NO KEY UPDATE OF c
    );
    UPDATE chat_rooms c SET epoch = c.epoch + 1, owner = 0
    WHERE c.room_no = ANY (rooms) AND c.owner <> 0;
    IF cardinality(new_rooms) < cardinality(rooms) THEN -- who left comes back
        UPDATE chat_members m SET is_active = true, left_at = NULL
        WHERE m.room_no = ANY (rooms) AND NOT m.is_active;
    END IF;

    -- A statement of its own, which sees what was stored before the rooms were locked.
    INSERT INTO room_events (room_no, seq, at, kind, sender_no, countable, client_id, body)
    SELECT r.room_no, coalesce(last.seq, 0) + 1, now_ms, 1, service, coalesce(last.countable, 0) + 1,
        'campaign-' || told.job_id, told.message
    FROM unnest(rooms) AS r (room_no) LEFT JOIN LATERAL (
        SELECT e.seq, e.countable FROM room_events e
        WHERE e.room_no = r.room_no ORDER BY e.seq DESC LIMIT 1
    ) last ON true;
    UPDATE bulk_message_recipients r SET status = 'delivered', done_at = now_ms, attempt = r.attempt + 1, reason = NULL
    WHERE r.job_no = job AND r.user_no = ANY (going);
    GET DIAGNOSTICS delivered = ROW_COUNT;

    live := '[]';
    IF watching <> '{}' THEN
        SELECT coalesce(jsonb_agg(jsonb_build_array(u.user_id, c.room_id, c.room_no = ANY (new_rooms))), '[]')
        INTO live
        FROM unnest(going) AS g (who)
        JOIN users u ON u.user_no = g.who
        JOIN chat_rooms c ON c.direct_key = least(service, g.who) || ':' || greatest(service, g.who)
        WHERE g.who = ANY (watching);
    END IF;
END
$$;

-- Lease those of *recipients* who are queued, and say to which phones the message is to be sent. All is null where
-- the lease is another's.
CREATE FUNCTION begin_bulk(
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
        WHERE r.job_no = job AND r.user_no = ANY (going) RETURNING r.user_no, r.attempt
    )
    SELECT coalesce(jsonb_agg(jsonb_build_array(l.user_no, u.phone, l.attempt) ORDER BY l.user_no), '[]') INTO ready
    FROM leased l JOIN users u ON u.user_no = l.user_no;
    message := told.message;
    is_advertising := told.is_advertising;
END
$$;

-- Settle those whom *holder* has leased, or queue them again for a later time, which alone tells a repetition of this
-- call from the next attempt. Where the job is not his any more, nobody else would count them.
CREATE FUNCTION record_bulk(
    job integer, holder bigint, recipients integer[], statuses text[], reasons text[], provider_ids text[],
    again_at bigint[], now_ms bigint
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
            done_at = CASE WHEN n.again IS NULL THEN now_ms END
        FROM unnest(recipients, statuses, reasons, provider_ids, again_at)
            AS n (user_no, status, reason, provider_id, again)
        WHERE r.job_no = job AND r.user_no = ANY (recipients) AND r.user_no = n.user_no
            AND r.status = 'leased' AND r.lease = holder AND (n.again IS NULL OR r.due_at < n.again)
        RETURNING r.status
    )
    SELECT array_agg(w.status::text) INTO settled FROM written w;
    IF told.job_no IS NULL THEN
        UPDATE bulk_message_jobs j SET
            success_count = j.success_count + cardinality(array_positions(settled, 'sent')),
            failure_count = j.failure_count + cardinality(array_positions(settled, 'failed')),
            unknown_count = j.unknown_count + cardinality(array_positions(settled, 'unknown'))
        WHERE j.job_no = job AND settled IS NOT NULL;
    END IF;
END
$$;
