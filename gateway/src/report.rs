//! What a run did, in numbers: printed for people, written as JSON for machines. Counts only; no
//! value from the data, no reference to a person.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use privacy::gate::{Gate, RateAlarm, Withheld};
use record::{Drops, Finding, FindingCode, Quality, Record, ResourceKind, SiteId};
use serde::Serialize;

use crate::error::Failure;
use crate::letters::LettersReport;
use crate::spool::write_durably;

/// Everything that a run counts.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The site.
    pub(crate) site: SiteId,
    /// Version of this program.
    pub(crate) version: &'static str,
    /// Persons.
    pub(crate) patients: Patients,
    /// Source files.
    pub(crate) files: Files,
    /// Records that were read, by kind.
    pub(crate) records_read: BTreeMap<ResourceKind, u64>,
    /// Records that were sealed in this run, by kind.
    pub(crate) records_sealed: BTreeMap<ResourceKind, u64>,
    /// Documents that were sealed in this run.
    pub(crate) documents_sealed: u64,
    /// Documents that had been sealed before in the same version.
    pub(crate) documents_unchanged: u64,
    /// Documents of patients with more than one batch may hold, left for the next pass.
    pub(crate) documents_deferred: u64,
    /// Documents taken back in this run.
    pub(crate) documents_withdrawn: u64,
    /// Documents that a limited stop or consent left out.
    pub(crate) documents_left_out: u64,
    /// Persons who had been read when the ledger came to say no, and were not sealed.
    pub(crate) stopped_before_sealing: u64,
    /// Persons of whom the centre was told in this run to erase everything.
    pub(crate) erasures_sealed: u64,
    /// What the gate withheld, by reason.
    pub(crate) withheld: BTreeMap<&'static str, WithheldCount>,
    /// Batches.
    pub(crate) batches: Batches,
    /// Findings by code.
    pub(crate) findings: BTreeMap<&'static str, u64>,
    /// What was left behind, by name.
    pub(crate) drops: Drops,
    /// How good what was read is, in counts; withheld persons included.
    pub(crate) quality: Quality,
    /// How changes were found, when a feed told of them.
    pub(crate) changes: ChangesReport,
    /// Stops that match no patient of the storage.
    pub(crate) stops_without_patient: u64,
    /// The ledger of notices and stops.
    pub(crate) ledger: LedgerReport,
    /// Letters of the centre.
    pub(crate) letters: LettersReport,
    /// How the source fared.
    pub(crate) source: SourceCounts,
    /// How long the parts took.
    pub(crate) seconds: Seconds,
    /// Largest resident memory of the process.
    pub(crate) peak_memory_bytes: u64,
    /// The problem that ended the run early, if any.
    pub(crate) problem: Option<&'static str>,
    /// What each batch of this run added to these counts, by sequence number.
    #[serde(skip)]
    pub(crate) sealed: BTreeMap<u64, SealedCounts>,
}

/// What one batch adds to the counts of a run, and takes from them again when it is undone.
#[derive(Debug, Default)]
pub(crate) struct SealedCounts {
    /// Documents that stand in it.
    pub(crate) documents: u64,
    /// Documents that it takes back.
    pub(crate) withdrawn: u64,
    /// Persons of whom it tells that everything is to be erased.
    pub(crate) erasures: u64,
    /// Records, by kind.
    pub(crate) records: BTreeMap<ResourceKind, u64>,
    /// Its size.
    pub(crate) bytes: u64,
}

/// Counts of persons.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Patients {
    /// Seen in the storage.
    pub(crate) seen: u64,
    /// Not read again because nothing of theirs changed.
    pub(crate) unchanged: u64,
    /// Let through by the gate.
    pub(crate) passed: u64,
    /// Withheld by the gate.
    pub(crate) withheld: u64,
    /// Set aside because nothing of theirs could be used.
    pub(crate) quarantined: u64,
    /// Waiting, because their tokens were not keyed.
    pub(crate) unkeyed: u64,
}

