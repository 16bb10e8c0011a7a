//! The gate: one pure question, asked for every person before anything of them goes on.
//!
//! It fails closed. Whatever is missing, damaged, in the future or unclear withholds the person.
//! No setting opens it: there is no way around [`Gate::screen`] to a [`Screened`] value.

mod contract;
mod evidence;
mod history;
mod judge;
mod kept;
mod numbers;
mod parts;
mod people;
mod rate;
mod scope;
pub(crate) mod spelling;
mod standing;
mod terms;

use std::sync::Arc;

use std::collections::BTreeSet;
use std::fmt;

use jiff::ToSpan;
use record::content::DocumentState;
use record::identity::{ChartNumber, Identity};
use record::kind::Domain;
use record::moment::{Date, Moment};
use record::reading::Reading;

pub use contract::{Contract, ContractKind, Filing, HoldDays, NoticeDocument, Terms, VisitPolicy};
pub use evidence::{ContractTerms, EvidenceFault, GateEvidence, Tally};
pub use history::{Consent, Event, Ground, Notice, Stop};
pub use judge::truth_table;
pub use numbers::{NumberRef, Numbers};
pub use parts::{OpenParts, Parts};
pub use rate::{RateAlarm, StopRate};
pub use scope::{Domains, Product, Products, Scope};
pub use standing::{Standing, revoked};
pub use terms::{
    Channel, ConsentMode, ContractId, DocumentVersion, FilingReference, NoticeMethod, OrderId,
    Requester, TermError, Verification,
};

use judge::{Facts, judge};
use people::Charts;
use spelling::any_spelling;
use standing::{Agreed, Mark, Settled, Told};

terms::worded!(
    /// Why nothing of a person may leave. Of several reasons the first in this order is told,
    /// whatever the order in which numbers were asked about.
    Withheld {
        /// No contract is set.
        NoContract = "no_contract",
        /// No contract is in force yet, or the site has left it.
        ContractNotActive = "contract_not_active",
        /// The filing is missing, in the future or revoked.
        NoFiling = "no_filing",
        /// Somebody asked that provision stop.
        Stopped = "stopped",
        /// A stop order could mean this person; somebody has to decide.
        DecisionPending = "decision_pending",
        /// The source provides only for those who agreed, and this person did not.
        NoConsent = "no_consent",
        /// The notice ledger does not show the person, or shows only notices to come.
        NotNotified = "not_notified",
        /// The person was told with a text that does not suffice for what the contract covers.
        NoticeOutdated = "notice_outdated",
        /// The hold after the notice still runs.
        HoldRunning = "hold",
    }
);

impl Withheld {
    /// The reason in Japanese.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::NoContract => "契約がない",
            Self::ContractNotActive => "契約が有効でない",
            Self::NoFiling => "届出がない",
            Self::Stopped => "停止の求めがある",
            Self::DecisionPending => "判断を待っている",
            Self::NoConsent => "同意がない",
            Self::NotNotified => "通知していない",
            Self::NoticeOutdated => "通知文が足りない",
            Self::HoldRunning => "待機期間中",
        }
    }
}

/// Everything that was read of one person.
pub struct PatientReadings {
    /// The number by which the storage files the person.
    pub chart: ChartNumber,
    /// Current and withdrawn files, one per document.
    pub readings: Vec<Reading>,
    /// Numbers that files set aside among the person's claim, in their names or inside: perhaps
    /// another person's, perhaps a second number of the same one.
    pub doubtful: Vec<ChartNumber>,
}

/// What the readings of one person say of who it is. Files that share one identity with the file
/// before them add nothing.
pub(crate) fn identities<'r>(
    readings: impl IntoIterator<Item = &'r Reading>,
) -> impl Iterator<Item = &'r Identity> {
    let mut before: Option<&Arc<Identity>> = None;
    readings.into_iter().filter_map(move |reading| {
        let identity = &reading.identity;
        let same = before.replace(identity);
        let same = same.is_some_and(|same| Arc::ptr_eq(same, identity));
        (!same).then_some(&**identity)
    })
}

