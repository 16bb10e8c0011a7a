//! Accounts: one per person, with the roles that the person has at each institution.

use std::collections::BTreeSet;
use std::str::FromStr;

use record::SiteId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::log::{Act, Line};
use super::password;
use super::secret::{digest, random, same};
use super::store::{Store, database};
use super::totp;
use crate::error::{Failure, Problem};

/// How long a one-time code is good.
const CODE_SECONDS: i64 = 24 * 3600;
const CODE_LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_LENGTH: usize = 12;
/// Most accounts: a large hospital's reception in shifts, many times over.
const MOST: u64 = 5_000;

/// What an account may do at an institution (A-055: the desk sees requests, nothing clinical).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Role {
    /// 受付: notices, stops, decisions.
    Reception,
    /// 情報担当: state of the appliance, accounts.
    It,
    /// 院長: what leaves, decisions, the access log.
    Director,
}

impl Role {
    /// Every role.
    pub(crate) const ALL: [Self; 3] = [Self::Reception, Self::It, Self::Director];

    /// The word in the database and in forms.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reception => "reception",
            Self::It => "it",
            Self::Director => "director",
        }
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = Self::ALL.into_iter();
        all.into_iter().find(|role| role.as_str() == text).ok_or(())
    }
}

/// The name by which a person signs in: 2 to 32 of `a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(String);

impl Name {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_ascii_lowercase();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        let fits = (2..=32).contains(&text.len()) && text.bytes().all(allowed);
        fits.then_some(Self(text)).ok_or("2-32: a-z 0-9 . _ -")
    }
}

/// A person who may sign in.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Its number.
    pub(crate) id: i64,
    /// The name for signing in.
    pub(crate) name: Name,
    /// The person's name as pages show it.
    pub(crate) shown: String,
    /// Whether it may no longer sign in.
    pub(crate) closed: bool,
    /// Whether the person has chosen a password.
    pub(crate) ready: bool,
    /// What it may do where.
    pub(crate) may: BTreeSet<(SiteId, Role)>,
}

impl Account {
    /// Whether it has one of these roles at an institution.
    pub(crate) fn may(&self, site: &SiteId, roles: &[Role]) -> bool {
        roles
            .iter()
            .any(|role| self.may.contains(&(site.clone(), *role)))
    }

    /// Leaves what an emergency session may at its institution (B-088): a director stands in for
    /// the reception, because somebody has to take a no.
    pub(super) fn only_at(&mut self, only: &str) {
        self.may.retain(|(site, _)| site.as_str() == only);
        let director = self.may.iter().find(|(_, role)| *role == Role::Director);
        if let Some(site) = director.map(|(site, _)| site.clone()) {
            self.may.insert((site, Role::Reception));
        }
    }

    /// Whether it has this role anywhere.
    pub(crate) fn is_somewhere(&self, role: Role) -> bool {
        self.may.iter().any(|(_, has)| *has == role)
    }
}

/// A new account, or one that starts again.
pub(crate) struct Wanted {
    /// The name for signing in.
    pub(crate) name: Name,
    /// The person's name.
    pub(crate) shown: String,
    /// What it may do where.
    pub(crate) may: BTreeSet<(SiteId, Role)>,
}

/// A one-time code as it is printed: `ABCD-EFGH-JKLM`.
pub(crate) struct Code(String);

impl Code {
    fn new() -> Self {
        let bytes = random::<CODE_LENGTH>();
        let letters = bytes.map(|byte| letter(byte & 31));
        let group = |part: &[char]| part.iter().collect::<String>();
        let (groups, _) = letters.as_chunks::<4>();
        Self(
            groups
                .iter()
                .map(|four| group(four))
                .collect::<Vec<_>>()
                .join("-"),
        )
    }

    /// The text to print.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn letter(place: u8) -> char {
    let letter = CODE_LETTERS.get(usize::from(place)).copied();
    char::from(letter.unwrap_or(b'A'))
}

