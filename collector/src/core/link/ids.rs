//! Research IDs that stay: minted once, kept by the larger part, ended only by a merge, each
//! change an entry of the ledger.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::rand_core::Rng as _;
use record::ResearchId;

use super::cluster::Clusters;
use super::identity::Identity;
use crate::core::catalogue::{Catalogue, Change, Event, Member};
use crate::core::failure::Result;
use crate::core::random::Randomness;

/// How many persons changed, by kind of change.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Changes {
    /// Research IDs made.
    pub(crate) minted: u64,
    /// Subjects that joined a person.
    pub(crate) attached: u64,
    /// Research IDs that ended in another.
    pub(crate) merged: u64,
    /// Research IDs of which subjects left.
    pub(crate) split: u64,
}

/// Gives every person of a linkage run its research ID.
///
/// An old ID stays where most of its subjects are (among equals, where its first subject is). A
/// person that so gets several keeps the oldest; a person that gets none gets a new one.
///
/// # Errors
/// The catalogue cannot be read, or there is no randomness.
pub(crate) fn assign(
    catalogue: &Catalogue,
    identities: &[Identity],
    clusters: &Clusters,
    randomness: Randomness,
    at: i64,
) -> Result<(Change, Changes)> {
    let old: BTreeMap<Member, ResearchId> = catalogue.members()?.into_iter().collect();
    let age: BTreeMap<ResearchId, u64> = catalogue
        .persons()?
        .into_iter()
        .map(|person| (person.id, person.minted))
        .collect();
    let homes = homes(&old, identities, clusters);
    let mut claims: BTreeMap<usize, Vec<ResearchId>> = BTreeMap::new();
    for (id, home) in homes {
        claims.entry(home).or_default().push(id);
    }
    for several in claims.values_mut() {
        several.sort_by_key(|id| (age.get(id).copied().unwrap_or(u64::MAX), *id));
    }
    let mut writing = Writing {
        catalogue,
        randomness,
        old,
        reasons: reasons(identities, clusters),
        fresh: BTreeSet::new(),
        change: Change::new(at),
        changes: Changes::default(),
    };
    for (place, person) in clusters.persons.iter().enumerate() {
        let members: Vec<&Member> = person
            .iter()
            .filter_map(|at| Some(&identities.get(*at)?.member))
            .collect();
        let ids = claims.get(&place).map(Vec::as_slice).unwrap_or_default();
        writing.person(&members, ids)?;
    }
    Ok((writing.change, writing.changes))
}

/// The person, by place, at which each old research ID stays.
fn homes(
    old: &BTreeMap<Member, ResearchId>,
    identities: &[Identity],
    clusters: &Clusters,
) -> BTreeMap<ResearchId, usize> {
    let mut votes: BTreeMap<ResearchId, BTreeMap<usize, usize>> = BTreeMap::new();
    for (place, person) in clusters.persons.iter().enumerate() {
        for at in person {
            if let Some(id) = identities
                .get(*at)
                .and_then(|identity| old.get(&identity.member))
            {
                *votes.entry(*id).or_default().entry(place).or_default() += 1;
            }
        }
    }
    // Persons stand in the order of their first subjects, so the smaller place wins a tie.
    let home = |votes: BTreeMap<usize, usize>| {
        votes
            .into_iter()
            .max_by_key(|(place, count)| (*count, std::cmp::Reverse(*place)))
    };
    votes
        .into_iter()
        .filter_map(|(id, votes)| Some((id, home(votes)?.0)))
        .collect()
}

/// For each subject, by which links it is joined to others.
fn reasons(identities: &[Identity], clusters: &Clusters) -> BTreeMap<Member, Vec<String>> {
    let mut reasons: BTreeMap<Member, Vec<String>> = BTreeMap::new();
    for link in &clusters.links {
        let (Some(a), Some(b)) = (identities.get(link.a), identities.get(link.b)) else {
            continue;
        };
        let (a, b) = (&a.member, &b.member);
        for (one, other) in [(a, b), (b, a)] {
            reasons.entry(one.clone()).or_default().push(format!(
                "{} {:.1} {}",
                link.comparison.rule,
                link.score,
                other.named()
            ));
        }
    }
    reasons
}