impl fmt::Debug for PatientReadings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PatientReadings({} readings)", self.readings.len())
    }
}

/// The gate's yes for one person, with what the evidence needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    document: DocumentVersion,
    products: Products,
    /// Stops that extend to a part of the person's records.
    forbidden: Vec<Scope>,
    /// For each number of the person the consents it rests on; none in an opt-out source.
    allowed: Vec<Vec<Scope>>,
}

impl Pass {
    /// The text that opened the gate. Of several numbers, that of the latest notice or consent.
    pub fn document(&self) -> &DocumentVersion {
        &self.document
    }

    /// Whether the yes extends to a document of this domain and day of care.
    pub fn extends_to(&self, domain: Domain, care_date: Option<Moment>) -> bool {
        let forbids = |scope: &Scope| scope.forbids(domain, self.products, care_date);
        let allows = |scope: &Scope| scope.allows(domain, self.products, care_date);
        !self.forbidden.iter().any(forbids)
            && self
                .allowed
                .iter()
                .all(|consents| consents.iter().any(allows))
    }

    /// The limits of the yes as text, empty when there are none: a change of it changes which
    /// documents may leave.
    pub fn limits(&self) -> String {
        let forbidden = self.forbidden.iter().map(|scope| format!("-{scope}"));
        // Each number's consents stand together: losing one of them is another limit.
        let together = |scopes: &Vec<Scope>| {
            let words: BTreeSet<_> = scopes.iter().map(Scope::to_string).collect();
            words
                .into_iter()
                .map(|word| format!("+{word}"))
                .collect::<String>()
        };
        let allowed = self.allowed.iter().map(together);
        let mut limits: Vec<_> = forbidden.chain(allowed).collect();
        limits.sort_unstable();
        limits.dedup();
        limits.join(" ")
    }
}

/// Proof that the gate let a value through. Only [`Gate::screen`] makes one.
pub struct Screened<T> {
    value: T,
    pass: Pass,
    left_out: u64,
}

impl<T> Screened<T> {
    /// What was let through.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Why it was let through.
    pub fn pass(&self) -> &Pass {
        &self.pass
    }

    /// How many documents a limited stop or consent left out.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(crate) fn into_value(self) -> T {
        self.value
    }
}

impl<T> fmt::Debug for Screened<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screened")
    }
}

/// Which state of the site's ledger a decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerHead {
    /// The digest at the end of the ledger's chain.
    pub digest: [u8; 32],
    /// How many entries there are.
    pub entries: u64,
}

/// The state of a site on one day: contracts, notices, consents, stops.
///
/// Notices and consents count only for the number exactly as written. Stops count for every number
/// that could be meant: width, letter case, blanks, hyphens and leading zeros make no difference,
/// and merged numbers are one. Both err on the side of withholding.
pub struct Gate {
    terms: Terms,
    /// What may be decided without asking about a person.
    site: Result<usize, Withheld>,
    told: Charts<Told>,
    marks: Charts<Mark>,
    agreed: Charts<Agreed>,
    texts: Vec<Text>,
    /// The last day of a notice of which the hold is over today, under the contract in force.
    held_since: Option<Date>,
    scopes: Vec<Scope>,
    complete: bool,
    to_tell_again: Vec<ChartNumber>,
    rate: StopRate,
    head: LedgerHead,
    today: Date,
}

