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

-- Whether a user shows what he has read, and sees what others have.
ALTER TABLE users ADD COLUMN read_receipts boolean NOT NULL DEFAULT true;

-- When members read, by request; erased after a while. Written in order, so that BRIN finds what is old.
CREATE TABLE read_log (
    room_no integer NOT NULL,
    user_no integer NOT NULL,
    seq integer NOT NULL, -- the cursor from then on
    at bigint NOT NULL, -- milliseconds since the Unix epoch
    PRIMARY KEY (room_no, user_no, seq)
);
CREATE INDEX read_log_at ON read_log USING brin (at);

CREATE FUNCTION apply_read_log(batches jsonb, rejected integer[]) RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO read_log (room_no, user_no, seq, at)
    SELECT (b ->> 0)::integer, (n ->> 0)::integer, (n ->> 1)::integer, (n ->> 2)::bigint
    FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 8) AS n
    WHERE (b ->> 0)::integer <> ALL (rejected)
    ON CONFLICT DO NOTHING
$$;

-- As before, with the parts that are new.
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

    IF jsonb_path_exists(batches, 'strict $[*][6 to 8][*]') THEN
        PERFORM apply_thread_cursors(batches, rejected);
        PERFORM apply_marks(batches, rejected);
        PERFORM apply_read_log(batches, rejected);
    END IF;
END
$$;
