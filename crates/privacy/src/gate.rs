//! The gate: one pure question, asked for every person before anything of them goes on.
//!
//! It fails closed. Whatever is missing, damaged, in the future or unclear withholds the person.
//! No setting opens it: there is no way around [`Gate::screen`] to a [`Screened`] value.

mod evidence;
mod people;
mod terms;

use std::fmt;

use jiff::ToSpan;
use record::identity::ChartNumber;
use record::moment::Date;
use record::reading::Reading;
use zeroize::Zeroizing;

pub use evidence::{ContractTerms, EvidenceFault, GateEvidence, Tally};
use people::{Charts, Documents, Opened};
pub use terms::{
    Contract, ContractId, DocumentVersion, Filing, FilingReference, HoldDays, Notice, NoticeMethod,
    Requester, Stop, TermError,
};

terms::worded!(
    /// Why nothing of a person may leave. Of several reasons the first in this order is told,
    /// whatever the order in which numbers were asked about.
    Withheld {
        /// No contract is set.
        NoContract = "no_contract",
        /// The contract is not in force yet, or the site has left it.
        ContractNotActive = "contract_not_active",
        /// The filing is missing or in the future.
        NoFiling = "no_filing",
        /// Somebody asked that provision stop.
        Stopped = "stopped",
        /// The notice ledger does not show the person, or shows only notices to come.
        NotNotified = "not_notified",
        /// The hold after the notice still runs.
        HoldRunning = "hold",
    }
);

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

impl fmt::Debug for PatientReadings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PatientReadings({} readings)", self.readings.len())
    }
}

/// The gate's yes for one person, with what the evidence needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    document: DocumentVersion,
}

impl Pass {
    /// The notice text that opened the gate. Of several numbers, that of the latest notice.
    pub fn document(&self) -> &DocumentVersion {
        &self.document
    }
}

/// Proof that the gate let a value through. Only [`Gate::screen`] makes one.
pub struct Screened<T> {
    value: T,
    pass: Pass,
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

    pub(crate) fn into_value(self) -> T {
        self.value
    }
}

impl<T> fmt::Debug for Screened<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screened")
    }
}

/// The state of a site on one day: contract, notice ledger, stop list.
///
/// Notices count only for the number exactly as written. Stops count for every number that could
/// be meant: width, letter case, blanks, hyphens and leading zeros make no difference. Both err on
/// the side of withholding.
pub struct Gate {
    contract: Option<Contract>,
    notices: Charts<Opened>,
    documents: Vec<DocumentVersion>,
    stops: Charts<()>,
    stops_complete: bool,
    ledger: [u8; 32],
    stop_list: [u8; 32],
    today: Date,
}

impl Gate {
    /// Takes the site's state on the day `today` (JST). `ledger` and `stop_list` are the SHA-256
    /// digests of the two lists as they were read.
    ///
    /// Of several notices to one person the earliest counts, so that later data flows without a
    /// new hold (B-009). The lists may stream: about 12 bytes and the number itself are kept per
    /// person.
    pub fn new(
        contract: Option<Contract>,
        notices: impl IntoIterator<Item = Notice>,
        stops: impl IntoIterator<Item = Stop>,
        ledger: [u8; 32],
        stop_list: [u8; 32],
        today: Date,
    ) -> Self {
        let mut documents = Documents::default();
        let mut opened = Charts::default();
        for notice in notices {
            // A notice that finds no room is no notice; a stop that finds none stops everybody.
            if let Some(document) = documents.index(notice.document) {
                let first = Opened {
                    notified_on: notice.notified_on,
                    document,
                };
                opened.push(notice.chart.expose(), first);
            }
        }
        // By text and not by arrival, so that the order of the ledger's lines changes nothing.
        let (documents, places) = documents.finish();
        opened.replace(|one| Opened {
            document: places[usize::from(one.document)],
            ..one
        });
        opened.finish();
        let mut stopped = Charts::default();
        let mut stops_complete = true;
        for stop in stops {
            stops_complete &= stopped.push(&any_spelling(&stop.chart), ());
        }
        stopped.finish();
        Self {
            contract,
            notices: opened,
            documents,
            stops: stopped,
            stops_complete,
            ledger,
            stop_list,
            today,
        }
    }

