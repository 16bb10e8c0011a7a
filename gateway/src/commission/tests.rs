use std::cell::Cell;
use std::collections::BTreeMap;

use envelope::{DevicePublicKey, SigningKey};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;

/// A board that marks what it keeps, and refuses after so many calls.
struct Kept {
    left: Cell<u32>,
}

impl Kept {
    const fn for_ever() -> Self {
        Self {
            left: Cell::new(u32::MAX),
        }
    }
}

impl Board for Kept {
    fn keep(&self, name: &str, secret: &str) -> Result<Vec<u8>, Failure> {
        let left = self.left.get().checked_sub(1);
        let left = left.ok_or_else(|| Failure::new(Problem::CommissionBoard, name))?;
        self.left.set(left);
        let turned = secret.bytes().map(|byte| byte ^ 0x55);
        Ok(name.bytes().chain([b':']).chain(turned).collect())
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<String>, Failure> {
        let mine = sealed.strip_prefix(format!("{name}:").as_bytes());
        let mine = mine.ok_or_else(|| Failure::new(Problem::CommissionBoard, name))?;
        let text = mine.iter().map(|byte| byte ^ 0x55).collect();
        Ok(Zeroizing::new(String::from_utf8(text).unwrap()))
    }
}

struct Device {
    folder: TempDir,
    places: Places,
    operator: SigningKey,
}

const SECRET: &str = "sekisho-signing-v1:0123";

impl Device {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let operator = SigningKey::from_seed([7; 32]).unwrap();
        fs::write(at("operator.pub"), operator.public().to_string()).unwrap();
        fs::write(at("serial"), "QX-0001\n").unwrap();
        fs::create_dir(at("efi")).unwrap();
        Self {
            places: Places {
                operator: at("operator.pub"),
                boot: at("efi/sekisho"),
                state: at("state"),
                root: at("root"),
                serial: at("serial"),
            },
            folder,
            operator,
        }
    }

