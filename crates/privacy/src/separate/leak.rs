//! The search for a person's identifiers in the codes and numbers of their own records.
//!
//! It must not cry wolf: codes of laboratory tests are long runs of digits in which a short number
//! stands by chance. So how an identifier is searched for depends on how much it says:
//! - 8 significant digits or more, or letters among 6 characters: anywhere in a code;
//! - 6 or 7 significant digits: as a whole run of digits, leading zeros aside;
//! - fewer, but written with 6 digits or more, and postal codes: as a whole run, exactly;
//! - written with fewer than 6 digits: here not at all (see [`super::faint`]).

use std::collections::BTreeSet;

use record::code::{Code, Coding, Concept, Unit};
use record::content::Value;
use record::identity::{Birth, ChartNumber, Identity, Sensitive};
use record::number::Decimal;
use record::reading::Reading;
use text::fold;
use zeroize::Zeroizing;

use super::slots::{Slot, visit};
use crate::gate::identities;

/// The fewest letters and digits for which a document is refused.
pub(super) const SHORTEST: usize = 6;
const SAYS_MUCH: usize = 8;

/// The identifiers of one person, in the forms in which they are searched for.
#[derive(Default)]
pub(super) struct Identifiers {
    anywhere: BTreeSet<Sensitive>,
    significant_runs: BTreeSet<Sensitive>,
    exact_runs: BTreeSet<Sensitive>,
    births: BTreeSet<Birth>,
}

impl Identifiers {
    /// Collects the identifiers of a person: chart numbers, insured symbols and numbers, phones,
    /// postal codes, days of birth, older numbers; and the numbers that files set aside claim.
    pub(super) fn of(chart: &ChartNumber, doubtful: &[ChartNumber], readings: &[Reading]) -> Self {
        let mut all = Self::default();
        let mut others = BTreeSet::new();
        let mut postals = BTreeSet::new();
        for identity in identities(readings) {
            // Every field is named, so that a new one cannot be forgotten. Codes are ASCII, so no
            // name or address in Japanese can stand in one; names in Latin letters and older
            // numbers are looked at beside.
            let Identity {
                kanji: _,
                kana: _,
                letters: _,
                birth,
                died: _,
                sex: _,
                postal,
                addresses: _,
                phones,
                insurance,
                municipal,
                former: _,
            } = identity;
            others.extend(phones);
            let cards = insurance.iter();
            others.extend(cards.flat_map(|card| [&card.symbol, &card.number]));
            others.insert(municipal);
            postals.insert(postal);
            all.births.extend(birth);
        }
        for chart in numbers_of(chart, doubtful, readings) {
            all.add(chart.expose());
        }
        others.into_iter().for_each(|other| all.add(other.expose()));
        for postal in postals {
            if let Some(postal) = fold::postal(postal.expose()) {
                all.exact_runs.insert(Sensitive::new(postal));
            }
        }
        for birth in &all.births {
            let day = birth.expose().strftime("%Y%m%d").to_string();
            all.exact_runs.insert(Sensitive::new(day));
        }
        all
    }

    /// Whether a reading's records hold an identifier of the person or the document's own order
    /// number.
    pub(super) fn in_reading(&self, reading: &mut Reading) -> bool {
        let mut order = Self::default();
        if reading.key.order.expose() != super::NO_ORDER {
            order.add(reading.key.order.expose());
        }
        let mut search = Search {
            of_person: self,
            of_document: &order,
            joined: Vec::new(),
        };
        reading.records.iter_mut().any(|record| {
            let mut found = false;
            visit(record, &mut |slot| found = found || search.slot(&slot));
            found
        })
    }

    /// Whether a number without letters and signs holds an identifier of the person.
    pub(super) fn in_number(&self, number: &str) -> bool {
        self.in_text(&Searched {
            written: number,
            joined: number.as_bytes(),
        })
    }

    fn add(&mut self, identifier: &str) {
        let form = form(identifier);
        if form.len() < SHORTEST {
            return;
        }
        let digits = form.bytes().all(|b| b.is_ascii_digit());
        let significant = form.trim_start_matches('0');
        let (set, form) = match significant.len() {
            _ if !digits => (&mut self.anywhere, form.as_str()),
            0 => return,
            SAYS_MUCH.. => (&mut self.anywhere, significant),
            SHORTEST.. => (&mut self.significant_runs, significant),
            _ => (&mut self.exact_runs, form.as_str()),
        };
        set.insert(Sensitive::new(form));
    }

