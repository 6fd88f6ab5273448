-- Meetings (specification 003, section 5.1): what is proposed, who votes for what, and what comes of it. Times are
-- milliseconds since the epoch. What the specification has in JSON of one row (participants, proposed times and places
-- with their votes) are rows: two who vote at once would lose one vote, and an index into a list that changes is another
-- option's by the time it arrives.

CREATE TABLE meeting_coordination_sessions (
    meeting_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the later, the higher
    meeting_id text NOT NULL UNIQUE CHECK (char_length(meeting_id) BETWEEN 1 AND 64),
    room_no integer NOT NULL UNIQUE REFERENCES chat_rooms,
    initiator_no integer NOT NULL REFERENCES users,
    meeting_title text NOT NULL CHECK (char_length(meeting_title) BETWEEN 1 AND 255),
    current_status text NOT NULL DEFAULT 'proposing'
        CHECK (current_status IN ('proposing', 'voting', 'confirmed', 'cancelled')),
    rule jsonb NOT NULL, -- how it is decided
    time_zone text NOT NULL CHECK (char_length(time_zone) BETWEEN 1 AND 64),
    duration_ms bigint NOT NULL CHECK (duration_ms > 0),
    deadline bigint,
    is_open_to_proposals boolean NOT NULL,
    rev integer NOT NULL DEFAULT 0, -- one higher with each commit that changed it
    sequence integer NOT NULL DEFAULT 0, -- of calendars
    final_decision jsonb, -- null: there is none
    wake_at bigint, -- when something is to be done although nobody asks
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CHECK (final_decision IS NOT NULL OR current_status IN ('proposing', 'voting'))
) WITH (fillfactor = 70);
CREATE INDEX meeting_coordination_sessions_due
    ON meeting_coordination_sessions (wake_at, meeting_no) WHERE wake_at IS NOT NULL;

CREATE TABLE meeting_participants (
    meeting_no integer NOT NULL REFERENCES meeting_coordination_sessions,
    user_no integer NOT NULL REFERENCES users,
    standing text NOT NULL CHECK (standing IN ('invited', 'accepted', 'declined', 'left')),
    reminded_at bigint, -- when he was last asked to vote
    PRIMARY KEY (meeting_no, user_no)
);
CREATE INDEX meeting_participants_of_user ON meeting_participants (user_no, meeting_no);

CREATE TABLE meeting_options (
    option_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    option_id text NOT NULL CHECK (char_length(option_id) BETWEEN 1 AND 64),
    meeting_no integer NOT NULL REFERENCES meeting_coordination_sessions,
    kind text NOT NULL CHECK (kind IN ('time', 'place')),
    position smallint NOT NULL CHECK (position BETWEEN 0 AND 99), -- of its kind, for ever
    description text NOT NULL DEFAULT '' CHECK (char_length(description) <= 1000),
    starts_at bigint,
    time_zone text CHECK (char_length(time_zone) BETWEEN 1 AND 64), -- in which it was meant
    name text NOT NULL DEFAULT '' CHECK (char_length(name) <= 255),
    address text NOT NULL DEFAULT '' CHECK (char_length(address) <= 500),
    latitude double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision CHECK (longitude BETWEEN -180 AND 180),
    proposed_by integer NOT NULL REFERENCES users,
    withdrawn_at bigint,
    UNIQUE (meeting_no, option_id),
    UNIQUE (meeting_no, kind, position),
    CHECK (CASE kind WHEN 'time' THEN starts_at IS NOT NULL AND time_zone IS NOT NULL
        ELSE starts_at IS NULL AND name <> '' END),
    CHECK ((latitude IS NULL) = (longitude IS NULL))
);

CREATE TABLE meeting_votes (
    option_no bigint NOT NULL REFERENCES meeting_options,
    user_no integer NOT NULL,
    meeting_no integer NOT NULL, -- the option's
    vote text NOT NULL CHECK (vote IN ('yes', 'maybe', 'no')),
    PRIMARY KEY (option_no, user_no),
    FOREIGN KEY (meeting_no, user_no) REFERENCES meeting_participants
);

CREATE TABLE meeting_history (
    history_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meeting_no integer NOT NULL REFERENCES meeting_coordination_sessions,
    kind text NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 64),
    by_no integer REFERENCES users, -- null: by itself
    at bigint NOT NULL,
    body jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX meeting_history_of ON meeting_history (meeting_no, history_no);

-- When somebody has no time: he said so, his calendar does, or a meeting was confirmed.
CREATE TABLE busy_times (
    busy_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_no integer NOT NULL REFERENCES users ON DELETE CASCADE,
    starts_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    title text NOT NULL DEFAULT '' CHECK (char_length(title) <= 255),
    source text NOT NULL CHECK (source IN ('own', 'import', 'meeting')),
    uid text CHECK (char_length(uid) <= 1000), -- of the calendar that it is from
    meeting_no integer REFERENCES meeting_coordination_sessions,
    CHECK (starts_at < ends_at),
    CHECK ((source = 'meeting') = (meeting_no IS NOT NULL))
);
CREATE UNIQUE INDEX busy_times_of_meeting ON busy_times (meeting_no, user_no) WHERE meeting_no IS NOT NULL;
CREATE INDEX busy_times_of_user ON busy_times (user_no, starts_at, busy_no);
-- A time is a line over its user's number: what overlaps is found however long others are.
CREATE INDEX busy_times_overlap
    ON busy_times USING gist (box(point(user_no, starts_at), point(user_no, ends_at)));

-- Section 5.2. A policy of the participants cannot read them: it would ask itself. This may, and who has left does not
-- take part.
CREATE FUNCTION takes_part(meeting_no integer) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM public.meeting_participants p
        WHERE p.meeting_no = $1 AND p.user_no = public.acting_user() AND p.standing <> 'left'
    )
$$;
-- Whoever owns the tables is bound by their policies as well, and may be nobody who is above them.
GRANT CREATE ON SCHEMA public TO madang_service;
ALTER FUNCTION takes_part OWNER TO madang_service;
REVOKE CREATE ON SCHEMA public FROM madang_service;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['meeting_coordination_sessions', 'meeting_participants', 'meeting_options',
        'meeting_votes', 'meeting_history', 'busy_times'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY service ON %I TO madang_service USING (true) WITH CHECK (true)', name);
        IF name <> 'busy_times' THEN
            EXECUTE format('CREATE POLICY participants ON %I FOR SELECT TO madang_app USING (takes_part(meeting_no))',
                name);
        END IF;
    END LOOP;
END $$;
-- What a meeting takes of somebody's time is the meeting's.
CREATE POLICY own ON busy_times FOR SELECT TO madang_app USING (user_no = acting_user());
CREATE POLICY own_made ON busy_times FOR INSERT TO madang_app
    WITH CHECK (user_no = acting_user() AND source <> 'meeting');
CREATE POLICY own_changed ON busy_times FOR UPDATE TO madang_app
    USING (user_no = acting_user() AND source <> 'meeting');
CREATE POLICY own_removed ON busy_times FOR DELETE TO madang_app
    USING (user_no = acting_user() AND source <> 'meeting');
