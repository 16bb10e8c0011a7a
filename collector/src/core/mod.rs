//! The core (中核): opens, catalogues, links, makes. It listens on no network; it reads the front's
//! inbox and writes its own state folder, which one run holds at a time.
//!
//! `pull` → `link` → `make`, and letters to devices (`letters`); each step can be repeated at any
//! time and after any interruption.

mod catalogue;
pub(crate) mod durable;
mod envelopes;
mod epochs;
mod erase;
mod failure;
#[cfg(test)]
mod fixture;
mod folder;
mod letters;
mod link;
mod make;
mod progress;
mod pull;
mod quality;
mod random;
mod records;
mod report;
mod rewrap;
mod settings;
mod tables;
mod transfers;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use envelope::{CorePublicKey, CoreSecretKey, MacKey, SigningKey};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use record::{BatchId, Date, SiteId};
use zeroize::Zeroizing;

use self::catalogue::{Catalogue, Member};
use self::failure::{Failure, Problem, Result};
use self::folder::Folder;
use self::letters::Post;
use self::make::{Forbidden, Make, Outcome, Recipe};
use self::pull::Pull;
use self::random::Randomness;
use self::records::Act;
use self::report::{Report, Status};
use self::settings::Settings;
use self::tables::{Rekey, history};
use self::transfers::Anchors;