    fn in_text(&self, text: &Searched<'_>) -> bool {
        let inside = |one: &Sensitive| {
            let one = one.expose().as_bytes();
            let first = one.first();
            text.joined
                .windows(one.len())
                .any(|here| here.first() == first && here == one)
        };
        self.anywhere.iter().any(inside)
            || self.any_run(text.written.as_bytes())
            || (text.joined.len() < text.written.len() && self.any_run(text.joined))
    }

    fn any_run(&self, text: &[u8]) -> bool {
        let holds = |set: &BTreeSet<Sensitive>, run: &[u8]| {
            set.iter().any(|one| one.expose().as_bytes() == run)
        };
        text.split(|b| !b.is_ascii_digit())
            .filter(|run| run.len() >= SHORTEST)
            .any(|run| {
                let zeros = run.iter().take_while(|b| **b == b'0').count();
                holds(&self.exact_runs, run)
                    || holds(&self.significant_runs, run.get(zeros..).unwrap_or_default())
            })
    }
}

/// Every number of a person, each once: of the storage, claimed, older, and those that files set
/// aside claim.
pub(super) fn numbers_of<'a>(
    chart: &'a ChartNumber,
    doubtful: &'a [ChartNumber],
    readings: &'a [Reading],
) -> Vec<&'a ChartNumber> {
    let mut charts = vec![chart];
    charts.extend(doubtful);
    for reading in readings {
        charts.push(&reading.chart);
        charts.extend(&reading.claimed);
        charts.extend(&reading.identity.former);
    }
    charts.sort_unstable();
    charts.dedup();
    charts
}

/// The letters and digits of an identifier, of ASCII and in upper case.
pub(super) fn form(identifier: &str) -> Zeroizing<String> {
    let width = Zeroizing::new(fold::width(identifier).into_owned());
    let letters = width.chars().filter(char::is_ascii_alphanumeric);
    Zeroizing::new(letters.map(|c| c.to_ascii_uppercase()).collect())
}

/// A code, as written and without hyphens in upper case.
struct Searched<'a> {
    written: &'a str,
    joined: &'a [u8],
}

struct Search<'a> {
    of_person: &'a Identifiers,
    of_document: &'a Identifiers,
    /// Space for the code at hand without its hyphens.
    joined: Vec<u8>,
}

impl Search<'_> {
    /// Whether a day is one of birth.
    fn is_birth(&self, day: jiff::civil::Date) -> bool {
        self.of_person.births.contains(&Birth::new(day))
    }

    fn slot(&mut self, slot: &Slot<'_>) -> bool {
        match slot {
            Slot::Code(code) => code.iter().any(|code| self.text(Code::as_str(code))),
            Slot::Coding(coding) => coding.iter().any(|coding| self.coding(coding)),
            Slot::Concept(concept) => concept.iter().any(|concept| self.concept(concept)),
            Slot::Concepts(concepts) => concepts.iter().any(|concept| self.concept(concept)),
            Slot::Modifiers(modifiers) => modifiers.iter().any(|one| self.concept(&one.code)),
            Slot::Essential(concept) => self.concept(concept),
            Slot::Unit(unit) => unit.iter().any(|unit| self.text(Unit::as_str(unit))),
            Slot::Number(number) => self.number(*number),
            // When something was done is not what it says.
            Slot::Moment(_) => false,
            Slot::Value(value) => value.iter().any(|value| self.value(value)),
        }
    }

    fn value(&mut self, value: &Value) -> bool {
        match value {
            // A measured day that is the day of birth says just that.
            Value::Moment(moment) => moment.date().is_some_and(|day| self.is_birth(day)),
            Value::Concept(concept) => self.concept(concept),
            Value::Sign(sign) => self.text(sign.as_str()),
            // Their parts are places of their own.
            Value::Quantity(_) | Value::Used(_) => false,
        }
    }

    fn concept(&mut self, concept: &Concept) -> bool {
        concept.codings().any(|coding| self.coding(coding))
    }

    fn coding(&mut self, coding: &Coding) -> bool {
        let Coding { code, system } = coding;
        self.text(code.as_str()) || system.iter().any(|system| self.text(system.as_str()))
    }

    /// Only a number of eight digits before the point can be an identifier and not a measurement.
    fn number(&mut self, number: Decimal) -> bool {
        number.to_f64().abs() >= 1e7 && self.text(&number.to_string())
    }

    fn text(&mut self, text: &str) -> bool {
        if text.len() < SHORTEST {
            return false;
        }
        let plain = text.bytes().filter(|b| *b != b'-');
        self.joined.clear();
        self.joined.extend(plain.map(|b| b.to_ascii_uppercase()));
        let searched = Searched {
            written: text,
            joined: &self.joined,
        };
        self.of_person.in_text(&searched) || self.of_document.in_text(&searched)
    }
}

#[cfg(test)]
mod tests;
