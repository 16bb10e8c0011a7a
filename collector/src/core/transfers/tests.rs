use std::fs;

use envelope::{LedgerEnd, Sealed, SigningKey};
use jiff::civil::date;

use super::*;
use crate::core::failure::Problem;
use crate::core::fixture::{Centre, Hospital, basic, patient};

const DAY: Date = date(2025, 4, 1);

/// A site whose device keeps a transfer ledger as the real one does.
struct Device {
    hospital: Hospital,
    lines: Vec<String>,
    end: End,
    /// From which line on a batch tells, by how many it told before.
    told: Vec<usize>,
}

impl Device {
    fn new() -> Self {
        Self {
            hospital: Hospital::new("HOSP-A", 1),
            lines: Vec::new(),
            end: End::default(),
            told: vec![0; 3],
        }
    }

    /// Tells again what the two batches before told.
    fn seal(&mut self) -> Sealed {
        self.hospital.transfers = (self.end.entries > 0).then(|| LedgerEnd {
            entries: self.end.entries,
            digest: self.end.digest,
            lines: self.lines[self.told.remove(0)..].concat(),
        });
        self.told.push(self.lines.len());
        // Another person each time, so that no two batches are the same.
        let number = 1 + u32::try_from(self.lines.len()).unwrap();
        self.hospital
            .seal(vec![patient(number, vec![basic(number, 1)])])
    }

    fn note(&mut self, event: Event, sealed: &Sealed) {
        self.note_size(event, sealed, sealed.bytes.len() as u64);
    }

    fn note_size(&mut self, event: Event, sealed: &Sealed, bytes: u64) {
        let entry = Entry {
            at: 1_743_400_000,
            event,
            sequence: sealed.manifest.sequence,
            batch: sealed.id,
            bytes,
            result: "stored".to_owned(),
            peer: Some([7; 32]),
        };
        let (line, end) = self.end.append(&entry);
        self.lines.push(line);
        self.end = end;
    }

    /// Seals a batch that arrives, and gets its receipt.
    fn send(&mut self, centre: &Centre) {
        let sealed = self.seal();
        self.note(Event::Sending, &sealed);
        centre.deliver(&sealed);
        self.note(Event::Delivered, &sealed);
    }

    /// Seals a batch that the centre never takes: the next one stands in its place.
    fn in_vain(&mut self, seal: impl FnOnce(&mut Self) -> Sealed) -> Sealed {
        let before = (
            self.hospital.sequence,
            self.hospital.previous,
            self.told.clone(),
        );
        let sealed = seal(self);
        (self.hospital.sequence, self.hospital.previous, self.told) = before;
        sealed
    }
}

fn centre(device: &Device) -> Centre {
    Centre::new(&[&device.hospital])
}

fn differences_by(centre: &Centre, anchor: &Anchor) -> Vec<(u64, What)> {
    let (_folder, catalogue) = centre.open();
    let mut found = Vec::new();
    let records = Records {
        catalogue: &catalogue,
        settings: &centre.settings,
    };
    compare(records, anchor, |comparison| {
        let all = comparison.differences.iter();
        found.extend(all.map(|difference| (difference.at, difference.what)));
    })
    .unwrap();
    found
}

fn differences(centre: &Centre) -> Vec<(u64, What)> {
    differences_by(centre, &Anchor::default())
}

/// when all goes well only the newest batch is left to be told of.
#[test]
fn of_a_healthy_site_only_the_newest_batch_is_not_told_yet() {
    let mut device = Device::new();
    let centre = centre(&device);
    for sequence in 1..=4 {
        device.send(&centre);
        centre.pull();
        assert_eq!(differences(&centre), [(sequence, What::NotToldYet)]);
    }
}

/// A-126, B-084: a batch that a front acknowledged and the core never saw is named.
#[test]
fn a_batch_with_a_receipt_that_the_core_never_saw_is_lost() {
    let mut device = Device::new();
    let centre = centre(&device);
    device.send(&centre);
    let gone = device.in_vain(Device::seal);
    device.note(Event::Delivered, &gone);
    device.send(&centre);
    centre.pull();
    assert_eq!(
        differences(&centre),
        [(2, What::NotToldYet), (2, What::Lost)]
    );
}

/// a batch that is gone leaves a hole before which all later ones wait. What they tell says
/// what is missing.
#[test]
fn what_waits_behind_a_hole_names_the_batch_that_is_missing() {
    let mut device = Device::new();
    let centre = centre(&device);
    device.send(&centre);
    let gone = device.seal();
    device.note(Event::Delivered, &gone);
    device.send(&centre);
    device.send(&centre);
    centre.pull();
    assert_eq!(differences(&centre), [(2, What::Lost), (3, What::Waits)]);
}

#[test]
fn what_was_refused_or_came_on_a_medium_is_explained() {
    let mut device = Device::new();
    let centre = centre(&device);
    let first = device.seal();
    device.note(Event::Exported, &first);
    centre.deliver(&first);
    let foreign = device.in_vain(|device| {
        let own = device.hospital.signing.clone();
        device.hospital.signing = SigningKey::from_seed([99; 32]).unwrap();
        let sealed = device.seal();
        device.hospital.signing = own;
        sealed
    });
    centre.deliver(&foreign);
    device.note(Event::Delivered, &foreign);
    device.send(&centre);
    centre.pull();
    assert_eq!(
        differences(&centre),
        [
            (1, What::CameOnMedium),
            (2, What::NotToldYet),
            (2, What::Refused)
        ]
    );
}

