-- A revoked key keeps its row, so that its hash is never accepted again and old records can still be explained.
CREATE TABLE api_key (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    owner      TEXT NOT NULL DEFAULT '',
    hint       TEXT NOT NULL,
    note       TEXT NOT NULL DEFAULT '',
    created_us INTEGER NOT NULL,
    expires_us INTEGER,
    revoked_us INTEGER,
    disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    models     TEXT NOT NULL DEFAULT '[]',
    families   TEXT NOT NULL DEFAULT '[]',
    hash       BLOB NOT NULL UNIQUE CHECK (length(hash) = 32)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_us IS NULL;
