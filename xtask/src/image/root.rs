//! The root: the base without what the appliance does not need, with our programs, units and files.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::base::Base;
use super::lists::Lists;
use super::tool::Tool;
use super::{Recipe, tool};

/// Makes the root in `tree`.
///
/// # Errors
/// A tool fails, a user has no number, a unit is not listed.
pub(crate) fn make(
    recipe: &Recipe<'_>,
    lists: &Lists,
    base: &Base,
    tree: &Path,
    version: &str,
) -> anyhow::Result<()> {
    fs::create_dir_all(tree).context("the root")?;
    let mut extract = Command::new("tar");
    extract.args(["--numeric-owner", "-xf"]).arg(&base.tar);
    Tool(extract.arg("-C").arg(tree)).run()?;
    drop_packages(lists, tree)?;
    for pattern in &lists.drop_paths {
        drop_pattern(tree, pattern)?;
    }
    for (mode, folder) in &lists.folders {
        let path = tree.join(folder);
        fs::create_dir_all(&path).with_context(|| folder.clone())?;
        fs::set_permissions(&path, Permissions::from_mode(*mode))?;
    }
    copy(&lists.folder.join("overlay"), tree)?;
    ours(recipe, lists, tree)?;
    if recipe.probe {
        copy(&lists.folder.join("test/overlay"), tree)?;
        let busybox = base.fetched.join("busybox-static/bin/busybox");
        install(&busybox, &tree.join("usr/lib/probe/busybox"), 0o755)?;
    }
    identity(tree, version)?;
    users(tree)?;
    presets(tree)?;
    let mut links = Command::new("ldconfig");
    Tool(links.arg("-r").arg(tree)).run()?;
    remove(&tree.join("var"))?;
    fs::create_dir(tree.join("var")).context("var")?;
    if let Some(broken) = &recipe.broken {
        copy(broken, tree)?;
    }
    remove_empty(&tree.join("usr"))?;
    plain_modes(tree)
}

/// Removes the files of packages that are not needed.
fn drop_packages(lists: &Lists, tree: &Path) -> anyhow::Result<()> {
    let info = tree.join("var/lib/dpkg/info");
    for (package, kept) in &lists.drop_packages {
        let list = [format!("{package}.list"), format!("{package}:amd64.list")]
            .into_iter()
            .map(|name| info.join(name))
            .find(|path| path.exists())
            .with_context(|| format!("drop-packages.txt: {package} is not in the base"))?;
        for path in fs::read_to_string(list)?.lines() {
            let path = path.trim_start_matches('/');
            let file = tree.join(path);
            // Links to folders (`/lib`) are named by every package.
            if !file.is_dir() && !kept.contains(path) && !kept.contains(&format!("usr/{path}")) {
                remove(&file)?;
            }
        }
    }
    Ok(())
}

/// Removes what matches; a pattern that matches nothing is an error, so that the list stays true.
fn drop_pattern(tree: &Path, pattern: &str) -> anyhow::Result<()> {
    let mut found = vec![tree.to_owned()];
    for part in pattern.split('/') {
        let mut next = Vec::new();
        for folder in found {
            if !part.contains('*') {
                let path = folder.join(part);
                next.extend(path.symlink_metadata().is_ok().then_some(path));
                continue;
            }
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            next.extend(
                entries
                    .filter(|entry| matches(part, &entry.file_name().to_string_lossy()))
                    .map(|entry| entry.path()),
            );
        }
        found = next;
    }
    // `var` holds the list of packages until the root is finished.
    for path in found.iter().filter(|path| **path != tree.join("var")) {
        remove(path)?;
    }
    ensure!(
        !found.is_empty(),
        "drop-paths.txt: {pattern} matches nothing"
    );
    Ok(())
}

/// Whether `name` fits `pattern`, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == name;
    };
    name.strip_prefix(before).is_some_and(|rest| {
        rest.char_indices()
            .map(|(at, _)| at)
            .chain([rest.len()])
            .any(|at| rest.get(at..).is_some_and(|end| matches(after, end)))
    })
}

fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = match path.symlink_metadata() {
        Err(_) => return Ok(()),
        Ok(about) if about.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// Removes folders that have become empty.
fn remove_empty(folder: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty(&entry.path())?;
            if fs::read_dir(entry.path())?.next().is_none() {
                fs::remove_dir(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Copies a tree of files over the root, readable by all, writable by root.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            install(&entry.path(), &target, 0o644)?;
        }
    }
    Ok(())
}

fn install(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    remove(to)?;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::set_permissions(to, Permissions::from_mode(mode))?;
    Ok(())
}

/// Programs, units, users and folders of ours.
fn ours(recipe: &Recipe<'_>, lists: &Lists, tree: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(&recipe.programs).context("our programs")? {
        let program = entry?.path();
        let name = program.file_name().unwrap_or_default();
        install(&program, &tree.join("usr/bin").join(name), 0o755)?;
    }
    let units = recipe.workspace.root.join("systemd");
    for entry in fs::read_dir(&units).context("systemd/")? {
        let unit = entry?.path();
        let name = unit.file_name().unwrap_or_default().to_string_lossy();
        let kinds = ["service", "timer", "socket", "target", "path", "mount"];
        let kind = unit.extension().unwrap_or_default().to_string_lossy();
        if !kinds.contains(&kind.as_ref()) {
            continue;
        }
        let here = lists.units.get(name.as_ref());
        let here = here.with_context(|| {
            format!("image/root/units.txt does not say whether {name} is on the device")
        })?;
        if *here {
            let target = tree.join("usr/lib/systemd/system").join(name.as_ref());
            install(&unit, &target, 0o644)?;
        }
    }
    for file in ["sysusers.d/sekisho.conf", "tmpfiles.d/sekisho.conf"] {
        install(&units.join(file), &tree.join("usr/lib").join(file), 0o644)?;
    }
    copy(&units.join("udev"), &tree.join("usr/lib/udev/rules.d"))?;
    for (file, name) in [
        (&recipe.update_root, "update-root.json"),
        (&recipe.operator, "operator.pub"),
    ] {
        if let Some(file) = file {
            install(file, &tree.join("usr/share/sekisho").join(name), 0o644)?;
        }
    }
    Ok(())
}

/// What the system says of itself, and what it takes from the place where it stands.
fn identity(tree: &Path, version: &str) -> anyhow::Result<()> {
    let release = format!(
        "ID=sekisho\nID_LIKE=debian\nNAME=Sekisho\nPRETTY_NAME=\"Sekisho {version}\"\n\
         VERSION_ID={version}\nIMAGE_ID=sekisho\nIMAGE_VERSION={version}\n"
    );
    fs::write(tree.join("usr/lib/os-release"), release).context("os-release")?;
    // The first program shows the board's own name here (initrd/init).
    fs::write(tree.join("etc/machine-id"), "").context("machine-id")?;
    for (link, target) in [
        ("etc/os-release", "../usr/lib/os-release"),
        ("etc/localtime", "../usr/share/zoneinfo/Asia/Tokyo"),
        ("etc/mtab", "../proc/self/mounts"),
    ] {
        remove(&tree.join(link))?;
        std::os::unix::fs::symlink(target, tree.join(link)).context(link)?;
    }
    // Its time is where the clock starts from when the battery is dead.
    fs::write(tree.join("usr/lib/clock-epoch"), "").context("clock-epoch")?;
    for file in ["etc/resolv.conf", "etc/timezone"] {
        remove(&tree.join(file))?;
    }
    Ok(())
}

/// Users and groups, from the lists alone; each has a number that stays.
fn users(tree: &Path) -> anyhow::Result<()> {
    for file in ["passwd", "group", "shadow", "gshadow"] {
        remove(&tree.join("etc").join(file))?;
    }
    let mut make = tool::at_epoch("systemd-sysusers", 86_400);
    Tool(make.arg(format!("--root={}", tree.display()))).run()?;
    remove(&tree.join("etc/.pwd.lock"))?;
    let numbers = fs::read_to_string(tree.join("usr/lib/sysusers.d/basic.conf"))?;
    let known: BTreeSet<&str> = numbers
        .lines()
        .filter(|line| line.starts_with("u ") || line.starts_with("g "))
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    for file in ["passwd", "group"] {
        let text = fs::read_to_string(tree.join("etc").join(file)).context(file)?;
        for name in text.lines().filter_map(|line| line.split(':').next()) {
            ensure!(
                known.contains(name),
                "{name} has no number in image/overlay/usr/lib/sysusers.d/basic.conf"
            );
        }
    }
    let shadow = fs::read_to_string(tree.join("etc/shadow")).context("shadow")?;
    for line in shadow.lines() {
        let password = line.split(':').nth(1).unwrap_or_default();
        if !password.starts_with('!') {
            bail!("an account has a password: {line}");
        }
    }
    Ok(())
}

/// Starts what the presets say, and nothing else.
fn presets(tree: &Path) -> anyhow::Result<()> {
    let mut preset = Command::new("systemctl");
    preset.arg(format!("--root={}", tree.display()));
    Tool(preset.args(["preset-all", "--preset-mode=enable-only"])).run()?;
    let units = tree.join("etc/systemd/system");
    for masked in ["ctrl-alt-del.target", "kbrequest.target"] {
        remove(&units.join(masked))?;
        std::os::unix::fs::symlink("/dev/null", units.join(masked)).context(masked)?;
    }
    Ok(())
}

/// Nobody becomes somebody else: no set-user-ID or set-group-ID file is left.
fn plain_modes(folder: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path: PathBuf = entry.path();
        if kind.is_dir() {
            plain_modes(&path)?;
        } else if kind.is_file() {
            let mode = entry.metadata()?.permissions().mode();
            if mode & 0o6000 != 0 {
                fs::set_permissions(&path, Permissions::from_mode(mode & 0o777))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything_within_a_name() {
        for (pattern, name, expected) in [
            ("*getty*", "serial-getty@.service", true),
            ("rc*.d", "rcS.d", true),
            ("rc*.d", "rc.local", false),
            ("su", "sulogin", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
