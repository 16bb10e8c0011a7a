//! `sekisho-instrument`: receives what a laboratory instrument or a receipt computer sends on a
//! serial line, and writes each whole message as a file into a folder.
//!
//! A message is acknowledged only once its file is on the disk. The program has no network, no key,
//! and looks at nothing that a message holds.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

mod error;
mod folder;
mod run;

use folder::Folder;
use run::Settings;

/// 検査機器などが直列線で送るものを受け取り、電文ごとにファイルにします（ASTM E1381）。
/// Receives what an instrument sends on a serial line, a file for each message (ASTM E1381).
#[derive(Parser)]
#[command(name = "sekisho-instrument", version)]
struct Arguments {
    /// 機器の直列線 / serial line of the instrument
    #[arg(long, value_name = "DEVICE")]
    device: PathBuf,
    /// 速さ（bit/s） / bits a second
    #[arg(long, value_name = "BITS", default_value_t = 9_600,
          value_parser = clap::value_parser!(u32).range(300..=115_200))]
    rate: u32,
    /// 電文を置くフォルダ / folder for the messages
    #[arg(long, value_name = "FOLDER")]
    messages: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = run::run(&Settings {
        device: arguments.device,
        rate: arguments.rate,
        folder: Folder::at(arguments.messages),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::FAILURE
        }
    }
}
