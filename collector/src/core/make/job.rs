//! One release job: passes over the tables, a site at a time.

use std::collections::BTreeMap;
use std::path::Path;

use record::{Date, Moment, ResourceKind};

use super::buckets::Buckets;
use super::kanon::{self, Reached};
use super::lint::Findings;
use super::manifest::{FORMAT, Inputs, RecipeSummary, Summary, TableSummary, hex};
use super::people::{People, Person};
use super::rare::{self, Holders};
use super::recipe::{Action, Outside, Plan};
use super::treat::{Treated, Treatment, flag, lacks_all};
use super::window::{Seen, Window};
use super::{Make, write};
use crate::core::failure::{Failure, Problem, Result};
use crate::core::letters;
use crate::core::tables::{Columns, Current, Table};

/// Writes every table of a release into the folder.
///
/// # Errors
/// Nobody can be released, the time covered is too short, a table is damaged, a file cannot be
/// written.
pub(crate) fn fill(make: &Make<'_>, folder: &Path, inputs: Inputs) -> Result<Summary> {
    let recipe = make.recipe;
    let plans = recipe.plans()?;
    let tables = make.folder.tables();
    let left_out = letters::overdue(make.catalogue, make.at)?;
    let mut people = People::load(
        make.catalogue,
        &tables,
        make.randomness,
        make.release,
        &left_out,
    )?;
    let seen = dates_seen(make, &plans, &people)?;
    let window = Window::of(&seen, &recipe.dates)?;
    let on = seen.last().unwrap_or(Date::constant(1970, 1, 1));
    let k_anonymity = kanon::suppress(&mut people, &recipe.k_anonymity, on)
        .filter(|reached| reached.reached > 0)
        .ok_or_else(|| Failure::new(Problem::NothingToRelease, ""))?;
    if let Some(window) = window {
        people.draw_offsets(window.shift_days, make.randomness, make.release)?;
    }
    let job = Job {
        make,
        plans: &plans,
        people: &people,
        level: &k_anonymity,
        on,
        window,
    };
    let (tables, rare) = job.release(folder, recipe.rare.persons)?;
    let persons_in = people.persons.len() as u64;
    let persons_suppressed = people.persons.iter().filter(|it| it.suppressed).count() as u64;
    Ok(Summary {
        format: FORMAT,
        release: make.release.to_owned(),
        recipe: RecipeSummary {
            name: recipe.name.clone(),
            version: recipe.version,
            sha256: hex(recipe.digest),
        },
        inputs,
        persons_in,
        persons_released: persons_in - persons_suppressed,
        persons_suppressed,
        k_anonymity,
        dates: window,
        rare,
        tables,
        lint: Findings::default(),
    })
}

/// The real dates by which rows are placed in time, of all linked persons.
fn dates_seen(make: &Make<'_>, plans: &[Plan], people: &People) -> Result<Seen> {
    let mut seen = Seen::default();
    each_row(make, plans, people, |_, plan, _, rows, row| {
        let placing = plan
            .outputs
            .iter()
            .filter(|it| it.action == Action::Date(Outside::Row));
        let dates = placing.filter_map(|output| {
            rows.text(output.source, row)?
                .parse::<Moment>()
                .ok()?
                .date()
        });
        dates.for_each(|date| seen.add(date));
        Ok(())
    })?;
    Ok(seen)
}

/// Hands over every standing row of every released table but that of persons, with the place of
/// its person. Rows of subjects that are not linked are passed over.
fn each_row(
    make: &Make<'_>,
    plans: &[Plan],
    people: &People,
    mut take: impl FnMut(usize, &Plan, usize, &Columns, usize) -> Result<()>,
) -> Result<()> {
    let tables = make.folder.tables();
    for site in make.catalogue.sites()? {
        let current = Current::load(make.catalogue, &tables, &site)?;
        for (number, plan) in plans.iter().enumerate() {
            if plan.source == ResourceKind::Patient {
                continue;
            }
            let table = Table::Records(plan.source);
            current.rows(make.catalogue, &tables, table, |rows, row| {
                match people.place(&site, rows, row)? {
                    Some(place) => take(number, plan, place, rows, row),
                    None => Ok(()),
                }
            })?;
        }
    }
    Ok(())
}

