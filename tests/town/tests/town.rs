//! The town as a whole: determinism, the standard's rules on disk, the truth, the rates (P-11).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use encoding_rs::ISO_2022_JP;
use tempfile::TempDir;
use town::{Difference, HOSPITAL_FOLDERS, Standing, Town, TownPlan, Truth, Written, rates};

fn plan(seed: u64, persons: u32) -> TownPlan {
    TownPlan {
        seed,
        persons,
        as_of: jiff::civil::date(2026, 4, 1),
    }
}

fn written(seed: u64, persons: u32) -> (TempDir, Town, Written) {
    let folder = TempDir::new().unwrap();
    let town = Town::generate(&plan(seed, persons));
    let written = town::write(&town, folder.path(), &mut |_, _| {}).unwrap();
    (folder, town, written)
}

/// All files below `root`, by relative path.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inner = path.strip_prefix(root).unwrap().to_owned();
                files.insert(inner, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// One stored message with the parts of its path.
struct Stored {
    hospital: usize,
    chart: String,
    care_date: String,
    kind: String,
    order: String,
    sent: String,
    flag: String,
    bytes: Vec<u8>,
}

impl Stored {
    fn text(&self) -> String {
        let (text, _, broken) = ISO_2022_JP.decode(&self.bytes);
        assert!(!broken, "{} does not decode", self.kind);
        text.into_owned()
    }

    fn key(&self) -> (usize, &str, &str, &str, &str) {
        (
            self.hospital,
            &self.chart,
            &self.care_date,
            &self.kind,
            &self.order,
        )
    }
}

/// Every file of both storages, its path checked against the standard.
fn stored(root: &Path) -> Vec<Stored> {
    let mut all = Vec::new();
    for (hospital, folder) in HOSPITAL_FOLDERS.iter().enumerate() {
        for (path, bytes) in tree(&root.join(folder).join("storage")) {
            let levels: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
            let [first, second, chart, care_date, kind, name] = levels[..] else {
                panic!("{} levels", levels.len())
            };
            let parts: Vec<&str> = name.split('_').collect();
            let [id, day, name_kind, order, sent, department, flag] = parts[..] else {
                panic!("{} parts", parts.len())
            };
            assert_eq!(
                (first, second),
                (chart.get(..3).unwrap(), chart.get(3..6).unwrap())
            );
            assert_eq!((chart, care_date, kind), (id, day, name_kind));
            assert!(order.len() == 15 && order.bytes().all(|byte| byte.is_ascii_digit()));
            assert!(sent.len() == 17 && sent.bytes().all(|byte| byte.is_ascii_digit()));
            assert!(department == "-" || matches!(department.len(), 2 | 3));
            assert!(["0", "1", "2"].contains(&flag));
            all.push(Stored {
                hospital,
                chart: chart.to_owned(),
                care_date: care_date.to_owned(),
                kind: kind.to_owned(),
                order: order.to_owned(),
                sent: sent.to_owned(),
                flag: flag.to_owned(),
                bytes,
            });
        }
    }
    all
}

/// Field `number` of the first segment `name`; MSH counted as the standard does.
fn field<'a>(text: &'a str, name: &str, number: usize) -> &'a str {
    let segment = text
        .split('\r')
        .find(|line| line.starts_with(name))
        .unwrap_or_default();
    let at = if name == "MSH" { number - 1 } else { number };
    segment.split('|').nth(at).unwrap_or_default()
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_gives_others() {
    let trees = [(7, 60), (7, 60), (8, 60)].map(|(seed, persons)| {
        let (folder, _, _) = written(seed, persons);
        tree(folder.path())
    });
    assert!(trees[0] == trees[1]);
    assert!(trees[0] != trees[2]);
}

#[test]
fn a_larger_town_begins_with_the_same_people() {
    let [small, large] = [40, 80].map(|persons| Truth::of(&Town::generate(&plan(7, persons))));
    for (one, other) in small.persons.iter().zip(&large.persons) {
        assert!(one.name == other.name && one.birth_date == other.birth_date);
    }
}

