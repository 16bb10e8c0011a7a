//! The gate (A-057, C-07): decisions per second from the state in memory, its size, how fast the
//! page comes up, and how long it is from "no" to "withheld".

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use browser::{Chromium, Scene, Tab};
use serde_json::Value;

use crate::bench::{Bench, Figure, median};

const PERSONS: u32 = 1_000_000;
/// Decisions per second and core that are asked for.
const RATE: f64 = 1e6;
/// Bytes a person that are allowed.
const BYTES: f64 = 64.0;
/// Persons of the town that stands behind the page.
const TOWN: u32 = 250;

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (share, every) in [("0.1 % stopped", 1_000), ("100 % stopped", 1)] {
        figures.extend(decisions(bench, share, every)?);
    }
    figures.extend(page(bench)?);
    Ok(figures)
}

/// What one run of the measuring program says, by name.
fn told(bench: &Bench<'_>, every: u32) -> Result<Value> {
    let program = bench.workspace.measure_program()?;
    let output = Command::new(&program)
        .args(["gate", "--persons", &PERSONS.to_string()])
        .args(["--every", &every.to_string()])
        .output()
        .with_context(|| program.display().to_string())?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn decisions(bench: &Bench<'_>, share: &str, every: u32) -> Result<Vec<Figure>> {
    let runs = (0..bench.runs).map(|_| told(bench, every));
    let runs = runs.collect::<Result<Vec<_>>>()?;
    let values = |name: &str| {
        let value = |run: &Value| run.get(name).and_then(Value::as_f64);
        let values = runs.iter().map(|run| value(run).context("a figure"));
        values.collect::<Result<Vec<f64>>>()
    };
    let mut figures = Vec::new();
    for (order, name) in [
        ("in the walk's order", "in_order"),
        ("in no order", "in_none"),
    ] {
        let (found, reference) = (values(name)?, values(&format!("reference_{name}"))?);
        let rate = median(&found);
        for (work, against, least) in [
            (format!("{share}, {order}"), RATE, Some(1.0)),
            (
                format!("{share}, {order}, plain tables"),
                median(&reference),
                None,
            ),
        ] {
            let reference = match least {
                Some(_) => "1,000,000 decisions a second on one core".to_owned(),
                None => format!("a hash table and a hash set: {against:.0} a second"),
            };
            figures.push(Figure {
                work,
                value: rate,
                unit: "/s",
                reference,
                ratio: rate / against,
                at_least: least,
                peak_memory_bytes: 0,
                runs: found.clone(),
            });
        }
    }
    for (what, name, least) in [
        ("state", "bytes", Some(1.0)),
        ("resident, building included", "resident_bytes", None),
    ] {
        let found = values(name)?;
        let bytes = median(&found);
        figures.push(Figure {
            work: format!("{share}, {what}, a person"),
            value: bytes,
            unit: "bytes",
            reference: format!("{BYTES} bytes; the ratio is allowed / found"),
            ratio: BYTES / bytes,
            at_least: least,
            peak_memory_bytes: (bytes * f64::from(PERSONS)) as u64,
            runs: found,
        });
    }
    Ok(figures)
}

/// The page in a real browser, and a "no" at the desk while batches wait.
fn page(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let scene = Scene::on(bench.workspace.release_programs()?, TOWN)?;
    scene.job.run_gateway(0, &["--hold"])?.well()?;
    let chromium = Chromium::start("sekisho.internal")?;
    let (tab, _) = scene.signed_in(&chromium, "uketsuke", &["reception"], (1280, 800))?;
    let start = format!("{}/HOSPITAL-A/reception", scene.address);
    let picture = format!("{}/style.css", scene.address);
    let (mut loads, mut least) = (Vec::new(), Vec::new());
    let (mut pressed, mut withheld) = (Vec::new(), Vec::new());
    for run in 0..bench.runs {
        least.push(load(&tab, &picture)?);
        loads.push(load(&tab, &start)?);
        let chart = scene.chart(0, usize::try_from(run)?)?;
        tab.fill("#chart", &chart)?;
        tab.follow("button.main")?;
        let said = Instant::now();
        tab.follow("button.stop")?;
        pressed.push(said.elapsed().as_secs_f64() * 1e3);
        let report = scene.job.run_gateway(0, &["--hold"])?.well()?;
        withheld.push(said.elapsed().as_secs_f64() * 1e3);
        let undone = report.pointer("/batches/undone").and_then(Value::as_u64);
        ensure!(undone > Some(0), "nothing was taken back: {report}");
    }
    let figure = |work: &str, runs: Vec<f64>, reference: String, against: f64| Figure {
        work: work.to_owned(),
        value: median(&runs),
        unit: "ms",
        reference,
        ratio: against / median(&runs),
        at_least: None,
        peak_memory_bytes: scene.page_memory_bytes(),
        runs,
    };
    let style = median(&least);
    let alone = format!("the style sheet alone, in the same browser: {style:.1} ms");
    let minute = "one minute (C-07); the ratio is minute / found".to_owned();
    Ok(vec![
        figure("reception page, loaded", loads, alone, style),
        figure("\"no\" to the confirmation", pressed, minute.clone(), 6e4),
        figure(
            "\"no\" to withheld, the waiting batch made anew",
            withheld,
            minute,
            6e4,
        ),
    ])
}

/// Milliseconds from the request to the end of the page's loading, by the browser.
fn load(tab: &Tab, address: &str) -> Result<f64> {
    tab.open(address)?;
    let script = "performance.getEntriesByType('navigation')[0].loadEventEnd";
    tab.run(script)?.as_f64().context("no time of loading")
}
