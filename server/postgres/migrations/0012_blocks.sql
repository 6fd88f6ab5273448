-- Who keeps clear of whom.

CREATE TABLE user_blocks (
    block_no bigint GENERATED ALWAYS AS IDENTITY, -- the later, the higher
    blocker_no integer NOT NULL REFERENCES users,
    blocked_no integer NOT NULL REFERENCES users,
    at bigint NOT NULL, -- milliseconds since the Unix epoch
    PRIMARY KEY (blocker_no, blocked_no),
    CHECK (blocker_no <> blocked_no)
);
CREATE INDEX user_blocks_of ON user_blocks (blocked_no);

-- By index, whatever was known of the table when the plan was made: when it grows fast that is little.
CREATE FUNCTION blocks_among(members integer[]) RETURNS TABLE (blocker integer, blocked integer)
LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
    SELECT b.blocker_no, b.blocked_no FROM user_blocks b
    WHERE b.blocker_no = ANY (members) AND b.blocked_no = ANY (members)
$$;

CREATE FUNCTION blocks_of(who integer) RETURNS SETOF integer
LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
    SELECT b.blocked_no FROM user_blocks b WHERE b.blocker_no = who
    UNION
    SELECT b.blocker_no FROM user_blocks b WHERE b.blocked_no = who
$$;

-- Every block and unblock there was, for those who settle quarrels.
CREATE TABLE block_log (
    entry_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    blocker_no integer NOT NULL REFERENCES users,
    blocked_no integer NOT NULL REFERENCES users,
    is_on boolean NOT NULL, -- a block, or the end of one
    at bigint NOT NULL
);
CREATE INDEX block_log_by_blocker ON block_log (blocker_no, entry_no);
CREATE INDEX block_log_by_blocked ON block_log (blocked_no, entry_no);
