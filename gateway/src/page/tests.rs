//! Requests to the whole router, as browsers and as strangers send them.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::extract::Extension;
use axum::http::{Request, Response, header};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use privacy::gate::Event;
use record::SiteId;

use super::account::{First, Role, Wanted};
use super::log::Act;
use super::server::Peer;
use super::session::SignIn;
use super::*;

mod access;
mod desk;

pub(super) const HOST: &str = "sekisho.internal:8443";
const SECRET: [u8; 20] = [9; 20];
const PASSWORD: &str = "asagao-to-tsuyu";
const BROWSER: &str = "a browser";
const DESK: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 10, 20));

/// A page with two institutions and an account for each role at the first.
pub(super) struct Scene {
    _folder: tempfile::TempDir,
    pub(super) page: Arc<Page>,
    runtime: tokio::runtime::Runtime,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) place: String,
    pub(super) headers: HeaderMap,
}

/// A browser with the cookie of an account.
pub(super) struct Browser<'s> {
    scene: &'s Scene,
    cookie: String,
    csrf: String,
}

impl Scene {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let page = Arc::new(Page::open(&settings).unwrap());
        for role in Role::ALL {
            account(&page, role.as_str(), &[("HOSPITAL-1", role)]);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self {
            _folder: folder,
            page,
            runtime,
        }
    }

    pub(super) fn send(&self, from: IpAddr, request: Request<Body>) -> Answer {
        let router = router(Arc::clone(&self.page)).layer(Extension(Peer(from)));
        let service = TowerToHyperService::new(router);
        // On a worker, as in the program: work that blocks may do so there only.
        let sent = self
            .runtime
            .spawn(async move { service.call(request).await.unwrap() });
        let response: Response<Body> = self.runtime.block_on(sent).unwrap();
        let (parts, body) = response.into_parts();
        let bytes = self.runtime.block_on(to_bytes(body, 1 << 24)).unwrap();
        let place = parts.headers.get(header::LOCATION);
        Answer {
            status: parts.status.as_u16(),
            text: String::from_utf8(bytes.to_vec()).unwrap(),
            place: place.map_or("", |it| it.to_str().unwrap()).to_owned(),
            headers: parts.headers,
        }
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.send(DESK, ours(path, "").body(Body::empty()).unwrap())
    }

    pub(super) fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        let request = ours(path, cookie)
            .method("POST")
            .header("origin", format!("https://{HOST}"))
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(DESK, request.body(Body::from(form.to_owned())).unwrap())
    }

    pub(super) fn signed_in(&self, name: &str) -> Browser<'_> {
        let at = self.page.now().unwrap().seconds;
        let step = at.div_euclid(30) * 30;
        let browser = HeaderMap::from_iter([(header::USER_AGENT, BROWSER.parse().unwrap())]);
        let from = self.page.from(DESK, &browser);
        let code = super::totp::code(&SECRET, step);
        // A second sign-in of a test falls into the same half minute.
        let known = self
            .page
            .store
            .account(&name.parse().unwrap())
            .unwrap()
            .unwrap();
        let signed = match self
            .page
            .store
            .sign_in(name, PASSWORD, &code, &from, at)
            .unwrap()
        {
            SignIn::Wrong => self.page.store.welcome(&known, None, &from, at).unwrap(),
            signed => signed,
        };
        let SignIn::In(token) = signed else {
            panic!("{name} cannot sign in");
        };
        let session = self.page.store.session(&token, &from, at).unwrap().unwrap();
        Browser {
            scene: self,
            cookie: format!("{}={}", super::answer::COOKIE, token.as_str()),
            csrf: session.csrf,
        }
    }
}

impl Browser<'_> {
    pub(super) fn get(&self, path: &str) -> Answer {
        let request = ours(path, &self.cookie).body(Body::empty()).unwrap();
        self.scene.send(DESK, request)
    }

    pub(super) fn post(&self, path: &str, form: &str) -> Answer {
        let form = format!("csrf={}&{form}", self.csrf);
        self.scene.post(path, &self.cookie, &form)
    }
}

