//! What can go wrong besides the stick, with a stable code, Japanese, English and the next step.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use media::list::ListError;

/// Why a stick could not be dealt with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MediaError {
    /// The list cannot be read.
    #[error(
        "AG80 登録の一覧 {} を読めません。ファイルがあるか確かめてください。USB メモリーは読みません。\n     \
         The list of sticks cannot be read. Check that it is there. No stick is read.", .0.display()
    )]
    Unread(PathBuf, #[source] io::Error),

    /// The list is wrong.
    #[error(
        "AG81 登録の一覧 {} に誤りがあります。次の行を見て直してください。USB メモリーは読みません。\n     \
         The list of sticks is wrong. Put right what the next line names. No stick is read.", .0.display()
    )]
    List(PathBuf, #[source] ListError),

    /// The log cannot be kept; nothing is read without it.
    #[error(
        "AG82 USB メモリーの記録を書けません。空き容量と権限を確かめてください。記録できない間は読みません。\n     \
         The log of sticks cannot be kept. Check free space and permission. Nothing is read without it."
    )]
    Keep(#[source] io::Error),

    /// There is no stick of that name.
    #[error(
        "AG83 その名前の USB メモリーがないか、通し番号がありません。別の USB メモリーを使ってください。\n     \
         There is no stick of that name, or it has no serial number. Use another stick."
    )]
    NoStick,
}

impl MediaError {
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
