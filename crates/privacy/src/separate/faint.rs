//! The search for what may be an identifier of the person and may be chance: numbers of four or
//! five characters, and the person's name in Latin letters.
//!
//! A document is not refused for it. The value alone is left out and counted.
//! - A number: as a whole run of letters and digits, leading zeros aside.
//! - A name of four letters or more, however it is spelled: as a whole run of letters.
//! - Family and given name together: anywhere among letters, whatever signs part them.

use std::collections::BTreeSet;

use record::Drops;
use record::code::{Code, Coding, Concept, System, Unit};
use record::content::{Record, Value};
use record::identity::{ChartNumber, Name, Sensitive};
use record::reading::Reading;
use text::romaji;

use super::leak::{SHORTEST, form, numbers_of};
use super::slots::{Slot, visit};
use crate::gate::identities;

/// The fewest characters of a number, and letters of a name, that are searched for.
const FEWEST: usize = 4;
/// The fewest letters of a whole name that is searched for inside longer words.
const FEWEST_INSIDE: usize = 6;

/// National tables whose codes have four or five characters, so that numbers meet them by chance.
const SHORT_TABLES: [&str; 4] = ["JDENT", "MDCDX2", "MDCEX", "MDCMOD"];

/// What of a person is searched for.
#[derive(Default)]
pub(super) struct Faint {
    numbers: BTreeSet<Sensitive>,
    /// Keys of names that are a whole word.
    words: BTreeSet<Sensitive>,
    /// Keys of whole names.
    names: BTreeSet<Sensitive>,
}

/// How many values were left out, by what they held.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Left {
    names: u64,
    numbers: u64,
}

/// What a text was found to hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Number,
    Name,
}

impl Faint {
    /// Collects what is searched for.
    pub(super) fn of(chart: &ChartNumber, doubtful: &[ChartNumber], readings: &[Reading]) -> Self {
        let mut all = Self::default();
        for chart in numbers_of(chart, doubtful, readings) {
            let form = form(chart.expose());
            let significant = form.trim_start_matches('0');
            if (FEWEST..SHORTEST).contains(&significant.len()) {
                all.numbers.insert(Sensitive::new(significant));
            } else if (FEWEST..SHORTEST).contains(&form.len()) && !significant.is_empty() {
                all.numbers.insert(Sensitive::new(form.as_str()));
            }
        }
        let mut seen: Vec<&Name> = Vec::new();
        for identity in identities(readings) {
            let names = identity.kana.iter().chain(&identity.kanji);
            for name in names.chain(&identity.letters) {
                if !seen.contains(&name) {
                    seen.push(name);
                    all.add(name);
                }
            }
        }
        all
    }

    fn add(&mut self, name: &Name) {
        let key = |part: &Sensitive| {
            let kana = romaji::of_kana(part.expose());
            kana.or_else(|| romaji::of_letters(part.expose()))
        };
        let parts = [key(&name.family), key(&name.given)];
        for part in parts.iter().flatten() {
            if part.len() >= FEWEST {
                self.words.insert(Sensitive::new(part.as_str()));
            }
        }
        if let [Some(family), Some(given)] = &parts {
            for whole in [[family, given], [given, family]] {
                // Where the parts meet, a letter may be doubled that is one in the whole.
                let whole = romaji::of_letters(&whole.map(String::as_str).concat());
                let whole = whole.filter(|whole| whole.len() >= FEWEST);
                self.names.extend(whole.map(Sensitive::new));
            }
        }
    }

    /// Leaves out of records whatever holds one of them. Gives what was left out.
    pub(super) fn leave_out(&self, records: &mut Vec<Record>) -> Drops {
        let mut left = Left::default();
        records.retain_mut(|record| {
            let before = left;
            let mut stands = true;
            visit(record, &mut |slot| stands &= self.clear(slot, &mut left));
            stands && (left == before || says_something(record))
        });
        let mut drops = Drops::default();
        for (name, number) in [("value:name", left.names), ("value:number", left.numbers)] {
            if number > 0 {
                drops.add(name, number);
            }
        }
        drops
    }

