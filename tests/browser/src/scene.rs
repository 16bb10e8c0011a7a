//! A town with two hospitals on one appliance, its gateway having run, and the page serving both.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use harness::job::Job;
use harness::process::{Programs, Running, free_address, wait_for};
use harness::scene::{TOWN_SITES, town_with_deployment};
use ring::hmac;
use town::Truth;

use crate::{Chromium, Tab};

/// The name under which browsers call the page.
const NAME: &str = "sekisho.internal";
/// The password of everybody here.
const PASSWORD: &str = "asagao to tsuyukusa";
/// How long a code of an authenticator app is shown (RFC 6238).
const STEP_SECONDS: u64 = 30;
/// How long a slow machine takes from making a code to looking at it.
const TYPING_SECONDS: u64 = 10;

/// The page on a town.
pub struct Scene {
    /// The gateways and the centre.
    pub job: Job,
    /// Who is who.
    pub truth: Truth,
    /// `https://sekisho.internal:PORT`.
    pub address: String,
    /// The page's own folder.
    pub folder: PathBuf,
    config: PathBuf,
    page: Running,
    _root: tempfile::TempDir,
}

/// Somebody with an account.
pub struct Person {
    /// The name for signing in.
    pub name: String,
    secret: Vec<u8>,
    /// The last code that was used: none works twice.
    step: u64,
}

impl Scene {
    /// Makes the town, runs both gateways and the front once, and starts the page.
    ///
    /// # Errors
    /// A program does not do what it should.
    pub fn new(persons: u32) -> Result<Self> {
        let scene = Self::unread(persons)?;
        let mut front = scene.job.start_front()?;
        for site in 0..scene.job.deployment.sites.len() {
            scene.job.run_gateway(site, &[])?.well()?;
        }
        front.kill()?;
        Ok(scene)
    }

    /// Makes the town and starts the page; no gateway has run yet.
    ///
    /// # Errors
    /// A program does not do what it should.
    pub fn unread(persons: u32) -> Result<Self> {
        Self::on(Programs::beside_test()?, persons)
    }

    /// The same, with the settings of the first hospital changed before the page reads them.
    ///
    /// # Errors
    /// A program does not do what it should, or the settings say nothing of the kind.
    pub fn with_settings(persons: u32, from: &str, to: &str) -> Result<Self> {
        let change = |job: &Job| {
            let site = job.deployment.sites.first().context("no site")?;
            let text = fs::read_to_string(&site.config)?;
            ensure!(text.contains(from), "{text}");
            Ok(fs::write(&site.config, text.replacen(from, to, 1))?)
        };
        Self::prepared(Programs::beside_test()?, persons, change)
    }

    /// The same with these programs.
    ///
    /// # Errors
    /// A program does not do what it should.
    pub fn on(programs: Programs, persons: u32) -> Result<Self> {
        Self::prepared(programs, persons, |_| Ok(()))
    }

    fn prepared(
        programs: Programs,
        persons: u32,
        prepare: impl FnOnce(&Job) -> Result<()>,
    ) -> Result<Self> {
        let root = tempfile::tempdir()?;
        let (truth, deployment) = town_with_deployment(root.path(), 11, persons)?;
        let job = Job::new(deployment, programs);
        prepare(&job)?;
        let listen = free_address()?;
        let folder = root.path().join("page");
        let config = root.path().join("page.toml");
        let institution = |(site, name): (usize, &str)| {
            let settings = job
                .deployment
                .sites
                .get(site)
                .map(|site| site.config.display());
            format!(
                "[[institutions]]\nname = \"{name}\"\nsettings = \"{}\"\ncontact = \"{name} 受付\"\n",
                settings.map(|it| it.to_string()).unwrap_or_default()
            )
        };
        let institutions = ["みなと診療所", "やまて病院"];
        let institutions: String = institutions
            .into_iter()
            .enumerate()
            .map(institution)
            .collect();
        fs::write(
            &config,
            format!(
                "listen = \"{listen}\"\nnames = [\"{NAME}\"]\nfolder = \"{}\"\n{institutions}",
                folder.display()
            ),
        )?;
        let page = serve(&job, &config, listen)?;
        Ok(Self {
            job,
            truth,
            address: format!("https://{NAME}:{}", listen.port()),
            folder,
            config,
            page,
            _root: root,
        })
    }

