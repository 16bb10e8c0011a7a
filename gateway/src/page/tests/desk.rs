//! What the reception enters about one patient.

use privacy::gate::Scope;

use super::super::book::{self, Entry};
use super::*;

const STOP: &str = FORMS[1].1;
const CONSENT: &str = FORMS[8].1;

fn entries(scene: &Scene, site: &str) -> Vec<Entry> {
    let place = scene.page.institution(&site.parse().unwrap()).unwrap();
    let ledger = book::open(place).unwrap();
    ledger.entries(1..=u64::MAX).unwrap()
}

/// The same page with settings of the first institution changed in the way of its file.
fn with_settings(from: &str, to: &str) -> Scene {
    let mut scene = Scene::new();
    let file = scene.page.institutions[0].told.settings.clone();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    let settings = config::gateway::Settings::parse(&text.replace(from, to)).unwrap();
    Arc::get_mut(&mut scene.page).unwrap().institutions[0].settings = settings;
    scene
}

/// C-07: number, button, confirmation; said twice it is one stop; taken back it is gone.
#[test]
fn a_stop_is_entered_once_confirmed_and_taken_back() {
    let scene = Scene::new();
    let desk = scene.signed_in("reception");
    let entered = desk.post("/HOSPITAL-1/stop", STOP);
    assert_eq!(
        (entered.status, entered.place.as_str()),
        (303, "/HOSPITAL-1/confirmation/1")
    );
    let again = desk.post("/HOSPITAL-1/stop", &STOP.replace("0012345", "12345"));
    assert_eq!(
        again.place, entered.place,
        "another spelling of the same number"
    );
    let sheet = desk.get(&entered.place).text;
    assert!(sheet.contains("0012345") && sheet.contains("確認書"));
    assert_eq!(desk.get("/HOSPITAL-1/confirmation/2").status, 404);
    let person = desk.post("/HOSPITAL-1/person", "chart=0012345").text;
    assert!(person.contains("停止のお申し出あり"));
    // The folder of the example's settings is not there.
    assert!(person.contains("確かめられませんでした"), "{person}");
    let back = desk.post("/HOSPITAL-1/revoke", "entry=1&ground=mistake");
    assert!(back.text.contains("取り消し済み"));
    assert_eq!(
        desk.post("/HOSPITAL-1/revoke", "entry=1&ground=mistake")
            .status,
        422
    );
    let after = desk.post("/HOSPITAL-1/stop", STOP);
    assert_eq!(after.place, "/HOSPITAL-1/confirmation/3");
}

/// A-061, B-005: a part is stopped, the rest goes on; the confirmation says which part; what it
/// covers already is not entered twice, and everything can still be stopped.
#[test]
fn a_part_can_be_stopped_and_the_confirmation_says_which() {
    let scene = Scene::new();
    let desk = scene.signed_in("reception");
    let part = "chart=0012345&requested_on=2026-01-05&requester=family&channel=phone\
        &verification=document&domain=checkup&domain=care&product=anonymized\
        &from=2020-04-01&until=2021-03-31";
    let entered = desk.post("/HOSPITAL-1/stop", part);
    assert_eq!(entered.place, "/HOSPITAL-1/confirmation/1");
    let sheet = desk.get(&entered.place).text;
    for told in [
        "健診、介護／匿名加工／2020-04-01 から 2021-03-31 までの受診",
        "家族",
        "本人確認書類",
        "電話",
        "上の範囲の新しい記録は提供しません",
        "センターで取り下げます",
    ] {
        assert!(sheet.contains(told), "{told}: {sheet}");
    }
    let Event::Stopped(stop) = &entries(&scene, "HOSPITAL-1")[0].event else {
        panic!("no stop");
    };
    let scope = "checkup+care/anonymized/2020-04-01..2021-03-31";
    assert_eq!(stop.scope.to_string(), scope);
    let within = part.replace("domain=care&", "");
    assert_eq!(desk.post("/HOSPITAL-1/stop", &within).place, entered.place);
    let person = desk.post("/HOSPITAL-1/person", "chart=0012345").text;
    assert!(person.contains("id=\"stop\""), "more can be stopped");
    let all = desk.post("/HOSPITAL-1/stop", STOP);
    assert_eq!(all.place, "/HOSPITAL-1/confirmation/2");
    let Event::Stopped(stop) = &entries(&scene, "HOSPITAL-1")[1].event else {
        panic!("no stop");
    };
    assert_eq!(stop.scope, Scope::ALL);
    let person = desk.post("/HOSPITAL-1/person", "chart=0012345").text;
    assert!(!person.contains("id=\"stop\""));
    assert_eq!(desk.post("/HOSPITAL-1/stop", part).place, all.place);
}

