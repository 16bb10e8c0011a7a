//! Persons: research IDs, their subjects, and the links that made them so.

use record::{ResearchId, SiteId, SubjectRef};
use rusqlite::{Transaction, params};

use super::batches::{signed, unsigned};
use super::ledger::{Event, append};
use super::{Catalogue, damaged};
use crate::core::failure::Result;

/// A subject of a site, as a value to sort and compare by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    /// The site.
    pub(crate) site: SiteId,
    /// The site's reference to the person.
    pub(crate) subject: SubjectRef,
}

impl Member {
    /// `SITE:reference`, as ledger entries and exports write it.
    pub(crate) fn named(&self) -> String {
        format!("{}:{}", self.site, self.subject)
    }

    /// Reads what [`Member::named`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (site, subject) = text.split_once(':')?;
        Some(Self {
            site: site.parse().ok()?,
            subject: subject.parse().ok()?,
        })
    }
}

/// A research ID that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person {
    /// The ID.
    pub(crate) id: ResearchId,
    /// The ledger height of its minting: smaller is older.
    pub(crate) minted: u64,
}

/// Why two subjects are one person.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    /// One subject.
    pub(crate) a: Member,
    /// The other.
    pub(crate) b: Member,
    /// The strongest rule that held.
    pub(crate) rule: &'static str,
    /// The score in bits.
    pub(crate) score: f64,
    /// Everything that was compared, with how it came out.
    pub(crate) evidence: String,
}

/// A change of the persons, to be written as one transaction.
pub(crate) struct Change {
    transaction_at: i64,
    members: Vec<(Member, ResearchId)>,
    events: Vec<Planned>,
}

/// A ledger entry with what it does to the table of persons.
enum Planned {
    Minted(ResearchId, Event),
    Merged(ResearchId, ResearchId, Event),
    Noted(Event),
}

impl Change {
    /// An empty change.
    pub(crate) fn new(at: i64) -> Self {
        Self {
            transaction_at: at,
            members: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Sets the person of a subject.
    pub(crate) fn set(&mut self, member: &Member, person: ResearchId) {
        self.members.push((member.clone(), person));
    }

    /// A new research ID with its first subjects.
    pub(crate) fn mint(&mut self, person: ResearchId, event: Event) {
        self.events.push(Planned::Minted(person, event));
    }

    /// One research ID ends in another.
    pub(crate) fn merge(&mut self, from: ResearchId, into: ResearchId, event: Event) {
        self.events.push(Planned::Merged(from, into, event));
    }

    /// Any other entry.
    pub(crate) fn note(&mut self, event: Event) {
        self.events.push(Planned::Noted(event));
    }
}

impl Catalogue {
    /// Every subject with its person, in order.
    pub(crate) fn members(&self) -> Result<Vec<(Member, ResearchId)>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT site, subject, research_id FROM member ORDER BY 1, 2")?;
        let rows = query.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
        })?;
        rows.map(|row| {
            let (site, subject, person) = row?;
            let site = site.parse().map_err(|_| damaged("member"))?;
            Ok((
                Member {
                    site,
                    subject: SubjectRef::new(subject),
                },
                ResearchId::new(person),
            ))
        })
        .collect()
    }

    /// Research IDs that stand, oldest first.
    pub(crate) fn persons(&self) -> Result<Vec<Person>> {
        let mut query = self.connection.prepare_cached(
            "SELECT research_id, minted FROM person WHERE merged_into IS NULL
             ORDER BY minted, research_id",
        )?;
        let rows = query.query_map([], |row| {
            Ok(Person {
                id: ResearchId::new(row.get(0)?),
                minted: unsigned(row.get(1)?),
            })
        })?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// Whether a research ID was ever used.
    pub(crate) fn used(&self, id: &ResearchId) -> Result<bool> {
        let mut query = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM person WHERE research_id = ?1)")?;
        Ok(query.query_row([id.as_bytes()], |row| row.get(0))?)
    }

    /// Writes a change and the links of the run that made it, in one transaction.
    pub(crate) fn relink(&mut self, change: Change, links: &[Link]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for planned in change.events {
            apply(&transaction, planned, change.transaction_at)?;
        }
        for (member, person) in change.members {
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO member (site, subject, research_id)
                     VALUES (?1, ?2, ?3)",
                )?
                .execute(params![
                    member.site.as_str(),
                    member.subject.as_bytes(),
                    person.as_bytes()
                ])?;
        }
        transaction.execute("DELETE FROM link", [])?;
        for link in links {
            transaction
                .prepare_cached(
                    "INSERT INTO link (site_a, subject_a, site_b, subject_b, rule, score, evidence)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    link.a.site.as_str(),
                    link.a.subject.as_bytes(),
                    link.b.site.as_str(),
                    link.b.subject.as_bytes(),
                    link.rule,
                    link.score,
                    link.evidence
                ])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Links of the last run by rule.
    pub(crate) fn links_by_rule(&self) -> Result<Vec<(String, u64)>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT rule, count(*) FROM link GROUP BY rule ORDER BY rule")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// Rules that two subjects are different persons, and says so in the ledger. Returns whether
    /// it is new.
    pub(crate) fn set_apart(&mut self, a: &Member, b: &Member, at: i64) -> Result<bool> {
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        let transaction = self.connection.transaction()?;
        let added = transaction.execute(
            "INSERT OR IGNORE INTO apart (site_a, subject_a, site_b, subject_b)
             VALUES (?1, ?2, ?3, ?4)",
            params![
                a.site.as_str(),
                a.subject.as_bytes(),
                b.site.as_str(),
                b.subject.as_bytes()
            ],
        )?;
        if added > 0 {
            append(
                &transaction,
                &Event::Apart {
                    a: a.named(),
                    b: b.named(),
                },
                at,
            )?;
        }
        transaction.commit()?;
        Ok(added > 0)
    }

    /// Pairs that were ruled to be different persons, the smaller member first.
    pub(crate) fn apart(&self) -> Result<Vec<(Member, Member)>> {
        let mut query = self.connection.prepare_cached(
            "SELECT site_a, subject_a, site_b, subject_b FROM apart ORDER BY 1, 2, 3, 4",
        )?;
        let rows = query.query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get(1)?,
                row.get::<_, String>(2)?,
                row.get(3)?,
            ))
        })?;
        rows.map(|row| {
            let (site_a, subject_a, site_b, subject_b) = row?;
            let member = |site: String, subject| -> Result<Member> {
                let site = site.parse().map_err(|_| damaged("apart"))?;
                Ok(Member {
                    site,
                    subject: SubjectRef::new(subject),
                })
            };
            Ok((member(site_a, subject_a)?, member(site_b, subject_b)?))
        })
        .collect()
    }
}

fn apply(transaction: &Transaction<'_>, planned: Planned, at: i64) -> Result<()> {
    match planned {
        Planned::Minted(person, event) => {
            let height = append(transaction, &event, at)?;
            transaction
                .prepare_cached("INSERT INTO person (research_id, minted) VALUES (?1, ?2)")?
                .execute(params![person.as_bytes(), signed(height)])?;
        }
        Planned::Merged(from, into, event) => {
            append(transaction, &event, at)?;
            transaction
                .prepare_cached("UPDATE person SET merged_into = ?2 WHERE research_id = ?1")?
                .execute(params![from.as_bytes(), into.as_bytes()])?;
        }
        Planned::Noted(event) => {
            append(transaction, &event, at)?;
        }
    }
    Ok(())
}
