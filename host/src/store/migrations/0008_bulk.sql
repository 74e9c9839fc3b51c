-- Operations on many targets at once: what was asked, by whom, and how far it is.
CREATE TABLE bulk (
    id           INTEGER PRIMARY KEY,
    verb         TEXT NOT NULL CHECK (verb IN ('cancel', 'retry', 'prioritise', 'resubmit', 'delete')),
    what         TEXT NOT NULL,             -- JSON: the verb with its filter and what else belongs to it
    state        TEXT NOT NULL CHECK (state IN ('running', 'completed', 'cancelled')),
    total        INTEGER NOT NULL,          -- targets of the frozen set
    done         INTEGER NOT NULL DEFAULT 0,
    stale        INTEGER NOT NULL DEFAULT 0, -- no longer fit when their turn came
    cursor       INTEGER NOT NULL DEFAULT 0, -- each target up to it had its turn
    worked       INTEGER NOT NULL DEFAULT 0, -- milliseconds that its steps took
    started_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    cancelled_by TEXT,
    finished_at  INTEGER                    -- NULL: some of its targets are not accounted for
) STRICT;
CREATE INDEX bulk_open ON bulk (id) WHERE finished_at IS NULL;

-- The targets that are not accounted for.
CREATE TABLE bulk_item (
    bulk_id INTEGER NOT NULL,
    target  INTEGER NOT NULL,
    round   INTEGER NOT NULL,               -- of the job, when the set was frozen
    lease   INTEGER,                        -- of the run that was asked to end
    PRIMARY KEY (bulk_id, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX bulk_asked ON bulk_item (bulk_id, target) WHERE lease IS NOT NULL;

-- What a retry by filter chooses from, beside `job_failed`.
CREATE INDEX job_cancelled ON job (id) WHERE state = 'cancelled';
