//! Batches: patients are gathered until a bound is reached, then sealed, made durable and recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::gateway::{ChangeMode, Settings, Transport};
use envelope::{Body, Item, ManifestDraft, Recipients, TransportProfile, seal_body};
use getrandom::SysRng;
use privacy::gate::{Gate, NumberRef, Numbers, Pass, Tally, Withheld};
use privacy::separate::{Erasure, subject_ref};
use rand_core::UnwrapErr;
use record::{ChartNumber, Quality, ResourceKind, SubjectRef};

use crate::clock::Trusted;
use crate::error::{Failure, Problem};
use crate::keys::Keys;
use crate::ledger::{Met, Sharing};
use crate::quality::{Faults, Noted, Reports};
use crate::report::{Report, SealedCounts};
use crate::send;
use crate::source::{MAPPING_VERSION, Passed, Remember, TakenBack};
use crate::spool::Spool;
use crate::state::{Fingerprint, Settled, State};

/// Patients that are remembered together when nothing of theirs needs to be sealed.
const SETTLED_AT_ONCE: usize = 4_096;

/// Persons whose erasure one batch tells of, at most.
const ERASED_AT_ONCE: usize = 100_000;

/// What sealing asks of the ledger.
pub(crate) trait Book {
    /// The gate of the ledger as it is now, if the ledger has moved since this was last asked.
    ///
    /// # Errors
    /// The ledger cannot be read.
    fn newer(&mut self) -> Result<Option<Arc<Gate>>, Failure>;

    /// Notes patients who were read, by whom orders of the centre may stand, and whose cards are
    /// counted.
    ///
    /// # Errors
    /// The ledger cannot be written.
    fn meet(&mut self, people: &[Met]) -> Result<Sharing, Failure>;
}

/// What sealing takes.
pub(crate) struct Sealer<'a> {
    /// Settings.
    pub(crate) settings: &'a Settings,
    /// Keys.
    pub(crate) keys: &'a Keys,
    /// The gate whose evidence goes into the manifest.
    pub(crate) gate: Arc<Gate>,
    /// The ledger.
    pub(crate) book: &'a mut dyn Book,
    /// The confirmed time of this run. Without one, whatever comes is counted and let go: the
    /// source still has it.
    pub(crate) time: Option<Trusted>,
    /// The queue.
    pub(crate) spool: &'a Spool,
    /// The state.
    pub(crate) state: &'a mut State,
    /// What waits for the next batch.
    pub(crate) gathered: Gathered,
    /// Whether the ledger came to say otherwise about somebody who was gathered: this pass ends,
    /// and the next one reads by the ledger as it is.
    pub(crate) overtaken: bool,
}

/// Patients that wait for the next batch, and what the gate decided while they were gathered.
#[derive(Default)]
pub(crate) struct Gathered {
    items: Vec<Item>,
    /// For each item why and under which numbers it passed.
    passed: Vec<(SubjectRef, Pass, Numbers)>,
    /// Who is withheld and of whom documents are taken back, and under which numbers.
    taken_back: Vec<(SubjectRef, Numbers)>,
    documents: usize,
    withdrawn: u64,
    records: BTreeMap<ResourceKind, u64>,
    bytes: usize,
    settled: Settled,
    tally: Tally,
    noted: Noted,
    revisit: Vec<SubjectRef>,
    met: Vec<Met>,
    /// Whether a card came to be that of too many patients, of whom some may be gathered.
    shared: bool,
}

