-- What changed, by kind of thing: a mirror asks for what has a number above the last one it saw. An id is there once.
CREATE TABLE feed_head (
    feed   TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE feed_change (
    feed    TEXT NOT NULL,
    id      TEXT NOT NULL,
    number  INTEGER NOT NULL,
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    PRIMARY KEY (feed, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX feed_order ON feed_change (feed, number);
