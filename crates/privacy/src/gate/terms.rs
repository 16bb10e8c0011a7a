//! What the gate is told: contract, filing, notices, stops.

use std::fmt;
use std::str::FromStr;

use record::identity::ChartNumber;
use record::moment::Date;
use serde::{Deserialize, Serialize};

/// Why a text or number is not a term of the asked kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("outside what this term allows")]
pub struct TermError;

macro_rules! patterned {
    ($(#[$doc:meta])* $name:ident, $longest:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TermError;

            fn from_str(text: &str) -> Result<Self, TermError> {
                let allowed: fn(char) -> bool = $allowed;
                let count = text.chars().take($longest + 1).count();
                let fits = (1..=$longest).contains(&count) && text.chars().all(allowed);
                fits.then(|| Self(text.into())).ok_or(TermError)
            }
        }

        impl TryFrom<String> for $name {
            type Error = TermError;

            fn try_from(text: String) -> Result<Self, TermError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

patterned!(
    /// The contract between site and centre: 1 to 64 characters of `A-Z a-z 0-9 . _ - /`.
    ContractId,
    64,
    |c| c.is_ascii_alphanumeric() || "._-/".contains(c)
);
patterned!(
    /// The reference of the filing with the minister (届出番号): 1 to 64 letters or digits, Japanese
    /// ones too, and `. _ - /`.
    FilingReference,
    64,
    |c| c.is_alphanumeric() || "._-/".contains(c)
);
patterned!(
    /// Which notice text a person was given, by version or digest: 1 to 64 characters of
    /// `A-Z a-z 0-9 . _ -`.
    DocumentVersion,
    64,
    |c| c.is_ascii_alphanumeric() || "._-".contains(c)
);

macro_rules! worded {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Every value, in a fixed order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word in ledgers and reports.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::gate::TermError;

            fn from_str(text: &str) -> Result<Self, $crate::gate::TermError> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err($crate::gate::TermError),
                }
            }
        }
    };
}
pub(crate) use worded;

worded!(
    /// How a person was notified.
    NoticeMethod {
        /// 手渡し
        Handed = "handed",
        /// 掲示
        Posted = "posted",
        /// 端末
        Kiosk = "kiosk",
        /// 郵送
        Letter = "letter",
    }
);

worded!(
    /// Who asked that provision stop.
    Requester {
        /// 本人
        Own = "self",
        /// 家族
        Family = "family",
        /// 遺族
        Bereaved = "bereaved",
        /// 代理人
        Representative = "representative",
    }
);

/// One line of the notice ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whom, by the site's own number.
    pub chart: ChartNumber,
    /// The day of the notice: day 0 of the hold.
    pub notified_on: Date,
    /// Which text the person was given.
    pub document: DocumentVersion,
    /// How.
    pub method: NoticeMethod,
}

/// One line of the stop list. It holds from the moment it is listed, whatever its day says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Whom, by the site's own number.
    pub chart: ChartNumber,
    /// The day of the request, for the record only.
    pub requested_on: Date,
    /// Who asked.
    pub requester: Requester,
}

/// The filing with the minister.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filing {
    /// Its reference.
    pub reference: FilingReference,
    /// Its day. A day after the gate's own closes the gate.
    pub filed_on: Date,
}

/// Days between notice and first provision: 30 to 3650, JST calendar days (B-001). Settings can
/// lengthen it, never shorten it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HoldDays(u16);

impl HoldDays {
    /// The shortest hold, and the default.
    pub const SHORTEST: Self = Self(30);
    /// The longest hold.
    pub const LONGEST: Self = Self(3650);

    /// Takes a number of days.
    ///
    /// # Errors
    /// Fewer than 30 or more than 3650.
    pub const fn new(days: u16) -> Result<Self, TermError> {
        if days >= Self::SHORTEST.0 && days <= Self::LONGEST.0 {
            Ok(Self(days))
        } else {
            Err(TermError)
        }
    }

    /// The number of days.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Default for HoldDays {
    fn default() -> Self {
        Self::SHORTEST
    }
}

/// What site and centre agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// Which contract.
    pub id: ContractId,
    /// The site's filing; without it nothing leaves.
    pub filing: Option<Filing>,
    /// The first day of provision.
    pub effective_from: Date,
    /// The first day without provision, once the site has left.
    pub leaves_on: Option<Date>,
    /// How long a person's notice must have stood.
    pub hold_days: HoldDays,
}

impl Contract {
    /// Whether the contract is in force on a day.
    pub(super) fn active_on(&self, day: Date) -> bool {
        self.effective_from <= day && self.leaves_on.is_none_or(|left| day < left)
    }

    /// Whether the filing stands on a day.
    pub(super) fn filed_by(&self, day: Date) -> bool {
        self.filing
            .as_ref()
            .is_some_and(|filing| filing.filed_on <= day)
    }
}