/// what no scope can mean is refused whole.
#[test]
fn a_scope_of_nothing_and_a_period_backwards_are_refused() {
    let scene = Scene::new();
    let desk = scene.signed_in("reception");
    let part = "chart=0012345&requested_on=2026-01-05&requester=self&channel=desk\
        &verification=known&domain=care&product=anonymized&from=&until=";
    for (from, to) in [
        ("&domain=care", ""),
        ("&product=anonymized", ""),
        ("domain=care", "domain=everything"),
        ("product=anonymized", "product="),
        ("from=&until=", "from=2021-01-02&until=2021-01-01"),
        ("from=", "from=2021-02-30"),
        ("from=", "from=soon"),
    ] {
        let answer = desk.post("/HOSPITAL-1/stop", &part.replace(from, to));
        assert_eq!(answer.status, 422, "{from} {to}");
    }
    assert!(entries(&scene, "HOSPITAL-1").is_empty());
}

/// where consent is asked for, the desk enters it once; elsewhere there is no such form.
#[test]
fn a_consent_is_entered_where_consent_is_asked_for() {
    let scene = with_settings("mode = \"opt-out\"", "mode = \"opt-in\"");
    let desk = scene.signed_in("reception");
    let before = desk.post("/HOSPITAL-1/person", "chart=0012345").text;
    assert!(before.contains("id=\"consent\"") && before.contains("同意がない"));
    for _ in 0..2 {
        let after = desk.post("/HOSPITAL-1/consent", CONSENT);
        assert_eq!(after.status, 200, "{}", after.text);
        assert!(after.text.contains("同意を登録しました"), "{}", after.text);
    }
    let known = entries(&scene, "HOSPITAL-1");
    assert_eq!(known.len(), 1);
    let Event::Consented(consent) = &known[0].event else {
        panic!("no consent");
    };
    assert_eq!(consent.scope.to_string(), "medical/anonymized/..");
    for (from, to) in [
        ("2026-06-01", "2999-01-01"),
        ("2026-06-01", "2026-03-01"),
        ("document=2026-04", "document=2099-01"),
        ("0012345", ""),
        ("&domain=medical", ""),
    ] {
        let answer = desk.post("/HOSPITAL-1/consent", &CONSENT.replace(from, to));
        assert_eq!(answer.status, 422, "{from} {to}");
    }
    let back = desk.post("/HOSPITAL-1/revoke", "entry=1&ground=wish");
    assert!(back.text.contains("同意がない"), "{}", back.text);
    let plain = Scene::new();
    let desk = plain.signed_in("reception");
    let person = desk.post("/HOSPITAL-1/person", "chart=0012345").text;
    assert!(!person.contains("id=\"consent\""));
    assert_eq!(desk.post("/HOSPITAL-1/consent", CONSENT).status, 422);
    assert!(entries(&plain, "HOSPITAL-1").is_empty());
}

/// A-060, P-19: a consent opens the gate, so it is not dated by a clock that nobody confirmed.
#[test]
fn without_a_confirmed_time_no_consent_is_entered() {
    let scene = with_settings("mode = \"opt-out\"", "mode = \"opt-in\"");
    let desk = scene.signed_in("reception");
    fs::remove_file(&scene.page.institutions[0].settings.clock.synchronized).unwrap();
    let refused = desk.post("/HOSPITAL-1/consent", CONSENT);
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("時刻が確かめられていない"));
    assert!(entries(&scene, "HOSPITAL-1").is_empty());
}

/// a stop under one number of a person is a stop under the other, from the moment the desk
/// says that they are one, and no longer when that is taken back.
#[test]
fn merged_numbers_share_their_stops_until_the_merge_is_taken_back() {
    let scene = Scene::new();
    let desk = scene.signed_in("reception");
    desk.post("/HOSPITAL-1/stop", STOP);
    let merged = desk.post("/HOSPITAL-1/merge", "chart=0067890&other=0012345&used=this");
    assert_eq!(merged.status, 200);
    assert!(
        merged.text.contains("停止のお申し出あり"),
        "{}",
        merged.text
    );
    // The same again, told from the other side, is nothing new.
    desk.post("/HOSPITAL-1/merge", "chart=12345&other=67890&used=this");
    let known = entries(&scene, "HOSPITAL-1");
    let Event::Merged { from, into } = &known[1].event else {
        panic!("no merge");
    };
    assert_eq!((from.expose(), into.expose()), ("0012345", "0067890"));
    assert_eq!(known.len(), 2);
    desk.post("/HOSPITAL-1/revoke", "entry=2&ground=mistake");
    let apart = desk.post("/HOSPITAL-1/person", "chart=0067890").text;
    assert!(!apart.contains("停止のお申し出あり"), "{apart}");
    for form in [
        "chart=0012345&other=12345&used=this",
        "chart=0012345&other=&used=this",
        "chart=0012345&other=0067890&used=",
    ] {
        assert_eq!(desk.post("/HOSPITAL-1/merge", form).status, 422, "{form}");
    }
    assert_eq!(entries(&scene, "HOSPITAL-1").len(), 3);
}

