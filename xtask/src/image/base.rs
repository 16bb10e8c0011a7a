//! The base: Debian packages as they are, and the versions that they have.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::lists::Lists;
use super::tool::{Tool, sha256_of};
use crate::Workspace;

/// The release of Debian.
const SUITE: &str = "bookworm";
/// Where fetched packages lie in the base.
const FETCHED: &str = "debs";

/// A base, and the exact versions in it.
pub(crate) struct Base {
    /// The root as a tar, before anything is removed.
    pub(crate) tar: PathBuf,
    /// Folder with the unpacked fetched packages, one folder for all.
    pub(crate) fetched: PathBuf,
    /// Name and version of every package, installed or fetched.
    pub(crate) packages: BTreeMap<String, String>,
}

impl Base {
    /// The folder of the boot loader and the stub.
    pub(crate) fn loader(&self) -> PathBuf {
        self.fetched
            .join("systemd-boot-efi/usr/lib/systemd/boot/efi")
    }
}

/// Makes the base, or takes the one that the same lists gave before, unless it has to be `fresh`.
///
/// # Errors
/// The archive cannot be reached, or does not have what is asked for.
pub(crate) fn make(workspace: &Workspace, lists: &Lists, fresh: bool) -> anyhow::Result<Base> {
    let key = sha256_of(&format!(
        "{SUITE} {} {:?} {:?} {:?}",
        lists.epoch, lists.packages, lists.fetched, lists.versions
    ));
    let short: String = key.chars().take(16).collect();
    let folder = workspace.scratch("image/base")?.join(short);
    let tar = folder.join("base.tar");
    if fresh || !tar.exists() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).context("the base of an earlier run")?;
        }
        std::fs::create_dir_all(&folder).context("folder of the base")?;
        let unfinished = folder.join("unfinished.tar");
        bootstrap(lists, &unfinished)?;
        std::fs::rename(&unfinished, &tar).context("the base")?;
    }
    let fetched = folder.join("fetched");
    let mut packages = unpack_fetched(&tar, &folder, &fetched)?;
    packages.extend(installed(&tar)?);
    Ok(Base {
        tar,
        fetched,
        packages,
    })
}

/// Debian's packages into a tar whose bytes depend on nothing but the packages.
fn bootstrap(lists: &Lists, tar: &Path) -> anyhow::Result<()> {
    // With the archive and the keys of the bootstrap itself, so that these are signed as well.
    let fetch = format!(
        "mkdir \"$1/{FETCHED}\" && cd \"$1/{FETCHED}\" && \
         APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\" apt-get download -q -o APT::Sandbox::User=root {}",
        lists.fetched.join(" ")
    );
    let mut command = Command::new("mmdebstrap");
    command
        .args(["--mode=root", "--variant=essential", "--quiet"])
        .arg(format!("--include={}", lists.packages.join(",")))
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .arg(format!("--customize-hook={fetch}"));
    for left_out in ["man", "doc", "info", "locale"] {
        command.arg(format!("--dpkgopt=path-exclude=/usr/share/{left_out}/*"));
    }
    command
        .arg(SUITE)
        .arg(tar)
        .env("SOURCE_DATE_EPOCH", lists.epoch.to_string());
    Tool(&mut command).run().map(drop)
}

/// Takes the fetched packages out of the tar and apart; their names and versions.
fn unpack_fetched(
    tar: &Path,
    folder: &Path,
    unpacked: &Path,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut extract = Command::new("tar");
    extract.arg("-xf").arg(tar).arg("-C").arg(folder);
    Tool(extract.arg(format!("./{FETCHED}"))).run()?;
    let mut packages = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join(FETCHED)).context("fetched packages")? {
        let file = entry?.path();
        let mut ask = Command::new("dpkg-deb");
        ask.args(["--show", "--showformat=${Package} ${Version}"]);
        let said = Tool(ask.arg(&file)).run()?;
        let (name, version) = said.split_once(' ').context("a package without a name")?;
        packages.insert(name.to_owned(), version.to_owned());
        if !unpacked.join(name).exists() {
            std::fs::create_dir_all(unpacked.join(name)).context("fetched packages")?;
            let mut extract = Command::new("dpkg-deb");
            Tool(extract.arg("-x").arg(&file).arg(unpacked.join(name))).run()?;
        }
    }
    Ok(packages)
}

/// The packages that the base's own list names.
fn installed(tar: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut extract = Command::new("tar");
    let status = Tool(extract.arg("-xOf").arg(tar).arg("./var/lib/dpkg/status")).run()?;
    Ok(packages_of(&status))
}

/// Name and version of every paragraph.
fn packages_of(status: &str) -> BTreeMap<String, String> {
    let field = |paragraph: &str, name: &str| {
        paragraph
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(|value| value.trim().to_owned())
    };
    status
        .split("\n\n")
        .filter_map(|paragraph| {
            Some((field(paragraph, "Package:")?, field(paragraph, "Version:")?))
        })
        .collect()
}

/// How the base differs from what is pinned, one line for each package.
pub(crate) fn drift(lists: &Lists, base: &Base) -> Vec<String> {
    let mut drift = Vec::new();
    for (name, version) in &base.packages {
        match lists.versions.get(name) {
            Some(pinned) if pinned == version => {}
            Some(pinned) => drift.push(format!("{name}: {version}, pinned {pinned}")),
            None => drift.push(format!("{name}: {version}, not pinned")),
        }
    }
    for name in lists.versions.keys() {
        if !base.packages.contains_key(name) {
            drift.push(format!("{name}: pinned, but not in the base"));
        }
    }
    drift
}

/// Writes the versions of a base to the list of pins.
pub(crate) fn write_pins(workspace: &Workspace, base: &Base) -> anyhow::Result<()> {
    ensure!(!base.packages.is_empty(), "a base without packages");
    let mut text = String::from(
        "# Exact versions of all packages of the base. Written by `cargo xtask image --pin`; a\n\
         # build fails when the archive has others.\n\n",
    );
    for (name, version) in &base.packages {
        // Writing to a text does not fail.
        let _ = writeln!(text, "{name} {version}");
    }
    std::fs::write(workspace.root.join("image/base/versions.txt"), text)
        .context("image/base/versions.txt")
}

#[cfg(test)]
mod tests {
    use super::packages_of;

    #[test]
    fn packages_are_read_from_the_list_of_the_base() {
        let status = "Package: a\nStatus: install ok installed\nVersion: 1:2-3\n\n\
            Package: b\nVersion: 4\nDescription: x\n\n";
        let packages = packages_of(status);
        assert_eq!(packages.get("a").map(String::as_str), Some("1:2-3"));
        assert_eq!(packages.get("b").map(String::as_str), Some("4"));
    }
}
