use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use super::recipe::DEFAULT;
use super::{Forbidden, Outcome, lint};
use crate::core::failure::Problem;
use crate::core::fixture::{
    Centre, Hospital, TODAY, basic, concept, contents, laboratory, patient, prescription, problems,
    visit, withdrawn,
};
use crate::core::random::Randomness;

const PERSONS: u32 = 60;
const JLAC: &str = "3D046000001906202";

fn day(number: u32, step: u32) -> Date {
    // Twelve years, so that the largest offset leaves most of them.
    date(2013, 1, 7).saturating_add((i64::from(number * 71 + step * 400) % 4300).days())
}

/// Two hospitals: 60 persons at the first, every third of them at the second too.
fn centre() -> Centre {
    hospitals_and_centre().1
}

fn hospitals_and_centre() -> ([Hospital; 2], Centre) {
    let (mut a, mut b) = (Hospital::new("HOSP-A", 1), Hospital::new("HOSP-B", 2));
    let centre = Centre::new(&[&a, &b]);
    let readings = |number: u32| {
        let icd10 = match number {
            0..5 => "E119",
            5..12 => "E118",
            12..15 => "Z999",
            _ => "I10",
        };
        vec![
            basic(number, 1),
            problems(number, icd10, day(number, 0)),
            visit(number, "1", 1, day(number, 1)),
            visit(number, "2", 1, day(number, 4)),
            laboratory(number, "3", day(number, 2), concept(JLAC, "JC10")),
            laboratory(number, "4", day(number, 3), concept("L0001", "99XYZ")),
            prescription(number, "5", day(number, 2)),
        ]
    };
    let everybody = (0..PERSONS)
        .map(|number| patient(number, readings(number)))
        .collect();
    centre.deliver(&a.seal(everybody));
    let some = (0..PERSONS)
        .step_by(3)
        .map(|number| patient(number, readings(number)))
        .collect();
    centre.deliver(&b.seal(some));
    assert_eq!(centre.pull().accepted, 2);
    let linked = centre.link();
    assert_eq!((linked.subjects, linked.persons), (80, 60));
    assert_eq!(linked.persons_at_several_sites, 20);
    ([a, b], centre)
}

type Rows = Vec<BTreeMap<String, String>>;

fn rows(release: &Path, table: &str) -> Rows {
    let mut reader = csv::Reader::from_path(release.join(format!("{table}.csv"))).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn problem(outcome: crate::core::failure::Result<Outcome>) -> Problem {
    outcome.unwrap_err().problem()
}

/// B-045: an independent count over the released file finds no class below k.
#[test]
fn every_released_person_shares_sex_age_and_area_with_nine_others() {
    let centre = centre();
    let release = centre.release("one");
    let persons = rows(&release, "persons");
    let mut classes: BTreeMap<Vec<&str>, u32> = BTreeMap::new();
    for person in &persons {
        let class = ["sex", "age", "area"]
            .map(|name| person[name].as_str())
            .to_vec();
        *classes.entry(class).or_default() += 1;
    }
    let smallest = classes.values().min().copied().unwrap();
    assert!(smallest >= 10, "{classes:?}");
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(release.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["k_anonymity"]["reached"], u64::from(smallest));
    let released = manifest["persons_released"].as_u64().unwrap();
    assert_eq!(released, persons.len() as u64);
    assert_eq!(
        released + manifest["persons_suppressed"].as_u64().unwrap(),
        u64::from(PERSONS)
    );
    let known: BTreeSet<_> = persons.iter().map(|person| &person["person"]).collect();
    assert_eq!(known.len(), persons.len());
    for table in [
        "encounters",
        "conditions",
        "observations",
        "medication_requests",
    ] {
        let rows = rows(&release, table);
        assert!(!rows.is_empty(), "{table}");
        assert!(
            rows.iter().all(|row| known.contains(&row["person"])),
            "{table}"
        );
        assert_eq!(manifest["tables"][table]["rows"], rows.len() as u64);
    }
}

/// A-074, B-042: no site, department, internal reference or local code is released.
#[test]
fn nothing_of_a_site_and_no_internal_reference_is_released() {
    let centre = centre();
    let release = centre.release("one");
    let (_, catalogue) = centre.open();
    let mut internal: Vec<String> = vec!["HOSP".into(), "L0001".into(), "99XYZ".into()];
    for (member, id) in catalogue.members().unwrap() {
        internal.extend([member.subject.to_string(), id.to_string()]);
    }
    internal.extend(catalogue.batches().unwrap().iter().map(ToString::to_string));
    for (path, bytes) in contents(&release) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for secret in &internal {
            assert!(!text.contains(secret), "{secret} in {}", path.display());
        }
    }
    let header = rows(&release, "encounters").remove(0);
    let names: Vec<_> = header.keys().map(String::as_str).collect();
    assert_eq!(names, ["at", "class", "event", "person"]);
}

