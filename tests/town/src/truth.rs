//! The truth file: who is who, what may leave, and what must never be seen.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::OnceLock;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::identifiers::Identifiers;
use crate::model::{Difference, Name, Person, Registration, Sex, Standing};
use crate::town::Town;

/// A chart: hospital (0 is A, 1 is B) and chart number.
pub type Chart = (u8, String);

/// What `truth.json` holds.
#[derive(Serialize, Deserialize)]
pub struct Truth {
    /// Seed of the plan.
    pub seed: u64,
    /// The town's day, YYYY-MM-DD.
    pub as_of: String,
    /// All persons by number.
    pub persons: Vec<TruePerson>,
    /// Every string of the town that must never appear in an output, UTF-8, sorted, each once:
    /// joined names, kana in three scripts, address texts below the prefecture, telephones, chart
    /// numbers (also reversed), insured symbols and numbers, employers, staff names and ids, order
    /// numbers. Control ids of messages contain a chart number, plain or reversed. Insured numbers
    /// of eight digits are listed in full width and beside the insurer only, because eight digits
    /// alone are found by chance.
    pub identifiers: Vec<String>,
    #[serde(skip)]
    charts: OnceLock<[BTreeMap<String, u32>; 2]>,
}

/// One person as they truly are.
#[derive(Serialize, Deserialize)]
pub struct TruePerson {
    /// 1, 2, 3, …
    pub number: u32,
    /// Name in kanji as in the family register (may hold characters that no storage can).
    pub name: Name,
    /// Name in kana.
    pub kana: Name,
    /// YYYY-MM-DD.
    pub birth_date: String,
    /// Sex.
    pub sex: Sex,
    /// Number of the twin, where there is one.
    pub twin: Option<u32>,
    /// YYYY-MM-DD.
    pub died_on: Option<String>,
    /// One or two charts.
    pub registrations: Vec<TrueRegistration>,
}

/// One chart as the hospital has it.
#[derive(Serialize, Deserialize)]
pub struct TrueRegistration {
    /// 0 is A, 1 is B.
    pub hospital: u8,
    /// Ten digits.
    pub chart_number: String,
    /// Whether its records may leave, or why not.
    pub standing: Standing,
    /// Kanji names used for the patient.
    pub names: Vec<Name>,
    /// Kana names used for the patient; empty where kana is missing.
    pub kana: Vec<Name>,
    /// Address texts used, with prefecture.
    pub addresses: Vec<String>,
    /// Telephone numbers with hyphens.
    pub phones: Vec<String>,
    /// Insurance, where there is one.
    pub insured: Option<Insured>,
    /// YYYY-MM-DD as the hospital has it.
    pub birth_date: String,
    /// Sex as the hospital has it.
    pub sex: Sex,
    /// YYYY-MM-DD.
    pub registered_on: String,
    /// Number of files in the storage.
    pub files: u32,
    /// In what a second registration differs from the first.
    pub differences: Vec<Difference>,
}

/// An insurance as typed by the hospital.
#[derive(Serialize, Deserialize)]
pub struct Insured {
    /// Eight digits.
    pub insurer: String,
    /// Symbol, where the plan has one.
    pub symbol: Option<String>,
    /// Number in half-width digits.
    pub number: String,
    /// Two digits.
    pub branch: Option<String>,
}

impl TrueRegistration {
    /// Whether its records may leave the hospital on the town's day.
    pub fn may_leave(&self) -> bool {
        self.standing == Standing::MayLeave
    }

    /// Its chart.
    pub fn chart(&self) -> Chart {
        (self.hospital, self.chart_number.clone())
    }
}

