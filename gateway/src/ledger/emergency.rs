//! Emergency codes of the centre (B-088): kept until they are used once or their time is over.

use envelope::{EmergencyCode, Outcome, sha256};
use rusqlite::{Transaction, TransactionBehavior, params};

use super::orders::text_of;
use super::people::damaged;
use super::store::{Ledger, database};
use crate::error::Failure;

/// Brings the file to where it holds emergency codes.
pub(super) const MIGRATION: &str = "
    -- By what a code is recognised, whom it lets in and until when, sealed.
    CREATE TABLE emergency (
        number INTEGER PRIMARY KEY,
        sealed BLOB NOT NULL,
        used_at INTEGER
    );
";

impl Ledger {
    /// Takes a code that came as a letter.
    ///
    /// # Errors
    /// The file cannot be written; then nothing of it is there.
    pub(crate) fn take_code(
        &mut self,
        code: &EmergencyCode,
        letter: &[u8; 32],
    ) -> Result<(), Failure> {
        let noted = text_of(Outcome::Noted)?;
        let mut text = code.expires_at.to_be_bytes().to_vec();
        text.extend(code.digest);
        text.extend(code.account.as_bytes());
        let sealed = self.key.seal(&self.of_code(code.number), &text)?;
        let store = || -> rusqlite::Result<()> {
            let behavior = TransactionBehavior::Immediate;
            let transaction = Transaction::new_unchecked(&self.connection, behavior)?;
            transaction.execute(
                "INSERT INTO letter (number, digest, outcome) VALUES (?1, ?2, ?3)",
                params![code.number, letter, noted],
            )?;
            transaction.execute(
                "INSERT INTO emergency (number, sealed) VALUES (?1, ?2)",
                params![code.number, sealed],
            )?;
            transaction.commit()
        };
        store().map_err(database)
    }

    /// Uses a code of an account, once: `true` for exactly one of all who bring the right one in
    /// time. The centre is told at the next exchange of letters.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn use_code(&mut self, account: &str, code: &str, at: i64) -> Result<bool, Failure> {
        for (number, sealed) in self.unused_codes()? {
            let opened = self.key.open(&self.of_code(number), &sealed);
            let opened = opened.ok_or_else(damaged)?;
            let parts = opened.split_first_chunk::<8>();
            let parts =
                parts.and_then(|(until, rest)| Some((until, rest.split_first_chunk::<32>()?)));
            let (until, (digest, name)) = parts.ok_or_else(damaged)?;
            let given = EmergencyCode::digest(&self.site, number, code);
            // Digests of digests: how far they agree tells nothing about the code.
            let right = sha256(&given) == sha256(digest);
            let fits = name == account.as_bytes() && i64::from_be_bytes(*until) > at;
            if right && fits && self.spend(number, at)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn spend(&self, number: u64, at: i64) -> Result<bool, Failure> {
        let used = text_of(Outcome::Used)?;
        let spend = || -> rusqlite::Result<bool> {
            let behavior = TransactionBehavior::Immediate;
            let transaction = Transaction::new_unchecked(&self.connection, behavior)?;
            let spent = transaction.execute(
                "UPDATE emergency SET used_at = ?2 WHERE number = ?1 AND used_at IS NULL",
                params![number, at],
            )?;
            transaction.execute(
                "UPDATE letter SET outcome = ?2 WHERE number = ?1",
                params![number, used],
            )?;
            transaction.commit()?;
            Ok(spent == 1)
        };
        spend().map_err(database)
    }

    fn unused_codes(&self) -> Result<Vec<(u64, Vec<u8>)>, Failure> {
        let find = || -> rusqlite::Result<Vec<_>> {
            let query = "SELECT number, sealed FROM emergency WHERE used_at IS NULL";
            let mut statement = self.connection.prepare_cached(query)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        find().map_err(database)
    }

    fn of_code(&self, number: u64) -> Vec<u8> {
        let site = self.site.as_str().as_bytes();
        [b"emergency ", number.to_be_bytes().as_slice(), site].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::LedgerKey;
    use super::*;
    use envelope::MacKey;

    const AT: i64 = 1_800_000_000;

    fn ledger(folder: &std::path::Path) -> Ledger {
        let key = LedgerKey::new(&MacKey::from_bytes([5; 32]));
        Ledger::open(folder, key, &"HOSPITAL-1".parse().unwrap()).unwrap()
    }

    fn code(number: u64) -> EmergencyCode {
        let site = "HOSPITAL-1".parse().unwrap();
        EmergencyCode {
            digest: EmergencyCode::digest(&site, number, "ABCD-EFGH-JKLM"),
            site,
            number,
            account: "incho".to_owned(),
            issued_at: AT,
            expires_at: AT + 3600,
        }
    }

    /// B-088: once, in time, by its own account, and the centre learns that it was used.
    #[test]
    fn a_code_lets_its_account_in_once_and_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = ledger(folder.path());
        ledger.take_code(&code(3), &[1; 32]).unwrap();
        let told = |ledger: &Ledger| ledger.untold().unwrap().first().map(|it| it.outcome);
        assert_eq!(told(&ledger), Some(Outcome::Noted));
        for (account, typed, at) in [
            ("incho", "ABCD-EFGH-JKLN", AT),
            ("incho", "", AT),
            ("ueda", "ABCD-EFGH-JKLM", AT),
            ("incho", "ABCD-EFGH-JKLM", AT + 3600),
        ] {
            assert!(
                !ledger.use_code(account, typed, at).unwrap(),
                "{account} {typed}"
            );
        }
        assert!(
            ledger
                .use_code("incho", "abcd efgh jklm", AT + 3599)
                .unwrap()
        );
        assert!(!ledger.use_code("incho", "ABCD-EFGH-JKLM", AT).unwrap());
        assert_eq!(told(&ledger), Some(Outcome::Used));
    }

    /// A row that somebody put there lets nobody in.
    #[test]
    fn a_code_that_was_moved_to_another_letter_ends_the_look() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = ledger(folder.path());
        ledger.take_code(&code(3), &[1; 32]).unwrap();
        let moved = "UPDATE emergency SET number = 4";
        ledger.connection.execute(moved, []).unwrap();
        assert!(ledger.use_code("incho", "ABCD-EFGH-JKLM", AT).is_err());
    }
}
