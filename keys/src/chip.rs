//! The TPM itself: a device of the kernel, whose resource manager gives up what a process that ends
//! has loaded; in tests a socket.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use keys::{KeyError, Kind};
use tpm::{ANSWER_MAX, Answer, Handle, WrappedKey};

/// A key of P-256 takes a slow TPM a few seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a TPM that is busy is asked again, and how long is waited.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

trait Line: Read + Write {}
impl<T: Read + Write> Line for T {}

/// An open TPM with the owner's storage key.
pub(crate) struct Chip {
    line: Box<dyn Line>,
    parent: Handle,
}

impl Chip {
    /// Opens it and makes the storage key, from which it derives the same one each time.
    pub(crate) fn open(path: &Path) -> Result<Self, KeyError> {
        let line = connect(path).map_err(|_| KeyError::new(Kind::Away))?;
        let mut chip = Self {
            line,
            parent: Handle::NONE,
        };
        chip.parent = chip.ask(&tpm::create_primary(), |answer| answer.handle())?;
        Ok(chip)
    }

    /// A new key.
    pub(crate) fn make(&mut self) -> Result<WrappedKey, KeyError> {
        let parent = self.parent;
        self.ask(&tpm::create(parent), |answer| answer.key())
    }

    /// A signature over a SHA-256 digest.
    pub(crate) fn sign(
        &mut self,
        key: &WrappedKey,
        digest: &[u8; 32],
    ) -> Result<Vec<u8>, KeyError> {
        let loaded = self.load(key)?;
        let signed = self.ask(&tpm::sign(loaded, digest), |answer| answer.signature());
        self.give_up(loaded);
        signed
    }

    /// Whether it takes a key for one of its own.
    pub(crate) fn has(&mut self, key: &WrappedKey) -> Result<(), KeyError> {
        let loaded = self.load(key)?;
        self.give_up(loaded);
        Ok(())
    }

    fn load(&mut self, key: &WrappedKey) -> Result<Handle, KeyError> {
        let parent = self.parent;
        let loaded = self.ask(&tpm::load(parent, key), |answer| answer.handle());
        loaded.map_err(|error| match error.kind {
            Kind::Refused if tpm::is_about_a_parameter(error.tpm) => KeyError {
                kind: Kind::Foreign,
                ..error
            },
            _ => error,
        })
    }

    fn ask<T>(
        &mut self,
        command: &[u8],
        read: impl Fn(&Answer<'_>) -> Result<T, tpm::Malformed>,
    ) -> Result<T, KeyError> {
        let silent = KeyError::new(Kind::Silent);
        for _ in 0..TRIES {
            let bytes = exchange(&mut self.line, command).map_err(|_| silent)?;
            let answer = Answer::read(&bytes).map_err(|_| silent)?;
            match answer.code() {
                0 => return read(&answer).map_err(|_| silent),
                code if tpm::is_busy(code) => std::thread::sleep(PAUSE),
                tpm => {
                    let kind = Kind::Refused;
                    return Err(KeyError { kind, tpm });
                }
            }
        }
        Err(silent)
    }

    fn give_up(&mut self, loaded: Handle) {
        // What stays loaded is the resource manager's to give up.
        let _ = exchange(&mut self.line, &tpm::flush(loaded));
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        if self.parent != Handle::NONE {
            self.give_up(self.parent);
        }
    }
}

fn connect(path: &Path) -> io::Result<Box<dyn Line>> {
    if fs::metadata(path)?.file_type().is_socket() {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        return Ok(Box::new(stream));
    }
    Ok(Box::new(File::options().read(true).write(true).open(path)?))
}

/// Gives one command and takes the whole answer. The device of the kernel takes a command by one
/// write, and gives an answer by one read.
fn exchange(line: &mut Box<dyn Line>, command: &[u8]) -> io::Result<Vec<u8>> {
    line.write_all(command)?;
    let mut buffer = [0; ANSWER_MAX];
    let mut filled = 0;
    loop {
        let rest = buffer.get_mut(filled..).unwrap_or_default();
        let more = line.read(rest)?;
        if more == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += more;
        let begun = buffer.get(..filled).unwrap_or_default();
        match tpm::size_of(begun).map_err(io::Error::other)? {
            Some(size) if size <= filled => return Ok(begun.to_vec()),
            _ => {}
        }
    }
}