/// intervals of a person stay, offsets differ between persons, edges are cut.
#[test]
fn dates_of_a_person_move_together_and_stay_inside_the_window() {
    let centre = centre();
    let release = centre.release("one");
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(release.join("manifest.json")).unwrap()).unwrap();
    let edge = |name: &str| -> Date { manifest["dates"][name].as_str().unwrap().parse().unwrap() };
    let (first, last) = (edge("first"), edge("last"));
    let mut real: BTreeMap<i32, u32> = BTreeMap::new();
    for number in 0..PERSONS {
        let span = day(number, 1).until(day(number, 4)).unwrap().get_days();
        *real.entry(span.abs()).or_default() += 1;
    }
    let mut by_person: BTreeMap<String, BTreeSet<Date>> = BTreeMap::new();
    for row in rows(&release, "encounters") {
        let at: Date = row["at"].parse().unwrap();
        assert!((first..=last).contains(&at));
        by_person
            .entry(row["person"].clone())
            .or_default()
            .insert(at);
    }
    let pairs: Vec<_> = by_person.values().filter(|days| days.len() == 2).collect();
    assert!(pairs.len() > 20);
    for days in pairs {
        let (one, other) = (days.first().unwrap(), days.last().unwrap());
        assert!(real.contains_key(&one.until(*other).unwrap().get_days()));
    }
    for row in rows(&release, "conditions") {
        assert!(row["onset"].is_empty() || (first..=last).contains(&row["onset"].parse().unwrap()));
    }
}

/// B-044, A-077: rare codes went to their parent or went.
#[test]
fn no_released_code_is_of_fewer_than_ten_persons() {
    let centre = centre();
    let release = centre.release("one");
    for (table, columns) in [
        ("conditions", ["code", "icd10"].as_slice()),
        ("observations", &["code", "value_unit"]),
        ("medication_requests", &["medication", "unit", "timing"]),
    ] {
        for column in columns {
            let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for row in rows(&release, table) {
                let code = row[*column].clone();
                if !code.is_empty() {
                    holders
                        .entry(code)
                        .or_default()
                        .insert(row["person"].clone());
                }
            }
            assert!(!holders.is_empty(), "{table}.{column}");
            for (code, persons) in holders {
                assert!(
                    persons.len() >= 10,
                    "{table}.{column} {code}: {}",
                    persons.len()
                );
            }
        }
    }
}

#[test]
fn a_fixed_seed_repeats_a_release_byte_for_byte_and_rows_are_in_no_order_of_ours() {
    let centres = [centre(), centre()];
    let [one, other] = centres.each_ref().map(|centre| centre.release("same"));
    assert_eq!(contents(&one), contents(&other));
    let ids: Vec<_> = rows(&one, "persons")
        .into_iter()
        .map(|row| row["person"].clone())
        .collect();
    assert!(ids.is_sorted());
}

/// B-042, B-043: two releases share no ID, with the fixed seed and without.
#[test]
fn the_ids_of_two_releases_have_nothing_in_common() {
    let centre = centre();
    let mut known = BTreeSet::new();
    let ids = |release: &Path| -> Vec<String> {
        rows(release, "persons")
            .into_iter()
            .map(|mut row| row.remove("person").unwrap())
            .collect()
    };
    let fixed = ids(&centre.release("one"));
    let second = ids(&centre.release("two"));
    centre
        .make("three", DEFAULT, &Forbidden::default(), Randomness::System)
        .unwrap();
    let third = ids(&centre.settings.state.join("releases/three"));
    let count = fixed.len() + second.len() + third.len();
    known.extend(fixed);
    known.extend(second);
    known.extend(third);
    assert_eq!(known.len(), count);
}

