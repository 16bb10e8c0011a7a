//! Oblivious evaluation of linkage tokens (B-117): evaluations per second and core beside the bare
//! curve operation, and what 1.6 million persons cost.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::bench::{Bench, Figure, median};

/// Evaluations per second beside the bare operation that are asked for.
const LEAST: f64 = 0.8;
/// Persons of a first full run of the whole fleet.
const PERSONS: f64 = 1.6e6;

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let runs = (0..bench.runs).map(|_| told(bench));
    let runs = runs.collect::<Result<Vec<_>>>()?;
    let values = |name: &str| {
        let value = |run: &Value| run.get(name).and_then(Value::as_f64);
        let values = runs.iter().map(|run| value(run).context("a figure"));
        values.collect::<Result<Vec<f64>>>()
    };
    let bare = median(&values("bare")?);
    let person = median(&values("points_of_person")?);
    let most = median(&values("most")?);
    let reference = format!("decode, multiply, encode one point: {bare:.0} a second");
    let mut figures = Vec::new();
    for (work, name, least) in [
        (
            format!("service, {most} points a question"),
            "service_of_most",
            Some(LEAST),
        ),
        (
            format!("service, {person} points (a person)"),
            "service_of_person",
            Some(LEAST),
        ),
        (
            format!("device, {most} points a question"),
            "device_of_most",
            None,
        ),
        (
            format!("device, {person} points (a person)"),
            "device_of_person",
            None,
        ),
    ] {
        let found = values(name)?;
        figures.push(Figure {
            work,
            value: median(&found),
            unit: "/s",
            reference: reference.clone(),
            ratio: median(&found) / bare,
            at_least: least,
            peak_memory_bytes: 0,
            runs: found,
        });
    }
    let rates = values("service_of_person")?;
    let hours: Vec<f64> = rates
        .iter()
        .map(|rate| PERSONS * person / rate / 3600.0)
        .collect();
    let alone = PERSONS * person / bare / 3600.0;
    figures.push(Figure {
        work: "1.6 million persons at the service".to_owned(),
        value: median(&hours),
        unit: "core h",
        reference: format!("{person} bare operations a person: {alone:.2} core hours"),
        ratio: alone / median(&hours),
        at_least: None,
        peak_memory_bytes: 0,
        runs: hours,
    });
    Ok(figures)
}

/// What one run of the measuring program says, by name.
fn told(bench: &Bench<'_>) -> Result<Value> {
    let program = bench.workspace.measure_program()?;
    let output = Command::new(&program)
        .arg("oblivious")
        .output()
        .with_context(|| program.display().to_string())?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}
