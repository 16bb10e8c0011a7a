//! Batches by a sealed medium instead of the line (A-125, B-094): the same bytes that would be
//! sent, with an index that the site signs, on a medium that was registered. What is on it can be
//! opened by the core alone; there is no way to write anything else.
//!
//! Batches stay in the queue until their receipts come back, by the medium or by the line.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use config::gateway::Settings;
use envelope::{BUNDLE_BATCHES_MAX, BundleIndex, Bundled, FrontId, Receipt};
use nix::fcntl::Flock;
use record::BatchId;
use ring::rand::{SecureRandom, SystemRandom};
use transfer::ledger::Event;

use crate::clock::{self, Look, Trusted};
use crate::error::{Failure, Problem};
use crate::keys::Keys;
use crate::ledger;
use crate::quality::Reports;
use crate::recall::recall;
use crate::report::{LedgerReport, Report};
use crate::run::{STATE_FILE, lock, own};
use crate::send::log::TransferLog;
use crate::spool::{Spool, private_folder, write_durably};
use crate::standing;
use crate::state::{State, Waiting};

/// What makes a folder a registered medium.
const REGISTRATION: &str = "sekisho-medium";
const REGISTRATION_MOST: u64 = 256;
const FOLDER: &str = "sekisho-bundle-";
const RECEIPT_MOST: u64 = 4_096;

/// What can be done with media.
#[derive(Subcommand)]
pub(crate) enum Act {
    /// 媒体を登録する / register a medium.
    Register {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 媒体のフォルダ / folder of the medium.
        #[arg(long)]
        to: PathBuf,
        /// 媒体の番号（設定の bundle.media にあるもの） / its number, one of `bundle.media`.
        #[arg(long)]
        medium: FrontId,
    },
    /// 送信待ちの束を媒体に書く / write what waits to a medium.
    Write {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 媒体のフォルダ / folder of the medium.
        #[arg(long)]
        to: PathBuf,
    },
    /// 媒体で戻った受領証を取り込む / take in receipts that came back on a medium.
    Receipts {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 媒体のフォルダ / folder of the medium.
        #[arg(long)]
        from: PathBuf,
    },
}

impl Act {
    /// Does it.
    ///
    /// # Errors
    /// The medium is not registered, or it or our own state cannot be read or written.
    pub(crate) fn run(
        self,
        settings: impl Fn(&Path) -> Result<Settings, Failure>,
        tell: &dyn Fn(&str),
    ) -> Result<(), Failure> {
        match self {
            Self::Register { config, to, medium } => {
                let settings = settings(&config)?;
                let keys = Keys::load(&settings)?;
                allowed(&settings, &medium)?;
                let text = registration(&keys, &medium);
                write_durably(&to.join(REGISTRATION), text.as_bytes())
                    .map_err(|error| Failure::storing(REGISTRATION, error))
            }
            Self::Write { config, to } => {
                let settings = settings(&config)?;
                Site::open(&settings)?.write(&to, tell)
            }
            Self::Receipts { config, from } => {
                let settings = settings(&config)?;
                Site::open(&settings)?.receipts(&from, tell)
            }
        }
    }
}

/// The state of the site, held for this process.
struct Site<'a> {
    settings: &'a Settings,
    keys: Keys,
    state: State,
    spool: Spool,
    log: TransferLog,
    now: clock::Now,
    time: Trusted,
    _lock: Flock<File>,
}

impl<'a> Site<'a> {
    /// Nothing leaves without a confirmed time (P-19), by a medium as little as by the line.
    fn open(settings: &'a Settings) -> Result<Self, Failure> {
        let folder = &settings.state.folder;
        private_folder(folder)?;
        let held = lock(folder)?;
        own(settings)?;
        let keys = Keys::load(settings)?;
        let state = State::open(&folder.join(STATE_FILE))?;
        let Look { now, trusted } = clock::look(&settings.clock, &state)?;
        let spool = Spool::open(folder.join("spool"), &state)?;
        let log = TransferLog::open(folder, &state)?;
        Ok(Self {
            settings,
            keys,
            state,
            spool,
            log,
            now,
            time: trusted?,
            _lock: held,
        })
    }

