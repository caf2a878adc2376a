-- Prices beside the built-in ones. `rates` is JSON with integer pico-US-dollars; NULL `until_us` = no end.
CREATE TABLE price (
    origin    TEXT NOT NULL CHECK (origin IN ('import', 'override')),
    vendor    TEXT NOT NULL,
    model     TEXT NOT NULL,
    from_us   INTEGER NOT NULL,
    until_us  INTEGER,
    source    TEXT NOT NULL,
    stored_us INTEGER NOT NULL,
    rates     TEXT NOT NULL,
    PRIMARY KEY (origin, vendor, model, from_us)
) STRICT, WITHOUT ROWID;