/// Counts of files.
#[derive(Debug, Default, Serialize, Clone, Copy)]
pub(crate) struct Files {
    /// Seen in the storage.
    pub(crate) seen: u64,
    /// Their size.
    pub(crate) bytes: u64,
    /// Read as the current version of a document.
    pub(crate) read: u64,
    /// Older versions, not read.
    pub(crate) superseded: u64,
    /// Deleted by the site.
    pub(crate) withdrawn: u64,
    /// Of a kind that is not handled.
    pub(crate) unsupported: u64,
    /// Set aside with a finding.
    pub(crate) quarantined: u64,
    /// In folders of patients whose folders have not changed.
    pub(crate) unchanged: u64,
}

impl Files {
    /// Adds the counts of another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.seen += other.seen;
        self.bytes += other.bytes;
        self.read += other.read;
        self.superseded += other.superseded;
        self.withdrawn += other.withdrawn;
        self.unsupported += other.unsupported;
        self.quarantined += other.quarantined;
        self.unchanged += other.unchanged;
    }

    /// Whether every file seen is accounted for in exactly one way.
    pub(crate) fn balanced(&self) -> bool {
        let accounted = self.read
            + self.superseded
            + self.withdrawn
            + self.unsupported
            + self.quarantined
            + self.unchanged;
        self.seen == accounted
    }
}

/// What one reason withheld.
#[derive(Debug, Default, Serialize, Clone, Copy)]
pub(crate) struct WithheldCount {
    /// Persons.
    pub(crate) persons: u64,
    /// Their files.
    pub(crate) files: u64,
    /// Their records.
    pub(crate) records: u64,
}

/// Counts of batches.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Batches {
    /// Sealed in this run and not undone in it.
    pub(crate) sealed: u64,
    /// Their bytes.
    pub(crate) sealed_bytes: u64,
    /// Lines of the site dictionary in them.
    pub(crate) terms: u64,
    /// Delivered in this run.
    pub(crate) sent: u64,
    /// Bytes that went over the line in this run.
    pub(crate) sent_bytes: u64,
    /// Still waiting.
    pub(crate) waiting: u64,
    /// Undone in this run, because they held somebody who is stopped now and had not been sent.
    pub(crate) undone: u64,
}

/// What a change feed told.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ChangesReport {
    /// Records that were read.
    pub(crate) records: u64,
    /// Patients to visit, when not everybody is visited.
    pub(crate) patients: u64,
    /// Documents that the feed names and the storage does not hold yet.
    pub(crate) waiting: u64,
    /// Why everybody was visited.
    pub(crate) full_scan: Option<FullScan>,
    /// Findings by code.
    pub(crate) findings: BTreeMap<&'static str, u64>,
}

/// Why a run with a change feed visited everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FullScan {
    /// The feed is new, or settings or volumes have changed.
    First,
    /// So many days have passed.
    Scheduled,
    /// The feed does not go on where it was last read.
    Gap,
    /// A record names no patient.
    Unreadable,
    /// The feed names so many patients that a full scan costs less.
    ManyPatients,
}

impl FullScan {
    const fn texts(self) -> [&'static str; 2] {
        match self {
            Self::First => ["初回、または設定の変更", "first, or settings changed"],
            Self::Scheduled => ["定期", "scheduled"],
            Self::Gap => ["変更記録の欠け", "gap in the feed"],
            Self::Unreadable => ["読めない変更記録", "unreadable record in the feed"],
            Self::ManyPatients => ["変更が多数", "very many changes"],
        }
    }
}

impl ChangesReport {
    /// What people are told of it: Japanese, English, value.
    fn for_people(&self) -> Vec<[String; 3]> {
        let mut lines = Vec::new();
        let mut line = |ja: &str, en: &str, value: String| {
            lines.push([ja.to_owned(), en.to_owned(), value]);
        };
        if let Some(full_scan) = self.full_scan {
            let [ja, en] = full_scan.texts();
            line("  全件の調べ直し", "full scan", format!("{ja} / {en}"));
        }
        if self.records > 0 {
            let records = self.records.to_string();
            line("変更記録", "records of the change feed", records);
        }
        if self.waiting > 0 {
            let waiting = self.waiting.to_string();
            line("まだ置かれていない文書", "documents not there yet", waiting);
        }
        lines
    }

