-- A move of the content between this database and an installation's that was begun, until it is ended here.
CREATE TABLE move (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    direction    TEXT NOT NULL CHECK (direction IN ('to_postgres', 'to_sqlite')),
    installation TEXT NOT NULL,     -- 32 hex digits
    number       INTEGER NOT NULL,  -- to_postgres: the mirror's place once the other database has committed
    mark         TEXT NOT NULL      -- that place's; to_sqlite: what the other database knows this folder by
) STRICT;