impl Truth {
    /// The truth of a generated town. Draws every chart again for its order numbers.
    pub fn of(town: &Town) -> Self {
        let mut identifiers = Identifiers::default();
        for hospital in &town.hospitals {
            identifiers.staff(hospital);
        }
        let mut persons: Vec<TruePerson> = town.persons.iter().map(person).collect();
        for registration in &town.registrations {
            let entries = town.entries(registration);
            let orders = entries
                .iter()
                .filter_map(|entry| entry.order)
                .max()
                .unwrap_or(0);
            identifiers.registration(registration, orders);
            if let Some(person) = persons.get_mut(registration.person as usize - 1) {
                person
                    .registrations
                    .push(chart(registration, entries.len()));
            }
        }
        Self {
            seed: town.plan.seed,
            as_of: town.plan.as_of.to_string(),
            persons,
            identifiers: identifiers.into_sorted(),
            charts: OnceLock::new(),
        }
    }

    /// Reads a truth file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a truth file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).context("the truth file cannot be opened")?;
        serde_json::from_reader(BufReader::new(file)).context("the truth file cannot be read")
    }

    /// Writes the truth file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let file = File::create(path).context("the truth file cannot be created")?;
        let mut file = BufWriter::new(file);
        serde_json::to_writer(&mut file, self).context("the truth file cannot be written")?;
        file.flush().context("the truth file cannot be written")
    }

    /// Number of the person with this chart.
    pub fn person_of(&self, hospital: u8, chart_number: &str) -> Option<u32> {
        let charts = self.charts.get_or_init(|| {
            let mut charts = [BTreeMap::new(), BTreeMap::new()];
            for person in &self.persons {
                for it in &person.registrations {
                    charts[usize::from(it.hospital & 1)]
                        .insert(it.chart_number.clone(), person.number);
                }
            }
            charts
        });
        charts
            .get(usize::from(hospital))?
            .get(chart_number)
            .copied()
    }

    /// The two charts of every person who has two, hospital A first.
    pub fn same_person_pairs(&self) -> Vec<(Chart, Chart)> {
        self.pairs(|_| true)
    }

    /// Those of the pairs whose charts both may leave: what a centre can be asked to find.
    pub fn same_person_pairs_that_may_leave(&self) -> Vec<(Chart, Chart)> {
        self.pairs(TrueRegistration::may_leave)
    }

    fn pairs(&self, wanted: impl Fn(&TrueRegistration) -> bool) -> Vec<(Chart, Chart)> {
        let pair = |person: &TruePerson| match person.registrations.as_slice() {
            [one, other] if wanted(one) && wanted(other) => {
                let (one, other) = (one.chart(), other.chart());
                Some(if one.0 == 0 {
                    (one, other)
                } else {
                    (other, one)
                })
            }
            _ => None,
        };
        self.persons.iter().filter_map(pair).collect()
    }
}

fn person(person: &Person) -> TruePerson {
    TruePerson {
        number: person.number,
        name: person.name.clone(),
        kana: person.kana.clone(),
        birth_date: person.birth_date.to_string(),
        sex: person.sex,
        twin: person.twin,
        died_on: person.died_on.map(|day| day.to_string()),
        registrations: Vec::new(),
    }
}

fn chart(it: &Registration, files: usize) -> TrueRegistration {
    let addresses = std::iter::once(&it.address).chain(&it.previous_address);
    TrueRegistration {
        hospital: it.hospital,
        chart_number: it.chart_number.clone(),
        standing: it.standing,
        names: vec![it.name.clone()],
        kana: it.kana.iter().cloned().collect(),
        addresses: addresses.map(|address| address.text(it.hospital)).collect(),
        phones: it
            .home_phone
            .iter()
            .chain(&it.mobile_phone)
            .cloned()
            .collect(),
        insured: it.insurance.as_ref().map(|card| Insured {
            insurer: card.insurer.clone(),
            symbol: card.symbol.clone(),
            number: card.number.clone(),
            branch: card.branch.clone(),
        }),
        birth_date: it.birth_date.to_string(),
        sex: it.sex,
        registered_on: it.registered_on.to_string(),
        files: u32::try_from(files).unwrap_or(u32::MAX),
        differences: it.differences.clone(),
    }
}
