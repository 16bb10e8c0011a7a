//! One form for all spellings of a number that could mean the same person.

use record::identity::ChartNumber;
use zeroize::Zeroizing;

/// The folding is that of insured numbers; a number of which it leaves nothing stands for itself.
pub(crate) fn any_spelling(chart: &ChartNumber) -> Zeroizing<String> {
    let written = chart.expose();
    // Nearly every number is of ASCII digits, of which the folding only drops leading zeros.
    if written.bytes().all(|b| b.is_ascii_digit()) {
        let bare = written.trim_start_matches('0');
        let kept = if bare.is_empty() { written } else { bare };
        return Zeroizing::new(kept.to_owned());
    }
    folded(written)
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
            prop_assert_eq!(any_spelling(&chart), folded(&number));
        }
    }
}
