-- A node took the content into its own database: nothing is changed here any more, whatever program tries it.
ALTER TABLE installation ADD COLUMN retired_us BIGINT;
ALTER TABLE installation ADD COLUMN retired_by TEXT COLLATE "C";  -- what that node is known by

CREATE FUNCTION refuse_when_retired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM installation WHERE retired_us IS NOT NULL) THEN
        RAISE EXCEPTION 'the installation was moved out of this database (lurus migrate --to-sqlite)'
            USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    RETURN NULL;
END $$;

DO $$
DECLARE
    kept TEXT;
BEGIN
    FOREACH kept IN ARRAY ARRAY['feed_head', 'feed_change', 'api_key', 'key_rules', 'org', 'user_account', 'member',
        'team', 'team_member', 'setup_token', 'password', 'totp', 'recovery_code', 'signing_key', 'outside_identity',
        'price', 'price_model', 'flag', 'provider', 'route', 'model_list', 'session', 'refresh_token', 'ticket',
        'api_answer'] LOOP
        EXECUTE format('CREATE TRIGGER refuse_when_retired BEFORE INSERT OR UPDATE OR DELETE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION refuse_when_retired()', kept);
    END LOOP;
END $$;
