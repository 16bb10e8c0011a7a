//! The root as one file, and the hash tree over it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::tool::{Tool, sha256, sha256_of, uuid_of};

/// The bytes of a block of the root, and of its hash tree.
pub(crate) const BLOCK: u64 = 4096;

/// A root that nobody can change unseen.
pub(crate) struct Verity {
    /// The root.
    pub(crate) root: PathBuf,
    /// Its hash tree.
    pub(crate) tree: PathBuf,
    /// The name of the tree, by which the first program finds the slot.
    pub(crate) name: String,
    /// The hash that everything is checked against, and what else the check needs.
    pub(crate) hash: String,
    pub(crate) salt: String,
    pub(crate) blocks: u64,
}

/// Makes `root.erofs` and `root.verity` in `out`.
///
/// # Errors
/// A tool fails.
pub(crate) fn make(tree: &Path, out: &Path, version: &str, epoch: u64) -> anyhow::Result<Verity> {
    let root = out.join("root.erofs");
    let hashes = out.join("root.verity");
    for file in [&root, &hashes] {
        if file.exists() {
            fs::remove_file(file).context("a file of an earlier build")?;
        }
    }
    let mut make = Command::new("mkfs.erofs");
    make.arg("-zlz4hc,12")
        .arg(format!("-T{epoch}"))
        .arg("-U")
        .arg(uuid_of(&sha256_of(&format!("sekisho root {version}"))))
        .arg(&root)
        .arg(tree);
    Tool(&mut make).run()?;
    let blocks = fs::metadata(&root).context("root.erofs")?.len() / BLOCK;
    let name = uuid_of(&sha256(&root)?);
    let salt = sha256_of(&format!("sekisho verity {version}"));
    let mut format = Command::new("veritysetup");
    format
        .args(["format", "--hash=sha256", "--data-block-size=4096"])
        .arg("--hash-block-size=4096")
        .arg(format!("--salt={salt}"))
        .arg(format!("--uuid={name}"));
    let said = Tool(format.arg(&root).arg(&hashes)).run()?;
    let hash = said
        .lines()
        .find_map(|line| line.strip_prefix("Root hash:"))
        .context("veritysetup tells no root hash")?;
    Ok(Verity {
        root,
        tree: hashes,
        name,
        hash: hash.trim().to_owned(),
        salt,
        blocks,
    })
}
