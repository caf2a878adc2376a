-- Rules and limits of stored keys, as the JSON object that the management API takes. A key without a row has none.
CREATE TABLE key_rules (
    key_id TEXT PRIMARY KEY REFERENCES api_key (id),
    rules  TEXT NOT NULL CHECK (json_valid(rules))
) STRICT, WITHOUT ROWID;
