//! Batches: patients are gathered until a bound is reached, then sealed, made durable and recorded.

use config::gateway::{Settings, Transport};
use envelope::{ManifestDraft, Sha256, TransportProfile, seal};
use getrandom::SysRng;
use privacy::gate::{Gate, Pass, Tally, Withheld};
use privacy::separate::Separated;
use rand_core::UnwrapErr;
use record::{Document, DocumentRef, DocumentState, SubjectRef};

use crate::clock::Now;
use crate::error::{Failure, Problem};
use crate::keys::Keys;
use crate::report::{Report, count_records};
use crate::source::MAPPING_VERSION;
use crate::spool::Spool;
use crate::state::{Fingerprint, Settled, State};

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
}

impl Sealer<'_> {
    /// Notes a person that the gate withheld: it is part of the next batch's evidence.
    pub(crate) fn withheld(&mut self, reason: Withheld) {
        self.gathered.tally.withhold(reason);
    }

    /// Takes one patient that passed. Documents sealed before in the same version are left out.
    pub(crate) fn take(
        &mut self,
        mut separated: Separated,
        pass: &Pass,
        fingerprint: Option<(SubjectRef, Fingerprint)>,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let changed = self.changed(&mut separated, report)?;
        self.gathered.settled.patients.extend(fingerprint);
        if changed.is_empty() {
            return Ok(());
        }
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
        if self.gathered.subjects.is_empty() {
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

    /// Leaves only documents in `separated` that the centre does not have in this version.
    fn changed(
        &self,
        separated: &mut Separated,
        report: &mut Report,
    ) -> Result<Vec<Change>, Failure> {
        let mut changed = Vec::new();
        let mut failure = None;
        separated.retain_documents(|document| match self.is_news(document) {
            Ok(Some(change)) => {
                changed.push(change);
                true
            }
            Ok(None) => {
                // A withdrawal of what was never sent is nothing to tell the centre.
                let stands = document.state == DocumentState::Current;
                report.documents_unchanged += u64::from(stands);
                false
            }
            Err(error) => {
                failure = Some(error);
                false
            }
        });
        failure.map_or(Ok(changed), Err)
    }

    /// The digest and size of a document that is new or changed. A withdrawal is news only of
    /// what was sealed before.
    fn is_news(&self, document: &Document) -> Result<Option<Change>, Failure> {
        let encoded = serde_cbor::to_vec(document)
            .map_err(|error| Failure::because(Problem::Internal, "document", error))?;
        let mut digest = Sha256::new();
        digest.update(&encoded);
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
