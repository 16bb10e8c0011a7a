//! `cargo xtask audit`: what we build on, checked by cargo-deny with `deny.toml`.

#![expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print its result"
)]

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::Workspace;

/// The version that `deny.toml` was written for. It builds with the toolchain of the workspace.
const CARGO_DENY_VERSION: &str = "0.20.2";

/// A proxy that swallows packets must not hold up a build for longer than this.
const FETCH_AT_MOST: Duration = Duration::from_secs(120);
const CHECK_AT_MOST: Duration = Duration::from_secs(600);

/// Runs the checks that need no network, then the advisories where their database is reachable.
///
/// A database that cannot be reached does not fail the audit, and is never called a pass.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let tool = find_or_install(workspace)?;
    let mut clean = check(workspace, &tool, &["bans", "licenses", "sources"])?;

    let mut fetch = deny(workspace, &tool);
    fetch.args(["fetch", "db"]);
    match run_limited(workspace, &mut fetch, FETCH_AT_MOST)? {
        Ran {
            status: Some(status),
            ..
        } if status.success() => {
            clean &= check(workspace, &tool, &["advisories"])?;
        }
        Ran { status, output } => advisories_not_checked(status.is_none(), &output),
    }
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn advisories_not_checked(timed_out: bool, output: &str) {
    let why = if timed_out {
        format!("no answer within {} s", FETCH_AT_MOST.as_secs())
    } else {
        let line = output.lines().find(|line| line.starts_with("fatal:"));
        line.or_else(|| output.lines().next())
            .unwrap_or("no reason was given")
            .to_owned()
    };
    println!(
        "advisories NOT CHECKED / 脆弱性情報は未確認\n\
         \x20 脆弱性情報データベースを取得できませんでした。これは合格ではありません。\n\
         \x20 接続できる環境で `cargo xtask audit` を再実行してください。\n\
         \x20 The advisory database could not be fetched. This is not a pass: known\n\
         \x20 vulnerabilities and yanked versions were not looked for. Run `cargo xtask audit`\n\
         \x20 again where the database can be reached.\n\
         \x20 reason / 理由: {why}"
    );
}

/// cargo-deny: the one that is installed, otherwise ours, built once under the target folder.
fn find_or_install(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let tools = workspace.target.join("tools");
    let root = tools.join(format!("cargo-deny-{CARGO_DENY_VERSION}"));
    let own = root.join("bin/cargo-deny");
    for candidate in [own.clone(), PathBuf::from("cargo-deny")] {
        let version = Command::new(&candidate).arg("--version").output();
        let wanted = |said: &[u8]| {
            String::from_utf8_lossy(said).split_whitespace().nth(1) == Some(CARGO_DENY_VERSION)
        };
        if version.is_ok_and(|output| output.status.success() && wanted(&output.stdout)) {
            return Ok(candidate);
        }
    }

    println!("cargo-deny {CARGO_DENY_VERSION} is built once, which takes some minutes");
    let build = tools.join("build");
    let status = workspace
        .cargo()
        .args(["install", "cargo-deny", "--locked", "--quiet"])
        .args(["--version", CARGO_DENY_VERSION])
        .arg("--root")
        .arg(&root)
        .arg("--target-dir")
        .arg(&build)
        .status()
        .context("cargo cannot be started")?;
    anyhow::ensure!(
        status.success(),
        "cargo-deny {CARGO_DENY_VERSION} could not be installed"
    );
    // About a gigabyte that nobody needs again.
    std::fs::remove_dir_all(&build).with_context(|| format!("cannot clear {}", build.display()))?;
    Ok(own)
}

/// Runs one group of checks and prints one line, with the findings when there are any.
fn check(workspace: &Workspace, tool: &PathBuf, which: &[&str]) -> anyhow::Result<bool> {
    let begin = Instant::now();
    let mut command = deny(workspace, tool);
    command
        .args(["check", "--hide-inclusion-graph"])
        .args(which);
    let ran = run_limited(workspace, &mut command, CHECK_AT_MOST)?;
    let clean = ran.status.is_some_and(|status| status.success());
    let seconds = begin.elapsed().as_secs_f64();
    if clean {
        let warnings = ran
            .output
            .lines()
            .filter(|line| line.starts_with("warning["))
            .count();
        println!(
            "{:<24} ok      {seconds:>6.1} s  {warnings} warnings",
            which.join(" ")
        );
    } else {
        println!(
            "{:<24} FAILED  {seconds:>6.1} s\n{}",
            which.join(" "),
            ran.output
        );
    }
    Ok(clean)
}

fn deny(workspace: &Workspace, tool: &PathBuf) -> Command {
    let mut command = Command::new(tool);
    command
        .current_dir(&workspace.root)
        .args(["--color", "never", "--locked"]);
    // A question for a password would wait for ever.
    command.env("GIT_TERMINAL_PROMPT", "0");
    command
}

struct Ran {
    /// Missing when the time ran out and the command was ended.
    status: Option<ExitStatus>,
    /// Standard output, then standard error.
    output: String,
}

/// Runs a command to its end or to the end of its time. Output goes through files, so that a
/// talkative command cannot block on a full pipe.
fn run_limited(
    workspace: &Workspace,
    command: &mut Command,
    at_most: Duration,
) -> anyhow::Result<Ran> {
    let folder = workspace.scratch("audit")?;
    let (out, err) = (folder.join("stdout"), folder.join("stderr"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out).context("scratch file")?)
        .stderr(std::fs::File::create(&err).context("scratch file")?)
        .process_group(0)
        .spawn()
        .context("cargo-deny cannot be started")?;
    let group = Pid::from_raw(i32::try_from(child.id()).context("process number")?);
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().context("cargo-deny")? {
            break Some(status);
        }
        if begin.elapsed() > at_most {
            // With the helpers that it started, such as git.
            killpg(group, Signal::SIGKILL).context("cargo-deny does not end")?;
            child.wait().context("cargo-deny does not end")?;
            break None;
        }
        sleep(Duration::from_millis(50));
    };
    let mut output = String::from_utf8_lossy(&std::fs::read(&out)?).into_owned();
    output.push_str(&String::from_utf8_lossy(&std::fs::read(&err)?));
    Ok(Ran { status, output })
}
