//! A front panel without the hardware: the panel's end of the protocol on a pseudo-terminal, and a
//! picture of what stands on it.

mod peer;
mod picture;

pub use peer::Peer;
pub use picture::{svg, text};

use std::io;
use std::path::Path;
use std::time::Instant;

use panel::message::Press;
use panel::{Display, Showing};

/// The version that the emulator gives as that of its program.
const FIRMWARE: [u8; 3] = [1, 0, 0];

/// An emulated panel.
pub struct Emulator {
    peer: Peer,
    display: Display,
    began: Instant,
}

impl Emulator {
    /// Plugs a panel in: `link` is the path by which a program finds it.
    ///
    /// # Errors
    /// There is no pseudo-terminal, or `link` cannot be made.
    pub fn plug(link: &Path) -> io::Result<Self> {
        Ok(Self {
            peer: Peer::plug(link)?,
            display: Display::new(FIRMWARE),
            began: Instant::now(),
        })
    }

    /// Hears and answers for a moment.
    pub fn turn(&mut self) {
        let bytes = self.peer.read();
        let now = self.millis();
        for byte in bytes {
            self.display.handle_byte(byte, now);
        }
        while let Some(wire) = self.display.poll_transmit(now) {
            self.peer.write(&wire);
        }
    }

    /// Sends bytes that no panel means: what a bad line does.
    pub fn noise(&mut self, bytes: &[u8]) {
        self.peer.write(bytes);
    }

    /// Presses the button.
    pub fn press(&mut self, press: Press) {
        let now = self.millis();
        self.display.press(press, now);
    }

    /// What it shows.
    #[must_use]
    pub fn showing(&self) -> Showing {
        self.display.showing(self.millis())
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
