//! The standardized storage of SS-MIX2: file names, folders, versions, and the messages inside.
//!
//! The order of use: [`FileName::parse`] each name, check its folders with [`place::check`], let
//! [`versions::resolve`] choose among the files of one patient, then [`read()`] what is current and
//! take [`withdrawal`] of what was taken back. Of a file that had to be set aside, [`claims()`]
//! tells whom the gate must be asked about too.

pub mod change;
pub mod index;
pub mod name;
pub mod place;
pub mod table;
pub mod transaction;
pub mod versions;

mod claims;
mod identity;
mod individual;
mod kinds;
mod message;
mod names;
mod notes;
mod participants;
mod prefecture;
mod read;
mod said;
mod terms;
mod values;

use std::sync::Arc;

use record::{DataKind, DocumentState, Domain, Drops, Identity, Reading};

pub use claims::claims;
pub use name::{FileName, Flag, Kind};
pub use names::{Names, names};
pub(crate) use read::read_observations;
pub use read::{FileReader, read};

/// Whether [`read()`] knows the data kind.
pub fn supported(kind: DataKind) -> bool {
    kinds::Mapper::of(kind).is_some()
}

/// What to pass on when a document was taken back: no file needs to be read for it. `None` for
/// kinds that are not supported, since nothing of them was ever passed on.
pub fn withdrawal(name: &FileName) -> Option<Reading> {
    let key = name.key().filter(|key| supported(key.kind))?;
    Some(Reading {
        chart: name.chart.clone(),
        claimed: Vec::new(),
        key,
        domain: Domain::Medical,
        version: name.version,
        state: DocumentState::Withdrawn,
        identity: Arc::<Identity>::default(),
        records: Vec::new(),
        named: Vec::new(),
        findings: Vec::new(),
        drops: Drops::default(),
    })
}

#[cfg(test)]
mod tests;
