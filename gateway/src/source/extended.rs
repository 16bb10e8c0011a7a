//! The extended storage of one patient: content folders, their versions, and their files.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use config::extended::{CodeSystem, Extended, ExtendedReader};
use formats::extended::{self, Content, Document, Folder, Folders, Identified};
use formats::extended::{Reader, Row, Table};
use formats::ssmix2;
use formats::ssmix2::name::FileName;
use privacy::Prf;
use record::{ChartNumber, DocumentKey, DocumentState, Finding, FindingCode, Reading};

use super::disk::Disk;
use super::patient::PatientReader;
use super::visited::{At, Places, Visited};
use super::walk::Volumes;
use super::watch::GivenUp;

/// The extended storage as the settings have it.
pub(crate) struct Beside {
    /// The first volume that is of the extended storage; those before are of the standardized one.
    pub(crate) first: usize,
    /// A digest of the table: with another one the same files are read otherwise.
    pub(super) digest: [u8; 32],
    table: Table,
}

impl Beside {
    /// From the settings, behind so many volumes of the standardized storage.
    pub(crate) fn of(settings: &Extended, first: usize) -> Self {
        let rows = settings.kinds.iter().map(|kind| Row {
            local: kind.local.clone(),
            local_system: kind.local_system.clone(),
            standard: kind.standard.clone(),
            reader: match kind.reader {
                ExtendedReader::OruR30 => Reader::OruR30,
                ExtendedReader::Cda => Reader::Cda,
                ExtendedReader::Leave => Reader::Leave,
            },
            domain: kind.domain,
        });
        let named = |system: &CodeSystem| (system.oid.clone(), system.name.clone());
        let systems = settings.systems.iter().map(named);
        let table = Table {
            rows: rows.collect(),
            systems: systems.collect::<BTreeMap<_, _>>(),
        };
        let shown = format!("{:?} {:?}", settings.kinds, settings.systems);
        Self {
            first,
            digest: envelope::sha256(shown.as_bytes()),
            table,
        }
    }

    /// Whether a volume of the extended storage is among these.
    pub(super) fn is_among(&self, volumes: Volumes) -> bool {
        let first = u32::try_from(self.first).unwrap_or(u32::MAX);
        volumes.checked_shr(first).is_some_and(|rest| rest > 0)
    }
}

/// What the extended storage says of one patient.
#[derive(Default)]
pub(super) struct Documents {
    /// The documents that are read or were taken back.
    pub(super) readings: Vec<Reading>,
    /// The documents of which there are folders.
    pub(super) keys: Vec<DocumentKey>,
    /// The numbers that what was set aside claims.
    pub(super) doubtful: BTreeSet<ChartNumber>,
}

/// One content folder whose document is read.
struct Held<'l> {
    folder: Box<Folder>,
    files: &'l [At<'l>],
}

impl<'l> Held<'l> {
    fn order(&self) -> Option<(usize, &'l [u8])> {
        self.files.first().map(At::order)
    }
}

/// The content folders of one patient.
#[derive(Default)]
struct Sorted<'l> {
    named: Vec<(FileName, Held<'l>)>,
    left: Vec<At<'l>>,
    misplaced: Vec<At<'l>>,
}

/// Tells the content folders apart. The files of one lie together.
fn sort<'l>(
    files: &'l [At<'l>],
    levels: [&str; 3],
    table: &Table,
    visited: &mut Visited,
    site: &dyn Prf,
) -> Sorted<'l> {
    let place = |at: &At<'l>| (at.found.folder, content_folder(at.inside()));
    let mut sorted = Sorted::default();
    for files in files.chunk_by(|one, other| place(one) == place(other)) {
        let place = files.first().and_then(|at| place(at).1);
        let identified = place.ok_or(FindingCode::PlaceMismatch).and_then(|place| {
            let [level1, level2, level3] = levels;
            let [care_date, kind, content] = place;
            let folders = Folders {
                level1,
                level2,
                level3,
                care_date,
                kind,
                content,
            };
            extended::identify(&folders, table)
        });
        match identified {
            Ok(Identified::Read(folder)) => {
                let name = folder.name.clone();
                sorted.named.push((name, Held { folder, files }));
            }
            Ok(Identified::Left) => sorted.left.extend(files),
            Ok(Identified::Unknown) => {
                let finding = Finding::of_file(FindingCode::ExtendedKindUnknown);
                if let Some(at) = files.first() {
                    visited.found(finding, None, at, site);
                }
                sorted.left.extend(files);
            }
            Err(code) => {
                for at in files {
                    visited.set_aside(Finding::of_file(code), None, at, site);
                }
                sorted.misplaced.extend(files);
            }
        }
    }
    sorted
}

/// Care date, document type and content folder of a file.
fn content_folder(path: &[u8]) -> Option<[&[u8]; 3]> {
    let mut parts = path.splitn(4, |&b| b == b'/');
    let place = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().map(|_| place)
}

