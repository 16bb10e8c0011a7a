//! The gateway of a site: reads records, lets through only what may leave, separates who from
//! what, seals it and delivers it.

mod agreed;
mod batch;
mod bundle;
mod certificate;
mod clock;
mod collect;
mod commission;
mod error;
mod evaluation;
mod examples;
mod feed;
mod find;
#[cfg(test)]
mod fixture;
mod institutions;
mod keys;
mod last_run;
mod ledger;
mod letters;
mod network;
mod page;
mod quality;
mod recall;
mod report;
mod run;
mod send;
mod source;
mod spool;
mod standing;
mod state;
mod status;

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use config::gateway::Settings;
use nix::sys::resource::{Resource, setrlimit};
use zeroize::Zeroizing;

use crate::error::{Failure, Problem};
use crate::institutions::Plan;
use crate::last_run::LastRun;
use crate::quality::Reference;
use crate::report::Report;
use crate::run::{Delivery, run};

const WELL_FORMED: &str = "設定ファイルの書き方に誤りはありません（鍵と台帳は調べていません）。\n\
    The settings file is well formed (keys and ledgers were not examined).";

const WELL_APART: &str = "すべての施設の設定ファイルに誤りはなく、施設ごとに分かれています。\n\
    The settings files of all institutions are well formed and share nothing that must be apart.";

const REACHED: &str = "センターの受付に届きました。\nThe front of the centre was reached.";
const ENROLLED: &str = "証明書を受け取りました。以後の更新は自動です。\n\
    The certificate has arrived; from now on it is renewed automatically.";

/// Most bytes of a typed code.
const TYPED_MAX: usize = 256;

const ONE_TIME_CODE: &str = "最初の登録に使うコード（24時間、1回だけ）:\n\
    The code for the first sign-in (24 hours, once):";

