//! The line between the machine and the front, which notes how far the log of writes had come when
//! a batch reached the front.
//!
//! Before anything is handed on, in either direction, the length of the log is read and then the
//! inbox is listed. A batch that was not in the inbox yet had not arrived before the log was so
//! long; and before the log was longer than when it was first there, the machine had not heard of
//! it. In between both may have been.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, spawn};

use anyhow::{Context as _, ensure};

/// Most bytes that are handed on at once.
const PIECE: usize = 16 << 10;

/// When a batch arrived, in bytes of the log of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Before the log was so long, the front did not have it.
    pub(super) not_before: u64,
    /// Once the log is longer than this, the machine may have its receipt.
    pub(super) told_after: u64,
}

/// A line to the front, open as long as this value lives.
pub(super) struct Line {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
    notes: Arc<Mutex<Notes>>,
}

struct Notes {
    log: PathBuf,
    inbox: PathBuf,
    arrivals: BTreeMap<String, Arrival>,
    /// How long the log was when the inbox was listed last.
    last: u64,
    /// Why something could not be noted.
    fault: Option<String>,
}

impl Line {
    /// Opens a line that ends at `front`.
    ///
    /// # Errors
    /// No port is free.
    pub(super) fn open(front: SocketAddr, inbox: PathBuf, log: PathBuf) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("the line to the front")?;
        let address = listener.local_addr()?;
        let notes = Arc::new(Mutex::new(Notes {
            log,
            inbox,
            arrivals: BTreeMap::new(),
            last: 0,
            fault: None,
        }));
        let ended = Arc::new(AtomicBool::new(false));
        let (until, noted) = (Arc::clone(&ended), Arc::clone(&notes));
        let listener = spawn(move || {
            while let Ok((machine, _)) = listener.accept() {
                if until.load(Ordering::SeqCst) {
                    break;
                }
                join(&machine, front, &noted);
            }
        });
        Ok(Self {
            address,
            ended,
            listener: Some(listener),
            notes,
        })
    }

    /// The port on this machine's loopback.
    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// When each batch arrived, by its name in the inbox.
    ///
    /// # Errors
    /// Something could not be noted.
    pub(super) fn arrivals(&self) -> anyhow::Result<BTreeMap<String, Arrival>> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = notes.fault.as_deref().unwrap_or_default();
        ensure!(fault.is_empty(), "an arrival was not noted: {fault}");
        Ok(notes.arrivals.clone())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the listener; it ends with this, or has ended.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// Joins a connection of the machine with one to the front, in threads that end with it.
fn join(machine: &TcpStream, front: SocketAddr, notes: &Arc<Mutex<Notes>>) {
    // A front that does not answer is what the machine sees as well: the connection ends.
    let Ok(front) = TcpStream::connect(front) else {
        return;
    };
    for (from, to) in [(machine, &front), (&front, machine)] {
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
            return;
        };
        let notes = Arc::clone(notes);
        spawn(move || hand_on(from, to, &notes));
    }
}

fn hand_on(mut from: TcpStream, mut to: TcpStream, notes: &Mutex<Notes>) {
    let mut piece = vec![0; PIECE];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        notes.lock().unwrap_or_else(PoisonError::into_inner).look();
        let whole = piece.get(..read).unwrap_or_default();
        if to.write_all(whole).is_err() {
            break;
        }
    }
    // Ended by the other side already, or ended now.
    let _ = to.shutdown(Shutdown::Write);
}

impl Notes {
    /// Notes which batches are new in the inbox.
    fn look(&mut self) {
        if let Err(error) = self.list() {
            self.fault = Some(error.to_string());
        }
    }

    fn list(&mut self) -> std::io::Result<()> {
        let now = fs::metadata(&self.log)?.len();
        for entry in fs::read_dir(&self.inbox)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            self.arrivals.entry(name).or_insert(Arrival {
                not_before: self.last,
                told_after: now,
            });
        }
        self.last = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_arrives_between_the_last_look_without_it_and_the_first_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let (inbox, log) = (folder.path().join("inbox"), folder.path().join("log"));
        fs::create_dir(&inbox).unwrap();
        fs::write(&log, [0; 100]).unwrap();
        // The front answers each piece, after it has stored what it names.
        let front = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = front.local_addr().unwrap();
        let stored = inbox.clone();
        let front = spawn(move || {
            let (mut line, _) = front.accept().unwrap();
            let mut name = [0];
            while line.read(&mut name).unwrap() > 0 {
                fs::write(stored.join(char::from(name[0]).to_string()), "").unwrap();
                line.write_all(&name).unwrap();
            }
        });
        let line = Line::open(address, inbox, log.clone()).unwrap();
        let mut machine = TcpStream::connect(("127.0.0.1", line.port())).unwrap();
        for (name, length) in [(b'a', 200), (b'b', 300)] {
            machine.write_all(&[name]).unwrap();
            machine.read_exact(&mut [0]).unwrap();
            fs::write(&log, vec![0; length]).unwrap();
        }
        drop(machine);
        front.join().unwrap();
        let arrival = |not_before, told_after| Arrival {
            not_before,
            told_after,
        };
        let expected = [
            ("a".to_owned(), arrival(100, 100)),
            ("b".to_owned(), arrival(200, 200)),
        ];
        assert_eq!(line.arrivals().unwrap(), expected.into());
    }
}
