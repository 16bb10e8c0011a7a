//! Looking for a new version and downloading what is missing of it: the part with a network and
//! without a disk to write on but its own folder.
//!
//! A file that is downloaded has its full length from the start, with holes where chunks are
//! missing or are had from the slot that runs. What is right is known by its digest alone, so
//! nothing has to be remembered, and a download goes on wherever it was cut off.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use update::{CHUNK_MAX, Chunk, Digest, Image, Manifest, Record, Release, Slot, Stage, Version};

use crate::clock;
use crate::error::{UpdateError, state};
use crate::report::{Outcome, Report};
use crate::running;
use crate::server::{Line, Server};
use crate::settings::Settings;
use crate::state::{alone, record};
use crate::trust::{self, Place, Trusted};
use crate::turn::reason_to_wait;
use agent::files::sync_folder;

/// Most bytes asked for at once; what came is on the disk before more is asked for.
const RUN_MAX: u64 = 8 << 20;
/// What stays free of the data partition.
const RESERVE: u64 = 64 << 20;

/// Looks whether there is something to do, and with `load` downloads it.
pub(crate) async fn fetch(settings: &Settings, load: bool) -> Result<Report, UpdateError> {
    let source = settings.source.as_ref().ok_or(UpdateError::NoSource)?;
    let folder = &settings.incoming;
    let _alone = alone(folder)?;
    let time = clock::look(settings, folder)?;
    let server = Arc::new(Server::new(source)?);
    let (version, slot) = running::now(settings)?;
    let trusted = trust::load(settings, folder, Place::Server(&server), time).await?;
    let release = trusted.release().await?;
    // Also where nothing is downloaded: a version that was halted must not be installed from what
    // was downloaded before.
    trusted.copy_to(folder, &[]).await?;
    let outcome = outcome(&record(settings)?, &release, version)
        .or_else(|| reason_to_wait(settings, &release, time));
    if let Some(outcome) = outcome {
        if outcome == Outcome::Newest {
            // What was downloaded has been installed.
            keep_only(&folder.join("files"), &BTreeSet::new())?;
        }
        return Ok(Report::new(time.now, outcome, Some(release.version)));
    }
    let mut report = Report::new(time.now, Outcome::Waits, Some(release.version));
    if load {
        let download = Download {
            trusted: &trusted,
            folder,
            running: version,
            slot: slot.other(),
        };
        let mut line = server.connect().await?;
        (report.received, report.total) = download.run(&mut line, release.version).await?;
        report.outcome = Outcome::Loaded;
    }
    Ok(report)
}

/// What is known without the plan.
fn outcome(record: &Record, release: &Release, running: Version) -> Option<Outcome> {
    if release.version <= running {
        return Some(Outcome::Newest);
    }
    match record.stage {
        Stage::Returned { version, .. } if version == release.version => Some(Outcome::GivenUp),
        _ => None,
    }
}

struct Download<'a> {
    trusted: &'a Trusted,
    folder: &'a Path,
    running: Version,
    slot: Slot,
}

impl Download<'_> {
    /// Gives the bytes that came and those that the version has.
    async fn run(&self, line: &mut Line, version: Version) -> Result<(u64, u64), UpdateError> {
        let manifest = self.trusted.manifest(version).await?;
        let manifest = manifest.ok_or(UpdateError::Incomplete)?;
        let old = self.trusted.old_manifest(self.running).await?;
        let mut versions = vec![version];
        versions.extend(old.as_ref().map(|old| old.version));
        self.trusted.copy_to(self.folder, &versions).await?;

        let files = self.folder.join("files");
        fs::create_dir_all(&files).map_err(state)?;
        let images = manifest.images(self.slot);
        keep_only(&files, &images.iter().map(|it| it.digest).collect())?;
        let local = local(old.as_ref(), self.slot.other());
        let mut received = 0;
        for image in images {
            received += self.image(line, image, &local).await?;
        }
        sync_folder(&files).map_err(state)?;
        Ok((received, images.iter().map(|it| it.bytes()).sum()))
    }

    async fn image(
        &self,
        line: &mut Line,
        image: &Image,
        local: &BTreeSet<Digest>,
    ) -> Result<u64, UpdateError> {
        let path = self.folder.join("files").join(image.digest.to_string());
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let file = opened.map_err(state)?;
        file.set_len(image.bytes()).map_err(state)?;
        let missing = missing(&file, image, local)?;
        let bytes: u64 = missing.iter().map(|(_, chunk)| u64::from(chunk.size)).sum();
        room(self.folder, bytes)?;
        for run in runs(&missing) {
            let part = extent(run);
            let mut filling = Filling::new(&file, run);
            let path = format!("/files/{}", image.digest);
            let got = line
                .get(&path, Some(part), |bytes| filling.take(bytes))
                .await;
            file.sync_data().map_err(state)?;
            got?;
            filling.finish()?;
        }
        Ok(bytes)
    }
}

