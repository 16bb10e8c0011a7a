//! A device of files and folders, and the repository that it updates from.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use updates::NAME as SERVER;

/// The name of boot entries.
pub(crate) const NAME: &str = "sekisho";
/// The board of the device.
pub(crate) const BOARD: &str = "qemu-x86";
/// Bytes of a partition.
const SLOT: usize = 2 << 20;

/// One version: its three files.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) root: Vec<u8>,
    pub(crate) verity: Vec<u8>,
    pub(crate) kernel: Vec<u8>,
}

/// Bytes that repeat nowhere, from a seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let words = std::iter::repeat_with(next).flatten();
    words.take(length).collect()
}

/// A version in which `seed` changes a part of the root, as another agent would.
pub(crate) fn version(seed: u64) -> Files {
    let mut root = noise(1, 1 << 20);
    let changed = noise(100 + seed, 80 << 10);
    root.splice(256 << 10..(256 << 10) + (64 << 10), changed);
    let mut kernel = noise(2, 300 << 10);
    kernel[..64].copy_from_slice(&noise(200 + seed, 64));
    Files {
        root,
        verity: noise(300 + seed, 20 << 10),
        kernel,
    }
}

/// Everything of one test.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    /// What stands in update.toml behind the fixed part.
    source: String,
    when: String,
    gate: String,
}

