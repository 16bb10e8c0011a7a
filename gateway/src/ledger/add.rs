//! One entry by hand at the command line, told as TOML on standard input: arguments of a program
//! are visible to others. A fault names the field and never what stands in it.

use std::io::Read as _;
use std::str::FromStr;

use config::gateway::Settings;
use jiff::ToSpan as _;
use privacy::gate::{Channel, Consent, Event, Notice, Scope, Stop, Terms, Verification};
use record::{ChartNumber, Date};
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::any_spelling;
use super::lists::chart;
use crate::error::{Failure, Problem};

/// What an entry can take at most.
const ENTERED_MAX: u64 = 4 << 10;

/// Every field that any kind of entry has.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Entered {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    chart: String,
    #[serde(default)]
    on: String,
    #[serde(default)]
    requester: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    verification: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    document: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    birth: String,
    #[serde(default)]
    into: String,
}

/// What an entry asks of the clock.
pub(super) struct Entry {
    /// The entry.
    pub(super) event: Event,
    /// Whether it brings the day nearer on which something leaves, so that its day must be sure.
    pub(super) opens: bool,
}

/// Reads an entry from standard input.
///
/// # Errors
/// It cannot be read, or says what no entry says.
pub(super) fn entered(settings: &Settings, today: Date) -> Result<Entry, Failure> {
    let mut text = Zeroizing::new(String::new());
    let mut input = std::io::stdin().take(ENTERED_MAX);
    let read = input.read_to_string(&mut text);
    read.map_err(|_| wrong("UTF-8"))?;
    of_text(&text, &super::terms(settings)?, today)
}

fn of_text(text: &str, terms: &Terms, today: Date) -> Result<Entry, Failure> {
    // The error of the reader may quote the line.
    let entered: Entered = toml::from_str(text).map_err(|_| wrong("TOML"))?;
    let number = chart(&entered.chart).ok_or_else(|| wrong("chart"))?;
    let on = optional(&entered.on, "on: YYYY-MM-DD")?.unwrap_or(today);
    if on > today {
        return Err(wrong("on: in the future"));
    }
    let (event, fields): (_, &[&str]) = match entered.kind.as_str() {
        "stop" => (
            entered.stop(number, on)?,
            &["requester", "channel", "verification", "scope"],
        ),
        "notice" => (
            entered.notice(number, on, terms)?,
            &["document", "method", "birth"],
        ),
        "visit" => (Event::Visited { chart: number, on }, &[]),
        "consent" => (entered.consent(number, on, terms)?, &["document", "scope"]),
        "merge" => (entered.merge(number)?, &["into"]),
        _ => return Err(wrong("kind: stop, notice, visit, consent, merge")),
    };
    // What is not read must not look as if it counted.
    let unread = entered
        .told()
        .into_iter()
        .find(|name| !fields.contains(name));
    if let Some(name) = unread {
        return Err(wrong(&format!("{name}: not of this kind")));
    }
    if matches!(event, Event::Merged { .. }) && !entered.on.is_empty() {
        return Err(wrong("on: not of this kind"));
    }
    let opens = !matches!(event, Event::Stopped(_) | Event::Merged { .. });
    Ok(Entry { event, opens })
}

impl Entered {
    /// The fields that say something, but for those that every kind has.
    fn told(&self) -> Vec<&'static str> {
        let all = [
            ("requester", &self.requester),
            ("channel", &self.channel),
            ("verification", &self.verification),
            ("scope", &self.scope),
            ("document", &self.document),
            ("method", &self.method),
            ("birth", &self.birth),
            ("into", &self.into),
        ];
        let told = all.into_iter().filter(|(_, text)| !text.is_empty());
        told.map(|(name, _)| name).collect()
    }

    fn stop(&self, chart: ChartNumber, requested_on: Date) -> Result<Event, Failure> {
        let words = "requester: self, family, bereaved, representative, guardian";
        let channel = optional(&self.channel, "channel: desk, paper, phone")?;
        let verification = optional(
            &self.verification,
            "verification: unverified, document, known",
        )?;
        Ok(Event::Stopped(Stop {
            chart,
            requested_on,
            requester: optional(&self.requester, words)?.ok_or_else(|| wrong(words))?,
            channel: channel.unwrap_or(Channel::Desk),
            verification: verification.unwrap_or(Verification::Unverified),
            scope: self.scope()?,
        }))
    }

    fn notice(&self, chart: ChartNumber, on: Date, terms: &Terms) -> Result<Event, Failure> {
        let words = "method: handed, posted, kiosk, letter";
        let birth: Option<Date> = optional(&self.birth, "birth: YYYY-MM-DD")?;
        let sixteen = birth.map(|birth| birth.checked_add(16.years())).transpose();
        let sixteen = sixteen.map_err(|_| wrong("birth: YYYY-MM-DD"))?;
        Ok(Event::Notified(Notice {
            chart,
            notified_on: on,
            document: self.document(on, terms)?,
            method: optional(&self.method, words)?.ok_or_else(|| wrong(words))?,
            sixteen_on: sixteen.filter(|sixteen| on < *sixteen),
        }))
    }

    fn consent(&self, chart: ChartNumber, given_on: Date, terms: &Terms) -> Result<Event, Failure> {
        Ok(Event::Consented(Consent {
            chart,
            given_on,
            document: self.document(given_on, terms)?,
            scope: self.scope()?,
        }))
    }

    fn merge(&self, from: ChartNumber) -> Result<Event, Failure> {
        let into = chart(&self.into).ok_or_else(|| wrong("into"))?;
        match any_spelling(&from).expose() == any_spelling(&into).expose() {
            true => Err(wrong("into: the same number")),
            false => Ok(Event::Merged { from, into }),
        }
    }

    fn scope(&self) -> Result<Scope, Failure> {
        let scope = optional(&self.scope, "scope: DOMAINS/PRODUCTS/FROM..UNTIL")?;
        Ok(scope.unwrap_or(Scope::ALL))
    }

    fn document(&self, on: Date, terms: &Terms) -> Result<privacy::gate::DocumentVersion, Failure> {
        let words = "document: one of notice.documents that was out on the day";
        let version = optional(&self.document, words)?.ok_or_else(|| wrong(words))?;
        let mut listed = terms.documents.iter();
        match listed.any(|it| it.version == version && it.published_on <= on) {
            true => Ok(version),
            false => Err(wrong(words)),
        }
    }
}

