//! What happened to a patient at a hospital, as the list of files in its storage. Drawn from the
//! registration's own stream, so it can be drawn again at any time.

use std::collections::BTreeSet;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};

use crate::codes;
use crate::dice::{Dice, Purpose};
use crate::entry::{Content, Entry, Finding, Flag, Kind, Problem};
use crate::households::{days_before, years_between};
use crate::model::Registration;
use crate::rates;
use crate::staff::Hospital;

/// The files of the registration.
pub(crate) fn entries(
    registration: &Registration,
    hospital: &Hospital,
    seed: u64,
    as_of: Date,
) -> Vec<Entry> {
    let mut dice = Dice::new(seed, Purpose::Chart, registration.index);
    let child = years_between(registration.birth_date, as_of) < 15;
    let department = if child {
        4
    } else {
        [0, 1, 2, 3, 5, 6, 7][dice.index(7)]
    };
    let doctor = dice.index(hospital.staff.len());
    let mut chart = Chart {
        registration,
        staff: hospital.staff.len(),
        department,
        doctor,
        dice,
        orders: 0,
        entries: Vec::new(),
    };
    let visits = chart.visits(as_of);
    let last = visits.last().copied().unwrap_or(registration.registered_on);
    chart.basic(last);
    chart.allergies(last);
    chart.problems(last);
    for &day in &visits {
        chart.visit(day);
    }
    if chart.dice.chance(rates::STAY) {
        chart.stay(last, as_of);
    }
    // Drawn last, so that what is drawn before is the same for everybody.
    if registration
        .index
        .is_multiple_of(rates::FURTHER_KINDS_EVERY)
    {
        chart.further(last);
    }
    chart.entries
}

struct Chart<'a> {
    registration: &'a Registration,
    staff: usize,
    department: usize,
    doctor: usize,
    dice: Dice,
    orders: u32,
    entries: Vec<Entry>,
}

