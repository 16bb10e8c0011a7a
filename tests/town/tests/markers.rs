//! A marker in every field that can name somebody, for every kind of message: none of them is in
//! anything that leaves the reader, the site or the centre (A-037, A-038, B-133).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;

use envelope::{
    CoreSecretKey, MacKey, ManifestDraft, Sealed, SigningKey, TransportProfile, open, seal,
};
use formats::ssmix2::{self, FileName};
use jiff::civil::date;
use privacy::gate::{
    Contract, ContractKind, Event, Filing, Gate, HoldDays, LedgerHead, Notice, NoticeDocument,
    NoticeMethod, PatientReadings, Products, Tally, Terms,
};
use privacy::separate::{ParticipantRules, Separated, SiteKeys, separate};
use privacy::tokens::EpochKey;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use record::{ChartNumber, Quality, Reading};
use town::markers::{EVENTS, Marked, Marker, messages, plain};

const CHART: &str = "0001112223";

/// Kinds of the standardized storage that are read.
fn kinds() -> Vec<&'static str> {
    let all = EVENTS.iter().map(|(kind, _)| *kind);
    all.filter(|kind| ssmix2::supported(kind.parse().unwrap()))
        .collect()
}

fn name(kind: &str, order: usize) -> FileName {
    let dated = !matches!(kind, "ADT-00" | "ADT-61" | "PPR-01");
    let day = if dated { "20260105" } else { "-" };
    FileName::parse(&format!(
        "{CHART}_{day}_{kind}_{order:015}_20260105101112000_01_1"
    ))
    .unwrap()
}

/// The markers of some messages, to be searched for all at once.
struct Markers {
    all: Vec<Marker>,
    search: AhoCorasick,
}

impl Markers {
    fn of<'m>(messages: impl IntoIterator<Item = &'m Marked>) -> Self {
        let markers = messages.into_iter().flat_map(|message| &message.markers);
        let mut all: Vec<_> = markers.cloned().collect();
        // A telephone number may lose its hyphens on the way.
        let bare = all.iter().filter(|marker| marker.text.starts_with("090-"));
        let bare: Vec<_> = bare
            .map(|marker| Marker {
                place: marker.place.clone(),
                text: marker.text.replace('-', ""),
            })
            .collect();
        all.extend(bare);
        let search = AhoCorasick::new(all.iter().map(|marker| &marker.text)).unwrap();
        Self { all, search }
    }

    /// Where the markers come from that stand in some bytes.
    fn found(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let found = self.search.find_iter(bytes);
        found
            .map(|found| &*self.all[found.pattern().as_usize()].place)
            .collect()
    }
}

fn shown(reading: &Reading) -> String {
    let records = serde_json::to_string(&reading.records).unwrap();
    format!(
        "{records} {:?} {:?} {:?} {:?}",
        reading.records, reading.findings, reading.drops, reading.identity
    )
}

#[test]
fn the_search_finds_every_marker_in_its_own_message() {
    for message in messages("ADT-12", CHART) {
        let markers = Markers::of([&message]);
        let places: BTreeSet<_> = message
            .markers
            .iter()
            .map(|marker| &*marker.place)
            .collect();
        assert_eq!(
            markers.found(message.text.as_bytes()),
            places,
            "{}",
            message.what
        );
        assert!(places.len() >= 12, "{}", message.what);
    }
}

