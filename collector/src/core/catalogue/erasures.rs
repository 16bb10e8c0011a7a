//! Erasures: what a site told, and how far it is done.

use std::collections::BTreeMap;

use record::{SiteId, SubjectRef};
use rusqlite::{Transaction, params};

use super::batches::{signed, unsigned};
use super::ledger::{Event, append};
use super::{Accepted, Catalogue, Member, Stored, damaged};
use crate::core::failure::Result;

/// What is to be erased of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Erasure {
    /// The site.
    pub(crate) site: SiteId,
    /// The person.
    pub(crate) subject: SubjectRef,
    /// The place in the chain before which everything goes.
    pub(crate) sequence: u64,
}

/// Notes the erasures that a batch tells of. Who the person is at the centre is forgotten at once;
/// files follow.
pub(super) fn tell(transaction: &Transaction<'_>, batch: &Accepted, at: i64) -> Result<()> {
    for subject in &batch.erased {
        let (site, bytes) = (batch.site.as_str(), subject.as_bytes());
        transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO erasure (site, subject, sequence, told_at)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![site, bytes, signed(batch.sequence), at])?;
        for step in [
            "DELETE FROM member WHERE site = ?1 AND subject = ?2",
            "DELETE FROM link
             WHERE (site_a = ?1 AND subject_a = ?2) OR (site_b = ?1 AND subject_b = ?2)",
            "DELETE FROM apart
             WHERE (site_a = ?1 AND subject_a = ?2) OR (site_b = ?1 AND subject_b = ?2)",
        ] {
            transaction
                .prepare_cached(step)?
                .execute(params![site, bytes])?;
        }
        let member = Member {
            site: batch.site.clone(),
            subject: *subject,
        };
        let event = Event::Erased {
            subject: member.named(),
            sequence: batch.sequence,
        };
        append(transaction, &event, at)?;
    }
    Ok(())
}

impl Catalogue {
    /// Erasures of which files are left, by site and subject.
    pub(crate) fn erasures_to_do(&self) -> Result<Vec<Erasure>> {
        let mut query = self.connection.prepare_cached(
            "SELECT site, subject, sequence FROM erasure WHERE done_at IS NULL ORDER BY 1, 2, 3",
        )?;
        let rows = query.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
        })?;
        rows.map(|row| {
            let (site, subject, sequence) = row?;
            Ok(Erasure {
                site: site.parse().map_err(|_| damaged("erasure"))?,
                subject: SubjectRef::new(subject),
                sequence: unsigned(sequence),
            })
        })
        .collect()
    }

    /// Notes that a table file was written anew.
    pub(crate) fn restate(&mut self, site: &SiteId, sequence: u64, file: &Stored) -> Result<()> {
        self.connection.execute(
            "UPDATE batch_table SET rows = ?4, digest = ?5
             WHERE site = ?1 AND sequence = ?2 AND name = ?3",
            params![
                site.as_str(),
                signed(sequence),
                file.name,
                signed(file.rows),
                file.digest
            ],
        )?;
        Ok(())
    }

    /// Notes that nothing of these persons is left, with the files that were looked through and
    /// the rows that went from them for each.
    pub(crate) fn erased(
        &mut self,
        erasures: &[Erasure],
        (files, rows): (&BTreeMap<Member, u64>, &BTreeMap<Member, u64>),
        at: i64,
    ) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for erasure in erasures {
            transaction
                .prepare_cached(
                    "UPDATE erasure SET done_at = ?4
                     WHERE site = ?1 AND subject = ?2 AND sequence = ?3",
                )?
                .execute(params![
                    erasure.site.as_str(),
                    erasure.subject.as_bytes(),
                    signed(erasure.sequence),
                    at
                ])?;
            let member = Member {
                site: erasure.site.clone(),
                subject: erasure.subject,
            };
            let count = |of: &BTreeMap<Member, u64>| of.get(&member).copied().unwrap_or_default();
            let event = Event::ErasureDone {
                subject: member.named(),
                sequence: erasure.sequence,
                files: count(files),
                rows: count(rows),
            };
            append(&transaction, &event, at)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// How many erasures were done, and how many are to be.
    pub(crate) fn erasures(&self) -> Result<(u64, u64)> {
        let query = "SELECT count(done_at), count(*) - count(done_at) FROM erasure";
        let counts = self.connection.query_row(query, [], |row| {
            Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)))
        })?;
        Ok(counts)
    }
}
