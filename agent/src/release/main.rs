//! `sekisho-release`: makes and signs what devices update from: a repository, and media for sites
//! without a network. For the centre; it is not part of the image.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use update::{Manifest, Name, Plan, PlanStage, Record, Release, SHARE_ALL, Slot, Tally, Version};

mod keys;
mod repository;

use keys::Keys;
use repository::{Repository, Validity};

/// More bytes than a record has.
const RECORD_MAX: u64 = 8 << 10;

/// 装置が更新を受け取る置き場を作り、署名します。
/// Makes and signs the repository from which devices update.
#[derive(Parser)]
#[command(name = "sekisho-release", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 役割ごとの鍵を作ります。 / Makes a key for each role.
    Keys {
        /// 鍵のフォルダ / folder for the keys
        #[arg(long)]
        out: PathBuf,
    },
    /// 信頼の起点を作ります（3人のうち2人が署名）。 / Makes the root, which two of three sign.
    Root {
        /// 鍵のフォルダ / folder of the keys
        #[arg(long)]
        keys: PathBuf,
        /// 書き出すファイル / file to write
        #[arg(long)]
        out: PathBuf,
        /// これまでの起点。次の番号になります。 / the root until now; the new one follows it
        #[arg(long)]
        previous: Option<PathBuf>,
        /// 有効な日数 / days that it is good for
        #[arg(long, default_value_t = 730)]
        days: u16,
    },
    /// ほかの人が作った起点に署名を足します。 / Adds signatures to a root that others have made.
    SignRoot {
        /// 鍵のフォルダ / folder of the keys
        #[arg(long)]
        keys: PathBuf,
        /// 起点のファイル / the root
        #[arg(long)]
        root: PathBuf,
    },
    /// 新しい版を置きます。 / Publishes a version.
    Publish {
        #[command(flatten)]
        signing: Signing,
        #[command(flatten)]
        version: Box<Published>,
        #[command(flatten)]
        plan: Spread,
    },
    /// 今の版の広げ方を変えます（停止を含む）。 / Changes how the present version spreads, or halts it.
    Plan {
        #[command(flatten)]
        signing: Signing,
        /// 基板の名前 / board
        #[arg(long)]
        board: Name,
        /// 新しく始めさせません。 / nobody begins any more
        #[arg(long)]
        halt: bool,
        #[command(flatten)]
        plan: Spread,
    },
    /// 装置の記録を数え、戻した装置が 0.5％ を超えたら止めます。
    /// Counts what devices tell, and halts the version when more than 0.5 % have given it up.
    Watch {
        #[command(flatten)]
        signing: Signing,
        /// 基板の名前 / board
        #[arg(long)]
        board: Name,
        /// 装置ごとの update.json（`*.json`）のフォルダ / folder of the devices' update.json
        #[arg(long)]
        records: PathBuf,
    },
    /// 「これが最新」という署名を新しくします（毎日）。
    /// Signs anew that this is the newest state; daily.
    Refresh {
        #[command(flatten)]
        signing: Signing,
    },
    /// ネットワークのない施設へ運ぶ媒体のフォルダを作ります。
    /// Makes the folder of a medium for a site without a network.
    Media {
        /// 置き場のフォルダ / folder of the repository
        #[arg(long)]
        repository: PathBuf,
        /// 基板の名前 / board
        #[arg(long)]
        board: Name,
        /// 媒体のフォルダ / folder of the medium
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Args)]
struct Signing {
    /// 置き場のフォルダ / folder of the repository
    #[arg(long)]
    repository: PathBuf,
    /// 鍵のフォルダ / folder of the keys
    #[arg(long)]
    keys: PathBuf,
    /// 版の一覧が有効な日数 / days that the list of versions is good for
    #[arg(long, default_value_t = 365)]
    days: u16,
    /// 「これが最新」が有効な日数 / days that it stays the newest state
    #[arg(long, default_value_t = 14)]
    fresh_days: u16,
}

#[derive(Args)]
struct Published {
    /// 信頼の起点 / the root
    #[arg(long)]
    root: PathBuf,
    /// 基板の名前 / board
    #[arg(long)]
    board: Name,
    /// 版の番号 / version
    #[arg(long = "release")]
    version: Version,
    /// これより古い版は入れさせない / nothing older is installed from now on
    #[arg(long)]
    least: Option<Version>,
    /// 読み取り専用のルート / root file system
    #[arg(long)]
    image: PathBuf,
    /// その検査木 / its verity tree
    #[arg(long)]
    verity: PathBuf,
    /// カーネル（UKI） / kernel (UKI)
    #[arg(long)]
    kernel: PathBuf,
    /// スロット B 用のカーネル / kernel for slot B, if it has its own
    #[arg(long)]
    kernel_b: Option<PathBuf>,
}

#[derive(Args)]
struct Spread {
    /// 順番を変える語。省けば版の番号 / changes the order of devices; the version by default
    #[arg(long)]
    salt: Option<String>,
    /// `時刻=割合`（1万分率）。省けばすぐ全部 / `TIME=SHARE` in ten-thousandths; all at once by default
    #[arg(long = "stage", value_parser = stage)]
    stages: Vec<PlanStage>,
}

