//! When to ask, what to make of the answers, and when the device has to stop.
//!
//! Time is milliseconds of a clock that never goes back, given by whoever owns the line.

use crate::answer::{Answer, Reader};

/// The question.
const QUESTION: &[u8] = b"Q1\r";
/// Switch the output off in two minutes, and on again a minute after the mains are back: without
/// it a device that has stopped stays off when the mains come back before the battery is empty.
const SWITCH_OFF: &[u8] = b"S02R0001\r";
/// Between two questions; an answer takes a fifth of a second on the line.
const ASK_MS: u64 = 2_000;
/// A supply that left so many questions unanswered is silent.
const MISSED_MAX: u8 = 5;
/// So many answers have to agree before anything is made of them: the protocol has no checksum.
const AGREEING: u8 = 2;

/// How long the device may run on the battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Milliseconds after which it stops although the battery is not said to be low.
    pub battery_ms: u64,
}

/// From where the power comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// The battery.
    Battery,
    /// The mains.
    Mains,
}

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// From where the power comes, as far as it was ever told.
    pub power: Option<Power>,
    /// The supply does not answer.
    pub silent: bool,
    /// The device has to stop now. Once it does, it stays so: the supply was told to switch off.
    pub stop: bool,
}

/// Asks a supply and judges its answers.
#[derive(Debug, Clone)]
pub struct Watch {
    limits: Limits,
    reader: Reader,
    standing: Standing,
    ask_at: u64,
    /// Whether the last question waits for its answer.
    asked: bool,
    missed: u8,
    /// What the last answers agreed on, and how many they were.
    agreed: Option<(bool, u8)>,
    low: u8,
    battery_since: u64,
    /// The supply has said that it will switch off.
    switching_off: bool,
    /// The next line is the command instead of the question.
    command: bool,
}

impl Watch {
    /// Of a line that was opened now.
    #[must_use]
    pub const fn new(limits: Limits, now: u64) -> Self {
        Self {
            limits,
            reader: Reader::new(),
            standing: Standing {
                power: None,
                silent: false,
                stop: false,
            },
            ask_at: now,
            asked: false,
            missed: 0,
            agreed: None,
            low: 0,
            battery_since: now,
            switching_off: false,
            command: false,
        }
    }

    /// How things stand.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Takes one byte of the line.
    pub fn handle_byte(&mut self, byte: u8, now: u64) {
        // What is no answer is as good as none.
        if let Some(Ok(answer)) = self.reader.push(byte)
            && core::mem::take(&mut self.asked)
        {
            self.handle_answer(answer, now);
        }
    }

    fn handle_answer(&mut self, answer: Answer, now: u64) {
        self.missed = 0;
        self.standing.silent = false;
        self.switching_off = answer.switching_off;
        let count = match self.agreed {
            Some((same, count)) if same == answer.on_battery => count.saturating_add(1),
            _ => 1,
        };
        self.agreed = Some((answer.on_battery, count));
        if count == AGREEING {
            self.standing.power = Some(match answer.on_battery {
                true => Power::Battery,
                false => Power::Mains,
            });
            self.battery_since = now;
        }
        self.low = match answer.on_battery && answer.low {
            true => self.low.saturating_add(1),
            false => 0,
        };
        self.standing.stop |= self.low >= AGREEING;
    }

    /// Looks whether a limit has passed.
    pub fn handle_timeout(&mut self, now: u64) {
        if self.standing.power == Some(Power::Battery) {
            let on_battery = now.saturating_sub(self.battery_since);
            // A supply that was on its battery and is gone has most likely given up.
            self.standing.stop |= self.standing.silent || on_battery >= self.limits.battery_ms;
        }
    }

    /// The bytes to send now, until there are none.
    pub fn poll_transmit(&mut self, now: u64) -> Option<&'static [u8]> {
        if now < self.ask_at {
            return None;
        }
        self.ask_at = now.saturating_add(ASK_MS);
        if self.standing.stop && !self.switching_off && !core::mem::replace(&mut self.command, true)
        {
            return Some(SWITCH_OFF);
        }
        self.command = false;
        if core::mem::replace(&mut self.asked, true) {
            self.missed = self.missed.saturating_add(1);
            self.standing.silent |= self.missed >= MISSED_MAX;
        }
        Some(QUESTION)
    }

    /// When to look again, if nothing comes before.
    #[must_use]
    pub const fn poll_timeout(&self) -> u64 {
        self.ask_at
    }
}
