//! The register: which certificates the authority issued, to whom, and which it takes back.

use std::path::Path;

use envelope::{DeviceName, VerifyingKey};
use record::SiteId;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::failure::{Failure, Problem, Result};

/// The open register.
pub(super) struct Register {
    connection: Connection,
}

/// A certificate as the register has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issued {
    /// Its serial number, without leading zeros.
    pub(super) serial: Vec<u8>,
    /// SHA-256 of it.
    pub(super) digest: [u8; 32],
    /// The device or the name of the service.
    pub(super) name: String,
    /// The site of a device; `None` for a service of the centre.
    pub(super) site: Option<SiteId>,
    /// The one that asked for it.
    pub(super) predecessor: Option<Vec<u8>>,
    /// It and those above it.
    pub(super) pem: String,
    /// First second.
    pub(super) not_before: i64,
    /// Last second.
    pub(super) not_after: i64,
    /// When it was taken back, and why.
    pub(super) revoked: Option<(i64, String)>,
}

/// How a device stands that asked after the end of its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// Somebody has to let it in.
    Waits,
    /// Somebody has.
    LetIn,
    /// Another key was asked for before, with the same certificate.
    OtherKey,
}

const COLUMNS: &str = "serial, digest, name, site, predecessor, pem, not_before, not_after,
    revoked_at, reason";

