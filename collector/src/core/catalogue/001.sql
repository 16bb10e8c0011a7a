-- What became of each file of the inbox.
CREATE TABLE file (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    site TEXT,
    sequence INTEGER,
    batch BLOB,
    outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'refused', 'waiting', 'duplicate')),
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- Accepted batches: each site's chain without gaps.
CREATE TABLE batch (
    site TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    id BLOB NOT NULL UNIQUE,
    manifest_digest BLOB NOT NULL,
    manifest TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    subjects INTEGER NOT NULL,
    documents INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL,
    PRIMARY KEY (site, sequence)
) STRICT;

-- The table files of an accepted batch. A file that is not listed here does not exist.
CREATE TABLE batch_table (
    site TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    name TEXT NOT NULL,
    rows INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (site, sequence, name),
    FOREIGN KEY (site, sequence) REFERENCES batch (site, sequence)
) STRICT;

-- Research IDs, oldest first by the ledger height of their minting. None is ever used again.
CREATE TABLE person (
    research_id BLOB PRIMARY KEY,
    minted INTEGER NOT NULL,
    merged_into BLOB REFERENCES person (research_id)
) STRICT;

-- Which person each subject of a site is, by the last linkage run.
CREATE TABLE member (
    site TEXT NOT NULL,
    subject BLOB NOT NULL,
    research_id BLOB NOT NULL REFERENCES person (research_id),
    PRIMARY KEY (site, subject)
) STRICT;

-- Why subjects are the same person, by the last linkage run.
CREATE TABLE link (
    site_a TEXT NOT NULL,
    subject_a BLOB NOT NULL,
    site_b TEXT NOT NULL,
    subject_b BLOB NOT NULL,
    rule TEXT NOT NULL,
    score REAL NOT NULL,
    evidence TEXT NOT NULL,
    PRIMARY KEY (site_a, subject_a, site_b, subject_b)
) STRICT;

-- Pairs that an operator ruled to be different persons.
CREATE TABLE apart (
    site_a TEXT NOT NULL,
    subject_a BLOB NOT NULL,
    site_b TEXT NOT NULL,
    subject_b BLOB NOT NULL,
    PRIMARY KEY (site_a, subject_a, site_b, subject_b)
) STRICT;

-- 来歴台帳: append-only, each entry holding the digest of the one before.
CREATE TABLE ledger (
    height INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    previous BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_is_not_shortened BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

-- Releases and the batches that went into each.
CREATE TABLE release (
    name TEXT PRIMARY KEY,
    recipe_digest BLOB NOT NULL,
    inputs_digest BLOB NOT NULL,
    manifest_digest BLOB NOT NULL,
    ledger_height INTEGER NOT NULL,
    persons INTEGER NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;
CREATE TABLE release_batch (
    release TEXT NOT NULL REFERENCES release (name),
    batch BLOB NOT NULL REFERENCES batch (id),
    PRIMARY KEY (release, batch)
) STRICT;
