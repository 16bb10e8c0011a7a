//! One form for all spellings of a number, as the gate matches stops.

use record::{ChartNumber, Sensitive};

/// Width, letter case, blanks, hyphens and leading zeros make no difference.
pub(crate) fn any_spelling(chart: &ChartNumber) -> Sensitive {
    let folded = text::fold::insured(chart.expose());
    Sensitive::new(folded.unwrap_or_else(|| chart.expose().to_owned()))
}
