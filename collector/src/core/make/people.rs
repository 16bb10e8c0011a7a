//! The persons of a release: who they are as far as it will be told, their fresh ID and their
//! secret offset. Both live only as long as the job.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use rand_chacha::rand_core::Rng as _;
use record::{Date, ResearchId, ResourceKind, SiteId, SubjectRef};

use super::recipe::{Area, Generalisation};
use crate::core::catalogue::Catalogue;
use crate::core::failure::{Failure, Problem, Result};
use crate::core::random::Randomness;
use crate::core::tables::{Columns, Current, Table, position};

/// Ages from here on are one band.
const TOP_AGE: i32 = 90;

/// A person of a release.
pub(crate) struct Person {
    /// The ID in this release: 128 random bits as 32 letters `a` to `p`, so that no number can be
    /// read in it.
    pub(crate) release_id: String,
    /// Weeks by which all dates move. Set by [`People::draw_offsets`].
    weeks: i64,
    research_id: ResearchId,
    sex: Option<String>,
    birth: Option<(i32, i32)>,
    prefecture: Option<i64>,
    /// Whether any source says that the person is dead.
    pub(crate) deceased: bool,
    /// Version of the document that sex, birth and prefecture are from.
    told_by: i64,
    /// Whether too few others share sex, age and area.
    pub(crate) suppressed: bool,
}

impl Person {
    /// A date moved by the person's offset.
    pub(crate) fn moved(&self, date: Date) -> Option<Date> {
        date.checked_add(jiff::Span::new().weeks(self.weeks)).ok()
    }

    /// Sex, age band and area at a level; empty where unknown or not told.
    pub(crate) fn generalised(&self, level: &Generalisation, on: Date) -> [String; 3] {
        let sex = self.sex.clone().filter(|_| level.sex).unwrap_or_default();
        let age = self.birth.map(|birth| age(birth, on));
        let band = age
            .filter(|_| level.age_years > 0)
            .map(|age| band(age, level.age_years));
        let area = match level.area {
            Area::Prefecture => self.prefecture.map(|number| format!("JP-{number:02}")),
            Area::Region => self.prefecture.and_then(region).map(str::to_owned),
            Area::None => None,
        };
        [sex, band.unwrap_or_default(), area.unwrap_or_default()]
    }
}

/// All persons that were linked, and which subjects they are.
pub(crate) struct People {
    /// The persons, in the order of their research IDs.
    pub(crate) persons: Vec<Person>,
    places: BTreeMap<SiteId, HashMap<SubjectRef, usize>>,
}

impl People {
    /// Reads who is linked and what their basic data says: the newest document wins, whatever
    /// site it is from. What is from sites that are left out is as if it were not there.
    ///
    /// # Errors
    /// The catalogue or a table is damaged, or there is no randomness.
    pub(crate) fn load(
        catalogue: &Catalogue,
        tables: &Path,
        randomness: Randomness,
        release: &str,
        left_out: &BTreeSet<SiteId>,
    ) -> Result<Self> {
        let mut members = catalogue.members()?;
        members.retain(|(member, _)| !left_out.contains(&member.site));
        let ids: BTreeMap<ResearchId, ()> = members.iter().map(|(_, id)| (*id, ())).collect();
        let numbers: BTreeMap<ResearchId, usize> = ids
            .into_keys()
            .enumerate()
            .map(|(place, id)| (id, place))
            .collect();
        let mut persons = Vec::with_capacity(numbers.len());
        for id in numbers.keys() {
            persons.push(person(*id, randomness, release)?);
        }
        let mut places: BTreeMap<SiteId, HashMap<SubjectRef, usize>> = BTreeMap::new();
        for (member, id) in members {
            if let Some(place) = numbers.get(&id) {
                places
                    .entry(member.site)
                    .or_default()
                    .insert(member.subject, *place);
            }
        }
        let mut people = Self { persons, places };
        for site in catalogue.sites()? {
            let current = Current::load(catalogue, tables, &site)?;
            people.read_basic_data(catalogue, tables, &site, &current)?;
        }
        Ok(people)
    }

    /// The place of the person that a row is about.
    pub(crate) fn place(&self, site: &SiteId, rows: &Columns, row: usize) -> Result<Option<usize>> {
        let text = rows.text(1, row).unwrap_or_default();
        let subject = text
            .parse()
            .map_err(|_| Failure::new(Problem::Damaged, "subject"))?;
        Ok(self
            .places
            .get(site)
            .and_then(|subjects| subjects.get(&subject))
            .copied())
    }

    /// Draws every person's offset: whole weeks, at most so many days back or forth.
    pub(crate) fn draw_offsets(
        &mut self,
        most_days: u16,
        randomness: Randomness,
        release: &str,
    ) -> Result<()> {
        let most = i64::from(most_days / 7);
        for person in &mut self.persons {
            let mut random = stream(randomness, "offset", release, &person.research_id)?;
            // 2^64 modulo a few hundred: the bias is below 2^-54.
            let drawn = random.next_u64() % (2 * most as u64 + 1);
            person.weeks = drawn as i64 - most;
        }
        Ok(())
    }

