//! `sekisho-control`: the control channel of the device (P-02, O-06). It tells the centre of the
//! device's health, takes signed orders of a closed catalogue, and answers what became of them.
//!
//! It reads no record, no ledger and no token key, and it runs no command that an order names: what
//! has to be done by others is asked for by a file that a unit of systemd watches.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use agent::notify::Manager;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

mod desk;
mod error;
mod link;
mod relay;
mod reports;
mod requests;
mod settings;
mod shown;
mod signers;
mod standing;
mod store;
mod trial;

use desk::Desk;
use error::ControlError;
use link::Link;
use relay::Line;
use reports::Reports;
use settings::Settings;

/// 監視と指示の回線を保ちます。 / Keeps the channel of monitoring and orders.
#[derive(Parser)]
#[command(name = "sekisho-control", version)]
struct Arguments {
    #[command(subcommand)]
    command: Act,
}

#[derive(Subcommand)]
enum Act {
    /// 設定ファイルを調べます。 / Checks a settings file.
    Check {
        /// 設定ファイル / settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// センターにつなぎ、指示を待ちます。 / Connects to the centre and waits for orders.
    Run {
        /// 設定ファイル / settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// 機器の証明書 (PEM) / the device's certificate
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
        /// その秘密鍵 (PEM) / its private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// TPM の鍵で署名する鍵サービス / the service that signs with a key in the TPM
        #[arg(long, value_name = "SOCKET", default_value = tpm::KEY_SERVICE)]
        key_service: PathBuf,
        /// 自分だけが使うフォルダ / a folder that nobody else can read
        #[arg(long, value_name = "FOLDER")]
        private: PathBuf,
        /// sekisho-gateway のあるところ / where sekisho-gateway is
        #[arg(long, value_name = "FILE", default_value = "/usr/bin/sekisho-gateway")]
        gateway: PathBuf,
    },
    /// センターの指示とその結果を表示します。 / Prints orders of the centre and what became of them.
    Orders {
        /// 控えのあるフォルダ（`folders.state`） / folder in which they are kept
        #[arg(long, value_name = "FOLDER")]
        state: PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Act::Check { config } => Settings::read(&config).and_then(|settings| {
            signers::Keys::read(&settings.orders.signers)?;
            shown::well_formed();
            Ok(())
        }),
        Act::Orders { state } => {
            shown::orders(&state);
            Ok(())
        }
        Act::Run {
            config,
            certificate,
            key,
            key_service,
            private,
            gateway,
        } => Settings::read(&config).and_then(|settings| {
            let own = [&certificate, &key, &key_service].map(PathBuf::as_path);
            run(&settings, own, &private, gateway)
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

fn run(
    settings: &Settings,
    [certificate, key, service]: [&Path; 3],
    private: &Path,
    gateway: PathBuf,
) -> Result<(), ControlError> {
    let line = Line::new(&settings.broker, certificate, key, service)?;
    let clock = jiff::Timestamp::now().as_second();
    let desk = Desk::open(settings, gateway, clock)?;
    let folders = &settings.folders;
    let manager = Manager::at(std::env::var_os("NOTIFY_SOCKET").as_deref());
    let mut link = Link {
        line,
        desk,
        reports: Reports::new(&folders.health, &folders.state),
        private,
        device: settings.device.clone(),
        manager: manager.map_err(ControlError::System)?,
        started: Instant::now(),
        state: &folders.state,
        random,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ControlError::System)?;
    runtime.block_on(async {
        let stop = stop_signal().map_err(ControlError::System)?;
        link.manager.ready();
        let ended = link.run(stop).await;
        link.manager.stopping();
        ended
    })
}

fn stop_signal() -> std::io::Result<watch::Receiver<bool>> {
    let mut end = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = end.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = sender.send(true);
    });
    Ok(receiver)
}

/// Without randomness a fleet would come back at one moment; the clock's last digits differ too.
fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| jiff::Timestamp::now().as_nanosecond() as u64)
}
