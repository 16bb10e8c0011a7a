//! Daily anchors: how far every ledger of the centre goes, signed, in files that are kept apart.
//! Whoever writes a ledger anew does not reach those, so the next comparison shows it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use envelope::{SigningKey, read_statement, sign_statement};
use record::{BatchId, Date, SiteId};
use transfer::ledger::End;

use crate::core::catalogue::Catalogue;
use crate::core::durable;
use crate::core::failure::{Failure, Problem, Result};

const TITLE: &str = "sekisho anchor v1";
const EXTENSION: &str = "anchor";

/// How far both transfer ledgers of a site go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ends {
    /// The centre's.
    pub(crate) centre: End,
    /// The device's, as far as it was told.
    pub(crate) device: End,
}

/// What one day's anchor says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Anchor {
    /// The end of the ledger of lineage.
    pub(crate) lineage: End,
    /// The ends of each site.
    pub(crate) sites: BTreeMap<SiteId, Ends>,
}

/// The folder of anchors, and a second one on other storage, if there is one.
pub(crate) struct Anchors<'a> {
    /// Where they are written.
    pub(crate) folders: Vec<PathBuf>,
    /// Signs them; without it none is written.
    pub(crate) key: Option<&'a SigningKey>,
}

impl Anchors<'_> {
    /// The newest anchor of the folders; an empty one before the first.
    ///
    /// # Errors
    /// It cannot be read, or the key did not sign it.
    pub(crate) fn newest(&self) -> Result<Anchor> {
        let Some(key) = self.key else {
            return Ok(Anchor::default());
        };
        let mut newest: Option<PathBuf> = None;
        for folder in &self.folders {
            for file in files(folder)? {
                if newest
                    .as_ref()
                    .is_none_or(|it| it.file_name() < file.file_name())
                {
                    newest = Some(file);
                }
            }
        }
        match newest {
            Some(file) => Anchor::load(&file, key),
            None => Ok(Anchor::default()),
        }
    }

    /// Whether a day has its anchor in every folder.
    pub(crate) fn has(&self, day: Date) -> bool {
        let missing = |folder: &PathBuf| !path(folder, day).is_file();
        self.key.is_none() || !self.folders.iter().any(missing)
    }

    /// Writes a day's anchor wherever it is missing.
    ///
    /// # Errors
    /// A folder cannot be written.
    pub(crate) fn write(&self, day: Date, anchor: &Anchor) -> Result<()> {
        let Some(key) = self.key else {
            return Ok(());
        };
        let signed = sign_statement(&anchor.text(day), key)
            .map_err(|error| Failure::because(Problem::Key, "letters", error))?;
        for folder in &self.folders {
            let storing = |error| Failure::storing(folder.display().to_string(), error);
            durable::make_folder(folder).map_err(storing)?;
            let path = path(folder, day);
            if !path.is_file() {
                durable::write_shared(&path, &signed).map_err(storing)?;
            }
        }
        Ok(())
    }
}

impl Anchor {
    /// Reads a signed anchor.
    ///
    /// # Errors
    /// It cannot be read, or the key did not sign it for the day in its name.
    pub(crate) fn load(file: &Path, key: &SigningKey) -> Result<Self> {
        let name = file.display().to_string();
        let bytes = fs::read(file).map_err(|error| Failure::storing(name.clone(), error))?;
        let text = read_statement(&bytes, &key.public()).and_then(Self::parse);
        // An older one under a newer name would hide what was written since.
        let named = |day: &str| file.file_stem().is_some_and(|name| name == day);
        let anchor = text.filter(|(day, _)| named(day)).map(|(_, anchor)| anchor);
        anchor.ok_or_else(|| Failure::new(Problem::Anchor, name))
    }

    fn text(&self, day: Date) -> String {
        let mut text = format!("{TITLE}\nday {day}\n");
        let mut line = |words: &str, end: &End| {
            let digest = BatchId::new(end.digest);
            // Writing to a text does not fail.
            let _ = writeln!(text, "{words} {} {digest}", end.entries);
        };
        line("lineage", &self.lineage);
        for (site, ends) in &self.sites {
            line(&format!("centre {site}"), &ends.centre);
            line(&format!("device {site}"), &ends.device);
        }
        text
    }

    /// The day and what the anchor says.
    fn parse(text: &str) -> Option<(&str, Self)> {
        let mut lines = text.strip_prefix(TITLE)?.lines().skip(1);
        let day = lines.next()?.strip_prefix("day ")?;
        let mut anchor = Self::default();
        for line in lines {
            let words: Vec<_> = line.split(' ').collect();
            match words.as_slice() {
                ["lineage", entries, digest] => anchor.lineage = end(entries, digest)?,
                [side, site, entries, digest] => {
                    let ends = anchor.sites.entry(site.parse().ok()?).or_default();
                    let end = end(entries, digest)?;
                    match *side {
                        "centre" => ends.centre = end,
                        "device" => ends.device = end,
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
        Some((day, anchor))
    }

    /// Whether the ledger of lineage still has the entry that was its last.
    ///
    /// # Errors
    /// It has not, or cannot be read.
    pub(crate) fn check_lineage(&self, catalogue: &Catalogue) -> Result<()> {
        let End { entries, digest } = self.lineage;
        catalogue.check_ledger()?;
        let entry = catalogue.entry(entries)?;
        match entries == 0 || entry.is_some_and(|(.., found)| found == digest) {
            true => Ok(()),
            false => Err(Failure::new(Problem::Damaged, "ledger: anchor")),
        }
    }
}

fn end(entries: &str, digest: &str) -> Option<End> {
    Some(End {
        entries: entries.parse().ok()?,
        digest: *digest.parse::<BatchId>().ok()?.as_bytes(),
    })
}

fn path(folder: &Path, day: Date) -> PathBuf {
    folder.join(format!("{day}.{EXTENSION}"))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let storing = |error| Failure::storing(folder.display().to_string(), error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(storing)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(storing)?.path();
        if path.extension().is_some_and(|it| it == EXTENSION) {
            found.push(path);
        }
    }
    Ok(found)
}
