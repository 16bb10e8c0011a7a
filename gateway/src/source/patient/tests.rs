//! A source with trouble.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::collect::Collected;
use crate::error::Problem;
use crate::fixture::{Site, patient_folder, visit_name, visit_text, write_visit};
use crate::report::Report;
use crate::source::Plan;
use crate::source::disk::LocalDisk;
use crate::source::troubled::{Call, ImaginaryDisk, Trouble, TroubledDisk};

const CHARTS: [&str; 4] = ["0001112223", "0001112224", "0009991111", "5550001111"];

fn well(site: &mut Site) -> Report {
    let (report, collected) = site.run(LocalDisk::default(), &Plan::Everything);
    assert_eq!(collected.unwrap(), Collected::Everything);
    report
}

fn troubled(
    site: &mut Site,
    decide: impl Fn(Call, &Path) -> Option<Trouble> + Send + Sync + 'static,
) -> Report {
    let (report, collected) = site.run(TroubledDisk::new(decide), &Plan::Everything);
    assert_eq!(collected.unwrap(), Collected::Everything);
    report
}

fn site(root: &Path) -> Site {
    for chart in CHARTS {
        write_visit(root, chart, 1, 1, 1, 1);
    }
    let mut site = Site::new(&[root.to_owned()], &CHARTS);
    site.settings.source.pace.hung_after_seconds = 1;
    site
}

/// The version that stands may lie in a folder that cannot be listed today.
#[test]
fn nothing_is_taken_back_while_a_folder_cannot_be_listed() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    well(&mut site);
    let deleted = patient_folder(root.path(), CHARTS[0]).join("20260105/ADT-12");
    let [from, to] = [1, 0].map(|flag| deleted.join(visit_name(CHARTS[0], 1, 1, flag)));
    fs::rename(from, to).unwrap();
    write_visit(root.path(), CHARTS[0], 2, 1, 1, 1);
    let other = patient_folder(root.path(), CHARTS[0]).join("20260106");
    fs::create_dir(&other).unwrap();
    for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::Other] {
        let other = other.clone();
        let report = troubled(&mut site, move |_, path| {
            (path == other).then_some(Trouble::Fail(kind))
        });
        assert_eq!(report.documents_withdrawn, 0, "{kind}");
        assert_eq!(report.findings.get("F063"), Some(&1), "{kind}");
    }
    assert_eq!(well(&mut site).documents_withdrawn, 1);
}

/// P-15: what is no file but has the name of one is neither opened nor waited for, and a file that
/// another program has locked is read all the same: locks here are agreements.
#[test]
fn sockets_pipes_devices_folders_and_locked_files_hold_nothing_up() {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};

    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    let folder = patient_folder(root.path(), CHARTS[0]).join("20260105/ADT-12");
    let place = |order| folder.join(visit_name(CHARTS[0], order, 1, 1));
    nix::unistd::mkfifo(&place(2), Mode::S_IRUSR).unwrap();
    // The address of a socket is short; its file can lie anywhere.
    let socket = root.path().join("s");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    fs::rename(socket, place(3)).unwrap();
    fs::create_dir(place(4)).unwrap();
    std::os::unix::fs::symlink("/dev/zero", place(5)).unwrap();
    // Only the superuser makes devices; `null` would read as empty, and this one without end.
    let device = mknod(&place(6), SFlag::S_IFCHR, Mode::S_IRUSR, makedev(1, 5));
    let devices = u64::from(device.is_ok());
    let locked = fs::File::open(place(1)).unwrap();
    let lock = nix::fcntl::FlockArg::LockExclusiveNonblock;
    let _locked = nix::fcntl::Flock::lock(locked, lock).unwrap();
    let begun = Instant::now();
    let report = well(&mut site);
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert_eq!((report.files.read, report.documents_sealed), (4, 4));
    let skipped = report.drops.iter().find(|(name, _)| *name == "walk:link");
    assert_eq!(skipped.map(|(_, count)| count), Some(3 + devices));
}

