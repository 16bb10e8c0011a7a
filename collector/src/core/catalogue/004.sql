-- Letters to the devices of sites: stop orders, and words of whom was erased. Their bytes are
-- sealed for the device, so this file tells nothing about whom they are.
CREATE TABLE letter (
    site TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('stop-order', 'erased')),
    -- The name of an order; empty for a word.
    name TEXT NOT NULL,
    bytes BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    -- The last answer of the device that was taken; 0 and NULL before the first.
    revision INTEGER NOT NULL DEFAULT 0,
    answered_at INTEGER,
    outcome TEXT,
    -- A later order that stands in the place of this one.
    replaced_by INTEGER,
    PRIMARY KEY (site, number)
) STRICT;
CREATE UNIQUE INDEX letter_name ON letter (name) WHERE name <> '';
-- The letter that tells the site that an erasure is done.
ALTER TABLE erasure ADD COLUMN letter INTEGER;
