//! Whether a device may take an offered version now.

use update::{Release, Time};

use crate::report::Outcome;
use crate::settings::Settings;

/// What the plan, the site and the hour say; `None` when it may begin.
pub(crate) fn reason_to_wait(
    settings: &Settings,
    release: &Release,
    time: Time,
) -> Option<Outcome> {
    let when = &settings.when;
    if when.holds(release.version) {
        Some(Outcome::Held)
    } else if !release.plan.admits(&settings.device, time.now) {
        Some(Outcome::Waits)
    } else if !when.window().admits(time.now) {
        Some(Outcome::Closed)
    } else {
        None
    }
}