/// Every call may fail in every way, at every place: the others go on, nothing is lost, and the
/// next run brings what is missing.
#[test]
fn a_failing_call_costs_one_patient_one_run() {
    for call in [Call::Folder, Call::List, Call::Stat, Call::Read] {
        for kind in [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::NotFound,
            io::ErrorKind::TimedOut,
            io::ErrorKind::Other,
        ] {
            let root = tempfile::tempdir().unwrap();
            let mut site = site(root.path());
            let failing = CHARTS[1];
            let report = troubled(&mut site, move |called, path| {
                let meant = called == call && path.to_string_lossy().contains(failing);
                meant.then_some(Trouble::Fail(kind))
            });
            assert_eq!(report.documents_sealed, 3, "{call:?} {kind}");
            assert!(report.files.balanced());
            let report = well(&mut site);
            assert_eq!((report.documents_sealed, report.patients.unchanged), (1, 3));
        }
    }
}

/// A share that hangs: its folder is reported and left, all others go on, and the next run makes
/// up for it.
#[test]
fn a_call_that_hangs_costs_one_folder_and_nothing_waits_for_it() {
    for call in [Call::Folder, Call::List, Call::Stat, Call::Read] {
        let root = tempfile::tempdir().unwrap();
        let mut site = site(root.path());
        let hanging = CHARTS[1];
        let started = Instant::now();
        let report = troubled(&mut site, move |called, path| {
            let meant = called == call && path.to_string_lossy().contains(hanging);
            meant.then_some(Trouble::Hang)
        });
        assert!(started.elapsed() < Duration::from_secs(20));
        assert_eq!(report.documents_sealed, 3, "{call:?}");
        assert_eq!(report.findings.get("F060"), Some(&1), "{call:?}");
        assert_eq!(
            site.state.scan().unwrap(),
            None,
            "not everybody was visited"
        );
        let report = well(&mut site);
        assert_eq!((report.documents_sealed, report.patients.unchanged), (1, 3));
        assert!(site.state.scan().unwrap().is_some());
    }
}

/// The walk itself hangs in a folder of level 2: everybody else is visited once.
#[test]
fn a_folder_of_the_walk_that_hangs_is_left_out_and_the_walk_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    let hanging = root.path().join("000/111");
    let report = troubled(&mut site, move |called, path| {
        (called == Call::List && path == hanging).then_some(Trouble::Hang)
    });
    assert_eq!((report.patients.seen, report.documents_sealed), (2, 2));
    assert_eq!(report.findings.get("F060"), Some(&1));
    assert_eq!(well(&mut site).documents_sealed, 2);
}

#[test]
fn when_everything_hangs_the_run_ends_and_says_so() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    site.settings.source.pace.hung_calls = 1;
    for hanging in [Call::Stat, Call::List, Call::Folder] {
        let disk = TroubledDisk::new(move |called, _| (called == hanging).then_some(Trouble::Hang));
        let (report, collected) = site.run(disk, &Plan::Everything);
        let problem = collected.err().map(|failure| failure.problem());
        assert_eq!(problem, Some(Problem::SourceHangs), "{hanging:?}");
        assert_eq!(report.documents_sealed, 0);
    }
    assert_eq!(well(&mut site).documents_sealed, 4);
}

/// An exporter at work: between listing and reading, the old version is flagged and a new one
/// written. The patient is listed again at once.
#[test]
fn a_document_updated_between_listing_and_reading_is_read_in_its_new_version() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    let (folder, chart) = (root.path().to_owned(), CHARTS[0]);
    let once = Mutex::new(true);
    let report = troubled(&mut site, move |called, path| {
        let meant = called == Call::Read && path.to_string_lossy().contains(chart);
        if meant && std::mem::take(&mut *once.lock().unwrap()) {
            let flagged = path.with_file_name(visit_name(chart, 1, 1, 2));
            fs::rename(path, flagged).unwrap();
            write_visit(&folder, chart, 1, 2, 1, 30);
        }
        None
    });
    assert_eq!(
        (report.documents_sealed, report.documents_withdrawn),
        (4, 0)
    );
    let newer = |(_, document): &&(_, record::Document)| document.version.0 % 10 == 2;
    assert_eq!(site.standing().values().filter(newer).count(), 1);
    for code in ["F061", "F062"] {
        assert_eq!(report.findings.get(code), None);
    }
}

