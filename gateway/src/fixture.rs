//! What tests of collecting share: a site with its keys and ledgers, a storage, and what was sealed
//! as the centre would see it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use config::gateway::{ChangeMode, Settings};
use envelope::{CoreSecretKey, MacKey, SigningKey, open};
use privacy::gate::{Gate, GateEvidence};
use privacy::order::SharedCards;
use privacy::separate::subject_ref;
use privacy::tokens::TokenKind;
use record::{ChartNumber, Date, Document, DocumentRef, DocumentState, SubjectRef};

use crate::agreed::Agreed;
use crate::batch::{Book, Gathered, Sealer};
use crate::clock::Trusted;
use crate::collect::{Collected, Intake, Reading, collect};
use crate::error::Failure;
use crate::evaluation::Service;
use crate::examples::Gathering;
use crate::keys::{Keys, TokenKey, TokenKeys, TokenMaker};
use crate::ledger::{Met, Sharing, StopsMet};
use crate::quality::Reports;
use crate::recall::{Recalled, recall};
use crate::report::Report;
use crate::run::{may_vanish, municipality};
use crate::source::budget::Budget;
use crate::source::disk::{Disk, LocalDisk};
use crate::source::pace::{Pace, Pacer};
use crate::source::turns::Turns;
use crate::source::{Beside, Caller, PatientFolder, PatientReader, Plan, Roots, Shared, Visited};
use crate::spool::Spool;
use crate::state::State;

/// The day of every test.
pub(crate) const TODAY: Date = jiff::civil::date(2026, 9, 1);

/// The keys of tokens of one or two epochs.
fn tokens(epoch: u16, next: Option<u16>) -> TokenKeys {
    let at = |epoch: u16| {
        let [_, low] = epoch.to_be_bytes();
        TokenKey {
            epoch,
            key: TokenMaker::held(MacKey::from_bytes([low; 32])),
        }
    };
    TokenKeys::new(at(epoch), next.map(at))
}

/// A site.
pub(crate) struct Site {
    /// Its settings; the volumes lie below the folder.
    pub(crate) settings: Settings,
    /// Who was notified.
    pub(crate) charts: Vec<String>,
    /// Who is stopped.
    pub(crate) stopped: Vec<String>,
    /// For whom a decision is pending.
    pub(crate) held: Vec<String>,
    /// Who is stopped as well from the first sealing of the next run on.
    pub(crate) stopped_late: Vec<String>,
    /// Whether its time is confirmed.
    pub(crate) confirmed: bool,
    /// Its state.
    pub(crate) state: State,
    /// Epoch of its token key.
    pub(crate) epoch: u16,
    /// The epoch to which it is changing.
    pub(crate) next_epoch: Option<u16>,
    /// What its contract lets leave beside records and tokens.
    pub(crate) agreed: Agreed,
    keys: Arc<Keys>,
    spool: Spool,
    core: CoreSecretKey,
    opened: u64,
    standing: BTreeMap<DocumentRef, (SubjectRef, Document)>,
    folder: tempfile::TempDir,
}

impl Site {
    /// A site with these volumes and patients.
    pub(crate) fn new(volumes: &[PathBuf], charts: &[&str]) -> Self {
        let example = include_str!("../../config/examples/gateway.toml");
        let mut settings = Settings::parse(example).unwrap();
        settings.source.storages = volumes.to_vec();
        settings.source.changes.margin_seconds = 0;
        let folder = tempfile::tempdir().unwrap();
        settings.state.folder = folder.path().to_owned();
        let signing = SigningKey::from_seed([3; 32]).unwrap();
        let core = CoreSecretKey::from_seed([4; 32]).unwrap();
        let keys = Keys {
            core_next: None,
            tokens: tokens(1, None),
            site: MacKey::from_bytes([2; 32]),
            receipts: vec![signing.public()],
            vault: None,
            staff: Some(MacKey::from_bytes([8; 32])),
            municipality: Some(MacKey::from_bytes([9; 32])),
            signing,
            core: core.public().clone(),
        };
        let state = State::open(&folder.path().join("state.sqlite")).unwrap();
        Self {
            settings,
            charts: charts.iter().map(|&chart| chart.to_owned()).collect(),
            stopped: Vec::new(),
            stopped_late: Vec::new(),
            held: Vec::new(),
            confirmed: true,
            spool: Spool::open(folder.path().join("spool"), &state).unwrap(),
            state,
            keys: Arc::new(keys),
            core,
            epoch: 1,
            next_epoch: None,
            agreed: Agreed::default(),
            opened: 0,
            standing: BTreeMap::new(),
            folder,
        }
    }

