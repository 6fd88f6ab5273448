-- A room can be muted for a while. In place of is_muted: milliseconds since the Unix epoch, 0 for not at all.
ALTER TABLE chat_members ADD COLUMN muted_until bigint NOT NULL DEFAULT 0;
UPDATE chat_members SET muted_until = 9007199254740991 WHERE is_muted;
ALTER TABLE chat_members DROP COLUMN is_muted;
