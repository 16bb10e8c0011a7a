//! Vault (保管庫): the key of identity envelopes. It is made here, locked for its holders and
//! forgotten; any two of them open an envelope together, for a purpose that they state. The core
//! takes no part: it hands over one envelope as a file, and has neither key nor share.
//!
//! Every opening is in the log before it happens, and its outcome after ([`log`]).

mod failure;
mod log;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use envelope::{EnvelopeError, LockedVault, Person, Share, VaultSecretKey, sha256};
use getrandom::SysRng;
use jiff::Timestamp;
use rand_core::UnwrapErr;
use record::{BatchId, SiteId, SubjectRef};
use zeroize::Zeroizing;

use self::failure::{Failure, Problem};
use self::log::{Entry, Log, Outcome};

/// Most bytes of a stated purpose.
const PURPOSE_MAX: usize = 500;

/// Makes a vault, opens identity envelopes, checks the log.
#[derive(Debug, Args)]
pub(crate) struct Command {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// 鍵の作成: make the key of a vault, and a share for each holder. The key itself is kept nowhere.
    Make {
        /// How many people hold a share: 2 to 10. Any two open together.
        #[arg(long)]
        holders: usize,
        /// A new folder: `vault.pub` for the sites, `vault.json`, and `share-N.key` for each holder
        /// to take away.
        #[arg(long)]
        out: PathBuf,
    },
    /// 開封: open one envelope with the shares of two holders, who are both here.
    Open(Opening),
    /// 記録の確認: check that the log is whole, and print its end.
    Log {
        /// The log.
        #[arg(long)]
        log: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Opening {
    /// The vault: `vault.json`.
    #[arg(long)]
    vault: PathBuf,
    /// The share of a holder; twice, for two holders.
    #[arg(long, required = true, num_args = 1)]
    share: Vec<PathBuf>,
    /// Whose envelope it is: `SITE:REFERENCE`.
    #[arg(long)]
    subject: String,
    /// The envelope, from `core export-envelope`.
    #[arg(long)]
    envelope: PathBuf,
    /// What for; it stands in the log. Never write a name here.
    #[arg(long)]
    purpose: String,
    /// The log.
    #[arg(long)]
    log: PathBuf,
}

impl Command {
    /// Runs the step.
    ///
    /// # Errors
    /// Whatever stopped it, with a stable code, in Japanese and English.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.step {
            Step::Make { holders, out } => Ok(make(holders, &out)?),
            Step::Open(opening) => Ok(open(&opening)?),
            Step::Log { log } => Ok(print(&Log::open(&log)?.end())?),
        }
    }
}

fn make(holders: usize, out: &Path) -> Result<(), Failure> {
    let output = |error| Failure::because(Problem::Output, out.display(), error);
    let mut random = UnwrapErr(SysRng);
    let internal = |_| Failure::new(Problem::Internal, "key");
    let key = VaultSecretKey::generate(&mut random).map_err(internal)?;
    let (locked, shares) = LockedVault::lock(&key, holders, &mut random)
        .map_err(|error| Failure::because(Problem::Holders, holders, error))?;
    fs::create_dir(out).map_err(output)?;
    for share in &shares {
        let file = out.join(format!("share-{}.key", share.holder()));
        write_new(&file, &share.to_text())?;
    }
    write_new(&out.join("vault.pub"), &key.public().to_string())?;
    let locked = serde_json::to_string(&locked).map_err(|_| Failure::new(Problem::Internal, ""))?;
    write_new(&out.join("vault.json"), &locked)?;
    fs::File::open(out)
        .and_then(|folder| folder.sync_all())
        .map_err(output)
}

