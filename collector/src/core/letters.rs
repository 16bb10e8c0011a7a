//! Letters to the devices of sites: stop orders of the centre (B-011), and words of whom it has
//! erased.
//!
//! A letter is in the catalogue, whole and sealed, in the transaction that makes it; its file in
//! the outbox is written from there, as often as needed. Answers are read from the folder that the
//! front writes, and removed once the catalogue holds what they say. Whom an order is about is
//! sealed for the device and kept nowhere at the centre.
//!
//! An order that the device has not confirmed for [`UNCONFIRMED_SECONDS`] counts against the whole
//! site, because the core cannot know which of its persons is meant (O-13): its batches wait, and
//! new data sets leave it out, until the confirmation is there.

mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use envelope::{
    Answer, CoreSecretKey, DevicePublicKey, EMERGENCY_SECONDS_MAX, ERASED_AT_ONCE, EmergencyCode,
    ErasedWord, LETTER_MAX, LetterError, LetterKind, REPLACES_MAX, SigningKey, StopOrder,
};
use rand_core::CryptoRng;
use record::SiteId;
use serde::Serialize;

use self::request::Request;
use super::catalogue::{Catalogue, Letter, NewCode, NewOrder};
use super::durable;
use super::failure::{Failure, Problem, Result};
use super::settings::{Letters as Folders, Settings, Site};

/// After this time without the device's confirmation an order counts against the site.
pub(crate) const UNCONFIRMED_SECONDS: i64 = 24 * 3600;
/// For how long an order can be applied.
const VALID_SECONDS: i64 = 180 * 86_400;
/// The file beside a site's letters that holds the number of the last one.
const LAST: &str = "last";
/// Most answers of one site that are looked at.
const ANSWERS_MAX: usize = 100_000;

/// What a run did with letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Answers of devices that were new.
    pub(crate) answers: u64,
    /// Answers that could not be taken, by code.
    pub(crate) refused: std::collections::BTreeMap<String, u64>,
}

/// Letters as this core is set up for them.
pub(crate) struct Post<'a> {
    settings: &'a Settings,
    folders: &'a Folders,
    signing: SigningKey,
}

impl<'a> Post<'a> {
    /// Takes folders and key into use; `None` where letters are not set up.
    ///
    /// # Errors
    /// The key cannot be used.
    pub(crate) fn open(settings: &'a Settings) -> Result<Option<Self>> {
        let (Some(folders), Some(path)) = (&settings.letters, &settings.keys.letters) else {
            return Ok(None);
        };
        let signing = super::key(path)?;
        Ok(Some(Self {
            settings,
            folders,
            signing,
        }))
    }