    /// Clears a place that holds one of them. `false` when nothing is left of the record then.
    fn clear(&self, slot: Slot<'_>, left: &mut Left) -> bool {
        let mut held = |held: Option<Held>| {
            match held {
                Some(Held::Number) => left.numbers += 1,
                Some(Held::Name) => left.names += 1,
                None => {}
            }
            held.is_some()
        };
        match slot {
            Slot::Code(code) => {
                code.take_if(|code| held(self.in_text(Code::as_str(code))));
            }
            Slot::Coding(coding) => {
                coding.take_if(|coding| held(self.in_coding(coding)));
            }
            Slot::Concept(concept) => {
                concept.take_if(|concept| !self.stands(concept, &mut held));
            }
            Slot::Concepts(concepts) => {
                concepts.retain_mut(|concept| self.stands(concept, &mut held));
            }
            Slot::Modifiers(modifiers) => {
                modifiers.retain_mut(|modifier| self.stands(&mut modifier.code, &mut held));
            }
            Slot::Essential(concept) => return self.stands(concept, &mut held),
            Slot::Unit(unit) => {
                unit.take_if(|unit| held(self.in_text(Unit::as_str(unit))));
            }
            Slot::Value(value) => match value {
                Some(Value::Concept(concept)) => {
                    if !self.stands(concept, &mut held) {
                        *value = None;
                    }
                }
                // Signs are of a closed list; the others are places of their own.
                Some(Value::Sign(_) | Value::Moment(_) | Value::Quantity(_) | Value::Used(_))
                | None => {}
            },
            // A measured number meets a short one by chance far more often than not.
            Slot::Number(_) | Slot::Moment(_) => {}
        }
        true
    }

    /// Whether anything of a concept stands. Codings that hold something are taken out of it.
    fn stands(&self, concept: &mut Concept, held: &mut impl FnMut(Option<Held>) -> bool) -> bool {
        let first = held(self.in_coding(&concept.first));
        concept
            .second
            .take_if(|second| held(self.in_coding(second)));
        if !first {
            return true;
        }
        match concept.second.take() {
            Some(second) => {
                concept.first = second;
                true
            }
            None => false,
        }
    }

    fn in_coding(&self, coding: &Coding) -> Option<Held> {
        let Coding { code, system } = coding;
        let system = system.as_ref().map(System::as_str);
        if system.is_some_and(|system| SHORT_TABLES.contains(&system)) {
            return None;
        }
        self.in_text(code.as_str())
            .or_else(|| self.in_text(system?))
    }

    fn in_text(&self, text: &str) -> Option<Held> {
        if text.len() < FEWEST {
            return None;
        }
        if !self.numbers.is_empty() && self.has_number(text) {
            return Some(Held::Number);
        }
        let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
        (letters >= FEWEST && self.has_name(text)).then_some(Held::Name)
    }

    fn has_number(&self, text: &str) -> bool {
        let is = |one: &Sensitive, run: &str| one.expose().eq_ignore_ascii_case(run);
        let known = |run: &str| {
            let bare = run.trim_start_matches('0');
            self.numbers.iter().any(|one| is(one, run) || is(one, bare))
        };
        text.split(|c: char| !c.is_ascii_alphanumeric()).any(known)
    }

    fn has_name(&self, text: &str) -> bool {
        let is_word = |word: &str| {
            let key = romaji::of_letters(word).filter(|_| word.len() >= FEWEST);
            key.is_some_and(|key| self.words.iter().any(|one| one.expose() == key))
        };
        text.split(|c: char| !c.is_ascii_alphabetic()).any(is_word)
            || text
                .split(|c: char| c.is_ascii_digit())
                .any(|part| self.whole_name(part))
    }

    /// Whether the letters of a text hold a whole name.
    fn whole_name(&self, part: &str) -> bool {
        let Some(key) = romaji::of_letters(part).filter(|key| key.len() >= FEWEST) else {
            return false;
        };
        self.names.iter().any(|name| {
            let name = name.expose();
            key == name || (name.len() >= FEWEST_INSIDE && key.contains(name))
        })
    }
}

/// Whether a record still says what it is for.
fn says_something(record: &Record) -> bool {
    match record {
        Record::Observation(it) => it.code.is_some() || it.value.is_some(),
        Record::MedicationRequest(it) => it.dose.medication.is_some() || it.dose.amount.is_some(),
        Record::MedicationAdministration(it) => {
            it.dose.medication.is_some() || it.dose.amount.is_some()
        }
        Record::Condition(it) => {
            it.code.is_some() || it.exchange.is_some() || it.icd10.is_some() || it.free_text
        }
        Record::AllergyIntolerance(it) => it.code.is_some() || it.category.is_some(),
        Record::NutritionOrder(it) => it.code.is_some(),
        Record::ServiceRequest(_) | Record::Procedure(_) => true,
        Record::Patient(_) | Record::Coverage(_) | Record::Encounter(_) => true,
    }
}

#[cfg(test)]
mod tests;
