-- The audit log can only grow, and what was changed in it all the same shows: each entry has a hash of itself and of
-- the hash before it.
ALTER TABLE audit_log
    ALTER COLUMN audit_no DROP IDENTITY, -- the trigger counts, so that the numbers are in the order of the chain
    ADD COLUMN address inet, -- of an admin who acts
    ADD COLUMN count bigint, -- of the people or entries that it was about
    ADD COLUMN hash bytea;

-- Free text may name people: it is kept with the order alone.
UPDATE audit_log SET details = details - 'reason' WHERE action = 'reveal.ask';

CREATE INDEX audit_log_action ON audit_log (action, audit_no);
CREATE INDEX audit_log_actor ON audit_log (actor_no, audit_no);
CREATE INDEX audit_log_subject ON audit_log (subject_no, audit_no);

CREATE FUNCTION audit_hash(before bytea, entry audit_log) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(before || convert_to(jsonb_build_array(
        entry.audit_no, (extract(epoch FROM entry.at) * 1000000)::bigint, entry.actor_no, entry.action,
        entry.subject_no, entry.room_no, host(entry.address), entry.count, entry.details
    )::text, 'UTF8'))
$$;

DO $$
DECLARE
    entry audit_log;
    last bytea := '';
BEGIN
    FOR entry IN SELECT * FROM audit_log ORDER BY audit_no LOOP
        last := audit_hash(last, entry);
        UPDATE audit_log SET hash = last WHERE audit_no = entry.audit_no;
    END LOOP;
END $$;
ALTER TABLE audit_log ALTER COLUMN hash SET NOT NULL;

-- Locks, in this order: what the transaction changed, the rows that the foreign keys look at, the end of the chain.
-- Whoever has that waits for nobody any more: entries are the last that a transaction writes, and where it writes
-- several, the later ones are about people of the first.
CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last audit_log;
BEGIN
    PERFORM FROM users WHERE user_no IN (NEW.actor_no, NEW.subject_no) ORDER BY user_no FOR KEY SHARE;
    PERFORM FROM chat_rooms WHERE room_no = NEW.room_no FOR KEY SHARE;
    PERFORM pg_advisory_xact_lock(hashtextextended('the end of the audit log', 0));
    SELECT * INTO last FROM audit_log ORDER BY audit_no DESC LIMIT 1;
    NEW.audit_no := coalesce(last.audit_no, 0) + 1;
    NEW.hash := audit_hash(coalesce(last.hash, ''), NEW);
    RETURN NEW;
END $$;

CREATE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log can only grow: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_chain BEFORE INSERT ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_chain();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_kept();
-- Also in a session that replays what others have written.
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_chain, ENABLE ALWAYS TRIGGER audit_kept;

-- Nobody has the right, not even the owner; a superuser needs none, and meets the trigger.
DO $$
DECLARE
    who text;
BEGIN
    FOR who IN
        SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
        FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner)))
        WHERE oid = 'audit_log'::regclass
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM %s CASCADE', who);
    END LOOP;
END $$;
