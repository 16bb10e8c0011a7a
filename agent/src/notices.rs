//! What the panel is told by other programs: the names of empty files in a folder that is gone with
//! each start. That it cannot be told is no reason to stop.

use std::fs::{self, File};
use std::path::Path;

use panel::shown::Notice;

/// Says a word, or takes it back. The file says everything by being there.
pub fn put(folder: &Path, notice: Notice, holds: bool) {
    let path = folder.join(notice.word());
    let _ = match holds {
        true => File::create(path).map(drop),
        false => fs::remove_file(path),
    };
}
