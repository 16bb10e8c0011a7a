//! The ledger's key and what is made with it: sealed entries, and references by which entries are
//! found without opening them.
//!
//! The key is drawn on the appliance at the first use unless the settings name a file. Nobody else
//! ever has it, so neither the centre nor a backup of the ledger alone tells who is in it. A ledger
//! whose key is lost is never begun anew: it may hold somebody's no.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use config::gateway::Settings;
use envelope::{AtRestKey, MacKey, NONCE_BYTES};
use getrandom::SysRng;
use privacy::gate::Event;
use rand_core::{Rng as _, UnwrapErr};
use record::ChartNumber;
use zeroize::Zeroizing;

use super::spelling::any_spelling;
use super::store;
use crate::error::{Failure, Problem};
use crate::keys;
use crate::spool::{private_folder, sync_folder};

const FILE: &str = "ledger.key";

/// By what an entry is found: equal for equal things, and tells nothing else about them.
pub(super) type Reference = [u8; 16];

/// Stands where there is no reference.
pub(super) const NONE: Reference = [0; 16];

/// The key of one site's ledger.
pub(crate) struct LedgerKey {
    sealing: AtRestKey,
    person: MacKey,
    event: MacKey,
    identities: MacKey,
}

impl LedgerKey {
    /// Reads the key that the settings name, or the appliance's own, which is drawn at first use.
    ///
    /// # Errors
    /// The file is missing although there is a ledger, is no key, or cannot be written.
    pub(crate) fn of(settings: &Settings) -> Result<Self, Failure> {
        let folder = &settings.state.folder;
        match &settings.keys.ledger {
            Some(path) => keys::key(path).map(|key| Self::new(&key)),
            None => own(folder).map(|key| Self::new(&key)),
        }
    }

    /// Takes key material.
    pub(crate) fn new(key: &MacKey) -> Self {
        Self {
            sealing: AtRestKey::derive(key, "sekisho ledger entries v1"),
            person: key.derive("sekisho ledger persons v1"),
            event: key.derive("sekisho ledger events v1"),
            identities: key.derive("sekisho ledger identities v1"),
        }
    }

    /// The key of what identifies patients, by which stop orders find them.
    pub(crate) const fn identities(&self) -> &MacKey {
        &self.identities
    }

    pub(super) fn seal(&self, context: &[u8], message: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut nonce = [0; NONCE_BYTES];
        UnwrapErr(SysRng).fill_bytes(&mut nonce);
        let sealed = self.sealing.seal(nonce, context, message);
        sealed.ok_or_else(|| Failure::new(Problem::Internal, "ledger entry"))
    }

    pub(super) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.sealing.open(context, sealed)
    }

    /// A person's number in whatever spelling.
    pub(super) fn person(&self, chart: &ChartNumber) -> Reference {
        cut(self.person.mac(any_spelling(chart).expose().as_bytes()))
    }

    /// An event, as it is encoded.
    pub(super) fn event(&self, line: &str) -> Reference {
        cut(self.event.mac(line.as_bytes()))
    }

    /// Up to two references under which an event is found: the persons that it names, or, of what
    /// is looked for as such, its kind.
    pub(super) fn found_by(&self, event: &Event) -> [Reference; 2] {
        match event {
            Event::Merged { from, into } => [self.person(from), self.person(into)],
            Event::Held { chart, .. } => [self.person(chart), self.kind(HELD)],
            Event::Revoked { .. } => [NONE, self.kind(REVOKED)],
            Event::Provided(_) => [NONE, self.kind(PROVIDED)],
            Event::Part { .. } | Event::Whole { .. } => [NONE, self.kind(PARTS)],
            other => [other.chart().map_or(NONE, |it| self.person(it)), NONE],
        }
    }

    /// A kind of event.
    pub(super) fn kind(&self, word: &str) -> Reference {
        cut(self.event.derive("kind").mac(word.as_bytes()))
    }
}

pub(super) const HELD: &str = "held";
pub(super) const REVOKED: &str = "revoked";
pub(super) const PROVIDED: &str = "provided";
pub(super) const PARTS: &str = "parts";

fn cut(digest: [u8; 32]) -> Reference {
    std::array::from_fn(|place| digest[place])
}

/// The appliance's own key.
fn own(folder: &Path) -> Result<MacKey, Failure> {
    private_folder(folder)?;
    let path = folder.join(FILE);
    if !path.exists() && !folder.join(store::FILE).exists() {
        draw(folder, &path).map_err(|error| Failure::storing(FILE, error))?;
    }
    keys::key(&path)
}

/// Draws a key and puts it where nothing was, whole or not at all: of two processes that do so at
/// once, one wins and both read its key.
fn draw(folder: &Path, path: &Path) -> io::Result<()> {
    let key = MacKey::generate(&mut UnwrapErr(SysRng));
    let mut suffix = [0; 8];
    UnwrapErr(SysRng).fill_bytes(&mut suffix);
    let partial = folder.join(format!("{FILE}.{:016x}", u64::from_be_bytes(suffix)));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)?;
    file.write_all(key.to_text().as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&partial, path);
    fs::remove_file(&partial)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(folder),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_drawn_once_whoever_comes_first_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let drawn: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(move || own(at).unwrap().mac(b"")))
                .collect();
            threads.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert!(drawn.iter().all(|it| *it == drawn[0]));
        let mode = fs::metadata(at.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(at).unwrap().count(), 1);
    }

    /// A new key would begin a new ledger, without the stops of the old one.
    #[test]
    fn no_key_is_drawn_beside_a_ledger_whose_key_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(store::FILE), "").unwrap();
        let lost = own(folder.path()).map(|_| ()).unwrap_err();
        assert_eq!(lost.problem(), Problem::Key);
        assert!(!folder.path().join(FILE).exists());
    }
}
