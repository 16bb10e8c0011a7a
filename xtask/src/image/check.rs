//! `cargo xtask test image`: the image in a machine in software.
//!
//! Shows, B-083, B-085 and P-09 on the running appliance. The programs are those of
//! the development profile, which the tests before it have built already.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::machine::{Machine, Setup};
use super::tool::Tool;
use super::{Image, Recipe, boot, build, same_files, stripped};
use crate::Workspace;
use crate::test::Outcome;

/// What the console says when everything is up.
const READY: &str = " ready, slot ";

/// Builds the image twice and the image with the probe, and boots them.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let programs = development_programs(workspace)?;
    let make = |name: &str, probe: bool| {
        build(&Recipe {
            workspace,
            programs: programs.clone(),
            out: workspace.scratch(&format!("image/{name}"))?,
            probe,
            signer: boot::Signer::for_tests(&workspace.scratch("image")?)?,
            fresh_base: false,
            loud: false,
        })
    };
    let product = make("product", false)?;
    let again = make("again", false)?;
    let files = same_files(folder_of(&product), folder_of(&again))?;
    let machines = workspace.scratch("image/machines")?;
    let mut remarks = vec![
        format!("{files} files built twice the same"),
        starts_when_signed(&machines, &product)?,
        refuses_a_changed_entry(&machines, &product)?,
        refuses_a_changed_root(&machines, &product)?,
    ];
    let probed = make("probe", true)?;
    remarks.push(looks_right_from_inside(&machines, &probed)?);
    if !product.drift.is_empty() {
        let newer = product.drift.len();
        remarks.push(format!("{newer} packages are not the pinned ones"));
    }
    Ok(Outcome::Passed(remarks.join(", ")))
}

/// The programs as the tests build them.
fn development_programs(workspace: &Workspace) -> anyhow::Result<std::path::PathBuf> {
    let status = workspace
        .cargo()
        .args(["build", "--quiet", "--locked", "--bins"])
        .args(["--package", "gateway", "--package", "agent"])
        .status()
        .context("cargo cannot be started")?;
    ensure!(status.success(), "the programs cannot be built");
    stripped(workspace, &workspace.target.join("debug"))
}

fn folder_of(image: &Image) -> &Path {
    image.disk.parent().unwrap_or(Path::new("."))
}

/// firmware with Secure Boot starts the signed image, and nobody is asked to log in.
fn starts_when_signed(machines: &Path, product: &Image) -> anyhow::Result<String> {
    let setup = Setup {
        disk: &product.disk,
        secure_boot: true,
        once: true,
    };
    let mut machine = Machine::start(&machines.join("signed"), &setup)?;
    let took = machine.wait_for(READY)?;
    let console = machine.console().to_lowercase();
    for word in ["login:", "password", "press enter", "# ", "[failed]"] {
        ensure!(
            !console.contains(word),
            "the console says `{word}`:\n{}",
            machine.console()
        );
    }
    Ok(format!("ready after {:.0} s", took.as_secs_f64()))
}

/// an entry in which one letter of the command line differs is not started.
fn refuses_a_changed_entry(machines: &Path, product: &Image) -> anyhow::Result<String> {
    let folder = folder_of(product);
    let mut entry = fs::read(folder.join("sekisho.efi")).context("sekisho.efi")?;
    let word = b"lockdown=integrity";
    let at = entry.windows(word.len()).position(|it| it == word);
    let at = at.context("no command line in sekisho.efi")?;
    *entry.get_mut(at).context("sekisho.efi")? ^= 1;
    let scratch = machines.join("changed-entry.img");
    let changed = machines.join("changed.efi");
    fs::write(&changed, entry)?;
    copy(&product.disk, &scratch)?;
    let version = env!("CARGO_PKG_VERSION");
    let mut replace = Command::new("mcopy");
    replace
        .arg("-o")
        .arg("-i")
        .arg(format!("{}@@1M", scratch.display()));
    replace
        .arg(&changed)
        .arg(format!("::EFI/Linux/sekisho_{version}+3.efi"));
    Tool(&mut replace).run()?;
    let setup = Setup {
        disk: &scratch,
        secure_boot: true,
        once: true,
    };
    let mut machine = Machine::start(&machines.join("changed-entry"), &setup)?;
    machine.wait_for("Access Denied")?;
    Ok("changed entry refused".to_owned())
}

