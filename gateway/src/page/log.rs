//! The access log (B-089): who did what when, readable, append-only, chained by keyed digests.
//!
//! A person is in it as a keyed reference, never by number. The last known end of the chain stands
//! in `log.head`; a log that is shorter, or other at that place, was cut or changed.

use std::fs;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::secret::{hex, unhex};
use super::store::{Store, database};
use super::texts::Text;
use crate::error::{Failure, Problem};
use crate::spool::write_durably;

const HEAD: &str = "log.head";
const NOBODY: [u8; 32] = [0; 32];

macro_rules! acts {
    ($($variant:ident = $word:literal, $ja:literal, $en:literal;)*) => {
        /// What somebody did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Act { $(#[doc = $en] $variant,)* }

        impl Act {
            /// The word in the database.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What a word of the database means; the word itself when it is of a later version.
            pub(crate) fn text(word: &str) -> Option<Text> {
                match word {
                    $($word => Some(Text { ja: $ja, en: $en }),)*
                    _ => None,
                }
            }
        }
    };
}

acts! {
    CodeIssued = "code-issued", "利用者の登録（最初のコードを発行）", "account made, first code issued";
    FirstSignIn = "first-sign-in", "最初の登録を終えた", "first sign-in completed";
    AccountClosed = "account-closed", "利用者の停止", "account closed";
    PasskeyAdded = "passkey-added", "パスキーの登録", "passkey added";
    PasskeysRemoved = "passkeys-removed", "パスキーの削除", "passkeys removed";
    SignedIn = "signed-in", "ログイン", "signed in";
    EmergencyIn = "emergency-in", "センターの緊急コードでログイン（30分、閲覧と停止の登録だけ）",
        "signed in with an emergency code of the centre";
    EmergencyEnded = "emergency-ended", "緊急ログインの終わり", "emergency session ended";
    SignedOut = "signed-out", "ログアウト", "signed out";
    Refused = "refused", "ログインを断った", "sign-in refused";
    Locked = "locked", "続けて失敗したため待ち時間を置いた", "waiting time after failed sign-ins";
    SessionEnded = "session-ended", "時間切れでログアウト", "session ended by time";
    SessionRefused = "session-refused", "別の端末から使われたログインを終わらせた",
        "session used from elsewhere and ended";
    StopEntered = "stop-entered", "提供停止を登録", "stop entered";
    ConsentEntered = "consent-entered", "同意を登録", "consent entered";
    Merged = "merged", "患者番号の統合を登録", "numbers merged";
    Revoked = "revoked", "登録を取り消し", "entry revoked";
    NoticesEntered = "notices-entered", "通知をまとめて登録", "notices entered together";
    NoticesUndone = "notices-undone", "まとめた登録を取り消し", "notices taken back together";
    Decided = "decided", "保留を判断", "withheld case decided";
    Printed = "printed", "確認書を表示", "confirmation shown";
    Searched = "searched", "患者番号で検索", "searched a chart number";
    Downloaded = "downloaded", "提供記録を保存", "provision record downloaded";
    Tested = "tested", "接続テスト", "source folder tested";
    CasesShown = "cases-shown", "保留の一覧を表示", "withheld cases shown";
    LeavesShown = "leaves-shown", "当院から出るものを表示", "what leaves shown";
    SixteenShown = "sixteen-shown", "16歳になった方の一覧を表示", "persons who turned 16 shown";
    ListChecked = "list-checked", "通知の一覧を照合", "list of visitors compared with the ledger";
    ClockMoved = "clock-moved", "時計が正しい時刻から1秒より大きくずれた",
        "the clock moved by more than a second";
    ClockPutRight = "clock-put-right", "1秒より大きくずれていた時計が正された",
        "a clock that was off by more than a second was put right";
    ClockUnconfirmed = "clock-unconfirmed", "時刻が確かめられなくなった", "the time is no longer confirmed";
    LogRead = "log-read", "操作記録を表示", "access log read";
}

/// One thing to write down.
pub(crate) struct Line<'a> {
    act: Act,
    account: &'a str,
    site: &'a str,
    about: &'a str,
}

impl<'a> Line<'a> {
    /// Something that an account did.
    pub(crate) const fn new(act: Act, account: &'a str) -> Self {
        Self::about(act, account, "")
    }

    /// Something that an account did to something.
    pub(crate) const fn about(act: Act, account: &'a str, about: &'a str) -> Self {
        Self {
            act,
            account,
            site: "",
            about,
        }
    }

