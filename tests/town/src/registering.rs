//! How a person becomes one or two charts, and what goes wrong at the second one.

use jiff::civil::Date;

use crate::dice::{Dice, Purpose};
use crate::households::{days_before, family_name, years_between};
use crate::model::{Difference, Name, Person, Registration, Relative, Sex, Standing};
use crate::{insurances, kana, kanji, names, places, rates};

/// The person's registrations in order of time, without index, chart number and standing.
pub(crate) fn registrations(person: &Person, seed: u64, as_of: Date) -> Vec<Registration> {
    let mut dice = Dice::new(seed, Purpose::Registration, u64::from(person.number));
    let dice = &mut dice;
    let (hospital, both) = if dice.chance(rates::BOTH_HOSPITALS) {
        (u8::from(dice.chance(0.5)), true)
    } else {
        (u8::from(!dice.chance(rates::ONLY_HOSPITAL_A)), false)
    };
    let last_day = person.died_on.map_or(days_before(as_of, 60), |died| {
        days_before(died, 1).min(days_before(as_of, 60))
    });
    let earliest = person
        .birth_date
        .max(days_before(as_of, 3000))
        .min(last_day);
    let registered_on = between(earliest, last_day, dice);
    let first = first(person, hospital, registered_on, dice);
    if !both {
        return vec![finished(first, person)];
    }
    let mut second = first.clone();
    second.hospital = 1 - hospital;
    second.registered_on = between(registered_on, last_day, dice);
    second.previous_address = None;
    second.insurance = Some(person.insurance.clone());
    differ(&mut second, person, as_of, dice);
    vec![finished(first, person), finished(second, person)]
}

fn first(person: &Person, hospital: u8, registered_on: Date, dice: &mut Dice) -> Registration {
    let mut insurance = Some(person.insurance.clone());
    if let Some(card) = &mut insurance {
        card.split = dice.chance(rates::INSURANCE_SPLIT_LAYOUT);
        if card.split || dice.chance(rates::BRANCH_MISSING_FIRST) {
            card.branch = None;
        }
    }
    if dice.chance(rates::INSURANCE_MISSING_FIRST) {
        insurance = None;
    }
    let previous_address = dice
        .chance(rates::PREVIOUS_ADDRESS)
        .then(|| places::moved_from(&person.address, dice));
    Registration {
        index: 0,
        person: person.number,
        hospital,
        chart_number: String::new(),
        name: person.name.clone(),
        kana: Some(person.kana.clone()),
        birth_date: person.birth_date,
        sex: person.sex,
        address: person.address.clone(),
        previous_address,
        home_phone: person.home_phone.clone(),
        mobile_phone: person.mobile_phone.clone(),
        insurance,
        relative: person.relative.clone(),
        employer: person.employer,
        registered_on,
        died_on: person.died_on,
        standing: Standing::MayLeave,
        notice: None,
        stop: None,
        differences: Vec::new(),
    }
}

/// Writes every name as the standard's character set can hold it.
fn finished(mut registration: Registration, person: &Person) -> Registration {
    let storable = |name: &Name| Name {
        family: kanji::storable(&name.family),
        given: kanji::storable(&name.given),
    };
    registration.name = storable(&registration.name);
    registration.relative.name = storable(&registration.relative.name);
    // A death is not always reported to the hospital that did not see it.
    if person.died_on.is_some() && registration.hospital == 1 && person.number.is_multiple_of(3) {
        registration.died_on = None;
    }
    registration
}

fn differ(second: &mut Registration, person: &Person, as_of: Date, dice: &mut Dice) {
    let years = years_between(person.birth_date, as_of);
    if dice.chance(rates::MOVED) {
        move_house(second, dice);
    }
    if (18..75).contains(&years) && dice.chance(rates::JOB_CHANGED) {
        second.insurance = Some(insurances::of_family(&second.address, dice));
        new_branch(second, "00");
        second.differences.push(Difference::JobChanged);
    }
    if (20..50).contains(&years) && dice.chance(rates::MARRIED) {
        marry(second, dice);
    }
    mistype_names(second, dice);
    mistype_facts(second, dice);
    lose_insurance(second, dice);
    second.differences.sort_unstable();
}

fn move_house(second: &mut Registration, dice: &mut Dice) {
    let new = places::moved_from(&second.address, dice);
    second.previous_address = Some(std::mem::replace(&mut second.address, new));
    second.home_phone = dice
        .chance(0.6)
        .then(|| places::home_phone(&second.address, dice));
    second.differences.push(Difference::Moved);
}

