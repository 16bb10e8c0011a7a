//! Signing in and staying signed in.
//!
//! A session is a random token in a cookie; only its digest is stored. It ends without a click for
//! some minutes, after some hours in any case, and when it is used from another address or by
//! another browser than the one that began it.

use record::SiteId;
use rusqlite::{Connection, OptionalExtension, Row, params};
use zeroize::Zeroizing;

use super::account::{Account, Name, by_id, by_name, purpose};
use super::log::{Act, Line};
use super::secret::{digest, hex, random};
use super::store::{Store, database};
use super::words::{clock, moment};
use super::{password, totp};
use crate::error::Failure;

/// Failures that cost no waiting.
const FREE_FAILURES: u32 = 4;
/// The first waiting time; it doubles with every further failure.
const WAIT_SECONDS: i64 = 30;
/// The longest: a stranger must not be able to keep the reception out for a morning.
const WAIT_SECONDS_MAX: i64 = 15 * 60;
/// Names that are remembered because somebody failed with them.
const ATTEMPTS_MAX: u32 = 10_000;
/// Sessions of one account at once: two places of work and some that were left open.
const SESSIONS_MAX: u32 = 4;
/// A session is not written again for every click.
const SEEN_SECONDS: i64 = 20;
/// How long an emergency session lasts, whatever is done in it (B-088).
pub(super) const EMERGENCY_SECONDS: i64 = 30 * 60;

/// The secret of a session as the cookie holds it.
pub(crate) struct Token(Zeroizing<String>);

impl Token {
    fn new() -> Self {
        Self(Zeroizing::new(hex(&random::<32>())))
    }

