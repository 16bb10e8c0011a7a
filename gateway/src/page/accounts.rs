//! Accounts: clinic IT makes them, lets them start again, and closes them.

use std::collections::BTreeSet;

use askama::Template;
use axum::response::Response;
use record::SiteId;

use super::account::{Account, Name, Role, Wanted};
use super::answer::{Refusal, html, see_other};
use super::frame::Frame;
use super::texts::{T, Text};
use super::visit::{Posted, Visit, work};

/// Most characters of a person's name.
const SHOWN_MAX: usize = 40;

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    frame: Frame,
    accounts: Vec<Row>,
    places: Vec<(SiteId, String)>,
    issued: Option<Issued>,
}

struct Row {
    name: String,
    shown: String,
    roles: Vec<(String, Text)>,
    state: Text,
    own: bool,
    closed: bool,
}

struct Issued {
    name: String,
    shown: String,
    code: String,
    address: String,
    fingerprint: String,
}

/// A person's name as pages show it: some characters, none of them control characters.
pub(crate) fn shown(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (1..=SHOWN_MAX).contains(&text.chars().count());
    (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// `/accounts`: the accounts of the institutions whose IT this account is.
pub(crate) async fn page(visit: Visit) -> Result<Response, Refusal> {
    show(&visit, None)
}

/// Makes an account, or lets it start again, and shows the one-time code to print.
pub(crate) async fn issue(posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let managed = managed(&visit)?;
    let name: Name = fields.read_as("name", T.account_name_wrong)?;
    let known = work(|| visit.page.store.account(&name))?;
    if let Some(known) = &known {
        of_mine(known, &visit, &managed)?;
    }
    let may = match (&known, fields.one("again")) {
        // Starting again changes nothing of what it may do.
        (Some(known), "yes") => known.may.clone(),
        (Some(known), _) if !known.closed => return Err(Refusal::Form(T.account_name_taken)),
        _ => wanted_roles(fields.all("may"), &managed)?,
    };
    let shown = match (&known, fields.one("again")) {
        (Some(known), "yes") => known.shown.clone(),
        _ => shown(fields.one("shown")).ok_or(Refusal::Form(T.account_shown_wrong))?,
    };
    let wanted = Wanted { name, shown, may };
    let code = work(|| visit.page.store.issue(&wanted, visit.name(), visit.at))?;
    let address = visit.page.hosts.first().map_or("", String::as_str);
    let issued = Issued {
        name: wanted.name.as_str().to_owned(),
        shown: wanted.shown,
        code: code.as_str().to_owned(),
        address: format!("https://{address}/first"),
        fingerprint: visit.page.certificate.fingerprint.clone(),
    };
    show(&visit, Some(issued))
}

/// Closes an account.
pub(crate) async fn close(posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let managed = managed(&visit)?;
    let name: Name = fields.read_as("name", T.account_name_wrong)?;
    let known = work(|| visit.page.store.account(&name))?;
    of_mine(&known.ok_or(Refusal::NotHere)?, &visit, &managed)?;
    work(|| visit.page.store.close(&name, visit.name(), visit.at))?;
    Ok(see_other("/accounts"))
}

/// The institutions whose IT the account is.
fn managed(visit: &Visit) -> Result<BTreeSet<SiteId>, Refusal> {
    let places = visit.page.places().into_iter().map(|(site, _)| site);
    let account = &visit.session.account;
    let managed: BTreeSet<_> = places
        .filter(|site| account.may(site, &[Role::It]))
        .collect();
    match managed.is_empty() {
        true => Err(Refusal::NotHere),
        false => Ok(managed),
    }
}

/// Whether an account may be changed: somebody else's, and at these institutions only.
fn of_mine(known: &Account, visit: &Visit, managed: &BTreeSet<SiteId>) -> Result<(), Refusal> {
    let inside = known.may.iter().all(|(site, _)| managed.contains(site));
    match inside && known.name != visit.session.account.name {
        true => Ok(()),
        false => Err(Refusal::NotHere),
    }
}

fn wanted_roles<'a>(
    chosen: impl Iterator<Item = &'a str>,
    managed: &BTreeSet<SiteId>,
) -> Result<BTreeSet<(SiteId, Role)>, Refusal> {
    let read = |text: &str| {
        let (role, site) = text.split_once('@')?;
        let (role, site): (Role, SiteId) = (role.parse().ok()?, site.parse().ok()?);
        managed.contains(&site).then_some((site, role))
    };
    let may = chosen.map(read).collect::<Option<BTreeSet<_>>>();
    may.filter(|may| !may.is_empty())
        .ok_or(Refusal::Form(T.account_roles_wrong))
}

fn show(visit: &Visit, issued: Option<Issued>) -> Result<Response, Refusal> {
    let managed = managed(visit)?;
    let places = visit.page.places();
    let accounts = work(|| visit.page.store.accounts())?;
    let inside = |account: &&Account| account.may.iter().all(|(site, _)| managed.contains(site));
    let row = |account: &Account| Row {
        name: account.name.as_str().to_owned(),
        shown: account.shown.clone(),
        roles: account
            .may
            .iter()
            .map(|(site, role)| (name_of(&places, site), role.text()))
            .collect(),
        state: match (account.closed, account.ready) {
            (true, _) => T.account_closed,
            (false, true) => T.account_ready,
            (false, false) => T.account_waits,
        },
        own: account.name == visit.session.account.name,
        closed: account.closed,
    };
    let rows = accounts.iter().filter(inside).map(row).collect();
    let first = managed.first().ok_or(Refusal::NotHere)?;
    Ok(html(&AccountsPage {
        frame: visit.frame(T.title_accounts, first, "accounts"),
        accounts: rows,
        places: places
            .into_iter()
            .filter(|(site, _)| managed.contains(site))
            .collect(),
        issued,
    }))
}

fn name_of(places: &[(SiteId, String)], site: &SiteId) -> String {
    let place = places.iter().find(|(other, _)| other == site);
    place.map_or_else(|| site.to_string(), |(_, name)| name.clone())
}

impl Role {
    /// What it is called.
    pub(crate) const fn text(self) -> Text {
        match self {
            Self::Reception => T.role_reception,
            Self::It => T.role_it,
            Self::Director => T.role_director,
        }
    }
}
