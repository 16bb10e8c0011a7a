use std::fs;
use std::path::Path;

use super::*;
use crate::collect::Collected;
use crate::fixture::{Site, patient_folder, write_visit};
use crate::source::Plan;
use crate::source::disk::LocalDisk;

const CHARTS: [&str; 4] = ["0001112223", "0001112224", "0009991111", "5550001111"];
/// The second in the order of the walk.
const WHO: &str = "0001112224";

/// A storage with one visit of each, sealed one patient a batch.
fn site(root: &Path) -> Site {
    for (order, chart) in CHARTS.iter().enumerate() {
        write_visit(root, chart, order as u32, 1, 1, 1);
    }
    let mut site = Site::new(&[root.to_owned()], &CHARTS);
    site.settings.limits.batch_documents = 1;
    site
}

fn run(site: &mut Site) -> Report {
    let (report, collected) = site.collect(LocalDisk::default(), &Plan::Everything, u64::MAX);
    assert_eq!(collected.unwrap(), Collected::Everything);
    report
}

fn holds(site: &Site, chart: &str) -> bool {
    let subject = site.subject(chart);
    site.waiting()
        .iter()
        .any(|(subjects, _)| subjects.contains(&subject))
}

/// A-053: unsent batches are made again without the person; nobody else is lost or doubled, and the
/// chain has no hole.
#[test]
fn batches_that_never_left_are_made_again_without_the_person() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    run(&mut site);
    assert_eq!(site.waiting().len(), 4);
    assert!(holds(&site, WHO));

    site.stopped.push(WHO.to_owned());
    let recalled = site.recall();
    // The first batch holds somebody else and stays as it is.
    assert_eq!((recalled.undone, recalled.demanded), (3, 0));
    assert_eq!(site.waiting().len(), 1);
    let report = run(&mut site);
    assert_eq!((report.documents_sealed, report.erasures_sealed), (2, 0));
    assert!(!holds(&site, WHO));
    for chart in CHARTS.iter().filter(|chart| **chart != WHO) {
        assert!(holds(&site, chart), "{chart}");
    }
    assert_eq!(site.recall(), Recalled::default());
}

fn quality_reports(site: &Site) -> Vec<String> {
    let entries = fs::read_dir(site.settings.state.folder.join("quality")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// A-045: a document that was sealed, undone and sealed again counts once, in the run's report and
/// in the quality reports.
#[test]
fn what_is_undone_and_sealed_again_counts_once() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    let mut report = Report::new(site.settings.site.clone());
    let collect = |site: &mut Site, report: &mut Report| {
        let disk = LocalDisk::default();
        let collected = site.collect_into(report, disk, &Plan::Everything, u64::MAX);
        assert_eq!(collected.unwrap(), Collected::Everything);
    };
    let counts = |report: &Report| {
        let records: u64 = report.records_sealed.values().sum();
        let batches = &report.batches;
        (
            report.documents_sealed,
            records,
            batches.sealed,
            batches.undone,
        )
    };
    collect(&mut site, &mut report);
    assert_eq!(counts(&report), (4, 4, 4, 0));
    assert_eq!(quality_reports(&site).len(), 4);
    site.stopped.push(WHO.to_owned());
    site.recall_into(&mut report);
    assert_eq!(counts(&report), (1, 1, 1, 3));
    assert_eq!(quality_reports(&site), ["000000000001.json"]);
    report.start_next_pass();
    collect(&mut site, &mut report);
    assert_eq!(counts(&report), (3, 3, 3, 3));
    assert_eq!(quality_reports(&site).len(), 3);

    // A batch of an earlier run was never in the counts of this one.
    let mut next = Report::new(site.settings.site.clone());
    site.stopped.push(CHARTS[2].to_owned());
    site.recall_into(&mut next);
    assert_eq!(counts(&next), (0, 0, 0, 2));
}

/// A-055: whoever was withheld while a batch was gathered that is undone is in the evidence of the
/// batch that takes its place.
#[test]
fn the_evidence_after_an_undoing_counts_everybody_who_is_withheld() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    site.settings.limits.batch_documents = 100;
    site.charts.retain(|chart| chart != CHARTS[3]);
    run(&mut site);
    let told = |site: &Site| site.evidence().withheld.into_iter().collect::<Vec<_>>();
    assert_eq!(told(&site), [(Withheld::NotNotified, 1)]);
    site.stopped.push(WHO.to_owned());
    assert_eq!(site.recall().undone, 1);
    run(&mut site);
    let both = [(Withheld::Stopped, 1), (Withheld::NotNotified, 1)];
    assert_eq!(told(&site), both);
    assert_eq!(site.evidence().passed(), 2);
}

