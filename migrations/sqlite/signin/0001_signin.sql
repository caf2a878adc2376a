-- Who a user is, said by tokens: passwords, second factors, sessions. Users themselves are identity's.
CREATE TABLE password (
    user_id    TEXT PRIMARY KEY,
    hash       TEXT NOT NULL,
    changed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A step is taken once: last_step only grows.
CREATE TABLE totp (
    user_id      TEXT PRIMARY KEY,
    sealed       BLOB NOT NULL,
    confirmed_us INTEGER,
    last_step    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_code (
    user_id TEXT NOT NULL REFERENCES totp (user_id) ON DELETE CASCADE,
    hash    BLOB NOT NULL CHECK (length(hash) = 32),
    used_us INTEGER,
    PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;

-- A session that ended keeps its row until its last token would have expired, so that reuse is told from nonsense.
CREATE TABLE session (
    id          TEXT PRIMARY KEY,
    user_id     TEXT NOT NULL,
    method      TEXT NOT NULL,
    created_us  INTEGER NOT NULL,
    expires_us  INTEGER NOT NULL,
    ended_us    INTEGER,
    ended_why   TEXT,
    address     TEXT NOT NULL DEFAULT '',
    user_agent  TEXT NOT NULL DEFAULT '',
    cookie_hash BLOB UNIQUE CHECK (length(cookie_hash) = 32)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_user ON session (user_id, ended_us);
CREATE INDEX session_expiry ON session (expires_us);

CREATE TABLE refresh_token (
    hash       BLOB PRIMARY KEY CHECK (length(hash) = 32),
    session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    issued_us  INTEGER NOT NULL,
    used_us    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_session ON refresh_token (session_id);

-- What a link in a mail carries. Used once.
CREATE TABLE ticket (
    hash       BLOB PRIMARY KEY CHECK (length(hash) = 32),
    purpose    TEXT NOT NULL,
    subject    TEXT NOT NULL,
    detail     TEXT NOT NULL DEFAULT '{}',
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_subject ON ticket (subject, purpose);

CREATE TABLE signing_key (
    kid        TEXT PRIMARY KEY,
    sealed     BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    retired_us INTEGER
) STRICT, WITHOUT ROWID;

-- Who an outside provider says somebody is.
CREATE TABLE outside_identity (
    provider   TEXT NOT NULL,
    subject    TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    linked_us  INTEGER NOT NULL,
    PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX outside_user ON outside_identity (user_id);
