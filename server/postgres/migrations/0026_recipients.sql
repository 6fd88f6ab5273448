-- What a selection of recipients goes by, so that a reader that looks again finds what changed since.
--
-- `changed` is the transaction that changed a row last. A reader asks for the rows that were changed at or after
-- the xmin of the snapshot it read with before: of any transaction older than that it has seen all there is, and
-- one that was still open then, however late it commits, is not older. Values that the snapshot cannot have, at or
-- above its xmax, come from another cluster by a dump, and are left out. (A sequence would not do: numbers are not
-- taken in the order of the commits.)

CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed := pg_current_xact_id();
    RETURN NEW;
END $$;

ALTER TABLE users ADD COLUMN changed xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX users_changed ON users (changed);
CREATE INDEX users_activity ON users (status, last_sign_in_at);
CREATE TRIGGER users_note_change BEFORE UPDATE ON users FOR EACH ROW
WHEN (
    (OLD.status, OLD.phone, OLD.is_test, OLD.birth_date, OLD.gender, OLD.preferred_gender, OLD.region,
        OLD.last_sign_in_at)
    IS DISTINCT FROM
    (NEW.status, NEW.phone, NEW.is_test, NEW.birth_date, NEW.gender, NEW.preferred_gender, NEW.region,
        NEW.last_sign_in_at)
)
EXECUTE FUNCTION note_change();

-- What each has had of broadcasts, in all. Rows are locked in the order of their numbers.
CREATE TABLE exposures (
    user_no integer PRIMARY KEY REFERENCES users,
    received integer NOT NULL,
    replied integer NOT NULL,
    received_at bigint NOT NULL, -- the last, in milliseconds since the Unix epoch
    changed xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX exposures_changed ON exposures (changed);
INSERT INTO exposures (user_no, received, replied, received_at)
SELECT recipient_no, count(*), count(*) FILTER (WHERE status = 'replied'), max(created_at)
FROM broadcast_recipients GROUP BY recipient_no;

CREATE FUNCTION count_received() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO exposures AS e (user_no, received, replied, received_at)
    SELECT recipient_no, count(*), count(*) FILTER (WHERE status = 'replied'), max(created_at)
    FROM added GROUP BY recipient_no ORDER BY recipient_no
    ON CONFLICT (user_no) DO UPDATE SET received = e.received + excluded.received,
        replied = e.replied + excluded.replied,
        received_at = greatest(e.received_at, excluded.received_at),
        changed = excluded.changed;
    RETURN NULL;
END $$;
CREATE TRIGGER broadcast_recipients_received AFTER INSERT ON broadcast_recipients
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_received();

CREATE FUNCTION count_replied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE exposures SET replied = replied + CASE NEW.status WHEN 'replied' THEN 1 ELSE -1 END,
        changed = pg_current_xact_id()
    WHERE user_no = NEW.recipient_no;
    RETURN NULL;
END $$;
CREATE TRIGGER broadcast_recipients_replied AFTER UPDATE ON broadcast_recipients FOR EACH ROW
WHEN ((OLD.status = 'replied') <> (NEW.status = 'replied')) EXECUTE FUNCTION count_replied();

-- How long people were connected on each day (UTC), and the sum of what is kept of it: the last 30 days.
CREATE TABLE online_days (
    user_no integer NOT NULL REFERENCES users,
    day date NOT NULL,
    seconds integer NOT NULL CHECK (seconds BETWEEN 0 AND 86400),
    PRIMARY KEY (user_no, day)
);
CREATE INDEX online_days_day ON online_days (day, user_no);
CREATE TABLE online_totals (
    user_no integer PRIMARY KEY REFERENCES users,
    seconds integer NOT NULL,
    changed xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX online_totals_changed ON online_totals (changed);

CREATE FUNCTION total_online() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO online_totals AS t (user_no, seconds)
    VALUES (coalesce(NEW.user_no, OLD.user_no), coalesce(NEW.seconds, 0) - coalesce(OLD.seconds, 0))
    ON CONFLICT (user_no) DO UPDATE SET seconds = t.seconds + excluded.seconds, changed = excluded.changed;
    RETURN NULL;
END $$;
CREATE TRIGGER online_days_total AFTER INSERT OR UPDATE OF seconds OR DELETE ON online_days FOR EACH ROW
EXECUTE FUNCTION total_online();
