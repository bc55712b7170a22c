-- The keys that sign tokens.

CREATE TABLE auth_keys (
    kid TEXT PRIMARY KEY NOT NULL,
    algorithm TEXT NOT NULL,
    -- The first key of an algorithm is 1 and its successor 2: of two processes that make one at once, one wins.
    number INTEGER NOT NULL,
    -- The private part, encrypted with a key that is not in the database and bound to this row's kid.
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    signs_from INTEGER NOT NULL,
    -- When its successor takes over; null while there is none.
    signs_until INTEGER,
    -- How long its tokens live at most, in milliseconds.
    longest INTEGER NOT NULL,
    UNIQUE (algorithm, number)
) STRICT, WITHOUT ROWID;
