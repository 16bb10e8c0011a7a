//! Withheld cases that need a person, as the centre's orders really make them.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use browser::{Album, Chromium, Scene, Tab};
use town::TruePerson;

const HOST: &str = "sekisho.internal";
const PAGE: &str = "/HOSPITAL-A/decisions";

/// The person of a chart number of hospital A.
fn person<'s>(scene: &'s Scene, chart: &str) -> &'s TruePerson {
    let has = |person: &&TruePerson| {
        let mut all = person.registrations.iter();
        all.any(|it| it.hospital == 0 && it.chart_number == chart)
    };
    scene.truth.persons.iter().find(has).unwrap()
}

/// The centre took name and birthday of one patient and misheard the number, which is another's:
/// both are held.
fn order_that_fits_two(scene: &Scene, right: &str, misheard: &str) {
    let right = person(scene, right);
    let kana = format!("{} {}", right.kana.family, right.kana.given);
    let entered = format!(
        "requester = \"self\"\nverification = \"known\"\nchart = \"{misheard}\"\n\
         kana = \"{kana}\"\nbirth = \"{}\"\n",
        right.birth_date
    );
    scene.job.order_stop(0, &entered, &[]).unwrap();
    let mut front = scene.job.start_front().unwrap();
    let ended = scene.job.run_orders(0).unwrap();
    front.kill().unwrap();
    assert!(ended.status.success(), "{}", ended.told);
}

/// The sections of the cases that are shown, by chart number.
fn case(tab: &Tab, chart: &str) -> Option<String> {
    let script = format!(
        "[...document.querySelectorAll('section[id^=case-]')] \
         .filter(it => it.querySelector('.big').innerText.trim() === '{chart}') \
         .map(it => '#' + it.id)[0] || ''"
    );
    let found = tab.run(&script).unwrap();
    Some(found.as_str().unwrap().to_owned()).filter(|it| !it.is_empty())
}

/// B-011: one case is decided by mouse, the other by keyboard alone in a narrow window; the ledger
/// and the centre know at once.
#[test]
fn cases_of_an_ambiguous_order_are_decided_by_mouse_and_by_keyboard() {
    let scene = Scene::new(60).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let (right, misheard) = (scene.chart(0, 0).unwrap(), scene.chart(0, 1).unwrap());
    order_that_fits_two(&scene, &right, &misheard);
    let roles = ["reception", "director"];
    let (tab, _) = scene
        .signed_in(&chromium, "ueda", &roles, (1280, 800))
        .unwrap();
    for chart in [&right, &misheard] {
        tab.fill("#chart", chart).unwrap();
        tab.follow("button.main").unwrap();
        let state = tab.text_of("#state").unwrap();
        assert!(state.contains("保留の判断待ち"), "{state}");
        tab.follow("a[href='/HOSPITAL-A/reception']").unwrap();
    }
    tab.follow(&format!("a[href='{PAGE}']")).unwrap();
    album.look(&tab, "decisions").unwrap();
    let first = case(&tab, &right).unwrap();
    let told = tab.text_of(&first).unwrap();
    let (fits, differs) = told.split_once("異なる項目").unwrap();
    assert!(
        fits.contains("カナ氏名") && fits.contains("生年月日"),
        "{told}"
    );
    assert!(differs.contains("患者番号"), "{told}");
    tab.follow(&format!("{first} button[value=yes]")).unwrap();
    assert_eq!(case(&tab, &right), None);
    let second = case(&tab, &misheard).unwrap();

    tab.resize(320, 640).unwrap();
    tab.open(&format!("{}{PAGE}", scene.address)).unwrap();
    tab.tab_to(&format!("{second} button[value=no]")).unwrap();
    tab.press_and_go("Enter").unwrap();
    assert_eq!(case(&tab, &misheard), None);
    album.look(&tab, "decided").unwrap();
    tab.resize(1280, 800).unwrap();
    for (chart, sign) in [
        (&right, "停止のお申し出あり"),
        (&misheard, "提供の対象です"),
    ] {
        tab.open(&format!("{}/HOSPITAL-A/reception", scene.address))
            .unwrap();
        tab.fill("#chart", chart).unwrap();
        tab.follow("button.main").unwrap();
        let state = tab.text_of("#state").unwrap();
        assert!(state.contains(sign), "{state}");
    }
    // The centre is told what became of its order.
    let mut front = scene.job.start_front().unwrap();
    scene.job.run_orders(0).unwrap();
    front.kill().unwrap();
    scene.job.run_core(&["letters"]).unwrap().well().unwrap();
    let order = &scene.job.orders().unwrap()[0];
    assert_eq!(order["state"], "stopped", "{order}");
    assert_eq!((&order["stopped"], &order["held"]), (&1.into(), &0.into()));
    scene.names_nobody(&[&right, &misheard]).unwrap();
}
