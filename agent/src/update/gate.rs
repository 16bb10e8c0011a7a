//! The health gate: looks at what a new version has to show, within a time, and keeps the answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, io};

use jiff::Timestamp;
use tokio::time::timeout;
use update::{Boot, Check, Record, Verdict, judge};

use crate::entries::Entries;
use crate::error::UpdateError;
use crate::notice;
use crate::running;
use crate::server;
use crate::settings::{Settings, Source};
use crate::state;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// How long one look may take at most, and at least.
const LOOK: Duration = Duration::from_secs(5);
const LEAST: Duration = Duration::from_secs(1);

/// Lets the version that runs stay, or says why not and asks for another start. A version that is
/// not being tried passes.
pub(crate) fn gate(settings: &Settings) -> Result<(), UpdateError> {
    let decided = decide(settings);
    if let Ok(record) = state::record(settings) {
        notice::at_rest(settings, &record.stage);
    }
    // Only where the boot loader counts: a version that has proven itself is never started again
    // and again, whatever is wrong with it.
    if decided.is_err() && counted(settings)? {
        state::restart(settings)?;
    }
    decided
}

/// Whether the boot loader counts this start.
fn counted(settings: &Settings) -> Result<bool, UpdateError> {
    let (version, _) = running::now(settings)?;
    let entries = Entries::new(&settings.boot.entries, &settings.boot.name);
    Ok(entries
        .find(version)?
        .is_some_and(|entry| entry.left.is_some()))
}

fn decide(settings: &Settings) -> Result<(), UpdateError> {
    let (version, slot) = running::now(settings)?;
    // What cannot be read says nothing good: the version proves itself.
    let mut record = state::record(settings).unwrap_or_else(|_| Record::unknown(version, slot));
    let entries = Entries::new(&settings.boot.entries, &settings.boot.name);
    let left = match record.tried() {
        Some(tried) => entries.find(tried)?.and_then(|entry| entry.left),
        None => None,
    };
    let before = record;
    let boot = record.handle_boot(version, slot, left);
    if record != before {
        state::keep(settings, &record)?;
    }
    let Boot::Gate { centre } = boot else {
        return Ok(());
    };
    let until = Instant::now() + Duration::from_secs(u64::from(settings.gate.seconds));
    match judge(centre, |check| wait_for(settings, check, until)) {
        Ok(passed) => {
            record.handle_passed(passed);
            state::keep(settings, &record)
        }
        Err(why) => {
            record.handle_refused(why);
            state::keep(settings, &record)?;
            Err(UpdateError::Gate)
        }
    }
}

/// Looks again and again until it is well or the time is over; once in any case.
fn wait_for(settings: &Settings, check: Check, until: Instant) -> Verdict {
    loop {
        // A look within the last second still has that second.
        let left = until.saturating_duration_since(Instant::now());
        match look(settings, check, left.clamp(LEAST, LOOK)) {
            Verdict::Ill if Instant::now() < until => sleep(PAUSE),
            verdict => return verdict,
        }
    }
}

fn look(settings: &Settings, check: Check, patience: Duration) -> Verdict {
    let gate = &settings.gate;
    let well = match check {
        Check::Agent => gate
            .health
            .as_deref()
            .map(|path| since_start(path).is_ok_and(|it| it)),
        Check::Spool => gate
            .spool
            .as_deref()
            .map(|path| since_start(path).is_ok_and(|it| it)),
        Check::Settings => gate.settings.split_first().map(|(program, arguments)| {
            runs_well(Path::new(program), arguments, patience).unwrap_or(false)
        }),
        Check::Page => gate.page.map(|address| answers(address, patience).is_ok()),
        Check::Centre => {
            let source = settings.source.as_ref();
            source.map(|source| reached(source, patience).is_ok())
        }
    };
    match well {
        None => Verdict::Absent,
        Some(true) => Verdict::Well,
        Some(false) => Verdict::Ill,
    }
}

/// Whether a file was written since the device started: one of the version before says nothing.
fn since_start(path: &Path) -> io::Result<bool> {
    let written = fs::metadata(path)?.mtime();
    let uptime = nix::sys::sysinfo::sysinfo()?.uptime().as_secs();
    let now = Timestamp::now().as_second();
    let start = now.saturating_sub_unsigned(uptime);
    Ok((start..=now.saturating_add(5)).contains(&written))
}

/// Whether a command ends well in time. One that hangs is ended.
fn runs_well(program: &Path, arguments: &[String], patience: Duration) -> io::Result<bool> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let until = Instant::now() + patience;
    while Instant::now() < until {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

/// Whether the update server takes a connection, over the same interface as downloads.
fn reached(source: &Source, patience: Duration) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let opened = timeout(
            patience,
            server::open(source.address, source.interface.as_deref()),
        );
        opened.await?.map(drop)
    })
}

/// Whether somebody at an address answers at all. A page over TLS answers a plain question with an
/// alert, which is an answer: whose certificate it has is not the question here.
fn answers(address: SocketAddr, patience: Duration) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    stream.read_exact(&mut [0])
}
