//! The loop: look, show, hear, until the signal to stop.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::TryRecvError;
use std::thread::sleep;
use std::time::{Duration, Instant};

use agent::notify::Manager;
use panel::message::Press;
use panel::shown::{Facts, Page, face};
use panel::{Device, Event};
use serial::{Line, stop};

use crate::error::PanelError;
use crate::facts::{Looker, Places};

/// Bits a second on the line.
const RATE: u32 = 115_200;
/// How often the device is looked at, and a line that is gone is tried.
const LOOK: Duration = Duration::from_secs(1);
/// Least time of one turn: a line that floods gets a bounded share of the processor.
const TURN: Duration = Duration::from_millis(20);
/// Most bytes of one turn.
const TURN_BYTES: usize = 2_048;
/// A page that somebody turned to stays for so long.
const PAGE: Duration = Duration::from_secs(60);
/// The name of the request for a self-test.
const SELF_TEST: &str = "self-test";

/// What the program is told.
pub(crate) struct Settings {
    /// The serial line of the panel.
    pub(crate) device: PathBuf,
    /// Where the facts are found.
    pub(crate) places: Places,
    /// The folder in which a long press leaves its request.
    pub(crate) requests: PathBuf,
}

/// Keeps the panel up to date until SIGTERM or SIGINT, whether it is there or not.
///
/// # Errors
/// The signal to stop cannot be received. Everything else is reported once and tried again.
pub(crate) fn run(settings: Settings) -> Result<(), PanelError> {
    let stop = stop::signal().map_err(PanelError::Signals)?;
    let socket = std::env::var_os("NOTIFY_SOCKET");
    let manager = Manager::at(socket.as_deref()).map_err(PanelError::Signals)?;
    let mut panel = Panel::new(settings);
    manager.ready();
    while stop.try_recv() == Err(TryRecvError::Empty) {
        manager.alive();
        panel.turn();
        sleep(TURN);
    }
    manager.stopping();
    Ok(())
}

struct Panel {
    requests: PathBuf,
    path: PathBuf,
    looker: Looker,
    began: Instant,
    facts: Facts,
    look_at: Instant,
    page: Page,
    page_until: Instant,
    device: Device,
    line: Option<Line>,
    /// Whether it was told that the line cannot be opened: once per trouble, not once per second.
    missed: bool,
}

impl Panel {
    fn new(settings: Settings) -> Self {
        let now = Instant::now();
        Self {
            requests: settings.requests,
            path: settings.device,
            looker: Looker::at(settings.places),
            began: now,
            facts: Facts::default(),
            look_at: now,
            page: Page::default(),
            page_until: now,
            device: Device::new(0),
            line: None,
            missed: false,
        }
    }

    fn turn(&mut self) {
        let now = Instant::now();
        if now >= self.look_at {
            self.look_at = now + LOOK;
            self.facts = self.looker.look(now);
            self.open();
        }
        if now >= self.page_until {
            self.page = Page::default();
        }
        self.device
            .show(face(&self.facts, self.page), self.millis());
        self.device.handle_timeout(self.millis());
        if self.exchange().is_err() {
            self.line = None;
        }
        while let Some(event) = self.device.poll_event() {
            self.handle(event);
        }
    }

    /// Opens the line where it is gone.
    fn open(&mut self) {
        if self.line.is_some() {
            return;
        }
        match Line::open(&self.path, RATE) {
            Ok(line) => {
                self.line = Some(line);
                self.missed = false;
                self.device.handle_open(self.millis());
            }
            Err(error) if !self.missed => {
                self.missed = true;
                PanelError::Line(error).print();
            }
            Err(_) => {}
        }
    }

    /// Sends what is to be sent and hears what came.
    fn exchange(&mut self) -> io::Result<()> {
        let now = self.millis();
        let Some(line) = &mut self.line else {
            return Ok(());
        };
        let mut place = [0; TURN_BYTES];
        for byte in line.read(&mut place)? {
            self.device.handle_byte(*byte, now);
        }
        while let Some(wire) = self.device.poll_transmit(now) {
            line.write(&wire)?;
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Pressed(Press::Short) => {
                self.page = self.page.next();
                self.page_until = Instant::now() + PAGE;
            }
            Event::Pressed(Press::Long) => {
                // The file says everything by being there.
                if let Err(error) = File::create(self.requests.join(SELF_TEST)) {
                    PanelError::Request(error).print();
                }
            }
            Event::Silent => PanelError::Silent.print(),
            Event::Incompatible(reason) => PanelError::Incompatible(reason).print(),
            Event::Back => {}
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
