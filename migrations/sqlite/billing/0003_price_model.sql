-- The version of all prices of a model: a change of one that names it is made only while it is this one. It is never
-- removed, so that a price that is made again under the same name brings no version back.
CREATE TABLE price_model (
    model   TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO price_model (model, version) SELECT DISTINCT model, 1 FROM price;
