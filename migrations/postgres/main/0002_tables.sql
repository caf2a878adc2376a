-- What a node's lurus.db mirrors: the same names and columns as there, in the byte order of SQLite's texts.

-- Changes by kind of thing, which the modules of every node refresh from.
CREATE TABLE feed_head (
    feed   TEXT COLLATE "C" PRIMARY KEY,
    number BIGINT NOT NULL
);
CREATE TABLE feed_change (
    feed    TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    number  BIGINT NOT NULL,
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    PRIMARY KEY (feed, id)
);
CREATE UNIQUE INDEX feed_order ON feed_change (feed, number);

-- Keys. A revoked one keeps its row, so that its hash is never accepted again and old records can still be explained.
CREATE TABLE api_key (
    id               TEXT COLLATE "C" PRIMARY KEY,
    name             TEXT COLLATE "C" NOT NULL,
    owner            TEXT COLLATE "C" NOT NULL DEFAULT '',
    hint             TEXT COLLATE "C" NOT NULL,
    note             TEXT COLLATE "C" NOT NULL DEFAULT '',
    created_us       BIGINT NOT NULL,
    expires_us       BIGINT,
    revoked_us       BIGINT,
    disabled         INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    models           TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    families         TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    hash             BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
    org              TEXT COLLATE "C" NOT NULL DEFAULT '00000000000000000000000000000001',
    team             TEXT COLLATE "C" NOT NULL DEFAULT '',
    tags             TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    expires_after_us BIGINT,
    last_used_us     BIGINT,
    version          BIGINT NOT NULL DEFAULT 1,
    old_values       TEXT COLLATE "C" NOT NULL DEFAULT '[]'
);
CREATE UNIQUE INDEX api_key_name ON api_key (org, name) WHERE revoked_us IS NULL;

CREATE TABLE key_rules (
    key_id       TEXT COLLATE "C" PRIMARY KEY REFERENCES api_key (id),
    rules        TEXT COLLATE "C" NOT NULL,
    set_by_admin TEXT COLLATE "C" NOT NULL DEFAULT '{}'
);

