//! `sekisho-media`: takes what is on a registered stick, and leaves every other alone (C-06,
//!
//!
//! A stick that is not on the list is never opened. One that is on it is looked at, mounted
//! read-only in a namespace of this process alone, copied into a folder of the device, and let go:
//! no other program ever sees it. Who may be read is judged in the pure crate `media`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use media::list::List;
use media::{Stick, Word};

mod copy;
mod error;
mod log;
mod mount;
mod notice;
mod sysfs;

use error::MediaError;
use log::Log;

/// Longest list, in bytes.
const LIST_MOST: u64 = 256 << 10;
/// A stick was not taken.
const EXIT_NOT_TAKEN: u8 = 3;

/// 登録した USB メモリーの中身を受け取ります。登録のないものには触れません。
/// Takes what is on a registered stick, and leaves every other alone.
#[derive(Parser)]
#[command(name = "sekisho-media", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 差された USB メモリーを受け取ります。 / Takes a stick that was put in.
    Insert {
        #[command(flatten)]
        places: Places,
        /// デバイスの名前（sda1 など） / name of the block device
        #[arg(long, value_name = "NAME")]
        device: String,
    },
    /// USB メモリーが抜かれたことを知らせます。 / Tells that the stick was taken out.
    Remove {
        /// パネルが読む知らせのフォルダ / folder of notices that the panel reads
        #[arg(long, value_name = "FOLDER", default_value = "/run/sekisho/notices")]
        notices: PathBuf,
    },
    /// 登録に必要な番号を表示します。中身は読みません。
    /// Shows the numbers for the list; nothing on the stick is read.
    Show {
        /// デバイスの名前（sda1 など） / name of the block device
        #[arg(long, value_name = "NAME")]
        device: String,
        /// カーネルの情報 / where the kernel tells of its devices
        #[arg(long, value_name = "FOLDER", default_value = "/sys")]
        sys: PathBuf,
    },
}

/// Where things are.
#[derive(clap::Args)]
struct Places {
    /// 登録の一覧 / list of registered sticks
    #[arg(long, value_name = "FILE", default_value = "/etc/sekisho/media.toml")]
    list: PathBuf,
    /// 記録と受け取ったものを置くフォルダ / folder of the log and of what was taken
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/sekisho/media")]
    state: PathBuf,
    /// パネルが読む知らせのフォルダ / folder of notices that the panel reads
    #[arg(long, value_name = "FOLDER", default_value = "/run/sekisho/notices")]
    notices: PathBuf,
    /// 読む間だけ使う空のフォルダ / an empty folder, used while a stick is read
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "/run/sekisho-media/stick"
    )]
    point: PathBuf,
    /// カーネルの情報 / where the kernel tells of its devices
    #[arg(long, value_name = "FOLDER", default_value = "/sys")]
    sys: PathBuf,
    /// デバイスのファイル / where the files of devices are
    #[arg(long, value_name = "FOLDER", default_value = "/dev")]
    dev: PathBuf,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Insert { places, device } => insert(&places, &device),
        Command::Remove { notices } => {
            notice::clear(&notices);
            Ok(ExitCode::SUCCESS)
        }
        Command::Show { device, sys } => show(&sys, &device),
    };
    outcome.unwrap_or_else(|error| {
        error.print();
        ExitCode::FAILURE
    })
}

#[expect(
    clippy::print_stdout,
    reason = "the command tells what became of the stick"
)]
fn insert(places: &Places, device: &str) -> Result<ExitCode, MediaError> {
    let now = jiff::Timestamp::now().as_second();
    let seen = sysfs::look(&places.sys, device);
    let mut log = Log::open(&places.state).map_err(MediaError::Keep)?;
    let reference = log.reference(seen.stick.as_ref());
    // A list that cannot be read registers nobody; that it is wrong is told besides.
    let list = list(&places.list);
    let known = list.as_ref().unwrap_or(&NOBODY);
    let word = match known.whose(seen.stick.as_ref(), now) {
        Err(word) => word,
        Ok(entry) => {
            notice::tell(&places.notices, notice::READING);
            let name = format!("{now}-{reference}");
            taken(places, device, seen.size, entry, &name)
        }
    };
    log.note(now, word, &reference).map_err(MediaError::Keep)?;
    notice::tell(&places.notices, notice::of(word));
    println!("{word} {reference}");
    list.map(|_| match word {
        Word::Taken => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_NOT_TAKEN),
    })
}

static NOBODY: std::sync::LazyLock<List> = std::sync::LazyLock::new(List::default);

/// Mounts the stick, copies it and lets it go.
fn taken(places: &Places, device: &str, size: u64, entry: media::list::Entry, name: &str) -> Word {
    let file = places.dev.join(device);
    let mounted = match mount::mount(&file, size, entry.file_system, &places.point) {
        Ok(mounted) => mounted,
        Err(word) => return word,
    };
    match copy::all(mounted.folder(), &places.state, name) {
        Ok(()) => Word::Taken,
        Err(word) => word,
    }
}

fn list(path: &Path) -> Result<List, MediaError> {
    let read = sysfs::bounded(path, LIST_MOST);
    let text = read.map_err(|error| MediaError::Unread(path.to_owned(), error))?;
    List::parse(&text).map_err(|error| MediaError::List(path.to_owned(), error))
}

#[expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to show the numbers"
)]
fn show(sys: &Path, device: &str) -> Result<ExitCode, MediaError> {
    let numbers = sysfs::numbers(sys, device).ok_or(MediaError::NoStick)?;
    let [vendor, product, serial] = numbers;
    Stick::new(&vendor, &product, &serial).ok_or(MediaError::NoStick)?;
    println!("vendor = \"{vendor}\"\nproduct = \"{product}\"\nserial = \"{serial}\"");
    Ok(ExitCode::SUCCESS)
}