/// Runs a step of the core.
#[derive(Debug, Args)]
pub(crate) struct Command {
    /// Settings file (TOML).
    #[arg(long)]
    config: PathBuf,
    /// Write a JSON report here.
    #[arg(long, global = true)]
    report: Option<PathBuf>,
    /// Make research IDs, offsets and release IDs repeatable. For synthetic data only.
    #[arg(long, global = true, value_name = "NUMBER")]
    danger_fixed_seed: Option<u64>,
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// 取り込み: take batches from the inbox into the tables.
    Pull,
    /// 名寄せ: find which subjects are one person.
    Link,
    /// 加工: make an anonymized data set.
    Make(MakeOptions),
    /// 取り込み・名寄せ・加工: pull, link and make, once.
    Run(MakeOptions),
    /// 状態: show what the core holds.
    Status {
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// 対応表の出力: write site, subject and research ID of every subject as CSV.
    ExportLinks {
        /// The file.
        #[arg(long)]
        out: PathBuf,
    },
    /// 封緘の別便の出力: write the newest identity envelope of a subject, for the vault to open. It
    /// stays sealed.
    ExportEnvelope {
        /// The subject, `SITE:REFERENCE` as in `export-links`.
        #[arg(long)]
        subject: String,
        /// The file.
        #[arg(long)]
        out: PathBuf,
    },
    /// 来歴: print the releases that a batch went into.
    Trace {
        /// The batch: SHA-256 of its bytes.
        batch: BatchId,
    },
    /// 再判定: have the next pull judge a refused batch again, after its cause was removed.
    Retry {
        /// The batch, as `status` shows it.
        batch: BatchId,
    },
    /// 文書の履歴: show every version of a document, withdrawn ones too, and which stands.
    History {
        /// The document, `SITE:REFERENCE` as the tables write it.
        document: String,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// 停止指示: order a site's device to stop provision about a person. What was told of the person
    /// is read as TOML from standard input: arguments of a program are visible to others.
    OrderStop {
        /// The site.
        #[arg(long)]
        site: SiteId,
        /// The order in whose place this one stands.
        #[arg(long)]
        instead_of: Option<String>,
    },
    /// 緊急コード: let one account of a site's page in for 30 minutes, once, within 24 hours. The
    /// code is printed and kept nowhere; the account may only look and enter stops.
    EmergencyCode {
        /// The site.
        #[arg(long)]
        site: SiteId,
        /// The account, by its name for signing in.
        #[arg(long)]
        account: String,
        /// Who makes it at the centre: 1 to 64 of `A-Z a-z 0-9 . _ -`.
        #[arg(long, value_parser = operator)]
        operator: String,
    },
    /// 停止指示の一覧: show every stop order and emergency code, its age and what the device said.
    Orders {
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// 鍵の付け替え: make the batches of the inbox readable by a new key of the core as well, without
    /// opening them, so that an old key can be destroyed.
    Rewrap {
        /// File of the old secret key.
        #[arg(long)]
        old: PathBuf,
        /// File of the new public key.
        #[arg(long)]
        new: PathBuf,
    },
    /// 突き合わせ: compare the transfer ledgers of devices with the centre's, site by site, and both
    /// with the newest anchor. Ends with an error if a difference is not explained.
    Reconcile {
        /// Print every site as JSON, one a line, instead of the differences.
        #[arg(long)]
        json: bool,
    },
    /// 通知の受け渡し: take answers of devices, put letters out for them.
    Letters,
    /// Receipt records, their disposal, certificates.
    #[command(flatten)]
    Records(records::Act),
    /// 停止の解除: resume a site whose chain has forked. One of the contending batches is kept, the
    /// others are refused.
    Resume {
        /// The site.
        #[arg(long)]
        site: SiteId,
        /// The batch that is kept, as `status` shows it.
        #[arg(long)]
        keep: BatchId,
        /// Who decides at the centre: 1 to 64 of `A-Z a-z 0-9 . _ -`.
        #[arg(long, value_parser = operator)]
        operator: String,
    },
    /// 名寄せの取り消し: rule that two subjects are different persons; the next `link` splits them.
    Unlink {
        /// One subject, `SITE:REFERENCE` as in `export-links`.
        #[arg(long)]
        a: String,
        /// The other.
        #[arg(long)]
        b: String,
    },
}

impl Step {
    /// Whether nothing comes of the step that could hold a person who is to be erased: it reads no
    /// rows of persons, or leaves those of such persons out. Then a damaged table, which keeps an
    /// erasure from being finished, keeps nobody from seeing what is wrong or from stopping others.
    const fn makes_nothing(&self) -> bool {
        match self {
            Self::Status { .. }
            | Self::Trace { .. }
            | Self::Retry { .. }
            | Self::History { .. }
            | Self::OrderStop { .. }
            | Self::EmergencyCode { .. }
            | Self::Orders { .. }
            | Self::Rewrap { .. }
            | Self::Reconcile { .. }
            | Self::Resume { .. }
            | Self::Records(_)
            | Self::Letters => true,
            Self::Pull
            | Self::Link
            | Self::Make(_)
            | Self::Run(_)
            | Self::ExportLinks { .. }
            | Self::ExportEnvelope { .. }
            | Self::Unlink { .. } => false,
        }
    }
}

/// Options of `make`.
#[derive(Debug, Args)]
struct MakeOptions {
    /// Name of the release.
    #[arg(long, default_value = "release")]
    release: String,
    /// Recipe (TOML); without it the one that is shipped.
    #[arg(long)]
    recipe: Option<PathBuf>,
    /// Strings that must not occur in the release, one a line.
    #[arg(long)]
    lint_list: Option<PathBuf>,
}

pub(crate) fn operator(text: &str) -> std::result::Result<String, &'static str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    match (1..=64).contains(&text.len()) && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err("1-64: A-Z a-z 0-9 . _ -"),
    }
}

impl Command {
    /// Runs the step.
    ///
    /// # Errors
    /// Whatever stopped it, with a stable code, in Japanese and English.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        Ok(self.run_step()?)
    }

    fn run_step(&self) -> Result<()> {
        let settings = Settings::load(&self.config)?;
        let seed = settings.fixed_seed(self.danger_fixed_seed)?;
        let folder = Folder::open(&settings.state)?;
        let mut core = Core {
            catalogue: Catalogue::open(&folder.catalogue())?,
            randomness: seed.map_or(Randomness::System, Randomness::Fixed),
            at: Timestamp::now(),
            report: Report::default(),
            settings,
            folder,
        };
        let done = core.step(&self.step);
        core.report.peak_memory_bytes = report::peak_memory_bytes();
        // What was done before a failure is told too.
        if let Some(path) = &self.report {
            core.report.save(path)?;
        }
        done
    }
}

