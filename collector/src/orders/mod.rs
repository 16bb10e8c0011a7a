//! Orders (指示): what persons at the centre have devices do. An order is made and signed on the
//! machine of a person who holds a key; for grave ones a second person signs the same file on
//! another. The broker only carries the file, and needs no key for that.

mod failure;

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use control::{Answer, DeviceId, Job, Order, PlanId, Reason, SETTINGS_MAX, SignedOrder};
use envelope::{SigningKey, sign_device_order};
use getrandom::SysRng;
use jiff::Timestamp;
use rand_core::UnwrapErr;
use zeroize::Zeroizing;

use self::failure::{Failure, Problem};
use crate::ca::{add, add_secret};

/// Most that a person types.
const TYPED_MAX: u64 = 256;

/// Makes, signs and reads orders.
#[derive(Debug, Args)]
pub(crate) struct Command {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// 担当者の鍵: make the key of one person who signs orders, and its public half beside it.
    MakeKey {
        /// The secret key's file; it stays with the person. The public half is FILE.pub.
        #[arg(long)]
        out: PathBuf,
    },
    /// 指示の作成: make an order and sign it.
    Make {
        /// The device, as its certificate names it: `SITE:DEVICE`.
        #[arg(long)]
        device: DeviceId,
        /// Number in the maintenance plan.
        #[arg(long)]
        plan: PlanId,
        /// Why: planned, fault, incident, requested or disposal.
        #[arg(long)]
        reason: Reason,
        /// After so many hours it is too late: 1 to 720.
        #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u16).range(1..=720))]
        hours: u16,
        /// Key file of the person.
        #[arg(long)]
        key: PathBuf,
        /// A new file for the order.
        #[arg(long)]
        out: PathBuf,
        /// What.
        #[command(subcommand)]
        job: Act,
    },
    /// 2人目の署名: read an order out and sign it too.
    Sign {
        /// The order.
        #[arg(long)]
        order: PathBuf,
        /// Key file of the second person.
        #[arg(long)]
        key: PathBuf,
        /// A new file for the order with both signatures.
        #[arg(long)]
        out: PathBuf,
    },
    /// 指示の表示: read an order out.
    Show {
        /// The order.
        #[arg(long)]
        order: PathBuf,
    },
    /// 返事の表示: read a device's answer out, as JSON.
    Answer {
        /// The answer.
        #[arg(long)]
        answer: PathBuf,
    },
}

/// The catalogue, as it is typed.
#[derive(Debug, Subcommand)]
enum Act {
    /// 自己点検
    SelfTest,
    /// 状態の報告
    Support,
    /// 証明書の更新
    RotateKey,
    /// 今すぐ送信
    SendNow,
    /// 一時停止
    Pause {
        /// 1 to 336.
        hours: u16,
    },
    /// 再開
    Resume,
    /// 隔離
    Quarantine,
    /// 隔離の解除: signed by two persons.
    Release,
    /// ランプの点滅
    Blink {
        /// 1 to 60.
        minutes: u8,
    },
    /// 設定の変更: signed by two persons.
    Settings {
        /// The whole file for the device.
        file: PathBuf,
        /// Within so many minutes the centre has to be reached with them, or the ones before come
        /// back: 1 to 120.
        #[arg(long, default_value_t = 15)]
        minutes: u8,
    },
    /// 更新の確認
    Update,
    /// 廃棄のための消去: signed by two persons. Nothing brings it back.
    Decommission,
}

impl Command {
    /// Runs the step.
    ///
    /// # Errors
    /// See [`Problem`].
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.step {
            Step::MakeKey { out } => make_key(&out)?,
            Step::Make {
                device,
                plan,
                reason,
                hours,
                key,
                out,
                job,
            } => {
                let now = Timestamp::now();
                let number = u64::try_from(now.as_millisecond())?;
                let expires = now.as_second() + i64::from(hours) * 3_600;
                let order = Order::new(device, number, expires, plan, reason, job.read()?);
                make(&order, &key, &out)?;
            }
            Step::Sign { order, key, out } => sign(&order, &key, &out)?,
            Step::Show { order } => {
                let bytes = read(&order)?;
                let signed = SignedOrder::read(&bytes)
                    .map_err(|error| Failure::because(Problem::Order, order.display(), error))?;
                tell(&text(&unchecked(&signed)?));
            }
            Step::Answer { answer } => {
                let told = Answer::read(&read(&answer)?)
                    .map_err(|error| Failure::because(Problem::Answer, answer.display(), error))?;
                tell(&serde_json::to_string(&told)?);
            }
        }
        Ok(())
    }
}

