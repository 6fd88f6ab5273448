-- From where a member has a room marked unread, whatever his cursor; NULL for no mark.
ALTER TABLE chat_members ADD COLUMN marked_seq integer;

CREATE FUNCTION apply_marks(batches jsonb, rejected integer[]) RETURNS void
LANGUAGE sql
AS $$
    WITH c AS MATERIALIZED (
        SELECT (b ->> 0)::integer AS room, (n ->> 0)::integer AS who,
            nullif((n ->> 1)::integer, 0) AS seq
        FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 7) AS n
        WHERE (b ->> 0)::integer <> ALL (rejected)
    )
    UPDATE chat_members m SET marked_seq = c.seq FROM c
    WHERE m.room_no = c.room AND m.user_no = c.who
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

    IF jsonb_path_exists(batches, 'lax $[*][6][*]') THEN
        PERFORM apply_thread_cursors(batches, rejected);
    END IF;
    IF jsonb_path_exists(batches, 'lax $[*][7][*]') THEN
        PERFORM apply_marks(batches, rejected);
    END IF;
END
$$;
