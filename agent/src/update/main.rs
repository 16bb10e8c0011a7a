//! `sekisho-update`: finds, downloads, installs and proves new versions of the image (C-14, O-04).
//!
//! Three processes with different rights: `fetch` has the network and no disk but its own folder,
//! `install` has the disks and no network and verifies everything again, `health-gate` decides
//! whether a version stays. What they decide stands in the crate `update`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod clock;
mod entries;
mod error;
mod fetch;
mod gate;
mod install;
mod notice;
mod parts;
mod report;
mod running;
mod server;
mod settings;
mod slot;
mod state;
mod status;
mod transport;
mod trust;
mod turn;

use error::UpdateError;
use report::Report;
use settings::Settings;

/// 装置の更新を確認し、受け取り、入れ、確かめます。
/// Finds, downloads, installs and proves new versions of the device's image.
#[derive(Parser)]
#[command(name = "sekisho-update", version)]
struct Arguments {
    /// 設定ファイル / settings file
    #[arg(long, default_value = "/etc/sekisho/update.toml", global = true)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 新しい版があるか調べます。何も受け取りません。 / Looks for a new version, downloads nothing.
    Check,
    /// 新しい版を受け取ります（順番と時間帯を守ります）。
    /// Downloads a new version, when its turn and the hour have come.
    Fetch,
    /// 受け取った版を、動いていない側に入れます。
    /// Installs what was downloaded into the slot that does not run.
    Install,
    /// 媒体の版を入れます。順番と時間帯は問いません。
    /// Installs what a medium brings; plan and hours do not count.
    Import {
        /// 媒体のフォルダ / folder of the medium
        #[arg(required_unless_present = "newest")]
        folder: Option<PathBuf>,
        /// 媒体の写しが並ぶフォルダ。いちばん新しいものだけを見ます。
        /// Folder of copies of media, of which the newest alone counts
        #[arg(long, value_name = "FOLDER", conflicts_with = "folder")]
        newest: Option<PathBuf>,
    },
    /// 起動のたびに、新しい版を残してよいか確かめます。
    /// Decides after each start whether the version that runs may stay.
    HealthGate,
    /// 更新の状態を表示します。 / Prints how updates stand.
    Status,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::from(error.exit_status())
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), UpdateError> {
    let settings = Settings::read(&arguments.config)?;
    let settings = &settings;
    match &arguments.command {
        Command::Check => kept(&settings.incoming, wait(fetch::fetch(settings, false))),
        Command::Fetch => kept(&settings.incoming, wait(fetch::fetch(settings, true))),
        Command::Install => {
            let installed = install::install(settings, &settings.incoming, false);
            kept(&settings.state, wait(installed))
        }
        Command::Import { folder, newest } => {
            let newest = newest.as_deref().map(install::newest).transpose()?;
            // A stick with something else on it is no update.
            let Some(folder) = folder.as_ref().or(newest.as_ref().and_then(Option::as_ref)) else {
                return Ok(());
            };
            let installed = install::install(settings, folder, true);
            kept(&settings.state, wait(installed))
        }
        Command::HealthGate => gate::gate(settings),
        Command::Status => status::print(settings),
    }
}

/// Keeps how a run ended, and tells it.
fn kept(folder: &Path, ended: Result<Report, UpdateError>) -> Result<(), UpdateError> {
    match ended {
        Ok(report) => {
            report.keep(folder)?;
            status::tell(&report);
            Ok(())
        }
        Err(error) => {
            // The error itself counts more than that it could not be kept.
            let _ = Report::failed(jiff::Timestamp::now().as_second(), &error).keep(folder);
            Err(error)
        }
    }
}

fn wait(ended: impl Future<Output = Result<Report, UpdateError>>) -> Result<Report, UpdateError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // `tough` reads files on threads of its own.
        .max_blocking_threads(4)
        .build();
    runtime.map_err(error::state)?.block_on(ended)
}
