//! The release linter: reads the finished files back and looks at every cell. It knows
//! nothing of how they were made but the pattern that each column declares.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use record::Date;
use serde::Serialize;

use super::forbidden::Forbidden;
use super::patterns::suspicious;
use super::recipe::{Action, Output, Plan};
use super::treat::is_decimal;
use super::{people, systems, units, write};
use crate::core::failure::{Failure, Problem, Result};
use crate::core::tables::Reader;

/// Distinct cells remembered of each column as looked at already.
const REMEMBERED: usize = 200_000;

/// What the linter found: how often which reason, by table and column. Never a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Findings {
    /// Cells looked at.
    pub(crate) cells: u64,
    /// Strings of the list that were searched for.
    pub(crate) forbidden_strings: u64,
    /// `table.column: reason` and how often.
    pub(crate) hits: BTreeMap<String, u64>,
}

impl Findings {
    fn hit(&mut self, table: &str, column: &str, reason: &str) {
        *self
            .hits
            .entry(format!("{table}.{column}: {reason}"))
            .or_default() += 1;
    }
}

/// Looks at every file of a release.
///
/// # Errors
/// A file cannot be read. What is found in the files is no error.
pub(crate) fn lint(folder: &Path, plans: &[Plan], forbidden: &Forbidden) -> Result<Findings> {
    let mut findings = Findings {
        forbidden_strings: forbidden.number(),
        ..Findings::default()
    };
    let allowed: BTreeSet<String> = plans.iter().flat_map(write::file_names).collect();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let name = entry
            .map_err(unreadable)?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if !allowed.contains(&name) {
            findings.hit("release", "folder", "unknown_file");
        }
    }
    for plan in plans {
        table(folder, plan, forbidden, &mut findings)?;
    }
    Ok(findings)
}

/// Looks at a text that goes with a release, such as its manifest.
pub(crate) fn lint_text(name: &str, text: &str, forbidden: &Forbidden, findings: &mut Findings) {
    if !text.is_ascii() {
        findings.hit("release", name, "not_ascii");
    }
    if text.lines().any(|line| forbidden.found_in(line)) {
        findings.hit("release", name, "forbidden_string");
    }
}

/// Reads both files of a table side by side: they must say the same, and nothing forbidden.
fn table(folder: &Path, plan: &Plan, forbidden: &Forbidden, findings: &mut Findings) -> Result<()> {
    let [csv_path, parquet_path] = write::file_names(plan).map(|name| folder.join(name));
    let columns = write::columns(plan);
    let mut csv = csv::Reader::from_path(&csv_path).map_err(|error| damaged(error.into()))?;
    let header = csv.headers().map_err(|error| damaged(error.into()))?;
    if !header
        .iter()
        .eq(columns.iter().map(|column| column.name.as_str()))
    {
        findings.hit(&plan.release, "header", "columns_differ");
    }
    let mut linter = Linter {
        plan,
        forbidden,
        seen: plan.outputs.iter().map(|_| HashSet::new()).collect(),
    };
    let mut rows = csv.records();
    let mut parquet = Reader::open(&parquet_path, &columns)?;
    while let Some(batch) = parquet.next()? {
        for row in 0..batch.rows() {
            let record = match rows.next().transpose() {
                Ok(Some(record)) if record.len() == columns.len() => record,
                _ => {
                    findings.hit(&plan.release, "rows", "files_differ");
                    return Ok(());
                }
            };
            for (place, (column, text)) in columns.iter().zip(&record).enumerate() {
                if batch.cell(place, row) != write::cell(column.kind, text) {
                    findings.hit(&plan.release, &column.name, "files_differ");
                }
            }
            linter.row(&record, findings);
        }
    }
    if rows.next().is_some() {
        findings.hit(&plan.release, "rows", "files_differ");
    }
    Ok(())
}

struct Linter<'a> {
    plan: &'a Plan,
    forbidden: &'a Forbidden,
    /// Good cells of each column, with the system where the column is a code.
    seen: Vec<HashSet<String>>,
}

impl Linter<'_> {
    fn row(&mut self, record: &csv::StringRecord, findings: &mut Findings) {
        for (place, output) in self.plan.outputs.iter().enumerate() {
            let text = record.get(place).unwrap_or_default();
            findings.cells += 1;
            if text.is_empty() {
                continue;
            }
            let system = match output.action {
                Action::Concept(..) => record.get(place + 1),
                _ => None,
            };
            let key = system.map_or(text.to_owned(), |system| format!("{text}|{system}"));
            let Some(seen) = self.seen.get_mut(place) else {
                continue;
            };
            if seen.contains(&key) {
                continue;
            }
            match reason(output, text, system, self.forbidden) {
                Some(reason) => findings.hit(&self.plan.release, &output.name, reason),
                None if seen.len() < REMEMBERED => {
                    seen.insert(key);
                }
                None => {}
            }
        }
    }
}

/// What is wrong with a cell, if anything.
fn reason(
    output: &Output,
    text: &str,
    system: Option<&str>,
    forbidden: &Forbidden,
) -> Option<&'static str> {
    if forbidden.found_in(text) {
        return Some("forbidden_string");
    }
    // A code that has the form of its system may have many digits.
    let code = match &output.action {
        Action::Concept(systems, _) => system
            .is_some_and(|it| systems.iter().any(|known| known == it) && systems::fits(it, text)),
        Action::Code(system) => systems::fits(system, text),
        _ => false,
    };
    if code {
        return None;
    }
    suspicious(text).or_else(|| (!of_pattern(&output.action, text)).then_some("pattern"))
}

/// Whether a cell has the closed form that its column declares. Codes are looked at before.
fn of_pattern(action: &Action, text: &str) -> bool {
    match action {
        Action::Person => text.len() == 32 && text.bytes().all(|b| (b'a'..=b'p').contains(&b)),
        Action::Sex => ["M", "F", "O"].contains(&text),
        Action::Age => people::is_age_band(text),
        Action::Area => people::is_area(text),
        Action::Flag => ["true", "false"].contains(&text),
        Action::Date(_) => text.len() == 10 && text.parse::<Date>().is_ok(),
        Action::Concept(..) | Action::Code(_) => false,
        Action::System(systems) => systems.iter().any(|system| system == text),
        Action::Words(words) => words.iter().any(|word| word == text),
        Action::Decimal => is_decimal(text),
        Action::Unit => units::is_unit(text),
    }
}

fn unreadable(error: std::io::Error) -> Failure {
    Failure::because(Problem::State, "release", error)
}

fn damaged(error: Box<dyn std::error::Error + Send + Sync>) -> Failure {
    Failure::because(Problem::State, "release csv", error)
}
