//! `cargo xtask fuzz [TARGET…]`: coverage-guided fuzzing with libFuzzer on the stable toolchain.
//!
//! The compiler's coverage pass is switched on by code generation options, which need no nightly.
//! There is no address sanitizer: the workspace forbids `unsafe`, and overflow checks are on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail, ensure};

use crate::Workspace;

/// Options that make the compiler count edges and watch comparisons.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
const TRIPLE: &str = "x86_64-unknown-linux-gnu";
/// The largest input that is tried, and that is kept in the repository.
const MOST_BYTES: u64 = 8192;
/// What one target's corpus may weigh in the repository.
const MOST_KEPT: u64 = 100 << 10;

/// What `cargo xtask fuzz` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which targets; all of them, one after the other, when absent.
    targets: Vec<String>,
    /// Wall clock for each.
    #[arg(long, default_value_t = 1200)]
    seconds: u32,
    /// Instead of fuzzing, keep in the repository what of the corpus adds coverage.
    #[arg(long)]
    keep: bool,
}

/// Fuzzes, and ends with an error at the first find.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    let all: Vec<&str> = ::fuzz::TARGETS.iter().map(|target| target.name).collect();
    for name in &arguments.targets {
        if !all.contains(&name.as_str()) {
            bail!("no such target; there are: {}", all.join(", "));
        }
    }
    let programs = build(workspace)?;
    for name in all {
        if !arguments.targets.is_empty() && !arguments.targets.iter().any(|asked| asked == name) {
            continue;
        }
        let target = Target::prepare(workspace, &programs, name)?;
        match arguments.keep {
            true => target.keep()?,
            false => target.fuzz(arguments.seconds)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the programs and gives their folder.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let target = workspace.scratch("fuzz")?.join("build");
    let package = workspace.root.join("tests/fuzz/libfuzzer");
    // The same versions as the product; what only libFuzzer needs is added to the copy.
    fs::copy(
        workspace.root.join("Cargo.lock"),
        package.join("Cargo.lock"),
    )?;
    let status = workspace
        .cargo()
        .current_dir(package)
        .args(["build", "--release", "--target", TRIPLE])
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", COVERAGE)
        .status()?;
    ensure!(
        status.success(),
        "the fuzz programs cannot be built (a C++ compiler? Debian package: g++)"
    );
    Ok(target.join(TRIPLE).join("release"))
}

struct Target {
    name: &'static str,
    program: PathBuf,
    /// What is in the repository.
    committed: PathBuf,
    /// What fuzzing works on: everything that added coverage.
    corpus: PathBuf,
    /// What broke an oracle.
    finds: PathBuf,
}

impl Target {
    /// Fills the working corpus with the seeds and with what the repository holds.
    fn prepare(workspace: &Workspace, programs: &Path, name: &'static str) -> Result<Self> {
        let folder = workspace.scratch("fuzz")?.join(name);
        let target = Self {
            name,
            program: programs.join(name),
            committed: workspace.root.join("tests/fuzz/corpus").join(name),
            corpus: folder.join("corpus"),
            finds: folder.join("finds"),
        };
        for folder in [&target.committed, &target.corpus, &target.finds] {
            fs::create_dir_all(folder)?;
        }
        for (name, seed) in ::fuzz::seeds::of(name) {
            fs::write(target.corpus.join(format!("seed-{name}")), seed)?;
        }
        for entry in fs::read_dir(&target.committed)? {
            let entry = entry?;
            fs::copy(entry.path(), target.corpus.join(entry.file_name()))?;
        }
        Ok(target)
    }

    fn fuzz(&self, seconds: u32) -> Result<()> {
        let status = self
            .command()
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={MOST_BYTES}"))
            .args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"])
            .arg("-reload=0")
            .arg(format!("-artifact_prefix={}/", self.finds.display()))
            .arg(&self.corpus)
            .status()?;
        ensure!(
            status.success(),
            "{}: an oracle is broken; the input is in {}",
            self.name,
            self.finds.display()
        );
        Ok(())
    }

    /// Replaces the committed corpus by the smallest inputs that together reach what the working
    /// corpus reaches, smallest first, up to [`MOST_KEPT`].
    fn keep(&self) -> Result<()> {
        let merged = self.corpus.with_extension("merged");
        if merged.exists() {
            fs::remove_dir_all(&merged)?;
        }
        fs::create_dir_all(&merged)?;
        let status = self
            .command()
            .args(["-set_cover_merge=1", "-use_counters=0"])
            .arg(&merged)
            .arg(&self.corpus)
            .status()?;
        ensure!(status.success(), "{}: cannot be merged", self.name);
        let mut files = Vec::new();
        for entry in fs::read_dir(&merged)? {
            let entry = entry?;
            files.push((entry.metadata()?.len(), entry.file_name()));
        }
        files.sort();
        for entry in fs::read_dir(&self.committed)? {
            fs::remove_file(entry?.path())?;
        }
        let mut bytes = 0;
        for (size, name) in files {
            bytes += size;
            if size > MOST_BYTES || bytes > MOST_KEPT {
                break;
            }
            fs::copy(merged.join(&name), self.committed.join(&name))?;
        }
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("RUST_BACKTRACE", "1");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The programs of libFuzzer and the targets are two lists that have to agree.
    #[test]
    fn every_target_has_a_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/libfuzzer");
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let programs = manifest.matches("[[bin]]").count();
        assert_eq!(programs, ::fuzz::TARGETS.len());
        for target in ::fuzz::TARGETS {
            let source = root.join(format!("fuzz_targets/{}.rs", target.name));
            let text = fs::read_to_string(source).unwrap();
            assert!(text.contains(&format!("fuzz::run({:?}, data)", target.name)));
            assert!(manifest.contains(&format!("name = {:?}", target.name)));
        }
    }
}
