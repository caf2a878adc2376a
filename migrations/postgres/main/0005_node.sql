-- Which processes share the installation, as each says of itself every few seconds.
CREATE TABLE node (
    id         TEXT COLLATE "C" PRIMARY KEY,  -- of its log, 32 hex digits
    started_us BIGINT NOT NULL,
    seen       TIMESTAMPTZ NOT NULL,          -- by this database's clock
    version    TEXT COLLATE "C" NOT NULL,
    modules    TEXT COLLATE "C" NOT NULL,
    address    TEXT COLLATE "C" NOT NULL DEFAULT ''
);
