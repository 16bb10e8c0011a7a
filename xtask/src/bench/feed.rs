//! What a nightly run costs when the transaction storage names what changed (C-16): as many updates
//! on trees of growing size, and ten times as many on the largest.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use jiff::{Timestamp, tz};

use crate::bench::gateway::Gateway;
use crate::bench::tree::{Tree, Update};
use crate::bench::{Bench, Figure, median};

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
/// Updates between two runs.
const FEW: u64 = 100;
/// Updates between two runs of the last figure.
const MANY: u64 = 10 * FEW;
/// The share of the smallest tree's speed that is asked for on each other tree.
const SAME: f64 = 0.8;

/// Nightly runs of one gateway with so many updates before each.
struct Nights {
    updates: u64,
    seconds: f64,
    runs: Vec<f64>,
    peak: u64,
}

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let mut measured: Vec<(u64, Nights)> = Vec::new();
    for files in SIZES.into_iter().filter(|files| *files <= bench.files) {
        let tree = Tree::open(bench, files)?;
        let feed = bench.folder.join("feed");
        let last = SIZES
            .iter()
            .all(|size| *size <= files || *size > bench.files);
        let outcome = nights(bench, &tree, &feed, last);
        tree.restore()?;
        measured.extend(outcome?.into_iter().map(|nights| (tree.files, nights)));
    }
    let least = measured
        .first()
        .context("--files is below the smallest tree")?;
    let base = 1.0 / least.1.seconds;
    let figures = measured.iter().map(|(files, nights)| {
        let many = nights.updates > 2 * least.1.updates;
        let value = 1.0 / nights.seconds;
        Figure {
            work: format!(
                "nightly run, {} told updates, {files} files",
                nights.updates
            ),
            value: nights.seconds,
            unit: "s",
            reference: format!(
                "{} told updates on {} files: {:.2} s",
                least.1.updates, least.0, least.1.seconds
            ),
            ratio: value / base,
            // Ten times the updates may take ten times as long.
            at_least: Some(if many {
                SAME * FEW as f64 / MANY as f64
            } else {
                SAME
            }),
            peak_memory_bytes: nights.peak,
            runs: nights.runs.clone(),
        }
    });
    Ok(figures.collect())
}

fn nights(bench: &Bench<'_>, tree: &Tree, feed: &Path, many: bool) -> Result<Vec<Nights>> {
    if feed.exists() {
        fs::remove_dir_all(feed)?;
    }
    fs::create_dir_all(feed.join(YEAR))?;
    let gateway = Gateway::with_settings(
        bench,
        tree,
        &format!(
            "[source.feed.transactions]\nfolders = [{:?}]\n",
            feed.display().to_string()
        ),
        "transactions",
    )?;
    tell(feed, &[])?;
    gateway.run()?;
    let mut all = Vec::new();
    let counts = if many { vec![FEW, MANY] } else { vec![FEW] };
    for (set, count) in counts.into_iter().enumerate() {
        let (mut runs, mut updates, mut peak) = (Vec::new(), 0, 0);
        for run in 0..=bench.runs {
            let turn = u64::from(run) + set as u64 * u64::from(bench.runs + 1);
            let updated = tree.change((tree.files / count).max(2), turn)?;
            tell(feed, &updated)?;
            let ran = gateway.run()?;
            let sealed = ran.count("/documents_sealed")?;
            ensure!(
                sealed >= updated.len() as u64 / 2,
                "{} updates gave {sealed} documents",
                updated.len()
            );
            peak = peak.max(ran.peak_memory_bytes);
            // The first run also visits again what was young when the tree was first read.
            if run > 0 {
                updates = updated.len() as u64;
                runs.push(ran.whole);
            }
        }
        let seconds = median(&runs);
        all.push(Nights {
            updates,
            seconds,
            runs,
            peak,
        });
    }
    Ok(all)
}

const YEAR: &str = "2026";

/// Writes one transaction file that tells of the updates.
fn tell(feed: &Path, updates: &[Update]) -> Result<()> {
    let now = Timestamp::now().to_zoned(tz::TimeZone::fixed(tz::offset(9)));
    let now = now.strftime("%Y%m%d%H%M%S%3f").to_string();
    let path = feed.join(YEAR).join(format!("TR_{now}_00001.DAT"));
    let mut file = fs::File::create_new(&path).with_context(|| path.display().to_string())?;
    for update in updates {
        let name = update.new.file_name().and_then(|name| name.to_str());
        let parts: Vec<&str> = name.context("a name")?.split('_').collect();
        let [chart, day, kind, order, time, department, _] = parts.as_slice() else {
            anyhow::bail!("a name of {} parts", parts.len());
        };
        let head = format!(
            "#SSMIX,2.00,1312345678,{chart},{day},{kind},{order},UPD,{department},{time}\r"
        );
        file.write_all(head.as_bytes())?;
    }
    Ok(())
}
