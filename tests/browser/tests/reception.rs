//! The receptionist's walks.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use browser::{Album, Chromium, Scene};

const HOST: &str = "sekisho.internal";
const DESK: &str = "/HOSPITAL-A/reception";

/// C-07, B-005: the patient says no, by mouse: number, search, one button, confirmation. Then by
/// keyboard alone in a window of 320 pixels, and taken back.
#[test]
fn the_patient_says_no_by_mouse_and_by_keyboard() {
    let scene = Scene::new(60).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let (tab, _) = scene
        .signed_in(&chromium, "ueda", &["reception"], (1280, 800))
        .unwrap();
    assert_eq!(tab.path().unwrap(), DESK);
    album.look(&tab, "reception").unwrap();
    let chart = scene.chart(0, 0).unwrap();
    tab.fill("#chart", &chart).unwrap();
    tab.follow("button.main").unwrap();
    assert!(tab.text_of("#state").unwrap().contains(&chart));
    assert!(
        !tab.run("location.href")
            .unwrap()
            .to_string()
            .contains(&chart)
    );
    album.look(&tab, "person").unwrap();
    tab.follow("button.stop").unwrap();
    assert!(tab.path().unwrap().starts_with("/HOSPITAL-A/confirmation/"));
    let sheet = tab.text_of("#sheet").unwrap();
    for part in [
        chart.as_str(),
        "確認書",
        "本人",
        "消去を求めます",
        "みなと診療所",
    ] {
        assert!(sheet.contains(part), "{part}: {sheet}");
    }
    album.look(&tab, "confirmation").unwrap();
    album.print(&tab, "confirmation").unwrap();
    tab.follow("main a.button").unwrap();
    tab.fill("#chart", &chart).unwrap();
    tab.follow("button.main").unwrap();
    assert!(
        tab.text_of("#state")
            .unwrap()
            .contains("停止のお申し出あり")
    );
    assert!(!tab.has("#stop").unwrap(), "there is nothing to stop twice");
    album.look(&tab, "stopped").unwrap();
    let other = scene.chart(0, 1).unwrap();
    by_keyboard(&scene, &tab, &other);
    scene.names_nobody(&[&chart, &other]).unwrap();
}

fn by_keyboard(scene: &Scene, tab: &browser::Tab, chart: &str) {
    tab.resize(320, 640).unwrap();
    tab.open(&format!("{}{DESK}", scene.address)).unwrap();
    // The field has the focus already; full width digits are what a Japanese keyboard gives.
    let wide: String = chart
        .chars()
        .map(|it| char::from_u32(it as u32 + 0xfee0).unwrap())
        .collect();
    tab.type_text(&wide).unwrap();
    tab.press_and_go("Enter").unwrap();
    assert!(tab.text_of("#state").unwrap().contains(chart));
    tab.tab_to("input[name=requester]").unwrap();
    tab.press("ArrowRight").unwrap();
    tab.tab_to("button.stop").unwrap();
    tab.press_and_go("Enter").unwrap();
    assert!(tab.text_of("#sheet").unwrap().contains("家族"));
    tab.tab_to("main a.button").unwrap();
    tab.press_and_go("Enter").unwrap();
    tab.type_text(chart).unwrap();
    tab.press_and_go("Enter").unwrap();
    tab.tab_to("#history summary").unwrap();
    tab.press("Enter").unwrap();
    tab.tab_to("#history details[open] input[value=mistake]")
        .unwrap();
    tab.press("Space").unwrap();
    tab.tab_to("#history details[open] button").unwrap();
    tab.press_and_go("Enter").unwrap();
    assert!(tab.text_of("#history").unwrap().contains("取り消し済み"));
    assert!(tab.has("#stop").unwrap());
}

/// C-08: everybody of a day with a look before, and all of it taken back.
#[test]
fn notices_of_a_day_are_looked_at_entered_and_taken_back() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let (tab, _) = scene
        .signed_in(&chromium, "ueda", &["reception"], (1280, 800))
        .unwrap();
    tab.follow("a[href='/HOSPITAL-A/visitors']").unwrap();
    let list = "番号,氏名\n7700001,山田 花子\n7700002,鈴木 一郎\n7700002,鈴木 一郎\n";
    tab.fill("#numbers", list).unwrap();
    album.look(&tab, "visitors").unwrap();
    tab.follow("button.main").unwrap();
    assert_eq!(tab.text_of("#fresh").unwrap(), "2");
    assert!(!tab.text().unwrap().contains("山田"));
    album.look(&tab, "visitors-preview").unwrap();
    tab.follow("button.main").unwrap();
    assert!(tab.text_of("#earlier").unwrap().contains("2 人"));
    tab.fill("#numbers", list).unwrap();
    tab.follow("button.main").unwrap();
    assert!(!tab.has("button.main").unwrap(), "nobody is new any more");
    tab.follow("a[href='/HOSPITAL-A/visitors']").unwrap();
    album.look(&tab, "visitors-entered").unwrap();
    tab.follow("#earlier button").unwrap();
    assert!(tab.text_of("#earlier").unwrap().contains("取り消し済み"));
    tab.follow("a[href='/HOSPITAL-A/leaflet']").unwrap();
    album.look(&tab, "leaflet").unwrap();
    album.print(&tab, "leaflet").unwrap();
    scene.names_nobody(&["7700001", "7700002", "山田"]).unwrap();
}

