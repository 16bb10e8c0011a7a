//! The director's page (C-13): what leaves the clinic, batch by batch, and the provision record.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use privacy::gate::{RateAlarm, StopRate, Withheld};
use record::ResourceKind;

use super::account::Role;
use super::answer::{Refusal, download, html};
use super::facts::{Batch, Facts};
use super::frame::Frame;
use super::log::{Act, Line};
use super::texts::{Filled, T, Text};
use super::visit::{Visit, work};
use super::words::moment;
use crate::error::{Failure, Problem};
use crate::examples::Examples;
use crate::last_run::LastRun;

/// Batches that the page shows; the record to download has all.
const SHOWN: u32 = 20;
/// Batches that are counted and downloaded: about a hundred years of nights.
const ALL: u32 = 40_000;

#[derive(Template)]
#[template(path = "director.html")]
struct DirectorPage {
    frame: Frame,
    batches: Vec<Row>,
    kinds: Vec<Kind>,
    withheld: Vec<(Text, u64)>,
    passed: u64,
    seen: u64,
    last_run: Option<String>,
    total: u64,
    unreadable: u64,
    erasures_pending: u64,
    erasures_confirmed: u64,
    rate: Rate,
}

/// How many of those who were told said no.
struct Rate {
    notified: u64,
    stopped: u64,
    alarm: Option<Filled>,
}

struct Row {
    sequence: u64,
    sealed_at: String,
    received_at: Option<String>,
    persons: u64,
    documents: u64,
    records: u64,
    withheld: u64,
    contract: String,
}

struct Kind {
    text: Text,
    records: u64,
    example: Option<String>,
}

/// `/{site}/director`.
pub(crate) async fn page(visit: Visit, Path(site): Path<String>) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::Director])?;
    let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
    let page = work(|| {
        let line = Line::new(Act::LeavesShown, visit.name()).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let facts = Facts::open(&place.settings)?;
        let (mut rows, mut counts, mut total) = (Vec::new(), BTreeMap::new(), 0);
        let unreadable = facts.batches(ALL, |batch| {
            total += 1;
            for (kind, count) in &batch.manifest.records {
                *counts.entry(*kind).or_default() += count;
            }
            if rows.len() < SHOWN as usize {
                rows.push(row(&batch));
            }
            Ok(())
        })?;
        let (erasures_pending, erasures_confirmed) = facts.erasures()?;
        let examples = Examples::read(&place.settings.state.folder);
        let last = facts.last_run.as_ref();
        let withheld = last.map(|last| last.withheld.clone()).unwrap_or_default();
        let of = |reason: &Withheld| {
            let count = withheld.get(reason.as_str()).copied().unwrap_or_default();
            (count > 0).then_some((withheld_text(*reason), count))
        };
        Ok::<_, Refusal>(DirectorPage {
            frame: visit.frame(T.title_director, &site, "director"),
            batches: rows,
            kinds: kinds(&counts, &examples),
            withheld: Withheld::ALL.iter().filter_map(of).collect(),
            passed: last.map_or(0, |last| last.passed),
            seen: last.map_or(0, |last| last.seen),
            last_run: last.map(|last| moment(last.ended_at)),
            total,
            unreadable,
            erasures_pending,
            erasures_confirmed,
            rate: rate(last),
        })
    })?;
    Ok(html(&page))
}

fn rate(last: Option<&LastRun>) -> Rate {
    let known = last.map_or(StopRate::default(), |last| StopRate {
        notified: last.notified,
        stopped: last.stopped,
    });
    Rate {
        notified: known.notified,
        stopped: known.stopped,
        alarm: known.alarm().map(|alarm| match alarm {
            RateAlarm::Nobody => T.director_rate_nobody.of(known.notified),
            RateAlarm::Many => T.director_rate_many.of(known.stopped),
        }),
    }
}

fn row(batch: &Batch) -> Row {
    let manifest = &batch.manifest;
    Row {
        sequence: manifest.sequence,
        sealed_at: moment(manifest.sealed_at),
        received_at: batch
            .receipt
            .as_ref()
            .map(|receipt| moment(receipt.received_at)),
        persons: manifest.subjects,
        documents: manifest.documents.values().sum(),
        records: manifest.records.values().sum(),
        withheld: manifest.gate.withheld.values().sum(),
        contract: manifest.gate.contract.to_string(),
    }
}

fn kinds(counts: &BTreeMap<ResourceKind, u64>, examples: &Examples) -> Vec<Kind> {
    let of = |kind: &ResourceKind| {
        let records = counts.get(kind).copied().unwrap_or_default();
        (records > 0).then(|| Kind {
            text: kind_text(*kind),
            records,
            example: examples.of(*kind),
        })
    };
    ResourceKind::ALL.iter().filter_map(of).collect()
}

