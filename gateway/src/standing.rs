//! What the centre has ordered of the whole device: that nothing is collected or sent, and that
//! the certificate is renewed. The control channel leaves it as files in a folder, because it
//! checks signatures and we do not; the folder is its own and read-only for us.
//!
//! | file | means |
//! |---|---|
//! | `quarantined` | nothing is collected or sent (A-121) |
//! | `paused` | the same until the second since 1970 that it holds |
//! | `rotate` | a certificate from before the second since 1970 that it holds is renewed |

use std::io::ErrorKind;
use std::path::Path;

use config::gateway::Settings;

use crate::clock;
use crate::error::{Failure, Problem};

/// An authority dates its certificates back by an hour, and clocks differ a little.
const DATED_BACK: i64 = 3_600 + 300;

/// Whether work may go on. What cannot be read stops it: an order to stop must not be lost with the
/// folder.
///
/// # Errors
/// [`Problem::Quarantined`], [`Problem::Paused`], or the folder cannot be read.
pub(crate) fn check(settings: &Settings) -> Result<(), Failure> {
    let Some(folder) = &settings.state.standing else {
        return Ok(());
    };
    if !folder.is_dir() {
        return Err(Failure::new(Problem::State, "state.standing"));
    }
    if read(folder, "quarantined")?.is_some() {
        return Err(Failure::new(Problem::Quarantined, ""));
    }
    match read(folder, "paused")? {
        Some(until) if until.is_none_or(|until| clock::unchecked() < until) => {
            Err(Failure::new(Problem::Paused, ""))
        }
        _ => Ok(()),
    }
}

/// Whether a certificate that is good since then is to be renewed whatever its age.
pub(crate) fn asks_for_renewal(settings: &Settings, not_before: i64) -> bool {
    let folder = settings.state.standing.as_deref();
    let asked = folder.and_then(|folder| read(folder, "rotate").ok()?);
    asked
        .flatten()
        .is_some_and(|at| not_before + DATED_BACK < at)
}

/// The second in a file: `Some(None)` where it holds none.
fn read(folder: &Path, name: &str) -> Result<Option<Option<i64>>, Failure> {
    match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text.trim().parse().ok())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::because(Problem::State, name, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn settings() -> Settings {
        let example = include_str!("../../config/examples/gateway.toml");
        let mut settings = Settings::parse(example).unwrap();
        settings.state.standing = None;
        settings
    }

    fn problem(settings: &Settings) -> Option<Problem> {
        check(settings).err().map(|failure| failure.problem())
    }

    /// an order to stop holds until it is taken back, also where it can only half be read.
    #[test]
    fn work_stops_while_the_centre_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings();
        assert_eq!(problem(&settings), None);
        let standing = folder.path().join("standing");
        settings.state.standing = Some(standing.clone());
        assert_eq!(problem(&settings), Some(Problem::State), "no folder");
        fs::create_dir(&standing).unwrap();
        assert_eq!(problem(&settings), None);
        let later = clock::unchecked() + 600;
        for (name, text, stops) in [
            ("quarantined", String::new(), Some(Problem::Quarantined)),
            ("paused", format!("{later}\n"), Some(Problem::Paused)),
            ("paused", "1000\n".to_owned(), None),
            ("paused", "until soon".to_owned(), Some(Problem::Paused)),
        ] {
            fs::write(standing.join(name), &text).unwrap();
            assert_eq!(problem(&settings), stops, "{name} {text}");
            fs::remove_file(standing.join(name)).unwrap();
        }
        fs::create_dir(standing.join("quarantined")).unwrap();
        assert_eq!(problem(&settings), Some(Problem::State), "not a file");
    }

    #[test]
    fn only_a_certificate_from_before_the_order_is_renewed_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings();
        assert!(!asks_for_renewal(&settings, 0));
        settings.state.standing = Some(folder.path().to_owned());
        assert!(!asks_for_renewal(&settings, 0));
        fs::write(folder.path().join("rotate"), "100000\n").unwrap();
        assert!(asks_for_renewal(&settings, 50_000));
        assert!(!asks_for_renewal(&settings, 99_000));
        fs::write(folder.path().join("rotate"), "now").unwrap();
        assert!(!asks_for_renewal(&settings, 50_000));
    }
}
