//! The authority (認証局): certificates of the centre's services and of devices (A-120, B-118).
//!
//! The root's key is made once and kept offline. The issuing authority signs by policy what devices
//! ask for; the front carries requests and answers as files and has no part in the decision.
//!
//! | folder | who writes | what |
//! |---|---|---|
//! | requests | the front | requests, named by their SHA-256 |
//! | answers | the authority | answers, named by the SHA-256 of the request |
//!
//! [`judge`] tells what becomes of a request. Whatever it decides stands in the register before the
//! answer is handed out, and an answer before its request is taken away.

mod authority;
mod failure;
mod files;
mod judge;
mod register;
mod settings;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use envelope::{CERTIFICATE_MESSAGE_MAX, CertificateAnswer, DeviceName, EnrolmentCode, sha256};
use getrandom::SysRng;
use jiff::Timestamp;
use rand_core::UnwrapErr;
use rcgen::KeyPair;
use record::{BatchId, SiteId};
use zeroize::Zeroizing;

use self::authority::{Authority, Subject, day};
use self::failure::Result;
use self::judge::{Bench, Judged};
use self::register::{Issued, Register};
use self::settings::Settings;

pub(crate) use self::failure::{Failure, Problem};
pub(crate) use self::files::{add, add_secret};

const DAY: i64 = 86_400;
/// Requests that one run looks at.
const REQUESTS_MAX: usize = 100_000;
/// After how many days an answer that nobody fetched is taken away.
const ANSWER_DAYS: i64 = 30;
/// An answer of fewer bytes holds no certificate.
const WITH_CERTIFICATE: u64 = 512;

/// Makes authorities, issues, renews and revokes certificates.
#[derive(Debug, Args)]
pub(crate) struct Command {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// 根の作成: make the root, on a machine without a network. Its folder is locked away.
    MakeRoot {
        /// A new folder.
        #[arg(long)]
        out: PathBuf,
    },
    /// 発行局の作成: make the authority that issues, signed by the root.
    MakeIssuing {
        /// The root's folder.
        #[arg(long)]
        root: PathBuf,
        /// A new folder, which is taken to the machine that issues.
        #[arg(long)]
        out: PathBuf,
    },
    /// サービスの証明書: issue the certificate of a service of the centre, and its key.
    IssueServer {
        #[command(flatten)]
        at: At,
        /// The name under which devices know it.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        pair: PairFiles,
    },
    /// 装置の証明書: issue a device's first certificate together with its key, which is carried to
    /// the device by hand. Otherwise devices make their own key: see `enrol`.
    IssueDevice {
        #[command(flatten)]
        at: At,
        /// The site.
        #[arg(long)]
        site: SiteId,
        /// The device.
        #[arg(long)]
        device: DeviceName,
        #[command(flatten)]
        pair: PairFiles,
    },
    /// 登録コード: print a one-time code with which a device asks for its first certificate. What the
    /// site had before is revoked when the code is used.
    Enrol {
        #[command(flatten)]
        at: At,
        /// The site.
        #[arg(long)]
        site: SiteId,
        /// The device.
        #[arg(long)]
        device: DeviceName,
        /// Who makes it at the centre: 1 to 64 of `A-Z a-z 0-9 . _ -`.
        #[arg(long, value_parser = crate::core::operator)]
        operator: String,
        /// For how many hours it is good: 1 to 336.
        #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(i64).range(1..=336))]
        hours: i64,
    },
    /// 申請の処理: answer the requests that wait, and renew the revocation list.
    Sign(At),
    /// 復帰の承認: let a device in whose certificate ended while it was switched off.
    Approve {
        #[command(flatten)]
        at: At,
        /// The serial number of its certificate, as `list` shows it.
        #[arg(long)]
        serial: String,
        /// Who lets it in: 1 to 64 of `A-Z a-z 0-9 . _ -`.
        #[arg(long, value_parser = crate::core::operator)]
        operator: String,
    },
    /// 失効: take back every certificate of a site, or the one with a serial number.
    Revoke {
        #[command(flatten)]
        at: At,
        /// The site.
        #[arg(long, required_unless_present = "serial", conflicts_with = "serial")]
        site: Option<SiteId>,
        /// The serial number, as `list` shows it.
        #[arg(long)]
        serial: Option<String>,
        /// Why.
        #[arg(long, value_parser = ["stolen", "superseded", "closed"])]
        reason: String,
    },
    /// 一覧: show every certificate with its state, and the devices that wait to be let in.
    List(At),
}

#[derive(Debug, Args)]
struct At {
    /// Settings file of the authority (TOML).
    #[arg(long)]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct PairFiles {
    /// A new file: the certificate and the one above it.
    #[arg(long)]
    certificate: PathBuf,
    /// A new file: the key.
    #[arg(long)]
    key: PathBuf,
}