    /// The same site as if it had never run.
    pub(crate) fn afresh(&self) -> Self {
        let charts: Vec<_> = self.charts.iter().map(String::as_str).collect();
        let mut fresh = Self::new(&self.settings.source.storages, &charts);
        fresh.settings.source = self.settings.source.clone();
        fresh.settings.limits = self.settings.limits.clone();
        fresh
    }

    fn gate(&self, stopped: &[ChartNumber]) -> Gate {
        let charts: Vec<_> = self
            .charts
            .iter()
            .filter_map(|chart| ChartNumber::new(chart))
            .collect();
        let held = numbers(&self.held);
        crate::ledger::fixture::gate(&charts, stopped, &held, TODAY)
    }

    /// Collects once and takes note of what the centre would see.
    pub(crate) fn run<D: Disk>(
        &mut self,
        disk: D,
        plan: &Plan,
    ) -> (Report, Result<Collected, Failure>) {
        let (report, collected) = self.collect(disk, plan, u64::MAX);
        self.open_new();
        (report, collected)
    }

    /// Collects until so many bytes are sealed.
    pub(crate) fn collect<D: Disk>(
        &mut self,
        disk: D,
        plan: &Plan,
        room: u64,
    ) -> (Report, Result<Collected, Failure>) {
        let mut report = Report::new(self.settings.site.clone());
        let collected = self.collect_into(&mut report, disk, plan, room);
        (report, collected)
    }

    /// The same, counted in a report that goes on.
    pub(crate) fn collect_into<D: Disk>(
        &mut self,
        report: &mut Report,
        disk: D,
        plan: &Plan,
        room: u64,
    ) -> Result<Collected, Failure> {
        let hung_after = self.settings.source.pace.hung_after_seconds;
        let patience = Duration::from_secs(u64::from(hung_after));
        let roots = Roots::open(disk, &self.settings.source.roots(), patience)?;
        let gate = Arc::new(self.gate(&numbers(&self.stopped)));
        self.stopped.append(&mut self.stopped_late.clone());
        let late = Arc::new(self.gate(&numbers(&self.stopped)));
        let late = (!self.stopped_late.is_empty()).then_some(late);
        self.stopped_late.clear();
        let last = self.state.scan().unwrap();
        let source = &self.settings.source.pace;
        let floor = Duration::from_micros(u64::from(source.latency_floor_microseconds));
        let idle = roots.folders.iter().map(|_| None);
        let pace = Pace::new(source.files_per_second, floor, idle);
        let shared = self.shared(roots, Arc::clone(&gate));
        let reading = Reading {
            shared: Arc::new(shared),
            pacer: Arc::new(Pacer::new(pace)),
            state: self.folder.path().join("state.sqlite"),
            settings: &self.settings,
            plan,
            last,
        };
        let mut book = Late(late);
        let sealer = Sealer {
            settings: &self.settings,
            keys: &self.keys,
            gate: Arc::clone(&gate),
            book: &mut book,
            time: self.confirmed.then_some(Trusted::at(1_788_000_000)),
            spool: &self.spool,
            state: &mut self.state,
            gathered: Gathered::default(),
            overtaken: false,
        };
        let mut intake = Intake {
            sealer,
            stops: StopsMet::none(),
            report,
            room,
            visited: Vec::new(),
        };
        collect(&reading, &mut intake)
    }