/// A-053: of what was sent the centre is told to erase it, once; should the person come back,
/// everything is sealed again.
#[test]
fn what_was_sent_is_erased_once_and_comes_whole_when_the_stop_is_taken_back() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    run(&mut site);
    site.send();
    // Another spelling of the number is the same person.
    site.stopped.push(WHO.trim_start_matches('0').to_owned());
    let recalled = site.recall();
    assert_eq!((recalled.undone, recalled.demanded), (0, 1));
    let report = run(&mut site);
    assert_eq!((report.batches.sealed, report.erasures_sealed), (1, 1));
    assert_eq!(site.waiting(), [(vec![], vec![site.subject(WHO)])]);
    // A batch that only tells of the erasure does not hold the person.
    assert_eq!(site.recall(), Recalled::default());
    site.send();
    assert_eq!(site.recall(), Recalled::default());
    assert_eq!(run(&mut site).batches.sealed, 0);

    site.stopped.clear();
    assert_eq!(site.recall(), Recalled::default());
    assert_eq!(run(&mut site).documents_sealed, 1);
    assert!(holds(&site, WHO));
}

/// A batch whose first byte may have left cannot be undone: the centre may have it already.
#[test]
fn a_batch_that_was_attempted_stays_and_an_erasure_follows_it() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    run(&mut site);
    let batches = site.state.waiting().unwrap();
    for batch in &batches[..2] {
        site.state.attempt(batch.sequence).unwrap();
    }
    site.stopped = vec![WHO.to_owned(), CHARTS[3].to_owned()];
    let recalled = site.recall();
    // The fourth batch goes, the third stays, and of the second an erasure is demanded.
    assert_eq!((recalled.undone, recalled.demanded), (1, 1));
    run(&mut site);
    let waiting = site.waiting();
    assert_eq!(waiting.len(), 4);
    assert_eq!(waiting[3], (vec![], vec![site.subject(WHO)]));
    assert!(site.state.undo_from(2).is_err(), "it was attempted");
}

/// A stop that is listed while patients are read takes hold before the next batch is sealed.
#[test]
fn who_was_read_and_is_stopped_before_the_sealing_is_not_sealed() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    site.settings.limits.batch_documents = 100;
    site.stopped_late.push(WHO.to_owned());
    let (report, collected) = site.collect(LocalDisk::default(), &Plan::Everything, u64::MAX);
    assert_eq!(collected.unwrap(), Collected::Overtaken);
    assert_eq!((report.batches.sealed, report.documents_sealed), (0, 0));
    assert_eq!(report.stopped_before_sealing, 1);
    let report = run(&mut site);
    assert_eq!((report.documents_sealed, report.patients.withheld), (3, 1));
    assert!(!holds(&site, WHO));
}

/// A ledger that moves without touching anybody at hand does not hold up the run.
#[test]
fn a_ledger_that_moves_for_others_changes_nothing_for_those_at_hand() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    site.settings.limits.batch_documents = 100;
    site.stopped_late.push("9999999".to_owned());
    assert_eq!(run(&mut site).documents_sealed, 4);
}

