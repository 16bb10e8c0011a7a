//! 加工方法: a versioned text that classifies every column of the tables and says what becomes of
//! it (B-040). It is checked as a whole before anything is read.

use std::collections::BTreeMap;

use record::ResourceKind;
use serde::{Deserialize, Serialize};

use super::systems;
use crate::core::failure::{Failure, Problem, Result};
use crate::core::tables::Table;

/// The recipe that is shipped.
pub(crate) const DEFAULT: &str = include_str!("../../../recipes/default.toml");

/// The format of recipes that this program reads.
const FORMAT: u32 = 1;

/// Smallest k that a recipe may ask for (B-045).
const LEAST_K: u64 = 3;

/// A checked recipe.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    format: u32,
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: u32,
    /// What every person has to share with others.
    pub(crate) k_anonymity: KAnonymity,
    /// How dates move.
    pub(crate) dates: Dates,
    /// Which codes are too rare to be released.
    pub(crate) rare: Rare,
    #[serde(rename = "table")]
    tables: Vec<TableRecipe>,
    #[serde(skip)]
    /// SHA-256 of its text.
    pub(crate) digest: [u8; 32],
}

/// k-anonymity over sex, age and area.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KAnonymity {
    /// Fewest persons that share sex, age and area.
    pub(crate) k: u64,
    /// Share of persons that may be left out before a coarser level is taken.
    pub(crate) most_suppressed: f64,
    /// Levels, from fine to coarse.
    #[serde(rename = "level")]
    pub(crate) levels: Vec<Generalisation>,
}

/// How coarse sex, age and area are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generalisation {
    /// Whether sex is told.
    pub(crate) sex: bool,
    /// Width of an age band in years; 0 for no age.
    pub(crate) age_years: u8,
    /// How the home is told.
    pub(crate) area: Area,
}

/// How the home of a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Area {
    /// ISO 3166-2.
    Prefecture,
    /// One of eight regions.
    Region,
    /// Not at all.
    None,
}

/// How dates move: shift and truncate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dates {
    /// A person's dates move by up to so many days, back or forth, in whole weeks.
    pub(crate) shift_days: u16,
    /// When the data covers too short a time, shifts get smaller down to this; below, the job
    /// stops.
    pub(crate) least_shift_days: u16,
}

/// Rare codes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rare {
    /// A code that fewer persons have is generalised to its parent or removed.
    pub(crate) persons: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableRecipe {
    source: ResourceKind,
    /// Name of the released table; absent when nothing of it is released.
    release: Option<String>,
    /// A row without any of these is left out.
    #[serde(default)]
    needs: Vec<String>,
    columns: BTreeMap<String, ColumnRecipe>,
}

/// What a column is (B-040).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Class {
    /// 氏名など
    DirectId,
    /// 個人識別符号
    IndividualCode,
    /// 連結する符号, of persons, documents, orders, institutions.
    LinkCode,
    /// Quasi-identifier.
    QuasiId,
    /// Sensitive.
    Sensitive,
    /// 自由記載
    FreeText,
    /// Neither.
    Neutral,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Treatment {
    Drop,
    Person,
    Sex,
    Age,
    Area,
    Flag,
    Date,
    Concept,
    ConceptPart,
    Code,
    Words,
    Decimal,
    Unit,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnRecipe {
    class: Class,
    action: Treatment,
    #[serde(default)]
    systems: Vec<String>,
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    outside: Option<Outside>,
    #[serde(default)]
    parent: Option<Parent>,
}

/// What happens when a moved date falls outside the time that all persons' dates can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outside {
    /// The row is left out.
    Row,
    /// The date is left empty.
    Cell,
}

/// How a rare code is generalised before it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Parent {
    /// ICD-10: the category of three characters.
    #[serde(rename = "icd10-category")]
    Icd10Category,
}

/// What a released column is made from and how.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    /// Name of the released column.
    pub(crate) name: String,
    /// Place of the source column.
    pub(crate) source: usize,
    /// How it is made.
    pub(crate) action: Action,
}