/// `/{site}/director/provision.csv`: every batch with what the law asks to be kept (B-006).
pub(crate) async fn provision(visit: Visit, Path(site): Path<String>) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::Director])?;
    let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
    let recipient = &place.settings.front.server_name;
    let table = work(|| {
        let line = Line::new(Act::Downloaded, visit.name()).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        table(&Facts::open(&place.settings)?, recipient)
    })?;
    let name = format!("provision-{site}.csv");
    // With the mark of UTF-8, without which spreadsheets take Japanese for something else.
    let bytes = ["\u{feff}".as_bytes(), &table].concat();
    download("text/csv; charset=utf-8", &name, bytes)
}

const COLUMNS: [Text; 15] = [
    T.column_sequence,
    T.column_sealed,
    T.column_received,
    T.column_recipient,
    T.column_persons,
    T.column_documents,
    T.column_records,
    T.column_contract,
    T.column_filing,
    T.column_hold,
    T.column_texts,
    T.column_withheld,
    T.column_ledger,
    T.column_quality,
    T.column_batch,
];

fn table(facts: &Facts, recipient: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::because(Problem::Internal, "provision record", error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = COLUMNS.map(|column| format!("{} / {}", column.ja, column.en));
    writer.write_record(head).map_err(failed)?;
    facts.batches(ALL, |batch| {
        writer
            .write_record(record(&batch, recipient).map(harmless))
            .map_err(failed)
    })?;
    writer
        .into_inner()
        .map_err(|_| Failure::new(Problem::Internal, "provision record"))
}

fn record(batch: &Batch, recipient: &str) -> [String; 15] {
    let (manifest, gate) = (&batch.manifest, &batch.manifest.gate);
    let receipt = batch.receipt.as_ref();
    let front = receipt.map_or(String::new(), |receipt| format!(" ({})", receipt.front));
    [
        manifest.sequence.to_string(),
        moment(manifest.sealed_at),
        receipt.map_or(String::new(), |receipt| moment(receipt.received_at)),
        format!("{recipient}{front}"),
        manifest.subjects.to_string(),
        counts(&manifest.documents),
        counts(&manifest.records),
        gate.contract.to_string(),
        format!("{} {}", gate.filing, gate.filed_on),
        gate.hold_days.to_string(),
        counts(&gate.documents),
        counts(&gate.withheld),
        gate.ledger_entries.to_string(),
        gate.products.to_string(),
        batch.id.clone(),
    ]
}

fn counts<K: ToString>(counts: &BTreeMap<K, u64>) -> String {
    let words = counts
        .iter()
        .map(|(key, count)| format!("{}:{count}", key.to_string()));
    words.collect::<Vec<_>>().join(" ")
}

/// Spreadsheets take what begins so for a formula.
fn harmless(text: String) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text,
    }
}

/// Why somebody is withheld.
pub(super) fn withheld_text(reason: Withheld) -> Text {
    match reason {
        Withheld::NoContract => T.withheld_no_contract,
        Withheld::ContractNotActive => T.withheld_contract_not_active,
        Withheld::NoFiling => T.withheld_no_filing,
        Withheld::Stopped => T.withheld_stopped,
        Withheld::DecisionPending => T.withheld_pending,
        Withheld::NoConsent => T.withheld_no_consent,
        Withheld::NotNotified => T.withheld_not_notified,
        Withheld::NoticeOutdated => T.withheld_outdated,
        Withheld::HoldRunning => T.withheld_hold,
    }
}

fn kind_text(kind: ResourceKind) -> Text {
    match kind {
        ResourceKind::Patient => T.kind_patient,
        ResourceKind::Coverage => T.kind_coverage,
        ResourceKind::Encounter => T.kind_encounter,
        ResourceKind::AllergyIntolerance => T.kind_allergy,
        ResourceKind::Condition => T.kind_condition,
        ResourceKind::MedicationRequest => T.kind_medication_request,
        ResourceKind::MedicationAdministration => T.kind_medication_administration,
        ResourceKind::Observation => T.kind_observation,
        ResourceKind::ServiceRequest => T.kind_service_request,
        ResourceKind::Procedure => T.kind_procedure,
        ResourceKind::NutritionOrder => T.kind_nutrition,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_a_spreadsheet_would_run_are_made_harmless() {
        for (cell, shown) in [
            ("=1+1", "'=1+1"),
            ("@A1", "'@A1"),
            ("-C-1", "'-C-1"),
            ("C-1", "C-1"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell.to_owned()), shown);
        }
    }
}
