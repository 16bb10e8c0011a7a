//! One patient from folder to sealed item: list, resolve versions, read, screen, separate, compare
//! with what was sealed before, encode.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use config::gateway::{ChangeMode, Changes, Limits};
use envelope::MacKey;
use formats::Municipality;
use formats::ssmix2::name::FileName;
use formats::ssmix2::versions::Resolved;
use formats::ssmix2::{self, FileReader, Names};
use privacy::gate::{Gate, NumberRef, Numbers, Pass, PatientReadings, Screened, Withheld};
use privacy::order::{self, SharedCards};
use privacy::separate::{
    Separated, SiteKeys, document_ref, separate, subject_ref, without_content,
};
use privacy::{Prf, dictionary};
use record::{
    ChartNumber, DataKind, DocumentKey, DocumentRef, DocumentState, Finding, FindingCode, Reading,
    SubjectRef,
};

use super::budget::Budget;
use super::disk::{Disk, Unread};
use super::extended::Beside;
use super::files::{Extent, Listing};
use super::news::{News, Remember};
use super::turns::Turns;
use super::visited::read_guarded;
use super::visited::{At, Outcome, Places, Visited, claims_guarded, content, names_guarded};
use super::walk::{PatientFolder, Roots};
use super::watch::{Caller, GivenUp};
use crate::agreed::Agreed;
use crate::error::Failure;
use crate::evaluation::{Answers, Service, Waits};
use crate::examples::Gathering;
use crate::keys::{Keys, TokenKeys};
use crate::ledger::Met;
use crate::quality::Reference;
use crate::state::{Fingerprint, Known, StateReader};

/// The mapping from source fields to the vocabulary; a change makes every document be read again.
pub(crate) const MAPPING_VERSION: u16 = 3;

/// Folders below a patient's that are looked into.
const DEPTH: usize = 3;
/// The same where there is an extended storage, whose documents may have folders in them.
const DEPTH_EXTENDED: usize = 6;
/// A patient whose files change while they are read is listed again at once, this often.
const TRIES: u32 = 2;

/// What all threads that read patients share.
pub(crate) struct Shared<D: Disk> {
    /// The volumes.
    pub(crate) roots: Arc<Roots<D>>,
    /// The extended storage.
    pub(crate) beside: Beside,
    /// Bounds.
    pub(crate) limits: Limits,
    /// How changes are found.
    pub(crate) changes: Changes,
    /// Who may leave.
    pub(crate) gate: Arc<Gate>,
    /// Keys of the separation.
    pub(crate) keys: Arc<Keys>,
    /// Key of what identifies patients, by which orders of the centre find them.
    pub(crate) identities: MacKey,
    /// Cards of which no token is made, because too many patients have them.
    pub(crate) cards: SharedCards,
    /// Keys of linkage tokens.
    pub(crate) tokens: TokenKeys,
    /// Who keys tokens whose key is not at hand.
    pub(crate) service: Service,
    /// What the contract in force lets leave beside records and tokens.
    pub(crate) agreed: Agreed,
    /// Before this moment a change is old enough to be remembered, in nanoseconds since 1970.
    pub(crate) settled_before: i64,
    /// How many more patients may lose documents that vanished. None may while the volumes are not
    /// those of the last complete scan.
    pub(crate) may_vanish: AtomicU64,
    /// Bytes that may be on their way.
    pub(crate) budget: Budget,
    /// Threads that may read at once.
    pub(crate) turns: Turns,
    /// Masked examples of what leaves.
    pub(crate) examples: Gathering,
    /// Whether names of the house's codes are gathered for the dictionary.
    pub(crate) dictionary: bool,
    /// Who gives numbers of residents, where the source knows them.
    pub(crate) municipality: Option<Municipality>,
}

impl<D: Disk> Shared<D> {
    /// Whether one more patient may lose documents that vanished.
    pub(super) fn may_take_back(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        let update =
            |left: &AtomicU64| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        update(&self.may_vanish).is_ok()
    }

    /// Who gives the numbers of residents, and the key of their tokens.
    fn resident_numbers(&self) -> Option<(&Municipality, &MacKey)> {
        self.municipality
            .as_ref()
            .zip(self.keys.municipality.as_ref())
    }

    /// See [`without_content`].
    fn without_content(&self, chart: &ChartNumber, reason: Withheld) -> Option<Separated> {
        // Nothing is said of who it is, so there are no tokens to be keyed.
        let nothing = Answers::default();
        without_content(chart, reason, &self.site_keys(&nothing))
    }

