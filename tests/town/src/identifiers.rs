//! Every string of the town that must never appear in an output, specific enough that a hit is
//! not chance: no single short name part, no number below ten digits.

use std::collections::BTreeSet;

use crate::entry::{order_number, reversed};
use crate::model::{Address, Insurance, Name, Registration};
use crate::staff::Hospital;
use crate::{hl7, kana};

/// Fewest kanji or other letters of a joined name.
const LEAST_KANJI: usize = 3;
/// Fewest letters of a joined kana name.
const LEAST_KANA: usize = 4;
/// Fewest digits of a number that stands alone.
const LEAST_DIGITS: usize = 10;

/// The strings collected so far, each once.
#[derive(Default)]
pub(crate) struct Identifiers(BTreeSet<String>);

impl Identifiers {
    /// All strings in order.
    pub(crate) fn into_sorted(self) -> Vec<String> {
        self.0.into_iter().collect()
    }

    /// What one registration brings, with order numbers 1 to `orders`.
    pub(crate) fn registration(&mut self, registration: &Registration, orders: u32) {
        let it = registration;
        self.kanji(&it.name);
        self.kanji(&it.relative.name);
        self.kana(&it.relative.kana);
        if let Some(kana) = &it.kana {
            self.kana(kana);
        }
        self.address(&it.address, it.hospital);
        if let Some(previous) = &it.previous_address {
            self.address(previous, it.hospital);
        }
        for phone in it.home_phone.iter().chain(&it.mobile_phone) {
            self.0.insert(phone.clone());
            self.0.insert(phone.replace('-', ""));
        }
        self.0.insert(it.chart_number.clone());
        self.0.insert(reversed(&it.chart_number));
        if let Some(card) = &it.insurance {
            self.insured(card);
        }
        if let Some((name, phone)) = it.employer {
            self.0.insert(name.to_owned());
            self.0.insert(phone.to_owned());
            self.0.insert(phone.replace('-', ""));
        }
        self.0
            .extend((1..=orders).map(|order| order_number(it, order)));
    }

    /// The staff of a hospital.
    pub(crate) fn staff(&mut self, hospital: &Hospital) {
        for member in &hospital.staff {
            self.0.insert(member.id.clone());
            self.kanji(&member.name);
            self.kana(&member.kana);
        }
    }

    fn kanji(&mut self, name: &Name) {
        self.joined(&name.family, &name.given, LEAST_KANJI);
    }

    fn kana(&mut self, name: &Name) {
        self.joined(&name.family, &name.given, LEAST_KANA);
        let half = (
            kana::half_width(&name.family),
            kana::half_width(&name.given),
        );
        self.joined(&half.0, &half.1, LEAST_KANA);
        let soft = (kana::hiragana(&name.family), kana::hiragana(&name.given));
        self.joined(&soft.0, &soft.1, LEAST_KANA);
    }

    /// Family and given name plain, with `^`, a blank and an ideographic blank between.
    fn joined(&mut self, family: &str, given: &str, least: usize) {
        if family.chars().count() + given.chars().count() >= least {
            self.0.insert(format!("{family}{given}"));
        }
        for between in ["^", " ", "\u{3000}"] {
            self.0.insert(format!("{family}{between}{given}"));
        }
    }

    fn address(&mut self, address: &Address, hospital: u8) {
        self.0.insert(address.text(hospital));
        self.0.insert(address.below_prefecture(hospital));
        self.0
            .insert(format!("{}{}", address.municipality, address.town));
    }

    /// The number alone where it is long enough, and symbol and number together in both widths.
    fn insured(&mut self, card: &Insurance) {
        let symbol = card.symbol.as_deref().unwrap_or_default();
        let wide = (hl7::full_width(symbol), hl7::full_width(&card.number));
        self.0.insert(wide.1.clone());
        if card.number.len() >= LEAST_DIGITS {
            self.0.insert(card.number.clone());
        }
        if card.symbol.is_some() {
            for between in ["", "~", "^", "|", "-", "・", " ", ","] {
                self.0.insert(format!("{symbol}{between}{}", card.number));
                self.0.insert(format!("{}{between}{}", wide.0, wide.1));
            }
        } else {
            self.0.insert(format!("{}{}", card.insurer, card.number));
        }
    }
}
