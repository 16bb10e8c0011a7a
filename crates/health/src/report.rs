//! What a device tells the centre of its health: at most [`REPORT_MAX`] bytes of CBOR.

use heapless::Vec;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_cbor::ser::{Serializer, SliceWrite};
use thiserror::Error;

use crate::sample::Sample;

/// Most bytes of a report.
pub const REPORT_MAX: usize = 1 << 10;
/// Most finished samples in one.
pub const MOST_SAMPLES: usize = 5;

const FORMAT: u8 = 1;

/// The newest sample, and finished ones that were not told before, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    #[serde(deserialize_with = "known")]
    format: u8,
    /// How the device is now.
    pub now: Sample,
    /// How many samples were pushed out untold.
    pub lost: u32,
    past: Vec<Sample, MOST_SAMPLES>,
}

/// Why bytes are no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReportError {
    /// More than [`REPORT_MAX`].
    #[error("the report is too large")]
    TooLarge,
    /// Not CBOR of this form, or of a newer one.
    #[error("the report cannot be read")]
    Malformed,
}

impl Report {
    pub(crate) fn new<'a>(now: Sample, past: impl Iterator<Item = &'a Sample>, lost: u32) -> Self {
        Self {
            format: FORMAT,
            now,
            lost,
            past: past.take(MOST_SAMPLES).copied().collect(),
        }
    }

    /// Finished samples, oldest first.
    pub fn past(&self) -> &[Sample] {
        &self.past
    }

    /// Writes it into a place of [`REPORT_MAX`] bytes, and gives what was written.
    ///
    /// # Errors
    /// Does not happen: [`MOST_SAMPLES`] of the largest fit.
    pub fn write<'b>(&self, place: &'b mut [u8; REPORT_MAX]) -> Result<&'b [u8], ReportError> {
        packed(self, place)
    }

    /// Reads one.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub fn read(bytes: &[u8]) -> Result<Self, ReportError> {
        if bytes.len() > REPORT_MAX {
            return Err(ReportError::TooLarge);
        }
        let mut scratch = [0; 64];
        serde_cbor::de::from_slice_with_scratch(bytes, &mut scratch)
            .map_err(|_| ReportError::Malformed)
    }
}

/// Writes numbers for the names of fields, and gives what was written.
pub(crate) fn packed<'b>(
    value: &impl Serialize,
    place: &'b mut [u8],
) -> Result<&'b [u8], ReportError> {
    let mut serializer = Serializer::new(SliceWrite::new(place)).packed_format();
    value
        .serialize(&mut serializer)
        .map_err(|_| ReportError::TooLarge)?;
    let written = serializer.into_inner().bytes_written();
    place.get(..written).ok_or(ReportError::TooLarge)
}

fn known<'d, D: Deserializer<'d>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        FORMAT => Ok(FORMAT),
        _ => Err(D::Error::custom("format")),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;
    use crate::gateway::Gateway;
    use crate::sample::Amount;

    fn largest() -> Sample {
        let amount = Amount {
            total: u32::MAX,
            free: u32::MAX,
        };
        Sample {
            at: i64::MIN,
            uptime: u32::MAX,
            starts: u32::MAX,
            version: [u16::MAX; 3],
            load: u16::MAX,
            memory: amount,
            disk: amount,
            temperature: Some(i8::MIN),
            wear: Some(u8::MAX),
            line: Some(false),
            gateway: Some(Gateway {
                at: i64::MIN,
                problem: u16::MAX,
                waiting: u32::MAX,
                oldest: Some(i64::MIN),
                source: Some(i64::MIN),
                receipt: Some(i64::MIN),
                front: Some(i64::MIN),
                asked: Some(u64::MAX),
                certificate: Some(i64::MIN),
            }),
        }
    }

    /// B-024: a report of the largest numbers fits into a kilobyte, and is read back as it was.
    #[test]
    fn the_largest_report_fits_and_is_read_back() {
        let past = [largest(); MOST_SAMPLES];
        let report = Report::new(largest(), past.iter(), u32::MAX);
        let mut place = [0; REPORT_MAX];
        let bytes = report.write(&mut place).unwrap();
        assert!(bytes.len() <= REPORT_MAX, "{}", bytes.len());
        assert_eq!(Report::read(bytes), Ok(report));
    }

    /// The bytes of a fixed report: another program at the centre reads them for years.
    #[test]
    fn the_bytes_of_a_report_never_change() {
        let now = Sample {
            at: 1_790_000_000,
            uptime: 90_061,
            starts: 3,
            version: [0, 1, 0],
            load: 120,
            memory: Amount {
                total: 4_096,
                free: 1_024,
            },
            disk: Amount {
                total: 30_000,
                free: 20_000,
            },
            temperature: Some(41),
            wear: None,
            line: Some(true),
            gateway: Some(Gateway {
                at: 1_789_990_000,
                problem: 0,
                waiting: 2,
                oldest: Some(1_789_980_000),
                source: Some(1_789_990_000),
                receipt: None,
                front: Some(1_789_990_000),
                asked: None,
                certificate: Some(1_789_000_000),
            }),
        };
        let mut place = [0; REPORT_MAX];
        let report = Report::new(now, [].iter(), 0);
        let hex: std::string::String = report
            .write(&mut place)
            .unwrap()
            .iter()
            .map(|byte| std::format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "a4000101ab001a6ab13b80011a00015fcd0203038300010004187805a2001910000119040006\
             a20019753001194e2007182908f609f50aa9001a6ab1147001000202031a6ab0ed60041a6ab1\
             147005f6061a6ab1147007f6081a6aa1f94002000380"
        );
    }

    #[test]
    fn newer_forms_and_too_much_are_refused() {
        let report = Report::new(largest(), [].iter(), 0);
        let newer = Report {
            format: 2,
            ..report
        };
        let mut place = [0; REPORT_MAX];
        let bytes = newer.write(&mut place).unwrap();
        assert_eq!(Report::read(bytes), Err(ReportError::Malformed));
        let much = [0; REPORT_MAX + 1];
        assert_eq!(Report::read(&much), Err(ReportError::TooLarge));
        assert_eq!(Report::read(&[]), Err(ReportError::Malformed));
    }

    proptest! {
        /// Malformed CBOR never makes the centre panic.
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Report::read(&bytes);
        }

        #[test]
        fn a_report_with_a_changed_byte_is_read_or_refused(
            at in 0_usize..200, byte in any::<u8>(),
        ) {
            let report = Report::new(largest(), [largest(); 3].iter(), 1);
            let mut place = [0; REPORT_MAX];
            let length = report.write(&mut place).unwrap().len();
            place[at % length] = byte;
            let _ = Report::read(&place[..length]);
        }
    }
}
