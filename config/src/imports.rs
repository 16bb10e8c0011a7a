//! Files of the hospital's own systems that are taken into the ledger: which column says what.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::SettingsError;
use crate::error::range;

/// One kind of file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// By which name the command line asks for it: 1 to 32 of `a-z 0-9 -`.
    pub name: String,
    /// What its lines are.
    pub what: What,
    /// How it is written.
    #[serde(default)]
    pub encoding: FileEncoding,
    /// The name of the column of each field, as the header writes it.
    pub columns: BTreeMap<Field, String>,
    /// What holds for every line where no column says it.
    #[serde(default)]
    pub constants: BTreeMap<Field, String>,
    /// Words of the file and the words of the ledger that they mean, such as `本人` and `self`.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// A person was told.
    Notices,
    /// A person came, at a site that tells by policy.
    Visits,
    /// Somebody asked that provision stop.
    Stops,
    /// A person agreed.
    Consents,
    /// Two numbers are one person.
    Merges,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileEncoding {
    /// Whichever of the others the whole file is valid in, UTF-8 first.
    #[default]
    Auto,
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// Shift_JIS as Windows writes it (CP932).
    ShiftJis,
}

/// What a column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// The person's number.
    Chart,
    /// The day, in either calendar.
    Date,
    /// The notice text.
    Document,
    /// How the person was told.
    Method,
    /// Day of birth: who is told before turning 16 is told again then.
    Birth,
    /// Who asked.
    Requester,
    /// By which way.
    Channel,
    /// Whether it was checked who asked.
    Verification,
    /// To what it extends.
    Scope,
    /// The number that is used now.
    Into,
}

impl Field {
    /// The word in settings and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chart => "chart",
            Self::Date => "date",
            Self::Document => "document",
            Self::Method => "method",
            Self::Birth => "birth",
            Self::Requester => "requester",
            Self::Channel => "channel",
            Self::Verification => "verification",
            Self::Scope => "scope",
            Self::Into => "into",
        }
    }
}

impl What {
    /// Fields that a line has to have, and those that it may have.
    pub const fn fields(self) -> (&'static [Field], &'static [Field]) {
        use Field::{
            Birth, Channel, Chart, Date, Document, Into, Method, Requester, Scope, Verification,
        };
        match self {
            Self::Notices => (&[Chart, Date, Document, Method], &[Birth]),
            Self::Visits => (&[Chart, Date], &[]),
            Self::Stops => (&[Chart, Date, Requester], &[Channel, Verification, Scope]),
            Self::Consents => (&[Chart, Date, Document], &[Scope]),
            Self::Merges => (&[Chart, Into], &[]),
        }
    }
}

impl Import {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&self.name.len()) || !self.name.bytes().all(plain) {
            return Err(wrong(
                "ledger.imports.name",
                &self.name,
                "1 to 32 of a-z 0-9 -",
            ));
        }
        range("ledger.imports.values", self.values.len() as u64, 0, 1_000)?;
        let (needed, allowed) = self.what.fields();
        for field in self.columns.keys().chain(self.constants.keys()) {
            if !needed.contains(field) && !allowed.contains(field) {
                let expected = "a field of this kind of line";
                return Err(wrong("ledger.imports.columns", field.as_str(), expected));
            }
        }
        let given = |field: &&Field| {
            let by_column = self.columns.contains_key(field);
            // A person cannot be the same in every line.
            by_column || (!is_person(**field) && self.constants.contains_key(field))
        };
        match needed.iter().find(|field| !given(field)) {
            None => Ok(()),
            Some(missing) => Err(wrong(
                "ledger.imports.columns",
                &self.name,
                &format!("given with the field {}", missing.as_str()),
            )),
        }
    }
}

fn is_person(field: Field) -> bool {
    matches!(field, Field::Chart | Field::Into)
}

fn wrong(key: &'static str, value: &str, expected: &str) -> SettingsError {
    SettingsError::Range {
        key,
        value: value.to_owned(),
        expected: expected.to_owned(),
    }
}