impl Register {
    /// Opens the register, and makes it where there is none.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            0 => {
                let schema = include_str!("register.sql");
                connection
                    .execute_batch(&format!("BEGIN;{schema};PRAGMA user_version = 2;COMMIT;"))?;
            }
            1 => connection.execute_batch(
                "BEGIN;ALTER TABLE late ADD COLUMN key BLOB;PRAGMA user_version = 2;COMMIT;",
            )?,
            2 => {}
            newer => {
                return Err(Failure::new(Problem::Register, format!("version {newer}")));
            }
        }
        Ok(Self { connection })
    }

    /// Makes what `work` writes count as a whole.
    pub(super) fn at_once<T>(&mut self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let done = work(self);
        self.connection
            .execute_batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        done
    }

    pub(super) fn add(&self, issued: &Issued) -> Result<()> {
        self.connection.execute(
            "INSERT INTO certificate
                 (serial, digest, role, name, site, predecessor, pem, not_before, not_after)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                issued.serial,
                issued.digest,
                if issued.site.is_some() {
                    "device"
                } else {
                    "server"
                },
                issued.name,
                issued.site.as_ref().map(SiteId::as_str),
                issued.predecessor,
                issued.pem,
                issued.not_before,
                issued.not_after,
            ],
        )?;
        Ok(())
    }

    /// The certificate with this SHA-256.
    pub(super) fn by_digest(&self, digest: &[u8; 32]) -> Result<Option<Issued>> {
        self.one("digest = ?1", digest)
    }

    /// The certificate with this serial number.
    pub(super) fn by_serial(&self, serial: &[u8]) -> Result<Option<Issued>> {
        self.one("serial = ?1", serial)
    }

    /// The certificate that this one asked for.
    pub(super) fn successor(&self, serial: &[u8]) -> Result<Option<Issued>> {
        self.one("predecessor = ?1", serial)
    }

    fn one(&self, condition: &str, value: &[u8]) -> Result<Option<Issued>> {
        let text = format!("SELECT {COLUMNS} FROM certificate WHERE {condition}");
        let mut query = self.connection.prepare_cached(&text)?;
        query.query_row([value], issued_of).optional()?.transpose()
    }

    /// All certificates, those of one site first by their beginning.
    pub(super) fn all(&self) -> Result<Vec<Issued>> {
        let text = format!("SELECT {COLUMNS} FROM certificate ORDER BY site, not_before, serial");
        let mut query = self.connection.prepare_cached(&text)?;
        query.query_map([], issued_of)?.map(|row| row?).collect()
    }

    /// Takes back every certificate of a site that was not taken back before, also one that is
    /// over: its key could ask to be let in again. Gives their number.
    pub(super) fn revoke_site(&self, site: &SiteId, reason: &str, at: i64) -> Result<usize> {
        Ok(self.connection.execute(
            "UPDATE certificate SET revoked_at = ?3, reason = ?2
             WHERE site = ?1 AND revoked_at IS NULL",
            params![site.as_str(), reason, at],
        )?)
    }

    /// Takes back one certificate. Gives whether it was not taken back before.
    pub(super) fn revoke(&self, serial: &[u8], reason: &str, at: i64) -> Result<bool> {
        let changed = self.connection.execute(
            "UPDATE certificate SET revoked_at = ?3, reason = ?2
             WHERE serial = ?1 AND revoked_at IS NULL",
            params![serial, reason, at],
        )?;
        Ok(changed > 0)
    }

    /// Notes a one-time code, in the place of earlier ones for the site.
    pub(super) fn enrol(
        &self,
        (site, device): (&SiteId, &DeviceName),
        code: &VerifyingKey,
        operator: &str,
        expires_at: i64,
    ) -> Result<()> {
        self.forget_codes(site)?;
        self.connection.execute(
            "INSERT INTO enrolment (site, device, code, operator, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                site.as_str(),
                device.as_str(),
                code.as_bytes(),
                operator,
                expires_at
            ],
        )?;
        Ok(())
    }

    /// Takes back the codes of a site that nobody has used.
    pub(super) fn forget_codes(&self, site: &SiteId) -> Result<()> {
        self.connection.execute(
            "DELETE FROM enrolment WHERE site = ?1 AND used_by IS NULL",
            [site.as_str()],
        )?;
        Ok(())
    }

    /// The newest code of a device, when it ends, and the certificate that was made with it.
    #[expect(clippy::type_complexity, reason = "one row of one question")]
    pub(super) fn code(
        &self,
        site: &SiteId,
        device: &DeviceName,
    ) -> Result<Option<(VerifyingKey, i64, Option<Vec<u8>>)>> {
        let mut query = self.connection.prepare_cached(
            "SELECT code, expires_at, used_by FROM enrolment WHERE site = ?1 AND device = ?2
             ORDER BY rowid DESC LIMIT 1",
        )?;
        let code = query.query_row([site.as_str(), device.as_str()], |row| {
            let code: [u8; 32] = row.get(0)?;
            Ok((VerifyingKey::from_bytes(code), row.get(1)?, row.get(2)?))
        });
        Ok(code.optional()?)
    }

    /// Notes that a code was used.
    pub(super) fn used(&self, code: &VerifyingKey, serial: &[u8]) -> Result<()> {
        self.connection.execute(
            "UPDATE enrolment SET used_by = ?2 WHERE code = ?1",
            params![code.as_bytes(), serial],
        )?;
        Ok(())
    }

    /// Notes that a device asked for a key after the end of its certificate. Gives how it stands.
    pub(super) fn late(&self, serial: &[u8], key: &[u8], at: i64) -> Result<Late> {
        self.connection.execute(
            "INSERT INTO late (serial, asked_at, key) VALUES (?1, ?2, ?3)
             ON CONFLICT (serial) DO UPDATE SET key = coalesce(key, excluded.key)",
            params![serial, at, key],
        )?;
        let (let_in, same) = self.connection.query_row(
            "SELECT operator IS NOT NULL, key = ?2 FROM late WHERE serial = ?1",
            params![serial, key],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(match (same, let_in) {
            (false, _) => Late::OtherKey,
            (true, false) => Late::Waits,
            (true, true) => Late::LetIn,
        })
    }

    /// Lets the late device with this certificate in. Gives whether it waits.
    pub(super) fn approve(&self, serial: &[u8], operator: &str) -> Result<bool> {
        let changed = self.connection.execute(
            "UPDATE late SET operator = ?2 WHERE operator IS NULL AND serial = ?1",
            params![serial, operator],
        )?;
        Ok(changed > 0)
    }

    /// Serial numbers of certificates whose devices wait to be let in.
    pub(super) fn waiting(&self) -> Result<Vec<Vec<u8>>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT serial FROM late WHERE operator IS NULL ORDER BY asked_at")?;
        let serials = query.query_map([], |row| row.get(0))?;
        Ok(serials.collect::<rusqlite::Result<_>>()?)
    }

    /// The number of the next revocation list.
    pub(super) fn next_list(&self, at: i64) -> Result<u64> {
        self.connection
            .execute("INSERT INTO list (made_at) VALUES (?1)", [at])?;
        Ok(self.connection.last_insert_rowid().unsigned_abs())
    }
}

fn issued_of(row: &Row<'_>) -> rusqlite::Result<Result<Issued>> {
    let site: Option<String> = row.get(3)?;
    let site = site.map(|site| site.parse()).transpose();
    let Ok(site) = site else {
        return Ok(Err(Failure::new(Problem::Register, "site")));
    };
    let revoked_at: Option<i64> = row.get(8)?;
    let reason: Option<String> = row.get(9)?;
    Ok(Ok(Issued {
        serial: row.get(0)?,
        digest: row.get(1)?,
        name: row.get(2)?,
        site,
        predecessor: row.get(4)?,
        pem: row.get(5)?,
        not_before: row.get(6)?,
        not_after: row.get(7)?,
        revoked: revoked_at.map(|at| (at, reason.unwrap_or_default())),
    }))
}
