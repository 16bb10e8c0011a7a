//! `cargo xtask test`: every check that a change has to pass, cheapest first.

#![expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print its result"
)]

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::{Workspace, demo, docs, image, sheet, tidy, units};

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run only these steps, by name.
    #[arg(value_name = "STEP")]
    only: Vec<String>,
    /// Run also what takes too long for every change.
    #[arg(long)]
    full: bool,
}

/// How one step ended.
pub(crate) enum Outcome {
    /// With one remark for the line, which may be empty.
    Passed(String),
    /// Not run, with the reason. Never used where the check is required.
    Skipped(String),
    /// With the output that explains it.
    Failed(String),
}

type Step = (&'static str, fn(&Workspace) -> anyhow::Result<Outcome>);

/// In this order: what takes no build comes first, so that a slip shows within a second.
const STEPS: &[Step] = &[
    ("format", format),
    ("tidy", tidy::run),
    ("units", units::run),
    ("pages", docs::check),
    ("sheet", sheet::check),
    ("clippy", clippy),
    ("build", build),
    ("tests", tests),
    ("documents", documents),
    ("image", image::check::run),
    ("power", image::power_cuts::run),
];

/// These run with `--full`, or when they are named.
const FULL_STEPS: &[Step] = &[
    ("image-full", image::check::full),
    ("updates", image::check::updates),
    ("update-cuts", image::check::update_cuts),
    ("power-full", image::power_cuts::full),
    ("appliance", demo::check::run),
];

/// A step that needs this one is not run after it failed: it would only repeat the same errors.
const BUILD: &str = "build";
const NEEDS_BUILD: &[&str] = &[
    "tests",
    "documents",
    "image",
    "power",
    "image-full",
    "power-full",
    "updates",
    "update-cuts",
    "appliance",
];

/// Runs the steps, prints one line for each and a summary.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let all = || STEPS.iter().chain(FULL_STEPS);
    for name in &arguments.only {
        if !all().any(|(step, _)| step == name) {
            let known: Vec<&str> = all().map(|(step, _)| *step).collect();
            anyhow::bail!(
                "there is no step `{name}`; the steps are {}",
                known.join(", ")
            );
        }
    }
    let begin = Instant::now();
    let (mut passed, mut skipped, mut failed) = (0_u32, Vec::new(), Vec::new());
    let quick = STEPS.len();
    for (at, &(name, step)) in all().enumerate() {
        let named = arguments.only.iter().any(|only| only == name);
        let meant = arguments.only.is_empty() && (arguments.full || at < quick);
        if !named && !meant {
            continue;
        }
        if NEEDS_BUILD.contains(&name) && failed.contains(&BUILD) {
            println!("{name:<10} not run, the build failed");
            failed.push(name);
            continue;
        }
        print!("{name:<10} ");
        std::io::stdout().flush().context("standard output")?;
        let started = Instant::now();
        let outcome = step(workspace).with_context(|| format!("step `{name}`"))?;
        match report(&outcome, started.elapsed()) {
            Verdict::Passed => passed += 1,
            Verdict::Skipped => skipped.push(name),
            Verdict::Failed => failed.push(name),
        }
    }
    summary(passed, &skipped, &failed, begin.elapsed());
    Ok(if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

enum Verdict {
    Passed,
    Skipped,
    Failed,
}

fn report(outcome: &Outcome, took: Duration) -> Verdict {
    let seconds = took.as_secs_f64();
    match outcome {
        Outcome::Passed(remark) => {
            println!("{:<8}{seconds:>8.1} s  {remark}", "ok");
            Verdict::Passed
        }
        Outcome::Skipped(reason) => {
            println!("{:<8}{seconds:>8.1} s  {reason}", "SKIPPED");
            Verdict::Skipped
        }
        Outcome::Failed(output) => {
            println!("{:<8}{seconds:>8.1} s\n{}\n", "FAILED", output.trim_end());
            Verdict::Failed
        }
    }
}

fn summary(passed: u32, skipped: &[&str], failed: &[&str], took: Duration) {
    println!();
    if !skipped.is_empty() {
        println!("skipped: {}", skipped.join(", "));
    }
    if failed.is_empty() {
        println!("{passed} steps passed in {:.0} s", took.as_secs_f64());
    } else {
        println!(
            "FAILED: {} ({passed} steps passed, {:.0} s)",
            failed.join(", "),
            took.as_secs_f64()
        );
    }
}

fn format(workspace: &Workspace) -> anyhow::Result<Outcome> {
    cargo(workspace, &["fmt", "--all", "--", "--check"], &[])
}

fn clippy(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let arguments = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ];
    cargo(workspace, &arguments, &[])
}

fn build(workspace: &Workspace) -> anyhow::Result<Outcome> {
    cargo(
        workspace,
        &["build", "--locked", "--workspace", "--bins"],
        &[],
    )
}

/// The end-to-end tests start the programs, which is why `build` comes before.
fn tests(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let output = workspace
        .cargo()
        .args(["test", "--locked", "--workspace", "--no-fail-fast"])
        .output()
        .context("cargo cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Ok(Outcome::Failed(format!(
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    let (passed, ignored) = count_tests(&text);
    if passed == 0 {
        return Ok(Outcome::Failed("no test ran".to_owned()));
    }
    let ignored = if ignored == 0 {
        String::new()
    } else {
        format!(", {ignored} ignored")
    };
    Ok(Outcome::Passed(format!("{passed} tests{ignored}")))
}

/// How many tests passed and how many were ignored, from the lines `test result: ok. …`.
fn count_tests(text: &str) -> (u64, u64) {
    let of = |line: &str, what: &str| {
        line.split([';', '.'])
            .filter_map(|part| part.trim().strip_suffix(what))
            .filter_map(|number| number.trim().parse::<u64>().ok())
            .sum::<u64>()
    };
    text.lines()
        .filter(|line| line.starts_with("test result:"))
        .fold((0, 0), |(passed, ignored), line| {
            (passed + of(line, "passed"), ignored + of(line, "ignored"))
        })
}

fn documents(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let arguments = [
        "doc",
        "--locked",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ];
    cargo(
        workspace,
        &arguments,
        &[("RUSTDOCFLAGS", "--deny warnings")],
    )
}

fn cargo(
    workspace: &Workspace,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> anyhow::Result<Outcome> {
    let output = workspace
        .cargo()
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .context("cargo cannot be started")?;
    if output.status.success() {
        return Ok(Outcome::Passed(String::new()));
    }
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Outcome::Failed(text))
}

#[cfg(test)]
mod tests {
    use super::count_tests;

    #[test]
    fn results_of_several_test_binaries_are_added_up() {
        let text = "running 2 tests\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; \
            finished in 0.00s\n\
            test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(count_tests(text), (42, 1));
    }

    #[test]
    fn text_without_results_counts_nothing() {
        assert_eq!(count_tests("3 passed; 2 ignored"), (0, 0));
    }
}