#[test]
fn making_the_same_again_does_nothing_and_another_under_the_same_name_is_refused() {
    let centre = centre();
    let release = centre.release("one");
    let before = contents(&release);
    let again = centre
        .make("one", DEFAULT, &Forbidden::default(), Randomness::System)
        .unwrap();
    assert_eq!(again, Outcome::Stands("one".to_owned()));
    let other = DEFAULT.replacen("version = 1", "version = 2", 1);
    let refused = centre.make("one", &other, &Forbidden::default(), Randomness::System);
    assert_eq!(problem(refused), Problem::ReleaseExists);
    assert_eq!(contents(&release), before);
    for name in ["", "../x", ".x", "a/b", "x.refused"] {
        let refused = centre.make(name, DEFAULT, &Forbidden::default(), Randomness::System);
        assert!(refused.is_err(), "{name}");
    }
}

/// A killed job leaves at most an unfinished folder, which the next run removes; a job killed
/// after the rename is entered into the catalogue by the next run.
#[test]
fn a_killed_job_leaves_nothing_half() {
    let centre = centre();
    let releases = centre.settings.state.join("releases");
    let unfinished = releases.join(".unfinished-one");
    std::fs::create_dir_all(&unfinished).unwrap();
    std::fs::write(unfinished.join("persons.csv"), "half").unwrap();
    let release = centre.release("one");
    assert!(!unfinished.exists());
    let names: Vec<_> = contents(&release)
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(names.len(), 15, "{names:?}");

    let elsewhere = self::centre();
    let target = elsewhere.settings.state.join("releases/one");
    elsewhere.release("one");
    let copy = self::centre();
    std::fs::create_dir_all(copy.settings.state.join("releases")).unwrap();
    std::fs::rename(&target, copy.settings.state.join("releases/one")).unwrap();
    let again = copy
        .make("one", DEFAULT, &Forbidden::default(), Randomness::Fixed(1))
        .unwrap();
    assert_eq!(again, Outcome::Stands("one".to_owned()));
    let (_, catalogue) = copy.open();
    assert_eq!(catalogue.releases().unwrap().len(), 1);
    let batch = catalogue.batches().unwrap()[0];
    assert_eq!(catalogue.releases_of(&batch).unwrap(), ["one"]);
}

#[test]
fn a_forbidden_string_blocks_the_release_and_leaves_a_report() {
    let centre = centre();
    let forbidden = Forbidden::of([JLAC].into_iter());
    let blocked = centre.make("one", DEFAULT, &forbidden, Randomness::Fixed(1));
    assert_eq!(problem(blocked), Problem::LintHit);
    let releases = centre.settings.state.join("releases");
    assert!(!releases.join("one").exists());
    let report = std::fs::read_to_string(releases.join("one.refused/report.json")).unwrap();
    assert!(
        report.contains("observations.code: forbidden_string"),
        "{report}"
    );
    assert!(!report.contains(JLAC));
}

/// leaks that are planted into a finished release are all found, each in its cell.
#[test]
fn every_planted_leak_is_found() {
    let centre = centre();
    let release = centre.release("one");
    let plans = super::Recipe::parse(DEFAULT).unwrap().plans().unwrap();
    let list = Forbidden::of(["qwertyname"].into_iter());
    assert!(
        lint::lint(&without_manifest(&release), &plans, &list)
            .unwrap()
            .hits
            .is_empty()
    );
    let leaks = [
        "津軽 花子",
        "ﾂｶﾞﾙ",
        "TSUGARU HANAKO",
        "090-1234-5678",
        "0172-34-5678",
        "hanako@example.jp",
        "123456789018",
        "4000000001",
        "036-0001",
        "1980-04-05T10:00",
        "qwertyname",
        "HOSP-A",
        "a\nb",
    ];
    let mut planted = 0;
    for plan in &plans {
        let path = release.join(format!("{}.csv", plan.release));
        if rows(&release, &plan.release).is_empty() {
            continue;
        }
        for column in 0..plan.outputs.len() {
            for leak in leaks {
                let good = std::fs::read(&path).unwrap();
                plant(&path, column, leak);
                let found = lint::lint(&without_manifest(&release), &plans, &list).unwrap();
                let name = format!("{}.{}", plan.release, plan.outputs[column].name);
                let reasons: Vec<_> = found
                    .hits
                    .keys()
                    .filter(|hit| hit.starts_with(&name) && !hit.ends_with("files_differ"))
                    .collect();
                assert!(!reasons.is_empty(), "{name} {leak:?}: {:?}", found.hits);
                std::fs::write(&path, good).unwrap();
                planted += 1;
            }
        }
    }
    assert!(planted > 300, "{planted}");
}

