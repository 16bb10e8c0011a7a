//! What the front's process may do with the file system once it serves (A-119), enforced by the
//! kernel (Landlock) whatever the process is talked into.
//!
//! | folder | allowed |
//! |---|---|
//! | inbox | give a new name to a file (link); not: open, read, write, list, rename, remove |
//! | staging | read, write, list, create, remove; link from here to the inbox |
//! | receipts | read, write, list, create, remove |
//! | letters to devices, where they are set up | read, list |
//! | answers of devices | read, write, list, create, remove |
//! | requests for certificates, where they are set up | read, list, create, replace |
//! | answers to them, folders of the revocation list and of stopped sites | read, list |
//! | everything else | nothing; no program can be started |
//!
//! Where the kernel can (6.7, 6.12), no socket can be bound or connected any more and no process
//! outside be signalled. A link back from the inbox into staging is refused too, because the file
//! would gain rights by it.
//!
//! One handle to the inbox folder stays open from before, to make new names durable. Through it
//! the process could still list names (site, number, id), which the front's own receipts hold
//! anyway; files are opened by path and that is refused.

use std::error::Error;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags,
};

use crate::front::settings::{InboxGuard, Settings};
use crate::front::start::{Problem, StartError};

/// Linux 6.2: the first that also guards against truncation.
const LEAST: ABI = ABI::V3;

/// Restricts the calling thread and every thread it starts later, then tries whether it holds.
///
/// # Errors
/// The guard is required and the kernel cannot give it.
pub(crate) fn restrict(settings: &Settings) -> Result<(), StartError> {
    let folders = &settings.folders;
    let add_names = make_bitflags!(AccessFs::{ MakeReg | Refer });
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let mut rules: Vec<Rule<'_>> = vec![
        (&folders.staging, work() | AccessFs::Refer),
        (&folders.receipts, work()),
        (&folders.inbox, add_names),
    ];
    if let Some(letters) = &settings.letters {
        rules.push((&letters.outbox, read));
        rules.push((&letters.answers, work()));
    }
    if let Some(certificates) = &settings.certificates {
        rules.push((&certificates.answers, read));
        rules.push((&certificates.requests, work()));
    }
    rules.extend(
        settings
            .told_folders()
            .into_iter()
            .map(|folder| (folder, read)),
    );
    enforce(&rules, &folders.inbox, settings.inbox_guard)
}

/// Restricts the calling thread and every thread it starts later to one folder of its own, and to
/// reading in the folders of what the centre tells: no other file can be opened, among them the
/// keys that were read before.
///
/// # Errors
/// The guard is required and the kernel cannot give it.
pub(crate) fn restrict_to(
    own: &Path,
    told: &[&Path],
    shut: &Path,
    guard: InboxGuard,
) -> Result<(), StartError> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let told = told.iter().map(|folder| (*folder, read));
    let rules: Vec<Rule<'_>> = [(own, work())].into_iter().chain(told).collect();
    enforce(&rules, shut, guard)
}

/// A folder and what may be done beneath it.
type Rule<'f> = (&'f Path, BitFlags<AccessFs>);

fn work() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{
        ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile
    })
}