/// P-09: a root in which one block differs is not run; the device starts again.
fn refuses_a_changed_root(machines: &Path, product: &Image) -> anyhow::Result<String> {
    let scratch = machines.join("changed-root.img");
    copy(&product.disk, &scratch)?;
    let root = fs::read(&product.root).context("root.erofs")?;
    // A block that the start reads: the program that runs first.
    let disk = fs::OpenOptions::new().write(true).open(&scratch)?;
    let middle = u64::try_from(root.len() / 2)?;
    for block in 0..1024 {
        let at = 97 * (1 << 20) + middle + block * 4096;
        std::os::unix::fs::FileExt::write_all_at(&disk, b"changed", at)?;
    }
    let setup = Setup {
        disk: &scratch,
        secure_boot: false,
        once: true,
    };
    let mut machine = Machine::start(&machines.join("changed-root"), &setup)?;
    machine.wait_for_end()?;
    ensure!(
        !machine.console().contains(READY),
        "a changed root was run:\n{}",
        machine.console()
    );
    Ok("changed root refused".to_owned())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut copy = Command::new("cp");
    copy.arg("--sparse=always");
    Tool(copy.arg(from).arg(to)).run().map(drop)
}

/// What holds in the running system, seen from inside.
fn looks_right_from_inside(machines: &Path, probed: &Image) -> anyhow::Result<String> {
    let setup = Setup {
        disk: &probed.disk,
        secure_boot: false,
        once: true,
    };
    let mut machine = Machine::start(&machines.join("probe"), &setup)?;
    machine.wait_for(READY)?;
    for &(command, expected) in ANSWERS {
        let answer = machine.ask(command)?;
        ensure!(
            answer.trim() == expected,
            "`{command}` says `{}`, not `{expected}`",
            answer.trim()
        );
    }
    let used: u64 = machine.ask(MEMORY)?.trim().parse().context("memory")?;
    Ok(format!(
        "{} questions from inside, {used} MB used",
        ANSWERS.len()
    ))
}

/// Memory that the system uses, in MB, without the probe itself.
const MEMORY: &str = "busybox free -m | busybox awk '/Mem:/ { print $3 }'";

/// Questions to the running system, and the only right answer.
const ANSWERS: &[(&str, &str)] = &[
    // P-08: what should run does, and nothing has failed.
    ("systemctl list-units --failed --plain --no-legend", ""),
    (
        "systemctl is-active sekisho-agent.service sekisho-gateway.timer nftables.service \
         systemd-networkd.service systemd-timesyncd.service boot-complete.target | \
         busybox sort -u",
        "active",
    ),
    (
        "busybox test -s /var/lib/sekisho/agent/health.json && echo yes",
        "yes",
    ),
    // The entry has lost its counter, because the version is good.
    ("busybox ls /efi/EFI/Linux | busybox grep -c '+'; true", "0"),
    // no program waits at a console, and none of these is there.
    (
        "busybox fuser /dev/ttyS0 /dev/tty0 /dev/tty1 /dev/console; true",
        "",
    ),
    (
        "busybox ls /usr/bin /usr/sbin | \
         busybox grep -xE 'agetty|login|su|sulogin|sshd|bash|apt|dpkg|gcc|perl|python3'; true",
        "",
    ),
    ("busybox find / -xdev -type f -perm /6000", ""),
    // Every account is locked.
    (
        "busybox cut -d: -f2 /etc/shadow | busybox grep -v '^!'; true",
        "",
    ),
    // P-09: nothing of the root can be changed, nothing on the data partition can be run.
    (
        "busybox touch /usr/bin/x 2>/dev/null || echo refused",
        "refused",
    ),
    (
        "busybox touch /etc/x 2>/dev/null || echo refused",
        "refused",
    ),
    (
        "busybox mount -o remount,rw / 2>/dev/null || echo refused",
        "refused",
    ),
    (
        "busybox cp /usr/bin/chgrp /var/x; /var/x --version 2>/dev/null || echo refused; \
         busybox rm /var/x",
        "refused",
    ),
    (
        "busybox cut -d' ' -f2 /sys/kernel/security/lockdown",
        "[integrity]",
    ),
    // nothing listens for connections, and no datagram but those of leases is taken.
    ("ss -H -tl", ""),
    (
        "ss -H -ual | busybox grep -vE ':(bootpc|68|546) ' ; true",
        "",
    ),
    // B-083: nothing is forwarded.
    (
        "busybox cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding",
        "0\n0",
    ),
    (
        "nft list chain inet base forward | busybox grep -o 'policy drop'",
        "policy drop",
    ),
    // what no setting names cannot be called, and the try is counted.
    (
        "busybox nc -w 2 10.0.2.2 80 </dev/null 2>/dev/null || echo refused; \
         nft list chain inet sekisho output | busybox grep -q 'counter packets 0' || echo counted",
        "refused\ncounted",
    ),
    // B-085: radios, sound and the like do not exist; a memory stick is not seen.
    (
        "modprobe usb_storage 2>/dev/null || echo refused",
        "refused",
    ),
    (
        "for name in cfg80211 bluetooth snd mac80211 rfkill; do modprobe $name 2>/dev/null && \
         echo $name; done; true",
        "",
    ),
];
