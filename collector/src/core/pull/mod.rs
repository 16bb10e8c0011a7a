//! Pull: from the inbox to the tables, batch by batch, in the order of each site's chain.
//!
//! Table files are written first, whole; then one transaction of the catalogue makes them count.
//! A run that is killed at any point leaves at most files that do not count, and the next run
//! writes them again.

mod check;
pub(crate) mod inbox;
#[cfg(test)]
mod participants_tests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use envelope::{CoreSecretKey, inspect, open_rewrapped, open_within};
use record::{BatchId, Date, SiteId};
use serde::Serialize;

pub(crate) use self::check::origin;
use self::check::{Place, Reason};
use self::inbox::Entry;
use super::catalogue::{Accepted, Catalogue, Decided, Outcome};
use super::durable;
use super::failure::{Failure, Problem, Result};
use super::folder::Folder;
use super::letters;
use super::rewrap;
use super::settings::Settings;
use super::tables::{Batch, Rekey, digest};

/// Why batches of a site wait whose chain has forked.
const STOPPED: &str = "site_stopped";

/// What a run took, refused and left waiting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Files in the inbox.
    pub(crate) files: u64,
    /// Files that an earlier run had decided about.
    pub(crate) decided_before: u64,
    /// Batches taken in this run.
    pub(crate) accepted: u64,
    /// Bytes of these batches.
    pub(crate) accepted_bytes: u64,
    /// Subjects in these batches.
    pub(crate) subjects: u64,
    /// Documents in these batches.
    pub(crate) documents: u64,
    /// Documents among them that take back an earlier one.
    pub(crate) withdrawn: u64,
    /// Persons of whom these batches say that everything before is to be erased.
    pub(crate) erased: u64,
    /// Lines of site dictionaries in them.
    pub(crate) terms: u64,
    /// Records in these batches by kind.
    pub(crate) records: BTreeMap<String, u64>,
    /// Files refused in this run, by reason.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Files that wait, by reason.
    pub(crate) waiting: BTreeMap<String, u64>,
    /// Files that hold a batch taken before.
    pub(crate) duplicates: u64,
}

/// What a run needs.
pub(crate) struct Pull<'a> {
    /// Settings.
    pub(crate) settings: &'a Settings,
    /// The state folder.
    pub(crate) folder: &'a Folder,
    /// The catalogue.
    pub(crate) catalogue: &'a mut Catalogue,
    /// Opens batches.
    pub(crate) keys: &'a [CoreSecretKey],
    /// Keys tokens again.
    pub(crate) rekey: &'a Rekey,
    /// Now, in seconds since 1970.
    pub(crate) at: i64,
    /// Today in Japan.
    pub(crate) today: Date,
}

/// A file whose outside is in order, waiting for its turn. Its content is read again then, so that
/// memory holds one batch at a time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    site: SiteId,
    sequence: u64,
    id: BatchId,
    previous: Option<[u8; 32]>,
    entry: Entry,
}

/// Batches of one place of a chain that name the same predecessor.
type Siblings = BTreeMap<(SiteId, u64, Option<[u8; 32]>), BTreeSet<BatchId>>;

