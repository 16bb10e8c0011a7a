//! Who gets in when nothing else works, and what the log has of it.

use envelope::EmergencyCode;

use super::super::book;
use super::super::session::EMERGENCY_SECONDS;
use super::super::store::database;
use super::*;

const CODE: &str = "ABCD-EFGH-JKLM";

/// Hands the appliance what a letter of the centre would bring.
fn letter(scene: &Scene, site: &str, number: u64, account: &str) {
    let site: SiteId = site.parse().unwrap();
    let at = scene.page.now().unwrap().seconds;
    let code = EmergencyCode {
        digest: EmergencyCode::digest(&site, number, CODE),
        number,
        account: account.to_owned(),
        issued_at: at,
        expires_at: at + 3600,
        site,
    };
    let place = scene.page.institution(&code.site).unwrap();
    let digest = [u8::try_from(number).unwrap(); 32];
    book::open(place)
        .unwrap()
        .take_code(&code, &digest)
        .unwrap();
}

/// A browser that came in with the code.
fn in_emergency<'s>(scene: &'s Scene, name: &str) -> (Browser<'s>, String) {
    let answer = scene.post("/emergency", "", &format!("name={name}&code={CODE}"));
    assert_eq!(answer.status, 303, "{}", answer.text);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let mut browser = Browser {
        scene,
        cookie,
        csrf: String::new(),
    };
    let start = browser.get(&answer.place).place;
    let page = browser.get(&start).text;
    let from = page.find("name=\"csrf\" value=\"").unwrap() + 19;
    browser.csrf = page.get(from..from + 64).unwrap().to_owned();
    (browser, page)
}

/// Moves the beginning of every session back, and the last click in it.
fn age(scene: &Scene, begun: i64, seen: i64) {
    let older = "UPDATE session SET begun = begun - ?1, seen = seen - ?2";
    let connection = scene.page.store.connection().unwrap();
    connection
        .execute(older, [begun, seen])
        .map_err(database)
        .unwrap();
}

fn acts(scene: &Scene) -> Vec<String> {
    let log = scene.page.store.latest(i64::MAX, 50).unwrap();
    log.into_iter().map(|line| line.act).collect()
}

/// B-088: looking and stops, at one institution, with the account's own roles, and nothing else.
#[test]
fn an_emergency_session_looks_and_enters_stops_and_does_nothing_else() {
    let scene = Scene::new();
    let both = [("HOSPITAL-1", Role::Reception), ("HOSPITAL-2", Role::It)];
    account(&scene.page, "night", &both);
    letter(&scene, "HOSPITAL-1", 1, "night");
    let (night, page) = in_emergency(&scene, "night");
    assert!(page.contains("緊急ログイン中です"), "{page}");
    for (path, status) in [
        ("/HOSPITAL-1/reception", 200),
        ("/HOSPITAL-1/decisions", 200),
        ("/HOSPITAL-1/director", 404),
        ("/HOSPITAL-1/clinic", 404),
        // What the account may do elsewhere is not part of it.
        ("/HOSPITAL-2/clinic", 404),
        ("/accounts", 404),
    ] {
        assert_eq!(night.get(path).status, status, "{path}");
    }
    for (page, form, roles) in FORMS {
        let answer = night.post(&format!("/HOSPITAL-1/{page}"), form);
        let expected = match page {
            "person" => 200,
            "stop" => 303,
            _ => 403,
        };
        assert_eq!(answer.status, expected, "{page} {roles:?}");
        let told = answer.text.contains("P007");
        assert_eq!(told, expected == 403, "{page}");
    }
    for path in [
        "/me/passkey",
        "/me/passkey/remove",
        "/accounts/issue",
        "/accounts/close",
    ] {
        assert_eq!(night.post(path, "name=it").status, 403, "{path}");
    }
    assert_eq!(night.post("/logout", "").status, 303);
    let place = scene
        .page
        .institution(&"HOSPITAL-1".parse().unwrap())
        .unwrap();
    let entries = book::open(place).unwrap().entries(1..=u64::MAX).unwrap();
    assert_eq!(entries.len(), 1);
    let acts = acts(&scene);
    for act in [Act::EmergencyIn, Act::StopEntered, Act::EmergencyEnded] {
        assert!(
            acts.iter().any(|it| it == act.as_str()),
            "{act:?}: {acts:?}"
        );
    }
}

/// B-088: somebody has to take a no, so a director stands in for the reception; clinic IT, who
/// never sees patients, does not.
#[test]
fn in_an_emergency_a_director_takes_stops_and_clinic_it_does_not() {
    let scene = Scene::new();
    letter(&scene, "HOSPITAL-1", 1, "director");
    letter(&scene, "HOSPITAL-1", 2, "it");
    let (_, stop, _) = FORMS[1];
    let (director, page) = in_emergency(&scene, "director");
    assert!(page.contains("緊急ログイン中です"));
    assert_eq!(director.get("/HOSPITAL-1/director").status, 200);
    assert_eq!(director.post("/HOSPITAL-1/stop", stop).status, 303);
    assert_eq!(
        director
            .post("/HOSPITAL-1/revoke", "entry=1&ground=mistake")
            .status,
        403
    );
    let (it, _) = in_emergency(&scene, "it");
    assert_eq!(it.get("/HOSPITAL-1/clinic").status, 200);
    assert_eq!(it.post("/HOSPITAL-1/stop", stop).status, 404);
    let ordinary = scene.signed_in("director");
    assert_eq!(ordinary.post("/HOSPITAL-1/stop", stop).status, 404);
}

