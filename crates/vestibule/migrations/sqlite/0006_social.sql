-- Sign-in with providers: whose identities are whose, and what is under way.

CREATE TABLE auth_identities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Null only inside of the unit that is making it.
    user_id INTEGER REFERENCES auth_users (id) ON DELETE CASCADE,
    -- The name in the settings; what identifies is issuer and subject, to the byte.
    provider TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- Whether the account was made with it.
    founding INTEGER NOT NULL DEFAULT 0 CHECK (founding IN (0, 1)),
    -- The provider's tokens, encrypted; null unless the settings keep them.
    tokens BLOB,
    created_at INTEGER NOT NULL,
    last_login_at INTEGER NOT NULL,
    UNIQUE (issuer, subject)
) STRICT;
CREATE INDEX auth_identities_user_id_idx ON auth_identities (user_id);

-- A browser that is at a provider. The secrets of the request are derived from the state, of which only the hash is here.
CREATE TABLE auth_social_flows (
    state_hash BLOB PRIMARY KEY NOT NULL,
    provider TEXT NOT NULL,
    browser_hash BLOB NOT NULL,
    return_to TEXT NOT NULL,
    -- Whether it began on a page of ours, which gives a session cookie instead of a code.
    on_page INTEGER NOT NULL DEFAULT 0 CHECK (on_page IN (0, 1)),
    -- Who connects the provider, in which session; null for a login.
    user_id INTEGER REFERENCES auth_users (id) ON DELETE CASCADE,
    epoch INTEGER,
    sid TEXT,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_social_flows_expires_at_idx ON auth_social_flows (expires_at);
CREATE INDEX auth_social_flows_user_id_idx ON auth_social_flows (user_id);

-- What a browser exchanges for a session when it is back.
CREATE TABLE auth_social_codes (
    hash BLOB PRIMARY KEY NOT NULL,
    browser_hash BLOB NOT NULL,
    user_id INTEGER NOT NULL REFERENCES auth_users (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_social_codes_expires_at_idx ON auth_social_codes (expires_at);
CREATE INDEX auth_social_codes_user_id_idx ON auth_social_codes (user_id);

-- Somebody whose account lacks what the provider did not tell.
CREATE TABLE auth_social_pending (
    hash BLOB PRIMARY KEY NOT NULL,
    -- Null where no browser was sent anywhere.
    browser_hash BLOB,
    provider TEXT NOT NULL,
    person TEXT NOT NULL CHECK (json_valid(person)),
    tokens BLOB,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_social_pending_expires_at_idx ON auth_social_pending (expires_at);

-- ID tokens that clients brought: each counts once.
CREATE TABLE auth_social_used (
    hash BLOB PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_social_used_expires_at_idx ON auth_social_used (expires_at);
