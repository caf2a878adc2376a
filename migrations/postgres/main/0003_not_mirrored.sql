-- What only the installation as a whole knows: nobody keeps a copy of it.
CREATE TABLE session (
    id          TEXT COLLATE "C" PRIMARY KEY,
    user_id     TEXT COLLATE "C" NOT NULL,
    method      TEXT COLLATE "C" NOT NULL,
    created_us  BIGINT NOT NULL,
    expires_us  BIGINT NOT NULL,
    ended_us    BIGINT,
    ended_why   TEXT COLLATE "C",
    address     TEXT COLLATE "C" NOT NULL DEFAULT '',
    user_agent  TEXT COLLATE "C" NOT NULL DEFAULT '',
    cookie_hash BYTEA UNIQUE CHECK (length(cookie_hash) = 32)
);
CREATE INDEX session_of_user ON session (user_id, ended_us);
CREATE INDEX session_expiry ON session (expires_us);

CREATE TABLE refresh_token (
    hash       BYTEA PRIMARY KEY CHECK (length(hash) = 32),
    session_id TEXT COLLATE "C" NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    issued_us  BIGINT NOT NULL,
    used_us    BIGINT
);
CREATE INDEX refresh_session ON refresh_token (session_id);

CREATE TABLE ticket (
    hash       BYTEA PRIMARY KEY CHECK (length(hash) = 32),
    purpose    TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    detail     TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL
);
CREATE INDEX ticket_subject ON ticket (subject, purpose);

CREATE TABLE api_answer (
    caller       TEXT COLLATE "C" NOT NULL,
    key_hash     TEXT COLLATE "C" NOT NULL,
    request_hash TEXT COLLATE "C" NOT NULL,
    answer       BYTEA,
    begun_us     BIGINT NOT NULL,
    PRIMARY KEY (caller, key_hash)
);
CREATE INDEX api_answer_begun ON api_answer (begun_us);
