-- Accounts: users, their sessions, unique profile values, limits, the audit trail and facts about the installation.
-- Times are milliseconds since 1970, a boolean is 0 or 1, JSON is text.

CREATE TABLE auth_users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version INTEGER NOT NULL DEFAULT 1,
    epoch INTEGER NOT NULL DEFAULT 1,
    username TEXT,
    username_key TEXT UNIQUE,
    email TEXT,
    email_key TEXT,
    -- The address's key when this account alone holds it; null for a pending sign-up.
    email_owner TEXT UNIQUE,
    email_verified_at INTEGER,
    -- PHC string; null where there is no usable password.
    password TEXT,
    first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT NOT NULL DEFAULT '',
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    is_staff INTEGER NOT NULL DEFAULT 0 CHECK (is_staff IN (0, 1)),
    profile TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(profile)),
    created_at INTEGER NOT NULL,
    last_login_at INTEGER
) STRICT;
CREATE INDEX auth_users_email_key_idx ON auth_users (email_key);

CREATE TABLE auth_sessions (
    key_hash BLOB PRIMARY KEY NOT NULL,
    sid TEXT NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES auth_users (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    gen INTEGER NOT NULL DEFAULT 0,
    gen_at INTEGER,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    -- The absolute end.
    expires_at INTEGER NOT NULL,
    ip TEXT,
    user_agent TEXT,
    method TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_sessions_user_id_idx ON auth_sessions (user_id);
CREATE INDEX auth_sessions_expires_at_idx ON auth_sessions (expires_at);

CREATE TABLE auth_limits (
    bucket BLOB PRIMARY KEY NOT NULL,
    hits INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_limits_ends_at_idx ON auth_limits (ends_at);

-- No foreign key: the trail outlives the user.
CREATE TABLE auth_audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    user_id INTEGER,
    ip TEXT,
    request_id TEXT,
    data TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(data))
) STRICT;
CREATE INDEX auth_audit_user_id_at_idx ON auth_audit (user_id, at);

CREATE TABLE auth_unique_values (
    field TEXT NOT NULL,
    value_key TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES auth_users (id) ON DELETE CASCADE,
    PRIMARY KEY (field, value_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_unique_values_user_id_idx ON auth_unique_values (user_id);

-- What must stay true of the installation: the key's fingerprint, which profile fields are indexed.
CREATE TABLE auth_facts (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
