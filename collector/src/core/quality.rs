//! Which sites are red: what they state about their data beside what the operator allows.

use std::collections::BTreeMap;

use record::{FindingCode, Measure, SiteId};
use serde::{Deserialize, Serialize};

use super::catalogue::{Catalogue, FILES};
use super::failure::{Failure, Problem, Result};

/// The name under which the share of files set aside is limited.
const SET_ASIDE: &str = "set_aside";

/// What is allowed where the settings say nothing, in per cent.
const MOST: &[(&str, f64)] = &[
    (SET_ASIDE, 2.0),
    ("birth_missing", 5.0),
    ("kana_missing", 20.0),
    ("sex_missing", 5.0),
    ("code_missing", 20.0),
    ("code_local", 50.0),
    ("unit_missing", 30.0),
    ("date_missing", 5.0),
    // Numbers of another patient in a file.
    ("F003", 0.5),
    ("F006", 2.0),
    ("F022", 5.0),
    ("F031", 5.0),
    ("F032", 2.0),
    ("F035", 0.1),
    ("F037", 0.1),
    ("F082", 2.0),
];

/// Limits on the quality of a site's data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// How many of a site's newest batches are judged together: 1 to 10,000.
    pub(crate) batches: u64,
    /// A share of fewer than so many is not judged: 1 to 1,000,000.
    pub(crate) least: u64,
    /// The share above which a site is red, in per cent, by measure (`birth_missing`), finding
    /// code (`F003`) or `set_aside`.
    pub(crate) most: Shares,
}

/// Shares in per cent by name.
pub(crate) type Shares = BTreeMap<String, f64>;

impl Default for Limits {
    fn default() -> Self {
        Self {
            batches: 30,
            least: 100,
            most: Shares::new(),
        }
    }
}

impl Limits {
    /// Checks ranges and names.
    ///
    /// # Errors
    /// A value out of its range, a name that nothing has.
    pub(crate) fn check(&self) -> Result<()> {
        let in_range = |key: &str, value: u64, most: u64| match value {
            value if (1..=most).contains(&value) => Ok(()),
            value => Err(wrong(&format!("quality.{key} = {value}: 1 to {most}"))),
        };
        in_range("batches", self.batches, 10_000)?;
        in_range("least", self.least, 1_000_000)?;
        check_shares(&self.most)
    }

    fn most_of(&self, own: &Shares, name: &str) -> Option<f64> {
        let shipped = MOST.iter().find(|(known, _)| *known == name);
        let shipped = shipped.map(|(_, most)| *most);
        own.get(name).or(self.most.get(name)).copied().or(shipped)
    }
}

/// Checks the shares that are set for all sites or for one.
///
/// # Errors
/// A share outside 0 to 100, a name that nothing has.
pub(crate) fn check_shares(shares: &Shares) -> Result<()> {
    for (name, share) in shares {
        if title(name).is_none() {
            return Err(wrong(&format!(
                "quality: {name}: no such measure or finding"
            )));
        }
        if !(0.0..=100.0).contains(share) {
            return Err(wrong(&format!("quality: {name} = {share}: 0 to 100 (%)")));
        }
    }
    Ok(())
}

fn wrong(detail: &str) -> Failure {
    Failure::new(Problem::Settings, detail)
}

/// What a name measures, in Japanese and English.
pub(crate) fn title(name: &str) -> Option<(&'static str, &'static str)> {
    let measure = name.parse::<Measure>().ok().map(|it| (it.ja(), it.en()));
    let code = || FindingCode::ALL.iter().find(|code| code.as_str() == name);
    let finding = || code().map(|code| (first(code.ja(), '。'), first(code.en(), ';')));
    let aside = || (name == SET_ASIDE).then_some(("隔離したファイル", "files set aside"));
    measure.or_else(finding).or_else(aside)
}

fn first(text: &'static str, end: char) -> &'static str {
    text.split(end).next().unwrap_or(text)
}

/// The quality of one site's data.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct SiteQuality {
    /// Whether some share is above what is allowed.
    pub(crate) red: bool,
    /// How many batches are judged.
    pub(crate) batches: u64,
    /// Files that were read for them or set aside.
    pub(crate) files: u64,
    /// Every share, by name.
    pub(crate) shares: BTreeMap<String, Share>,
}

/// One share of a site's data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Share {
    /// How many were looked at.
    pub(crate) looked_at: u64,
    /// How many of them were at fault.
    pub(crate) faulty: u64,
    /// The share.
    pub(crate) per_cent: f64,
    /// What is allowed.
    pub(crate) most_per_cent: Option<f64>,
    /// Whether it is above that.
    pub(crate) red: bool,
}

/// Judges a site by its newest batches. `own` are the shares set for that site.
///
/// # Errors
/// The catalogue cannot be read.
pub(crate) fn judge(
    catalogue: &Catalogue,
    site: &SiteId,
    limits: &Limits,
    own: &Shares,
) -> Result<SiteQuality> {
    let (batches, stated) = catalogue.quality(site, limits.batches)?;
    let files = stated.iter().find(|it| it.name == FILES);
    let files = files.map_or(0, |it| it.looked_at);
    let mut quality = SiteQuality {
        batches,
        files,
        ..SiteQuality::default()
    };
    for it in stated {
        let name = if it.name == FILES {
            SET_ASIDE
        } else {
            &it.name
        };
        // Findings are counted per file; several may be in one.
        let looked_at = if it.looked_at == 0 {
            files
        } else {
            it.looked_at
        };
        let most_per_cent = limits.most_of(own, name);
        let per_cent = it.faulty as f64 * 100.0 / looked_at.max(1) as f64;
        let judged = looked_at >= limits.least;
        let share = Share {
            looked_at,
            faulty: it.faulty,
            per_cent,
            most_per_cent,
            red: judged && most_per_cent.is_some_and(|most| per_cent > most),
        };
        quality.red |= share.red;
        quality.shares.insert(name.to_owned(), share);
    }
    Ok(quality)
}

#[cfg(test)]
mod tests;
