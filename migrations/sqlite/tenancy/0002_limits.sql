-- Limits of their own, as the JSON object that the management API takes; what is not set is the configuration's.
ALTER TABLE org ADD COLUMN limits TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(limits));
ALTER TABLE team ADD COLUMN limits TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(limits));
ALTER TABLE member ADD COLUMN limits TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(limits));