fn ours(path: &str, cookie: &str) -> axum::http::request::Builder {
    Request::builder()
        .uri(path)
        .header("host", HOST)
        .header("user-agent", BROWSER)
        .header("cookie", cookie)
}

pub(super) fn account(page: &Page, name: &str, may: &[(&str, Role)]) {
    let at = page.now().unwrap().seconds;
    let may = may
        .iter()
        .map(|(site, role)| (site.parse().unwrap(), *role));
    let wanted = Wanted {
        name: name.parse().unwrap(),
        shown: format!("{name}さん"),
        may: may.collect::<BTreeSet<(SiteId, Role)>>(),
    };
    let code = page.store.issue(&wanted, "console", at).unwrap();
    let before = at - 90;
    let first = First {
        name: &wanted.name,
        code: code.as_str(),
        password: PASSWORD,
        secret: &SECRET,
        shown: &super::totp::code(&SECRET, before),
    };
    assert_eq!(page.store.first(&first, before).unwrap(), Ok(()));
}

/// Two institutions, each with the shipped example as its settings.
fn settings(folder: &Path) -> Settings {
    let example = include_str!("../../../config/examples/gateway.toml");
    for (file, site) in [("one.toml", "HOSPITAL-1"), ("two.toml", "HOSPITAL-2")] {
        let state = folder.join(site);
        let text = example
            .replace("HOSPITAL-1", site)
            .replace("/var/lib/sekisho/gateway", state.to_str().unwrap())
            .replace("/run/systemd/timesync", state.to_str().unwrap());
        fs::create_dir_all(&state).unwrap();
        // In the place of the time service.
        fs::write(state.join("synchronized"), "").unwrap();
        fs::write(folder.join(file), text).unwrap();
    }
    let page = include_str!("../../../config/examples/page.toml");
    let two = "[[institutions]]\nname = \"別の診療所\"\nsettings = \"two.toml\"\n\n[sessions]";
    let text = page
        .replace("/etc/sekisho/gateway.toml", "one.toml")
        .replace("[sessions]", two)
        .replace("one.toml", folder.join("one.toml").to_str().unwrap())
        .replace("two.toml", folder.join("two.toml").to_str().unwrap())
        .replace(
            "/var/lib/sekisho/page",
            folder.join("page").to_str().unwrap(),
        );
    Settings::parse(&text).unwrap()
}

/// Every page of an institution, with who may open it.
const PAGES: [(&str, &[&str]); 9] = [
    ("reception", &["reception"]),
    ("sixteen", &["reception"]),
    ("visitors", &["reception"]),
    ("leaflet", &["reception"]),
    ("decisions", &["reception", "director"]),
    ("clinic", &["it"]),
    ("director", &["director"]),
    ("director/provision.csv", &["director"]),
    ("log", &["it", "director"]),
];

/// a role opens its own pages, and nobody those of another institution.
#[test]
fn each_page_opens_for_its_roles_at_its_institution_only() {
    let scene = Scene::new();
    for name in ["reception", "it", "director"] {
        let browser = scene.signed_in(name);
        for (page, roles) in PAGES {
            let expected = if roles.contains(&name) { 200 } else { 404 };
            let own = browser.get(&format!("/HOSPITAL-1/{page}"));
            assert_eq!(own.status, expected, "{name} {page}");
            let other = browser.get(&format!("/HOSPITAL-2/{page}"));
            assert_eq!(other.status, 404, "{name} {page} elsewhere");
        }
        let accounts = browser.get("/accounts").status;
        assert_eq!(accounts, if name == "it" { 200 } else { 404 }, "{name}");
    }
}

