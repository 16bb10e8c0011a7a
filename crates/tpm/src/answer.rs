//! What a TPM answers.

use crate::command::Handle;
use crate::der;
use crate::key::WrappedKey;
use crate::wire::Reader;

const HEAD: usize = 10;
const SESSIONS: u16 = 0x8002;
const ECDSA: u16 = 0x0018;
const SHA256: u16 = 0x000b;

/// Bytes that are no answer to the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an answer of a TPM")]
pub struct Malformed;

/// How long the whole answer is, once its first ten bytes are there; `None` before.
///
/// # Errors
/// It says that it is shorter than its head, or longer than [`crate::ANSWER_MAX`].
pub fn size_of(begun: &[u8]) -> Result<Option<usize>, Malformed> {
    if begun.len() < HEAD {
        return Ok(None);
    }
    let mut reader = Reader(begun);
    reader.u16()?;
    let size = usize::try_from(reader.u32()?).map_err(|_| Malformed)?;
    (HEAD..=crate::ANSWER_MAX)
        .contains(&size)
        .then_some(Some(size))
        .ok_or(Malformed)
}

/// Whether a code is about one of the parameters (Part 2, section 6.6.2): what was given cannot be
/// used, as with a key of another TPM. The others are about the TPM itself.
#[must_use]
pub const fn is_about_a_parameter(code: u32) -> bool {
    code & 0xc0 == 0xc0
}

/// Whether a code says that the TPM is busy and wants to be asked again (`TPM_RC_YIELDED`,
/// `TPM_RC_TESTING`, `TPM_RC_RETRY`).
#[must_use]
pub const fn is_busy(code: u32) -> bool {
    matches!(code, 0x908 | 0x90a | 0x922)
}

/// One whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    sessions: bool,
    code: u32,
    body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// The bytes are none, or not one whole.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if size_of(bytes)? != Some(bytes.len()) {
            return Err(Malformed);
        }
        let mut reader = Reader(bytes);
        let tag = reader.u16()?;
        reader.u32()?;
        let code = reader.u32()?;
        let sessions = tag == SESSIONS;
        let body = reader.0;
        Ok(Self {
            sessions,
            code,
            body,
        })
    }

    /// The TPM's word for a refusal (Part 2, section 6.6); 0 is none.
    #[must_use]
    pub const fn code(&self) -> u32 {
        self.code
    }

    /// What was loaded.
    ///
    /// # Errors
    /// The answer holds none.
    pub fn handle(&self) -> Result<Handle, Malformed> {
        self.successful()?;
        Reader(self.body).u32().map(Handle)
    }

    /// The key that was made.
    ///
    /// # Errors
    /// The answer holds none of our kind.
    pub fn key(&self) -> Result<WrappedKey, Malformed> {
        let mut reader = self.parameters()?;
        let private = reader.sized()?.to_vec();
        let public = reader.sized()?.to_vec();
        WrappedKey::new(public, private).map_err(|_| Malformed)
    }

    /// The signature, in DER as in X.509 (`Ecdsa-Sig-Value`, RFC 3279).
    ///
    /// # Errors
    /// The answer holds none of P-256.
    pub fn signature(&self) -> Result<Vec<u8>, Malformed> {
        let mut reader = self.parameters()?;
        if (reader.u16()?, reader.u16()?) != (ECDSA, SHA256) {
            return Err(Malformed);
        }
        let (r, s) = (reader.sized()?, reader.sized()?);
        reader.end()?;
        let fits = |number: &[u8]| (1..=32).contains(&number.len());
        match fits(r) && fits(s) {
            true => Ok(der::sequence(&[der::integer(r), der::integer(s)].concat())),
            false => Err(Malformed),
        }
    }

    fn parameters(&self) -> Result<Reader<'a>, Malformed> {
        self.successful()?;
        let mut reader = Reader(self.body);
        let length = usize::try_from(reader.u32()?).map_err(|_| Malformed)?;
        reader.take(length).map(Reader)
    }

    fn successful(&self) -> Result<(), Malformed> {
        (self.sessions && self.code == 0)
            .then_some(())
            .ok_or(Malformed)
    }
}
