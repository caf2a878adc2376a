-- Options that were changed while the server ran; they win over the configuration.
CREATE TABLE flag (
    name TEXT PRIMARY KEY,                 -- as in the configuration: log.bodies
    value TEXT NOT NULL,                   -- JSON
    changed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
