//! The commands of the workspace: `cargo xtask demo | test | docs | audit | bench | fuzz | image`.
//!
//! `demo` is for a newcomer, `test` is for every change, `audit` is for every change of a
//! dependency, `bench` is for every claim about speed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

mod algorithms;
mod audit;
mod bench;
mod demo;
mod docs;
mod front_panel;
mod fuzz;
mod image;
mod programs;
mod sheet;
mod test;
mod tidy;
mod units;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Commands of the Sekisho workspace")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the main job on this machine and show what came of it.
    Demo(demo::Arguments),
    /// Measure, against references in the same run.
    Bench(bench::Arguments),
    /// Look for inputs that break a reader.
    Fuzz(fuzz::Arguments),
    /// Build the disk image of the appliance.
    Image(image::Arguments),
    /// Check everything: format, tidy, units, clippy, build, tests, documents.
    Test(test::Arguments),
    /// Write the pages that are made from the code.
    Docs,
    /// Print the A4 sheet of the first start as PDF.
    Sheet,
    /// Check the dependencies: bans, licences, sources, advisories where they can be reached.
    Audit,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Workspace::find().and_then(|workspace| match arguments.command {
        Command::Demo(arguments) => demo::run(&workspace, &arguments),
        Command::Bench(arguments) => bench::run(&workspace, &arguments),
        Command::Fuzz(arguments) => fuzz::run(&workspace, &arguments),
        Command::Image(arguments) => image::run(&workspace, &arguments),
        Command::Test(arguments) => test::run(&workspace, &arguments),
        Command::Docs => docs::run(&workspace),
        Command::Sheet => sheet::run(&workspace),
        Command::Audit => audit::run(&workspace),
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a command line tool")]
            {
                eprintln!("xtask: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Where the checkout and its build products are.
struct Workspace {
    /// The folder of the root `Cargo.toml`.
    root: PathBuf,
    /// Cargo's target folder; everything that xtask leaves behind is under `xtask/` in it.
    target: PathBuf,
}

impl Workspace {
    fn find() -> anyhow::Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .context("start it as `cargo xtask`, which says where the checkout is")?;
        let root = Path::new(&manifest)
            .parent()
            .context("xtask has no parent folder")?
            .to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::path::absolute(folder).context("CARGO_TARGET_DIR")?,
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// A folder for files that may be deleted at any time. It is made if it is missing.
    fn scratch(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.target.join("xtask").join(name);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// A command that runs in the root of the checkout with the same cargo that started us.
    fn cargo(&self) -> std::process::Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = std::process::Command::new(cargo);
        command
            .current_dir(&self.root)
            .env("CARGO_TERM_COLOR", "never");
        // What cargo told of this program, because crates that look at it would be built anew.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }
}