impl Pull<'_> {
    /// Takes what can be taken.
    ///
    /// # Errors
    /// The inbox cannot be read, or the state not written. Bad batches are no error: they are
    /// refused, counted and kept.
    pub(crate) fn run(mut self) -> Result<Summary> {
        let entries = inbox::list(&self.settings.inbox, self.settings.limits.inbox_files)?;
        let mut summary = Summary {
            files: entries.len() as u64,
            ..Summary::default()
        };
        let mut candidates = Vec::new();
        for entry in entries {
            candidates.extend(self.look(entry, &mut summary)?);
        }
        candidates.sort_unstable();
        let overdue = letters::overdue(self.catalogue, self.at)?;
        let mut siblings = Siblings::new();
        for Candidate {
            site,
            sequence,
            previous,
            id,
            ..
        } in &candidates
        {
            let place = (site.clone(), *sequence, *previous);
            siblings.entry(place).or_default().insert(*id);
        }
        for candidate in candidates {
            if overdue.contains(&candidate.site) {
                self.wait(&candidate, "stop_order_unconfirmed", &mut summary)?;
            } else if self.catalogue.is_stopped(&candidate.site)? {
                self.wait(&candidate, STOPPED, &mut summary)?;
            } else {
                self.take(candidate, &siblings, &mut summary)?;
            }
        }
        Ok(summary)
    }

    /// Looks at a file from outside.
    fn look(&mut self, entry: Entry, summary: &mut Summary) -> Result<Option<Candidate>> {
        if let Some(before) = self.catalogue.decided(&entry.path)?
            && (before.size, before.modified) == (entry.size, entry.modified)
            && before.outcome != Outcome::Waiting
        {
            summary.decided_before += 1;
            return Ok(None);
        }
        let bytes = match entry.read(self.settings.limits.batch_bytes) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.refuse(&entry, None, &Reason::new("too_large"), summary),
            // It may be readable next time, so it is not decided.
            Err(_) => {
                *summary.waiting.entry("unreadable".to_owned()).or_default() += 1;
                return Ok(None);
            }
        };
        let batch = match inspect(&bytes) {
            Ok(batch) => batch,
            Err(error) => return self.refuse(&entry, None, &error.into(), summary),
        };
        let candidate = Candidate {
            site: batch.manifest.site.clone(),
            sequence: batch.manifest.sequence,
            id: batch.id,
            previous: batch.manifest.previous,
            entry,
        };
        match check::origin(&batch, self.settings) {
            Ok(_) => Ok(Some(candidate)),
            Err(reason) => {
                self.refuse(&candidate.entry, Some(&candidate), &reason, summary)?;
                Ok(None)
            }
        }
    }

    /// Takes, refuses or leaves a candidate, now that everything before it is decided.
    fn take(
        &mut self,
        candidate: Candidate,
        siblings: &Siblings,
        summary: &mut Summary,
    ) -> Result<()> {
        let Ok(Some(bytes)) = candidate.entry.read(self.settings.limits.batch_bytes) else {
            *summary.waiting.entry("unreadable".to_owned()).or_default() += 1;
            return Ok(());
        };
        let judged = self.judge(&candidate, siblings, &bytes)?;
        match judged {
            Judged::Fork(batches) => {
                let (site, sequence) = (&candidate.site, candidate.sequence);
                self.catalogue.stop(site, sequence, &batches, self.at)?;
                self.wait(&candidate, STOPPED, summary)
            }
            Judged::Take(batch) => self.accept(&candidate, &batch, bytes.len() as u64, summary),
            Judged::Wait(reason) => self.wait(&candidate, reason, summary),
            Judged::Duplicate => {
                summary.duplicates += 1;
                self.note(
                    &candidate.entry,
                    Some(&candidate),
                    Outcome::Duplicate,
                    "duplicate",
                )
            }
            Judged::Refuse(reason) => {
                self.refuse(&candidate.entry, Some(&candidate), &reason, summary)?;
                Ok(())
            }
        }
    }

    fn wait(&mut self, candidate: &Candidate, reason: &str, summary: &mut Summary) -> Result<()> {
        *summary.waiting.entry(reason.to_owned()).or_default() += 1;
        self.note(&candidate.entry, Some(candidate), Outcome::Waiting, reason)
    }

    fn judge(&self, candidate: &Candidate, siblings: &Siblings, bytes: &[u8]) -> Result<Judged> {
        let batch = match inspect(bytes) {
            Ok(batch) if batch.id == candidate.id => batch,
            _ => return Ok(Judged::Refuse(Reason::new("changed_while_read"))),
        };
        let site = match check::origin(&batch, self.settings) {
            Ok(site) => site,
            Err(reason) => return Ok(Judged::Refuse(reason)),
        };
        if self.catalogue.discarded(&candidate.id)? {
            return Ok(Judged::Refuse(Reason::new("forked")));
        }
        let chain = self.catalogue.chain(&candidate.site)?;
        match check::place(&batch.manifest, chain) {
            Place::Next => {
                let others = self.others(candidate, siblings)?;
                if others.len() > 1 {
                    return Ok(Judged::Fork(others));
                }
            }
            Place::Ahead => return Ok(Judged::Wait("waiting_for_predecessor")),
            Place::Broken => return Ok(Judged::Refuse(Reason::new("broken_chain"))),
            Place::Taken => return self.taken(candidate),
        }
        if let Err(reason) = check::admission(&batch.manifest, site, self.settings, self.today) {
            return Ok(Judged::Refuse(reason));
        }
        // The site's records are in order and wait: tokens of an ended key are not linked.
        if check::epoch_ended(&batch.manifest, self.settings.least_token_epoch(site)) {
            return Ok(Judged::Wait("token_epoch_ended"));
        }
        // A wrong key of the core's is no fault of the batch: refused, it would stay so, and with
        // it everything behind it in the site's chain.
        let ours = |id| self.keys.iter().find(|key| key.id() == id);
        let by_itself = self.keys.iter().find(|key| batch.header.is_for(key.id()));
        let beside = match by_itself {
            Some(_) => None,
            None => rewrap::find(&self.folder.rewrapped(), &batch.id)?,
        };
        let beside = beside.and_then(|beside| ours(beside.key()).map(|key| (beside, key)));
        let limits = envelope::Limits {
            content_bytes: self.settings.limits.content_bytes,
            ..envelope::Limits::default()
        };
        let signer = match check::signer(&batch, site) {
            Ok(signer) => signer,
            Err(reason) => return Ok(Judged::Refuse(reason)),
        };
        let opened = match (by_itself, beside) {
            (Some(key), _) => open_within(bytes, signer, key, &limits),
            (None, Some((beside, key))) => open_rewrapped(bytes, &beside, signer, key, &limits),
            (None, None) => return Ok(Judged::Wait("other_recipient")),
        };
        Ok(
            match opened.map(|opened| (check::content(&opened), opened)) {
                Ok((Ok(()), opened)) => Judged::Take(Box::new(opened)),
                Ok((Err(reason), _)) => Judged::Refuse(reason),
                Err(error) => Judged::Refuse(error.into()),
            },
        )
    }

    /// Batches for the place of a candidate and with its predecessor that nobody decided against.
    fn others(&self, candidate: &Candidate, siblings: &Siblings) -> Result<Vec<BatchId>> {
        let place = (
            candidate.site.clone(),
            candidate.sequence,
            candidate.previous,
        );
        let mut others = Vec::new();
        for id in siblings.get(&place).into_iter().flatten() {
            if !self.catalogue.discarded(id)? {
                others.push(*id);
            }
        }
        Ok(others)
    }

    /// What a batch is for whose place there is one already. One that names the same predecessor is
    /// the other end of a fork; one that names another comes after such a one.
    fn taken(&self, candidate: &Candidate) -> Result<Judged> {
        let (site, sequence) = (&candidate.site, candidate.sequence);
        let taken = self.catalogue.accepted_at(site, sequence)?;
        if taken == Some(candidate.id) {
            return Ok(Judged::Duplicate);
        }
        let before = self.catalogue.manifest_digest_before(site, sequence)?;
        match taken {
            Some(taken) if before == candidate.previous => {
                Ok(Judged::Fork(vec![taken, candidate.id]))
            }
            _ => Ok(Judged::Refuse(Reason::new("broken_chain"))),
        }
    }

    fn accept(
        &mut self,
        candidate: &Candidate,
        batch: &envelope::Opened,
        bytes: u64,
        summary: &mut Summary,
    ) -> Result<()> {
        let content = Batch {
            site: &candidate.site,
            sequence: candidate.sequence,
            subjects: &batch.subjects,
        };
        let tables = content.write(&self.folder.tables(), self.rekey)?;
        let manifest = serde_json::to_string(&batch.manifest)
            .map_err(|error| Failure::because(Problem::State, "manifest", error))?;
        let documents: u64 = batch.manifest.documents.values().sum();
        let accepted = Accepted {
            site: candidate.site.clone(),
            sequence: candidate.sequence,
            id: candidate.id,
            manifest_digest: batch.manifest_digest,
            manifest,
            subjects: batch.manifest.subjects,
            documents,
            withdrawn: batch.manifest.withdrawn,
            erased: batch.erased.clone(),
            quality: batch.manifest.quality.clone(),
            terms: batch.terms.clone(),
            tables,
        };
        let file = decided(&candidate.entry, Some(candidate), Outcome::Accepted, "");
        self.catalogue.accept(&accepted, &file, self.at)?;
        summary.accepted += 1;
        summary.accepted_bytes += bytes;
        summary.subjects += accepted.subjects;
        summary.documents += documents;
        summary.withdrawn += accepted.withdrawn;
        summary.erased += accepted.erased.len() as u64;
        summary.terms += accepted.terms.len() as u64;
        for (kind, count) in &batch.manifest.records {
            *summary.records.entry(kind.to_string()).or_default() += count;
        }
        Ok(())
    }

    /// Keeps a bad file as evidence with its reason, then notes it. Always `None`.
    fn refuse(
        &mut self,
        entry: &Entry,
        candidate: Option<&Candidate>,
        reason: &Reason,
        summary: &mut Summary,
    ) -> Result<Option<Candidate>> {
        self.keep(entry, candidate, reason)?;
        self.note(entry, candidate, Outcome::Refused, reason.code())?;
        *summary.refused.entry(reason.code().to_owned()).or_default() += 1;
        Ok(None)
    }

    fn note(
        &mut self,
        entry: &Entry,
        candidate: Option<&Candidate>,
        outcome: Outcome,
        reason: &str,
    ) -> Result<()> {
        self.catalogue
            .note(&decided(entry, candidate, outcome, reason), self.at)
    }

    /// Copies a refused file into the evidence folder, named by its digest, beside its reason. A
    /// file above the limit is not copied: the reason names where it stands.
    fn keep(&self, entry: &Entry, candidate: Option<&Candidate>, reason: &Reason) -> Result<()> {
        let storing = |error| Failure::storing("evidence", error);
        let (digest, size) = match digest(&entry.place) {
            Ok(found) => found,
            Err(error) => return Err(Failure::because(Problem::Inbox, &entry.path, error)),
        };
        let name = BatchId::new(digest).to_string();
        let whole = entry
            .read(self.settings.limits.batch_bytes)
            .map_err(|error| Failure::because(Problem::Inbox, &entry.path, error))?;
        let folder = self.folder.evidence();
        if let Some(bytes) = &whole {
            durable::write(&folder.join(format!("{name}.batch")), bytes).map_err(storing)?;
        }
        let text = serde_json::json!({
            "inbox_path": entry.path,
            "sha256": name,
            "bytes": size,
            "copied": whole.is_some(),
            "claimed_site": candidate.map(|candidate| candidate.site.as_str()),
            "claimed_sequence": candidate.map(|candidate| candidate.sequence),
            "reason": reason.code(),
            "refused_at": self.at,
        });
        let path = folder.join(format!("{name}.json"));
        durable::write(&path, format!("{text:#}\n").as_bytes()).map_err(storing)
    }
}

enum Judged {
    Take(Box<envelope::Opened>),
    Wait(&'static str),
    Duplicate,
    Refuse(Reason),
    /// These contend for one place.
    Fork(Vec<BatchId>),
}

fn decided(
    entry: &Entry,
    candidate: Option<&Candidate>,
    outcome: Outcome,
    reason: &str,
) -> Decided {
    Decided {
        path: entry.path.clone(),
        size: entry.size,
        modified: entry.modified,
        site: candidate.map(|candidate| candidate.site.clone()),
        sequence: candidate.map(|candidate| candidate.sequence),
        batch: candidate.map(|candidate| candidate.id),
        outcome,
        reason: reason.to_owned(),
    }
}
