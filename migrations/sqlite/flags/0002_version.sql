-- An update names the version that it read.
ALTER TABLE flag ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