    /// Whether anything of a person may leave today: notice, hold elapsed, no stop,
    /// contract active, filing present. `charts` are all numbers by which the person is known
    /// here; every one of them must pass.
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
    /// A doubtful number needs no notice, because it may be a stranger's; but when somebody asked
    /// that provision under it stop, nothing of this person leaves, because it may be their own.
    ///
    /// # Errors
    /// As [`Gate::decide`].
    pub fn screen(&self, patient: PatientReadings) -> Result<Screened<PatientReadings>, Withheld> {
        let mut charts = vec![&patient.chart];
        for reading in &patient.readings {
            charts.push(&reading.chart);
            charts.extend(&reading.claimed);
        }
        charts.sort_unstable();
        charts.dedup();
        let pass = self.decide_all(charts.into_iter(), &patient.doubtful)?;
        Ok(Screened {
            value: patient,
            pass,
        })
    }

    /// Everybody of the notice ledger of whom something may leave today, by number. Whoever was
    /// withheld before and now stands here has to be read, although no file of theirs changed.
    pub fn passing(&self) -> impl Iterator<Item = ChartNumber> {
        self.notices
            .numbers()
            .filter_map(ChartNumber::new)
            .filter(|chart| self.decide(std::slice::from_ref(chart)).is_ok())
    }

    fn decide_all<'a>(
        &self,
        charts: impl Iterator<Item = &'a ChartNumber>,
        doubtful: &[ChartNumber],
    ) -> Result<Pass, Withheld> {
        let contract = self.contract.as_ref().ok_or(Withheld::NoContract)?;
        if !contract.active_on(self.today) {
            return Err(Withheld::ContractNotActive);
        }
        if !contract.filed_by(self.today) {
            return Err(Withheld::NoFiling);
        }
        let mut last = None;
        let stopped = doubtful.iter().any(|chart| self.stopped(chart));
        let mut reason = stopped.then_some(Withheld::Stopped);
        for chart in charts {
            match self.decide_one(chart, contract.hold_days) {
                Ok(opened) => last = last.max(Some(opened)),
                Err(other) => reason = Some(reason.map_or(other, |known| other.min(known))),
            }
        }
        // No number at all is an unknown person.
        let document = last.and_then(|opened| self.documents.get(usize::from(opened.document)));
        match (reason, document) {
            (Some(reason), _) => Err(reason),
            (None, None) => Err(Withheld::NotNotified),
            (None, Some(document)) => Ok(Pass {
                document: document.clone(),
            }),
        }
    }

    fn stopped(&self, chart: &ChartNumber) -> bool {
        !self.stops_complete || self.stops.get(&any_spelling(chart)).is_some()
    }

    fn decide_one(&self, chart: &ChartNumber, hold: HoldDays) -> Result<Opened, Withheld> {
        if self.stopped(chart) {
            return Err(Withheld::Stopped);
        }
        let opened = self
            .notices
            .get(chart.expose())
            .ok_or(Withheld::NotNotified)?;
        if opened.notified_on > self.today {
            return Err(Withheld::NotNotified);
        }
        let first_day = opened.notified_on.checked_add(i64::from(hold.get()).days());
        match first_day {
            Ok(first_day) if first_day <= self.today => Ok(opened),
            _ => Err(Withheld::HoldRunning),
        }
    }
}

/// One form for all spellings of a number that could mean the same person. The folding is that of
/// insured numbers; a number of which it leaves nothing stands for itself.
fn any_spelling(chart: &ChartNumber) -> Zeroizing<String> {
    let folded = text::fold::insured(chart.expose());
    Zeroizing::new(folded.unwrap_or_else(|| chart.expose().to_owned()))
}

#[cfg(test)]
mod tests;
