//! Several institutions on one appliance: one complete settings file each, in one folder.
//!
//! Each runs in a process of its own, with its own contract, lists, keys, state and queue: nothing
//! of one is in the memory of another, none can end another, and memory does not grow with their
//! number. Institutions that share what must be one's own are refused before anything runs; see
//! [`apart`].

mod apart;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use config::gateway::Settings;
use serde::Serialize;

use crate::clock::stopwatch;
use crate::error::{Failure, Problem};
use crate::run::Delivery;
use crate::spool::{private_folder, write_durably};
use apart::{Claim, Shared};

/// Most settings files of one folder.
const MOST: usize = 10_000;
/// How long looking at one institution's folders may take: a network share may hang.
const EXAMINE: Duration = Duration::from_secs(30);
/// How often a running institution is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How to run them.
pub(crate) struct Plan<'a> {
    /// The folder of settings files, `*.toml`.
    pub(crate) folder: &'a Path,
    /// Where each institution's report and the summary go.
    pub(crate) reports: Option<&'a Path>,
    /// Whether they deliver.
    pub(crate) delivery: Delivery,
    /// How many run at once.
    pub(crate) at_once: usize,
    /// After how many minutes one is ended; what it sealed is safe, and the next run goes on.
    pub(crate) minutes: u64,
}

/// How one institution came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Ended {
    /// The name of its settings file without `.toml`.
    pub(crate) name: String,
    /// Its site, where its settings can be read.
    pub(crate) site: Option<String>,
    /// The exit status, as of a run on its own.
    pub(crate) status: u8,
    /// The code of what stopped it; of a run that ended by itself, its own report tells.
    pub(crate) problem: Option<&'static str>,
}

/// One settings file that can be used so far.
struct Institution {
    name: String,
    config: PathBuf,
    site: String,
}

/// Runs every institution of the folder once.
///
/// # Errors
/// The folder cannot be read or the reports not written; otherwise, after all have run, that some
/// institution needs a person, or that all that failed will mend themselves.
pub(crate) fn run(plan: &Plan<'_>, tell: &(dyn Fn(&str) + Sync)) -> Result<(), Failure> {
    if let Some(reports) = plan.reports {
        private_folder(reports)?;
    }
    let (institutions, mut ended) = examine(plan.folder, tell)?;
    let queue = Mutex::new(institutions.into_iter());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..plan.at_once {
            scope.spawn(|| {
                while let Some(institution) = next(&queue) {
                    let outcome = run_one(&institution, plan, tell);
                    if let Ok(mut done) = done.lock() {
                        done.push(outcome);
                    }
                }
            });
        }
    });
    let done = done.into_inner();
    ended.extend(done.map_err(|_| Failure::new(Problem::Internal, "institutions"))?);
    ended.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(reports) = plan.reports {
        let path = reports.join("summary.json");
        let text = serde_json::to_vec_pretty(&ended).map_err(std::io::Error::other);
        text.and_then(|text| write_durably(&path, &text))
            .map_err(|error| Failure::storing(path.display().to_string(), error))?;
    }
    verdict(&ended)
}

/// Looks at every settings file of the folder without running any.
///
/// # Errors
/// The folder cannot be read, or some institution cannot be used.
pub(crate) fn check(folder: &Path, tell: &(dyn Fn(&str) + Sync)) -> Result<(), Failure> {
    let (_, refused) = examine(folder, tell)?;
    verdict(&refused)
}

