-- Messages that members report, with what they said then: an edit or deletion after it changes nothing. And who
-- shows when he was last here.

CREATE TABLE message_reports (
    report_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the later, the higher
    report_id text NOT NULL UNIQUE,
    room_no integer NOT NULL REFERENCES chat_rooms,
    seq integer NOT NULL,
    reporter_no integer NOT NULL REFERENCES users,
    reason text NOT NULL CHECK (reason IN ('spam', 'abuse', 'illegal', 'other')),
    note text CHECK (char_length(note) <= 1000),
    at bigint NOT NULL, -- milliseconds since the Unix epoch, as all below
    changed_at bigint NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    resolution text CHECK (char_length(resolution) <= 1000),
    closed_at bigint,
    closed_by integer REFERENCES users,
    -- The copy. Of a closed report it goes when the message is erased.
    sender_no integer NOT NULL,
    said_at bigint NOT NULL,
    edited_at bigint,
    body text,
    extra text,
    UNIQUE (room_no, seq, reporter_no)
);
CREATE INDEX message_reports_open ON message_reports (report_no) WHERE status = 'open';
CREATE INDEX message_reports_kept ON message_reports (room_no, seq)
    WHERE status = 'closed' AND body IS NOT NULL;

ALTER TABLE users ADD COLUMN last_seen text NOT NULL DEFAULT 'everybody' -- to whom it is shown
    CHECK (last_seen IN ('everybody', 'nobody'));
