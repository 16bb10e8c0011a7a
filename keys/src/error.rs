//! What can go wrong with the key in the TPM, with a stable code, Japanese, English and the next
//! step.

use std::fmt;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no TPM, or it cannot be opened.
    Away,
    /// It does not answer as a TPM does, or not in time.
    Silent,
    /// The key is not of this TPM, or was before it was cleared.
    Foreign,
    /// What is to be signed is nothing that the device's key signs.
    Purpose,
    /// What was asked is no question.
    Question,
    /// The TPM refuses, with a code of its own.
    Refused,
    /// The key service cannot be reached, or says nothing.
    Service,
}

impl Kind {
    /// All of them, by their number in answers, from 1.
    pub const ALL: [Self; 7] = [
        Self::Away,
        Self::Silent,
        Self::Foreign,
        Self::Purpose,
        Self::Question,
        Self::Refused,
        Self::Service,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Away => "AK01",
            Self::Silent => "AK02",
            Self::Foreign => "AK03",
            Self::Purpose => "AK04",
            Self::Question => "AK05",
            Self::Refused => "AK06",
            Self::Service => "AK07",
        }
    }

    /// What happened and what to do, in Japanese and English.
    #[must_use]
    pub const fn texts(self) -> [&'static str; 2] {
        match self {
            Self::Away => [
                "機器の TPM が見つかりません。機器の電源を切って入れ直し、続く場合は保守窓口に連絡してください。",
                "The TPM is not there. Turn the device off and on; if this stays, call support.",
            ],
            Self::Silent => [
                "機器の TPM が応答しません。機器の電源を切って入れ直し、続く場合は保守窓口に連絡してください。",
                "The TPM does not answer. Turn the device off and on; if this stays, call support.",
            ],
            Self::Foreign => [
                "この鍵は、この機器の TPM では使えません（TPM が消去されたか、基板が交換されました）。\
                 センターから新しい登録コードを受け取り、登録し直してください。",
                "This device's TPM cannot use the key: it was cleared, or the board was replaced. \
                 Get a new code from the centre and enrol again.",
            ],
            Self::Purpose => [
                "機器の鍵では署名できない内容が求められました。センターに連絡してください。",
                "Something was to be signed that the device's key never signs. Call the centre.",
            ],
            Self::Question => [
                "鍵サービスへの依頼が読めません。センターに連絡してください。",
                "The key service cannot read what it was asked. Call the centre.",
            ],
            Self::Refused => [
                "TPM が依頼を断りました。機器の設定（ファームウェアの TPM の項目）を確認し、保守窓口に連絡してください。",
                "The TPM refuses. Check the TPM in the firmware's settings, and call support.",
            ],
            Self::Service => [
                "鍵サービスに届きません。機器を再起動し、続く場合は保守窓口に連絡してください。",
                "The key service cannot be reached. Restart the device; if this stays, call support.",
            ],
        }
    }
}

/// What went wrong, and the TPM's own code (0 where it has none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyError {
    /// What.
    pub kind: Kind,
    /// TPM 2.0 Library, Part 2, section 6.6.
    pub tpm: u32,
}

impl KeyError {
    /// Without a code of the TPM.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self { kind, tpm: 0 }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ja, en] = self.kind.texts();
        write!(f, "{} {ja}\n     {en}", self.kind.code())?;
        match self.tpm {
            0 => Ok(()),
            code => write!(f, "\n     (TPM 0x{code:03x})"),
        }
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_their_texts_stand_in_two_languages() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.code(), format!("AK{:02}", index + 1));
            let [ja, en] = kind.texts();
            assert!(!ja.is_ascii() && en.is_ascii(), "{}", kind.code());
        }
    }
}
