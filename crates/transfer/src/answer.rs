//! What an answer of the front means for the upload of one batch.

use std::time::Duration;

/// The front's code for a chunk that does not match its digest.
const CHUNK_DAMAGED: &str = "R006";
/// The front's codes for an upload that it dropped, because the whole was not what its id says or
/// longer than it may be: the next try begins anew.
const UPLOAD_DROPPED: [&str; 2] = ["R007", "R012"];
const REQUEST_TIMEOUT: u16 = 408;
const CONFLICT: u16 = 409;
const TOO_MANY_REQUESTS: u16 = 429;

/// What the front answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Upload-Offset`, when present and a number.
    pub offset: Option<u64>,
    /// Whether `Sekisho-State` is `stored`.
    pub stored: bool,
    /// `Retry-After`, when present and a number.
    pub retry_after: Option<Duration>,
    /// The stable code of a refusal; empty without one.
    pub code: String,
    /// The body.
    pub body: Vec<u8>,
}

/// How the front stands to a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is stored; these should be the bytes of its receipt.
    Stored(Vec<u8>),
    /// So much of it has arrived.
    Reached(u64),
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The front stands so.
    Stands(Standing),
    /// Another try may do.
    Later,
    /// Another try would end the same way.
    Refused,
    /// Not an answer of the protocol.
    Strange,
}

impl Answer {
    pub(crate) fn meaning(&self) -> Meaning {
        let success = (200..300).contains(&self.status);
        match self.offset {
            _ if success && self.stored => Meaning::Stands(Standing::Stored(self.body.clone())),
            Some(offset) if success || self.status == CONFLICT => {
                Meaning::Stands(Standing::Reached(offset))
            }
            None if success => Meaning::Strange,
            _ if self.passes() => Meaning::Later,
            _ => Meaning::Refused,
        }
    }

    /// Busy, too slow, a chunk that was damaged on the way, an upload that was dropped.
    fn passes(&self) -> bool {
        let busy = [REQUEST_TIMEOUT, TOO_MANY_REQUESTS].contains(&self.status);
        let code = self.code.as_str();
        let again = code == CHUNK_DAMAGED || UPLOAD_DROPPED.contains(&code);
        self.status >= 500 || busy || again
    }
}
