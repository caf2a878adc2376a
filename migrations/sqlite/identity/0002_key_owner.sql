-- `owner` is the id of a member, or empty: the organisation's own.
ALTER TABLE api_key ADD COLUMN org TEXT NOT NULL DEFAULT '00000000000000000000000000000001';
ALTER TABLE api_key ADD COLUMN team TEXT NOT NULL DEFAULT '';
ALTER TABLE api_key ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE api_key ADD COLUMN expires_after_us INTEGER;
ALTER TABLE api_key ADD COLUMN last_used_us INTEGER;
-- The value before the last rotation, taken until then.
ALTER TABLE api_key ADD COLUMN old_hash BLOB;
ALTER TABLE api_key ADD COLUMN old_until_us INTEGER;

DROP INDEX api_key_name;
CREATE UNIQUE INDEX api_key_name ON api_key (org, name) WHERE revoked_us IS NULL;
