//! Make: from linked tables to an anonymized data set (匿名加工医療情報), by one recipe.
//!
//! 1. Who is released: every linked person, generalised until few enough have to be left out.
//! 2. When: dates move by one secret offset for each person; the edges are cut.
//! 3. What: standard codes only; rare ones go to their parent or go.
//! 4. The linter reads the finished files. A hit blocks the release.
//! 5. The folder gets its name in one step.

mod buckets;
mod forbidden;
mod job;
mod kanon;
mod lint;
mod manifest;
mod patterns;
mod people;
mod rare;
mod recipe;
mod systems;
#[cfg(test)]
mod tests;
mod treat;
mod units;
mod window;
mod write;

use std::path::Path;

use record::BatchId;

pub(crate) use self::forbidden::Forbidden;
pub(crate) use self::manifest::Summary;
use self::manifest::{Inputs, Made, hex};
pub(crate) use self::recipe::{DEFAULT, Recipe};
use super::catalogue::{Catalogue, Released};
use super::durable;
use super::failure::{Failure, Problem, Result};
use super::folder::Folder;
use super::letters;
use super::random::Randomness;

/// What came of a job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// A release was made.
    Made(Box<Summary>),
    /// The same release stands already.
    Stands(String),
}

/// What a job needs.
pub(crate) struct Make<'a> {
    /// The state folder.
    pub(crate) folder: &'a Folder,
    /// The catalogue.
    pub(crate) catalogue: &'a mut Catalogue,
    /// The recipe.
    pub(crate) recipe: &'a Recipe,
    /// Name of the release: 1 to 64 of `a-z A-Z 0-9 . _ -`, no dot in front.
    pub(crate) release: &'a str,
    /// Strings that must not occur.
    pub(crate) forbidden: &'a Forbidden,
    /// Most rows of one table.
    pub(crate) release_rows: u64,
    /// Randomness.
    pub(crate) randomness: Randomness,
    /// Now, in seconds since 1970.
    pub(crate) at: i64,
}

impl Make<'_> {
    /// Makes the release, unless the same one stands already.
    ///
    /// # Errors
    /// Nobody is linked; the linter found something; another release has the name; a table is
    /// damaged; files cannot be written.
    pub(crate) fn run(mut self) -> Result<Outcome> {
        if !is_release_name(self.release) {
            return Err(Failure::new(
                Problem::ReleaseExists,
                "--release: 1 to 64 of a-z A-Z 0-9 . _ -",
            ));
        }
        let inputs = self.inputs()?;
        let target = self.folder.releases().join(self.release);
        if target.exists() {
            return self.stands(&target, &inputs);
        }
        let unfinished = durable::unfinished(&target);
        durable::make_folder(&unfinished).map_err(storing)?;
        let mut summary = job::fill(&self, &unfinished, inputs)?;
        let manifest = self.finish(&unfinished, &mut summary)?;
        if !summary.lint.hits.is_empty() {
            return Err(self.block(&unfinished, &summary));
        }
        durable::write(&unfinished.join("manifest.json"), manifest.as_bytes()).map_err(storing)?;
        std::fs::rename(&unfinished, &target).map_err(storing)?;
        durable::sync_parent(&target).map_err(storing)?;
        self.register(&manifest)?;
        Ok(Outcome::Made(Box::new(summary)))
    }

    /// A release of the name exists: fine when it was made from the same.
    fn stands(&mut self, target: &Path, inputs: &Inputs) -> Result<Outcome> {
        let path = target.join("manifest.json");
        let manifest = std::fs::read_to_string(&path)
            .map_err(|error| Failure::because(Problem::ReleaseExists, self.release, error))?;
        let made: Made = serde_json::from_str(&manifest)
            .map_err(|error| Failure::because(Problem::ReleaseExists, self.release, error))?;
        if made.inputs.sha256 != inputs.sha256 {
            return Err(Failure::new(Problem::ReleaseExists, self.release));
        }
        // A run that was killed between the folder's name and the catalogue ends here.
        self.register(&manifest)?;
        Ok(Outcome::Stands(self.release.to_owned()))
    }

    fn register(&mut self, manifest: &str) -> Result<()> {
        let made: Made = serde_json::from_str(manifest)
            .map_err(|error| Failure::because(Problem::State, "manifest", error))?;
        let inputs: BatchId = made
            .inputs
            .sha256
            .parse()
            .map_err(|_| Failure::new(Problem::ReleaseExists, self.release))?;
        let done = Released {
            name: self.release.to_owned(),
            recipe_digest: self.recipe.digest,
            inputs_digest: *inputs.as_bytes(),
            manifest_digest: envelope::sha256(manifest.as_bytes()),
            persons: made.persons_released,
        };
        let batches = self.catalogue.batches()?;
        self.catalogue.release(&done, &batches, self.at)
    }

    fn inputs(&self) -> Result<Inputs> {
        let batches = self.catalogue.batches()?;
        let mut digest = envelope::Sha256::new();
        digest.update(&self.recipe.digest);
        for batch in &batches {
            digest.update(batch.as_bytes());
        }
        for (member, person) in self.catalogue.members()? {
            digest.update(member.named().as_bytes());
            digest.update(person.as_bytes());
        }
        for site in letters::overdue(self.catalogue, self.at)? {
            digest.update(b"without ");
            digest.update(site.as_str().as_bytes());
        }
        let (ledger_height, ledger_digest) = self.catalogue.ledger_head()?;
        Ok(Inputs {
            batches: batches.len() as u64,
            sha256: hex(digest.finish()),
            ledger_height,
            ledger_digest: hex(ledger_digest),
        })
    }

    /// Lints the finished files and gives the manifest's text.
    fn finish(&self, folder: &Path, summary: &mut Summary) -> Result<String> {
        let plans = self.recipe.plans()?;
        for plan in &plans {
            if let Some(table) = summary.tables.get_mut(&plan.release) {
                table.files = write::describe(folder, plan)?;
            }
        }
        summary.lint = lint::lint(folder, &plans, self.forbidden)?;
        let mut manifest = serde_json::to_string_pretty(summary)
            .map_err(|error| Failure::because(Problem::State, "manifest", error))?;
        manifest.push('\n');
        lint::lint_text(
            "manifest.json",
            &manifest,
            self.forbidden,
            &mut summary.lint,
        );
        Ok(manifest)
    }

    /// Sets a release aside that the linter does not let pass, with a report.
    fn block(&self, unfinished: &Path, summary: &Summary) -> Failure {
        let refused = self
            .folder
            .releases()
            .join(format!("{}.refused", self.release));
        let set_aside = || -> Result<()> {
            let report = serde_json::to_string_pretty(&summary.lint)
                .map_err(|error| Failure::because(Problem::State, "lint", error))?;
            durable::write(&unfinished.join("report.json"), report.as_bytes()).map_err(storing)?;
            if refused.exists() {
                std::fs::remove_dir_all(&refused).map_err(storing)?;
            }
            std::fs::rename(unfinished, &refused).map_err(storing)?;
            durable::sync_parent(&refused).map_err(storing)
        };
        if let Err(failure) = set_aside() {
            return failure;
        }
        let hits: Vec<String> = summary
            .lint
            .hits
            .iter()
            .map(|(hit, count)| format!("{hit} x {count}"))
            .collect();
        Failure::new(
            Problem::LintHit,
            format!("{}.refused: {}", self.release, hits.join("; ")),
        )
    }
}

fn is_release_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=64).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('.')
        && !name.ends_with(".refused")
}

fn storing(error: std::io::Error) -> Failure {
    Failure::storing("releases", error)
}
