-- What a POST with an Idempotency-Key was answered, for 24 hours. The key is kept as a hash, the answer sealed: it may
-- hold a secret that is shown once. Without an answer the request was begun and its end is not known.
CREATE TABLE api_answer (
    caller TEXT NOT NULL,
    key_hash BLOB NOT NULL,
    request_hash BLOB NOT NULL,
    answer BLOB,
    begun_us INTEGER NOT NULL,
    PRIMARY KEY (caller, key_hash)
) WITHOUT ROWID;
CREATE INDEX api_answer_begun ON api_answer (begun_us);