    /// Makes a stop order of what was told as text. Gives its name.
    ///
    /// # Errors
    /// The site cannot be told, or the text makes no order.
    pub(crate) fn order(
        &self,
        catalogue: &mut Catalogue,
        site: &SiteId,
        text: &str,
        instead_of: Option<&str>,
        at: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<String> {
        let device = self.device(site)?;
        let request = Request::read(text, &self.folders.addressees, super::today_at(at))?;
        if let Some(before) = instead_of {
            let known = |letter: &Letter| letter.site == *site && letter.name == before;
            if !catalogue.letters()?.iter().any(known) {
                return Err(Failure::new(Problem::UnknownOrder, before));
            }
        }
        let name = named('S', rng);
        let id = name
            .parse()
            .map_err(|_| Failure::new(Problem::Order, "name"))?;
        let order = NewOrder {
            site,
            name: &name,
            instead_of,
            addressee: &request.addressee,
        };
        let replaces = replaced(catalogue, site, instead_of)?;
        catalogue.order(&order, at, |number| {
            let order = StopOrder {
                site: site.clone(),
                number,
                id,
                issued_at: at,
                expires_at: at + VALID_SECONDS,
                requested_on: request.requested_on,
                requester: request.requester,
                verification: request.verification,
                scope: request.scope,
                keys: request.keys,
                replaces,
            };
            order
                .seal(device, &self.signing, rng)
                .map_err(|error| Failure::new(Problem::Order, error.to_string()))
        })?;
        self.put_out(catalogue)?;
        Ok(name)
    }

    /// Makes a one-time code that lets one account of a site in for a short time (B-088). Gives its
    /// name and the code, which is kept nowhere.
    ///
    /// # Errors
    /// The site cannot be told, or there can be no such account.
    pub(crate) fn emergency(
        &self,
        catalogue: &mut Catalogue,
        site: &SiteId,
        account: &str,
        operator: &str,
        at: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(String, String)> {
        let device = self.device(site)?;
        let (name, code) = (named('E', rng), EmergencyCode::draw(rng));
        let new = NewCode {
            site,
            name: &name,
            account,
            operator,
        };
        catalogue.emergency(&new, at, |number| {
            let letter = EmergencyCode {
                site: site.clone(),
                number,
                account: account.to_owned(),
                issued_at: at,
                expires_at: at + EMERGENCY_SECONDS_MAX,
                digest: EmergencyCode::digest(site, number, &code),
            };
            letter
                .seal(device, &self.signing, rng)
                .map_err(|error| Failure::new(Problem::Letters, error.to_string()))
        })?;
        self.put_out(catalogue)?;
        Ok((name, code))
    }

    /// Takes what devices have answered, tells sites of erasures that are done, and brings the
    /// outbox to what is to be read there.
    ///
    /// # Errors
    /// A folder cannot be used.
    pub(crate) fn run(
        &self,
        catalogue: &mut Catalogue,
        opening: &[CoreSecretKey],
        at: i64,
        rng: &mut impl CryptoRng,
        summary: &mut Summary,
    ) -> Result<()> {
        self.take_answers(catalogue, opening, at, summary)?;
        for site in self.settings.sites() {
            let Some(device) = &site.device_key else {
                continue;
            };
            let tell = |number, persons| {
                let word = ErasedWord {
                    site: site.site.clone(),
                    number,
                    at,
                    persons,
                };
                word.seal(device, &self.signing, rng)
                    .map_err(|error| Failure::new(Problem::Letters, error.to_string()))
            };
            // What is left is told by the next run.
            catalogue.tell_erased(&site.site, ERASED_AT_ONCE, at, tell)?;
        }
        self.put_out(catalogue)
    }

    fn device(&self, site: &SiteId) -> Result<&DevicePublicKey> {
        let known = self.settings.site(site);
        let device = known.and_then(|site| site.device_key.as_ref());
        device.ok_or_else(|| Failure::new(Problem::Letters, site.to_string()))
    }

    fn take_answers(
        &self,
        catalogue: &mut Catalogue,
        opening: &[CoreSecretKey],
        at: i64,
        summary: &mut Summary,
    ) -> Result<()> {
        let known = catalogue.letters()?;
        for site in self.settings.sites() {
            let folder = self.folders.answers.join(site.site.as_str());
            for (number, revision, path) in answers(&folder)? {
                let of = |letter: &&Letter| letter.site == site.site && letter.number == number;
                match known.iter().find(of) {
                    Some(letter) if letter.revision <= revision => {}
                    // It is overtaken.
                    Some(_) => {
                        remove(&path);
                        continue;
                    }
                    None => continue,
                }
                let bytes = fs::read(&path).map_err(|error| unusable(&folder, error))?;
                let answer = opened(&bytes, site, opening);
                let answer = answer.and_then(|answer| {
                    let place = (answer.place.number, answer.place.revision);
                    let right = place == (number, revision);
                    right.then_some(answer).ok_or(LetterError::Malformed)
                });
                match answer {
                    Ok(answer) => {
                        summary.answers += u64::from(catalogue.answered(&answer, at)?);
                        remove(&path);
                    }
                    Err(error) => {
                        let code = error.code();
                        tracing::warn!(site = %site.site, number, code, "answer refused");
                        *summary.refused.entry(code.to_owned()).or_default() += 1;
                        set_aside(&path, number);
                    }
                }
            }
        }
        Ok(())
    }

    /// Files of letters that have no answer yet, and no others; and for each site the number of its
    /// last letter, so that the front knows what may be answered when the letter itself is gone.
    fn put_out(&self, catalogue: &Catalogue) -> Result<()> {
        let letters = catalogue.letters()?;
        let mut last: BTreeMap<&SiteId, u64> = BTreeMap::new();
        for letter in &letters {
            let known = last.entry(&letter.site).or_default();
            *known = letter.number.max(*known);
        }
        for (site, number) in last {
            let folder = self.folders.outbox.join(site.as_str());
            let path = folder.join(LAST);
            let text = number.to_string();
            if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                put(&folder, &path, text.as_bytes())?;
            }
        }
        for letter in &letters {
            let folder = self.folders.outbox.join(letter.site.as_str());
            let path = folder.join(format!("{:012}.letter", letter.number));
            let storing = |error| unusable(&folder, error);
            let wanted = letter.revision == 0 && !letter.replaced;
            match (wanted, path.exists()) {
                (true, false) => {
                    let bytes = catalogue.letter_bytes(&letter.site, letter.number)?;
                    put(&folder, &path, &bytes.unwrap_or_default())?;
                }
                (false, true) => {
                    fs::remove_file(&path).map_err(storing)?;
                    durable::sync_parent(&path).map_err(storing)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// An answer, opened by whichever of the core's keys it was sealed for, under whichever of the
/// site's keys it was signed with.
fn opened(
    bytes: &[u8],
    site: &Site,
    keys: &[CoreSecretKey],
) -> std::result::Result<Answer, LetterError> {
    let mut answer = Err(LetterError::OtherRecipient);
    for signer in site.signers() {
        for key in keys {
            answer = Answer::open(bytes, &site.site, signer, key);
            match answer {
                Err(LetterError::OtherRecipient) => {}
                // Whatever the key, this is not the signer.
                Err(LetterError::Forged) => break,
                _ => return answer,
            }
        }
        if !matches!(answer, Err(LetterError::Forged)) {
            break;
        }
    }
    answer
}

/// A name for a letter.
fn named(kind: char, rng: &mut impl CryptoRng) -> String {
    let mut random = [0; 8];
    rng.fill_bytes(&mut random);
    format!("{kind}-{:016x}", u64::from_be_bytes(random))
}

/// Writes a file for the front, which is another user of the same group.
fn put(folder: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mode = |mode| fs::Permissions::from_mode(mode);
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, mode(0o750))?;
        durable::write(path, bytes)?;
        fs::set_permissions(path, mode(0o640))
    };
    write().map_err(|error| unusable(folder, error))
}

/// Removes an answer that the catalogue holds. Where the folder cannot be written it stays, and is
/// passed over at every run.
fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(kind = ?error.kind(), "an answer that was taken cannot be removed");
        }
        _ => {}
    }
}

/// Numbers of a site's orders that no device has confirmed and that do not go out any more, the one
/// that is being replaced included; the newest of very many.
fn replaced(catalogue: &Catalogue, site: &SiteId, now: Option<&str>) -> Result<Vec<u64>> {
    let gone = |letter: &Letter| {
        let order = letter.kind == LetterKind::StopOrder && letter.site == *site;
        order && letter.revision == 0 && (letter.replaced || Some(letter.name.as_str()) == now)
    };
    let letters = catalogue.letters()?.into_iter();
    let mut numbers: Vec<u64> = letters.filter(gone).map(|letter| letter.number).collect();
    numbers.drain(..numbers.len().saturating_sub(REPLACES_MAX));
    Ok(numbers)
}

/// Sites of which an order has not been confirmed for too long.
///
/// # Errors
/// The catalogue is damaged.
pub(crate) fn overdue(catalogue: &Catalogue, at: i64) -> Result<BTreeSet<SiteId>> {
    let letters = catalogue.letters()?.into_iter();
    let late =
        |letter: &Letter| letter.open() && at.saturating_sub(letter.made_at) >= UNCONFIRMED_SECONDS;
    Ok(letters.filter(late).map(|letter| letter.site).collect())
}

/// A stop order as the desk sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OrderState {
    /// Its name.
    pub(crate) order: String,
    /// For which site.
    pub(crate) site: String,
    /// How old it is.
    pub(crate) hours: i64,
    /// `waiting`, `overdue`, `stopped`, `held`, `no_match`, `not_meant`, `expired`, `replaced`; of
    /// emergency codes `code_waiting`, `code_ready`, `code_used`, `code_expired`.
    pub(crate) state: &'static str,
    /// Persons stopped.
    pub(crate) stopped: u32,
    /// Persons held until somebody decides.
    pub(crate) held: u32,
    /// To which legal entity the request was addressed; empty when nobody said.
    pub(crate) addressee: String,
}

