//! Kernel, modules by an allow-list, and the initrd.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::base::Base;
use super::lists::Lists;
use super::tool::Tool;

/// What is booted.
pub(crate) struct Kernel {
    /// The kernel itself.
    pub(crate) image: PathBuf,
    /// The first files of memory, compressed.
    pub(crate) initrd: PathBuf,
}

/// Puts the modules into the root and makes the initrd from it.
///
/// # Errors
/// A module does not exist or may not be there, or a tool fails.
pub(crate) fn make(lists: &Lists, base: &Base, work: &Path, tree: &Path) -> anyhow::Result<Kernel> {
    let package = lists
        .fetched
        .iter()
        .find_map(|name| Some((name, name.strip_prefix("linux-image-")?)));
    let (package, version) = package.context("fetched.txt names no kernel")?;
    let all = base.fetched.join(package);
    index(&all, version)?;
    modules(lists, &all, version, &lists.root_modules, &tree.join("usr"))?;
    let initrd = initrd(lists, base, &all, version, work, tree)?;
    Ok(Kernel {
        image: all.join("boot").join(format!("vmlinuz-{version}")),
        initrd,
    })
}

/// Writes the tables by which modules find each other.
fn index(tree: &Path, version: &str) -> anyhow::Result<()> {
    let mut depmod = Command::new("depmod");
    Tool(depmod.arg("-b").arg(tree).arg(version))
        .run()
        .map(drop)
}

/// Copies `names` and what they need to `to/lib/modules`.
fn modules(
    lists: &Lists,
    all: &Path,
    version: &str,
    names: &[String],
    to: &Path,
) -> anyhow::Result<()> {
    let mut wanted = BTreeSet::new();
    for name in names {
        let mut ask = Command::new("modprobe");
        ask.args(["--config", "/dev/null", "--show-depends", "-S", version]);
        let said = Tool(ask.arg("-d").arg(all).arg(name)).run()?;
        wanted.extend(
            said.lines()
                .filter_map(|line| line.strip_prefix("insmod "))
                .map(|path| PathBuf::from(path.trim())),
        );
    }
    let source = all.join("lib/modules").join(version);
    let target = to.join("lib/modules").join(version);
    for file in &wanted {
        let name = file.strip_prefix(&source).context("a module elsewhere")?;
        for never in &lists.never_modules {
            ensure!(
                !name.starts_with(never),
                "{} may not be there",
                name.display()
            );
        }
        place(file, &target.join(name), 0o644)?;
    }
    for table in [
        "modules.builtin",
        "modules.builtin.modinfo",
        "modules.order",
    ] {
        place(&source.join(table), &target.join(table), 0o644)?;
    }
    // In the root `lib` is a link to `usr/lib`.
    index(
        if to.ends_with("usr") {
            to.parent().unwrap_or(to)
        } else {
            to
        },
        version,
    )
}

fn place(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    let folder = to.parent().context("a file without a folder")?;
    fs::create_dir_all(folder)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::set_permissions(to, Permissions::from_mode(mode))?;
    Ok(())
}

/// Busybox, dmsetup with its libraries, modules, and the first program.
fn initrd(
    lists: &Lists,
    base: &Base,
    all: &Path,
    version: &str,
    work: &Path,
    tree: &Path,
) -> anyhow::Result<PathBuf> {
    let folder = work.join("initrd");
    for name in ["dev", "proc", "sys", "run", "sysroot", "etc"] {
        fs::create_dir_all(folder.join(name))?;
    }
    let busybox = base.fetched.join("busybox-static/bin/busybox");
    place(&busybox, &folder.join("bin/busybox"), 0o755)?;
    place(
        &tree.join("usr/sbin/dmsetup"),
        &folder.join("bin/dmsetup"),
        0o755,
    )?;
    for library in libraries(tree, "usr/sbin/dmsetup")? {
        place(&tree.join(&library), &folder.join(&library), 0o755)?;
    }
    place(
        &lists.folder.join("initrd/init"),
        &folder.join("init"),
        0o755,
    )?;
    modules(lists, all, version, &lists.initrd_modules, &folder)?;
    let names = lists.initrd_modules.join("\n") + "\n";
    fs::write(folder.join("modules"), names)?;
    pack(&folder, &work.join("initrd.zst"), lists.epoch)
}

/// The libraries that a program of the root needs, as the root's own loader finds them.
fn libraries(tree: &Path, program: &str) -> anyhow::Result<BTreeSet<String>> {
    const LOADER: &str = "lib64/ld-linux-x86-64.so.2";
    let mut list = Command::new("chroot");
    list.arg(tree).arg(format!("/{LOADER}")).arg("--list");
    let said = Tool(list.arg(format!("/{program}"))).run()?;
    let found = said
        .lines()
        .filter_map(|line| line.split_once("=> /")?.1.split(' ').next())
        .map(str::to_owned);
    Ok(found.chain([LOADER.to_owned()]).collect())
}

/// An archive whose bytes depend on the files alone.
fn pack(folder: &Path, archive: &Path, epoch: u64) -> anyhow::Result<PathBuf> {
    let mut names = Vec::new();
    list(folder, Path::new(""), &mut names)?;
    names.sort();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(epoch);
    for name in &names {
        let path = folder.join(name);
        fs::File::open(&path)?.set_modified(time)?;
    }
    let text: String = names
        .iter()
        .map(|name| format!("{}\n", name.display()))
        .collect();
    let listing = archive.with_extension("list");
    fs::write(&listing, text)?;
    let mut cpio = Command::new("cpio")
        .args([
            "-o",
            "-H",
            "newc",
            "--reproducible",
            "--quiet",
            "--owner=+0:+0",
        ])
        .current_dir(folder)
        .stdin(fs::File::open(&listing)?)
        .stdout(Stdio::piped())
        .spawn()
        .context("cpio cannot be started")?;
    let files = cpio.stdout.take().context("the output of cpio")?;
    let mut zstd = Command::new("zstd");
    zstd.args(["-q", "-19", "-f", "-o"])
        .arg(archive)
        .stdin(files);
    Tool(&mut zstd).run()?;
    ensure!(cpio.wait()?.success(), "cpio has failed");
    Ok(archive.to_owned())
}

/// Every file and folder below `folder`.
fn list(root: &Path, folder: &Path, names: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = folder.join::<&OsStr>(entry.file_name().as_ref());
        names.push(name.clone());
        if entry.file_type()?.is_dir() {
            list(root, &name, names)?;
        }
    }
    Ok(())
}
