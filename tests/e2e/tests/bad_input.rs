//! Bad input: one plain error with a code, both languages and a next step; nothing lost, nothing
//! sent, and everything well again once the cause is gone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::job::Job;
use harness::process::Programs;
use harness::scene::{town_with_deployment, truth};
use serde_json::Value;

const PERSONS: u32 = 60;

struct Scene {
    folder: tempfile::TempDir,
    job: Job,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let (_, deployment) = town_with_deployment(folder.path(), 3, PERSONS).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    Scene { folder, job }
}

impl Scene {
    fn config(&self) -> String {
        fs::read_to_string(&self.job.deployment.sites[0].config).unwrap()
    }

    fn edit(&self, from: &str, to: &str) {
        let config = self.config();
        assert!(config.contains(from), "{from} is not in the settings");
        fs::write(
            &self.job.deployment.sites[0].config,
            config.replace(from, to),
        )
        .unwrap();
    }

    /// Runs the gateway and checks that it ended with this code and sent nothing.
    fn ends_with(&self, code: &str, status: i32) {
        let ended = self.job.run_gateway(0, &[]).unwrap();
        assert_eq!(ended.status.code(), Some(status), "{code}: {}", ended.told);
        let line = ended.told.lines().find(|line| line.starts_with(code));
        assert!(
            line.is_some_and(|line| !line.is_ascii()),
            "{code}: {}",
            ended.told
        );
        assert!(ended.told.contains(". "), "no English: {}", ended.told);
        let sent = ended
            .report
            .as_ref()
            .and_then(|report| report.pointer("/batches/sent"));
        assert_eq!(sent.and_then(Value::as_u64).unwrap_or(0), 0);
        assert_eq!(
            files_below(&self.job.deployment.inbox),
            0,
            "{code}: something was sent"
        );
    }

    /// Runs the gateway with the front up and checks that everything goes out.
    fn recovers(&self) {
        let mut front = self.job.start_front().unwrap();
        let report = self.job.run_gateway(0, &[]).unwrap().well().unwrap();
        front.kill().unwrap();
        assert!(
            report.pointer("/batches/sent").and_then(Value::as_u64) > Some(0),
            "{report}"
        );
        assert_eq!(
            report.pointer("/batches/waiting").and_then(Value::as_u64),
            Some(0)
        );
    }
}

fn files_below(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, |entries| {
        entries
            .map(|entry| entry.unwrap().path())
            .map(|path| if path.is_dir() { files_below(&path) } else { 1 })
            .sum()
    })
}

#[test]
fn a_missing_storage_folder_is_named() {
    let scene = scene();
    let storage = &scene.job.deployment.sites[0].source.storage;
    let aside = scene.folder.path().join("aside");
    fs::rename(storage, &aside).unwrap();
    scene.ends_with("G003", 1);
    fs::rename(&aside, storage).unwrap();
    scene.recovers();
}

#[test]
fn an_empty_storage_is_told_apart_from_one_without_news() {
    let scene = scene();
    let storage = &scene.job.deployment.sites[0].source.storage;
    let aside = scene.folder.path().join("aside");
    fs::rename(storage, &aside).unwrap();
    fs::create_dir(storage).unwrap();
    scene.ends_with("G004", 1);
    fs::remove_dir(storage).unwrap();
    fs::rename(&aside, storage).unwrap();
    scene.recovers();
}

#[test]
fn a_storage_that_may_not_be_looked_into_is_not_called_empty() {
    let mut scene = scene();
    scene.job.refused_call = Some(("openat2", "EACCES"));
    scene.ends_with("G003", 1);
    scene.job.refused_call = None;
    scene.recovers();
}

/// The shipped unit has `RestrictSUIDSGID=`, with which systemd answers `openat2` so.
#[test]
fn a_service_manager_without_openat2_keeps_nothing_from_being_read() {
    let mut scene = scene();
    let mut front = scene.job.start_front().unwrap();
    scene.job.refused_call = Some(("openat2", "ENOSYS"));
    let first = scene.job.run_gateway(0, &[]).unwrap().well().unwrap();
    scene.job.refused_call = None;
    let second = scene.job.run_gateway(0, &[]).unwrap().well().unwrap();
    front.kill().unwrap();
    let number = |report: &Value, name| report.pointer(name).and_then(Value::as_u64);
    assert!(number(&first, "/batches/sent") > Some(0));
    assert_eq!(
        number(&first, "/patients/seen"),
        number(&second, "/patients/seen")
    );
    assert_eq!(number(&second, "/documents_sealed"), Some(0));
}

