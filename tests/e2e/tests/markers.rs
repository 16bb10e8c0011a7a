//! A storage with a marker in every field that can name somebody, through the real programs: none
//! of them is in anything that a run leaves or tells (A-037, A-038, B-133).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod marked;

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use e2e::{Search, leftovers};
use envelope::{CoreSecretKey, VerifyingKey};
use harness::deployment::Deployment;
use harness::job::Job;
use harness::process::{Programs, Running};
use harness::scene::today;
use marked::{SITE, source, write_storage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

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
    // Staff numbers leave as tokens, and nothing else of staff does.
    job.deployment.agree_on_participants().unwrap();

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
    support_outputs(&job, &report);

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

/// whoever has the disk of the appliance, the files of the inbox and everything that went
/// over the line has nothing in clear: no marker, and none of the content either.
#[test]
fn neither_disk_nor_inbox_nor_line_shows_anything() {
    let folder = tempfile::tempdir().unwrap();
    let written = write_storage(&folder.path().join("storage"));
    let source = source(folder.path(), &written.charts);
    let deployment = Deployment::prepare(&folder.path().join("run"), &[source], today()).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let root = job.deployment.root.clone();

    let mut front = job.start_front().unwrap();
    let trace = folder.path().join("line.pcap");
    let port = format!("port {}", job.deployment.address.port());
    let mut tcpdump = Command::new("tcpdump");
    tcpdump
        .args(["-i", "lo", "-U", "-Z", "root", "-w"])
        .arg(&trace)
        .arg(port);
    let mut capture = Running::start(&mut tcpdump, &folder.path().join("tcpdump.log")).unwrap();
    wait_for(|| fs::metadata(&trace).is_ok_and(|it| it.len() > 0));
    assert!(gateway(&job).output().unwrap().status.success());
    let batches = files_below(&root.join("inbox"));
    let size: usize = batches.iter().map(|(_, bytes)| bytes.len()).sum();
    // All that was sent has reached the trace once it is as large as what has arrived.
    wait_for(|| fs::metadata(&trace).unwrap().len() > size as u64);
    capture.kill().unwrap();
    front.kill().unwrap();

    let mut words = written.markers;
    words.extend(["KEPT0004", "MSH|", "PID|", "OBX|"].map(str::to_owned));
    let search = Search::new(&words).unwrap();
    let packets = fs::read(&trace).unwrap();
    let state = root.join("sites").join(SITE).join("state");
    let disk = files_below(&state);
    assert!(disk.len() > 3);
    for (path, bytes) in disk {
        assert_eq!(search.hits(&bytes), 0, "{}", path.display());
    }
    assert_eq!(search.hits(&packets), 0);
    // What lies in the inbox is sealed once more on the line.
    assert!(!batches.is_empty());
    for (path, batch) in &batches {
        assert_eq!(search.hits(batch), 0, "{}", path.display());
        assert!(entropy(batch) > 7.0, "{}", entropy(batch));
        let mut parts = batch.windows(32).step_by(997);
        assert!(!parts.any(|part| packets.windows(32).any(|there| there == part)));
    }
}

fn wait_for(done: impl Fn() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("waited in vain");
}

fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files_below(&path)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

/// Bits of a byte: 8 where every byte is as frequent as any other.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let shares = counts.iter().filter(|count| **count > 0);
    let shares = shares.map(|count| f64::from(*count) / bytes.len() as f64);
    shares.map(|share| -share * share.log2()).sum()
}

/// What somebody who helps gets to see is kept in files, to be searched with everything else: the
/// state of the core, histories and traces, the meaning of a status code. `find` tells a place,
/// which holds a chart number, and does so on a terminal only.
fn support_outputs(job: &Job, report: &Value) {
    let root = &job.deployment.root;
    let batch = fs::read_dir(root.join("inbox"));
    let name = batch.unwrap().next().unwrap().unwrap().file_name();
    let name = name.to_str().unwrap().strip_suffix(".batch").unwrap();
    let (_, batch) = name.rsplit_once('-').unwrap();
    let document = {
        let ended = job.run_core(&["status", "--json"]).unwrap();
        assert!(ended.status.success(), "{}", ended.told);
        let state = &job.deployment.core_state;
        let tables = fs::read_dir(state.join("tables/Document")).unwrap();
        let table = tables.map(|file| file.unwrap().path()).next().unwrap();
        e2e::first_text(&table, "document").unwrap()
    };
    let document = format!("{SITE}:{document}");
    for arguments in [
        vec!["status"],
        vec!["history", &document],
        vec!["history", &document, "--json"],
        vec!["trace", batch],
        vec!["orders"],
    ] {
        let ended = job.run_core(&arguments).unwrap();
        assert!(ended.status.success(), "{arguments:?}: {}", ended.told);
        let name = arguments.join("-").replace(':', "-");
        fs::write(root.join(format!("told-{name}")), &ended.told).unwrap();
    }
    assert!(report.pointer("/quality").is_some() || report.is_object());
    let config = &job.deployment.sites[0].config;
    for (name, arguments) in [
        ("status-code", vec!["status-code", "00000F"]),
        ("find", vec!["find", "f-00000000000000000000000000000000"]),
        ("check", vec!["check"]),
    ] {
        let mut command = job.programs.gateway();
        command.args(&arguments);
        if name != "status-code" {
            command.arg("--config").arg(config);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.success(), name == "check", "{arguments:?}");
        let told = [output.stdout, output.stderr].concat();
        fs::write(root.join(format!("told-{name}")), &told).unwrap();
    }
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
