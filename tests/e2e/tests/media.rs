//! Sticks that are put into the device (C-06, A-122): the real program, with loop devices in the
//! place of sticks, and file systems that are whole, somebody else's, damaged and hostile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::process::Programs;
use ring::digest::{SHA256, digest};

const LEFT_OUT: &str = "SEKISHO_WITHOUT_LOOP_DEVICES";
const SIZE: usize = 8 << 20;

fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    output
}

fn can_run() -> bool {
    let found = |line: &str| {
        let output = Command::new("sh").args(["-c", line]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let permitted = found("losetup -f && grep -qw ext4 /proc/filesystems && unshare -m true");
    if permitted && found("command -v mkfs.ext4 && command -v mkfs.vfat && command -v debugfs") {
        return true;
    }
    assert!(
        std::env::var_os(LEFT_OUT).is_some(),
        "this test needs root, loop devices, ext4, util-linux, e2fsprogs and dosfstools; \
         {LEFT_OUT}=1 leaves it out"
    );
    false
}

/// A stick: an image as a block device, and what the kernel would tell of it.
struct Stick {
    image: PathBuf,
    device: PathBuf,
    sys: PathBuf,
}

impl Stick {
    fn new(root: &Path, serial: &str, image: PathBuf) -> Self {
        let shown = run("losetup", &["-f", "--show", image.to_str().unwrap()]).stdout;
        let device = PathBuf::from(String::from_utf8(shown).unwrap().trim());
        let name = device.file_name().unwrap();
        let sys = root.join(format!("sys-{serial}"));
        let usb = sys.join("devices/pci0/usb1/1-1");
        let block = usb.join("1-1:1.0/host0/target0/block").join(name);
        fs::create_dir_all(&block).unwrap();
        for (file, text) in [
            ("idVendor", "0951"),
            ("idProduct", "1666"),
            ("serial", serial),
        ] {
            fs::write(usb.join(file), format!("{text}\n")).unwrap();
        }
        let sectors = fs::metadata(&image).unwrap().len() / 512;
        fs::write(block.join("size"), format!("{sectors}\n")).unwrap();
        fs::create_dir_all(sys.join("class/block")).unwrap();
        symlink(&block, sys.join("class/block").join(name)).unwrap();
        Self { image, device, sys }
    }
}

impl Drop for Stick {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("-d").arg(&self.device).status();
    }
}

/// The folders of a device.
struct Device {
    root: tempfile::TempDir,
    program: PathBuf,
}

impl Device {
    fn new() -> Self {
        let gateway = Programs::beside_test().unwrap().gateway();
        let program = Path::new(gateway.get_program()).with_file_name("sekisho-media");
        let root = tempfile::tempdir().unwrap();
        for folder in ["state", "notices"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let entry = |serial: &str, kind: &str| {
            format!(
                "[[media]]\nvendor = \"0951\"\nproduct = \"1666\"\nserial = \"{serial}\"\n\
                 filesystem = \"{kind}\"\n"
            )
        };
        let kinds = [
            ("WHOLE", "ext4"),
            ("OTHERKIND", "vfat"),
            ("JOURNAL", "ext4"),
            ("HOSTILE", "ext4"),
            ("NOISE", "ext4"),
            ("CYCLE", "vfat"),
        ];
        let list: String = kinds
            .iter()
            .map(|(serial, kind)| entry(serial, kind))
            .collect();
        fs::write(root.path().join("media.toml"), list).unwrap();
        Self { root, program }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Puts a stick in; `dev` says where its device file is.
    fn insert(&self, stick: &Stick, dev: &Path) -> Output {
        Command::new(&self.program)
            .arg("insert")
            .args([
                "--device",
                stick.device.file_name().unwrap().to_str().unwrap(),
            ])
            .arg("--list")
            .arg(self.path("media.toml"))
            .arg("--state")
            .arg(self.path("state"))
            .arg("--notices")
            .arg(self.path("notices"))
            .arg("--point")
            .arg(self.path("point"))
            .arg("--sys")
            .arg(&stick.sys)
            .arg("--dev")
            .arg(dev)
            .output()
            .unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let files = fs::read_dir(self.path(folder))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<_> = files
            .map(|file| file.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// An ext4 with what a receipt computer leaves, and links that lead out of it.
fn ext4(root: &Path, name: &str) -> PathBuf {
    let (tree, image) = (root.join(format!("{name}-tree")), root.join(name));
    fs::create_dir_all(tree.join("claims")).unwrap();
    fs::write(tree.join("claims/receipt.uke"), "synthetic").unwrap();
    symlink("/etc/passwd", tree.join("claims/link")).unwrap();
    fs::write(&image, vec![0; SIZE]).unwrap();
    let (tree, at) = (tree.to_str().unwrap(), image.to_str().unwrap());
    run(
        "mkfs.ext4",
        &["-q", "-F", "-O", "^has_journal", "-d", tree, at],
    );
    image
}

/// The same, with one file of it changed in place.
fn changed(root: &Path, name: &str, change: fn(&mut Vec<u8>)) -> PathBuf {
    let image = ext4(root, name);
    let mut bytes = fs::read(&image).unwrap();
    change(&mut bytes);
    fs::write(&image, bytes).unwrap();
    image
}

fn vfat(root: &Path, name: &str) -> PathBuf {
    let image = root.join(name);
    fs::write(&image, vec![0; SIZE]).unwrap();
    run("mkfs.vfat", &[image.to_str().unwrap()]);
    image
}

/// C-06, A-122: a registered stick is taken, read-only and out of sight; every other is left alone,
/// amber, and logged; what is hostile is refused.
#[test]
fn a_registered_stick_is_taken_and_every_other_is_left_alone() {
    if !can_run() {
        return;
    }
    let device = Device::new();
    let images = device.path("images");
    fs::create_dir(&images).unwrap();
    type Made = fn(&Path) -> PathBuf;
    let cases: [(&str, Made, &str, &str); 7] = [
        ("WHOLE", |root| ext4(root, "whole"), "taken", "media-done"),
        (
            "STRANGER",
            |root| ext4(root, "stranger"),
            "ignored-unregistered",
            "media-ignored",
        ),
        (
            "OTHERKIND",
            |root| ext4(root, "other"),
            "refused-file-system",
            "media-failed",
        ),
        // A journal that would have to be taken in, which writes.
        (
            "JOURNAL",
            |root| changed(root, "journal", |bytes| bytes[1_024 + 96] |= 4),
            "refused-file-system",
            "media-failed",
        ),
        // A whole superblock before noise: the kernel is asked, and refuses.
        (
            "HOSTILE",
            |root| {
                changed(root, "hostile", |bytes| {
                    let noise = bytes.iter_mut().skip(2_048).zip(0_u32..);
                    noise.for_each(|(byte, at)| {
                        *byte = (at.wrapping_mul(2_654_435_761) >> 24) as u8
                    });
                })
            },
            "refused-unreadable",
            "media-failed",
        ),
        (
            "NOISE",
            |root| changed(root, "noise", |bytes| bytes.fill(0xa5)),
            "refused-file-system",
            "media-failed",
        ),
        // A FAT that says that it is larger than its stick.
        (
            "CYCLE",
            |root| {
                let image = vfat(root, "cycle");
                let bytes = fs::read(&image).unwrap();
                fs::write(&image, &bytes[..SIZE / 2]).unwrap();
                image
            },
            "refused-file-system",
            "media-failed",
        ),
    ];
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    for (serial, made, word, notice) in cases {
        let stick = Stick::new(&images, serial, made(&images));
        let bytes = || {
            digest(&SHA256, &fs::read(&stick.image).unwrap())
                .as_ref()
                .to_vec()
        };
        let held = bytes();
        let output = device.insert(&stick, Path::new("/dev"));
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let expected = if word == "taken" { 0 } else { 3 };
        assert_eq!(output.status.code(), Some(expected), "{serial}: {output:?}");
        assert!(told.starts_with(&format!("{word} ")), "{serial}: {told}");
        assert_eq!(device.names("notices"), [notice], "{serial}");
        assert_eq!(bytes(), held, "{serial} was written");
    }
    assert_eq!(mounts(), before, "nobody else sees a stick");

    let taken = device.names("state/inbox");
    assert_eq!(taken.len(), 1, "{taken:?}");
    let claims = device.path("state/inbox").join(&taken[0]).join("claims");
    assert_eq!(
        fs::read_to_string(claims.join("receipt.uke")).unwrap(),
        "synthetic"
    );
    assert!(
        !claims.join("link").exists(),
        "a link out of the stick was followed"
    );

    let log = fs::read_to_string(device.path("state/media.log")).unwrap();
    let words: Vec<_> = log
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    assert_eq!(words, cases.map(|(_, _, word, _)| word));
    for (serial, ..) in cases {
        assert!(!log.contains(serial), "{log}");
    }
    let removed = Command::new(&device.program)
        .args(["remove", "--notices"])
        .arg(device.path("notices"))
        .status()
        .unwrap();
    assert!(removed.success() && device.names("notices").is_empty());
}

/// what is not registered is not opened, and neither is anything while the list is wrong.
#[test]
fn nothing_is_opened_that_is_not_on_a_list_that_can_be_read() {
    if !can_run() {
        return;
    }
    let device = Device::new();
    let stick = Stick::new(
        device.root.path(),
        "STRANGER",
        ext4(device.root.path(), "one"),
    );
    let nowhere = device.path("no-devices");
    let output = device.insert(&stick, &nowhere);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(device.names("notices"), ["media-ignored"]);

    let whole = Stick::new(device.root.path(), "WHOLE", ext4(device.root.path(), "two"));
    fs::write(device.path("media.toml"), "[[media]]\nvendor = 1\n").unwrap();
    let output = device.insert(&whole, &nowhere);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("AG81"), "{told}");
    let log = fs::read_to_string(device.path("state/media.log")).unwrap();
    assert_eq!(log.matches("ignored-unregistered").count(), 2, "{log}");
    assert!(device.names("state/inbox").is_empty());
}
