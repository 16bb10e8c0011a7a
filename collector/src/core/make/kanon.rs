//! k-anonymity: the finest declared level at which few enough persons are left out.

use std::collections::BTreeMap;

use record::Date;
use serde::Serialize;

use super::people::People;
use super::recipe::{Generalisation, KAnonymity};

/// What a level would leave out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Tried {
    /// The level.
    pub(crate) level: Generalisation,
    /// Classes of persons that share sex, age and area.
    pub(crate) classes: u64,
    /// Persons in classes smaller than k.
    pub(crate) suppressed: u64,
}

/// The level that was taken and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Reached {
    /// The k that was asked for.
    pub(crate) asked: u64,
    /// The smallest class that is released; 0 when nobody is.
    pub(crate) reached: u64,
    /// The level taken.
    pub(crate) level: Generalisation,
    /// Whether even the coarsest level leaves out more than the recipe's limit.
    pub(crate) above_limit: bool,
    /// Every level tried, fine to coarse.
    pub(crate) tried: Vec<Tried>,
}

/// Chooses the level and marks the persons that are left out.
pub(crate) fn suppress(people: &mut People, rule: &KAnonymity, on: Date) -> Option<Reached> {
    let mut tried = Vec::new();
    let most = rule.most_suppressed * people.persons.len() as f64;
    for level in &rule.levels {
        let classes = classes(people, level, on);
        let suppressed = classes.values().filter(|size| **size < rule.k).sum();
        tried.push(Tried {
            level: *level,
            classes: classes.len() as u64,
            suppressed,
        });
        if suppressed as f64 <= most {
            break;
        }
    }
    let last = *tried.last()?;
    let classes = classes(people, &last.level, on);
    for person in &mut people.persons {
        let size = classes
            .get(&person.generalised(&last.level, on))
            .copied()
            .unwrap_or(0);
        person.suppressed = size < rule.k;
    }
    let reached = classes
        .values()
        .copied()
        .filter(|size| *size >= rule.k)
        .min()
        .unwrap_or(0);
    Some(Reached {
        asked: rule.k,
        reached,
        level: last.level,
        above_limit: last.suppressed as f64 > most,
        tried,
    })
}

fn classes(people: &People, level: &Generalisation, on: Date) -> BTreeMap<[String; 3], u64> {
    let mut classes = BTreeMap::new();
    for person in &people.persons {
        *classes.entry(person.generalised(level, on)).or_default() += 1;
    }
    classes
}