/// Requests to stop by the legal entity to which they were addressed (`-` when nobody said), and
/// by state.
///
/// # Errors
/// The catalogue is damaged.
pub(crate) fn requests(
    catalogue: &Catalogue,
    at: i64,
) -> Result<BTreeMap<String, BTreeMap<String, u64>>> {
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let letters = catalogue.letters()?.into_iter();
    for letter in letters.filter(|letter| letter.kind == LetterKind::StopOrder) {
        let state = state(&letter, at);
        let addressee = match state.addressee.as_str() {
            "" => "-",
            named => named,
        };
        let states = counts.entry(addressee.to_owned()).or_default();
        *states.entry(state.state.to_owned()).or_default() += 1;
    }
    Ok(counts)
}

/// Every stop order and emergency code, by site and number.
///
/// # Errors
/// The catalogue is damaged.
pub(crate) fn orders(catalogue: &Catalogue, at: i64) -> Result<Vec<OrderState>> {
    let letters = catalogue.letters()?.into_iter();
    let orders = letters.filter(|letter| letter.kind != LetterKind::Erased);
    Ok(orders.map(|letter| state(&letter, at)).collect())
}

fn state(letter: &Letter, at: i64) -> OrderState {
    use envelope::Outcome;
    let age = at.saturating_sub(letter.made_at);
    let (state, stopped, held) = match letter.outcome {
        outcome if letter.kind == LetterKind::Emergency => (code_state(outcome, age), 0, 0),
        _ if letter.replaced => ("replaced", 0, 0),
        None | Some(Outcome::Noted | Outcome::Used) if age >= UNCONFIRMED_SECONDS => {
            ("overdue", 0, 0)
        }
        None | Some(Outcome::Noted | Outcome::Used) => ("waiting", 0, 0),
        Some(Outcome::Expired) => ("expired", 0, 0),
        Some(Outcome::Applied {
            stopped,
            held,
            others,
        }) => match (stopped, held, others) {
            (_, 1.., _) => ("held", stopped, held),
            (1.., 0, _) => ("stopped", stopped, held),
            (0, 0, 1..) => ("not_meant", stopped, held),
            (0, 0, 0) => ("no_match", stopped, held),
        },
    };
    OrderState {
        order: letter.name.clone(),
        site: letter.site.to_string(),
        hours: age / 3600,
        state,
        stopped,
        held,
        addressee: letter.addressee.clone(),
    }
}