/// Undoing puts every document back to what it was: what the centre has of an earlier version is
/// still known, so that its withdrawal is not forgotten.
#[test]
fn documents_are_after_the_undoing_what_they_were_before_the_sealing() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    run(&mut site);
    site.send();
    let known = |site: &Site| site.state.known(&site.subject(WHO)).unwrap();
    let before = known(&site);

    let file = write_visit(root.path(), WHO, 1, 2, 1, 5);
    fs::remove_file(file.with_file_name(crate::fixture::visit_name(WHO, 1, 1, 1))).unwrap();
    write_visit(root.path(), WHO, 8, 1, 1, 5);
    site.settings.limits.batch_documents = 100;
    assert_eq!(run(&mut site).documents_sealed, 2);
    assert_eq!(known(&site).len(), 2);
    let first = site.state.waiting().unwrap()[0].sequence;
    site.state.undo_from(first).unwrap();
    site.open_again();
    assert_eq!(known(&site), before);

    // The visits vanish; the one that stands at the centre is taken back.
    fs::remove_dir_all(patient_folder(root.path(), WHO)).unwrap();
    assert_eq!(run(&mut site).documents_withdrawn, 1);
}

/// An erasure that waits is undone together with its batch and told anew.
#[test]
fn an_erasure_in_a_batch_that_is_undone_is_told_by_the_next() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    run(&mut site);
    site.send();
    site.stopped.push(WHO.to_owned());
    site.recall();
    // Another patient has something new, which is sealed beside the erasure.
    write_visit(root.path(), CHARTS[0], 9, 1, 1, 3);
    run(&mut site);
    assert_eq!(site.waiting().len(), 1);
    site.stopped.push(CHARTS[0].to_owned());
    let recalled = site.recall();
    assert_eq!((recalled.undone, recalled.demanded), (1, 1));
    assert!(!site.state.known(&site.subject(WHO)).unwrap().is_empty());
    run(&mut site);
    let mut both = vec![site.subject(WHO), site.subject(CHARTS[0])];
    both.sort_unstable();
    assert_eq!(site.waiting(), [(vec![], both)]);
}

/// A run that ends between any two steps is continued by the next from the ledger and the state.
#[test]
fn a_crash_between_any_two_steps_changes_nothing_in_the_end() {
    for step in 0..4 {
        let root = tempfile::tempdir().unwrap();
        let mut site = site(root.path());
        run(&mut site);
        let batches = site.state.waiting().unwrap();
        site.state.attempt(batches[0].sequence).unwrap();
        site.stopped = vec![CHARTS[0].to_owned(), WHO.to_owned()];
        match step {
            0 => {}
            // The state is undone, and the files are still in the queue.
            1 => drop(site.state.undo_from(2).unwrap()),
            2 => drop(site.recall()),
            _ => {
                site.recall();
                let room = 1;
                let _ = site.collect(LocalDisk::default(), &Plan::Everything, room);
            }
        }
        site.open_again();
        site.recall();
        run(&mut site);
        let waiting = site.waiting();
        let told: Vec<_> = waiting.iter().flat_map(|(_, erased)| erased).collect();
        assert_eq!(told, [&site.subject(CHARTS[0])], "step {step}");
        assert!(!holds(&site, WHO), "step {step}");
        for chart in &CHARTS[2..] {
            let subject = site.subject(chart);
            let of_chart = |(subjects, _): &&(Vec<_>, Vec<_>)| subjects.contains(&subject);
            assert_eq!(waiting.iter().filter(of_chart).count(), 1, "step {step}");
        }
    }
}

/// What an earlier version of this program sealed has no numbers in the state: the next visit
/// tells them.
#[test]
fn what_was_sealed_before_numbers_were_kept_is_found_at_the_next_visit() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    run(&mut site);
    site.send();
    site.state.forget_numbers();
    site.stopped.push(WHO.to_owned());
    assert_eq!(site.recall(), Recalled::default());
    assert_eq!(run(&mut site).patients.withheld, 1);
    assert_eq!(site.recall().demanded, 1);
}

/// Writes the one visit of a patient with a message that tells an older number.
fn write_with_older(root: &Path, chart: &str, older: &str) {
    let order = CHARTS.iter().position(|one| *one == chart).unwrap();
    let file = write_visit(root, chart, order as u32, 1, 1, 1);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("PID|1||", &format!("PID|1|{older}|"))).unwrap();
}

