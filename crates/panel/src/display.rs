//! The panel's end of the line: what the program of the microcontroller does, and the emulator.
//!
//! Time is milliseconds since the panel started.

use heapless::Deque;

use crate::face::{Colour, Face, Light, Line, Rhythm};
use crate::frame::{Damage, Decoder, Frame, Wire};
use crate::message::{FromPanel, Press, Refusal, ToPanel};

/// A device from which no face came for so long does not answer: three of its refreshes.
pub const NO_ANSWER_MS: u64 = 30_000;
/// Between two signs of life.
const ALIVE_MS: u64 = 5_000;
/// A press that is not answered is sent again after this,
const RESEND_MS: u64 = 500;
/// and given up after this: nobody waits longer for what a button does.
const PRESS_MS: u64 = 3_000;
/// Answers that may wait to be sent. Of more, the newest are left out; the device asks again.
const ANSWERS: usize = 4;

/// The panel's end.
#[derive(Debug, Clone)]
pub struct Display {
    decoder: Decoder,
    firmware: [u8; 3],
    /// The face, its number, and when it last came.
    shown: Option<(u8, Face, u64)>,
    answers: Deque<FromPanel, ANSWERS>,
    alive_at: u64,
    /// The number of the last press.
    sequence: u8,
    press: Option<Waiting>,
}

/// A press that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    press: Press,
    at: u64,
    send_at: u64,
}

/// What the panel says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Showing {
    /// What the device told it.
    Face(Face),
    /// That it has heard nothing of the device for [`NO_ANSWER_MS`].
    NoAnswer,
    /// That it has just started.
    Starting,
}

impl Showing {
    /// What stands on the panel.
    #[must_use]
    pub fn face(self) -> Face {
        let (light, lines) = match self {
            Self::Face(face) => return face,
            Self::NoAnswer => (
                Light::Lit(Colour::Red, Rhythm::Fast),
                ["ﾎﾝﾀｲ ｵｳﾄｳﾅｼ", "ﾃﾞﾝﾜ ｼﾃｸﾀﾞｻｲ"],
            ),
            Self::Starting => (Light::Off, ["ｷﾄﾞｳﾁｭｳ", ""]),
        };
        Face {
            lights: [light, Light::Off, Light::Off],
            lines: lines.map(Line::new),
        }
    }
}

impl Display {
    /// A panel that has just started, with the version of its program.
    #[must_use]
    pub const fn new(firmware: [u8; 3]) -> Self {
        Self {
            decoder: Decoder::new(),
            firmware,
            shown: None,
            answers: Deque::new(),
            alive_at: 0,
            sequence: 0,
            press: None,
        }
    }

    /// What it shows.
    #[must_use]
    pub fn showing(&self, now: u64) -> Showing {
        let heard_at = self.shown.map_or(0, |(_, _, at)| at);
        let heard = now.saturating_sub(heard_at) < NO_ANSWER_MS;
        match self.shown {
            Some((_, face, _)) if heard => Showing::Face(face),
            None if heard => Showing::Starting,
            _ => Showing::NoAnswer,
        }
    }

    /// The button was pressed. A press that still waits is given up for it.
    pub fn press(&mut self, press: Press, now: u64) {
        self.sequence = self.sequence.wrapping_add(1);
        self.press = Some(Waiting {
            press,
            at: now,
            send_at: now,
        });
    }

    /// Takes one byte of the line.
    pub fn handle_byte(&mut self, byte: u8, now: u64) {
        match self.decoder.push(byte) {
            Some(Ok(frame)) => self.handle_frame(&frame, now),
            Some(Err(Damage::Version { sequence, .. })) => self.answer(FromPanel::Refused {
                sequence,
                reason: Refusal::Version,
            }),
            None | Some(Err(_)) => {}
        }
    }

    fn handle_frame(&mut self, frame: &Frame, now: u64) {
        match ToPanel::read(frame) {
            Ok(ToPanel::Face { sequence, face }) => {
                self.shown = Some((sequence, face, now));
                self.answer(FromPanel::Taken { sequence });
            }
            Ok(ToPanel::Heard { sequence }) => {
                if sequence == self.sequence {
                    self.press = None;
                }
            }
            // Our own voice from a line that echoes is not answered, or it would never end.
            Err(_) if frame.kind & 0x80 != 0 => {}
            Err(reason) => self.answer(FromPanel::Refused {
                sequence: frame.sequence,
                reason,
            }),
        }
    }

    fn answer(&mut self, answer: FromPanel) {
        let _ = self.answers.push_back(answer);
    }

    /// The bytes to send now, until there are none.
    pub fn poll_transmit(&mut self, now: u64) -> Option<Wire> {
        let message = self.answers.pop_front();
        let message = message.or_else(|| self.pressed(now));
        let message = message.or_else(|| self.alive(now))?;
        Some(message.to_frame().to_wire())
    }

    fn pressed(&mut self, now: u64) -> Option<FromPanel> {
        let waiting = self.press.as_mut()?;
        if now.saturating_sub(waiting.at) >= PRESS_MS {
            self.press = None;
            return None;
        }
        if now < waiting.send_at {
            return None;
        }
        waiting.send_at = now.saturating_add(RESEND_MS);
        Some(FromPanel::Pressed {
            sequence: self.sequence,
            press: waiting.press,
            // It wraps after 49 days, which is far from any press that is still remembered.
            at: u32::try_from(waiting.at & u64::from(u32::MAX)).unwrap_or_default(),
        })
    }

    fn alive(&mut self, now: u64) -> Option<FromPanel> {
        if now < self.alive_at {
            return None;
        }
        self.alive_at = now.saturating_add(ALIVE_MS);
        Some(FromPanel::Alive {
            shown: self.shown.map_or(0, |(sequence, _, _)| sequence),
            firmware: self.firmware,
        })
    }

    /// When to look again, if nothing comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> u64 {
        let press = self.press.map_or(u64::MAX, |waiting| waiting.send_at);
        self.alive_at.min(press)
    }
}
