//! `cargo xtask test image`: the image in a machine in software.
//!
//! Shows, B-083, B-085, P-08 and P-09 on the running appliance. The programs are
//! those of the development profile, which the tests before it have built already.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::machine::{Machine, Setup};
use super::releases::Releases;
use super::scan::Wire;
use super::snapshot::{self, Snapshot};
use super::tool::Tool;
use super::verity::BLOCK;
use super::{
    Image, Recipe, VERSION, board_check, boot, build, container_check, disk, esp, same_files,
    stick_check, stripped, surface, update_check, wire_check,
};
use crate::Workspace;
use crate::test::Outcome;

/// What the console says when everything is up.
pub(crate) const READY: &str = " ready, slot ";

/// The images of one run, and where their machines are.
struct Bench {
    machines: PathBuf,
    product: Image,
    /// The same with the probe of the tests in it.
    probed: Image,
}

/// Where the local page listens, on a device with settings.
const PAGE_PORT: u16 = 443;

/// Builds the image twice and the image with the probe, and boots them.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let programs = development_programs(workspace)?;
    let product = make(workspace, &programs, "product", false)?;
    let again = make(workspace, &programs, "again", false)?;
    let files = same_files(folder_of(&product), folder_of(&again))?;
    let bench = Bench {
        machines: workspace.scratch("image/machines")?,
        probed: make(workspace, &programs, "probe", true)?,
        product,
    };
    let mut remarks = vec![
        format!("{files} files built twice the same"),
        in_a_container(workspace)?,
        starts_when_signed(&bench)?,
        refuses_a_changed_entry(&bench)?,
        refuses_a_changed_root(&bench)?,
        looks_right_from_inside(workspace, &bench)?,
        keeps_its_wires_apart(&bench)?,
    ];
    if !bench.product.drift.is_empty() {
        let newer = bench.product.drift.len();
        remarks.push(format!("{newer} packages are not the pinned ones"));
    }
    Ok(Outcome::Passed(remarks.join(", ")))
}

/// What takes too long for every change: `cargo xtask test --full`.
pub(crate) fn full(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let programs = development_programs(workspace)?;
    let bench = Bench {
        machines: workspace.scratch("image/machines")?,
        product: make(workspace, &programs, "product", false)?,
        probed: make(workspace, &programs, "probe", true)?,
    };
    let remarks = [
        answers_nobody_but_the_institution(&bench)?,
        a_hang_ends_in_a_start(&bench)?,
        board_check::a_dead_battery_takes_no_time_back(
            &bench.machines.join("battery"),
            &bench.probed.disk,
        )?,
        data_open_for_this_board_and_our_kernel_only(&bench)?,
        stick_check::sticks(&bench.machines.join("sticks"), &bench.probed.disk)?,
    ];
    Ok(Outcome::Passed(remarks.join(", ")))
}

/// Updates that go wrong in every way: `cargo xtask test updates`.
pub(crate) fn updates(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let programs = development_programs(workspace)?;
    let releases = Releases::new(workspace, &programs)?;
    let first = releases.image(VERSION, None)?;
    update_check::returns(workspace, &releases, &first).map(Outcome::Passed)
}

/// Power cuts within an update: `cargo xtask test update-cuts`.
pub(crate) fn update_cuts(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let programs = development_programs(workspace)?;
    let releases = Releases::new(workspace, &programs)?;
    let first = releases.image(VERSION, None)?;
    update_check::cuts(workspace, &releases, &first).map(Outcome::Passed)
}

/// The image with the probe, for checks of their own.
pub(crate) fn probed(workspace: &Workspace) -> anyhow::Result<Image> {
    let programs = development_programs(workspace)?;
    make(workspace, &programs, "probe", true)
}

fn make(workspace: &Workspace, programs: &Path, name: &str, probe: bool) -> anyhow::Result<Image> {
    build(&Recipe {
        workspace,
        programs: programs.to_owned(),
        out: workspace.scratch(&format!("image/{name}"))?,
        version: VERSION,
        probe,
        signer: boot::Signer::for_tests(&workspace.scratch("image")?)?,
        update_root: None,
        operator: None,
        broken: None,
        fresh_base: false,
        loud: false,
    })
}