fn code_state(outcome: Option<envelope::Outcome>, age: i64) -> &'static str {
    use envelope::Outcome;
    match outcome {
        Some(Outcome::Used) => "code_used",
        Some(Outcome::Expired) => "code_expired",
        _ if age >= EMERGENCY_SECONDS_MAX => "code_expired",
        Some(Outcome::Noted | Outcome::Applied { .. }) => "code_ready",
        None => "code_waiting",
    }
}

/// Keeps the last answer to a letter that was refused for whoever looks into it, and makes its
/// place free for the site's own.
fn set_aside(path: &Path, number: u64) {
    let aside = path.with_file_name(format!("{number:012}.refused"));
    if let Err(error) = fs::rename(path, aside) {
        tracing::warn!(kind = ?error.kind(), number, "refused answer not set aside");
    }
}

type Found = (u64, u32, std::path::PathBuf);

/// The answers in a site's folder: number of the letter, of the answer, and where it is.
fn answers(folder: &Path) -> Result<Vec<Found>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unusable(folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries.take(ANSWERS_MAX) {
        let entry = entry.map_err(|error| unusable(folder, error))?;
        let name = entry.file_name();
        let parts = name.to_str().and_then(|name| {
            let (number, revision) = name.strip_suffix(".answer")?.split_once('-')?;
            Some((number.parse().ok()?, revision.parse().ok()?))
        });
        let small = entry
            .metadata()
            .is_ok_and(|data| data.is_file() && data.len() <= LETTER_MAX as u64);
        if let Some((number, revision)) = parts.filter(|_| small) {
            found.push((number, revision, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

fn unusable(folder: &Path, error: std::io::Error) -> Failure {
    Failure::because(Problem::LetterFolder, folder.display().to_string(), error)
}

#[cfg(test)]
mod tests;
