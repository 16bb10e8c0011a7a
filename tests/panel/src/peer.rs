//! The other end of a serial line, as a pseudo-terminal under a path of its own.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serialport::{SerialPort as _, TTYPort};

/// How long a read waits for the first byte.
const WAIT: Duration = Duration::from_millis(20);

/// The other end. The line is cut when it is dropped; its path stays and leads nowhere.
pub struct Peer {
    master: TTYPort,
}

impl Peer {
    /// Makes a line that a program finds under `link`.
    ///
    /// # Errors
    /// There is no pseudo-terminal, or `link` cannot be made.
    pub fn plug(link: &Path) -> io::Result<Self> {
        let (mut master, end) = TTYPort::pair()?;
        master.set_timeout(WAIT)?;
        let name = end.name().ok_or(io::ErrorKind::NotFound)?;
        match fs::remove_file(link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => symlink(name, link)?,
        }
        // The program's end is the program's: this handle of it is closed here.
        Ok(Self { master })
    }

    /// What came within a moment.
    pub fn read(&mut self) -> Vec<u8> {
        let mut place = vec![0; 4_096];
        match self.master.read(&mut place) {
            Ok(size) => place.truncate(size),
            Err(error) => {
                place.clear();
                // Nobody has opened the other end; a read does not wait for that.
                if error.kind() != io::ErrorKind::TimedOut {
                    sleep(WAIT);
                }
            }
        }
        place
    }

    /// Sends bytes. What nobody takes is lost.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.master.write(bytes);
    }
}
