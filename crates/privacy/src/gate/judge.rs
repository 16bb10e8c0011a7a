//! The judgement itself: one pure function of what is known about one number of a person,
//! and its truth table.

use super::Withheld;

/// What the gate knows about one number on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// A contract is set.
    pub(super) contract: bool,
    /// One is in force.
    pub(super) active: bool,
    /// One that is in force has a filing that stands.
    pub(super) filed: bool,
    /// Somebody asked that provision stop.
    pub(super) stopped: bool,
    /// A stop order could mean this person and nobody has decided.
    pub(super) pending: bool,
    /// The source provides only for those who agreed.
    pub(super) opt_in: bool,
    /// The person agreed, to a text that suffices.
    pub(super) consented: bool,
    /// The person was told, today or before.
    pub(super) notified: bool,
    /// The text suffices for what the contract covers.
    pub(super) sufficient: bool,
    /// The hold has passed.
    pub(super) hold_over: bool,
}

/// Whether a person with these facts passes.
///
/// # Errors
/// The first reason against it, in the order of [`Withheld`].
pub(super) fn judge(facts: Facts) -> Result<(), Withheld> {
    let told = facts.opt_in;
    let terms = [
        (facts.contract, Withheld::NoContract),
        (facts.active, Withheld::ContractNotActive),
        (facts.filed, Withheld::NoFiling),
        (!facts.stopped, Withheld::Stopped),
        (!facts.pending, Withheld::DecisionPending),
        (!facts.opt_in || facts.consented, Withheld::NoConsent),
        (told || facts.notified, Withheld::NotNotified),
        (told || facts.sufficient, Withheld::NoticeOutdated),
        (told || facts.hold_over, Withheld::HoldRunning),
    ];
    match terms.into_iter().find(|(holds, _)| !holds) {
        Some((_, reason)) => Err(reason),
        None => Ok(()),
    }
}

/// Names of the facts in Japanese and English, in the order of the columns.
const NAMES: [(&str, &str); 10] = [
    ("契約がある", "contract set"),
    ("契約が有効", "contract in force"),
    ("届出がある", "filing stands"),
    ("停止の求めがある", "stop asked"),
    ("判断待ちである", "decision pending"),
    ("同意制である", "opt-in source"),
    ("同意がある", "consent given"),
    ("通知した", "notified"),
    ("通知文が足りる", "notice text suffices"),
    ("待機が終わった", "hold over"),
];

impl Facts {
    fn of(bits: [bool; 10]) -> Self {
        let [
            contract,
            active,
            filed,
            stopped,
            pending,
            opt_in,
            consented,
            notified,
            sufficient,
            hold_over,
        ] = bits;
        Self {
            contract,
            active,
            filed,
            stopped,
            pending,
            opt_in,
            consented,
            notified,
            sufficient,
            hold_over,
        }
    }
}

/// A row of the condensed table: each fact must be so, must not be so, or does not matter.
type Row = ([Option<bool>; 10], Result<(), Withheld>);

/// Condenses all 1,024 combinations: rows with one answer that differ in one fact only are one row
/// in which that fact does not matter, until no two rows can be joined.
fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = (0u16..1 << 10)
        .map(|number| {
            let bits = std::array::from_fn(|place| number & (1 << place) != 0);
            (bits.map(Some), judge(Facts::of(bits)))
        })
        .collect();
    // From the last fact to the first, so that what is asked first stays in sight.
    for place in (0..10).rev() {
        let mut joined: Vec<Row> = Vec::with_capacity(rows.len());
        for (mut facts, answer) in rows {
            let held = std::mem::take(&mut facts[place]);
            let twin = joined.iter_mut().find(|(other, other_answer)| {
                let alike = (0..10).all(|p| p == place || other[p] == facts[p]);
                alike && *other_answer == answer && other[place] == held.map(|h| !h)
            });
            match twin {
                Some((other, _)) => other[place] = None,
                None => {
                    facts[place] = held;
                    joined.push((facts, answer));
                }
            }
        }
        rows = joined;
    }
    rows.sort_by_key(|(_, answer)| answer.err());
    rows.reverse();
    rows.sort_by_key(|(_, answer)| answer.err().map(|reason| reason as u8));
    rows
}