impl Gate {
    /// Takes the site's state on the day `today` (JST).
    ///
    /// Of several notices to one person the earliest that suffices counts, so that later data flows
    /// without a new hold (B-009).
    pub fn new(terms: Terms, standing: Standing, head: LedgerHead, today: Date) -> Self {
        let settled = standing.settle(&terms);
        let to_tell_again = settled.to_tell_again(today);
        let Settled {
            told,
            marks,
            agreed,
            documents,
            scopes,
            complete,
            ..
        } = settled;
        let site = contract_of(&terms.contracts, today);
        let contract = site.ok().and_then(|place| terms.contracts.get(place));
        let products = contract.map_or(Products::ALL, |one| one.products);
        let text = |version| Text {
            since: terms.suffices_since(&version, products, today),
            version,
        };
        let hold = contract.map(|one| i64::from(one.hold_days.get()).days());
        let mut gate = Self {
            texts: documents.into_iter().map(text).collect(),
            held_since: hold.and_then(|hold| today.checked_sub(hold).ok()),
            site,
            terms,
            told,
            marks,
            agreed,
            scopes,
            complete,
            to_tell_again,
            rate: StopRate::default(),
            head,
            today,
        };
        gate.rate = gate.count_rate();
        let mut told = std::mem::take(&mut gate.told);
        let suffices = |told: Told| gate.suffices(told.document, told.on);
        told.choose(|later, kept| suffices(later) && !suffices(kept));
        gate.told = told;
        gate
    }

    /// Whether anything of a person may leave today: notice, hold elapsed, no stop,
    /// contract active, filing present; in an opt-in source consent instead of notice and hold
    /// . `charts` are all numbers by which the person is known here; every one must pass.
    ///
    /// The day of the notice is day 0; provision starts on day `hold_days`.
    ///
    /// # Errors
    /// The reason to withhold, the first in the order of [`Withheld`].
    pub fn decide(&self, charts: &[ChartNumber]) -> Result<Pass, Withheld> {
        self.decide_all(charts.iter(), &[])
    }

    /// Lets a person's readings through, or says why not. Asks about the patient's number and every
    /// number that the readings carry.
    ///
    /// A doubtful number (an older one of the person, or one that a file set aside claims) needs no
    /// notice, because it may be a stranger's; but a stop under it withholds this person as well,
    /// because it may be their own.
    ///
    /// A document outside the limits of the yes becomes a withdrawal without content, so that what
    /// left before the limit was set is taken back.
    ///
    /// # Errors
    /// As [`Gate::decide`].
    pub fn screen(
        &self,
        mut patient: PatientReadings,
    ) -> Result<Screened<PatientReadings>, Withheld> {
        let doubtful = numbers::of_doubt(&patient);
        let charts = numbers::of_person(&patient);
        let pass = self.decide_all(charts.into_iter(), &doubtful)?;
        let left_out = leave_out(&mut patient.readings, &pass);
        Ok(Screened {
            value: patient,
            pass,
            left_out,
        })
    }

    /// Asks once more about a person whose readings were screened, by another state of the ledger.
    ///
    /// # Errors
    /// As [`Gate::decide`].
    pub fn decide_again(&self, numbers: &Numbers) -> Result<Pass, Withheld> {
        self.decide_all(numbers.charts.iter(), &numbers.doubtful)
    }

