//! A case: one file, and what must come of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use encoding_rs::ISO_2022_JP;
use formats::ssmix2::{self, FileName};
use record::{DocumentState, FindingCode, Identity, Reading, ResourceKind, Severity};
use text::fold;

pub(crate) const CHART: &str = "0001112223";

/// A patient as the standard writes one.
pub(crate) const PATIENT: &str = "PID|0001||0001112223^^^^PI||山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^P\
    ||19650415|M|||^^^^184-0014^JPN^H^東京都小金井市貫井南町１－２－３||^PRN^PH^^^^^^^^^099-385-6880";

/// One file of a dialect.
pub(crate) struct Case {
    pub(crate) row: u8,
    what: &'static str,
    name: String,
    bytes: Vec<u8>,
    set_aside: Option<FindingCode>,
    state: DocumentState,
    found: Vec<FindingCode>,
    records: Vec<ResourceKind>,
    left: Vec<&'static str>,
    identity: Vec<(&'static str, &'static str)>,
    hidden: Vec<&'static str>,
    shown: Vec<&'static str>,
}

impl Case {
    /// A file of a kind under its usual name.
    pub(crate) fn of(row: u8, what: &'static str, kind: &str, bytes: Vec<u8>) -> Self {
        Self {
            row,
            what,
            name: name(kind),
            bytes,
            set_aside: None,
            state: DocumentState::Current,
            found: Vec::new(),
            records: Vec::new(),
            left: Vec::new(),
            identity: Vec::new(),
            hidden: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// A message of lines behind the usual header and patient.
    pub(crate) fn lines(row: u8, what: &'static str, kind: &str, lines: &[&str]) -> Self {
        Self::of(row, what, kind, jis(&message(kind, PATIENT, lines)))
    }

    /// A message of lines behind the usual header and another patient line.
    pub(crate) fn patient(row: u8, what: &'static str, patient: &str) -> Self {
        Self::of(row, what, "ADT-00", jis(&message("ADT-00", patient, &[])))
            .records(&[ResourceKind::Patient])
    }

    /// The standard's visit, changed.
    pub(crate) fn visit(row: u8, what: &'static str, change: impl Fn(&str) -> Vec<u8>) -> Self {
        Self::of(row, what, "ADT-12", change(&visit()))
            .records(&[ResourceKind::Encounter])
            .identity(&[("kana", "ヤマダ/タロウ")])
    }

    /// With these bytes instead.
    pub(crate) fn bytes(mut self, bytes: Vec<u8>) -> Self {
        self.bytes = bytes;
        self
    }

    /// Under this name.
    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The whole file is set aside with this finding.
    pub(crate) fn set_aside(mut self, code: FindingCode) -> Self {
        self.set_aside = Some(code);
        self
    }

    /// Exactly these warnings and errors, and at least these remarks.
    pub(crate) fn found(mut self, codes: &[FindingCode]) -> Self {
        self.found = codes.to_vec();
        self
    }

    /// Exactly these records.
    pub(crate) fn records(mut self, kinds: &[ResourceKind]) -> Self {
        self.records = kinds.to_vec();
        self
    }

    /// At least these are counted as left behind.
    pub(crate) fn left(mut self, names: &[&'static str]) -> Self {
        self.left = names.to_vec();
        self
    }

    /// What the patient is known by, folded as for linkage.
    pub(crate) fn identity(mut self, pairs: &[(&'static str, &'static str)]) -> Self {
        self.identity = pairs.to_vec();
        self
    }

    /// What no record, finding or count may show.
    pub(crate) fn hides(mut self, texts: &[&'static str]) -> Self {
        self.hidden = texts.to_vec();
        self
    }

    /// What the records must show.
    pub(crate) fn shows(mut self, texts: &[&'static str]) -> Self {
        self.shown = texts.to_vec();
        self
    }

    /// What is wrong with what came of the file; `None` when nothing is.
    pub(crate) fn fault(&self) -> Option<String> {
        let mut faults = String::new();
        match self.read() {
            Err(code) if Some(code) == self.set_aside => {}
            Err(code) => {
                let _ = write!(faults, " set aside {code}, not {:?};", self.set_aside);
            }
            Ok(_) if self.set_aside.is_some() => {
                let _ = write!(faults, " read, not set aside {:?};", self.set_aside);
            }
            Ok(reading) => self.compare(&reading, &mut faults),
        }
        (!faults.is_empty()).then(|| format!("row {} ({}):{faults}", self.row, self.what))
    }

    fn read(&self) -> Result<Reading, FindingCode> {
        let name = FileName::parse(&self.name)?;
        ssmix2::read(&name, &self.bytes).map_err(|finding| finding.code)
    }

    fn compare(&self, reading: &Reading, faults: &mut String) {
        let mut equal = |what: &str, got: String, want: String| {
            if got != want {
                let _ = write!(faults, " {what}: {got} instead of {want};");
            }
        };
        let kinds: Vec<_> = reading.records.iter().map(|record| record.kind()).collect();
        equal(
            "records",
            format!("{kinds:?}"),
            format!("{:?}", self.records),
        );
        equal(
            "state",
            format!("{:?}", reading.state),
            format!("{:?}", self.state),
        );
        equal("findings", grave(codes(reading)), grave(self.found.clone()));
        for (what, want) in &self.identity {
            equal(what, known(&reading.identity, what), (*want).to_owned());
        }
        let mut must = |holds: bool, what: &str, text: &str| {
            if !holds {
                let _ = write!(faults, " {what} {text};");
            }
        };
        let codes = codes(reading);
        for code in &self.found {
            must(codes.contains(code), "does not report", code.as_str());
        }
        let drops: BTreeMap<_, _> = reading.drops.iter().collect();
        for name in &self.left {
            must(drops.contains_key(name), "does not count", name);
        }
        let records = format!("{:?}", reading.records);
        let told = format!("{records} {:?} {:?}", reading.findings, reading.drops);
        for text in &self.hidden {
            must(!told.contains(text), "shows", text);
        }
        for text in &self.shown {
            must(records.contains(text), "does not show", text);
        }
    }
}

fn codes(reading: &Reading) -> Vec<FindingCode> {
    reading
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect()
}

/// The warnings and errors among some findings, each once.
fn grave(mut codes: Vec<FindingCode>) -> String {
    codes.retain(|code| code.severity() > Severity::Info);
    codes.sort_unstable();
    codes.dedup();
    format!("{codes:?}")
}

/// One piece of what a patient is known by, folded; `-` when it is missing.
fn known(identity: &Identity, what: &str) -> String {
    let name = |name: &Option<record::identity::Name>, fold: fn(&str) -> Option<String>| {
        let name = name.as_ref()?;
        let given = fold(name.given.expose()).unwrap_or_default();
        Some(format!("{}/{given}", fold(name.family.expose())?))
    };
    let cards = || {
        let cards = identity.insurance.iter().map(|card| {
            let parts = [
                fold::insurer(card.insurer.expose()),
                fold::insured(card.symbol.expose()),
                fold::insured(card.number.expose()),
                fold::branch(card.branch.expose()),
            ];
            parts.map(Option::unwrap_or_default).join("/")
        });
        cards.collect::<Vec<_>>().join(" ")
    };
    let phones = || {
        let phones = identity.phones.iter();
        let digits = phones.filter_map(|phone| fold::digits(phone.expose()));
        digits.collect::<Vec<_>>().join(" ")
    };
    let known = match what {
        "kana" => name(&identity.kana, fold::kana),
        "kanji" => name(&identity.kanji, fold::kanji),
        "birth" => identity.birth.map(|birth| birth.expose().to_string()),
        "postal" => fold::postal(identity.postal.expose()),
        "phones" => Some(phones()),
        "insured" => Some(cards()),
        other => panic!("nobody is known by {other}"),
    };
    known.unwrap_or_else(|| "-".to_owned())
}

/// The usual file name of a kind.
pub(crate) fn name(kind: &str) -> String {
    let dated = !matches!(kind, "ADT-00" | "ADT-61" | "PPR-01");
    let date = if dated { "20111220" } else { "-" };
    format!("{CHART}_{date}_{kind}_000000011000354_20111220103059000_01_1")
}

/// A header of the type that the kind should carry.
pub(crate) fn header(kind: &str) -> String {
    let message = match kind {
        "ADT-00" => "ADT^A08^ADT_A01",
        "ADT-12" => "ADT^A04^ADT_A01",
        "ADT-22" => "ADT^A01^ADT_A01",
        "ADT-61" => "ADT^A60^ADT_A60",
        "PPR-01" => "PPR^ZD1^PPR_ZD1",
        "OMP-01" | "OMP-02" => "RDE^O11^RDE_O11",
        "OMP-11" | "OMP-12" => "RAS^O17^RAS_O17",
        "OML-11" => "OUL^R22^OUL_R22",
        other => panic!("no header for {other}"),
    };
    format!(
        "MSH|^~\\&|HIS123|SEND|GW|RCV|20111220103059.0000||{message}|20111220131032|P|2.5\
         ||||||~ISO IR87||ISO 2022-1994|SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO"
    )
}

pub(crate) fn message(kind: &str, patient: &str, lines: &[&str]) -> String {
    let header = header(kind);
    let all = [&[&*header, patient], lines].concat();
    all.iter().map(|line| format!("{line}\r")).collect()
}

/// A visit as the standard says.
pub(crate) fn visit() -> String {
    message("ADT-12", PATIENT, &["PV1|0001|O|01^^^^^C"])
}

pub(crate) fn jis(text: &str) -> Vec<u8> {
    ISO_2022_JP.encode(text).0.into_owned()
}
