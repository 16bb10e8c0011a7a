//! The local page of a site whose storage has a marker in every field that can name somebody: what
//! each role sees names nobody, but for the few places that show the desk a chart number (B-133).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod marked;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use e2e::Search;
use harness::deployment::Deployment;
use harness::job::Job;
use harness::process::{Programs, Running, free_address, wait_for};
use harness::scene::today;
use marked::browser::{Browser, NAME};
use marked::{SITE, source, write_storage};

/// Pages of an institution that a role opens by an address.
const PAGES: [(&str, &[&str]); 3] = [
    (
        "reception",
        &["reception", "sixteen", "visitors", "leaflet", "decisions"],
    ),
    ("it", &["clinic", "log"]),
    (
        "director",
        &["director", "director/provision.csv", "log", "decisions"],
    ),
];

/// Where the desk is shown a chart number, because somebody asked about it or has to decide. They
/// show nothing else of anybody.
const SHOWS_CHARTS: [&str; 3] = ["person", "stop", "confirmation"];

/// The page as a process of its own.
struct Page {
    running: Running,
    address: SocketAddr,
}

fn serve(job: &Job, folder: &Path) -> Page {
    let address = free_address().unwrap();
    let config = folder.join("page.toml");
    let text = format!(
        "listen = \"{address}\"\nnames = [\"{NAME}\"]\nfolder = \"{}\"\n\
         [[institutions]]\nname = \"みなと診療所\"\nsettings = \"{}\"\ncontact = \"受付\"\n",
        folder.join("page").display(),
        job.deployment.sites[0].config.display()
    );
    fs::write(&config, text).unwrap();
    let mut command = job.programs.gateway();
    command
        .args(["page", "--config"])
        .arg(&config)
        .env("RUST_LOG", "trace");
    let mut running = Running::start(&mut command, &folder.join("page.log")).unwrap();
    wait_for(address, &mut running).unwrap();
    Page { running, address }
}

fn signed_in(job: &Job, folder: &Path, page: &Page, role: &str) -> Browser {
    let mut account = job.programs.gateway();
    account
        .args(["account", "--config"])
        .arg(folder.join("page.toml"))
        .args(["--name", role, "--person", "係の人"])
        .args(["--site", SITE, "--role", role]);
    Browser::sign_in(page.address, &mut account, role)
}

#[test]
fn no_page_shows_a_marker_and_only_the_desk_sees_chart_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let written = write_storage(&folder.join("storage"));
    let source = source(folder, &written.charts);
    let deployment = Deployment::prepare(&folder.join("run"), &[source], today()).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let mut front = job.start_front().unwrap();
    job.run_gateway(0, &[]).unwrap().well().unwrap();
    front.kill().unwrap();

    let mut page = serve(&job, folder);
    let markers = Search::new(&written.markers).unwrap();
    for (role, pages) in PAGES {
        let browser = signed_in(&job, folder, &page, role);
        let own = pages.iter().map(|name| format!("/{SITE}/{name}"));
        let shared = ["/", "/me", "/style.css", "/passkey.js", "/nothing"].map(str::to_owned);
        let mut seen = 0;
        for path in own.chain(shared).chain([format!("/{SITE}")]) {
            let answer = browser.get(&path);
            assert!(answer.status() < 500, "{path}: {}", answer.head);
            let hits = markers.hits(&answer.body) + markers.hits(answer.head.as_bytes());
            assert_eq!(hits, 0, "{role} {path}: {}", answer.text());
            seen += usize::from(answer.status() == 200);
        }
        assert!(seen >= pages.len(), "{role} has seen {seen} pages");
        match role {
            "reception" => desk(&browser, &written.markers, &written.charts[0]),
            "it" => {
                let tested = browser.post_from("/me", &format!("/{SITE}/clinic"), &[]);
                assert_eq!(tested.status(), 200);
                assert_eq!(markers.hits(&tested.body), 0, "{}", tested.text());
                assert_eq!(markers.hits(&browser.get("/accounts").body), 0);
            }
            _ => {}
        }
    }
    page.running.kill().unwrap();
    // Nor do its log and its files, of whatever was asked and entered at the desk.
    let mut kept = vec![folder.join("page.log")];
    let files = fs::read_dir(folder.join("page")).unwrap();
    kept.extend(files.map(|file| file.unwrap().path()));
    assert!(kept.len() > 3, "{kept:?}");
    for path in kept {
        let bytes = fs::read(&path).unwrap();
        assert_eq!(markers.hits(&bytes), 0, "{}", path.display());
    }
}

/// Looks a patient up and enters a stop: the answers show the number that was typed, and nothing
/// else of the patient.
fn desk(browser: &Browser, markers: &[String], chart: &str) {
    let number = Search::new(&[chart.to_owned()]).unwrap();
    let others: Vec<_> = markers.iter().filter(|it| *it != chart).cloned().collect();
    let others = Search::new(&others).unwrap();
    let reception = format!("/{SITE}/reception");
    let person = [("chart", chart)];
    let person = browser.post_from(&reception, &format!("/{SITE}/person"), &person);
    assert_eq!(person.status(), 200, "{}", person.text());
    let day = today().to_string();
    let mut stop = vec![
        ("chart", chart),
        ("requested_on", &*day),
        ("requester", "self"),
        ("channel", "desk"),
        ("verification", "known"),
        ("from", ""),
        ("until", ""),
    ];
    let domains = ["medical", "checkup", "care", "vital-status", "lifestyle"];
    stop.extend(domains.map(|domain| ("domain", domain)));
    let products = ["anonymized", "pseudonymized", "ndb-linkable"];
    stop.extend(products.map(|product| ("product", product)));
    let stop = browser.post_from(&reception, &format!("/{SITE}/stop"), &stop);
    assert!([200, 303].contains(&stop.status()), "{}", stop.text());
    let place = stop
        .head
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    let confirmation = browser.get(place.unwrap_or(&reception));
    let shown = [person, stop, confirmation];
    for (what, answer) in SHOWS_CHARTS.iter().zip(&shown) {
        assert_eq!(others.hits(&answer.body), 0, "{what}: {}", answer.text());
        assert_eq!(number.hits(answer.head.as_bytes()), 0, "{what}");
    }
    assert!(
        number.hits(&shown[0].body) > 0,
        "the search finds what is shown"
    );
    assert!(number.hits(&shown[2].body) > 0, "{}", shown[2].text());
    // Afterwards, too, the lists show counts and no number.
    for page in ["reception", "sixteen", "visitors", "decisions"] {
        let answer = browser.get(&format!("/{SITE}/{page}"));
        assert_eq!(others.hits(&answer.body), 0, "{page}: {}", answer.text());
    }
}