    /// Counts findings of one code.
    pub(crate) fn found(&mut self, code: FindingCode, count: u64) {
        if count > 0 {
            *self.findings.entry(code.as_str()).or_default() += count;
        }
    }
}

/// Durations of the parts of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Seconds {
    /// From the walk to the last sealed batch.
    pub(crate) collect: f64,
    /// The part of it in which reading paused because the source was busy.
    pub(crate) paused: f64,
    /// Delivery.
    pub(crate) send: f64,
}

/// What a run met in the ledger and in the lists that it takes in.
#[derive(Debug, Default, Serialize)]
pub(crate) struct LedgerReport {
    /// Entries at the last look.
    pub(crate) entries: u64,
    /// Persons with a notice.
    pub(crate) persons_notified: u64,
    /// Persons with a stop.
    pub(crate) persons_stopped: u64,
    /// Why the share of those who said no is suspicious, if it is.
    pub(crate) stop_rate_alarm: Option<RateAlarm>,
    /// Persons who turned 16 and have not been told again since (B-003).
    pub(crate) to_tell_again: u64,
    /// The lists.
    #[serde(flatten)]
    pub(crate) lists: LedgerCounts,
}

/// What became of the lists that the settings name.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct LedgerCounts {
    /// Entries added in this run.
    pub(crate) added: u64,
    /// Notices that left the list and no longer count.
    pub(crate) notices_vanished: u64,
    /// Lines of the list of notices that were taken back by hand and stay so.
    pub(crate) notices_revoked: u64,
    /// Stops that left the list and still hold.
    pub(crate) stops_vanished: u64,
    /// Stops that were taken back while the list still has them, and count again.
    pub(crate) stops_again: u64,
}

impl LedgerReport {
    /// Takes the counts of another look at the lists.
    pub(crate) fn take(&mut self, entries: u64, counts: LedgerCounts) {
        self.entries = entries;
        self.lists = LedgerCounts {
            added: self.lists.added + counts.added,
            notices_vanished: self.lists.notices_vanished + counts.notices_vanished,
            stops_again: self.lists.stops_again + counts.stops_again,
            ..counts
        };
    }

    /// Takes what the gate says of the whole ledger.
    pub(crate) fn look(&mut self, gate: &Gate) {
        let rate = gate.stop_rate();
        self.persons_notified = rate.notified;
        self.persons_stopped = rate.stopped;
        self.stop_rate_alarm = rate.alarm();
        self.to_tell_again = gate.to_tell_again().len() as u64;
    }

    /// What people are told of it: Japanese, English, value.
    fn for_people(&self) -> impl Iterator<Item = [String; 3]> {
        let lists = &self.lists;
        let [nobody, many] = [RateAlarm::Nobody, RateAlarm::Many].map(|alarm| {
            let stands = self.stop_rate_alarm == Some(alarm);
            if stands { self.persons_notified } else { 0 }
        });
        [
            (
                "通知した人（停止のお申し出が1人もありません。受付の手順を確認してください）",
                "persons told, of whom nobody said no: check how stops are taken down",
                nobody,
            ),
            (
                "通知した人（停止のお申し出が1%を超えています。ご案内と取り込みを確認してください）",
                "persons told, of whom more than 1% said no: check leaflet and imports",
                many,
            ),
            (
                "16歳になり、あらためて通知する人（画面の受付に一覧）",
                "persons who turned 16 and are to be told again (listed on the page)",
                self.to_tell_again,
            ),
            (
                "通知の一覧から消え、通知なしに戻した人",
                "notices that left the list and no longer count",
                lists.notices_vanished,
            ),
            (
                "台帳で取り消し済みの通知（一覧に残っている）",
                "listed notices that were taken back in the ledger",
                lists.notices_revoked,
            ),
            (
                "停止の一覧から消えたが、停止を続けている求め（取り消しは ledger revoke）",
                "stops that left the list and still hold (take back with `ledger revoke`)",
                lists.stops_vanished,
            ),
            (
                "取り消したが一覧に残っているため、再び停止した求め",
                "stops taken back but still listed, which count again",
                lists.stops_again,
            ),
        ]
        .into_iter()
        .filter(|(_, _, count)| *count > 0)
        .map(|(ja, en, count)| [ja.to_owned(), en.to_owned(), count.to_string()])
    }
}