/// C-32: no external request, no inline script or style, on any page and on any refusal.
#[test]
fn every_answer_carries_the_policy_and_no_page_asks_for_anything_outside() {
    let scene = Scene::new();
    let it = scene.signed_in("it");
    let director = scene.signed_in("director").get("/HOSPITAL-1/director");
    assert!(director.headers.contains_key("content-security-policy"));
    let inside = [
        "/accounts",
        "/HOSPITAL-1/log",
        "/HOSPITAL-1/clinic",
        "/nothing",
        "/style.css",
        "/icon.svg",
    ];
    let outside = [
        "/login",
        "/first",
        "/emergency",
        "/",
        "/../etc/passwd",
        "/certificate.pem",
    ];
    let answers = inside.map(|path| (path, it.get(path)));
    for (path, answer) in answers
        .into_iter()
        .chain(outside.map(|path| (path, scene.get(path))))
    {
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{path}"
        );
        assert_eq!(answer.headers["x-frame-options"], "DENY", "{path}");
        let page = answer.text.replace("http://www.w3.org/2000/svg", "");
        for external in [
            "http:", "https:", "//", "<script>", "style=\"", "onclick", "@import",
        ] {
            // A certificate is no page, and its letters may be anything.
            let is_page = !path.ends_with("css") && !path.ends_with("pem");
            let found = page.contains(external) && is_page;
            assert!(!found, "{path}: {external}");
        }
    }
}

/// B-086: a form of another page, of another session, or of nobody does nothing.
#[test]
fn forms_that_are_not_of_this_session_do_nothing() {
    let scene = Scene::new();
    let (it, other) = (scene.signed_in("it"), scene.signed_in("director"));
    let close = |csrf: &str| format!("csrf={csrf}&name=reception");
    let form = |csrf: &str, origin: Option<&str>, site: Option<&str>, kind: &str| {
        let mut request = ours("/accounts/close", &it.cookie).method("POST");
        for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request
            .header("content-type", kind)
            .body(Body::from(close(csrf)));
        scene.send(DESK, request.unwrap()).status
    };
    let (ours, kind) = (
        "https://sekisho.internal:8443",
        "application/x-www-form-urlencoded",
    );
    for (csrf, origin, site, kind, status) in [
        ("", Some(ours), None, kind, 403),
        ("00", Some(ours), None, kind, 403),
        (other.csrf.as_str(), Some(ours), None, kind, 403),
        (it.csrf.as_str(), None, None, kind, 403),
        (it.csrf.as_str(), Some("null"), None, kind, 403),
        (
            it.csrf.as_str(),
            Some("https://evil.example"),
            None,
            kind,
            403,
        ),
        (
            it.csrf.as_str(),
            Some("http://sekisho.internal:8443"),
            None,
            kind,
            403,
        ),
        (it.csrf.as_str(), Some(ours), Some("cross-site"), kind, 403),
        (it.csrf.as_str(), Some(ours), Some("same-site"), kind, 403),
        (it.csrf.as_str(), Some(ours), None, "text/plain", 422),
    ] {
        assert_eq!(
            form(csrf, origin, site, kind),
            status,
            "{origin:?} {site:?} {kind}"
        );
    }
    let name = "reception".parse().unwrap();
    assert!(!scene.page.store.account(&name).unwrap().unwrap().closed);
    assert_eq!(form(&it.csrf, Some(ours), Some("same-origin"), kind), 303);
    assert!(scene.page.store.account(&name).unwrap().unwrap().closed);
}

/// B-086: a stolen cookie is worth nothing at another computer, and the theft is written down.
#[test]
fn a_cookie_from_another_computer_or_browser_ends_the_session() {
    let scene = Scene::new();
    for (address, browser) in [("192.168.10.66", BROWSER), ("192.168.10.20", "another")] {
        let it = scene.signed_in("it");
        assert_eq!(it.get("/accounts").status, 200);
        let stolen = Request::builder()
            .uri("/accounts")
            .header("host", HOST)
            .header("user-agent", browser)
            .header("cookie", &it.cookie)
            .body(Body::empty());
        let answer = scene.send(address.parse().unwrap(), stolen.unwrap());
        assert_eq!((answer.status, answer.place.as_str()), (303, "/login"));
        assert_eq!(it.get("/accounts").status, 303, "the session has ended");
        let latest = scene.page.store.latest(i64::MAX, 1).unwrap();
        assert_eq!(latest[0].act, Act::SessionRefused.as_str());
    }
}