    fn start(&self) -> Result<Outcome, &'static str> {
        self.start_with(&Kept::for_ever())
    }

    fn start_with(&self, board: &Kept) -> Result<Outcome, &'static str> {
        run(&self.places, board).map_err(|failure| failure.problem().code())
    }

    fn shown(&self) -> BTreeMap<String, toml::Value> {
        let text = fs::read_to_string(self.places.boot.join("device.toml")).unwrap();
        toml::from_str(&text).unwrap()
    }

    fn key(&self) -> DevicePublicKey {
        self.shown()["device_key"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    fn send(&self, number: u64, files: &[(&str, &str)]) {
        self.send_from(&self.operator, number, files);
    }

    fn send_from(&self, operator: &SigningKey, number: u64, files: &[(&str, &str)]) {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let letter = Commission {
            site: "HOSPITAL-A".parse().unwrap(),
            number,
            files: files.iter().map(owned).collect(),
            secrets: [owned(&("signing.key", SECRET))].into(),
        };
        let mut rng = ChaCha20Rng::seed_from_u64(number);
        let sealed = letter.seal(&self.key(), operator, &mut rng).unwrap();
        fs::write(self.places.boot.join(LETTER), sealed).unwrap();
    }

    fn text(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.places.root.join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

const FILES: [(&str, &str); 3] = [
    ("sekisho/device.toml", "[time]\n"),
    ("ledger/stops.csv", "patient_id\n"),
    (
        "units/sekisho-gateway.service.d/front.conf",
        "[Service]\nIPAddressAllow=10.4.0.2\n",
    ),
];

/// C-01: nobody types anything at the device.
#[test]
fn a_new_device_shows_its_key_and_takes_the_letter_that_was_sealed_for_it() {
    let device = Device::new();
    assert_eq!(device.start(), Ok(Outcome::Nothing));
    assert_eq!(device.shown()["serial"].as_str(), Some("QX-0001"));
    assert_eq!(device.shown()["taken"].as_integer(), Some(0));
    let key = device.key();
    device.send(1, &FILES);
    assert_eq!(device.start(), Ok(Outcome::Taken(1)));
    assert_eq!(
        device.text("etc/sekisho/device.toml").as_deref(),
        Some("[time]\n")
    );
    let kept = device.text("etc/sekisho/credentials/signing.key").unwrap();
    assert!(kept.starts_with("signing.key:") && !kept.contains(SECRET));
    assert!(!device.places.boot.join(LETTER).exists());
    assert_eq!(device.shown()["taken"].as_integer(), Some(1));
    assert!(device.key() == key);
    assert_eq!(device.start(), Ok(Outcome::Nothing));
}

/// nothing that is secret stands in clear on the boot partition or in a file.
#[test]
fn no_secret_is_left_in_clear() {
    let device = Device::new();
    device.start().unwrap();
    device.send(1, &FILES);
    device.start().unwrap();
    let mut folders = vec![device.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let told = text.contains(SECRET) || text.contains("sekisho-device-secret");
            assert!(!told, "{}", path.display());
        }
    }
}

#[test]
fn a_letter_that_is_not_the_operators_or_not_for_this_device_changes_nothing() {
    let device = Device::new();
    device.start().unwrap();
    let forger = SigningKey::from_seed([8; 32]).unwrap();
    device.send_from(&forger, 1, &FILES);
    assert_eq!(device.start(), Err("G120"));
    assert_eq!(device.shown()["problem"].as_str(), Some("G120"));

    let other = Device::new();
    other.start().unwrap();
    other.send(1, &FILES);
    fs::copy(
        other.places.boot.join(LETTER),
        device.places.boot.join(LETTER),
    )
    .unwrap();
    assert_eq!(device.start(), Err("G120"));

    for bytes in [vec![], vec![0; LETTER_MAX + 1], b"SEKISHL\x01 no".to_vec()] {
        fs::write(device.places.boot.join(LETTER), bytes).unwrap();
        assert_eq!(device.start(), Err("G120"));
    }
    assert_eq!(device.text("etc/sekisho/device.toml"), None);
}

#[test]
fn an_older_letter_is_refused_and_the_newest_may_come_again() {
    let device = Device::new();
    device.start().unwrap();
    device.send(2, &FILES);
    assert_eq!(device.start(), Ok(Outcome::Taken(2)));
    device.send(1, &[("sekisho/device.toml", "old\n")]);
    assert_eq!(device.start(), Err("G121"));
    device.send(2, &FILES);
    assert_eq!(device.start(), Ok(Outcome::Taken(2)));
    assert_eq!(
        device.text("etc/sekisho/device.toml").as_deref(),
        Some("[time]\n")
    );
}

#[test]
fn a_letter_with_one_thing_that_none_may_say_is_refused_as_a_whole() {
    let device = Device::new();
    device.start().unwrap();
    for bad in [
        ("shadow", "root::0\n"),
        (
            "units/sekisho-page.service.d/x.conf",
            "[Service]\nExecStart=/x\n",
        ),
    ] {
        device.send(1, &[FILES.as_slice(), &[bad]].concat());
        assert_eq!(device.start(), Err("G122"));
    }
    assert_eq!(device.text("etc/sekisho/device.toml"), None);
}

/// C-09: what was begun and not finished is begun again.
#[test]
fn a_start_that_was_cut_off_is_made_up_for() {
    let device = Device::new();
    let refused = Kept { left: Cell::new(0) };
    assert_eq!(device.start_with(&refused), Err("G123"));
    assert_eq!(device.start(), Ok(Outcome::Nothing));
    device.send(1, &FILES);
    assert_eq!(device.start_with(&refused), Err("G123"));
    // What a power cut leaves of a file is not taken for the file.
    let folder = device.places.root.join("etc/sekisho");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(".device.toml.new"), "[ti").unwrap();
    assert_eq!(device.start(), Ok(Outcome::Taken(1)));
    assert_eq!(
        device.text("etc/sekisho/device.toml").as_deref(),
        Some("[time]\n")
    );
    assert!(!folder.join(".device.toml.new").exists());
}

/// The key opens on this board alone.
#[test]
fn a_key_that_the_board_does_not_give_is_told() {
    let device = Device::new();
    device.start().unwrap();
    fs::write(device.places.state.join(KEY), "another board").unwrap();
    assert_eq!(device.start(), Err("G123"));
}

#[test]
fn an_image_without_an_operator_takes_nothing() {
    let device = Device::new();
    fs::remove_file(&device.places.operator).unwrap();
    assert_eq!(device.start(), Ok(Outcome::NoOperator));
    assert!(!device.places.boot.exists());
}