impl Command {
    /// Runs the step.
    ///
    /// # Errors
    /// Whatever stopped it, with a stable code, in Japanese and English.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        Ok(self.step.run(Timestamp::now().as_second())?)
    }
}

impl Step {
    fn run(self, now: i64) -> Result<()> {
        match self {
            Self::MakeRoot { out } => authority::make_root(&out, now),
            Self::MakeIssuing { root, out } => authority::make_issuing(&root, &out, now),
            Self::IssueServer { at, name, pair } => {
                Office::open(&at.config, now)?.hand_out(&Subject::Server(&name), &pair)
            }
            Self::IssueDevice {
                at,
                site,
                device,
                pair,
            } => Office::open(&at.config, now)?.hand_out(&Subject::Device(&site, &device), &pair),
            Self::Enrol {
                at,
                site,
                device,
                operator,
                hours,
            } => {
                let office = Office::open(&at.config, now)?;
                print(&office.enrol(&site, &device, &operator, hours)?)
            }
            Self::Sign(at) => {
                let office = Office::open(&at.config, now)?;
                office.forget_answers()?;
                office.sign()
            }
            Self::Approve {
                at,
                serial,
                operator,
            } => Office::open(&at.config, now)?.approve(&serial, &operator),
            Self::Revoke {
                at,
                site,
                serial,
                reason,
            } => {
                let mut office = Office::open(&at.config, now)?;
                office.revoke(site.as_ref(), serial.as_deref(), &reason)
            }
            Self::List(at) => print(&Office::open(&at.config, now)?.list()?),
        }
    }
}

/// The issuing authority at work.
struct Office {
    settings: Settings,
    authority: Authority,
    register: Register,
    at: i64,
}

impl Office {
    fn open(config: &Path, at: i64) -> Result<Self> {
        let settings = Settings::load(config)?;
        Ok(Self {
            authority: Authority::open(&settings.folder)?,
            register: Register::open(&settings.folder.join("register.sqlite"))?,
            settings,
            at,
        })
    }

    /// Issues a certificate with a key that is made here.
    fn hand_out(&mut self, subject: &Subject<'_>, pair: &PairFiles) -> Result<()> {
        let key = KeyPair::generate()?;
        let issued = self.authority.issue(subject, &key, None, self.at)?;
        add_secret(&pair.key, &Zeroizing::new(key.serialize_pem()))?;
        add(&pair.certificate, issued.pem.as_bytes())?;
        self.register.add(&issued)?;
        self.publish()
    }

    fn enrol(
        &self,
        site: &SiteId,
        device: &DeviceName,
        operator: &str,
        hours: i64,
    ) -> Result<String> {
        let code = EnrolmentCode::draw(&mut UnwrapErr(SysRng));
        let verifying = code
            .verifying_key()
            .map_err(|error| Failure::because(Problem::Internal, "code", error))?;
        let until = self.at + hours * 3_600;
        self.register
            .enrol((site, device), &verifying, operator, until)?;
        Ok(code.to_string())
    }

    /// Answers what waits, oldest name first, and gives a new revocation list.
    fn sign(mut self) -> Result<()> {
        let mut names = Vec::new();
        let unusable =
            |error| Failure::because(Problem::Files, self.settings.requests.display(), error);
        for entry in fs::read_dir(&self.settings.requests).map_err(unusable)? {
            names.push(entry.map_err(unusable)?.path());
            if names.len() == REQUESTS_MAX {
                break;
            }
        }
        names.sort_unstable();
        let (mut issued, mut waiting, mut refused) = (0_u64, 0_u64, 0_u64);
        let mut failed = None;
        for name in names {
            match self.answer(&name) {
                Ok(None) => {}
                Ok(Some(CertificateAnswer::Issued { .. })) => issued += 1,
                Ok(Some(CertificateAnswer::Waiting)) => waiting += 1,
                Ok(Some(CertificateAnswer::Refused { .. })) => refused += 1,
                // One file keeps neither the others from an answer nor the list from the fronts.
                Err(failure) => {
                    tracing::error!(%failure, "request not answered");
                    failed = failed.or(Some(failure));
                }
            }
        }
        self.publish()?;
        tracing::info!(issued, waiting, refused, "requests answered");
        failed.map_or(Ok(()), Err)
    }

