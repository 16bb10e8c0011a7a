//! Files of the front: staged uploads, the inbox, receipts. The order of writing stands at the
//! head of [`crate::front`].

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use envelope::container::PREFIX_MAX;
use envelope::{FrontId, Header, OpenError, Receipt, Sha256, SigningKey};
use jiff::{SignedDuration, Timestamp};
use record::{BatchId, SiteId};
use zeroize::Zeroizing;

use crate::allowance::{Allowances, Untaken};
use crate::front::refusal::Refusal;
use crate::front::running::{Reached, Running};
use crate::front::settings::{Folders, Settings};
use crate::front::start::{Problem, StartError};

/// Where allowances lie among the receipts. No site has such a name.
const ALLOWANCES: &str = ".allowances";
/// The least that a batch takes of its site's allowance: many small ones cost the centre as much.
const LEAST_BYTES: u64 = 1 << 20;
/// An upload that has not gone on for so long gives way to a new one of its site, where there are
/// too many.
const GIVES_WAY: SignedDuration = SignedDuration::from_hours(1);
/// Bytes that are leased of a site's allowance at once.
const LEASED_BYTES: u64 = 256 << 20;

/// What the front has of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Absent,
    /// So many bytes from the start.
    Partial(u64),
    /// All of it, with this receipt.
    Stored(Vec<u8>),
}

/// One chunk of an upload.
pub(crate) struct Chunk<'a> {
    /// Where in the batch it begins.
    pub(crate) offset: u64,
    /// The length of the whole batch.
    pub(crate) length: u64,
    /// The bytes.
    pub(crate) bytes: &'a [u8],
    /// SHA-256 of the batch up to the end of the chunk, by the sender's word.
    pub(crate) digest: BatchId,
}

/// The front's files and the key of its receipts.
pub(crate) struct Store {
    folders: Folders,
    inbox: File,
    front: FrontId,
    key: SigningKey,
    batch_bytes: u64,
    uploads_per_site: usize,
    allowances: Allowances,
    /// Nothing is bounded where somebody carries the batches in.
    bytes_per_day: Option<u64>,
    stale_upload: SignedDuration,
    busy: Mutex<BTreeSet<(SiteId, BatchId)>>,
    running: Running,
}

/// Names of one batch under way.
struct Upload<'a> {
    site: &'a SiteId,
    id: BatchId,
    staged: PathBuf,
    receipt: PathBuf,
}

/// Holds a batch for one request at a time, and the files of its site for one front at a time:
/// several fronts may share the folders (O-18).
struct Turn<'a> {
    store: &'a Store,
    key: (SiteId, BatchId),
    /// The site's staging folder, locked until it is closed.
    files: File,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.store.busy().remove(&self.key);
    }
}

impl Store {
    /// Takes the folders and the key into use. Reads everything that the guard closes later.
    ///
    /// # Errors
    /// A folder or the key cannot be used.
    pub(crate) fn open(settings: &Settings) -> Result<Self, StartError> {
        let folders = settings.folders.clone();
        let path = &settings.keys.receipt;
        let text = fs::read_to_string(path).map(Zeroizing::new);
        let text =
            text.map_err(|error| StartError::because(Problem::ReceiptKey, path.display(), error))?;
        let key = text
            .parse()
            .map_err(|error| StartError::because(Problem::ReceiptKey, path.display(), error))?;
        let device = |folder: &Path| {
            let unusable = |error| StartError::because(Problem::Folder, folder.display(), error);
            let metadata = fs::metadata(folder).map_err(unusable)?;
            if !metadata.is_dir() {
                return Err(unusable(ErrorKind::NotADirectory.into()));
            }
            Ok(metadata.dev())
        };
        device(&folders.receipts)?;
        if device(&folders.inbox)? != device(&folders.staging)? {
            return Err(StartError::new(
                Problem::OtherFileSystem,
                folders.staging.display(),
            ));
        }
        let inbox = File::open(&folders.inbox).map_err(|error| {
            StartError::because(Problem::Folder, folders.inbox.display(), error)
        })?;
        Ok(Self {
            inbox,
            front: settings.name.clone(),
            key,
            batch_bytes: settings.limits.batch_bytes,
            uploads_per_site: settings.limits.uploads_per_site,
            allowances: Allowances::new(folders.receipts.join(ALLOWANCES), LEASED_BYTES),
            bytes_per_day: Some(settings.limits.bytes_per_site_and_day),
            stale_upload: settings.limits.stale_upload(),
            busy: Mutex::default(),
            running: Running::default(),
            folders,
        })
    }

