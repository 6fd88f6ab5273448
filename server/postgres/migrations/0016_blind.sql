-- Matching rooms: two groups of people who go, in blind mode, by pseudonyms that are theirs in this room alone.
ALTER TABLE chat_members ADD CONSTRAINT chat_members_group CHECK (group_label IN ('A', 'B'));
CREATE UNIQUE INDEX chat_members_pseudonym ON chat_members (room_no, anonymous_name)
    WHERE anonymous_name IS NOT NULL;

-- Who would tell whom who he is. Only when both would, either learns of it.
CREATE TABLE reveal_consents (
    room_no integer NOT NULL,
    user_no integer NOT NULL,
    to_no integer NOT NULL CHECK (to_no <> user_no),
    at timestamptz NOT NULL,
    PRIMARY KEY (room_no, user_no, to_no),
    FOREIGN KEY (room_no, user_no) REFERENCES chat_members (room_no, user_no),
    FOREIGN KEY (room_no, to_no) REFERENCES chat_members (room_no, user_no)
);

-- What two different admins decided together: to learn who somebody is.
CREATE TABLE reveal_orders (
    order_id text PRIMARY KEY,
    room_no integer NOT NULL,
    user_no integer NOT NULL,
    reason text NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 1000),
    asked_by integer NOT NULL REFERENCES users,
    asked_at timestamptz NOT NULL,
    approved_by integer REFERENCES users CHECK (approved_by <> asked_by),
    approved_at timestamptz,
    FOREIGN KEY (room_no, user_no) REFERENCES chat_members (room_no, user_no)
);

-- Who did what that must be accounted for; nothing of it is ever changed.
CREATE TABLE audit_log (
    audit_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor_no integer NOT NULL REFERENCES users,
    action text NOT NULL,
    subject_no integer REFERENCES users,
    room_no integer REFERENCES chat_rooms,
    details jsonb NOT NULL DEFAULT '{}'
);
