//! The lists of names, written by hand for this project, drawn with a Zipf-like frequency.

use std::sync::LazyLock;

use crate::dice::{Dice, Purpose};
use crate::model::{Name, Sex};

/// One list entry: how it is written and how it may be read, the usual reading first.
pub(crate) struct Entry {
    pub(crate) written: &'static str,
    pub(crate) readings: Vec<&'static str>,
}

struct List {
    entries: Vec<Entry>,
    cumulative: Vec<f64>,
}

static SURNAMES: LazyLock<List> = LazyLock::new(|| parse(include_str!("data/surnames.txt")));
static FEMALE: LazyLock<List> = LazyLock::new(|| parse(include_str!("data/given_female.txt")));
static MALE: LazyLock<List> = LazyLock::new(|| parse(include_str!("data/given_male.txt")));

/// Ranks are weighted 1 / (rank + this): flat enough at the top for a country's surnames.
const ZIPF_SHIFT: f64 = 12.0;

/// A family name by frequency.
pub(crate) fn surname(dice: &mut Dice) -> &'static Entry {
    draw(&SURNAMES, dice)
}

/// A given name of that sex by frequency.
pub(crate) fn given(sex: Sex, dice: &mut Dice) -> &'static Entry {
    match sex {
        Sex::Female => draw(&FEMALE, dice),
        Sex::Male => draw(&MALE, dice),
    }
}

/// The names of so many people who are no households, each in kanji and in kana, as frequent as in
/// a town.
pub fn of_people(seed: u64, count: u32) -> impl Iterator<Item = (Name, Name)> {
    let mut dice = Dice::new(seed, Purpose::Households, u64::MAX);
    (0..count).map(move |number| {
        let family = surname(&mut dice);
        let sex = if number % 2 == 0 {
            Sex::Female
        } else {
            Sex::Male
        };
        let given = given(sex, &mut dice);
        let name = |family: &str, given: &str| Name {
            family: family.to_owned(),
            given: given.to_owned(),
        };
        let read = |entry: &Entry, dice: &mut Dice| *dice.pick(&entry.readings);
        let (family_kana, given_kana) = (read(family, &mut dice), read(given, &mut dice));
        let kana = name(family_kana, given_kana);
        (name(family.written, given.written), kana)
    })
}

/// Another reading of a given name than `reading`, where the list knows one.
pub(crate) fn other_reading(sex: Sex, written: &str, reading: &str) -> Option<&'static str> {
    let list = match sex {
        Sex::Female => &FEMALE,
        Sex::Male => &MALE,
    };
    let entry = list.entries.iter().find(|entry| entry.written == written)?;
    entry
        .readings
        .iter()
        .copied()
        .find(|other| *other != reading)
}

fn draw(list: &'static List, dice: &mut Dice) -> &'static Entry {
    &list.entries[dice.weighted(&list.cumulative)]
}

fn parse(text: &'static str) -> List {
    let mut entries = Vec::new();
    let mut cumulative = Vec::new();
    let mut total = 0.0;
    for (rank, item) in text.split_whitespace().enumerate() {
        if let Some((written, readings)) = item.split_once(':') {
            entries.push(Entry {
                written,
                readings: readings.split('|').collect(),
            });
            total += 1.0 / (rank as f64 + ZIPF_SHIFT);
            cumulative.push(total);
        }
    }
    List {
        entries,
        cumulative,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kana;

    #[test]
    fn the_lists_are_long_enough_distinct_and_read_in_katakana() {
        for (list, least) in [(&SURNAMES, 300), (&FEMALE, 150), (&MALE, 150)] {
            let mut written: Vec<_> = list.entries.iter().map(|entry| entry.written).collect();
            written.sort_unstable();
            written.dedup();
            assert_eq!(written.len(), list.entries.len(), "a name stands twice");
            assert!(written.len() >= least);
            for entry in &list.entries {
                assert!(!entry.readings.is_empty());
                assert!(
                    entry
                        .readings
                        .iter()
                        .all(|reading| kana::is_katakana(reading))
                );
            }
        }
    }
}