/// 関所ゲートウェイ / the gateway of a site.
#[derive(Parser)]
#[command(name = "sekisho-gateway", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 読み取り・封かん・送信を1回行う / read, seal and deliver once.
    Run {
        /// 設定ファイル / settings file.
        #[arg(long, required_unless_present = "institutions")]
        config: Option<PathBuf>,
        /// 複数施設の設定ファイル (*.toml) のフォルダ / folder of settings files, one per institution.
        #[arg(long, conflicts_with = "config")]
        institutions: Option<PathBuf>,
        /// 結果を JSON で書くファイル（複数施設ではフォルダ） / write the result as JSON to this
        /// file, or for several institutions into this folder.
        #[arg(long)]
        report: Option<PathBuf>,
        /// 同時に動かす施設の数 / institutions that run at once.
        #[arg(long, default_value_t = 1, requires = "institutions",
              value_parser = clap::value_parser!(u8).range(1..=16))]
        at_once: u8,
        /// 1施設にかける最長の時間（分） / minutes after which an institution is ended.
        #[arg(long, default_value_t = 360, requires = "institutions",
              value_parser = clap::value_parser!(u16).range(1..=1440))]
        minutes: u16,
        /// 送信せず送信待ちに置く / seal only, deliver nothing.
        #[arg(long)]
        hold: bool,
        /// 施設ごとの時刻まで待って送る（夜間の自動実行用） / wait for the site's slot before
        /// sending: for runs that nobody waits for.
        #[arg(long, conflicts_with_all = ["hold", "institutions"])]
        at_slot: bool,
    },
    /// 設定ファイルを調べる / check a settings file.
    Check {
        /// 設定ファイル / settings file.
        #[arg(long, required_unless_present = "institutions")]
        config: Option<PathBuf>,
        /// 複数施設の設定ファイル (*.toml) のフォルダ / folder of settings files, one per institution.
        #[arg(long, conflicts_with = "config")]
        institutions: Option<PathBuf>,
    },
    /// 品質報告の参照から場所を画面に示す / show on the screen where a reference of a quality
    /// report lies.
    Find {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 参照 (f-… または p-…) / the reference.
        reference: Reference,
    },
    /// 通知・同意・停止の台帳 / the ledger of notices, consents and stops.
    #[command(subcommand)]
    Ledger(ledger::command::Act),
    /// センターの通知（停止指示、消去の完了）を受け取り、返事をする / fetch, apply and answer the
    /// letters of the centre.
    Orders {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
    },
    /// 登録コードで最初の証明書を受け取る（コードは標準入力から） / fetch the first certificate with
    /// the one-time code of the centre, read from standard input.
    Enrol {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 装置の名前 / the device, as the centre named it.
        #[arg(long)]
        device: envelope::DeviceName,
    },
    /// 受付・情報担当・院長の画面を開く / serve the page of reception, clinic IT and director.
    Page {
        /// 画面の設定ファイル / settings file of the page.
        #[arg(long)]
        config: PathBuf,
    },
    /// 閉域網を調べ、防火壁と IPsec の設定ファイルを書き出す / check the closed network and write
    /// the files of firewall and tunnel.
    Network {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 書き出すフォルダ / folder to write the files to.
        #[arg(long)]
        write: Option<PathBuf>,
    },
    /// センターの受付に届くかを確かめる / look whether the front of the centre is reached.
    Reach {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 指示の番号のファイル / file with the number of the order that wants to know.
        #[arg(long)]
        asked: Option<PathBuf>,
    },
    /// 束を封印した媒体で渡し、受領証を受け取る / carry batches on a sealed medium.
    #[command(subcommand)]
    Bundle(bundle::Act),
    /// 送信記録が書かれたままかを確かめる / check that the transfer ledger is as it was written.
    Transfers {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
    },
    /// 起動区画の設定を受け取る（起動時に自動で動く） / take what the operator put on the boot
    /// partition; runs at each start.
    Commission {
        /// 置き場所 / where things are.
        #[command(flatten)]
        places: commission::Places,
    },
    /// 画面に出た状態コードの意味を示す / tell what a status code of the page means.
    StatusCode {
        /// 6文字のコード / the six characters.
        code: String,
    },
    /// 画面の利用者に最初のコードを発行する / issue a one-time code to an account of the page: the
    /// first one, or one whose second factor is lost.
    Account {
        /// 画面の設定ファイル / settings file of the page.
        #[arg(long)]
        config: PathBuf,
        /// ログイン名 (a-z 0-9 . _ -) / name for signing in.
        #[arg(long)]
        name: String,
        /// その人の名前 / the person's name.
        #[arg(long)]
        person: String,
        /// 役割 / role.
        #[arg(long, required = true)]
        role: Vec<page::Role>,
        /// 施設（1つだけのときは不要） / institution, unless there is only one.
        #[arg(long)]
        site: Vec<record::SiteId>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    quiet_panics();
    let outcome = no_core_dumps().and_then(|()| arguments.command.run());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure.to_string());
            ExitCode::from(failure.problem().exit_status())
        }
    }
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Run {
                institutions: Some(folder),
                report,
                hold,
                at_once,
                minutes,
                ..
            } => institutions::run(
                &Plan {
                    folder: &folder,
                    reports: report.as_deref(),
                    delivery: delivery(hold, false),
                    at_once: at_once.into(),
                    minutes: minutes.into(),
                },
                &tell,
            ),
            Self::Run {
                config,
                report,
                hold,
                at_slot,
                ..
            } => run_once(
                &config.unwrap_or_default(),
                report.as_deref(),
                delivery(hold, at_slot),
            ),
            Self::Check {
                institutions: Some(folder),
                ..
            } => institutions::check(&folder, &tell).map(|()| tell(WELL_APART)),
            Self::Check { config, .. } => {
                settings(&config.unwrap_or_default()).map(|_| tell(WELL_FORMED))
            }
            Self::Find { config, reference } => find::show(&settings(&config)?, reference),
            Self::Ledger(act) => act.run(settings, &tell),
            Self::Orders { config } => run::orders(&settings(&config)?, &tell),
            Self::Network { config, write } => {
                network::command(&settings(&config)?, write.as_deref(), &tell)
            }
            Self::Reach { config, asked } => {
                // Before the settings: whoever replaces them asks afterwards.
                let asked = asked.and_then(|file| std::fs::read_to_string(file).ok());
                let asked = asked.and_then(|text| text.trim().parse().ok());
                run::reach(&settings(&config)?, asked).map(|()| tell(REACHED))
            }
            Self::Bundle(act) => act.run(settings, &tell),
            Self::Transfers { config } => run::transfers(&settings(&config)?, &tell),
            Self::Enrol { config, device } => {
                let settings = settings(&config)?;
                certificate::enrol(&settings, &device, &typed()?).map(|()| tell(ENROLLED))
            }
            Self::Commission { places } => {
                commission::run(&places, &commission::Credentials).map(|it| tell(&it.to_string()))
            }
            Self::StatusCode { code } => page::explain(&code).map(|text| tell(&text)),
            Self::Page { config } => page::serve(&config, &tell),
            Self::Account {
                config,
                name,
                person,
                role,
                site,
            } => page::issue(&config, &name, &person, &role, &site)
                .map(|code| tell(&format!("{ONE_TIME_CODE}\n{code}"))),
        }
    }
}