/// How a released column is made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// The person's random ID of this release.
    Person,
    /// Sex at the level reached.
    Sex,
    /// Age band at the level reached.
    Age,
    /// Area at the level reached.
    Area,
    /// True or false.
    Flag,
    /// A date, moved by the person's offset.
    Date(Outside),
    /// The code of a concept: the first of the source's codings in one of these systems. The
    /// next output is its system.
    Concept(Vec<String>, Option<Parent>),
    /// The system of the code before.
    System(Vec<String>),
    /// A code of one fixed system.
    Code(String),
    /// A word of a closed list.
    Words(Vec<String>),
    /// A number.
    Decimal,
    /// A unit in ASCII.
    Unit,
}

/// A released table.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Where it comes from.
    pub(crate) source: ResourceKind,
    /// Its name.
    pub(crate) release: String,
    /// Its columns; the first is the person.
    pub(crate) outputs: Vec<Output>,
    /// Places in `outputs`: a row without any of them is left out.
    pub(crate) needs: Vec<usize>,
}

impl Recipe {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// It is not TOML of the known format, leaves a column unclassified, or treats a column in a
    /// way that its class or type forbids.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut recipe: Self =
            toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end()))?;
        recipe.digest = envelope::sha256(text.as_bytes());
        recipe.check()?;
        recipe.plans()?;
        Ok(recipe)
    }

    fn check(&self) -> Result<()> {
        let named = |name: &str| {
            let allowed =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
            (1..=32).contains(&name.len()) && name.bytes().all(allowed)
        };
        let k = &self.k_anonymity;
        for (right, what) in [
            (self.format == FORMAT, "format: 1"),
            (named(&self.name), "name: 1 to 32 of a-z 0-9 _ -"),
            (k.k >= LEAST_K, "k_anonymity.k: 3 or more"),
            (
                (0.0..=1.0).contains(&k.most_suppressed),
                "k_anonymity.most_suppressed: 0.0 to 1.0",
            ),
            (!k.levels.is_empty(), "k_anonymity.level: one or more"),
            (
                k.levels
                    .iter()
                    .all(|level| [0, 5, 10, 20].contains(&level.age_years)),
                "k_anonymity.level.age_years: 5, 10, 20 or 0",
            ),
            (
                (7..=3640).contains(&self.dates.shift_days),
                "dates.shift_days: 7 to 3640",
            ),
            (
                (7..=self.dates.shift_days).contains(&self.dates.least_shift_days),
                "dates.least_shift_days: 7 to shift_days",
            ),
            (
                (1..=10_000).contains(&self.rare.persons),
                "rare.persons: 1 to 10000",
            ),
            (
                self.tables
                    .iter()
                    .filter_map(|table| table.release.as_deref())
                    .all(named),
                "table.release: 1 to 32 of a-z 0-9 _ -",
            ),
        ] {
            if !right {
                return Err(wrong(what));
            }
        }
        Ok(())
    }

    /// The released tables, persons first.
    ///
    /// # Errors
    /// See [`Recipe::parse`].
    pub(crate) fn plans(&self) -> Result<Vec<Plan>> {
        let mut plans = Vec::new();
        for kind in ResourceKind::ALL {
            let mut tables = self.tables.iter().filter(|table| table.source == *kind);
            let table = tables
                .next()
                .ok_or_else(|| Failure::new(Problem::Unclassified, kind.as_str()))?;
            if tables.next().is_some() {
                return Err(wrong(&format!("table {kind} twice")));
            }
            plans.extend(table.plan()?);
        }
        match plans.first() {
            Some(plan) if plan.source == ResourceKind::Patient => Ok(plans),
            _ => Err(wrong("table Patient must be released")),
        }
    }
}

