//! Sealing (A-117): one core over content that does not compress, beside the bare cipher, beside
//! the cipher with one SHA-256, and beside `age` (Debian package) over as many bytes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::bench::{Bench, Figure, median};

/// How much of the bare cipher's speed, and how many times that of `age`.
const OF_CIPHER: f64 = 0.5;
const OF_AGE: f64 = 3.0;

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let file = bench.folder.join("plain");
    let (mut sealed, mut cipher, mut age) = (Vec::new(), Vec::new(), Vec::new());
    let mut checkable = Vec::new();
    let recipient = recipient(&bench.folder)?;
    for run in 0..=bench.runs {
        let told = told(bench, &file)?;
        let number = |name: &str| told.get(name).and_then(Value::as_f64).context("a figure");
        let theirs = number("megabytes")? / seconds_of_age(&recipient, &file)?;
        // The first round warms the cache.
        if run > 0 {
            sealed.push(number("sealed_megabytes_per_second")?);
            cipher.push(number("cipher_megabytes_per_second")?);
            checkable.push(number("cipher_and_digest_megabytes_per_second")?);
            age.push(theirs);
        }
    }
    let rate = median(&sealed);
    let against = |reference: String, against: f64, at_least| Figure {
        work: "sealing, content that does not compress".to_owned(),
        value: rate,
        unit: "MB/s",
        reference,
        ratio: rate / against,
        at_least,
        peak_memory_bytes: 0,
        runs: sealed.clone(),
    };
    let (cipher, age) = (median(&cipher), median(&age));
    let checkable = median(&checkable);
    let bare = format!("AES-256-GCM of ring alone: {cipher:.0} MB/s");
    let least = format!("AES-256-GCM and one SHA-256 of what it made: {checkable:.0} MB/s");
    let theirs = format!("age, one process, file to nowhere: {age:.0} MB/s");
    Ok(vec![
        against(bare, cipher, Some(OF_CIPHER)),
        against(least, checkable, None),
        against(theirs, age, Some(OF_AGE)),
    ])
}

fn told(bench: &Bench<'_>, file: &Path) -> Result<Value> {
    let program = bench.workspace.measure_program()?;
    let output = Command::new(&program)
        .arg("seal")
        .arg("--write")
        .arg(file)
        .output();
    let output = output.with_context(|| program.display().to_string())?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{told}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn recipient(folder: &Path) -> Result<String> {
    let key = folder.join("age.key");
    if key.exists() {
        std::fs::remove_file(&key)?;
    }
    let made = Command::new("age-keygen")
        .arg("-o")
        .arg(&key)
        .stderr(Stdio::null())
        .status();
    let made = made.context("no age here: apt-get install age")?;
    ensure!(made.success(), "age-keygen");
    let shown = Command::new("age-keygen").arg("-y").arg(&key).output()?;
    Ok(String::from_utf8(shown.stdout)?.trim().to_owned())
}

fn seconds_of_age(recipient: &str, file: &Path) -> Result<f64> {
    let mut command = Command::new("age");
    command.args(["-r", recipient, "-o", "/dev/null"]).arg(file);
    let started = Instant::now();
    ensure!(command.status()?.success(), "age");
    Ok(started.elapsed().as_secs_f64())
}