/// A code as it is compared, whatever blanks and hyphens were typed.
fn plain_code(text: &str) -> String {
    let kept = text.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|letter| letter.to_ascii_uppercase()).collect()
}

/// Why a first sign-in was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Name or code is wrong, used or too old.
    Code,
    /// The password is too short or guessable.
    Password(password::Weak),
    /// The app's code is wrong.
    Totp,
}

/// What a person brings to the first sign-in.
pub(crate) struct First<'a> {
    /// The account.
    pub(crate) name: &'a Name,
    /// The one-time code.
    pub(crate) code: &'a str,
    /// The chosen password.
    pub(crate) password: &'a str,
    /// The secret that the app was given.
    pub(crate) secret: &'a [u8],
    /// What the app shows.
    pub(crate) shown: &'a str,
}

impl Store {
    /// Makes an account, or lets an existing one start again with the same roles as wanted: its
    /// password, second factors and sessions end at once. Gives the one-time code.
    ///
    /// # Errors
    /// The database cannot be written, or there are too many accounts.
    pub(crate) fn issue(&self, wanted: &Wanted, by: &str, at: i64) -> Result<Code, Failure> {
        let code = Code::new();
        self.write(|connection| {
            let count: u64 = connection
                .query_row("SELECT count(*) FROM account", [], |row| row.get(0))
                .map_err(database)?;
            if count >= MOST {
                return Err(Failure::new(Problem::PageAccount, format!("{MOST}")));
            }
            let kept = digest(&plain_code(&code.0));
            write_issue(connection, wanted, &kept, at).map_err(database)?;
            let line = Line::about(Act::CodeIssued, by, wanted.name.as_str());
            self.append(connection, &line, at)
        })?;
        Ok(code)
    }

    /// Whether the one-time code of a name is right. It stays good.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn code_is_right(&self, name: &Name, code: &str, at: i64) -> Result<bool, Failure> {
        let connection = self.connection()?;
        code_is_right(&connection, name, code, at).map_err(database)
    }

    /// The first sign-in: one-time code, then password and authenticator app.
    ///
    /// # Errors
    /// The database cannot be written; inside, why it was refused.
    pub(crate) fn first(&self, first: &First<'_>, at: i64) -> Result<Result<(), Refused>, Failure> {
        if let Err(weak) = password::fit(first.password, first.name.as_str()) {
            return Ok(Err(Refused::Password(weak)));
        }
        let Some(step) = totp::accept(first.secret, first.shown, at, 0) else {
            return Ok(Err(Refused::Totp));
        };
        let kept = password::keep(first.password)?;
        let secret = self.key.seal(&purpose(first.name), first.secret)?;
        self.write(|connection| {
            if !code_is_right(connection, first.name, first.code, at).map_err(database)? {
                return Ok(Err(Refused::Code));
            }
            connection
                .execute(
                    "UPDATE account SET password = ?2, totp = ?3, totp_step = ?4, code = NULL \
                     WHERE name = ?1",
                    params![first.name.as_str(), kept, secret, step],
                )
                .map_err(database)?;
            let line = Line::new(Act::FirstSignIn, first.name.as_str());
            self.append(connection, &line, at)?;
            Ok(Ok(()))
        })
    }

    /// Closes an account: it cannot sign in, and its sessions end.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn close(&self, name: &Name, by: &str, at: i64) -> Result<(), Failure> {
        self.write(|connection| {
            end_of(connection, name).map_err(database)?;
            connection
                .execute(
                    "UPDATE account SET closed = 1 WHERE name = ?1",
                    [name.as_str()],
                )
                .map_err(database)?;
            let line = Line::about(Act::AccountClosed, by, name.as_str());
            self.append(connection, &line, at)
        })
    }

    /// All accounts by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn accounts(&self) -> Result<Vec<Account>, Failure> {
        let connection = self.connection()?;
        let read = || -> rusqlite::Result<Vec<_>> {
            let query = format!("{ACCOUNT} ORDER BY name");
            let mut statement = connection.prepare_cached(&query)?;
            let rows = statement.query_map([], account)?;
            rows.map(|row| with_roles(&connection, row?)).collect()
        };
        read().map_err(database)
    }

    /// One account by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn account(&self, name: &Name) -> Result<Option<Account>, Failure> {
        let connection = self.connection()?;
        by_name(&connection, name).map_err(database)
    }
}