/// How the source fared.
#[derive(Debug, Default, Serialize)]
pub(crate) struct SourceCounts {
    /// How often reading paused because the source was busy.
    pub(crate) pauses: u64,
}

impl Report {
    /// An empty report.
    pub(crate) fn new(site: SiteId) -> Self {
        Self {
            site,
            version: env!("CARGO_PKG_VERSION"),
            patients: Patients::default(),
            files: Files::default(),
            records_read: BTreeMap::new(),
            records_sealed: BTreeMap::new(),
            documents_sealed: 0,
            documents_unchanged: 0,
            documents_deferred: 0,
            documents_withdrawn: 0,
            documents_left_out: 0,
            stopped_before_sealing: 0,
            erasures_sealed: 0,
            withheld: BTreeMap::new(),
            batches: Batches::default(),
            findings: BTreeMap::new(),
            drops: Drops::default(),
            quality: Quality::default(),
            changes: ChangesReport::default(),
            stops_without_patient: 0,
            ledger: LedgerReport::default(),
            letters: LettersReport::default(),
            source: SourceCounts::default(),
            seconds: Seconds::default(),
            peak_memory_bytes: 0,
            problem: None,
            sealed: BTreeMap::new(),
        }
    }

    /// Counts a batch that was sealed.
    pub(crate) fn seal(&mut self, sequence: u64, counts: SealedCounts) {
        self.documents_sealed += counts.documents;
        self.documents_withdrawn += counts.withdrawn;
        self.erasures_sealed += counts.erasures;
        for (kind, count) in &counts.records {
            *self.records_sealed.entry(*kind).or_default() += count;
        }
        self.batches.sealed += 1;
        self.batches.sealed_bytes += counts.bytes;
        self.sealed.insert(sequence, counts);
    }

    /// Counts a batch that was undone: what it held is sealed again, and counts then.
    pub(crate) fn undo(&mut self, sequence: u64) {
        self.batches.undone += 1;
        // A batch of an earlier run is not in the counts of this one.
        let Some(counts) = self.sealed.remove(&sequence) else {
            return;
        };
        self.documents_sealed -= counts.documents;
        self.documents_withdrawn -= counts.withdrawn;
        self.erasures_sealed -= counts.erasures;
        for (kind, count) in counts.records {
            *self.records_sealed.entry(kind).or_default() -= count;
        }
        self.records_sealed.retain(|_, count| *count > 0);
        self.batches.sealed -= 1;
        self.batches.sealed_bytes -= counts.bytes;
    }

    /// Forgets what a pass over the storage counted, before another pass over the same storage.
    /// What was sealed and sent stays.
    pub(crate) fn start_next_pass(&mut self) {
        self.patients = Patients::default();
        self.files = Files::default();
        self.records_read.clear();
        self.withheld.clear();
        self.findings.clear();
        self.drops = Drops::default();
        self.quality = Quality::default();
        self.documents_unchanged = 0;
        self.documents_deferred = 0;
        self.documents_left_out = 0;
    }

    /// Counts findings by code.
    pub(crate) fn count_findings(&mut self, findings: &[Finding]) {
        for finding in findings {
            *self.findings.entry(finding.code.as_str()).or_default() += 1;
        }
    }

    /// Counts findings about folders by code.
    pub(crate) fn count_codes(&mut self, codes: &[FindingCode]) {
        for code in codes {
            *self.findings.entry(code.as_str()).or_default() += 1;
        }
    }

    /// Counts what the gate withheld of one person.
    pub(crate) fn count_withheld(&mut self, reason: Withheld, files: u64, records: u64) {
        self.patients.withheld += 1;
        let count = self.withheld.entry(reason.as_str()).or_default();
        count.persons += 1;
        count.files += files;
        count.records += records;
    }

