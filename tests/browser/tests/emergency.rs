//! The emergency way in, from the centre's code to the end of the session.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use browser::{Album, Chromium, Scene, Tab};

const HOST: &str = "sekisho.internal";

/// The centre makes a code, and the appliance fetches its letter.
fn code(scene: &Scene, account: &str) -> String {
    let code = scene.job.emergency_code(0, account).unwrap();
    exchange(scene);
    code
}

fn exchange(scene: &Scene) {
    let mut front = scene.job.start_front().unwrap();
    let ended = scene.job.run_orders(0).unwrap();
    front.kill().unwrap();
    assert!(ended.status.success(), "{}", ended.told);
}

fn state_at_centre(scene: &Scene, place: usize) -> String {
    scene.job.run_core(&["letters"]).unwrap().well().unwrap();
    let state = scene.job.orders().unwrap()[place]["state"].clone();
    state.as_str().unwrap().to_owned()
}

fn enter_stop(tab: &Tab, chart: &str) {
    tab.fill("#chart", chart).unwrap();
    tab.follow("button.main").unwrap();
    tab.follow("button.stop").unwrap();
    assert!(tab.text_of("#sheet").unwrap().contains(chart));
}

/// B-088: by mouse, and then by keyboard alone in a narrow window: the code is read out, lets its
/// account in once, a stop is entered, nothing else is taken, and both sides have it in their logs.
#[test]
fn a_code_of_the_centre_lets_in_to_look_and_to_enter_stops() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let roles = ["reception", "director"];
    // An account whose owner has lost the way in: the first code was never used.
    scene.issue("incho", "院長", &roles, 0).unwrap();
    let first = code(&scene, "incho");
    assert_eq!(state_at_centre(&scene, 0), "code_ready");
    let tab = chromium.tab(1280, 800).unwrap();
    tab.open(&format!("{}/login", scene.address)).unwrap();
    tab.follow("a[href='/emergency']").unwrap();
    tab.fill("#name", "incho").unwrap();
    tab.fill("#code", "AAAA-AAAA-AAAA").unwrap();
    tab.follow("button.main").unwrap();
    assert!(tab.has("#wrong").unwrap());
    album.look(&tab, "emergency").unwrap();
    tab.fill("#code", &first.to_lowercase()).unwrap();
    tab.follow("button.main").unwrap();
    assert_eq!(tab.path().unwrap(), "/HOSPITAL-A/reception");
    let page = tab.text().unwrap();
    assert!(page.contains("緊急ログイン中です"), "{page}");
    album.look(&tab, "emergency-session").unwrap();
    let chart = scene.chart(0, 0).unwrap();
    enter_stop(&tab, &chart);
    tab.follow("main a.button").unwrap();
    tab.fill("#chart", &chart).unwrap();
    tab.follow("button.main").unwrap();
    tab.click("#history summary").unwrap();
    tab.click("#history details[open] input[value=mistake]")
        .unwrap();
    tab.follow("#history details[open] button").unwrap();
    let refused = tab.text().unwrap();
    assert!(refused.contains("P007"), "{refused}");
    tab.follow("main a.button").unwrap();
    tab.follow(".leave button").unwrap();
    assert_eq!(tab.path().unwrap(), "/login");

    exchange(&scene);
    assert_eq!(state_at_centre(&scene, 0), "code_used");
    tab.resize(320, 640).unwrap();
    tab.open(&format!("{}/emergency", scene.address)).unwrap();
    // A code that was used is worth nothing.
    for (code, path) in [
        (first, "/emergency"),
        (code(&scene, "incho"), "/HOSPITAL-A/reception"),
    ] {
        tab.run("document.querySelector('#name').value = ''")
            .unwrap();
        tab.run("document.querySelector('#name').focus()").unwrap();
        tab.type_text("incho").unwrap();
        tab.tab_to("#code").unwrap();
        tab.type_text(&code).unwrap();
        tab.press_and_go("Enter").unwrap();
        assert_eq!(tab.path().unwrap(), path);
    }
    tab.open(&format!("{}/HOSPITAL-A/log", scene.address))
        .unwrap();
    let log = tab.text().unwrap();
    assert!(
        log.contains("緊急コードでログイン") && log.contains("緊急ログインの終わり"),
        "{log}"
    );
    scene.names_nobody(&[&chart]).unwrap();
}
