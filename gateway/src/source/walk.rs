//! The walk over `<root>/<ID 1-3>/<ID 4-6>/<ID>` of all volumes at once, in the order of the
//! folder names, so that a patient who is spread over volumes comes up once.
//!
//! It can begin anywhere and then goes round, so that every patient comes up whatever moment the
//! last run was stopped at. Memory holds at most [`CHUNK`] names per level, however many patients a
//! folder has: a longer folder is listed once for every so many of them.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use envelope::Sha256;
use record::{Drops, FindingCode};

use super::disk::{Disk, Kind};
use super::team::spawn;
use super::watch::{Caller, GivenUp};
use crate::error::{Failure, Problem};

/// Names of one level in memory.
#[cfg(not(test))]
const CHUNK: usize = 8_192;
#[cfg(test)]
const CHUNK: usize = 8;

/// Which volumes, one bit each.
pub(crate) type Volumes = u64;

/// Root folders of the volumes, open.
pub(crate) struct Roots<D: Disk> {
    /// The file system.
    pub(crate) disk: D,
    /// The roots, in the order of the settings.
    pub(crate) folders: Vec<D::Folder>,
    /// What the roots are called and which folders they are: another after a share was lost.
    pub(crate) marks: Vec<Mark>,
    /// Whether some root has no folder in it.
    pub(crate) empty: bool,
}

/// By which a root folder is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its path in the settings.
    pub(crate) path: PathBuf,
    /// Its inode: the empty folder under a share that is not mounted has another.
    pub(crate) inode: u64,
}

impl<D: Disk> Roots<D> {
    /// Opens the roots, and does not wait for one that hangs.
    ///
    /// # Errors
    /// A root does not answer, or see [`Roots::open_now`].
    pub(crate) fn open(disk: D, paths: &[PathBuf], patience: Duration) -> Result<Self, Failure> {
        let (done, opened) = sync_channel(1);
        let paths = paths.to_vec();
        spawn(move || {
            // Whoever waited may have given up.
            let _ = done.send(Self::open_now(disk, &paths));
        })?;
        let opened = opened.recv_timeout(patience);
        opened.unwrap_or_else(|_| Err(Failure::new(Problem::SourceHangs, "")))
    }

    /// Opens the roots.
    ///
    /// # Errors
    /// A root is missing or cannot be listed: half a source is no source, because a patient's
    /// documents could then look withdrawn.
    fn open_now(disk: D, paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut roots = Self {
            disk,
            folders: Vec::with_capacity(paths.len()),
            marks: Vec::with_capacity(paths.len()),
            empty: false,
        };
        for path in paths {
            let missing = |error: io::Error| {
                let detail = path.display().to_string();
                Failure::because(Problem::SourceMissing, detail, error)
            };
            let folder = roots.disk.root(path).map_err(missing)?;
            let stat = roots.disk.stat(&folder, b"").map_err(missing)?;
            let mut folders = 0u64;
            let mut count = |name: &[u8], kind| {
                folders += u64::from(kind == Kind::Folder && !is_of_a_server(name));
            };
            roots.disk.list(&folder, &mut count).map_err(missing)?;
            roots.empty |= folders == 0;
            roots.folders.push(folder);
            roots.marks.push(Mark {
                path: path.clone(),
                inode: stat.inode,
            });
        }
        Ok(roots)
    }

    /// A digest by which the same volumes are recognised at the next run.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(b"sekisho roots v1");
        for mark in &self.marks {
            let path = mark.path.as_os_str().as_encoded_bytes();
            digest.update(&(path.len() as u64).to_be_bytes());
            digest.update(path);
            digest.update(&mark.inode.to_be_bytes());
        }
        digest.finish()
    }
}

/// The folder names above and of a patient, outermost first. They hold the chart number.
pub(crate) type Levels = [Box<[u8]>; 3];

/// One patient's folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatientFolder {
    /// Level 1, level 2 and level 3 folder names.
    pub(crate) levels: Levels,
    /// The volumes that have a folder of these names.
    pub(crate) volumes: Volumes,
    /// Whether every volume could be asked for one.
    pub(crate) complete: bool,
}

