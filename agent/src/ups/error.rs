//! What can go wrong at the supply, with a stable code, Japanese, English and the next step.

use std::error::Error as _;
use std::io;

/// Why the supply cannot be watched, or what it said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpsError {
    /// The stop signal or the service manager cannot be reached.
    #[error(
        "AG70 停止の合図を受け取れません。機器を再起動し、続く場合は保守窓口に連絡してください。\n     \
         The signal to stop cannot be received. Restart the device; if this stays, call support."
    )]
    Signals(#[source] io::Error),

    /// The serial line cannot be opened.
    #[error(
        "AG71 UPS の線を開けません。線が差さっているか確認してください。つながるまで試し続けます。\n     \
         The line of the UPS cannot be opened. Check its cable. It is tried until it works."
    )]
    Line(#[source] io::Error),

    /// The supply does not answer.
    #[error(
        "AG72 UPS が応答しません。UPS の電源と線を確認してください。\n     \
         The UPS does not answer. Check that it is on, and its cable."
    )]
    Silent,

    /// There is no mains.
    #[error(
        "AG73 停電しています。UPS の電池で動いています。ブレーカーとコンセントを確認してください。\n     \
         There is no mains; the device runs on the battery. Check breaker and plug."
    )]
    OnBattery,

    /// The battery is nearly empty.
    #[error(
        "AG74 電池が切れる前に、機器を正しく止めます。電気が戻ると起動します。\n     \
         The device stops before the battery is empty, and starts when the mains are back."
    )]
    Stopping,

    /// A notice or the request cannot be written.
    #[error(
        "AG75 停止の依頼や知らせを書けません。機器を再起動し、続く場合は保守窓口に連絡してください。\n     \
         The request to stop or a notice cannot be written. Restart; if this stays, call support."
    )]
    Write(#[source] io::Error),
}

impl UpsError {
    /// Prints the error and its cause to standard error.
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
