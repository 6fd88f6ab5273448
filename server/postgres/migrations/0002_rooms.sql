-- Rooms, who is in them, and who may write to them now.

CREATE TABLE chat_rooms (
    room_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room_id text NOT NULL UNIQUE,
    room_type text NOT NULL CHECK (room_type IN ('direct', 'team', 'matching')),
    room_name text NOT NULL DEFAULT '',
    description text,
    room_metadata jsonb NOT NULL DEFAULT '{}',
    display_mode text NOT NULL DEFAULT 'open' CHECK (display_mode IN ('open', 'blind')),
    visibility text NOT NULL DEFAULT 'private' CHECK (visibility IN ('public', 'private')),
    is_active boolean NOT NULL DEFAULT true,
    is_archived boolean NOT NULL DEFAULT false,
    direct_key text UNIQUE, -- 'lower:higher' user_no of a direct room: one for each pair
    created_by integer REFERENCES users,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    epoch bigint NOT NULL DEFAULT 0, -- raised by each claim
    owner bigint NOT NULL DEFAULT 0 -- the incarnation that made the claim; 0 for none yet
) WITH (fillfactor = 80);

CREATE TABLE chat_members (
    room_no integer NOT NULL REFERENCES chat_rooms,
    user_no integer NOT NULL REFERENCES users,
    role text NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'admin', 'member', 'guest')),
    is_active boolean NOT NULL DEFAULT true,
    is_muted boolean NOT NULL DEFAULT false,
    joined_seq integer NOT NULL DEFAULT 0,
    read_seq integer NOT NULL DEFAULT 0,
    anonymous_name text,
    group_label text,
    joined_at timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz,
    PRIMARY KEY (room_no, user_no)
) WITH (fillfactor = 70); -- room for a new cursor on the same page: no index is touched

CREATE INDEX chat_members_rooms_of_user ON chat_members (user_no) WHERE is_active;

-- Become the owner of rooms: epoch + 1, and nothing of the previous owners is under way any more.
--
-- The epochs are raised and the previous owners waited out in one transaction: were the epochs
-- committed first, a second claim would wait for this owner only, not for the one before it.
CREATE FUNCTION claim_rooms(room_ids text[], new_owner bigint)
RETURNS TABLE (claimed_no integer, claimed_epoch bigint)
LANGUAGE plpgsql AS $$
DECLARE
    room_nos integer[];
    previous bigint[];
    one bigint;
BEGIN
    room_nos := ARRAY(
        SELECT r.room_no FROM chat_rooms r
        WHERE r.room_id = ANY (room_ids) AND r.is_active
        ORDER BY r.room_no FOR NO KEY UPDATE
    );
    previous := ARRAY(
        SELECT DISTINCT r.owner FROM chat_rooms r
        WHERE r.room_no = ANY (room_nos) AND r.owner <> 0 ORDER BY 1
    );
    UPDATE chat_rooms r SET epoch = r.epoch + 1, owner = new_owner
    WHERE r.room_no = ANY (room_nos);
    FOREACH one IN ARRAY previous LOOP
        PERFORM pg_advisory_xact_lock(one);
    END LOOP;
    RETURN QUERY SELECT r.room_no, r.epoch FROM chat_rooms r WHERE r.room_no = ANY (room_nos);
END
$$;
