//! Withheld cases that need a person (B-011): a stop order of the centre could mean somebody here,
//! and nothing of them leaves until somebody who knows them decides.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use privacy::gate::{Channel, Event, Ground, Requester, Scope, Stop, Verification};
use privacy::order::KeyKind;

use super::Place;
use super::account::Role;
use super::answer::{Refusal, html, see_other};
use super::book;
use super::frame::Frame;
use super::log::{Act, Line};
use super::texts::{T, Text};
use super::visit::{Posted, Visit, work};
use super::words::moment;
use crate::error::Failure;

/// Cases on one page.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "decisions.html")]
struct DecisionsPage {
    frame: Frame,
    cases: Vec<Case>,
    more: usize,
}

struct Case {
    number: u64,
    chart: String,
    order: String,
    at: String,
    fits: Vec<Text>,
    differs: Vec<Text>,
}

/// How many cases wait.
///
/// # Errors
/// The ledger cannot be read.
pub(super) fn count(place: &Place) -> Result<usize, Failure> {
    Ok(book::open(place)?.pending()?.len())
}

/// `/{site}/decisions`.
pub(crate) async fn page(visit: Visit, Path(site): Path<String>) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::Reception, Role::Director])?;
    work(|| {
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let ledger = book::open(place)?;
        let pending = ledger.pending()?;
        let about = pending.len().to_string();
        let line = Line::about(Act::CasesShown, visit.name(), &about).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let more = pending.len().saturating_sub(SHOWN);
        let mut cases = Vec::new();
        for entry in pending.iter().take(SHOWN) {
            if let Event::Held { order, chart } = &entry.event {
                let compared = ledger.compared(order, chart)?;
                let of = |said| {
                    let that = compared.iter().filter(move |(_, fits)| *fits == Some(said));
                    that.map(|(kind, _)| key_text(*kind)).collect()
                };
                cases.push(Case {
                    number: entry.number,
                    chart: chart.expose().to_owned(),
                    order: order.to_string(),
                    at: moment(entry.recorded_at),
                    fits: of(true),
                    differs: of(false),
                });
            }
        }
        Ok(html(&DecisionsPage {
            frame: visit.frame(T.title_decisions, &site, "decisions"),
            cases,
            more,
        }))
    })
}

fn key_text(kind: KeyKind) -> Text {
    match kind {
        KeyKind::Chart => T.key_chart,
        KeyKind::Kana => T.key_kana,
        KeyKind::Birth => T.key_birth,
        KeyKind::Card => T.key_card,
        KeyKind::Sex => T.key_sex,
    }
}

/// Decides one case: the order means this person, or somebody else.
pub(crate) async fn decide(Path(site): Path<String>, posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let site = visit.site(&site, &[Role::Reception, Role::Director])?;
    let number: u64 = fields.read_as("entry", T.choice_wrong)?;
    let means = match fields.one("means") {
        "yes" => true,
        "no" => false,
        _ => return Err(Refusal::Form(T.choice_wrong)),
    };
    work(|| {
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let mut ledger = book::open(place)?;
        let mut waiting = ledger.pending()?.into_iter();
        // Decided meanwhile by somebody else: nothing is left to do.
        let Some(entry) = waiting.find(|entry| entry.number == number) else {
            return Err(Refusal::Form(T.case_decided));
        };
        let Event::Held { chart, order } = entry.event else {
            return Err(Refusal::NotHere);
        };
        let about = book::reference(&visit.page.store, &site, &chart);
        let line = Line::about(Act::Decided, visit.name(), &about).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let now = visit.page.now()?;
        // An order says who asked, when, and for what. Without it, everything is stopped.
        let stop = match ledger.standing_order(&order)? {
            Some(order) => order.stop(chart),
            None => Event::Stopped(Stop {
                chart,
                requested_on: now.today,
                requester: Requester::Own,
                channel: Channel::Centre,
                verification: Verification::Known,
                scope: Scope::ALL,
            }),
        };
        // The stop comes first: at no moment is the person neither held nor stopped.
        let end = |ground| Event::Revoked {
            entry: number,
            ground,
        };
        let events = match means {
            true => vec![stop, end(Ground::Wish)],
            false => vec![end(Ground::OtherPerson)],
        };
        book::append(&mut ledger, visit.name(), now, events)?;
        Ok(see_other(&format!("/{site}/decisions")))
    })
}