    /// How many threads there are for each turn at the source: while persons wait for the service,
    /// others are read, so that one question is about several.
    pub(super) fn threads_for_each_turn(&self) -> usize {
        match self.tokens.are_served() {
            true => 8,
            false => 1,
        }
    }

    /// Has the tokens of a screened person keyed where their key is at the service.
    fn answers(&self, screened: &Screened<PatientReadings>) -> Result<Answers, Waits> {
        match self.tokens.are_served() {
            false => Ok(Answers::default()),
            true => {
                let key = || self.service.key(&self.tokens, screened);
                self.turns.without(key)
            }
        }
    }

    /// The keys of separation, with the answers of the service about the person.
    pub(super) fn site_keys<'a>(&'a self, answers: &'a Answers) -> SiteKeys<'a> {
        let (keys, agreed) = (&self.keys, &self.agreed);
        let (vault, participants) = (agreed.vault(keys), agreed.participants(keys));
        self.tokens
            .for_separation(answers, keys, vault, participants)
    }
}

/// What reading one patient after another takes. One per thread.
pub(crate) struct PatientReader<D: Disk> {
    pub(super) shared: Arc<Shared<D>>,
    caller: Caller,
    state: StateReader,
    listing: Listing,
    reader: FileReader,
    /// The bytes of the file at hand.
    pub(super) buffer: Vec<u8>,
    /// The bytes that a fingerprint is made of.
    inventory: Vec<u8>,
}

impl<D: Disk> PatientReader<D> {
    /// A reader for one thread.
    ///
    /// # Errors
    /// The state cannot be opened.
    pub(crate) fn new(
        shared: Arc<Shared<D>>,
        caller: Caller,
        state: &Path,
    ) -> Result<Self, Failure> {
        Ok(Self {
            caller,
            state: StateReader::open(state)?,
            listing: Listing::default(),
            reader: FileReader::new(shared.municipality.clone()),
            buffer: Vec::new(),
            inventory: Vec::new(),
            shared,
        })
    }

    /// Visits one patient, the one of this number in the order of the walk.
    ///
    /// # Errors
    /// The thread was given up, or our own state failed; what is wrong with the source is a
    /// finding.
    pub(crate) fn visit(
        &mut self,
        number: u64,
        folder: &PatientFolder,
    ) -> Result<Result<Visited, Failure>, GivenUp> {
        let mut tries = 0;
        loop {
            tries += 1;
            let visited = match self.visit_once(number, folder)? {
                Ok(visited) => visited,
                Err(failure) => return Ok(Err(failure)),
            };
            let moved = |finding: &Finding| {
                matches!(
                    finding.code,
                    FindingCode::FileVanished | FindingCode::FileChanged
                )
            };
            if tries >= TRIES || !visited.findings.iter().any(moved) {
                return Ok(Ok(visited));
            }
        }
    }

    fn visit_once(
        &mut self,
        number: u64,
        folder: &PatientFolder,
    ) -> Result<Result<Visited, Failure>, GivenUp> {
        let (folders, paths, extended) = self.list(folder)?;
        let shared = Arc::clone(&self.shared);
        let mut visited = Visited::of(&self.listing);
        let level = folder
            .levels
            .each_ref()
            .map(|name| std::str::from_utf8(name));
        let [Ok(first), Ok(second), Ok(third)] = level else {
            return Ok(Ok(visited.quarantined(FindingCode::NameUnreadable)));
        };
        let Some(chart) = ChartNumber::new(third) else {
            return Ok(Ok(visited.quarantined(FindingCode::NameUnreadable)));
        };
        let subject = subject_ref(&chart, &shared.keys.site);
        visited.chart = Some(chart.clone());
        visited.subject = Some(subject);
        if self.listing.too_many {
            return Ok(Ok(visited.quarantined(FindingCode::LimitReached)));
        }
        let decided = shared.gate.decide(std::slice::from_ref(&chart));
        let limits = decided.as_ref().map(Pass::limits).unwrap_or_default();
        let fingerprint = self.fingerprint(folder, &limits);
        let before = match self.state.patient(&subject) {
            Ok(before) => before,
            Err(failure) => return Ok(Err(failure)),
        };
        if !self.listing.incomplete && before == Some(fingerprint) {
            visited.files.unchanged = visited.files.seen;
            // Nothing would be sent; but who has said no since is counted as withheld.
            if let Err(reason) = decided {
                visited.numbers = vec![NumberRef::of(&chart, &shared.keys.site)];
                visited.outcome = Outcome::Withheld(reason);
            }
            return Ok(Ok(visited));
        }
        let bytes = self.listing.bytes;
        let acquire = || shared.budget.acquire(number, bytes);
        if !shared.turns.without(acquire) {
            return Err(GivenUp);
        }
        let listing = std::mem::take(&mut self.listing);
        let places = Places {
            listing: &listing,
            folders: paths,
            extended,
        };
        let read = self.read_all(visited, &places, &folders, [first, second, third], chart);
        self.listing = listing;
        // Nothing of the source is held open while tokens are waited for.
        drop(folders);
        Ok(self.judge(read?, subject, fingerprint))
    }