    /// Takes the value of a cookie: 64 hexadecimal digits.
    pub(crate) fn of_cookie(text: &str) -> Option<Self> {
        let fits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The value for the cookie.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a sign-in came out.
pub(crate) enum SignIn {
    /// It is this session.
    In(Token),
    /// Something of it is wrong; what, is not told.
    Wrong,
    /// So many seconds have to pass before the next try counts.
    Wait(i64),
}

/// Somebody who is signed in.
pub(crate) struct Session {
    /// Who.
    pub(crate) account: Account,
    /// What forms of this session have to bring along.
    pub(crate) csrf: String,
    /// When it began.
    pub(crate) begun: i64,
    /// Whether it began with an emergency code: then the account has the roles of one institution.
    pub(crate) emergency: bool,
}

impl Store {
    /// Signs in with password and the authenticator app's code. `from` is the digest of address
    /// and browser.
    ///
    /// # Errors
    /// The database cannot be used.
    pub(crate) fn sign_in(
        &self,
        name: &str,
        secret: &str,
        code: &str,
        from: &[u8; 32],
        at: i64,
    ) -> Result<SignIn, Failure> {
        if let Some(seconds) = self.reserve(name, at)? {
            return Ok(SignIn::Wait(seconds));
        }
        let name: Option<Name> = name.parse().ok();
        let known = name
            .as_ref()
            .map(|name| self.credentials(name))
            .transpose()?
            .flatten();
        let kept = known.as_ref().map(|known| known.password.as_slice());
        let right = password::is(secret, kept)?;
        let step = known.as_ref().and_then(|known| {
            let app = self
                .key
                .open_sealed(&purpose(&known.account.name), &known.totp)?;
            totp::accept(&app, code, at, known.step)
        });
        match (known, step) {
            (Some(known), Some(step)) if right => {
                self.welcome(&known.account, Some(step), from, at)
            }
            _ => self.refuse(name.as_ref(), at).map(|()| SignIn::Wrong),
        }
    }

    /// Counts a try before it is looked at, so that many at once are as slow as one after another.
    /// Gives the seconds to wait if there are any.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn reserve(&self, name: &str, at: i64) -> Result<Option<i64>, Failure> {
        let who = self.who(name);
        self.write(|connection| {
            let known = connection
                .query_row(
                    "SELECT failures, until FROM attempt WHERE who = ?1",
                    [who],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()
                .map_err(database)?;
            let (failures, until): (u32, i64) = known.unwrap_or((0, 0));
            if until > at {
                return Ok(Some(until - at));
            }
            let failures = failures.saturating_add(1);
            let wait = waiting(failures);
            connection
                .execute(
                    "INSERT INTO attempt VALUES (?1, ?2, ?3) \
                     ON CONFLICT (who) DO UPDATE SET failures = ?2, until = ?3",
                    params![who, failures, at + wait],
                )
                .map_err(database)?;
            forget_attempts(connection).map_err(database)?;
            if wait > 0 {
                let known: Option<Name> = name.parse().ok();
                // A name that is no account's may be a password typed into the wrong field.
                let known = known.and_then(|name| by_name(connection, &name).ok().flatten());
                let name = known.as_ref().map_or("?", |account| account.name.as_str());
                self.append(connection, &Line::new(Act::Locked, name), at)?;
            }
            Ok(None)
        })
    }

    /// Begins a session of an account that has shown who it is.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn welcome(
        &self,
        account: &Account,
        step: Option<i64>,
        from: &[u8; 32],
        at: i64,
    ) -> Result<SignIn, Failure> {
        let token = Token::new();
        let who = self.who(account.name.as_str());
        let welcomed = self.write(|connection| {
            if let Some(step) = step {
                let used = connection
                    .execute(
                        "UPDATE account SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2",
                        params![account.id, step],
                    )
                    .map_err(database)?;
                // The same code came twice at once.
                if used == 0 {
                    return Ok(false);
                }
            }
            begin(connection, account, None, &digest(&token.0), from, at).map_err(database)?;
            connection
                .execute("DELETE FROM attempt WHERE who = ?1", [who])
                .map_err(database)?;
            let line = Line::new(Act::SignedIn, account.name.as_str());
            self.append(connection, &line, at)?;
            Ok(true)
        })?;
        Ok(match welcomed {
            true => SignIn::In(token),
            false => SignIn::Wrong,
        })
    }

    /// Begins a session of an account whose emergency code of an institution was right.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn begin_emergency(
        &self,
        account: &Account,
        site: &SiteId,
        from: &[u8; 32],
        at: i64,
    ) -> Result<Token, Failure> {
        let token = Token::new();
        self.write(|connection| {
            let kept = digest(&token.0);
            begin(connection, account, Some(site), &kept, from, at).map_err(database)?;
            let line = Line::new(Act::EmergencyIn, account.name.as_str()).at(site.as_str());
            self.append(connection, &line, at)
        })?;
        Ok(token)
    }

