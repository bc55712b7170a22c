-- One-time tokens, the outbox, and the language that a person registered in.

ALTER TABLE auth_users ADD COLUMN language TEXT;

-- What a mailed link or code may do once. Only hashes are kept.
CREATE TABLE auth_tokens (
    hash BLOB PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES auth_users (id) ON DELETE CASCADE,
    -- Counts while it is the user's.
    epoch INTEGER NOT NULL,
    -- The address that it was mailed to, and so proves.
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    code_hash BLOB,
    code_tries INTEGER NOT NULL DEFAULT 0,
    code_expires_at INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_tokens_user_id_idx ON auth_tokens (user_id);
CREATE INDEX auth_tokens_email_key_idx ON auth_tokens (email_key);
CREATE INDEX auth_tokens_expires_at_idx ON auth_tokens (expires_at);

-- Mails to be sent. A row holds what is to be said to whom, never a secret.
CREATE TABLE auth_jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    user_id INTEGER REFERENCES auth_users (id) ON DELETE CASCADE,
    params TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(params)),
    created_at INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    lease TEXT,
    leased_until INTEGER NOT NULL DEFAULT 0,
    given_up_at INTEGER,
    error TEXT
) STRICT;
CREATE INDEX auth_jobs_run_at_idx ON auth_jobs (run_at) WHERE given_up_at IS NULL;
CREATE INDEX auth_jobs_user_id_idx ON auth_jobs (user_id);
