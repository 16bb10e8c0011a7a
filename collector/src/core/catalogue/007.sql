-- Sites whose chain has forked: two batches of one place with one predecessor, signed by the site.
-- One of the two devices is a copy, and which one cannot be told from here.
CREATE TABLE stopped (
    site TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    since INTEGER NOT NULL
) STRICT;
-- The batches that contend for a place. An operator who releases the site keeps one of them.
CREATE TABLE contender (
    batch BLOB PRIMARY KEY,
    site TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    fate TEXT CHECK (fate IN ('kept', 'discarded'))
) STRICT;
-- Receipt records (受領記録): what was received of whom, when, and on which ground it could leave
-- the site (B-006). They outlast the tables.
CREATE TABLE receipt (
    batch BLOB PRIMARY KEY,
    site TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    manifest TEXT NOT NULL
) STRICT;
CREATE TRIGGER receipt_is_not_changed BEFORE UPDATE ON receipt
BEGIN SELECT RAISE(ABORT, 'a receipt record is not changed'); END;
INSERT INTO receipt (batch, site, sequence, received_at, bytes, manifest)
    SELECT batch.id, batch.site, batch.sequence, batch.accepted_at,
        coalesce((SELECT size FROM file WHERE file.batch = batch.id AND outcome = 'accepted'), 0),
        batch.manifest
    FROM batch;
-- Sites of which nothing may be disposed of, whatever its age.
CREATE TABLE hold (
    site TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    operator TEXT NOT NULL
) STRICT;
