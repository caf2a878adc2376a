-- Each row's hash covers its content and the hash of the row before; `audit_head` holds the end of the chain.
-- `begun`: the row that was stored before what this one tells was done.
CREATE TABLE audit (
    number         INTEGER PRIMARY KEY,
    time_us        INTEGER NOT NULL,
    org            TEXT NOT NULL,
    actor_kind     TEXT NOT NULL,
    actor          TEXT NOT NULL,
    actor_name     TEXT NOT NULL,
    remote_address TEXT NOT NULL,
    user_agent     TEXT NOT NULL,
    action         TEXT NOT NULL,
    target         TEXT NOT NULL,
    status         INTEGER NOT NULL,
    before         TEXT NOT NULL,
    after          TEXT NOT NULL,
    begun          INTEGER,
    hash           BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX audit_begun ON audit (begun) WHERE begun IS NOT NULL;
CREATE INDEX audit_org ON audit (org, number);

CREATE TABLE audit_head (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL,
    hash   BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO audit_head (one, number, hash) VALUES (1, 0, zeroblob(32));

CREATE TRIGGER audit_only_grows_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
CREATE TRIGGER audit_only_grows_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