    /// Writes down that a sign-in was refused.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn refuse(&self, name: Option<&Name>, at: i64) -> Result<(), Failure> {
        let known = name.map(|name| self.account(name)).transpose()?.flatten();
        let name = known.as_ref().map_or("?", |account| account.name.as_str());
        self.note(&Line::new(Act::Refused, name), at)
    }

    /// The session of a cookie, if it stands.
    ///
    /// # Errors
    /// The database cannot be used.
    pub(crate) fn session(
        &self,
        token: &Token,
        from: &[u8; 32],
        at: i64,
    ) -> Result<Option<Session>, Failure> {
        let kept = digest(&token.0);
        let connection = self.connection()?;
        let Some(found) = found(&connection, &kept).map_err(database)? else {
            return Ok(None);
        };
        let account = by_id(&connection, found.account).map_err(database)?;
        let account = account.filter(|account| !account.closed);
        let in_time = self.in_time(&found, at);
        let end = match (&account, in_time, found.from == *from) {
            (Some(_), true, true) => None,
            (_, false, _) | (None, ..) => Some(found.ended_by_time()),
            (Some(_), true, false) => Some(Act::SessionRefused),
        };
        let seen_anew = at - found.seen >= SEEN_SECONDS;
        if end.is_none() && seen_anew {
            connection
                .execute(
                    "UPDATE session SET seen = ?2 WHERE digest = ?1",
                    params![kept, at],
                )
                .map_err(database)?;
        }
        drop(connection);
        if let Some(act) = end {
            let name = account
                .as_ref()
                .map_or("?", |account| account.name.as_str());
            self.end(&kept, act, name, found.begun, at)?;
            return Ok(None);
        }
        let csrf = hex(&self.key.mac("sekisho page form v1", token.0.as_bytes()));
        Ok(account.map(|mut account| {
            if let Some(only) = &found.emergency {
                account.only_at(only);
            }
            Session {
                account,
                csrf,
                begun: found.begun,
                emergency: found.emergency.is_some(),
            }
        }))
    }

    fn in_time(&self, found: &Found, at: i64) -> bool {
        let idle = i64::from(self.sessions.idle_minutes) * 60;
        let longest = match found.emergency {
            None => i64::from(self.sessions.hours) * 3600,
            Some(_) => EMERGENCY_SECONDS,
        };
        // A clock that went back must not lengthen a session.
        (0..idle).contains(&(at - found.seen)) && (0..longest).contains(&(at - found.begun))
    }

    /// Ends every session whose time is over, so that the log has the end of each although nobody
    /// comes back (B-089).
    ///
    /// # Errors
    /// The database cannot be used.
    pub(crate) fn end_over(&self, at: i64) -> Result<(), Failure> {
        let all = || -> rusqlite::Result<Vec<([u8; 32], Found, String)>> {
            let connection = self
                .connection()
                .map_err(|_| rusqlite::Error::InvalidQuery)?;
            let mut statement = connection.prepare_cached(
                "SELECT session.account, origin, begun, seen, emergency, digest, name \
                 FROM session JOIN account ON account.id = session.account",
            )?;
            let rows =
                statement.query_map([], |row| Ok((row.get(5)?, of_row(row)?, row.get(6)?)))?;
            rows.collect()
        };
        for (kept, found, name) in all().map_err(database)? {
            if !self.in_time(&found, at) {
                self.end(&kept, found.ended_by_time(), &name, found.begun, at)?;
            }
        }
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn sign_out(
        &self,
        token: &Token,
        session: &Session,
        at: i64,
    ) -> Result<(), Failure> {
        let name = session.account.name.as_str();
        let act = match session.emergency {
            false => Act::SignedOut,
            true => Act::EmergencyEnded,
        };
        self.end(&digest(&token.0), act, name, session.begun, at)
    }

    fn end(
        &self,
        kept: &[u8; 32],
        act: Act,
        name: &str,
        begun: i64,
        at: i64,
    ) -> Result<(), Failure> {
        // B-089 asks for the time of the login and how long it was.
        let minutes = (at - begun).max(0) / 60;
        let about = format!("{} – {} ({minutes} min)", moment(begun), clock(at));
        self.write(|connection| {
            let ended = connection
                .execute("DELETE FROM session WHERE digest = ?1", [kept])
                .map_err(database)?;
            // Of two who end it at once, one writes it down.
            match ended {
                0 => Ok(()),
                _ => self.append(connection, &Line::about(act, name, &about), at),
            }
        })
    }

    fn credentials(&self, name: &Name) -> Result<Option<Credentials>, Failure> {
        let connection = self.connection()?;
        let read = || {
            let Some(account) = by_name(&connection, name)? else {
                return Ok(None);
            };
            let query = "SELECT password, totp, totp_step FROM account \
                WHERE id = ?1 AND closed = 0 AND password IS NOT NULL AND totp IS NOT NULL";
            let found = connection.query_row(query, [account.id], |row| {
                Ok(Credentials {
                    password: row.get(0)?,
                    totp: row.get(1)?,
                    step: row.get(2)?,
                    account,
                })
            });
            found.optional()
        };
        read().map_err(database)
    }

    fn who(&self, name: &str) -> [u8; 32] {
        let name = name.trim().to_lowercase();
        self.key.mac("sekisho page attempt v1", name.as_bytes())
    }
}

struct Credentials {
    account: Account,
    password: Vec<u8>,
    totp: Vec<u8>,
    step: i64,
}

struct Found {
    account: i64,
    from: [u8; 32],
    begun: i64,
    seen: i64,
    /// The institution of an emergency code.
    emergency: Option<String>,
}

