//! The line of a laboratory instrument or a receipt computer: ASTM E1381 (CLSI LIS01), the
//! receiver's side.
//!
//! The sender asks to begin (`ENQ`), sends frames that are answered one by one, and ends (`EOT`). A
//! frame is `STX`, a digit, text, `ETX` or `ETB`, two hexadecimal digits of a sum, `CR`, `LF`. The
//! text of all frames is records, each ended by `CR`; a message goes from its record `H` to its
//! record `L`.
//!
//! The frame that ends a message is answered only when whoever owns the line says that the message
//! is kept ([`Receiver::handle_kept`]). A sender whose frame is not answered sends it again, so
//! nothing is lost between the line and the disk.
//!
//! Time is milliseconds of a clock that never goes back. What a message holds is not looked at.

/// Most bytes of a frame's text: instruments of LIS01-A2 send up to 64,000 in one frame.
pub const TEXT_MAX: usize = 64_000;
/// Most bytes of a message.
pub const MESSAGE_MAX: usize = 1 << 20;
/// Within a session, the sender says something at least this often.
pub const SILENCE_MS: u64 = 30_000;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const EOT: u8 = 0x04;
const ENQ: u8 = 0x05;
const ACK: u8 = 0x06;
const LF: u8 = 0x0A;
const CR: u8 = 0x0D;
const NAK: u8 = 0x15;
const ETB: u8 = 0x17;
/// Digit, end mark, two digits of the sum.
const AROUND: usize = 4;

/// What was not taken, since the line was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that were damaged or out of their turn; the sender repeats them.
    pub frames: u64,
    /// Messages that were broken off; they are dropped.
    pub broken_off: u64,
    /// Messages that do not begin with `H`, or are beyond [`MESSAGE_MAX`]; they are refused.
    pub refused: u64,
}

/// Receives messages. It holds what they hold, so it has no form for printing.
#[derive(Clone)]
pub struct Receiver {
    session: Session,
    /// The number that the next frame has.
    next: u8,
    /// Text of the message that is being received.
    text: Vec<u8>,
    /// How much of it there was before the last frame.
    before: usize,
    /// The message cannot be taken; its frames are refused until the sender gives up.
    refused: bool,
    answer: Option<u8>,
    heard_at: u64,
    counts: Counts,
}

#[derive(Clone, PartialEq, Eq)]
enum Session {
    /// Nobody sends.
    Idle,
    /// Between two frames.
    Open,
    /// Within a frame: what came since its `STX`.
    Frame(Vec<u8>),
    /// A message is whole and not yet kept.
    Whole,
}

/// One frame whose sum fits.
struct Frame<'a> {
    number: u8,
    text: &'a [u8],
    last: bool,
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Receiver {
    /// At the begin of a line.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            session: Session::Idle,
            next: 1,
            text: Vec::new(),
            before: 0,
            refused: false,
            answer: None,
            heard_at: 0,
            counts: Counts {
                frames: 0,
                broken_off: 0,
                refused: 0,
            },
        }
    }

    /// What was not taken.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes one byte of the line. While a message waits to be kept, bytes are passed over: the
    /// sender waits for its answer.
    pub fn handle_byte(&mut self, byte: u8, now: u64) {
        self.heard_at = now;
        match (&mut self.session, byte) {
            (Session::Whole, _) => {}
            // The sender begins, or begins anew because it lost our answer.
            (_, ENQ) => {
                self.drop_message();
                self.next = 1;
                self.session = Session::Open;
                self.answer = Some(ACK);
            }
            (Session::Open | Session::Frame(_), EOT) => {
                self.drop_message();
                self.session = Session::Idle;
            }
            // A frame within a frame: the end of the first was lost.
            (Session::Open | Session::Frame(_), STX) => self.session = Session::Frame(Vec::new()),
            (Session::Frame(frame), byte) => {
                frame.push(byte);
                self.handle_frame();
            }
            (Session::Idle | Session::Open, _) => {}
        }
    }

    /// Looks whether the frame is at its end.
    fn handle_frame(&mut self) {
        let Session::Frame(frame) = &mut self.session else {
            return;
        };
        let ended = match frame.as_slice() {
            [.., ETX | ETB, _, _, CR] => true,
            // No text holds these; the sum that follows would be of another frame.
            [.., LF] => true,
            frame => frame.len() > TEXT_MAX + AROUND,
        };
        if !ended {
            return;
        }
        let frame = core::mem::take(frame);
        self.session = Session::Open;
        match Frame::read(&frame) {
            Some(frame) if frame.number == self.next => self.take(&frame),
            // Our answer to the frame before was lost; its text is here already.
            Some(frame) if (frame.number + 1) % 8 == self.next => self.answer = Some(ACK),
            _ => {
                self.counts.frames += 1;
                self.answer = Some(NAK);
            }
        }
    }

    fn take(&mut self, frame: &Frame<'_>) {
        self.before = self.text.len();
        self.text.extend_from_slice(frame.text);
        let right = self.text.first() == Some(&b'H') && self.text.len() <= MESSAGE_MAX;
        if self.refused || !right {
            self.counts.refused += u64::from(!self.refused);
            self.forget();
            self.refused = true;
            self.answer = Some(NAK);
            return;
        }
        if frame.last && self.is_whole() {
            self.session = Session::Whole;
            return;
        }
        self.next = (self.next + 1) % 8;
        self.answer = Some(ACK);
    }

    /// Whether the text goes from `H` to the end of a record `L`.
    fn is_whole(&self) -> bool {
        let Some((&CR, records)) = self.text.split_last() else {
            return false;
        };
        let last = records.rsplit(|byte| *byte == CR).next();
        last.and_then(<[u8]>::first) == Some(&b'L')
    }

    /// A message that is whole and has to be kept now.
    #[must_use]
    pub fn message(&self) -> Option<&[u8]> {
        (self.session == Session::Whole).then_some(self.text.as_slice())
    }

    /// The message is kept, or could not be. The sender is answered accordingly, and repeats what
    /// could not be kept.
    pub fn handle_kept(&mut self, kept: bool) {
        if self.session != Session::Whole {
            return;
        }
        self.session = Session::Open;
        if kept {
            self.next = (self.next + 1) % 8;
            self.answer = Some(ACK);
            self.forget();
        } else {
            self.answer = Some(NAK);
            self.text.truncate(self.before);
        }
    }

    /// Ends a session whose sender says nothing any more.
    pub fn handle_timeout(&mut self, now: u64) {
        let silent = now.saturating_sub(self.heard_at) >= SILENCE_MS;
        if silent && matches!(self.session, Session::Open | Session::Frame(_)) {
            self.drop_message();
            self.session = Session::Idle;
        }
    }

    /// The byte to send now.
    pub fn poll_transmit(&mut self) -> Option<u8> {
        self.answer.take()
    }

    fn drop_message(&mut self) {
        if !self.text.is_empty() {
            self.counts.broken_off += 1;
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.text.clear();
        self.refused = false;
    }
}

impl<'a> Frame<'a> {
    /// `None` where the form or the sum is wrong.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (content, [high, low, CR]) = bytes.split_last_chunk()? else {
            return None;
        };
        let (mark, numbered) = content.split_last()?;
        let (number, text) = numbered.split_first()?;
        let last = match *mark {
            ETX => true,
            ETB => false,
            _ => return None,
        };
        let sum = content
            .iter()
            .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
        let told = digit(*high)? << 4 | digit(*low)?;
        let number = number.checked_sub(b'0').filter(|it| *it < 8)?;
        (sum == told).then_some(Self { number, text, last })
    }
}

#[cfg(test)]
mod tests;
