-- A login has one row, whatever it gave out: beside its key it may have a session cookie, which is kept as its hash too.
-- Where a login gives JSON Web Tokens and no key, key_hash holds the 16 bytes of sid, which is no hash of anything.

ALTER TABLE auth_sessions ADD COLUMN cookie_hash BLOB;
CREATE UNIQUE INDEX auth_sessions_cookie_hash_key ON auth_sessions (cookie_hash);

-- Refresh tokens of the system before this one that have opened a session here: each does so once. Only hashes are kept.
CREATE TABLE auth_spent_tokens (
    hash BLOB PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_spent_tokens_expires_at_idx ON auth_spent_tokens (expires_at);
