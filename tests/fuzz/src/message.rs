//! One file of the standardized storage, from its bytes to what would be sealed.

use std::sync::LazyLock;

use formats::ssmix2::{FileName, claims, read, supported};
use privacy::Prf;
use privacy::gate::{
    Contract, ContractKind, Event, Filing, Gate, HoldDays, LedgerHead, Notice, NoticeDocument,
    NoticeMethod, PatientReadings, Products, Terms,
};
use privacy::separate::{ParticipantRules, SiteKeys, separate};
use privacy::tokens::EpochKey;
use record::{ChartNumber, DataKind, Date, FindingCode, Reading};

use crate::seeds::CHART;

/// Findings of one file that are kept one by one.
const MAX_FINDINGS: usize = 1_000;

/// The first byte chooses the data kind, the second the flag of the file; the rest is the file.
pub(crate) fn run(data: &[u8]) {
    let [kind, flag, bytes @ ..] = data else {
        return;
    };
    let Some(kind) = DataKind::ALL.get(usize::from(*kind) % DataKind::ALL.len()) else {
        return;
    };
    if kind.is_extended() {
        return;
    }
    let name = file_name(*kind, flag % 3);
    let reading = match read(&name, bytes) {
        Ok(reading) => reading,
        Err(finding) => {
            let unsupported = finding.code == FindingCode::KindUnsupported;
            assert_eq!(unsupported, !supported(*kind), "support of a kind");
            return;
        }
    };
    is_bounded(&reading, bytes.len());
    let claimed = claims(bytes);
    let mut all = reading.claimed.iter().chain(&reading.identity.former);
    assert!(
        all.all(|chart| claimed.contains(chart)),
        "a claim is not seen"
    );
    says_nothing_of_the_patient(&reading);
    line_ends_change_nothing(&name, bytes, &reading);
    content_holds_no_identifier(reading);
}

/// The name of a file of the patient [`CHART`].
pub(crate) fn file_name(kind: DataKind, flag: u8) -> FileName {
    let undated = matches!(kind, DataKind::Adt00 | DataKind::Adt61 | DataKind::Ppr01);
    let date = if undated { "-" } else { "20111220" };
    let name = format!("{CHART}_{date}_{kind}_000000011000354_20111220103059000_01_{flag}");
    #[expect(
        clippy::expect_used,
        reason = "a fixed name, right by the tests of the reader"
    )]
    FileName::parse(&name).expect("a fixed name")
}

pub(crate) fn is_bounded(reading: &Reading, bytes: usize) {
    assert!(reading.findings.len() <= MAX_FINDINGS, "findings");
    assert!(reading.records.len() <= bytes, "records");
    let drops: u64 = reading.drops.iter().map(|(_, count)| count).sum();
    assert!(drops <= bytes as u64 + 1, "drops");
    assert!(reading.claimed.iter().all(|chart| *chart == reading.chart));
    assert!(!reading.claimed.is_empty(), "nobody's file is read");
}

/// What goes into logs and reports is the same whoever the patient is.
pub(crate) fn says_nothing_of_the_patient(reading: &Reading) {
    for (name, _) in reading.drops.iter() {
        let format = name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b":._-".contains(&b));
        assert!(format && name.len() <= 32, "the name of a drop");
    }
    // Codes are searched for numbers of the patient at separation, not before.
    let mut rest = reading.clone();
    rest.records.clear();
    let shown = format!("{rest:?}");
    assert!(!shown.contains(CHART), "the patient number is shown");
    let kanji = reading.identity.kanji.iter();
    for name in kanji.chain(&reading.identity.kana) {
        for part in [name.family.expose(), name.given.expose()] {
            let says = part.chars().count() > 1 && !part.is_ascii();
            assert!(!says || !shown.contains(part), "a name is shown");
        }
    }
}

/// CR, CRLF and a last line without an end are the same file.
fn line_ends_change_nothing(name: &FileName, bytes: &[u8], reading: &Reading) {
    if bytes.contains(&b'\n') {
        return;
    }
    let mut lines = Vec::with_capacity(bytes.len() + 64);
    for &byte in bytes {
        lines.push(byte);
        if byte == b'\r' {
            lines.push(b'\n');
        }
    }
    let Ok(other) = read(name, &lines) else {
        panic!("CRLF is refused where CR is read");
    };
    assert!(
        format!("{:?}", other.records) == format!("{:?}", reading.records)
            && other.findings == reading.findings
            && other.drops == reading.drops,
        "CRLF reads differently from CR"
    );
}

/// Content is codes, numbers and dates: no letter of Japanese, no number of the patient.
pub(crate) fn content_holds_no_identifier(reading: Reading) {
    let chart = reading.chart.clone();
    let readings = vec![reading];
    let Ok(screened) = GATE.screen(PatientReadings {
        chart,
        readings,
        doubtful: Default::default(),
    }) else {
        panic!("the gate refuses a notified patient");
    };
    let keys = SiteKeys {
        tokens: EpochKey::new(1, &Key(1)),
        next: None,
        site: &Key(2),
        municipality: None,
        vault: None,
        participants: ParticipantRules::default(),
    };
    let separated = separate(screened, &keys);
    let Ok(content) = serde_json::to_string(separated.documents()) else {
        panic!("content cannot be written");
    };
    assert!(!content.contains(CHART), "the patient number is content");
    let letters = |c: char| !c.is_ascii() && !"μµ℃°".contains(c);
    assert!(!content.contains(letters), "a text is content");
}

static GATE: LazyLock<Gate> = LazyLock::new(gate);

#[expect(
    clippy::expect_used,
    reason = "fixed values, right by the tests of the gate"
)]
fn gate() -> Gate {
    let day: Date = jiff::civil::date(2026, 1, 1);
    let contract = Contract {
        id: "C-1".parse().expect("an id"),
        kind: ContractKind::Individual,
        filing: Some(Filing {
            reference: "F-1".parse().expect("a reference"),
            filed_on: day,
            revoked_on: None,
        }),
        products: Products::ALL,
        effective_from: day,
        leaves_on: None,
        hold_days: HoldDays::SHORTEST,
    };
    let text = NoticeDocument {
        version: "v1".parse().expect("a version"),
        published_on: day,
        products: Products::ALL,
        reopens: false,
    };
    let notice = Event::Notified(Notice {
        chart: ChartNumber::new(CHART).expect("a number"),
        notified_on: day,
        document: text.version.clone(),
        method: NoticeMethod::Handed,
        sixteen_on: None,
    });
    let head = LedgerHead {
        digest: [0; 32],
        entries: 1,
    };
    let today = jiff::civil::date(2026, 9, 1);
    let standing = [notice].into_iter().collect();
    Gate::new(Terms::of(contract, text), standing, head, today)
}

/// A key that needs no cryptography: it mixes, and nobody has to be kept out here.
struct Key(u64);

impl Prf for Key {
    fn prf(&self, message: &[u8]) -> [u8; 32] {
        let mut state = self.0;
        for &byte in message {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        let mut value = [0; 32];
        for (place, at) in value.chunks_exact_mut(8).zip(1u64..) {
            let word = state.wrapping_mul(at).rotate_left(17) ^ at;
            place.copy_from_slice(&word.to_be_bytes());
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fuzzing that starts from refused messages would learn little.
    #[test]
    fn every_seed_of_a_supported_kind_is_read() {
        for (kind, text) in crate::seeds::messages() {
            let read = read(&file_name(kind, 1), &crate::seeds::jis(&text));
            assert_eq!(read.is_ok(), supported(kind), "{kind} {read:?}");
        }
    }
}