impl TableRecipe {
    fn plan(&self) -> Result<Option<Plan>> {
        let columns = Table::Records(self.source).columns();
        let known = |name: &str| columns.iter().any(|column| column.name == name);
        if let Some(unknown) = self.columns.keys().find(|name| !known(name)) {
            return Err(wrong(&format!("{}.{unknown}: no such column", self.source)));
        }
        let persons = self.source == ResourceKind::Patient;
        let mut outputs = Vec::new();
        for (place, column) in columns.iter().enumerate() {
            let path = format!("{}.{}", self.source, column.name);
            let recipe = self
                .columns
                .get(&column.name)
                .ok_or_else(|| Failure::new(Problem::Unclassified, path.clone()))?;
            recipe.check(&path)?;
            if !recipe.belongs(persons, &column.name) {
                return Err(wrong(&format!(
                    "{path}: this table does not allow this action"
                )));
            }
            outputs.extend(recipe.outputs(&column.name, place));
        }
        // The person comes first, whatever the order of the source's columns.
        outputs.sort_by_key(|output| output.action != Action::Person);
        let Some(release) = self.release.clone() else {
            return match outputs.first() {
                None => Ok(None),
                Some(output) => Err(wrong(&format!(
                    "{}.{}: released, but the table has no `release`",
                    self.source, output.name
                ))),
            };
        };
        if outputs
            .iter()
            .filter(|output| output.action == Action::Person)
            .count()
            != 1
        {
            return Err(wrong(&format!(
                "{}: exactly one column must be `person`",
                self.source
            )));
        }
        let place = |name: &String| {
            outputs
                .iter()
                .position(|output| output.name == *name)
                .ok_or_else(|| wrong(&format!("{}.needs: {name} is not released", self.source)))
        };
        let needs = self.needs.iter().map(place).collect::<Result<_>>()?;
        Ok(Some(Plan {
            source: self.source,
            release,
            outputs,
            needs,
        }))
    }
}

impl ColumnRecipe {
    fn check(&self, path: &str) -> Result<()> {
        use Treatment::{Age, Area, Code, Concept, Date, Drop, Person, Sex, Words};
        let action = self.action;
        let allowed = match self.class {
            Class::DirectId | Class::IndividualCode | Class::FreeText => action == Drop,
            Class::LinkCode => [Drop, Person].contains(&action),
            Class::QuasiId => [Drop, Sex, Age, Area, Date].contains(&action),
            Class::Sensitive | Class::Neutral => ![Person, Sex, Age, Area].contains(&action),
        };
        let systems = match action {
            Concept => !self.systems.is_empty(),
            Code => self.systems.len() == 1,
            _ => self.systems.is_empty(),
        };
        for (right, what) in [
            (allowed, "this class does not allow this action"),
            (
                systems,
                "`systems` belongs to concept (one or more) and code (exactly one)",
            ),
            (
                self.systems.iter().all(|it| systems::known(it)),
                "a system is not known",
            ),
            (
                (action == Words) != self.words.is_empty(),
                "`words` belongs to words",
            ),
            (
                self.words
                    .iter()
                    .all(|it| it.is_ascii() && (1..=16).contains(&it.len())),
                "a word has 1 to 16 ASCII characters",
            ),
            (
                (action == Date) == self.outside.is_some(),
                "`outside` belongs to date",
            ),
            (
                action == Concept || self.parent.is_none(),
                "`parent` belongs to concept",
            ),
        ] {
            if !right {
                return Err(wrong(&format!("{path}: {what}")));
            }
        }
        Ok(())
    }

    /// The table of persons has one row for each person, made from all its basic data: it knows
    /// the quasi-identifiers and the flag of death, and other tables do not.
    fn belongs(&self, persons: bool, name: &str) -> bool {
        use Treatment::{Age, Area, Drop, Flag, Person, Sex};
        match (persons, self.action) {
            (_, Drop | Person) => true,
            (true, action) => [
                (Sex, "sex"),
                (Age, "birth"),
                (Area, "prefecture"),
                (Flag, "deceased"),
            ]
            .contains(&(action, name)),
            (false, action) => ![Sex, Age, Area].contains(&action),
        }
    }

