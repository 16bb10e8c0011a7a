//! From the programs' reports to the figures of the whole run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use harness::job::Job;
use harness::summary::{Summary, Withheld};
use serde_json::Value;

/// Adds one gateway's report.
pub(crate) fn gateway(report: &Value, summary: &mut Summary) -> Result<()> {
    for (total, pointer) in [
        (&mut summary.files, "/files/seen"),
        (&mut summary.source_bytes, "/files/bytes"),
        (&mut summary.quarantined_files, "/files/quarantined"),
        (&mut summary.unchanged_files, "/files/unchanged"),
        (&mut summary.superseded_files, "/files/superseded"),
        (&mut summary.withdrawn_files, "/files/withdrawn"),
        (&mut summary.batches, "/batches/sealed"),
        (&mut summary.sealed_bytes, "/batches/sealed_bytes"),
        (&mut summary.sent, "/batches/sent"),
        (&mut summary.sent_bytes, "/batches/sent_bytes"),
    ] {
        *total += number(report, pointer)?;
    }
    for (name, count) in counts(report, "/records_read")? {
        summary.records += count;
        *summary.records_by_kind.entry(name).or_default() += count;
    }
    summary.sealed_records += counts(report, "/records_sealed")?
        .iter()
        .map(|c| c.1)
        .sum::<u64>();
    for (name, count) in counts(report, "/findings")? {
        *summary.findings.entry(name).or_default() += count;
    }
    for (name, count) in counts(report, "/drops")? {
        *summary.dropped.entry(name).or_default() += count;
    }
    for (reason, count) in entries(report, "/withheld")? {
        let total: &mut Withheld = summary.withheld.entry(reason).or_default();
        total.persons += number(&count, "/persons")?;
        total.files += number(&count, "/files")?;
        total.records += number(&count, "/records")?;
    }
    let peak = number(report, "/peak_memory_bytes")?;
    summary.peak_memory_bytes = summary.peak_memory_bytes.max(peak);
    Ok(())
}

/// Runs the core's steps, adds its reports, and gives the folder of the release.
pub(crate) fn core(job: &Job, lint_list: Option<&Path>, summary: &mut Summary) -> Result<PathBuf> {
    job.run_core(&["pull"])?.well()?;
    let linked = job.run_core(&["link"])?.well()?;
    summary.accepted = number(&linked, "/status/batches")?;
    summary.subjects = number(&linked, "/status/subjects")?;
    summary.persons = number(&linked, "/status/persons")?;
    summary.stored_records = counts(&linked, "/status/records")?
        .iter()
        .map(|c| c.1)
        .sum();
    let quality = linked.pointer("/status/quality").cloned();
    summary.quality = serde_json::from_value(quality.context("quality in a report")?)?;
    for (outcome, reasons) in entries(&linked, "/status/files")? {
        if outcome == "refused" {
            summary.refused = counts(&reasons, "")?.iter().map(|c| c.1).sum();
        }
    }
    // A release is named by what went in, so that a second run finds the one that stands.
    let release = format!("demo-{}", summary.accepted);
    let mut arguments = vec!["make", "--release", &release];
    if let Some(list) = lint_list {
        arguments.extend(["--lint-list", list.to_str().context("path")?]);
    }
    let made = job.run_core(&arguments)?.well()?;
    for report in [&linked, &made] {
        let peak = number(report, "/peak_memory_bytes")?;
        summary.peak_memory_bytes = summary.peak_memory_bytes.max(peak);
    }
    let folder = job.release_folder(&release);
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json"))?)?;
    summary.k = number(&manifest, "/k_anonymity/reached")?;
    summary.k_asked = number(&manifest, "/k_anonymity/asked")?;
    summary.age_years = number(&manifest, "/k_anonymity/level/age_years")?;
    let area = manifest
        .pointer("/k_anonymity/level/area")
        .and_then(Value::as_str);
    summary.area = area.context("area in the manifest")?.to_owned();
    summary.cells_searched = number(&manifest, "/lint/cells")?;
    summary.identifiers_searched = number(&manifest, "/lint/forbidden_strings")?;
    summary.suppressed = number(&manifest, "/persons_suppressed")?;
    summary.persons_released = number(&manifest, "/persons_released")?;
    for (table, about) in entries(&manifest, "/tables")? {
        let rows = number(&about, "/rows")?;
        summary.rows_released += rows;
        summary.rows_by_table.insert(table, rows);
        for (reason, count) in counts(&about, "/emptied")? {
            *summary.cells_emptied.entry(reason).or_default() += count;
        }
        for (reason, count) in counts(&about, "/left")? {
            *summary.rows_left.entry(reason).or_default() += count;
        }
    }
    Ok(folder)
}

fn number(report: &Value, pointer: &str) -> Result<u64> {
    report
        .pointer(pointer)
        .and_then(Value::as_u64)
        .with_context(|| format!("{pointer} in a report"))
}

fn entries(report: &Value, pointer: &str) -> Result<Vec<(String, Value)>> {
    let object = report.pointer(pointer).and_then(Value::as_object);
    let object = object.with_context(|| format!("{pointer} in a report"))?;
    Ok(object
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect())
}

fn counts(report: &Value, pointer: &str) -> Result<Vec<(String, u64)>> {
    let entries = entries(report, pointer)?;
    entries
        .into_iter()
        .map(|(name, value)| Ok((name, value.as_u64().context("a count in a report")?)))
        .collect()
}
