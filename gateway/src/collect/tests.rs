use std::fs;
use std::path::Path;

use config::gateway::ChangeMode;
use privacy::tokens::TokenKind;
use proptest::prelude::*;
use record::ChartNumber;

use super::*;
use crate::agreed::Agreed;
use crate::fixture::{Site, patient_folder, visit_text, write_visit};
use crate::source::disk::LocalDisk;

const CHARTS: [&str; 4] = ["0001112223", "0001112224", "0009991111", "5550001111"];
const MODES: [ChangeMode; 2] = [ChangeMode::Inventory, ChangeMode::Ctime];

fn run(site: &mut Site) -> Report {
    let (report, collected) = site.run(LocalDisk::default(), &Plan::Everything);
    assert_eq!(collected.unwrap(), Collected::Everything);
    report
}

fn same_as_afresh(site: &Site) -> bool {
    let mut fresh = site.afresh();
    run(&mut fresh);
    site.standing() == fresh.standing()
}

/// the next run after nothing happened reads and seals nothing.
#[test]
fn an_unchanged_source_is_listed_and_not_read() {
    for mode in MODES {
        let root = tempfile::tempdir().unwrap();
        let mut site = Site::new(&[root.path().to_owned()], &CHARTS).by(mode);
        for (order, chart) in CHARTS.iter().enumerate() {
            write_visit(root.path(), chart, order as u32, 1, 1, 1);
        }
        assert_eq!(run(&mut site).documents_sealed, 4);
        let again = run(&mut site);
        assert_eq!((again.patients.unchanged, again.files.unchanged), (4, 4));
        assert_eq!((again.files.read, again.batches.sealed), (0, 0));
    }
}

/// One thing that happens to a storage between two runs.
#[derive(Debug, Clone, Copy)]
enum Mutation {
    /// A new visit, or a newer version of one, whose older version is flagged as superseded.
    Write,
    /// All files of a visit are flagged as deleted.
    Delete,
    /// The content of a file is replaced by as many other bytes.
    Rewrite,
    /// A file vanishes.
    Remove,
    /// A patient's folder vanishes.
    RemovePatient,
    /// A patient's folder gets the name of nobody, or its own again.
    RenamePatient,
    /// A folder of one day gets another name, or its own again.
    RenameDay,
    /// A patient's folder moves to another volume.
    Move,
    /// One more volume is read from now on.
    AddVolume,
}

type Step = (Mutation, u8, u8, u8, u8);

fn step() -> impl Strategy<Value = Step> {
    let mutation = prop_oneof![
        8 => Just(Mutation::Write),
        3 => Just(Mutation::Delete),
        3 => Just(Mutation::Rewrite),
        2 => Just(Mutation::Remove),
        1 => Just(Mutation::RemovePatient),
        1 => Just(Mutation::RenamePatient),
        1 => Just(Mutation::RenameDay),
        2 => Just(Mutation::Move),
        1 => Just(Mutation::AddVolume),
    ];
    (mutation, 0u8..4, 0u8..3, 0u8..3, 0u8..60)
}

fn rename_existing(from: &Path, to: &Path) {
    if from.exists() && !to.exists() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(from, to).unwrap();
    }
}

/// The files of one visit, newest version last.
fn versions(root: &Path, chart: &str, order: u32) -> Vec<std::path::PathBuf> {
    let folder = patient_folder(root, chart).join("20260105/ADT-12");
    let order = format!("_{order:015}_");
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().contains(&order));
    paths.sort();
    paths
}

fn flag(path: &Path, flag: u8) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (front, _) = name.rsplit_once('_').unwrap();
    fs::rename(path, path.with_file_name(format!("{front}_{flag}"))).unwrap();
}

