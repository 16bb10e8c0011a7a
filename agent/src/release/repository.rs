//! A repository as a folder that any web server can hand out, and media made from it.
//!
//! ```text
//! metadata/  what is signed (The Update Framework), `timestamp.json` last
//! targets/   releases and manifests, each behind its digest
//! files/     what manifests are made of, named by their digests
//! ```
//!
//! What devices may be reading is never changed: new names are written first, and the one file
//! that keeps its name is replaced at the end.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tough::schema::{self, Role, Root, Signed, Snapshot, Targets};
use update::{Digest, Image, Manifest, Name, Release, Version};

use crate::keys::Keys;

const SPEC: &str = "1.0.0";

/// How long the roles stay good from now on, in days.
#[derive(Clone, Copy)]
pub(crate) struct Validity {
    /// What is published.
    pub(crate) targets: u16,
    /// That nothing newer is published.
    pub(crate) fresh: u16,
}

/// A repository in a folder.
pub(crate) struct Repository {
    folder: PathBuf,
}

/// Makes the root, or the one after `previous`, signed by the keys at hand.
pub(crate) fn root(keys: &Keys, previous: Option<&Path>, days: u16) -> Result<Vec<u8>> {
    let version = match previous {
        Some(path) => read::<Root>(path)?.version.get() + 1,
        None => 1,
    };
    let (keys_of, roles) = keys.roles()?;
    let root: Root = serde_json::from_value(json!({
        "_type": "root",
        "spec_version": SPEC,
        "consistent_snapshot": true,
        "version": version,
        "expires": expires(days)?,
        "keys": keys_of,
        "roles": roles,
    }))?;
    keys.sign(&root)
}

/// Adds the signatures of the keys at hand to a root that others have made.
pub(crate) fn sign_root(keys: &Keys, path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let root: Signed<Root> = serde_json::from_slice(&bytes)?;
    let Value::Array(signatures) = serde_json::to_value(&root.signatures)? else {
        anyhow::bail!("signatures: not a list");
    };
    keys.add_to(&root.signed, signatures)
}

impl Repository {
    /// The repository of a folder, which is made if it is missing. `root` is added to it.
    pub(crate) fn open(folder: &Path, root: Option<&Path>) -> Result<Self> {
        for name in ["metadata", "targets", "files"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        }
        let repository = Self {
            folder: folder.to_owned(),
        };
        if let Some(path) = root {
            let version = read::<Root>(path)?.version;
            let name = format!("metadata/{version}.root.json");
            repository.put(&name, &fs::read(path)?)?;
        }
        Ok(repository)
    }

    /// Adds a file by its content.
    pub(crate) fn add_file(&self, path: &Path) -> Result<Image> {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        ensure!(!bytes.is_empty(), "{}: empty", path.display());
        let image = Image::of(&bytes);
        self.put(&format!("files/{}", image.digest), &bytes)?;
        Ok(image)
    }

    /// Publishes a release and, with it, further targets; signs everything.
    pub(crate) fn publish(
        &self,
        keys: &Keys,
        release: &Release,
        manifest: Option<&Manifest>,
        valid: Validity,
    ) -> Result<()> {
        let mut added = vec![(Release::target(&release.board), release.to_bytes()?)];
        if let Some(manifest) = manifest {
            let name = Manifest::target(&manifest.board, manifest.version);
            added.push((name, manifest.to_bytes()?));
        }
        let old = self.targets()?;
        let mut targets = match &old {
            Some(old) => serde_json::to_value(&old.targets)?,
            None => json!({}),
        };
        for (name, bytes) in added {
            let digest = Digest::of(&bytes);
            self.put(&format!("targets/{digest}.{name}"), &bytes)?;
            let target = json!({"length": bytes.len(), "hashes": {"sha256": digest.to_string()}});
            targets
                .as_object_mut()
                .context("targets")?
                .insert(name, target);
        }
        let version = old.map_or(1, |old| old.version.get() + 1);
        let targets: Targets = serde_json::from_value(json!({
            "_type": "targets",
            "spec_version": SPEC,
            "version": version,
            "expires": expires(valid.targets)?,
            "targets": targets,
        }))?;
        let bytes = keys.sign(&targets)?;
        self.put(&format!("metadata/{version}.targets.json"), &bytes)?;
        self.refresh(keys, Some((version, &bytes)), valid)
    }

    /// Signs anew that this is the newest state: of given targets, or of those that are there.
    pub(crate) fn refresh(
        &self,
        keys: &Keys,
        targets: Option<(u64, &[u8])>,
        valid: Validity,
    ) -> Result<()> {
        let old = self.timestamp()?;
        let next = old.as_ref().map_or(1, |old| old.version.get() + 1);
        let snapshot: Value = match (targets, &old) {
            (Some((version, bytes)), _) => {
                let snapshot: Snapshot = serde_json::from_value(json!({
                    "_type": "snapshot",
                    "spec_version": SPEC,
                    "version": next,
                    "expires": expires(valid.targets)?,
                    "meta": {"targets.json": described(version, bytes)},
                }))?;
                let bytes = keys.sign(&snapshot)?;
                self.put(&format!("metadata/{next}.snapshot.json"), &bytes)?;
                described(next, &bytes)
            }
            (None, Some(old)) => {
                let meta = old.meta.get("snapshot.json").context("snapshot.json")?;
                serde_json::to_value(meta)?
            }
            (None, None) => anyhow::bail!("nothing is published yet"),
        };
        let timestamp: schema::Timestamp = serde_json::from_value(json!({
            "_type": "timestamp",
            "spec_version": SPEC,
            "version": next,
            "expires": expires(valid.fresh)?,
            "meta": {"snapshot.json": snapshot},
        }))?;
        self.put("metadata/timestamp.json", &keys.sign(&timestamp)?)
    }

