//! The device's end of the line. It keeps the panel showing the newest face, hears the button, and
//! notices a panel that is silent.
//!
//! Time is milliseconds of a clock that never goes back, given by whoever owns the line.

use heapless::Deque;

use crate::face::Face;
use crate::frame::{Damage, Decoder, Frame, Wire};
use crate::message::{FromPanel, Press, Refusal, ToPanel};

/// A panel from which nothing came for so long is silent: three of its signs of life.
pub const SILENT_MS: u64 = 15_000;
/// A face that is not answered is sent again after this.
const RESEND_MS: u64 = 500;
/// The same towards a panel that is silent, so that an absent one costs nothing.
const RESEND_SILENT_MS: u64 = 5_000;
/// A face that is shown is sent again after this: the panel hears that the device lives.
const REFRESH_MS: u64 = 10_000;
/// Presses that may wait to be taken.
const EVENTS: usize = 8;

/// What happened at the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The panel speaks again.
    Back,
    /// The panel does not understand us, or we do not understand it.
    Incompatible(Refusal),
    /// The button was pressed.
    Pressed(Press),
    /// Nothing came from the panel for [`SILENT_MS`].
    Silent,
}

/// The device's end.
#[derive(Debug, Clone)]
pub struct Device {
    decoder: Decoder,
    face: Option<Face>,
    /// The number of the face; 0 before the first.
    sequence: u8,
    confirmed: bool,
    send_at: u64,
    /// A press that waits for its answer.
    answer: Option<u8>,
    /// The last press: its number and its moment.
    handled: Option<(u8, u32)>,
    heard_at: u64,
    silent: bool,
    incompatible: bool,
    events: Deque<Event, EVENTS>,
}

impl Device {
    /// The end of a line that was opened now.
    #[must_use]
    pub const fn new(now: u64) -> Self {
        Self {
            decoder: Decoder::new(),
            face: None,
            sequence: 0,
            confirmed: false,
            send_at: now,
            answer: None,
            handled: None,
            heard_at: now,
            silent: false,
            incompatible: false,
            events: Deque::new(),
        }
    }

    /// Shows a face from now on. One that still waits for its answer is given up: only the newest
    /// counts.
    pub fn show(&mut self, face: Face, now: u64) {
        if self.face == Some(face) {
            return;
        }
        self.face = Some(face);
        // 0 says "none" in a sign of life.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        self.confirmed = false;
        self.send_at = now;
    }

    /// Whether the panel has said that it shows the newest face.
    #[must_use]
    pub const fn is_showing(&self) -> bool {
        self.confirmed
    }

    /// The line was opened again after it was gone.
    pub fn handle_open(&mut self, now: u64) {
        self.decoder = Decoder::new();
        self.confirmed = false;
        self.send_at = now;
        self.answer = None;
        self.incompatible = false;
    }

    /// Takes one byte of the line.
    pub fn handle_byte(&mut self, byte: u8, now: u64) {
        match self.decoder.push(byte) {
            None => {}
            Some(Ok(frame)) => self.handle_frame(&frame, now),
            Some(Err(Damage::Version { .. })) => {
                self.hear(now);
                self.misunderstand(Refusal::Version);
            }
            // What was damaged is sent again by whoever sent it.
            Some(Err(_)) => {}
        }
    }

    fn handle_frame(&mut self, frame: &Frame, now: u64) {
        // What no panel says is noise, a newer panel, or our own voice from a line that echoes.
        let Ok(message) = FromPanel::read(frame) else {
            return;
        };
        self.hear(now);
        match message {
            FromPanel::Taken { sequence } if sequence == self.sequence => {
                self.confirmed = true;
                self.send_at = now.saturating_add(REFRESH_MS);
            }
            FromPanel::Refused { sequence, reason } if sequence == self.sequence => {
                self.send_at = now.saturating_add(REFRESH_MS);
                self.misunderstand(reason);
            }
            // The answer to a face that is no longer the newest.
            FromPanel::Taken { .. } | FromPanel::Refused { .. } => {}
            FromPanel::Pressed {
                sequence,
                press,
                at,
            } => self.handle_press(sequence, press, at),
            FromPanel::Alive { shown, .. } => {
                // It was restarted. A number that fits proves nothing: it may be of an earlier run.
                if self.confirmed && shown != self.sequence {
                    self.confirmed = false;
                    self.send_at = now;
                }
            }
        }
    }

    fn handle_press(&mut self, sequence: u8, press: Press, at: u32) {
        let again = self.handled == Some((sequence, at));
        // A press that cannot be kept is not answered, so it comes again.
        if again || self.events.push_back(Event::Pressed(press)).is_ok() {
            self.handled = Some((sequence, at));
            self.answer = Some(sequence);
        }
    }

    fn hear(&mut self, now: u64) {
        self.heard_at = now;
        if core::mem::take(&mut self.silent) {
            self.tell(Event::Back);
            self.send_at = self.send_at.min(now);
        }
    }

    /// Tells once for each opening of the line.
    fn misunderstand(&mut self, reason: Refusal) {
        if !core::mem::replace(&mut self.incompatible, true) {
            self.tell(Event::Incompatible(reason));
        }
    }

    /// Of events that nobody takes, the oldest is dropped: the newest says how the panel is now.
    fn tell(&mut self, event: Event) {
        if self.events.is_full() {
            self.events.pop_front();
        }
        let _ = self.events.push_back(event);
    }

    /// Looks whether the panel has become silent.
    pub fn handle_timeout(&mut self, now: u64) {
        if !self.silent && now.saturating_sub(self.heard_at) >= SILENT_MS {
            self.silent = true;
            self.confirmed = false;
            self.tell(Event::Silent);
        }
    }

    /// The bytes to send now, until there are none.
    pub fn poll_transmit(&mut self, now: u64) -> Option<Wire> {
        if let Some(sequence) = self.answer.take() {
            return Some(ToPanel::Heard { sequence }.to_frame().to_wire());
        }
        let face = self.face?;
        if now < self.send_at {
            return None;
        }
        let pause = match (self.confirmed, self.silent) {
            (_, true) => RESEND_SILENT_MS,
            (true, _) => REFRESH_MS,
            (false, _) => RESEND_MS,
        };
        self.send_at = now.saturating_add(pause);
        let sequence = self.sequence;
        Some(ToPanel::Face { sequence, face }.to_frame().to_wire())
    }

    /// When to look again, if nothing comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> u64 {
        let silent = match self.silent {
            true => u64::MAX,
            false => self.heard_at.saturating_add(SILENT_MS),
        };
        self.face.map_or(silent, |_| silent.min(self.send_at))
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
