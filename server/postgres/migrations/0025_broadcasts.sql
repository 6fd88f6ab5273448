-- Broadcasts (specification 000): a recording, those who hear it, and the conversations that come of it. Times are
-- milliseconds since the Unix epoch.

-- Lists of people that admins keep.
CREATE TABLE recipient_groups (
    group_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id text NOT NULL UNIQUE,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 64),
    created_at bigint NOT NULL
);
CREATE TABLE recipient_group_members (
    group_no integer NOT NULL REFERENCES recipient_groups ON DELETE CASCADE,
    user_no integer NOT NULL REFERENCES users,
    PRIMARY KEY (group_no, user_no)
);

CREATE TABLE broadcasts (
    broadcast_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the later, the higher
    broadcast_id text NOT NULL UNIQUE,
    user_no integer NOT NULL REFERENCES users,
    file_no integer REFERENCES files ON DELETE SET NULL, -- null: it was cancelled
    waveform bytea NOT NULL, -- the loudest of each of 64 equal parts, 0 to 255
    recipient_count smallint NOT NULL CHECK (recipient_count BETWEEN 1 AND 100), -- asked for
    audience jsonb, -- a group, or what is asked of recipients; null: everybody
    status text NOT NULL DEFAULT 'waiting'
        CHECK (status IN ('waiting', 'delivered', 'announced', 'cancelled', 'failed')),
    created_at bigint NOT NULL,
    start_at bigint NOT NULL, -- when the selection is due
    leased_until bigint NOT NULL DEFAULT 0, -- until then a node is at work on it
    faults smallint NOT NULL DEFAULT 0, -- of the server, not of its surroundings
    delivered_at bigint,
    seed bigint NOT NULL, -- of the selection: the same gives the same people
    selection jsonb, -- how it came out: strategy, counts of the stages, who was near
    took_ms integer -- the selection alone
);
CREATE INDEX broadcasts_recent ON broadcasts (created_at, status);
CREATE INDEX broadcasts_sender ON broadcasts (user_no, broadcast_no);
CREATE INDEX broadcasts_due ON broadcasts (start_at) WHERE status IN ('waiting', 'delivered');
CREATE INDEX broadcasts_waiting ON broadcasts (user_no) WHERE status = 'waiting';
CREATE INDEX broadcasts_file ON broadcasts (file_no);

ALTER TABLE chat_rooms ADD COLUMN broadcast_id text REFERENCES broadcasts (broadcast_id); -- whose conversation it is

CREATE TABLE broadcast_recipients (
    broadcast_no integer NOT NULL REFERENCES broadcasts,
    recipient_no integer NOT NULL REFERENCES users,
    created_at bigint NOT NULL,
    status text NOT NULL DEFAULT 'delivered' CHECK (status IN ('delivered', 'read', 'replied')),
    read_at bigint,
    replied_at bigint,
    room_no integer NOT NULL REFERENCES chat_rooms, -- their conversation, hidden until there is a reply
    why text NOT NULL,
    explained jsonb NOT NULL, -- the score and all it was made of
    PRIMARY KEY (broadcast_no, recipient_no)
);
CREATE INDEX broadcast_recipients_recent ON broadcast_recipients (recipient_no, created_at);
CREATE UNIQUE INDEX broadcast_recipients_room ON broadcast_recipients (room_no);

-- What is to be shown to people when they come, each once.
CREATE TABLE notifications (
    notification_id text PRIMARY KEY,
    recipient_no integer NOT NULL REFERENCES users,
    sender_no integer REFERENCES users,
    notification_type text NOT NULL,
    title text NOT NULL DEFAULT '',
    message text NOT NULL DEFAULT '',
    data jsonb NOT NULL DEFAULT '{}',
    priority smallint NOT NULL DEFAULT 2 CHECK (priority BETWEEN 1 AND 4),
    subject text NOT NULL, -- what it is about: there is one for each person and subject
    created_at bigint NOT NULL,
    seen_at bigint,
    UNIQUE (recipient_no, subject)
);
CREATE INDEX notifications_unseen ON notifications (recipient_no, created_at) WHERE seen_at IS NULL;
