//! From subjects to persons: candidates that share an exact token, the best partner at each other
//! site, then groups in which no two members contradict each other.

use std::collections::{BTreeMap, BTreeSet};

use privacy::tokens::TokenKind;

use super::compare::{Comparison, MARGIN, THRESHOLD};
use super::identity::Identity;
use crate::core::catalogue::Member;

/// A pair of subjects that was found to be one person, by their places in the list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pair {
    /// One subject.
    pub(crate) a: usize,
    /// The other, with the larger place.
    pub(crate) b: usize,
    /// Bits.
    pub(crate) score: f64,
    /// What was compared.
    pub(crate) comparison: Comparison,
}

/// The outcome of linkage.
#[derive(Debug, Default)]
pub(crate) struct Clusters {
    /// The subjects of each person, by their places, both in order.
    pub(crate) persons: Vec<Vec<usize>>,
    /// The pairs that joined them.
    pub(crate) links: Vec<Pair>,
    /// Pairs compared.
    pub(crate) compared: u64,
    /// Subjects in blocks too large to be compared, by token kind.
    pub(crate) overflow: BTreeMap<&'static str, u64>,
    /// Pairs left apart, by reason.
    pub(crate) left_apart: BTreeMap<&'static str, u64>,
}

/// Links subjects, which must be in order. Pairs in `apart` are never joined.
pub(crate) fn link(
    identities: &[Identity],
    apart: &BTreeSet<(Member, Member)>,
    most_in_block: usize,
) -> Clusters {
    let mut clusters = Clusters::default();
    let candidates = candidates(identities, most_in_block, &mut clusters.overflow);
    clusters.compared = candidates.len() as u64;
    let mut same_site = Vec::new();
    let mut across = Vec::new();
    for (a, b) in candidates {
        let (Some(one), Some(other)) = (identities.get(a), identities.get(b)) else {
            continue;
        };
        let comparison = Comparison::of(one, other);
        let score = comparison.score(identities.len());
        let pair = Pair {
            a,
            b,
            score,
            comparison,
        };
        let reason = if apart.contains(&(one.member.clone(), other.member.clone())) {
            Some("ruled_apart")
        } else if one.member.site == other.member.site {
            match comparison.registered_twice() {
                true => {
                    same_site.push(pair);
                    None
                }
                false => Some("same_site"),
            }
        } else if score < THRESHOLD {
            Some("score")
        } else if let Some(veto) = comparison.veto() {
            Some(veto)
        } else {
            across.push(pair);
            None
        };
        if let Some(reason) = reason {
            *clusters.left_apart.entry(reason).or_default() += 1;
        }
    }
    let mut groups = Groups::new(identities, apart);
    for pair in same_site {
        join(&mut groups, pair, &mut clusters);
    }
    let mut across = unambiguous(across, identities, &groups, &mut clusters.left_apart);
    across.sort_by(|x, y| {
        y.score
            .total_cmp(&x.score)
            .then((x.a, x.b).cmp(&(y.a, y.b)))
    });
    for pair in across {
        join(&mut groups, pair, &mut clusters);
    }
    clusters.persons = groups.into_persons();
    clusters.links.sort_by_key(|pair| (pair.a, pair.b));
    clusters
}

fn join(groups: &mut Groups<'_>, pair: Pair, clusters: &mut Clusters) {
    match groups.join(pair.a, pair.b) {
        Ok(()) => clusters.links.push(pair),
        Err(reason) => *clusters.left_apart.entry(reason).or_default() += 1,
    }
}

/// Pairs of subjects that share an exact token of any kind, in order.
fn candidates(
    identities: &[Identity],
    most_in_block: usize,
    overflow: &mut BTreeMap<&'static str, u64>,
) -> BTreeSet<(usize, usize)> {
    let mut entries: Vec<(TokenKind, [u8; 16], usize)> = identities
        .iter()
        .enumerate()
        .flat_map(|(at, identity)| identity.exact().map(move |(kind, token)| (kind, token, at)))
        .collect();
    entries.sort_unstable();
    entries.dedup();
    let mut pairs = BTreeSet::new();
    for block in entries.chunk_by(|x, y| (x.0, x.1) == (y.0, y.1)) {
        if block.len() > most_in_block {
            let kind = block.first().map_or("", |(kind, _, _)| kind.as_str());
            *overflow.entry(kind).or_default() += block.len() as u64;
            continue;
        }
        for (place, (_, _, a)) in block.iter().enumerate() {
            pairs.extend(block.iter().skip(place + 1).map(|(_, _, b)| (*a, *b)));
        }
    }
    pairs
}

