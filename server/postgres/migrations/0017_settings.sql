-- Who may post in a room, and what an application keeps with it.
ALTER TABLE chat_rooms ADD COLUMN post_role text NOT NULL DEFAULT 'guest'
    CHECK (post_role IN ('owner', 'admin', 'member', 'guest'));

-- As before, with the settings that are new.
CREATE OR REPLACE FUNCTION apply_changes(batches jsonb, rejected integer[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    change record;
BEGIN
    FOR change IN
        SELECT (b ->> 0)::integer AS room, (e ->> 0)::integer AS seq, (e ->> 1)::bigint AS at,
            (e ->> 2)::integer AS kind, (e ->> 3)::integer AS who, e ->> 7 AS body,
            (e ->> 10)::jsonb AS extra, (e ->> 11)::integer AS of
        FROM jsonb_array_elements(batches) AS b, jsonb_array_elements(b -> 2) AS e
        WHERE (b ->> 0)::integer <> ALL (rejected) AND (e ->> 2)::integer > 2
        ORDER BY 1, 2
    LOOP
        IF change.kind = 6 AND (change.extra ->> 'on')::boolean THEN
            INSERT INTO message_reactions (room_no, seq, user_no, emoji, by_seq)
            VALUES (change.room, change.of, change.who, change.extra ->> 'emoji', change.seq)
            ON CONFLICT DO NOTHING;
        ELSIF change.kind = 6 THEN
            DELETE FROM message_reactions r
            WHERE r.room_no = change.room AND r.seq = change.of AND r.user_no = change.who
                AND r.emoji = change.extra ->> 'emoji';
        ELSIF change.kind = 8 THEN
            UPDATE chat_rooms r SET
                room_name = coalesce(change.extra ->> 'name', r.room_name),
                description = coalesce(change.extra ->> 'description', r.description),
                visibility = coalesce(change.extra ->> 'visibility', r.visibility),
                is_archived = coalesce((change.extra ->> 'archived')::boolean, r.is_archived),
                post_role = coalesce(change.extra ->> 'post', r.post_role),
                room_metadata = coalesce(change.extra -> 'metadata', r.room_metadata),
                updated_at = now()
            WHERE r.room_no = change.room;
        ELSE
            INSERT INTO message_states AS s (room_no, seq) VALUES (change.room, change.of)
            ON CONFLICT DO NOTHING;
            UPDATE message_states s SET
                body = CASE WHEN change.kind = 3 THEN change.body ELSE s.body END,
                edited_at = CASE WHEN change.kind = 3 THEN change.at ELSE s.edited_at END,
                deleted_at = CASE change.kind WHEN 4 THEN change.at WHEN 5 THEN NULL
                    ELSE s.deleted_at END,
                pinned_at = CASE WHEN change.kind <> 7 THEN s.pinned_at
                    WHEN (change.extra ->> 'on')::boolean THEN change.at END
            WHERE s.room_no = change.room AND s.seq = change.of;
        END IF;
    END LOOP;
END
$$;
