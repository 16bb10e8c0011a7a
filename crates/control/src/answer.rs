//! What became of an order.

use health::Sample;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::device::DeviceId;
use crate::job::JobKind;
use crate::words::PlanId;

/// Most bytes of an answer.
pub const ANSWER_MAX: usize = 2 << 10;

const FORMAT: u8 = 1;

/// What became of one order. Numbers and fixed words only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    #[serde(deserialize_with = "known")]
    format: u8,
    /// Which device says so.
    pub device: DeviceId,
    /// The order's number.
    pub number: u64,
    /// Its number in the maintenance plan.
    pub plan: PlanId,
    /// What was to be done.
    pub kind: JobKind,
    /// When it ended, in seconds since 1970 by the clock of the device.
    pub at: i64,
    /// How.
    pub outcome: Outcome,
}

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done.
    Done,
    /// Handed on to the part that does it. That part tells by itself what comes of it, if anything
    /// is left to tell.
    Asked,
    /// The self-test was run and gave this code; 0 where everything works.
    SelfTest(u16),
    /// How the device stands.
    Support(Support),
    /// The data path ran, and this stopped it: 12 for `G012`.
    Stopped(u16),
    /// The settings were not taken: the data path cannot read them.
    Unreadable,
    /// The settings went back: the centre was not reached with them in time.
    Returned,
    /// What had to do it did not do it in time.
    Late,
    /// It could not be done: a file could not be read or written, or the data path does not look
    /// where it would be told.
    Failed,
    /// It was not begun.
    Refused(Refusal),
}

impl Outcome {
    /// The same for people, in Japanese and English.
    pub fn texts(self) -> [String; 2] {
        let plain = |ja: &str, en: &str| [ja.to_owned(), en.to_owned()];
        match self {
            Self::Done => plain("済み", "done"),
            Self::Asked => plain("依頼済み", "handed on"),
            Self::Failed => plain("できませんでした", "could not be done"),
            Self::SelfTest(0) => plain("すべて正常", "everything works"),
            Self::SelfTest(code) => [
                format!("点検コード {code:04}"),
                format!("self-test code {code:04}"),
            ],
            Self::Support(_) => plain("報告済み", "reported"),
            Self::Stopped(problem) => [
                format!("停止 G{problem:03}"),
                format!("stopped G{problem:03}"),
            ],
            Self::Unreadable => plain("設定を読めません", "settings cannot be read"),
            Self::Returned => plain(
                "センターに届かず元の設定に戻しました",
                "centre not reached, settings put back",
            ),
            Self::Late => plain("時間切れ", "not in time"),
            Self::Refused(Refusal::Expired) => plain("期限切れ", "expired"),
            Self::Refused(Refusal::Clock) => plain("時刻が合いません", "clock differs"),
            Self::Refused(Refusal::Busy) => plain("同じ作業が進行中", "another one is under way"),
        }
    }
}

/// Why a signed order is not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// It came too late.
    Expired,
    /// It was made later than the clock of the device says that it is.
    Clock,
    /// Another one of its kind is not finished.
    Busy,
}

/// How a device stands, beyond its health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Support {
    /// The newest sample of its health.
    pub now: Option<Sample>,
    /// The code of the last self-test.
    pub self_test: Option<u16>,
    /// The number of the order that brought the settings in use; 0 for those it came with.
    pub settings: u64,
    /// Until when it is paused.
    pub paused: Option<i64>,
    /// Whether it is quarantined.
    pub quarantined: bool,
    /// Orders that are not finished.
    pub open: u32,
    /// Messages since the program started that were no order of the centre.
    pub strange: u32,
}

/// Why bytes are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// More than [`ANSWER_MAX`].
    #[error("the answer is too large")]
    TooLarge,
    /// Not CBOR of this form, or of a newer one.
    #[error("the answer cannot be read")]
    Malformed,
}

impl Answer {
    pub(crate) const fn new(
        device: DeviceId,
        number: u64,
        plan: PlanId,
        kind: JobKind,
        at: i64,
        outcome: Outcome,
    ) -> Self {
        Self {
            format: FORMAT,
            device,
            number,
            plan,
            kind,
            at,
            outcome,
        }
    }

    /// The bytes that travel.
    ///
    /// # Errors
    /// Does not happen: the largest answer fits.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AnswerError> {
        let bytes = serde_cbor::to_vec(self).map_err(|_| AnswerError::Malformed)?;
        let fits = bytes.len() <= ANSWER_MAX;
        fits.then_some(bytes).ok_or(AnswerError::TooLarge)
    }

    /// Reads one.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn read(bytes: &[u8]) -> Result<Self, AnswerError> {
        if bytes.len() > ANSWER_MAX {
            return Err(AnswerError::TooLarge);
        }
        serde_cbor::from_slice(bytes).map_err(|_| AnswerError::Malformed)
    }
}

fn known<'d, D: Deserializer<'d>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        FORMAT => Ok(FORMAT),
        _ => Err(D::Error::custom("format")),
    }
}
