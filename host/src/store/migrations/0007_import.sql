-- In which form the list came, how far it is read, and what is to happen with it.
ALTER TABLE import ADD COLUMN format TEXT NOT NULL DEFAULT 'folder';
ALTER TABLE import ADD COLUMN position INTEGER NOT NULL DEFAULT 0;  -- number of the item at the cursor, from 0
ALTER TABLE import ADD COLUMN deferred INTEGER NOT NULL DEFAULT 0;  -- items before the cursor that wait in ranges
ALTER TABLE import ADD COLUMN existing TEXT NOT NULL DEFAULT 'again' CHECK (existing IN ('again', 'skip'));
ALTER TABLE import ADD COLUMN then_job TEXT;                        -- JSON: the job that follows when it is done
ALTER TABLE import ADD COLUMN then_id INTEGER;                      -- that job
UPDATE import SET position = dispatched, format = CASE WHEN root IS NULL THEN 'urls' ELSE 'folder' END;

DROP INDEX import_open;
CREATE INDEX import_open ON import (id) WHERE state IN ('pending', 'processing', 'paused');
-- Cancelled ones whose jobs have not all ended.
CREATE INDEX import_ending ON import (id) WHERE state = 'cancelled' AND open_jobs > 0;

-- Parts of a list in which items of a key wait until it has room.
CREATE TABLE deferred (
    import_id INTEGER NOT NULL,
    key       TEXT NOT NULL,
    start     INTEGER NOT NULL,             -- bytes: where the first of them begins
    position  INTEGER NOT NULL,             -- number of that item, from 0
    stop      INTEGER NOT NULL,             -- bytes: where the last of them ends
    items     INTEGER NOT NULL,
    PRIMARY KEY (import_id, key, start)
) STRICT, WITHOUT ROWID;

-- The failed items of an import, without reading the others.
CREATE INDEX item_failed ON item (import_id, item) WHERE failed > 0;
