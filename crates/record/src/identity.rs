//! What identifies a person. These types neither print nor serialise and are wiped when dropped.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::moment::Date;

/// A text that identifies somebody. Its only way out is [`Sensitive::expose`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
pub struct Sensitive(String);

impl Sensitive {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Every call is a place to review: the result must not outlive the step
    /// that turns it into a token or compares it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// A site's own number of a patient (診療録番号), exactly as written: leading zeros count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ChartNumber(Sensitive);

impl ChartNumber {
    /// Takes a chart number of 1 to 64 bytes without control characters; `None` otherwise.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| Self(Sensitive::new(text)))
    }

    /// See [`Sensitive::expose`].
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Administrative sex as sources state it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Sex {
    /// 男
    #[serde(rename = "M")]
    Male,
    /// 女
    #[serde(rename = "F")]
    Female,
    /// Stated as another value.
    #[serde(rename = "O")]
    Other,
    /// Not stated.
    #[serde(rename = "U")]
    Unknown,
}

impl Sex {
    /// The one-letter code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Male => "M",
            Self::Female => "F",
            Self::Other => "O",
            Self::Unknown => "U",
        }
    }
}

/// A name in two parts, as written.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Name {
    /// 姓
    pub family: Sensitive,
    /// 名
    pub given: Sensitive,
}

/// What an insurance card says (被保険者証).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Insurance {
    /// 保険者番号
    pub insurer: Sensitive,
    /// 記号
    pub symbol: Sensitive,
    /// 番号
    pub number: Sensitive,
    /// 枝番, empty when the source gives none.
    pub branch: Sensitive,
}

/// Everything that a source says about who the patient is. It ends at the separation stage, where
/// it becomes keyed tokens.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Identity {
    /// 漢字氏名
    pub kanji: Option<Name>,
    /// カナ氏名
    pub kana: Option<Name>,
    /// 氏名 in Latin letters, every one that the source gives. Not for linkage.
    pub letters: Vec<Name>,
    /// 生年月日
    pub birth: Option<Birth>,
    /// 死亡日
    pub died: Option<Death>,
    /// 性別
    pub sex: Option<Sex>,
    /// 郵便番号, as written.
    pub postal: Sensitive,
    /// 住所, as written; several when the source repeats them.
    pub addresses: Vec<Sensitive>,
    /// 電話番号, as written.
    pub phones: Vec<Sensitive>,
    /// 保険
    pub insurance: Vec<Insurance>,
    /// 宛名番号: the municipality's own number of the person, as written. Empty where the source
    /// has none.
    pub municipal: Sensitive,
    /// 旧番号・別番号・統合前の番号: numbers beside the one of the storage. A source writes other
    /// things there as well, so that they may be somebody else's.
    pub former: Vec<ChartNumber>,
}

macro_rules! hidden_day {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(Date);

        impl $name {
            /// Wraps a day.
            pub const fn new(date: Date) -> Self {
                Self(date)
            }

            /// The day. See [`Sensitive::expose`].
            pub const fn expose(self) -> Date {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[hidden]")
            }
        }
    };
}

hidden_day!(
    /// A date of birth: hidden from `Debug`, because it names a person together with little else.
    Birth
);
hidden_day!(
    /// A date of death, which names a person no less.
    Death
);

#[cfg(test)]
mod tests {
    use super::*;

    /// B-133: what identifies a person never reaches a log through `Debug`.
    #[test]
    fn debug_output_shows_no_identifier() {
        let identity = Identity {
            kanji: Some(Name {
                family: Sensitive::new("山田"),
                given: Sensitive::new("太郎"),
            }),
            birth: Some(Birth::new(jiff::civil::date(1950, 1, 2))),
            insurance: vec![Insurance {
                number: Sensitive::new("1234567"),
                ..Default::default()
            }],
            ..Identity::default()
        };
        let identity = Identity {
            former: ChartNumber::new("0009998887").into_iter().collect(),
            ..identity
        };
        let shown = format!("{identity:?} {:?}", ChartNumber::new("0001112223"));
        for hidden in [
            "山田",
            "太郎",
            "1950",
            "1234567",
            "0001112223",
            "0009998887",
        ] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}