/// no ledger entry, nothing leaves; no ledger at all, nothing is even sealed.
#[test]
fn a_storage_without_ledger_or_stop_list_sends_nothing() {
    for (name, pick) in [("notices", 0), ("stops", 1)] {
        let scene = scene();
        let source = &scene.job.deployment.sites[0].source;
        let path = [&source.notices, &source.stops][pick];
        let text = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        scene.ends_with("G005", 1);
        fs::write(path, [text.as_slice(), b"damaged line\n"].concat()).unwrap();
        scene.ends_with("G006", 1);
        fs::write(path, text).unwrap();
        scene.recovers();
        assert!(name.len() > 3);
    }
}

/// A-059, B-007: without contract or filing the gate is closed for everybody.
#[test]
fn without_contract_or_filing_everybody_is_withheld() {
    for (pattern, reason) in [
        ("[[contracts]]", "no_contract"),
        ("filing_reference", "no_filing"),
    ] {
        let scene = scene();
        let config = scene.config();
        let kept: String = match reason {
            "no_contract" => without_section(&config, pattern),
            _ => config
                .lines()
                .filter(|l| !l.starts_with(pattern))
                .map(|l| format!("{l}\n"))
                .collect(),
        };
        fs::write(&scene.job.deployment.sites[0].config, kept).unwrap();
        let report = scene.job.run_gateway(0, &[]).unwrap().well().unwrap();
        let passed = report.pointer("/patients/passed").and_then(Value::as_u64);
        let withheld = report.pointer(&format!("/withheld/{reason}/persons"));
        assert_eq!(passed, Some(0));
        assert_eq!(
            withheld.and_then(Value::as_u64),
            report.pointer("/patients/seen").unwrap().as_u64()
        );
        assert_eq!(files_below(&scene.job.deployment.inbox), 0);
        fs::write(&scene.job.deployment.sites[0].config, config).unwrap();
        scene.recovers();
    }
}