#[test]
fn cookies_that_nobody_was_given_are_nobody() {
    let scene = Scene::new();
    let it = scene.signed_in("it");
    let twice = format!("{0}; {0}", it.cookie);
    let short = it.cookie.get(..40).unwrap();
    let long = "a".repeat(10_000);
    for cookie in [
        "",
        "__Host-sekisho=",
        "__Host-sekisho=%00",
        short,
        &twice,
        &long,
    ] {
        let answer = scene.send(DESK, ours("/accounts", cookie).body(Body::empty()).unwrap());
        assert_eq!(
            (answer.status, answer.place.as_str()),
            (303, "/login"),
            "{cookie}"
        );
    }
}

/// DNS rebinding, path and header injection.
#[test]
fn requests_for_other_names_and_crooked_paths_reach_nothing() {
    let scene = Scene::new();
    let it = scene.signed_in("it");
    for host in [
        "evil.example",
        "sekisho.internal",
        "sekisho.internal:8443.evil.example",
        "",
    ] {
        let request = Request::builder().uri("/login").header("host", host);
        let answer = scene.send(DESK, request.body(Body::empty()).unwrap());
        assert_eq!(answer.status, 421, "{host}");
    }
    let twice = ours("/login", "").header("host", "evil.example");
    assert_eq!(
        scene.send(DESK, twice.body(Body::empty()).unwrap()).status,
        421
    );
    for path in [
        "/HOSPITAL-1/../HOSPITAL-2/log",
        "/HOSPITAL-1%2flog",
        "/HOSPITAL-1/log%00",
        "/HOSPITAL-1/log%0d%0aSet-Cookie:a=b",
        "//evil.example/log",
        "/.git/config",
        "/page.key",
        &format!("/{}", "a".repeat(300)),
    ] {
        let answer = it.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.headers.get("set-cookie").is_none(), "{path}");
    }
}

/// Bodies and forms are bounded.
#[test]
fn forms_beyond_their_bounds_are_refused() {
    let scene = Scene::new();
    let it = scene.signed_in("it");
    let long = format!("name={}", "a".repeat(300 << 10));
    assert_eq!(it.post("/accounts/close", &long).status, 413);
    let many = "a=b&".repeat(700);
    assert_eq!(it.post("/accounts/close", &many).status, 413);
    assert_eq!(
        it.post("/accounts/close", "name=it&name=reception").status,
        422
    );
}

/// B-086: guessing has to wait, whatever is guessed, and the page does not tell which accounts
/// there are.
#[test]
fn guessing_is_slowed_down_and_tells_nothing() {
    let scene = Scene::new();
    let told = |page: &str| {
        let (_, told) = page.split_once("role=\"alert\"").unwrap();
        told.split_once("</p>").unwrap().0.to_owned()
    };
    let guess = |name: &str| {
        let form = format!("name={name}&password=wrong-password&code=000000");
        let answer = scene.post("/login", "", &form);
        (answer.status, told(&answer.text))
    };
    let known: Vec<_> = (0..6).map(|_| guess("director")).collect();
    let unknown: Vec<_> = (0..6).map(|_| guess("nobodyxx")).collect();
    assert!(known.iter().all(|(status, _)| *status == 422));
    assert_eq!(known, unknown);
    assert_ne!(known[0], known[5], "the sixth has to wait");
    let code = |name: &str| {
        let answer = scene.post("/first", "", &format!("name={name}&code=AAAA-AAAA-AAAA"));
        (answer.status, answer.text.replace(name, "?"))
    };
    let known: Vec<_> = (0..6).map(|_| code("reception")).collect();
    let unknown: Vec<_> = (0..6).map(|_| code("nobodyyyy")).collect();
    assert_eq!(known, unknown);
    assert_ne!(known[0], known[5]);
}

