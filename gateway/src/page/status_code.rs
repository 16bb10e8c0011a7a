//! The status code that somebody reads to the help desk over the telephone (C-15): six characters
//! that say how the appliance stands, and nothing about any patient.
//!
//! 25 bits of meaning and 5 bits of check, each 5 bits one letter; the letters leave out those that
//! are misheard or misread.

use super::facts::Transfer;
use crate::error::Problem;
use crate::last_run::LastRun;

const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPRSTUVWXYZ";
const DAY: i64 = 86_400;

/// What a code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    /// The number of the problem that ended the last run (`G012` is 12); 0 for none.
    pub(crate) problem: u8,
    /// Days since the last run: 0 to 14, 15 for more or never.
    pub(crate) run_days: u8,
    /// Days since the centre stored the last batch: 0 to 14, 15 for more or never.
    pub(crate) sent_days: u8,
    /// How many batches wait: 0, then powers of two up to 7.
    pub(crate) waiting: u8,
    /// Whether cases wait for a person's decision.
    pub(crate) pending: bool,
    /// Whether stops match no patient.
    pub(crate) unmatched: bool,
}

impl Status {
    /// What the code of this moment says.
    pub(crate) fn of(last: Option<&LastRun>, transfer: &Transfer, pending: bool, at: i64) -> Self {
        let number = |code: &String| code.strip_prefix('G')?.parse().ok();
        let days = |moment: Option<i64>| {
            let days = moment.map(|moment| (at - moment).max(0) / DAY);
            days.map_or(15, |days| u8::try_from(days.min(15)).unwrap_or(15))
        };
        let bits = u64::BITS - transfer.waiting.leading_zeros();
        Self {
            problem: last
                .and_then(|last| last.problem.as_ref().and_then(number))
                .unwrap_or(0)
                & 127,
            run_days: days(last.map(|last| last.ended_at)),
            sent_days: days(transfer.last_received),
            waiting: u8::try_from(bits.min(7)).unwrap_or(7),
            pending,
            unmatched: last.is_some_and(|last| last.stops_without_patient > 0),
        }
    }

    /// The six characters, as `ABC-DEF`.
    pub(crate) fn code(&self) -> String {
        let mut bits = u32::from(self.problem & 127);
        for (value, width) in [
            (self.run_days, 4),
            (self.sent_days, 4),
            (self.waiting, 3),
            (u8::from(self.pending), 1),
            (u8::from(self.unmatched), 1),
        ] {
            bits = bits << width | u32::from(value) & ((1 << width) - 1);
        }
        // 20 of 25 bits carry meaning; the rest is for later versions and is 0.
        let bits = bits << 5;
        let fives: [u32; 5] = std::array::from_fn(|place| bits >> (20 - 5 * place) & 31);
        let letters = fives.into_iter().chain([check(&fives)]).map(letter);
        let text: String = letters.collect();
        let (one, two) = text.split_at_checked(3).unwrap_or((&text, ""));
        format!("{one}-{two}")
    }

    /// Reads a code as somebody typed it.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let plain = text.chars().filter(|it| it.is_ascii_alphanumeric());
        let values: Option<Vec<u32>> = plain.map(value).collect();
        let values: [u32; 6] = values?.try_into().ok()?;
        let (last, fives) = values.split_last()?;
        let fives: [u32; 5] = fives.try_into().ok()?;
        if check(&fives) != *last {
            return None;
        }
        let bits = fives.iter().fold(0, |bits, five| bits << 5 | five) >> 5;
        let part = |shift: u32, width: u32| u8::try_from(bits >> shift & ((1 << width) - 1)).ok();
        Some(Self {
            problem: part(13, 7)?,
            run_days: part(9, 4)?,
            sent_days: part(5, 4)?,
            waiting: part(2, 3)?,
            pending: part(1, 1)? == 1,
            unmatched: part(0, 1)? == 1,
        })
    }

    /// The problem that the code names.
    pub(crate) fn named(&self) -> Option<Problem> {
        let code = format!("G{:03}", self.problem);
        Problem::ALL
            .iter()
            .copied()
            .find(|problem| problem.code() == code)
    }

    /// For the help desk: one line for each part.
    pub(crate) fn for_people(&self) -> String {
        let days = |days: u8| match days {
            15 => "15日以上前、または一度もない / 15 days or more ago, or never".to_owned(),
            days => format!("{days}日前 / {days} days ago"),
        };
        let yes = |yes: bool| if yes { "あり / yes" } else { "なし / no" };
        let problem = self.named().map_or("なし / none", Problem::code);
        let [ja, en, do_ja, do_en] = self.named().map_or([""; 4], Problem::texts);
        let least = (1_u32 << self.waiting) >> 1;
        [
            format!("前回の処理の異常 (problem of the last run): {problem} {ja} {en}"),
            format!("次にすること (what to do next): {do_ja} {do_en}"),
            format!("前回の処理 (last run): {}", days(self.run_days)),
            format!(
                "センターが最後に受け取った日 (last receipt): {}",
                days(self.sent_days)
            ),
            format!("送信待ち (batches waiting): {least} 以上 / at least {least}"),
            format!("保留の判断 (cases to decide): {}", yes(self.pending)),
            format!(
                "患者の見つからない停止 (stops without patient): {}",
                yes(self.unmatched)
            ),
        ]
        .join("\n")
    }
}

