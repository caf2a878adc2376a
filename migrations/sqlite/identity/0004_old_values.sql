-- The values that a key had before its rotations, as a JSON array of {"hash", "hint", "until"}, oldest first; each is
-- taken until its own end.
ALTER TABLE api_key ADD COLUMN old_values TEXT NOT NULL DEFAULT '[]';
UPDATE api_key SET old_values = json_array(json_object('hash', lower(hex(old_hash)), 'hint', '', 'until', old_until_us))
    WHERE old_hash IS NOT NULL AND old_until_us IS NOT NULL;
ALTER TABLE api_key DROP COLUMN old_hash;
ALTER TABLE api_key DROP COLUMN old_until_us;
