use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::super::disk::LocalDisk;
use super::super::pace::Pacer;
use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

fn walk(roots: &[PathBuf], begin: Option<[&str; 2]>) -> Walk<LocalDisk> {
    let roots = Roots::open(LocalDisk::default(), roots, PATIENCE).unwrap();
    let route = Route {
        walk: true,
        begin: begin.map(|parts| parts.map(|part| part.as_bytes().into())),
        ..Route::default()
    };
    let caller = Caller::new(Arc::new(Pacer::unbounded()));
    let mut walk = Walk::new(Arc::new(roots), caller, route, &Arc::default(), &[]);
    walk.begin().unwrap();
    walk
}

fn rest(walk: &mut Walk<LocalDisk>) -> Vec<(String, Volumes)> {
    let mut found = Vec::new();
    while let Some(folder) = walk.next().unwrap() {
        assert!(folder.complete);
        found.push((String::from_utf8(folder.path()).unwrap(), folder.volumes));
    }
    found
}

fn make(root: &Path, paths: &[&str]) -> PathBuf {
    for path in paths {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    root.to_owned()
}

#[test]
fn patients_of_all_volumes_come_up_once_and_in_order() {
    let root = tempfile::tempdir().unwrap();
    let one = make(
        &root.path().join("one"),
        &["000/111/0001112", "000/111/0001113", "999/000/9990001"],
    );
    let two = make(
        &root.path().join("two"),
        &["000/111/0001113", "000/112/0001120"],
    );
    fs::write(one.join("000/readme.txt"), "x").unwrap();
    std::os::unix::fs::symlink("/etc", one.join("000/link")).unwrap();
    let mut walk = walk(&[one, two], None);
    let expected = [
        ("000/111/0001112", 0b01),
        ("000/111/0001113", 0b11),
        ("000/112/0001120", 0b10),
        ("999/000/9990001", 0b01),
    ];
    let expected = expected.map(|(path, volumes)| (path.to_owned(), volumes));
    assert_eq!(rest(&mut walk), expected);
    let drops: Vec<_> = walk.counted().drops.iter().collect();
    assert_eq!(drops, [("walk:link", 1), ("walk:stray-file", 1)]);
}

/// A storage at the root of a disk, or on a file server, has folders beside those of patients.
#[test]
fn folders_of_file_systems_and_servers_are_counted_and_not_listed() {
    let root = tempfile::tempdir().unwrap();
    let one = make(
        root.path(),
        &[
            "000/111/0001112/20260105",
            "000/@eaDir/x",
            "000/111/@eaDir",
            "lost+found",
            "System Volume Information/a/b",
            "#recycle/000/0001113",
        ],
    );
    let mut walk = walk(std::slice::from_ref(&one), None);
    assert_eq!(rest(&mut walk), [("000/111/0001112".to_owned(), 1)]);
    let drops: Vec<_> = walk.counted().drops.iter().collect();
    assert_eq!(drops, [("walk:folder-of-a-server", 5)]);
    assert!(!walk.counted().incomplete);
}

/// A disk that was made anew has such folders only: it is as empty as a share that is not mounted,
/// and nobody's documents are taken back for it.
#[test]
fn a_volume_with_folders_of_the_file_system_alone_is_empty() {
    let root = tempfile::tempdir().unwrap();
    for (folder, empty) in [("lost+found", true), ("$Recycle.Bin", true), ("000", false)] {
        let volume = make(&root.path().join(folder), &[folder]);
        let roots = Roots::open(LocalDisk::default(), &[volume], PATIENCE).unwrap();
        assert_eq!(roots.empty, empty, "{folder}");
    }
}

#[test]
fn a_missing_volume_stops_the_walk_before_it_starts() {
    let root = tempfile::tempdir().unwrap();
    let roots = [root.path().to_owned(), root.path().join("gone")];
    let problem = Roots::open(LocalDisk::default(), &roots, PATIENCE).err();
    let problem = problem.map(|failure| failure.problem());
    assert_eq!(problem, Some(Problem::SourceMissing));
}

/// What a volume has below a folder that cannot be listed is unknown: nobody there is complete.
#[test]
fn patients_under_a_folder_that_one_volume_cannot_list_are_incomplete() {
    let root = tempfile::tempdir().unwrap();
    let one = make(
        &root.path().join("one"),
        &["000/111/0001112", "222/000/2220001"],
    );
    let two = make(&root.path().join("two"), &["000/111/0001113"]);
    let mut walk = walk(&[one, two], None);
    let place: Place = (1, b"000/111".as_slice().into());
    walk.hung.insert(place);
    let mut found = Vec::new();
    while let Some(folder) = walk.next().unwrap() {
        found.push((folder.levels[2].to_vec(), folder.complete));
    }
    assert_eq!(
        found,
        [(b"0001112".to_vec(), false), (b"2220001".to_vec(), true)]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// wherever it begins and whenever it is taken up again, everybody comes up once. Level
    /// listings here are longer than what stays in memory.
    #[test]
    fn everybody_comes_up_once_wherever_the_walk_begins_and_is_taken_up(
        patients in proptest::collection::btree_set((0u8..4, 0u8..30, 0u8..30), 1..60),
        volumes in proptest::collection::vec(1u64..4, 60),
        begin in proptest::option::of((0u8..5, 0u8..31)),
        given_up_after in 0usize..60,
    ) {
        let root = tempfile::tempdir().unwrap();
        let roots = ["one", "two"].map(|name| root.path().join(name));
        roots.iter().for_each(|root| fs::create_dir_all(root).unwrap());
        let mut expected = Vec::new();
        for ((first, second, third), volumes) in patients.iter().zip(&volumes) {
            let path = format!("{first:03}/{second:03}/{first:03}{second:03}{third:03}");
            for (volume, root) in roots.iter().enumerate() {
                if volumes >> volume & 1 == 1 {
                    fs::create_dir_all(root.join(&path)).unwrap();
                }
            }
            expected.push((path, *volumes));
        }
        let begin = begin.map(|(first, second)| [format!("{first:03}"), format!("{second:03}")]);
        let begin = begin.as_ref().map(|[first, second]| [first.as_str(), second.as_str()]);
        let mut first = walk(&roots, begin);
        let mut found = Vec::new();
        let mut shares = vec![0.0];
        for _ in 0..given_up_after {
            if let Some(folder) = first.next().unwrap() {
                found.push((String::from_utf8(folder.path()).unwrap(), folder.volumes));
                shares.push(first.position().share());
            }
        }
        let mut second = walk(&roots, begin);
        second.resume(first.position().clone(), Counted::default());
        second.begin().unwrap();
        found.extend(rest(&mut second));
        shares.push(second.position().share());
        prop_assert!(shares.is_sorted(), "{:?}", shares);
        found.sort();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn the_folder_that_a_run_left_behind_is_found_again() {
    let root = tempfile::tempdir().unwrap();
    let root = make(
        root.path(),
        &["000/111/0001112", "000/112/0001120", "999/000/9990001"],
    );
    let found = |first: &[u8], second: &[u8]| {
        let found = walk(std::slice::from_ref(&root), None);
        let is = |one: &[u8], two: &[u8]| one == first && two == second;
        found.find(&is).unwrap()
    };
    let place = |first: &[u8], second: &[u8]| Some([first.into(), second.into()]);
    assert_eq!(found(b"000", b"112"), place(b"000", b"112"));
    assert_eq!(found(b"999", b"000"), place(b"999", b"000"));
    assert_eq!(found(b"999", b"001"), None);
}
