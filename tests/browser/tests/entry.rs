//! The way in, and the pages of clinic IT and director.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use browser::{Album, Chromium, Scene};

const HOST: &str = "sekisho.internal";

/// B-086, B-087, C-32: first sign-in, second factor, no cookie that a script or a stranger could
/// read, nothing asked of anybody but the appliance.
#[test]
fn somebody_signs_in_for_the_first_time_and_out_again() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let code = scene.issue("sato", "佐藤 花子", &["it"], 0).unwrap();
    let tab = chromium.tab(1280, 800).unwrap();
    tab.open(&scene.address).unwrap();
    assert_eq!(tab.path().unwrap(), "/login");
    album.look(&tab, "login").unwrap();
    tab.follow("a[href='/first']").unwrap();
    album.look(&tab, "first").unwrap();
    let wrong = scene.first(&tab, "sato", "AAAA-BBBB-CCCC");
    assert!(wrong.is_err());
    let mut person = scene.first(&tab, "sato", &code).unwrap();
    assert!(
        scene.first(&tab, "sato", &code).is_err(),
        "a code works once"
    );
    scene.sign_in(&tab, &mut person).unwrap();
    let cookies = tab.cookies().unwrap();
    assert_eq!(cookies.len(), 1);
    let cookie = &cookies[0];
    for (field, value) in [
        ("httpOnly", "true"),
        ("secure", "true"),
        ("sameSite", "\"Strict\""),
        ("name", "\"__Host-sekisho\""),
    ] {
        assert_eq!(cookie[field].to_string(), value, "{field}");
    }
    tab.follow(".leave button").unwrap();
    assert_eq!(tab.path().unwrap(), "/login");
    tab.open(&format!("{}/accounts", scene.address)).unwrap();
    assert_eq!(tab.path().unwrap(), "/login");
    let asked = chromium.asked();
    assert!(asked.len() > 10);
    for address in asked {
        let ours = address.starts_with(&scene.address) || address.starts_with("data:");
        assert!(ours, "{address}");
    }
}

/// C-15, B-086: clinic IT sees how the appliance stands, tests the folders, reads the code to the
/// help desk, and makes an account, all with the mouse.
#[test]
fn clinic_it_finds_its_way_with_the_mouse() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let (tab, _) = scene
        .signed_in(&chromium, "ito", &["it"], (1280, 800))
        .unwrap();
    assert_eq!(tab.path().unwrap(), "/HOSPITAL-A/clinic");
    assert!(
        tab.text_of("#condition")
            .unwrap()
            .contains("正常に動いています")
    );
    tab.follow("#folders button").unwrap();
    assert!(tab.text_of("#folders").unwrap().contains("読めます"));
    album.look(&tab, "clinic").unwrap();
    let code = tab.text_of("#status-code").unwrap();
    let mut command = scene.job.programs.gateway();
    let told = command.args(["status-code", &code]).output().unwrap();
    assert!(told.status.success());
    assert!(String::from_utf8_lossy(&told.stderr).contains("0日前"));
    tab.follow("a[href='/accounts']").unwrap();
    tab.fill("#shown", "鈴木 一郎").unwrap();
    tab.fill("#name", "suzuki").unwrap();
    tab.click("input[value='reception@HOSPITAL-A']").unwrap();
    album.look(&tab, "accounts").unwrap();
    tab.follow("button.main").unwrap();
    album.look(&tab, "start-sheet").unwrap();
    album.print(&tab, "start-sheet").unwrap();
    let code = tab.text_of("#issued-code").unwrap();
    let desk = chromium.tab(1280, 800).unwrap();
    scene.first(&desk, "suzuki", &code).unwrap();
    tab.follow("a[href='/HOSPITAL-A/log']").unwrap();
    album.look(&tab, "log").unwrap();
    assert!(tab.text().unwrap().contains("書かれたままです"));
}

/// C-13, B-006: the director sees what left, one masked example of each kind, and keeps the record;
/// all by keyboard, in a window of 320 pixels.
#[test]
fn the_director_finds_the_way_by_keyboard() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let (tab, _) = scene
        .signed_in(&chromium, "doi", &["director"], (320, 640))
        .unwrap();
    album.look(&tab, "decisions").unwrap();
    tab.tab_to("a[href='/HOSPITAL-A/director']").unwrap();
    tab.press_and_go("Enter").unwrap();
    let kinds = tab.text_of("#kinds").unwrap();
    assert!(
        kinds.contains("検査結果・測定値") && kinds.contains("病名"),
        "{kinds}"
    );
    assert!(tab.text_of("#gate").unwrap().contains("停止の求めがある"));
    tab.tab_to("#examples summary").unwrap();
    tab.press("Enter").unwrap();
    let example = tab.text_of("#examples details[open] pre").unwrap();
    let values = example.replace(|it: char| it.is_ascii_alphabetic(), "");
    assert!(
        !values.contains(['1', '2', '3', '4', '5', '6', '7', '8']),
        "{example}"
    );
    album.look(&tab, "director").unwrap();
    let script = "fetch('/HOSPITAL-A/director/provision.csv').then(it => it.text())";
    let table = tab.run(script).unwrap();
    let table = table.as_str().unwrap();
    assert!(table.starts_with("番号 / Number,"), "{table}");
    assert!(
        table.lines().count() >= 2 && table.contains("C-HOSPITAL-A"),
        "{table}"
    );
    for identifier in &scene.truth.identifiers {
        assert!(identifier.len() < 8 || !table.contains(identifier.as_str()));
    }
}

/// B-086: a passkey is added and opens the page by itself; removed, or without its person, it does
/// not.
#[test]
fn a_passkey_opens_the_page_until_it_is_removed() {
    let scene = Scene::new(40).unwrap();
    let chromium = Chromium::start(HOST).unwrap();
    let album = Album::open().unwrap();
    let (tab, mut person) = scene
        .signed_in(&chromium, "doi", &["director"], (1280, 800))
        .unwrap();
    let key = tab.authenticator().unwrap();
    tab.follow("a.person").unwrap();
    album.look(&tab, "me").unwrap();
    tab.follow("#passkey button").unwrap();
    assert!(
        tab.text_of("#passkeys").unwrap().contains("1 個"),
        "{}",
        tab.text().unwrap()
    );
    tab.follow(".leave button").unwrap();
    tab.follow("#passkey button").unwrap();
    assert_eq!(tab.path().unwrap(), "/HOSPITAL-A/decisions");
    tab.follow(".leave button").unwrap();
    tab.verifies(&key, false).unwrap();
    tab.click("#passkey button").unwrap();
    tab.wait_for("#passkey-told:not([hidden])").unwrap();
    tab.verifies(&key, true).unwrap();
    scene.sign_in(&tab, &mut person).unwrap();
    tab.follow("a.person").unwrap();
    tab.follow("form[action='/me/passkey/remove'] button")
        .unwrap();
    tab.follow(".leave button").unwrap();
    tab.follow("#passkey button").unwrap();
    assert!(
        tab.has("[role=alert]:not([hidden])").unwrap(),
        "{}",
        tab.text().unwrap()
    );
    assert_eq!(tab.path().unwrap(), "/login/passkey");
}
