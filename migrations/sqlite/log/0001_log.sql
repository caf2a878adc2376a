-- One row a request, appended in the order in which requests ended. No secondary index: `posting` serves the filters.
-- Numbers come first, because sums read them without decoding the rest. NULL = unknown.
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,               -- microseconds, UTC
    duration_us INTEGER NOT NULL,
    ending INTEGER NOT NULL,             -- 0 complete, 1 client_gone, 2 upstream_cut, 3 error
    status INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    dialect INTEGER NOT NULL,            -- 0 anthropic, 1 openai-chat, 2 openai-responses, 3 openai, 4 gemini
    upstream_dialect INTEGER NOT NULL,
    input INTEGER,
    cache_read INTEGER,
    cache_write_5m INTEGER,
    cache_write_1h INTEGER,
    output INTEGER,
    reasoning INTEGER,
    cost_nano_usd INTEGER,
    model TEXT,
    provider TEXT,
    key TEXT,
    user TEXT,
    trace_id BLOB NOT NULL,
    upstream_model TEXT,
    account TEXT,
    route TEXT,
    client TEXT,
    session TEXT,
    operation TEXT,
    error TEXT,
    ttfb_us INTEGER,
    bytes_in INTEGER NOT NULL,
    bytes_out INTEGER NOT NULL,
    tariff TEXT,
    usage_raw TEXT,                      -- as the vendor sent it
    detail TEXT                          -- JSON: attempts and rare usage classes
);

-- Kept only where log.bodies says so; zstd frames.
CREATE TABLE body (
    id INTEGER PRIMARY KEY,              -- record.id
    request BLOB,
    response BLOB
);

-- Closed runs of 32768 ids: segment n holds the ids n*32768+1 .. (n+1)*32768.
CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    min_time INTEGER NOT NULL,
    max_time INTEGER NOT NULL,
    blocks BLOB NOT NULL                 -- per 1024 ids: smallest and largest time, 8 bytes each, little-endian
);

-- Which rows of a closed segment hold a value. id = segment << 20 | dimension << 12 | bucket of the value's hash.
CREATE TABLE posting (
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

CREATE TABLE rollup_group (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    key TEXT NOT NULL,
    user TEXT NOT NULL,
    UNIQUE (model, provider, key, user)
);

-- Sums of all rows up to rollup_state.done_to. Kept when rows are removed.
CREATE TABLE rollup_hour (
    hour INTEGER NOT NULL,               -- hours since the epoch, UTC
    group_id INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    PRIMARY KEY (hour, group_id)
) WITHOUT ROWID;

-- The same per minute, for the ends of a range; as old as the rows.
CREATE TABLE rollup_minute (
    minute INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    PRIMARY KEY (minute, group_id)
) WITHOUT ROWID;

-- The rollup's cursor. Rows up to `done_to` are in the rollups; of the rows after it, up to `doing_to`, those of groups up to
-- `doing_group` are too.
CREATE TABLE rollup_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    done_to INTEGER NOT NULL,
    doing_to INTEGER NOT NULL,
    doing_group INTEGER NOT NULL,
    kept_from INTEGER NOT NULL           -- rows of earlier times have been removed, whole hours
);
INSERT INTO rollup_state VALUES (1, 0, 0, 0, 0);
