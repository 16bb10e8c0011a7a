//! The hospitals and the people who work there.

use crate::dice::{Dice, Purpose};
use crate::model::{Name, Sex};
use crate::{kanji, names};

const STAFF_PER_HOSPITAL: u64 = 40;

/// Somebody who orders, records or gives.
#[derive(Clone)]
pub(crate) struct Staff {
    pub(crate) id: String,
    pub(crate) name: Name,
    pub(crate) kana: Name,
}

impl Staff {
    /// XCN in kanji.
    pub(crate) fn xcn(&self) -> String {
        format!(
            "{}^{}^{}^^^^^^^L^^^^^I",
            self.id, self.name.family, self.name.given
        )
    }

    /// XCN in kanji with the kana as a second repetition.
    pub(crate) fn xcn_with_kana(&self) -> String {
        let Self { id, kana, .. } = self;
        format!(
            "{}~{id}^{}^{}^^^^^^^L^^^^^P",
            self.xcn(),
            kana.family,
            kana.given
        )
    }
}

/// One hospital of the town.
pub(crate) struct Hospital {
    pub(crate) staff: Vec<Staff>,
    pub(crate) name: &'static str,
    /// XAD.
    pub(crate) address: &'static str,
    pub(crate) phone: &'static str,
    pub(crate) system: &'static str,
}

const FACTS: [(&str, &str, &str, &str); 2] = [
    (
        "白神総合病院",
        "^^^^031-0010^JPN^^青森県白神市中央９丁目９番９号",
        "0172-00-0001",
        "HISA",
    ),
    (
        "早池中央病院",
        "^^^^0210010^JPN^^岩手県早池市中央９－９",
        "0193-00-0002",
        "HISB",
    ),
];

/// Both hospitals with their staff.
pub(crate) fn hospitals(seed: u64) -> [Hospital; 2] {
    [0, 1].map(|at: usize| {
        let (name, address, phone, system) = FACTS[at];
        let staff = (0..STAFF_PER_HOSPITAL)
            .map(|who| member(seed, at as u64, who))
            .collect();
        Hospital {
            staff,
            name,
            address,
            phone,
            system,
        }
    })
}

fn member(seed: u64, hospital: u64, who: u64) -> Staff {
    let mut dice = Dice::new(seed, Purpose::Staff, hospital * 1000 + who);
    let sex = if dice.chance(0.5) {
        Sex::Female
    } else {
        Sex::Male
    };
    let (surname, given) = (names::surname(&mut dice), names::given(sex, &mut dice));
    Staff {
        id: format!("DR{}{:02}{who:02}", dice.digits(4), hospital + 1),
        name: Name {
            family: kanji::storable(surname.written),
            given: kanji::storable(given.written),
        },
        kana: Name {
            family: surname.readings[0].into(),
            given: given.readings[0].into(),
        },
    }
}