/// The programs as the tests build them.
pub(crate) fn development_programs(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let status = workspace
        .cargo()
        // As the step `build` does, which has done it already.
        .args(["build", "--quiet", "--locked", "--workspace", "--bins"])
        .status()
        .context("cargo cannot be started")?;
    ensure!(status.success(), "the programs cannot be built");
    stripped(workspace, &workspace.target.join("debug"))
}

fn folder_of(image: &Image) -> &Path {
    image.disk.parent().unwrap_or(Path::new("."))
}

/// P-08: every unit starts, also where there is no disk.
fn in_a_container(workspace: &Workspace) -> anyhow::Result<String> {
    // That of the image that was built last.
    let root = workspace.scratch("image/work")?.join("root");
    let folder = workspace.scratch("image/machines")?.join("container");
    container_check::starts_as_a_container(&folder, &root)
}

/// firmware with Secure Boot starts the signed image, and nobody is asked to log in.
fn starts_when_signed(bench: &Bench) -> anyhow::Result<String> {
    let setup = Setup {
        secure_boot: true,
        ..Setup::of(&bench.product.disk)
    };
    let mut machine = Machine::start(&bench.machines.join("signed"), &setup)?;
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
fn refuses_a_changed_entry(bench: &Bench) -> anyhow::Result<String> {
    let disk = bench.machines.join("changed-entry.img");
    copy(&bench.product.disk, &disk)?;
    change_entry(&bench.product, &disk)?;
    let setup = Setup {
        secure_boot: true,
        ..Setup::of(&disk)
    };
    let mut machine = Machine::start(&bench.machines.join("changed-entry"), &setup)?;
    machine.wait_for("Access Denied")?;
    Ok("changed entry refused".to_owned())
}

/// Changes one letter of the command line in the boot entry on `disk`.
fn change_entry(image: &Image, disk: &Path) -> anyhow::Result<()> {
    let entry = folder_of(image).join("sekisho.efi");
    let mut bytes = fs::read(&entry).context("sekisho.efi")?;
    let word = b"slab_nomerge";
    let at = bytes.windows(word.len()).position(|it| it == word);
    let at = at.context("no command line in sekisho.efi")?;
    *bytes.get_mut(at).context("sekisho.efi")? ^= 1;
    let changed = disk.with_extension("efi");
    fs::write(&changed, bytes)?;
    for name in esp::entries(disk)? {
        esp::put(disk, &changed, &format!("EFI/Linux/{name}"))?;
        ensure!(
            name.contains(VERSION),
            "an entry of another version: {name}"
        );
    }
    Ok(())
}

/// P-09: a root in which blocks differ is not run; the device starts again.
fn refuses_a_changed_root(bench: &Bench) -> anyhow::Result<String> {
    let disk = bench.machines.join("changed-root.img");
    copy(&bench.product.disk, &disk)?;
    let blocks = fs::metadata(&bench.product.root)
        .context("root.erofs")?
        .len()
        / BLOCK;
    let file = fs::OpenOptions::new().write(true).open(&disk)?;
    // Some of each part of it, so that the start reads one early. Not the first: without that the
    // root would not even be recognised.
    for block in (1..blocks).step_by(7) {
        let at = disk::ROOT_A + block * BLOCK;
        std::os::unix::fs::FileExt::write_all_at(&file, b"changed", at)?;
    }
    let setup = Setup::of(&disk);
    let mut machine = Machine::start(&bench.machines.join("changed-root"), &setup)?;
    machine.wait_for_end()?;
    let console = machine.console();
    ensure!(
        !console.contains(READY),
        "a changed root was run:\n{console}"
    );
    Ok("changed root refused".to_owned())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut copy = Command::new("cp");
    copy.arg("--sparse=always");
    Tool(copy.arg(from).arg(to)).run().map(drop)
}

/// What holds in the running system, seen from inside.
fn looks_right_from_inside(workspace: &Workspace, bench: &Bench) -> anyhow::Result<String> {
    let setup = Setup::of(&bench.probed.disk);
    let mut machine = Machine::start(&bench.machines.join("probe"), &setup)?;
    machine.wait_for(READY)?;
    for &(command, expected) in ANSWERS {
        let answer = machine.ask(command)?;
        ensure!(
            answer.trim() == expected,
            "`{command}` says `{}`, not `{expected}`",
            answer.trim()
        );
    }
    surface_is_told(workspace, &mut machine)?;
    let used: u64 = machine.ask(MEMORY)?.trim().parse().context("memory")?;
    Ok(format!(
        "{} questions from inside, {used} MB used",
        ANSWERS.len()
    ))
}

/// The page says what the running image says.
fn surface_is_told(workspace: &Workspace, machine: &mut Machine) -> anyhow::Result<()> {
    let committed = fs::read_to_string(workspace.root.join(surface::PAGE)).unwrap_or_default();
    let page = surface::page(machine)?;
    let differs = page
        .lines()
        .zip(committed.lines())
        .find(|(is, was)| is != was);
    let (is, was) = differs.unwrap_or_default();
    ensure!(
        page == committed,
        "{} is not what the image is: run `cargo xtask image --surface`\nis:  {is}\nwas: {was}",
        surface::PAGE
    );
    Ok(())
}

/// Boots the image with the probe and writes the page.
pub(crate) fn write_surface(workspace: &Workspace) -> anyhow::Result<()> {
    let programs = development_programs(workspace)?;
    let probed = make(workspace, &programs, "probe", true)?;
    let setup = Setup::of(&probed.disk);
    let folder = workspace.scratch("image/machines")?.join("surface");
    let mut machine = Machine::start(&folder, &setup)?;
    machine.wait_for(READY)?;
    let page = surface::page(&mut machine)?;
    fs::write(workspace.root.join(surface::PAGE), page).context(surface::PAGE)
}

/// a scan of all TCP ports from the closed network hears nothing, and one from the
/// institution's network hears of the local page only.
fn answers_nobody_but_the_institution(bench: &Bench) -> anyhow::Result<String> {
    let wires = wires()?;
    let setup = Setup {
        wires: Some(&wires),
        ..Setup::of(&bench.product.disk)
    };
    let mut machine = Machine::start(&bench.machines.join("scan"), &setup)?;
    machine.wait_for(READY)?;
    let [lan, wan] = &wires;
    let inside = lan.scan().context("from the institution's network")?;
    ensure!(
        inside.iter().eq([&PAGE_PORT]),
        "towards the institution these ports answer: {:?}",
        inside
    );
    let outside = wan.scan().context("from the closed network")?;
    ensure!(
        outside.is_empty(),
        "towards the closed network these ports answer: {:?}",
        outside
    );
    Ok("65535 ports from both sides, one answers".to_owned())
}

/// A-114, B-083: what the device says on its wires by itself, and that nothing goes through it. The
/// machine goes on from where it was kept, ready.
fn keeps_its_wires_apart(bench: &Bench) -> anyhow::Result<String> {
    let wires = wires()?;
    let setup = Setup {
        wires: Some(&wires),
        more: snapshot::arguments(),
        ..Setup::of(&bench.probed.disk)
    };
    let kept = bench.machines.join("kept");
    let mut machine = Machine::start(&kept, &setup)?;
    machine.wait_for(READY)?;
    let snapshot = Snapshot::of(machine)?;
    let silent = wire_check::says_nothing_unasked(&wires)?;
    let begin = Instant::now();
    let mut machine = snapshot.go_on(&bench.machines.join("wires"), &setup)?;
    machine.ask("true")?;
    let again = begin.elapsed().as_secs_f64();
    let apart = wire_check::lets_nothing_through(&mut machine, &wires)?;
    Ok(format!(
        "{silent}, {apart} (taken up again in {again:.1} s)"
    ))
}

/// P-08: the watchdog of the board, from a machine that was kept once it was ready.
fn a_hang_ends_in_a_start(bench: &Bench) -> anyhow::Result<String> {
    let setup = Setup {
        once: false,
        more: snapshot::arguments(),
        ..Setup::of(&bench.probed.disk)
    };
    let mut machine = Machine::start(&bench.machines.join("hanging"), &setup)?;
    machine.wait_for(READY)?;
    let snapshot = Snapshot::of(machine)?;
    board_check::a_hanging_system_is_started_again(&snapshot, &bench.machines.join("hung"), &setup)
}

fn wires() -> anyhow::Result<[Wire; 2]> {
    Ok([
        Wire::new([0x52, 0x54, 0, 0, 0, 0x03])?,
        Wire::new([0x52, 0x54, 0, 0, 0, 0x04])?,
    ])
}

/// the data open for this board's TPM and a kernel of ours. With another kernel, or on
/// another board, they stay shut, nobody is asked for anything, and the recovery key opens them
/// once.
fn data_open_for_this_board_and_our_kernel_only(bench: &Bench) -> anyhow::Result<String> {
    let folder = bench.machines.join("data");
    let disk = folder.join("disk.img");
    let setup = Setup::of(&bench.probed.disk);
    let mut machine = Machine::start(&folder, &setup)?;
    machine.wait_for(READY)?;
    let key = machine.ask("busybox cat /var/lib/recovery/key")?;
    let plain = machine.ask("busybox echo written-before >/var/lib/mark; busybox sync");
    plain?;
    machine.cut()?;

    copy(&disk, &folder.join("kept.img"))?;
    change_entry(&bench.probed, &disk)?;
    stays_shut(&folder, &setup, "another kernel")?;

    // The same disk on another board.
    copy(&folder.join("kept.img"), &disk)?;
    fs::remove_dir_all(folder.join("tpm-state")).context("TPM")?;
    stays_shut(&folder, &setup, "another board")?;

    fs::write(folder.join("recovery.key"), key.trim())?;
    esp::put(&disk, &folder.join("recovery.key"), "recovery.key")?;
    let mut machine = Machine::power_on(&folder, &setup)?;
    machine.wait_for(READY)?;
    let mark = machine.ask("busybox cat /var/lib/mark")?;
    ensure!(mark.trim() == "written-before", "other data: {mark}");
    let new = machine.ask("busybox cat /var/lib/recovery/key; busybox ls /efi")?;
    ensure!(
        !new.contains(key.trim()),
        "the recovery key was not replaced"
    );
    ensure!(
        !new.contains("recovery.key"),
        "the recovery key is still there"
    );
    Ok("data open for this board and our kernel only".to_owned())
}

/// Starts the machine in `folder` and sees that the data are not opened.
fn stays_shut(folder: &Path, setup: &Setup<'_>, why: &str) -> anyhow::Result<()> {
    let mut machine = Machine::power_on(folder, setup)?;
    machine.wait_for("IM04")?;
    let console = machine.console();
    ensure!(console.contains("(IM06)"), "{why}: no reason:\n{console}");
    ensure!(
        !console.contains(READY),
        "{why}: the data are open:\n{console}"
    );
    Ok(())
}

/// Memory that the system uses, in MB, without the probe itself.
pub(crate) const MEMORY: &str = "busybox free -m | busybox awk '/Mem:/ { print $3 }'";

/// Questions to the running system, and the only right answer.
const ANSWERS: &[(&str, &str)] = &[
    // P-08: the start has come to its end, what should run does, and nothing has failed.
    ("systemctl is-system-running --wait", "running"),
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
    // The data partition has grown to the size of the disk.
    (
        "busybox df -m /var | busybox awk 'NR == 2 { print ($2 > 400) }'",
        "1",
    ),
    // The entry has lost its counter, because the version is good.
    ("busybox ls /efi/EFI/Linux | busybox grep -c '+'; true", "0"),
    // no program waits at a console, and none of these is there.
    (
        "for open in /proc/[0-9]*/fd/*; do busybox readlink $open; done 2>/dev/null | \
         busybox grep -xE '/dev/(console|ttyS0|tty[0-9]+)'; true",
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
    // once there is an address, what no setting names cannot be called, and the try is
    // counted.
    (
        "until ip -4 -o address show dev lan0 | busybox grep -q inet; do busybox sleep 1; done; \
         busybox nc -w 2 10.0.3.2 80 </dev/null 2>/dev/null || echo refused; \
         nft list chain inet sekisho output | busybox grep -q 'counter packets 0' || echo counted",
        "refused\ncounted",
    ),
    // B-085: radios, sound and the like do not exist; a memory stick is not seen.
    (
        "/usr/sbin/modprobe usb_storage 2>/dev/null || echo refused",
        "refused",
    ),
    (
        "for name in cfg80211 bluetooth snd mac80211 rfkill; do \
         /usr/sbin/modprobe $name 2>/dev/null && echo $name; done; true",
        "",
    ),
];