fn mutate(roots: &[std::path::PathBuf], site: &mut Site, version: u32, step: Step) {
    let (mutation, chart, order, volume, minute) = step;
    let (chart, order, minute) = (
        CHARTS[usize::from(chart)],
        u32::from(order),
        u32::from(minute),
    );
    let root = &roots[usize::from(volume)];
    let files = versions(root, chart, order);
    match mutation {
        Mutation::Write => {
            files
                .iter()
                .filter(|path| path.to_string_lossy().ends_with("_1"))
                .for_each(|path| flag(path, 2));
            write_visit(root, chart, order, version, 1, minute);
        }
        Mutation::Delete => files.iter().for_each(|path| flag(path, 0)),
        Mutation::Rewrite => {
            if let Some(path) = files.last() {
                fs::write(path, visit_text(chart, minute)).unwrap();
            }
        }
        Mutation::Remove => {
            if let Some(path) = files.last() {
                fs::remove_file(path).unwrap();
            }
        }
        Mutation::RemovePatient => {
            let _ = fs::remove_dir_all(patient_folder(root, chart));
        }
        Mutation::RenamePatient | Mutation::RenameDay => {
            let own = patient_folder(root, chart);
            let (own, other) = match mutation {
                Mutation::RenamePatient => (own.clone(), own.with_file_name("0008887777")),
                _ => (own.join("20260105"), own.join("20260106")),
            };
            match own.exists() {
                true => rename_existing(&own, &other),
                false => rename_existing(&other, &own),
            }
        }
        Mutation::Move => {
            let other = &roots[(usize::from(volume) + 1) % roots.len()];
            rename_existing(&patient_folder(root, chart), &patient_folder(other, chart));
        }
        Mutation::AddVolume => site.settings.source.storages = roots.to_vec(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// what stands at the centre after incremental runs over a mutated storage is what a
    /// gateway that never ran before would send.
    #[test]
    fn incremental_runs_over_a_mutated_storage_equal_a_full_rescan(
        rounds in proptest::collection::vec(proptest::collection::vec(step(), 1..8), 2..6),
        ctime in proptest::bool::ANY,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let roots = ["one", "two", "three"].map(|name| folder.path().join(name));
        for root in &roots {
            // No root is ever empty: an empty one looks like a share that is not mounted.
            fs::create_dir_all(root.join("999")).unwrap();
        }
        let mut site = Site::new(&roots[..2], &CHARTS).by(MODES[usize::from(ctime)]);
        site.settings.source.changes.vanished_percent = 100;
        let mut version = 0;
        for steps in rounds {
            for step in steps {
                version += 1;
                mutate(&roots, &mut site, version, step);
            }
            run(&mut site);
            // What vanished while the volumes were not the known ones is taken back now.
            run(&mut site);
            prop_assert!(same_as_afresh(&site));
        }
    }
}

/// C-16: volumes split by kind and period; the master data of a patient lies in another root.
#[test]
fn a_patient_who_is_spread_over_volumes_is_one_patient() {
    let folder = tempfile::tempdir().unwrap();
    let roots = ["undated", "old", "new"].map(|name| folder.path().join(name));
    let chart = CHARTS[0];
    let undated = patient_folder(&roots[0], chart).join("-/ADT-00");
    fs::create_dir_all(&undated).unwrap();
    let name = format!("{chart}_-_ADT-00_999999999999999_20260105101112000_-_1");
    let text = visit_text(chart, 1).replace("A04^ADT_A01", "A08^ADT_A01");
    fs::write(undated.join(name), text).unwrap();
    write_visit(&roots[1], chart, 1, 1, 1, 1);
    write_visit(&roots[2], chart, 2, 1, 1, 2);
    let mut site = Site::new(&roots, &CHARTS);
    let report = run(&mut site);
    assert_eq!((report.patients.seen, report.documents_sealed), (1, 3));
    let subjects: BTreeSet<_> = site
        .standing()
        .values()
        .map(|(subject, _)| *subject)
        .collect();
    assert_eq!(subjects.len(), 1);
    // The same patients are found one by one.
    let only = Plan::Only(vec![ChartNumber::new(chart).unwrap()]);
    let mut fresh = site.afresh();
    let (report, _) = fresh.run(LocalDisk::default(), &only);
    assert_eq!((report.patients.seen, report.documents_sealed), (1, 3));
    assert_eq!(fresh.standing(), site.standing());
}

/// A volume that is not mounted shows its empty mount point: nothing of it is taken back.
#[test]
fn nothing_is_taken_back_while_a_volume_is_empty_or_another_folder() {
    let folder = tempfile::tempdir().unwrap();
    let roots = ["one", "two"].map(|name| folder.path().join(name));
    write_visit(&roots[0], CHARTS[0], 1, 1, 1, 1);
    write_visit(&roots[1], CHARTS[0], 2, 1, 1, 1);
    write_visit(&roots[1], CHARTS[1], 3, 1, 1, 1);
    let mut site = Site::new(&roots, &CHARTS);
    site.settings.source.changes.vanished_percent = 100;
    run(&mut site);
    assert_eq!(site.standing().len(), 3);
    let away = folder.path().join("away");
    fs::rename(&roots[1], &away).unwrap();
    fs::create_dir(&roots[1]).unwrap();
    for _ in 0..2 {
        let report = run(&mut site);
        assert_eq!((report.documents_withdrawn, site.standing().len()), (0, 3));
        assert_eq!(report.findings.get("F065"), Some(&2));
    }
    // Mounted again: all is as before, and now a vanished file is a vanished file.
    fs::remove_dir(&roots[1]).unwrap();
    fs::rename(&away, &roots[1]).unwrap();
    run(&mut site);
    fs::remove_file(versions(&roots[1], CHARTS[0], 2)[0].as_path()).unwrap();
    fs::remove_dir_all(patient_folder(&roots[1], CHARTS[1])).unwrap();
    let report = run(&mut site);
    assert_eq!((report.documents_withdrawn, site.standing().len()), (2, 1));
    assert!(same_as_afresh(&site));
    assert_eq!(run(&mut site).documents_withdrawn, 0);
}

/// More patients than the settings allow lost something: that is no normal day.
#[test]
fn many_vanished_documents_at_once_are_reported_and_kept() {
    let root = tempfile::tempdir().unwrap();
    let charts: Vec<String> = (0..30)
        .map(|number| format!("00011122{number:02}"))
        .collect();
    let all: Vec<&str> = charts.iter().map(String::as_str).collect();
    let mut site = Site::new(&[root.path().to_owned()], &all);
    for chart in &all {
        write_visit(root.path(), chart, 1, 1, 1, 1);
        write_visit(root.path(), chart, 2, 1, 1, 1);
    }
    run(&mut site);
    for chart in &all {
        fs::remove_file(&versions(root.path(), chart, 2)[0]).unwrap();
    }
    let report = run(&mut site);
    assert_eq!(report.documents_withdrawn, 10);
    assert_eq!(report.findings.get("F065"), Some(&20));
    // They are looked at again once somebody said that it is all right.
    site.settings.source.changes.vanished_percent = 100;
    assert_eq!(run(&mut site).documents_withdrawn, 20);
    assert!(same_as_afresh(&site));
}

/// a backfill that is broken off goes on where it was, and then everybody was visited.
#[test]
fn a_scan_that_was_broken_off_goes_on_where_it_was() {
    let root = tempfile::tempdir().unwrap();
    let charts: Vec<String> = (0..40)
        .map(|number| format!("{number:03}000{number:04}"))
        .collect();
    let all: Vec<&str> = charts.iter().map(String::as_str).collect();
    let mut site = Site::new(&[root.path().to_owned()], &all);
    site.settings.limits.batch_documents = 1;
    for chart in &all {
        write_visit(root.path(), chart, 1, 1, 1, 1);
    }
    let (report, collected) = site.collect(LocalDisk::default(), &Plan::Everything, 1);
    assert_eq!(collected.unwrap(), Collected::UntilSpoolFull);
    assert_eq!(report.documents_sealed, 1);
    assert!(site.state.position().unwrap().is_some() && site.state.scan().unwrap().is_none());
    let mut sealed = report.documents_sealed;
    for _ in 0..3 {
        let (report, _) = site.collect(LocalDisk::default(), &Plan::Everything, 8_000);
        assert!(report.documents_sealed > 0);
        // What was done before is not even listed again.
        assert!(
            report.patients.unchanged <= 1,
            "{}",
            report.patients.unchanged
        );
        sealed += report.documents_sealed;
    }
    let report = run(&mut site);
    assert_eq!(
        report.patients.seen, 40,
        "the rest first, then those before"
    );
    assert_eq!(sealed + report.documents_sealed, 40);
    assert!(site.state.position().unwrap().is_none());
    assert_eq!(
        site.state.scan().unwrap().map(|scan| scan.patients),
        Some(40)
    );
    assert!(same_as_afresh(&site));
}

/// content and times, the time of access included, are the same after 1,000 cycles.
#[test]
fn the_source_is_identical_after_a_thousand_cycles() {
    fn state_of(folder: &Path, states: &mut Vec<String>) {
        use std::os::unix::fs::MetadataExt;
        let data = fs::symlink_metadata(folder).unwrap();
        let times = [data.atime_nsec(), data.mtime_nsec(), data.ctime_nsec()];
        let seconds = [data.atime(), data.mtime(), data.ctime()];
        let more = (data.mode(), data.ino(), data.len(), data.nlink());
        states.push(format!(
            "{} {times:?} {seconds:?} {more:?}",
            folder.display()
        ));
        if data.is_dir() {
            let entries = fs::read_dir(folder).unwrap();
            let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            paths.iter().for_each(|path| state_of(path, states));
        } else if data.is_file() {
            states.push(format!("{:?}", fs::metadata(folder).unwrap().len()));
        }
    }
    let root = tempfile::tempdir().unwrap();
    let mut site = Site::new(&[root.path().to_owned()], &CHARTS);
    for chart in CHARTS {
        write_visit(root.path(), chart, 1, 1, 1, 1);
    }
    let link = patient_folder(root.path(), CHARTS[0]).join("link");
    std::os::unix::fs::symlink("/etc/passwd", link).unwrap();
    let content = |root: &Path| {
        let files = CHARTS.map(|chart| versions(root, chart, 1));
        files
            .concat()
            .iter()
            .map(|path| fs::read(path).unwrap())
            .collect::<Vec<_>>()
    };
    let bytes = content(root.path());
    // Reading moved times of access; these are old now, so that another reading would again.
    let old = std::time::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    for path in CHARTS.map(|chart| versions(root.path(), chart, 1)).concat() {
        let times = fs::FileTimes::new().set_accessed(old).set_modified(old);
        fs::File::open(path).unwrap().set_times(times).unwrap();
    }
    let (mut before, mut warm) = (Vec::new(), Vec::new());
    // Looking at a folder can move its time of access, once.
    state_of(root.path(), &mut warm);
    state_of(root.path(), &mut before);
    for cycle in 0..1_000 {
        // Every hundredth cycle reads all files, under another epoch of the token key.
        site.epoch = 1 + cycle / 100;
        run(&mut site);
    }
    let mut after = Vec::new();
    state_of(root.path(), &mut after);
    assert_eq!(after, before);
    assert_eq!(content(root.path()), bytes);
}

/// A patient with more than one batch may hold must not stop the site.
#[test]
fn a_patient_too_large_for_one_batch_is_sent_in_several() {
    let root = tempfile::tempdir().unwrap();
    let mut site = Site::new(&[root.path().to_owned()], &CHARTS);
    site.settings.limits.batch_documents = 2;
    for order in 0..5 {
        write_visit(root.path(), CHARTS[0], order, 1, 1, 1);
    }
    for counts in [[2, 3, 0], [2, 1, 2], [1, 0, 4], [0, 0, 0]] {
        let report = run(&mut site);
        let found = [
            report.documents_sealed,
            report.documents_deferred,
            report.documents_unchanged,
        ];
        assert_eq!(found, counts);
    }
    assert_eq!(site.standing().len(), 5);
}

#[test]
fn new_tokens_are_sent_although_no_document_changed() {
    let root = tempfile::tempdir().unwrap();
    let mut site = Site::new(&[root.path().to_owned()], &CHARTS);
    for order in 0..3 {
        write_visit(root.path(), CHARTS[0], order, 1, 1, 1);
    }
    for (epoch, sealed, unchanged) in [(1, 3, 0), (2, 1, 2), (2, 0, 0)] {
        site.epoch = epoch;
        let report = run(&mut site);
        assert_eq!(
            (report.documents_sealed, report.documents_unchanged),
            (sealed, unchanged)
        );
    }
}

/// B-116: while the key changes everybody is sent once with the tokens of both epochs, and once
/// more when the old one has ended.
#[test]
fn a_change_of_the_key_sends_everybody_at_its_start_and_at_its_end() {
    let root = tempfile::tempdir().unwrap();
    let mut site = Site::new(&[root.path().to_owned()], &CHARTS);
    for order in 0..3 {
        write_visit(root.path(), CHARTS[0], order, 1, 1, 1);
    }
    for (epochs, sealed) in [
        ((1, None), 3),
        ((1, Some(2)), 1),
        ((1, Some(2)), 0),
        ((2, None), 1),
        ((2, None), 0),
    ] {
        (site.epoch, site.next_epoch) = epochs;
        assert_eq!(run(&mut site).documents_sealed, sealed, "{epochs:?}");
    }
}

/// The number of a resident leaves as a token under the municipality's key, and a stop under it
/// counts; without the setting, such a file is one of somebody else.
#[test]
fn a_municipal_number_becomes_a_token_where_the_source_is_said_to_have_it() {
    let root = tempfile::tempdir().unwrap();
    let mut site = Site::new(&[root.path().to_owned()], &CHARTS);
    write_visit(root.path(), CHARTS[0], 1, 1, 1, 1);
    let file = versions(root.path(), CHARTS[0], 1).pop().unwrap();
    let chart = format!("|{}^^^^PI|", CHARTS[0]);
    let number = format!("|{}~0055667^^^CITY|", CHARTS[0]);
    let text = visit_text(CHARTS[0], 1).replacen(&chart, &number, 1);
    assert!(text.contains("0055667"), "{text}");
    fs::write(file, text).unwrap();
    assert_eq!(run(&mut site).documents_sealed, 0);
    site.settings.source.municipality = Some(config::gateway::Municipality {
        authority: "CITY".to_owned(),
        key: "/unused".into(),
    });
    assert_eq!(run(&mut site).documents_sealed, 1);
    assert_eq!(site.tokens(TokenKind::Municipal), [1]);
    assert!(!format!("{:?}", site.standing()).contains("55667"));
}

/// staff tokens and codes of institutions leave once the contract has them, and everybody is
/// read and sent once more when it begins to, and when it ends; numbers and names never do.
#[test]
fn a_contract_with_staff_tokens_sends_everybody_once_at_its_beginning_and_at_its_end() {
    let root = tempfile::tempdir().unwrap();
    let mut site = Site::new(&[root.path().to_owned()], &CHARTS);
    write_visit(root.path(), CHARTS[0], 1, 1, 1, 1);
    let file = versions(root.path(), CHARTS[0], 1).pop().unwrap();
    let attended = "PV1|1|O|||||D-7^医師^一郎";
    let text = visit_text(CHARTS[0], 1).replacen("PV1|1|O|||||", attended, 1);
    fs::write(file, text).unwrap();
    let with = Agreed {
        staff: true,
        ..Agreed::default()
    };
    for (agreed, sealed, tokens) in [
        (Agreed::default(), 1, 0),
        (with, 1, 1),
        (with, 0, 1),
        (Agreed::default(), 1, 0),
    ] {
        site.agreed = agreed;
        assert_eq!(run(&mut site).documents_sealed, sealed, "{agreed:?}");
        let standing = format!("{:?}", site.standing());
        assert_eq!(standing.matches("StaffRef(").count(), tokens, "{standing}");
        assert!(!standing.contains("D-7") && !standing.contains("医師"));
    }
}