struct Core {
    settings: Settings,
    folder: Folder,
    catalogue: Catalogue,
    randomness: Randomness,
    at: Timestamp,
    report: Report,
}

impl Core {
    fn step(&mut self, step: &Step) -> Result<()> {
        // What a run that was killed left to be erased must not be seen by any step.
        match self.erase() {
            Err(failure) if step.makes_nothing() => progress::not_erased(&failure),
            done => done?,
        }
        match step {
            Step::Pull => self.pull()?,
            Step::Link => self.link()?,
            Step::Make(options) => self.make(options)?,
            Step::Run(options) => {
                self.pull()?;
                self.link()?;
                self.make(options)?;
            }
            Step::Status { json } => {
                self.tell_fronts()?;
                return self.show_status(*json);
            }
            Step::ExportLinks { out } => return self.export_links(out),
            Step::ExportEnvelope { subject, out } => return self.export_envelope(subject, out),
            Step::Trace { batch } => {
                let releases = self.catalogue.releases_of(batch)?;
                return print(&releases.join("\n"));
            }
            Step::Retry { batch } => return self.retry(batch),
            Step::History { document, json } => return self.show_history(document, *json),
            Step::Unlink { a, b } => return self.unlink(a, b),
            Step::OrderStop { site, instead_of } => {
                return self.order_stop(site, instead_of.as_deref());
            }
            Step::EmergencyCode {
                site,
                account,
                operator,
            } => return self.emergency_code(site, account, operator),
            Step::Orders { json } => return self.show_orders(*json),
            Step::Rewrap { old, new } => return self.rewrap(old, new),
            Step::Reconcile { json } => return self.reconcile(*json),
            Step::Letters => self.letters()?,
            Step::Resume {
                site,
                keep,
                operator,
            } => {
                let at = self.at.as_second();
                self.catalogue.resume(site, keep, operator, at)?;
                self.tell_fronts()?;
            }
            Step::Records(act) => return self.keep_records(act),
        }
        self.report.status = Some(self.status()?);
        Ok(())
    }

    fn erase(&mut self) -> Result<()> {
        erase::finish(
            &mut self.catalogue,
            &self.folder.tables(),
            self.at.as_second(),
        )?;
        Ok(())
    }

    /// Takes answers of devices and puts letters out for them, where that is set up.
    fn letters(&mut self) -> Result<()> {
        let Some(post) = Post::open(&self.settings)? else {
            return Ok(());
        };
        let opening = self.opening_keys()?;
        // Letters that are sealed with the same random bytes would not be sealed: no fixed seed.
        let mut rng = Randomness::System.stream("letters", b"")?;
        let at = self.at.as_second();
        let summary = self.report.letters.get_or_insert_default();
        post.run(&mut self.catalogue, &opening, at, &mut rng, summary)
    }