    /// For batches that come on a medium: a person decided to take them in.
    pub(crate) fn for_media(self) -> Self {
        Self {
            bytes_per_day: None,
            ..self
        }
    }

    /// Gives up uploads that have not gone on for the time that the settings allow.
    ///
    /// # Errors
    /// The staging folder cannot be read.
    pub(crate) fn remove_stale(&self) -> Result<(), StartError> {
        let staging = &self.folders.staging;
        let remove = || {
            for site in fs::read_dir(staging)? {
                self.give_up(&site?.path(), self.stale_upload)?;
            }
            Ok(())
        };
        remove().map_err(|error: io::Error| {
            StartError::because(Problem::Folder, staging.display(), error)
        })
    }

    /// Gives up uploads of a site that have not gone on for so long.
    fn give_up(&self, site: &Path, waited: SignedDuration) -> io::Result<()> {
        let now = Timestamp::now();
        for staged in fs::read_dir(site)? {
            let staged = staged?;
            let changed = Timestamp::try_from(staged.metadata()?.modified()?);
            if changed.is_ok_and(|changed| now.duration_since(changed) > waited) {
                fs::remove_file(staged.path())?;
                tracing::info!("stale upload given up");
            }
        }
        Ok(())
    }

    /// What the front has of a batch. Completes an upload that a stop left complete but unstored.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub(crate) fn state(&self, site: &SiteId, id: BatchId) -> Result<State, Refusal> {
        let upload = self.upload(site, id);
        if let Some(receipt) = self.receipt(&upload)? {
            return Ok(State::Stored(receipt));
        }
        if staged(&upload.staged)?.is_none() {
            return Ok(State::Absent);
        }
        let _turn = self.turn(site, id)?;
        // Another front may have stored it meanwhile.
        if let Some(receipt) = self.receipt(&upload)? {
            return Ok(State::Stored(receipt));
        }
        let Some(file) = staged(&upload.staged)? else {
            return Ok(State::Absent);
        };
        let reached = self.reached(&upload, &file)?;
        if reached.digest.clone().finish() == *id.as_bytes() {
            return self.store(&upload);
        }
        self.running.keep(site, id, reached, &file);
        Ok(State::Partial(file.len()))
    }

    /// Adds a chunk, and stores the batch when it is the last one.
    ///
    /// # Errors
    /// See [`Refusal`]; [`Refusal::WrongOffset`] comes with the right one.
    pub(crate) fn append(
        &self,
        site: &SiteId,
        id: BatchId,
        chunk: &Chunk<'_>,
    ) -> Result<State, (Refusal, Option<u64>)> {
        let plain = |refusal| (refusal, None);
        let upload = self.upload(site, id);
        let _turn = self.turn(site, id).map_err(plain)?;
        if let Some(receipt) = self.receipt(&upload).map_err(plain)? {
            return Ok(State::Stored(receipt));
        }
        if chunk.length > self.batch_bytes {
            return Err(plain(Refusal::BatchTooLarge));
        }
        let reached = staged(&upload.staged).map_err(plain)?;
        // What a stop left linked is the inbox's own file: not a byte of it changes any more.
        if reached.as_ref().is_some_and(|file| file.nlink() > 1) {
            return self.complete(&upload).map_err(plain);
        }
        let offset = reached.as_ref().map_or(0, fs::Metadata::len);
        if chunk.offset != offset {
            return Err((Refusal::WrongOffset, Some(offset)));
        }
        let end = offset.saturating_add(chunk.bytes.len() as u64);
        if end > chunk.length {
            // More than the whole is nothing that can be gone on with.
            if offset > chunk.length {
                fs::remove_file(&upload.staged).map_err(|error| plain(storage(error)))?;
            }
            return Err(plain(Refusal::WrongLength));
        }
        let digest = self.checked(&upload, reached.as_ref(), chunk);
        let digest = digest.map_err(plain)?;
        let mut taken = chunk.bytes.len() as u64;
        if reached.is_none() {
            self.make_room(site).map_err(plain)?;
            taken = taken.max(LEAST_BYTES);
        }
        self.allow(site, taken).map_err(plain)?;
        // The last chunk is made durable with the whole, before that has a name in the inbox.
        let durable = end < chunk.length;
        let file = write_on(&upload.staged, chunk.bytes, durable);
        let file = file.map_err(|error| plain(storage(error)))?;
        if durable {
            let confirmed = true;
            let reached = Reached { digest, confirmed };
            self.running.keep(site, id, reached, &file);
            return Ok(State::Partial(end));
        }
        self.store(&upload).map_err(plain)
    }

    /// Stores a complete upload that is what its id says, and drops another.
    fn complete(&self, upload: &Upload<'_>) -> Result<State, Refusal> {
        let digest = digest_of(&upload.staged).map_err(storage)?;
        match digest.finish() == *upload.id.as_bytes() {
            true => self.store(upload),
            false => drop_staged(upload, Refusal::BatchDigest),
        }
    }

    /// The digest of what is staged.
    fn reached(&self, upload: &Upload<'_>, file: &fs::Metadata) -> Result<Reached, Refusal> {
        match self.running.take(upload.site, upload.id, file) {
            Some(reached) => Ok(reached),
            None => Ok(Reached {
                digest: digest_of(&upload.staged).map_err(storage)?,
                confirmed: false,
            }),
        }
    }

    /// The digest of the batch up to the end of a chunk, which is what the sender says and at the
    /// end the id. Whatever is staged under an id that it cannot lead to is dropped.
    fn checked(
        &self,
        upload: &Upload<'_>,
        file: Option<&fs::Metadata>,
        chunk: &Chunk<'_>,
    ) -> Result<Sha256, Refusal> {
        let reached = file.map(|file| self.reached(upload, file)).transpose()?;
        let reached = file.zip(reached);
        let mut digest = match &reached {
            Some((_, reached)) => reached.digest.clone(),
            None => Sha256::new(),
        };
        digest.update(chunk.bytes);
        let found = BatchId::new(digest.clone().finish());
        let whole = chunk.offset + chunk.bytes.len() as u64 == chunk.length;
        if found == chunk.digest && (!whole || found == upload.id) {
            return Ok(digest);
        }
        match reached {
            // What is staged is as the sender said, so the chunk is not as it was sent.
            Some((file, reached)) if reached.confirmed && found != chunk.digest => {
                self.running.keep(upload.site, upload.id, reached, file);
                Err(Refusal::ChunkDigest)
            }
            Some(_) => drop_staged(upload, Refusal::BatchDigest),
            None if found != chunk.digest => Err(Refusal::ChunkDigest),
            None => Err(Refusal::BatchDigest),
        }
    }

    /// Moves a complete upload whose digest fits into the inbox and gives its receipt.
    fn store(&self, upload: &Upload<'_>) -> Result<State, Refusal> {
        let header = match header_of(upload) {
            Ok(header) => header,
            Err(refusal) => {
                fs::remove_file(&upload.staged).map_err(storage)?;
                return Err(refusal);
            }
        };
        let Upload { site, id, .. } = upload;
        let sequence = header.sequence;
        let name = format!("{site}-{sequence:012}-{id}.batch");
        self.link(&upload.staged, &self.folders.inbox.join(name))
            .map_err(storage)?;
        let receipt = Receipt {
            site: (*site).clone(),
            sequence,
            batch: *id,
            received_at: Timestamp::now().as_second(),
            front: self.front.clone(),
        };
        let signed = receipt.sign(&self.key).map_err(|_| Refusal::Storage)?;
        write_whole(&upload.receipt, &signed).map_err(storage)?;
        fs::remove_file(&upload.staged).map_err(storage)?;
        tracing::info!(%site, batch = %id, sequence, "stored");
        Ok(State::Stored(signed))
    }

    /// Gives the staged file its name in the inbox. A name that is there already was linked by an
    /// earlier try from a file with the same digest, for the digest is part of the name.
    fn link(&self, staged: &Path, name: &Path) -> io::Result<()> {
        let file = File::open(staged)?;
        file.set_permissions(Permissions::from_mode(0o440))?;
        file.sync_all()?;
        match fs::hard_link(staged, name) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let [new, old] = [staged, name].map(fs::symlink_metadata);
                let (new, old) = (new?, old?);
                if !old.is_file() || old.len() != new.len() {
                    return Err(error);
                }
            }
            linked => linked?,
        }
        self.inbox.sync_all()
    }

    /// Refuses a site that has too many uploads under way. Those that do not go on give way:
    /// whoever begins some and leaves them keeps the site's device out no longer than that.
    fn make_room(&self, site: &SiteId) -> Result<(), Refusal> {
        let folder = self.folders.staging.join(site.as_str());
        for waited in [self.stale_upload, GIVES_WAY] {
            if self.has_room(&folder)? {
                return Ok(());
            }
            self.give_up(&folder, waited).map_err(storage)?;
        }
        self.has_room(&folder)?
            .then_some(())
            .ok_or(Refusal::TooManyUploads)
    }

    /// Takes bytes from the site's allowance before they are written. What the sender says of the
    /// whole counts for nothing.
    fn allow(&self, site: &SiteId, bytes: u64) -> Result<(), Refusal> {
        let Some(per_day) = self.bytes_per_day else {
            return Ok(());
        };
        let now = Timestamp::now().as_second();
        let taken = self.allowances.take(site, bytes, per_day, now);
        taken.map_err(|untaken| match untaken {
            Untaken::UsedUp => Refusal::Quota,
            Untaken::Storage => Refusal::Storage,
        })
    }

    fn has_room(&self, folder: &Path) -> Result<bool, Refusal> {
        let under_way = fs::read_dir(folder)
            .map_err(storage)?
            .take(self.uploads_per_site);
        Ok(under_way.count() < self.uploads_per_site)
    }

    /// The receipt of a stored batch. A staged name that a stop left beside it is removed.
    fn receipt(&self, upload: &Upload<'_>) -> Result<Option<Vec<u8>>, Refusal> {
        let receipt = match fs::read(&upload.receipt) {
            Ok(receipt) => receipt,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(storage(error)),
        };
        match fs::remove_file(&upload.staged) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(storage(error)),
            _ => Ok(Some(receipt)),
        }
    }

    fn upload<'a>(&self, site: &'a SiteId, id: BatchId) -> Upload<'a> {
        let staged = self
            .folders
            .staging
            .join(site.as_str())
            .join(format!("{id}.part"));
        let receipt = self
            .folders
            .receipts
            .join(site.as_str())
            .join(format!("{id}.receipt"));
        Upload {
            site,
            id,
            staged,
            receipt,
        }
    }

    fn turn(&self, site: &SiteId, id: BatchId) -> Result<Turn<'_>, Refusal> {
        let folder = self.folders.staging.join(site.as_str());
        make_folder(&folder).map_err(storage)?;
        let files = File::open(&folder).map_err(storage)?;
        let key = (site.clone(), id);
        if !self.busy().insert(key.clone()) {
            return Err(Refusal::Busy);
        }
        let turn = Turn {
            store: self,
            key,
            files,
        };
        // Held as long as one request works on the disk, also by a front that is killed meanwhile.
        turn.files.lock().map_err(storage)?;
        Ok(turn)
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, BTreeSet<(SiteId, BatchId)>> {
        // Insertion and removal leave the set whole even if a thread panics elsewhere.
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn staged(path: &Path) -> Result<Option<fs::Metadata>, Refusal> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(storage(error)),
    }
}

