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
