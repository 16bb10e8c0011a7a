//! What stops the vault: a stable code, Japanese, English, what to do.

use crate::problem::{self, problems};

problems! {
    Holders = "V001",
        "保管者は2人から10人です。人数を直してください。",
        "A vault has 2 to 10 holders. Correct the number.";
    Shares = "V002",
        "この保管庫の、別々の2人の分割鍵が要ります。保管者2人がそろって、それぞれの鍵を挿してください。",
        "It takes the shares of two different holders of this vault. Have both bring their own.";
    Vault = "V003",
        "保管庫のファイル（vault.json）が使えません。控えから戻してください。",
        "The file of the vault (vault.json) cannot be used. Restore it from a copy.";
    Subject = "V004",
        "対象者は「施設:参照番号」で書いてください。export-links の一覧から写せます。",
        "Write the subject as `SITE:REFERENCE`. Copy it from the output of `export-links`.";
    Envelope = "V005",
        "封緘の別便が開きません。core export-envelope で出し直し、対象者を確認してください。",
        "The envelope does not open. Export it again and check whose it is.";
    Purpose = "V006",
        "目的を500バイト以内の1行で書いてください。氏名は書かないでください。",
        "State the purpose in one line of at most 500 bytes. Write no name.";
    Log = "V007",
        "開封の記録が書き換えられたか、書けません。何も開けません。記録をそのまま残し、責任者に知らせてください。",
        "The log was changed or cannot be written; nothing is opened. Keep it as it is and tell the \
         person in charge.";
    Output = "V008",
        "ファイルに書けません。場所と権限を確認してください。既にあるものは上書きしません。",
        "A file cannot be written. Check its place and permission; nothing is written over.";
    Internal = "V009",
        "想定外の状態になったため止めました。コードをセンターの開発担当に伝えてください。",
        "An unexpected state stopped it. Tell the developers the code.";
}

/// A problem with its detail.
pub(crate) type Failure = problem::Failure<Problem>;
