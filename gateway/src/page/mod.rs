//! The local page: reception, clinic IT, director, decisions.
//!
//! HTML made here, usable without a script, nothing from outside (decision 0011). One process
//! beside the runs of the gateway; what it shares with them are the ledger and the state file, both
//! SQLite. Who may see what is decided in one place, [`visit::Visit::site`]; what changes something
//! takes a [`visit::Posted`].

mod account;
mod accounts;
mod answer;
mod book;
mod certificate;
mod clinic;
mod consent;
mod decisions;
mod director;
mod drift;
mod emergency;
mod entry;
pub(crate) mod facts;
mod filed;
mod files;
mod frame;
mod leaflet;
mod log;
mod logbook;
mod me;
mod merge;
mod passkey;
mod password;
mod person;
mod reception;
mod remote;
mod scope;
mod secret;
mod server;
mod session;
mod sixteen;
mod status_code;
mod stop;
mod store;
mod terms;
mod texts;
mod totp;
mod visit;
mod visitors;
mod words;

use std::collections::BTreeSet;
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use axum::routing::{get, post};
use axum::{Router, middleware};
use config::page::{Institution, Settings};
use record::SiteId;
use tokio::sync::Semaphore;

pub(crate) use account::Role;

use crate::clock::{self, Now};
use crate::error::{Failure, Problem};
use account::{Name, Wanted};
use answer::Refusal;
use certificate::Certificate;
use store::Store;
use visit::guard;

/// Threads that serve requests. The runs of the gateway have the other cores.
const WORKERS: usize = 2;
/// Passwords that are looked at at once: each takes 19 MiB.
const PASSWORDS_AT_ONCE: usize = 2;

/// How often sessions and the clock are looked at.
const WATCH_EVERY: Duration = Duration::from_secs(20);

/// What all requests share.
pub(crate) struct Page {
    store: Store,
    hosts: Vec<String>,
    certificate: Certificate,
    institutions: Vec<Place>,
    /// Where the control channel keeps orders of the centre.
    orders: Option<PathBuf>,
    passwords: Semaphore,
    challenges: passkey::Used,
    looks: filed::Looks,
    /// Tells this process from others.
    process: String,
    /// What the clock did, as far as people must know.
    alarm: Mutex<Option<drift::Alarm>>,
}

/// An institution with its gateway settings.
pub(crate) struct Place {
    site: SiteId,
    told: Institution,
    settings: config::gateway::Settings,
}

/// Serves until it is told to stop.
///
/// # Errors
/// Settings, folder or address cannot be used.
pub(crate) fn serve(config: &Path, tell: &dyn Fn(&str)) -> Result<(), Failure> {
    let settings = settings(config)?;
    let page = Page::open(&settings)?;
    let listener = TcpListener::bind(settings.listen)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| {
            Failure::because(Problem::PageListen, settings.listen.to_string(), error)
        })?;
    let address = listener.local_addr();
    let address = address.map_err(|error| Failure::because(Problem::PageListen, "", error))?;
    tell(&format!(
        "画面 (page): https://{}  {address}\n証明書の指紋 (fingerprint of the certificate, SHA-256):\n{}",
        page.hosts.first().map_or("", String::as_str),
        page.certificate.fingerprint
    ));
    let tls = page.certificate.acceptor()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .map_err(|error| Failure::because(Problem::Internal, "tokio", error))?;
    let page = Arc::new(page);
    page.watch()?;
    runtime.block_on(async {
        let watching = tokio::spawn(watching(Arc::clone(&page)));
        let served = server::serve(listener, tls, router(page)).await;
        watching.abort();
        served
    })
}

/// Looks at what happens without anybody's click: sessions whose time is over, and the clock.
async fn watching(page: Arc<Page>) {
    let mut rounds = tokio::time::interval(WATCH_EVERY);
    loop {
        rounds.tick().await;
        if let Err(failure) = visit::work(|| page.watch()) {
            tracing::warn!(code = failure.problem().code(), "page watch");
        }
    }
}

