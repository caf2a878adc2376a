ALTER TABLE org ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE user_account ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE member ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE team ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

INSERT INTO feed_change (feed, id, number, deleted)
    SELECT 'people', id, row_number() OVER (ORDER BY created_us, id), gone FROM (
        SELECT 'org/' || id AS id, created_us, removed_us IS NOT NULL AS gone FROM org
        UNION ALL SELECT 'user/' || id, created_us, status = 'erased' FROM user_account
        UNION ALL SELECT 'member/' || id, created_us, removed_us IS NOT NULL FROM member
        UNION ALL SELECT 'team/' || id, created_us, removed_us IS NOT NULL FROM team);
INSERT INTO feed_head (feed, number) SELECT 'people', count(*) FROM feed_change WHERE feed = 'people';