struct Writing<'a> {
    catalogue: &'a Catalogue,
    randomness: Randomness,
    old: BTreeMap<Member, ResearchId>,
    reasons: BTreeMap<Member, Vec<String>>,
    fresh: BTreeSet<ResearchId>,
    change: Change,
    changes: Changes,
}

impl Writing<'_> {
    /// Writes one person: its members, and the old IDs that stay with it, oldest first.
    fn person(&mut self, members: &[&Member], ids: &[ResearchId]) -> Result<()> {
        let Some((id, ended)) = ids.split_first() else {
            return self.new_person(members);
        };
        for from in ended {
            let moved: Vec<&Member> = self.held(members, from);
            let because = moved
                .iter()
                .flat_map(|member| self.because(member))
                .collect();
            let event = Event::Merged {
                from: from.to_string(),
                into: id.to_string(),
                subjects: named(&moved),
                because,
            };
            self.change.merge(*from, *id, event);
            self.changes.merged += 1;
        }
        let mut left: BTreeMap<ResearchId, Vec<&Member>> = BTreeMap::new();
        for &member in members {
            match self.old.get(member) {
                Some(before) if before == id || ended.contains(before) => {}
                Some(before) => left.entry(*before).or_default().push(member),
                None => {
                    self.changes.attached += 1;
                    self.change.note(Event::Attached {
                        person: id.to_string(),
                        subject: member.named(),
                        because: self.because(member),
                    });
                }
            }
            if self.old.get(member) != Some(id) {
                self.change.set(member, *id);
            }
        }
        self.leave(left, *id);
        Ok(())
    }

    fn new_person(&mut self, members: &[&Member]) -> Result<()> {
        let id = self.mint(members)?;
        let event = Event::Minted {
            person: id.to_string(),
            subjects: named(members),
        };
        self.change.mint(id, event);
        self.changes.minted += 1;
        let mut left: BTreeMap<ResearchId, Vec<&Member>> = BTreeMap::new();
        for &member in members {
            if let Some(before) = self.old.get(member) {
                left.entry(*before).or_default().push(member);
            }
            self.change.set(member, id);
        }
        self.leave(left, id);
        Ok(())
    }

    /// Notes the subjects that left research IDs which stay elsewhere.
    fn leave(&mut self, left: BTreeMap<ResearchId, Vec<&Member>>, to: ResearchId) {
        for (from, members) in left {
            self.changes.split += 1;
            self.change.note(Event::Split {
                from: from.to_string(),
                to: to.to_string(),
                subjects: named(&members),
            });
        }
    }

    /// A new ID: 128 random bits that were never used.
    fn mint(&mut self, members: &[&Member]) -> Result<ResearchId> {
        let mut matter = members
            .first()
            .map(|member| member.named())
            .unwrap_or_default();
        loop {
            let mut random = self.randomness.stream("research-id", matter.as_bytes())?;
            let mut bytes = [0; 16];
            random.fill_bytes(&mut bytes);
            let id = ResearchId::new(bytes);
            if !self.catalogue.used(&id)? && self.fresh.insert(id) {
                return Ok(id);
            }
            matter.push('+');
        }
    }

    fn held<'m>(&self, members: &[&'m Member], id: &ResearchId) -> Vec<&'m Member> {
        members
            .iter()
            .copied()
            .filter(|member| self.old.get(member) == Some(id))
            .collect()
    }

    fn because(&self, member: &Member) -> Vec<String> {
        self.reasons.get(member).cloned().unwrap_or_default()
    }
}

fn named(members: &[&Member]) -> Vec<String> {
    members.iter().map(|member| member.named()).collect()
}
