-- append_events in parts, each with one subject, so that one can be replaced without the others.
--
-- A change of a room itself updates its row, which a claim locks before it waits for the advisory lock: it
-- is locked before that here too, else each would wait for the other.

CREATE FUNCTION duplicates_of(batches jsonb, rejected integer[]) RETURNS integer[]
LANGUAGE sql
AS $$
    SELECT coalesce(array_agg(found.room), '{}') FROM (
        WITH new AS (
            SELECT (b ->> 0)::integer AS room, (e ->> 0)::integer AS seq,
                (e ->> 3)::integer AS sender, e ->> 5 AS client_id
            FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 2) AS e
            WHERE (b ->> 0)::integer <> ALL (rejected)
        )
        SELECT n.room FROM new n
        WHERE EXISTS (SELECT FROM room_events o WHERE o.room_no = n.room AND o.seq = n.seq)
            OR EXISTS (
                SELECT FROM room_events o
                WHERE o.room_no = n.room AND o.sender_no = n.sender
                    AND o.client_id = n.client_id AND o.client_id IS NOT NULL
            )
        UNION
        SELECT n.room FROM new n GROUP BY n.room, n.seq HAVING count(*) > 1
        UNION
        SELECT n.room FROM new n WHERE n.client_id IS NOT NULL
        GROUP BY n.room, n.sender, n.client_id HAVING count(*) > 1
    ) found
$$;

CREATE FUNCTION apply_moves(batches jsonb, rejected integer[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    move record;
BEGIN
    FOR move IN
        SELECT (b ->> 0)::integer AS room, (m ->> 0)::integer AS who, m ->> 1 AS role,
            (m ->> 2)::integer AS seq,
            (SELECT to_timestamp((e ->> 1)::bigint / 1000.0)
             FROM jsonb_array_elements(b -> 2) AS e WHERE e -> 0 = m -> 2) AS moved_at
        FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 3) AS m
        WHERE (b ->> 0)::integer <> ALL (rejected)
    LOOP
        IF move.role IS NULL THEN
            UPDATE chat_members SET is_active = false, left_at = move.moved_at
            WHERE room_no = move.room AND user_no = move.who;
        ELSE
            INSERT INTO chat_members AS m (room_no, user_no, role, joined_seq, read_seq, joined_at)
            VALUES (move.room, move.who, move.role, move.seq, move.seq, move.moved_at)
            ON CONFLICT (room_no, user_no) DO UPDATE SET
                role = excluded.role,
                is_active = true,
                left_at = NULL,
                joined_seq = CASE WHEN m.is_active THEN m.joined_seq ELSE excluded.joined_seq END,
                read_seq = CASE WHEN m.is_active THEN m.read_seq ELSE excluded.read_seq END,
                joined_at = CASE WHEN m.is_active THEN m.joined_at ELSE excluded.joined_at END;
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION apply_cursors(batches jsonb, rejected integer[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    -- Materialized: else a plan may look through all members of a room for each cursor of it.
    WITH c AS MATERIALIZED (
        SELECT (b ->> 0)::integer AS room, c.key::integer AS who, c.value::integer AS seq
        FROM jsonb_array_elements(batches) AS b, jsonb_each_text(b -> 4) AS c
        WHERE (b ->> 0)::integer <> ALL (rejected)
    )
    UPDATE chat_members m SET read_seq = c.seq FROM c
    WHERE m.room_no = c.room AND m.user_no = c.who AND m.read_seq < c.seq;
END
$$;

CREATE OR REPLACE FUNCTION append_events(
    this_owner bigint, batches jsonb, OUT stale integer[], OUT duplicate integer[]
)
LANGUAGE plpgsql
AS $$
DECLARE
    rejected integer[];
    found_now integer[];
BEGIN
    IF jsonb_path_exists(batches, 'strict $[*][2][*] ? (@[2] == 8)') THEN
        PERFORM FROM chat_rooms r
        WHERE r.room_no IN (
            SELECT (b ->> 0)::integer FROM jsonb_array_elements(batches) AS b
            WHERE jsonb_path_exists(b, 'strict $[2][*] ? (@[2] == 8)')
        ) ORDER BY r.room_no FOR NO KEY UPDATE;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(this_owner);
    stale := ARRAY(
        SELECT (b ->> 0)::integer FROM jsonb_array_elements(batches) AS b
        LEFT JOIN chat_rooms r ON r.room_no = (b ->> 0)::integer
        WHERE r.epoch IS DISTINCT FROM (b ->> 1)::bigint OR r.owner IS DISTINCT FROM this_owner
    );
    duplicate := '{}';
    rejected := stale;
    LOOP
        BEGIN
            INSERT INTO room_events (room_no, seq, at, kind, sender_no, countable, client_id,
                                     digest, body, reply_to, thread, extra, of_seq)
            SELECT (b ->> 0)::integer, (e ->> 0)::integer, (e ->> 1)::bigint, (e ->> 2)::smallint,
                (e ->> 3)::integer, (e ->> 4)::integer, e ->> 5, (e ->> 6)::bigint, e ->> 7,
                (e ->> 8)::integer, (e ->> 9)::integer, e ->> 10, (e ->> 11)::integer
            FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 2) AS e
            WHERE (b ->> 0)::integer <> ALL (rejected);
            EXIT;
        EXCEPTION WHEN unique_violation THEN
            found_now := duplicates_of(batches, rejected);
            IF found_now = '{}' THEN
                RAISE;
            END IF;
            duplicate := duplicate || found_now;
            rejected := rejected || found_now;
        END;
    END LOOP;

    IF jsonb_path_exists(batches, 'strict $[*][3][*]') THEN
        PERFORM apply_moves(batches, rejected);
    END IF;
    PERFORM apply_cursors(batches, rejected);
    IF jsonb_path_exists(batches, 'strict $[*][2][*] ? (@[2] > 2)') THEN
        PERFORM apply_changes(batches, rejected);
    END IF;
    INSERT INTO room_mentions (room_no, user_no, seq)
    SELECT (b ->> 0)::integer, (n ->> 0)::integer, (n ->> 1)::integer
    FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 5) AS n
    WHERE (b ->> 0)::integer <> ALL (rejected)
    ON CONFLICT DO NOTHING;
END
$$;
