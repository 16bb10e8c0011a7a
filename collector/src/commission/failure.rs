//! What stops commissioning: a stable code, Japanese, English, what to do.

use crate::problem::{self, problems};

problems! {
    Device = "D001",
        "機器の device.toml ではありません。機器の起動区画から取り直してください。",
        "The file is no device.toml of a device. Take it from the device's boot partition again.";
    Place = "D002",
        "機器に渡せないものがフォルダにあります。下に示すものを除くか直してください。",
        "The folder holds what cannot be given to a device. Remove or correct what is named below.";
    Key = "D003",
        "運用者の鍵が使えません。鍵ファイルを確認してください。",
        "The operator's key cannot be used. Check the key file.";
    Letter = "D004",
        "封かんできません。全部で 48 KiB までです。大きな台帳は画面から取り込んでください。",
        "It cannot be sealed: 48 KiB in all is the most. Import a large ledger at the page.";
    Files = "D005",
        "ファイルを読めないか書けません。場所と権限を確認してください。既にあるものは上書きしません。",
        "A file cannot be read or written. Check its place and permission; nothing is written over.";
}

/// A problem with its detail.
pub(crate) type Failure = problem::Failure<Problem>;