impl PatientFolder {
    /// The way from a root to the folder.
    pub(crate) fn path(&self) -> Vec<u8> {
        self.levels.join(&b'/')
    }
}

/// Where a walk stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Position {
    /// The last patient that came up.
    last: Option<Levels>,
    /// Whether the walk has gone round.
    second_leg: bool,
    /// Named patients that came up.
    named: usize,
    /// How much of the way was behind when the walk began, and is now: 0 to 1.
    shares: [Option<f64>; 2],
}

impl Position {
    /// How much of the way is done, as far as folder names tell: 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        let [begun, now] = self.shares.map(Option::unwrap_or_default);
        match self.second_leg {
            false => now - begun,
            true => now + 1.0 - begun,
        }
        .clamp(0.0, 1.0)
    }
}

/// A folder name and the volumes that have it.
type Name = (Box<[u8]>, Volumes);

/// A folder of a volume by its way from the root.
pub(crate) type Place = (usize, Box<[u8]>);

/// What a walk met that is no patient.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted {
    /// What lay between the folders and is no folder, by name.
    pub(crate) drops: Drops,
    /// Folders that could not be listed.
    pub(crate) findings: Vec<FindingCode>,
    /// Whether somebody may not have come up.
    pub(crate) incomplete: bool,
}

/// Where a walk begins and whom it lets come up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    /// Patients whose places are known; they come up first.
    pub(crate) named: Vec<Levels>,
    /// Whether folders are walked at all.
    pub(crate) walk: bool,
    /// Only patients of these names come up from the walk.
    pub(crate) only: Option<BTreeSet<Box<[u8]>>>,
    /// The folder of level 2 at which the walk begins, and before which it ends.
    pub(crate) begin: Option<[Box<[u8]>; 2]>,
}

/// The patients of all volumes, in order.
pub(crate) struct Walk<D: Disk> {
    roots: Arc<Roots<D>>,
    caller: Caller,
    route: Route,
    levels: [Level; 3],
    depth: usize,
    /// After whom the walk goes on.
    after: Option<Levels>,
    position: Position,
    hung: BTreeSet<Place>,
    /// What is being listed, for whoever finds that it hangs.
    asked: Arc<Mutex<Option<Place>>>,
    counted: Counted,
    counted_more: bool,
}

/// What is left to visit below one folder.
#[derive(Default)]
struct Level {
    /// The way from the root.
    path: Box<[u8]>,
    /// The volumes that have the folder.
    volumes: Volumes,
    /// Whether all volumes could be listed so far.
    complete: bool,
    names: VecDeque<Name>,
    /// The last name of the last listing when there may be more.
    more_after: Option<Box<[u8]>>,
    listed: usize,
}

impl<D: Disk> Walk<D> {
    /// A walk along a route, without the folders that hung before. What is being listed is kept in
    /// `asked`. It stands before its beginning.
    pub(crate) fn new(
        roots: Arc<Roots<D>>,
        caller: Caller,
        route: Route,
        asked: &Arc<Mutex<Option<Place>>>,
        hung: &[Place],
    ) -> Self {
        Self {
            roots,
            caller,
            levels: Default::default(),
            depth: 0,
            after: None,
            position: Position::default(),
            route,
            hung: hung.iter().cloned().collect(),
            asked: Arc::clone(asked),
            counted: Counted::default(),
            counted_more: false,
        }
    }

    /// Takes up where another walk was given up.
    pub(crate) fn resume(&mut self, position: Position, counted: Counted) {
        self.counted = counted;
        self.after.clone_from(&position.last);
        self.position = position;
    }

    /// Steps to the beginning.
    ///
    /// # Errors
    /// The thread was given up.
    pub(crate) fn begin(&mut self) -> Result<(), GivenUp> {
        let all = Volumes::MAX >> (64 - self.roots.folders.len().clamp(1, 64));
        self.depth = 0;
        self.levels = Default::default();
        if self.route.walk {
            self.levels[0] = self.level(Box::default(), all, true)?;
        }
        Ok(())
    }

