//! Letters of the centre: stop orders (B-011), and words of whom it has erased. They are fetched
//! from the front, applied to the ledger, and answered.
//!
//! A run asks before it seals and once more before it sends. Being unable to ask keeps it from
//! sending, not from collecting: what it seals meanwhile waits, and a stop that comes later takes
//! it back. Every step can be repeated: a letter is taken by its number once, an order speaks of
//! each person once, and an answer is sent until the front has it.

mod exchange;

use std::collections::{BTreeMap, BTreeSet};

use config::gateway::Settings;
use envelope::{
    Answer, DeviceSecretKey, EmergencyCode, ErasedWord, LetterError, LetterKind, LetterPlace,
    Outcome, StopOrder, VerifyingKey, letter_kind, sha256,
};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use record::BatchId;
use serde::Serialize;

use self::exchange::{Kept, Line};
use crate::clock::Now;
use crate::error::{Failure, Problem};
use crate::keys::{self, Keys};
use crate::ledger::{self, Ledger, Untold};

/// So many places for one answer are tried in one run.
const PLACES_AT_ONCE: u32 = 8;

/// What a run did with letters.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LettersReport {
    /// Stop orders that were taken.
    pub(crate) orders: u64,
    /// Erasures that the centre said are done.
    pub(crate) erasures_confirmed: u64,
    /// Emergency codes that were taken.
    pub(crate) codes: u64,
    /// Answers that the front has now.
    pub(crate) answers: u64,
    /// Letters that were refused, by code; nothing of them was applied. Those that are still there
    /// count again at each run.
    pub(crate) refused: BTreeMap<&'static str, u64>,
    /// Letters that are missing between those that came.
    pub(crate) missing: u64,
}

impl LettersReport {
    /// What people are told of it: Japanese, English, value.
    pub(crate) fn for_people(&self) -> Vec<[String; 3]> {
        let counts = [
            (
                "センターの停止指示",
                "stop orders of the centre",
                self.orders,
            ),
            (
                "センターで消去が終わった人",
                "persons whose erasure the centre confirmed",
                self.erasures_confirmed,
            ),
            ("緊急コード", "emergency codes", self.codes),
            (
                "届いていない通知（センターに連絡してください）",
                "letters that are missing, call the centre",
                self.missing,
            ),
        ];
        let counts = counts.into_iter().filter(|(_, _, count)| *count > 0);
        let mut lines: Vec<_> = counts
            .map(|(ja, en, count)| [ja.to_owned(), en.to_owned(), count.to_string()])
            .collect();
        for error in LetterError::ALL {
            if let Some(count) = self.refused.get(error.code()) {
                let code = error.code();
                let (ja, en) = (error.ja(), error.to_string());
                lines.push([format!("{code} {ja}"), en, count.to_string()]);
            }
        }
        lines
    }

    /// Adds what asking again brought.
    pub(crate) fn add(&mut self, again: Self) {
        self.orders += again.orders;
        self.erasures_confirmed += again.erasures_confirmed;
        self.codes += again.codes;
        self.answers += again.answers;
        // Letters that are refused or missing are counted as they were last.
        if again != Self::default() {
            self.refused = again.refused;
            self.missing = again.missing;
        }
    }

    fn refuse(&mut self, error: LetterError) {
        *self.refused.entry(error.code()).or_default() += 1;
    }
}

/// Fetches, applies and answers letters. Does nothing where the settings name none.
///
/// # Errors
/// The front cannot be asked, or the ledger cannot be written. What was applied before stays.
pub(crate) fn exchange(
    settings: &Settings,
    keys: &Keys,
    now: Now,
    report: &mut LettersReport,
) -> Result<(), Failure> {
    let Some(named) = &settings.letters else {
        return Ok(());
    };
    let mut ledger = ledger::open(settings)?;
    let mut desk = Desk {
        settings,
        device: keys::key(&named.device_key)?,
        core: keys::key(&named.core_key)?,
        now,
        ledger: &mut ledger,
        report,
    };
    // Refusals are counted as they are now, however often a run asks.
    desk.report.refused.clear();
    let mut line = Line::open(settings)?;
    let mut numbers = BTreeSet::new();
    for (number, digest) in line.list()? {
        numbers.insert(number);
        desk.look(&mut line, number, &digest)?;
    }
    desk.report.missing = desk.missing(&numbers)?;
    desk.answer(&mut line, keys)
}

struct Desk<'a> {
    settings: &'a Settings,
    device: DeviceSecretKey,
    core: VerifyingKey,
    now: Now,
    ledger: &'a mut Ledger,
    report: &'a mut LettersReport,
}

