-- A login has one row, whatever it gave out: beside its key it may have a session cookie, which is kept as its hash too.
-- Where a login gives JSON Web Tokens and no key, key_hash holds the 16 bytes of sid, which is no hash of anything.

ALTER TABLE auth_sessions ADD COLUMN cookie_hash BYTEA CONSTRAINT auth_sessions_cookie_hash_key UNIQUE;
