//! Writing what a letter says, each file whole.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use commission::{Keeper, Plan};
use nix::unistd::{Gid, Group, Uid};

use super::board::Board;
use crate::error::Failure;

const CREDENTIALS: &str = "etc/sekisho/credentials";
const FOLDER_MODE: u32 = 0o755;
/// Who reads the first ledger (sysusers.d).
const LEDGER: &str = "sekisho-ledger";

/// Who has a file, when it is not whoever writes it.
pub(super) type Owner = (Option<Uid>, Option<Gid>);

/// The root below which files are written.
pub(super) struct Root<'a>(pub(super) &'a Path);

impl Root<'_> {
    /// Writes files and secrets. What was there of the same name is replaced; nothing else is
    /// touched.
    ///
    /// # Errors
    /// A disk cannot be written, or the board does not keep a secret.
    pub(super) fn install(&self, plan: &Plan, board: &impl Board) -> Result<(), Failure> {
        for (name, secret) in &plan.secrets {
            let file = self.0.join(CREDENTIALS).join(name.as_str());
            make_folder(&file)?;
            replace(&file, &board.keep(name.as_str(), secret)?, 0o600, None)?;
        }
        for (place, text) in &plan.files {
            let file = self.0.join(place.path());
            make_folder(&file)?;
            let (mode, owner) = match place.keeper() {
                Keeper::Everybody => (0o644, None),
                Keeper::Root => (0o600, None),
                Keeper::Ledger => (0o640, Some((None, ledger_group()))),
                Keeper::Control => (0o644, folder_owner(&file)),
            };
            replace(&file, text.as_bytes(), mode, owner)?;
        }
        Ok(())
    }
}

fn ledger_group() -> Option<Gid> {
    let group = Group::from_name(LEDGER).ok().flatten();
    group.map(|group| group.gid)
}

/// Whoever has the folder replaces the file later.
fn folder_owner(file: &Path) -> Option<Owner> {
    let found = fs::metadata(file.parent()?).ok()?;
    Some((
        Some(Uid::from_raw(found.uid())),
        Some(Gid::from_raw(found.gid())),
    ))
}

/// Makes the folders above a file; everybody may look into them, whatever the unit's mask is.
fn make_folder(file: &Path) -> Result<(), Failure> {
    let missing = file.ancestors().skip(1).take_while(|it| !it.exists());
    let missing: Vec<&Path> = missing.collect();
    for folder in missing.into_iter().rev() {
        let made = fs::create_dir(folder);
        let open = made
            .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(FOLDER_MODE)));
        open.map_err(|error| storing(folder, error))?;
    }
    Ok(())
}

/// Replaces a file: readers see the one before or this one, and after the return it is on the disk.
///
/// # Errors
/// It cannot be written; the one before stands.
pub(super) fn replace(
    file: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Option<Owner>,
) -> Result<(), Failure> {
    let failed = |error| storing(file, error);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = file.with_file_name(format!(".{name}.new"));
    // One that a power cut left may have another mode.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut options = File::options();
    let mut open = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&unfinished)
        .map_err(failed)?;
    // Whatever the unit's mask is.
    let mode = fs::Permissions::from_mode(mode);
    open.set_permissions(mode).map_err(failed)?;
    if let Some((user, group)) = owner {
        let (user, group) = (user.map(Uid::as_raw), group.map(Gid::as_raw));
        fchown(&open, user, group).map_err(failed)?;
    }
    open.write_all(bytes).map_err(failed)?;
    open.sync_all().map_err(failed)?;
    fs::rename(&unfinished, file).map_err(failed)?;
    // On the boot partition (FAT) the new name says where the bytes are and how many only once the
    // file itself is written back. The folder comes after it: before, the name would be there
    // without bytes.
    open.sync_all().map_err(failed)?;
    sync(file.parent().unwrap_or(file))
}

/// Has the names of a folder on the disk.
///
/// # Errors
/// The folder cannot be opened or written.
pub(super) fn sync(folder: &Path) -> Result<(), Failure> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| storing(folder, error))
}

fn storing(path: &Path, error: io::Error) -> Failure {
    Failure::storing(path.display().to_string(), error)
}