#[test]
fn a_missing_record_of_delivery_and_another_size_are_not_explained() {
    let mut device = Device::new();
    let centre = centre(&device);
    let first = device.seal();
    centre.deliver(&first);
    device.note(Event::Sending, &first);
    let second = device.seal();
    centre.deliver(&second);
    device.note_size(Event::Delivered, &second, 1);
    device.send(&centre);
    centre.pull();
    assert_eq!(
        differences(&centre),
        [
            (1, What::Unrecorded),
            (2, What::OtherSize),
            (3, What::NotToldYet)
        ]
    );
}

/// lines that were changed, taken out or put in on the device do not go on from what it told
/// before.
#[test]
fn a_device_that_changed_its_ledger_is_found() {
    type Change = fn(&mut Device);
    let changes: [Change; 3] = [
        |device| device.lines[3] = device.lines[3].replace("stored", "G012"),
        |device| drop(device.lines.remove(2)),
        |device| device.lines.insert(2, device.lines[1].clone()),
    ];
    for change in changes {
        let mut device = Device::new();
        let centre = centre(&device);
        device.send(&centre);
        device.send(&centre);
        change(&mut device);
        device.send(&centre);
        centre.pull();
        let found = differences(&centre);
        assert!(found.contains(&(3, What::DeviceLedger)), "{found:?}");
    }
}

/// what somebody with the database does to the centre's ledger is found, also if the chain
/// is whole afterwards, because the anchor is kept apart and signed.
#[test]
fn a_ledger_of_the_centre_that_was_changed_is_found() {
    let attacks = [
        (
            "UPDATE transfer SET line = replace(line, '-', 'x') WHERE number = 2",
            2,
        ),
        ("DELETE FROM transfer WHERE number = 2", 2),
        ("DELETE FROM transfer WHERE number = 3", 3),
    ];
    for (attack, line) in attacks {
        let mut device = Device::new();
        let centre = centre(&device);
        for _ in 0..3 {
            device.send(&centre);
        }
        centre.pull();
        let key = SigningKey::from_seed([5; 32]).unwrap();
        let anchors = anchors(&centre, &key);
        reconciled(&centre, &anchors).unwrap();
        let database = centre.open().0.catalogue();
        let raw = rusqlite::Connection::open(database).unwrap();
        assert!(
            raw.execute(attack, []).is_err(),
            "the database itself refuses"
        );
        raw.execute_batch(&format!(
            "DROP TRIGGER transfer_is_not_changed; DROP TRIGGER transfer_is_not_shortened; {attack}"
        ))
        .unwrap();
        let found = differences_by(&centre, &anchors.newest().unwrap());
        assert!(
            found.contains(&(line, What::CentreLedger)),
            "{attack}: {found:?}"
        );
        assert!(reconciled(&centre, &anchors).unwrap().unexplained > 0);
    }
}

fn anchors<'a>(centre: &Centre, key: &'a SigningKey) -> Anchors<'a> {
    Anchors {
        folders: ["anchors", "elsewhere"]
            .map(|it| centre.root.path().join(it))
            .into(),
        key: Some(key),
    }
}

fn reconciled(centre: &Centre, anchors: &Anchors<'_>) -> Result<Summary> {
    let (_folder, catalogue) = centre.open();
    let records = Records {
        catalogue: &catalogue,
        settings: &centre.settings,
    };
    reconcile(records, anchors, DAY, |_| {})
}

#[test]
fn a_day_has_one_anchor_in_each_folder_and_a_forged_one_is_refused() {
    let mut device = Device::new();
    let centre = centre(&device);
    device.send(&centre);
    centre.pull();
    let key = SigningKey::from_seed([5; 32]).unwrap();
    let anchors = anchors(&centre, &key);
    assert!(!anchors.has(DAY));
    assert_eq!(reconciled(&centre, &anchors).unwrap().sites, 1);
    assert!(anchors.has(DAY));
    let [first, second] =
        ["anchors", "elsewhere"].map(|it| centre.root.path().join(it).join("2025-04-01.anchor"));
    let bytes = fs::read(&first).unwrap();
    assert_eq!(fs::read(&second).unwrap(), bytes);
    device.send(&centre);
    centre.pull();
    reconciled(&centre, &anchors).unwrap();
    assert_eq!(fs::read(&first).unwrap(), bytes, "a day's anchor stays");
    // An old one, signed as it is, does not pass for a new one.
    let renamed = first.with_file_name("2025-04-02.anchor");
    fs::write(&renamed, &bytes).unwrap();
    let failure = reconciled(&centre, &anchors).unwrap_err();
    assert_eq!(failure.problem(), Problem::Anchor);
    fs::remove_file(renamed).unwrap();
    let mut forged = bytes;
    *forged.last_mut().unwrap() ^= 1;
    for file in [first, second] {
        fs::write(file, &forged).unwrap();
    }
    let failure = reconciled(&centre, &anchors).unwrap_err();
    assert_eq!(failure.problem(), Problem::Anchor);
}

/// An anchor of which the ledger of lineage knows nothing was taken of another one.
#[test]
fn a_ledger_of_lineage_that_was_written_anew_is_found() {
    let mut device = Device::new();
    let centre = centre(&device);
    device.send(&centre);
    centre.pull();
    centre.link();
    let key = SigningKey::from_seed([5; 32]).unwrap();
    let anchors = anchors(&centre, &key);
    reconciled(&centre, &anchors).unwrap();
    let raw = rusqlite::Connection::open(centre.open().0.catalogue()).unwrap();
    raw.execute_batch("DROP TRIGGER ledger_is_not_shortened; DELETE FROM ledger")
        .unwrap();
    let failure = reconciled(&centre, &anchors).unwrap_err();
    assert_eq!(failure.problem(), Problem::Damaged);
}
