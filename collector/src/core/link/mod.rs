//! Linkage (名寄せ): which subjects of which sites are one person.

mod cluster;
mod compare;
mod identity;
mod ids;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub(crate) use ids::Changes;

use super::catalogue::{Catalogue, Link};
use super::failure::Result;
use super::folder::Folder;
use super::random::Randomness;
use super::tables::Rekey;

/// What a linkage run found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Subjects of all sites.
    pub(crate) subjects: u64,
    /// Persons they are.
    pub(crate) persons: u64,
    /// Persons with subjects at more than one site.
    pub(crate) persons_at_several_sites: u64,
    /// Links by rule.
    pub(crate) links: BTreeMap<String, u64>,
    /// Pairs compared.
    pub(crate) compared: u64,
    /// Pairs left apart, by reason.
    pub(crate) left_apart: BTreeMap<String, u64>,
    /// Subjects in blocks too large to be compared, by token kind.
    pub(crate) block_overflow: BTreeMap<String, u64>,
    /// Changes of research IDs.
    pub(crate) changes: Changes,
}

/// Links all subjects anew and brings the research IDs up to date.
///
/// # Errors
/// A table is missing or damaged, the catalogue cannot be written, there is no randomness.
pub(crate) fn run(
    folder: &Folder,
    catalogue: &mut Catalogue,
    rekey: &Rekey,
    randomness: Randomness,
    most_in_block: usize,
    at: i64,
) -> Result<Summary> {
    let identities = identity::load(catalogue, &folder.tables(), rekey)?;
    let apart: BTreeSet<_> = catalogue.apart()?.into_iter().collect();
    let clusters = cluster::link(&identities, &apart, most_in_block);
    let (change, changes) = ids::assign(catalogue, &identities, &clusters, randomness, at)?;
    let member = |at: usize| identities.get(at).map(|identity| identity.member.clone());
    let links: Vec<Link> = clusters
        .links
        .iter()
        .filter_map(|pair| {
            Some(Link {
                a: member(pair.a)?,
                b: member(pair.b)?,
                rule: pair.comparison.rule,
                score: pair.score,
                evidence: pair.comparison.evidence(),
            })
        })
        .collect();
    catalogue.relink(change, &links)?;
    let sites_of = |person: &Vec<usize>| -> usize {
        let sites: BTreeSet<_> = person
            .iter()
            .filter_map(|at| Some(&identities.get(*at)?.member.site))
            .collect();
        sites.len()
    };
    let owned = |counts: &BTreeMap<&'static str, u64>| {
        counts
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    };
    Ok(Summary {
        subjects: identities.len() as u64,
        persons: clusters.persons.len() as u64,
        persons_at_several_sites: clusters
            .persons
            .iter()
            .filter(|it| sites_of(it) > 1)
            .count() as u64,
        links: catalogue.links_by_rule()?.into_iter().collect(),
        compared: clusters.compared,
        left_apart: owned(&clusters.left_apart),
        block_overflow: owned(&clusters.overflow),
        changes,
    })
}