/// Makes an account, or lets one start again, from the console of the appliance: the way in for the
/// first account, and for one whose second factor is lost.
///
/// # Errors
/// The settings do not name the institution, or the database cannot be written.
pub(crate) fn issue(
    config: &Path,
    name: &str,
    shown: &str,
    roles: &[Role],
    sites: &[SiteId],
) -> Result<String, Failure> {
    let settings = settings(config)?;
    let wrong = |what: String| Failure::new(Problem::PageAccount, what);
    let name: Name = name
        .parse()
        .map_err(|why| wrong(format!("--name: {why}")))?;
    let places = places(&settings)?;
    let sites: Vec<_> = match (sites, places.as_slice()) {
        ([], [only]) => vec![only.site.clone()],
        ([], _) => return Err(wrong("--site".to_owned())),
        (sites, _) => sites.to_vec(),
    };
    if let Some(unknown) = sites
        .iter()
        .find(|site| places.iter().all(|it| it.site != **site))
    {
        return Err(wrong(format!("--site {unknown}")));
    }
    let all = sites
        .iter()
        .flat_map(|site| roles.iter().map(|role| (site.clone(), *role)));
    let wanted = Wanted {
        shown: accounts::shown(shown).ok_or_else(|| wrong("--person".to_owned()))?,
        name,
        may: all.collect(),
    };
    let at = clock::now(None)?.seconds;
    let store = Store::open(&settings.folder, settings.sessions)?;
    let code = store.issue(&wanted, "console", at)?;
    Ok(code.as_str().to_owned())
}

/// What a status code that somebody read on the telephone means.
///
/// # Errors
/// It was misread: its check does not fit.
pub(crate) fn explain(code: &str) -> Result<String, Failure> {
    let status = status_code::Status::read(code);
    let status = status.ok_or_else(|| Failure::new(Problem::StatusCode, ""))?;
    Ok(status.for_people())
}

fn settings(config: &Path) -> Result<Settings, Failure> {
    config::read_text(config)
        .and_then(|text| Settings::parse(&text))
        .map_err(|error| Failure::because(Problem::Settings, config.display().to_string(), error))
}

fn places(settings: &Settings) -> Result<Vec<Place>, Failure> {
    let mut sites = BTreeSet::new();
    let of = |told: &Institution| {
        let file = &told.settings;
        let refused =
            |error| Failure::because(Problem::Settings, file.display().to_string(), error);
        let text = config::read_text(file).map_err(refused)?;
        let settings = config::gateway::Settings::parse(&text).map_err(refused)?;
        Ok(Place {
            site: settings.site.clone(),
            told: told.clone(),
            settings,
        })
    };
    let places = settings.institutions.iter().map(of);
    let places = places.collect::<Result<Vec<_>, Failure>>()?;
    match places
        .iter()
        .find(|place| !sites.insert(place.site.clone()))
    {
        Some(twice) => Err(Failure::new(
            Problem::Shared,
            format!("site {}", twice.site),
        )),
        None => Ok(places),
    }
}

impl Page {
    fn open(settings: &Settings) -> Result<Self, Failure> {
        let institutions = places(settings)?;
        let store = Store::open(&settings.folder, settings.sessions)?;
        let at = clock::now(None)?.seconds;
        let port = settings.listen.port();
        let with_port = |name: &String| match (port, name.contains(':')) {
            (443, false) => name.clone(),
            (443, true) => format!("[{name}]"),
            (port, false) => format!("{name}:{port}"),
            (port, true) => format!("[{name}]:{port}"),
        };
        Ok(Self {
            certificate: Certificate::open(&settings.folder, &settings.names, at)?,
            hosts: settings.names.iter().map(with_port).collect(),
            store,
            institutions,
            orders: settings.orders.clone(),
            passwords: Semaphore::new(PASSWORDS_AT_ONCE),
            challenges: passkey::Used::default(),
            looks: filed::Looks::default(),
            process: secret::hex(&secret::random::<8>()),
            alarm: Mutex::default(),
        })
    }

