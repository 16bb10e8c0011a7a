-- The quality of what was read for each batch, in counts, as its manifest states it (A-045).
-- `kind` is a data kind or '-'. `name` is a measure with its base and its faulty part, a finding
-- code with its count, or 'files' with all files and those set aside.
CREATE TABLE quality (
    site TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    looked_at INTEGER NOT NULL,
    faulty INTEGER NOT NULL,
    PRIMARY KEY (site, sequence, kind, name),
    FOREIGN KEY (site, sequence) REFERENCES batch (site, sequence)
) STRICT;
