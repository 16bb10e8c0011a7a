//! What stops the authority: a stable code, Japanese, English, what to do.

use crate::problem::{self, Texts as _, problems};

problems! {
    Settings = "N001",
        "認証局の設定が使えません。下の行に示す項目を直してください。",
        "The settings of the authority cannot be used. Correct the item named below.";
    Files = "N002",
        "認証局のファイルが使えないか、書けません。場所と権限を確認してください。既にあるものは上書きしません。",
        "A file of the authority cannot be used or written. Check its place and permission; nothing is \
         written over.";
    Register = "N003",
        "発行の台帳が使えません。控えから戻し、もう一度実行してください。",
        "The register of certificates cannot be used. Restore it from its backup and run again.";
    Policy = "N004",
        "方針に合わない証明書です。鍵の種類と期限を確認してください。",
        "The policy does not allow such a certificate. Check the kind of key and the dates.";
    Internal = "N005",
        "想定外の状態になったため止めました。コードを開発担当に伝えてください。",
        "An unexpected state stopped it. Tell the developers the code.";
    Unknown = "N006",
        "その証明書や装置は台帳にありません。ca list で確認してください。",
        "The register has no such certificate or device. See `ca list`.";
    OfService = "N007",
        "センターのサービスの証明書は、失効リストでは止められません。装置はリストを見ないためです。鍵と証明書を作り直し、受領証の鍵も替えてください（operating/certificates）。",
        "A certificate of the centre's own services cannot be stopped by the list, because devices look \
         at none. Make key, certificate and receipt key anew (operating/certificates).";
    Malformed = "N011",
        "証明書の申請が読めません。装置のプログラムの版を確認してください。",
        "The request for a certificate cannot be read. Check the version of the device's program.";
    Signature = "N012",
        "申請の署名またはコードが正しくありません。コードを確かめるか、登録をやり直してください。",
        "The request is not signed rightly, or with a wrong code. Check the code or enrol anew.";
    Code = "N013",
        "登録コードが使用済みか期限切れです。センターで新しいコードを発行してください。",
        "The code was used already or has expired. Have the centre issue a new one.";
    Revoked = "N014",
        "失効した証明書です。センターに連絡し、新しいコードで登録してください。",
        "The certificate was revoked. Call the centre and enrol with a new code.";
    Early = "N015",
        "まだ更新の時期ではありません。対応は不要です。",
        "It is too early to renew. Nothing is to be done.";
    Late = "N016",
        "期限切れから180日を過ぎています。センターで新しいコードを発行してください。",
        "The certificate ended more than 180 days ago. Have the centre issue a new code.";
    Cloned = "N017",
        "同じ証明書から2つの鍵が申請されました。装置が複製された恐れがあるため両方を止めました。\
         センターで装置を確認してください。",
        "Two keys asked for the successor of one certificate: the device may have been cloned, and both \
         are stopped. Have the centre look at the devices.";
}

/// What the authority's steps return.
pub(crate) type Result<T> = std::result::Result<T, Failure>;
/// A problem with its detail.
pub(crate) type Failure = problem::Failure<Problem>;

impl Problem {
    /// The stable code.
    pub(crate) fn code(self) -> &'static str {
        self.texts()[0]
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::because(Problem::Register, "register.sqlite", error)
    }
}

impl From<rcgen::Error> for Failure {
    fn from(error: rcgen::Error) -> Self {
        Self::because(Problem::Internal, "certificate", error)
    }
}
