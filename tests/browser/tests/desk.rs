//! Walks of the reception beside "the patient says no": a part only, consents, second numbers, and
//! a stop that the hospital's own list still has.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use browser::{Album, Chromium, Scene, Tab};

const HOST: &str = "sekisho.internal";
const DESK: &str = "/HOSPITAL-A/reception";

fn search(scene: &Scene, tab: &Tab, chart: &str) {
    tab.open(&format!("{}{DESK}", scene.address)).unwrap();
    tab.fill("#chart", chart).unwrap();
    tab.follow("button.main").unwrap();
}

/// A-061, B-005: a part is stopped by mouse, and then by keyboard alone in a narrow window; the
/// confirmation to print says which part.
#[test]
fn a_part_is_stopped_by_mouse_and_by_keyboard() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let (tab, _) = scene
        .signed_in(&chromium, "ueda", &["reception"], (1280, 800))
        .unwrap();
    let (chart, other) = (scene.chart(0, 0).unwrap(), scene.chart(0, 1).unwrap());
    search(&scene, &tab, &chart);
    assert!(
        tab.run("document.querySelector('#finer').open").unwrap() == false,
        "nobody has to look at it who says no to everything"
    );
    tab.click("#finer summary").unwrap();
    for kept in ["medical", "vital-status", "lifestyle"] {
        tab.click(&format!("#finer input[value={kept}]")).unwrap();
    }
    album.look(&tab, "stop-in-part").unwrap();
    tab.follow("button.stop").unwrap();
    let sheet = tab.text_of("#sheet").unwrap();
    assert!(sheet.contains("健診、介護／すべての使い道"), "{sheet}");
    assert!(
        sheet.contains("上の範囲の新しい記録は提供しません"),
        "{sheet}"
    );
    album.look(&tab, "confirmation-in-part").unwrap();
    album.print(&tab, "confirmation-in-part").unwrap();
    search(&scene, &tab, &chart);
    let state = tab.text_of("#state").unwrap();
    assert!(
        state.contains("一部を除いて") && state.contains("健診、介護"),
        "{state}"
    );
    album.look(&tab, "stopped-in-part").unwrap();

    tab.resize(320, 640).unwrap();
    tab.open(&format!("{}{DESK}", scene.address)).unwrap();
    tab.type_text(&other).unwrap();
    tab.press_and_go("Enter").unwrap();
    tab.tab_to("#finer summary").unwrap();
    tab.press("Enter").unwrap();
    tab.tab_to("#finer input[value=pseudonymized]").unwrap();
    tab.press("Space").unwrap();
    tab.tab_to("button.stop").unwrap();
    tab.press_and_go("Enter").unwrap();
    let scope = tab.text_of("#scope").unwrap();
    assert!(scope.contains("すべての種類／匿名加工、国の"), "{scope}");
    scene.names_nobody(&[&chart, &other]).unwrap();
}

/// at a hospital that asks for consent the desk enters it, by mouse and by keyboard.
#[test]
fn a_consent_is_entered_by_mouse_and_by_keyboard() {
    let texts = "[[notice.documents]]";
    let mode = format!("[notice]\nmode = \"opt-in\"\n\n{texts}");
    let scene = Scene::with_settings(40, texts, &mode).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let (tab, _) = scene
        .signed_in(&chromium, "ueda", &["reception"], (1280, 800))
        .unwrap();
    let (chart, other) = (scene.chart(0, 0).unwrap(), scene.chart(0, 1).unwrap());
    search(&scene, &tab, &chart);
    assert!(tab.text_of("#state").unwrap().contains("同意がない"));
    album.look(&tab, "consent").unwrap();
    tab.follow("#consent button.main").unwrap();
    assert!(tab.text_of("#told").unwrap().contains("同意を登録しました"));
    let state = tab.text_of("#state").unwrap();
    assert!(state.contains("提供の対象です"), "{state}");
    album.look(&tab, "consented").unwrap();

    tab.resize(320, 640).unwrap();
    tab.open(&format!("{}{DESK}", scene.address)).unwrap();
    tab.type_text(&other).unwrap();
    tab.press_and_go("Enter").unwrap();
    tab.tab_to("#consent summary").unwrap();
    tab.press("Enter").unwrap();
    tab.tab_to("#consent input[value=lifestyle]").unwrap();
    tab.press("Space").unwrap();
    tab.tab_to("#consent button.main").unwrap();
    tab.press_and_go("Enter").unwrap();
    let history = tab.text_of("#history").unwrap();
    assert!(
        history.contains("診療、健診、介護、死亡・住民の情報"),
        "{history}"
    );
    scene.names_nobody(&[&chart, &other]).unwrap();
}

/// A-054, C-07: a second number of a person, and a stop taken back that the hospital's list has.
#[test]
fn a_second_number_and_a_stop_that_comes_back_are_told_at_once() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let (tab, _) = scene
        .signed_in(&chromium, "ueda", &["reception"], (1280, 800))
        .unwrap();
    let (chart, other) = (scene.chart(0, 0).unwrap(), scene.chart(0, 1).unwrap());
    search(&scene, &tab, &chart);
    tab.follow("button.stop").unwrap();
    search(&scene, &tab, &other);
    tab.click("#merge summary").unwrap();
    tab.fill("#other", &chart).unwrap();
    album.look(&tab, "second-number").unwrap();
    tab.follow("#merge button.main").unwrap();
    assert!(tab.text_of("#told").unwrap().contains("1人として"));
    assert!(
        tab.text_of("#state")
            .unwrap()
            .contains("停止のお申し出あり")
    );

    // The same by keyboard, of a stop that stands in the hospital's list as well.
    let stops = &scene.job.deployment.sites[0].source.stops;
    let listed = format!(
        "{}{chart},2026-01-05,self\n",
        std::fs::read_to_string(stops).unwrap()
    );
    std::fs::write(stops, listed).unwrap();
    tab.resize(320, 640).unwrap();
    search(&scene, &tab, &chart);
    // The entries stand with the newest first: merge, stop, notice.
    let stop = "#history li:nth-child(2)";
    assert!(tab.text_of(stop).unwrap().contains("提供停止"));
    tab.tab_to(&format!("{stop} summary")).unwrap();
    tab.press("Enter").unwrap();
    // The choices are one stop of the keyboard; the arrow goes on to the second.
    tab.tab_to(&format!("{stop} input[value=mistake]")).unwrap();
    tab.press("ArrowDown").unwrap();
    tab.tab_to(&format!("{stop} button")).unwrap();
    tab.press_and_go("Enter").unwrap();
    let told = tab.text_of("#told").unwrap();
    assert!(told.contains("次の処理で停止に戻ります"), "{told}");
    album.look(&tab, "comes-back").unwrap();
    scene.names_nobody(&[&chart, &other]).unwrap();
}
