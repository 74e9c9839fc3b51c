-- The failure log: one entry for each round of a job that ended as failed, written in the transaction that moved the job.
CREATE TABLE failure (
    id          INTEGER PRIMARY KEY,
    job_id      INTEGER NOT NULL,
    round       INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    class       TEXT NOT NULL,
    message     TEXT NOT NULL,
    fingerprint TEXT NOT NULL,              -- 12 hex digits; empty until the store is opened after this migration
    top_frame   TEXT,                       -- the guest function that it ended in, if there is a backtrace
    digest      TEXT,                       -- of the handler; none when no attempt is to blame
    subject     TEXT NOT NULL,
    source      TEXT NOT NULL,
    title       TEXT NOT NULL,
    import_id   INTEGER,
    item        INTEGER,
    failed_at   INTEGER NOT NULL,
    previous    INTEGER,                    -- the job's entry before this one
    detailed    INTEGER NOT NULL,           -- 0: log, backtrace and details of its attempts were let go
    resolution  TEXT CHECK (resolution IN ('resubmitted', 'deleted', 'superseded')),
    resolved_at INTEGER,
    resolved_by TEXT,
    CHECK ((resolution IS NULL) = (resolved_at IS NULL)),
    UNIQUE (job_id, round)
) STRICT;

-- `resolution` is in the first three so that counts and groups read nothing but the index.
CREATE INDEX failure_open ON failure (resolution) WHERE resolution IS NULL;
CREATE INDEX failure_detailed ON failure (resolution, detailed) WHERE resolution IS NULL AND detailed = 1;
CREATE INDEX failure_group ON failure (resolution, fingerprint) WHERE resolution IS NULL;
CREATE INDEX failure_about ON failure (subject, kind, job_id) WHERE resolution IS NULL;
CREATE INDEX failure_of_import ON failure (import_id, id) WHERE import_id IS NOT NULL;

-- Jobs that failed before there was a log. SQL cannot make fingerprints; opening the store does.
INSERT INTO failure (job_id, round, kind, class, message, fingerprint, digest, subject, source, title, import_id, item,
                     failed_at, detailed)
SELECT id, round, kind, coalesce(error_class, 'host-fault'), coalesce(error_message, ''), '', digest, subject, source,
       title, import_id, item, coalesce(finished_at, created_at), 1
FROM job WHERE state = 'failed' ORDER BY coalesce(finished_at, created_at), id;

-- The entry says whether and how a failure was resolved.
ALTER TABLE job DROP COLUMN resolution;