/// Two at the desk press the button for the same person: one stop, and both get its confirmation.
#[test]
fn two_browsers_at_once_enter_one_stop() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let (one, _) = scene
        .signed_in(&chromium, "ueda", &["reception"], (1280, 800))
        .unwrap();
    let (two, _) = scene
        .signed_in(&chromium, "okada", &["reception"], (1280, 800))
        .unwrap();
    let chart = scene.chart(0, 0).unwrap();
    for tab in [&one, &two] {
        tab.fill("#chart", &chart).unwrap();
        tab.follow("button.main").unwrap();
        assert!(tab.has("button.stop").unwrap());
    }
    one.follow("button.stop").unwrap();
    two.follow("button.stop").unwrap();
    assert_eq!(one.path().unwrap(), two.path().unwrap());
    assert!(two.text_of("#sheet").unwrap().contains("ueda"));
}

/// B-086: a stolen cookie opens nothing in another browser, and the rightful one is told to sign in
/// again.
#[test]
fn a_stolen_cookie_opens_nothing() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let (tab, _) = scene
        .signed_in(&chromium, "ueda", &["reception"], (1280, 800))
        .unwrap();
    let cookie = tab.cookies().unwrap().remove(0);
    let thief = chromium.tab(1280, 800).unwrap();
    let agent = serde_json::json!({"userAgent": "another browser"});
    thief.call("Emulation.setUserAgentOverride", agent).unwrap();
    let value = cookie["value"].as_str().unwrap();
    thief
        .plant(&scene.address, "__Host-sekisho", value)
        .unwrap();
    thief.open(&format!("{}{DESK}", scene.address)).unwrap();
    assert_eq!(thief.path().unwrap(), "/login");
    tab.open(&format!("{}{DESK}", scene.address)).unwrap();
    assert_eq!(tab.path().unwrap(), "/login");
}

/// A page of somebody else's cannot make the browser of somebody who is signed in do anything.
#[test]
fn a_foreign_page_cannot_use_the_session() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let (tab, _) = scene
        .signed_in(&chromium, "ueda", &["reception"], (1280, 800))
        .unwrap();
    let chart = scene.chart(0, 0).unwrap();
    tab.open("data:text/html,<title>evil</title>").unwrap();
    let script = format!(
        "(() => {{ const form = document.createElement('form'); form.method = 'post'; \
         form.action = '{}/HOSPITAL-A/stop'; const field = document.createElement('input'); \
         field.name = 'chart'; field.value = '{chart}'; form.append(field); \
         document.body.append(form); form.submit(); }})()",
        scene.address
    );
    tab.run_and_go(&script).unwrap();
    assert!(
        tab.text().unwrap().contains("P003"),
        "{}",
        tab.text().unwrap()
    );
    tab.open(&format!("{}{DESK}", scene.address)).unwrap();
    tab.fill("#chart", &chart).unwrap();
    tab.follow("button.main").unwrap();
    assert!(tab.has("#stop").unwrap(), "nothing was entered");
}

/// The page stays usable while a backfill runs: a stop is entered and confirmed meanwhile.
#[test]
fn the_page_is_usable_while_a_backfill_runs() {
    let scene = Scene::unread(120).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let roles = ["reception", "it"];
    let (tab, _) = scene
        .signed_in(&chromium, "ueda", &roles, (1280, 800))
        .unwrap();
    let mut backfill = scene.start_backfill(0).unwrap();
    let sealed = scene.job.deployment.sites[0].state.join("spool");
    let batches = || std::fs::read_dir(&sealed).map_or(0, Iterator::count);
    let mut waited = 0;
    while batches() < 3 {
        assert!(
            backfill.ended().unwrap().is_none() && waited < 3_000,
            "it seals nothing"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
        waited += 1;
    }
    let before = batches();
    for chart in [scene.chart(0, 0).unwrap(), scene.chart(0, 1).unwrap()] {
        tab.open(&format!("{}{DESK}", scene.address)).unwrap();
        tab.fill("#chart", &chart).unwrap();
        tab.follow("button.main").unwrap();
        if tab.has("button.stop").unwrap() {
            tab.follow("button.stop").unwrap();
            assert!(tab.text_of("#sheet").unwrap().contains(&chart));
        }
        tab.open(&format!("{}/HOSPITAL-A/clinic", scene.address))
            .unwrap();
        assert!(tab.has("#status-code").unwrap());
    }
    while batches() == before && backfill.ended().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(backfill.ended().unwrap().is_none(), "it ran all the while");
    assert!(batches() > before, "and went on sealing");
    backfill.kill().unwrap();
}

/// C-07, A-053: what the desk enters withholds the person in the next run, with everything of
/// theirs, and nobody else.
#[test]
fn what_the_desk_enters_holds_in_the_next_run() {
    let number = |report: &serde_json::Value, place: &str| report.pointer(place).unwrap().as_u64();
    let before = Scene::new(40).unwrap().job.gateway_report(0).unwrap();
    let scene = Scene::unread(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let (tab, _) = scene
        .signed_in(&chromium, "ueda", &["reception"], (1280, 800))
        .unwrap();
    tab.fill("#chart", &scene.chart(0, 0).unwrap()).unwrap();
    tab.follow("button.main").unwrap();
    tab.follow("button.stop").unwrap();
    let after = scene
        .job
        .run_gateway(0, &["--hold"])
        .unwrap()
        .well()
        .unwrap();
    for (place, more) in [
        ("/patients/seen", 0),
        ("/patients/withheld", 1),
        ("/withheld/stopped/persons", 1),
    ] {
        let expected = number(&before, place).map(|count| count + more);
        assert_eq!(number(&after, place), expected, "{place}");
    }
    assert!(number(&after, "/documents_sealed") < number(&before, "/documents_sealed"));
}
