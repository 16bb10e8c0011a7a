-- Emergency codes beside stop orders and words of erasure, and to which legal entity a request to
-- stop was addressed (empty: not told). The rule on kinds can only be changed with the table.
CREATE TABLE letter_5 (
    site TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('stop-order', 'erased', 'emergency-code')),
    -- The name of an order or a code; empty for a word.
    name TEXT NOT NULL,
    bytes BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    -- The last answer of the device that was taken; 0 and NULL before the first.
    revision INTEGER NOT NULL DEFAULT 0,
    answered_at INTEGER,
    outcome TEXT,
    -- A later order that stands in the place of this one.
    replaced_by INTEGER,
    addressee TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (site, number)
) STRICT;
INSERT INTO letter_5 (site, number, kind, name, bytes, made_at, revision, answered_at, outcome,
    replaced_by)
    SELECT site, number, kind, name, bytes, made_at, revision, answered_at, outcome, replaced_by
    FROM letter;
DROP TABLE letter;
ALTER TABLE letter_5 RENAME TO letter;
CREATE UNIQUE INDEX letter_name ON letter (name) WHERE name <> '';
