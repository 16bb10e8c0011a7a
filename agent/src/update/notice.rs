//! What the panel is told of updates.

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

fn put(settings: &Settings, notice: Notice, holds: bool) {
    if let Some(folder) = &settings.notices {
        agent::notices::put(folder, notice, holds);
    }
}