    /// Every number under which a stop of everything or a decision that is pending withholds, by
    /// its reference, with the reason. None while no contract is in force, when nothing can leave
    /// for other reasons.
    pub fn withdrawn<'g>(
        &'g self,
        site: &'g dyn crate::Prf,
    ) -> impl Iterator<Item = (NumberRef, Withheld)> + 'g {
        let contract = self.contract();
        self.marks.iter().filter_map(move |(number, mark)| {
            let (mut facts, mut answer) = (self.unknown(), Answer::default());
            self.mark(mark, contract?, &mut facts, &mut answer);
            let reason = match (facts.stopped, facts.pending) {
                (true, _) => Withheld::Stopped,
                (false, true) => Withheld::DecisionPending,
                (false, false) => return None,
            };
            Some((NumberRef::of_spelling(number, site), reason))
        })
    }

    /// Everybody of the ledger of whom something may leave today, by number. Whoever was withheld
    /// before and now stands here has to be read, although no file of theirs changed.
    pub fn passing(&self) -> impl Iterator<Item = ChartNumber> {
        let mut last = None;
        let told = self.told.iter().map(|(chart, _)| chart);
        let agreed = self.agreed.iter().map(|(chart, _)| chart);
        told.chain(agreed)
            .filter(move |chart| last.replace(*chart) != Some(*chart))
            .filter_map(ChartNumber::new)
            .filter(|chart| self.decide(std::slice::from_ref(chart)).is_ok())
    }

    /// Every number of which the ledger tells a notice or a consent, whether or not something may
    /// leave of the person today.
    pub fn known(&self) -> impl Iterator<Item = ChartNumber> {
        let told = self.told.iter().map(|(chart, _)| chart);
        let agreed = self.agreed.iter().map(|(chart, _)| chart);
        told.chain(agreed).filter_map(ChartNumber::new)
    }

    /// Persons who turned 16 and have not been told again since (B-003).
    pub fn to_tell_again(&self) -> &[ChartNumber] {
        &self.to_tell_again
    }

    /// How many persons were told, and how many said no.
    pub const fn stop_rate(&self) -> StopRate {
        self.rate
    }

    /// Bytes that the state takes: what is known of persons, and the tables in which it is found.
    pub fn bytes(&self) -> usize {
        self.told.size() + self.marks.size() + self.agreed.size()
    }

    /// How many entries the ledger had.
    pub const fn entries(&self) -> u64 {
        self.head.entries
    }

    /// The contract under which is provided today.
    pub fn contract(&self) -> Option<&Contract> {
        self.terms.contracts.get(self.site.ok()?)
    }

    fn decide_all<'a>(
        &self,
        charts: impl Iterator<Item = &'a ChartNumber>,
        doubtful: &[ChartNumber],
    ) -> Result<Pass, Withheld> {
        let contract = self.site.and_then(|place| {
            let contract = self.terms.contracts.get(place);
            contract.ok_or(Withheld::NoContract)
        })?;
        let mut last: Option<Answer> = None;
        let mut allowed = Vec::new();
        let (mut reason, mut forbidden) = self.of_doubtful(doubtful, contract);
        for chart in charts {
            match self.decide_one(chart, contract) {
                Ok(answer) => {
                    forbidden.extend_from_slice(&answer.forbidden);
                    if self.terms.mode == ConsentMode::OptIn {
                        allowed.push(answer.allowed.clone());
                    }
                    let newer =
                        |known: &Answer| (known.on, known.document) < (answer.on, answer.document);
                    if last.as_ref().is_none_or(newer) {
                        last = Some(answer);
                    }
                }
                Err(other) => reason = Some(reason.map_or(other, |known| other.min(known))),
            }
        }
        // No number at all is an unknown person.
        let text = last.and_then(|answer| self.texts.get(usize::from(answer.document)));
        match (reason, text) {
            (Some(reason), _) => Err(reason),
            (None, None) => Err(Withheld::NotNotified),
            (None, Some(text)) => Ok(Pass {
                document: text.version.clone(),
                products: contract.products,
                forbidden,
                allowed,
            }),
        }
    }

    /// What stops under numbers that may or may not be the person's forbid.
    fn of_doubtful(
        &self,
        doubtful: &[ChartNumber],
        contract: &Contract,
    ) -> (Option<Withheld>, Vec<Scope>) {
        let (mut facts, mut answer) = (self.unknown(), Answer::default());
        for chart in doubtful {
            for mark in self.marks.of(&any_spelling(chart)) {
                self.mark(mark, contract, &mut facts, &mut answer);
            }
        }
        let reason = match (facts.stopped, facts.pending) {
            (true, _) => Some(Withheld::Stopped),
            (false, true) => Some(Withheld::DecisionPending),
            (false, false) => None,
        };
        (reason, answer.forbidden)
    }

    /// What is known of a person of whom nothing is known, at a site that may provide.
    fn unknown(&self) -> Facts {
        Facts {
            contract: true,
            active: true,
            filed: true,
            stopped: !self.complete,
            pending: false,
            opt_in: self.terms.mode == ConsentMode::OptIn,
            consented: false,
            notified: false,
            sufficient: false,
            hold_over: false,
        }
    }

    fn decide_one(&self, chart: &ChartNumber, contract: &Contract) -> Result<Answer, Withheld> {
        let mut facts = self.unknown();
        let mut answer = Answer::default();
        for mark in self.marks.of(&any_spelling(chart)) {
            self.mark(mark, contract, &mut facts, &mut answer);
        }
        // Whatever else is known, the answer is no.
        if facts.stopped || facts.pending {
            return judge(facts).map(|()| answer);
        }
        if facts.opt_in {
            for agreed in self.agreed.of(chart.expose()) {
                self.agree(agreed, contract, &mut facts, &mut answer);
            }
        } else if let Some(told) = self.told.of(chart.expose()).next() {
            self.tell(told, &mut facts, &mut answer);
        }
        judge(facts).map(|()| answer)
    }

    fn mark(&self, mark: Mark, contract: &Contract, facts: &mut Facts, answer: &mut Answer) {
        let Some(scope) = mark.scope else {
            facts.pending = true;
            return;
        };
        match self.scopes.get(usize::from(scope)) {
            Some(scope) if !scope.products.meets(contract.products) => {}
            Some(scope) if !scope.forbids_everything(contract.products) => {
                answer.forbidden.push(*scope);
            }
            _ => facts.stopped = true,
        }
    }

    fn tell(&self, told: Told, facts: &mut Facts, answer: &mut Answer) {
        facts.notified = told.on <= self.today;
        facts.sufficient = self.suffices(told.document, told.on);
        facts.hold_over = self.held_since.is_some_and(|last| told.on <= last);
        (answer.on, answer.document) = (told.on, told.document);
    }

    fn agree(&self, agreed: Agreed, contract: &Contract, facts: &mut Facts, answer: &mut Answer) {
        let suffices = self.suffices(agreed.document, agreed.on);
        let scope = self.scopes.get(usize::from(agreed.scope));
        let Some(scope) = scope.filter(|scope| scope.products.holds_all(contract.products)) else {
            return;
        };
        if suffices && agreed.on <= self.today {
            facts.consented = true;
            answer.allowed.push(*scope);
            (answer.on, answer.document) = (agreed.on, agreed.document);
        }
    }

    /// Whether a text that was given on a day suffices today.
    fn suffices(&self, text: u8, given_on: Date) -> bool {
        let since = self.texts.get(usize::from(text)).and_then(|one| one.since);
        since.is_some_and(|since| since <= given_on)
    }
}

