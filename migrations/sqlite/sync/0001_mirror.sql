-- Whose mirror this database is, and how far it has come. No row: it has not seen its installation yet.
CREATE TABLE mirror (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    installation TEXT NOT NULL,     -- 32 hex digits
    number       INTEGER NOT NULL,  -- of the last commit that is in here
    mark         TEXT NOT NULL,     -- that commit's
    setting      TEXT,              -- off, on or auto, as somebody set it for this node; NULL = the configuration's
    seen_us      INTEGER            -- when it was known to have everything, noted where its age matters
) STRICT;