fn write_new(path: &Path, line: &str) -> Result<(), Failure> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let written = file.and_then(|mut file| {
        file.write_all(line.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    written.map_err(|error| Failure::because(Problem::Output, path.display(), error))
}

fn open(opening: &Opening) -> Result<(), Failure> {
    let purpose = opening.purpose.trim();
    if purpose.is_empty() || purpose.len() > PURPOSE_MAX || purpose.chars().any(char::is_control) {
        return Err(Failure::new(Problem::Purpose, ""));
    }
    let subject = opening.subject.split_once(':');
    let subject =
        subject.and_then(|(site, reference)| Some((site.parse().ok()?, reference.parse().ok()?)));
    let (site, reference): (SiteId, SubjectRef) =
        subject.ok_or_else(|| Failure::new(Problem::Subject, ""))?;
    let text = read(&opening.vault, Problem::Vault)?;
    let locked: LockedVault = serde_json::from_slice(&text)
        .ok()
        .filter(LockedVault::is_whole)
        .ok_or_else(|| Failure::new(Problem::Vault, opening.vault.display()))?;
    let [one, other] = opening.share.as_slice() else {
        return Err(Failure::new(Problem::Shares, opening.share.len()));
    };
    let (one, other) = (share(one)?, share(other)?);
    let key = locked
        .unlock(&one, &other)
        .map_err(|error| Failure::because(Problem::Shares, "", error))?;
    let envelope = read(&opening.envelope, Problem::Envelope)?;
    let entry = Entry {
        at: Timestamp::now().as_second(),
        purpose: purpose.to_owned(),
        subject: format!("{site}:{reference}"),
        holders: [one.holder(), other.holder()],
        vault_key: key.public().id().to_string(),
        envelope: BatchId::new(sha256(&envelope)).to_string(),
        outcome: Outcome::Opening,
    };
    // Nothing is opened that the log does not tell of.
    let mut log = Log::open(&opening.log)?;
    log.add(&entry)?;
    let opened = key.open((&site, &reference), &envelope);
    let outcome = match &opened {
        Ok(_) => Outcome::Opened,
        Err(_) => Outcome::Refused,
    };
    log.add(&Entry { outcome, ..entry })?;
    let person = opened.map_err(|error| match error {
        EnvelopeError::OtherKey => Failure::because(Problem::Shares, "", error),
        _ => Failure::because(Problem::Envelope, "", error),
    })?;
    show(&person)?;
    print(&format!("記録の末尾 / end of the log: {}", log.end()))
}

fn share(path: &Path) -> Result<Share, Failure> {
    let text = Zeroizing::new(read(path, Problem::Shares)?);
    let line = std::str::from_utf8(&text).ok().map(str::trim);
    // What is wrong with the text is not told: the text is a secret.
    line.and_then(|line| line.parse().ok())
        .ok_or_else(|| Failure::new(Problem::Shares, path.display()))
}

/// Shares, locks and envelopes are far below this.
const FILE_MAX: u64 = 1 << 20;

fn read(path: &Path, problem: Problem) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::because(problem, path.display(), error);
    match fs::metadata(path).map_err(failed)?.len() {
        0..=FILE_MAX => fs::read(path).map_err(failed),
        _ => Err(Failure::new(problem, path.display())),
    }
}

/// Prints the person for the two who are here.
fn show(person: &Person) -> Result<(), Failure> {
    let name = |name: &Option<(String, String)>| {
        let parts = name
            .as_ref()
            .map(|(family, given)| format!("{family} {given}"));
        Zeroizing::new(parts.unwrap_or_default())
    };
    let mut text = Zeroizing::new(String::with_capacity(4_096));
    for (label, value) in [
        ("氏名 / name", name(&person.kanji).as_str()),
        ("カナ / kana", name(&person.kana).as_str()),
        (
            "生年月日 / born",
            person.birth.as_deref().unwrap_or_default(),
        ),
        ("性別 / sex", person.sex.as_deref().unwrap_or_default()),
        ("診療録番号 / chart", person.chart.as_str()),
    ] {
        text.push_str(&format!("{label}: {value}\n"));
    }
    for card in &person.cards {
        text.push_str(&format!("保険証 / card: {}\n", card.join(" ")));
    }
    print(text.trim_end())
}

fn print(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|error| Failure::because(Problem::Output, "stdout", error))
}
