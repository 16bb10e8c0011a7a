//! The people of the town and their charts.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Administrative sex (HL7 table 0001).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// 男
    Male,
    /// 女
    Female,
}

impl Sex {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Male => "M",
            Self::Female => "F",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Male => Self::Female,
            Self::Female => Self::Male,
        }
    }
}

/// A name in one script.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Name {
    /// Family name.
    pub family: String,
    /// Given name.
    pub given: String,
}

/// Where somebody lives.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) prefecture: String,
    pub(crate) municipality: String,
    pub(crate) town: String,
    pub(crate) block: [i64; 3],
    pub(crate) building: Option<String>,
    /// Seven digits.
    pub(crate) postal_code: String,
}

impl Address {
    /// The address below the prefecture, in the style of the hospital (0 or 1).
    pub(crate) fn below_prefecture(&self, hospital: u8) -> String {
        let [a, b, c] = self.block;
        let block = match hospital {
            0 => format!("{a}丁目{b}番{c}号"),
            _ => crate::hl7::full_width(&format!("{a}-{b}-{c}")),
        };
        let building = self
            .building
            .as_ref()
            .map(|name| format!("　{name}"))
            .unwrap_or_default();
        format!("{}{}{block}{building}", self.municipality, self.town)
    }

    /// The whole address in the style of the hospital (0 or 1).
    pub(crate) fn text(&self, hospital: u8) -> String {
        format!("{}{}", self.prefecture, self.below_prefecture(hospital))
    }
}

/// The law a health insurance stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    Association,
    Society,
    National,
    LateElderly,
}

impl Plan {
    /// Code and name in table JHSD0001.
    pub(crate) fn coded(self) -> (&'static str, &'static str) {
        match self {
            Self::Association => ("01", "全国健康保険協会管掌健康保険"),
            Self::Society => ("06", "組合管掌健康保険"),
            Self::National => ("C0", "国民健康保険"),
            Self::LateElderly => ("39", "後期高齢者医療"),
        }
    }

    /// First two digits of the insurer number.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::National => "00",
            other => other.coded().0,
        }
    }
}

/// A health insurance as on the card.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Insurance {
    pub(crate) plan: Plan,
    /// Eight digits, the last one a check digit.
    pub(crate) insurer: String,
    pub(crate) insurer_name: String,
    pub(crate) symbol: Option<String>,
    pub(crate) number: String,
    pub(crate) branch: Option<String>,
    /// Symbol in IN1-10 and number in IN1-11, both full-width, without a branch.
    pub(crate) split: bool,
}

/// A person's next of kin.
#[derive(Clone)]
pub(crate) struct Relative {
    pub(crate) name: Name,
    pub(crate) kana: Name,
    /// HL7 table 0063.
    pub(crate) relation: &'static str,
}

/// Whether a registration's records may leave the hospital on the town's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Notified at least 60 days ago and not stopped.
    MayLeave,
    /// Not in the notice ledger.
    NotNotified,
    /// Notified 1 to 25 days ago.
    Hold,
    /// Notified at least 60 days ago, then stopped.
    Stopped,
}

/// In what a second registration differs from the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each variant is named after its rate in `rates`"
)]
pub enum Difference {
    Moved,
    JobChanged,
    Married,
    KanaTypo,
    KanaOtherReading,
    KanaStyle,
    KanaMissing,
    BirthDateTypo,
    SexWrong,
    KanjiVariant,
    BranchMissing,
    InsuranceMissing,
}

/// A row of the stop list.
#[derive(Clone)]
pub(crate) struct Stop {
    pub(crate) requested_on: Date,
    pub(crate) requester: &'static str,
}

/// A row of the notice ledger.
#[derive(Clone)]
pub(crate) struct Notice {
    pub(crate) notified_on: Date,
    pub(crate) document_version: &'static str,
    pub(crate) method: &'static str,
}

/// One person's chart at one hospital, as the clerk typed it.
#[derive(Clone)]
pub(crate) struct Registration {
    /// Position in the town's list of registrations; selects the stream of draws.
    pub(crate) index: u64,
    pub(crate) person: u32,
    pub(crate) hospital: u8,
    pub(crate) chart_number: String,
    pub(crate) name: Name,
    pub(crate) kana: Option<Name>,
    pub(crate) birth_date: Date,
    pub(crate) sex: Sex,
    pub(crate) address: Address,
    pub(crate) previous_address: Option<Address>,
    pub(crate) home_phone: Option<String>,
    pub(crate) mobile_phone: Option<String>,
    pub(crate) insurance: Option<Insurance>,
    pub(crate) relative: Relative,
    /// Name and telephone.
    pub(crate) employer: Option<(&'static str, &'static str)>,
    pub(crate) registered_on: Date,
    pub(crate) died_on: Option<Date>,
    pub(crate) standing: Standing,
    pub(crate) notice: Option<Notice>,
    pub(crate) stop: Option<Stop>,
    pub(crate) differences: Vec<Difference>,
}

/// One person as they truly are.
#[derive(Clone)]
pub(crate) struct Person {
    /// 1, 2, 3, …
    pub(crate) number: u32,
    pub(crate) name: Name,
    pub(crate) kana: Name,
    pub(crate) birth_date: Date,
    pub(crate) sex: Sex,
    pub(crate) address: Address,
    pub(crate) home_phone: Option<String>,
    pub(crate) mobile_phone: Option<String>,
    pub(crate) insurance: Insurance,
    pub(crate) relative: Relative,
    /// Name and telephone.
    pub(crate) employer: Option<(&'static str, &'static str)>,
    pub(crate) died_on: Option<Date>,
    /// Number of the twin, where there is one.
    pub(crate) twin: Option<u32>,
}