/// A sum in which each place has its own weight, so that a letter that is wrong or two that are
/// swapped are noticed.
fn check(fives: &[u32; 5]) -> u32 {
    // Odd weights make every single wrong letter count; their differences are odd halves apart.
    let sum: u32 = fives
        .iter()
        .zip([1, 4, 7, 10, 13])
        .map(|(five, weight)| five * weight)
        .sum();
    (sum + 17) % 31
}

fn letter(value: u32) -> char {
    let letter = LETTERS.get((value & 31) as usize).copied();
    char::from(letter.unwrap_or(b'0'))
}

fn value(letter: char) -> Option<u32> {
    let letter = match letter.to_ascii_uppercase() {
        'O' | 'Q' => '0',
        'I' | 'L' => '1',
        letter => letter,
    };
    let place = LETTERS
        .iter()
        .position(|other| char::from(*other) == letter)?;
    u32::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn status() -> impl Strategy<Value = Status> {
        (
            0_u8..128,
            0_u8..16,
            0_u8..16,
            0_u8..8,
            any::<(bool, bool)>(),
        )
            .prop_map(
                |(problem, run_days, sent_days, waiting, (pending, unmatched))| Status {
                    problem,
                    run_days,
                    sent_days,
                    waiting,
                    pending,
                    unmatched,
                },
            )
    }

    proptest! {
        /// C-15: what is read over the telephone means what the page shows.
        #[test]
        fn a_code_is_read_as_it_is_written(status in status()) {
            let code = status.code();
            prop_assert_eq!(code.len(), 7);
            prop_assert_eq!(Status::read(&code), Some(status));
            prop_assert_eq!(Status::read(&code.to_lowercase().replace('-', " ")), Some(status));
        }

        #[test]
        fn two_swapped_letters_are_noticed(status in status(), place in 0_usize..4) {
            let code: Vec<char> = status.code().chars().filter(|it| *it != '-').collect();
            let mut swapped = code.clone();
            swapped.swap(place, place + 1);
            let read = Status::read(&swapped.iter().collect::<String>());
            // 31 values of the check stand for 32 letters: `Z` and `0` may be taken for each other.
            let alike = |it: &char| matches!(it, '0' | 'Z');
            let told = swapped == code || swapped[place..place + 2].iter().all(alike);
            prop_assert!(read.is_none() || told, "{code:?}");
        }
    }

    #[test]
    fn the_code_of_a_quiet_and_of_a_troubled_appliance() {
        let last = LastRun {
            ended_at: 1_800_000_000,
            ..LastRun::default()
        };
        let transfer = Transfer {
            last_received: Some(1_800_000_000),
            ..Transfer::default()
        };
        let quiet = Status::of(Some(&last), &transfer, false, 1_800_000_100);
        assert_eq!((quiet.problem, quiet.run_days, quiet.waiting), (0, 0, 0));
        let never = Status::of(None, &Transfer::default(), true, 1_800_000_100);
        assert_eq!(
            (never.run_days, never.sent_days, never.pending),
            (15, 15, true)
        );
        let last = LastRun {
            problem: Some("G012".to_owned()),
            ..last
        };
        let waiting = Transfer {
            waiting: 9,
            ..transfer
        };
        let troubled = Status::of(Some(&last), &waiting, false, 1_800_000_000 + 3 * DAY);
        assert_eq!(troubled.named(), Some(Problem::FrontUnreachable));
        assert_eq!((troubled.run_days, troubled.waiting), (3, 4));
        assert!(troubled.for_people().contains("G012"));
        assert!(troubled.for_people().contains("8 以上"));
        // The evaluation service is away: the help desk hears that records wait, and what to do.
        let away = Status {
            problem: 70,
            ..troubled
        };
        let read = Status::read(&away.code()).unwrap();
        assert_eq!(read.named(), Some(Problem::EvaluationUnreachable));
        let [ja, en, do_ja, do_en] = Problem::EvaluationUnreachable.texts();
        for words in [ja, en, do_ja, do_en] {
            assert!(read.for_people().contains(words), "{words}");
        }
    }
}
