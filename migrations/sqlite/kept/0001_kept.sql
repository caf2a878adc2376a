-- Which account has what a vendor keeps for a client (a file, a batch, a response), and whose it is. The newest are kept.
CREATE TABLE kept (
    id TEXT PRIMARY KEY,                   -- with its family: openai:file-abc
    provider TEXT NOT NULL,
    account TEXT NOT NULL,
    org TEXT NOT NULL,
    seen_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_seen ON kept (seen_us);
