//! What can go wrong at the panel, with a stable code, Japanese, English and the next step.

use std::error::Error as _;
use std::io;

use panel::code::Misread;
use panel::message::Refusal;

/// Why the panel does not show or do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PanelError {
    /// The stop signal or the service manager cannot be reached.
    #[error(
        "AG60 停止の合図を受け取れません。機器を再起動し、続く場合は保守窓口に連絡してください。\n     \
         The signal to stop cannot be received. Restart the device; if this stays, call support."
    )]
    Signals(#[source] io::Error),

    /// The serial line cannot be opened.
    #[error(
        "AG61 前面パネルの線を開けません。パネルの線が差さっているか確認してください。つながるまで試し続けます。\n     \
         The line of the front panel cannot be opened. Check its cable. It is tried until it works."
    )]
    Line(#[source] io::Error),

    /// The panel says nothing.
    #[error(
        "AG62 前面パネルが応答しません。パネルの電源と線を確認してください。機器の動作には影響しません。\n     \
         The front panel does not answer. Check its power and cable. The device works without it."
    )]
    Silent,

    /// The panel speaks otherwise.
    #[error(
        "AG63 前面パネルのプログラムの版が合いません。保守窓口に連絡してください。\n     \
         The program of the front panel does not fit this version. Call support."
    )]
    Incompatible(#[source] Refusal),

    /// The request for a self-test cannot be left.
    #[error(
        "AG64 自己診断を始められません。空き容量を確認し、続く場合は保守窓口に連絡してください。\n     \
         The self-test cannot be asked for. Check free space; if this stays, call support."
    )]
    Request(#[source] io::Error),

    /// What was typed is no code.
    #[error(
        "AG65 状態コードではありません。読み間違いです。もう一度、6文字を1文字ずつ聞いてください。\n     \
         This is no status code: it was misread. Ask for the six characters again, one by one."
    )]
    Code(#[source] Misread),

    /// A whole code that this version does not have.
    #[error(
        "AG66 この版にはない状態コードです。読み間違いではありません。機器の版に合う一覧で調べてください。\n     \
         This version has no such status code. It was not misread: look it up by its version."
    )]
    Unknown,
}

impl PanelError {
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
