-- When an account was made in the system that it came from (`vestibule user import`), 0 where that is not known; null for an account
-- that was made here. Tokens of that system name an account by its number, so they stand for these accounts alone.

ALTER TABLE auth_users ADD COLUMN made_elsewhere_at BIGINT;

-- Those that came before this was noted.
UPDATE auth_users SET made_elsewhere_at = 0 WHERE id IN (SELECT user_id FROM auth_audit WHERE event = 'user.imported');
