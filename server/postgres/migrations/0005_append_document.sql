-- append_events takes one document in place of a column of each kind: what a node has to write down for
-- it falls from 3.3 to 0.2 µs a message, what the database has to read rises by 1 µs.
--
-- batches: [[room, epoch, events, moves, cursors, mentions], …], where
--   events    [[seq, at, kind, sender, countable, client_id, digest, body, reply_to, thread, extra], …]
--   moves     [[user, role, seq], …]    role null: not a member from the event seq on
--   cursors   {"user": seq, …}
--   mentions  [[user, seq], …]
DROP FUNCTION append_events;

CREATE FUNCTION append_events(
    this_owner bigint, batches jsonb, OUT stale integer[], OUT duplicate integer[]
)
LANGUAGE plpgsql
AS $$
DECLARE
    rejected integer[];
    found_now integer[];
    move record;
BEGIN
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
                                     digest, body, reply_to, thread, extra)
            SELECT (b ->> 0)::integer, (e ->> 0)::integer, (e ->> 1)::bigint, (e ->> 2)::smallint,
                (e ->> 3)::integer, (e ->> 4)::integer, e ->> 5, (e ->> 6)::bigint, e ->> 7,
                (e ->> 8)::integer, (e ->> 9)::integer, e ->> 10
            FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 2) AS e
            WHERE (b ->> 0)::integer <> ALL (rejected);
            EXIT;
        EXCEPTION WHEN unique_violation THEN
            found_now := ARRAY(
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
            );
            IF found_now = '{}' THEN
                RAISE;
            END IF;
            duplicate := duplicate || found_now;
            rejected := rejected || found_now;
        END;
    END LOOP;

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

    -- Materialized: else a plan may look through all members of a room for each cursor of it.
    WITH c AS MATERIALIZED (
        SELECT (b ->> 0)::integer AS room, c.key::integer AS who, c.value::integer AS seq
        FROM jsonb_array_elements(batches) AS b, jsonb_each_text(b -> 4) AS c
        WHERE (b ->> 0)::integer <> ALL (rejected)
    )
    UPDATE chat_members m SET read_seq = c.seq FROM c
    WHERE m.room_no = c.room AND m.user_no = c.who AND m.read_seq < c.seq;

    INSERT INTO room_mentions (room_no, user_no, seq)
    SELECT (b ->> 0)::integer, (n ->> 0)::integer, (n ->> 1)::integer
    FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 5) AS n
    WHERE (b ->> 0)::integer <> ALL (rejected)
    ON CONFLICT DO NOTHING;
END
$$;