/// B-088: once, for its own account, and no longer than half an hour, whatever is done meanwhile.
#[test]
fn an_emergency_code_works_once_and_its_session_ends_by_itself() {
    let scene = Scene::new();
    letter(&scene, "HOSPITAL-1", 1, "reception");
    for form in [
        format!("name=director&code={CODE}"),
        format!("name=nobodyyyy&code={CODE}"),
        "name=reception&code=ABCD-EFGH-JKLN".to_owned(),
        "name=reception&code=".to_owned(),
    ] {
        let refused = scene.post("/emergency", "", &form);
        assert_eq!(refused.status, 422, "{form}");
    }
    let (browser, _) = in_emergency(&scene, "reception");
    let again = scene.post("/emergency", "", &format!("name=reception&code={CODE}"));
    assert_eq!(again.status, 422);
    age(&scene, EMERGENCY_SECONDS - 5, 0);
    assert_eq!(browser.get("/HOSPITAL-1/reception").status, 200);
    age(&scene, 5, 0);
    let over = browser.get("/HOSPITAL-1/reception");
    assert_eq!((over.status, over.place.as_str()), (303, "/login"));
    assert_eq!(acts(&scene)[0], Act::EmergencyEnded.as_str());
}

/// B-088: a closed account stays closed, and an account without a role there has no code there.
#[test]
fn an_emergency_code_opens_no_account_that_is_closed_or_of_another_institution() {
    let scene = Scene::new();
    letter(&scene, "HOSPITAL-1", 1, "reception");
    letter(&scene, "HOSPITAL-2", 1, "director");
    let name = "reception".parse().unwrap();
    let at = scene.page.now().unwrap().seconds;
    scene.page.store.close(&name, "it", at).unwrap();
    for name in ["reception", "director"] {
        let form = format!("name={name}&code={CODE}");
        assert_eq!(scene.post("/emergency", "", &form).status, 422, "{name}");
    }
}

/// B-086, B-088: guessing costs waiting, and a stranger who guesses passwords locks nobody out of
/// the emergency way.
#[test]
fn guesses_of_emergency_codes_wait_and_those_of_passwords_do_not_count() {
    let scene = Scene::new();
    letter(&scene, "HOSPITAL-1", 1, "reception");
    for _ in 0..8 {
        scene.post("/login", "", "name=reception&password=wrong&code=123456");
    }
    let (_, page) = in_emergency(&scene, "reception");
    assert!(page.contains("緊急ログイン中です"));
    let guess = || {
        scene
            .post("/emergency", "", "name=director&code=AAAA-AAAA-AAAA")
            .text
    };
    let guesses: Vec<_> = (0..6).map(|_| guess()).collect();
    assert!(guesses[0].contains("緊急コードが違うか"));
    assert!(guesses[5].contains("お待ちください"), "{}", guesses[5]);
}

/// B-089: the log has login time and duration of every session, also of those that nobody came
/// back to, and what was looked at.
#[test]
fn the_log_has_the_end_of_every_session_and_what_was_looked_at() {
    let scene = Scene::new();
    let director = scene.signed_in("director");
    for page in ["decisions", "director"] {
        director.get(&format!("/HOSPITAL-1/{page}"));
    }
    let seen = acts(&scene);
    assert_eq!(
        seen[..2],
        [Act::LeavesShown.as_str(), Act::CasesShown.as_str()]
    );
    let at = scene.page.now().unwrap().seconds;
    age(&scene, 16 * 60, 15 * 60);
    for _ in 0..2 {
        scene.page.store.end_over(at).unwrap();
    }
    let log = scene.page.store.latest(i64::MAX, 50).unwrap();
    let ended: Vec<_> = log
        .iter()
        .filter(|it| it.act == Act::SessionEnded.as_str())
        .collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].account, "director");
    assert!(ended[0].about.ends_with("(16 min)"), "{}", ended[0].about);
    assert!(ended[0].about.contains(" – "), "{}", ended[0].about);
    assert_eq!(director.get("/HOSPITAL-1/director").status, 303);
}

/// B-089: an alarm of the clock stands on every page of everybody, and in the log of IT.
#[test]
fn a_clock_that_moved_is_told_on_every_page_and_in_the_log() {
    let scene = Scene::new();
    let it = scene.signed_in("it");
    let files = [scene.page.institutions[0]
        .settings
        .clock
        .synchronized
        .clone()];
    let ticks = clock::ticks(files.iter().map(std::path::PathBuf::as_path));
    scene.page.take_ticks(&ticks).unwrap();
    assert!(
        !it.get("/HOSPITAL-1/clinic")
            .text
            .contains("時計が正しい時刻から")
    );
    let moved = clock::Ticks {
        wall_ms: ticks.wall_ms + 2_600,
        ..ticks
    };
    scene.page.take_ticks(&moved).unwrap();
    let pages = ["/HOSPITAL-1/clinic", "/HOSPITAL-1/log", "/accounts"];
    for page in pages {
        let text = it.get(page).text;
        assert!(
            text.contains("正しい時刻から +2.6 s ずれています"),
            "{page}: {text}"
        );
    }
    let log = it.get("/HOSPITAL-1/log").text;
    assert!(log.contains("1秒より大きくずれた") && log.contains("appliance"));
}