    /// Opens the patient's folders and lists them. Gives the folders, where they are, and how many
    /// of them are of the standardized storage.
    #[expect(
        clippy::type_complexity,
        reason = "three parts that are taken apart at once"
    )]
    fn list(
        &mut self,
        folder: &PatientFolder,
    ) -> Result<(Vec<D::Folder>, Vec<PathBuf>, usize), GivenUp> {
        let roots = &self.shared.roots;
        let path = folder.path();
        let (mut folders, mut paths) = (Vec::new(), Vec::new());
        let mut standardized = 0;
        let mut unread = Vec::new();
        for (volume, root) in roots.folders.iter().enumerate() {
            if folder.volumes >> volume & 1 == 1 {
                match self.caller.call(0, |_| roots.disk.folder(root, &path))? {
                    Ok(opened) => {
                        folders.push(opened);
                        standardized += usize::from(volume < self.shared.beside.first);
                        let root = roots.marks.get(volume).map(|mark| mark.path.as_path());
                        let root = root.unwrap_or(Path::new(""));
                        paths.push(root.join(OsStr::from_bytes(&path)));
                    }
                    Err(error) => unread.push(error),
                }
            }
        }
        let extent = Extent {
            depth: match self.has_extended() {
                true => DEPTH_EXTENDED,
                false => DEPTH,
            },
            most: self.shared.limits.patient_files,
            stat_folders: self.shared.changes.mode == ChangeMode::Ctime,
        };
        self.listing
            .fill(&roots.disk, &self.caller, &folders, extent)?;
        self.listing.incomplete |= !folder.complete;
        for error in unread {
            self.listing.unknown(&error);
        }
        Ok((folders, paths, standardized))
    }

    /// What the folder looks like, together with everything that decides how it is read.
    /// Under other limits of the gate's yes, other documents leave.
    fn fingerprint(&mut self, folder: &PatientFolder, limits: &str) -> Fingerprint {
        let shared = &self.shared;
        let bytes = &mut self.inventory;
        bytes.clear();
        bytes.extend_from_slice(b"sekisho folder v3");
        if shared.dictionary {
            // Everybody is read once more when it is begun.
            bytes.extend_from_slice(b" with dictionary");
        }
        bytes.extend_from_slice(&MAPPING_VERSION.to_be_bytes());
        bytes.extend_from_slice(&text::fold::VERSION.to_be_bytes());
        bytes.extend_from_slice(&shared.tokens.epochs());
        bytes.extend_from_slice(&shared.agreed.mark(&shared.keys));
        if let Some((municipality, key)) = shared.resident_numbers() {
            // Everybody is read once more for the tokens of another municipality.
            bytes.extend_from_slice(b" with municipality");
            bytes.extend_from_slice(&key.prf(municipality.authority().as_bytes()));
        }
        // With a higher limit, a file that was too large is read.
        bytes.extend_from_slice(&shared.limits.file_bytes.to_be_bytes());
        let part = |bytes: &mut Vec<u8>, part: &[u8]| {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        };
        part(bytes, limits.as_bytes());
        for (volume, mark) in shared.roots.marks.iter().enumerate() {
            if folder.volumes >> volume & 1 == 1 {
                part(bytes, mark.path.as_os_str().as_encoded_bytes());
            }
        }
        for level in &folder.levels {
            part(bytes, level);
        }
        if shared.beside.is_among(folder.volumes) {
            part(bytes, &shared.beside.digest);
        }
        match shared.changes.mode {
            ChangeMode::Ctime => {
                bytes.push(1);
                bytes.extend_from_slice(&self.listing.entries.to_be_bytes());
                bytes.extend_from_slice(&self.listing.newest.to_be_bytes());
            }
            ChangeMode::Inventory
            | ChangeMode::Transactions
            | ChangeMode::IndexCsv
            | ChangeMode::IndexPostgres => {
                bytes.push(0);
                for found in &self.listing.files {
                    let stat = &found.stat;
                    bytes.extend_from_slice(&(found.folder as u64).to_be_bytes());
                    part(bytes, self.listing.path(found));
                    bytes.extend_from_slice(&stat.bytes.to_be_bytes());
                    bytes.extend_from_slice(&stat.inode.to_be_bytes());
                    for stamp in stat.stamps {
                        bytes.extend_from_slice(&stamp.to_be_bytes());
                    }
                }
            }
        }
        envelope::sha256(bytes)
    }

    /// Reads the current version of each document. Nothing is taken back unless all files are
    /// known: the one that stands may be among those that could not be listed.
    fn read_all(
        &mut self,
        mut visited: Visited,
        places: &Places<'_>,
        folders: &[D::Folder],
        levels: [&str; 3],
        chart: ChartNumber,
    ) -> Result<ReadPatient, GivenUp> {
        let listing = places.listing;
        let keys = Arc::clone(&self.shared.keys);
        let (named, misplaced) = visited.name_files(places, levels, &keys.site);
        let mut keys_found: Vec<_> = named.iter().filter_map(|(name, _)| name.key()).collect();
        let mut doubtful = self.doubtful(folders, &misplaced)?;
        let mut resolved = ssmix2::versions::resolve(named, |a, b| a.order().cmp(&b.order()));
        for finding in &resolved.findings {
            visited.found_of_patient(*finding, &keys.site);
        }
        self.take_cancels(&mut visited, folders, &mut resolved)?;
        visited.files.superseded = resolved.superseded;
        let mut names = Names::default();
        let mut readings = self.read_current(
            &mut visited,
            folders,
            &resolved.current,
            &mut doubtful,
            &mut names,
        )?;
        visited.files.withdrawn = resolved.withdrawn.len() as u64;
        readings.extend(
            resolved
                .withdrawn
                .iter()
                .filter(|_| !listing.incomplete)
                .filter_map(|(name, _)| ssmix2::withdrawal(name)),
        );
        let documents = self.read_documents(&mut visited, places, folders, levels)?;
        readings.extend(documents.readings);
        keys_found.extend(documents.keys);
        doubtful.extend(documents.doubtful);
        let young = listing.newest >= self.shared.settled_before;
        Ok(ReadPatient {
            remember: !listing.incomplete && !young && !visited.must_retry(),
            complete: !listing.incomplete,
            visited,
            patient: PatientReadings {
                chart,
                readings,
                doubtful: doubtful.into_iter().collect(),
            },
            keys: keys_found,
            names,
        })
    }

    fn read_current(
        &mut self,
        visited: &mut Visited,
        folders: &[D::Folder],
        current: &[(FileName, At<'_>)],
        doubtful: &mut BTreeSet<ChartNumber>,
        names: &mut Names,
    ) -> Result<Vec<Reading>, GivenUp> {
        let keys = Arc::clone(&self.shared.keys);
        let mut readings = Vec::with_capacity(current.len());
        let mut contents = Vec::with_capacity(current.len());
        for (name, found) in current {
            let read = self.read(folders, found)?.and_then(|()| {
                let read = read_guarded(&mut self.reader, name, &self.buffer);
                if read.is_err() {
                    doubtful.extend(claims_guarded(&self.buffer));
                }
                read
            });
            match read {
                Ok(reading) => {
                    visited.files.read += 1;
                    visited.keep(&reading, found, &keys.site);
                    if self.shared.dictionary {
                        names.add(names_guarded(name, &self.buffer));
                    }
                    if let Some(content) = content(&reading) {
                        contents.push((content, *found));
                    }
                    readings.push(reading);
                }
                Err(finding) => visited.set_aside(finding, Some(name), found, &keys.site),
            }
        }
        self.reader.forget_patient();
        visited.find_equal_contents(contents, &keys.site);
        Ok(readings)
    }

    /// The numbers that misplaced files claim in their names and inside.
    fn doubtful(
        &mut self,
        folders: &[D::Folder],
        misplaced: &[At<'_>],
    ) -> Result<BTreeSet<ChartNumber>, GivenUp> {
        let mut numbers = BTreeSet::new();
        for found in misplaced {
            let path = std::str::from_utf8(found.inside()).ok();
            let name = path.and_then(|path| path.rsplit('/').next());
            let number = name.and_then(|name| name.split_once('_'));
            numbers.extend(number.and_then(|(number, _)| ChartNumber::new(number)));
            if self.read(folders, found)?.is_ok() {
                numbers.extend(claims_guarded(&self.buffer));
            }
        }
        Ok(numbers)
    }

    /// Withdraws documents that stand by their flags although a newer void file is a cancel.
    fn take_cancels<'l>(
        &mut self,
        visited: &mut Visited,
        folders: &[D::Folder],
        resolved: &mut Resolved<At<'l>>,
    ) -> Result<(), GivenUp> {
        let keys = Arc::clone(&self.shared.keys);
        for (name, found) in std::mem::take(&mut resolved.contested) {
            if let Err(finding) = self.read(folders, &found)? {
                visited.found(finding, Some(&name), &found, &keys.site);
                continue;
            }
            let cancels = AssertUnwindSafe(|| self.reader.cancels(&name, &self.buffer));
            if catch_unwind(cancels).unwrap_or(false) {
                // Its own file was counted as superseded, and now the one that stood is.
                resolved
                    .current
                    .retain(|(other, _)| other.key() != name.key());
                resolved.withdrawn.push((name, found));
            }
        }
        Ok(())
    }

    pub(super) fn read(
        &mut self,
        folders: &[D::Folder],
        at: &At<'_>,
    ) -> Result<Result<(), Finding>, GivenUp> {
        let stat = &at.found.stat;
        let code = if stat.bytes > self.shared.limits.file_bytes {
            FindingCode::FileTooLarge
        } else if stat.bytes == 0 {
            FindingCode::FileEmpty
        } else if let Some(folder) = folders.get(at.found.folder) {
            let (path, disk) = (at.inside(), &self.shared.roots.disk);
            let buffer = &mut self.buffer;
            let read = |_: &dyn Fn()| disk.read(folder, path, stat, buffer);
            match self.caller.call(1, read)? {
                Ok(()) => return Ok(Ok(())),
                Err(unread) => code_of(unread),
            }
        } else {
            FindingCode::FileUnreadable
        };
        Ok(Err(Finding::of_file(code)))
    }

    /// Reads the first bytes of a file.
    pub(super) fn read_head(
        &mut self,
        folders: &[D::Folder],
        at: &At<'_>,
        most: usize,
    ) -> Result<Result<(), Finding>, GivenUp> {
        let Some(folder) = folders.get(at.found.folder) else {
            return Ok(Err(Finding::of_file(FindingCode::FileUnreadable)));
        };
        let (path, disk) = (at.inside(), &self.shared.roots.disk);
        let buffer = &mut self.buffer;
        let read = |_: &dyn Fn()| disk.head(folder, path, most, buffer);
        let read = self.caller.call(1, read)?;
        Ok(read.map_err(|unread| Finding::of_file(code_of(unread))))
    }

    /// Whether there is an extended storage.
    fn has_extended(&self) -> bool {
        self.shared.roots.folders.len() > self.shared.beside.first
    }

    /// Asks the gate, and finds what is new.
    fn judge(
        &mut self,
        read: ReadPatient,
        subject: SubjectRef,
        fingerprint: Fingerprint,
    ) -> Result<Visited, Failure> {
        let ReadPatient {
            mut visited,
            mut patient,
            keys,
            complete,
            mut remember,
            names,
        } = read;
        let reference = Reference::patient(&patient.chart, &self.shared.keys.site);
        self.note_person(&mut visited, &mut patient, reference);
        let known = self.state.known(&subject)?;
        let keys = complete.then_some(&*keys);
        let mut vanished = self.vanished(&known, &patient.chart, keys);
        let take_back = !vanished.is_empty() && self.shared.may_take_back();
        remember &= take_back || vanished.is_empty();
        note_vanished(&mut visited, vanished.len(), take_back, reference);
        vanished.retain(|_| take_back);
        if patient.readings.is_empty() && !take_back {
            visited.outcome = Outcome::Quarantined;
            return Ok(visited);
        }
        let numbers = Numbers::of(&patient);
        let before = |document: &DocumentRef| self.state.before(document);
        let news = News {
            limits: &self.shared.limits,
            known: &known,
            examples: &self.shared.examples,
            before: &before,
        };
        let shared = Arc::clone(&self.shared);
        let chart = patient.chart.clone();
        let deleted = deleted(&patient, &known, &shared.keys.site);
        let screened = match self.shared.gate.screen(patient) {
            Ok(screened) => screened,
            Err(reason) => {
                visited.numbers = numbers.references(&shared.keys.site);
                visited.outcome = Outcome::Withheld(reason);
                if let Some(mut separated) = shared.without_content(&chart, reason) {
                    take_back_all(&mut separated, deleted.into_iter().chain(vanished));
                    visited.taken_back = news.taken_back(separated, subject, numbers)?;
                }
                return Ok(visited);
            }
        };
        let (pass, left_out) = (screened.pass().clone(), screened.left_out());
        let site = &shared.keys.site;
        let sayings = dictionary::candidates(&screened, names.codes, &names.staff, site);
        let Ok(answers) = shared.answers(&screened) else {
            visited.outcome = Outcome::Unkeyed;
            return Ok(visited);
        };
        let mut separated = separate(screened, &shared.site_keys(&answers));
        for finding in separated.findings() {
            visited.note(*finding, None, || reference);
        }
        visited.drops.merge(separated.left_out());
        take_back_all(&mut separated, vanished);
        let fingerprint = remember.then_some(Remember::As(fingerprint));
        let mut passed = news.of(separated, subject, (pass, numbers), fingerprint)?;
        passed.left_out = left_out;
        passed.sayings = sayings;
        visited.outcome = Outcome::Passed(Box::new(passed));
        Ok(visited)
    }

    /// Notes by what the patient could be named, and takes out cards that many patients have.
    fn note_person(
        &self,
        visited: &mut Visited,
        patient: &mut PatientReadings,
        reference: Reference,
    ) {
        let shared = &self.shared;
        visited.met = Some(Met {
            chart: patient.chart.clone(),
            known: order::Known::of(patient, &shared.identities),
        });
        if shared.cards.take_out(patient, &shared.identities) > 0 {
            let finding = Finding::of_file(FindingCode::CardShared);
            visited.note(finding, None, || reference);
        }
    }

    /// Documents that stand at the centre and of which no file is left, of whatever version or
    /// flag, whether it could be read or not. None when not all files are known.
    fn vanished<'k>(
        &self,
        known: &'k [Known],
        chart: &ChartNumber,
        keys: Option<&[DocumentKey]>,
    ) -> Vec<&'k Known> {
        let Some(keys) = keys else {
            return Vec::new();
        };
        let extended = self.has_extended();
        let reads = |kind: DataKind| ssmix2::supported(kind) || (extended && kind.is_extended());
        let standing = |known: &&Known| !known.withdrawn && reads(known.kind);
        let candidates: Vec<_> = known.iter().filter(standing).collect();
        if candidates.is_empty() {
            return candidates;
        }
        let reference = |key| document_ref(chart, key, &self.shared.keys.site);
        let present: BTreeSet<DocumentRef> = keys.iter().map(reference).collect();
        let gone = |known: &&Known| !present.contains(&known.document);
        candidates.into_iter().filter(gone).collect()
    }
}

