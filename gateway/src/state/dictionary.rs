//! Which names of the house's codes how many patients have (B-111): by keyed references only, until
//! enough have one.

use std::collections::BTreeMap;

use privacy::dictionary::{Candidate, FEWEST_PATIENTS, TermRef};
use record::SubjectRef;
use record::dictionary::Term;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::State;
use crate::error::Failure;

/// Brings a state file to where names of codes are counted.
pub(super) const MIGRATION: &str = "
    -- Names that leave no more: told in a batch, or barred for ever because one names somebody.
    CREATE TABLE term (term BLOB PRIMARY KEY, sequence INTEGER) WITHOUT ROWID;
    -- Who has a name that is still counted.
    CREATE TABLE term_of (
        term BLOB NOT NULL,
        subject BLOB NOT NULL,
        PRIMARY KEY (term, subject)
    ) WITHOUT ROWID;
";

/// What the files of patients call the house's codes: each name once, with patients who have it.
#[derive(Default)]
pub(crate) struct Sayings(BTreeMap<TermRef, Saying>);

struct Saying {
    candidate: Candidate,
    /// At most [`FEWEST_PATIENTS`].
    subjects: Vec<SubjectRef>,
    /// Whether it names anybody.
    barred: bool,
}

impl Sayings {
    /// Adds what the files of one patient say.
    pub(crate) fn add(&mut self, subject: SubjectRef, candidates: Vec<Candidate>) {
        for candidate in candidates {
            let barred = !candidate.is_clean();
            let saying = self.0.entry(candidate.reference()).or_insert(Saying {
                candidate,
                subjects: Vec::new(),
                barred: false,
            });
            saying.barred |= barred;
            if saying.subjects.len() < FEWEST_PATIENTS && !saying.subjects.contains(&subject) {
                saying.subjects.push(subject);
            }
        }
    }
}

/// The lines of the dictionary that a batch tells, and their references.
#[derive(Default)]
pub(crate) struct Told {
    /// The lines, in order.
    pub(crate) terms: Vec<Term>,
    references: Vec<TermRef>,
}

impl State {
    /// Which names enough patients have now, those of earlier batches among them.
    pub(crate) fn tellable(&self, sayings: &Sayings) -> Result<Told, Failure> {
        let mut told = Told::default();
        for (reference, saying) in &sayings.0 {
            if saying.barred || self.is_settled(*reference)? {
                continue;
            }
            let patients = saying.subjects.len() + self.others(*reference, &saying.subjects)?;
            if let Some(term) = saying.candidate.release(patients) {
                told.terms.push(term);
                told.references.push(*reference);
            }
        }
        told.terms.sort_unstable();
        Ok(told)
    }

    fn is_settled(&self, term: TermRef) -> Result<bool, Failure> {
        let query = "SELECT 1 FROM term WHERE term = ?1";
        let mut query = self.connection.prepare_cached(query)?;
        let found: Option<i64> = query
            .query_row([term.as_bytes()], |row| row.get(0))
            .optional()?;
        Ok(found.is_some())
    }

    /// How many patients of earlier batches have a name, without these.
    fn others(&self, term: TermRef, without: &[SubjectRef]) -> Result<usize, Failure> {
        let mut query = self
            .connection
            .prepare_cached("SELECT subject FROM term_of WHERE term = ?1")?;
        let subjects = query.query_map([term.as_bytes()], |row| row.get(0))?;
        let mut others = 0;
        for subject in subjects {
            let subject = SubjectRef::new(subject?);
            others += usize::from(!without.contains(&subject));
        }
        Ok(others)
    }
}

/// Counts who has which name, bars those that name somebody and notes those that a batch tells.
pub(super) fn settle(
    transaction: &Transaction<'_>,
    sayings: &Sayings,
    told: &Told,
    sequence: Option<u64>,
) -> Result<(), Failure> {
    let settle = |term: TermRef, sequence: Option<u64>| -> Result<(), Failure> {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO term VALUES (?1, ?2)")?
            .execute(params![term.as_bytes(), sequence])?;
        transaction
            .prepare_cached("DELETE FROM term_of WHERE term = ?1")?
            .execute([term.as_bytes()])?;
        Ok(())
    };
    for (term, saying) in &sayings.0 {
        if saying.barred {
            settle(*term, None)?;
            continue;
        }
        for subject in &saying.subjects {
            transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO term_of SELECT ?1, ?2
                     WHERE NOT EXISTS (SELECT 1 FROM term WHERE term = ?1)
                     AND (SELECT COUNT(*) FROM term_of WHERE term = ?1) < ?3",
                )?
                .execute(params![
                    term.as_bytes(),
                    subject.as_bytes(),
                    FEWEST_PATIENTS as i64
                ])?;
        }
    }
    told.references
        .iter()
        .try_for_each(|term| settle(*term, sequence))
}
