-- Models that all keys of one may use, as the JSON object that the management API takes; `{}` allows all.
ALTER TABLE org ADD COLUMN models TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(models));
ALTER TABLE team ADD COLUMN models TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(models));
ALTER TABLE member ADD COLUMN models TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(models));
