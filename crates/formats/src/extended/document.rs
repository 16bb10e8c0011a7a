//! One content folder: which document it is a version of, and what its files say together.

use std::collections::BTreeSet;
use std::sync::Arc;

use record::{
    ChartNumber, DocumentState, Domain, Drops, Finding, FindingCode, Identity, Named, Reading,
    Record,
};

use super::cda;
use super::folder::{ContentFolder, Folders, KindFolder};
use super::map::{Reader, Table};
use super::sniff::Content;
use crate::Municipality;
use crate::ssmix2::{self, FileName};

/// A content folder whose document is read.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Which version of which document, in the terms of the standardized storage.
    pub name: FileName,
    /// Which domain of life it tells of.
    pub domain: Domain,
    /// What its name makes known.
    pub findings: Vec<Finding>,
    reader: Reader,
}

/// What a content folder is.
#[derive(Debug)]
pub enum Identified {
    /// A version of a document that is read.
    Read(Box<Folder>),
    /// Of a type that the table says to leave.
    Left,
    /// Of a type that is not in the table.
    Unknown,
}

/// Tells what a content folder is, by its name and the folders above it.
///
/// # Errors
/// [`FindingCode::NameUnreadable`] or [`FindingCode::PlaceMismatch`]: the folder is set aside.
pub fn identify(folders: &Folders<'_>, table: &Table) -> Result<Identified, FindingCode> {
    let kind = KindFolder::parse(folders.kind)?;
    let Some(row) = table.row(&kind) else {
        return Ok(Identified::Unknown);
    };
    let Some(read_as) = row.reader.kind() else {
        return Ok(Identified::Left);
    };
    let content = ContentFolder::parse(folders, &kind, read_as)?;
    let deviates = content.deviates.then_some(FindingCode::FolderDeviates);
    Ok(Identified::Read(Box::new(Folder {
        name: content.name,
        domain: row.domain,
        findings: deviates.into_iter().map(Finding::of_file).collect(),
        reader: row.reader,
    })))
}

/// What to pass on when a document was taken back: no file needs to be read for it.
pub fn withdrawal(folder: &Folder) -> Option<Reading> {
    Document::new(folder, None).finish_as(DocumentState::Withdrawn)
}

impl Folder {
    /// Whether files of this format are read. All others stay on site.
    pub fn wants(&self, content: Content) -> bool {
        match self.reader {
            Reader::OruR30 => content == Content::Hl7,
            Reader::Cda => content == Content::Cda,
            Reader::Leave => false,
        }
    }
}

/// A document while its files are read.
#[derive(Debug)]
pub struct Document<'f> {
    folder: &'f Folder,
    municipality: Option<&'f Municipality>,
    files: u64,
    claimed: Vec<ChartNumber>,
    identity: Arc<Identity>,
    records: Vec<Record>,
    named: Vec<Named>,
    findings: Vec<Finding>,
    drops: Drops,
    withdrawn: bool,
}

impl<'f> Document<'f> {
    /// Starts with no file. `municipality` is as for [`ssmix2::FileReader::new`].
    pub fn new(folder: &'f Folder, municipality: Option<&'f Municipality>) -> Self {
        Self {
            folder,
            municipality,
            files: 0,
            claimed: Vec::new(),
            identity: Arc::default(),
            records: Vec::new(),
            named: Vec::new(),
            findings: folder.findings.clone(),
            drops: Drops::default(),
            withdrawn: false,
        }
    }

    /// Reads one whole file of a format that the folder [`wants`](Folder::wants).
    ///
    /// # Errors
    /// The finding for which the file is set aside, and with it the document: half of it could say
    /// something else than the whole.
    pub fn read(&mut self, table: &Table, bytes: &[u8]) -> Result<(), Finding> {
        match self.folder.reader {
            Reader::OruR30 => {
                let name = &self.folder.name;
                let reading = ssmix2::read_observations(name, self.municipality, bytes)?;
                self.withdrawn |= reading.state == DocumentState::Withdrawn;
                self.claimed.extend(reading.claimed);
                let former = reading.identity.former.clone();
                if self.files == 0 {
                    self.identity = reading.identity;
                }
                self.older(former);
                self.records.extend(reading.records);
                self.named.extend(reading.named);
                self.findings.extend(reading.findings);
                self.drops.merge(&reading.drops);
            }
            Reader::Cda => {
                let contents = cda::read(&self.folder.name.chart, &table.systems, bytes)?;
                self.claimed.extend(contents.claimed);
                self.older(contents.former);
                self.records.extend(contents.records);
                self.findings.extend(contents.findings);
                self.drops.merge(&contents.drops);
            }
            Reader::Leave => return Ok(()),
        }
        self.files += 1;
        Ok(())
    }

    fn older(&mut self, numbers: Vec<ChartNumber>) {
        let former = &mut Arc::make_mut(&mut self.identity).former;
        for number in numbers {
            if !former.contains(&number) {
                former.push(number);
            }
        }
    }

    /// Every patient number that a file set aside claims, as far as it can be read.
    pub fn claims(content: Content, bytes: &[u8]) -> BTreeSet<ChartNumber> {
        match content {
            Content::Cda => cda::claims(bytes),
            Content::Hl7 => ssmix2::claims(bytes),
            _ => BTreeSet::new(),
        }
    }

    /// The whole document. One without a file that could be read says nothing any more, so an
    /// earlier version of it is taken back.
    pub fn finish(self) -> Option<Reading> {
        let state = match self.withdrawn || self.files == 0 {
            true => DocumentState::Withdrawn,
            false => DocumentState::Current,
        };
        self.finish_as(state)
    }

    fn finish_as(self, state: DocumentState) -> Option<Reading> {
        Some(Reading {
            chart: self.folder.name.chart.clone(),
            claimed: self.claimed,
            key: self.folder.name.key()?,
            domain: self.folder.domain,
            version: self.folder.name.version,
            state,
            identity: self.identity,
            records: match state {
                DocumentState::Current => self.records,
                DocumentState::Withdrawn => Vec::new(),
            },
            named: match state {
                DocumentState::Current => self.named,
                DocumentState::Withdrawn => Vec::new(),
            },
            findings: self.findings,
            drops: self.drops,
        })
    }
}

#[cfg(test)]
mod tests;