impl Chart<'_> {
    /// One to four days, the first of them the day of registration.
    fn visits(&mut self, as_of: Date) -> Vec<Date> {
        let first = self.registration.registered_on;
        let end = self.registration.died_on.unwrap_or(as_of);
        let last = days_before(end, 1).max(first);
        let span = i64::from(first.until(last).map_or(0, |span| span.get_days()));
        let mut days = BTreeSet::from([first]);
        for _ in 0..self.dice.between(0, 3) {
            days.insert(days_before(last, self.dice.between(0, span)));
        }
        days.into_iter().collect()
    }

    fn basic(&mut self, last: Date) {
        let (blood, height) = (self.dice.index(4), self.dice.between(1450, 1820));
        let weight = self.dice.between(420, 880);
        let content = |previous| Content::Basic {
            previous,
            blood,
            height,
            weight,
        };
        let moved = self.registration.previous_address.is_some();
        if moved || self.dice.chance(rates::BASIC_DATA_UPDATED) {
            let at = self.time(self.registration.registered_on, 8, 9);
            self.push(Kind::Adt00, None, at, Flag::Superseded, content(moved));
        }
        let at = self.time(last, 17, 19);
        self.push(Kind::Adt00, None, at, Flag::Valid, content(false));
    }

    fn allergies(&mut self, last: Date) {
        if !self.dice.chance(rates::ALLERGIES) {
            return;
        }
        let mut allergens = vec![self.dice.index(codes::ALLERGENS.len())];
        if self.dice.chance(0.3) {
            allergens.push((allergens[0] + 1) % codes::ALLERGENS.len());
        }
        let text = self.text(&ALLERGY_TEXTS);
        let at = self.time(last, 9, 16);
        self.push(
            Kind::Adt61,
            None,
            at,
            Flag::Valid,
            Content::Allergies { allergens, text },
        );
    }

    /// One file holds all problems; an older version holds fewer.
    fn problems(&mut self, last: Date) {
        if !self.dice.chance(rates::PROBLEMS) {
            return;
        }
        let first = self.dice.index(codes::DIAGNOSES.len());
        let mut problems = Vec::new();
        for step in 0..self.dice.between(1, 3) {
            let since = days_before(last, self.dice.between(0, 1500));
            let resolved = self.dice.chance(0.15).then_some(last);
            let diagnosis = (first + step as usize * 5) % codes::DIAGNOSES.len();
            let text = self.text(&PROBLEM_TEXTS);
            problems.push(Problem {
                diagnosis,
                since: since.max(self.registration.birth_date),
                resolved,
                text,
            });
        }
        if problems.len() > 1 && self.dice.chance(0.4) {
            let at = self.time(self.registration.registered_on, 10, 12);
            let fewer = Content::Problems(problems[..problems.len() - 1].to_vec());
            self.push(Kind::Ppr01, None, at, Flag::Superseded, fewer);
        }
        let at = self.time(last, 13, 17);
        self.push(
            Kind::Ppr01,
            None,
            at,
            Flag::Valid,
            Content::Problems(problems),
        );
    }

    fn visit(&mut self, day: Date) {
        let at = self.time(day, 8, 10);
        self.push(Kind::Adt12, Some(day), at, Flag::Valid, Content::Reception);
        if self.dice.chance(rates::VISIT_LABORATORY) {
            self.laboratory(day, None);
        }
        if self.dice.chance(rates::VISIT_PRESCRIPTION) {
            self.prescription(day);
        }
    }

    fn prescription(&mut self, day: Date) {
        let mut medicines = vec![self.dice.index(codes::ORAL.len())];
        if self.dice.chance(0.35) {
            medicines.push((medicines[0] + 3) % codes::ORAL.len());
        }
        let days = *self.dice.pick(&[5, 7, 14, 28, 30, 60]);
        let text = self.text(&ORDER_TEXTS);
        let order = self.next_order();
        let at = self.time(day, 11, 14);
        let ordered = Content::Oral {
            medicines: medicines.clone(),
            days,
            taken: false,
            text,
        };
        let stands = self.order(Kind::Omp01, day, order, at, ordered);
        if stands && self.dice.chance(rates::PRESCRIPTION_TAKEN) {
            let at = self.time(day, 15, 18);
            let taken = Content::Oral {
                medicines,
                days,
                taken: true,
                text: None,
            };
            self.order(Kind::Omp11, day, order, at, taken);
        }
    }

    fn laboratory(&mut self, day: Date, room: Option<i64>) {
        let first = self.dice.index(codes::ITEMS.len());
        let mut findings = Vec::new();
        for step in 0..self.dice.between(1, 5) {
            let item = (first + step as usize * 3) % codes::ITEMS.len();
            let value = self.value(item);
            findings.push(Finding { item, value });
        }
        findings.sort_by_key(|finding| !codes::ITEMS[finding.item].blood);
        let text = self.text(&RESULT_TEXTS);
        let order = self.next_order();
        let at = self.time(day, 10, 13);
        self.order(
            Kind::Oml11,
            day,
            order,
            at,
            Content::Laboratory {
                findings,
                text,
                room,
            },
        );
    }

    fn value(&mut self, item: usize) -> String {
        let codes::Item {
            range: (low, high),
            tenths,
            ..
        } = codes::ITEMS[item];
        // The mean of two draws: the middle of the range is more frequent than its ends.
        let value = i64::midpoint(self.dice.between(low, high), self.dice.between(low, high));
        if tenths {
            format!("{}.{}", value / 10, value % 10)
        } else {
            value.to_string()
        }
    }

    /// A stay of 2 to 12 days with injections and results, or one that was taken back.
    fn stay(&mut self, last: Date, as_of: Date) {
        let admitted = last;
        let room = self.dice.between(1, 12);
        let at = self.time(admitted, 14, 16);
        if self.dice.chance(rates::STAY_CANCELLED) {
            for cancelled in [false, true] {
                let at = at.saturating_add(i64::from(cancelled).hours());
                let content = Content::Admission { cancelled, room };
                self.push(Kind::Adt22, Some(admitted), at, Flag::Deleted, content);
            }
            return;
        }
        let content = Content::Admission {
            cancelled: false,
            room,
        };
        self.push(Kind::Adt22, Some(admitted), at, Flag::Valid, content);
        let died = self
            .registration
            .died_on
            .filter(|died| days_before(*died, 20) <= admitted);
        let end = died.unwrap_or_else(|| {
            let length = self.dice.between(2, 12);
            admitted
                .saturating_add(length.days())
                .min(days_before(as_of, 1))
        });
        let mut day = admitted;
        while day < end {
            if self.dice.chance(0.35) {
                self.injection(day, room);
            }
            if self.dice.chance(0.25) {
                self.laboratory(day, Some(room));
            }
            day = day.saturating_add(1.day());
        }
        if end > admitted {
            let sent = self.time(end, 10, 12);
            let content = Content::Discharge {
                admitted: at,
                room,
                died: died.is_some(),
            };
            self.push(Kind::Adt52, Some(end), sent, Flag::Valid, content);
        }
    }

    /// One file of each kind that is in no other part of the chart.
    fn further(&mut self, day: Date) {
        let room = self.dice.between(1, 12);
        let at = self.time(day, 9, 11);
        self.push(
            Kind::Adt01,
            None,
            at,
            Flag::Valid,
            Content::Further { room },
        );
        for kind in [
            Kind::Adt21,
            Kind::Adt31,
            Kind::Adt32,
            Kind::Adt41,
            Kind::Adt42,
            Kind::Adt51,
        ] {
            let at = self.time(day, 9, 18);
            self.push(kind, Some(day), at, Flag::Valid, Content::Further { room });
        }
        for kind in [
            Kind::Omd,
            Kind::Oml01,
            Kind::Omg01,
            Kind::Omg02,
            Kind::Omg03,
            Kind::Omg11,
            Kind::Omg12,
            Kind::Omg13,
        ] {
            let order = self.next_order();
            let at = self.time(day, 9, 18);
            self.push(kind, Some(day), at, Flag::Valid, Content::Further { room });
            self.complete(order, false);
        }
    }

    fn injection(&mut self, day: Date, room: i64) {
        let medicine = self.dice.index(codes::INJECTED.len());
        let bags = self.dice.between(1, 3);
        let order = self.next_order();
        let at = self.time(day, 8, 10);
        let content = |given| Content::Injection {
            room,
            medicine,
            bags,
            given,
        };
        if self.order(Kind::Omp02, day, order, at, content(false)) {
            let at = self.time(day, 18, 21);
            self.order(Kind::Omp12, day, order, at, content(true));
        }
    }

    /// Adds an order or a result with its history. False when it was deleted.
    fn order(&mut self, kind: Kind, day: Date, order: u32, at: DateTime, content: Content) -> bool {
        if self.dice.chance(rates::ORDER_DELETED) {
            for (cancels, minutes) in [(false, 0), (true, 35)] {
                let at = at.saturating_add(minutes.minutes());
                self.push(kind, Some(day), at, Flag::Deleted, content.clone());
                self.complete(order, cancels);
            }
            return false;
        }
        let mut at = at;
        if self.dice.chance(rates::ORDER_UPDATED) {
            let older = self.older(&content);
            self.push(kind, Some(day), at, Flag::Superseded, older);
            self.complete(order, false);
            at = at.saturating_add(45.minutes());
        }
        self.push(kind, Some(day), at, Flag::Valid, content);
        self.complete(order, false);
        true
    }

    /// What an earlier version of the message said.
    fn older(&mut self, content: &Content) -> Content {
        let mut older = content.clone();
        match &mut older {
            Content::Oral { days, .. } => *days += 1,
            Content::Injection { bags, .. } => *bags += 1,
            Content::Laboratory { findings, .. } => {
                if let Some(first) = findings.first_mut() {
                    first.value = self.value(first.item);
                }
            }
            _ => {}
        }
        older
    }

    fn complete(&mut self, order: u32, cancels: bool) {
        if let Some(entry) = self.entries.last_mut() {
            entry.order = Some(order);
            entry.cancels = cancels;
        }
    }

    fn push(&mut self, kind: Kind, day: Option<Date>, at: DateTime, flag: Flag, content: Content) {
        // Basic data, allergies and problems belong to the hospital, not to a department.
        let department = day.map(|_| self.department);
        let doctor = if self.dice.chance(0.8) {
            self.doctor
        } else {
            self.dice.index(self.staff)
        };
        self.entries.push(Entry {
            kind,
            care_date: day,
            order: None,
            at,
            department,
            flag,
            cancels: false,
            doctor,
            message: self.entries.len() as u32 + 1,
            content,
        });
    }

    fn next_order(&mut self) -> u32 {
        self.orders += 1;
        self.orders
    }

    /// A time on the day, the hour from `from` to `to`, both included.
    fn time(&mut self, day: Date, from: i64, to: i64) -> DateTime {
        let (hour, minute) = (self.dice.between(from, to), self.dice.between(0, 59));
        let (second, milli) = (self.dice.between(0, 59), self.dice.between(0, 999));
        day.at(
            hour as i8,
            minute as i8,
            second as i8,
            milli as i32 * 1_000_000,
        )
    }

    /// A remark, most of which name the patient or a relative as clerks do.
    fn text(&mut self, templates: &[&str]) -> Option<String> {
        if !self.dice.chance(rates::FREE_TEXT) {
            return None;
        }
        let (name, kin) = (&self.registration.name, &self.registration.relative.name);
        let template = self.dice.pick(templates);
        Some(
            template
                .replace("{name}", &format!("{}{}", name.family, name.given))
                .replace("{spaced}", &format!("{}　{}", name.family, name.given))
                .replace("{kin}", &format!("{}{}", kin.family, kin.given))
                .replace(
                    "{phone}",
                    self.registration.home_phone.as_deref().unwrap_or("なし"),
                )
                .replace("{chart}", &self.registration.chart_number),
        )
    }
}

const ALLERGY_TEXTS: [&str; 3] = [
    "{name}様の家族より聴取",
    "{kin}様より電話（{phone}）で確認",
    "皮疹 & 呼吸苦",
];
const PROBLEM_TEXTS: [&str; 4] = [
    "{spaced}さん、経過良好。次回採血。",
    "紹介状あり。家族 {kin} 同席のうえ説明。",
    "食事・運動の指導を継続",
    "ID {chart} の他院記録を参照",
];
const ORDER_TEXTS: [&str; 3] = ["{name}様 一包化希望", "粉砕不可", "受取は{kin}様"];
const RESULT_TEXTS: [&str; 3] = ["溶血あり", "{spaced}様 再採血", "連絡先 {phone}"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_table_can_be_written_in_the_standard_s_character_set() {
        let names = codes::ITEMS
            .iter()
            .flat_map(|item| [item.name, item.unit])
            .chain(codes::ORAL.iter().map(|medicine| medicine.name))
            .chain(codes::INJECTED.iter().map(|medicine| medicine.name))
            .chain(codes::DIAGNOSES.iter().map(|diagnosis| diagnosis.name));
        for name in names {
            assert_eq!(crate::kanji::storable(name), name);
        }
    }
}