/// A-053: a stop under a number from before a merge finds what left under the present one, also
/// when nothing new was sealed since that number came up.
#[test]
fn a_stop_under_an_older_number_takes_back_what_was_sealed() {
    for forgotten in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let mut site = site(root.path());
        write_with_older(root.path(), WHO, "0000077770");
        run(&mut site);
        site.send();
        if forgotten {
            // An earlier version asked about fewer numbers and sealed the same.
            site.state.forget_numbers();
            site.settings.limits.file_bytes -= 1;
            assert_eq!(run(&mut site).documents_sealed, 0);
        }
        site.stopped.push("77770".to_owned());
        let recalled = site.recall();
        assert_eq!((recalled.undone, recalled.demanded), (0, 1), "{forgotten}");
        let report = run(&mut site);
        assert_eq!((report.erasures_sealed, report.documents_sealed), (1, 0));
        assert_eq!(run(&mut site).patients.withheld, 1);
    }
}

/// A visit whose ward is, or is not, the patient's own number.
fn write_ward(root: &Path, chart: &str, version: u32, ward: &str) {
    let folder = patient_folder(root, chart).join("20260105/ADT-12");
    if version > 1 {
        let older = crate::fixture::visit_name(chart, 7, version - 1, 1);
        let replaced = crate::fixture::visit_name(chart, 7, version - 1, 0);
        fs::rename(folder.join(older), folder.join(replaced)).unwrap();
    }
    let file = write_visit(root, chart, 7, version, 1, 1);
    let text = fs::read_to_string(&file).unwrap();
    let ward = format!("OBX|1|CWE|1^x^99XYZ||{ward}^x^99XYZ\r");
    fs::write(file, text + &ward).unwrap();
}

/// A-037: a newer version that is refused for an identifier takes the older one back at the centre,
/// and stays so; one that was never sent is nothing to tell.
#[test]
fn a_refused_newer_version_takes_back_the_one_that_left() {
    let root = tempfile::tempdir().unwrap();
    let mut site = Site::new(&[root.path().to_owned()], &[WHO]);
    let tells = |report: Report| (report.documents_sealed, report.documents_withdrawn);
    write_ward(root.path(), WHO, 1, WHO);
    assert_eq!(tells(run(&mut site)), (0, 0));
    write_ward(root.path(), WHO, 2, "4A");
    assert_eq!(tells(run(&mut site)), (1, 0));
    site.send();
    write_ward(root.path(), WHO, 3, WHO);
    let report = run(&mut site);
    assert_eq!(report.findings.get("F035"), Some(&1));
    assert_eq!(tells(report), (0, 1));
    site.send();
    assert_eq!(tells(run(&mut site)), (0, 0));
    write_ward(root.path(), WHO, 4, "4A");
    assert_eq!(tells(run(&mut site)), (1, 0));
}

/// A-037, A-053: a refusal and a stop meet. A withdrawal that waits is undone with its batch and
/// overtaken by the erasure; of an erased person a refusal tells nothing more.
#[test]
fn a_withdrawal_for_a_refusal_is_overtaken_by_an_erasure_and_never_follows_one() {
    let root = tempfile::tempdir().unwrap();
    let mut site = Site::new(&[root.path().to_owned()], &[WHO]);
    write_ward(root.path(), WHO, 1, "4A");
    run(&mut site);
    site.send();
    write_ward(root.path(), WHO, 2, WHO);
    assert_eq!(run(&mut site).documents_withdrawn, 1);
    site.stopped.push(WHO.to_owned());
    let recalled = site.recall();
    assert_eq!((recalled.undone, recalled.demanded), (1, 1));
    let report = run(&mut site);
    assert_eq!((report.erasures_sealed, report.documents_withdrawn), (1, 0));
    assert_eq!(site.waiting(), [(vec![], vec![site.subject(WHO)])]);
    site.send();
    site.stopped.clear();
    site.recall();
    let report = run(&mut site);
    assert_eq!(
        (report.documents_sealed, report.documents_withdrawn),
        (0, 0)
    );
    write_ward(root.path(), WHO, 3, "4A");
    assert_eq!(run(&mut site).documents_sealed, 1);
}