    fn keep_records(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Records { out } => write(out, records::lines(&self.catalogue)?.as_bytes()),
            Act::Hold {
                site,
                end,
                operator,
            } => {
                let at = self.at.as_second();
                self.catalogue.hold(site, !end, operator, at).map(drop)
            }
            Act::Dispose {
                before,
                operator,
                certificate,
            } => self.dispose(*before, operator, certificate),
            Act::Certificates => print(&self.catalogue.certifiable()?.join("\n")),
            Act::Certify { place, out } => self.certify(*place, out),
        }
    }

    fn dispose(&mut self, before: Date, operator: &str, certificate: &Path) -> Result<()> {
        let (years, at) = (self.settings.receipt_years, self.at.as_second());
        let before = records::disposable(before, years, today(self.at))?;
        let (place, count) = self.catalogue.dispose(before, operator, at)?;
        // Should this fail, `certify` writes it again.
        self.certify(place, certificate)?;
        print(&format!("廃棄 / disposed: {count} ({place})"))
    }

    fn certify(&self, place: u64, out: &Path) -> Result<()> {
        let letters = self.settings.keys.letters.as_deref();
        let letters = letters.ok_or_else(|| Failure::new(Problem::Key, "keys.letters"))?;
        write(
            out,
            &records::certify(&self.catalogue, place, &key(letters)?)?,
        )
    }

    /// Tells the fronts which sites are stopped.
    fn tell_fronts(&self) -> Result<()> {
        let Some(path) = &self.settings.blocked else {
            return Ok(());
        };
        let stopped = self.catalogue.stopped()?;
        let lines = stopped.iter().map(|it| format!("{}\n", it.site));
        durable::write_shared(path, lines.collect::<String>().as_bytes())
            .map_err(|error| Failure::because(Problem::Blocked, path.display().to_string(), error))
    }

    fn order_stop(&mut self, site: &SiteId, instead_of: Option<&str>) -> Result<()> {
        let post = Post::open(&self.settings)?;
        let post = post.ok_or_else(|| Failure::new(Problem::Letters, site.to_string()))?;
        let mut text = Zeroizing::new(String::with_capacity(ENTERED_MAX));
        let mut entered = std::io::stdin().take(ENTERED_MAX as u64);
        entered
            .read_to_string(&mut text)
            .map_err(|_| Failure::new(Problem::Order, "UTF-8"))?;
        let mut rng = Randomness::System.stream("letters", b"")?;
        let at = self.at.as_second();
        let name = post.order(&mut self.catalogue, site, &text, instead_of, at, &mut rng)?;
        print(&name)
    }

    fn emergency_code(&mut self, site: &SiteId, account: &str, operator: &str) -> Result<()> {
        let post = Post::open(&self.settings)?;
        let post = post.ok_or_else(|| Failure::new(Problem::Letters, site.to_string()))?;
        let mut rng = Randomness::System.stream("letters", b"")?;
        let (catalogue, at) = (&mut self.catalogue, self.at.as_second());
        let (name, code) = post.emergency(catalogue, site, account, operator, at, &mut rng)?;
        print(&format!("{name}\n{code}"))
    }

    fn show_orders(&self, json: bool) -> Result<()> {
        let orders = letters::orders(&self.catalogue, self.at.as_second())?;
        print(&match json {
            true => serde_json::to_string_pretty(&orders)
                .map_err(|error| Failure::because(Problem::Output, "orders", error))?,
            false => progress::orders(&orders),
        })
    }

    fn rewrap(&self, old: &Path, new: &Path) -> Result<()> {
        let old: CoreSecretKey = key(old)?;
        let new: CorePublicKey = key(new)?;
        let mut rng = Randomness::System.stream("rewrap", b"")?;
        let folder = self.folder.rewrapped();
        let settings = &self.settings;
        let done = rewrap::run(
            settings,
            &folder,
            &old,
            &new,
            &mut rng,
            progress::rewrapping,
        )?;
        progress::rewrapped(&done);
        Ok(())
    }

    /// What opens batches and answers: the key in use first.
    fn opening_keys(&self) -> Result<Vec<CoreSecretKey>> {
        let files = &self.settings.keys;
        let all = std::iter::once(&files.core).chain(&files.core_others);
        all.map(|file| key(file)).collect()
    }

    fn pull(&mut self) -> Result<()> {
        // A confirmation that is there lets its site's batches in.
        self.letters()?;
        let opening = self.opening_keys()?;
        let rekey = Rekey::new(&key::<MacKey>(&self.settings.keys.rekey)?);
        let mut report = std::mem::take(&mut self.report);
        let pull = Pull {
            settings: &self.settings,
            folder: &self.folder,
            catalogue: &mut self.catalogue,
            keys: &opening,
            rekey: &rekey,
            at: self.at.as_second(),
            today: today(self.at),
        };
        let done = report.timed("pull", || pull.run());
        self.report = report;
        self.tell_fronts()?;
        let summary = done?;
        progress::pulled(&summary);
        self.report.pull = Some(summary);
        self.erase()?;
        self.letters()?;
        self.anchor()
    }

    /// Once a day, what was taken is compared with what devices say they delivered, and anchored.
    fn anchor(&mut self) -> Result<()> {
        let key = self.letters_key()?;
        let anchors = self.anchors(key.as_ref());
        let day = today(self.at);
        if anchors.has(day) {
            return Ok(());
        }
        let told = |it: &transfers::Comparison| progress::compared(it, true);
        let summary = transfers::reconcile(self.records(), &anchors, day, told)?;
        progress::reconciled(&summary);
        self.report.reconcile = Some(summary);
        Ok(())
    }

    fn reconcile(&mut self, json: bool) -> Result<()> {
        let key = self.letters_key()?;
        let anchors = self.anchors(key.as_ref());
        let mut lines = Vec::new();
        let each = |it: &transfers::Comparison| match json {
            true => lines.extend(serde_json::to_string(it)),
            false => progress::compared(it, false),
        };
        let summary = transfers::reconcile(self.records(), &anchors, today(self.at), each)?;
        progress::reconciled(&summary);
        self.report.reconcile = Some(summary);
        if json {
            print(&lines.join("\n"))?;
        }
        match summary.unexplained {
            0 => Ok(()),
            count => Err(Failure::new(Problem::Unexplained, count.to_string())),
        }
    }

    const fn records(&self) -> transfers::Records<'_> {
        transfers::Records {
            catalogue: &self.catalogue,
            settings: &self.settings,
        }
    }

    fn letters_key(&self) -> Result<Option<SigningKey>> {
        self.settings.keys.letters.as_deref().map(key).transpose()
    }

    fn anchors<'a>(&self, key: Option<&'a SigningKey>) -> Anchors<'a> {
        let own = std::iter::once(self.folder.anchors());
        Anchors {
            folders: own.chain(self.settings.anchors.clone()).collect(),
            key,
        }
    }

    fn link(&mut self) -> Result<()> {
        let rekey = Rekey::new(&key::<MacKey>(&self.settings.keys.rekey)?);
        let mut report = std::mem::take(&mut self.report);
        let most = self.settings.limits.block_subjects;
        let at = self.at.as_second();
        let done = report.timed("link", || {
            let catalogue = &mut self.catalogue;
            link::run(&self.folder, catalogue, &rekey, self.randomness, most, at)
        });
        self.report = report;
        let summary = done?;
        progress::linked(&summary);
        self.report.link = Some(summary);
        Ok(())
    }

    fn make(&mut self, options: &MakeOptions) -> Result<()> {
        let recipe = match &options.recipe {
            None => Recipe::parse(make::DEFAULT)?,
            Some(path) => Recipe::parse(&std::fs::read_to_string(path).map_err(|error| {
                Failure::because(Problem::Recipe, path.display().to_string(), error)
            })?)?,
        };
        let forbidden = match &options.lint_list {
            None => Forbidden::default(),
            Some(path) => Forbidden::load(path)?,
        };
        let mut report = std::mem::take(&mut self.report);
        let make = Make {
            folder: &self.folder,
            catalogue: &mut self.catalogue,
            recipe: &recipe,
            release: &options.release,
            forbidden: &forbidden,
            release_rows: self.settings.limits.release_rows,
            randomness: self.randomness,
            at: self.at.as_second(),
        };
        let done = report.timed("make", || make.run());
        self.report = report;
        match done? {
            Outcome::Made(summary) => {
                progress::made(&summary);
                self.report.make = Some(*summary);
            }
            Outcome::Stands(name) => {
                progress::stands(&name);
                self.report.release_stands = Some(name);
            }
        }
        Ok(())
    }

    fn show_status(&mut self, json: bool) -> Result<()> {
        let status = self.status()?;
        let text = match json {
            true => serde_json::to_string_pretty(&status)
                .map_err(|error| Failure::because(Problem::Output, "status", error))?,
            false => progress::status(&status, &self.catalogue.not_taken()?),
        };
        self.report.status = Some(status);
        print(&text)
    }

    fn status(&self) -> Result<Status> {
        let at = self.at.as_second();
        Status::of(&self.catalogue, &self.folder, &self.settings, at)
    }

    fn show_history(&self, document: &str, json: bool) -> Result<()> {
        let unknown = || Failure::new(Problem::UnknownDocument, document);
        let (site, reference) = document.split_once(':').ok_or_else(unknown)?;
        let site = site.parse().map_err(|_| unknown())?;
        let reference = reference.parse().map_err(|_| unknown())?;
        let stated = history(&self.catalogue, &self.folder.tables(), &site, reference)?;
        if stated.is_empty() {
            return Err(unknown());
        }
        print(&match json {
            true => serde_json::to_string_pretty(&stated)
                .map_err(|error| Failure::because(Problem::Output, "history", error))?,
            false => progress::history(&stated),
        })
    }

    fn export_links(&self, out: &Path) -> Result<()> {
        let mut text = String::from("site,subject,research_id\n");
        for (member, person) in self.catalogue.members()? {
            text.push_str(&format!("{},{},{person}\n", member.site, member.subject));
        }
        write(out, text.as_bytes())
    }

    fn export_envelope(&self, subject: &str, out: &Path) -> Result<()> {
        let unknown = || Failure::new(Problem::UnknownSubject, "--subject");
        let member = Member::parse(subject).ok_or_else(unknown)?;
        let envelope = envelopes::newest(&self.catalogue, &self.folder.tables(), &member)?;
        let envelope = envelope.ok_or_else(|| Failure::new(Problem::NoEnvelope, subject))?;
        write(out, &envelope)
    }

    fn retry(&mut self, batch: &BatchId) -> Result<()> {
        match self.catalogue.judge_again(batch, self.at.as_second())? {
            0 => Err(Failure::new(Problem::NotRefused, batch.to_string())),
            _ => Ok(()),
        }
    }

    fn unlink(&mut self, a: &str, b: &str) -> Result<()> {
        let members = self.catalogue.members()?;
        let known = |text: &str| {
            let member = Member::parse(text)?;
            members
                .iter()
                .any(|(known, _)| *known == member)
                .then_some(member)
        };
        match (known(a), known(b)) {
            (Some(a), Some(b)) if a != b => {
                self.catalogue.set_apart(&a, &b, self.at.as_second())?;
                Ok(())
            }
            _ => Err(Failure::new(Problem::UnknownSubject, "--a, --b")),
        }
    }
}

fn key<K: std::str::FromStr>(path: &Path) -> Result<K> {
    let name = || path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::because(Problem::Key, name(), error))?;
    // What is wrong with the text is not told: the text is a secret.
    text.trim()
        .parse()
        .map_err(|_| Failure::new(Problem::Key, name()))
}

fn write(out: &Path, bytes: &[u8]) -> Result<()> {
    durable::write(out, bytes)
        .map_err(|error| Failure::because(Problem::Output, out.display().to_string(), error))
}

fn print(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|error| Failure::because(Problem::Output, "stdout", error))
}

/// Most bytes of what is entered for a stop order.
const ENTERED_MAX: usize = 16 << 10;

/// The calendar day in Japan of a moment in seconds since 1970.
fn today_at(at: i64) -> Date {
    today(Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The calendar day in Japan.
fn today(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::fixed(Offset::constant(9))).date()
}