    /// The number of the process that serves the page.
    pub fn page_process(&self) -> u32 {
        self.page.id()
    }

    /// Starts the first run of a hospital's gateway, slowly and in small batches, as a backfill of
    /// years from a busy storage goes on for a day.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_backfill(&self, site: usize) -> Result<Running> {
        let config = &self
            .job
            .deployment
            .sites
            .get(site)
            .context("no such site")?
            .config;
        let settings = fs::read_to_string(config)?;
        let slowly = "[source.pace]\nfiles_per_second = 60\n[limits]\nbatch_documents = 10\n";
        fs::write(config, format!("{settings}\n{slowly}"))?;
        self.job.start_gateway(site, &["--hold"])
    }

    /// The chart number of a patient of a hospital (0 is A) whose records may leave.
    ///
    /// # Errors
    /// The town has not so many.
    pub fn chart(&self, hospital: u8, place: usize) -> Result<String> {
        let registrations = self
            .truth
            .persons
            .iter()
            .flat_map(|person| &person.registrations);
        let mut fitting =
            registrations.filter(|it| it.hospital == hospital && it.may_leave() && it.files > 2);
        let found = fitting.nth(place).context("no such person in the town")?;
        Ok(found.chart_number.clone())
    }

    /// Makes an account at the console, as the person who sets the appliance up does. Gives the
    /// one-time code.
    ///
    /// # Errors
    /// The program refuses.
    pub fn issue(&self, name: &str, person: &str, roles: &[&str], site: usize) -> Result<String> {
        let mut command = self.job.programs.gateway();
        let site = TOWN_SITES.get(site).context("no such site")?;
        command.arg("account").arg("--config").arg(&self.config);
        command.args(["--name", name, "--person", person, "--site", site]);
        for role in roles {
            command.args(["--role", role]);
        }
        let told = told(&mut command)?;
        let code = told
            .lines()
            .find(|line| line.len() == 14 && line.is_ascii());
        Ok(code.with_context(|| told.clone())?.to_owned())
    }

    /// Makes an account, goes through the first sign-in and signs in.
    ///
    /// # Errors
    /// The pages do not lead there.
    pub fn signed_in(
        &self,
        chromium: &Chromium,
        name: &str,
        roles: &[&str],
        size: (u32, u32),
    ) -> Result<(Tab, Person)> {
        let code = self.issue(name, &format!("{name} さん"), roles, 0)?;
        let tab = chromium.tab(size.0, size.1)?;
        let mut person = self.first(&tab, name, &code)?;
        self.sign_in(&tab, &mut person)?;
        Ok((tab, person))
    }

    /// The first sign-in with a one-time code.
    ///
    /// # Errors
    /// The pages do not lead there.
    pub fn first(&self, tab: &Tab, name: &str, code: &str) -> Result<Person> {
        tab.open(&format!("{}/first", self.address))?;
        tab.fill("#name", name)?;
        tab.fill("#code", code)?;
        tab.follow("button.main")?;
        ensure!(tab.has("#secret")?, "{}", tab.text()?);
        let secret = unbase32(&tab.text_of("#secret")?).context("secret")?;
        // The step before this one, so that the next two codes are still good.
        let step = step_that_lasts()? - 1;
        for (field, text) in [
            ("#password", PASSWORD),
            ("#again", PASSWORD),
            ("#shown", &totp(&secret, step)),
        ] {
            tab.fill(field, text)?;
        }
        tab.follow("button.main")?;
        ensure!(tab.has("#password")?, "{}", tab.text()?);
        Ok(Person {
            name: name.to_owned(),
            secret,
            step,
        })
    }

    /// Signs in.
    ///
    /// # Errors
    /// The page refuses.
    pub fn sign_in(&self, tab: &Tab, person: &mut Person) -> Result<()> {
        if tab.path()? != "/login" {
            tab.open(&format!("{}/login", self.address))?;
        }
        tab.fill("#name", &person.name)?;
        tab.fill("#password", PASSWORD)?;
        tab.fill("#code", &person.code()?)?;
        tab.follow("button.main")?;
        ensure!(!tab.has("#password")?, "{}", tab.text()?);
        Ok(())
    }

    /// The password of everybody here.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// B-133: whatever was typed, no log and no file of the page names anybody.
    ///
    /// # Errors
    /// One does.
    pub fn names_nobody(&self, charts: &[&str]) -> Result<()> {
        let mut kept = vec![("page.log".to_owned(), self.page_log()?.into_bytes())];
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            kept.push((path.display().to_string(), fs::read(&path)?));
        }
        ensure!(kept.len() > 3, "nothing to look at");
        for (name, bytes) in kept {
            let holds = |text: &str| {
                let mut parts = bytes.windows(text.len());
                parts.any(|part| part == text.as_bytes())
            };
            for chart in charts {
                ensure!(!holds(chart), "{name} holds a chart number");
            }
            let all = self.truth.identifiers.iter();
            for identifier in all.filter(|it| it.chars().count() >= 8) {
                ensure!(!holds(identifier), "{name} holds an identifier");
            }
        }
        Ok(())
    }

    /// What the page wrote to its log so far.
    ///
    /// # Errors
    /// There is no log.
    pub fn page_log(&self) -> Result<String> {
        Ok(fs::read_to_string(
            self.job.deployment.root.join("page.log"),
        )?)
    }

    /// The largest resident memory of the page so far, in bytes.
    pub fn page_memory_bytes(&self) -> u64 {
        self.page.peak_memory_bytes()
    }
}

