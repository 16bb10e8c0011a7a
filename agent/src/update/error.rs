//! What can go wrong, with a stable code, Japanese, English and the next step.

use std::error::Error;

/// What lies behind an error, for the log.
type Source = Box<dyn Error + Send + Sync>;

/// Why an update does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateError {
    /// The settings cannot be used.
    #[error(
        "AG40 更新の設定を読めません。update.toml を確認してください。\n     \
         The settings of updates cannot be used. Check update.toml."
    )]
    Settings(#[source] Source),

    /// What was signed is not what came.
    #[error(
        "AG41 更新の署名を確認できません。何も変えていません。続く場合はセンターに連絡してください。\n     \
         The signature does not hold. Nothing was changed. If this stays, call the centre."
    )]
    Signature(#[source] Source),

    /// The signature is too old by the time that is known.
    #[error(
        "AG42 更新の署名の期限が切れています。媒体なら新しいものを、そうでなければセンターに連絡してください。\n     \
         The signature of the update has expired. Take a newer medium, or call the centre."
    )]
    Expired,

    /// The clock is behind what has certainly been.
    #[error(
        "AG43 時計が遅れているため更新しません。時刻合わせ（clock.md）を確認してください。\n     \
         The clock is behind, so nothing is updated. See to the time (clock.md)."
    )]
    Clock,

    /// The server did not answer, or not in time.
    #[error(
        "AG44 更新サーバーに届きません。自動でやり直します。\n     \
         The update server cannot be reached. It is tried again by itself."
    )]
    Unreachable(#[source] Source),

    /// The server is another one, or does not take our certificate.
    #[error(
        "AG45 更新サーバーを信頼できません。証明書の設定を確認してください。\n     \
         The update server cannot be trusted. Check the certificates in the settings."
    )]
    Untrusted(#[source] Source),

    /// A part of a file is not what was signed.
    #[error(
        "AG46 受け取った内容が署名と一致しません。何も変えていません。続く場合はセンターに連絡してください。\n     \
         What came is not what was signed. Nothing was changed. If this stays, call the centre."
    )]
    Tampered,

    /// There is no room to download.
    #[error(
        "AG47 データ領域に空きがありません。空きができると自動でやり直します。\n     \
         The data partition has no room for the update. It is tried again once there is."
    )]
    NoRoom,

    /// A slot is too small.
    #[error(
        "AG48 この装置の区画に更新が入りません。センターに連絡してください。\n     \
         The update does not fit into the slots of this device. Call the centre."
    )]
    SlotTooSmall,

    /// A slot or the folder of boot entries cannot be written or read.
    #[error(
        "AG49 更新を書き込めません。今の版は動き続けます。続く場合は保守窓口に連絡してください。\n     \
         The update cannot be written. The present version goes on. If this stays, call support."
    )]
    Slot(#[source] Source),

    /// Our own state cannot be read or written.
    #[error(
        "AG50 更新の記録を読み書きできません。データ領域の空きと権限を確認してください。\n     \
         The record of updates cannot be read or written. Check room and permission."
    )]
    State(#[source] Source),

    /// Older than what was seen before.
    #[error(
        "AG51 以前に見たものより古い署名です。媒体なら新しいものを使い、そうでなければセンターに連絡してください。\n     \
         The signature is older than one seen before. Take a newer medium, or call the centre."
    )]
    RolledBack(#[source] Source),

    /// For another board.
    #[error(
        "AG52 この装置のための更新ではありません。媒体の行き先を確認してください。\n     \
         The update is not for this kind of device. Check for which one the medium was made."
    )]
    Board,

    /// Older than what may be installed.
    #[error(
        "AG53 今の版より古いため入れません。新しい版を使ってください。\n     \
         It is older than the present version and is not installed. Take a newer one."
    )]
    Older,

    /// Given up before.
    #[error(
        "AG54 この版は一度試して戻しました。同じ版は自動では入れません。センターに連絡してください。\n     \
         This version was tried and given up. Call the centre."
    )]
    GivenUp,

    /// Another version is being installed or tried.
    #[error(
        "AG55 別の更新が進行中か、確認中です。再起動が終わってから、もう一度行ってください。\n     \
         Another update is on its way or being tried. Try again after the next start."
    )]
    Busy,

    /// The health gate did not let the version stay.
    #[error(
        "AG56 新しい版が確認を通りませんでした。再起動して、だめなら前の版に戻ります。\n     \
         The new version did not pass its checks. The device starts again or goes back."
    )]
    Gate,

    /// A part of the update is missing.
    #[error(
        "AG57 更新の内容が揃っていません。媒体なら作り直し、そうでなければ次の夜まで待ってください。\n     \
         The update is not complete. Make the medium anew, or wait for the next night."
    )]
    Incomplete,

    /// What runs cannot be told.
    #[error(
        "AG58 動いている版を確認できません。保守窓口に連絡してください。\n     \
         It cannot be told which version runs. Call support."
    )]
    Running(#[source] Source),

    /// No update server is set.
    #[error(
        "AG59 更新サーバーが設定されていません。媒体で更新するか、update.toml に [source] を書いてください。\n     \
         No update server is set. Update by a medium, or give [source] in update.toml."
    )]
    NoSource,
}

impl UpdateError {
    /// The number behind `AG`.
    pub(crate) fn code(&self) -> u8 {
        let text = self.to_string();
        let digits = text.get(2..4).and_then(|digits| digits.parse().ok());
        digits.unwrap_or(0)
    }

    /// 75 where another try may mend it, 1 where it takes a person.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Unreachable(_) | Self::NoRoom => 75,
            _ => 1,
        }
    }

    /// Prints the error and what lies behind it to standard error.
    #[expect(
        clippy::print_stderr,
        reason = "the one place where updates report an error"
    )]
    pub(crate) fn print(&self) {
        eprintln!("{self}");
        let mut source = self.source();
        while let Some(error) = source {
            eprintln!("     ({error})");
            source = error.source();
        }
    }
}

/// An error of our own state.
pub(crate) fn state(error: impl Into<Source>) -> UpdateError {
    UpdateError::State(error.into())
}

/// An error of a slot or of the boot entries.
pub(crate) fn slot(error: impl Into<Source>) -> UpdateError {
    UpdateError::Slot(error.into())
}
