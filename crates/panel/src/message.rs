//! What the frames say.

use thiserror::Error;

use crate::face::Face;
use crate::frame::Frame;

const FACE: u8 = 0x01;
const HEARD: u8 = 0x02;
const TAKEN: u8 = 0x81;
const REFUSED: u8 = 0x82;
const PRESSED: u8 = 0x83;
const ALIVE: u8 = 0x84;

/// What the device tells the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToPanel {
    /// Show this. Answered by [`FromPanel::Taken`] or [`FromPanel::Refused`] of the same number.
    Face {
        /// Its number.
        sequence: u8,
        /// What to show.
        face: Face,
    },
    /// A press arrived.
    Heard {
        /// The number of the press.
        sequence: u8,
    },
}

/// What the panel tells the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromPanel {
    /// A face is shown.
    Taken {
        /// The number of the face.
        sequence: u8,
    },
    /// A frame was whole and is not understood.
    Refused {
        /// The number of the frame.
        sequence: u8,
        /// Why.
        reason: Refusal,
    },
    /// The button was pressed. Answered by [`ToPanel::Heard`] of the same number.
    Pressed {
        /// Its number.
        sequence: u8,
        /// How long.
        press: Press,
        /// When, in milliseconds since the panel started. With the number it tells a press that
        /// came twice from one after a restart of the panel.
        at: u32,
    },
    /// The panel works.
    Alive {
        /// The number of the face that it shows; 0 for none.
        shown: u8,
        /// The version of its program.
        firmware: [u8; 3],
    },
}

/// How long the button was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// Less than three seconds.
    Short,
    /// Three seconds and more.
    Long,
}

/// Why a whole frame is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Another version of the protocol.
    #[error("another version of the protocol")]
    Version,
    /// No such message.
    #[error("no such message")]
    Type,
    /// The payload is no content of this message.
    #[error("the payload is no content of this message")]
    Content,
}

impl ToPanel {
    /// The frame.
    #[must_use]
    pub fn to_frame(self) -> Frame {
        match self {
            Self::Face { sequence, face } => Frame::with(FACE, sequence, &face.to_bytes()),
            Self::Heard { sequence } => Frame::empty(HEARD, sequence),
        }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn read(frame: &Frame) -> Result<Self, Refusal> {
        let sequence = frame.sequence;
        match (frame.kind, frame.payload.as_slice()) {
            (FACE, payload) if payload.len() == Face::BYTES => Face::read(payload)
                .map(|face| Self::Face { sequence, face })
                .ok_or(Refusal::Content),
            (HEARD, []) => Ok(Self::Heard { sequence }),
            (FACE | HEARD, _) => Err(Refusal::Content),
            _ => Err(Refusal::Type),
        }
    }
}

impl FromPanel {
    /// The frame.
    #[must_use]
    pub fn to_frame(self) -> Frame {
        match self {
            Self::Taken { sequence } => Frame::empty(TAKEN, sequence),
            Self::Refused { sequence, reason } => {
                let reason = match reason {
                    Refusal::Version => 1,
                    Refusal::Type => 2,
                    Refusal::Content => 3,
                };
                Frame::with(REFUSED, sequence, &[reason])
            }
            Self::Pressed {
                sequence,
                press,
                at,
            } => {
                let press = match press {
                    Press::Short => 1,
                    Press::Long => 2,
                };
                let [a, b, c, d] = at.to_be_bytes();
                Frame::with(PRESSED, sequence, &[press, a, b, c, d])
            }
            Self::Alive { shown, firmware } => {
                let [major, minor, patch] = firmware;
                Frame::with(ALIVE, 0, &[shown, major, minor, patch])
            }
        }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn read(frame: &Frame) -> Result<Self, Refusal> {
        let sequence = frame.sequence;
        match (frame.kind, frame.payload.as_slice()) {
            (TAKEN, []) => Ok(Self::Taken { sequence }),
            (REFUSED, [reason]) => {
                let reason = match reason {
                    1 => Refusal::Version,
                    2 => Refusal::Type,
                    3 => Refusal::Content,
                    _ => return Err(Refusal::Content),
                };
                Ok(Self::Refused { sequence, reason })
            }
            (PRESSED, [press, a, b, c, d]) => {
                let press = match press {
                    1 => Press::Short,
                    2 => Press::Long,
                    _ => return Err(Refusal::Content),
                };
                let at = u32::from_be_bytes([*a, *b, *c, *d]);
                Ok(Self::Pressed {
                    sequence,
                    press,
                    at,
                })
            }
            (ALIVE, [shown, major, minor, patch]) if sequence == 0 => Ok(Self::Alive {
                shown: *shown,
                firmware: [*major, *minor, *patch],
            }),
            (TAKEN | REFUSED | PRESSED | ALIVE, _) => Err(Refusal::Content),
            _ => Err(Refusal::Type),
        }
    }
}