impl Sealer<'_> {
    /// Notes a person that the gate withheld: it is part of the next batch's evidence.
    pub(crate) fn withheld(&mut self, reason: Withheld) {
        self.gathered.tally.withhold(reason);
    }

    /// Notes a person who is withheld under these numbers and of whom something may have been
    /// sealed under others.
    pub(crate) fn also_under(
        &mut self,
        subject: &SubjectRef,
        numbers: &[NumberRef],
    ) -> Result<(), Failure> {
        self.state.also_under(subject, numbers)
    }

    /// Notes how good what was read of a person is. What is about a withheld person is not told to
    /// the centre.
    pub(crate) fn note(&mut self, quality: &Quality, faults: Faults, withheld: bool) {
        self.gathered.noted.take(quality, faults, withheld);
    }

    /// Notes a patient who has to be visited again although no file of theirs changes. Only change
    /// feeds need it: other modes visit everybody.
    pub(crate) fn revisit(&mut self, chart: &ChartNumber) -> Result<(), Failure> {
        const TOGETHER: usize = 10_000;
        if matches!(
            self.settings.source.changes.mode,
            ChangeMode::Inventory | ChangeMode::Ctime
        ) {
            return Ok(());
        }
        if self.time.is_none() {
            return Ok(());
        }
        let subject = subject_ref(chart, &self.keys.site);
        self.gathered.revisit.push(subject);
        match self.gathered.revisit.len() {
            0..TOGETHER => Ok(()),
            _ => self.store_revisits(),
        }
    }

    /// Notes a patient who was read.
    pub(crate) fn meet(&mut self, met: Met) -> Result<(), Failure> {
        const TOGETHER: usize = 1_000;
        self.gathered.met.push(met);
        match self.gathered.met.len() {
            0..TOGETHER => Ok(()),
            _ => self.store_met(),
        }
    }

    fn store_met(&mut self) -> Result<(), Failure> {
        let met = std::mem::take(&mut self.gathered.met);
        match met.is_empty() {
            true => Ok(()),
            false => {
                let sharing = self.book.meet(&met)?;
                self.gathered.shared |= !sharing.is_empty();
                self.read_again(&sharing)
            }
        }
    }

    /// Patients are read again although nothing of theirs changes: whatever of them was sealed
    /// holds a token of a card that too many have.
    fn read_again(&mut self, patients: &[ChartNumber]) -> Result<(), Failure> {
        let subject = |chart| subject_ref(chart, &self.keys.site);
        let subjects: Vec<_> = patients.iter().map(subject).collect();
        match subjects.is_empty() {
            true => Ok(()),
            false => self.state.read_again(&subjects),
        }
    }

    fn store_revisits(&mut self) -> Result<(), Failure> {
        let subjects = std::mem::take(&mut self.gathered.revisit);
        match subjects.is_empty() {
            true => Ok(()),
            false => self.state.revisit(&subjects),
        }
    }

    /// Notes how far the scan came with the patient taken last.
    pub(crate) fn reached(&mut self, position: Fingerprint) {
        self.gathered.settled.position = Some(position);
    }

    /// Takes one patient that passed, with whatever is new of theirs.
    pub(crate) fn take(&mut self, passed: Passed, report: &mut Report) -> Result<(), Failure> {
        report.documents_deferred += passed.deferred;
        report.documents_unchanged += passed.unchanged;
        report.documents_left_out += passed.left_out;
        self.gathered.tally.leave_out(passed.left_out);
        let settled = &mut self.gathered.settled;
        match passed.fingerprint {
            Some(Remember::As(fingerprint)) => {
                settled.patients.push((passed.subject, fingerprint));
            }
            Some(Remember::Nothing) => settled.forget.push(passed.subject),
            None => {}
        }
        settled.sayings.add(passed.subject, passed.sayings);
        let Some(item) = passed.item else {
            let numbers = passed.numbers.references(&self.keys.site);
            settled.asked.push((passed.subject, numbers));
            if settled.asked.len() >= SETTLED_AT_ONCE {
                // Whatever becomes of those that wait, these were asked about.
                self.state.asked(&std::mem::take(&mut settled.asked))?;
            }
            return match settled.patients.len() >= SETTLED_AT_ONCE {
                true if self.gathered.items.is_empty() => self.close(report),
                _ => Ok(()),
            };
        };
        let withdrawn = passed.news.iter().filter(|known| known.withdrawn).count();
        self.gathered.withdrawn += withdrawn as u64;
        let news = passed.news.into_iter();
        settled
            .documents
            .extend(news.map(|known| (passed.subject, known)));
        for (kind, count) in item.records() {
            *self.gathered.records.entry(*kind).or_default() += count;
        }
        self.gathered.tally.pass(&passed.pass);
        let numbers = passed.numbers;
        self.gathered
            .passed
            .push((passed.subject, passed.pass, numbers));
        self.put(item, report)
    }

    /// Takes what a site deleted of a patient who is withheld.
    pub(crate) fn take_back(
        &mut self,
        taken: TakenBack,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let gathered = &mut self.gathered;
        gathered.withdrawn += taken.news.len() as u64;
        let news = taken.news.into_iter().map(|known| (taken.subject, known));
        gathered.settled.documents.extend(news);
        gathered.tally.take_back();
        gathered.taken_back.push((taken.subject, taken.numbers));
        self.put(taken.item, report)
    }

    fn put(&mut self, item: Item, report: &mut Report) -> Result<(), Failure> {
        self.gathered.documents += usize::try_from(item.documents()).unwrap_or(usize::MAX);
        self.gathered.bytes += item.bytes();
        self.gathered.items.push(item);
        let limits = &self.settings.limits;
        if self.gathered.documents >= limits.batch_documents
            || self.gathered.bytes >= limits.batch_bytes
        {
            self.close(report)?;
        }
        Ok(())
    }

    /// Seals what waits, if anything does: persons, or erasures that the centre is to be told of.
    /// What was gathered is dropped when the ledger has come to say otherwise about any of it, and
    /// when the time is not confirmed: nothing of it counts as dealt with then (P-19).
    pub(crate) fn close(&mut self, report: &mut Report) -> Result<(), Failure> {
        let Some(time) = self.time else {
            self.gathered = Gathered::default();
            return Ok(());
        };
        self.store_revisits()?;
        // Before anything is sealed or remembered as read: an order may mean one of them.
        self.store_met()?;
        if let Some(newer) = self.book.newer()? {
            self.gate = newer;
        }
        let changed = self.changed();
        if changed > 0 || self.gathered.shared {
            report.stopped_before_sealing += changed;
            self.gathered = Gathered::default();
            self.overtaken = true;
            return Ok(());
        }
        let position = self.gathered.settled.position;
        let gathered = std::mem::take(&mut self.gathered);
        let erasures = self.erasures()?;
        if gathered.items.is_empty() && erasures.is_empty() {
            if !gathered.noted.is_empty() {
                let reports = Reports::of(&self.settings.state.folder, &self.settings.limits);
                let (site, at) = (&self.settings.site, time.seconds());
                reports.write(site, None, at, &gathered.noted)?;
            }
            // The evidence of who was withheld waits for the next batch.
            self.gathered.tally = gathered.tally;
            return self.state.settle(gathered.settled);
        }
        self.gathered.settled.position = position;
        self.seal(gathered, &erasures, time, report)
    }

    /// How many of those gathered the ledger says otherwise about than when they passed.
    fn changed(&self) -> u64 {
        let differs = |(_, pass, numbers): &&(SubjectRef, Pass, Numbers)| {
            self.gate.decide_again(numbers).as_ref() != Ok(pass)
        };
        // Of a person who is stopped an erasure tells, and nothing may stand beside it.
        let stopped = |(_, numbers): &&(SubjectRef, Numbers)| {
            self.gate.decide_again(numbers) == Err(Withheld::Stopped)
        };
        let passed = self.gathered.passed.iter().filter(differs).count();
        let taken_back = self.gathered.taken_back.iter().filter(stopped).count();
        (passed + taken_back) as u64
    }

    /// Of whom the next batch tells that everything is to be erased. None while no batch can leave.
    fn erasures(&self) -> Result<Vec<Erasure>, Failure> {
        if self.gate.evidence(&Tally::default()).is_none() {
            return Ok(Vec::new());
        }
        let pending = self.state.pending_erasures(ERASED_AT_ONCE)?;
        let erasure = |subject| Erasure::of(subject, Withheld::Stopped);
        Ok(pending.into_iter().filter_map(erasure).collect())
    }

    fn seal(
        &mut self,
        mut gathered: Gathered,
        erasures: &[Erasure],
        time: Trusted,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let keys = self.keys;
        let mut counts = SealedCounts {
            documents: gathered.settled.documents.len() as u64 - gathered.withdrawn,
            withdrawn: gathered.withdrawn,
            erasures: erasures.len() as u64,
            records: std::mem::take(&mut gathered.records),
            bytes: 0,
        };
        gathered.settled.erased = erasures.iter().map(Erasure::subject).collect();
        let passed = std::mem::take(&mut gathered.passed);
        let taken_back = std::mem::take(&mut gathered.taken_back);
        let passed = passed
            .iter()
            .map(|(subject, _, numbers)| (subject, numbers));
        let taken_back = taken_back
            .iter()
            .map(|(subject, numbers)| (subject, numbers));
        let numbers = passed.chain(taken_back);
        let numbers = numbers.map(|(subject, numbers)| (*subject, numbers.references(&keys.site)));
        gathered.settled.numbers = numbers.collect();
        let end = self.state.chain_end()?;
        let evidence = self.gate.evidence(&gathered.tally);
        let draft = ManifestDraft {
            site: self.settings.site.clone(),
            sequence: end.sequence + 1,
            previous: end.manifest,
            sealed_at: time.seconds(),
            gate: evidence.ok_or_else(|| Failure::new(Problem::Internal, "gate evidence"))?,
            transport: transport(self.settings.front.transport),
            mapping: MAPPING_VERSION,
            quality: gathered.noted.quality.clone(),
            transfers: send::log::told(&self.settings.state.folder, self.state)?,
        };
        gathered.settled.told = self.state.tellable(&gathered.settled.sayings)?;
        let body = Body {
            items: gathered.items,
            erasures,
            terms: &gathered.settled.told.terms,
        };
        let sealed = seal_body(
            draft,
            body,
            Recipients::during_change(&keys.core, keys.core_next.as_ref()),
            &keys.signing,
            &mut UnwrapErr(SysRng),
        )
        .map_err(|error| Failure::because(Problem::Internal, "seal", error))?;
        let (sequence, at) = (sealed.manifest.sequence, time.seconds());
        let reports = Reports::of(&self.settings.state.folder, &self.settings.limits);
        reports.write(&self.settings.site, Some(sequence), at, &gathered.noted)?;
        let (spool, state) = (self.spool, &mut *self.state);
        spool.put(&sealed, || state.record(&sealed, gathered.settled, at))?;
        counts.bytes = sealed.bytes.len() as u64;
        report.seal(sequence, counts);
        report.batches.terms += sealed.manifest.terms;
        tracing::info!(
            sequence,
            batch = %sealed.id,
            bytes = sealed.bytes.len(),
            "sealed"
        );
        Ok(())
    }
}

fn transport(transport: Transport) -> TransportProfile {
    match transport {
        Transport::LeasedLine => TransportProfile::LeasedLine,
        Transport::IpVpn => TransportProfile::IpVpn,
        Transport::Ipsec => TransportProfile::Ipsec,
        Transport::Wireguard | Transport::Laboratory => TransportProfile::Laboratory,
    }
}