    /// The first folder of level 2 that `is` the one sought.
    ///
    /// # Errors
    /// The thread was given up.
    pub(crate) fn find(
        mut self,
        is: &dyn Fn(&[u8], &[u8]) -> bool,
    ) -> Result<Option<[Box<[u8]>; 2]>, GivenUp> {
        self.begin()?;
        loop {
            match self.pop()? {
                None if self.depth == 0 => return Ok(None),
                None => self.depth = 0,
                Some((name, volumes)) if self.depth == 0 => {
                    self.levels[1] = self.level(name, volumes, true)?;
                    self.depth = 1;
                }
                Some((name, _)) if is(&self.levels[1].path, &name) => {
                    let first = std::mem::take(&mut self.levels[1].path);
                    return Ok(Some([first, name]));
                }
                Some(_) => {}
            }
        }
    }

    /// What was met besides patients.
    pub(crate) fn counted(&self) -> &Counted {
        &self.counted
    }

    /// The same, if there is more than when it was last asked.
    pub(crate) fn counted_more(&mut self) -> Option<Counted> {
        std::mem::take(&mut self.counted_more).then(|| self.counted.clone())
    }

    /// Where the walk stands.
    pub(crate) fn position(&self) -> &Position {
        &self.position
    }

    /// The next patient.
    ///
    /// # Errors
    /// The thread was given up.
    pub(crate) fn next(&mut self) -> Result<Option<PatientFolder>, GivenUp> {
        while let Some(levels) = self.route.named.get(self.position.named).cloned() {
            self.position.named += 1;
            if let Some(folder) = self.named(levels)? {
                return Ok(Some(folder));
            }
        }
        while self.route.walk {
            let Some((name, volumes)) = self.pop()? else {
                if self.depth > 0 {
                    self.depth -= 1;
                    continue;
                }
                if self.route.begin.is_none() || self.position.second_leg {
                    return Ok(None);
                }
                self.position.second_leg = true;
                self.position.shares[1] = Some(0.0);
                self.after = None;
                self.begin()?;
                continue;
            };
            if self.is_outside(&name) {
                continue;
            }
            if self.depth < 2 {
                let parent = &self.levels[self.depth];
                let path = joined(&parent.path, &name);
                let complete = parent.complete;
                self.depth += 1;
                self.levels[self.depth] = self.level(path, volumes, complete)?;
                continue;
            }
            if self
                .route
                .only
                .as_ref()
                .is_some_and(|only| !only.contains(&name))
            {
                continue;
            }
            return Ok(Some(self.patient(name, volumes)));
        }
        Ok(None)
    }

    fn patient(&mut self, name: Box<[u8]>, volumes: Volumes) -> PatientFolder {
        let [first, second] = self.parents();
        let levels = [first.into(), second.into(), name];
        let [top, middle, bottom] = &self.levels;
        let part = |level: &Level| {
            let listed = level.listed.max(1) as f64;
            (listed - level.names.len() as f64 - 1.0, listed)
        };
        let inside = [bottom, middle, top].map(part).into_iter();
        let now = inside.fold(0.0, |below, (before, listed)| (before + below) / listed);
        // Never back: a folder of more names than are in memory turns out longer as it goes.
        let now = self.position.shares[1].map_or(now, |before| before.max(now));
        self.position.shares = [self.position.shares[0].or(Some(now)), Some(now)];
        self.position.last = Some(levels.clone());
        PatientFolder {
            levels,
            volumes,
            complete: bottom.complete,
        }
    }

    fn parents(&self) -> [&[u8]; 2] {
        let mut parts = self.levels[2].path.splitn(2, |byte| *byte == b'/');
        [(); 2].map(|()| parts.next().unwrap_or_default())
    }

