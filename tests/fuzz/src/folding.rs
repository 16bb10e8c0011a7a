//! The folding that makes equal names equal, and dates of the Japanese calendar.

use text::{era, fold, jis};

type Fold = fn(&str) -> Option<String>;

const FOLDS: [Fold; 8] = [
    fold::kana,
    fold::kana_strict,
    fold::kanji,
    fold::insured,
    fold::insurer,
    fold::branch,
    fold::postal,
    fold::digits,
];

/// NFKC makes at most 18 characters of one (U+FDFA).
const GROWTH: usize = 20;

/// Any bytes, decoded, as the value of a field.
pub(crate) fn run(data: &[u8]) {
    let decoded = jis::decode(data, jis::Encoding::Iso2022Jp);
    let text = decoded.text.as_str();
    for (at, fold) in FOLDS.into_iter().enumerate() {
        let Some(once) = fold(text) else {
            continue;
        };
        assert!(!once.is_empty(), "fold {at} gives nothing as something");
        assert!(once.len() <= text.len() * GROWTH, "fold {at} is too long");
        assert!(!fold::damaged(&once), "fold {at} lets damage through");
        assert!(fold(&once) == Some(once), "fold {at} is not idempotent");
    }
    assert_eq!(fold::damaged(text), fold::damage(text).is_some(), "damage");
    let width = fold::width(text);
    assert!(fold::width(&width) == width, "width is not idempotent");
    if let Some(date) = era::parse(text) {
        assert!((1868..=9999).contains(&date.year()), "before every era");
    }
}
