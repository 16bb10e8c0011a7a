//! Keys that had another name in an earlier version: refused with the new one, never guessed at.

use toml::{Table, Value};

use crate::SettingsError;

/// The old name, as it was written, and the new one. The last part of the old name is the key;
/// what stands before it is where it stood.
pub(super) const RENAMED: &[(&str, &str)] = &[("contract", "contracts")];

/// Refuses a settings file that still has a key by its old name.
///
/// # Errors
/// [`SettingsError::Renamed`], with both names.
pub(crate) fn refuse_renamed(table: &Table) -> Result<(), SettingsError> {
    refuse(table, RENAMED)
}

pub(super) fn refuse(
    table: &Table,
    renamed: &[(&'static str, &'static str)],
) -> Result<(), SettingsError> {
    match renamed.iter().find(|(old, _)| holds(table, old)) {
        None => Ok(()),
        Some(&(old, new)) => Err(SettingsError::Renamed { old, new }),
    }
}

/// Whether a key stands there, in any of a list of sections.
fn holds(table: &Table, name: &str) -> bool {
    let (first, rest) = match name.split_once('.') {
        None => return table.contains_key(name),
        Some(parts) => parts,
    };
    match table.get(first) {
        Some(Value::Table(inner)) => holds(inner, rest),
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_table)
            .any(|inner| holds(inner, rest)),
        _ => false,
    }
}
