-- Organisations, who belongs to them, and their teams. Nothing is removed whose id a record or a key may carry.
CREATE TABLE org (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    removed_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX org_name ON org (name) WHERE removed_us IS NULL;

INSERT INTO org (id, name, created_us) VALUES ('00000000000000000000000000000001', 'default', 0);

CREATE TABLE user_account (
    id             TEXT PRIMARY KEY,
    email          TEXT NOT NULL,
    name           TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('invited', 'active', 'disabled', 'erased')),
    email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    created_us     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX user_email ON user_account (email) WHERE status != 'erased';

-- A user within an organisation, or (user_id NULL) a service account of it.
CREATE TABLE member (
    id         TEXT PRIMARY KEY,
    org        TEXT NOT NULL REFERENCES org (id),
    user_id    TEXT REFERENCES user_account (id),
    name       TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('viewer', 'member', 'admin', 'owner')),
    disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_us INTEGER NOT NULL,
    removed_us INTEGER
) STRICT, WITHOUT ROWID;
-- Who comes back gets the old id, so that their records are one series.
CREATE UNIQUE INDEX member_user ON member (org, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX member_service ON member (org, name) WHERE user_id IS NULL AND removed_us IS NULL;
CREATE INDEX member_of_user ON member (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE team (
    id         TEXT PRIMARY KEY,
    org        TEXT NOT NULL REFERENCES org (id),
    name       TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    removed_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX team_name ON team (org, name) WHERE removed_us IS NULL;

CREATE TABLE team_member (
    team   TEXT NOT NULL REFERENCES team (id),
    member TEXT NOT NULL REFERENCES member (id),
    PRIMARY KEY (team, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_of_member ON team_member (member);

-- At most one link for making the first owner is open.
CREATE TABLE setup_token (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    created_us INTEGER NOT NULL
) STRICT;
