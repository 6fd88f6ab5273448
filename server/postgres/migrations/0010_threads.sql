-- How far members have read in threads. Only what was read by a request has a row: one's own messages, and
-- where one joined, are in the log.
CREATE TABLE thread_cursors (
    room_no integer NOT NULL,
    user_no integer NOT NULL,
    root_seq integer NOT NULL,
    read_seq integer NOT NULL,
    PRIMARY KEY (room_no, user_no, root_seq),
    FOREIGN KEY (room_no, user_no) REFERENCES chat_members (room_no, user_no)
) WITH (fillfactor = 70);

-- Whom a message mentions.
CREATE INDEX room_mentions_by_message ON room_mentions (room_no, seq);

CREATE FUNCTION apply_thread_cursors(batches jsonb, rejected integer[]) RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO thread_cursors AS t (room_no, user_no, root_seq, read_seq)
    SELECT (b ->> 0)::integer, (c ->> 0)::integer, (c ->> 1)::integer, max((c ->> 2)::integer)
    FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 6) AS c
    WHERE (b ->> 0)::integer <> ALL (rejected)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (room_no, user_no, root_seq) DO UPDATE SET read_seq = excluded.read_seq
    WHERE t.read_seq < excluded.read_seq
$$;

-- As before, with the part that is new.
CREATE OR REPLACE FUNCTION apply_cursors(batches jsonb, rejected integer[]) RETURNS void
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

    IF jsonb_path_exists(batches, 'strict $[*][6][*]') THEN
        PERFORM apply_thread_cursors(batches, rejected);
    END IF;
END
$$;
