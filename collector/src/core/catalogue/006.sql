-- What sites call their own codes (site dictionary), by the batch that told it last.
CREATE TABLE term (
    site TEXT NOT NULL,
    system TEXT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (site, system, code, name)
) WITHOUT ROWID;
