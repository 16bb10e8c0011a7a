//! `sekisho-agent`: the health of the device, measured and reported locally.
//!
//! It reads no record, no ledger and no key. What it can say is the type [`health::Health`]:
//! numbers and fixed words.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

mod error;
mod health;
mod health_file;
mod notify;
mod run;

use error::AgentError;
use health::Health;

/// 機器の状態を測り、この機器の中だけで知らせます。
/// Measures the health of the device and reports it locally.
#[derive(Parser)]
#[command(name = "sekisho-agent", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 今の状態を表示します。 / Prints the health as it is now.
    Status {
        /// 容量を調べるフォルダ / folder whose disk is measured
        #[arg(long, value_name = "FOLDER")]
        data_dir: PathBuf,
        /// 表示の形 / form of the output
        #[arg(long, value_enum, default_value_t = Form::Text)]
        format: Form,
    },
    /// 状態を health.json に書き続けます。 / Keeps health.json up to date until it is told to stop.
    Run {
        /// health.json を置くフォルダ / folder for health.json
        #[arg(long, value_name = "FOLDER")]
        data_dir: PathBuf,
        /// 書き込みの間隔（秒）。見張り時間の半分まで。
        /// Seconds between two measurements, up to half of the watchdog time of the unit.
        #[arg(long, value_name = "SECONDS", default_value_t = 60,
              value_parser = clap::value_parser!(u64).range(1..=90))]
        interval: u64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// For machines.
    Json,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Status { data_dir, format } => status(&data_dir, format),
        Command::Run { data_dir, interval } => run::run(&data_dir, Duration::from_secs(interval)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print the health"
)]
fn status(data_dir: &std::path::Path, format: Form) -> Result<(), AgentError> {
    let health = Health::measure(data_dir, jiff::Timestamp::now())?;
    match format {
        Form::Text => print!("{}", health.to_text()),
        Form::Json => println!("{}", health.to_json()),
    }
    Ok(())
}
