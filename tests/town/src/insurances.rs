//! Health insurances with invented insurers. Numbers have ten digits (eight for the late elderly,
//! as the law has it), so that a number found in an output is a hit and not chance.

use crate::dice::Dice;
use crate::model::{Address, Insurance, Plan};
use crate::places;

/// The insurance a household shares, without a branch number.
pub(crate) fn of_family(address: &Address, dice: &mut Dice) -> Insurance {
    let plan = match dice.below(100) {
        0..45 => Plan::Association,
        45..60 => Plan::Society,
        _ => Plan::National,
    };
    let (symbol, office) = match plan {
        Plan::National => (national_symbol(address, dice), 910 + dice.below(12)),
        _ => (dice.digits(8), 930 + dice.below(20)),
    };
    let insurer_name = match plan {
        Plan::National => format!("{}国民健康保険", address.municipality),
        Plan::Association => format!("全国健康保険協会{}支部", address.prefecture),
        _ => format!("北日本第{}健康保険組合", office - 929),
    };
    Insurance {
        plan,
        insurer: insurer_number(plan, address, office),
        insurer_name,
        symbol: Some(symbol),
        number: dice.digits(10),
        branch: None,
        split: false,
    }
}

/// A late elderly person's own insurance: a number of eight digits, no symbol, no branch.
pub(crate) fn of_late_elderly(address: &Address, dice: &mut Dice) -> Insurance {
    Insurance {
        plan: Plan::LateElderly,
        insurer: insurer_number(Plan::LateElderly, address, 990),
        insurer_name: format!("{}後期高齢者医療広域連合", address.prefecture),
        symbol: None,
        number: dice.digits(8),
        branch: None,
        split: false,
    }
}

fn national_symbol(address: &Address, dice: &mut Dice) -> String {
    let place: String = address.municipality.chars().take(2).collect();
    format!("{place}{}", dice.digits(4))
}

/// Plan prefix, prefecture, office and the check digit of insurer numbers (weights 2, 1, 2, … from
/// the right, digits of the products summed, complement to ten).
fn insurer_number(plan: Plan, address: &Address, office: u64) -> String {
    let body = format!(
        "{}{:02}{office:03}",
        plan.prefix(),
        places::prefecture_code(address)
    );
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let product = u32::from(byte - b'0') * if at % 2 == 0 { 2 } else { 1 };
            product / 10 + product % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Purpose;

    #[test]
    fn insurer_numbers_have_eight_digits_and_the_plan_s_prefix() {
        let mut dice = Dice::new(1, Purpose::Numbers, 0);
        for _ in 0..100 {
            let address = places::address(&mut dice);
            let card = of_family(&address, &mut dice);
            assert_eq!(card.insurer.len(), 8);
            assert!(card.insurer.starts_with(card.plan.prefix()));
            assert_eq!(card.number.len(), 10);
            assert_eq!(of_late_elderly(&address, &mut dice).number.len(), 8);
        }
    }
}
