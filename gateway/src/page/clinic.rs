//! The page of clinic IT (C-15): how the appliance stands in plain words, what to do next, and a
//! code for the help desk.

use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use record::SiteId;

use super::account::Role;
use super::answer::{Refusal, html};
use super::decisions;
use super::facts::{Facts, Transfer};
use super::frame::Frame;
use super::log::{Act, Line};
use super::remote::{self, Work};
use super::status_code::Status;
use super::texts::{Filled, T, Text};
use super::visit::{Posted, Visit, work};
use super::words::{moment, size};
use crate::certificate::Standing;
use crate::error::{Failure, Problem};

/// How long a source folder may take to answer the test.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// A run that is further back than this is no longer fresh: it runs every night.
const RUN_SECONDS: i64 = 36 * 3600;
/// Batches that wait longer than this need a look at the line.
const WAIT_SECONDS: i64 = 3 * 86_400;

#[derive(Template)]
#[template(path = "clinic.html")]
struct ClinicPage {
    frame: Frame,
    condition: Condition,
    code: String,
    last_run: String,
    last_received: String,
    time_confirmed: String,
    sent: u64,
    waiting: Filled,
    unmatched: u64,
    unkeyed: u64,
    pending: usize,
    folders: Vec<Folder>,
    fingerprint: String,
    certificate_until: String,
    line_until: Option<(String, bool)>,
    line_key: Option<Text>,
    remote: Option<Vec<Work>>,
    version: &'static str,
}

/// How the appliance stands, in one sentence and one next step.
struct Condition {
    class: &'static str,
    code: &'static str,
    what: Text,
    next: Text,
}

struct Folder {
    path: String,
    result: Option<(&'static str, Text)>,
}

/// `/{site}/clinic`.
pub(crate) async fn page(visit: Visit, Path(site): Path<String>) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::It])?;
    work(|| show(&visit, &site, None))
}

/// Tests every source folder.
pub(crate) async fn test(Path(site): Path<String>, posted: Posted) -> Result<Response, Refusal> {
    let visit = posted.visit;
    let site = visit.site(&site, &[Role::It])?;
    work(|| {
        let line = Line::new(Act::Tested, visit.name()).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let roots = place.settings.source.roots();
        // All at once: several hanging shares take no longer than one.
        let tests: Vec<_> = roots.iter().map(|root| begin_test(root)).collect();
        let results = tests.into_iter().map(|test| {
            test.and_then(|test| test.recv_timeout(ANSWERS_WITHIN).ok())
                .unwrap_or(("state-bad", T.folder_silent))
        });
        show(&visit, &site, Some(results.collect()))
    })
}

fn show(
    visit: &Visit,
    site: &SiteId,
    results: Option<Vec<(&'static str, Text)>>,
) -> Result<Response, Refusal> {
    let place = visit.page.institution(site).ok_or(Refusal::NotHere)?;
    let facts = Facts::open(&place.settings)?;
    let transfer = facts.transfer()?;
    let pending = decisions::count(place);
    let last = facts.last_run.as_ref();
    let waits = *pending.as_ref().unwrap_or(&0);
    let status = Status::of(last, &transfer, waits > 0, visit.at);
    let mut results = results.unwrap_or_default().into_iter();
    let folders = place.settings.source.roots();
    let never = T.never.ja.to_owned();
    let line = Standing::of(&place.settings);
    let page = ClinicPage {
        frame: visit.frame(T.title_clinic, site, "clinic"),
        condition: condition(&facts, &transfer, line.as_ref(), pending.err(), visit.at),
        code: status.code(),
        last_run: last.map_or(never.clone(), |last| moment(last.ended_at)),
        last_received: transfer.last_received.map_or(never.clone(), moment),
        time_confirmed: facts.time_confirmed().map_or(never, moment),
        sent: transfer.sent,
        waiting: T
            .waiting
            .fill(&[&transfer.waiting.to_string(), &size(transfer.waiting_bytes)]),
        unmatched: last.map_or(0, |last| last.stops_without_patient),
        unkeyed: last.map_or(0, |last| last.unkeyed),
        pending: waits,
        folders: folders
            .into_iter()
            .map(|path| Folder {
                path: path.display().to_string(),
                result: results.next(),
            })
            .collect(),
        fingerprint: visit.page.certificate.fingerprint.clone(),
        certificate_until: moment(visit.page.certificate.until),
        line_key: line.as_ref().map(|line| match line.in_tpm {
            true => T.line_key_tpm,
            false => T.line_key_file,
        }),
        line_until: line.map(|it| (told_of(&it), it.needs_somebody(visit.at))),
        remote: visit.page.orders.as_deref().map(remote::report),
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(html(&page))
}

/// The one thing to tell, the most urgent first.
fn condition(
    facts: &Facts,
    transfer: &Transfer,
    line: Option<&Standing>,
    ledger: Option<Failure>,
    at: i64,
) -> Condition {
    let of = |class, code, what, next| Condition {
        class,
        code,
        what,
        next,
    };
    let problem = |problem: Problem, class| {
        let [ja, en, do_ja, do_en] = problem.texts();
        let (what, next) = (
            Text { ja, en },
            Text {
                ja: do_ja,
                en: do_en,
            },
        );
        of(class, problem.code(), what, next)
    };
    if let Some(failure) = ledger {
        return problem(failure.problem(), "bad");
    }
    let Some(last) = &facts.last_run else {
        return of("wait", "", T.condition_new, T.condition_new_next);
    };
    let stopped = last.problem.as_deref();
    let stopped = Problem::ALL.iter().find(|one| Some(one.code()) == stopped);
    if let Some(stopped) = stopped {
        let mends_itself = stopped.exit_status() != 1;
        return problem(*stopped, if mends_itself { "wait" } else { "bad" });
    }
    if at - last.ended_at > RUN_SECONDS {
        return of("bad", "", T.condition_old, T.condition_old_next);
    }
    if transfer
        .oldest_waiting
        .is_some_and(|oldest| at - oldest > WAIT_SECONDS)
    {
        return of("bad", "", T.condition_waiting, T.condition_waiting_next);
    }
    if line.is_some_and(|line| line.needs_somebody(at)) {
        let next = T.condition_certificate_next;
        return of("bad", "", T.condition_certificate, next);
    }
    of("good", "", T.condition_good, T.condition_good_next)
}

/// When the certificate of the line ends, and the code of a refusal.
fn told_of(line: &Standing) -> String {
    let refused = line.refused.as_ref();
    let refused = refused
        .map(|code| format!("（{code}）"))
        .unwrap_or_default();
    format!("{}{refused}", moment(line.until))
}

/// Looks into a folder on a thread of its own, which is left behind should the share hang.
fn begin_test(root: &FilePath) -> Option<std::sync::mpsc::Receiver<(&'static str, Text)>> {
    let (tell, told) = sync_channel(1);
    let root: PathBuf = root.to_owned();
    let test = move || {
        let result = match fs::read_dir(&root).map(|mut entries| entries.next()) {
            Ok(Some(Ok(_))) => ("state-good", T.folder_good),
            Ok(None) => ("state-wait", T.folder_empty),
            Ok(Some(Err(_))) | Err(_) => ("state-bad", T.folder_refused),
        };
        // Nobody listens any more when it took too long.
        let _ = tell.send(result);
    };
    thread::Builder::new().spawn(test).ok()?;
    Some(told)
}
