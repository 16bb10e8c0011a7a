//! Recognising the encoding of bytes that hold no escape sequence and are not all ASCII.
//!
//! The rule: what is valid UTF-8 is UTF-8; else what is valid CP932 is CP932; else what is valid
//! EUC-JP is EUC-JP. Validity alone says little of the last two: every byte of EUC-JP is a
//! half-width kana of CP932 or the start of a pair, and UTF-8 with one bad byte is often valid
//! CP932 as well. So each reading is weighed by how unusual its characters are, the least unusual
//! one is taken, in the order of the rule where they are equal, and a close decision is reported.
//! When no encoding fits the whole file, every line is looked at by itself.

use crate::jis::{Encoding, Repair, Repairs};
use crate::legacy::{self, Weight};

/// In the order of the rule.
const CANDIDATES: [Encoding; 3] = [Encoding::Utf8, Encoding::Cp932, Encoding::EucJp];

/// A choice, and how sure it is.
#[derive(Clone, Copy)]
struct Choice {
    encoding: Encoding,
    faults: u64,
    close: bool,
}

/// Appends a whole file.
pub(crate) fn whole(bytes: &[u8], text: &mut String, repairs: &mut Repairs) {
    let choice = choose(bytes, None);
    repairs.recognise(choice.encoding);
    if choice.faults == 0 {
        note_close(choice, text, repairs);
        legacy::append(choice.encoding, bytes, text, repairs);
        return;
    }
    for line in lines(bytes) {
        let start = text.len();
        let of_line = part(line, Some(choice.encoding), text, repairs);
        if of_line.is_some_and(|encoding| encoding != choice.encoding) {
            repairs.note_before(Repair::Mixed, text, start);
        }
    }
}

/// Appends bytes that stand between escape sequences. Kana of half width in eight bits belong to
/// JIS X 0201 and are no other encoding; anything else is.
pub(crate) fn between(bytes: &[u8], text: &mut String, repairs: &mut Repairs) {
    for line in lines(bytes) {
        let kana = line.iter().all(|b| matches!(b, ..0x80 | 0xA1..=0xDF));
        let start = text.len();
        match part(line, kana.then_some(Encoding::Cp932), text, repairs) {
            None => {}
            Some(Encoding::Cp932) if kana => repairs.note_before(Repair::HalfWidth, text, start),
            Some(_) => repairs.note_before(Repair::Mixed, text, start),
        }
    }
}

/// Appends one line, and tells in which encoding when that matters.
fn part(
    line: &[u8],
    usual: Option<Encoding>,
    text: &mut String,
    repairs: &mut Repairs,
) -> Option<Encoding> {
    if line.is_ascii() {
        legacy::append(Encoding::Utf8, line, text, repairs);
        return None;
    }
    let choice = choose(line, usual);
    note_close(choice, text, repairs);
    legacy::append(choice.encoding, line, text, repairs);
    Some(choice.encoding)
}

fn note_close(choice: Choice, text: &str, repairs: &mut Repairs) {
    if choice.close {
        repairs.note(Repair::Guessed, text);
    }
}

/// Applies the rule. Where it leaves a close decision, the usual encoding of the file is taken.
fn choose(bytes: &[u8], usual: Option<Encoding>) -> Choice {
    let weights = CANDIDATES.map(|encoding| (encoding, legacy::weigh(encoding, bytes)));
    let [(_, utf8), (_, cp932), (_, euc)] = weights;
    let fitting = |encoding, close| Choice {
        encoding,
        faults: 0,
        close,
    };
    if utf8.faults == 0 {
        // Perhaps letters of two bytes were pairs of half-width kana.
        let close = cp932.faults == 0 && cp932.oddness <= utf8.oddness;
        return match usual {
            Some(Encoding::Cp932) if close => fitting(Encoding::Cp932, false),
            _ => fitting(Encoding::Utf8, close),
        };
    }
    let legacy = [(Encoding::Cp932, cp932), (Encoding::EucJp, euc)];
    if let Some((usual, weight)) = legacy.into_iter().find(|(one, _)| Some(*one) == usual)
        && weight.faults == 0
        && is_close(cp932, euc)
    {
        return fitting(usual, false);
    }
    let cut = std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none());
    // Of equal ones the usual one, else the first of the rule.
    let best = weights.into_iter().min_by_key(|(encoding, weight)| {
        let total = match encoding {
            Encoding::Utf8 if cut => 0,
            _ => weight.total(),
        };
        (total, usual != Some(*encoding))
    });
    let (encoding, weight) = best.unwrap_or((Encoding::Cp932, Weight::default()));
    Choice {
        encoding,
        faults: weight.faults,
        close: weight.faults == 0 && is_close(cp932, euc),
    }
}

/// Whether two readings are nearly as good as each other.
fn is_close(one: Weight, other: Weight) -> bool {
    let (better, worse) = (
        one.total().min(other.total()),
        one.total().max(other.total()),
    );
    worse.saturating_mul(2) < better.saturating_mul(3)
}

/// Lines with their ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|&b| b == b'\r' || b == b'\n')
}
