//! `python-hl7` (PyPI: `hl7`), the parser that many reach for first, on files of the same tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The version that figures were taken with.
const PACKAGE: &str = "hl7==0.4.5";

/// Only parsing is counted: the files are in memory and decoded before the clock starts.
const SCRIPT: &str = "\
import sys, time, hl7
texts = []
for path in open(sys.argv[1], encoding='utf-8').read().split('\\n'):
    data = open(path, 'rb').read().decode('iso2022_jp', errors='replace')
    texts.append(data.replace('\\r\\n', '\\r').replace('\\n', '\\r'))
started = time.perf_counter()
for text in texts:
    hl7.parse(text)
print(time.perf_counter() - started)
";

/// Seconds that parsing the files took, in one process.
///
/// # Errors
/// There is no Python 3, or the package cannot be installed.
pub(crate) fn seconds(folder: &Path, files: &[PathBuf]) -> Result<f64> {
    let python = environment(folder, PACKAGE)?;
    let (script, list) = (folder.join("parse.py"), folder.join("files.txt"));
    fs::write(&script, SCRIPT)?;
    let paths: Option<Vec<&str>> = files.iter().map(|path| path.to_str()).collect();
    fs::write(&list, paths.context("a path is not text")?.join("\n"))?;
    let output = Command::new(python).arg(script).arg(list).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "python-hl7 failed: {told}");
    let seconds = String::from_utf8(output.stdout)?;
    seconds.trim().parse().context("seconds")
}

/// A virtual environment with a package, made once.
///
/// # Errors
/// There is no Python 3, or the package cannot be installed.
pub(crate) fn environment(folder: &Path, package: &str) -> Result<PathBuf> {
    let home = folder.join("python");
    let (python, done) = (home.join("bin/python"), home.join("complete"));
    if done.exists() {
        return Ok(python);
    }
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(&home)
        .status()
        .context("python3 (Debian packages: python3, python3-venv)")?;
    ensure!(
        made.success(),
        "no virtual environment (Debian package: python3-venv)"
    );
    let installed = Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            package,
        ])
        .status()?;
    ensure!(
        installed.success(),
        "pip cannot install {package}; is the package registry reachable?"
    );
    fs::write(done, "")?;
    Ok(python)
}