impl Desk<'_> {
    /// Takes one letter that the front has, unless it was dealt with.
    fn look(&mut self, line: &mut Line, number: u64, digest: &BatchId) -> Result<(), Failure> {
        match self.ledger.letter(number)? {
            Some(known) if known == *digest.as_bytes() => return Ok(()),
            // The number was used for another letter.
            Some(_) => {
                self.report.refuse(LetterError::Replayed);
                return Ok(());
            }
            None => {}
        }
        let Some(bytes) = line.fetch(number)? else {
            return Ok(());
        };
        match self.take(number, &bytes)? {
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(number, code = error.code(), "letter refused");
                self.report.refuse(error);
            }
        }
        Ok(())
    }

    /// Opens a letter and does what it says.
    fn take(&mut self, number: u64, bytes: &[u8]) -> Result<Result<(), LetterError>, Failure> {
        let digest = sha256(bytes);
        let (site, core) = (&self.settings.site, &self.core);
        match letter_kind(bytes) {
            Ok(LetterKind::StopOrder) => {
                let order = match StopOrder::open(bytes, site, core, &self.device) {
                    Ok(order) if order.number() == number => order,
                    Ok(_) => return Ok(Err(LetterError::Replayed)),
                    Err(error) => return Ok(Err(error)),
                };
                if self.ledger.has_order(order.id())? {
                    return Ok(Err(LetterError::Replayed));
                }
                match order.at(self.now.seconds) {
                    Ok(order) => {
                        self.ledger.take_order(&order, &digest, self.now)?;
                        self.report.orders += 1;
                    }
                    Err(LetterError::Expired) => {
                        self.ledger.note_letter(number, &digest, Outcome::Expired)?;
                        return Ok(Err(LetterError::Expired));
                    }
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(LetterKind::Erased) => {
                let word = match ErasedWord::open(bytes, site, core, &self.device) {
                    Ok(word) if word.number == number => word,
                    Ok(_) => return Ok(Err(LetterError::Replayed)),
                    Err(error) => return Ok(Err(error)),
                };
                let confirmed = self.ledger.confirm_erasures(&word.persons, self.now)?;
                self.report.erasures_confirmed += confirmed;
                self.ledger.note_letter(number, &digest, Outcome::Noted)?;
            }
            Ok(LetterKind::Emergency) => {
                let code = match EmergencyCode::open(bytes, site, core, &self.device) {
                    Ok(code) if code.number == number => code,
                    Ok(_) => return Ok(Err(LetterError::Replayed)),
                    Err(error) => return Ok(Err(error)),
                };
                match code.at(self.now.seconds) {
                    Ok(code) => {
                        self.ledger.take_code(&code, &digest)?;
                        self.report.codes += 1;
                    }
                    Err(LetterError::Expired) => {
                        self.ledger.note_letter(number, &digest, Outcome::Expired)?;
                        return Ok(Err(LetterError::Expired));
                    }
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(LetterKind::Answer | LetterKind::Commission) => {
                return Ok(Err(LetterError::OtherKind));
            }
            Err(error) => return Ok(Err(error)),
        }
        Ok(Ok(()))
    }

    /// How many letters lie before the last one and were neither dealt with nor offered.
    fn missing(&self, offered: &BTreeSet<u64>) -> Result<u64, Failure> {
        let known = self.ledger.letter_numbers()?;
        let all: BTreeSet<u64> = known.union(offered).copied().collect();
        let last = all.last().copied().unwrap_or_default();
        Ok(last - all.len() as u64)
    }

    /// Tells the centre what it does not know yet.
    fn answer(&mut self, line: &mut Line, keys: &Keys) -> Result<(), Failure> {
        for untold in self.ledger.untold()? {
            self.answer_letter(untold, line, keys)?;
        }
        Ok(())
    }

    /// Tells what became of one letter. Where another answer has the place already, such as one
    /// that was stored by a run that was killed before it noted that, the next place is taken.
    fn answer_letter(
        &mut self,
        mut untold: Untold,
        line: &mut Line,
        keys: &Keys,
    ) -> Result<(), Failure> {
        for _ in 0..PLACES_AT_ONCE {
            let Untold {
                number,
                revision,
                outcome,
            } = untold;
            let answer = Answer {
                place: LetterPlace {
                    site: self.settings.site.clone(),
                    number,
                    revision,
                },
                at: self.now.seconds,
                ledger_entries: self.ledger.entries_now()?,
                outcome,
            };
            let sealed = answer.seal(&keys.core, &keys.signing, &mut UnwrapErr(SysRng));
            let sealed =
                sealed.map_err(|error| Failure::because(Problem::Internal, "answer", error))?;
            match line.answer(number, revision, sealed)? {
                Kept::Stored => {
                    self.ledger.told(&untold)?;
                    self.report.answers += 1;
                    break;
                }
                Kept::NoLetter => break,
                Kept::Another => untold.revision += 1,
            }
        }
        Ok(())
    }
}