fn optional<T: FromStr>(text: &str, expected: &str) -> Result<Option<T>, Failure> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| wrong(expected)),
    }
}

fn wrong(detail: &str) -> Failure {
    Failure::new(Problem::LedgerAdd, detail.to_owned())
}

#[cfg(test)]
mod tests {
    use privacy::gate::{Contract, ContractKind, HoldDays, NoticeDocument, Products};

    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn read(text: &str) -> Result<Entry, Failure> {
        let contract = Contract {
            id: "C".parse().unwrap(),
            kind: ContractKind::Individual,
            filing: None,
            products: Products::ALL,
            effective_from: day("2026-01-01"),
            leaves_on: None,
            hold_days: HoldDays::SHORTEST,
        };
        let text_v1 = NoticeDocument {
            version: "v1".parse().unwrap(),
            published_on: day("2026-03-15"),
            products: Products::ALL,
            reopens: false,
        };
        of_text(text, &Terms::of(contract, text_v1), day("2026-06-01"))
    }

    /// B-003: every kind of entry, as it stands in the ledger then.
    #[test]
    fn one_entry_of_each_kind_is_read() {
        for (text, line, opens) in [
            (
                "kind = \"stop\"\nchart = \"0012345\"\nrequester = \"family\"\n\
                 channel = \"phone\"\nverification = \"document\"\nscope = \"care/*/..\"\n\
                 on = \"2026-05-30\"",
                "stopped\t0012345\t2026-05-30\tfamily\tphone\tdocument\tcare/*/..",
                false,
            ),
            (
                "kind = \"stop\"\nchart = \"0012345\"\nrequester = \"self\"",
                "stopped\t0012345\t2026-06-01\tself\tdesk\tunverified\t*/*/..",
                false,
            ),
            (
                "kind = \"notice\"\nchart = \"7\"\ndocument = \"v1\"\nmethod = \"letter\"\n\
                 birth = \"2010-06-02\"",
                "notified\t7\t2026-06-01\tv1\tletter\t2026-06-02",
                true,
            ),
            (
                "kind = \"notice\"\nchart = \"7\"\ndocument = \"v1\"\nmethod = \"letter\"\n\
                 birth = \"2010-06-01\"",
                "notified\t7\t2026-06-01\tv1\tletter\t",
                true,
            ),
            (
                "kind = \"visit\"\nchart = \"A-7\"\non = \"2026-05-30\"",
                "visited\tA-7\t2026-05-30",
                true,
            ),
            (
                "kind = \"consent\"\nchart = \"7\"\ndocument = \"v1\"\nscope = \"*/anonymized/..\"",
                "consented\t7\t2026-06-01\tv1\t*/anonymized/..",
                true,
            ),
            (
                "kind = \"merge\"\nchart = \"7\"\ninto = \"8\"",
                "merged\t7\t8",
                false,
            ),
        ] {
            let entry = read(text).unwrap();
            assert_eq!(entry.event.encode().as_str(), line);
            assert_eq!(entry.opens, opens, "{line}");
        }
    }

    #[test]
    fn what_no_entry_says_is_refused_by_field_without_quoting_it() {
        for (text, field) in [
            ("kind = \"stop\"\nchart = \"0012345\"", "requester"),
            (
                "kind = \"stop\"\nchart = \"００12345\"\nrequester = \"self\"",
                "chart",
            ),
            (
                "kind = \"stop\"\nchart = \"0012345\"\nrequester = \"Yamada\"",
                "requester",
            ),
            (
                "kind = \"stop\"\nchart = \"0012345\"\nrequester = \"self\"\non = \"2026-06-02\"",
                "on",
            ),
            (
                "kind = \"stop\"\nchart = \"0012345\"\nrequester = \"self\"\ninto = \"0067890\"",
                "into",
            ),
            (
                "kind = \"visit\"\nchart = \"0012345\"\nscope = \"*/*/..\"",
                "scope",
            ),
            (
                "kind = \"merge\"\nchart = \"0012345\"\ninto = \"12345\"",
                "into",
            ),
            (
                "kind = \"merge\"\nchart = \"1\"\ninto = \"2\"\non = \"2026-05-01\"",
                "on",
            ),
            (
                "kind = \"notice\"\nchart = \"0012345\"\nmethod = \"handed\"",
                "document",
            ),
            (
                "kind = \"notice\"\nchart = \"0012345\"\nmethod = \"handed\"\ndocument = \"v1\"\n\
                 on = \"2026-03-14\"",
                "document",
            ),
            ("kind = \"no\"\nchart = \"0012345\"", "kind"),
            ("kind = \"stop\"\nname = \"Yamada\"", "TOML"),
            ("", "chart"),
        ] {
            let failure = read(text).err().map(|failure| failure.to_string()).unwrap();
            assert!(failure.contains(field), "{failure}");
            for hidden in ["12345", "67890", "Yamada"] {
                assert!(!failure.contains(hidden), "{failure}");
            }
        }
    }
}