fn stage(text: &str) -> Result<PlanStage> {
    let (from, share) = text.split_once('=').context("TIME=SHARE")?;
    let from: Timestamp = from.parse()?;
    Ok(PlanStage {
        from: from.as_second(),
        share: share.parse()?,
    })
}

impl Spread {
    fn plan(self, version: Version, halted: bool) -> Plan {
        let all = vec![PlanStage {
            from: 0,
            share: SHARE_ALL,
        }];
        Plan {
            salt: self.salt.unwrap_or_else(|| version.to_string()),
            stages: match self.stages.is_empty() {
                true => all,
                false => self.stages,
            },
            halted,
        }
    }
}

impl Signing {
    fn open(&self, root: Option<&Path>) -> Result<(Repository, Keys, Validity)> {
        let valid = Validity {
            targets: self.days,
            fresh: self.fresh_days,
        };
        let repository = Repository::open(&self.repository, root)?;
        Ok((repository, Keys::read(&self.keys)?, valid))
    }
}

fn publish(signing: &Signing, of: Published, plan: Spread) -> Result<()> {
    let (repository, keys, valid) = signing.open(Some(&of.root))?;
    let add = |path: &PathBuf| repository.add_file(path);
    let images = [add(&of.image)?, add(&of.verity)?];
    let kernel_b = of.kernel_b.as_ref().map(add).transpose()?;
    let board = of.board.clone();
    let manifest = Manifest::new(board, of.version, images, add(&of.kernel)?, kernel_b)?;
    if let Some(old) = repository.offered(&of.board)? {
        tell(&manifest, &old);
    }
    let least = of.least.unwrap_or(Version([0, 0, 0]));
    let plan = plan.plan(of.version, false);
    let release = Release::new(of.board, of.version, least, plan)?;
    repository.publish(&keys, &release, Some(&manifest), valid)
}

/// Counts the records of a fleet, tells the count, and halts the version if it has to be.
#[expect(clippy::print_stdout, reason = "the count is for whoever watches")]
fn watch(signing: &Signing, board: &Name, records: &Path) -> Result<()> {
    let (repository, keys, valid) = signing.open(None)?;
    let release = repository.release(board)?;
    let (mut tally, mut unread) = (Tally::default(), 0_u64);
    for file in fs::read_dir(records).with_context(|| records.display().to_string())? {
        let path = file?.path();
        if path.extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        match record(&path) {
            Ok(record) => tally.add(release.version, &record),
            Err(_) => unread += 1,
        }
    }
    println!(
        "{}: 確認済み / good {}, 途中 / underway {}, 戻した / given up {}, 読めない / unread {unread}",
        release.version,
        tally.good,
        tally.underway,
        tally.failed()
    );
    for (why, count) in &tally.given_up {
        println!("    {}: {count}", serde_json::to_string(why)?);
    }
    if !tally.halts() || release.plan.halted {
        return Ok(());
    }
    println!("止めました / halted");
    let plan = Plan {
        halted: true,
        ..release.plan
    };
    let halted = Release::new(release.board, release.version, release.least, plan)?;
    repository.publish(&keys, &halted, None, valid)
}

fn record(path: &Path) -> Result<Record> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path)?;
    file.take(RECORD_MAX).read_to_end(&mut bytes)?;
    Ok(Record::read(&bytes)?)
}

/// Tells what a device of the version before has to download.
#[expect(clippy::print_stdout, reason = "the figure is for whoever publishes")]
fn tell(new: &Manifest, old: &Manifest) {
    let total: u64 = new.chunks(Slot::B).map(|it| u64::from(it.size)).sum();
    let download = new.download(old, Slot::B);
    println!(
        "{} → {}: {download} / {total} bytes ({} %)",
        old.version,
        new.version,
        download.saturating_mul(100).div_ceil(total.max(1))
    );
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Keys { out } => keys::make(&out),
        Command::Root {
            keys,
            out,
            previous,
            days,
        } => {
            let root = repository::root(&Keys::read(&keys)?, previous.as_deref(), days)?;
            repository::put(&out, &root)
        }
        Command::SignRoot { keys, root } => {
            let signed = repository::sign_root(&Keys::read(&keys)?, &root)?;
            repository::put(&root, &signed)
        }
        Command::Publish {
            signing,
            version,
            plan,
        } => publish(&signing, *version, plan),
        Command::Plan {
            signing,
            board,
            halt,
            plan,
        } => {
            let (repository, keys, valid) = signing.open(None)?;
            let old = repository.release(&board)?;
            let changed = match (halt, plan.stages.is_empty()) {
                (true, true) => Plan {
                    halted: true,
                    ..old.plan
                },
                _ => plan.plan(old.version, halt),
            };
            let release = Release::new(board, old.version, old.least, changed)?;
            repository.publish(&keys, &release, None, valid)
        }
        Command::Watch {
            signing,
            board,
            records,
        } => watch(&signing, &board, &records),
        Command::Refresh { signing } => {
            let (repository, keys, valid) = signing.open(None)?;
            repository.refresh(&keys, None, valid)
        }
        Command::Media {
            repository,
            board,
            out,
        } => Repository::open(&repository, None)?.media(&board, &out),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a command line tool")]
fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sekisho-release: {error:#}");
            ExitCode::FAILURE
        }
    }
}
