-- Notifications (specification 003, section 5.1): what is asked for, the way of each over its platforms, what people want,
-- how they are reached, and what became of it. Times are milliseconds since the epoch.

-- The server's own connections act as this role: it owns nothing and is bound by the policies below.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['madang_app', 'madang_service'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- of another database of this cluster, in this moment
            END;
        END IF;
    END LOOP;
    -- Whoever may do so already may not be allowed to say it again.
    IF NOT pg_has_role('madang_app', 'madang_service', 'SET') THEN
        GRANT madang_service TO madang_app WITH SET TRUE, INHERIT FALSE;
    END IF;
    IF NOT pg_has_role(current_user, 'madang_app', 'SET') THEN
        EXECUTE format('GRANT madang_app TO %I WITH SET TRUE', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the roles madang_app and madang_service are missing and % may not make them: as a superuser, run'
        ' CREATE ROLE madang_app NOLOGIN; CREATE ROLE madang_service NOLOGIN;'
        ' GRANT madang_service TO madang_app WITH SET TRUE, INHERIT FALSE;'
        ' GRANT madang_app TO % WITH SET TRUE; and then this again', current_user, quote_ident(current_user);
END $$;

CREATE TABLE notification_queue (
    notification_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id text NOT NULL UNIQUE,
    recipient_no integer NOT NULL REFERENCES users,
    sender_no integer REFERENCES users, -- null: the server itself
    notification_type text NOT NULL,
    title text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 255),
    message text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    platforms text[] NOT NULL,
    routing text NOT NULL DEFAULT 'all' CHECK (routing IN ('all', 'fallback')),
    unread_after_ms bigint NOT NULL DEFAULT 0, -- of fallback: the next platform's turn, unless it was read
    priority smallint NOT NULL CHECK (priority BETWEEN 1 AND 4),
    scheduled_at bigint NOT NULL,
    expires_at bigint,
    sent_at bigint, -- when the first platform had it
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'sent', 'failed', 'unknown', 'expired', 'cancelled')),
    seen_at bigint,
    stopped text, -- why no more of it is sent: collapsed, cancelled
    answer text, -- of an invitation
    dedupe_key text,
    collapse_key text,
    open_key text, -- the same, while it is pending: its state is in no index, and changes for less
    created_at bigint NOT NULL
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX notification_queue_dedupe
    ON notification_queue (recipient_no, coalesce(sender_no, 0), dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX notification_queue_scheduled
    ON notification_queue (sender_no, recipient_no, scheduled_at) WHERE scheduled_at > created_at;
CREATE INDEX notification_queue_created ON notification_queue (created_at);
CREATE INDEX notification_queue_collapse
    ON notification_queue (recipient_no, open_key) WHERE open_key IS NOT NULL;

-- The way of a notification over one platform, and there to one endpoint once that is chosen.
CREATE TABLE notification_deliveries (
    leg_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_no bigint NOT NULL REFERENCES notification_queue,
    recipient_no integer NOT NULL, -- the notification's
    platform text NOT NULL CHECK (platform IN ('web', 'push', 'kakao', 'discord')),
    endpoint_no bigint,
    place smallint NOT NULL DEFAULT 0, -- of fallback: its turn
    state text NOT NULL CHECK (state IN (
        'waiting', -- until it is due, and then for a decision
        'backup', -- for those before it to fail, or not to be read
        'ready', 'leased', -- to be sent; being sent
        'sent', 'failed', 'unknown', 'skipped', 'expired', 'cancelled', 'merged',
        'withdraw', 'withdrawn' -- it was sent, was read elsewhere, and is to be taken back; was
    )),
    due_at bigint NOT NULL,
    rank_at bigint NOT NULL, -- due_at less what its priority is worth: who is first
    hold_key text, -- those that are held back with the same one are sent together
    held_at bigint, -- when it was first held back
    reason text NOT NULL DEFAULT '',
    merged_into bigint,
    attempt smallint NOT NULL DEFAULT 0,
    lease bigint NOT NULL DEFAULT 0, -- whose
    leased_until bigint NOT NULL DEFAULT 0,
    provider_ref text,
    sent_at bigint
);
CREATE INDEX notification_deliveries_of ON notification_deliveries (notification_no, place);
CREATE INDEX notification_deliveries_waiting
    ON notification_deliveries (rank_at, leg_no, due_at) WHERE state = 'waiting';
CREATE INDEX notification_deliveries_due ON notification_deliveries (due_at) WHERE state = 'waiting';
CREATE INDEX notification_deliveries_held
    ON notification_deliveries (recipient_no, platform, hold_key, rank_at, leg_no)
    WHERE state = 'waiting' AND hold_key IS NOT NULL;
CREATE INDEX notification_deliveries_ready
    ON notification_deliveries (platform, rank_at, leg_no, due_at) WHERE state IN ('ready', 'withdraw');
CREATE INDEX notification_deliveries_ready_due
    ON notification_deliveries (platform, due_at) WHERE state IN ('ready', 'withdraw');
CREATE INDEX notification_deliveries_leased
    ON notification_deliveries (platform, leased_until, leg_no) WHERE state = 'leased';
CREATE INDEX notification_deliveries_merged
    ON notification_deliveries (merged_into) WHERE merged_into IS NOT NULL;

-- What went to somebody lately: the first of a kind goes at once, the next ones wait for the window's end.
CREATE TABLE notification_windows (
    recipient_no integer NOT NULL REFERENCES users ON DELETE CASCADE,
    platform text NOT NULL,
    group_key text NOT NULL,
    until_at bigint NOT NULL,
    sent integer NOT NULL DEFAULT 0,
    PRIMARY KEY (recipient_no, platform, group_key)
);
CREATE INDEX notification_windows_until ON notification_windows (until_at);

CREATE TABLE notification_settings (
    user_no integer NOT NULL REFERENCES users ON DELETE CASCADE,
    platform text NOT NULL CHECK (platform IN ('web', 'push', 'kakao', 'discord')),
    notification_types jsonb NOT NULL DEFAULT '{}',
    preferences jsonb NOT NULL DEFAULT '{}',
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (user_no, platform)
);

-- How somebody is reached. The address itself is sealed; its keyed digest finds it.
CREATE TABLE notification_endpoints (
    endpoint_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id text NOT NULL UNIQUE,
    user_no integer NOT NULL REFERENCES users ON DELETE CASCADE,
    platform text NOT NULL CHECK (platform IN ('push', 'kakao', 'discord')),
    kind text NOT NULL,
    sealed bytea NOT NULL,
    key_id text NOT NULL,
    lookup bytea NOT NULL,
    label text NOT NULL, -- masked
    created_at bigint NOT NULL,
    used_at bigint,
    ended_at bigint,
    ended_why text
);
CREATE UNIQUE INDEX notification_endpoints_lookup
    ON notification_endpoints (platform, kind, lookup) WHERE ended_at IS NULL;
CREATE INDEX notification_endpoints_user ON notification_endpoints (user_no, platform) WHERE ended_at IS NULL;

CREATE TABLE notification_links (
    code_hash bytea PRIMARY KEY,
    user_no integer NOT NULL REFERENCES users ON DELETE CASCADE,
    platform text NOT NULL,
    expires_at bigint NOT NULL,
    tries smallint NOT NULL DEFAULT 0 -- of a code that was sent to a phone
);
CREATE INDEX notification_links_user ON notification_links (user_no);

-- Section 9.2: each attempt, and each decision.
CREATE TABLE notification_log (
    log_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_no bigint NOT NULL,
    user_no integer NOT NULL,
    platform text NOT NULL,
    notification_type text NOT NULL,
    status text NOT NULL,
    reason text NOT NULL DEFAULT '',
    latency_ms integer,
    error text,
    attempt smallint NOT NULL DEFAULT 0,
    at bigint NOT NULL
);
CREATE INDEX notification_log_of ON notification_log (notification_no, log_no);
CREATE INDEX notification_log_user ON notification_log (user_no, log_no);
CREATE INDEX notification_log_at ON notification_log (at);

CREATE TABLE notification_templates (
    notification_type text NOT NULL,
    language text NOT NULL CHECK (language IN ('ko', 'en')),
    version integer NOT NULL,
    title text NOT NULL,
    message text NOT NULL,
    created_by integer REFERENCES users,
    created_at bigint NOT NULL,
    PRIMARY KEY (notification_type, language, version)
);

CREATE TABLE realtime_sessions (
    session_id text PRIMARY KEY CHECK (char_length(session_id) <= 255),
    user_no integer NOT NULL REFERENCES users ON DELETE CASCADE,
    session_type text NOT NULL CHECK (session_type IN ('web', 'kakao', 'discord')),
    platform_data jsonb NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT true,
    jti text, -- of the token that a socket came with, and the second that it ends: whichever node has it, it can be revoked
    token_expires_at bigint,
    last_activity bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE INDEX realtime_sessions_user ON realtime_sessions (user_no) WHERE is_active;
CREATE INDEX realtime_sessions_activity ON realtime_sessions (last_activity);

CREATE TABLE friendships (
    one_no integer NOT NULL REFERENCES users,
    other_no integer NOT NULL REFERENCES users,
    asked_by integer NOT NULL REFERENCES users,
    status text NOT NULL CHECK (status IN ('asked', 'accepted')),
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (one_no, other_no),
    CHECK (one_no < other_no AND asked_by IN (one_no, other_no))
);
CREATE INDEX friendships_other ON friendships (other_no);

-- The list that people see: what is shown on the web. Its users are those of the queue, and of broadcasts, which refer to
-- them: to check that again for each row takes an eighth of the time of showing it.
ALTER TABLE notifications
    DROP CONSTRAINT notifications_recipient_no_fkey,
    DROP CONSTRAINT notifications_sender_no_fkey,
    ADD COLUMN expires_at bigint,
    ADD COLUMN deleted_at bigint,
    ADD COLUMN answer text; -- the queue's, which is forgotten sooner
CREATE INDEX notifications_listed
    ON notifications (recipient_no, created_at, notification_id) WHERE deleted_at IS NULL;
CREATE INDEX notifications_expiring ON notifications (expires_at, notification_id)
    WHERE expires_at IS NOT NULL AND seen_at IS NULL AND deleted_at IS NULL;
CREATE INDEX notifications_deleted ON notifications (deleted_at) WHERE deleted_at IS NOT NULL;

-- Section 5.2. Whoever forgets to ask for one user's rows alone sees none: the server says for whom it acts.
CREATE FUNCTION acting_user() RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('madang.user_no', true), '')::integer
$$;

GRANT USAGE ON SCHEMA public TO madang_app, madang_service;
-- Neither TRUNCATE, which asks no policy, nor triggers; and nobody changes what the audit log says.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO madang_app, madang_service;
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO madang_app, madang_service;
REVOKE UPDATE, DELETE ON audit_log FROM madang_app, madang_service;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO madang_app, madang_service;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO madang_app, madang_service;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['notification_settings', 'notification_queue', 'notification_deliveries',
        'notification_endpoints', 'notification_links', 'notification_log', 'realtime_sessions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY service ON %I TO madang_service USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['notification_settings', 'notification_endpoints', 'notification_links',
        'realtime_sessions'] LOOP
        EXECUTE format('CREATE POLICY own ON %I USING (user_no = acting_user())', name);
    END LOOP;
END $$;
CREATE POLICY own ON notification_queue FOR SELECT USING (recipient_no = acting_user());
CREATE POLICY own ON notification_deliveries FOR SELECT USING (recipient_no = acting_user());
CREATE POLICY own ON notification_log FOR SELECT USING (user_no = acting_user());
