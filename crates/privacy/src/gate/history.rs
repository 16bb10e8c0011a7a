//! The history of notices and of will: an append-only list of entries, from
//! which the state at any past moment can be made again.
//!
//! Nothing is ever changed. An error is undone by a further entry that revokes the first.

use std::fmt::Write as _;
use std::str::FromStr;

use record::identity::ChartNumber;
use record::moment::Date;
use zeroize::Zeroizing;

use super::contract::Terms;
use super::kept;
use super::scope::Scope;
use super::terms::{
    Channel, DocumentVersion, NoticeMethod, OrderId, Requester, TermError, Verification, worded,
};

/// A person was told.
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
    /// The day on which the person turns 16, when that is still to come at the notice (B-003).
    pub sixteen_on: Option<Date>,
}

/// Somebody asked that provision stop. It holds from the moment it is listed, whatever its day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Whom it is about, by the site's own number.
    pub chart: ChartNumber,
    /// The day of the request, for the record only.
    pub requested_on: Date,
    /// Who asked.
    pub requester: Requester,
    /// How the request came.
    pub channel: Channel,
    /// Whether it was checked who asked.
    pub verification: Verification,
    /// To what it extends.
    pub scope: Scope,
}

/// A person agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who, by the site's own number.
    pub chart: ChartNumber,
    /// The day.
    pub given_on: Date,
    /// The text that was explained.
    pub document: DocumentVersion,
    /// To what it extends.
    pub scope: Scope,
}

worded!(
    /// Why an entry was taken back.
    Ground {
        /// It was entered by mistake.
        Mistake = "mistake",
        /// The person wishes so.
        Wish = "wish",
        /// A person at the site decided that somebody else was meant (B-011).
        OtherPerson = "other-person",
    }
);

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A person was told.
    Notified(Notice),
    /// A person's first visit on or after the start of notice by policy (B-002).
    Visited {
        /// Who.
        chart: ChartNumber,
        /// When.
        on: Date,
    },
    /// Somebody asked that provision stop.
    Stopped(Stop),
    /// A person agreed.
    Consented(Consent),
    /// A stop order could mean this person; until somebody decides, nothing of them leaves (B-011).
    Held {
        /// Which order.
        order: OrderId,
        /// Who could be meant.
        chart: ChartNumber,
    },
    /// Two numbers are one person. A stop for either is a stop for both; a notice is not.
    Merged {
        /// The number no longer used.
        from: ChartNumber,
        /// The number used now.
        into: ChartNumber,
    },
    /// An earlier entry no longer counts.
    Revoked {
        /// The number of that entry.
        entry: u64,
        /// Why.
        ground: Ground,
    },
    /// From here on the site provides by these terms: what its settings say of contracts and notice
    /// texts. For showing the past; a decision of today rests on the settings of today.
    Provided(Box<Terms>),
    /// The entries that follow are part of an import and count only once that is whole.
    Part {
        /// The number of the import's first such entry.
        import: u64,
        /// How many entries follow.
        entries: u64,
    },
    /// An import has come to its end: all of its parts count, unless this entry is taken back.
    Whole {
        /// The number of the import's first part.
        import: u64,
    },
}

