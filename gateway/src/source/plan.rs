//! Whom a run visits.

use std::collections::BTreeSet;

use record::{ChartNumber, Drops};

use super::walk::{Levels, Route};

/// Below this length no rule is known that leads from a chart number to its folders.
const SHORTEST_PLACED: usize = 6;

/// Whom a run visits.
///
/// [`Plan::Only`] finds changes of those patients and of nobody else. Whoever was withheld or must
/// be tried again has no fingerprint in the state, and has to be named by whoever makes the list.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// Everybody in all volumes.
    Everything,
    /// Some patients, each in all volumes.
    Only(Vec<ChartNumber>),
}

impl Plan {
    /// The way to the patients of the plan; each comes up once, and whoever has no folder does not.
    ///
    /// The place of a number of six characters or more follows from the number, so nothing else is
    /// looked at; a folder in another place would be quarantined anyway. Shorter numbers are
    /// looked for in every folder of the second level.
    pub(crate) fn route(&self, drops: &mut Drops) -> Route {
        let Self::Only(charts) = self else {
            return Route {
                walk: true,
                ..Route::default()
            };
        };
        let mut named: BTreeSet<Levels> = BTreeSet::new();
        let mut short = BTreeSet::new();
        for chart in charts {
            let name = chart.expose();
            // A number is one folder name, never a way to somewhere else.
            if name.contains(['/', '\0']) || name.starts_with('.') {
                drops.count("plan:not-a-folder-name");
                continue;
            }
            let whole: Box<[u8]> = name.as_bytes().into();
            let characters: Vec<char> = name.chars().collect();
            match (characters.get(..3), characters.get(3..SHORTEST_PLACED)) {
                (Some(first), Some(second)) => {
                    let part = |part: &[char]| -> Box<[u8]> {
                        part.iter().collect::<String>().into_bytes().into()
                    };
                    named.insert([part(first), part(second), whole]);
                }
                _ => drop(short.insert(whole)),
            }
        }
        Route {
            named: named.into_iter().collect(),
            walk: !short.is_empty(),
            only: Some(short),
            begin: None,
        }
    }
}
