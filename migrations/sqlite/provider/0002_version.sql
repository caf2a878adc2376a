-- An update names the version that it read. A row begins with the time of its making, so that one made again under the
-- same name has none that was there before.
ALTER TABLE provider ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE route ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