/// Chunks that the slot that runs has: they need not come over the line.
fn local(old: Option<&Manifest>, slot: Slot) -> BTreeSet<Digest> {
    let chunks = old.into_iter().flat_map(|old| old.chunks(slot));
    chunks.map(|chunk| chunk.digest).collect()
}

/// The chunks of an image that neither the file nor the slot that runs has.
fn missing(
    file: &File,
    image: &Image,
    local: &BTreeSet<Digest>,
) -> Result<Vec<(u64, Chunk)>, UpdateError> {
    let mut missing = Vec::new();
    for (at, chunk) in image.places() {
        if local.contains(&chunk.digest) {
            continue;
        }
        let mut there = vec![0; chunk.size as usize];
        file.read_exact_at(&mut there, at).map_err(state)?;
        if !chunk.is(&there) {
            missing.push((at, chunk));
        }
    }
    Ok(missing)
}

/// Cuts chunks into runs that lie behind one another.
fn runs(chunks: &[(u64, Chunk)]) -> impl Iterator<Item = &[(u64, Chunk)]> {
    let mut bytes = 0;
    chunks.chunk_by(move |(at, chunk), (next, more)| {
        bytes += u64::from(chunk.size);
        let together =
            at + u64::from(chunk.size) == *next && bytes + u64::from(more.size) <= RUN_MAX;
        if !together {
            bytes = 0;
        }
        together
    })
}

/// The bytes that a run spans.
fn extent(run: &[(u64, Chunk)]) -> Range<u64> {
    let begin = run.first().map_or(0, |(at, _)| *at);
    let end = run
        .last()
        .map_or(0, |(at, chunk)| at + u64::from(chunk.size));
    begin..end
}

/// Takes the bytes of a run as they come, and writes each chunk once it is whole and right.
struct Filling<'a> {
    file: &'a File,
    left: std::slice::Iter<'a, (u64, Chunk)>,
    bytes: Vec<u8>,
}

impl<'a> Filling<'a> {
    fn new(file: &'a File, run: &'a [(u64, Chunk)]) -> Self {
        Self {
            file,
            left: run.iter(),
            bytes: Vec::with_capacity(CHUNK_MAX),
        }
    }

    fn take(&mut self, mut more: &[u8]) -> Result<(), UpdateError> {
        while !more.is_empty() {
            let next = self.left.as_slice().first();
            // More than was asked for.
            let (at, chunk) = *next.ok_or(UpdateError::Tampered)?;
            let wanted = (chunk.size as usize - self.bytes.len()).min(more.len());
            let (now, later) = more.split_at(wanted);
            self.bytes.extend_from_slice(now);
            more = later;
            if self.bytes.len() == chunk.size as usize {
                if !chunk.is(&self.bytes) {
                    return Err(UpdateError::Tampered);
                }
                self.file.write_all_at(&self.bytes, at).map_err(no_room)?;
                self.bytes.clear();
                self.left.next();
            }
        }
        Ok(())
    }

    /// The server has ended: whether all of it came.
    fn finish(self) -> Result<(), UpdateError> {
        match self.left.as_slice().is_empty() {
            true => Ok(()),
            false => Err(UpdateError::Unreachable("the answer ended early".into())),
        }
    }
}

/// Removes files of other versions.
fn keep_only(folder: &Path, wanted: &BTreeSet<Digest>) -> Result<(), UpdateError> {
    let wanted: BTreeSet<String> = wanted.iter().map(Digest::to_string).collect();
    let files = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        files => files.map_err(state)?,
    };
    for file in files {
        let file = file.map_err(state)?;
        if file
            .file_name()
            .to_str()
            .is_none_or(|name| !wanted.contains(name))
        {
            fs::remove_file(file.path()).map_err(state)?;
        }
    }
    Ok(())
}

/// Looks whether so much can come without filling the data partition.
fn room(folder: &Path, bytes: u64) -> Result<(), UpdateError> {
    let disk = nix::sys::statvfs::statvfs(folder).map_err(state)?;
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    match bytes == 0 || free >= bytes.saturating_add(RESERVE) {
        true => Ok(()),
        false => Err(UpdateError::NoRoom),
    }
}

fn no_room(error: std::io::Error) -> UpdateError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => UpdateError::NoRoom,
        _ => state(error),
    }
}
