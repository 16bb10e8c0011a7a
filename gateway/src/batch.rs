//! Batches: patients are gathered until a bound is reached, then sealed, made durable and recorded.

use config::gateway::{ChangeMode, Settings, Transport};
use envelope::{ManifestDraft, Sha256, TransportProfile, seal};
use getrandom::SysRng;
use privacy::gate::{Gate, Pass, Tally, Withheld};
use privacy::separate::{Separated, subject_ref};
use rand_core::UnwrapErr;
use record::{ChartNumber, Document, DocumentRef, DocumentState, Quality, SubjectRef};

use crate::clock::Now;
use crate::error::{Failure, Problem};
use crate::keys::Keys;
use crate::quality::{Faults, Noted, Reports};
use crate::report::{Report, count_records};
use crate::source::MAPPING_VERSION;
use crate::spool::Spool;
use crate::state::{Fingerprint, Settled, State};

/// Most bytes of one patient in a batch. With what may be gathered before it, a batch stays below
/// the 64 MiB that the envelope allows.
const PATIENT_BYTES: usize = 16 << 20;

/// What sealing takes.
pub(crate) struct Sealer<'a> {
    /// Settings.
    pub(crate) settings: &'a Settings,
    /// Keys.
    pub(crate) keys: &'a Keys,
    /// The gate whose evidence goes into the manifest.
    pub(crate) gate: &'a Gate,
    /// The moment of this run.
    pub(crate) now: Now,
    /// The queue.
    pub(crate) spool: &'a Spool,
    /// The state.
    pub(crate) state: &'a mut State,
    /// What waits for the next batch.
    pub(crate) gathered: Gathered,
}

/// Patients that wait for the next batch, and what the gate decided while they were gathered.
#[derive(Default)]
pub(crate) struct Gathered {
    subjects: Vec<Separated>,
    documents: usize,
    bytes: usize,
    settled: Settled,
    tally: Tally,
    noted: Noted,
    revisit: Vec<SubjectRef>,
}

