-- Files: what is kept, what is on its way, and in which messages it was posted.

-- Contents by their SHA-256, which is their name in the storage. Whoever needs one claims it here before he stores
-- it; what nobody claimed for a while and no file has is removed there and here.
CREATE TABLE file_blobs (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    size bigint NOT NULL,
    claimed_at bigint NOT NULL -- milliseconds since the Unix epoch, as all below
);
CREATE INDEX file_blobs_claimed ON file_blobs (claimed_at);

CREATE TABLE uploads (
    upload_id text PRIMARY KEY, -- and the id of the file that it becomes
    owner_no integer NOT NULL REFERENCES users,
    name text NOT NULL, -- as the client says, cleaned
    media_type text NOT NULL, -- as the client says
    length bigint NOT NULL, -- of its bytes, or the most they may be; the quota has them already
    resumable boolean NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX uploads_owner ON uploads (owner_no);
CREATE INDEX uploads_expired ON uploads (expires_at);

CREATE TABLE files (
    file_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the later, the higher
    file_id text NOT NULL UNIQUE,
    owner_no integer NOT NULL REFERENCES users,
    created_at bigint NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('image', 'audio', 'file')),
    size bigint NOT NULL, -- of the content as it is served
    received bigint NOT NULL, -- bytes that were uploaded
    width integer,
    height integer,
    duration_ms integer,
    content bytea NOT NULL REFERENCES file_blobs,
    thumbnail bytea REFERENCES file_blobs,
    preview bytea REFERENCES file_blobs,
    posted boolean NOT NULL DEFAULT false -- in a message, ever
);
CREATE INDEX files_owner ON files (owner_no, file_no);
CREATE INDEX files_content ON files (content);
CREATE INDEX files_thumbnail ON files (thumbnail) WHERE thumbnail IS NOT NULL;
CREATE INDEX files_preview ON files (preview) WHERE preview IS NOT NULL;

-- Where files are posted. A blind room knows a file by an id that is its own there.
CREATE TABLE room_files (
    room_no integer NOT NULL,
    seq integer NOT NULL,
    place smallint NOT NULL,
    file_no integer NOT NULL REFERENCES files,
    shown_id text NOT NULL,
    PRIMARY KEY (room_no, seq, place),
    FOREIGN KEY (room_no, seq) REFERENCES room_events (room_no, seq) ON DELETE CASCADE
);
CREATE INDEX room_files_shown ON room_files (shown_id);
CREATE INDEX room_files_file ON room_files (file_no);

-- The update waits for whoever deletes the file at this moment, and then leaves it out.
CREATE FUNCTION apply_files(batches jsonb, rejected integer[]) RETURNS void
LANGUAGE sql
AS $$
    WITH posted AS MATERIALIZED (
        SELECT (b ->> 0)::integer AS room_no, (f ->> 0)::integer AS seq, (f ->> 1)::smallint AS place,
            (f ->> 2)::integer AS file_no, f ->> 3 AS shown_id
        FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 9) AS f
        WHERE (b ->> 0)::integer <> ALL (rejected)
    ), kept AS (
        UPDATE files SET posted = true WHERE file_no IN (SELECT p.file_no FROM posted p)
        RETURNING file_no
    )
    INSERT INTO room_files (room_no, seq, place, file_no, shown_id)
    SELECT p.* FROM posted p WHERE p.file_no IN (SELECT k.file_no FROM kept k)
    ON CONFLICT DO NOTHING
$$;

-- As before, with the files of messages: also of a batch that has no place for them.
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

    IF jsonb_path_exists(batches, 'lax $[*][6 to 9][*]') THEN
        PERFORM apply_thread_cursors(batches, rejected);
        PERFORM apply_marks(batches, rejected);
        PERFORM apply_read_log(batches, rejected);
        IF jsonb_path_exists(batches, 'lax $[*][9][*]') THEN
            PERFORM apply_files(batches, rejected);
        END IF;
    END IF;
END
$$;
