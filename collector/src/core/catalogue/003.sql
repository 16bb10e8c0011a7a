-- Persons of whom a site said that everything before a place of its chain is to be erased. The row
-- stays as the trace that it was done; it says nothing about the person.
CREATE TABLE erasure (
    site TEXT NOT NULL,
    subject BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    -- When the last file that held a row of the person was written anew; NULL until then.
    done_at INTEGER,
    PRIMARY KEY (site, subject, sequence),
    FOREIGN KEY (site, sequence) REFERENCES batch (site, sequence)
) STRICT;