    /// The moment, checked against the last line of the log (P-19).
    fn now(&self) -> Result<Now, Failure> {
        let last = self.store.latest(i64::MAX, 1)?;
        clock::now(last.first().map(|entry| entry.at))
    }

    /// Ends sessions whose time is over, and holds the clock against the oscillator.
    fn watch(&self) -> Result<(), Failure> {
        let files = self.institutions.iter();
        let files = files.map(|place| place.settings.clock.synchronized.as_path());
        let ticks = clock::ticks(files);
        self.store.end_over(ticks.wall_ms.div_euclid(1_000))?;
        self.take_ticks(&ticks)
    }

    fn take_ticks(&self, ticks: &clock::Ticks) -> Result<(), Failure> {
        let alarm = self.store.watch_clock(&self.process, ticks)?;
        if let Ok(mut shown) = self.alarm.lock() {
            *shown = alarm;
        }
        Ok(())
    }

    fn institution(&self, site: &SiteId) -> Option<&Place> {
        self.institutions.iter().find(|place| place.site == *site)
    }

    fn places(&self) -> Vec<(SiteId, String)> {
        let of = |place: &Place| (place.site.clone(), place.told.name.clone());
        self.institutions.iter().map(of).collect()
    }

    /// The digest of the address and the browser that a request comes from.
    fn from(&self, address: IpAddr, headers: &HeaderMap) -> [u8; 32] {
        let browser = headers
            .get(header::USER_AGENT)
            .map_or(&b""[..], |it| it.as_bytes());
        let message = [address.to_string().as_bytes(), b"\0", browser].concat();
        self.store.key.mac("sekisho page origin v1", &message)
    }
}

fn router(page: Arc<Page>) -> Router {
    Router::new()
        .route("/", get(entry::home))
        .route("/login", get(entry::sign_in_page).post(entry::sign_in))
        .route("/login/passkey", post(me::sign_in))
        .route("/me", get(me::page))
        .route("/me/passkey", post(me::add))
        .route("/me/passkey/remove", post(me::remove))
        .route("/logout", post(entry::sign_out))
        .route("/first", get(entry::first_page).post(entry::first_code))
        .route("/first/done", post(entry::first_done))
        .route("/emergency", get(emergency::page).post(emergency::enter))
        .route("/accounts", get(accounts::page))
        .route("/accounts/issue", post(accounts::issue))
        .route("/accounts/close", post(accounts::close))
        .route("/{site}", get(entry::site_home))
        .route("/{site}/reception", get(reception::page))
        .route("/{site}/sixteen", get(sixteen::page))
        .route("/{site}/person", post(reception::person))
        .route("/{site}/stop", post(stop::stop))
        .route("/{site}/consent", post(consent::enter))
        .route("/{site}/merge", post(merge::enter))
        .route("/{site}/revoke", post(reception::revoke))
        .route("/{site}/confirmation/{number}", get(stop::confirmation))
        .route(
            "/{site}/visitors",
            get(visitors::page).post(visitors::preview),
        )
        .route("/{site}/visitors/enter", post(visitors::enter))
        .route("/{site}/visitors/undo", post(visitors::undo))
        .route("/{site}/leaflet", get(leaflet::page))
        .route(
            "/{site}/decisions",
            get(decisions::page).post(decisions::decide),
        )
        .route("/{site}/clinic", get(clinic::page).post(clinic::test))
        .route("/{site}/director", get(director::page))
        .route("/{site}/director/provision.csv", get(director::provision))
        .route("/{site}/log", get(logbook::page))
        .route("/style.css", get(files::style))
        .route("/passkey.js", get(files::script))
        .route("/icon.svg", get(files::icon))
        .route("/certificate.pem", get(files::certificate))
        .fallback(nothing)
        .layer(middleware::from_fn_with_state(Arc::clone(&page), guard))
        .with_state(page)
}

async fn nothing() -> Refusal {
    Refusal::NotHere
}

#[cfg(test)]
mod tests;
