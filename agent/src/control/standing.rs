//! What holds for the data path until it is taken back: files in a folder that the gateway
//! reads before it collects, and before it sends each batch.
//!
//! | file | means |
//! |---|---|
//! | `quarantined` | nothing is collected or sent |
//! | `paused` | the same until the second since 1970 that it holds |
//! | `rotate` | a certificate from before the second since 1970 that it holds is renewed |

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use agent::files::replace;
use control::Docket;

use crate::error::ControlError;

const QUARANTINED: &str = "quarantined";
const PAUSED: &str = "paused";
const ROTATE: &str = "rotate";

/// Makes the folder say what the docket says.
///
/// # Errors
/// It cannot be written.
pub(crate) fn assert(folder: &Path, docket: &Docket, clock: i64) -> Result<(), ControlError> {
    let quarantined = docket.quarantined().then(String::new);
    let paused = docket.paused(clock).map(|until| format!("{until}\n"));
    let rotate = docket.rotates().map(|before| format!("{before}\n"));
    let files = [
        (QUARANTINED, quarantined),
        (PAUSED, paused),
        (ROTATE, rotate),
    ];
    let mut done = files
        .into_iter()
        .map(|(name, text)| put(folder, name, text));
    done.try_for_each(|it| it).map_err(ControlError::Write)
}

/// Whether anything holds there.
pub(crate) fn any(folder: &Path) -> bool {
    let names = [QUARANTINED, PAUSED, ROTATE];
    names.iter().any(|name| folder.join(name).exists())
}

fn put(folder: &Path, name: &str, text: Option<String>) -> io::Result<()> {
    let path = folder.join(name);
    match text {
        Some(text) if fs::read_to_string(&path).is_ok_and(|there| there == text) => Ok(()),
        Some(text) => replace(folder, name, text.as_bytes()),
        None => match fs::remove_file(&path) {
            Ok(()) => File::open(folder)?.sync_all(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        },
    }
}
