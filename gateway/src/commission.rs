//! `sekisho-gateway commission`: what the device does at each start before anything else of ours,
//! so that settings reach a device on which nobody can type.
//!
//! It makes a key of its own, which the board keeps, and puts the public half on the boot
//! partition. The operator seals settings and secrets for that key, and puts the letter beside it.
//! At the next start the letter is opened, judged as a whole, written and deleted.
//!
//! Every step may be cut off: the letter is deleted last, and taking it again changes nothing.

mod board;
mod install;
mod shown;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use commission::Plan;
use envelope::{Commission, DeviceSecretKey, LETTER_MAX, LetterError, VerifyingKey};
use rand_core::UnwrapErr;

use crate::error::{Failure, Problem};
use board::Board;
pub(crate) use board::Credentials;
use install::{Root, replace};
use shown::Shown;

/// The letter, beside what the device shows.
const LETTER: &str = "commission";
/// The key of the device, as the board keeps it.
const KEY: &str = "commission.key";
/// The number of the letter that was taken last.
const TAKEN: &str = "taken";
const NUMBER_MAX: u64 = 32;

/// Where things are.
#[derive(Debug, clap::Args)]
pub(crate) struct Places {
    /// 運用者の公開鍵 / public key of the operator; without it nothing is taken.
    #[arg(long, default_value = "/usr/share/sekisho/operator.pub")]
    operator: PathBuf,
    /// 起動区画のフォルダ / folder on the boot partition.
    #[arg(long, default_value = "/efi/sekisho")]
    boot: PathBuf,
    /// 鍵と番号のフォルダ / folder of the key and the number.
    #[arg(long, default_value = "/var/lib/site/commission")]
    state: PathBuf,
    /// 書き込む先の根 / root below which files are written.
    #[arg(long, default_value = "/")]
    root: PathBuf,
    /// 機器の製造番号のファイル / file of the board's serial number.
    #[arg(long, default_value = "/sys/class/dmi/id/product_serial")]
    serial: PathBuf,
}

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The image names no operator.
    NoOperator,
    /// There is no letter.
    Nothing,
    /// Letter of this number was taken.
    Taken(u64),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOperator => f.write_str(
                "このイメージには運用者の鍵がないため、設定は受け取りません。\n\
                 This image names no operator; no settings are taken.",
            ),
            Self::Nothing => {
                f.write_str("受け取る設定はありません。\nThere are no settings to take.")
            }
            Self::Taken(number) => write!(
                f,
                "設定 {number} を受け取りました。\nSettings {number} were taken."
            ),
        }
    }
}

/// Shows the device's key, and takes a letter that is there.
///
/// # Errors
/// The letter is not for this device or not the operator's (G120), was taken before (G121), says
/// what none may say (G122); the board does not keep or give the key (G123); a disk cannot be
/// written. The letter stays then, and what the device shows names the code.
pub(crate) fn run(places: &Places, board: &impl Board) -> Result<Outcome, Failure> {
    let Some(operator) = operator(&places.operator)? else {
        return Ok(Outcome::NoOperator);
    };
    let key = own_key(&places.state, board)?;
    let outcome = take(places, &operator, &key, board);
    let shown = Shown {
        serial: serial(&places.serial),
        key: key.public(),
        taken: taken(&places.state),
        problem: outcome.as_ref().err().map(Failure::problem),
    };
    shown.write(&places.boot)?;
    outcome
}

fn operator(file: &Path) -> Result<Option<VerifyingKey>, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => match text.trim().parse() {
            Ok(key) => Ok(Some(key)),
            Err(error) => Err(Failure::because(
                Problem::Key,
                file.display().to_string(),
                error,
            )),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::because(
            Problem::Key,
            file.display().to_string(),
            error,
        )),
    }
}

/// The key that this device made at its first start.
fn own_key(state: &Path, board: &impl Board) -> Result<DeviceSecretKey, Failure> {
    let unusable = |error| Failure::because(Problem::CommissionBoard, KEY, error);
    let kept = state.join(KEY);
    if kept.exists() {
        let sealed = fs::read(&kept).map_err(|error| Failure::storing(KEY, error))?;
        return board.open(KEY, &sealed)?.trim().parse().map_err(unusable);
    }
    let key = DeviceSecretKey::generate(&mut UnwrapErr(getrandom::SysRng)).map_err(unusable)?;
    let sealed = board.keep(KEY, &key.to_text())?;
    fs::create_dir_all(state).map_err(|error| Failure::storing(KEY, error))?;
    replace(&kept, &sealed, 0o600, None)?;
    Ok(key)
}

fn take(
    places: &Places,
    operator: &VerifyingKey,
    key: &DeviceSecretKey,
    board: &impl Board,
) -> Result<Outcome, Failure> {
    let file = places.boot.join(LETTER);
    let Some(bytes) = letter(&file)? else {
        return Ok(Outcome::Nothing);
    };
    let refused = |error: LetterError| Failure::because(Problem::CommissionLetter, LETTER, error);
    let letter = Commission::open(&bytes, operator, key).map_err(refused)?;
    let before = taken(&places.state);
    if letter.number < before {
        let numbers = format!("{} < {before}", letter.number);
        return Err(Failure::new(Problem::CommissionOld, numbers));
    }
    let plan = Plan::of(&letter.files, &letter.secrets)
        .map_err(|fault| Failure::because(Problem::CommissionPlace, LETTER, fault))?;
    Root(&places.root).install(&plan, board)?;
    let number = letter.number.to_string();
    replace(&places.state.join(TAKEN), number.as_bytes(), 0o600, None)?;
    fs::remove_file(&file).map_err(|error| Failure::storing(LETTER, error))?;
    install::sync(&places.boot)?;
    Ok(Outcome::Taken(letter.number))
}

fn letter(file: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let length = match fs::metadata(file) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::because(Problem::CommissionLetter, LETTER, error)),
    };
    if length > LETTER_MAX as u64 {
        let why = LetterError::TooLarge;
        return Err(Failure::because(Problem::CommissionLetter, LETTER, why));
    }
    let read = fs::read(file);
    read.map(Some)
        .map_err(|error| Failure::because(Problem::CommissionLetter, LETTER, error))
}

/// The number of the letter that was taken last; 0 before the first.
fn taken(state: &Path) -> u64 {
    let file = state.join(TAKEN);
    let short = fs::metadata(&file).is_ok_and(|it| it.len() <= NUMBER_MAX);
    let text = short.then(|| fs::read_to_string(&file).ok()).flatten();
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn serial(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let plain = text.trim().chars().filter(char::is_ascii_graphic);
    plain.take(64).collect()
}

#[cfg(test)]
mod tests;
