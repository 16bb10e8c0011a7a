-- The centre's side of the transfer ledger: a chain of lines for each site, as
-- docs/transfer-ledger.md says.
CREATE TABLE transfer (
    site TEXT NOT NULL,
    number INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (site, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER transfer_is_not_changed BEFORE UPDATE ON transfer
BEGIN SELECT RAISE(ABORT, 'the transfer ledger is append-only'); END;
CREATE TRIGGER transfer_is_not_shortened BEFORE DELETE ON transfer
BEGIN SELECT RAISE(ABORT, 'the transfer ledger is append-only'); END;