/// IT makes accounts of its own institution only, and cannot change its own rights.
#[test]
fn accounts_are_made_for_the_own_institution_and_not_for_oneself() {
    let scene = Scene::new();
    let it = scene.signed_in("it");
    let made = it.post(
        "/accounts/issue",
        "name=sato&shown=%E4%BD%90%E8%97%A4&may=reception@HOSPITAL-1",
    );
    assert_eq!(made.status, 200);
    assert!(made.text.contains("issued-code"));
    for (form, status) in [
        ("name=abe&shown=a&may=reception@HOSPITAL-2", 422),
        ("name=abe&shown=a&may=owner@HOSPITAL-1", 422),
        ("name=abe&shown=a", 422),
        ("name=a&shown=a&may=reception@HOSPITAL-1", 422),
        ("name=abe&shown=&may=reception@HOSPITAL-1", 422),
        ("name=director&shown=a&may=reception@HOSPITAL-1", 422),
        ("name=it&again=yes", 404),
    ] {
        assert_eq!(it.post("/accounts/issue", form).status, status, "{form}");
    }
    account(&scene.page, "elsewhere", &[("HOSPITAL-2", Role::Reception)]);
    assert_eq!(it.post("/accounts/close", "name=elsewhere").status, 404);
    assert_eq!(it.post("/accounts/close", "name=it").status, 404);
    assert!(!it.get("/accounts").text.contains("elsewhere"));
    let reception = scene.signed_in("reception");
    assert_eq!(reception.post("/accounts/close", "name=it").status, 404);
}

/// Every form of an institution, with who may send it and a body that would do something.
pub(super) const FORMS: [(&str, &str, &[&str]); 10] = [
    ("person", "chart=0012345", &["reception"]),
    (
        "stop",
        "chart=0012345&requested_on=2026-01-05&requester=self&channel=desk&verification=known\
         &domain=medical&domain=checkup&domain=care&domain=vital-status&domain=lifestyle\
         &product=anonymized&product=pseudonymized&product=ndb-linkable&from=&until=",
        &["reception"],
    ),
    ("revoke", "entry=1&ground=mistake", &["reception"]),
    (
        "visitors",
        "on=2026-06-01&method=handed&document=2026-04&numbers=0012345",
        &["reception"],
    ),
    (
        "visitors/enter",
        "on=2026-06-01&method=handed&document=2026-04&numbers=0012345",
        &["reception"],
    ),
    ("visitors/undo", "number=1", &["reception"]),
    ("decisions", "entry=1&means=no", &["reception", "director"]),
    ("clinic", "", &["it"]),
    (
        "consent",
        "chart=0012345&given_on=2026-06-01&document=2026-04&domain=medical&product=anonymized",
        &["reception"],
    ),
    (
        "merge",
        "chart=0012345&other=0067890&used=this",
        &["reception"],
    ),
];

/// a form of a page that the account does not see does nothing, at no institution.
#[test]
fn forms_are_taken_from_their_roles_at_their_institution_only() {
    let scene = Scene::new();
    for name in ["reception", "it", "director"] {
        let browser = scene.signed_in(name);
        for (page, form, roles) in FORMS {
            let own = browser.post(&format!("/HOSPITAL-1/{page}"), form).status;
            assert_eq!(own == 404, !roles.contains(&name), "{name} {page}: {own}");
            let other = browser.post(&format!("/HOSPITAL-2/{page}"), form).status;
            assert_eq!(other, 404, "{name} {page} elsewhere");
        }
    }
    let second = scene
        .page
        .institution(&"HOSPITAL-2".parse().unwrap())
        .unwrap();
    let ledger = super::book::open(second).unwrap();
    assert!(ledger.entries(1..=u64::MAX).unwrap().is_empty());
}