/// The truth table of the gate as a page, made from the judgement itself: `docs/gate.md`.
pub fn truth_table() -> String {
    let mut page = String::from(HEADER);
    let columns = NAMES.map(|(ja, en)| format!("{ja}<br>{en}")).join(" | ");
    page.push_str(&format!("| {columns} | 答え<br>answer |\n"));
    page.push_str(&format!("|{}\n", ":-:|".repeat(NAMES.len() + 1)));
    for (facts, answer) in rows() {
        let cells = facts.map(|fact| match fact {
            None => "・",
            Some(true) => "はい yes",
            Some(false) => "いいえ no",
        });
        let answer = match answer {
            Ok(()) => "**通す pass**".to_owned(),
            Err(reason) => format!("{} `{reason}`", reason.ja()),
        };
        page.push_str(&format!("| {} | {answer} |\n", cells.join(" | ")));
    }
    page
}

const HEADER: &str = "\
# 関所の判定表 / The gate's truth table

この表は判定のプログラムから生成しています。手で直さないでください（`cargo xtask docs`）。
This table is generated from the judgement itself; do not edit it by hand (`cargo xtask docs`).

「・」はどちらでも答えが同じことを表します。
ある人の番号が複数あるときは、すべての番号が通らなければ通しません。
A dot means that the answer is the same either way.
When a person has several numbers, every one must pass.

期間や領域を限った停止の求めは、その範囲の文書だけを止めます（日付の分からない文書も止めます）。
A stop that is limited to a period or a domain withholds the documents within it,
and those without a date.

";

#[cfg(test)]
mod tests {
    use super::*;

    /// over all combinations, the gate opens exactly when every term holds.
    #[test]
    fn of_all_combinations_exactly_those_with_every_term_pass() {
        let mut passed = 0;
        for number in 0u16..1 << 10 {
            let facts = Facts::of(std::array::from_fn(|place| number & (1 << place) != 0));
            let site = facts.contract && facts.active && facts.filed;
            let free = !facts.stopped && !facts.pending;
            let told = facts.notified && facts.sufficient && facts.hold_over;
            let ground = if facts.opt_in { facts.consented } else { told };
            assert_eq!(judge(facts).is_ok(), site && free && ground, "{facts:?}");
            passed += u32::from(judge(facts).is_ok());
        }
        // Opt-out: consent does not matter; opt-in: the three of notice and hold do not.
        assert_eq!(passed, 2 + 8);
    }

    /// whatever else holds, a stop withholds.
    #[test]
    fn no_combination_with_a_stop_passes() {
        for number in 0u16..1 << 10 {
            let mut facts = Facts::of(std::array::from_fn(|place| number & (1 << place) != 0));
            facts.stopped = true;
            assert!(judge(facts).is_err());
        }
    }

    #[test]
    fn the_page_in_docs_is_the_table_of_this_code() {
        let page = include_str!("../../../../docs/gate.md");
        let made = truth_table();
        assert!(
            page == made,
            "run `cargo xtask docs`; docs/gate.md should be:\n{made}"
        );
    }

    #[test]
    fn the_condensed_rows_say_what_every_combination_says() {
        let rows = rows();
        assert!(rows.len() < 20, "{} rows", rows.len());
        for number in 0u16..1 << 10 {
            let bits: [bool; 10] = std::array::from_fn(|place| number & (1 << place) != 0);
            let answers: Vec<_> = rows
                .iter()
                .filter(|(facts, _)| {
                    let pairs = facts.iter().zip(bits);
                    pairs
                        .into_iter()
                        .all(|(fact, bit)| fact.is_none_or(|fact| fact == bit))
                })
                .map(|(_, answer)| *answer)
                .collect();
            assert_eq!(answers, [judge(Facts::of(bits))], "{bits:?}");
        }
    }
}