/// departments that share their numbers share what is said of these.
#[test]
fn numbers_that_are_one_are_one_at_the_departments_that_share_them() {
    let mut scene = Scene::new();
    let page = Arc::get_mut(&mut scene.page).unwrap();
    for place in &mut page.institutions {
        place.told.stops_shared_in = Some("city".to_owned());
    }
    let desk = scene.signed_in("reception");
    desk.post("/HOSPITAL-1/merge", FORMS[9].1);
    for site in ["HOSPITAL-1", "HOSPITAL-2"] {
        assert_eq!(entries(&scene, site).len(), 1, "{site}");
    }
}

/// C-07: of two sources that conflict the one that stops wins, and the desk learns it at once.
#[test]
fn a_stop_taken_back_that_the_hospitals_list_still_has_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("stops.csv");
    let scene = with_settings("/var/lib/sekisho/ledger/stops.csv", list.to_str().unwrap());
    let desk = scene.signed_in("reception");
    let head = "patient_id,requested_on,requester\n";
    let (still, unread) = ("次の処理で停止に戻ります", "読めませんでした");
    for (entry, rows, told) in [
        (1, Some("0099999,2026-01-05,self\n"), [false, false]),
        (3, Some("12345,2026-01-05,self\n"), [true, false]),
        (5, Some("12345,yesterday,self\n"), [true, true]),
        (7, None, [true, true]),
    ] {
        match rows {
            Some(rows) => fs::write(&list, format!("{head}{rows}")).unwrap(),
            None => fs::remove_file(&list).unwrap(),
        }
        desk.post("/HOSPITAL-1/stop", STOP);
        let form = format!("entry={entry}&ground=mistake");
        let after = desk.post("/HOSPITAL-1/revoke", &form).text;
        let said = [after.contains(still), after.contains(unread)];
        assert_eq!(said, told, "{rows:?}");
    }
    // Taking back anything else says nothing of that list.
    desk.post("/HOSPITAL-1/merge", FORMS[9].1);
    let after = desk
        .post("/HOSPITAL-1/revoke", "entry=9&ground=mistake")
        .text;
    assert!(!after.contains(still), "{after}");
}

/// B-003: whoever turned 16 is listed until they are told themselves.
#[test]
fn persons_who_turned_sixteen_are_listed_until_they_are_told() {
    let scene = Scene::new();
    let place = scene
        .page
        .institution(&"HOSPITAL-1".parse().unwrap())
        .unwrap();
    let now = scene.page.now().unwrap();
    let notice = |chart: &str, sixteen: &str| {
        let line = format!("notified\t{chart}\t2026-04-01\t2026-04\thanded\t{sixteen}");
        Event::decode(&line).unwrap()
    };
    let told = vec![
        notice("0000016", "2026-05-01"),
        notice("0000015", "2999-05-01"),
    ];
    let mut ledger = book::open(place).unwrap();
    book::append(&mut ledger, "console", now, told).unwrap();
    let desk = scene.signed_in("reception");
    let list = desk.get("/HOSPITAL-1/sixteen").text;
    assert!(
        list.contains("0000016") && !list.contains("0000015"),
        "{list}"
    );
    let form = "on=2026-06-01&method=handed&document=2026-04&numbers=0000016";
    // The same text given again is a new notice once the person is 16.
    let entered = desk.post("/HOSPITAL-1/visitors/enter", form);
    assert_eq!(entered.status, 303, "{}", entered.text);
    let list = desk.get("/HOSPITAL-1/sixteen").text;
    assert!(list.contains("あらためて通知する方はいません"), "{list}");
}

/// A-057, B-003: what the last run counted stands on the pages of director and reception.
#[test]
fn a_suspicious_share_of_stops_is_told_to_the_director() {
    use crate::last_run::LastRun;
    let scene = Scene::new();
    let place = scene
        .page
        .institution(&"HOSPITAL-1".parse().unwrap())
        .unwrap();
    let director = scene.signed_in("director");
    for (notified, stopped, told) in [
        (9_999, 0, ""),
        (
            10_000,
            0,
            "10000 人に通知して、停止のお申し出が1人もありません",
        ),
        (10_000, 101, "停止のお申し出が1%を超えています（101 人）"),
        (10_000, 10, ""),
    ] {
        let last = LastRun {
            notified,
            stopped,
            to_tell_again: 3,
            ..LastRun::default()
        };
        last.write(&place.settings.state.folder).unwrap();
        let page = director.get("/HOSPITAL-1/director").text;
        assert!(page.contains(&format!(">{notified}<")), "{page}");
        let alarmed = page.contains("1人もありません") || page.contains("1%を超え");
        assert_eq!(alarmed, !told.is_empty(), "{notified} {stopped}");
        assert!(page.contains(told), "{page}");
    }
    let desk = scene
        .signed_in("reception")
        .get("/HOSPITAL-1/reception")
        .text;
    assert!(desk.contains("あらためて通知する方が 3 人"), "{desk}");
}

