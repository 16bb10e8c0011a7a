//! A storage with a marker in every field that can name somebody, through the real programs: none
//! of them is in anything that a run leaves or tells (A-037, A-038, B-133).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use e2e::{Search, leftovers};
use envelope::{CoreSecretKey, VerifyingKey};
use harness::deployment::{Deployment, SiteSource};
use harness::job::Job;
use harness::process::Programs;
use harness::scene::today;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use town::markers::{EVENTS, few_messages};

const SITE: &str = "MARKED";

/// What was written: how many files, and every text that must stay behind.
struct Written {
    files: usize,
    markers: Vec<String>,
    charts: Vec<String>,
}

/// One patient for each kind, whose files each hold one field full of markers.
fn write_storage(root: &Path) -> Written {
    let mut written = Written {
        files: 0,
        markers: Vec::new(),
        charts: Vec::new(),
    };
    for (patient, (kind, _)) in (0u32..).zip(EVENTS) {
        let chart = format!("00{:08}", 48_213_709 + 7_919 * patient);
        let dated = !matches!(*kind, "ADT-00" | "ADT-61" | "PPR-01");
        let day = if dated { "20260105" } else { "-" };
        let (first, rest) = chart.split_at_checked(3).unwrap();
        let (second, _) = rest.split_at_checked(3).unwrap();
        let folder = root
            .join(first)
            .join(second)
            .join(&chart)
            .join(day)
            .join(kind);
        fs::create_dir_all(&folder).unwrap();
        let backwards: String = chart.chars().rev().collect();
        for (number, message) in (1u32..).zip(few_messages(kind, &chart)) {
            // The number of the order holds the patient's, backwards.
            let order = format!("{backwards}{number:05}");
            let name = format!("{chart}_{day}_{kind}_{order}_20260105101112000_01_1");
            fs::write(folder.join(name), message.bytes()).unwrap();
            written.files += 1;
            written
                .markers
                .extend(message.markers.into_iter().map(|marker| marker.text));
        }
        written.markers.extend([chart.clone(), backwards]);
        written.charts.push(chart);
    }
    written.markers.sort_unstable();
    written.markers.dedup();
    written
}

fn source(root: &Path, charts: &[String]) -> SiteSource {
    let rows: String = charts
        .iter()
        .map(|chart| format!("{chart},2025-01-01,2024-12,posted\n"))
        .collect();
    let header = "patient_id,notified_on,document_version,method\n";
    let [notices, stops] = ["notices.csv", "stops.csv"].map(|name| root.join(name));
    fs::write(&notices, [header, &rows].concat()).unwrap();
    fs::write(&stops, "patient_id,requested_on,requester\n").unwrap();
    SiteSource {
        site: SITE.to_owned(),
        storage: root.join("storage"),
        notices,
        stops,
    }
}

fn key<K: std::str::FromStr>(path: &Path) -> K {
    fs::read_to_string(path)
        .unwrap()
        .trim()
        .parse()
        .ok()
        .unwrap()
}

/// The gateway as talkative as it can be, with its temporary files below the folder of the run.
fn gateway(job: &Job) -> Command {
    let root = &job.deployment.root;
    let temporary = root.join("temporary");
    fs::create_dir_all(&temporary).unwrap();
    let mut command = job.programs.gateway();
    command
        .arg("run")
        .arg("--config")
        .arg(&job.deployment.sites[0].config)
        .arg("--report")
        .arg(root.join("report.json"))
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .env("TMPDIR", temporary)
        .current_dir(root);
    command
}

#[test]
fn no_marker_is_in_anything_that_a_run_leaves_or_tells() {
    let folder = tempfile::tempdir().unwrap();
    let written = write_storage(&folder.path().join("storage"));
    let source = source(folder.path(), &written.charts);
    let deployment = Deployment::prepare(&folder.path().join("run"), &[source], today()).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let root = job.deployment.root.clone();

    let mut front = job.start_front().unwrap();
    let output = gateway(&job).output().unwrap();
    front.kill().unwrap();
    let told = [output.stdout, output.stderr].concat();
    fs::write(root.join("gateway.log"), &told).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&told)
    );
    // One day of data makes no release; everything else that the core keeps is searched.
    for step in ["pull", "link"] {
        job.run_core(&[step]).unwrap().well().unwrap();
    }

    let report: Value =
        serde_json::from_slice(&fs::read(root.join("report.json")).unwrap()).unwrap();
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64);
    assert_eq!(number("/files/seen"), Some(written.files as u64));
    assert!(
        number("/files/read") > Some(0) && number("/batches/sent") > Some(0),
        "{report}"
    );

    let keys = root.join("keys");
    let core: CoreSecretKey = key(&keys.join("core.key"));
    let site: VerifyingKey = key(&keys.join(SITE).join("signing.pub"));
    let search = Search::new(&written.markers).unwrap();
    let kept = Search::new(&["KEPT0004".to_owned()]).unwrap();
    let left = leftovers(&root, &core, &[site]).unwrap();
    let mut opened = Vec::new();
    for file in &left {
        let path = file.path.strip_prefix(&root).unwrap().display().to_string();
        for content in &file.contents {
            let text = || {
                String::from_utf8_lossy(content)
                    .chars()
                    .take(2_000)
                    .collect::<String>()
            };
            assert_eq!(search.hits(content), 0, "{path}:\n{}", text());
            if kept.hits(content) > 0 {
                opened.push(path.clone());
            }
        }
    }
    // What is meant to be kept is found by the same search: in a batch and in a table.
    for kind in [".batch", ".parquet"] {
        assert!(
            opened.iter().any(|path| path.ends_with(kind)),
            "{kind}: {opened:?}"
        );
    }
    // And the markers are found where they are.
    let key: CoreSecretKey = self::key(&keys.join("core.key"));
    let files = leftovers(&folder.path().join("storage"), &key, &[]).unwrap();
    let marked = files
        .iter()
        .filter(|file| search.hits(&file.contents[1]) > 1)
        .count();
    assert_eq!(marked, written.files);
}

/// A core dump would hold everything in clear.
#[test]
fn a_gateway_that_is_aborted_leaves_no_core_dump() {
    let folder = tempfile::tempdir().unwrap();
    let written = write_storage(&folder.path().join("storage"));
    let source = source(folder.path(), &written.charts);
    let deployment = Deployment::prepare(&folder.path().join("run"), &[source], today()).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let mut child = gateway(&job)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let limits = Path::new("/proc")
        .join(child.id().to_string())
        .join("limits");
    // Its first act is to forbid core dumps; until then the limit is that of the test.
    let forbidden = (0..500).any(|_| {
        sleep(Duration::from_millis(2));
        let limits = fs::read_to_string(&limits).unwrap_or_default();
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let mut words = line.unwrap_or_default().split_whitespace().skip(4);
        words.next() == Some("0") && words.next() == Some("0")
    });
    let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGABRT);
    let ended = child.wait().unwrap();
    assert!(forbidden, "the limit on core dumps is not 0");
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
}
