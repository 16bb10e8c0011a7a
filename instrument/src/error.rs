//! What can go wrong, with a stable code, Japanese, English and the next step.

use std::error::Error as _;
use std::io;

/// Why messages cannot be received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstrumentError {
    /// The stop signal cannot be received.
    #[error(
        "AG76 停止の合図を受け取れません。機器を再起動し、続く場合は保守窓口に連絡してください。\n     \
         The signal to stop cannot be received. Restart the device; if this stays, call support."
    )]
    Signals(#[source] io::Error),

    /// The serial line cannot be opened.
    #[error(
        "AG77 検査機器の線を開けません。線が差さっているか確認してください。つながるまで試し続けます。\n     \
         The line of the instrument cannot be opened. Check its cable. It is tried until it works."
    )]
    Line(#[source] io::Error),

    /// A message cannot be written.
    #[error(
        "AG78 受け取った電文を書けません。空き容量を確認してください。検査機器が送り直します。\n     \
         A message cannot be written. Check free space. The instrument sends it again."
    )]
    Write(#[source] io::Error),

    /// Messages that were broken off or refused, since the program started.
    #[error(
        "AG79 受け取れなかった電文があります（途中 {broken_off}、拒否 {refused}）。検査機器の記録を確認してください。\n     \
         Messages not taken: broken off {broken_off}, refused {refused}. See the instrument's log."
    )]
    NotTaken {
        /// Broken off.
        broken_off: u64,
        /// Refused.
        refused: u64,
    },
}

impl InstrumentError {
    /// Prints the error and the system's own word for its cause to standard error.
    #[expect(
        clippy::print_stderr,
        reason = "the one place where the program reports an error"
    )]
    pub(crate) fn print(&self) {
        eprintln!("{self}");
        if let Some(source) = self.source() {
            eprintln!("     ({source})");
        }
    }
}