/// A new family name, the spouse as next of kin, and half the time the spouse's insurance.
fn marry(second: &mut Registration, dice: &mut Dice) {
    let women_only = dice.chance(rates::MARRIED_WOMEN);
    if second.sex == Sex::Male && women_only {
        return;
    }
    let (mut family, mut reading) = family_name(dice);
    while family == second.name.family {
        (family, reading) = family_name(dice);
    }
    let spouse = names::given(second.sex.other(), dice);
    second.relative = Relative {
        name: Name {
            family: family.clone(),
            given: spouse.written.to_owned(),
        },
        kana: Name {
            family: reading.clone(),
            given: spouse.readings[0].to_owned(),
        },
        relation: "SPO^配偶者^HL70063",
    };
    second.name.family = family;
    if let Some(kana) = &mut second.kana {
        kana.family = reading;
    }
    if dice.chance(rates::MARRIED_NEW_INSURANCE) {
        second.insurance = Some(insurances::of_family(&second.address, dice));
        new_branch(second, "01");
    }
    second.differences.push(Difference::Married);
}

fn new_branch(second: &mut Registration, branch: &str) {
    if let Some(card) = &mut second.insurance {
        card.branch = Some(branch.to_owned());
    }
}

fn mistype_names(second: &mut Registration, dice: &mut Dice) {
    let (sex, written) = (second.sex, second.name.given.clone());
    if let Some(kana) = &mut second.kana {
        let other = names::other_reading(sex, &kanji::usual_form(&written), &kana.given);
        if let Some(other) = other.filter(|_| dice.chance(rates::KANA_OTHER_READING)) {
            kana.given = other.to_owned();
            second.differences.push(Difference::KanaOtherReading);
        } else if dice.chance(rates::KANA_TYPO) {
            let part = if dice.chance(0.5) {
                &mut kana.family
            } else {
                &mut kana.given
            };
            *part = kana::typo(part, dice);
            second.differences.push(Difference::KanaTypo);
        } else if dice.chance(rates::KANA_STYLE) {
            let family = kana::other_style(&kana.family, dice);
            let given = kana::other_style(&kana.given, dice);
            if family.is_some() || given.is_some() {
                second.differences.push(Difference::KanaStyle);
            }
            kana.family = family.unwrap_or_else(|| kana.family.clone());
            kana.given = given.unwrap_or_else(|| kana.given.clone());
        }
    }
    if dice.chance(rates::KANA_MISSING) {
        second.kana = None;
        second.differences.push(Difference::KanaMissing);
    }
    if dice.chance(rates::KANJI_VARIANT) {
        let changed = |text: &str, dice: &mut Dice| {
            let usual = kanji::usual_form(text);
            if usual == text {
                kanji::old_form(text, dice)
            } else {
                Some(usual)
            }
        };
        if let Some(family) = changed(&second.name.family, dice) {
            second.name.family = family;
            second.differences.push(Difference::KanjiVariant);
        } else if let Some(given) = changed(&second.name.given, dice) {
            second.name.given = given;
            second.differences.push(Difference::KanjiVariant);
        }
    }
}

fn mistype_facts(second: &mut Registration, dice: &mut Dice) {
    if dice.chance(rates::BIRTH_DATE_TYPO) {
        second.birth_date = wrong_date(second.birth_date, second.registered_on, dice);
        second.differences.push(Difference::BirthDateTypo);
    }
    if dice.chance(rates::SEX_WRONG) {
        second.sex = second.sex.other();
        second.differences.push(Difference::SexWrong);
    }
}

/// The date with day and month exchanged, or a year, month or day that is near.
fn wrong_date(date: Date, latest: Date, dice: &mut Dice) -> Date {
    for _ in 0..50 {
        let (year, month, day) = (date.year(), date.month(), date.day());
        let step = *dice.pick(&[-1_i8, 1]);
        let wrong = match dice.below(4) {
            0 => Date::new(year, day, month),
            1 => Date::new(year + i16::from(step) * *dice.pick(&[1, 10]), month, day),
            2 => Date::new(year, month + step, day),
            _ => Date::new(year, month, day + step * *dice.pick(&[1, 10])),
        };
        if let Ok(wrong) = wrong
            && wrong != date
            && wrong <= latest
        {
            return wrong;
        }
    }
    days_before(date, 1)
}

fn lose_insurance(second: &mut Registration, dice: &mut Dice) {
    if let Some(card) = &mut second.insurance {
        card.split = dice.chance(rates::INSURANCE_SPLIT_LAYOUT);
        if (card.split || dice.chance(rates::BRANCH_MISSING_SECOND)) && card.branch.is_some() {
            card.branch = None;
            second.differences.push(Difference::BranchMissing);
        }
    }
    if dice.chance(rates::INSURANCE_MISSING_SECOND) {
        second.insurance = None;
        second.differences.push(Difference::InsuranceMissing);
    }
}

fn between(earliest: Date, latest: Date, dice: &mut Dice) -> Date {
    let span = i64::from(earliest.until(latest).map_or(0, |span| span.get_days()));
    days_before(latest, dice.between(0, span.max(0)))
}