    fn outputs(&self, name: &str, source: usize) -> Vec<Output> {
        let output = |name: &str, action| Output {
            name: name.to_owned(),
            source,
            action,
        };
        let systems = || self.systems.clone();
        match self.action {
            Treatment::Drop | Treatment::ConceptPart => vec![],
            Treatment::Person => vec![output("person", Action::Person)],
            Treatment::Sex => vec![output("sex", Action::Sex)],
            Treatment::Age => vec![output("age", Action::Age)],
            Treatment::Area => vec![output("area", Action::Area)],
            Treatment::Flag => vec![output(name, Action::Flag)],
            Treatment::Date => {
                vec![output(
                    name,
                    Action::Date(self.outside.unwrap_or(Outside::Row)),
                )]
            }
            Treatment::Concept => vec![
                output(name, Action::Concept(systems(), self.parent)),
                output(&format!("{name}_system"), Action::System(systems())),
            ],
            Treatment::Code => self
                .systems
                .iter()
                .map(|it| output(name, Action::Code(it.clone())))
                .collect(),
            Treatment::Words => vec![output(name, Action::Words(self.words.clone()))],
            Treatment::Decimal => vec![output(name, Action::Decimal)],
            Treatment::Unit => vec![output(name, Action::Unit)],
        }
    }
}

fn wrong(what: &str) -> Failure {
    Failure::new(Problem::Recipe, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (Option<Problem>, String) {
        match Recipe::parse(text) {
            Ok(_) => (None, String::new()),
            Err(failure) => (Some(failure.problem()), failure.to_string()),
        }
    }

    #[test]
    fn the_shipped_recipe_is_right_and_releases_seven_tables() {
        let plans = Recipe::parse(DEFAULT).unwrap().plans().unwrap();
        let names: Vec<_> = plans.iter().map(|plan| plan.release.as_str()).collect();
        let expected = [
            "persons",
            "encounters",
            "allergies",
            "conditions",
            "medication_requests",
            "medication_administrations",
            "observations",
        ];
        assert_eq!(names, expected);
        for plan in plans {
            assert_eq!(plan.outputs.first().unwrap().name, "person");
        }
    }

    /// B-040: a column that nobody classified stops the job.
    #[test]
    fn an_unclassified_column_or_table_stops_the_job_by_name() {
        let without = DEFAULT.replacen("deceased = ", "# deceased = ", 1);
        let (found, shown) = problem(&without);
        assert_eq!(found, Some(Problem::Unclassified));
        assert!(shown.contains("Patient.deceased"), "{shown}");
        let (found, shown) =
            problem(&DEFAULT.replacen("source = \"Coverage\"", "source = \"Patient\"", 1));
        assert!(found.is_some(), "{shown}");
    }

    #[test]
    fn recipe_errors_name_what_is_wrong() {
        for (from, to, named) in [
            ("k = 10", "k = 2", "k_anonymity.k"),
            ("format = 1", "format = 2", "format"),
            ("shift_days = 364", "shift_days = 3", "shift_days"),
            (
                "least_shift_days = 28",
                "least_shift_days = 9999",
                "least_shift_days",
            ),
            ("age_years = 5", "age_years = 7", "age_years"),
            (
                "most_suppressed = 0.05",
                "most_suppressed = 5.0",
                "most_suppressed",
            ),
            ("k = 10", "k = 10\nextra = 1", "extra"),
            ("\"JC10\"", "\"99XYZ\"", "system"),
            (
                "document = { class = \"link-code\", action = \"drop\" }",
                "document = { class = \"link-code\", action = \"decimal\" }",
                "Patient.document",
            ),
            (
                "deceased = { class = \"sensitive\", action = \"flag\" }",
                "deceased = { class = \"direct-id\", action = \"flag\" }",
                "Patient.deceased",
            ),
            ("needs = [\"code\"]", "needs = [\"nothing\"]", "nothing"),
        ] {
            let changed = DEFAULT.replacen(from, to, 1);
            assert_ne!(changed, DEFAULT, "{from}");
            let (found, shown) = problem(&changed);
            assert_eq!(found, Some(Problem::Recipe), "{to}: {shown}");
            assert!(shown.contains(named), "{to}: {shown}");
        }
    }
}
