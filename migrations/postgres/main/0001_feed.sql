-- What mirrors follow. Every transaction that changed a row that is mirrored gets the next number as the last thing
-- before its commit, while it holds the head: the order of the numbers is that of the commits, and there are no gaps.
-- Whoever makes the change, the triggers number it.
CREATE TABLE installation (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    id         TEXT COLLATE "C" NOT NULL,    -- UUIDv7, 32 hex digits
    created_us BIGINT NOT NULL,
    key_check  BYTEA                         -- what the nodes' master key seals, to tell one that is another
);

CREATE TABLE commit_head (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    number BIGINT NOT NULL
);
INSERT INTO commit_head (one, number) VALUES (1, 0);

-- `mark` is random: a number that has another one than a mirror remembers comes from another history, as after the
-- restore of a backup.
CREATE TABLE commit_feed (
    number  BIGINT PRIMARY KEY,
    mark    UUID NOT NULL UNIQUE,
    time    TIMESTAMPTZ NOT NULL
);

-- The rows that a transaction touched, each by the texts of its primary key's columns as a JSON array.
CREATE TABLE row_change (
    mark       UUID NOT NULL,
    table_name TEXT COLLATE "C" NOT NULL,
    row_key    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (mark, table_name, row_key)
);

CREATE FUNCTION note_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    transaction_mark TEXT := current_setting('lurus.mark', true);
    old_key TEXT[];
    new_key TEXT[];
    field TEXT;
BEGIN
    IF coalesce(transaction_mark, '') = '' THEN
        transaction_mark := set_config('lurus.mark', gen_random_uuid()::text, true);
    END IF;
    FOREACH field IN ARRAY TG_ARGV LOOP
        IF TG_OP <> 'INSERT' THEN old_key := old_key || (to_jsonb(OLD) ->> field); END IF;
        IF TG_OP <> 'DELETE' THEN new_key := new_key || (to_jsonb(NEW) ->> field); END IF;
    END LOOP;
    IF old_key IS NOT NULL THEN
        INSERT INTO row_change VALUES (transaction_mark::uuid, TG_TABLE_NAME, to_jsonb(old_key)::text)
            ON CONFLICT DO NOTHING;
    END IF;
    IF new_key IS NOT NULL AND new_key IS DISTINCT FROM old_key THEN
        INSERT INTO row_change VALUES (transaction_mark::uuid, TG_TABLE_NAME, to_jsonb(new_key)::text)
            ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION number_commit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given BIGINT;
BEGIN
    IF EXISTS (SELECT FROM commit_feed WHERE mark = NEW.mark) THEN RETURN NULL; END IF;
    UPDATE commit_head SET number = number + 1 RETURNING number INTO given;
    INSERT INTO commit_feed (number, mark, time) VALUES (given, NEW.mark, clock_timestamp());
    PERFORM pg_notify('lurus_commit', given::text);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER number_commit AFTER INSERT ON row_change DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION number_commit();
