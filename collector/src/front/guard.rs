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
    let (folders, guard) = (&settings.folders, settings.inbox_guard);
    let level = match guard {
        InboxGuard::Required => CompatLevel::HardRequirement,
        InboxGuard::BestEffort => CompatLevel::BestEffort,
    };
    let status = apply(settings, level)
        .map_err(|error| StartError::because(Problem::Guard, "Landlock", error))?;
    match (unreadable(&folders.inbox), guard) {
        (true, _) => {
            let fully = status == RulesetStatus::FullyEnforced;
            tracing::info!(fully, "inbox guard holds");
            Ok(())
        }
        (false, InboxGuard::Required) => {
            Err(StartError::new(Problem::Guard, folders.inbox.display()))
        }
        (false, InboxGuard::BestEffort) => {
            tracing::warn!("inbox guard does not hold on this kernel");
            Ok(())
        }
    }
}

fn apply(
    settings: &Settings,
    level: CompatLevel,
) -> Result<RulesetStatus, Box<dyn Error + Send + Sync>> {
    let folders = &settings.folders;
    let work: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
        ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile
    });
    let add_names = make_bitflags!(AccessFs::{ MakeReg | Refer });
    let ruleset = Ruleset::default()
        .set_compatibility(level)
        .handle_access(AccessFs::from_all(LEAST))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .set_compatibility(level)
        .add_rule(beneath(&folders.staging, work | AccessFs::Refer)?)?
        .add_rule(beneath(&folders.receipts, work)?)?
        .add_rule(beneath(&folders.inbox, add_names)?)?;
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let mut ruleset = ruleset;
    if let Some(letters) = &settings.letters {
        ruleset = ruleset
            .add_rule(beneath(&letters.outbox, read)?)?
            .add_rule(beneath(&letters.answers, work)?)?;
    }
    if let Some(certificates) = &settings.certificates {
        ruleset = ruleset
            .add_rule(beneath(&certificates.answers, read)?)?
            .add_rule(beneath(&certificates.requests, work)?)?;
    }
    for folder in settings.told_folders() {
        ruleset = ruleset.add_rule(beneath(folder, read)?)?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

fn beneath(
    folder: &Path,
    access: BitFlags<AccessFs>,
) -> Result<PathBeneath<PathFd>, landlock::PathFdError> {
    Ok(PathBeneath::new(PathFd::new(folder)?, access))
}

/// The proof that the guard holds: opening the folder is refused.
fn unreadable(folder: &Path) -> bool {
    File::open(folder).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn settings(root: &Path, more: &str) -> Settings {
        let root = root.display();
        let text = format!(
            "name = \"front-1\"\nlisten = \"127.0.0.1:0\"\n[folders]\ninbox = \"{root}/inbox\"\n\
             staging = \"{root}/staging\"\nreceipts = \"{root}/receipts\"\n[tls]\n\
             certificate = \"x\"\nprivate_key = \"x\"\nclient_authority = \"x\"\n[keys]\n\
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
        let (changed, told) = std::sync::mpsc::channel();
        let (done, ended) = std::sync::mpsc::channel();
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