struct Job<'a> {
    make: &'a Make<'a>,
    plans: &'a [Plan],
    people: &'a People,
    level: &'a Reached,
    on: Date,
    window: Option<Window>,
}

impl Job<'_> {
    /// Two passes over the tables: who has which code, then the rows themselves.
    fn release(
        &self,
        folder: &Path,
        rare_below: usize,
    ) -> Result<(BTreeMap<String, TableSummary>, rare::Summary)> {
        let mut holders = Holders::new(rare_below);
        self.pass(|number, plan, place, treated| {
            if let Treated::Row(cells, _) = treated {
                holders.add(number, plan, &cells, place);
            }
            Ok(())
        })?;
        let mut rare = holders.decide(self.plans);

        let mut summaries = vec![TableSummary::default(); self.plans.len()];
        let mut buckets = Vec::new();
        for plan in self.plans {
            let mut rows = Buckets::new(&folder.join(format!(".rows-{}", plan.release)))?;
            if plan.source == ResourceKind::Patient {
                self.push_persons(plan, &mut rows)?;
            }
            buckets.push(rows);
        }
        self.pass(|number, plan, _, treated| {
            let (Some(summary), Some(rows)) = (summaries.get_mut(number), buckets.get_mut(number))
            else {
                return Ok(());
            };
            let (mut cells, emptied) = match treated {
                Treated::Row(cells, emptied) => (cells, emptied),
                Treated::Left(reason) => {
                    *summary.left.entry(reason.to_owned()).or_default() += 1;
                    return Ok(());
                }
            };
            rare.apply(number, plan, &mut cells);
            if lacks_all(plan, &cells) {
                *summary.left.entry("code_rare".to_owned()).or_default() += 1;
                return Ok(());
            }
            for reason in emptied {
                *summary.emptied.entry(reason.to_owned()).or_default() += 1;
            }
            rows.push(&cells)
        })?;
        for ((plan, rows), summary) in self.plans.iter().zip(buckets).zip(&mut summaries) {
            summary.rows = write::write(folder, plan, rows)?;
            let most = self.make.release_rows;
            if summary.rows > most {
                return Err(Failure::new(
                    Problem::Settings,
                    format!("limits.release_rows = {most}: {} has more", plan.release),
                ));
            }
        }
        let names = self.plans.iter().map(|plan| plan.release.clone());
        Ok((names.zip(summaries).collect(), rare.summary))
    }

    fn pass(&self, mut take: impl FnMut(usize, &Plan, usize, Treated) -> Result<()>) -> Result<()> {
        each_row(
            self.make,
            self.plans,
            self.people,
            |number, plan, place, rows, row| {
                let Some(person) = self.people.persons.get(place) else {
                    return Ok(());
                };
                let treatment = Treatment {
                    plan,
                    window: self.window,
                };
                let treated = match person.suppressed {
                    true => Treated::Left("person_suppressed"),
                    false => treatment.row(rows, row, person),
                };
                take(number, plan, place, treated)
            },
        )
    }

    fn push_persons(&self, plan: &Plan, rows: &mut Buckets) -> Result<()> {
        for person in self
            .people
            .persons
            .iter()
            .filter(|person| !person.suppressed)
        {
            let cells = self.person_row(plan, person);
            rows.push(&cells)?;
        }
        Ok(())
    }

    fn person_row(&self, plan: &Plan, person: &Person) -> Vec<String> {
        let [sex, age, area] = person.generalised(&self.level.level, self.on);
        let cell = |action: &Action| match action {
            Action::Person => person.release_id.clone(),
            Action::Sex => sex.clone(),
            Action::Age => age.clone(),
            Action::Area => area.clone(),
            // The recipe's check allows one flag here, that of death.
            _ => flag(Some(person.deceased)),
        };
        plan.outputs
            .iter()
            .map(|output| cell(&output.action))
            .collect()
    }
}