#[test]
fn every_file_follows_the_path_rule_and_every_message_the_standard() {
    let (folder, _, written) = written(11, 250);
    let all = stored(folder.path());
    assert_eq!(all.len() as u64, written.files);
    for it in &all {
        let text = it.text();
        assert!(text.ends_with('\r') && !text.contains('\n'));
        assert!(!text.contains("&#"), "a character reference was written");
        // ASCII is in force at every CR: each line decodes alone to the same text.
        for (line, whole) in it.bytes.split(|byte| *byte == b'\r').zip(text.split('\r')) {
            let (alone, _, broken) = ISO_2022_JP.decode(line);
            assert!(!broken && alone == whole);
        }
        assert_eq!(field(&text, "MSH", 12), "2.5");
        assert_eq!(field(&text, "MSH", 18), "~ISO IR87");
        assert_eq!(field(&text, "MSH", 20), "ISO 2022-1994");
        assert!(field(&text, "MSH", 21).starts_with("SS-MIX2_1.20^SS-MIX2^1.2.392.200250"));
        assert_eq!(field(&text, "MSH", 7).replace('.', ""), it.sent);
        assert_eq!(field(&text, "PID", 3), format!("{}^^^^PI", it.chart));
        for name in field(&text, "PID", 5).split('~') {
            let parts: Vec<&str> = name.split('^').collect();
            assert_eq!((parts.len(), parts[6]), (8, "L"));
            assert!(["I", "P"].contains(&parts[7]));
        }
        check_kind(it, &text);
    }
}

/// Trigger event, order number and care date by kind (formats/ssmix2.md 3.2).
fn check_kind(it: &Stored, text: &str) {
    let (trigger, day) = match it.kind.as_str() {
        "ADT-00" => ("ADT^A08", "-"),
        "ADT-12" => ("ADT^A04", field(text, "PV1", 44)),
        "ADT-22" if text.contains("ADT^A11") => ("ADT^A11", field(text, "PV1", 44)),
        "ADT-22" => ("ADT^A01", field(text, "PV1", 44)),
        "ADT-52" => ("ADT^A03", field(text, "PV1", 45)),
        "ADT-61" => ("ADT^A60", "-"),
        "PPR-01" => ("PPR^ZD1", "-"),
        "OMP-01" | "OMP-02" => ("RDE^O11", field(text, "ORC", 9)),
        "OMP-11" | "OMP-12" => ("RAS^O17", field(text, "RXA", 3)),
        "OML-11" => ("OUL^R22", field(text, "SPM", 17)),
        "ADT-01" => ("ADT^A54", "-"),
        "ADT-21" => ("ADT^A14", field(text, "PV2", 8)),
        "ADT-31" => ("ADT^A21", field(text, "EVN", 6)),
        "ADT-32" => ("ADT^A22", field(text, "EVN", 6)),
        "ADT-41" => ("ADT^A15", field(text, "PV2", 8)),
        "ADT-42" => ("ADT^A02", field(text, "EVN", 6)),
        "ADT-51" => ("ADT^A16", field(text, "PV2", 9)),
        "OMD" => ("OMD^O03", field(text, "ORC", 9)),
        "OML-01" => ("OML^O33", field(text, "ORC", 9)),
        "OMG-01" | "OMG-02" | "OMG-03" => ("OMG^O19", field(text, "ORC", 9)),
        "OMG-11" | "OMG-12" => ("OMI^Z23", field(text, "OBR", 7)),
        "OMG-13" => ("ORU^R01", field(text, "OBR", 7)),
        other => panic!("unknown kind {other}"),
    };
    assert!(
        field(text, "MSH", 9).starts_with(trigger),
        "{} {trigger}",
        it.kind
    );
    assert!(
        day.starts_with(&it.care_date),
        "{} {day} {}",
        it.kind,
        it.care_date
    );
    if it.order == "999999999999999" {
        assert!(it.kind.starts_with("ADT") || it.kind == "PPR-01");
    } else {
        assert_eq!(field(text, "ORC", 2), it.order);
    }
}

