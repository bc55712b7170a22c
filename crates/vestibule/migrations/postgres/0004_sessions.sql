-- A login has one row, whatever it gave out: beside its key it may have a session cookie, which is kept as its hash too.
-- Where a login gives JSON Web Tokens and no key, key_hash holds the 16 bytes of sid, which is no hash of anything.

ALTER TABLE auth_sessions ADD COLUMN cookie_hash BYTEA CONSTRAINT auth_sessions_cookie_hash_key UNIQUE;

-- Refresh tokens of the system before this one that have opened a session here: each does so once. Only hashes are kept.
CREATE TABLE auth_spent_tokens (
    hash BYTEA CONSTRAINT auth_spent_tokens_hash_key PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX auth_spent_tokens_expires_at_idx ON auth_spent_tokens (expires_at);