/// The linter reads the folder as it is before the manifest is written.
fn without_manifest(release: &Path) -> std::path::PathBuf {
    let _ = std::fs::remove_file(release.join("manifest.json"));
    release.to_owned()
}

fn plant(path: &Path, column: usize, leak: &str) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let mut records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let middle = records.len() / 2;
    let changed = records[middle]
        .iter()
        .enumerate()
        .map(|(place, cell)| if place == column { leak } else { cell })
        .collect();
    records[middle] = changed;
    let mut writer = csv::Writer::from_path(path).unwrap();
    writer.write_record(&header).unwrap();
    records
        .iter()
        .for_each(|record| writer.write_record(record).unwrap());
    writer.flush().unwrap();
}

#[test]
fn with_too_few_persons_or_too_little_time_nothing_is_made() {
    let mut hospital = Hospital::new("HOSP-A", 1);
    let empty = Centre::new(&[&hospital]);
    let nobody = empty.make("one", DEFAULT, &Forbidden::default(), Randomness::Fixed(1));
    assert_eq!(problem(nobody), Problem::NothingToRelease);
    let short = Centre::new(&[&hospital]);
    let visits = |number| vec![basic(number, 1), visit(number, "1", 1, TODAY)];
    short.deliver(&hospital.seal((0..40).map(|it| patient(it, visits(it))).collect()));
    short.pull();
    short.link();
    let made = short.make("one", DEFAULT, &Forbidden::default(), Randomness::Fixed(1));
    assert_eq!(problem(made), Problem::WindowTooShort);
    assert!(!short.settings.state.join("releases/one").exists());
}

/// Subjects that came after the last linkage run are nobody yet.
#[test]
fn only_linked_persons_are_released() {
    let ([mut hospital, _], centre) = hospitals_and_centre();
    let late = (PERSONS..2 * PERSONS)
        .map(|it| patient(it, vec![basic(it, 1)]))
        .collect();
    centre.deliver(&hospital.seal(late));
    assert_eq!(centre.pull().subjects, u64::from(PERSONS));
    let persons_in = |name: &str| {
        let made = centre
            .make(name, DEFAULT, &Forbidden::default(), Randomness::System)
            .unwrap();
        match made {
            Outcome::Made(summary) => summary.persons_in,
            Outcome::Stands(_) => 0,
        }
    };
    assert_eq!(persons_in("before"), u64::from(PERSONS));
    centre.link();
    assert_eq!(persons_in("after"), u64::from(2 * PERSONS));
}

/// What sites take back is in no later release, and the releases before stay as they were.
#[test]
fn the_next_release_lacks_what_was_withdrawn() {
    let (hospitals, centre) = hospitals_and_centre();
    let requests = |release: &Path| -> u64 {
        let manifest = std::fs::read(release.join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let rows = &manifest["tables"]["medication_requests"]["rows"];
        rows.as_u64().unwrap_or_default()
    };
    let before = centre.release("before");
    assert!(requests(&before) > 0);
    for (mut hospital, step) in hospitals.into_iter().zip([1, 3]) {
        let gone = (0..PERSONS).step_by(step).map(|number| {
            let mut reading = withdrawn(prescription(number, "5", day(number, 2)));
            reading.version = record::Version(2);
            patient(number, vec![reading])
        });
        centre.deliver(&hospital.seal(gone.collect()));
    }
    assert_eq!(centre.pull().accepted, 2);
    let linked = centre.link();
    assert_eq!((linked.subjects, linked.persons), (80, 60));
    let kept = contents(&before);
    assert_eq!(requests(&centre.release("after")), 0);
    assert_eq!(contents(&before), kept);
}