fn verdict(ended: &[Ended]) -> Result<(), Failure> {
    let failed = ended.iter().filter(|it| it.status != 0);
    let names: Vec<&str> = failed.clone().map(|it| it.name.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let later = Problem::InstitutionsLater;
    let problem = match failed
        .into_iter()
        .all(|it| it.status == later.exit_status())
    {
        true => later,
        false => Problem::Institutions,
    };
    Err(Failure::new(problem, names.join(", ")))
}

/// The institutions that may run, and those that may not.
fn examine(
    folder: &Path,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<(Vec<Institution>, Vec<Ended>), Failure> {
    let mut usable = Vec::new();
    let mut claims = Vec::new();
    let mut refused = Vec::new();
    for config in files(folder)? {
        let name = name_of(&config);
        match claim_in_time(&config) {
            Ok(claim) => {
                let site = claim.site.clone();
                claims.push(claim);
                usable.push(Institution { name, config, site });
            }
            Err(failure) => refused.push(refusal(name, None, &failure, tell)),
        }
    }
    let shared = apart::shared(&claims);
    let mut may_run = Vec::new();
    for (index, institution) in usable.into_iter().enumerate() {
        match shared.get(&index) {
            None => may_run.push(institution),
            Some(Shared { what, with }) => {
                let other = claims.get(*with).map_or("", |claim| claim.name.as_str());
                let failure = Failure::new(Problem::Shared, format!("{what}: {other}"));
                let site = Some(institution.site);
                refused.push(refusal(institution.name, site, &failure, tell));
            }
        }
    }
    Ok((may_run, refused))
}

fn refusal(
    name: String,
    site: Option<String>,
    failure: &Failure,
    tell: &(dyn Fn(&str) + Sync),
) -> Ended {
    tell(&format!("[{name}] {failure}"));
    Ended {
        name,
        site,
        status: failure.problem().exit_status(),
        problem: Some(failure.problem().code()),
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failure = |error| Failure::because(Problem::Settings, folder.display().to_string(), error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failure)? {
        let path = entry.map_err(failure)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    match files.len() {
        1..=MOST => Ok(files),
        number => Err(Failure::new(
            Problem::Settings,
            format!("{}: {number} *.toml, 1 to {MOST}", folder.display()),
        )),
    }
}

fn name_of(config: &Path) -> String {
    let stem = config.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// What an institution claims for itself. A folder that hangs holds up this institution only.
fn claim_in_time(config: &Path) -> Result<Claim, Failure> {
    let (give, take) = sync_channel(1);
    let path = config.to_owned();
    thread::spawn(move || {
        // Nobody waits any more when it took too long.
        let _ = give.send(claim(&path));
    });
    let late = |_| Failure::new(Problem::SourceMissing, config.display().to_string());
    take.recv_timeout(EXAMINE).map_err(late)?
}

fn claim(config: &Path) -> Result<Claim, Failure> {
    let settings = config::read_text(config).and_then(|text| Settings::parse(&text));
    let settings = settings.map_err(|error| {
        Failure::because(Problem::Settings, config.display().to_string(), error)
    })?;
    Ok(Claim::of(name_of(config), &settings))
}

fn next(queue: &Mutex<std::vec::IntoIter<Institution>>) -> Option<Institution> {
    queue.lock().ok()?.next()
}

fn run_one(it: &Institution, plan: &Plan<'_>, tell: &(dyn Fn(&str) + Sync)) -> Ended {
    tell(&format!("[{}] 施設 / site {}", it.name, it.site));
    let outcome = start(it, plan).and_then(|child| wait(child, plan.minutes));
    let ended = |status, problem| Ended {
        name: it.name.clone(),
        site: Some(it.site.clone()),
        status,
        problem,
    };
    match outcome {
        Ok(status) => ended(status, None),
        Err(failure) => refusal(it.name.clone(), Some(it.site.clone()), &failure, tell),
    }
}

fn start(it: &Institution, plan: &Plan<'_>) -> Result<Child, Failure> {
    let starting = |error| Failure::because(Problem::Internal, "start", error);
    let mut command = Command::new(std::env::current_exe().map_err(starting)?);
    command.arg("run").arg("--config").arg(&it.config);
    if let Some(reports) = plan.reports {
        command
            .arg("--report")
            .arg(reports.join(format!("{}.json", it.site)));
    }
    if plan.delivery == Delivery::Hold {
        command.arg("--hold");
    }
    command.stdin(Stdio::null()).spawn().map_err(starting)
}

/// Waits for an institution and ends it when it takes too long.
fn wait(mut child: Child, minutes: u64) -> Result<u8, Failure> {
    let waiting = |error| Failure::because(Problem::Internal, "wait", error);
    let started = stopwatch();
    let most = Duration::from_secs(minutes * 60);
    loop {
        if let Some(status) = child.try_wait().map_err(waiting)? {
            // One that was killed runs again next time.
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(code.unwrap_or(Problem::InstitutionsLater.exit_status()));
        }
        if started.elapsed() >= most {
            child.kill().and_then(|()| child.wait()).map_err(waiting)?;
            return Err(Failure::new(Problem::TookTooLong, format!("{minutes} min")));
        }
        thread::sleep(POLL);
    }
}
