-- Rows are kept as they are committed: many in one value. What rows share stands once in `origin`.

-- Names that many rows of a segment share. id = the first record that has them; NULL = unknown.
CREATE TABLE origin (
    id INTEGER PRIMARY KEY,
    dialect INTEGER NOT NULL,            -- 0 anthropic, 1 openai-chat, 2 openai-responses, 3 openai, 4 gemini
    upstream_dialect INTEGER NOT NULL,
    operation TEXT,
    model TEXT,
    upstream_model TEXT,
    route TEXT,
    provider TEXT,
    account TEXT,
    key TEXT,
    user TEXT,
    client TEXT,
    tariff TEXT,
    service_tier TEXT,
    because TEXT                         -- why the first attempt was made
);

-- Records id, id + 1, ...: a JSON array of arrays, one a line; their members are named in the view `record`. None
-- crosses a segment's end.
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    rows TEXT NOT NULL
);

CREATE TEMP TABLE origin_of AS
SELECT id AS record,
       min(id) OVER (PARTITION BY (id - 1) / 32768, dialect, upstream_dialect, operation, model, upstream_model, route,
                                  provider, account, key, user, client, tariff) AS origin
FROM record;

INSERT INTO origin
SELECT id, dialect, upstream_dialect, operation, model, upstream_model, route, provider, account, key, user, client,
       tariff, NULL, NULL
FROM record JOIN origin_of ON origin_of.record = record.id AND origin_of.origin = record.id;

INSERT INTO chunk
SELECT id,
       json_array(json_array(time, duration_us, ending, status, stream, input, cache_read, cache_write_5m,
                             cache_write_1h, output, reasoning, cost_nano_usd, origin, lower(hex(trace_id)), ttfb_us,
                             bytes_in, bytes_out, NULL, NULL, session, usage_raw, error,
                             CASE WHEN json_valid(detail) THEN json(detail) END))
FROM origin_of JOIN record ON record.id = origin_of.record
ORDER BY id;

DROP TABLE temp.origin_of;
DROP TABLE record;

CREATE VIEW record AS
SELECT chunk.id + row.key AS id,
       row.value ->> 0 AS time,              -- microseconds, UTC
       row.value ->> 1 AS duration_us,
       row.value ->> 2 AS ending,            -- 0 complete, 1 client_gone, 2 upstream_cut, 3 error
       row.value ->> 3 AS status,
       row.value ->> 4 AS stream,
       origin.dialect,
       origin.upstream_dialect,
       row.value ->> 5 AS input,
       row.value ->> 6 AS cache_read,
       row.value ->> 7 AS cache_write_5m,
       row.value ->> 8 AS cache_write_1h,
       row.value ->> 9 AS output,
       row.value ->> 10 AS reasoning,
       row.value ->> 11 AS cost_nano_usd,
       origin.model,
       origin.provider,
       origin.key,
       origin.user,
       row.value ->> 13 AS trace_id,
       origin.upstream_model,
       origin.account,
       origin.route,
       origin.client,
       row.value ->> 19 AS session,
       origin.operation,
       row.value ->> 21 AS error,
       row.value ->> 14 AS ttfb_us,
       row.value ->> 15 AS bytes_in,
       row.value ->> 16 AS bytes_out,
       origin.tariff,
       origin.service_tier,
       row.value ->> 20 AS usage_raw,        -- as the vendor sent it
       origin.because,
       row.value ->> 17 AS attempt_started_us,   -- of the only attempt, whose outcome was `ok`
       row.value ->> 18 AS attempt_duration_us,
       row.value ->> 22 AS detail            -- JSON: attempts that are not so simple, and rare usage classes
FROM chunk, json_each(chunk.rows) AS row
LEFT JOIN origin ON origin.id = row.value ->> 12;
