-- Subjects that were removed. The lease is from the sequence of attempts, so whoever follows what was published by
-- leases learns of removals in the same way.
CREATE TABLE removal (
    lease      INTEGER PRIMARY KEY,
    subject    TEXT NOT NULL,
    removed_at INTEGER NOT NULL,
    removed_by TEXT NOT NULL
) STRICT;
