-- A list of files goes on below one that was deleted meanwhile, and what no message has is found by its age.
DROP INDEX files_owner;
CREATE INDEX files_owner ON files (owner_no, created_at, file_id);
CREATE INDEX files_unposted ON files (created_at) WHERE NOT posted;
