//! A person's own page: passkeys. And signing in with one.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use rusqlite::{OptionalExtension, params};

use super::Page;
use super::account::{Account, Role, by_id};
use super::answer::{Refusal, begin_session, html, see_other};
use super::entry::show_sign_in;
use super::frame::Frame;
use super::log::{Act, Line};
use super::passkey::{self, Challenge, NewKey};
use super::secret::{hex, unhex};
use super::session::SignIn;
use super::store::{Store, database};
use super::texts::T;
use super::visit::{Fields, From, Posted, Visit, work};
use crate::error::Failure;

const ADD: &str = "passkey add";
/// The purpose of a challenge for signing in.
pub(super) const SIGN_IN: &str = "passkey sign-in";
/// Most passkeys of one account: two places of work, a phone, some spare.
const MOST: u32 = 5;

#[derive(Template)]
#[template(path = "me.html")]
struct MePage {
    frame: Frame,
    name: String,
    count: u32,
    full: bool,
    handle: String,
    challenge: Challenge,
}

/// `/me`.
pub(crate) async fn page(visit: Visit) -> Result<Response, Refusal> {
    let account = &visit.session.account;
    let places = visit.page.places();
    let site = places
        .iter()
        .find(|(site, _)| account.may(site, &Role::ALL));
    let (site, _) = site.ok_or(Refusal::NotHere)?;
    let count = work(|| visit.page.store.passkeys(account.id))?;
    let handle = visit
        .page
        .store
        .key
        .mac("passkey handle", &account.id.to_be_bytes());
    Ok(html(&MePage {
        frame: visit.frame(T.title_me, site, "me"),
        name: account.name.as_str().to_owned(),
        count,
        full: count >= MOST,
        handle: hex(&handle),
        challenge: Challenge::new(&visit.page.store.key, ADD, visit.at)?,
    }))
}

/// Adds a passkey to the account that is signed in.
pub(crate) async fn add(posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let page = &visit.page;
    let challenge = page
        .challenges
        .take(&page.store.key, ADD, fields.one("sealed"), visit.at);
    let read = || {
        let [client, attestation] = ["client", "data"].map(|field| unhex(fields.one(field)));
        passkey::registered(&client?, &attestation?, &challenge?, &page.hosts)
    };
    let key = read().ok_or(Refusal::Form(T.passkey_wrong))?;
    work(|| {
        page.store
            .add_passkey(&visit.session.account, &key, visit.at)
    })?;
    Ok(see_other("/me"))
}

/// Removes every passkey of the account that is signed in.
pub(crate) async fn remove(posted: Posted) -> Result<Response, Refusal> {
    let visit = posted.visit;
    work(|| {
        visit
            .page
            .store
            .remove_passkeys(&visit.session.account, visit.at)
    })?;
    Ok(see_other("/me"))
}

/// Signs in with a passkey.
pub(crate) async fn sign_in(
    State(page): State<Arc<Page>>,
    from: From,
    fields: Fields,
) -> Result<Response, Refusal> {
    let at = page.now()?.seconds;
    let challenge = page
        .challenges
        .take(&page.store.key, SIGN_IN, fields.one("sealed"), at);
    let [id, client, data, signature] =
        ["id", "client", "data", "signature"].map(|field| unhex(fields.one(field)));
    let verify = |known: &Known| {
        let (client, data) = (client.as_deref()?, data.as_deref()?);
        let signature = signature.as_deref()?;
        let counter = passkey::signed(
            client,
            data,
            signature,
            &known.point,
            &challenge?,
            &page.hosts,
        )?;
        passkey::counts_on(known.counter, counter).then_some(counter)
    };
    let signed = work(|| {
        let id = id.unwrap_or_default();
        let known = page.store.passkey(&id)?;
        let counter = known.as_ref().and_then(verify);
        match known.zip(counter) {
            Some((known, counter)) => {
                page.store.count_passkey(&id, counter)?;
                page.store.welcome(&known.account, None, &from.digest, at)
            }
            None => page.store.refuse(None, at).map(|()| SignIn::Wrong),
        }
    })?;
    match signed {
        SignIn::In(token) => Ok(begin_session("/", &token)),
        SignIn::Wrong | SignIn::Wait(_) => {
            show_sign_in(&page, at, "", Some(T.passkey_refused.plain()))
        }
    }
}

/// A passkey with whose it is.
struct Known {
    account: Account,
    point: Vec<u8>,
    counter: u32,
}

impl Store {
    fn passkeys(&self, account: i64) -> Result<u32, Failure> {
        let connection = self.connection()?;
        let query = "SELECT count(*) FROM passkey WHERE account = ?1";
        connection
            .query_row(query, [account], |row| row.get(0))
            .map_err(database)
    }

    fn passkey(&self, id: &[u8]) -> Result<Option<Known>, Failure> {
        let connection = self.connection()?;
        let query = "SELECT account, point, counter FROM passkey WHERE id = ?1";
        let found = connection.query_row(query, [id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
        });
        let Some((account, point, counter)) = found.optional().map_err(database)? else {
            return Ok(None);
        };
        let account = by_id(&connection, account).map_err(database)?;
        Ok(account
            .filter(|account| !account.closed)
            .map(|account| Known {
                account,
                point,
                counter,
            }))
    }

    fn count_passkey(&self, id: &[u8], counter: u32) -> Result<(), Failure> {
        self.write(|connection| {
            let update = "UPDATE passkey SET counter = ?2 WHERE id = ?1";
            connection
                .execute(update, params![id, counter])
                .map(drop)
                .map_err(database)
        })
    }

    fn add_passkey(&self, account: &Account, key: &NewKey, at: i64) -> Result<(), Failure> {
        let name = account.name.as_str();
        self.write(|connection| {
            // An id that is known already stays whose it is; beyond the most nothing is added.
            let added = connection.execute(
                "INSERT INTO passkey SELECT ?1, ?2, ?3, ?4 WHERE \
                 (SELECT count(*) FROM passkey WHERE account = ?2) < ?5 ON CONFLICT DO NOTHING",
                params![key.id, account.id, key.point, key.counter, MOST],
            );
            match added.map_err(database)? {
                0 => Ok(()),
                _ => self.append(connection, &Line::new(Act::PasskeyAdded, name), at),
            }
        })
    }

    fn remove_passkeys(&self, account: &Account, at: i64) -> Result<(), Failure> {
        self.write(|connection| {
            connection
                .execute("DELETE FROM passkey WHERE account = ?1", [account.id])
                .map_err(database)?;
            let line = Line::new(Act::PasskeysRemoved, account.name.as_str());
            self.append(connection, &line, at)
        })
    }
}
