//! That the appliance delivers what a gateway as a process delivers, no record more or less.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use harness::summary::Summary;

use crate::Workspace;
use crate::image::update_check::emptied;
use crate::test::Outcome;

/// Runs the demo both ways over the same town and compares what the centre has.
///
/// # Errors
/// A folder cannot be made or a summary cannot be read.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome> {
    let folder = workspace.scratch("demo-check")?;
    let by_appliance = match ran(&folder.join("appliance"), &["--image"])? {
        Ok(summary) => summary,
        Err(told) => return Ok(Outcome::Failed(told)),
    };
    let persons = ["--persons", "100"];
    let by_process = match ran(&folder.join("process"), &persons)? {
        Ok(summary) => summary,
        Err(told) => return Ok(Outcome::Failed(told)),
    };
    ensure!(
        by_appliance.by_appliance.len() == 1,
        "no site was read by the appliance"
    );
    let [one, other] = [&by_appliance, &by_process].map(|summary| {
        let files: Vec<_> = summary
            .quality
            .iter()
            .map(|(site, it)| (site, it.files))
            .collect();
        let records = (summary.stored_records, summary.subjects, summary.persons);
        (records, summary.accepted, summary.refused, files)
    });
    Ok(match one == other && by_process.stored_records > 0 {
        true => Outcome::Passed(format!(
            "{} records of {} persons, by the appliance as by a process",
            by_process.stored_records, by_process.persons
        )),
        false => Outcome::Failed(format!("by the appliance {one:?}, by a process {other:?}")),
    })
}

/// What the demo ended with, or what it told.
fn ran(out: &Path, arguments: &[&str]) -> Result<std::result::Result<Summary, String>> {
    emptied(out)?;
    let mut demo = Command::new(std::env::current_exe()?);
    demo.arg("demo").args(arguments).arg("--out").arg(out);
    let ended = demo.output().context("the demo cannot be started")?;
    if !ended.status.success() {
        let told = [ended.stdout, ended.stderr].concat();
        return Ok(Err(String::from_utf8_lossy(&told).into_owned()));
    }
    Ok(Ok(serde_json::from_slice(&fs::read(
        out.join("summary.json"),
    )?)?))
}
