//! The loop: receive, keep, answer, until the signal to stop.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::TryRecvError;
use std::thread::sleep;
use std::time::{Duration, Instant};

use formats::astm::{Counts, Receiver};
use serial::{Line, stop};

use crate::error::InstrumentError;
use crate::folder::Folder;

/// Least time of one turn: a line that floods gets a bounded share of the processor.
const TURN: Duration = Duration::from_millis(20);
/// Most bytes of one turn: what 115,200 bit/s bring in four of them.
const TURN_BYTES: usize = 1_024;
/// How long a line that is gone is left alone.
const OPEN: Duration = Duration::from_secs(1);

/// What the program is told.
pub(crate) struct Settings {
    /// The serial line of the instrument.
    pub(crate) device: PathBuf,
    /// Bits a second.
    pub(crate) rate: u32,
    /// Where messages are kept.
    pub(crate) folder: Folder,
}

/// Receives until SIGTERM or SIGINT, whether the line is there or not.
///
/// # Errors
/// The signal to stop cannot be received. Everything else is reported once and tried again.
pub(crate) fn run(settings: &Settings) -> Result<(), InstrumentError> {
    let stop = stop::signal().map_err(InstrumentError::Signals)?;
    let mut source = Source {
        settings,
        began: Instant::now(),
        receiver: Receiver::new(),
        line: None,
        open_at: Instant::now(),
        missed: false,
        unwritten: false,
        told: Counts::default(),
    };
    while stop.try_recv() == Err(TryRecvError::Empty) {
        source.open();
        if source.exchange().is_err() {
            source.line = None;
        }
        source.tell();
        sleep(TURN);
    }
    Ok(())
}

struct Source<'a> {
    settings: &'a Settings,
    began: Instant,
    receiver: Receiver,
    line: Option<Line>,
    open_at: Instant,
    /// Whether a trouble was reported: once, not with every turn.
    missed: bool,
    unwritten: bool,
    told: Counts,
}

impl Source<'_> {
    /// Opens the line where it is gone.
    fn open(&mut self) {
        let now = Instant::now();
        if self.line.is_some() || now < self.open_at {
            return;
        }
        self.open_at = now + OPEN;
        match Line::open(&self.settings.device, self.settings.rate) {
            Ok(line) => {
                self.line = Some(line);
                self.missed = false;
            }
            Err(error) if !self.missed => {
                self.missed = true;
                InstrumentError::Line(error).print();
            }
            Err(_) => {}
        }
    }

    /// Hears, keeps and answers.
    fn exchange(&mut self) -> io::Result<()> {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.receiver.handle_timeout(now);
        let Some(line) = &mut self.line else {
            return Ok(());
        };
        let mut place = [0; TURN_BYTES];
        for byte in line.read(&mut place)? {
            self.receiver.handle_byte(*byte, now);
            if let Some(message) = self.receiver.message() {
                let kept = self.settings.folder.keep(message);
                self.receiver.handle_kept(kept.is_ok());
                match kept {
                    Ok(()) => self.unwritten = false,
                    Err(error) if !self.unwritten => {
                        self.unwritten = true;
                        InstrumentError::Write(error).print();
                    }
                    Err(_) => {}
                }
            }
            if let Some(answer) = self.receiver.poll_transmit() {
                line.write(&[answer])?;
            }
        }
        Ok(())
    }

    /// Tells of messages that were not taken.
    fn tell(&mut self) {
        let Counts {
            broken_off,
            refused,
            ..
        } = self.receiver.counts();
        if (broken_off, refused) != (self.told.broken_off, self.told.refused) {
            self.told = self.receiver.counts();
            InstrumentError::NotTaken {
                broken_off,
                refused,
            }
            .print();
        }
    }
}
