//! Who a person is, keyed: tokens and filters of a person on one core, beside `clkhash`
//! (PyPI), which makes one filter of the same persons; and the folding of names.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::bench::{Bench, Figure, median, python};

const PERSONS: u32 = 20_000;
/// Memory must not grow with the persons that went by: ten times as many are measured too, and
/// they themselves take this much each while they wait.
const MORE: u32 = 10 * PERSONS;
const BYTES_WAITING: f64 = 1_024.0;
/// Persons that the reference hashes.
const REFERENCE: u32 = 2_000;
/// How many times as fast as the reference.
const TIMES: f64 = 10.0;
const PACKAGE: &str = "clkhash==0.18.3";

/// One process, as fast as its own measure: only the hashing is counted. Five features with bigrams
/// of names and digits with their places, 1,024 bits, as its documentation advises.
const SCRIPT: &str = "\
import sys, time, csv
from clkhash import clk
from clkhash.schema import from_json_dict
def feature(name, n, positional, bits):
    return {'identifier': name, 'format': {'type': 'string', 'encoding': 'utf-8'},
            'hashing': {'comparison': {'type': 'ngram', 'n': n, 'positional': positional},
                        'strategy': {'bitsPerFeature': bits}, 'hash': {'type': 'blakeHash'}}}
schema = from_json_dict({'version': 3,
    'clkConfig': {'l': 1024, 'kdf': {'type': 'HKDF', 'hash': 'SHA256', 'salt': '',
                                     'info': '', 'keySize': 64}},
    'features': [feature('family', 2, False, 200), feature('given', 2, False, 200),
                 feature('birth', 1, True, 200), feature('sex', 1, True, 25),
                 feature('postal', 1, True, 100), feature('card', 1, True, 100)]})
with open(sys.argv[1], encoding='utf-8', newline='') as file:
    rows = [tuple(row) for row in csv.reader(file)][1:]
started = time.perf_counter()
made = clk.generate_clks(rows, schema, 'secret', validate=False, max_workers=1)
seconds = time.perf_counter() - started
assert len(made) == len(rows)
print(len(rows) / seconds)
";

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let table = bench.folder.join("persons.csv");
    told(bench, REFERENCE, Some(&table))?;
    let (mut made, mut folded, mut reference) = (Vec::new(), Vec::new(), Vec::new());
    let mut peak = 0.0;
    for run in 0..=bench.runs {
        let ours = told(bench, PERSONS, None)?;
        let theirs = theirs(bench, &table)?;
        // The first round warms the cache.
        if run > 0 {
            made.push(number(&ours, "persons_per_second")?);
            folded.push(number(&ours, "folded_megabytes_per_second")?);
            peak = number(&ours, "peak_bytes")?;
            reference.push(theirs);
        }
    }
    let many = number(&told(bench, MORE, None)?, "peak_bytes")?;
    let allowed = peak + f64::from(MORE - PERSONS) * BYTES_WAITING;
    let (rate, against) = (median(&made), median(&reference));
    let folding = median(&folded);
    let figure = |work: &str, value, unit, reference: String, ratio, at_least, runs| Figure {
        work: work.to_owned(),
        value,
        unit,
        reference,
        ratio,
        at_least,
        peak_memory_bytes: peak as u64,
        runs,
    };
    Ok(vec![
        figure(
            "tokens and filters, one core",
            rate,
            "persons/s",
            format!("clkhash, one filter, one process: {against:.0} persons/s"),
            rate / against,
            Some(TIMES),
            made,
        ),
        figure(
            "folding of names, kana and kanji, one core",
            folding,
            "MB/s",
            "itself".to_owned(),
            1.0,
            None,
            folded,
        ),
        figure(
            "peak memory, 10 times as many persons",
            many / f64::from(1 << 20),
            "MiB",
            "that of the fewer, and 1 KiB for each more that waits; allowed / found".to_owned(),
            allowed / many,
            Some(1.0),
            Vec::new(),
        ),
    ])
}

fn told(bench: &Bench<'_>, persons: u32, write: Option<&Path>) -> Result<Value> {
    let program = bench.workspace.measure_program()?;
    let mut command = Command::new(&program);
    command.args(["identity", "--persons", &persons.to_string()]);
    if let Some(path) = write {
        command.arg("--write").arg(path);
    }
    let output = command
        .output()
        .with_context(|| program.display().to_string())?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{told}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn number(told: &Value, name: &str) -> Result<f64> {
    told.get(name).and_then(Value::as_f64).context("a figure")
}

/// Persons per second of the reference.
fn theirs(bench: &Bench<'_>, table: &Path) -> Result<f64> {
    let python = python::environment(&bench.folder, PACKAGE)?;
    let script = bench.folder.join("clk.py");
    fs::write(&script, SCRIPT)?;
    let output = Command::new(python).arg(script).arg(table).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "clkhash failed: {told}");
    let rate = String::from_utf8(output.stdout)?;
    rate.trim().parse().context("a rate")
}
