//! A registered stick in the kernel's hands: read-only, without programs, devices or rights, in a
//! mount namespace that only this process has.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use media::list::FileSystem;
use media::{Word, volume};
use nix::mount::{MntFlags, MsFlags, mount as mount_it, umount2};
use nix::sched::{CloneFlags, unshare};

/// A stick that is mounted; it is let go with this value.
pub(crate) struct Mounted {
    folder: PathBuf,
}

impl Mounted {
    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // What is left goes with the namespace.
        let _ = umount2(&self.folder, MntFlags::MNT_DETACH);
    }
}

/// Looks at the first bytes of a device, and mounts it on `point`, which is made if it is missing.
pub(crate) fn mount(
    device: &Path,
    size: u64,
    kind: FileSystem,
    point: &Path,
) -> Result<Mounted, Word> {
    let mut head = Vec::new();
    let read = File::open(device)
        .and_then(|file| file.take(volume::HEAD_BYTES as u64).read_to_end(&mut head));
    read.map_err(|_| Word::Unreadable)?;
    volume::check(kind, &head, size)?;
    alone().map_err(|_| Word::NotKept)?;
    std::fs::create_dir_all(point).map_err(|_| Word::NotKept)?;
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOEXEC | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    // The journal of a stick is not taken in: that would write to it.
    let options = match kind {
        FileSystem::Ext4 => Some("noload,errors=continue"),
        FileSystem::Vfat | FileSystem::Exfat => None,
    };
    mount_it(Some(device), point, Some(kind.as_str()), flags, options)
        .map_err(|_| Word::Unreadable)?;
    Ok(Mounted {
        folder: point.to_owned(),
    })
}

/// A namespace of our own, from which nothing comes back to the machine.
fn alone() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount_it(None::<&str>, "/", None::<&str>, flags, None::<&str>)
}
