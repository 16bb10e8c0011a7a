//! A-020, C-16: after any work of the exporter, a run that follows a feed has told the centre
//! exactly what a full scan tells.

use super::*;

const ROUNDS: u64 = 10;

/// Lets the exporter work and the gateway follow, and compares each time.
pub(in crate::feed) fn follow(
    world: &mut World,
    settings: &Settings,
    write_down: &mut dyn FnMut(&mut World),
) {
    world.work(40);
    write_down(world);
    let first = world.run_well(settings);
    assert_eq!(first.changes.full_scan, Some(FullScan::First));
    for round in 0..ROUNDS {
        let steps = world.dice.roll(12);
        let patients = world.work(steps) as u64;
        write_down(world);
        let report = world.run_well(settings);
        assert_eq!(report.changes.full_scan, None, "round {round}");
        assert_eq!(
            report.changes.findings.len(),
            0,
            "{:?}",
            report.changes.findings
        );
        assert!(report.changes.records > 0 || steps == 0, "round {round}");
        // Nobody is visited whom the feed does not name.
        assert!(
            report.patients.seen <= report.changes.patients,
            "round {round}"
        );
        assert!(report.changes.patients >= patients, "round {round}");
        let afresh = format!("afresh-{round}");
        assert!(world.same_as_afresh(settings, &afresh), "round {round}");
        fs::remove_dir_all(world.root.join(afresh)).unwrap();
    }
}

#[test]
fn transactions_lead_to_what_a_full_scan_finds() {
    for seed in 1..=4 {
        let mut world = World::new(seed);
        let settings = world.transactions();
        follow(&mut world, &settings, &mut World::write_transactions);
    }
}

/// The feed names only those who changed: the rest of the storage is not touched.
#[test]
fn only_patients_whom_the_transactions_name_are_visited() {
    let mut world = World::new(20);
    world.work(60);
    world.write_transactions();
    let settings = world.transactions();
    world.run_well(&settings);
    world.add_for(2);
    world.write_transactions();
    let report = world.run_well(&settings);
    assert_eq!((report.changes.records, report.patients.seen), (1, 1));
    let report = world.run_well(&settings);
    assert_eq!((report.changes.records, report.patients.seen), (0, 0));
}

fn write_csv(world: &mut World, rows: &mut Vec<Told>) {
    rows.append(&mut world.told);
    let mut text = format!("{ROW_NAMES}\r\n");
    // A database gives rows in no order.
    for at in 0..rows.len() {
        let other = world.dice.roll(rows.len() as u64) as usize;
        rows.swap(at, other);
    }
    rows.iter()
        .for_each(|row| text += &format!("{}\r\n", row.row()));
    fs::write(world.root.join("index.csv"), text).unwrap();
}

fn csv_settings(world: &World) -> Settings {
    let root = world.root.display();
    world.settings(
        "feed",
        &format!(
            "[source.changes]\nmode = \"index-csv\"\n\
             [source.feed.index_csv]\nfile = \"{root}/index.csv\"\noverlap_seconds = 30\n"
        ),
    )
}

#[test]
fn rows_of_an_exported_index_lead_to_what_a_full_scan_finds() {
    for seed in 30..=32 {
        let mut world = World::new(seed);
        let settings = csv_settings(&world);
        let mut rows = Vec::new();
        follow(&mut world, &settings, &mut |world| {
            write_csv(world, &mut rows)
        });
    }
}

/// Between the last row that was dealt with and the first of the export, anything may have been.
#[test]
fn an_export_that_does_not_reach_back_to_the_last_row_ends_in_a_full_scan() {
    let mut world = World::new(40);
    let settings = csv_settings(&world);
    let mut rows = Vec::new();
    world.work(20);
    write_csv(&mut world, &mut rows);
    world.run_well(&settings);
    world.work(20);
    let mut recent = world.told.split_off(world.told.len() - 3);
    world.told.clear();
    write_csv(&mut world, &mut recent);
    let report = world.run_well(&settings);
    assert_eq!(report.changes.full_scan, Some(FullScan::Gap));
    assert!(world.same_as_afresh(&settings, "afresh"));
    // A database that was set back is a gap as well.
    write_csv(&mut world, &mut rows);
    let report = world.run_well(&settings);
    assert_eq!(report.changes.full_scan, Some(FullScan::Gap));
    fs::write(world.root.join("index.csv"), "other,columns\n1,2\n").unwrap();
    let report = world.run_well(&settings);
    assert!(found(&report, FindingCode::FeedRecordUnreadable) > 0);
    assert!(report.changes.full_scan.is_some());
}

#[test]
fn an_export_that_is_missing_or_was_forgotten_is_told() {
    let mut world = World::new(41);
    let settings = csv_settings(&world);
    world.work(20);
    write_csv(&mut world, &mut Vec::new());
    world.run_well(&settings);
    let file = world.root.join("index.csv");
    let opened = fs::File::options().write(true).open(&file).unwrap();
    let written = opened.metadata().unwrap().modified().unwrap();
    let old = written - Duration::from_secs(49 * 3600);
    opened.set_modified(old).unwrap();
    for _ in 0..2 {
        let (report, outcome) = world.run(&settings);
        assert_eq!(outcome.unwrap_err().problem(), Problem::FeedUnavailable);
        assert_eq!(found(&report, FindingCode::FeedUnavailable), 1);
        let _ = fs::remove_file(&file);
    }
}
