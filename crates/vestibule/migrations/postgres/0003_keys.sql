-- The keys that sign tokens.

CREATE TABLE auth_keys (
    kid TEXT CONSTRAINT auth_keys_kid_key PRIMARY KEY,
    algorithm TEXT NOT NULL,
    -- The first key of an algorithm is 1 and its successor 2: of two processes that make one at once, one wins.
    number BIGINT NOT NULL,
    -- The private part, encrypted with a key that is not in the database and bound to this row's kid.
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    signs_from BIGINT NOT NULL,
    -- When its successor takes over; null while there is none.
    signs_until BIGINT,
    -- How long its tokens live at most, in milliseconds.
    longest BIGINT NOT NULL,
    CONSTRAINT auth_keys_algorithm_number_key UNIQUE (algorithm, number)
);