    /// Whether nothing at or below a name of the present level belongs to this leg.
    fn is_outside(&self, name: &[u8]) -> bool {
        let mut path: Vec<&[u8]> = Vec::with_capacity(3);
        let parent = &self.levels[self.depth].path;
        if !parent.is_empty() {
            path.extend(parent.splitn(2, |byte| *byte == b'/'));
        }
        path.push(name);
        // The same number of parts of a bound, and whether those are all.
        let cut = |bound: &[Box<[u8]>]| -> (Vec<Box<[u8]>>, bool) {
            let parts = bound.iter().take(path.len()).cloned().collect();
            (parts, bound.len() <= path.len())
        };
        let before = |bound: &[Box<[u8]>]| {
            let (bound, _) = cut(bound);
            path.iter().copied().lt(bound.iter().map(|part| &**part))
        };
        let is = |bound: &[Box<[u8]>]| {
            let (bound, whole) = cut(bound);
            whole && path.iter().copied().eq(bound.iter().map(|part| &**part))
        };
        let too_early = match (&self.after, &self.route.begin) {
            (Some(after), _) => before(after) || is(after),
            (None, Some(begin)) if !self.position.second_leg => before(begin),
            _ => false,
        };
        let too_late = match &self.route.begin {
            Some(begin) if self.position.second_leg => {
                let (bound, whole) = cut(begin);
                let after = path.iter().copied().gt(bound.iter().map(|part| &**part));
                after || (whole && path.len() >= 2 && is(begin))
            }
            _ => false,
        };
        too_early || too_late
    }

    /// The next name of the present level.
    fn pop(&mut self) -> Result<Option<Name>, GivenUp> {
        let depth = self.depth;
        if let Some(next) = self.levels[depth].names.pop_front() {
            return Ok(Some(next));
        }
        if self.levels[depth].more_after.is_none() {
            return Ok(None);
        }
        let mut level = std::mem::take(&mut self.levels[depth]);
        self.fill(&mut level)?;
        let next = level.names.pop_front();
        self.levels[depth] = level;
        Ok(next)
    }

    fn level(
        &mut self,
        path: Box<[u8]>,
        volumes: Volumes,
        complete: bool,
    ) -> Result<Level, GivenUp> {
        let mut level = Level {
            path,
            volumes,
            complete,
            ..Level::default()
        };
        self.fill(&mut level)?;
        Ok(level)
    }

    /// Lists the next names of a level, in all volumes.
    fn fill(&mut self, level: &mut Level) -> Result<(), GivenUp> {
        let after = level.more_after.take();
        let mut names = Names::after(after.clone());
        for volume in
            (0..self.roots.folders.len()).filter(|volume| level.volumes >> volume & 1 == 1)
        {
            let place = (volume, level.path.clone());
            if self.hung.contains(&place) {
                level.complete = false;
                self.counted.incomplete = true;
                self.counted_more = true;
                continue;
            }
            self.ask(Some(place));
            names.volume = 1 << volume;
            if let Err(error) = self.list(volume, &level.path, &mut names)? {
                level.complete = false;
                self.counted.incomplete = true;
                self.counted.drops.count("walk:unreadable-folder");
                self.counted_more = true;
                if error.kind() != io::ErrorKind::NotFound {
                    self.counted.findings.push(FindingCode::FolderUnreadable);
                }
            }
        }
        self.ask(None);
        let (found, more) = names.finish();
        if after.is_none() {
            for (name, count) in names.others.into_iter().filter(|(_, count)| *count > 0) {
                self.counted.drops.add(name, count);
                self.counted_more = true;
            }
        }
        level.more_after = more
            .then(|| found.back().map(|(name, _)| name.clone()))
            .flatten();
        level.listed += found.len();
        level.names = found;
        Ok(())
    }

    fn list(
        &self,
        volume: usize,
        path: &[u8],
        names: &mut Names,
    ) -> Result<io::Result<()>, GivenUp> {
        let roots = &*self.roots;
        let Some(root) = roots.folders.get(volume) else {
            return Ok(Ok(()));
        };
        let inner;
        let folder = match path.is_empty() {
            true => root,
            false => match self.caller.call(0, |_| roots.disk.folder(root, path))? {
                Ok(opened) => {
                    inner = opened;
                    &inner
                }
                Err(error) => return Ok(Err(error)),
            },
        };
        self.caller.call(0, |alive| {
            let mut number = 0u32;
            roots.disk.list(folder, &mut |name, kind| {
                number = number.wrapping_add(1);
                if number.is_multiple_of(256) {
                    alive();
                }
                names.take(name, kind);
            })
        })
    }

