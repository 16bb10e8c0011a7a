//! The centre's side of updates in tests: keys, a root of trust, images of further versions, and
//! the repository from which devices update.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::tool::Tool;
use super::verity::BLOCK;
use super::{Image, Recipe, VERSION, boot, build};
use crate::Workspace;

/// The board of the devices, as the example settings name it.
pub(crate) const BOARD: &str = "x86-64";

/// Makes and offers versions.
pub(crate) struct Releases<'a> {
    workspace: &'a Workspace,
    /// The folder of our stripped programs.
    programs: &'a Path,
    folder: PathBuf,
}

impl<'a> Releases<'a> {
    /// Makes new keys and an empty repository.
    ///
    /// # Errors
    /// `sekisho-release` is not built, or fails.
    pub(crate) fn new(workspace: &'a Workspace, programs: &'a Path) -> anyhow::Result<Self> {
        let folder = workspace.scratch("image/releases")?;
        fs::remove_dir_all(&folder).context("releases of an earlier run")?;
        let releases = Self {
            workspace,
            programs,
            folder: workspace.scratch("image/releases")?,
        };
        releases.tool(&["keys", "--out", "keys"])?;
        releases.tool(&["root", "--keys", "keys", "--out", "root.json"])?;
        Ok(releases)
    }

    /// What the server hands out.
    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.join("repository")
    }

    /// The folder for keys and certificates.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Builds the image of a version, with the probe, that takes updates of these keys. `broken` is
    /// a folder in `image/test/broken`: what is wrong with the version.
    ///
    /// # Errors
    /// The image cannot be built.
    pub(crate) fn image(&self, version: &str, broken: Option<&str>) -> anyhow::Result<Image> {
        let broken = broken.map(|name| format!("image/test/broken/{name}"));
        build(&Recipe {
            workspace: self.workspace,
            programs: self.programs.to_owned(),
            out: self
                .workspace
                .scratch(&format!("image/version-{version}"))?,
            version,
            probe: true,
            signer: boot::Signer::for_tests(&self.workspace.scratch("image")?)?,
            update_root: Some(self.folder.join("root.json")),
            operator: None,
            broken: broken.map(|folder| self.workspace.root.join(folder)),
            loud: false,
            fresh_base: false,
        })
    }

    /// Offers a version to every device; what a device of the version before has to download, as
    /// the tool tells it.
    ///
    /// # Errors
    /// The tool fails.
    pub(crate) fn publish(&self, version: &str, image: &Image) -> anyhow::Result<String> {
        let path = |path: &Path| path.display().to_string();
        let told = self.tool(&[
            "publish",
            "--repository",
            "repository",
            "--keys",
            "keys",
            "--root",
            "root.json",
            "--board",
            BOARD,
            "--release",
            version,
            "--image",
            &path(&image.root),
            "--verity",
            &path(&image.tree),
            "--kernel",
            &path(&image.entry),
        ])?;
        Ok(told.trim().to_owned())
    }

    fn tool(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let program = self.workspace.target.join("debug/sekisho-release");
        let mut tool = Command::new(program);
        Tool(tool.current_dir(&self.folder).args(arguments)).run()
    }
}

/// The number of a version later than this checkout's.
pub(crate) fn later(by: u64) -> anyhow::Result<String> {
    let major = VERSION.split('.').next().context("version")?;
    let major: u64 = major.parse().context("version")?;
    Ok(format!("{}.0.0", major + by))
}

/// Changes blocks in all parts of a root, so that the start reads one early. Not the first: without
/// that the root would not even be recognised.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn damage(root: &Path) -> anyhow::Result<()> {
    let file = fs::OpenOptions::new().write(true).open(root)?;
    for block in (1..file.metadata()?.len() / BLOCK).step_by(7) {
        file.write_all_at(b"changed", block * BLOCK)?;
    }
    Ok(())
}