    /// What is offered to a board at present.
    pub(crate) fn release(&self, board: &Name) -> Result<Release> {
        let bytes = self.target(&Release::target(board))?;
        Ok(Release::read(&bytes)?)
    }

    /// What the version that is offered to a board consists of, if one is.
    pub(crate) fn offered(&self, board: &Name) -> Result<Option<Manifest>> {
        let name = tough::TargetName::new(Release::target(board));
        let name = name.map_err(|error| anyhow::anyhow!("{error}"))?;
        match self.targets()? {
            Some(targets) if targets.targets.contains_key(&name) => {
                let version = self.release(board)?.version;
                self.manifest(board, version).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What a version consists of.
    pub(crate) fn manifest(&self, board: &Name, version: Version) -> Result<Manifest> {
        let bytes = self.target(&Manifest::target(board, version))?;
        Ok(Manifest::read(&bytes)?)
    }

    /// Copies what one board needs to install the offered version, to be carried by hand.
    pub(crate) fn media(&self, board: &Name, out: &Path) -> Result<()> {
        let release = self.release(board)?;
        let manifest = self.manifest(board, release.version)?;
        let medium = Self::open(out, None)?;
        for entry in fs::read_dir(self.folder.join("metadata"))? {
            let name = entry?.file_name();
            let name = name.to_str().context("metadata")?;
            if name != "timestamp.json" {
                medium.copy(self, &format!("metadata/{name}"))?;
            }
        }
        for name in [
            Release::target(board),
            Manifest::target(board, release.version),
        ] {
            medium.copy(self, &self.target_path(&name)?)?;
        }
        for image in manifest.all_images() {
            medium.copy(self, &format!("files/{}", image.digest))?;
        }
        medium.copy(self, "metadata/timestamp.json")
    }

    fn timestamp(&self) -> Result<Option<schema::Timestamp>> {
        let path = self.folder.join("metadata/timestamp.json");
        path.exists().then(|| read(&path)).transpose()
    }

    fn targets(&self) -> Result<Option<Targets>> {
        let Some(timestamp) = self.timestamp()? else {
            return Ok(None);
        };
        let version = |meta: &std::collections::HashMap<String, schema::Metafile>, name: &str| {
            let meta = meta.get(name).with_context(|| name.to_owned())?;
            anyhow::Ok(meta.version)
        };
        let metadata = self.folder.join("metadata");
        let snapshot = version(&timestamp.meta, "snapshot.json")?;
        let snapshot: Snapshot = read(&metadata.join(format!("{snapshot}.snapshot.json")))?;
        let targets = version(&snapshot.meta, "targets.json")?;
        read(&metadata.join(format!("{targets}.targets.json"))).map(Some)
    }

    fn target_path(&self, name: &str) -> Result<String> {
        let targets = self.targets()?.context("nothing is published yet")?;
        let named = tough::TargetName::new(name).map_err(|error| anyhow::anyhow!("{error}"))?;
        let target = targets.targets.get(&named);
        let target = target.with_context(|| format!("{name}: not published"))?;
        let digest: String = target
            .hashes
            .sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(format!("targets/{digest}.{name}"))
    }

    fn target(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.folder.join(self.target_path(name)?);
        fs::read(&path).with_context(|| path.display().to_string())
    }

    fn copy(&self, from: &Self, name: &str) -> Result<()> {
        let path = from.folder.join(name);
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        self.put(name, &bytes)
    }

    /// Writes a file so that a reader sees all of it or none.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        put(&self.folder.join(name), bytes)
    }
}

/// Writes a file so that a reader sees all of it or none.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let said = || path.display().to_string();
    let unfinished = path.with_added_extension("new");
    let mut file = File::create(&unfinished).with_context(said)?;
    file.write_all(bytes).with_context(said)?;
    file.sync_all().with_context(said)?;
    fs::rename(&unfinished, path).with_context(said)?;
    let folder = path.parent().context("a file has a folder")?;
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    File::open(folder)?.sync_all().with_context(said)
}

fn read<T: DeserializeOwned + Role + Serialize>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let signed: Signed<T> =
        serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?;
    Ok(signed.signed)
}

fn described(version: u64, bytes: &[u8]) -> Value {
    json!({
        "version": version,
        "length": bytes.len(),
        "hashes": {"sha256": Digest::of(bytes).to_string()},
    })
}

/// The end of so many days from now, in whole seconds.
fn expires(days: u16) -> Result<String> {
    let now = Timestamp::from_second(Timestamp::now().as_second())?;
    let end = now.checked_add(SignedDuration::from_hours(i64::from(days) * 24))?;
    Ok(end.to_string())
}
