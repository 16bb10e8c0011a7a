//! How good the data of a source is, in counts (A-045). No value, no reference, no person.
//!
//! Two sorts of counts: *rates* of a closed list of measures by data kind, each a part and what it
//! is a part of, and *findings* by code. Counts of several files, batches or threads add up in any
//! order to the same sum.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::code::{Concept, PatternError};
use crate::content::{DocumentState, Dose, Record, Value};
use crate::finding::FindingCode;
use crate::identity::{Identity, Sex};
use crate::kind::DataKind;
use crate::moment::Moment;
use crate::reading::Reading;

macro_rules! measures {
    ($($variant:ident = $name:literal, $ja:literal, $en:literal;)*) => {
        /// What is measured: a share of what was looked at.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Measure {
            $(#[doc = $en] $variant,)*
        }

        impl Measure {
            /// Every measure.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The Japanese text.
            pub const fn ja(self) -> &'static str {
                match self { $(Self::$variant => $ja,)* }
            }

            /// The English text.
            pub const fn en(self) -> &'static str {
                match self { $(Self::$variant => $en,)* }
            }
        }

        impl FromStr for Measure {
            type Err = PatternError;

            fn from_str(text: &str) -> Result<Self, PatternError> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(PatternError),
                }
            }
        }
    };
}

measures! {
    BirthMissing = "birth_missing", "生年月日がない", "files without a date of birth";
    KanaMissing = "kana_missing", "カナ氏名がない", "files without a kana name";
    SexMissing = "sex_missing", "性別がない", "files without a sex";
    PostalMissing = "postal_missing", "郵便番号がない", "files without a postal code";
    InsuranceMissing = "insurance_missing", "保険がない", "basic patient data without insurance";
    CodeMissing = "code_missing", "コードがなく言葉だけ", "records named in words only";
    CodeLocal = "code_local", "標準コードがない", "coded records without a standard code";
    UnitMissing = "unit_missing", "単位がない", "amounts without a unit";
    ValueMissing = "value_missing", "数値・コードの結果がない", "results without a number or code";
    DateMissing = "date_missing", "日付がない", "records without a date";
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A part, and what it is a part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rate {
    /// How many were looked at.
    pub of: u64,
    /// How many of them are at fault.
    pub bad: u64,
}

/// The quality of what was read, in counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Quality {
    read: u64,
    set_aside: u64,
    rates: BTreeMap<(DataKind, Measure), Rate>,
    findings: BTreeMap<(Option<DataKind>, FindingCode), u64>,
    unrecognised: u64,
}

impl Quality {
    /// Counts one file that was read, with its findings.
    pub fn count_reading(&mut self, reading: &Reading) {
        let kind = reading.key.kind;
        self.read = self.read.saturating_add(1);
        for finding in &reading.findings {
            self.count_finding(Some(kind), finding.code);
        }
        if reading.state == DocumentState::Withdrawn {
            return;
        }
        self.count_identity(kind, &reading.identity);
        for record in &reading.records {
            self.count_record(kind, record);
        }
    }

    /// Counts one file that was set aside, for which a finding says why.
    pub fn count_set_aside(&mut self, kind: Option<DataKind>, code: FindingCode) {
        self.set_aside = self.set_aside.saturating_add(1);
        self.count_finding(kind, code);
    }

    /// Counts a finding in a file of a kind, or where no kind is known.
    pub fn count_finding(&mut self, kind: Option<DataKind>, code: FindingCode) {
        add(self.findings.entry((kind, code)).or_default(), 1);
    }

    /// Counts one thing that was looked at.
    pub fn count(&mut self, kind: DataKind, measure: Measure, bad: bool) {
        let rate = self.rates.entry((kind, measure)).or_default();
        add(&mut rate.of, 1);
        add(&mut rate.bad, u64::from(bad));
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        add(&mut self.read, other.read);
        add(&mut self.set_aside, other.set_aside);
        add(&mut self.unrecognised, other.unrecognised);
        for (key, rate) in &other.rates {
            let sum = self.rates.entry(*key).or_default();
            add(&mut sum.of, rate.of);
            add(&mut sum.bad, rate.bad);
        }
        for (key, count) in &other.findings {
            add(self.findings.entry(*key).or_default(), *count);
        }
    }

    /// Files that were read.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Files that were set aside.
    pub fn set_aside(&self) -> u64 {
        self.set_aside
    }

    /// Rates by data kind and measure.
    pub fn rates(&self) -> impl Iterator<Item = (DataKind, Measure, Rate)> {
        self.rates
            .iter()
            .map(|((kind, measure), rate)| (*kind, *measure, *rate))
    }

