-- Who made whom an admin is looked up by whom. Without an actor: whoever runs the server.
ALTER TABLE audit_log ALTER COLUMN actor_no DROP NOT NULL;
CREATE INDEX audit_log_of_roles ON audit_log (subject_no, audit_no) WHERE action = 'account.role';
