//! What can go wrong, with a stable code, Japanese, English and the next step.

use std::error::Error as _;
use std::io;

use nix::errno::Errno;

/// Why the agent cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentError {
    /// The data folder is missing or its disk cannot be asked.
    #[error(
        "AG01 データフォルダを調べられません。フォルダがあるか、--data-dir が正しいか確認してください。\n     \
         The data folder cannot be examined. Check that it exists and that --data-dir names it."
    )]
    DataFolder(#[source] Errno),

    /// The system call for uptime, load and memory failed.
    #[error(
        "AG02 機器の状態を取得できません。機器を再起動し、続く場合は保守窓口に連絡してください。\n     \
         The state of the device cannot be read. Restart it; if this stays, call support."
    )]
    System(#[source] Errno),

    /// A file could not be replaced; the previous one still stands.
    #[error(
        "AG03 データフォルダに書けません。空き容量と書き込み権限を確認してください。前回の内容は残っています。\n     \
         The data folder cannot be written. Check free space and permission. What was there stands."
    )]
    Write(#[source] io::Error),

    /// The stop signal cannot be waited for.
    #[error(
        "AG04 停止の合図を受け取れません。機器を再起動し、続く場合は保守窓口に連絡してください。\n     \
         The signal to stop cannot be received. Restart the device; if this stays, call support."
    )]
    Signals(#[source] io::Error),
}

impl AgentError {
    /// Prints the error and the system's own word for its cause to standard error.
    #[expect(
        clippy::print_stderr,
        reason = "the one place where the agent reports an error"
    )]
    pub(crate) fn print(&self) {
        eprintln!("{self}");
        if let Some(source) = self.source() {
            eprintln!("     ({source})");
        }
    }
}
