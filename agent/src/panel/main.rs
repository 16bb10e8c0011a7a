//! `sekisho-panel`: keeps the front panel showing how the device is, and hears its button.
//!
//! It reads the health that the agent tells, the notices that other programs leave and the list of
//! addresses. It has no network and opens nothing but these and the serial line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use panel::code::Code;
use panel::shown::explain;

mod error;
mod facts;
mod run;

use error::PanelError;
use facts::Places;
use run::Settings;

/// 前面パネルに機器の状態を表示し、ボタンを受け付けます。
/// Shows how the device is on the front panel, and hears its button.
#[derive(Parser)]
#[command(name = "sekisho-panel", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 状態コードの意味を表示します。 / Says what a status code means.
    Code {
        /// パネルの6文字 / the six characters of the panel
        code: String,
    },
    /// パネルの表示を続けます。 / Keeps the panel up to date until it is told to stop.
    Run {
        /// パネルの直列線 / serial line of the panel
        #[arg(long, value_name = "DEVICE")]
        device: PathBuf,
        /// sekisho-agent の health.json / health.json of sekisho-agent
        #[arg(long, value_name = "FILE")]
        health: PathBuf,
        /// ほかのプログラムが知らせを置くフォルダ / folder in which other programs leave notices
        #[arg(long, value_name = "FOLDER")]
        notices: PathBuf,
        /// 長押しのときに依頼を置くフォルダ / folder in which a long press leaves its request
        #[arg(long, value_name = "FOLDER")]
        requests: PathBuf,
        /// センターが機器を点滅させる依頼のファイル / file by which the centre lets the device blink
        #[arg(long, value_name = "FILE")]
        blink: Option<PathBuf>,
        /// 院内ネットワークのインターフェース / interface of the local network
        #[arg(long, value_name = "NAME")]
        lan: Option<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Code { code } => explained(&code),
        Command::Run {
            device,
            health,
            notices,
            requests,
            blink,
            lan,
        } => run::run(Settings {
            device,
            requests,
            places: Places {
                health,
                notices,
                blink,
                lan,
            },
        }),
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
    reason = "the purpose of the command is to print what the code means"
)]
fn explained(text: &str) -> Result<(), PanelError> {
    let code = Code::read(text).map_err(PanelError::Code)?;
    let row = explain(code).ok_or(PanelError::Unknown)?;
    println!("{code}  {}  ({:04})", row.line, code.number());
    for [what, next] in [row.ja, row.en] {
        println!("{what} {next}");
    }
    Ok(())
}
