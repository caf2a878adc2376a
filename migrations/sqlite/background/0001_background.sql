-- Answers that vendors make behind, until what they used is booked. Ids of records and owners are 32 hex digits, or empty.
CREATE TABLE background_answer (
    id TEXT NOT NULL PRIMARY KEY,        -- the vendor's
    record_id TEXT NOT NULL,             -- of the request that asked for it
    time_us INTEGER NOT NULL,
    model TEXT NOT NULL,
    upstream_model TEXT NOT NULL,
    key_name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    claim_node TEXT NOT NULL DEFAULT '', -- in whose log it is being booked
    claim_record TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX background_answer_time ON background_answer (time_us);
