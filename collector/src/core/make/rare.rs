//! Codes that few persons have point at persons (特異な記述, A-077): they go to their parent or go.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::recipe::{Action, Parent, Plan};
use super::systems;

/// Who has which code, counted up to the threshold only.
pub(crate) struct Holders {
    enough: usize,
    codes: BTreeMap<Key, BTreeSet<usize>>,
}

/// Table, column, code, system.
type Key = (usize, usize, String, String);

/// What becomes of codes.
#[derive(Default)]
pub(crate) struct Rare {
    decisions: BTreeMap<Key, Option<String>>,
    /// Counts for the report.
    pub(crate) summary: Summary,
}

/// How many codes and cells were changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Codes that went to their parent.
    pub(crate) codes_generalised: u64,
    /// Codes that went.
    pub(crate) codes_removed: u64,
    /// Cells that now hold the parent.
    pub(crate) cells_generalised: u64,
    /// Cells that are now empty.
    pub(crate) cells_removed: u64,
}

impl Holders {
    /// Nobody yet. A code that `enough` persons have is not rare.
    pub(crate) fn new(enough: usize) -> Self {
        Self {
            enough,
            codes: BTreeMap::new(),
        }
    }

    /// Notes the codes of a treated row of a person.
    pub(crate) fn add(&mut self, table: usize, plan: &Plan, cells: &[String], person: usize) {
        for (column, code, system) in coded(plan, cells) {
            let key = (table, column, code.to_owned(), system.to_owned());
            let holders = self.codes.entry(key).or_default();
            if holders.len() < self.enough {
                holders.insert(person);
            }
        }
    }

    /// Decides about every rare code. A parent is released only if enough persons have it in
    /// place of their rare codes.
    pub(crate) fn decide(self, plans: &[Plan]) -> Rare {
        let mut rare = Rare::default();
        let mut parents: BTreeMap<Key, (BTreeSet<usize>, Vec<Key>)> = BTreeMap::new();
        for (key, holders) in self.codes {
            if holders.len() >= self.enough {
                continue;
            }
            let (table, column, code, system) = &key;
            match parent(plans, *table, *column, code) {
                Some(parent) => {
                    let parent = (*table, *column, parent.to_owned(), system.clone());
                    let group = parents.entry(parent).or_default();
                    group.0.extend(holders);
                    group.1.push(key);
                }
                None => {
                    rare.decisions.insert(key, None);
                }
            }
        }
        for (parent, (holders, codes)) in parents {
            let kept = (holders.len() >= self.enough).then_some(parent.2);
            rare.decisions
                .extend(codes.into_iter().map(|code| (code, kept.clone())));
        }
        let removed = rare
            .decisions
            .values()
            .filter(|parent| parent.is_none())
            .count() as u64;
        rare.summary.codes_removed = removed;
        rare.summary.codes_generalised = rare.decisions.len() as u64 - removed;
        rare
    }
}

impl Rare {
    /// Changes the rare codes of a treated row.
    pub(crate) fn apply(&mut self, table: usize, plan: &Plan, cells: &mut [String]) {
        let found: Vec<_> = coded(plan, cells)
            .filter_map(|(column, code, system)| {
                let key = (table, column, code.to_owned(), system.to_owned());
                Some((column, self.decisions.get(&key)?.clone()))
            })
            .collect();
        for (column, parent) in found {
            match &parent {
                Some(_) => self.summary.cells_generalised += 1,
                None => self.summary.cells_removed += 1,
            }
            let concept = matches!(
                plan.outputs.get(column).map(|output| &output.action),
                Some(Action::Concept(..))
            );
            if parent.is_none()
                && concept
                && let Some(system) = cells.get_mut(column + 1)
            {
                system.clear();
            }
            if let Some(cell) = cells.get_mut(column) {
                *cell = parent.unwrap_or_default();
            }
        }
    }
}

/// The codes of a row: column, code, system.
fn coded<'a>(
    plan: &'a Plan,
    cells: &'a [String],
) -> impl Iterator<Item = (usize, &'a str, &'a str)> {
    plan.outputs
        .iter()
        .enumerate()
        .filter_map(|(column, output)| {
            let code = cells.get(column).filter(|code| !code.is_empty())?;
            match &output.action {
                Action::Concept(..) => {
                    Some((column, code.as_str(), cells.get(column + 1)?.as_str()))
                }
                Action::Code(_) | Action::Unit => Some((column, code.as_str(), "")),
                _ => None,
            }
        })
}

fn parent<'a>(plans: &[Plan], table: usize, column: usize, code: &'a str) -> Option<&'a str> {
    match &plans.get(table)?.outputs.get(column)?.action {
        Action::Concept(_, Some(Parent::Icd10Category)) => systems::icd10_category(code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::make::recipe::{DEFAULT, Recipe};

    /// B-044, A-077: fewer than ten persons make a code rare; rare siblings join at their parent.
    #[test]
    fn rare_codes_go_to_their_parent_if_enough_join_there_and_go_otherwise() {
        let plans = Recipe::parse(DEFAULT).unwrap().plans().unwrap();
        let table = plans
            .iter()
            .position(|plan| plan.release == "conditions")
            .unwrap();
        let plan = &plans[table];
        let column = plan
            .outputs
            .iter()
            .position(|output| output.name == "icd10")
            .unwrap();
        let row = |code: &str| {
            let mut cells = vec![String::new(); plan.outputs.len()];
            cells[column] = code.to_owned();
            cells[column + 1] = "I10".to_owned();
            cells
        };
        let mut holders = Holders::new(10);
        let persons = [
            ("E119", 0..6),
            ("E118", 4..11),
            ("J459", 0..10),
            ("Z999", 0..9),
            ("I10", 0..3),
        ];
        for (code, persons) in persons {
            for person in persons {
                holders.add(table, plan, &row(code), person);
                holders.add(table, plan, &row(code), person);
            }
        }
        let mut rare = holders.decide(&plans);
        for (code, becomes) in [
            ("E119", "E11"),
            ("E118", "E11"),
            ("J459", "J459"),
            ("Z999", ""),
            ("I10", ""),
        ] {
            let mut cells = row(code);
            rare.apply(table, plan, &mut cells);
            assert_eq!(cells[column], becomes, "{code}");
            assert_eq!(cells[column + 1].is_empty(), becomes.is_empty(), "{code}");
        }
        let summary = Summary {
            codes_generalised: 2,
            codes_removed: 2,
            cells_generalised: 2,
            cells_removed: 2,
        };
        assert_eq!(rare.summary, summary);
    }
}
