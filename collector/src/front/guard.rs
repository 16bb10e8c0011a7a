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

use crate::front::settings::{Folders, InboxGuard, Letters};
use crate::front::start::{Problem, StartError};

/// Linux 6.2: the first that also guards against truncation.
const LEAST: ABI = ABI::V3;

/// Restricts the calling thread and every thread it starts later, then tries whether it holds.
///
/// # Errors
/// The guard is required and the kernel cannot give it.
pub(crate) fn restrict(
    folders: &Folders,
    letters: Option<&Letters>,
    guard: InboxGuard,
) -> Result<(), StartError> {
    let level = match guard {
        InboxGuard::Required => CompatLevel::HardRequirement,
        InboxGuard::BestEffort => CompatLevel::BestEffort,
    };
    let status = apply(folders, letters, level)
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
    folders: &Folders,
    letters: Option<&Letters>,
    level: CompatLevel,
) -> Result<RulesetStatus, Box<dyn Error + Send + Sync>> {
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
    let ruleset = match letters {
        None => ruleset,
        Some(letters) => ruleset
            .add_rule(beneath(&letters.outbox, read)?)?
            .add_rule(beneath(&letters.answers, work)?)?,
    };
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
        let folders = Folders {
            inbox,
            staging,
            receipts,
        };

        let guarded = std::thread::spawn(move || {
            restrict(&folders, None, InboxGuard::Required).unwrap();
            let Folders {
                inbox,
                staging,
                receipts,
            } = folders;
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
        let [inbox, staging, receipts, outbox, answers] = names.map(|name| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        });
        fs::write(outbox.join("l"), "letter").unwrap();
        let folders = Folders {
            inbox,
            staging,
            receipts,
        };
        let letters = Letters { outbox, answers };
        let guarded = std::thread::spawn(move || {
            restrict(&folders, Some(&letters), InboxGuard::Required).unwrap();
            let Letters { outbox, answers } = letters;
            assert_eq!(fs::read(outbox.join("l")).unwrap(), b"letter");
            assert!(refused(fs::write(outbox.join("l"), "x")));
            assert!(refused(fs::write(outbox.join("m"), "x")));
            assert!(refused(fs::remove_file(outbox.join("l"))));
            fs::write(answers.join("a"), "answer").unwrap();
        });
        guarded.join().unwrap();
    }
}
