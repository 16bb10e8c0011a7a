//! What goes over the socket of the key service. A question is all that the caller sends before it
//! closes its side; an answer is all that the service sends.
//!
//! | question | bytes |
//! |---|---|
//! | make a key | `M` |
//! | sign | `S`, the key, the message |
//! | sign the word for a successor | `N`, the key, the next key, the message |
//!
//! A key is its wrapped form (`TPMKey`, DER) after its length (2 bytes).
//!
//! | answer | bytes |
//! |---|---|
//! | it worked | 0, then the new key (`TPMKey`, DER), or the signature (DER) |
//! | it did not | number of the [`Kind`], the TPM's code (4 bytes) |

use tpm::WrappedKey;

use crate::error::{KeyError, Kind};

/// Longest question, in bytes: a key of P-256 is below 400, a request of a certificate below 1,000.
pub const REQUEST_MAX: usize = 8192;
/// Longest answer, in bytes.
pub(crate) const ANSWER_MAX: usize = 2048;

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// A new key.
    Make,
    /// A signature.
    Sign {
        /// With this key.
        key: WrappedKey,
        /// Over these bytes.
        message: &'a [u8],
    },
    /// A signature that names the key which comes next.
    Succeed {
        /// With this key.
        key: WrappedKey,
        /// The next one.
        next: WrappedKey,
        /// Over these bytes.
        message: &'a [u8],
    },
}

impl<'a> Asked<'a> {
    /// Reads a question.
    ///
    /// # Errors
    /// [`Kind::Question`]; [`Kind::Foreign`] for a key of another kind than ours.
    pub fn read(bytes: &'a [u8]) -> Result<Self, KeyError> {
        let unreadable = KeyError::new(Kind::Question);
        match bytes.split_first().ok_or(unreadable)? {
            (b'M', []) => Ok(Self::Make),
            (b'S', rest) => {
                let (key, message) = take_key(rest)?;
                Ok(Self::Sign { key, message })
            }
            (b'N', rest) => {
                let (key, rest) = take_key(rest)?;
                let (next, message) = take_key(rest)?;
                Ok(Self::Succeed { key, next, message })
            }
            _ => Err(unreadable),
        }
    }

    /// The bytes of a question.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Make => vec![b'M'],
            Self::Sign { key, message } => [b"S", written(key).as_slice(), message].concat(),
            Self::Succeed { key, next, message } => {
                let (key, next) = (written(key), written(next));
                [b"N", key.as_slice(), &next, message].concat()
            }
        }
    }
}

fn take_key(bytes: &[u8]) -> Result<(WrappedKey, &[u8]), KeyError> {
    let unreadable = KeyError::new(Kind::Question);
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(unreadable)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (key, rest) = rest.split_at_checked(length).ok_or(unreadable)?;
    let key = WrappedKey::from_der(key).map_err(|error| match error {
        tpm::KeyError::Form => unreadable,
        tpm::KeyError::Kind => KeyError::new(Kind::Foreign),
    })?;
    Ok((key, rest))
}

fn written(key: &WrappedKey) -> Vec<u8> {
    let key = key.to_der();
    let length = u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes();
    [length.as_slice(), &key].concat()
}

/// The bytes of an answer.
#[must_use]
pub fn answer(outcome: &Result<Vec<u8>, KeyError>) -> Vec<u8> {
    match outcome {
        Ok(bytes) => [&[0], bytes.as_slice()].concat(),
        Err(error) => {
            let place = Kind::ALL.iter().position(|kind| *kind == error.kind);
            let number = place.map_or(u8::MAX, |place| place as u8 + 1);
            [&[number], error.tpm.to_be_bytes().as_slice()].concat()
        }
    }
}

/// Reads an answer.
///
/// # Errors
/// What the service answers; [`Kind::Service`] where it answers nothing.
pub(crate) fn read(bytes: &[u8]) -> Result<&[u8], KeyError> {
    let silent = KeyError::new(Kind::Service);
    match bytes.split_first().ok_or(silent)? {
        (0, rest) => Ok(rest),
        (number, rest) => {
            let place = usize::from(*number) - 1;
            let kind = Kind::ALL.get(place).copied().ok_or(silent)?;
            let tpm = rest.try_into().map_err(|_| silent)?;
            Err(KeyError {
                kind,
                tpm: u32::from_be_bytes(tpm),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_read_as_it_was_written() {
        for kind in Kind::ALL {
            let error = KeyError { kind, tpm: 0x1df };
            assert_eq!(read(&answer(&Err(error))), Err(error));
        }
        assert_eq!(read(&answer(&Ok(vec![1, 2]))), Ok([1, 2].as_slice()));
        for nonsense in [&[][..], &[9], &[200, 0, 0, 0, 0], &[1, 0]] {
            assert_eq!(read(nonsense), Err(KeyError::new(Kind::Service)));
        }
    }

    #[test]
    fn what_is_no_question_is_refused() {
        assert_eq!(Asked::read(b"M"), Ok(Asked::Make));
        for nonsense in [
            &b""[..],
            b"Mx",
            b"X",
            b"S",
            b"S\0\xff",
            b"N",
            b"S\0\x01\x30",
            b"S\0\0",
        ] {
            let refused = Asked::read(nonsense).unwrap_err();
            assert_eq!(refused.kind, Kind::Question, "{nonsense:?}");
        }
    }
}