    fn shared<D: Disk>(&self, roots: Roots<D>, gate: Arc<Gate>) -> Shared<D> {
        let last = self.state.scan().unwrap();
        let changes = self.settings.source.changes.clone();
        Shared {
            may_vanish: AtomicU64::new(may_vanish(&roots, last.as_ref(), changes.vanished_percent)),
            roots: Arc::new(roots),
            beside: Beside::of(
                &self.settings.source.extended,
                self.settings.source.storages.len(),
            ),
            limits: self.settings.limits.clone(),
            changes,
            gate,
            keys: Arc::clone(&self.keys),
            identities: MacKey::from_bytes([6; 32]),
            cards: SharedCards::default(),
            tokens: tokens(self.epoch, self.next_epoch),
            service: Service::none(),
            agreed: self.agreed,
            settled_before: i64::MAX,
            budget: Budget::new(1 << 20),
            turns: Turns::new(self.settings.limits.workers),
            examples: Gathering::default(),
            dictionary: self.settings.dictionary.send,
            municipality: municipality(&self.settings.source),
        }
    }

    /// Visits one patient, while provision under some numbers is stopped.
    pub(crate) fn visit(&self, levels: [&str; 3], stopped: &[ChartNumber]) -> Visited {
        let patience = Duration::from_secs(60);
        let storages = &self.settings.source.storages;
        let roots = Roots::open(LocalDisk::default(), storages, patience).unwrap();
        let shared = Arc::new(self.shared(roots, Arc::new(self.gate(stopped))));
        let caller = Caller::new(Arc::new(Pacer::unbounded()));
        let state = self.folder.path().join("state.sqlite");
        let mut reader = PatientReader::new(shared, caller, &state).unwrap();
        let folder = PatientFolder {
            levels: levels.map(|level| level.as_bytes().into()),
            volumes: 1,
            complete: true,
        };
        reader.visit(0, &folder).unwrap().unwrap()
    }

    /// Opens the batches that were sealed since the last time, as the centre would. Gives how many
    /// documents they held.
    pub(crate) fn open_new(&mut self) -> u64 {
        let mut documents = 0;
        for waiting in self.state.waiting().unwrap() {
            if waiting.sequence <= self.opened {
                continue;
            }
            self.opened = waiting.sequence;
            let bytes = self.spool.get(&waiting).unwrap();
            let opened = open(&bytes, &self.keys.signing.public(), &self.core).unwrap();
            self.standing
                .retain(|_, (subject, _)| !opened.erased.contains(subject));
            for subject in opened.subjects {
                for document in subject.documents {
                    documents += 1;
                    let standing = (subject.subject, document.clone());
                    match document.state {
                        DocumentState::Current => self.standing.insert(document.document, standing),
                        DocumentState::Withdrawn => self.standing.remove(&document.document),
                    };
                }
            }
        }
        documents
    }

    /// Brings what was sealed to where the gate stands now.
    pub(crate) fn recall(&mut self) -> Recalled {
        let mut report = Report::new(self.settings.site.clone());
        self.recall_into(&mut report)
    }

    /// The same, counted in the report of a run.
    pub(crate) fn recall_into(&mut self, report: &mut Report) -> Recalled {
        let gate = self.gate(&numbers(&self.stopped));
        let reports = Reports::of(&self.settings.state.folder, &self.settings.limits);
        let (state, spool) = (&mut self.state, &self.spool);
        recall(&gate, &self.keys, state, spool, &reports, report).unwrap()
    }

    /// The batches that wait go out and are received.
    pub(crate) fn send(&mut self) {
        for batch in self.state.waiting().unwrap() {
            self.state.attempt(batch.sequence).unwrap();
            self.state.received(batch.sequence, b"receipt").unwrap();
            self.spool.take_out(&batch, || Ok(())).unwrap();
        }
    }

    /// The queue is opened as at the start of a run.
    pub(crate) fn open_again(&mut self) {
        let folder = self.folder.path();
        self.state = State::open(&folder.join("state.sqlite")).unwrap();
        self.spool = Spool::open(folder.join("spool"), &self.state).unwrap();
    }

    /// The site's reference of a patient.
    pub(crate) fn subject(&self, chart: &str) -> SubjectRef {
        subject_ref(&ChartNumber::new(chart).unwrap(), &self.keys.site)
    }