    /// Findings by data kind and code.
    pub fn findings(&self) -> impl Iterator<Item = (Option<DataKind>, FindingCode, u64)> {
        self.findings
            .iter()
            .map(|((kind, code), count)| (*kind, *code, *count))
    }

    /// Entries that a decoded text had under a name of no known list, or with a part that is
    /// larger than the whole. They are counted and otherwise ignored: a newer site may know more
    /// names than an older centre.
    pub fn unrecognised(&self) -> u64 {
        self.unrecognised
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn count_identity(&mut self, kind: DataKind, identity: &Identity) {
        let sex = matches!(identity.sex, None | Some(Sex::Unknown));
        self.count(kind, Measure::BirthMissing, identity.birth.is_none());
        self.count(kind, Measure::KanaMissing, identity.kana.is_none());
        self.count(kind, Measure::SexMissing, sex);
        self.count(kind, Measure::PostalMissing, identity.postal.is_empty());
        if kind == DataKind::Adt00 {
            let none = identity.insurance.is_empty();
            self.count(kind, Measure::InsuranceMissing, none);
        }
    }

    fn count_record(&mut self, kind: DataKind, record: &Record) {
        match record {
            Record::Encounter(it) => self.count_date(kind, it.at),
            Record::AllergyIntolerance(it) => self.count_code(kind, &[&it.code]),
            Record::Condition(it) => {
                self.count_code(kind, &[&it.code, &it.icd10]);
                self.count_date(kind, it.onset);
            }
            Record::MedicationRequest(it) => {
                self.count_dose(kind, &it.dose);
                self.count_date(kind, it.start);
            }
            Record::MedicationAdministration(it) => {
                self.count_dose(kind, &it.dose);
                self.count_date(kind, it.start);
            }
            Record::Observation(it) => {
                self.count_code(kind, &[&it.code]);
                self.count_date(kind, it.at);
                self.count(kind, Measure::ValueMissing, it.value.is_none());
                if let Some(Value::Quantity(quantity)) = &it.value {
                    self.count(kind, Measure::UnitMissing, quantity.unit.is_none());
                }
            }
            Record::ServiceRequest(it) => {
                self.count_code(kind, &[&it.code]);
                self.count_date(kind, it.requested);
            }
            Record::Procedure(it) => {
                self.count_code(kind, &[&it.code]);
                self.count_date(kind, it.start);
            }
            Record::NutritionOrder(it) => {
                self.count_code(kind, &[&it.code]);
                self.count_date(kind, it.start);
            }
            // What identifies is measured by `count_identity`; the others have no such measure.
            Record::Patient(_) | Record::Coverage(_) => {}
        }
    }

    fn count_dose(&mut self, kind: DataKind, dose: &Dose) {
        self.count_code(kind, &[&dose.medication]);
        if dose.amount.is_some() {
            self.count(kind, Measure::UnitMissing, dose.unit.is_none());
        }
    }

    fn count_date(&mut self, kind: DataKind, date: Option<Moment>) {
        self.count(kind, Measure::DateMissing, date.is_none());
    }

    fn count_code(&mut self, kind: DataKind, codes: &[&Option<Concept>]) {
        let given = || codes.iter().copied().flatten();
        self.count(kind, Measure::CodeMissing, given().next().is_none());
        if given().next().is_some() {
            self.count(kind, Measure::CodeLocal, !given().any(is_standard));
        }
    }
}

/// Whether a concept names a code system that is not a site's own: HL7 calls those `99…` and `L`.
fn is_standard(concept: &Concept) -> bool {
    let systems = concept
        .codings()
        .filter_map(|coding| coding.system.as_ref());
    systems
        .map(|system| system.as_str())
        .any(|system| !system.starts_with("99") && system != "L")
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

/// How the absence of a kind is written.
const NO_KIND: &str = "-";

fn kind_of(text: &str) -> Result<Option<DataKind>, PatternError> {
    match text {
        NO_KIND => Ok(None),
        text => text.parse().map(Some),
    }
}

/// The serialised form: names as text, so that unknown ones can be told from broken bytes.
#[derive(Serialize, Deserialize)]
struct Wire {
    read: u64,
    set_aside: u64,
    rates: BTreeMap<String, BTreeMap<String, (u64, u64)>>,
    findings: BTreeMap<String, BTreeMap<String, u64>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    unrecognised: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde asks for"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl From<Quality> for Wire {
    fn from(quality: Quality) -> Self {
        let mut rates: BTreeMap<String, BTreeMap<String, (u64, u64)>> = BTreeMap::new();
        for (kind, measure, rate) in quality.rates() {
            let of_kind = rates.entry(kind.to_string()).or_default();
            of_kind.insert(measure.to_string(), (rate.of, rate.bad));
        }
        let mut findings: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (kind, code, count) in quality.findings() {
            let kind = kind.map_or(NO_KIND, DataKind::as_str);
            let of_kind = findings.entry(kind.to_owned()).or_default();
            of_kind.insert(code.to_string(), count);
        }
        Self {
            read: quality.read,
            set_aside: quality.set_aside,
            rates,
            findings,
            unrecognised: quality.unrecognised,
        }
    }
}

impl From<Wire> for Quality {
    fn from(wire: Wire) -> Self {
        let mut quality = Self {
            read: wire.read,
            set_aside: wire.set_aside,
            unrecognised: wire.unrecognised,
            ..Self::default()
        };
        for (kind, of_kind) in &wire.rates {
            for (measure, &(of, bad)) in of_kind {
                match (kind.parse(), measure.parse()) {
                    (Ok(kind), Ok(measure)) if bad <= of => {
                        quality.rates.insert((kind, measure), Rate { of, bad });
                    }
                    _ => add(&mut quality.unrecognised, 1),
                }
            }
        }
        for (kind, of_kind) in &wire.findings {
            for (name, count) in of_kind {
                let code = FindingCode::ALL.iter().find(|code| code.as_str() == name);
                match (kind_of(kind), code) {
                    (Ok(kind), Some(code)) => {
                        quality.findings.insert((kind, *code), *count);
                    }
                    _ => add(&mut quality.unrecognised, 1),
                }
            }
        }
        quality
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::code::Coding;
    use crate::content::{Condition, Observation};
    use crate::finding::Finding;
    use crate::identity::{ChartNumber, Sensitive};
    use crate::kind::Domain;
    use crate::number::Quantity;
    use crate::reading::{DocumentKey, Drops, Version};

    fn reading(kind: DataKind, records: Vec<Record>, findings: Vec<FindingCode>) -> Reading {
        Reading {
            chart: ChartNumber::new("0001112223").unwrap(),
            claimed: Vec::new(),
            key: DocumentKey {
                kind,
                care_date: None,
                order: Sensitive::new("1"),
                local_kind: None,
            },
            version: Version(1),
            domain: Domain::Medical,
            state: DocumentState::Current,
            identity: std::sync::Arc::default(),
            records,
            named: Vec::new(),
            findings: findings.into_iter().map(Finding::of_file).collect(),
            drops: Drops::default(),
        }
    }

    fn concept(system: Option<&str>, second: Option<&str>) -> Concept {
        let coding = |system: Option<&str>| Coding {
            code: "X1".parse().unwrap(),
            system: system.map(|system| system.parse().unwrap()),
        };
        Concept {
            first: coding(system),
            second: second.map(|system| coding(Some(system))),
        }
    }

    fn observation(code: Option<Concept>, value: Option<Value>) -> Record {
        Record::Observation(Observation {
            code,
            value,
            ..Observation::default()
        })
    }

    fn rate(quality: &Quality, kind: DataKind, measure: Measure) -> (u64, u64) {
        let mut rates = quality.rates();
        let found = rates.find(|(k, m, _)| (*k, *m) == (kind, measure));
        found.map_or((0, 0), |(_, _, rate)| (rate.of, rate.bad))
    }

    /// A-045: missing fields, codes without a standard system and values without a unit are
    /// counted, each beside what was looked at.
    #[test]
    fn missing_parts_are_counted_beside_what_was_looked_at() {
        let number = |unit: Option<&str>| {
            Some(Value::Quantity(Quantity {
                value: "5.6".parse().unwrap(),
                unit: unit.map(|unit| unit.parse().unwrap()),
                comparator: None,
            }))
        };
        let records = vec![
            observation(Some(concept(Some("JC10"), None)), number(Some("g/dL"))),
            observation(Some(concept(Some("99A"), Some("JC10"))), number(None)),
            observation(Some(concept(Some("99A"), None)), None),
            observation(Some(concept(None, None)), number(None)),
            observation(None, None),
        ];
        let mut quality = Quality::default();
        quality.count_reading(&reading(DataKind::Oml11, records, vec![]));
        for (measure, of, bad) in [
            (Measure::BirthMissing, 1, 1),
            (Measure::KanaMissing, 1, 1),
            (Measure::SexMissing, 1, 1),
            (Measure::PostalMissing, 1, 1),
            (Measure::InsuranceMissing, 0, 0),
            (Measure::CodeMissing, 5, 1),
            (Measure::CodeLocal, 4, 2),
            (Measure::UnitMissing, 3, 2),
            (Measure::ValueMissing, 5, 2),
            (Measure::DateMissing, 5, 5),
        ] {
            let found = rate(&quality, DataKind::Oml11, measure);
            assert_eq!(found, (of, bad), "{measure}");
        }
    }

    #[test]
    fn a_standard_code_beside_words_is_a_standard_code() {
        let condition = Condition {
            code: Some(concept(Some("L"), None)),
            icd10: Some(concept(Some("I10"), None)),
            free_text: true,
            ..Condition::default()
        };
        let mut quality = Quality::default();
        let records = vec![Record::Condition(condition)];
        quality.count_reading(&reading(DataKind::Ppr01, records, vec![]));
        assert_eq!(rate(&quality, DataKind::Ppr01, Measure::CodeLocal), (1, 0));
    }

    #[test]
    fn a_withdrawn_file_is_read_and_nothing_of_it_is_measured() {
        let mut withdrawn = reading(DataKind::Adt12, vec![], vec![FindingCode::KanaMissing]);
        withdrawn.state = DocumentState::Withdrawn;
        let mut quality = Quality::default();
        quality.count_reading(&withdrawn);
        assert_eq!((quality.read(), quality.rates().count()), (1, 0));
        assert_eq!(
            quality.findings().collect::<Vec<_>>(),
            [(Some(DataKind::Adt12), FindingCode::KanaMissing, 1)]
        );
    }

    /// What a newer or hostile site writes beside the known names is counted and not kept.
    #[test]
    fn unknown_names_and_parts_above_the_whole_are_counted_and_not_kept() {
        let text = r#"{"read": 3, "set_aside": 1, "more": [1],
            "rates": {"ADT-00": {"birth_missing": [3, 1], "0001112223": [3, 1]},
                      "山田": {"birth_missing": [3, 1]},
                      "ADT-12": {"birth_missing": [1, 2]}},
            "findings": {"-": {"F003": 1, "山田太郎": 2}, "ADT-00": {"F033": 2},
                         "0001112223": {"F003": 1}}}"#;
        let quality: Quality = serde_json_like(text);
        assert_eq!(quality.unrecognised(), 5);
        assert_eq!(quality.findings().count(), 2);
        assert_eq!((quality.read(), quality.set_aside()), (3, 1));
        assert_eq!(
            rate(&quality, DataKind::Adt00, Measure::BirthMissing),
            (3, 1)
        );
        let kept = serde_cbor::to_vec(&quality).unwrap();
        let kept = String::from_utf8_lossy(&kept);
        assert!(!kept.contains("0001112223") && !kept.contains("山田"));
    }

    /// Reads JSON as the CBOR value that it stands for; this crate needs no JSON otherwise.
    fn serde_json_like(text: &str) -> Quality {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        serde_cbor::from_slice(&serde_cbor::to_vec(&value).unwrap()).unwrap()
    }

    proptest! {
        /// P-24: threads may hand in their counts in any order.
        #[test]
        fn counts_add_up_in_any_order_and_survive_the_way(
            parts in proptest::collection::vec(
                (0usize..4, 0usize..10, 0usize..20, any::<bool>()),
                0..30,
            ),
            turn in 0usize..30,
        ) {
            let one = |&(kind, measure, finding, bad): &(usize, usize, usize, bool)| {
                let mut quality = Quality::default();
                quality.count(DataKind::ALL[kind], Measure::ALL[measure], bad);
                quality.count_set_aside(None, FindingCode::ALL[finding]);
                quality.count_finding(Some(DataKind::ALL[kind]), FindingCode::ALL[finding]);
                quality
            };
            let sum = |parts: &[(usize, usize, usize, bool)]| {
                let mut sum = Quality::default();
                parts.iter().for_each(|part| sum.merge(&one(part)));
                sum
            };
            let mut turned = parts.clone();
            turned.rotate_left(turn.min(parts.len()));
            prop_assert_eq!(sum(&parts), sum(&turned));
            let bytes = serde_cbor::to_vec(&sum(&parts)).unwrap();
            prop_assert_eq!(serde_cbor::from_slice::<Quality>(&bytes).unwrap(), sum(&turned));
        }
    }
}
