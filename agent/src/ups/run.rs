//! The loop: ask, judge, tell, until the signal to stop.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::TryRecvError;
use std::thread::sleep;
use std::time::{Duration, Instant};

use agent::notify::Manager;
use panel::shown::Notice;
use serial::{Line, stop};
use ups::{Limits, Power, Standing, Watch};

use crate::error::UpsError;

/// Bits a second on the line.
const RATE: u32 = 2_400;
/// Least time of one turn: a line that floods gets a bounded share of the processor.
const TURN: Duration = Duration::from_millis(50);
/// Most bytes of one turn.
const TURN_BYTES: usize = 1_024;
/// How often a line that is gone is tried.
const OPEN: Duration = Duration::from_secs(1);
/// The name of the request; `sekisho-stop.path` waits for it.
const STOP: &str = "stop";

/// What the program is told.
pub(crate) struct Settings {
    /// The serial line of the supply.
    pub(crate) device: PathBuf,
    /// The folder of notices.
    pub(crate) notices: PathBuf,
    /// The folder of the request to stop.
    pub(crate) requests: PathBuf,
    /// Most minutes on the battery.
    pub(crate) minutes: u64,
}

/// Watches the supply until SIGTERM or SIGINT, whether it is there or not.
///
/// # Errors
/// The signal to stop cannot be received. Everything else is reported once and tried again.
pub(crate) fn run(settings: Settings) -> Result<(), UpsError> {
    let stop = stop::signal().map_err(UpsError::Signals)?;
    let socket = std::env::var_os("NOTIFY_SOCKET");
    let manager = Manager::at(socket.as_deref()).map_err(UpsError::Signals)?;
    let mut supply = Supply::new(settings);
    manager.ready();
    while stop.try_recv() == Err(TryRecvError::Empty) {
        manager.alive();
        supply.turn();
        sleep(TURN);
    }
    manager.stopping();
    Ok(())
}

struct Supply {
    settings: Settings,
    began: Instant,
    watch: Watch,
    /// What was told of it last.
    told: Option<Standing>,
    line: Option<Line>,
    open_at: Instant,
    /// Whether the trouble was reported: once, not once per second.
    missed: bool,
    unwritten: bool,
}

impl Supply {
    fn new(settings: Settings) -> Self {
        let limits = Limits {
            battery_ms: settings.minutes.saturating_mul(60_000),
        };
        Self {
            settings,
            began: Instant::now(),
            watch: Watch::new(limits, 0),
            told: None,
            line: None,
            open_at: Instant::now(),
            missed: false,
            unwritten: false,
        }
    }

    fn turn(&mut self) {
        self.open();
        if self.exchange().is_err() {
            self.line = None;
        }
        self.watch.handle_timeout(self.millis());
        let standing = self.watch.standing();
        if self.told == Some(standing) {
            return;
        }
        match self.tell(standing) {
            Ok(()) => {
                report(self.told, standing);
                self.told = Some(standing);
                self.unwritten = false;
            }
            // Tried again with every turn.
            Err(error) if !self.unwritten => {
                self.unwritten = true;
                UpsError::Write(error).print();
            }
            Err(_) => {}
        }
    }

    /// Opens the line where it is gone.
    fn open(&mut self) {
        let now = Instant::now();
        if self.line.is_some() || now < self.open_at {
            return;
        }
        self.open_at = now + OPEN;
        match Line::open(&self.settings.device, RATE) {
            Ok(line) => {
                self.line = Some(line);
                self.missed = false;
            }
            Err(error) if !self.missed => {
                self.missed = true;
                UpsError::Line(error).print();
            }
            Err(_) => {}
        }
    }

    /// Asks and hears. Without a line the question is lost, and its answer missed.
    fn exchange(&mut self) -> io::Result<()> {
        let now = self.millis();
        let mut place = [0; TURN_BYTES];
        if let Some(line) = &mut self.line {
            for byte in line.read(&mut place)? {
                self.watch.handle_byte(*byte, now);
            }
        }
        while let Some(bytes) = self.watch.poll_transmit(now) {
            if let Some(line) = &mut self.line {
                line.write(bytes)?;
            }
        }
        Ok(())
    }

    /// The request first: it must not fail for want of a notice.
    fn tell(&self, standing: Standing) -> io::Result<()> {
        if standing.stop {
            File::create(self.settings.requests.join(STOP))?;
        }
        let on_battery = standing.power == Some(Power::Battery);
        for (notice, holds) in [
            (Notice::BatteryLow, standing.stop),
            (Notice::OnBattery, on_battery),
            (Notice::UpsSilent, standing.silent),
        ] {
            put(&self.settings.notices.join(notice.word()), holds)?;
        }
        Ok(())
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The file says everything by being there.
fn put(path: &Path, holds: bool) -> io::Result<()> {
    if holds {
        return File::create(path).map(drop);
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reports what has begun since.
fn report(before: Option<Standing>, now: Standing) {
    let began = |holds: fn(&Standing) -> bool| holds(&now) && !before.as_ref().is_some_and(holds);
    for (holds, error) in [
        (began(|it| it.silent), UpsError::Silent),
        (
            began(|it| it.power == Some(Power::Battery)),
            UpsError::OnBattery,
        ),
        (began(|it| it.stop), UpsError::Stopping),
    ] {
        if holds {
            error.print();
        }
    }
}
