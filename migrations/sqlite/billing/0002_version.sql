-- An update names the version that it read.
ALTER TABLE price ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