/// What a site deletes is taken back at once, also of a patient who is withheld, for whom nothing
/// else leaves; a stop erases instead, and nothing of the person stands beside the erasure.
#[test]
fn what_is_deleted_of_a_withheld_patient_is_taken_back_at_once() {
    let [deleted, vanished, folderless, stopped] = CHARTS;
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    site.settings.limits.batch_documents = 100;
    let run = |site: &mut Site| {
        let (report, collected) = site.run(LocalDisk::default(), &Plan::Everything);
        assert_eq!(collected.unwrap(), Collected::Everything);
        report
    };
    for chart in [deleted, vanished] {
        write_visit(root.path(), chart, 9, 1, 1, 3);
    }
    assert_eq!(run(&mut site).documents_sealed, 6);
    site.send();
    // The ledger does not show anybody any more.
    site.charts.clear();
    site.stopped.push(stopped.to_owned());
    let visit = |chart, flag| {
        let name = crate::fixture::visit_name(chart, 9, 1, flag);
        patient_folder(root.path(), chart)
            .join("20260105/ADT-12")
            .join(name)
    };
    fs::rename(visit(deleted, 1), visit(deleted, 0)).unwrap();
    fs::remove_file(visit(vanished, 1)).unwrap();
    for chart in [folderless, stopped] {
        fs::remove_dir_all(patient_folder(root.path(), chart)).unwrap();
    }
    site.recall();
    let report = run(&mut site);
    assert_eq!(
        (report.documents_withdrawn, report.documents_sealed),
        (2, 0)
    );
    assert_eq!((report.erasures_sealed, report.patients.passed), (1, 0));
    let evidence = site.evidence();
    assert_eq!((evidence.passed(), evidence.taken_back), (0, 2));
    let left: Vec<_> = site
        .standing()
        .values()
        .map(|(subject, _)| *subject)
        .collect();
    // Whose whole folder is gone is sought among those of the ledger, and it shows nobody.
    let mut expected = [deleted, vanished, folderless].map(|chart| site.subject(chart));
    expected.sort_unstable();
    let mut left = left;
    left.sort_unstable();
    assert_eq!(left, expected);
    site.send();
    let again = run(&mut site);
    assert_eq!((again.documents_withdrawn, again.batches.sealed), (0, 0));
}

/// The same of a patient whose whole folder vanished, who is known by a keyed reference only.
#[test]
fn a_folder_that_vanished_of_a_withheld_patient_is_taken_back_at_once() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    site.settings.limits.batch_documents = 100;
    run(&mut site);
    site.send();
    site.held.push(WHO.to_owned());
    fs::remove_dir_all(patient_folder(root.path(), WHO)).unwrap();
    let report = run(&mut site);
    assert_eq!(report.documents_withdrawn, 1);
    assert_eq!(site.evidence().taken_back, 1);
    let subject = site.subject(WHO);
    assert!(site.standing().values().all(|(left, _)| *left != subject));
}

/// A-053: whoever is stopped between the reading and the sealing has an erasure and no withdrawal.
#[test]
fn a_withdrawal_of_somebody_who_is_stopped_before_the_sealing_is_dropped() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    site.settings.limits.batch_documents = 100;
    run(&mut site);
    site.send();
    site.charts.retain(|chart| chart != WHO);
    let file = patient_folder(root.path(), WHO).join("20260105/ADT-12");
    let name = |flag| file.join(crate::fixture::visit_name(WHO, 1, 1, flag));
    fs::rename(name(1), name(0)).unwrap();
    site.stopped_late.push(WHO.to_owned());
    let (report, collected) = site.collect(LocalDisk::default(), &Plan::Everything, u64::MAX);
    assert_eq!(collected.unwrap(), Collected::Overtaken);
    assert_eq!(
        (report.batches.sealed, report.stopped_before_sealing),
        (0, 1)
    );
    site.recall();
    run(&mut site);
    assert_eq!(site.waiting(), [(vec![], vec![site.subject(WHO)])]);
}

/// Numbers are in the state only under a key.
#[test]
fn no_number_stands_in_clear_in_the_state() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    run(&mut site);
    site.stopped.push(WHO.to_owned());
    site.recall();
    for entry in fs::read_dir(&site.settings.state.folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let number = WHO.trim_start_matches('0').as_bytes();
            assert!(!bytes.windows(number.len()).any(|part| part == number));
        }
    }
}
