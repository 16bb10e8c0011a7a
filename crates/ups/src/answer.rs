//! The answer to `Q1`: `(MMM.M NNN.N PPP.P QQQ RR.R S.SS TT.T b7b6b5b4b3b2b1b0` and a carriage
//! return.
//!
//! The protocol has no checksum, so a line counts only if its whole form is right; and nobody acts
//! on one line alone ([`crate::Watch`]).

use heapless::Vec;
use thiserror::Error;

const BEGIN: u8 = b'(';
const END: u8 = b'\r';
/// The form has 46 characters; some makers write one more digit here and there.
const LENGTH_MAX: usize = 64;
/// Voltage in, at the last fault, out; load; frequency; battery; temperature.
const NUMBERS: usize = 7;
const BITS: usize = 8;

/// What a supply says of itself, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// There is no mains.
    pub on_battery: bool,
    /// The battery is nearly empty.
    pub low: bool,
    /// The output will be switched off, as it was told.
    pub switching_off: bool,
}

/// Why a line is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Not seven numbers and eight bits.
    #[error("not seven numbers and eight bits")]
    Form,
    /// Longer than any answer.
    #[error("longer than any answer")]
    Length,
}

impl Answer {
    /// Reads what stands between the bracket and the carriage return.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn read(line: &[u8]) -> Result<Self, Malformed> {
        if line.len() > LENGTH_MAX {
            return Err(Malformed::Length);
        }
        let mut fields = line.split(|byte| *byte == b' ');
        for _ in 0..NUMBERS {
            let number = fields.next().ok_or(Malformed::Form)?;
            // A number that the supply does not have is written in hyphens.
            let right = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
            if number.is_empty() || !number.iter().all(right) {
                return Err(Malformed::Form);
            }
        }
        let bits: &[u8; BITS] = fields
            .next()
            .and_then(|bits| bits.try_into().ok())
            .ok_or(Malformed::Form)?;
        if fields.next().is_some() || !bits.iter().all(|bit| matches!(bit, b'0' | b'1')) {
            return Err(Malformed::Form);
        }
        let [
            fail,
            low,
            _bypass,
            _failed,
            _kind,
            _test,
            switching_off,
            _beeper,
        ] = bits.map(|bit| bit == b'1');
        Ok(Self {
            on_battery: fail,
            low,
            switching_off,
        })
    }
}

/// Takes a line byte by byte and finds the answers in it.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// What came since the bracket; `None` before one.
    line: Option<Vec<u8, LENGTH_MAX>>,
}

impl Reader {
    /// A reader at the begin of a line.
    #[must_use]
    pub const fn new() -> Self {
        Self { line: None }
    }

    /// Takes one byte, and gives the answer that it ended, if it ended any.
    ///
    /// # Errors
    /// See [`Malformed`]. The reader goes on with the next bracket.
    pub fn push(&mut self, byte: u8) -> Option<Result<Answer, Malformed>> {
        match (byte, &mut self.line) {
            // A bracket begins anew: one that was lost costs its own line only.
            (BEGIN, line) => {
                *line = Some(Vec::new());
                None
            }
            (END, line) => line.take().map(|line| Answer::read(&line)),
            (_, Some(line)) => {
                let full = line.push(byte).is_err();
                full.then(|| {
                    self.line = None;
                    Err(Malformed::Length)
                })
            }
            (_, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec as Heap;

    use proptest::prelude::*;

    use super::*;

    fn answers(bytes: &[u8]) -> Heap<Result<Answer, Malformed>> {
        let mut reader = Reader::new();
        bytes.iter().filter_map(|byte| reader.push(*byte)).collect()
    }

    #[test]
    fn answers_of_several_makers_are_read() {
        for (line, (on_battery, low, switching_off)) in [
            (
                "(100.4 100.0 101.0 034 50.0 2.05 35.0 00110000\r",
                (false, false, false),
            ),
            (
                "(000.0 000.0 100.2 020 50.0 11.8 25.0 10001000\r",
                (true, false, false),
            ),
            (
                "(002.9 000.0 000.0 000 00.0 2.02 21.0 11000001\r",
                (true, true, false),
            ),
            (
                "(101.1 101.1 101.1 000 50.1 26.9 --.- 00001010\r",
                (false, false, true),
            ),
        ] {
            let answer = Answer {
                on_battery,
                low,
                switching_off,
            };
            assert_eq!(answers(line.as_bytes()), [Ok(answer)], "{line}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let long = std::format!("({}\r", "1".repeat(LENGTH_MAX + 1));
        for (line, expected) in [
            ("", Heap::new()),
            ("#MEGATEC  V1.0\r", Heap::new()),
            ("(\r", std::vec![Err(Malformed::Form)]),
            (
                "(100.4 100.0 101.0 034 50.0 2.05 35.0\r",
                std::vec![Err(Malformed::Form)],
            ),
            (
                "(100.4 100.0 101.0 034 50.0 2.05 35.0 1100000\r",
                std::vec![Err(Malformed::Form)],
            ),
            (
                "(100.4 100.0 101.0 034 50.0 2.05 35.0 1100000x\r",
                std::vec![Err(Malformed::Form)],
            ),
            (
                "(100.4 100.0 101.0 034 50.0 2.05 35.0 11000000 1\r",
                std::vec![Err(Malformed::Form)],
            ),
            (
                "(100.4 100.0 101.0 034 50.0 2.05  35.0 11000000\r",
                std::vec![Err(Malformed::Form)],
            ),
            ("(NAK\r", std::vec![Err(Malformed::Form)]),
            (&long, std::vec![Err(Malformed::Length)]),
        ] {
            assert_eq!(answers(line.as_bytes()), expected, "{line}");
        }
    }

    proptest! {
        /// C-17, P-07: noise before an answer, and half an answer before it, cost nothing.
        #[test]
        fn an_answer_is_found_in_noise(
            before in proptest::collection::vec(any::<u8>(), 0..90), bits in "[01]{8}",
            cut in 0_usize..45,
        ) {
            let line = std::format!("(000.0 000.0 100.2 020 50.0 11.8 25.0 {bits}\r");
            let half = &line.as_bytes()[..cut];
            let read = answers(&[&before, half, line.as_bytes()].concat());
            let expected = Answer::read(&line.as_bytes()[1..46]);
            prop_assert_eq!(read.last(), Some(&expected));
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let read = answers(&bytes).len();
            prop_assert!(read <= bytes.len());
        }
    }
}