-- Organisations, who belongs to them, and their teams.
CREATE TABLE org (
    id         TEXT COLLATE "C" PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    created_us BIGINT NOT NULL,
    removed_us BIGINT,
    limits     TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    version    BIGINT NOT NULL DEFAULT 1,
    models     TEXT COLLATE "C" NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX org_name ON org (name) WHERE removed_us IS NULL;

CREATE TABLE user_account (
    id             TEXT COLLATE "C" PRIMARY KEY,
    email          TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    status         TEXT COLLATE "C" NOT NULL CHECK (status IN ('invited', 'active', 'disabled', 'erased')),
    email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    created_us     BIGINT NOT NULL,
    version        BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX user_email ON user_account (email) WHERE status <> 'erased';

CREATE TABLE member (
    id         TEXT COLLATE "C" PRIMARY KEY,
    org        TEXT COLLATE "C" NOT NULL REFERENCES org (id),
    user_id    TEXT COLLATE "C" REFERENCES user_account (id),
    name       TEXT COLLATE "C" NOT NULL,
    role       TEXT COLLATE "C" NOT NULL CHECK (role IN ('viewer', 'member', 'admin', 'owner')),
    disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_us BIGINT NOT NULL,
    removed_us BIGINT,
    limits     TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    version    BIGINT NOT NULL DEFAULT 1,
    models     TEXT COLLATE "C" NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX member_user ON member (org, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX member_service ON member (org, name) WHERE user_id IS NULL AND removed_us IS NULL;
CREATE INDEX member_of_user ON member (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE team (
    id         TEXT COLLATE "C" PRIMARY KEY,
    org        TEXT COLLATE "C" NOT NULL REFERENCES org (id),
    name       TEXT COLLATE "C" NOT NULL,
    created_us BIGINT NOT NULL,
    removed_us BIGINT,
    limits     TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    version    BIGINT NOT NULL DEFAULT 1,
    models     TEXT COLLATE "C" NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX team_name ON team (org, name) WHERE removed_us IS NULL;

CREATE TABLE team_member (
    team   TEXT COLLATE "C" NOT NULL REFERENCES team (id),
    member TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    PRIMARY KEY (team, member)
);
CREATE INDEX team_of_member ON team_member (member);

CREATE TABLE setup_token (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    hash       BYTEA NOT NULL CHECK (length(hash) = 32),
    created_us BIGINT NOT NULL
);

-- Passwords, second factors, and who an outside provider says somebody is.
CREATE TABLE password (
    user_id    TEXT COLLATE "C" PRIMARY KEY,
    hash       TEXT COLLATE "C" NOT NULL,
    changed_us BIGINT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1
);
CREATE TABLE totp (
    user_id      TEXT COLLATE "C" PRIMARY KEY,
    sealed       BYTEA NOT NULL,
    confirmed_us BIGINT,
    last_step    BIGINT NOT NULL DEFAULT 0,
    version      BIGINT NOT NULL DEFAULT 1
);
CREATE TABLE recovery_code (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES totp (user_id) ON DELETE CASCADE,
    hash    BYTEA NOT NULL CHECK (length(hash) = 32),
    used_us BIGINT,
    PRIMARY KEY (user_id, hash)
);
CREATE TABLE signing_key (
    kid        TEXT COLLATE "C" PRIMARY KEY,
    sealed     BYTEA NOT NULL,
    created_us BIGINT NOT NULL,
    retired_us BIGINT
);
CREATE TABLE outside_identity (
    provider  TEXT COLLATE "C" NOT NULL,
    subject   TEXT COLLATE "C" NOT NULL,
    user_id   TEXT COLLATE "C" NOT NULL,
    linked_us BIGINT NOT NULL,
    version   BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX outside_user ON outside_identity (user_id);

-- Prices, flags, providers and routes.
CREATE TABLE price (
    origin    TEXT COLLATE "C" NOT NULL CHECK (origin IN ('import', 'override')),
    vendor    TEXT COLLATE "C" NOT NULL,
    model     TEXT COLLATE "C" NOT NULL,
    from_us   BIGINT NOT NULL,
    until_us  BIGINT,
    source    TEXT COLLATE "C" NOT NULL,
    stored_us BIGINT NOT NULL,
    rates     TEXT COLLATE "C" NOT NULL,
    version   BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (origin, vendor, model, from_us)
);
CREATE TABLE price_model (
    model   TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL
);
CREATE TABLE flag (
    name       TEXT COLLATE "C" PRIMARY KEY,
    value      TEXT COLLATE "C" NOT NULL,
    changed_us BIGINT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1
);
CREATE TABLE provider (
    position     BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name         TEXT COLLATE "C" NOT NULL UNIQUE,
    kind         TEXT COLLATE "C" NOT NULL,
    base_url     TEXT COLLATE "C" NOT NULL DEFAULT '',
    api_key_env  TEXT COLLATE "C" NOT NULL DEFAULT '',
    api_key_file TEXT COLLATE "C" NOT NULL DEFAULT '',
    sealed       BYTEA,
    models       TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    options      TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    created_us   BIGINT NOT NULL,
    version      BIGINT NOT NULL DEFAULT 1
);
CREATE TABLE route (
    position   BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    model      TEXT COLLATE "C" NOT NULL,
    family     TEXT COLLATE "C" NOT NULL DEFAULT '',
    targets    TEXT COLLATE "C" NOT NULL,
    created_us BIGINT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1,
    UNIQUE (model, family)
);
CREATE TABLE model_list (
    provider   TEXT COLLATE "C" PRIMARY KEY,
    base_url   TEXT COLLATE "C" NOT NULL,
    fetched_us BIGINT NOT NULL,
    models     TEXT COLLATE "C" NOT NULL
);

DO $$
DECLARE
    mirrored TEXT;
    key_columns TEXT;
BEGIN
    FOREACH mirrored IN ARRAY ARRAY['feed_head', 'feed_change', 'api_key', 'key_rules', 'org', 'user_account', 'member',
        'team', 'team_member', 'setup_token', 'password', 'totp', 'recovery_code', 'signing_key', 'outside_identity',
        'price', 'price_model', 'flag', 'provider', 'route', 'model_list'] LOOP
        SELECT string_agg(quote_literal(a.attname), ', ' ORDER BY k.place) INTO key_columns
            FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (column_number, place)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.column_number
            WHERE i.indisprimary AND i.indrelid = mirrored::regclass;
        EXECUTE format('CREATE TRIGGER note_row AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW '
                       'EXECUTE FUNCTION note_row(%s)', mirrored, key_columns);
    END LOOP;
END $$;

INSERT INTO org (id, name, created_us) VALUES ('00000000000000000000000000000001', 'default', 0);
INSERT INTO feed_change (feed, id, number, deleted) VALUES ('people', 'org/00000000000000000000000000000001', 1, 0);
INSERT INTO feed_head (feed, number) VALUES ('people', 1);
