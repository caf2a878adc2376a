-- An update names the version that it read. A row begins with the time of its making, so that one made again for the
-- same user has none that was there before. Sessions, tickets, refresh tokens and recovery codes change once, when they
-- are ended or taken; a signing key when the next one follows it.
ALTER TABLE password ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE totp ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE outside_identity ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