/// Lets nothing be done but what the rules name, and tries it at a place that must be shut.
fn enforce(rules: &[Rule<'_>], shut: &Path, guard: InboxGuard) -> Result<(), StartError> {
    let level = match guard {
        InboxGuard::Required => CompatLevel::HardRequirement,
        InboxGuard::BestEffort => CompatLevel::BestEffort,
    };
    let status = apply(rules, level)
        .map_err(|error| StartError::because(Problem::Guard, "Landlock", error))?;
    match (unreadable(shut), guard) {
        (true, _) => {
            let fully = status == RulesetStatus::FullyEnforced;
            tracing::info!(fully, "guard of the files holds");
            Ok(())
        }
        (false, InboxGuard::Required) => Err(StartError::new(Problem::Guard, shut.display())),
        (false, InboxGuard::BestEffort) => {
            tracing::warn!("guard of the files does not hold on this kernel");
            Ok(())
        }
    }
}

fn apply(
    rules: &[Rule<'_>],
    level: CompatLevel,
) -> Result<RulesetStatus, Box<dyn Error + Send + Sync>> {
    let ruleset = Ruleset::default()
        .set_compatibility(level)
        .handle_access(AccessFs::from_all(LEAST))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .set_compatibility(level);
    let ruleset = rules
        .iter()
        .try_fold(ruleset, |ruleset, (folder, access)| {
            let rule = PathBeneath::new(PathFd::new(folder)?, *access);
            Ok::<_, Box<dyn Error + Send + Sync>>(ruleset.add_rule(rule)?)
        })?;
    Ok(ruleset.restrict_self()?.ruleset)
}

/// The proof that the guard holds: opening the file or folder is refused.
fn unreadable(shut: &Path) -> bool {
    File::open(shut).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn settings(root: &Path, more: &str) -> Settings {
        fs::create_dir_all(root.join("told")).unwrap();
        let root = root.display();
        let text = format!(
            "name = \"front-1\"\nlisten = \"127.0.0.1:0\"\n[folders]\ninbox = \"{root}/inbox\"\n\
             staging = \"{root}/staging\"\nreceipts = \"{root}/receipts\"\n[tls]\n\
             certificate = \"x\"\nprivate_key = \"x\"\nclient_authority = \"x\"\n\
             revocations = \"{root}/told/devices.crl\"\n[keys]\n\
             receipt = \"x\"\n{more}"
        );
        toml::from_str(&text).unwrap()
    }

    fn refused<T>(done: std::io::Result<T>) -> bool {
        // EACCES, or EXDEV where a link would move a file to more rights.
        done.is_err_and(|error| {
            matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::CrossesDevices
            )
        })
    }

    /// A-118, A-119: after the restriction a batch can be added and nothing else be done with the
    /// inbox. Landlock holds per thread, so a thread of the test stands for the front.
    #[test]
    fn the_inbox_takes_new_names_and_gives_nothing_back() {
        let root = tempfile::tempdir().unwrap();
        let [inbox, staging, receipts] = ["inbox", "staging", "receipts"].map(|name| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        });
        let outside = root.path().join("outside");
        fs::write(&outside, "x").unwrap();
        fs::write(staging.join("a"), "batch").unwrap();
        fs::write(inbox.join("earlier"), "batch").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let settings = settings(root.path(), "");

        let guarded = std::thread::spawn(move || {
            restrict(&settings).unwrap();
            fs::hard_link(staging.join("a"), inbox.join("a")).unwrap();
            assert!(refused(fs::read(inbox.join("a"))));
            assert!(refused(fs::read(inbox.join("earlier"))));
            assert!(refused(fs::read_dir(&inbox)));
            assert!(refused(
                fs::OpenOptions::new().append(true).open(inbox.join("a"))
            ));
            assert!(refused(fs::remove_file(inbox.join("a"))));
            assert!(refused(fs::rename(inbox.join("a"), staging.join("b"))));
            assert!(refused(fs::rename(staging.join("a"), inbox.join("a"))));
            assert!(refused(fs::hard_link(
                inbox.join("earlier"),
                staging.join("earlier")
            )));
            assert!(refused(fs::hard_link(
                staging.join("a"),
                receipts.join("a")
            )));
            assert!(refused(fs::read(&outside)));
            assert!(refused(fs::write(root.path().join("new"), "x")));
            assert!(refused(std::process::Command::new("/bin/true").status()));
            assert!(refused(TcpStream::connect(address)));

            fs::File::create(staging.join("c"))
                .unwrap()
                .write_all(b"c")
                .unwrap();
            fs::write(receipts.join("r.tmp"), "r").unwrap();
            fs::rename(receipts.join("r.tmp"), receipts.join("r")).unwrap();
            assert_eq!(fs::read(receipts.join("r")).unwrap(), b"r");
            fs::remove_file(staging.join("a")).unwrap();
            fs::create_dir(staging.join("site")).unwrap();
            root
        });
        let root = guarded.join().unwrap();
        assert_eq!(fs::read(root.path().join("inbox/a")).unwrap(), b"batch");
        assert_eq!(
            fs::read(root.path().join("inbox/earlier")).unwrap(),
            b"batch"
        );
    }

    /// B-117: the evaluation service writes its allowances and reads nothing else, its key least of
    /// all.
    #[test]
    fn a_service_with_a_folder_of_its_own_opens_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let [own, told, key] = ["own", "told", "key"].map(|name| root.path().join(name));
        fs::create_dir(&own).unwrap();
        fs::create_dir(&told).unwrap();
        fs::write(told.join("crl"), "list").unwrap();
        fs::write(&key, "key").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let guarded = std::thread::spawn(move || {
            restrict_to(&own, &[&told], &key, InboxGuard::Required).unwrap();
            assert_eq!(fs::read(told.join("crl")).unwrap(), b"list");
            assert!(refused(fs::write(told.join("crl"), "x")));
            assert!(refused(fs::read(&key)));
            assert!(refused(fs::read("/etc/passwd")));
            assert!(refused(fs::write(root.path().join("new"), "x")));
            assert!(refused(std::process::Command::new("/bin/true").status()));
            assert!(refused(TcpStream::connect(address)));
            let allowance = own.join("SITE.json");
            crate::core::durable::write(&allowance, b"1").unwrap();
            crate::core::durable::write(&allowance, b"2").unwrap();
            assert_eq!(fs::read(&allowance).unwrap(), b"2");
            root
        });
        guarded.join().unwrap();
    }

    /// B-011: letters of the core are only read, answers are written.
    #[test]
    fn letters_are_read_and_never_written() {
        let root = tempfile::tempdir().unwrap();
        let names = ["inbox", "staging", "receipts", "outbox", "answers"];
        let [_, _, _, outbox, answers] = names.map(|name| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        });
        fs::write(outbox.join("l"), "letter").unwrap();
        let root = root.path();
        let settings = settings(
            root,
            &format!("[letters]\noutbox = {outbox:?}\nanswers = {answers:?}\n"),
        );
        let guarded = std::thread::spawn(move || {
            restrict(&settings).unwrap();
            assert_eq!(fs::read(outbox.join("l")).unwrap(), b"letter");
            assert!(refused(fs::write(outbox.join("l"), "x")));
            assert!(refused(fs::write(outbox.join("m"), "x")));
            assert!(refused(fs::remove_file(outbox.join("l"))));
            fs::write(answers.join("a"), "answer").unwrap();
        });
        guarded.join().unwrap();
    }

    /// A-118: what the authority and the core tell the front is read and not written; requests for
    /// certificates are written. Files that take the place of others are read as well.
    #[test]
    fn what_the_centre_tells_is_read_only_also_after_it_changed() {
        let root = tempfile::tempdir().unwrap();
        let names = ["inbox", "staging", "receipts", "requests", "issued", "told"];
        let [_, _, _, requests, issued, told] = names.map(|name| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        });
        let more = format!("[certificates]\nrequests = {requests:?}\nanswers = {issued:?}\n");
        let mut settings = settings(root.path(), &more);
        settings.blocked = Some(told.join("blocked"));
        fs::write(told.join("blocked"), "").unwrap();
        let (changed, told) = std::sync::mpsc::sync_channel(1);
        let (done, ended) = std::sync::mpsc::sync_channel(1);
        let folder = root.path().join("told");
        let place = folder.clone();
        let guarded = std::thread::spawn(move || {
            restrict(&settings).unwrap();
            done.send(()).unwrap();
            told.recv().unwrap();
            assert_eq!(fs::read(place.join("blocked")).unwrap(), b"HOSP-A");
            assert!(refused(fs::write(place.join("blocked"), "")));
            assert!(refused(fs::remove_file(place.join("blocked"))));
            assert!(refused(fs::write(issued.join("a"), "x")));
            fs::write(requests.join("a"), "request").unwrap();
        });
        ended.recv().unwrap();
        fs::write(folder.join("new"), "HOSP-A").unwrap();
        fs::rename(folder.join("new"), folder.join("blocked")).unwrap();
        changed.send(()).unwrap();
        guarded.join().unwrap();
    }
}
