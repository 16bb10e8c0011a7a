//! What the panel is told: the name of an empty file in a folder that is gone with each start. That
//! it cannot be told is no reason not to read.

use std::fs::{self, File};
use std::path::Path;

use media::Word;

/// A stick is being read.
pub(crate) const READING: &str = "media-reading";
const DONE: &str = "media-done";
const FAILED: &str = "media-failed";
const IGNORED: &str = "media-ignored";
const ALL: [&str; 4] = [READING, DONE, FAILED, IGNORED];

/// The notice of what became of a stick: green, amber, red on the panel.
pub(crate) fn of(word: Word) -> &'static str {
    match word {
        Word::Taken => DONE,
        word if word.ignored() => IGNORED,
        _ => FAILED,
    }
}

/// One notice in the place of every other of a stick.
pub(crate) fn tell(folder: &Path, notice: &str) {
    let _ = File::create(folder.join(notice));
    remove(folder, Some(notice));
}

/// No stick is in the port.
pub(crate) fn clear(folder: &Path) {
    remove(folder, None);
}

fn remove(folder: &Path, but: Option<&str>) {
    for other in ALL.into_iter().filter(|name| Some(*name) != but) {
        let _ = fs::remove_file(folder.join(other));
    }
}
