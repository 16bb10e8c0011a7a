//! What the benches hold the product against, and the stages of one file for counting
//! instructions. Built like the product's programs, so that neither side has an advantage.
//!
//! Every command prints one line of JSON.

mod front;
mod gate;
mod identity;
mod oblivious;
mod seal;
mod stages;
mod walk;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "sekisho-measure", about = "References of the benches")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read every file below a folder and do nothing with it.
    Read(walk::Arguments),
    /// Look at the metadata of every file below a folder.
    Stat(walk::Arguments),
    /// Ask the gate about everybody.
    Gate(gate::Arguments),
    /// Evaluate linkage tokens obliviously.
    Oblivious(oblivious::Arguments),
    /// Make the tokens of synthetic persons.
    Identity(identity::Arguments),
    /// Seal batches, and encrypt as many bytes without anything else.
    Seal(seal::Arguments),
    /// Load the front, or stand beside it as the least that any server has to do.
    #[command(subcommand)]
    Front(front::Command),
    /// Put the files of a storage through one stage; to be run under callgrind.
    Stage {
        /// Which stage.
        #[arg(value_enum)]
        stage: stages::Stage,
        /// A folder with files of one storage, at any depth.
        storage: PathBuf,
        /// How many of its files.
        #[arg(long, default_value_t = 400)]
        files: usize,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Read(arguments) => walk::read(&arguments),
        Command::Stat(arguments) => walk::stat(&arguments),
        Command::Gate(arguments) => gate::decide(&arguments),
        Command::Oblivious(arguments) => oblivious::evaluate(&arguments),
        Command::Identity(arguments) => identity::make(&arguments),
        Command::Seal(arguments) => seal::seal(&arguments),
        Command::Front(command) => front::run(command),
        Command::Stage {
            stage,
            storage,
            files,
        } => stages::run(stage, &storage, files),
    };
    match outcome.and_then(|outcome| print(&outcome)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a command line tool")]
            {
                eprintln!("sekisho-measure: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn print(outcome: &serde_json::Value) -> Result<()> {
    println!("{}", serde_json::to_string(outcome)?);
    Ok(())
}
