-- What an attempt keeps for the next one: a row for each job that has something.
CREATE TABLE checkpoint (
    job_id   INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,                 -- of the handler: only its family gets it back
    format   TEXT NOT NULL,                 -- the handler's own tag for the form of the bytes
    digest   TEXT NOT NULL,                 -- of the component that kept it
    bytes    BLOB NOT NULL,
    saved_at INTEGER NOT NULL
) STRICT;

-- How far the current or last attempt is, in its own words: JSON.
ALTER TABLE job ADD COLUMN progress TEXT;