/// Nothing that cannot be read is entered, and what was typed comes back escaped.
#[test]
fn what_a_form_cannot_mean_is_refused() {
    let scene = Scene::new();
    let desk = scene.signed_in("reception");
    let (_, form, _) = FORMS[1];
    for (from, to) in [
        ("0012345", "%3Cscript%3E"),
        ("0012345", ""),
        ("2026-01-05", "2026-02-30"),
        ("2026-01-05", "2999-01-01"),
        ("self", "nobody"),
        ("desk", "pigeon"),
        ("known", ""),
    ] {
        let answer = desk.post("/HOSPITAL-1/stop", &form.replace(from, to));
        assert_eq!(answer.status, 422, "{from} {to}");
        assert!(!answer.text.contains("<script"));
    }
    let (_, list, _) = FORMS[4];
    for (from, to) in [
        ("2026-04", "2099-01"),
        ("2026-06-01", "2026-03-01"),
        ("2026-06-01", "2999-01-01"),
        ("handed", "shouted"),
        ("0012345", "%3Cb%3E"),
    ] {
        let answer = desk.post("/HOSPITAL-1/visitors/enter", &list.replace(from, to));
        assert_eq!(answer.status, 422, "{from} {to}");
    }
    let searched = desk.post(
        "/HOSPITAL-1/person",
        "chart=%3Cscript%3Ealert(1)%3C/script%3E",
    );
    assert!(!searched.text.contains("<script") && searched.text.contains("読めません"));
    let first = scene
        .page
        .institution(&"HOSPITAL-1".parse().unwrap())
        .unwrap();
    let ledger = super::book::open(first).unwrap();
    assert!(ledger.entries(1..=u64::MAX).unwrap().is_empty());
}

/// C-08: a day's notices are entered whole, shown as one, and taken back whole.
#[test]
fn notices_of_a_day_are_one_entry_to_take_back() {
    let scene = Scene::new();
    let desk = scene.signed_in("reception");
    let list = "on=2026-06-01&method=handed&document=2026-04&numbers=0001%0A0002%0A0001";
    let preview = desk.post("/HOSPITAL-1/visitors", list).text;
    assert!(preview.contains("id=\"fresh\">2<"), "{preview}");
    assert_eq!(desk.post("/HOSPITAL-1/visitors/enter", list).status, 303);
    assert_eq!(
        desk.post("/HOSPITAL-1/visitors/enter", list).status,
        422,
        "nobody is new"
    );
    let place = scene
        .page
        .institution(&"HOSPITAL-1".parse().unwrap())
        .unwrap();
    let stand = || {
        let entries = super::book::open(place)
            .unwrap()
            .entries(1..=u64::MAX)
            .unwrap();
        let told = |it: &&super::book::Entry| matches!(it.event, Event::Notified(_));
        entries.iter().filter(told).filter(|it| !it.revoked).count()
    };
    assert_eq!(stand(), 2);
    assert_eq!(
        desk.post("/HOSPITAL-1/visitors/undo", "number=1").status,
        303
    );
    assert_eq!(stand(), 0);
    assert_eq!(
        desk.post("/HOSPITAL-1/visitors/undo", "number=1").status,
        404
    );
}