/// B-117: while the evaluation service is away, clinic IT reads that records wait, how many
/// persons they are of, and what to do; no count stands there while it answers.
#[test]
fn clinic_it_reads_that_records_wait_for_the_evaluation_service() {
    use crate::error::Problem;
    use crate::last_run::LastRun;
    let scene = Scene::new();
    let place = scene
        .page
        .institution(&"HOSPITAL-1".parse().unwrap())
        .unwrap();
    let it = scene.signed_in("it");
    for (problem, unkeyed) in [
        (Some(Problem::EvaluationUnreachable), 12),
        (Some(Problem::EvaluationLimit), 12),
        (None, 0),
    ] {
        let last = LastRun {
            ended_at: scene.page.now().unwrap().seconds,
            problem: problem.map(|problem| problem.code().to_owned()),
            unkeyed,
            ..LastRun::default()
        };
        last.write(&place.settings.state.folder).unwrap();
        let page = it.get("/HOSPITAL-1/clinic").text;
        assert_eq!(page.contains("id=\"unkeyed\">12<"), unkeyed > 0, "{page}");
        let told = |problem: Problem| problem.texts().iter().all(|words| page.contains(words));
        for one in [Problem::EvaluationUnreachable, Problem::EvaluationLimit] {
            assert_eq!(told(one), problem == Some(one), "{}", one.code());
        }
    }
}

/// clinic IT reads in time that the certificate for the line is not renewed.
#[test]
fn clinic_it_reads_that_the_certificate_of_the_line_ends_or_was_refused() {
    use crate::last_run::LastRun;
    const DAY: i64 = 86_400;
    let scene = Scene::new();
    let place = scene
        .page
        .institution(&"HOSPITAL-1".parse().unwrap())
        .unwrap();
    let now = scene.page.now().unwrap().seconds;
    let state = &place.settings.state.folder;
    let last = LastRun {
        ended_at: now,
        ..LastRun::default()
    };
    last.write(state).unwrap();
    let it = scene.signed_in("it");
    let shown = || it.get("/HOSPITAL-1/clinic").text;
    let warns = |page: &str| page.contains("更新を断られています");
    assert!(!shown().contains("line-certificate"), "there is none yet");
    let folder = state.join("certificate");
    std::fs::create_dir_all(&folder).unwrap();
    for (days_left, refused_at, warned) in [
        (60, None, false),
        (15, None, false),
        (13, None, true),
        (-1, None, true),
        (25, Some(now), true),
        (25, Some(now - 200 * DAY), false),
    ] {
        std::fs::write(
            folder.join("current.pem"),
            certificate(now + days_left * DAY),
        )
        .unwrap();
        let refused = refused_at
            .map(|at| format!("Z003 {at}\n"))
            .unwrap_or_default();
        std::fs::write(folder.join("refused"), refused).unwrap();
        let page = shown();
        assert!(page.contains("id=\"line-certificate\""), "{page}");
        assert!(page.contains("TPM を使っていません"), "{page}");
        assert_eq!(warns(&page), warned, "{days_left} {refused_at:?}");
        assert_eq!(page.contains("（Z003）"), refused_at == Some(now));
    }
    // B-115: one whose key is in the TPM says so.
    let wrapped = include_str!("../../../../crates/tpm/src/wrapped.pem");
    let pair = [wrapped, &certificate(now + 60 * DAY)].concat();
    std::fs::write(folder.join("current.pem"), pair).unwrap();
    assert!(shown().contains("TPM の中"), "{}", shown());
}

/// A certificate of 90 days that ends at a moment.
fn certificate(until: i64) -> String {
    let at = |seconds: i64| {
        let day = jiff::Timestamp::from_second(seconds).unwrap();
        let day = day.to_zoned(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(day.year().into(), day.month() as u8, day.day() as u8)
    };
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // Whole days: a little more than is asked for.
    parameters.not_after = at(until + 86_399);
    parameters.not_before = at(until - 90 * 86_400);
    let key = rcgen::KeyPair::generate().unwrap();
    parameters.self_signed(&key).unwrap().pem()
}
