//! The gate's decision as it goes into the manifest, and the centre's check of it.

use std::collections::BTreeMap;

use jiff::ToSpan;
use record::moment::Date;
use serde::{Deserialize, Serialize};

use super::contract::{ContractKind, HoldDays};
use super::scope::Products;
use super::terms::{ConsentMode, ContractId, DocumentVersion, FilingReference};
use super::{Gate, Pass, Withheld, terms};
use crate::wire;

/// More notice texts than a site can have.
const MOST_DOCUMENTS: usize = 256;

/// On what grounds the persons of a batch passed, and how many did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateEvidence {
    /// The contract.
    pub contract: ContractId,
    /// Whether it is the site's own or a collective one.
    pub contract_kind: ContractKind,
    /// What may be made of the records.
    pub products: Products,
    /// On which ground the source provides.
    pub mode: ConsentMode,
    /// The reference of the filing.
    pub filing: FilingReference,
    /// The day of the filing.
    #[serde(with = "wire::day")]
    pub filed_on: Date,
    /// The hold in days.
    pub hold_days: u16,
    /// The day on which the gate was asked (JST).
    #[serde(with = "wire::day")]
    pub as_of: Date,
    /// The digest at the end of the chain of the site's ledger of notices and stops.
    #[serde(with = "wire::bytes")]
    pub ledger: [u8; 32],
    /// How many entries the ledger had: its version.
    pub ledger_entries: u64,
    /// Persons that passed, by the notice text they were given.
    pub documents: BTreeMap<DocumentVersion, u64>,
    /// Persons that did not pass, by reason.
    pub withheld: BTreeMap<Withheld, u64>,
    /// Documents of persons that passed which a limited stop or consent left out.
    pub documents_left_out: u64,
    /// Persons of the ledger with a notice; 0 in batches of earlier versions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub persons_notified: u64,
    /// Persons of the ledger with a stop.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub persons_stopped: u64,
    /// Persons that did not pass and of whom the batch takes documents back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub taken_back: u64,
}

/// So that batches without these counts stay the bytes that they were.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Counts of the gate's answers, one per person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    documents: BTreeMap<DocumentVersion, u64>,
    withheld: BTreeMap<Withheld, u64>,
    left_out: u64,
    taken_back: u64,
}

impl Tally {
    /// Counts a person that passed.
    pub fn pass(&mut self, pass: &Pass) {
        match self.documents.get_mut(&pass.document) {
            Some(count) => *count += 1,
            None => {
                self.documents.insert(pass.document.clone(), 1);
            }
        }
    }

    /// Counts a person that did not.
    pub fn withhold(&mut self, reason: Withheld) {
        *self.withheld.entry(reason).or_default() += 1;
    }

    /// Counts a person that did not pass and of whom documents are taken back.
    pub fn take_back(&mut self) {
        self.taken_back += 1;
    }

    /// Counts documents that the limits of a pass left out.
    pub fn leave_out(&mut self, documents: u64) {
        self.left_out += documents;
    }
}

impl Gate {
    /// The evidence for a batch; `None` without contract and filing, when nobody can have passed.
    pub fn evidence(&self, tally: &Tally) -> Option<GateEvidence> {
        let contract = self.contract()?;
        let filing = contract.filing.as_ref()?;
        let rate = self.rate;
        Some(GateEvidence {
            contract: contract.id.clone(),
            contract_kind: contract.kind,
            products: contract.products,
            mode: self.terms.mode,
            filing: filing.reference.clone(),
            filed_on: filing.filed_on,
            hold_days: contract.hold_days.get(),
            as_of: self.today,
            ledger: self.head.digest,
            ledger_entries: self.head.entries,
            documents: tally.documents.clone(),
            withheld: tally.withheld.clone(),
            documents_left_out: tally.left_out,
            persons_notified: rate.notified,
            persons_stopped: rate.stopped,
            taken_back: tally.taken_back,
        })
    }
}

