-- A login has one row, whatever it gave out: beside its key it may have a session cookie, which is kept as its hash too.
-- Where a login gives JSON Web Tokens and no key, key_hash holds the 16 bytes of sid, which is no hash of anything.

ALTER TABLE auth_sessions ADD COLUMN cookie_hash BLOB;
CREATE UNIQUE INDEX auth_sessions_cookie_hash_key ON auth_sessions (cookie_hash);
