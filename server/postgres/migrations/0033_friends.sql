-- Friends: of two people there is one row, from the first request on. It is there for these two alone, and neither of them
-- can say that the other agreed.

DROP INDEX friendships_other;
CREATE INDEX friendships_of_one ON friendships (one_no, status, updated_at, other_no);
CREATE INDEX friendships_of_other ON friendships (other_no, status, updated_at, one_no);
CREATE INDEX friendships_asked ON friendships (asked_by) WHERE status = 'asked';

-- What asks for it. Nothing of this index ever changes, so that a row's state still changes for less.
CREATE INDEX notification_queue_friend_requests
    ON notification_queue (recipient_no, sender_no) WHERE notification_type = 'friend.request';

-- By index, whatever was known of the table when the plan was made.
CREATE FUNCTION friends_of(who integer) RETURNS SETOF integer
LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
    SELECT f.other_no FROM friendships f WHERE f.one_no = who AND f.status = 'accepted'
    UNION ALL
    SELECT f.one_no FROM friendships f WHERE f.other_no = who AND f.status = 'accepted'
$$;

ALTER TABLE friendships ENABLE ROW LEVEL SECURITY;
ALTER TABLE friendships FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON friendships TO madang_service USING (true) WITH CHECK (true);
CREATE POLICY own ON friendships FOR SELECT TO madang_app USING (acting_user() IN (one_no, other_no));
CREATE POLICY own_asked ON friendships FOR INSERT TO madang_app
    WITH CHECK (asked_by = acting_user() AND status = 'asked');
CREATE POLICY own_agreed ON friendships FOR UPDATE TO madang_app
    USING (acting_user() IN (one_no, other_no) AND asked_by <> acting_user() AND status = 'asked')
    WITH CHECK (acting_user() IN (one_no, other_no) AND asked_by <> acting_user() AND status = 'accepted');
CREATE POLICY own_ended ON friendships FOR DELETE TO madang_app USING (acting_user() IN (one_no, other_no));