    /// Writes the report as JSON.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        let failure = |error| Failure::storing(path.display().to_string(), error);
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other);
        text.and_then(|text| write_durably(path, &text))
            .map_err(failure)
    }

    /// What stops did to what had been read or sealed before: Japanese, English, value.
    fn stops_for_people(&self) -> Vec<[String; 3]> {
        let counts = [
            (
                "停止のため作り直した束",
                "batches undone for a stop",
                self.batches.undone,
            ),
            (
                "停止のため封かんしなかった人",
                "persons stopped before sealing",
                self.stopped_before_sealing,
            ),
            (
                "名寄せの計算を待つ患者",
                "patients whose tokens are not keyed yet",
                self.patients.unkeyed,
            ),
            (
                "センターに消去を求めた人",
                "persons to be erased at the centre",
                self.erasures_sealed,
            ),
        ];
        let met = counts.into_iter().filter(|(_, _, count)| *count > 0);
        met.map(|(ja, en, count)| [ja.to_owned(), en.to_owned(), count.to_string()])
            .chain(self.letters.for_people())
            .collect()
    }

    /// The report for people: Japanese first, one screen.
    pub(crate) fn for_people(&self) -> String {
        let mut lines = Vec::new();
        let total = |counts: &BTreeMap<ResourceKind, u64>| counts.values().sum::<u64>();
        let mut line =
            |ja: &str, en: &str, value: String| lines.push(format!("{ja} ({en}): {value}"));
        line("患者", "patients", self.patients.seen.to_string());
        line(
            "  変更なし",
            "unchanged",
            self.patients.unchanged.to_string(),
        );
        for [ja, en, value] in self.changes.for_people() {
            line(&ja, &en, value);
        }
        line("ファイル", "files", self.files.seen.to_string());
        line(
            "読み取った記録",
            "records read",
            total(&self.records_read).to_string(),
        );
        for (reason, count) in &self.withheld {
            let text = format!("{} / {} / {}", count.persons, count.files, count.records);
            let ja = format!("  留め置き {reason}: 人 / ファイル / 記録");
            line(&ja, "withheld: persons / files / records", text);
        }
        line(
            "封かんした記録",
            "records sealed",
            total(&self.records_sealed).to_string(),
        );
        line(
            "送信済みのため送らない文書",
            "documents sent before",
            self.documents_unchanged.to_string(),
        );
        line(
            "封かんした束",
            "batches sealed",
            self.batches.sealed.to_string(),
        );
        line("送信した束", "batches sent", self.batches.sent.to_string());
        line(
            "送信待ちの束",
            "batches waiting",
            self.batches.waiting.to_string(),
        );
        for [ja, en, value] in self.ledger.for_people() {
            line(&ja, &en, value);
        }
        for [ja, en, value] in self.stops_for_people() {
            line(&ja, &en, value);
        }
        for code in FindingCode::ALL {
            let count = [&self.findings, &self.changes.findings]
                .map(|findings| findings.get(code.as_str()).copied().unwrap_or_default())
                .iter()
                .sum::<u64>();
            if count > 0 {
                lines.push(format!(
                    "{code} x{count}  {}\n          {}",
                    code.ja(),
                    code.en()
                ));
            }
        }
        lines.extend(self.unmet());
        lines.join("\n")
    }

    fn unmet(&self) -> Option<String> {
        let text = format!(
            "注意: 提供停止の求め {0} 件に当たる患者が見つかりません。番号を確認してください。\n      \
             {0} stops match no patient of the storage; check the numbers.",
            self.stops_without_patient
        );
        (self.stops_without_patient > 0).then_some(text)
    }
}

/// Counts records by kind.
pub(crate) fn count_records<'a>(
    counts: &mut BTreeMap<ResourceKind, u64>,
    records: impl IntoIterator<Item = &'a Record>,
) {
    for record in records {
        *counts.entry(record.kind()).or_default() += 1;
    }
}

/// Largest resident memory of this process so far, in bytes.
pub(crate) fn peak_memory_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kilobytes.map_or(0, |kilobytes: u64| kilobytes * 1024)
}
