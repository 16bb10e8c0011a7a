//! One form for all spellings of a number that could mean the same person.

use std::ops::Deref;

use record::identity::ChartNumber;
use zeroize::Zeroizing;

/// A number in the one form of all its spellings.
pub(crate) enum Spelling<'n> {
    /// As it is written, perhaps without its beginning.
    Part(&'n str),
    /// Folded.
    Folded(Zeroizing<String>),
}

impl Deref for Spelling<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Part(part) => part,
            Self::Folded(folded) => folded,
        }
    }
}

impl Spelling<'_> {
    pub(crate) fn into_owned(self) -> Zeroizing<String> {
        match self {
            Self::Part(part) => Zeroizing::new(part.to_owned()),
            Self::Folded(folded) => folded,
        }
    }
}

/// The folding is that of insured numbers; a number of which it leaves nothing stands for itself.
pub(crate) fn any_spelling(chart: &ChartNumber) -> Spelling<'_> {
    let written = chart.expose();
    // Nearly every number is of ASCII digits, of which the folding only drops leading zeros.
    if written.bytes().all(|b| b.is_ascii_digit()) {
        let bare = written.trim_start_matches('0');
        return Spelling::Part(if bare.is_empty() { written } else { bare });
    }
    Spelling::Folded(folded(written))
}

fn folded(written: &str) -> Zeroizing<String> {
    let folded = text::fold::insured(written);
    Zeroizing::new(folded.unwrap_or_else(|| written.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_short_way_for_digits_gives_what_the_folding_gives(number in "[0-9]{1,15}") {
            let chart = ChartNumber::new(&number).unwrap();
            prop_assert_eq!(any_spelling(&chart).into_owned(), folded(&number));
        }
    }
}
