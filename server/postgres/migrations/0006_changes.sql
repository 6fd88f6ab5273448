-- Messages that change: an edit, a deletion, a reaction or a pin is an event ``of`` the message, and what
-- becomes of the message is a row beside it. A message that nobody touched has none.
ALTER TABLE room_events ADD COLUMN of_seq integer;

-- What is deleted of a room, as of any of its events.
CREATE INDEX room_events_deletions ON room_events (room_no, of_seq, seq) WHERE kind IN (4, 5);

-- The versions of a message.
CREATE INDEX room_events_changes ON room_events (room_no, of_seq, seq) WHERE of_seq IS NOT NULL;

CREATE TABLE message_states (
    room_no integer NOT NULL,
    seq integer NOT NULL,
    body text,  -- NULL: as it was sent
    edited_at bigint,
    deleted_at bigint,
    erased boolean NOT NULL DEFAULT false,  -- what it said is nowhere any more
    pinned_at bigint,
    PRIMARY KEY (room_no, seq),
    FOREIGN KEY (room_no, seq) REFERENCES room_events (room_no, seq) ON DELETE CASCADE
);
CREATE INDEX message_states_pinned ON message_states (room_no, pinned_at) WHERE pinned_at IS NOT NULL;

CREATE INDEX message_states_to_erase ON message_states (deleted_at)
    WHERE deleted_at IS NOT NULL AND NOT erased;

CREATE TABLE message_reactions (
    room_no integer NOT NULL,
    seq integer NOT NULL,
    user_no integer NOT NULL REFERENCES users,
    emoji text NOT NULL,
    by_seq integer NOT NULL,  -- the event that put it there
    PRIMARY KEY (room_no, seq, user_no, emoji),
    FOREIGN KEY (room_no, seq) REFERENCES room_events (room_no, seq) ON DELETE CASCADE
);

CREATE FUNCTION apply_changes(batches jsonb, rejected integer[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    change record;
BEGIN
    FOR change IN
        SELECT (b ->> 0)::integer AS room, (e ->> 0)::integer AS seq, (e ->> 1)::bigint AS at,
            (e ->> 2)::integer AS kind, (e ->> 3)::integer AS who, e ->> 7 AS body,
            (e ->> 10)::jsonb AS extra, (e ->> 11)::integer AS of
        FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 2) AS e
        WHERE (b ->> 0)::integer <> ALL (rejected) AND (e ->> 2)::integer > 2
        ORDER BY 1, 2
    LOOP
        IF change.kind = 6 AND (change.extra ->> 'on')::boolean THEN
            INSERT INTO message_reactions (room_no, seq, user_no, emoji, by_seq)
            VALUES (change.room, change.of, change.who, change.extra ->> 'emoji', change.seq)
            ON CONFLICT DO NOTHING;
        ELSIF change.kind = 6 THEN
            DELETE FROM message_reactions r
            WHERE r.room_no = change.room AND r.seq = change.of AND r.user_no = change.who
                AND r.emoji = change.extra ->> 'emoji';
        ELSE
            INSERT INTO message_states AS s (room_no, seq) VALUES (change.room, change.of)
            ON CONFLICT DO NOTHING;
            UPDATE message_states s SET
                body = CASE WHEN change.kind = 3 THEN change.body ELSE s.body END,
                edited_at = CASE WHEN change.kind = 3 THEN change.at ELSE s.edited_at END,
                deleted_at = CASE change.kind WHEN 4 THEN change.at WHEN 5 THEN NULL
                    ELSE s.deleted_at END,
                pinned_at = CASE WHEN change.kind <> 7 THEN s.pinned_at
                    WHEN (change.extra ->> 'on')::boolean THEN change.at END
            WHERE s.room_no = change.room AND s.seq = change.of;
        END IF;
    END LOOP;
END
$$;

-- As before, with the column and the call that are new.
CREATE OR REPLACE FUNCTION append_events(
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
                                     digest, body, reply_to, thread, extra, of_seq)
            SELECT (b ->> 0)::integer, (e ->> 0)::integer, (e ->> 1)::bigint, (e ->> 2)::smallint,
                (e ->> 3)::integer, (e ->> 4)::integer, e ->> 5, (e ->> 6)::bigint, e ->> 7,
                (e ->> 8)::integer, (e ->> 9)::integer, e ->> 10, (e ->> 11)::integer
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
