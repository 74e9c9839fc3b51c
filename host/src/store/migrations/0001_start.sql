-- Types that SQLite and Postgres both speak: 64-bit integers, integer
-- milliseconds since 1970 (`*_at`, `*_until`), JSON and states as text.

-- A project folder's host, and each time a process held its lock.
CREATE TABLE host (
    id         TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE boot (
    id         INTEGER PRIMARY KEY,
    host_id    TEXT NOT NULL,
    machine    TEXT NOT NULL,               -- the kernel's boot id: tells a reboot from a death
    pid        INTEGER NOT NULL,
    version    TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    stopped_at INTEGER                      -- set by a clean stop only
) STRICT;

-- The next job id and the next lease; moved in the transaction that uses them.
CREATE TABLE sequence (
    name TEXT PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sequence VALUES ('job', 1), ('lease', 1);

-- Counts are rows, changed with what they count.
CREATE TABLE tally (
    kind  TEXT NOT NULL,
    state TEXT NOT NULL,
    jobs  INTEGER NOT NULL,
    PRIMARY KEY (kind, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue (
    name          TEXT PRIMARY KEY,
    state         TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused', 'draining')),
    concurrency   INTEGER,                  -- NULL: as many as there are slots
    rate_per_min  INTEGER,                  -- NULL: no limit
    next_at       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Concurrency keys: what shares one limit, for example a host name.
CREATE TABLE key (
    name         TEXT PRIMARY KEY,
    running      INTEGER NOT NULL DEFAULT 0,
    waiting      INTEGER NOT NULL DEFAULT 0,
    max_running  INTEGER NOT NULL DEFAULT 1,
    min_interval INTEGER NOT NULL DEFAULT 0,
    next_at      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE subject (
    id         TEXT PRIMARY KEY,
    source     TEXT NOT NULL,
    title      TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
    id              INTEGER PRIMARY KEY,
    kind            TEXT NOT NULL,
    queue           TEXT NOT NULL,
    subject         TEXT NOT NULL,
    source          TEXT NOT NULL,
    title           TEXT NOT NULL,
    tags            TEXT NOT NULL,          -- JSON array
    payload         TEXT NOT NULL,          -- JSON
    priority        INTEGER NOT NULL,       -- smaller runs first
    key             TEXT,
    unique_key      TEXT,
    deadline_at     INTEGER,
    parent_id       INTEGER,                -- the job whose completion queued this one
    depth           INTEGER NOT NULL,       -- how many parents up to the first
    import_id       INTEGER,
    item            INTEGER,                -- position in the import's list
    state           TEXT NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    -- Where a queued job stands. Only `ready` is looked at by a claim, so what
    -- waits for something costs it nothing.
    wait            TEXT CHECK (wait IN ('ready', 'timer', 'subject', 'suspect', 'key', 'queue')),
    why             TEXT,                   -- backoff, deferred, stopped, died, retried
    run_at          INTEGER NOT NULL,
    round           INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,       -- charged in this round, a running one included
    max_attempts    INTEGER NOT NULL,
    deferrals       INTEGER NOT NULL DEFAULT 0,
    deferred_since  INTEGER,
    deaths          INTEGER NOT NULL DEFAULT 0,
    suspect         INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    -- Of the current or last run.
    lease           INTEGER,
    host_id         TEXT,
    boot_id         INTEGER,
    lease_until     INTEGER,                -- NULL: held by the process that holds the lock
    digest          TEXT,
    inputs          TEXT,                   -- JSON: pinned generations, {"kind": lease}
    started_at      INTEGER,
    cancel_by       TEXT,                   -- who asked to cancel while it ran
    finished_at     INTEGER,
    unchanged       INTEGER NOT NULL DEFAULT 0,
    result          TEXT,                   -- JSON
    error_class     TEXT,
    error_message   TEXT,
    resolution      TEXT CHECK (resolution IN ('resubmitted', 'deleted', 'superseded')),
    CHECK ((state = 'queued') = (wait IS NOT NULL)),
    CHECK (state <> 'running' OR (lease IS NOT NULL AND boot_id IS NOT NULL AND started_at IS NOT NULL))
) STRICT;

CREATE INDEX job_ready ON job (queue, priority, id) WHERE wait = 'ready';
CREATE INDEX job_timer ON job (run_at) WHERE wait = 'timer';
CREATE INDEX job_behind_subject ON job (subject, kind, id) WHERE wait = 'subject';
CREATE INDEX job_suspect ON job (deaths, id) WHERE wait = 'suspect';
CREATE UNIQUE INDEX job_running ON job (subject, kind) WHERE state = 'running';
CREATE INDEX job_failed ON job (id) WHERE state = 'failed';
CREATE INDEX job_of_import ON job (import_id, item) WHERE import_id IS NOT NULL;

CREATE TABLE attempt (
    lease       INTEGER PRIMARY KEY,
    job_id      INTEGER NOT NULL,
    round       INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    boot_id     INTEGER NOT NULL,
    digest      TEXT,
    inputs      TEXT,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    outcome     TEXT NOT NULL,              -- done, unchanged, stopped, died or a failure class
    message     TEXT,
    details     TEXT,
    backtrace   TEXT,
    usage       TEXT NOT NULL,              -- JSON
    log         TEXT,
    log_dropped INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX attempt_of_job ON attempt (job_id);

-- What one successful attempt published; immutable.
CREATE TABLE generation (
    lease      INTEGER PRIMARY KEY,
    subject    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    job_id     INTEGER NOT NULL,
    digest     TEXT NOT NULL,
    inputs     TEXT,
    location   TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX generation_of_subject ON generation (subject, kind);

-- The generation that readers see.
CREATE TABLE current (
    subject TEXT NOT NULL,
    kind    TEXT NOT NULL,
    lease   INTEGER NOT NULL,
    job_id  INTEGER NOT NULL,
    PRIMARY KEY (subject, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
    lease      INTEGER NOT NULL,
    path       TEXT NOT NULL,               -- within the generation
    bytes      INTEGER NOT NULL,
    sha256     TEXT NOT NULL,
    media_type TEXT NOT NULL,
    PRIMARY KEY (lease, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE import (
    id          INTEGER PRIMARY KEY,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'processing', 'paused', 'completed', 'cancelled', 'failed')),
    kind        TEXT NOT NULL,              -- of the jobs that its items become
    source      TEXT NOT NULL,              -- what was imported, for people
    root        TEXT,                       -- the folder that jobs see as /imports
    list        TEXT NOT NULL,              -- the list, relative to the project
    list_bytes  INTEGER NOT NULL,
    chunk       INTEGER NOT NULL,
    cursor      INTEGER NOT NULL,           -- byte offset of the next item in the list
    dispatched  INTEGER NOT NULL,           -- items that were read
    total       INTEGER NOT NULL,
    done        INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    cancelled   INTEGER NOT NULL DEFAULT 0,
    duplicate   INTEGER NOT NULL DEFAULT 0,
    skipped     INTEGER NOT NULL DEFAULT 0,
    invalid     INTEGER NOT NULL DEFAULT 0,
    open_jobs   INTEGER NOT NULL DEFAULT 0, -- queued or running
    error       TEXT,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX import_open ON import (id) WHERE state IN ('pending', 'processing');

-- The tree of jobs of each item that was dispatched.
CREATE TABLE item (
    import_id INTEGER NOT NULL,
    item      INTEGER NOT NULL,
    open      INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    made      INTEGER NOT NULL,
    PRIMARY KEY (import_id, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE handler (
    digest      TEXT PRIMARY KEY,           -- sha256 of the component, hex
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    description TEXT NOT NULL,              -- what `describe` said, JSON
    origin      TEXT NOT NULL CHECK (origin IN ('bundled', 'added')),
    state       TEXT NOT NULL CHECK (state IN ('checking', 'ready', 'canary', 'trial', 'disabled', 'broken')),
    bytes       INTEGER NOT NULL,
    added_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which handler does a kind.
CREATE TABLE route (
    kind       TEXT PRIMARY KEY,
    digest     TEXT NOT NULL,
    previous   TEXT,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