    /// What the gate told in the evidence of the newest batch.
    pub(crate) fn evidence(&self) -> GateEvidence {
        let waiting = self.state.waiting().unwrap();
        let bytes = self.spool.get(waiting.last().unwrap()).unwrap();
        let opened = open(&bytes, &self.keys.signing.public(), &self.core).unwrap();
        opened.manifest.gate
    }

    /// How many tokens of a kind each subject in the newest batch has.
    pub(crate) fn tokens(&self, kind: TokenKind) -> Vec<usize> {
        let waiting = self.state.waiting().unwrap();
        let bytes = self.spool.get(waiting.last().unwrap()).unwrap();
        let opened = open(&bytes, &self.keys.signing.public(), &self.core).unwrap();
        let subjects = opened.subjects.iter().map(|it| &it.tokens.exact);
        subjects
            .map(|exact| exact.get(&kind).map_or(0, Vec::len))
            .collect()
    }

    /// Who is in what waits, oldest batch first, and whose erasure each tells of.
    pub(crate) fn waiting(&self) -> Vec<(Vec<SubjectRef>, Vec<SubjectRef>)> {
        let waiting = self.state.waiting().unwrap();
        let mut previous = None;
        let opened = waiting.iter().map(|batch| {
            let bytes = self.spool.get(batch).unwrap();
            let opened = open(&bytes, &self.keys.signing.public(), &self.core).unwrap();
            if previous.is_some() {
                assert_eq!(opened.manifest.previous, previous, "the chain has a hole");
            }
            previous = Some(opened.manifest_digest);
            let subjects = opened.subjects.iter().map(|subject| subject.subject);
            (subjects.collect(), opened.erased)
        });
        opened.collect()
    }

    /// What stands at the centre.
    pub(crate) fn standing(&self) -> &BTreeMap<DocumentRef, (SubjectRef, Document)> {
        &self.standing
    }

    /// Sets how changes are found.
    pub(crate) fn by(mut self, mode: ChangeMode) -> Self {
        self.settings.source.changes.mode = mode;
        self
    }
}

/// A ledger that moves once.
struct Late(Option<Arc<Gate>>);

impl Book for Late {
    fn newer(&mut self) -> Result<Option<Arc<Gate>>, Failure> {
        Ok(self.0.take())
    }

    fn meet(&mut self, _: &[Met]) -> Result<Sharing, Failure> {
        Ok(Sharing::new())
    }
}

fn numbers(charts: &[String]) -> Vec<ChartNumber> {
    let numbers = charts.iter().map(|chart| ChartNumber::new(chart).unwrap());
    numbers.collect()
}

/// The folder of a patient below a root.
pub(crate) fn patient_folder(root: &Path, chart: &str) -> PathBuf {
    let part = |range| chart.get(range).unwrap();
    root.join(part(0..3)).join(part(3..6)).join(chart)
}

/// Writes a visit: `order` tells documents apart, `minute` is what it says.
pub(crate) fn write_visit(
    root: &Path,
    chart: &str,
    order: u32,
    version: u32,
    flag: u8,
    minute: u32,
) -> PathBuf {
    let folder = patient_folder(root, chart).join("20260105/ADT-12");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(visit_name(chart, order, version, flag));
    fs::write(&path, visit_text(chart, minute)).unwrap();
    path
}

/// The file name of a visit.
pub(crate) fn visit_name(chart: &str, order: u32, version: u32, flag: u8) -> String {
    format!("{chart}_20260105_ADT-12_{order:015}_20260105101112{version:03}_01_{flag}")
}

/// The message of a visit.
pub(crate) fn visit_text(chart: &str, minute: u32) -> String {
    let empty = "|".repeat(42);
    format!(
        "MSH|^~\\&|HIS|H|S|C|20260105101112||ADT^A04^ADT_A01|1|P|2.5\r\
         EVN||20260105101112\r\
         PID|1||{chart}^^^^PI||^L~^P||19500102|M\r\
         PV1|1|O{empty}20260105{:02}{:02}\r",
        10 + minute / 60 % 10,
        minute % 60
    )
}