impl Found {
    fn ended_by_time(&self) -> Act {
        match self.emergency {
            None => Act::SessionEnded,
            Some(_) => Act::EmergencyEnded,
        }
    }
}

fn found(connection: &Connection, kept: &[u8; 32]) -> rusqlite::Result<Option<Found>> {
    let query = "SELECT account, origin, begun, seen, emergency FROM session WHERE digest = ?1";
    connection.query_row(query, [kept], of_row).optional()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        account: row.get(0)?,
        from: row.get(1)?,
        begun: row.get(2)?,
        seen: row.get(3)?,
        emergency: row.get(4)?,
    })
}

fn begin(
    connection: &Connection,
    account: &Account,
    emergency: Option<&SiteId>,
    kept: &[u8; 32],
    from: &[u8; 32],
    at: i64,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
        params![kept, account.id, from, at, emergency.map(SiteId::as_str)],
    )?;
    connection.execute(
        "DELETE FROM session WHERE account = ?1 AND digest NOT IN \
         (SELECT digest FROM session WHERE account = ?1 ORDER BY seen DESC LIMIT ?2)",
        params![account.id, SESSIONS_MAX],
    )?;
    Ok(())
}

fn forget_attempts(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM attempt WHERE who IN \
         (SELECT who FROM attempt ORDER BY until DESC LIMIT -1 OFFSET ?1)",
        [ATTEMPTS_MAX],
    )?;
    Ok(())
}

