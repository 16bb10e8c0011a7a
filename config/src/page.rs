//! Settings of the local page: the screens of reception, clinic IT and director.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::SettingsError;
use crate::error::range;

/// Everything that the page can be told. `config/examples/page.toml` is a commented file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the page answers, on the institution's own network.
    pub listen: SocketAddr,
    /// Names and addresses under which browsers call it. They stand in its certificate, and a
    /// request for any other host is refused.
    pub names: Vec<String>,
    /// Accounts, sessions and the access log: a folder of its own on the encrypted data partition.
    pub folder: PathBuf,
    /// The institutions or departments on this appliance.
    pub institutions: Vec<Institution>,
    /// What the control channel keeps of the centre's orders (`folders.state` of its settings), for
    /// the report on remote work.
    #[serde(default)]
    pub orders: Option<PathBuf>,
    /// How long a session lasts.
    #[serde(default)]
    pub sessions: Sessions,
}

/// One institution or department.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Institution {
    /// Its name as people know it.
    pub name: String,
    /// Its gateway settings file.
    pub settings: PathBuf,
    /// Whom a person may call, as printed on confirmation and leaflet.
    #[serde(default)]
    pub contact: String,
    /// Departments with the same word here use the same numbers for the same persons: a stop that
    /// one enters is entered for all of them.
    pub stops_shared_in: Option<String>,
}

/// How long a session lasts. Settings can shorten it, never lengthen it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    /// Minutes without a click after which it ends: 2 to 15.
    pub idle_minutes: u8,
    /// Hours after which it ends in any case: 1 to 8.
    pub hours: u8,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            idle_minutes: 15,
            hours: 8,
        }
    }
}

impl Settings {
    /// Parses and checks a settings text.
    ///
    /// # Errors
    /// Not TOML, an unknown key, a value out of range.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text)?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let idle = u64::from(self.sessions.idle_minutes);
        range("sessions.idle_minutes", idle, 2, 15)?;
        range("sessions.hours", u64::from(self.sessions.hours), 1, 8)?;
        range("names", self.names.len() as u64, 1, 16)?;
        range("institutions", self.institutions.len() as u64, 1, 500)?;
        for name in &self.names {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:".contains(&b);
            if name.is_empty() || name.len() > 100 || !name.bytes().all(fits) {
                return Err(refused("names", name, "a host name or an address"));
            }
        }
        let mut files = BTreeSet::new();
        for institution in &self.institutions {
            let name = institution.name.chars().count() as u64;
            range("institutions.name (characters)", name, 1, 60)?;
            let contact = institution.contact.chars().count() as u64;
            range("institutions.contact (characters)", contact, 0, 120)?;
            if !files.insert(&institution.settings) {
                let file = institution.settings.display().to_string();
                return Err(refused("institutions.settings", &file, "a file of its own"));
            }
        }
        Ok(())
    }
}

fn refused(key: &'static str, value: &str, expected: &str) -> SettingsError {
    SettingsError::Range {
        key,
        value: value.to_owned(),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../examples/page.toml");

    #[test]
    fn the_shipped_example_of_the_page_parses() {
        let settings = Settings::parse(EXAMPLE).unwrap();
        assert_eq!(settings.sessions.idle_minutes, 15);
        assert_eq!(settings.institutions.len(), 1);
    }

    /// P-10, B-086: sessions can be shortened, never lengthened; unknown keys are errors.
    #[test]
    fn settings_of_the_page_out_of_range_are_refused_by_name() {
        for (from, to, named) in [
            ("hours = 8", "hours = 9", "sessions.hours"),
            ("idle_minutes = 15", "idle_minutes = 16", "idle_minutes"),
            ("hours = 8", "hours = 8\nsecond_factor = false", "second"),
            ("\"sekisho.internal\"", "\"Sekisho/..\"", "names"),
            ("listen = ", "listens = ", "listens"),
        ] {
            assert!(EXAMPLE.contains(from), "{from}");
            let error = Settings::parse(&EXAMPLE.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(named), "{named}: {error}");
        }
        let again = EXAMPLE.split("[[institutions]]").nth(1).unwrap();
        let again = again.split("\n[sessions]").next().unwrap();
        let twice = format!("{EXAMPLE}\n[[institutions]]{again}");
        let error = Settings::parse(&twice).unwrap_err().to_string();
        assert!(error.contains("a file of its own"), "{error}");
    }
}