fn take_back_all<'k>(separated: &mut Separated, gone: impl IntoIterator<Item = &'k Known>) {
    for gone in gone {
        separated.take_back(gone.document, gone.kind, gone.version);
    }
}

/// Documents that stand at the centre and of which the site says that they were deleted.
fn deleted<'k>(patient: &PatientReadings, known: &'k [Known], site: &dyn Prf) -> Vec<&'k Known> {
    let withdrawn = |reading: &&Reading| reading.state == DocumentState::Withdrawn;
    let found = |reading: &Reading| {
        let document = document_ref(&patient.chart, &reading.key, site);
        let place = known.binary_search_by_key(&document, |known| known.document);
        known.get(place.ok()?).filter(|known| !known.withdrawn)
    };
    let readings = patient.readings.iter().filter(withdrawn);
    readings.filter_map(found).collect()
}

/// One finding for each document that vanished: it is taken back, or stands all the same.
fn note_vanished(visited: &mut Visited, count: usize, take_back: bool, reference: Reference) {
    let code = match take_back {
        true => FindingCode::DocumentVanished,
        false => FindingCode::VanishedKept,
    };
    for _ in 0..count {
        visited.note(Finding::of_file(code), None, || reference);
    }
}

fn code_of(unread: Unread) -> FindingCode {
    match unread {
        Unread::Gone => FindingCode::FileVanished,
        Unread::Changed => FindingCode::FileChanged,
        Unread::Refused => FindingCode::FileUnreadable,
    }
}

/// One patient's files, read.
struct ReadPatient {
    visited: Visited,
    patient: PatientReadings,
    /// The documents of which there are files.
    keys: Vec<DocumentKey>,
    complete: bool,
    remember: bool,
    /// What the files call the house's codes.
    names: Names,
}

#[cfg(test)]
mod tests;