impl Sealer<'_> {
    /// Notes a person that the gate withheld: it is part of the next batch's evidence.
    pub(crate) fn withheld(&mut self, reason: Withheld) {
        self.gathered.tally.withhold(reason);
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
        let subject = subject_ref(chart, &self.keys.site);
        self.gathered.revisit.push(subject);
        match self.gathered.revisit.len() {
            0..TOGETHER => Ok(()),
            _ => self.store_revisits(),
        }
    }

    fn store_revisits(&mut self) -> Result<(), Failure> {
        let subjects = std::mem::take(&mut self.gathered.revisit);
        match subjects.is_empty() {
            true => Ok(()),
            false => self.state.revisit(&subjects),
        }
    }

    /// Takes one patient that passed. Documents sealed before in the same version are left out; so
    /// are those beyond what one batch may hold, for the next pass.
    pub(crate) fn take(
        &mut self,
        mut separated: Separated,
        pass: &Pass,
        fingerprint: Option<(SubjectRef, Fingerprint)>,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let subject = encoded(separated.subject())?;
        let deferred = report.documents_deferred;
        let changed = self.changed(&mut separated, &subject, report)?;
        if report.documents_deferred == deferred {
            self.gathered.settled.patients.extend(fingerprint);
        }
        if changed.is_empty() {
            return Ok(());
        }
        self.gathered.bytes += subject.len();
        for document in separated.documents() {
            count_records(&mut report.records_sealed, &document.records);
        }
        self.gathered.tally.pass(pass);
        self.gathered.documents += changed.len();
        for change in changed {
            self.gathered
                .settled
                .documents
                .push((change.document, change.digest));
            self.gathered.bytes += change.bytes;
            match change.withdrawn {
                false => report.documents_sealed += 1,
                true => report.documents_withdrawn += 1,
            }
        }
        self.gathered.subjects.push(separated);
        let limits = &self.settings.limits;
        if self.gathered.documents >= limits.batch_documents
            || self.gathered.bytes >= limits.batch_bytes
        {
            self.close(report)?;
        }
        Ok(())
    }

    /// Seals what waits, if anything does.
    pub(crate) fn close(&mut self, report: &mut Report) -> Result<(), Failure> {
        self.store_revisits()?;
        let reports = Reports::of(&self.settings.state.folder, &self.settings.limits);
        let (site, at) = (&self.settings.site, self.now.seconds);
        if self.gathered.subjects.is_empty() {
            let noted = std::mem::take(&mut self.gathered.noted);
            if !noted.is_empty() {
                reports.write(site, None, at, &noted)?;
            }
            let patients = std::mem::take(&mut self.gathered.settled.patients);
            return self.state.settle(&patients);
        }
        let gathered = std::mem::take(&mut self.gathered);
        let end = self.state.chain_end()?;
        let evidence = self.gate.evidence(&gathered.tally);
        let draft = ManifestDraft {
            site: self.settings.site.clone(),
            sequence: end.sequence + 1,
            previous: end.manifest,
            sealed_at: self.now.seconds,
            gate: evidence.ok_or_else(|| Failure::new(Problem::Internal, "gate evidence"))?,
            transport: transport(self.settings.front.transport),
            mapping: MAPPING_VERSION,
            quality: gathered.noted.quality.clone(),
        };
        let mut random = UnwrapErr(SysRng);
        let signer = &self.keys.signing;
        let sealed = seal(
            draft,
            gathered.subjects,
            &self.keys.core,
            signer,
            &mut random,
        )
        .map_err(|error| Failure::because(Problem::Internal, "seal", error))?;
        let sequence = sealed.manifest.sequence;
        reports.write(site, Some(sequence), at, &gathered.noted)?;
        self.spool.put(&sealed)?;
        self.state
            .record(&sealed, &gathered.settled, self.now.seconds)?;
        report.batches.sealed += 1;
        report.batches.sealed_bytes += sealed.bytes.len() as u64;
        tracing::info!(
            sequence = sealed.manifest.sequence,
            batch = %sealed.id,
            bytes = sealed.bytes.len(),
            "sealed"
        );
        Ok(())
    }

    /// Leaves only documents in `separated` that the centre does not have in this version, and of
    /// those no more than fit a batch: a larger one could not be sealed, this time or ever.
    ///
    /// The first standing document answers for the linkage tokens too. Were they not part of what
    /// is compared, new tokens of documents that stay the same would never be sent.
    fn changed(
        &self,
        separated: &mut Separated,
        subject: &[u8],
        report: &mut Report,
    ) -> Result<Vec<Change>, Failure> {
        let limits = &self.settings.limits;
        let mut changed: Vec<Change> = Vec::new();
        let mut failure = None;
        let mut subject = Some(subject);
        let mut bytes = 0;
        separated.retain_documents(|document| {
            let stands = document.state == DocumentState::Current;
            let with = if stands { subject.take() } else { None };
            match self.is_news(document, with.unwrap_or_default()) {
                Ok(Some(change)) => {
                    bytes += change.bytes;
                    let fits = changed.len() < limits.batch_documents
                        && bytes <= limits.batch_bytes.min(PATIENT_BYTES);
                    if fits || changed.is_empty() {
                        changed.push(change);
                        return true;
                    }
                    report.documents_deferred += 1;
                }
                // A withdrawal of what was never sent is nothing to tell the centre.
                Ok(None) => report.documents_unchanged += u64::from(stands),
                Err(error) => failure = Some(error),
            }
            false
        });
        failure.map_or(Ok(changed), Err)
    }

    /// The digest and size of a document that is new or changed. A withdrawal is news only of
    /// what was sealed before.
    fn is_news(&self, document: &Document, subject: &[u8]) -> Result<Option<Change>, Failure> {
        let encoded = encoded(document)?;
        let mut digest = Sha256::new();
        digest.update(&encoded);
        digest.update(subject);
        let digest = digest.finish();
        let withdrawn = document.state == DocumentState::Withdrawn;
        let news = match self.state.document(&document.document)? {
            None => !withdrawn,
            Some(known) => known != digest,
        };
        let document = document.document;
        Ok(news.then_some(Change {
            document,
            digest,
            bytes: encoded.len(),
            withdrawn,
        }))
    }
}

fn encoded(value: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    serde_cbor::to_vec(value)
        .map_err(|error| Failure::because(Problem::Internal, "document", error))
}

/// A document that goes into the next batch.
struct Change {
    document: DocumentRef,
    digest: Fingerprint,
    bytes: usize,
    withdrawn: bool,
}

fn transport(transport: Transport) -> TransportProfile {
    match transport {
        Transport::LeasedLine => TransportProfile::LeasedLine,
        Transport::IpVpn => TransportProfile::IpVpn,
        Transport::Ipsec => TransportProfile::Ipsec,
        Transport::Laboratory => TransportProfile::Laboratory,
    }
}

#[cfg(test)]
mod tests {
    use envelope::{CoreSecretKey, MacKey, SigningKey};
    use privacy::gate::{Contract, Filing, HoldDays, Notice, NoticeMethod, PatientReadings};
    use privacy::separate::{SiteKeys, separate};
    use record::{DataKind, Date, DocumentKey, Domain, Drops, Identity, Reading};
    use record::{Sensitive, SiteId, Version};

