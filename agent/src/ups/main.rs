//! `sekisho-ups`: watches a supply with a battery (UPS) and asks for an orderly stop in time.
//!
//! It has no right to stop anything: it leaves a file, and systemd does the rest
//! (`sekisho-stop.path`).

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

mod error;
mod run;

use run::Settings;

/// 無停電電源装置（UPS）を見張り、電池が切れる前に停止を依頼します。
/// Watches a supply with a battery (UPS), and asks for an orderly stop before it is empty.
#[derive(Parser)]
#[command(name = "sekisho-ups", version)]
struct Arguments {
    /// UPS の直列線 / serial line of the supply
    #[arg(long, value_name = "DEVICE")]
    device: PathBuf,
    /// 知らせを置くフォルダ / folder for notices
    #[arg(long, value_name = "FOLDER")]
    notices: PathBuf,
    /// 停止の依頼を置くフォルダ / folder for the request to stop
    #[arg(long, value_name = "FOLDER")]
    requests: PathBuf,
    /// 電池で動く時間の上限（分） / most minutes on the battery
    #[arg(long, value_name = "MINUTES", default_value_t = 5,
          value_parser = clap::value_parser!(u64).range(1..=240))]
    minutes: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = run::run(Settings {
        device: arguments.device,
        notices: arguments.notices,
        requests: arguments.requests,
        minutes: arguments.minutes,
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::FAILURE
        }
    }
}
