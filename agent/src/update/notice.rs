//! What the panel is told of updates, by the names of empty files in a folder that is gone with
//! each start. That it cannot be told is no reason not to update.

use std::fs::{self, File};

use panel::shown::Notice;
use update::Stage;

use crate::settings::Settings;

/// A slot is being written: nobody should switch the device off.
pub(crate) fn updating(settings: &Settings) {
    put(settings, Notice::UpdateReturned, false);
    put(settings, Notice::Updating, true);
}

/// Nothing is being written; `stage` says whether a version was given up.
pub(crate) fn at_rest(settings: &Settings, stage: &Stage) {
    let returned = matches!(stage, Stage::Returned { .. });
    put(settings, Notice::UpdateReturned, returned);
    put(settings, Notice::Updating, false);
}

/// The file says everything by being there.
fn put(settings: &Settings, notice: Notice, holds: bool) {
    let Some(folder) = &settings.notices else {
        return;
    };
    let path = folder.join(notice.word());
    let _ = match holds {
        true => File::create(path).map(drop),
        false => fs::remove_file(path),
    };
}