/// A file that is being written each time it is read is not used, not taken back, and tried again.
#[test]
fn a_file_that_never_holds_still_is_reported_and_tried_again() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    well(&mut site);
    let chart = CHARTS[0];
    write_visit(root.path(), chart, 1, 1, 1, 2);
    let minute = AtomicU64::new(3);
    let report = troubled(&mut site, move |called, path| {
        if called == Call::Read && path.to_string_lossy().contains(chart) {
            let minute = minute.fetch_add(1, Ordering::Relaxed) as u32;
            fs::write(path, visit_text(chart, minute) + "ZZZ|1\r").unwrap();
        }
        None
    });
    assert_eq!(
        (report.documents_sealed, report.documents_withdrawn),
        (0, 0)
    );
    assert_eq!(report.findings.get("F061"), Some(&1));
    assert_eq!(well(&mut site).documents_sealed, 1);
}

/// A-003: the pause holds reading up, and nothing is lost by it.
#[test]
fn a_busy_source_is_left_alone_until_it_answers_again() {
    let root = tempfile::tempdir().unwrap();
    let mut site = site(root.path());
    site.settings.source.pace.hung_after_seconds = 600;
    site.settings.source.pace.latency_floor_microseconds = 20_000;
    let probes = AtomicU64::new(0);
    let report = troubled(&mut site, move |called, _| match called {
        // Three idle answers, three slow ones, then idle again.
        Call::Probe => match probes.fetch_add(1, Ordering::Relaxed) {
            3..6 => Some(Trouble::Slow(Duration::from_millis(200))),
            _ => None,
        },
        // Nobody has read all before the source is busy.
        Call::Read => {
            while probes.load(Ordering::Relaxed) < 7 {
                std::thread::sleep(Duration::from_millis(5));
            }
            None
        }
        _ => None,
    });
    assert_eq!(report.documents_sealed, 4);
    assert_eq!(report.source.pauses, 1);
    assert!(report.seconds.paused > 0.0);
}

/// Walks and lists a storage that exists only as numbers, and tells the peak of memory.
#[test]
#[ignore = "the test below runs it in processes of its own"]
fn an_imagined_inventory() {
    let firsts = std::env::var("SEKISHO_IMAGINED").unwrap().parse().unwrap();
    let root = tempfile::tempdir().unwrap();
    let mut site = Site::new(&[root.path().to_owned()], &[]);
    let disk = ImaginaryDisk {
        firsts,
        seconds: 2,
        patients: 500,
        files: 20,
    };
    let started = crate::clock::stopwatch();
    let (report, collected) = site.run(disk, &Plan::Everything);
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(collected.unwrap(), Collected::Everything);
    let files = u64::from(firsts) * 2 * 500 * 20;
    assert_eq!(
        (report.files.seen, report.files.unsupported),
        (files, files)
    );
    let peak = crate::report::peak_memory_bytes();
    writeln!(io::stdout(), "peak {peak} bytes in {seconds} seconds").unwrap();
}

/// C-16, P-17: memory does not follow the number of files.
#[test]
fn the_memory_of_an_inventory_does_not_follow_the_number_of_files() {
    let peak = |firsts: u32| -> u64 {
        let name = "source::patient::tests::an_imagined_inventory";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", name])
            .env("SEKISHO_IMAGINED", firsts.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let peak = text
            .split("peak ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        peak.unwrap().parse().unwrap()
    };
    // 40,000 and 800,000 files.
    let (small, large) = (peak(2), peak(40));
    assert!(small > 0 && large < small + (8 << 20), "{small} {large}");
}
