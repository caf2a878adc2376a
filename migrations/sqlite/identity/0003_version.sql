ALTER TABLE api_key ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

INSERT INTO feed_change (feed, id, number, deleted)
    SELECT 'keys', id, row_number() OVER (ORDER BY created_us, id), revoked_us IS NOT NULL FROM api_key;
INSERT INTO feed_head (feed, number) SELECT 'keys', count(*) FROM api_key;
