-- What an administrator set of a key, which its owner may narrow and never lift. Who set what of the keys that are
-- there already is not known: all of it counts as set by an administrator.
ALTER TABLE key_rules ADD COLUMN set_by_admin TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(set_by_admin));

INSERT INTO key_rules (key_id, rules)
    SELECT id, '{}' FROM api_key WHERE revoked_us IS NULL AND id NOT IN (SELECT key_id FROM key_rules);

UPDATE key_rules SET set_by_admin = (
    SELECT json_object(
        'disabled', json(CASE disabled WHEN 1 THEN 'true' ELSE 'false' END),
        'expires_us', expires_us,
        'expires_after_us', expires_after_us,
        'team', team,
        'models', json(models),
        'families', json(families),
        'deny_models', json(coalesce(json_extract(rules, '$.deny_models'), '[]')),
        'ips', json(coalesce(json_extract(rules, '$.ips'), '[]')),
        'user_agents', json(coalesce(json_extract(rules, '$.user_agents'), '[]')))
    FROM api_key WHERE id = key_id)
WHERE key_id IN (SELECT id FROM api_key WHERE revoked_us IS NULL);
