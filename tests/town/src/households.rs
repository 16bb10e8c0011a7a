//! Households: persons who share a family name, an address and often an insurance.

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::dice::Dice;
use crate::kanji;
use crate::model::{Address, Insurance, Name, Person, Plan, Relative, Sex};
use crate::{insurances, names, places, rates};

/// Days before the town's day after which nobody is born, so that everybody can be notified.
const YOUNGEST_DAYS: i64 = 90;

/// Invented employers with their telephone.
const EMPLOYERS: [(&str, &str); 8] = [
    ("株式会社白神水産加工", "0172-09-0011"),
    ("津軽野りんご出荷組合", "0173-09-0018"),
    ("有限会社北上野木工", "0174-09-0025"),
    ("陸奥浜運輸株式会社", "0172-09-0032"),
    ("雄物精密株式会社", "0173-09-0039"),
    ("社会福祉法人若葉台会", "0174-09-0046"),
    ("株式会社はやいけ商店", "0172-09-0053"),
    ("三陸浜造船株式会社", "0173-09-0060"),
];

/// What the members of a household share.
struct Home {
    family: String,
    family_kana: String,
    address: Address,
    phone: Option<String>,
    insurance: Insurance,
    as_of: Date,
}

/// The members of one household, numbered from `first_number`. Between 1 and 7 persons.
pub(crate) fn household(first_number: u32, as_of: Date, dice: &mut Dice) -> Vec<Person> {
    let (family, family_kana) = family_name(dice);
    let address = places::address(dice);
    let phone = dice
        .chance(0.75)
        .then(|| places::home_phone(&address, dice));
    let insurance = insurances::of_family(&address, dice);
    let home = Home {
        family,
        family_kana,
        address,
        phone,
        insurance,
        as_of,
    };
    let mut members = match dice.below(100) {
        0..34 => vec![adult(&home, 19, 97, dice)],
        34..70 => couple(&home, 26, 94, dice),
        70..90 => parents_with_children(&home, dice),
        _ => three_generations(&home, dice),
    };
    for (at, member) in members.iter_mut().enumerate() {
        member.number = first_number + at as u32;
        member.twin = member.twin.map(|other| first_number + other);
        give_branch(member, at);
    }
    introduce(&mut members, dice);
    members
}

/// Somebody's family name and its reading.
pub(crate) fn family_name(dice: &mut Dice) -> (String, String) {
    let entry = names::surname(dice);
    let reading = dice.pick(&entry.readings);
    (in_register(entry.written, dice), (*reading).to_owned())
}

fn in_register(written: &str, dice: &mut Dice) -> String {
    match kanji::old_form(written, dice) {
        // The form of 吉 that has no code is far rarer than the others.
        Some(old) if dice.chance(rates::OLD_FORM_IN_FAMILY_REGISTER) => {
            if old.contains('𠮷') && dice.chance(0.6) {
                written.to_owned()
            } else {
                old
            }
        }
        _ => written.to_owned(),
    }
}

fn parents_with_children(home: &Home, dice: &mut Dice) -> Vec<Person> {
    let mut members = if dice.chance(rates::ONE_PARENT) {
        vec![adult(home, 27, 56, dice)]
    } else {
        couple(home, 27, 56, dice)
    };
    let oldest_child = age(&members[members.len() - 1], home.as_of) - 20;
    let children = dice.between(1, 2);
    for _ in 0..children {
        let child_age = dice.between(0, oldest_child.clamp(0, 22));
        let born = birth_date(home.as_of, child_age, dice);
        let sex = any_sex(dice);
        members.push(person(home, born, sex, dice));
    }
    if dice.chance(rates::TWINS) {
        add_twin(home, &mut members, dice);
    }
    members
}

/// A twin of the last member: same day, same card, another given name.
fn add_twin(home: &Home, members: &mut Vec<Person>, dice: &mut Dice) {
    let at = members.len() - 1;
    let (born, sex) = (members[at].birth_date, members[at].sex);
    let sex = if dice.chance(rates::TWINS_SAME_SEX) {
        sex
    } else {
        sex.other()
    };
    let mut twin = person(home, born, sex, dice);
    for _ in 0..20 {
        if twin.kana.given != members[at].kana.given && twin.name.given != members[at].name.given {
            break;
        }
        twin = person(home, born, sex, dice);
    }
    twin.twin = Some(at as u32);
    members[at].twin = Some(at as u32 + 1);
    members.push(twin);
}

fn three_generations(home: &Home, dice: &mut Dice) -> Vec<Person> {
    let mut members = parents_with_children(home, dice);
    let parent_age = age(&members[0], home.as_of);
    for sex in [Sex::Male, Sex::Female] {
        if dice.chance(0.7) {
            let years = (parent_age + dice.between(21, 34)).min(100);
            let born = birth_date(home.as_of, years, dice);
            members.push(person(home, born, sex, dice));
        }
    }
    members
}

