-- Changes of address, and proofs of the password in the middle of a session.

-- The address that an account asked for and that has not proven itself yet.
ALTER TABLE auth_users ADD COLUMN new_email TEXT;
ALTER TABLE auth_users ADD COLUMN new_email_key TEXT;

-- When the password was last proven again in this session; null if never.
ALTER TABLE auth_sessions ADD COLUMN proven_at BIGINT;
