-- What was added through the API or the command line; what the configuration file declares is not stored.
CREATE TABLE provider (
    position INTEGER PRIMARY KEY,          -- order of addition
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    base_url TEXT NOT NULL DEFAULT '',
    api_key_env TEXT NOT NULL DEFAULT '',
    api_key_file TEXT NOT NULL DEFAULT '',
    sealed BLOB,                           -- JSON {api_key, headers}, AES-256-GCM bound to the name; NULL when there is neither
    models TEXT NOT NULL DEFAULT '[]',     -- JSON array
    options TEXT NOT NULL DEFAULT '{}',    -- JSON: timeouts and such
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE route (
    position INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    family TEXT NOT NULL DEFAULT '',       -- not empty: the default for that dialect's family
    targets TEXT NOT NULL,                 -- JSON array
    created_us INTEGER NOT NULL,
    UNIQUE (model, family)
) STRICT;

-- What a provider said that it has, for providers from the file too.
CREATE TABLE model_list (
    provider TEXT PRIMARY KEY,
    base_url TEXT NOT NULL,                -- a list from another address is not believed
    fetched_us INTEGER NOT NULL,
    models TEXT NOT NULL                   -- JSON array of {id, created_us}
) STRICT, WITHOUT ROWID;
