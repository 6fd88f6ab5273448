-- Who comes and goes in a room, and who is revealed there: found without reading what was said.
CREATE INDEX room_events_members ON room_events (room_no) WHERE kind = 2;

-- Threads of before have cursors: what was read of the room was read of them.
INSERT INTO thread_cursors (room_no, user_no, root_seq, read_seq)
SELECT m.room_no, m.user_no, e.thread, max(e.seq)
FROM room_events e
JOIN chat_members m ON m.room_no = e.room_no AND m.is_active AND m.read_seq >= e.seq
WHERE e.thread IS NOT NULL
GROUP BY m.room_no, m.user_no, e.thread
ON CONFLICT DO NOTHING;

-- As before, but a batch of a node that does not know of threads is taken, too.
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

    IF jsonb_path_exists(batches, 'lax $[*][6 to 8][*]') THEN
        PERFORM apply_thread_cursors(batches, rejected);
        PERFORM apply_marks(batches, rejected);
        PERFORM apply_read_log(batches, rejected);
    END IF;
END
$$;