/// What the centre's registry says of a site's contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractTerms {
    /// Which contract.
    pub contract: ContractId,
    /// Whether it is the site's own or a collective one, of which the site is a member.
    pub kind: ContractKind,
    /// What may be made of the records.
    pub products: Products,
    /// On which ground the site provides.
    pub mode: ConsentMode,
    /// The reference of the site's filing.
    pub filing: FilingReference,
    /// The first day of provision.
    pub effective_from: Date,
    /// The first day without provision, once the site has left.
    pub leaves_on: Option<Date>,
}

terms::worded!(
    /// Why evidence does not hold.
    EvidenceFault {
        /// The contract is not the registered one.
        ContractDiffers = "contract_differs",
        /// The products or the ground are not the registered ones.
        TermsDiffer = "terms_differ",
        /// The filing is not the registered one.
        FilingDiffers = "filing_differs",
        /// The filing is later than the decision.
        FilingTooLate = "filing_too_late",
        /// The hold is outside 30 to 3650 days.
        HoldOutOfRange = "hold_out_of_range",
        /// The decision lies before the contract's first day or on or after its last.
        OutsideContract = "outside_contract",
        /// The decision lies in the future.
        InFuture = "in_future",
        /// A notice text with no person, or more texts than a site can have.
        DocumentsImplausible = "documents_implausible",
        /// Somebody passed although persons were withheld for want of contract or filing, or
        /// documents of more persons were taken back than were withheld.
        Contradiction = "contradiction",
    }
);

impl std::error::Error for EvidenceFault {}

impl GateEvidence {
    /// Whether a batch that arrived on the day `received` (JST) may be taken on this evidence
    /// (B-007). One day of clock difference is allowed.
    ///
    /// # Errors
    /// The first fault in the order of [`EvidenceFault`].
    pub fn check(&self, terms: &ContractTerms, received: Date) -> Result<(), EvidenceFault> {
        let latest = received.saturating_add(1.day());
        let closed = [
            Withheld::NoContract,
            Withheld::ContractNotActive,
            Withheld::NoFiling,
        ];
        let faults = [
            (
                self.contract != terms.contract,
                EvidenceFault::ContractDiffers,
            ),
            (
                self.contract_kind != terms.kind
                    || self.products != terms.products
                    || self.mode != terms.mode,
                EvidenceFault::TermsDiffer,
            ),
            (self.filing != terms.filing, EvidenceFault::FilingDiffers),
            (self.filed_on > self.as_of, EvidenceFault::FilingTooLate),
            (
                HoldDays::new(self.hold_days).is_err(),
                EvidenceFault::HoldOutOfRange,
            ),
            (!self.inside(terms), EvidenceFault::OutsideContract),
            (self.as_of > latest, EvidenceFault::InFuture),
            (
                !self.documents_plausible(),
                EvidenceFault::DocumentsImplausible,
            ),
            (
                !self.documents.is_empty()
                    && closed
                        .iter()
                        .any(|reason| self.withheld.contains_key(reason)),
                EvidenceFault::Contradiction,
            ),
            (
                self.taken_back > sum(self.withheld.values()),
                EvidenceFault::Contradiction,
            ),
        ];
        faults
            .into_iter()
            .find(|(found, _)| *found)
            .map_or(Ok(()), |(_, fault)| Err(fault))
    }

    /// How many persons passed, by this evidence.
    pub fn passed(&self) -> u64 {
        sum(self.documents.values())
    }

    fn inside(&self, terms: &ContractTerms) -> bool {
        terms.effective_from <= self.as_of && terms.leaves_on.is_none_or(|left| self.as_of < left)
    }

    fn documents_plausible(&self) -> bool {
        self.documents.len() <= MOST_DOCUMENTS && self.documents.values().all(|count| *count > 0)
    }
}

fn sum<'c>(counts: impl Iterator<Item = &'c u64>) -> u64 {
    counts.fold(0, |sum, count| sum.saturating_add(*count))
}