    fn write(mut self, to: &Path, tell: &dyn Fn(&str)) -> Result<(), Failure> {
        standing::check(self.settings)?;
        let medium = self.medium(to)?;
        // A stop that was entered since takes effect on what waits.
        ledger::open(self.settings)?.apply_orders(self.now)?;
        let (gate, _) = ledger::gate(self.settings, self.now, &mut LedgerReport::default())?;
        let reports = Reports::of(&self.settings.state.folder, &self.settings.limits);
        let mut report = Report::new(self.settings.site.clone());
        let (state, spool) = (&mut self.state, &self.spool);
        recall(&gate, &self.keys, state, spool, &reports, &mut report)?;

        let mut waiting = self.state.waiting()?;
        waiting.truncate(BUNDLE_BATCHES_MAX);
        if waiting.is_empty() {
            tell("送信待ちはありません。\nNothing waits.");
            return Ok(());
        }
        let seal = draw_seal()?;
        let folder = to.join(format!("{FOLDER}{}", seal.as_str()));
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| Failure::storing(folder.display().to_string(), error))?;
        let batches = waiting.iter().map(bundled).collect();
        for batch in &waiting {
            self.export(batch, &folder, &seal)?;
        }
        let index = BundleIndex {
            site: self.settings.site.clone(),
            seal: seal.clone(),
            medium,
            made_at: self.time.seconds(),
            batches,
        };
        let index = index
            .sign(&self.keys.signing)
            .map_err(|error| Failure::because(Problem::Internal, "bundle", error))?;
        // Last: a bundle without its index is none.
        store(&folder.join("index"), &index)?;
        let (count, seal) = (waiting.len(), seal.as_str());
        tell(&format!(
            "{count} 個の束を書きました。封印番号: {seal}\n{count} batches were written. Seal: {seal}"
        ));
        Ok(())
    }

    fn export(&mut self, batch: &Waiting, folder: &Path, seal: &FrontId) -> Result<(), Failure> {
        let bytes = self.spool.get(batch)?;
        self.state.attempt(batch.sequence)?;
        let about = batch.batch();
        self.log
            .note(&self.state, Event::Exported, &about, seal.as_str(), None)?;
        store(&folder.join(bundled(batch).file_name()), &bytes)
    }

    fn receipts(mut self, from: &Path, tell: &dyn Fn(&str)) -> Result<(), Failure> {
        let (mut taken, waiting) = (0, self.state.waiting()?);
        let folders = bundles(from)?;
        for batch in &waiting {
            let name = format!("{}.receipt", batch.id);
            let found = folders
                .iter()
                .find_map(|folder| read(&folder.join("receipts").join(&name), RECEIPT_MOST).ok());
            let Some(bytes) = found else { continue };
            self.settle(batch, &bytes)?;
            taken += 1;
        }
        let left = waiting.len() - taken;
        tell(&format!(
            "受領証 {taken} 件を取り込みました。送信待ち: {left}\n\
             {taken} receipts were taken in. Still waiting: {left}"
        ));
        Ok(())
    }

    fn settle(&mut self, batch: &Waiting, bytes: &[u8]) -> Result<(), Failure> {
        let about_this = |receipt: &Receipt| {
            receipt.batch == batch.id
                && receipt.site == self.settings.site
                && receipt.sequence == batch.sequence
        };
        let mut keys = self.keys.receipts.iter();
        let receipt = keys.find_map(|key| Receipt::verify(bytes, key).ok());
        let receipt = receipt.filter(about_this).ok_or_else(|| {
            Failure::new(Problem::ReceiptInvalid, format!("batch {}", batch.sequence))
        })?;
        let about = batch.batch();
        self.log
            .note(&self.state, Event::Delivered, &about, "stored", None)?;
        let state = &self.state;
        self.spool
            .take_out(batch, || state.received(batch.sequence, bytes))?;
        clock::told_by_centre(&self.state, batch.sealed_at, receipt.received_at)
    }

    /// The number of the medium, if it was registered here and is still allowed.
    fn medium(&self, folder: &Path) -> Result<FrontId, Failure> {
        let unknown = || Failure::new(Problem::BundleMedium, folder.display().to_string());
        let text = read(&folder.join(REGISTRATION), REGISTRATION_MOST).map_err(|_| unknown())?;
        let text = String::from_utf8(text).map_err(|_| unknown())?;
        let number = text
            .split(' ')
            .nth(1)
            .and_then(|number| number.parse().ok());
        let medium: FrontId = number.ok_or_else(unknown)?;
        if registration(&self.keys, &medium) != text {
            return Err(unknown());
        }
        allowed(self.settings, &medium).map(|()| medium)
    }
}

fn allowed(settings: &Settings, medium: &FrontId) -> Result<(), Failure> {
    let mut media = settings.bundle.media.iter();
    let known = media.any(|number| number == medium.as_str());
    known
        .then_some(())
        .ok_or_else(|| Failure::new(Problem::BundleMedium, medium.as_str()))
}

/// The line that this site alone can write.
fn registration(keys: &Keys, medium: &FrontId) -> String {
    let number = medium.as_str();
    let mac = keys
        .site
        .mac(format!("sekisho medium v1 {number}").as_bytes());
    format!("sekisho-medium-v1 {number} {}\n", BatchId::new(mac))
}

fn bundled(batch: &Waiting) -> Bundled {
    Bundled {
        sequence: batch.sequence,
        id: batch.id,
        bytes: batch.bytes,
    }
}

/// A number for the seal that nobody used before.
fn draw_seal() -> Result<FrontId, Failure> {
    let mut random = [0; 6];
    let drawn = SystemRandom::new().fill(&mut random);
    drawn.map_err(|_| Failure::new(Problem::Internal, "random"))?;
    let digits: String = random.iter().map(|byte| format!("{byte:02X}")).collect();
    let seal = format!("S-{digits}").parse();
    seal.map_err(|_| Failure::new(Problem::Internal, "seal"))
}

/// The folders of bundles on a medium.
fn bundles(medium: &Path) -> Result<Vec<PathBuf>, Failure> {
    let reading = |error| Failure::storing(medium.display().to_string(), error);
    let mut folders = Vec::new();
    for entry in fs::read_dir(medium)
        .map_err(reading)?
        .take(BUNDLE_BATCHES_MAX)
    {
        let path = entry.map_err(reading)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(FOLDER)) {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn store(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_durably(path, bytes).map_err(|error| Failure::storing(path.display().to_string(), error))
}

/// A small file, whole.
fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}
