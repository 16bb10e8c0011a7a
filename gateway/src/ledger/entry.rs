//! An entry of the ledger: what happened, when it was written down, and by whom.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use privacy::gate::{Event, OrderId, TermError};
use zeroize::Zeroizing;

/// Who wrote an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Actor {
    /// Somebody at the command line of the appliance.
    Operator,
    /// An import of a file.
    Import(ImportId),
    /// A stop order of the centre.
    Order(OrderId),
    /// An account of the local page, by the name for signing in.
    Account(String),
    /// A run that found other settings than the one before.
    Settings,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Import(id) => write!(f, "import:{id}"),
            Self::Order(id) => write!(f, "order:{id}"),
            Self::Account(name) => write!(f, "account:{name}"),
            Self::Settings => f.write_str("settings"),
        }
    }
}

impl FromStr for Actor {
    type Err = TermError;

    fn from_str(text: &str) -> Result<Self, TermError> {
        match text.split_once(':') {
            None if text == "operator" => Ok(Self::Operator),
            None if text == "settings" => Ok(Self::Settings),
            Some(("import", id)) => id.parse().map(Self::Import),
            Some(("order", id)) => id.parse().map(Self::Order),
            Some(("account", name)) if !name.is_empty() && !name.contains(['\t', '\n']) => {
                Ok(Self::Account(name.to_owned()))
            }
            _ => Err(TermError),
        }
    }
}

/// Names one import: whence, when, and a random end, so that it can be taken back whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ImportId(String);

/// The lists that the settings name, which each run reads again.
const LISTS: &str = "list";
/// A file that somebody imported.
const FILE: &str = "file";

impl ImportId {
    /// An import of the lists that the settings name.
    pub(super) fn of_lists(seconds: i64, random: u32) -> Self {
        Self::new(LISTS, seconds, random)
    }

    /// An import of a file by somebody.
    pub(super) fn of_file(seconds: i64, random: u32) -> Self {
        Self::new(FILE, seconds, random)
    }

    fn new(whence: &str, seconds: i64, random: u32) -> Self {
        let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        let at = at.strftime("%Y%m%dT%H%M%SZ");
        Self(format!("{whence}-{at}-{random:08x}"))
    }

    /// Whether it was of the lists that the settings name.
    pub(super) fn is_of_lists(&self) -> bool {
        self.0.starts_with(LISTS)
    }
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ImportId {
    type Err = TermError;

    /// 1 to 64 of `A-Z a-z 0-9 -`.
    fn from_str(text: &str) -> Result<Self, TermError> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        fits.then(|| Self(text.to_owned())).ok_or(TermError)
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its place, from 1.
    pub(crate) number: u64,
    /// When it was written down, in seconds since 1970. Never before an earlier entry.
    pub(crate) recorded_at: i64,
    /// Who wrote it.
    pub(crate) actor: Actor,
    /// What happened.
    pub(crate) event: Event,
    /// Whether a later entry took it back.
    pub(crate) revoked: bool,
}

/// The text of an entry that is sealed: time, actor and event between tabs.
pub(super) fn encode(recorded_at: i64, actor: &Actor, line: &str) -> Zeroizing<String> {
    let head = format!("{recorded_at}\t{actor}\t");
    let mut text = Zeroizing::new(String::with_capacity(head.len() + line.len()));
    text.push_str(&head);
    text.push_str(line);
    text
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(number: u64, text: &[u8]) -> Option<Entry> {
    let text = std::str::from_utf8(text).ok()?;
    let (recorded_at, rest) = text.split_once('\t')?;
    let (actor, line) = rest.split_once('\t')?;
    Some(Entry {
        number,
        recorded_at: recorded_at.parse().ok()?,
        actor: actor.parse().ok()?,
        event: Event::decode(line).ok()?,
        revoked: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_are_written() {
        for actor in [
            Actor::Operator,
            Actor::Import(ImportId::of_lists(1_780_000_000, 7)),
            Actor::Import(ImportId::of_file(0, u32::MAX)),
            Actor::Order("S-1".parse().unwrap()),
            Actor::Account("yamada".to_owned()),
            Actor::Settings,
        ] {
            let text = encode(-5, &actor, "revoked\t17\tmistake");
            let entry = decode(3, text.as_bytes()).unwrap();
            assert_eq!((entry.number, entry.recorded_at), (3, -5));
            assert_eq!(entry.actor, actor);
            assert_eq!(entry.event.encode().as_str(), "revoked\t17\tmistake");
        }
        for text in [
            "",
            "1\toperator",
            "1\tnobody\trevoked\t1\tmistake",
            "x\toperator\t",
        ] {
            assert!(decode(1, text.as_bytes()).is_none(), "{text}");
        }
    }
}