#[test]
fn versions_and_deletions_follow_the_standard() {
    let (folder, _, _) = written(12, 600);
    let all = stored(folder.path());
    let mut keys: BTreeMap<_, Vec<&Stored>> = BTreeMap::new();
    for it in &all {
        keys.entry(it.key()).or_default().push(it);
    }
    let (mut updated, mut deleted) = (0, 0);
    for versions in keys.values_mut() {
        versions.sort_by(|one, other| one.sent.cmp(&other.sent));
        let flags: Vec<&str> = versions.iter().map(|it| it.flag.as_str()).collect();
        match flags[..] {
            ["1"] => {}
            ["2", "1"] => updated += 1,
            ["0", "0"] => {
                let last = versions.last().unwrap().text();
                let takes_back = field(&last, "MSH", 9).contains("A11");
                assert!(takes_back || field(&last, "ORC", 1) == "CA");
                deleted += 1;
            }
            _ => panic!("flags {flags:?}"),
        }
    }
    assert!(
        updated > 100 && deleted > 50,
        "{updated} updated, {deleted} deleted"
    );
}

#[test]
fn the_truth_covers_every_registration_and_the_ledgers_agree_with_it() {
    let (folder, _, _) = written(13, 400);
    let truth = Truth::load(&folder.path().join("truth.json")).unwrap();
    let mut files: BTreeMap<(usize, String), u32> = BTreeMap::new();
    for it in stored(folder.path()) {
        *files.entry((it.hospital, it.chart)).or_default() += 1;
    }
    let rows = |hospital: usize, file: &str| -> BTreeMap<String, String> {
        let path = folder.path().join(HOSPITAL_FOLDERS[hospital]).join(file);
        let mut reader = csv::Reader::from_path(path).unwrap();
        reader
            .records()
            .map(|row| row.unwrap())
            .map(|row| (row[0].into(), row[1].into()))
            .collect()
    };
    let mut charts = BTreeSet::new();
    let books = [0, 1].map(|at| (rows(at, "notices.csv"), rows(at, "stops.csv")));
    for person in &truth.persons {
        assert!((1..=2).contains(&person.registrations.len()));
        for it in &person.registrations {
            let at = usize::from(it.hospital);
            let chart = &it.chart_number;
            assert_eq!(truth.person_of(it.hospital, chart), Some(person.number));
            assert_eq!(files.get(&(at, chart.clone())), Some(&it.files));
            assert!(charts.insert((at, chart.clone())));
            let (notices, stops) = &books[at];
            let notice = notices
                .get(chart)
                .map(|day| day.parse::<jiff::civil::Date>().unwrap());
            let age = notice.map(|day| day.until(plan(0, 0).as_of).unwrap().get_days());
            let expected = match it.standing {
                Standing::NotNotified => age.is_none(),
                Standing::Hold => (1..=25).contains(&age.unwrap()),
                Standing::MayLeave | Standing::Stopped => age.unwrap() >= 60,
            };
            assert!(expected, "notice {age:?}");
            assert_eq!(stops.contains_key(chart), it.standing == Standing::Stopped);
        }
    }
    assert_eq!(charts.len(), files.len());
    assert!(books.iter().all(|(_, stops)| stops.len() == 2));
    let both = truth
        .persons
        .iter()
        .filter(|person| person.registrations.len() == 2)
        .count();
    assert_eq!(truth.same_person_pairs().len(), both);
    assert!(
        truth
            .same_person_pairs()
            .iter()
            .all(|(one, other)| one.0 == 0 && other.0 == 1)
    );
}

#[test]
fn summary_written_and_disk_count_the_same_files() {
    let (folder, town, written) = written(14, 200);
    let summary = town.summary();
    let all = stored(folder.path());
    let mut files = [BTreeMap::new(), BTreeMap::new()];
    let mut current = files.clone();
    for it in &all {
        *files[it.hospital].entry(it.kind.clone()).or_insert(0_u64) += 1;
        if it.flag == "1" {
            *current[it.hospital].entry(it.kind.clone()).or_insert(0_u64) += 1;
        }
    }
    assert_eq!(files, summary.files_by_kind);
    assert_eq!(files, written.files_by_kind);
    assert_eq!(current, summary.current_by_kind);
    assert_eq!(
        written.bytes,
        all.iter().map(|it| it.bytes.len() as u64).sum::<u64>()
    );
    assert_eq!(summary.files_by_kind[0].len(), 26, "a kind is missing");
}

