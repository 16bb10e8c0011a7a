//! How the data path of a site stood when its last run ended, as the gateway hands it to the agent.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::report::{ReportError, packed};

/// Most bytes of one.
pub const GATEWAY_MAX: usize = 128;

/// Numbers of the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// When it ended, in seconds since 1970, as all moments here.
    pub at: i64,
    /// What stopped it: 12 for `G012`. 0 where nothing did.
    pub problem: u16,
    /// Batches that wait to be sent.
    pub waiting: u32,
    /// When the oldest of them was sealed.
    pub oldest: Option<i64>,
    /// When the source was last read to its end.
    pub source: Option<i64>,
    /// When the centre last took a batch, by the centre's clock.
    pub receipt: Option<i64>,
    /// When the front was last reached, by whatever run.
    pub front: Option<i64>,
    /// The number of the order that asked for it to be reached last, and was heard before the
    /// settings were read.
    pub asked: Option<u64>,
    /// Since when the certificate of the line is good.
    pub certificate: Option<i64>,
}

impl Gateway {
    /// Two sites of one device together, as the worse of them stands.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        // A site that never got so far is worse than any that did.
        let worse = |one: Option<i64>, other: Option<i64>| Some(one?.min(other?));
        let oldest = [self.oldest, other.oldest].into_iter().flatten().min();
        Self {
            at: self.at.min(other.at),
            problem: self.problem.max(other.problem),
            waiting: self.waiting.saturating_add(other.waiting),
            oldest,
            source: worse(self.source, other.source),
            receipt: worse(self.receipt, other.receipt),
            front: worse(self.front, other.front),
            asked: self.asked.max(other.asked),
            certificate: worse(self.certificate, other.certificate),
        }
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// Does not happen: the largest numbers fit.
    pub fn to_bytes(&self) -> Result<Vec<u8, GATEWAY_MAX>, ReportError> {
        let mut place = [0; GATEWAY_MAX];
        Vec::from_slice(packed(self, &mut place)?).map_err(|_| ReportError::TooLarge)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub fn read(bytes: &[u8]) -> Result<Self, ReportError> {
        if bytes.len() > GATEWAY_MAX {
            return Err(ReportError::TooLarge);
        }
        let mut scratch = [0; 16];
        serde_cbor::de::from_slice_with_scratch(bytes, &mut scratch)
            .map_err(|_| ReportError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Gateway = Gateway {
        at: 200,
        problem: 0,
        waiting: 2,
        oldest: Some(150),
        source: Some(190),
        receipt: Some(180),
        front: Some(195),
        asked: Some(7),
        certificate: Some(20),
    };

    #[test]
    fn what_was_written_is_read_and_everything_else_is_refused() {
        let largest = Gateway {
            at: i64::MIN,
            problem: u16::MAX,
            waiting: u32::MAX,
            oldest: Some(i64::MIN),
            source: Some(i64::MIN),
            receipt: Some(i64::MIN),
            front: Some(i64::MIN),
            asked: Some(u64::MAX),
            certificate: Some(i64::MIN),
        };
        for gateway in [GOOD, largest] {
            let bytes = gateway.to_bytes().unwrap();
            assert_eq!(Gateway::read(&bytes), Ok(gateway));
            let cut = &bytes[..bytes.len() - 1];
            assert_eq!(Gateway::read(cut), Err(ReportError::Malformed));
        }
        let much = [0; GATEWAY_MAX + 1];
        assert_eq!(Gateway::read(&much), Err(ReportError::TooLarge));
    }

    #[test]
    fn of_two_sites_the_worse_is_told() {
        let behind = Gateway {
            at: 100,
            problem: 12,
            waiting: 5,
            oldest: None,
            source: None,
            receipt: Some(90),
            front: None,
            asked: None,
            certificate: Some(10),
        };
        let both = Gateway {
            at: 100,
            problem: 12,
            waiting: 7,
            oldest: Some(150),
            source: None,
            receipt: Some(90),
            front: None,
            asked: Some(7),
            certificate: Some(10),
        };
        assert_eq!(GOOD.with(behind), both);
        assert_eq!(behind.with(GOOD), both);
    }
}