fn couple(home: &Home, youngest: i64, oldest: i64, dice: &mut Dice) -> Vec<Person> {
    let years = dice.between(youngest, oldest);
    let other_years = (years + dice.between(-6, 4)).clamp(20, 100);
    let born = birth_date(home.as_of, years, dice);
    let other_born = birth_date(home.as_of, other_years, dice);
    let husband = person(home, born, Sex::Male, dice);
    vec![husband, person(home, other_born, Sex::Female, dice)]
}

fn adult(home: &Home, youngest: i64, oldest: i64, dice: &mut Dice) -> Person {
    let draws = [
        dice.between(youngest, oldest),
        dice.between(youngest, oldest),
    ];
    // The old live alone more often than the young.
    let years = if dice.chance(0.5) {
        draws[0].max(draws[1])
    } else {
        draws[0]
    };
    let born = birth_date(home.as_of, years, dice);
    let sex = any_sex(dice);
    person(home, born, sex, dice)
}

fn person(home: &Home, birth_date: Date, sex: Sex, dice: &mut Dice) -> Person {
    let entry = names::given(sex, dice);
    // The usual reading is twice as frequent as all others together.
    let reading = if dice.chance(0.67) {
        entry.readings[0]
    } else {
        dice.pick(&entry.readings)
    };
    let written = in_register(entry.written, dice);
    let years = years_between(birth_date, home.as_of);
    let insurance = if years >= 75 {
        insurances::of_late_elderly(&home.address, dice)
    } else {
        home.insurance.clone()
    };
    let mobile = (years >= 14 && dice.chance(0.7)).then(|| places::mobile_phone(dice));
    let name = Name {
        family: home.family.clone(),
        given: written,
    };
    let kana = Name {
        family: home.family_kana.clone(),
        given: reading.to_owned(),
    };
    Person {
        number: 0,
        relative: Relative {
            name: name.clone(),
            kana: kana.clone(),
            relation: "",
        },
        name,
        kana,
        birth_date,
        sex,
        address: home.address.clone(),
        home_phone: home.phone.clone(),
        mobile_phone: mobile,
        insurance,
        employer: (20..65).contains(&years).then(|| *dice.pick(&EMPLOYERS)),
        died_on: death(years, home.as_of, dice),
        twin: None,
    }
}

fn death(years: i64, as_of: Date, dice: &mut Dice) -> Option<Date> {
    let rate = match years {
        80.. => 3.0 * rates::DEATH_OVER_60,
        60..80 => rates::DEATH_OVER_60,
        _ => 0.0005,
    };
    dice.chance(rate)
        .then(|| days_before(as_of, dice.between(20, 1000)))
}

/// Branch numbers: the insured person 00 at an employer's insurance, members counted from 01 in
/// national insurance, none for the late elderly.
fn give_branch(member: &mut Person, at: usize) {
    member.insurance.branch = match member.insurance.plan {
        Plan::LateElderly => None,
        Plan::National => Some(format!("{:02}", at + 1)),
        Plan::Association | Plan::Society => Some(format!("{at:02}")),
    };
}

/// Gives every member a next of kin: another member, or a relative who lives elsewhere.
fn introduce(members: &mut [Person], dice: &mut Dice) {
    for at in 0..members.len() {
        let relative = if members.len() > 1 {
            let other = &members[if at == 0 { 1 } else { 0 }];
            Relative {
                name: other.name.clone(),
                kana: other.kana.clone(),
                relation: if at < 2 {
                    "SPO^配偶者^HL70063"
                } else {
                    "PAR^親^HL70063"
                },
            }
        } else {
            relative_elsewhere(&members[at], dice)
        };
        members[at].relative = relative;
    }
}

/// A sibling with the person's family name.
fn relative_elsewhere(person: &Person, dice: &mut Dice) -> Relative {
    let entry = names::given(any_sex(dice), dice);
    Relative {
        name: Name {
            family: person.name.family.clone(),
            given: entry.written.to_owned(),
        },
        kana: Name {
            family: person.kana.family.clone(),
            given: entry.readings[0].to_owned(),
        },
        relation: "SIB^兄弟姉妹^HL70063",
    }
}

fn any_sex(dice: &mut Dice) -> Sex {
    if dice.chance(0.51) {
        Sex::Female
    } else {
        Sex::Male
    }
}

fn age(person: &Person, as_of: Date) -> i64 {
    years_between(person.birth_date, as_of)
}

/// Whole years from one day to the other.
pub(crate) fn years_between(from: Date, to: Date) -> i64 {
    let years = i64::from(to.year()) - i64::from(from.year());
    let before_birthday = (to.month(), to.day()) < (from.month(), from.day());
    years - i64::from(before_birthday)
}

fn birth_date(as_of: Date, years: i64, dice: &mut Dice) -> Date {
    let days = (years * 1461) / 4 + dice.between(0, 364);
    days_before(as_of, days.max(YOUNGEST_DAYS))
}

/// The day `days` before `date`; `date` itself outside the calendar.
pub(crate) fn days_before(date: Date, days: i64) -> Date {
    date.checked_sub(days.days()).unwrap_or(date)
}