impl World {
    /// A device that runs 1.0.0 in slot A, and a repository with 1.0.0 and 1.1.0 in it.
    pub(crate) fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            source: String::new(),
            when: "[when]\nfrom = \"00:00\"\nuntil = \"00:00\"\n".to_owned(),
            gate: "[gate]\nseconds = 1\n".to_owned(),
        };
        for name in ["state", "incoming", "esp", "run", "notices"] {
            fs::create_dir_all(world.at(name)).unwrap();
        }
        world.release(&["keys", "--out", "keys"]);
        world.release(&["root", "--keys", "keys", "--out", "root.json"]);
        let old = version(0);
        for (name, bytes) in [("root-a", &old.root), ("verity-a", &old.verity)] {
            let mut partition = bytes.clone();
            partition.resize(SLOT, 0);
            fs::write(world.at(name), partition).unwrap();
        }
        for name in ["root-b", "verity-b"] {
            fs::write(world.at(name), vec![0; SLOT]).unwrap();
        }
        fs::write(world.at("esp").join("sekisho_1.0.0.efi"), &old.kernel).unwrap();
        world.boots("1.0.0", "a");
        world.publish("1.0.0", &old, &[]);
        world.publish("1.1.0", &version(1), &[]);
        world.settings();
        world
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the kernel and the image would say after a start.
    pub(crate) fn boots(&self, version: &str, slot: &str) {
        let text = format!("NAME=Sekisho\nIMAGE_VERSION={version}\n");
        fs::write(self.at("os-release"), text).unwrap();
        fs::write(self.at("slot"), format!("{slot}\n")).unwrap();
    }

    fn settings(&self) {
        let folder = self.folder.path().display();
        let text = format!(
            "device = \"box-1\"\nboard = \"{BOARD}\"\nstate = \"{folder}/state\"\n\
             incoming = \"{folder}/incoming\"\nroot = \"{folder}/root.json\"\n\
             synchronized = \"{folder}/synchronized\"\nnotices = \"{folder}/notices\"\n{}{}{}\
             [boot]\nname = \"{NAME}\"\nentries = \"{folder}/esp\"\n\
             version = \"{folder}/os-release\"\nslot = \"{folder}/slot\"\n\
             restart = \"{folder}/run/restart\"\n\
             a = {{ root = \"{folder}/root-a\", verity = \"{folder}/verity-a\" }}\n\
             b = {{ root = \"{folder}/root-b\", verity = \"{folder}/verity-b\" }}\n",
            self.source, self.when, self.gate
        );
        fs::write(self.at("update.toml"), text).unwrap();
    }

    /// Has the device ask a server, whose certificates lie in the folder.
    pub(crate) fn source(&mut self, address: SocketAddr, more: &str) {
        let folder = self.folder.path().display();
        self.source = format!(
            "[source]\naddress = \"{address}\"\nserver_name = \"{SERVER}\"\n\
             authority = \"{folder}/authority.pem\"\ncertificate = \"{folder}/device.pem\"\n\
             private_key = \"{folder}/device.key\"\nstall_seconds = 1\n{more}\n"
        );
        self.settings();
    }

    pub(crate) fn when(&mut self, lines: &str) {
        self.when = format!("[when]\n{lines}\n");
        self.settings();
    }

    pub(crate) fn gate(&mut self, lines: &str) {
        self.gate = format!("[gate]\nseconds = 1\n{lines}\n");
        self.settings();
    }

    /// Runs the centre's tool in the folder of the test; it has to end well.
    pub(crate) fn release(&self, arguments: &[&str]) {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_sekisho-release"));
        let output = tool
            .current_dir(&self.folder)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?} {}", said(&output));
    }

    pub(crate) fn publish(&self, version: &str, files: &Files, more: &[&str]) {
        for (name, bytes) in [
            ("new.root", &files.root),
            ("new.verity", &files.verity),
            ("new.efi", &files.kernel),
        ] {
            fs::write(self.at(name), bytes).unwrap();
        }
        let fixed = [
            "publish",
            "--repository",
            "repository",
            "--keys",
            "keys",
            "--root",
            "root.json",
            "--release",
            version,
            "--image",
            "new.root",
            "--verity",
            "new.verity",
            "--kernel",
            "new.efi",
        ];
        let board = match more.contains(&"--board") {
            true => vec![],
            false => vec!["--board", BOARD],
        };
        self.release(&[&fixed, &board[..], more].concat());
    }

    /// Makes a medium of the repository as it is.
    pub(crate) fn medium(&self) -> PathBuf {
        let out = self.at("medium");
        let _ = fs::remove_dir_all(&out);
        let of = [
            "media",
            "--repository",
            "repository",
            "--board",
            BOARD,
            "--out",
            "medium",
        ];
        self.release(&of);
        out
    }

    /// Makes a medium for another device: that device trusts this repository then.
    pub(crate) fn medium_of(&self, other: &Self) -> PathBuf {
        fs::copy(self.at("root.json"), other.at("root.json")).unwrap();
        self.medium()
    }

    /// Takes away what tells the device which chunks it has.
    pub(crate) fn forget_old(&self) {
        fs::rename(self.at("repository"), self.at("gone")).unwrap();
        self.publish("1.1.0", &version(1), &[]);
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho-update"));
        command.arg("--config").arg(self.at("update.toml"));
        command
    }

    pub(crate) fn update(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    pub(crate) fn import(&self, medium: &Path) -> Output {
        self.command().arg("import").arg(medium).output().unwrap()
    }

    /// The record, or the report of a folder.
    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&fs::read(self.at(path)).unwrap()).unwrap()
    }

    pub(crate) fn stage(&self) -> Value {
        self.json("state/update.json")["stage"].take()
    }

    /// Whether slot B holds a version, byte for byte.
    pub(crate) fn slot_b_is(&self, files: &Files) -> bool {
        let holds = |name: &str, bytes: &[u8]| fs::read(self.at(name)).unwrap().starts_with(bytes);
        holds("root-b", &files.root) && holds("verity-b", &files.verity)
    }

    /// Names in the ESP, sorted.
    pub(crate) fn entries(&self) -> Vec<String> {
        self.names("esp")
    }

    /// What the panel is told, sorted.
    pub(crate) fn notices(&self) -> Vec<String> {
        self.names("notices")
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let files = fs::read_dir(self.at(folder)).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// The boot loader takes one of its tries from the new entry and starts it.
    pub(crate) fn try_new(&self, version: &str) {
        let find = |entry: &String| entry.starts_with(&format!("{NAME}_{version}+"));
        let entry = self
            .entries()
            .into_iter()
            .find(find)
            .expect("an entry with tries");
        let tries = entry.trim_end_matches(".efi").rsplit_once('+').unwrap().1;
        let (left, done) = tries.split_once('-').unwrap_or((tries, "0"));
        let (left, done): (u32, u32) = (left.parse().unwrap(), done.parse().unwrap());
        let next = format!("{NAME}_{version}+{}-{}.efi", left - 1, done + 1);
        fs::rename(self.at("esp").join(entry), self.at("esp").join(next)).unwrap();
        self.boots(version, "b");
    }
}

/// What a program said to standard error.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// That a command failed with a code, and with the exit status that belongs to it.
#[track_caller]
pub(crate) fn refused(output: &Output, code: &str, status: i32) {
    let text = said(output);
    assert!(text.starts_with(code), "{text}");
    assert_eq!(output.status.code(), Some(status), "{text}");
}

/// That a command ended well; gives what it said.
#[track_caller]
pub(crate) fn well(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
