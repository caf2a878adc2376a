-- Records have ids of their own, and carry those of who asked beside the names. What older rows do not tell stays unknown.

-- The node that appends here. Made with the file, or when an older one is taken over.
CREATE TABLE node (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL                     -- UUIDv7, 32 hex digits
);
INSERT INTO node
SELECT 1, printf('%012x7', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)) || substr(random, 1, 3) ||
          substr('89ab', 1 + (random() & 3), 1) || substr(random, 4, 15)
FROM (SELECT lower(hex(randomblob(16))) AS random);

ALTER TABLE origin ADD COLUMN key_id TEXT;   -- 32 hex digits, as those that follow
ALTER TABLE origin ADD COLUMN team_id TEXT;
ALTER TABLE origin ADD COLUMN org_id TEXT;

-- The sums of who is told apart by id. Empty = unknown.
CREATE TABLE rollup_group_by_id (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    key TEXT NOT NULL,
    user TEXT NOT NULL,
    key_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    UNIQUE (key_id, model, provider, key, user, team_id, org_id)
);
INSERT INTO rollup_group_by_id SELECT id, model, provider, key, user, '', '', '' FROM rollup_group;
DROP TABLE rollup_group;
ALTER TABLE rollup_group_by_id RENAME TO rollup_group;

-- A row's text 13 is the trace id and, right behind it, the record's: its 19 last digits when the time and the version
-- before them are the row's and 7, else all 32. A row without has an id made of its time, the node's id and its number.
DROP VIEW record;
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
       substr(row.value ->> 13, 1, 32) AS trace_id,
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
       row.value ->> 22 AS detail,           -- JSON: attempts that are not so simple, and rare usage classes
       CASE length(row.value ->> 13)
           WHEN 64 THEN substr(row.value ->> 13, 33)
           WHEN 51 THEN printf('%012x7', (row.value ->> 0) / 1000) || substr(row.value ->> 13, 33)
           ELSE printf('%012x7', max((row.value ->> 0) / 1000, 0)) || substr(node.id, 14, 9) ||
                printf('%010x', chunk.id + row.key)
       END AS record_id,
       node.id AS node_id,
       origin.key_id,
       origin.team_id,
       origin.org_id
FROM chunk, node, json_each(chunk.rows) AS row
LEFT JOIN origin ON origin.id = row.value ->> 12;
