//! The access log as people read it.

use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::response::Response;

use super::account::Role;
use super::answer::{Refusal, html};
use super::frame::Frame;
use super::log::{Act, Entry, Line};
use super::texts::{T, Text};
use super::visit::{Visit, work};
use super::words::moment;

/// Lines on one page.
const LINES: u32 = 50;

#[derive(Template)]
#[template(path = "log.html")]
struct LogPage {
    frame: Frame,
    lines: Vec<Row>,
    whole: bool,
    count: i64,
    older: Option<i64>,
}

struct Row {
    at: String,
    account: String,
    act: Text,
    about: String,
}

/// `/{site}/log`: the newest lines of this institution, and those about no institution by accounts
/// that it may see.
pub(crate) async fn page(
    visit: Visit,
    Path(site): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::It, Role::Director])?;
    let before = query
        .as_deref()
        .and_then(|query| query.strip_prefix("before="));
    let before = before
        .and_then(|before| before.parse().ok())
        .unwrap_or(i64::MAX);
    let store = &visit.page.store;
    let checked = work(|| store.check_log());
    let line = Line::new(Act::LogRead, visit.name()).at(site.as_str());
    if before == i64::MAX {
        work(|| store.note(&line, visit.at))?;
    }
    let lines = work(|| store.latest_of(site.as_str(), before, LINES))?;
    let older = lines
        .last()
        .map(|last| last.number)
        .filter(|number| *number > 1);
    let full = lines.len() == LINES as usize;
    Ok(html(&LogPage {
        frame: visit.frame(T.title_log, &site, "log"),
        whole: checked.is_ok(),
        count: checked.unwrap_or_default(),
        older: older.filter(|_| full),
        lines: lines.into_iter().map(row).collect(),
    }))
}

fn row(entry: Entry) -> Row {
    Row {
        at: moment(entry.at),
        account: entry.account,
        act: Act::text(&entry.act).unwrap_or(T.log_unknown),
        about: entry.about,
    }
}
