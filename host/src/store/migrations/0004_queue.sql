-- Lanes: ready jobs by queue, kind, import and priority.
DROP INDEX job_ready;
CREATE INDEX job_ready ON job (queue, kind, import_id, priority, id) WHERE wait = 'ready';

-- What is set for a queue, and the clocks of its rates. A queue without a row is
-- open and has what the configuration says.
DROP TABLE queue;
CREATE TABLE queue (
    name        TEXT PRIMARY KEY,
    state       TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused', 'draining')),
    own         TEXT NOT NULL DEFAULT '{}', -- JSON: limits that an operator set
    rate_at     INTEGER NOT NULL DEFAULT 0, -- nanoseconds since 1970: when the next job is expected
    tokens_at   INTEGER NOT NULL DEFAULT 0  -- nanoseconds since 1970: when the next token is expected
) STRICT, WITHOUT ROWID;

-- Concurrency keys. An open job with a key is admitted (idle or running) unless it
-- waits for its key or for a time.
DROP TABLE key;
CREATE TABLE key (
    name        TEXT PRIMARY KEY,
    idle        INTEGER NOT NULL DEFAULT 0, -- admitted, not begun
    running     INTEGER NOT NULL DEFAULT 0,
    waiting     INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL DEFAULT 0, -- lets nobody in before; 0: does not rest
    own         TEXT NOT NULL DEFAULT '{}'  -- JSON: what an operator set
) STRICT, WITHOUT ROWID;
CREATE INDEX key_resting ON key (next_at) WHERE waiting > 0 AND next_at > 0;
CREATE INDEX key_waiting ON key (name) WHERE waiting > 0;

CREATE INDEX job_behind_key ON job (key, priority, id) WHERE wait = 'key';
CREATE INDEX job_unique ON job (unique_key, state, id) WHERE unique_key IS NOT NULL;
CREATE INDEX job_deadline ON job (deadline_at) WHERE state = 'queued' AND deadline_at IS NOT NULL;