    fn read_basic_data(
        &mut self,
        catalogue: &Catalogue,
        tables: &Path,
        site: &SiteId,
        current: &Current,
    ) -> Result<()> {
        let table = Table::Records(ResourceKind::Patient);
        let columns = table.columns();
        let [version, sex, birth, prefecture, deceased] =
            ["version", "sex", "birth", "prefecture", "deceased"]
                .map(|name| position(&columns, name));
        current.rows(catalogue, tables, table, |rows, row| {
            let Some(place) = self.place(site, rows, row)? else {
                return Ok(());
            };
            let Some(person) = self.persons.get_mut(place) else {
                return Ok(());
            };
            let told_by = rows.whole(version, row).unwrap_or_default();
            let newer = told_by >= person.told_by;
            let known = rows
                .text(sex, row)
                .filter(|sex| ["M", "F", "O"].contains(sex));
            replace(&mut person.sex, known.map(str::to_owned), newer);
            replace(
                &mut person.birth,
                rows.text(birth, row).and_then(year_month),
                newer,
            );
            replace(&mut person.prefecture, rows.whole(prefecture, row), newer);
            person.deceased |= rows.flag(deceased, row) == Some(true);
            person.told_by = person.told_by.max(told_by);
            Ok(())
        })
    }
}

/// A newer document replaces what is known; an older one fills what is not.
fn replace<T>(known: &mut Option<T>, told: Option<T>, newer: bool) {
    if told.is_some() && (newer || known.is_none()) {
        *known = told;
    }
}

fn person(id: ResearchId, randomness: Randomness, release: &str) -> Result<Person> {
    let mut random = stream(randomness, "release-id", release, &id)?;
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    let letters = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(Person {
        release_id: letters.map(|nibble| char::from(b'a' + nibble)).collect(),
        weeks: 0,
        research_id: id,
        sex: None,
        birth: None,
        prefecture: None,
        deceased: false,
        told_by: 0,
        suppressed: false,
    })
}

fn stream(
    randomness: Randomness,
    purpose: &str,
    release: &str,
    id: &ResearchId,
) -> Result<rand_chacha::ChaCha20Rng> {
    let mut matter = release.as_bytes().to_vec();
    matter.push(0);
    matter.extend(id.as_bytes());
    randomness.stream(purpose, &matter)
}

fn year_month(text: &str) -> Option<(i32, i32)> {
    let (year, month) = text.split_once('-')?;
    Some((year.parse().ok()?, month.parse().ok()?))
}

/// Whole years between the month of birth and a day.
fn age((year, month): (i32, i32), on: Date) -> i32 {
    let years = i32::from(on.year()) - year;
    years - i32::from(i32::from(on.month()) < month)
}

/// The band of an age: `40-44`, the last before the top cut short, `90+`. A birth after the day
/// of reference counts as age 0.
fn band(age: i32, width: u8) -> String {
    let width = i32::from(width);
    let age = age.max(0);
    if age >= TOP_AGE {
        return format!("{TOP_AGE}+");
    }
    let low = age / width * width;
    format!("{low:02}-{:02}", (low + width - 1).min(TOP_AGE - 1))
}

/// The eight regions by prefecture number.
fn region(prefecture: i64) -> Option<&'static str> {
    Some(match prefecture {
        1 => "hokkaido",
        2..=7 => "tohoku",
        8..=14 => "kanto",
        15..=23 => "chubu",
        24..=30 => "kinki",
        31..=35 => "chugoku",
        36..=39 => "shikoku",
        40..=47 => "kyushu-okinawa",
        _ => return None,
    })
}

/// Every area that a release may hold.
pub(crate) fn is_area(text: &str) -> bool {
    let prefecture = text.strip_prefix("JP-").filter(|number| number.len() == 2);
    let number = prefecture.and_then(|number| number.parse().ok());
    number.is_some_and(|number: i64| (1..=47).contains(&number))
        || (1..=47).any(|number| region(number) == Some(text))
}

/// Every age band that a release may hold.
pub(crate) fn is_age_band(text: &str) -> bool {
    text == "90+"
        || [5, 10, 20]
            .iter()
            .any(|width| (0..TOP_AGE).any(|age| band(age, *width) == text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-044: ages from 90 on are one band.
    #[test]
    fn age_bands_are_capped_and_closed() {
        let on = jiff::civil::date(2025, 6, 15);
        for ((year, month), width, expected) in [
            ((1985, 6), 5, "40-44"),
            ((1985, 7), 5, "35-39"),
            ((2025, 6), 5, "00-04"),
            ((2026, 1), 10, "00-09"),
            ((1935, 7), 10, "80-89"),
            ((1935, 7), 20, "80-89"),
            ((1935, 6), 10, "90+"),
            ((1909, 1), 5, "90+"),
        ] {
            let found = band(age((year, month), on), width);
            assert_eq!(found, expected, "{year}-{month}");
            assert!(is_age_band(&found));
        }
        assert!(!is_age_band("91-95") && !is_age_band("") && !is_age_band("42"));
        assert!(is_area("JP-13") && is_area("kinki") && !is_area("JP-48") && !is_area("Tokyo"));
    }
}