const ACCOUNT: &str = "SELECT id, name, shown, closed, password IS NOT NULL FROM account";

/// For what the secret of an authenticator app is sealed.
pub(super) fn purpose(name: &Name) -> String {
    format!("totp {}", name.as_str())
}

/// Reads an account by number.
pub(super) fn by_id(connection: &Connection, id: i64) -> rusqlite::Result<Option<Account>> {
    let query = format!("{ACCOUNT} WHERE id = ?1");
    let found = connection.query_row(&query, [id], account).optional()?;
    found.map(|found| with_roles(connection, found)).transpose()
}

/// Reads an account by name.
pub(super) fn by_name(connection: &Connection, name: &Name) -> rusqlite::Result<Option<Account>> {
    let query = format!("{ACCOUNT} WHERE name = ?1");
    let found = connection
        .query_row(&query, [name.as_str()], account)
        .optional()?;
    found.map(|found| with_roles(connection, found)).transpose()
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get(0)?,
        name: Name(row.get(1)?),
        shown: row.get(2)?,
        closed: row.get(3)?,
        ready: row.get(4)?,
        may: BTreeSet::new(),
    })
}

fn with_roles(connection: &Connection, mut account: Account) -> rusqlite::Result<Account> {
    let mut statement =
        connection.prepare_cached("SELECT site, role FROM may WHERE account = ?1")?;
    let rows = statement.query_map([account.id], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    for row in rows {
        let (site, role) = row?;
        // A word that is not known any more gives no right.
        if let (Ok(site), Ok(role)) = (site.parse(), role.parse()) {
            account.may.insert((site, role));
        }
    }
    Ok(account)
}

fn write_issue(
    connection: &Connection,
    wanted: &Wanted,
    code: &[u8; 32],
    at: i64,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO account (name, shown) VALUES (?1, ?2) \
         ON CONFLICT (name) DO UPDATE SET shown = ?2, closed = 0",
        params![wanted.name.as_str(), wanted.shown],
    )?;
    end_of(connection, &wanted.name)?;
    connection.execute(
        "UPDATE account SET code = ?2, code_until = ?3 WHERE name = ?1",
        params![wanted.name.as_str(), code, at + CODE_SECONDS],
    )?;
    connection.execute(
        "DELETE FROM may WHERE account = (SELECT id FROM account WHERE name = ?1)",
        [wanted.name.as_str()],
    )?;
    for (site, role) in &wanted.may {
        connection.execute(
            "INSERT INTO may SELECT id, ?2, ?3 FROM account WHERE name = ?1",
            params![wanted.name.as_str(), site.as_str(), role.as_str()],
        )?;
    }
    Ok(())
}

/// Ends everything by which an account could be used.
fn end_of(connection: &Connection, name: &Name) -> rusqlite::Result<()> {
    for table in ["session", "passkey"] {
        let of = "(SELECT id FROM account WHERE name = ?1)";
        connection.execute(
            &format!("DELETE FROM {table} WHERE account = {of}"),
            [name.as_str()],
        )?;
    }
    connection.execute(
        "UPDATE account SET password = NULL, totp = NULL, code = NULL WHERE name = ?1",
        [name.as_str()],
    )?;
    Ok(())
}

fn code_is_right(
    connection: &Connection,
    name: &Name,
    code: &str,
    at: i64,
) -> rusqlite::Result<bool> {
    let kept: Option<Vec<u8>> = connection
        .query_row(
            "SELECT code FROM account WHERE name = ?1 AND closed = 0 AND code_until > ?2",
            params![name.as_str(), at],
            |row| row.get(0),
        )
        .optional()?
        .flatten();
    let given = digest(&plain_code(code));
    Ok(kept.is_some_and(|kept| same(&kept, &given)))
}