impl Event {
    /// The event as one line of fields between tabs. It names persons: to be encrypted at rest.
    pub fn encode(&self) -> Zeroizing<String> {
        let mut line = Zeroizing::new(String::with_capacity(128));
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Notified(notice) => {
                let sixteen = notice.sixteen_on.map(|day| day.to_string());
                write!(
                    line,
                    "notified\t{}\t{}\t{}\t{}\t{}",
                    notice.chart.expose(),
                    notice.notified_on,
                    notice.document,
                    notice.method,
                    sixteen.unwrap_or_default(),
                )
            }
            Self::Visited { chart, on } => write!(line, "visited\t{}\t{on}", chart.expose()),
            Self::Stopped(stop) => write!(
                line,
                "stopped\t{}\t{}\t{}\t{}\t{}\t{}",
                stop.chart.expose(),
                stop.requested_on,
                stop.requester,
                stop.channel,
                stop.verification,
                stop.scope,
            ),
            Self::Consented(consent) => write!(
                line,
                "consented\t{}\t{}\t{}\t{}",
                consent.chart.expose(),
                consent.given_on,
                consent.document,
                consent.scope,
            ),
            Self::Held { order, chart } => write!(line, "held\t{order}\t{}", chart.expose()),
            Self::Merged { from, into } => {
                write!(line, "merged\t{}\t{}", from.expose(), into.expose())
            }
            Self::Revoked { entry, ground } => write!(line, "revoked\t{entry}\t{ground}"),
            Self::Provided(terms) => {
                line.push_str("provided");
                kept::write(terms, &mut line);
                Ok(())
            }
            Self::Part { import, entries } => write!(line, "part\t{import}\t{entries}"),
            Self::Whole { import } => write!(line, "whole\t{import}"),
        };
        line
    }

    /// Reads what [`Event::encode`] wrote.
    ///
    /// # Errors
    /// Anything else: a word, a number or a field that is not as written.
    pub fn decode(line: &str) -> Result<Self, TermError> {
        let mut fields = Fields(line.split('\t'));
        let event = match fields.next()? {
            "notified" => Self::Notified(Notice {
                chart: fields.chart()?,
                notified_on: fields.read()?,
                document: fields.read()?,
                method: fields.read()?,
                sixteen_on: fields.optional()?,
            }),
            "visited" => Self::Visited {
                chart: fields.chart()?,
                on: fields.read()?,
            },
            "stopped" => Self::Stopped(Stop {
                chart: fields.chart()?,
                requested_on: fields.read()?,
                requester: fields.read()?,
                channel: fields.read()?,
                verification: fields.read()?,
                scope: fields.read()?,
            }),
            "consented" => Self::Consented(Consent {
                chart: fields.chart()?,
                given_on: fields.read()?,
                document: fields.read()?,
                scope: fields.read()?,
            }),
            "held" => Self::Held {
                order: fields.read()?,
                chart: fields.chart()?,
            },
            "merged" => Self::Merged {
                from: fields.chart()?,
                into: fields.chart()?,
            },
            "revoked" => Self::Revoked {
                entry: fields.read()?,
                ground: fields.read()?,
            },
            "provided" => Self::Provided(Box::new(kept::read(&mut fields)?)),
            "part" => Self::Part {
                import: fields.read()?,
                entries: fields.read()?,
            },
            "whole" => Self::Whole {
                import: fields.read()?,
            },
            _ => return Err(TermError),
        };
        match fields.0.next() {
            None => Ok(event),
            Some(_) => Err(TermError),
        }
    }

    /// The number of the person that the event is about, when it names one.
    pub fn chart(&self) -> Option<&ChartNumber> {
        match self {
            Self::Notified(notice) => Some(&notice.chart),
            Self::Stopped(stop) => Some(&stop.chart),
            Self::Consented(consent) => Some(&consent.chart),
            Self::Visited { chart, .. } | Self::Held { chart, .. } => Some(chart),
            Self::Merged { from, .. } => Some(from),
            Self::Revoked { .. } | Self::Provided(_) | Self::Part { .. } | Self::Whole { .. } => {
                None
            }
        }
    }
}

/// Fields between tabs, one after the other.
pub(super) struct Fields<'l>(std::str::Split<'l, char>);

impl<'l> Fields<'l> {
    fn next(&mut self) -> Result<&'l str, TermError> {
        self.0.next().ok_or(TermError)
    }

    pub(super) fn read<T: FromStr>(&mut self) -> Result<T, TermError> {
        self.next()?.parse().map_err(|_| TermError)
    }

    pub(super) fn optional<T: FromStr>(&mut self) -> Result<Option<T>, TermError> {
        match self.next()? {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| TermError),
        }
    }

    fn chart(&mut self) -> Result<ChartNumber, TermError> {
        ChartNumber::new(self.next()?).ok_or(TermError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events() -> Vec<&'static str> {
        vec![
            "notified\t0001\t2024-04-01\tv1\thanded\t",
            "notified\t0001\t2024-04-01\tv1\tletter\t2031-05-06",
            "visited\tA-1\t2024-04-02",
            "stopped\t0001\t2024-05-01\tbereaved\tphone\tunverified\tmedical/*/2020-01-01..",
            "consented\t0001\t2024-05-01\tv2\t*/anonymized/..",
            "held\tS-2024-9\t0002",
            "merged\t0001\t0002",
            "revoked\t17\tother-person",
            "provided\topt-in\t\t\t0\t0",
            "provided\topt-out\t2026-01-01\tv1\t2\tC-1\tindividual\tF-1\t2025-12-01\t\t\
             anonymized\t\
             2026-01-01\t\t30\tC-2\tcollective\t\t\t\tanonymized+ndb-linkable\t2026-01-01\t\
             2027-01-01\t45\t1\tv1\t2025-11-01\tanonymized\tfalse",
            "part\t17\t20000",
            "whole\t17",
        ]
    }

    #[test]
    fn events_are_read_as_they_are_written() {
        for line in events() {
            let event = Event::decode(line).unwrap();
            assert_eq!(event.encode().as_str(), line);
            let nobody = ["revoked", "provided", "part", "whole"];
            let nobody = nobody.map(|word| line.starts_with(word));
            assert_eq!(event.chart().is_none(), nobody.contains(&true));
        }
    }

    #[test]
    fn a_line_that_lacks_or_adds_a_field_is_refused() {
        for line in events() {
            assert!(Event::decode(&format!("{line}\t")).is_err(), "{line}");
            let (short, _) = line.rsplit_once('\t').unwrap();
            assert!(Event::decode(short).is_err(), "{short}");
            let wrong = line.replacen('\t', "\t\u{1}", 1);
            assert!(Event::decode(&wrong).is_err(), "{wrong}");
        }
        assert!(Event::decode("").is_err() && Event::decode("opened\t1").is_err());
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "(notified|stopped|revoked|held)?(\t[^\t]{0,12}){0,8}") {
            let _ = Event::decode(&line);
        }
    }
}