    /// At an institution.
    pub(crate) const fn at(self, site: &'a str) -> Self {
        Self { site, ..self }
    }
}

/// One line as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its place, from 1.
    pub(crate) number: i64,
    /// When, in seconds since 1970.
    pub(crate) at: i64,
    /// Who.
    pub(crate) account: String,
    /// Where; empty for what is about no institution.
    pub(crate) site: String,
    /// What, as a word of [`Act`].
    pub(crate) act: String,
    /// On what.
    pub(crate) about: String,
    digest: [u8; 32],
}

impl Store {
    /// Writes a line.
    ///
    /// # Errors
    /// The database cannot be written: then what the line is about must not happen either.
    pub(crate) fn note(&self, line: &Line<'_>, at: i64) -> Result<(), Failure> {
        self.write(|connection| self.append(connection, line, at))
    }

    /// Writes a line inside a transaction of [`Store::write`].
    pub(super) fn append(
        &self,
        connection: &Connection,
        line: &Line<'_>,
        at: i64,
    ) -> Result<(), Failure> {
        let (last, before) = end(connection).map_err(database)?;
        let mut entry = Entry {
            number: last + 1,
            at,
            account: line.account.to_owned(),
            site: line.site.to_owned(),
            act: line.act.as_str().to_owned(),
            about: line.about.to_owned(),
            digest: NOBODY,
        };
        entry.digest = self.chained(&before, &entry);
        connection
            .execute(
                "INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    entry.number,
                    at,
                    entry.account,
                    entry.site,
                    entry.act,
                    entry.about,
                    entry.digest
                ],
            )
            .map_err(database)?;
        Ok(())
    }

    /// Moves the known end of the chain forward.
    pub(super) fn anchor(&self, connection: &Connection) -> Result<(), Failure> {
        let (number, digest) = end(connection).map_err(database)?;
        let text = format!("{number} {}\n", hex(&digest));
        write_durably(&self.folder.join(HEAD), text.as_bytes())
            .map_err(|error| Failure::storing(HEAD, error))
    }

    /// The latest lines, the newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn latest(&self, before: i64, most: u32) -> Result<Vec<Entry>, Failure> {
        let connection = self.connection()?;
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement = connection.prepare_cached(
                "SELECT * FROM log WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
            )?;
            statement.query_map(params![before, most], entry)?.collect()
        };
        read().map_err(database)
    }

    /// The latest lines about an institution, the newest first: what was done there, and signing in
    /// and out of accounts that it has.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn latest_of(
        &self,
        site: &str,
        before: i64,
        most: u32,
    ) -> Result<Vec<Entry>, Failure> {
        let connection = self.connection()?;
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement = connection.prepare_cached(
                "SELECT * FROM log WHERE number < ?2 AND (site = ?1 OR site = '' AND (\
                 account IN ('?', 'console', 'appliance') OR account IN (SELECT name FROM account \
                 JOIN may ON may.account = account.id WHERE may.site = ?1))) \
                 ORDER BY number DESC LIMIT ?3",
            )?;
            statement
                .query_map(params![site, before, most], entry)?
                .collect()
        };
        read().map_err(database)
    }

    /// Checks every line and the known end of the chain. Gives the number of lines.
    ///
    /// # Errors
    /// A line was changed, or the log is shorter than it was.
    pub(crate) fn check_log(&self) -> Result<i64, Failure> {
        let known = self.known_end()?;
        let connection = self.connection()?;
        let broken = |number: i64| Failure::new(Problem::PageLog, format!("log {number}"));
        let mut statement = connection
            .prepare("SELECT * FROM log ORDER BY number")
            .map_err(database)?;
        let rows = statement.query_map([], entry).map_err(database)?;
        let (mut last, mut before) = (0, NOBODY);
        for row in rows {
            let entry = row.map_err(database)?;
            let expected = self.chained(&before, &entry);
            if entry.number != last + 1 || entry.digest != expected {
                return Err(broken(last + 1));
            }
            (last, before) = (entry.number, entry.digest);
            if known.is_some_and(|(number, digest)| number == last && digest != before) {
                return Err(broken(last));
            }
        }
        match known {
            Some((number, _)) if number > last => Err(broken(last + 1)),
            // Somebody who removed the known end could have cut the log.
            None if last > 0 => Err(Failure::new(Problem::PageLog, HEAD)),
            _ => Ok(last),
        }
    }

    fn known_end(&self) -> Result<Option<(i64, [u8; 32])>, Failure> {
        let text = match fs::read_to_string(self.folder.join(HEAD)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| Failure::storing(HEAD, error))?,
        };
        let read = || {
            let (number, digest) = text.trim().split_once(' ')?;
            Some((number.parse().ok()?, unhex(digest)?.try_into().ok()?))
        };
        let end = read().ok_or_else(|| Failure::new(Problem::PageLog, HEAD))?;
        Ok(Some(end))
    }

    fn chained(&self, before: &[u8; 32], entry: &Entry) -> [u8; 32] {
        let mut message = before.to_vec();
        message.extend(entry.number.to_be_bytes());
        message.extend(entry.at.to_be_bytes());
        for text in [&entry.account, &entry.site, &entry.act, &entry.about] {
            message.extend((text.len() as u64).to_be_bytes());
            message.extend(text.as_bytes());
        }
        self.key.mac("sekisho page log v1", &message)
    }
}

