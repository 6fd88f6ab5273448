-- Calendars: the secret address at which somebody's meetings can be had. What he does at other times is in busy_times.
-- Times are milliseconds since the epoch.

-- Of the address only a digest is kept: who reads this table cannot read calendars.
CREATE TABLE calendar_feeds (
    user_no integer PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    created_at bigint NOT NULL
);

ALTER TABLE calendar_feeds ENABLE ROW LEVEL SECURITY;
ALTER TABLE calendar_feeds FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON calendar_feeds TO madang_service USING (true) WITH CHECK (true);
CREATE POLICY own ON calendar_feeds USING (user_no = acting_user());