fn header_of(upload: &Upload<'_>) -> Result<Header, Refusal> {
    let mut prefix = Vec::new();
    let file = File::open(&upload.staged).map_err(storage)?;
    file.take(PREFIX_MAX as u64)
        .read_to_end(&mut prefix)
        .map_err(storage)?;
    let header = envelope::peek(&prefix).map_err(|error| match error {
        OpenError::UnknownFormat | OpenError::UnknownSuite => Refusal::UnknownFormat,
        _ => Refusal::NotABatch,
    })?;
    (header.site == *upload.site)
        .then_some(header)
        .ok_or(Refusal::ForeignSite)
}

fn drop_staged<T>(upload: &Upload<'_>, refusal: Refusal) -> Result<T, Refusal> {
    fs::remove_file(&upload.staged).map_err(storage)?;
    Err(refusal)
}

fn digest_of(path: &Path) -> io::Result<Sha256> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest),
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// Appends, and makes durable if asked to. Gives the file as it was left.
fn write_on(staged: &Path, bytes: &[u8], durable: bool) -> io::Result<fs::Metadata> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o640)
        .open(staged)?;
    file.write_all(bytes)?;
    if durable {
        file.sync_data()?;
    }
    file.metadata()
}

/// Writes a small file so that it is either absent or whole, and durable.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    make_folder(folder)?;
    let new = path.with_extension("new");
    let options = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .clone();
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o750).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => File::open(folder.parent().ok_or(ErrorKind::InvalidInput)?)?.sync_all(),
    }
}

fn storage(error: io::Error) -> Refusal {
    tracing::error!(kind = ?error.kind(), "storage");
    Refusal::Storage
}

#[cfg(test)]
mod tests;