fn end(connection: &Connection) -> rusqlite::Result<(i64, [u8; 32])> {
    let query = "SELECT number, digest FROM log ORDER BY number DESC LIMIT 1";
    let end = connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(end.optional()?.unwrap_or((0, NOBODY)))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        number: row.get(0)?,
        at: row.get(1)?,
        account: row.get(2)?,
        site: row.get(3)?,
        act: row.get(4)?,
        about: row.get(5)?,
        digest: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::store::store;
    use super::*;

    fn filled(store: &Store) {
        for at in 1..=5 {
            let line = Line::about(Act::Searched, "yamada", "p-0011").at("HOSPITAL-1");
            store.note(&line, at).unwrap();
        }
    }

    fn tamper(store: &Store, statement: &str) {
        let connection = store.connection().unwrap();
        let free = "DROP TRIGGER log_stays_1; DROP TRIGGER log_stays_2;";
        connection.execute_batch(free).unwrap();
        connection.execute_batch(statement).unwrap();
    }

    /// B-089: the log is read back as it was written, newest first.
    #[test]
    fn lines_are_numbered_and_read_back_from_the_newest() {
        let (_folder, store) = store();
        filled(&store);
        assert_eq!(store.check_log().unwrap(), 5);
        let latest = store.latest(i64::MAX, 2).unwrap();
        assert_eq!(
            latest.iter().map(|it| it.number).collect::<Vec<_>>(),
            [5, 4]
        );
        assert_eq!(latest[0].account, "yamada");
        assert_eq!(latest[0].site, "HOSPITAL-1");
        assert!(Act::text(&latest[0].act).is_some());
    }

    /// B-089: nothing of the log can be changed or removed unseen.
    #[test]
    fn a_log_that_was_changed_or_cut_is_noticed() {
        for statement in [
            "UPDATE log SET account = 'suzuki' WHERE number = 3",
            "UPDATE log SET at = 9 WHERE number = 5",
            "DELETE FROM log WHERE number = 5",
            "DELETE FROM log WHERE number = 2",
            "DELETE FROM log",
            "INSERT INTO log SELECT 6, at, account, site, act, about, digest FROM log LIMIT 1",
            "UPDATE log SET account = 'yamadaH', site = 'OSPITAL-1' WHERE number = 4",
        ] {
            let (_folder, store) = store();
            filled(&store);
            tamper(&store, statement);
            let problem = store.check_log().unwrap_err().problem();
            assert_eq!(problem, Problem::PageLog, "{statement}");
        }
        let (_folder, store) = store();
        filled(&store);
        fs::remove_file(store.folder.join(HEAD)).unwrap();
        assert!(store.check_log().is_err());
    }

    #[test]
    fn the_database_itself_refuses_to_change_a_line() {
        let (_folder, store) = store();
        filled(&store);
        let connection = store.connection().unwrap();
        for statement in ["UPDATE log SET at = 0", "DELETE FROM log"] {
            assert!(connection.execute_batch(statement).is_err(), "{statement}");
        }
    }

    /// A stop between the line and the known end leaves a log that is longer than known.
    #[test]
    fn a_log_that_is_ahead_of_its_known_end_is_well() {
        let (_folder, store) = store();
        filled(&store);
        let head = fs::read(store.folder.join(HEAD)).unwrap();
        store.note(&Line::new(Act::SignedIn, "yamada"), 6).unwrap();
        fs::write(store.folder.join(HEAD), head).unwrap();
        assert_eq!(store.check_log().unwrap(), 6);
    }
}
