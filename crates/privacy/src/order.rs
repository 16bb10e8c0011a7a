//! Whom a stop order of the centre means (B-011).
//!
//! Somebody says no to the centre by telephone and tells who they are: a chart number, a kana
//! name, a birthday, an insurance card, some of it perhaps misheard. The site alone knows its
//! patients. Both sides are turned into keyed references ([`Wanted`], [`Known`]), so that neither
//! an order nor a patient has to lie on a disk in clear, and [`judge()`] compares them.
//!
//! One key that fits suffices to be meant. Where more than one person is meant, all of them are
//! withheld until somebody who knows them decides: no way through the comparison lets a person pass
//! whom the order could mean.

mod judge;
mod reference;
#[cfg(test)]
mod tests;

use record::identity::{Birth, ChartNumber, Insurance, Sensitive, Sex};
use text::fold;

pub use judge::{Verdict, compare, judge};
pub use reference::{HOUSEHOLD_MOST, KeyKind, KeyRef, Known, SharedCards, Wanted};

/// What somebody told of the person, not yet looked at.
#[derive(Clone, Default, Debug)]
pub struct Told {
    /// The site's own number.
    pub chart: Sensitive,
    /// Family and given name in kana.
    pub kana: Sensitive,
    /// Day of birth.
    pub birth: Option<Birth>,
    /// Sex.
    pub sex: Option<Sex>,
    /// The insurance card.
    pub card: Insurance,
}

/// The keys of an order: each can be compared, and together they name a person.
#[derive(Clone, Debug)]
pub struct OrderKeys {
    told: Told,
}

/// Why what was told does not make an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum KeysError {
    /// The chart number has a form that no chart number has.
    #[error("chart: not a chart number")]
    Chart,
    /// The name is not in kana.
    #[error("kana: not a name in kana")]
    Kana,
    /// The card lacks insurer or number, or one of its parts is not a number.
    #[error("card: needs an insurer and a number, and only what cards have")]
    Card,
    /// A birthday or a name alone is that of many persons.
    #[error("needs a chart number, a card, or a kana name with the day of birth")]
    TooFew,
}

impl OrderKeys {
    /// Takes what was told. Every part that is given has to be one that can be compared: one that
    /// silently fits nobody would let the person pass.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn new(told: Told) -> Result<Self, KeysError> {
        let chart = told.chart.expose();
        if !chart.is_empty()
            && (ChartNumber::new(chart).is_none() || fold::insured(chart).is_none())
        {
            return Err(KeysError::Chart);
        }
        let kana = told.kana.expose();
        if !kana.is_empty() && fold::kana(kana).is_none() {
            return Err(KeysError::Kana);
        }
        let card = &told.card;
        let parts = [&card.insurer, &card.symbol, &card.number, &card.branch];
        let given = parts.iter().any(|part| !part.is_empty());
        let branch = card.branch.is_empty() || fold::branch(card.branch.expose()).is_some();
        if given && (reference::household(card).is_none() || !branch) {
            return Err(KeysError::Card);
        }
        let named = !kana.is_empty() && told.birth.is_some();
        match !chart.is_empty() || given || named {
            true => Ok(Self { told }),
            false => Err(KeysError::TooFew),
        }
    }

    /// What was told.
    pub const fn told(&self) -> &Told {
        &self.told
    }
}
