//! Installing a version from a folder: the part with the disks and without a network. It trusts
//! nothing that was said before and verifies all of it again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use update::{Install, Manifest, Offer, Reason, Running, Slot, Step, Unwanted};

use crate::clock;
use crate::entries::Entries;
use crate::error::{UpdateError, slot as unwritable, state as state_error};
use crate::notice;
use crate::parts::Parts;
use crate::report::{Outcome, Report};
use crate::running;
use crate::settings::Settings;
use crate::slot;
use crate::state;
use crate::trust::{self, Place};
use crate::turn::reason_to_wait;

/// For so long the last answer of the server counts, in seconds.
const REACHED: i64 = 86_400;

/// Installs what a folder offers. `asked`: a person has brought it, so that plan and hours do not
/// count, and a version that was given up may be tried once more.
pub(crate) async fn install(
    settings: &Settings,
    from: &Path,
    asked: bool,
) -> Result<Report, UpdateError> {
    let _alone = state::alone(&settings.state)?;
    let time = clock::look(settings, &settings.state)?;
    let entries = Entries::new(&settings.boot.entries, &settings.boot.name);
    let running = running::with_entries(settings, &entries)?;
    let trusted = trust::load(settings, &settings.state, Place::Folder(from), time).await?;
    let release = trusted.release().await?;
    let report = |outcome| Report::new(time.now, outcome, Some(release.version));
    if release.version == running.version {
        return Ok(report(Outcome::Newest));
    }
    let waits = reason_to_wait(settings, &release, time).filter(|_| !asked);
    if let Some(outcome) = waits {
        return Ok(report(outcome));
    }
    let offer = Offer {
        board: release.board.clone(),
        version: release.version,
        least: release.least,
        centre: reached(settings, time.now),
        asked,
    };
    let record = state::record(settings)?;
    let install = Install::begin(record, &running, &offer).map_err(unwanted)?;
    let manifest = trusted.manifest(release.version).await?;
    let manifest = manifest.ok_or(UpdateError::Incomplete)?;
    let old = trusted.old_manifest(running.version).await?;
    let job = Job {
        settings,
        entries: &entries,
        slot: running.slot.other(),
        parts: parts(settings, &entries, from, &running, &manifest, old.as_ref())?,
        manifest,
    };
    job.check_before()?;
    notice::updating(settings);
    if let Err(error) = job.run(install) {
        notice::at_rest(settings, &state::record(settings)?.stage);
        return Err(error);
    }
    Ok(report(Outcome::Installed))
}

/// The newest of the copies of media in a folder, if it holds an update: their names begin with the
/// time. An older one does not count, or every stick would bring back what was given up.
pub(crate) fn newest(folder: &Path) -> Result<Option<PathBuf>, UpdateError> {
    let copies = fs::read_dir(folder).map_err(state_error)?;
    let newest = copies.flatten().map(|copy| copy.path()).max();
    Ok(newest.filter(|copy| copy.join("metadata/timestamp.json").is_file()))
}

/// Whether the version that runs can reach the server.
fn reached(settings: &Settings, now: i64) -> bool {
    let last = Report::read(&settings.incoming);
    last.is_some_and(|last| (now - REACHED..=now).contains(&last.at) && last.code == 0)
}

fn unwanted(why: Unwanted) -> UpdateError {
    match why {
        Unwanted::Board => UpdateError::Board,
        Unwanted::Runs | Unwanted::Older => UpdateError::Older,
        Unwanted::GivenUp(_) => UpdateError::GivenUp,
        Unwanted::Busy => UpdateError::Busy,
    }
}

/// The files of the folder, and behind them the slot that runs.
fn parts(
    settings: &Settings,
    entries: &Entries<'_>,
    from: &Path,
    running: &Running,
    new: &Manifest,
    old: Option<&Manifest>,
) -> Result<Parts, UpdateError> {
    let mut parts = Parts::default();
    for image in new.images(running.slot.other()) {
        // A file that is not there is told by the chunks that are missing.
        if let Ok(file) = File::open(from.join("files").join(image.digest.to_string())) {
            parts.add(file, image);
        }
    }
    if let Some(old) = old {
        let places = settings.boot.of(running.slot);
        for (path, image) in [(&places.root, &old.root), (&places.verity, &old.verity)] {
            parts.add(File::open(path).map_err(unwritable)?, image);
        }
        if let Some(kernel) = entries.file(running.version)? {
            parts.add(kernel, old.kernel(running.slot));
        }
    }
    Ok(parts)
}

struct Job<'a> {
    settings: &'a Settings,
    entries: &'a Entries<'a>,
    slot: Slot,
    parts: Parts,
    manifest: Manifest,
}

impl Job<'_> {
    /// What can be known before anything is touched: that all of it is here and fits.
    fn check_before(&self) -> Result<(), UpdateError> {
        let places = self.settings.boot.of(self.slot);
        slot::open(&places.root, &self.manifest.root)?;
        slot::open(&places.verity, &self.manifest.verity)?;
        let mut images = self.manifest.images(self.slot).into_iter();
        images.try_for_each(|image| self.parts.check(image))
    }

    fn run(&self, mut install: Install) -> Result<(), UpdateError> {
        loop {
            let step = install.poll_step();
            match self.step(&install, step) {
                Ok(()) if step == Step::Restart => return Ok(()),
                Ok(()) => install.handle_done(),
                Err(error @ UpdateError::State(_)) => return Err(error),
                Err(error) => {
                    state::keep(self.settings, &install.handle_failed(reason(&error)))?;
                    return Err(error);
                }
            }
        }
    }

    fn step(&self, install: &Install, step: Step) -> Result<(), UpdateError> {
        let places = self.settings.boot.of(self.slot);
        let files = [
            (&places.root, &self.manifest.root),
            (&places.verity, &self.manifest.verity),
        ];
        match step {
            Step::Keep => state::keep(self.settings, install.record()),
            Step::Clear => self.entries.clear(install.running()),
            Step::Write => files
                .into_iter()
                .try_for_each(|(path, image)| slot::write(path, image, &self.parts)),
            Step::Check => files
                .into_iter()
                .try_for_each(|(path, image)| slot::check(path, image)),
            Step::Place => {
                let kernel = self.manifest.kernel(self.slot);
                let bytes = self.parts.whole(kernel)?;
                self.entries.place(install.version(), kernel, &bytes)
            }
            Step::Restart => state::restart(self.settings),
        }
    }
}

fn reason(error: &UpdateError) -> Reason {
    match error {
        UpdateError::Tampered | UpdateError::Incomplete => Reason::Tampered,
        UpdateError::SlotTooSmall => Reason::NoRoom,
        _ => Reason::WriteFailed,
    }
}
