//! What stops the making of an order: a stable code, Japanese, English, what to do.

use crate::problem::{self, problems};

problems! {
    Order = "O001",
        "指示のファイルではありません。ファイルを確認してください。",
        "The file is no order. Check which file it is.";
    Parameter = "O002",
        "指示の内容が範囲外です。下の行に示す値を直してください。",
        "A value of the order is out of its range. Correct the one named below.";
    Key = "O003",
        "署名鍵が使えません。担当者本人の鍵ファイルを指定してください。",
        "The signing key cannot be used. Name the key file of the person who signs.";
    SamePerson = "O004",
        "この担当者は既に署名しています。もう1人の担当者が署名してください。",
        "This person has signed already. Have another one sign.";
    Files = "O005",
        "ファイルを読めないか書けません。場所と権限を確認してください。既にあるものは上書きしません。",
        "A file cannot be read or written. Check its place and permission; nothing is written over.";
    Answer = "O006",
        "装置の返事ではありません。ファイルを確認してください。",
        "The bytes are no answer of a device. Check which file it is.";
    NotConfirmed = "O008",
        "計画番号が一致しないため署名しませんでした。内容を確認し、もう一度実行してください。",
        "Not signed: the plan's number does not match. Read the order and run it again.";
    Internal = "O007",
        "想定外の状態になったため止めました。コードを開発担当に伝えてください。",
        "An unexpected state stopped it. Tell the developers the code.";
}

/// A problem with its detail.
pub(crate) type Failure = problem::Failure<Problem>;
