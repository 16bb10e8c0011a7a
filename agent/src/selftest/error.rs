//! Why the self-test itself could not be made. The codes begin with 9, which is no layer.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use selftest::settings;

/// Why the self-test could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SelftestError {
    /// A settings file cannot be read.
    #[error(
        "9001 設定ファイル {} を読めません。ファイルがあるか確かめてください。\n     \
         The settings file cannot be read. Check that it is there.", .0.display()
    )]
    Unread(PathBuf, #[source] io::Error),

    /// A settings file does not say what it has to.
    #[error(
        "9002 設定ファイル {} に誤りがあります。次の行を見て直してください。\n     \
         The settings file is wrong. Put right what the next line names.", .0.display()
    )]
    Settings(PathBuf, #[source] settings::SettingsError),

    /// The kernel does not tell of its interfaces.
    #[error(
        "9003 機器のネットワークの状態を取得できません。電源を入れ直し、続く場合は保守窓口に連絡してください。\n     \
         The kernel does not tell of its network. Restart the device; if this stays, call support."
    )]
    Kernel(#[source] io::Error),

    /// The result cannot be kept.
    #[error(
        "9004 結果を書けません。空き容量と書き込み権限を確認してください。\n     \
         The result cannot be written. Check free space and permission."
    )]
    Write(#[source] io::Error),

    /// The result cannot be put into words.
    #[error(
        "9005 結果を作れません。保守窓口に連絡してください。\n     \
         The result cannot be made. Call support."
    )]
    Json(#[source] serde_json::Error),

    /// There is no such code.
    #[error(
        "9006 {0} という番号はありません。番号を確かめてください。\n     \
         There is no code {0}. Check the digits."
    )]
    NoCode(u16),
}

impl SelftestError {
    /// Prints the error and the system's own word for its cause to standard error.
    #[expect(
        clippy::print_stderr,
        reason = "the one place where the self-test reports an error"
    )]
    pub(crate) fn print(&self) {
        eprintln!("{self}");
        if let Some(source) = self.source() {
            eprintln!("     ({source})");
        }
    }
}