/// From the reader through the gate and the separation into a sealed batch, opened again.
#[test]
fn no_marker_is_in_what_a_reader_gives_or_a_batch_holds() {
    let markers = Markers::of(&messages("ADT-00", CHART));
    let mut leaks: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut kept = BTreeSet::new();
    for kind in kinds() {
        let mut readings = Vec::new();
        for (order, message) in (1..).zip(messages(kind, CHART)) {
            let reading = ssmix2::read(&name(kind, order), &message.bytes());
            let reading = reading.unwrap_or_else(|finding| panic!("{} {finding:?}", message.what));
            for place in markers.found(shown(&reading).as_bytes()) {
                leaks.entry(place.to_owned()).or_default().insert(kind);
            }
            readings.push(reading);
        }
        let separated = separated(readings, 2);
        let findings = format!("{:?}", separated.findings());
        let sealed = sealed(separated);
        let text = opened(&sealed);
        for place in markers.found(&[findings.into_bytes(), text.clone()].concat()) {
            leaks
                .entry(format!("{place} in the batch"))
                .or_default()
                .insert(kind);
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        kept.extend((1..=12).filter(|n| text.contains(&format!("KEPT{n:04}"))));
    }
    assert!(leaks.is_empty(), "{} places leak:\n{leaks:#?}", leaks.len());
    // The same search would find what is meant to be kept.
    assert!(kept.len() >= 7, "codes that the batches keep: {kept:?}");
}

fn gate() -> Gate {
    let day = date(2026, 1, 1);
    let contract = Contract {
        id: "C-1".parse().unwrap(),
        kind: ContractKind::Individual,
        filing: Some(Filing {
            reference: "F-1".parse().unwrap(),
            filed_on: day,
            revoked_on: None,
        }),
        products: Products::ALL,
        effective_from: day,
        leaves_on: None,
        hold_days: HoldDays::SHORTEST,
    };
    let text = NoticeDocument {
        version: "v1".parse().unwrap(),
        published_on: day,
        products: Products::ALL,
        reopens: false,
    };
    let notice = Event::Notified(Notice {
        chart: ChartNumber::new(CHART).unwrap(),
        notified_on: day,
        document: text.version.clone(),
        method: NoticeMethod::Handed,
        sixteen_on: None,
    });
    let head = LedgerHead {
        digest: [0; 32],
        entries: 1,
    };
    let standing = [notice].into_iter().collect();
    Gate::new(Terms::of(contract, text), standing, head, date(2026, 9, 1))
}

fn separated(readings: Vec<Reading>, site: u8) -> Separated {
    let [tokens, site] = [1, site].map(|byte| MacKey::from_bytes([byte; 32]));
    let patient = PatientReadings {
        chart: ChartNumber::new(CHART).unwrap(),
        readings,
        doubtful: Vec::new(),
    };
    let keys = SiteKeys {
        tokens: EpochKey::new(1, &tokens),
        next: None,
        site: &site,
        municipality: None,
        vault: None,
        participants: ParticipantRules::default(),
    };
    separate(gate().screen(patient).unwrap(), &keys)
}

fn sealed(separated: Separated) -> Sealed {
    let mut tally = Tally::default();
    let patient = PatientReadings {
        chart: ChartNumber::new(CHART).unwrap(),
        readings: Vec::new(),
        doubtful: Vec::new(),
    };
    tally.pass(gate().screen(patient).unwrap().pass());
    let draft = ManifestDraft {
        site: "SITE".parse().unwrap(),
        sequence: 1,
        previous: None,
        sealed_at: 1_780_000_000,
        gate: gate().evidence(&tally).unwrap(),
        transport: TransportProfile::Laboratory,
        mapping: 1,
        quality: Quality::default(),
        transfers: None,
    };
    let (core, signer) = keys();
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    seal(draft, vec![separated], core.public(), &signer, &mut dice).unwrap()
}

fn keys() -> (CoreSecretKey, SigningKey) {
    let core = CoreSecretKey::from_seed([3; 32]).unwrap();
    (core, SigningKey::from_seed([4; 32]).unwrap())
}

/// Everything that a batch says, in clear.
fn opened(sealed: &Sealed) -> Vec<u8> {
    let (core, signer) = keys();
    let opened = open(&sealed.bytes, &signer.public(), &core).unwrap();
    let mut text = serde_json::to_vec(&(&opened.manifest, &opened.subjects)).unwrap();
    text.extend(format!("{:?}", opened.subjects).into_bytes());
    text
}

/// Rows of linkable numbers (class L): one order number, as its order, its performance and its
/// result state it, becomes one reference; at another site it becomes another one, and nowhere does
/// it stand in clear, although it holds the patient's number backwards.
#[test]
fn order_performance_and_result_join_by_a_reference_that_only_their_site_can_make() {
    const NUMBER: usize = 322_211_100_012_345;
    let kinds = ["OMP-01", "OMP-11", "OML-11", "OMP-02"];
    let readings = |number: usize| {
        let readings = kinds.iter().map(|kind| {
            let lines = format!(
                "{}\rORC|NW|{number}|{number}^{CHART}|{number}\rOBR|1|{number}|{number}\rSPM|1|\
                 {number}&HIS^{number}\r",
                plain(kind, CHART).trim_end()
            );
            let lines = lines.replace("||ADT", &format!("|{number}|ADT"));
            ssmix2::read(&name(kind, number), lines.as_bytes()).unwrap()
        });
        readings.collect::<Vec<_>>()
    };
    let orders = |number, site| -> BTreeSet<_> {
        let separated = separated(readings(number), site);
        let documents = separated.documents();
        assert_eq!(documents.len(), kinds.len());
        documents
            .iter()
            .map(|document| document.order.unwrap())
            .collect()
    };
    let [ours, theirs] = [2, 3].map(|site| orders(NUMBER, site));
    assert_eq!(
        (ours.len(), theirs.len()),
        (1, 1),
        "one order, one reference"
    );
    assert_ne!(ours, theirs, "another site");
    assert_ne!(ours, orders(NUMBER + 1, 2), "another order");

    let text = opened(&sealed(separated(readings(NUMBER), 2)));
    let text = String::from_utf8_lossy(&text);
    let backwards: String = CHART.chars().rev().collect();
    for hidden in [NUMBER.to_string(), backwards, CHART.to_owned()] {
        assert!(!text.contains(&hidden), "{hidden}");
    }
}