impl Person {
    /// The next code of the app that still works.
    ///
    /// # Errors
    /// The clock is before 1970.
    pub fn code(&mut self) -> Result<String> {
        // A code works once; the app's next one is taken half a minute early.
        while step_now()? < self.step {
            std::thread::sleep(Duration::from_millis(200));
        }
        self.step = (self.step + 1).max(step_that_lasts()? - 1);
        Ok(totp(&self.secret, self.step))
    }
}

fn serve(job: &Job, config: &PathBuf, listen: std::net::SocketAddr) -> Result<Running> {
    let mut command = job.programs.gateway();
    command
        .arg("page")
        .arg("--config")
        .arg(config)
        .env("RUST_LOG", "trace");
    let mut page = Running::start(&mut command, &job.deployment.root.join("page.log"))?;
    wait_for(listen, &mut page)?;
    Ok(page)
}

fn told(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    ensure!(output.status.success(), "{told}");
    Ok(told)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the code of an app is made of the real time"
)]
fn since_1970() -> Result<Duration> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?)
}

fn step_now() -> Result<u64> {
    Ok(since_1970()?.as_secs() / STEP_SECONDS)
}

/// The present step, once it goes on for long enough to type the code of the step before it: the
/// page takes that one until the present step ends.
fn step_that_lasts() -> Result<u64> {
    while since_1970()?.as_secs() % STEP_SECONDS >= STEP_SECONDS - TYPING_SECONDS {
        std::thread::sleep(Duration::from_millis(200));
    }
    step_now()
}

/// The code that an authenticator app shows (RFC 6238).
fn totp(secret: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 15);
    let four = tag.iter().skip(offset).take(4);
    let number = four.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

fn unbase32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for letter in text.chars().filter(|it| !it.is_whitespace()) {
        let value = match letter {
            'A'..='Z' => letter as u32 - 'A' as u32,
            '2'..='7' => letter as u32 - '2' as u32 + 26,
            _ => return None,
        };
        held = held << 5 | value;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 255).ok()?);
        }
    }
    Some(bytes)
}