#[test]
fn identifiers_are_specific_and_every_chart_number_and_name_is_among_them() {
    let truth = Truth::of(&Town::generate(&plan(15, 500)));
    let identifiers: BTreeSet<&str> = truth.identifiers.iter().map(String::as_str).collect();
    assert_eq!(identifiers.len(), truth.identifiers.len());
    for identifier in &identifiers {
        let digits = identifier.bytes().all(|byte| byte.is_ascii_digit());
        let least = if digits { 10 } else { 7 };
        assert!(
            identifier.len() >= least,
            "{identifier} would be found by chance"
        );
    }
    for it in truth
        .persons
        .iter()
        .flat_map(|person| &person.registrations)
    {
        assert!(identifiers.contains(it.chart_number.as_str()));
        for name in it.names.iter().chain(&it.kana) {
            assert!(identifiers.contains(format!("{}^{}", name.family, name.given).as_str()));
        }
        for phone in &it.phones {
            assert!(identifiers.contains(phone.as_str()));
        }
    }
}

#[test]
fn the_storage_itself_is_full_of_identifiers() {
    let (folder, _, _) = written(16, 120);
    let truth = Truth::load(&folder.path().join("truth.json")).unwrap();
    let all = stored(folder.path());
    let texts: Vec<String> = all.iter().map(Stored::text).collect();
    let everything = texts.concat();
    for it in truth
        .persons
        .iter()
        .flat_map(|person| &person.registrations)
    {
        let name = &it.names[0];
        for needle in [
            format!("{}^{}", name.family, name.given),
            it.addresses[0].clone(),
        ] {
            assert!(everything.contains(&needle));
        }
    }
    let staff = truth
        .identifiers
        .iter()
        .filter(|text| text.starts_with("DR"));
    assert!(staff.filter(|id| everything.contains(id.as_str())).count() > 60);
    let free_text = |text: &&String| !field(text, "NTE", 3).is_empty();
    assert!(texts.iter().filter(free_text).count() > 10);
}

#[test]
fn rates_are_what_the_constants_say() {
    let town = Town::generate(&plan(17, 2000));
    let summary = town.summary();
    let second = summary.persons_at_both as f64;
    let charts: f64 = summary.registrations.iter().sum::<u64>() as f64;
    let near = |what: &str, count: u64, of: f64, rate: f64| {
        let tolerance = 4.0 * (rate * (1.0 - rate) / of).sqrt() + 1.0 / of;
        let share = count as f64 / of;
        assert!(
            (share - rate).abs() <= tolerance,
            "{what}: {share} instead of {rate}"
        );
    };
    near(
        "both hospitals",
        summary.persons_at_both,
        2000.0,
        rates::BOTH_HOSPITALS,
    );
    near("hold", summary.hold.iter().sum(), charts, rates::HOLD);
    near(
        "not notified",
        summary.not_notified.iter().sum(),
        charts,
        rates::NOT_NOTIFIED,
    );
    let differences = |which| summary.differences.get(&which).copied().unwrap_or(0);
    for (which, rate) in [
        (Difference::Moved, rates::MOVED),
        (Difference::BirthDateTypo, rates::BIRTH_DATE_TYPO),
        (Difference::SexWrong, rates::SEX_WRONG),
        (Difference::KanaMissing, rates::KANA_MISSING),
        (Difference::KanaTypo, rates::KANA_TYPO),
        (
            Difference::InsuranceMissing,
            rates::INSURANCE_MISSING_SECOND,
        ),
    ] {
        near("difference", differences(which), second, rate);
    }
    for which in [
        Difference::Married,
        Difference::JobChanged,
        Difference::KanjiVariant,
    ] {
        assert!(differences(which) > 0);
    }
    assert_eq!(summary.stopped, [2, 2]);
    assert!(summary.twins >= 8, "{} twins", summary.twins);
    let files: u64 = summary
        .files_by_kind
        .iter()
        .flat_map(|kinds| kinds.values())
        .sum();
    let mean = files as f64 / charts;
    assert!((9.0..15.0).contains(&mean), "{mean} files per registration");
}

#[test]
fn a_folder_that_holds_a_town_is_refused() {
    let (folder, town, _) = written(18, 3);
    let again = town::write(&town, folder.path(), &mut |_, _| {});
    assert!(again.is_err());
}