/// Leaves out a pair when one of the two has another partner at the same site that is nearly as
/// good, unless the two partners are one person registered twice.
fn unambiguous(
    pairs: Vec<Pair>,
    identities: &[Identity],
    groups: &Groups<'_>,
    left_apart: &mut BTreeMap<&'static str, u64>,
) -> Vec<Pair> {
    let site = |at: usize| identities.get(at).map(|identity| &identity.member.site);
    let mut best: BTreeMap<(usize, _), Vec<(f64, usize)>> = BTreeMap::new();
    for pair in &pairs {
        for (one, other) in [(pair.a, pair.b), (pair.b, pair.a)] {
            best.entry((one, site(other)))
                .or_default()
                .push((pair.score, groups.root(other)));
        }
    }
    let rival = |one: usize, other: usize, score: f64| {
        best.get(&(one, site(other))).is_some_and(|partners| {
            let group = groups.root(other);
            partners
                .iter()
                .any(|(rival, of)| *of != group && *rival > score - MARGIN)
        })
    };
    pairs
        .into_iter()
        .filter(|pair| {
            let clear = !rival(pair.a, pair.b, pair.score) && !rival(pair.b, pair.a, pair.score);
            if !clear {
                *left_apart.entry("ambiguous").or_default() += 1;
            }
            clear
        })
        .collect()
}

/// Growing groups of subjects. A group holds at most one person of each site.
struct Groups<'a> {
    identities: &'a [Identity],
    apart: &'a BTreeSet<(Member, Member)>,
    root: Vec<usize>,
    members: Vec<Vec<usize>>,
}

impl<'a> Groups<'a> {
    fn new(identities: &'a [Identity], apart: &'a BTreeSet<(Member, Member)>) -> Self {
        let count = identities.len();
        let members = (0..count).map(|at| vec![at]).collect();
        Self {
            identities,
            apart,
            root: (0..count).collect(),
            members,
        }
    }

    fn root(&self, at: usize) -> usize {
        self.root.get(at).copied().unwrap_or(at)
    }

    /// Joins the groups of two subjects, unless a member of one contradicts a member of the other.
    fn join(&mut self, a: usize, b: usize) -> Result<(), &'static str> {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return Ok(());
        }
        let (into, from) = (a.min(b), a.max(b));
        let [kept, moved] =
            [into, from].map(|at| self.members.get(at).cloned().unwrap_or_default());
        for x in &kept {
            for y in &moved {
                self.fits(*x.min(y), *x.max(y))?;
            }
        }
        for at in &moved {
            if let Some(root) = self.root.get_mut(*at) {
                *root = into;
            }
        }
        if let Some(members) = self.members.get_mut(from) {
            members.clear();
        }
        if let Some(members) = self.members.get_mut(into) {
            members.extend(moved);
            members.sort_unstable();
        }
        Ok(())
    }

    fn fits(&self, a: usize, b: usize) -> Result<(), &'static str> {
        let (Some(a), Some(b)) = (self.identities.get(a), self.identities.get(b)) else {
            return Err("unknown");
        };
        if self.apart.contains(&(a.member.clone(), b.member.clone())) {
            return Err("ruled_apart");
        }
        let comparison = Comparison::of(a, b);
        if a.member.site == b.member.site {
            return match comparison.registered_twice() {
                true => Ok(()),
                false => Err("same_site_taken"),
            };
        }
        // Two members that were joined through a third may share nothing; they must not differ in
        // what tells members of a household apart.
        match comparison.veto() {
            Some("nothing_of_one_person") | None => Ok(()),
            Some(_) => Err("group_contradicts"),
        }
    }

    fn into_persons(self) -> Vec<Vec<usize>> {
        self.members
            .into_iter()
            .filter(|members| !members.is_empty())
            .collect()
    }
}
