//! `sekisho-selftest`: which layer of the way to the centre is at fault (C-03).
//!
//! It observes; what follows from that is judged in the pure crate `selftest`. It reads no record,
//! no ledger and no key but that of the connection.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use selftest::Fault;
use selftest::report::Report;
use selftest::settings::{Device, Site};

mod centre;
mod certificate;
mod error;
mod examine;
mod kernel;
mod notice;
mod time;
mod wire;

use error::SelftestError;
use notice::Notice;

/// A layer fails, and the report says which.
const EXIT_FAULT: u8 = 3;
/// The result, in the state folder.
const RESULT: &str = "selftest.json";
/// Longest settings file, in bytes.
const SETTINGS_MOST: u64 = 1 << 20;

/// 機器からセンターまでの道を手前から確かめ、最初に失敗した層を4桁の番号で示します。
/// Examines the way from the device to the centre and names the first layer that fails.
#[derive(Parser)]
#[command(name = "sekisho-selftest", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 確かめます。 / Examines the layers.
    Run {
        /// センターのアドレスと証明書がある設定 / settings with the centre's address
        #[arg(long, value_name = "FILE", default_value = "/etc/sekisho/gateway.toml")]
        config: PathBuf,
        /// 機器のネットワークの設定 / settings of the device's network
        #[arg(long, value_name = "FILE", default_value = "/etc/sekisho/device.toml")]
        device: PathBuf,
        /// 通信用の秘密鍵。書かなければ設定のもの / private key, instead of that of the settings
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// 通信用の証明書と鍵が入ったファイル。空なら設定のもの / certificate and key of the line in
        /// one file, unless it is empty
        #[arg(long, value_name = "FILE", conflicts_with = "key")]
        line: Option<PathBuf>,
        /// 結果 selftest.json を置くフォルダ / folder for the result
        #[arg(long, value_name = "FOLDER")]
        write: Option<PathBuf>,
        /// パネルが読む知らせのフォルダ / folder of notices that the panel reads
        #[arg(long, value_name = "FOLDER")]
        notices: Option<PathBuf>,
        /// 失敗した層が通るまで待つ秒数 / seconds to wait for a layer that fails
        #[arg(long, value_name = "SECONDS", default_value_t = 0,
              value_parser = clap::value_parser!(u64).range(0..=600))]
        patience: u64,
        /// 表示の形 / form of the output
        #[arg(long, value_enum, default_value_t = Form::Text)]
        format: Form,
    },
    /// 4桁の番号の意味を表示します。 / Prints what a code means.
    Explain {
        /// 番号 / the code
        code: u16,
    },
    /// systemd-networkd と systemd-timesyncd の設定を書き出します。
    /// Writes the files of systemd-networkd and systemd-timesyncd.
    Network {
        /// 機器のネットワークの設定 / settings of the device's network
        #[arg(long, value_name = "FILE", default_value = "/etc/sekisho/device.toml")]
        device: PathBuf,
        /// 書き出すフォルダ（ふつうは /etc） / folder to write to, normally /etc
        #[arg(long, value_name = "FOLDER")]
        write: PathBuf,
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
        Command::Run {
            config,
            device,
            key,
            line,
            write,
            notices,
            patience,
            format,
        } => {
            let settings = (config.as_path(), device.as_path(), [key, line]);
            let folders = (write.as_deref(), notices.as_deref());
            run(settings, folders, Duration::from_secs(patience), format)
        }
        Command::Explain { code } => explain(code),
        Command::Network { device, write } => network(&device, &write),
    };
    outcome.unwrap_or_else(|error| {
        error.print();
        ExitCode::FAILURE
    })
}

#[expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print the result"
)]
fn run(
    (config, device, [key, line]): (&Path, &Path, [Option<PathBuf>; 2]),
    (write, notices): (Option<&Path>, Option<&Path>),
    patience: Duration,
    format: Form,
) -> Result<ExitCode, SelftestError> {
    let unusable = |path: &Path, error| SelftestError::Settings(path.to_owned(), error);
    let mut site = Site::parse(&settings(config)?).map_err(|error| unusable(config, error))?;
    let device_settings = settings(device)?;
    let device = Device::parse(&device_settings).map_err(|error| unusable(device, error))?;
    if key.is_some() {
        site.front.private_key = key;
    }
    if line.as_deref().is_some_and(holds_something) {
        (site.front.certificate, site.front.private_key) = (line.clone(), line);
    }
    let notice = notices.map(Notice::begin);
    let report = examine::all(&site, &device, patience)?;
    if let Some(notice) = notice {
        notice.end(report.code);
    }
    let json = serde_json::to_string(&report).map_err(SelftestError::Json)? + "\n";
    if let Some(folder) = write {
        keep(folder, json.as_bytes()).map_err(SelftestError::Write)?;
    }
    match format {
        Form::Text => print!("{}", report.to_text()),
        Form::Json => print!("{json}"),
    }
    Ok(status(&report))
}

/// Keeps the result for panel and page, which are other users.
fn keep(folder: &Path, json: &[u8]) -> std::io::Result<()> {
    agent::files::replace(folder, RESULT, json)?;
    let readable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.join(RESULT), readable)
}

fn status(report: &Report) -> ExitCode {
    match report.code {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_FAULT),
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print the entry"
)]
fn explain(code: u16) -> Result<ExitCode, SelftestError> {
    let fault = Fault::of(code).ok_or(SelftestError::NoCode(code))?;
    let (entry, (ja, en)) = (fault.entry(), fault.layer().words());
    println!(
        "{code} {ja} / {en}\n{}\n{}\n{}\n{}\n({})",
        entry.ja, entry.next_ja, entry.en, entry.next_en, entry.seen
    );
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::print_stdout,
    reason = "the command tells which files it wrote"
)]
fn network(device: &Path, write: &Path) -> Result<ExitCode, SelftestError> {
    let read = Device::parse(&settings(device)?);
    let device = read.map_err(|error| SelftestError::Settings(device.to_owned(), error))?;
    for file in selftest::networkd::files(&device) {
        let path = write.join(&file.name);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            continue;
        };
        std::fs::create_dir_all(folder).map_err(SelftestError::Write)?;
        agent::files::replace(folder, &name.to_string_lossy(), file.text.as_bytes())
            .map_err(SelftestError::Write)?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// A credential that was not given is an empty line.
fn holds_something(file: &Path) -> bool {
    let read = read_bounded(file, SETTINGS_MOST);
    read.is_ok_and(|bytes| !bytes.trim_ascii().is_empty())
}

fn settings(path: &Path) -> Result<String, SelftestError> {
    let read = read_bounded(path, SETTINGS_MOST).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| std::io::Error::other(error.utf8_error()))
    });
    read.map_err(|error| SelftestError::Unread(path.to_owned(), error))
}

/// The bytes of a file, of which there may be so many at most.
fn read_bounded(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(std::io::Error::other("too large")),
        false => Ok(bytes),
    }
}
