//! `sekisho-agent`: the health of the device, measured and reported locally.
//!
//! It reads no record, no ledger and no key. What it can say is the type [`health::Health`]:
//! numbers and fixed words.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

mod device;
mod error;
mod health;
mod run;

use ::health::Sample;
use agent::history;
use device::{Device, SYS};
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
        /// 閉域網のインターフェース / interface of the closed network
        #[arg(long, value_name = "NAME")]
        line: Option<String>,
        /// ゲートウェイが状態を置くフォルダ（`state.status`） / folder in which gateways leave how they stand
        #[arg(long, value_name = "FOLDER")]
        gateways: Option<PathBuf>,
    },
    /// 7日間の記録を CSV で表示します。10分ごとに1行です。
    /// Prints the history of seven days as CSV, one line for ten minutes.
    History {
        /// health.json のあるフォルダ / folder of health.json
        #[arg(long, value_name = "FOLDER")]
        data_dir: PathBuf,
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
        /// 閉域網のインターフェース / interface of the closed network
        #[arg(long, value_name = "NAME")]
        line: Option<String>,
        /// ゲートウェイが状態を置くフォルダ（`state.status`） / folder in which gateways leave how they stand
        #[arg(long, value_name = "FOLDER")]
        gateways: Option<PathBuf>,
        /// 起動のたびに空になるフォルダ。起動の回数を数えるのに使います。
        /// Folder that is empty after each start of the device, by which starts are counted.
        #[arg(long, value_name = "FOLDER")]
        since_start: Option<PathBuf>,
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
        Command::Status {
            data_dir,
            format,
            line,
            gateways,
        } => status(&data_dir, format, line.as_deref(), gateways.as_deref()),
        Command::History { data_dir } => {
            history(&data_dir);
            Ok(())
        }
        Command::Run {
            data_dir,
            interval,
            line,
            gateways,
            since_start,
        } => {
            let places = run::Places {
                data: &data_dir,
                since_start: since_start.as_deref(),
                line: line.as_deref(),
                gateways: gateways.as_deref(),
            };
            run::run(&places, Duration::from_secs(interval))
        }
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
fn status(
    data_dir: &Path,
    format: Form,
    line: Option<&str>,
    gateways: Option<&Path>,
) -> Result<(), AgentError> {
    let device = Device::look(Path::new(SYS), line, gateways);
    let health = Health::measure(data_dir, jiff::Timestamp::now(), device)?;
    match format {
        Form::Text => print!("{}", health.to_text()),
        Form::Json => println!("{}", health.to_json()),
    }
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print the history"
)]
fn history(data_dir: &Path) {
    println!(
        "time,uptime_seconds,starts,version,load_hundredths,memory_free_mib,disk_free_mib,\
         temperature_celsius,wear_percent,line_up,waiting,problem"
    );
    for sample in history::read(data_dir).samples() {
        println!("{}", row(sample));
    }
}

fn row(sample: &Sample) -> String {
    let known = |value: Option<String>| value.unwrap_or_default();
    let time = jiff::Timestamp::from_second(sample.at).map_or(String::new(), |it| it.to_string());
    let [major, minor, patch] = sample.version;
    format!(
        "{time},{},{},{major}.{minor}.{patch},{},{},{},{},{},{},{},{}",
        sample.uptime,
        sample.starts,
        sample.load,
        sample.memory.free,
        sample.disk.free,
        known(sample.temperature.map(|it| it.to_string())),
        known(sample.wear.map(|it| it.to_string())),
        known(sample.line.map(|it| it.to_string())),
        known(sample.gateway.map(|it| it.waiting.to_string())),
        known(sample.gateway.map(|it| it.problem.to_string()))
    )
}