fn delivery(hold: bool, at_slot: bool) -> Delivery {
    match (hold, at_slot) {
        (true, _) => Delivery::Hold,
        (false, true) => Delivery::AtSlot,
        (false, false) => Delivery::Send,
    }
}

fn run_once(config: &Path, report_file: Option<&Path>, delivery: Delivery) -> Result<(), Failure> {
    let settings = settings(config)?;
    if delivery == Delivery::AtSlot {
        run::come_back(&settings);
    }
    let mut report = Report::new(settings.site.clone());
    let outcome = run(&settings, delivery, &mut report);
    report.problem = outcome
        .as_ref()
        .err()
        .map(|failure| failure.problem().code());
    keep_for_page(&settings, &report, outcome.as_ref().err());
    if let Some(path) = report_file {
        report.write(path)?;
    }
    if report.patients.seen > 0 || outcome.is_ok() {
        tell(&report.for_people());
    }
    outcome
}

/// The page shows how the last run ended, and the agent tells it. A run that never began says
/// nothing about it.
fn keep_for_page(settings: &Settings, report: &Report, failure: Option<&Failure>) {
    let begun = !matches!(
        failure.map(Failure::problem),
        Some(Problem::AlreadyRunning | Problem::StateOfOther)
    );
    if !begun {
        return;
    }
    let at = clock::unchecked();
    let kept = LastRun::of(report, at).write(&settings.state.folder);
    let left = status::leave(settings, failure.map(Failure::problem), at);
    for failure in [kept, left].into_iter().filter_map(Result::err) {
        tracing::warn!(code = failure.problem().code(), "last run not kept");
    }
}

fn settings(path: &Path) -> Result<Settings, Failure> {
    config::read_text(path)
        .and_then(|text| Settings::parse(&text))
        .map_err(|error| Failure::because(Problem::Settings, path.display().to_string(), error))
}

/// One line from standard input: what must not stand on a command line.
fn typed() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::with_capacity(TYPED_MAX));
    let read = std::io::stdin()
        .take(TYPED_MAX as u64)
        .read_to_string(&mut line);
    read.map_err(|_| Failure::new(Problem::EnrolmentCode, ""))?;
    Ok(line)
}

/// A core dump would hold patient data in clear (B-133).
fn no_core_dumps() -> Result<(), Failure> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)
        .and_then(|()| nix::sys::prctl::set_dumpable(false))
        .map_err(|error| Failure::because(Problem::Internal, "core dumps", error))
}

/// The message of a panic may quote the text at hand; only its place is told.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|place| format!("{}:{}", place.file(), place.line()));
        tracing::error!(
            place = place.as_deref().unwrap_or("unknown"),
            "internal error"
        );
    }));
}

fn start_log() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::Level::WARN.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .init();
}

/// Text for people goes to standard error; standard output stays free for data.
fn tell(text: &str) {
    // A text that cannot be written is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{text}");
}