/// B-001, P-19: a clock that may be behind would date notices too early; stops are taken all the
/// same, and the page of clinic IT tells up to when the time was confirmed.
#[test]
fn without_a_confirmed_time_stops_are_entered_and_notices_are_not() {
    let scene = Scene::new();
    let desk = scene.signed_in("reception");
    let place = scene
        .page
        .institution(&"HOSPITAL-1".parse().unwrap())
        .unwrap();
    let file = &place.settings.clock.synchronized;
    fs::remove_file(file).unwrap();
    let list = "on=2026-06-01&method=handed&document=2026-04&numbers=0001";
    let refused = desk.post("/HOSPITAL-1/visitors/enter", list);
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("時刻が確かめられていない"));
    let (_, stop, _) = FORMS[1];
    assert_eq!(desk.post("/HOSPITAL-1/stop", stop).status, 303);
    fs::write(file, "").unwrap();
    assert_eq!(desk.post("/HOSPITAL-1/visitors/enter", list).status, 303);
    let clinic = scene.signed_in("it").get("/HOSPITAL-1/clinic").text;
    assert!(clinic.contains("id=\"time-confirmed\""), "{clinic}");
}

/// B-011: a case that an order left open is decided by a person: one stop, or none.
#[test]
fn a_withheld_case_is_decided_once() {
    let scene = Scene::new();
    let place = scene
        .page
        .institution(&"HOSPITAL-1".parse().unwrap())
        .unwrap();
    let mut ledger = super::book::open(place).unwrap();
    let held = ["0001", "0002"].map(|chart| Event::Held {
        order: "S-1".parse().unwrap(),
        chart: record::ChartNumber::new(chart).unwrap(),
    });
    let now = scene.page.now().unwrap();
    super::book::append(&mut ledger, "console", now, held.into()).unwrap();
    let director = scene.signed_in("director");
    let cases = director.get("/HOSPITAL-1/decisions").text;
    assert!(cases.contains("0001") && cases.contains("0002"));
    assert_eq!(
        director
            .post("/HOSPITAL-1/decisions", "entry=1&means=yes")
            .status,
        303
    );
    assert_eq!(
        director
            .post("/HOSPITAL-1/decisions", "entry=2&means=no")
            .status,
        303
    );
    assert_eq!(
        director
            .post("/HOSPITAL-1/decisions", "entry=2&means=yes")
            .status,
        422
    );
    assert!(
        director
            .get("/HOSPITAL-1/decisions")
            .text
            .contains("判断を待つものはありません")
    );
    let desk = scene.signed_in("reception");
    let stopped = desk.post("/HOSPITAL-1/person", "chart=0001").text;
    assert!(stopped.contains("停止のお申し出あり"));
    let free = desk.post("/HOSPITAL-1/person", "chart=0002").text;
    assert!(free.contains("通知の記録なし"));
}

/// departments that share their numbers share their stops.
#[test]
fn a_stop_at_one_department_is_a_stop_at_those_that_share_it() {
    let mut scene = Scene::new();
    let page = Arc::get_mut(&mut scene.page).unwrap();
    for place in &mut page.institutions {
        place.told.stops_shared_in = Some("city".to_owned());
    }
    let desk = scene.signed_in("reception");
    let (_, form, _) = FORMS[1];
    assert_eq!(desk.post("/HOSPITAL-1/stop", form).status, 303);
    for place in &scene.page.institutions {
        let entries = super::book::open(place)
            .unwrap()
            .entries(1..=u64::MAX)
            .unwrap();
        assert_eq!(entries.len(), 1, "{}", place.site);
    }
}

/// B-133: no chart number in an address, in the page's database or in its log.
#[test]
fn chart_numbers_stay_in_forms_and_in_the_ledger() {
    let scene = Scene::new();
    let desk = scene.signed_in("reception");
    for (page, form, _) in FORMS {
        let answer = desk.post(&format!("/HOSPITAL-1/{page}"), form);
        assert!(!answer.place.contains("12345"), "{page}");
    }
    let log = scene.page.store.latest(i64::MAX, 1_000).unwrap();
    assert!(log.len() > 5);
    assert!(log.iter().all(|line| !line.about.contains("12345")));
    let searches: Vec<_> = log
        .iter()
        .filter(|it| it.act == Act::Searched.as_str())
        .collect();
    assert!(searches[0].about.starts_with("p-"));
    for file in fs::read_dir(&scene.page.store.folder).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"0012345"));
    }
}
