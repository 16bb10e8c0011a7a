//! What the batches of an inbox hold, opened with the keys of the core.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, ensure};
use envelope::{CoreSecretKey, VerifyingKey};
use serde_json::Value;

/// The content of an inbox, however it was put into batches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// How many batches there are.
    pub(super) batches: u64,
    /// Every document, and how often it was sent.
    pub(super) documents: BTreeMap<String, u64>,
    /// Who each subject is, by linkage tokens.
    subjects: BTreeSet<String>,
    /// The site dictionary.
    terms: BTreeSet<String>,
    /// What the core counts in its tables.
    pub(super) stored: Vec<Option<Value>>,
}

/// What opens batches.
pub(super) struct Keys {
    core: CoreSecretKey,
    site: VerifyingKey,
}

impl Keys {
    /// Reads the keys of a deployment.
    ///
    /// # Errors
    /// They are not there.
    pub(super) fn of(keys: &Path, site: &str) -> anyhow::Result<Self> {
        Ok(Self {
            core: key(&keys.join("core.key"))?,
            site: key(&keys.join(site).join("signing.pub"))?,
        })
    }
}

fn key<K: FromStr>(path: &Path) -> anyhow::Result<K> {
    let text = fs::read_to_string(path)?;
    let key = text.trim().parse().ok();
    key.with_context(|| format!("{} is no such key", path.display()))
}

impl Contents {
    /// Opens every batch of an inbox.
    ///
    /// # Errors
    /// A batch cannot be opened, or their numbers are not one after the other: the site's chain has
    /// a gap or a fork.
    pub(super) fn of(inbox: &Path, keys: &Keys) -> anyhow::Result<Self> {
        let mut contents = Self::default();
        let mut numbers = BTreeSet::new();
        for entry in fs::read_dir(inbox)? {
            let bytes = fs::read(entry?.path())?;
            let opened = envelope::open(&bytes, &keys.site, &keys.core).context("a batch")?;
            let number = opened.manifest.sequence;
            ensure!(numbers.insert(number), "two batches have number {number}");
            for subject in &opened.subjects {
                let who = (&subject.subject, &subject.tokens);
                contents.subjects.insert(serde_json::to_string(&who)?);
                for document in &subject.documents {
                    let text = serde_json::to_string(document)?;
                    *contents.documents.entry(text).or_default() += 1;
                }
            }
            for term in &opened.terms {
                contents.terms.insert(serde_json::to_string(term)?);
            }
        }
        contents.batches = numbers.len() as u64;
        let last = numbers.last().copied().unwrap_or_default();
        let first = numbers.first().copied().unwrap_or_default();
        ensure!(
            last - first + 1 == contents.batches || numbers.is_empty(),
            "batches {first} to {last} are {} only",
            contents.batches
        );
        Ok(contents)
    }

    /// That the same was sent as in `whole`, in whatever batches, and nothing twice.
    ///
    /// # Errors
    /// Something was lost or sent twice; the error has the counts only.
    pub(super) fn same_as(&self, whole: &Self) -> anyhow::Result<()> {
        let lost = whole.documents.keys();
        let lost = lost.filter(|it| !self.documents.contains_key(*it)).count();
        let other = self.documents.keys();
        let other = other.filter(|it| !whole.documents.contains_key(*it));
        let other = other.count();
        let doubled = self.documents.values().filter(|times| **times > 1).count();
        ensure!(
            (lost, other, doubled) == (0, 0, 0),
            "of {} documents {lost} were lost, {doubled} sent twice, and {other} are others",
            whole.documents.len()
        );
        ensure!(self.subjects == whole.subjects, "other subjects");
        ensure!(self.terms == whole.terms, "another dictionary");
        ensure!(
            self.stored == whole.stored,
            "other rows in the core's tables"
        );
        Ok(())
    }
}
