//! The program as systemd and people start it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn agent() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sekisho-agent"))
}

#[test]
fn status_is_printed_for_people_and_for_machines() {
    let folder = tempfile::tempdir().unwrap();
    let text = agent()
        .args(["status", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(text.status.success());
    let version = format!("version: {}\n", env!("CARGO_PKG_VERSION"));
    assert!(String::from_utf8(text.stdout).unwrap().contains(&version));

    let json = agent()
        .args(["status", "--format", "json", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(json["disk"]["total_bytes"].as_u64().unwrap() > 0, "{json}");
    assert_eq!(
        json["clock"], "plausible",
        "the clock of the build machine is wrong"
    );
}

/// O-04: a restart of the program keeps the history, and a start of the device is counted once.
#[test]
fn the_history_survives_a_restart_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let [data, since] = ["data", "since"].map(|name| folder.path().join(name));
    for made in [&data, &since] {
        std::fs::create_dir(made).unwrap();
    }
    let rows = || {
        let output = agent()
            .args(["history", "--data-dir"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        rows
    };
    assert!(rows().is_empty());
    for start in 1..=3 {
        let _ = std::fs::remove_file(data.join("health.json"));
        let mut child = agent()
            .args(["run", "--interval", "1", "--line", "lo", "--data-dir"])
            .arg(&data)
            .arg("--since-start")
            .arg(&since)
            .spawn()
            .unwrap();
        // Behind the first file it hears signals.
        while !data.join("health.json").exists() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
        assert!(child.wait().unwrap().success());
        let last = rows().pop().unwrap();
        let fields: Vec<_> = last.split(',').collect();
        assert_eq!(fields[2], "1", "program start {start}: {last}");
        assert_eq!(fields[9..], ["true", "", ""]);
    }
    assert!(rows().len() <= 2);
}

#[test]
fn run_says_ready_after_the_first_file_and_ends_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();

    let mut child = agent()
        .args(["run", "--interval", "1", "--data-dir"])
        .arg(&data)
        .env("NOTIFY_SOCKET", &socket)
        .spawn()
        .unwrap();
    let received = || {
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    assert_eq!(received(), "READY=1\nWATCHDOG=1");
    let first = std::fs::read_to_string(data.join("health.json")).unwrap();
    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert!(first["uptime_seconds"].is_u64());
    assert_eq!(received(), "WATCHDOG=1");

    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_missing_folder_is_one_plain_error() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["status", "run"] {
        let output = agent()
            .args([command, "--data-dir"])
            .arg(folder.path().join("absent"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("AG01 "), "{said}");
        assert!(
            !said.contains("absent"),
            "a path has no place in an error: {said}"
        );
    }
}

#[test]
fn an_interval_that_the_watchdog_would_not_survive_is_refused() {
    for interval in ["0", "91"] {
        let output = agent()
            .args(["run", "--data-dir", ".", "--interval", interval])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{interval}");
    }
}
