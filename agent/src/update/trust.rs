//! What is signed: The Update Framework by `tough` (decision 0058).
//!
//! What was last trusted (root, timestamp, snapshot, targets) is kept in one file that is always
//! whole, and laid out for `tough` in a folder that lives as long as one look. The file of times
//! that it makes there is not kept: a clock that ran ahead once would be held against the right
//! one for ever. Expiry counts by the floor of [`crate::clock`] as well.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use tough::error::Error as TufError;
use tough::{
    ExpirationEnforcement, FilesystemTransport, IntoVec as _, Limits, Repository, RepositoryLoader,
    TargetName, TransportErrorKind,
};
use update::{MANIFEST_MAX, Manifest, Name, Release, Time, Version};
use url::Url;

use crate::error::{UpdateError, state};
use crate::server::Server;
use crate::settings::Settings;
use crate::transport::ServerTransport;
use agent::files;

/// What was last trusted.
const KEPT: &str = "trusted.json";
/// Where it is laid out.
const LAID_OUT: &str = "trusted";
const NAMES: [&str; 4] = ["root", "timestamp", "snapshot", "targets"];
const METADATA_MAX: usize = 1 << 20;

/// Where metadata comes from.
pub(crate) enum Place<'a> {
    /// A folder, downloaded or on a medium.
    Folder(&'a Path),
    /// The server.
    Server(&'a Arc<Server>),
}

/// Metadata whose signatures, versions and dates hold.
pub(crate) struct Trusted {
    repository: Repository,
    server: Option<ServerTransport>,
    board: Name,
}

/// Loads metadata and holds it against what `folder` keeps of earlier looks.
pub(crate) async fn load(
    settings: &Settings,
    folder: &Path,
    place: Place<'_>,
    time: Time,
) -> Result<Trusted, UpdateError> {
    let known = known(&folder.join(KEPT))?;
    let shipped = files::read(&settings.root, METADATA_MAX).map_err(state)?;
    let shipped = shipped.ok_or_else(|| state("no root of trust"))?;
    let root = newer(shipped, known.get("root"));
    let laid_out = lay_out(folder, &known)?;
    let (base, server) = match place {
        Place::Folder(path) => {
            let path = std::path::absolute(path).map_err(state)?;
            let base = Url::from_directory_path(path).map_err(|()| state("no such folder"))?;
            (base, None)
        }
        Place::Server(server) => (server.base(), Some(ServerTransport::new(server))),
    };
    let join = |name: &str| base.join(name).map_err(state);
    let loader = RepositoryLoader::new(&root, join("metadata/")?, join("targets/")?)
        .datastore(&laid_out)
        .limits(limits())
        .expiration_enforcement(ExpirationEnforcement::Safe);
    let loaded = match &server {
        Some(transport) => loader.transport(transport.clone()).load().await,
        None => loader.transport(FilesystemTransport).load().await,
    };
    let repository = loaded.map_err(|error| of_line(server.as_ref(), error))?;
    let trusted = Trusted {
        repository,
        server,
        board: settings.board.clone(),
    };
    trusted.check_dates(time)?;
    trusted.keep(folder)?;
    Ok(trusted)
}

fn limits() -> Limits {
    Limits {
        max_root_size: METADATA_MAX as u64,
        max_targets_size: METADATA_MAX as u64,
        max_timestamp_size: METADATA_MAX as u64,
        max_snapshot_size: METADATA_MAX as u64,
        max_root_updates: 64,
    }
}

impl Trusted {
    /// A clock that was set back does not make an old signature young.
    fn check_dates(&self, time: Time) -> Result<(), UpdateError> {
        let it = &self.repository;
        let dates = [
            it.root().signed.expires,
            it.timestamp().signed.expires,
            it.snapshot().signed.expires,
            it.targets().signed.expires,
        ];
        match dates.iter().all(|date| time.now < date.as_second()) {
            true => Ok(()),
            false => Err(UpdateError::Expired),
        }
    }

    fn keep(&self, folder: &Path) -> Result<(), UpdateError> {
        let it = &self.repository;
        let texts = [
            serde_json::to_string(it.root()),
            serde_json::to_string(it.timestamp()),
            serde_json::to_string(it.snapshot()),
            serde_json::to_string(it.targets()),
        ];
        let mut kept = BTreeMap::new();
        for (name, text) in NAMES.into_iter().zip(texts) {
            kept.insert(name, text.map_err(state)?);
        }
        let bytes = serde_json::to_vec(&kept).map_err(state)?;
        files::replace(folder, KEPT, &bytes).map_err(state)
    }

    /// The version that is offered to this board.
    pub(crate) async fn release(&self) -> Result<Release, UpdateError> {
        let bytes = self.target(&Release::target(&self.board)).await?;
        let bytes = bytes.ok_or(UpdateError::Board)?;
        let release = Release::read(&bytes);
        let release = release.map_err(|error| UpdateError::Signature(error.into()))?;
        match release.board == self.board {
            true => Ok(release),
            false => Err(UpdateError::Board),
        }
    }

    /// What a version consists of; `None` when that is not told.
    pub(crate) async fn manifest(&self, version: Version) -> Result<Option<Manifest>, UpdateError> {
        let Some(bytes) = self.target(&Manifest::target(&self.board, version)).await? else {
            return Ok(None);
        };
        let manifest = Manifest::read(&bytes);
        let manifest = manifest.map_err(|error| UpdateError::Signature(error.into()))?;
        match manifest.board == self.board && manifest.version == version {
            true => Ok(Some(manifest)),
            false => Err(UpdateError::Board),
        }
    }

    /// The same of the version that runs, from which parts may be had: it need not be there.
    pub(crate) async fn old_manifest(
        &self,
        version: Version,
    ) -> Result<Option<Manifest>, UpdateError> {
        match self.manifest(version).await {
            Err(UpdateError::Incomplete) => Ok(None),
            told => told,
        }
    }

    /// Lays out in a folder what another process needs to verify all of this itself.
    pub(crate) async fn copy_to(
        &self,
        folder: &Path,
        versions: &[Version],
    ) -> Result<(), UpdateError> {
        let mut names = vec![Release::target(&self.board)];
        let manifests = versions.iter();
        names.extend(manifests.map(|version| Manifest::target(&self.board, *version)));
        let (metadata, targets) = (folder.join("metadata"), folder.join("targets"));
        let copied = self
            .repository
            .cache(&metadata, &targets, Some(&names), true);
        copied.await.map_err(|error| self.told(error))?;
        [metadata, targets].iter().try_for_each(|it| readable(it))
    }

    async fn target(&self, name: &str) -> Result<Option<Vec<u8>>, UpdateError> {
        let name = TargetName::new(name).map_err(|error| self.told(error))?;
        let signed = &self.repository.targets().signed;
        match signed.targets.get(&name) {
            None => return Ok(None),
            Some(target) if target.length > MANIFEST_MAX as u64 => {
                return Err(UpdateError::Signature("a target is too large".into()));
            }
            Some(_) => {}
        }
        let stream = self.repository.read_target(&name).await;
        match stream.map_err(|error| self.told(error))? {
            None => Ok(None),
            Some(stream) => {
                let bytes = stream.into_vec().await;
                bytes.map(Some).map_err(|error| self.told(error))
            }
        }
    }

    fn told(&self, error: TufError) -> UpdateError {
        of_line(self.server.as_ref(), error)
    }
}

/// What was wrong with the line, if that was it, or what `tough` says.
fn of_line(server: Option<&ServerTransport>, error: TufError) -> UpdateError {
    let trouble = server.and_then(ServerTransport::trouble);
    trouble.unwrap_or_else(|| told(error))
}

/// Lets other users read the files of a folder: `tough` makes them its own user's alone.
fn readable(folder: &Path) -> Result<(), UpdateError> {
    for file in fs::read_dir(folder).map_err(state)? {
        let path = file.map_err(state)?.path();
        fs::set_permissions(path, Permissions::from_mode(0o644)).map_err(state)?;
    }
    Ok(())
}

/// What was last trusted; nothing where the file cannot be read as such.
fn known(path: &Path) -> Result<BTreeMap<String, String>, UpdateError> {
    let bytes = files::read(path, NAMES.len() * 2 * METADATA_MAX).map_err(state)?;
    let known = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(known.unwrap_or_default())
}

/// The root from which to go on: of the image's and the one last trusted, the later.
fn newer(shipped: Vec<u8>, known: Option<&String>) -> Vec<u8> {
    let version = |bytes: &[u8]| {
        let root: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
        root.and_then(|root| root.get("signed")?.get("version")?.as_u64())
    };
    match known {
        Some(known) if version(known.as_bytes()) > version(&shipped) => known.clone().into_bytes(),
        _ => shipped,
    }
}

fn lay_out(
    folder: &Path,
    known: &BTreeMap<String, String>,
) -> Result<std::path::PathBuf, UpdateError> {
    let path = folder.join(LAID_OUT);
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(state(error)),
        _ => fs::create_dir(&path).map_err(state)?,
    }
    for (name, text) in known {
        if NAMES.contains(&name.as_str()) {
            fs::write(path.join(format!("{name}.json")), text).map_err(state)?;
        }
    }
    Ok(path)
}

/// The error of `tough` as ours.
fn told(error: TufError) -> UpdateError {
    match error {
        TufError::ExpiredMetadata { .. } => UpdateError::Expired,
        TufError::OlderMetadata { .. }
        | TufError::OlderSnapshotInTimestamp { .. }
        | TufError::SnapshotRoleRollback { .. } => UpdateError::RolledBack(Box::new(error)),
        TufError::Transport { ref source, .. }
            if source.kind() == TransportErrorKind::FileNotFound =>
        {
            UpdateError::Incomplete
        }
        TufError::DatastoreCreate { .. }
        | TufError::DatastoreOpen { .. }
        | TufError::DatastoreRemove { .. } => state(error),
        other => UpdateError::Signature(Box::new(other)),
    }
}