    fn ask(&self, place: Option<Place>) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// A patient whose place is known, if any volume has the folder.
    fn named(&mut self, levels: Levels) -> Result<Option<PatientFolder>, GivenUp> {
        let mut folder = PatientFolder {
            levels,
            volumes: 0,
            complete: true,
        };
        let path: Box<[u8]> = folder.path().into();
        let roots = Arc::clone(&self.roots);
        for (volume, root) in roots.folders.iter().enumerate() {
            let place = (volume, path.clone());
            if self.hung.contains(&place) {
                folder.complete = false;
                continue;
            }
            self.ask(Some(place));
            match self.caller.call(0, |_| roots.disk.stat(root, &path))? {
                Ok(stat) if stat.kind == Kind::Folder => folder.volumes |= 1 << volume,
                Ok(_) => {
                    self.counted.drops.count("walk:stray-file");
                    self.counted_more = true;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => {
                    folder.complete = false;
                    self.counted_more = true;
                    self.counted.findings.push(FindingCode::FolderUnreadable);
                }
            }
        }
        self.ask(None);
        Ok((folder.volumes != 0).then_some(folder))
    }
}

/// Folders that file systems (ext4, NTFS) and file servers (Synology, QNAP, NetApp) put among
/// others for themselves. Most may not be listed, which must not leave a walk incomplete for ever.
/// None can be a patient's number.
const OF_SERVERS: [&str; 11] = [
    "lost+found",
    "System Volume Information",
    "$RECYCLE.BIN",
    "@eaDir",
    "#recycle",
    "@Recycle",
    "#snapshot",
    "@Recently-Snapshot",
    ".snapshot",
    "~snapshot",
    ".zfs",
];

fn is_of_a_server(name: &[u8]) -> bool {
    let mut own = OF_SERVERS.iter();
    own.any(|own| own.as_bytes().eq_ignore_ascii_case(name))
}

/// The first [`CHUNK`] folder names after one, gathered from several listings.
struct Names {
    after: Option<Box<[u8]>>,
    volume: Volumes,
    found: Vec<Name>,
    more: bool,
    others: Vec<(&'static str, u64)>,
}

impl Names {
    fn after(after: Option<Box<[u8]>>) -> Self {
        Self {
            after,
            volume: 0,
            found: Vec::new(),
            more: false,
            others: ["walk:link", "walk:stray-file", "walk:folder-of-a-server"]
                .map(|name| (name, 0))
                .into(),
        }
    }

    fn take(&mut self, name: &[u8], kind: Kind) {
        match kind {
            Kind::Folder if is_of_a_server(name) => self.others[2].1 += 1,
            Kind::Folder if self.after.as_deref().is_some_and(|after| name <= after) => {}
            Kind::Folder => {
                self.found.push((name.into(), self.volume));
                if self.found.len() >= 4 * CHUNK {
                    self.shrink();
                }
            }
            Kind::Link => self.others[0].1 += 1,
            Kind::File | Kind::Other => self.others[1].1 += 1,
        }
    }

    /// Keeps the first names, each once.
    fn shrink(&mut self) {
        self.found.sort_unstable();
        self.found.dedup_by(|(name, volumes), (kept, all)| {
            let same = name == kept;
            if same {
                *all |= *volumes;
            }
            same
        });
        if self.found.len() > CHUNK {
            self.found.truncate(CHUNK);
            self.more = true;
        }
    }

    fn finish(&mut self) -> (VecDeque<Name>, bool) {
        self.shrink();
        (std::mem::take(&mut self.found).into(), self.more)
    }
}

fn joined(path: &[u8], name: &[u8]) -> Box<[u8]> {
    match path.is_empty() {
        true => name.into(),
        false => [path, name].join(&b'/').into(),
    }
}

#[cfg(test)]
mod tests;
