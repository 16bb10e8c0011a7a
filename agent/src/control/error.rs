//! What can go wrong in the control channel, with a stable code, Japanese, English and the next
//! step.

use std::error::Error;
use std::io;

/// Why the control channel cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// The settings cannot be used.
    #[error(
        "AG20 設定ファイルを使えません（{1}）。この行を直してください。\n     \
         The settings file cannot be used ({1}). Correct that line."
    )]
    Settings(#[source] Option<Box<dyn Error + Send + Sync>>, String),

    /// A folder of the settings cannot be written.
    #[error(
        "AG21 状態のフォルダに書けません。空き容量と書き込み権限を確認してください。\n     \
         The folder of the state cannot be written. Check free space and permission."
    )]
    Write(#[source] io::Error),

    /// What was kept of orders is damaged.
    #[error(
        "AG22 指示の控えが壊れています。センターに連絡してください。\
         控えを消すと、古い指示が効く恐れがあります。\n     \
         What was kept of orders is damaged. Call the centre. Without it old orders could count again."
    )]
    Docket,

    /// Certificate, key or authority cannot be used.
    #[error(
        "AG23 証明書か鍵を使えません（{1}）。機器の登録が済んでいるか確認してください。\n     \
         Certificate or key cannot be used ({1}). Check that the device is enrolled."
    )]
    Key(#[source] Option<Box<dyn Error + Send + Sync>>, &'static str),

    /// The system refuses what a program needs.
    #[error(
        "AG24 機器の資源が足りません。機器を再起動し、続く場合は保守窓口に連絡してください。\n     \
         The system refuses what the program needs. Restart the device; if this stays, \
         call support."
    )]
    System(#[source] io::Error),
}

impl ControlError {
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