    /// Answers one request. A file that is not whole yet, or not named by what it holds, is left to
    /// the next run or taken away.
    fn answer(&mut self, path: &Path) -> Result<Option<CertificateAnswer>> {
        let failed = |error| Failure::because(Problem::Files, path.display(), error);
        if path.extension().is_none_or(|kind| kind != "request") {
            return Ok(None);
        }
        // Whoever has the front makes what it likes here.
        if !fs::symlink_metadata(path).map_err(failed)?.is_file() {
            return Err(Failure::new(Problem::Files, path.display()));
        }
        let mut bytes = Vec::new();
        fs::File::open(path)
            .and_then(|file| {
                file.take(CERTIFICATE_MESSAGE_MAX as u64 + 1)
                    .read_to_end(&mut bytes)
            })
            .map_err(failed)?;
        let at = self.at;
        let authority = &self.authority;
        let judged = self.register.at_once(|register| {
            let bench = Bench {
                register,
                authority,
                at,
            };
            bench.judge(&bytes)
        })?;
        let answer = match judged {
            Judged::Issued(issued) => CertificateAnswer::Issued { chain: issued.pem },
            Judged::Waiting => CertificateAnswer::Waiting,
            Judged::Refused(problem) => CertificateAnswer::Refused {
                code: problem.code().to_owned(),
            },
        };
        let name = format!("{}.answer", BatchId::new(sha256(&bytes)));
        files::replace(&self.settings.answers.join(name), &answer.to_bytes())?;
        if answer != CertificateAnswer::Waiting {
            fs::remove_file(path).map_err(failed)?;
        }
        Ok(Some(answer))
    }

    /// Takes away answers that nobody fetches any more: certificates after 30 days, refusals, which
    /// anybody can ask for, after one.
    fn forget_answers(&self) -> Result<()> {
        let folder = &self.settings.answers;
        let failed = |error| Failure::because(Problem::Files, folder.display(), error);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let data = entry.metadata().map_err(failed)?;
            let changed = data.modified().map_err(failed)?;
            let days = match data.len() < WITH_CERTIFICATE {
                true => 1,
                false => ANSWER_DAYS,
            };
            let changed = Timestamp::try_from(changed);
            if changed.is_ok_and(|it| it.as_second() + days * DAY < self.at) {
                match fs::remove_file(entry.path()) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Lets a device in whose certificate ended.
    fn approve(&self, serial: &str, operator: &str) -> Result<()> {
        let found = self.named(serial)?;
        match self.register.approve(&found.serial, operator)? {
            true => Ok(()),
            false => Err(Failure::new(Problem::Unknown, serial)),
        }
    }

    /// Takes back what a site has, codes that nobody used too, or one certificate.
    fn revoke(&mut self, site: Option<&SiteId>, serial: Option<&str>, reason: &str) -> Result<()> {
        if let Some(site) = site {
            self.register.forget_codes(site)?;
            if self.register.revoke_site(site, reason, self.at)? == 0 {
                return Err(Failure::new(Problem::Unknown, site));
            }
        }
        if let Some(serial) = serial {
            let found = self.named(serial)?;
            if found.site.is_none() {
                // Devices look at no list.
                return Err(Failure::new(Problem::OfService, serial));
            }
            self.register.revoke(&found.serial, reason, self.at)?;
        }
        self.publish()
    }

    /// The certificate with a serial number as `list` shows it.
    fn named(&self, serial: &str) -> Result<Issued> {
        let all = self.register.all()?;
        let mut found = all.into_iter();
        found
            .find(|it| crate::x509::hex(&it.serial) == serial)
            .ok_or_else(|| Failure::new(Problem::Unknown, serial))
    }

    /// Puts a new revocation list where the front reads it. Two steps at once, such as `sign`
    /// beside `revoke`, do it one after the other, or the older list could be the last.
    fn publish(&mut self) -> Result<()> {
        let Self {
            settings,
            authority,
            register,
            at,
        } = self;
        register.at_once(|register| {
            let number = register.next_list(*at)?;
            let list = authority.list(&register.all()?, number, *at)?;
            files::replace(&settings.revocations, list.as_bytes())
        })
    }

    fn list(&self) -> Result<String> {
        let waiting = self.register.waiting()?;
        let mut text = String::from("serial,site,name,from,until,state");
        for issued in self.register.all()? {
            let site = issued.site.as_ref().map_or("", |site| site.as_str());
            text.push_str(&format!(
                "\n{},{site},{},{},{},{}",
                crate::x509::hex(&issued.serial),
                issued.name,
                day(issued.not_before),
                day(issued.not_after),
                state(&issued, waiting.contains(&issued.serial), self.at)
            ));
        }
        Ok(text)
    }
}

fn state(issued: &Issued, waits: bool, at: i64) -> String {
    match &issued.revoked {
        Some((_, reason)) => format!("revoked:{reason}"),
        None if waits => "waits".to_owned(),
        None if issued.not_after < at => "over".to_owned(),
        None => "valid".to_owned(),
    }
}

fn print(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|error| Failure::because(Problem::Files, "stdout", error))
}
