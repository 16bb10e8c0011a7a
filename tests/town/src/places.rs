//! Invented municipalities inside real prefectures. Three neighbours hold nearly everybody.

use crate::dice::Dice;
use crate::model::Address;

struct Prefecture {
    name: &'static str,
    /// Prefecture code of JIS X 0401, as in insurer numbers.
    code: u8,
    weight: u64,
    /// First two digits of its postal codes.
    postal: &'static str,
    /// Area codes of fixed telephones.
    areas: &'static [&'static str],
    cities: &'static [&'static str],
}

const PREFECTURES: [Prefecture; 7] = [
    Prefecture {
        name: "青森県",
        code: 2,
        weight: 42,
        postal: "03",
        areas: &["0172", "0173", "0176", "0178"],
        cities: &[
            "白神市",
            "津軽野市",
            "陸奥浜市",
            "八甲町",
            "十和原市",
            "岩木川町",
        ],
    },
    Prefecture {
        name: "岩手県",
        code: 3,
        weight: 28,
        postal: "02",
        areas: &["0191", "0193", "0195", "0198"],
        cities: &[
            "北上野市",
            "早池市",
            "遠野原町",
            "三陸浜市",
            "奥州原市",
            "江刺野町",
        ],
    },
    Prefecture {
        name: "秋田県",
        code: 5,
        weight: 24,
        postal: "01",
        areas: &["0182", "0184", "0185", "0187"],
        cities: &[
            "雄物市",
            "鳥海野市",
            "男鹿浜町",
            "横手原市",
            "仙北野市",
            "能代浜市",
        ],
    },
    Prefecture {
        name: "宮城県",
        code: 4,
        weight: 3,
        postal: "98",
        areas: &["0223", "0228"],
        cities: &["青葉野市", "広瀬浜市"],
    },
    Prefecture {
        name: "山形県",
        code: 6,
        weight: 1,
        postal: "99",
        areas: &["0233"],
        cities: &["最上野市"],
    },
    Prefecture {
        name: "北海道",
        code: 1,
        weight: 1,
        postal: "04",
        areas: &["0138"],
        cities: &["渡島浜市"],
    },
    Prefecture {
        name: "東京都",
        code: 13,
        weight: 1,
        postal: "19",
        areas: &["0422"],
        cities: &["武蔵原市"],
    },
];

const TOWNS: [&str; 16] = [
    "緑が丘",
    "本町",
    "栄町",
    "若葉台",
    "大字上野沢",
    "大字下川原",
    "字中島田",
    "旭ヶ丘",
    "駅前通",
    "字山ノ手",
    "大字松森",
    "桜木町",
    "港町",
    "字柳田",
    "新町",
    "大字長根",
];

const BUILDINGS: [&str; 6] = [
    "コーポ緑",
    "メゾン白樺",
    "りんご荘",
    "第二青葉ハイツ",
    "グランデ北",
    "市営住宅",
];

/// A new address, by the prefectures' weights.
pub(crate) fn address(dice: &mut Dice) -> Address {
    let total = PREFECTURES.iter().map(|prefecture| prefecture.weight).sum();
    let mut point = dice.below(total);
    let prefecture = PREFECTURES
        .iter()
        .find(|prefecture| {
            let here = point < prefecture.weight;
            point = point.saturating_sub(prefecture.weight);
            here
        })
        .unwrap_or(&PREFECTURES[0]);
    inside(prefecture, dice)
}

/// A new address in the prefecture of `old`, nearly always, or in another.
pub(crate) fn moved_from(old: &Address, dice: &mut Dice) -> Address {
    match PREFECTURES
        .iter()
        .find(|prefecture| prefecture.name == old.prefecture)
    {
        Some(prefecture) if dice.chance(0.85) => inside(prefecture, dice),
        _ => address(dice),
    }
}

/// A fixed telephone number at the address. Local numbers never begin with 0, so none is in use.
pub(crate) fn home_phone(address: &Address, dice: &mut Dice) -> String {
    let areas = PREFECTURES
        .iter()
        .find(|prefecture| prefecture.name == address.prefecture)
        .map_or(&["0172"][..], |prefecture| prefecture.areas);
    format!(
        "{}-0{}-{:04}",
        dice.pick(areas),
        dice.below(10),
        dice.below(10_000)
    )
}

/// A mobile number from a range that was never given out.
pub(crate) fn mobile_phone(dice: &mut Dice) -> String {
    format!("090-0{:03}-{:04}", dice.below(1000), dice.below(10_000))
}

/// Code of the address's prefecture (JIS X 0401).
pub(crate) fn prefecture_code(address: &Address) -> u8 {
    PREFECTURES
        .iter()
        .find(|prefecture| prefecture.name == address.prefecture)
        .map_or(2, |prefecture| prefecture.code)
}

fn inside(prefecture: &Prefecture, dice: &mut Dice) -> Address {
    let city_at = dice.index(prefecture.cities.len());
    let town_at = dice.index(TOWNS.len());
    let (a, b, c) = (dice.between(1, 9), dice.between(1, 40), dice.between(1, 30));
    let building = dice.chance(0.2).then(|| {
        format!(
            "{}{}0{}号",
            dice.pick(&BUILDINGS),
            dice.between(1, 5),
            dice.between(1, 9)
        )
    });
    let postal = format!(
        "{}{}{}",
        prefecture.postal,
        100 + city_at * 7,
        10 + town_at * 3
    );
    Address {
        prefecture: prefecture.name.to_owned(),
        municipality: prefecture.cities[city_at].to_owned(),
        town: TOWNS[town_at].to_owned(),
        block: [a, b, c],
        building,
        postal_code: postal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Purpose;

    #[test]
    fn postal_codes_have_seven_digits_and_three_prefectures_hold_nearly_everybody() {
        let mut dice = Dice::new(1, Purpose::Numbers, 0);
        let mut near = 0;
        for _ in 0..1000 {
            let address = address(&mut dice);
            assert_eq!(address.postal_code.len(), 7);
            assert!(
                address
                    .postal_code
                    .bytes()
                    .all(|byte| byte.is_ascii_digit())
            );
            near += i32::from(["青森県", "岩手県", "秋田県"].contains(&&*address.prefecture));
        }
        assert!(near > 900);
    }
}