/// How long the next try has to wait after so many failures.
fn waiting(failures: u32) -> i64 {
    match failures.checked_sub(FREE_FAILURES) {
        None | Some(0) => 0,
        Some(more) => (WAIT_SECONDS << (more - 1).min(10)).min(WAIT_SECONDS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::account::{First, Role, Wanted};
    use super::super::store::store;
    use super::*;

    const AT: i64 = 1_800_000_000;
    const HERE: [u8; 32] = [1; 32];
    const SECRET: [u8; 20] = [9; 20];
    const PASSWORD: &str = "asagao-to-tsuyu";

    fn yamada() -> Name {
        "yamada".parse().unwrap()
    }

    fn with_account(store: &Store) {
        let wanted = Wanted {
            name: yamada(),
            shown: "山田".to_owned(),
            may: BTreeSet::from([("HOSPITAL-1".parse().unwrap(), Role::Reception)]),
        };
        let code = store.issue(&wanted, "console", AT).unwrap();
        let first = First {
            name: &yamada(),
            code: code.as_str(),
            password: PASSWORD,
            secret: &SECRET,
            shown: &totp::code(&SECRET, AT),
        };
        assert_eq!(store.first(&first, AT).unwrap(), Ok(()));
        assert!(
            store.first(&first, AT).unwrap().is_err(),
            "a code works once"
        );
    }

    fn sign_in(store: &Store, password: &str, at: i64) -> SignIn {
        let code = totp::code(&SECRET, at);
        store.sign_in("Yamada", password, &code, &HERE, at).unwrap()
    }

    fn token(signed: SignIn) -> Token {
        match signed {
            SignIn::In(token) => token,
            SignIn::Wrong => panic!("wrong"),
            SignIn::Wait(seconds) => panic!("wait {seconds}"),
        }
    }

    fn stands(store: &Store, token: &Token, from: [u8; 32], at: i64) -> bool {
        store.session(token, &from, at).unwrap().is_some()
    }

    /// B-086: sessions end idle after 15 minutes and in any case after 8 hours.
    #[test]
    fn a_session_ends_idle_and_in_any_case() {
        let (_folder, store) = store();
        with_account(&store);
        let begun = AT + 60;
        let idle = token(sign_in(&store, PASSWORD, begun));
        assert!(stands(&store, &idle, HERE, begun + 15 * 60 - 1));
        assert!(!stands(&store, &idle, HERE, begun + 15 * 60 - 1 + 15 * 60));
        assert!(
            !stands(&store, &idle, HERE, begun + 16 * 60),
            "it came back"
        );
        let begun = AT + 3600;
        let long = token(sign_in(&store, PASSWORD, begun));
        let mut at = begun;
        while at < begun + 8 * 3600 - 600 {
            at += 600;
            assert!(stands(&store, &long, HERE, at));
        }
        assert!(!stands(&store, &long, HERE, begun + 8 * 3600));
    }

    /// B-086: a stolen cookie is worth nothing elsewhere, and its use ends the session.
    #[test]
    fn a_session_that_is_used_from_elsewhere_ends() {
        let (_folder, store) = store();
        with_account(&store);
        let stolen = token(sign_in(&store, PASSWORD, AT + 60));
        assert!(!stands(&store, &stolen, [2; 32], AT + 61));
        assert!(!stands(&store, &stolen, HERE, AT + 62));
        let latest = store.latest(i64::MAX, 1).unwrap();
        assert_eq!(latest[0].act, Act::SessionRefused.as_str());
    }

    /// A copy of the database lets nobody in.
    #[test]
    fn the_token_of_a_session_is_not_stored() {
        let (folder, store) = store();
        with_account(&store);
        let secret = token(sign_in(&store, PASSWORD, AT + 60));
        drop(store);
        for file in std::fs::read_dir(folder.path().join("page")).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            for clear in [secret.as_str().as_bytes(), PASSWORD.as_bytes(), &SECRET] {
                assert!(!bytes.windows(clear.len()).any(|part| part == clear));
            }
        }
    }

    /// B-086: waiting times grow, hold for right and wrong passwords alike and for names that
    /// are no account's, and end.
    #[test]
    fn failed_sign_ins_have_to_wait_longer_and_longer() {
        let (_folder, store) = store();
        with_account(&store);
        let mut at = AT + 600;
        for name in ["yamada", "nobody"] {
            let mut waits = Vec::new();
            for _ in 0..12 {
                match store.sign_in(name, "wrong", "000000", &HERE, at).unwrap() {
                    SignIn::In(_) => panic!("in"),
                    SignIn::Wrong => {}
                    SignIn::Wait(seconds) => {
                        waits.push(seconds);
                        at += seconds;
                    }
                }
            }
            assert_eq!(waits, [30, 60, 120, 240], "{name}");
        }
        // The right password does not pass while it has to wait.
        store
            .sign_in("yamada", "wrong", "000000", &HERE, at + 3600)
            .unwrap();
        assert!(matches!(
            sign_in(&store, PASSWORD, at + 3601),
            SignIn::Wait(_)
        ));
        token(sign_in(&store, PASSWORD, at + 3600 + WAIT_SECONDS_MAX));
        let after = sign_in(&store, "wrong", at + 9000);
        assert!(matches!(after, SignIn::Wrong), "a right one starts afresh");
        assert_eq!(waiting(FREE_FAILURES), 0);
        assert_eq!(waiting(u32::MAX), WAIT_SECONDS_MAX);
    }

    /// B-086: the same code of the app does not work twice, and none works alone.
    #[test]
    fn both_factors_are_needed_and_a_code_works_once() {
        let (_folder, store) = store();
        with_account(&store);
        let at = AT + 3600;
        let code = totp::code(&SECRET, at);
        token(store.sign_in("yamada", PASSWORD, &code, &HERE, at).unwrap());
        for (password, code) in [
            (PASSWORD, code.as_str()),
            (PASSWORD, ""),
            ("wrong", "123456"),
        ] {
            let again = store.sign_in("yamada", password, code, &HERE, at).unwrap();
            assert!(matches!(again, SignIn::Wrong));
        }
    }

    /// B-086: who leaves the institution is out at once.
    #[test]
    fn closing_an_account_ends_its_sessions_and_its_passwords() {
        let (_folder, store) = store();
        with_account(&store);
        let open = token(sign_in(&store, PASSWORD, AT + 60));
        store.close(&yamada(), "console", AT + 70).unwrap();
        assert!(!stands(&store, &open, HERE, AT + 71));
        assert!(matches!(sign_in(&store, PASSWORD, AT + 120), SignIn::Wrong));
    }
}
