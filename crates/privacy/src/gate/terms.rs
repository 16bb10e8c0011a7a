//! The words in which the gate is told its terms.

use std::fmt;
use std::str::FromStr;

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

patterned!(
    /// A stop order of the centre: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    OrderId,
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
        /// 保護者 (B-003)
        Guardian = "guardian",
    }
);

worded!(
    /// By which way a statement of will arrived.
    Channel {
        /// 窓口
        Desk = "desk",
        /// 書面・郵送
        Paper = "paper",
        /// 電話
        Phone = "phone",
        /// 相談センター
        Centre = "centre",
        /// 病院システムからの取り込み
        Import = "import",
    }
);

worded!(
    /// Whether it was checked who asked. An unverified stop holds like any other.
    Verification {
        /// 未確認
        Unverified = "unverified",
        /// 本人確認書類
        Document = "document",
        /// 診察券・面識
        Known = "known",
    }
);

worded!(
    /// On which ground a source provides.
    ConsentMode {
        /// 通知して停止の求めがなければ提供する
        OptOut = "opt-out",
        /// 同意した人だけ提供する
        OptIn = "opt-in",
    }
);