    use super::*;

    const TODAY: Date = jiff::civil::date(2026, 9, 1);

    struct Bench {
        settings: Settings,
        keys: Keys,
        gate: Gate,
        spool: Spool,
        state: State,
        _folder: tempfile::TempDir,
    }

    fn chart() -> ChartNumber {
        ChartNumber::new("0001112223").unwrap()
    }

    impl Bench {
        fn new() -> Self {
            let example = include_str!("../../config/examples/gateway.toml");
            let signing = SigningKey::from_seed([3; 32]).unwrap();
            let keys = Keys {
                token: MacKey::from_bytes([1; 32]),
                site: MacKey::from_bytes([2; 32]),
                receipt: signing.public(),
                signing,
                core: CoreSecretKey::from_seed([4; 32]).unwrap().public().clone(),
            };
            let day = jiff::civil::date(2026, 1, 1);
            let contract = Contract {
                id: "C-1".parse().unwrap(),
                filing: Some(Filing {
                    reference: "F-1".parse().unwrap(),
                    filed_on: day,
                }),
                effective_from: day,
                leaves_on: None,
                hold_days: HoldDays::SHORTEST,
            };
            let notice = Notice {
                chart: chart(),
                notified_on: day,
                document: "v1".parse().unwrap(),
                method: NoticeMethod::Handed,
            };
            let gate = Gate::new(Some(contract), [notice], [], [0; 32], [0; 32], TODAY);
            let folder = tempfile::tempdir().unwrap();
            let state = State::open(&folder.path().join("state.sqlite")).unwrap();
            let mut settings = Settings::parse(example).unwrap();
            settings.state.folder = folder.path().to_owned();
            Self {
                settings,
                keys,
                gate,
                spool: Spool::open(folder.path().join("spool"), &state).unwrap(),
                state,
                _folder: folder,
            }
        }

        /// Documents sealed, deferred and unchanged when the patient has `orders` visits.
        fn pass(&mut self, orders: u64, epoch: u16) -> [u64; 3] {
            let readings = (0..orders).map(reading).collect();
            let patient = PatientReadings {
                chart: chart(),
                readings,
                doubtful: Vec::new(),
            };
            let screened = self.gate.screen(patient).unwrap();
            let pass = screened.pass().clone();
            let keys = SiteKeys {
                tokens: &self.keys.token,
                site: &self.keys.site,
                epoch,
            };
            let mut report = Report::new("HOSP-A".parse::<SiteId>().unwrap());
            let mut sealer = Sealer {
                settings: &self.settings,
                keys: &self.keys,
                gate: &self.gate,
                now: Now {
                    seconds: 1_788_000_000,
                    today: TODAY,
                },
                spool: &self.spool,
                state: &mut self.state,
                gathered: Gathered::default(),
            };
            let separated = separate(screened, &keys);
            sealer.take(separated, &pass, None, &mut report).unwrap();
            sealer.close(&mut report).unwrap();
            [
                report.documents_sealed,
                report.documents_deferred,
                report.documents_unchanged,
            ]
        }
    }

    fn reading(order: u64) -> Reading {
        Reading {
            chart: chart(),
            claimed: vec![chart()],
            key: DocumentKey {
                kind: DataKind::Adt12,
                care_date: None,
                order: Sensitive::new(order.to_string()),
                local_kind: None,
            },
            domain: Domain::Medical,
            version: Version(1),
            state: DocumentState::Current,
            identity: Identity::default(),
            records: Vec::new(),
            findings: Vec::new(),
            drops: Drops::default(),
        }
    }

    /// A patient with more than one batch may hold must not stop the site.
    #[test]
    fn a_patient_too_large_for_one_batch_is_sent_in_several() {
        let mut bench = Bench::new();
        bench.settings.limits.batch_documents = 2;
        assert_eq!(bench.pass(5, 1), [2, 3, 0]);
        assert_eq!(bench.pass(5, 1), [2, 1, 2]);
        assert_eq!(bench.pass(5, 1), [1, 0, 4]);
        assert_eq!(bench.pass(5, 1), [0, 0, 5]);
    }

    #[test]
    fn new_tokens_are_sent_although_no_document_changed() {
        let mut bench = Bench::new();
        assert_eq!(bench.pass(3, 1), [3, 0, 0]);
        assert_eq!(bench.pass(3, 2), [1, 0, 2]);
        assert_eq!(bench.pass(3, 2), [0, 0, 3]);
    }
}