/// A text that the ledger names.
struct Text {
    version: DocumentVersion,
    /// The first day of a notice with it that suffices today; `None` when none does.
    since: Option<Date>,
}

/// What opens the gate for one number.
struct Answer {
    on: Date,
    document: u8,
    forbidden: Vec<Scope>,
    allowed: Vec<Scope>,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            on: Date::MIN,
            document: 0,
            forbidden: Vec::new(),
            allowed: Vec::new(),
        }
    }
}

/// The place of the contract under which is provided on a day: the first by number that is in
/// force and filed. Else what is missing of the one that is nearest to it.
fn contract_of(contracts: &[Contract], day: Date) -> Result<usize, Withheld> {
    let of = |contract: &Contract| match (contract.active_on(day), contract.filed_by(day)) {
        (true, true) => None,
        (true, false) => Some(Withheld::NoFiling),
        (false, _) => Some(Withheld::ContractNotActive),
    };
    let mut places: Vec<usize> = (0..contracts.len()).collect();
    places.sort_by_key(|place| contracts.get(*place).map(|contract| contract.id.clone()));
    let standing = |place: &usize| contracts.get(*place).is_some_and(|one| of(one).is_none());
    let nearest = contracts.iter().filter_map(of).max();
    let place = places.into_iter().find(standing);
    place.ok_or(nearest.unwrap_or(Withheld::NoContract))
}

/// Turns documents outside the limits into withdrawals without content, and counts those that
/// stood.
fn leave_out(readings: &mut [Reading], pass: &Pass) -> u64 {
    let mut left_out = 0;
    for reading in readings {
        let outside = !pass.extends_to(reading.domain, reading.key.care_date);
        if outside && reading.state == DocumentState::Current {
            reading.state = DocumentState::Withdrawn;
            reading.identity = Arc::<Identity>::default();
            reading.records.clear();
            left_out += 1;
        }
    }
    left_out
}

#[cfg(test)]
mod tests;
