//! A serial line: opened where it is there, read without waiting for long, written without waiting
//! at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use nix::fcntl::OFlag;
use serialport::TTYPort;

/// How long a reader waits for the first byte.
const WAIT: Duration = Duration::from_millis(50);

/// An open line.
pub struct Line {
    /// Sets the line up and reads.
    port: TTYPort,
    /// Writes. A second handle, because a writer of the first waits without an end where the other
    /// end has stopped reading, and only one that never waits can be kept from it.
    out: File,
}

impl Line {
    /// Opens a line of 8 bits without parity, at so many bits a second.
    ///
    /// # Errors
    /// There is no such line, or it may not be used.
    pub fn open(path: &Path, rate: u32) -> io::Result<Self> {
        let name = path.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        // The mark of exclusive use would outlive a program that was killed on some lines; owner
        // and mode of the line say who may use it.
        let port = serialport::new(name, rate).timeout(WAIT).exclusive(false);
        let port = port.open_native()?;
        let out = OpenOptions::new()
            .write(true)
            .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
            .open(path)?;
        Ok(Self { port, out })
    }

    /// What came, up to the size of `place`; nothing where nothing came for a moment.
    ///
    /// # Errors
    /// The line is gone.
    pub fn read<'b>(&mut self, place: &'b mut [u8]) -> io::Result<&'b [u8]> {
        match self.port.read(place) {
            // A line that was pulled out ends like a file.
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(size) => Ok(place.get(..size).unwrap_or_default()),
            Err(error) if passing(&error) => Ok(&[]),
            Err(error) => Err(error),
        }
    }

    /// Sends what there is room for. What does not fit is lost, as on any line; whoever sent it
    /// sends it again.
    ///
    /// # Errors
    /// The line is gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.out.write(bytes) {
            Ok(_) => Ok(()),
            Err(error) if passing(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

#[cfg(test)]
mod tests {
    use serialport::SerialPort as _;

    use super::*;

    /// P-07: the other end takes nothing and says nothing; neither reader nor writer waits for it.
    #[test]
    fn an_end_that_stalls_holds_nobody_up() {
        let (master, end) = TTYPort::pair().unwrap();
        let mut line = Line::open(Path::new(&end.name().unwrap()), 115_200).unwrap();
        for _ in 0..4_000 {
            line.write(&[0x55; 64]).unwrap();
        }
        assert!(line.read(&mut [0; 64]).unwrap().is_empty());
        drop(master);
        assert!(line.read(&mut [0; 64]).is_err());
        assert!(line.write(&[1]).is_err());
    }
}
