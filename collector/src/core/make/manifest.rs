//! The manifest of a release: what it holds, how it was made, what was left out. It goes out with
//! the release, so it names no site, no batch and no person.

use std::collections::BTreeMap;

use record::BatchId;
use serde::{Deserialize, Serialize};

use super::kanon::Reached;
use super::lint::Findings;
use super::rare;
use super::window::Window;
use super::write::Written;

/// Version of the manifest's form.
pub(crate) const FORMAT: u32 = 1;

/// What a released table came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TableSummary {
    /// Rows released.
    pub(crate) rows: u64,
    /// Rows left out, by reason.
    pub(crate) left: BTreeMap<String, u64>,
    /// Cells emptied, by reason.
    pub(crate) emptied: BTreeMap<String, u64>,
    /// Its files.
    pub(crate) files: Vec<Written>,
}

/// What a release came to: its manifest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Version of this form.
    pub(crate) format: u32,
    /// Name of the release.
    pub(crate) release: String,
    /// Name, version and SHA-256 of the recipe.
    pub(crate) recipe: RecipeSummary,
    /// What went in.
    pub(crate) inputs: Inputs,
    /// Persons linked.
    pub(crate) persons_in: u64,
    /// Persons released.
    pub(crate) persons_released: u64,
    /// Persons left out to reach k.
    pub(crate) persons_suppressed: u64,
    /// Sex, age and area.
    pub(crate) k_anonymity: Reached,
    /// The time covered; absent without dates.
    pub(crate) dates: Option<Window>,
    /// Rare codes.
    pub(crate) rare: rare::Summary,
    /// Tables by name.
    pub(crate) tables: BTreeMap<String, TableSummary>,
    /// What the linter did.
    pub(crate) lint: Findings,
}

/// Which recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RecipeSummary {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) sha256: String,
}

/// What a release was made from. Batches are counted here and listed in the catalogue: no
/// internal name goes out with a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Inputs {
    /// Number of batches.
    pub(crate) batches: u64,
    /// Digest over recipe, batches and linkage.
    pub(crate) sha256: String,
    /// Height of the ledger.
    pub(crate) ledger_height: u64,
    /// Digest of its last entry.
    pub(crate) ledger_digest: String,
}

/// What a manifest on disk is asked for.
#[derive(Deserialize)]
pub(crate) struct Made {
    /// Persons released.
    pub(crate) persons_released: u64,
    /// What it was made from.
    pub(crate) inputs: MadeFrom,
}

/// Part of [`Made`].
#[derive(Deserialize)]
pub(crate) struct MadeFrom {
    /// See [`Inputs`].
    pub(crate) sha256: String,
}

/// 32 bytes in hexadecimal.
pub(crate) fn hex(bytes: [u8; 32]) -> String {
    BatchId::new(bytes).to_string()
}
