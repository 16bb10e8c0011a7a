//! All of a letter, judged before anything of it is written.

use std::collections::BTreeMap;

use crate::place::Place;
use crate::unit;

/// Longest name of a secret.
const NAME_MAX: usize = 32;

/// Name of a secret: lower case letters, digits and `-`, ending in `.key`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName(String);

impl SecretName {
    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        let stem = text.strip_suffix(".key")?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = !stem.is_empty() && text.len() <= NAME_MAX && stem.bytes().all(plain);
        fits.then(|| Self(text.to_owned()))
    }

    /// The name, which is also the name of its file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is to be written, all of it on the closed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Files in the order of their places.
    pub files: BTreeMap<Place, String>,
    /// Secrets by their names.
    pub secrets: BTreeMap<SecretName, String>,
}

/// Why nothing of a letter is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A file is for a place that is not on the list.
    #[error("no place `{0}`")]
    Place(String),
    /// A secret has no name of a secret.
    #[error("no secret `{0}`")]
    Secret(String),
    /// What is added to a unit says more than a site may: place and line.
    #[error("{0}, line {1}")]
    Unit(String, usize),
}

impl Plan {
    /// Judges files by their places and secrets by their names.
    ///
    /// # Errors
    /// The first one that is not on the closed list.
    pub fn of(
        files: &BTreeMap<String, String>,
        secrets: &BTreeMap<String, String>,
    ) -> Result<Self, Fault> {
        let files = files.iter().map(|(name, text)| {
            let place = Place::parse(name).ok_or_else(|| Fault::Place(name.clone()))?;
            if place.is_unit() {
                let judged = match name.ends_with(".mount") {
                    true => unit::check_mount(text),
                    false => unit::check_added(text),
                };
                judged.map_err(|line| Fault::Unit(name.clone(), line.0))?;
            }
            Ok((place, text.clone()))
        });
        let files = files.collect::<Result<_, Fault>>()?;
        let secrets = secrets.iter().map(|(name, text)| {
            let parsed = SecretName::parse(name).ok_or_else(|| Fault::Secret(name.clone()))?;
            Ok((parsed, text.clone()))
        });
        let secrets = secrets.collect::<Result<_, Fault>>()?;
        Ok(Self { files, secrets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn one_thing_that_is_not_on_the_list_refuses_all() {
        let good = [("sekisho/device.toml", ""), ("swanctl/x509/a.pem", "")];
        let secrets = [("token.key", "x"), ("db-password.key", "y")];
        let plan = Plan::of(&map(&good), &map(&secrets)).unwrap();
        assert_eq!((plan.files.len(), plan.secrets.len()), (2, 2));
        let cases = [
            (("etc/shadow", ""), Fault::Place("etc/shadow".to_owned())),
            (
                (
                    "units/sekisho-page.service.d/a.conf",
                    "[Service]\nExecStart=/x",
                ),
                Fault::Unit("units/sekisho-page.service.d/a.conf".to_owned(), 2),
            ),
            (
                ("units/mnt-a.mount", "[Mount]\nWhere=/mnt/a\nOptions=rw"),
                Fault::Unit("units/mnt-a.mount".to_owned(), 3),
            ),
        ];
        for (bad, fault) in cases {
            let files = map(&[good.as_slice(), &[bad]].concat());
            assert_eq!(Plan::of(&files, &map(&secrets)), Err(fault));
        }
        for bad in ["../x.key", "x", ".key", "X.key", "a/b.key"] {
            let fault = Fault::Secret(bad.to_owned());
            assert_eq!(Plan::of(&map(&good), &map(&[(bad, "")])), Err(fault));
        }
    }
}