fn without_section(config: &str, section: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in config.lines() {
        if line.starts_with('[') {
            inside = line.starts_with(section);
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn an_unknown_setting_is_refused_by_name() {
    let scene = scene();
    scene.edit("[source]", "[source]\nsurprise = 1");
    scene.ends_with("G001", 1);
    scene.edit("[source]\nsurprise = 1", "[source]");
    scene.recovers();
}

#[test]
fn a_wrong_key_file_stops_the_run_without_showing_it() {
    let scene = scene();
    let key = scene.job.deployment.root.join("keys/token.key");
    let text = fs::read_to_string(&key).unwrap();
    fs::write(&key, "sekisho-signing-v1:00").unwrap();
    scene.ends_with("G002", 1);
    fs::write(&key, text).unwrap();
    scene.recovers();
}

/// P-19: a clock that has gone back seals nothing.
#[test]
fn a_clock_that_went_back_seals_nothing() {
    let scene = scene();
    let state = &scene.job.deployment.sites[0].state;
    let _ = scene.job.run_gateway(0, &["--hold"]).unwrap();
    let file = rusqlite::Connection::open(state.join("state.sqlite")).unwrap();
    let seen: i64 = file
        .query_row("SELECT latest FROM clock", [], |row| row.get(0))
        .unwrap();
    file.execute("UPDATE clock SET latest = latest + 86400", [])
        .unwrap();
    scene.ends_with("G007", 1);
    file.execute("UPDATE clock SET latest = ?1", [seen])
        .unwrap();
    drop(file);
    scene.recovers();
}

/// P-19: without a confirmed time the storage is read, and nothing is sealed or sent. A try soon
/// after leaves the storage alone, and once the time is confirmed everything goes out.
#[test]
fn without_a_confirmed_time_everything_is_read_and_nothing_sealed() {
    let scene = scene();
    let site = &scene.job.deployment.sites[0];
    let synchronized = site.config.with_file_name("synchronized");
    fs::remove_file(&synchronized).unwrap();
    for read in [true, false] {
        scene.ends_with("G060", 75);
        let report = scene.job.gateway_report(0).unwrap();
        let count = |place: &str| report.pointer(place).and_then(Value::as_u64).unwrap();
        assert_eq!(count("/patients/seen") > 0, read, "{report}");
        assert_eq!(
            (count("/batches/sealed"), count("/batches/waiting")),
            (0, 0)
        );
    }
    fs::write(&synchronized, "").unwrap();
    scene.recovers();
}

/// P-19: a clock that jumped ahead of what is proven seals nothing, and what was sealed before
/// waits.
#[test]
fn a_clock_that_jumped_ahead_seals_and_sends_nothing() {
    let scene = scene();
    let site = &scene.job.deployment.sites[0];
    let synchronized = site.config.with_file_name("synchronized");
    let held = scene
        .job
        .run_gateway(0, &["--hold"])
        .unwrap()
        .well()
        .unwrap();
    let sealed = held.pointer("/batches/sealed").and_then(Value::as_u64);
    assert!(sealed > Some(0));
    // As if the time service fell silent 40 days ago by the clock, which then jumped.
    fs::remove_file(&synchronized).unwrap();
    let file = rusqlite::Connection::open(site.state.join("state.sqlite")).unwrap();
    let jump = "UPDATE time_proof SET at_least = at_least - 40 * 86400";
    assert_eq!(file.execute(jump, []).unwrap(), 1);
    drop(file);
    let mut front = scene.job.start_front().unwrap();
    scene.ends_with("G061", 75);
    let report = scene.job.gateway_report(0).unwrap();
    let waiting = report.pointer("/batches/waiting").and_then(Value::as_u64);
    assert_eq!(waiting, sealed);
    front.kill().unwrap();
    fs::write(&synchronized, "").unwrap();
    scene.recovers();
}

/// B-082: a peer with a certificate of another authority gets nothing, and neither does one whose
/// receipts another key signs.
#[test]
fn a_foreign_front_gets_nothing_and_a_foreign_receipt_counts_for_nothing() {
    let scene = scene();
    let stranger = tempfile::tempdir().unwrap();
    let sources: Vec<_> = scene
        .job
        .deployment
        .sites
        .iter()
        .map(|site| site.source.clone())
        .collect();
    let today = harness::scene::today();
    let other = harness::deployment::Deployment::prepare(stranger.path(), &sources, today).unwrap();
    let ours = scene.job.deployment.address.to_string();
    let theirs = other.address.to_string();
    let foreign = Job::new(other, scene.job.programs.clone());
    let mut front = foreign.start_front().unwrap();
    scene.edit(&ours, &theirs);
    scene.ends_with("G013", 1);
    front.kill().unwrap();
    scene.edit(&theirs, &ours);

    let receipt = scene.job.deployment.root.join("keys/receipt.pub");
    let text = fs::read(&receipt).unwrap();
    fs::copy(foreign.deployment.root.join("keys/receipt.pub"), &receipt).unwrap();
    let mut front = scene.job.start_front().unwrap();
    let ended = scene.job.run_gateway(0, &[]).unwrap();
    assert!(
        ended.told.lines().any(|line| line.starts_with("G015")),
        "{}",
        ended.told
    );
    front.kill().unwrap();
    fs::write(&receipt, text).unwrap();
    scene.recovers();
}

#[test]
fn an_unreachable_front_keeps_everything_in_the_queue() {
    let scene = scene();
    scene.edit("[source]", "[limits]\nsend_attempts = 2\n\n[source]");
    scene.ends_with("G012", 75);
    let report = scene.job.gateway_report(0).unwrap();
    assert!(report.pointer("/batches/waiting").and_then(Value::as_u64) > Some(0));
    scene.recovers();
}

#[test]
fn a_damaged_batch_in_the_queue_is_not_sent() {
    let scene = scene();
    scene
        .job
        .run_gateway(0, &["--hold"])
        .unwrap()
        .well()
        .unwrap();
    let spool = scene.job.deployment.sites[0].state.join("spool");
    let batch = fs::read_dir(&spool)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = fs::read(&batch).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&batch, flipped).unwrap();
    scene.ends_with("G011", 1);
    fs::write(&batch, &whole[..whole.len() - 1]).unwrap();
    scene.ends_with("G011", 1);
    fs::write(&batch, whole).unwrap();
    scene.recovers();
}

/// A file that cannot be opened is a finding; the rest goes out, and the file follows as soon as it
/// can be read, although nothing else about it has changed.
#[test]
fn an_unreadable_file_is_set_aside_and_follows_later() {
    const NOBODY: u32 = 65_534;
    let mut scene = scene();
    let root = scene.folder.path().to_owned();
    if nix::unistd::geteuid().is_root() {
        // Root can read everything, so the gateway runs as somebody else.
        scene.job.programs = scene
            .job
            .programs
            .copied_to(&root.join("programs"))
            .unwrap();
        scene.job.gateway_user = Some(NOBODY);
    }
    let locked = some_result(&scene.job.deployment.sites[0].source.storage);
    let owner = scene
        .job
        .gateway_user
        .map_or(String::new(), |user| user.to_string());
    if !owner.is_empty() {
        let status = Command::new("chown")
            .args(["-R", &owner])
            .arg(&root)
            .status();
        assert!(status.unwrap().success());
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let mut front = scene.job.start_front().unwrap();
    let first = scene.job.run_gateway(0, &[]).unwrap().well().unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o600)).unwrap();
    let second = scene.job.run_gateway(0, &[]).unwrap().well().unwrap();
    let third = scene.job.run_gateway(0, &[]).unwrap().well().unwrap();
    front.kill().unwrap();
    let number = |report: &Value, name| report.pointer(name).and_then(Value::as_u64);
    assert_eq!(number(&first, "/findings/F007"), Some(1));
    assert_eq!(number(&first, "/files/quarantined"), Some(1));
    assert!(number(&first, "/batches/sent") > Some(0));
    assert_eq!(number(&second, "/documents_sealed"), Some(1));
    assert_eq!(number(&second, "/files/quarantined"), Some(0));
    assert_eq!(number(&third, "/documents_sealed"), Some(0));
}

/// The current file of a laboratory result of somebody who may leave.
fn some_result(storage: &Path) -> PathBuf {
    let truth = truth(storage.parent().unwrap().parent().unwrap()).unwrap();
    let persons = truth
        .persons
        .iter()
        .flat_map(|person| &person.registrations);
    let charts = persons.filter(|chart| chart.hospital == 0 && chart.may_leave());
    for chart in charts {
        let number = &chart.chart_number;
        let part = |from, to| number.get(from..to).unwrap();
        let patient = storage.join(part(0, 3)).join(part(3, 6)).join(number);
        let days = fs::read_dir(patient)
            .unwrap()
            .map(|day| day.unwrap().path().join("OML-11"));
        let files = days
            .filter(|folder| folder.is_dir())
            .flat_map(|f| fs::read_dir(f).unwrap());
        let mut names: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        names.retain(|path| path.to_string_lossy().ends_with("_1"));
        if let Some(path) = names.pop() {
            return path;
        }
    }
    panic!("nobody has a laboratory result");
}

/// A full disk, at whatever moment it fills: sealing stops with a plain error, what is in the
/// queue stays, and after room was made nothing is missing.
#[test]
fn a_disk_that_fills_at_any_moment_loses_nothing() {
    let scene = scene();
    scene.edit(
        "[source]",
        "[limits]\nbatch_documents = 60\nreserve_bytes = 0\n\n[source]",
    );
    let roomy = on_a_disk_of(&scene, 65_536);
    assert!(
        roomy.first == Some(0) && roomy.documents > 300,
        "{}",
        roomy.told
    );
    let mut stopped = 0;
    for kilobytes in (8..=320).step_by(12) {
        let run = on_a_disk_of(&scene, kilobytes);
        if run.first != Some(0) {
            assert!(run.told.contains("G009"), "{kilobytes}k: {}", run.told);
            stopped += 1;
        }
        assert_eq!(run.second, Some(0), "{kilobytes}k: {}", run.told);
        assert_eq!(run.documents, roomy.documents, "{kilobytes}k: {}", run.told);
    }
    assert!(stopped >= 8, "only {stopped} runs met a full disk");
}

struct OnSmallDisk {
    /// Exit status on the small disk.
    first: Option<i32>,
    /// Exit status after room was made.
    second: Option<i32>,
    /// Documents that the state holds as sealed afterwards.
    documents: u64,
    told: String,
}

/// Runs the gateway on a file system of its own for its state, mounted in a namespace that only
/// these processes see, makes room, and runs it again.
fn on_a_disk_of(scene: &Scene, kilobytes: u32) -> OnSmallDisk {
    let site = &scene.job.deployment.sites[0];
    let (state, config) = (site.state.display(), site.config.display());
    fs::create_dir_all(&site.state).unwrap();
    let saved = scene.folder.path().join("saved");
    fs::remove_dir_all(&saved).ok();
    fs::create_dir(&saved).unwrap();
    let gateway = scene.job.programs.gateway();
    let program = gateway.get_program().to_str().unwrap();
    let script = format!(
        "mount -t tmpfs -o size={kilobytes}k tmpfs '{state}' || exit 99\n\
         '{program}' run --hold --config '{config}'; echo \"first $?\"\n\
         mount -o remount,size=64m '{state}' || exit 99\n\
         '{program}' run --hold --config '{config}'; echo \"second $?\"\n\
         cp '{state}'/state.sqlite* '{}'\n",
        saved.display()
    );
    let mut command = Command::new("unshare");
    let root = nix::unistd::geteuid().is_root();
    command.args(if root {
        &["--mount"][..]
    } else {
        &["--mount", "--map-root-user"][..]
    });
    let output = command.args(["sh", "-c", &script]).output().unwrap();
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_ne!(
        output.status.code(),
        Some(99),
        "a mount namespace is needed: {told}"
    );
    let status = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|number| number.trim().parse().ok())
    };
    let database = rusqlite::Connection::open(saved.join("state.sqlite")).unwrap();
    let count = database.query_row("SELECT count(*) FROM document", [], |row| row.get(0));
    OnSmallDisk {
        first: status("first"),
        second: status("second"),
        documents: count.unwrap(),
        told,
    }
}