impl<D: Disk> PatientReader<D> {
    /// Reads what stands in the extended storage. Nothing is taken back unless all files are known.
    pub(super) fn read_documents(
        &mut self,
        visited: &mut Visited,
        places: &Places<'_>,
        folders: &[D::Folder],
        levels: [&str; 3],
    ) -> Result<Documents, GivenUp> {
        let shared = Arc::clone(&self.shared);
        let site = &shared.keys.site;
        let files: Vec<_> = places.documents().collect();
        let sorted = sort(&files, levels, &shared.beside.table, visited, site);
        let mut documents = Documents::default();
        let keys = sorted.named.iter().filter_map(|(name, _)| name.key());
        documents.keys.extend(keys);
        for at in &sorted.misplaced {
            self.doubt(folders, at, &mut documents)?;
        }
        for at in &sorted.left {
            let recognised = self.recognise(folders, at)?;
            visited.leave(at, recognised, site);
        }
        let count = |held: &[(FileName, Held<'_>)]| -> u64 {
            held.iter().map(|(_, held)| held.files.len() as u64).sum()
        };
        let named = count(&sorted.named);
        let by_place = |a: &Held<'_>, b: &Held<'_>| a.order().cmp(&b.order());
        let resolved = ssmix2::versions::resolve(sorted.named, by_place);
        for finding in &resolved.findings {
            visited.found_of_patient(*finding, site);
        }
        let withdrawn = count(&resolved.withdrawn);
        visited.files.withdrawn += withdrawn;
        visited.files.superseded += named - withdrawn - count(&resolved.current);
        let all_known = !places.listing.incomplete;
        for (_, held) in &resolved.current {
            let reading = self.read_document(visited, folders, held, &mut documents)?;
            let stands = |reading: &Reading| reading.state == DocumentState::Current;
            let reading = reading.filter(|reading| all_known || stands(reading));
            documents.readings.extend(reading);
        }
        let taken_back = resolved.withdrawn.iter().filter(|_| all_known);
        let taken_back = taken_back.filter_map(|(_, held)| extended::withdrawal(&held.folder));
        documents.readings.extend(taken_back);
        Ok(documents)
    }

    /// Reads one content folder. `None` when a file of it was set aside, and with it the document.
    fn read_document(
        &mut self,
        visited: &mut Visited,
        folders: &[D::Folder],
        held: &Held<'_>,
        documents: &mut Documents,
    ) -> Result<Option<Reading>, GivenUp> {
        let shared = Arc::clone(&self.shared);
        let site = &shared.keys.site;
        let (folder, name) = (&held.folder, Some(&held.folder.name));
        let mut document = Document::new(folder, shared.municipality.as_ref());
        let mut whole = true;
        for at in held.files {
            let content = match self.recognise(folders, at)? {
                Ok(content) if folder.wants(content) => content,
                recognised => {
                    whole &= recognised.is_ok();
                    visited.leave(at, recognised, site);
                    continue;
                }
            };
            let read = self.read(folders, at)?.and_then(|()| {
                let read = || document.read(&shared.beside.table, &self.buffer);
                catch_unwind(AssertUnwindSafe(read))
                    .unwrap_or_else(|_| Err(Finding::of_file(FindingCode::ReaderFailed)))
            });
            match read {
                Ok(()) => {
                    visited.compare(at, content, site);
                    visited.files.read += 1;
                }
                Err(finding) => {
                    whole = false;
                    let claimed = claims_guarded(content, &self.buffer);
                    documents.doubtful.extend(claimed);
                    visited.set_aside(finding, name, at, site);
                }
            }
        }
        let reading = document.finish().filter(|_| whole);
        if let Some((reading, at)) = reading.as_ref().zip(held.files.first()) {
            visited.keep(reading, at, site);
        }
        Ok(reading)
    }

    /// Notes the numbers that a misplaced file claims in its folder's name and inside.
    fn doubt(
        &mut self,
        folders: &[D::Folder],
        at: &At<'_>,
        documents: &mut Documents,
    ) -> Result<(), GivenUp> {
        let number = content_folder(at.inside()).and_then(|[_, _, content]| {
            let number = content.split(|&b| b == b'_').next()?;
            ChartNumber::new(std::str::from_utf8(number).ok()?)
        });
        documents.doubtful.extend(number);
        if let Ok(content @ (Content::Cda | Content::Hl7)) = self.recognise(folders, at)?
            && self.read(folders, at)?.is_ok()
        {
            let claimed = claims_guarded(content, &self.buffer);
            documents.doubtful.extend(claimed);
        }
        Ok(())
    }

    /// What a file is, by its first bytes.
    fn recognise(
        &mut self,
        folders: &[D::Folder],
        at: &At<'_>,
    ) -> Result<Result<Content, Finding>, GivenUp> {
        if at.found.stat.bytes == 0 {
            return Ok(Ok(Content::Empty));
        }
        let read = self.read_head(folders, at, extended::HEAD)?;
        Ok(read.map(|()| sniff_guarded(&self.buffer)))
    }
}

impl Visited {
    /// Counts a file that stays, or sets it aside because it could not be read.
    fn leave(&mut self, at: &At<'_>, recognised: Result<Content, Finding>, site: &dyn Prf) {
        match recognised {
            Ok(content) => {
                self.compare(at, content, site);
                self.drops.count(content.drop_name());
                self.files.unsupported += 1;
            }
            Err(finding) => self.set_aside(finding, None, at, site),
        }
    }

    /// Notes when a file's name says something else than its content.
    fn compare(&mut self, at: &At<'_>, content: Content, site: &dyn Prf) {
        let name = at.inside().rsplit(|&b| b == b'/').next();
        if extended::disagrees(name.unwrap_or_default(), content) {
            let finding = Finding::of_file(FindingCode::ContentDeviates);
            self.found(finding, None, at, site);
        }
    }
}

fn sniff_guarded(bytes: &[u8]) -> Content {
    catch_unwind(AssertUnwindSafe(|| extended::sniff(bytes))).unwrap_or(Content::Unknown)
}

fn claims_guarded(content: Content, bytes: &[u8]) -> BTreeSet<ChartNumber> {
    catch_unwind(AssertUnwindSafe(|| Document::claims(content, bytes))).unwrap_or_default()
}

#[cfg(test)]
mod tests;