impl Act {
    fn read(self) -> Result<Job, Failure> {
        Ok(match self {
            Self::SelfTest => Job::SelfTest,
            Self::Support => Job::Support,
            Self::RotateKey => Job::RotateKey,
            Self::SendNow => Job::SendNow,
            Self::Pause { hours } => Job::Pause { hours },
            Self::Resume => Job::Resume,
            Self::Quarantine => Job::Quarantine,
            Self::Release => Job::Release,
            Self::Blink { minutes } => Job::Blink { minutes },
            Self::Settings { file, minutes } => Job::Settings {
                text: settings(&file)?,
                minutes,
            },
            Self::Update => Job::Update,
            Self::Decommission => Job::Decommission,
        })
    }
}

fn settings(file: &Path) -> Result<String, Failure> {
    let bytes = read(file)?;
    if bytes.len() > SETTINGS_MAX {
        return Err(Failure::new(Problem::Parameter, file.display()));
    }
    String::from_utf8(bytes)
        .map_err(|error| Failure::because(Problem::Parameter, file.display(), error))
}

fn make_key(out: &Path) -> Result<(), Failure> {
    let key = SigningKey::generate(&mut UnwrapErr(SysRng))
        .map_err(|error| Failure::because(Problem::Internal, "key", error))?;
    let public = out.with_added_extension("pub");
    let written = |error| Failure::because(Problem::Files, out.display(), error);
    add(&public, key.public().to_string().as_bytes()).map_err(written)?;
    add_secret(out, &key.to_text()).map_err(written)
}

fn make(order: &Order, key: &Path, out: &Path) -> Result<(), Failure> {
    let key = load(key)?;
    let body = order
        .to_bytes()
        .map_err(|error| Failure::because(Problem::Parameter, order.job.kind().word(), error))?;
    let signature = signature(&body, &key)?;
    let signed = SignedOrder::new(&body, *key.id().as_bytes(), signature);
    store(out, &signed.to_bytes())?;
    tell(&text(order));
    if order.job.kind().two_persons() {
        tell("もう1人の署名が要ります。 / Another person has to sign: `orders sign`.");
    }
    Ok(())
}

fn sign(order: &Path, key: &Path, out: &Path) -> Result<(), Failure> {
    let key = load(key)?;
    let bytes = read(order)?;
    let mut signed = SignedOrder::read(&bytes)
        .map_err(|error| Failure::because(Problem::Order, order.display(), error))?;
    let said = unchecked(&signed)?;
    tell(&text(&said));
    if !confirmed(&said)? {
        return Err(Failure::new(Problem::NotConfirmed, order.display()));
    }
    let signature = signature(signed.body(), &key)?;
    signed
        .sign(*key.id().as_bytes(), signature)
        .map_err(|error| Failure::because(Problem::SamePerson, order.display(), error))?;
    store(out, &signed.to_bytes())
}

/// Whether the second person types the number of the plan, having read what it is about.
fn confirmed(order: &Order) -> Result<bool, Failure> {
    tell(
        "内容を読み、署名するなら計画番号を入力してください。 / Read it; to sign, type the plan's number:",
    );
    let mut line = String::new();
    let read = io::stdin().lock().take(TYPED_MAX).read_line(&mut line);
    read.map_err(|error| Failure::because(Problem::Files, "standard input", error))?;
    Ok(line.trim() == order.plan.as_str())
}

fn signature(body: &[u8], key: &SigningKey) -> Result<[u8; control::SIGNATURE], Failure> {
    sign_device_order(body, key).map_err(|error| Failure::because(Problem::Key, "sign", error))
}

fn unchecked(signed: &SignedOrder<'_>) -> Result<Order, Failure> {
    let order = signed.unchecked();
    order.map_err(|error| Failure::because(Problem::Order, "order", error))
}

fn load(path: &Path) -> Result<SigningKey, Failure> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    // What is wrong with the text is not told: the text is a secret.
    let unusable = || Failure::new(Problem::Key, path.display());
    text.map_err(|_| unusable())?
        .trim()
        .parse()
        .map_err(|_| unusable())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::because(Problem::Files, path.display(), error))
}

fn store(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    add(path, bytes).map_err(|error| Failure::because(Problem::Files, path.display(), error))
}

/// An order for people: what somebody who signs has to read first.
fn text(order: &Order) -> String {
    let time = |at: i64| {
        Timestamp::from_second(at).map_or_else(|_| at.to_string(), |time| time.to_string())
    };
    let kind = order.job.kind();
    let what = match &order.job {
        Job::Pause { hours } => format!(" {hours} h"),
        Job::Blink { minutes } => format!(" {minutes} min"),
        Job::Settings { text, minutes } => format!(" {minutes} min\n---\n{text}---"),
        _ => String::new(),
    };
    format!(
        "装置 / device: {}\n番号 / number: {}\n期限 / until: {}\n計画 / plan: {} ({})\n\
         指示 / order: {} ({}){what}",
        order.device,
        order.number,
        time(order.expires),
        order.plan,
        order.reason.word(),
        kind.japanese(),
        kind.word(),
    )
}

fn tell(text: &str) {
    // Nothing is left to do when nobody listens any more.
    let _ = writeln!(io::stdout(), "{text}");
}
