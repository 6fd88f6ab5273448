-- What is kept of a resident registration number beside the birth date and the gender that it tells: the seven digits
-- that these are derived from. The number itself is never here.
ALTER TABLE users ADD COLUMN registration_masked text CHECK (registration_masked ~ '^[0-9]{6}-[0-9][*]{6}$');
