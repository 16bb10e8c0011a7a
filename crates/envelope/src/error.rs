//! Why a batch could not be sealed or opened.

use thiserror::Error;

/// Why sealing failed. Nothing is sealed then.
#[derive(Debug, Error)]
pub enum SealError {
    /// Header, manifest or content is larger than any core would open. Seal fewer documents.
    #[error("the batch is larger than its limits: seal fewer documents in one batch")]
    TooLarge,
    /// Subjects were tokenised under different normaliser versions or key epochs.
    #[error("the subjects' tokens are of different versions or epochs")]
    MixedTokens,
    /// A document names another subject than the one that carries it.
    #[error("a document belongs to another subject")]
    ForeignDocument,
    /// CBOR or zstd failed, which only a lack of memory explains.
    #[error("the content could not be encoded")]
    Encode,
    /// A key was refused by the algorithm.
    #[error("a key could not be used")]
    Key,
}

macro_rules! coded_errors {
    ($(#[doc = $doc:literal])* $name:ident:
     $($variant:ident = $code:literal, $ja:literal, $en:literal;)*) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
        pub enum $name {
            $(#[doc = $en] #[error($en)] $variant,)*
        }

        impl $name {
            /// Every error.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code: a letter and three digits.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What happened and what to do, in Japanese. English is its `Display`.
            pub const fn ja(self) -> &'static str {
                match self { $(Self::$variant => $ja,)* }
            }
        }
    };
}

coded_errors! {
    /// Why a batch was not opened. The batch is kept as evidence in every case.
    OpenError:
    Magic = "E001",
        "Sekisho の束ではありません。送信元の装置を確認してください。",
        "Not a Sekisho batch. Check the device that sent it.";
    Truncated = "E002",
        "束が途中で切れています。もう一度送ってもらってください。",
        "The batch ends too early. Have it sent again.";
    UnknownFormat = "E003",
        "新しい形式の束なので保留しました。センターのプログラムを更新してください。",
        "The batch has a newer format and was set aside. Update the centre's program.";
    UnknownSuite = "E004",
        "知らない暗号方式の束なので保留しました。センターのプログラムを更新してください。",
        "The batch has an unknown cipher suite and was set aside. Update the centre's program.";
    UnknownRecipient = "E005",
        "この鍵あての束ではありません。センターの鍵の世代を確認してください。",
        "The batch is sealed for another key. Check the generation of the core's key.";
    UnknownSigner = "E006",
        "登録された鍵で署名されていません。施設の鍵の登録を確認してください。",
        "The batch is not signed with the registered key. Check the site's registration.";
    BadSignature = "E007",
        "署名が正しくありません。改変または破損です。束を保全し、施設に確認してください。",
        "The signature is wrong: altered or damaged. Keep the batch and ask the site.";
    BodyDigest = "E008",
        "本体が目録と一致しません。改変または破損です。束を保全し、施設に確認してください。",
        "The body differs from the manifest: altered or damaged. Keep the batch and ask the site.";
    HeaderMismatch = "E009",
        "見出しと目録の施設または番号が一致しません。束を保全し、施設に確認してください。",
        "Header and manifest name different sites or numbers. Keep the batch and ask the site.";
    Decrypt = "E010",
        "復号できません。センターの鍵を確認してください。",
        "The body cannot be decrypted. Check the core's key.";
    Decode = "E011",
        "中身の形式が正しくありません。束を保全し、施設の装置の版を確認してください。",
        "The content is malformed. Keep the batch and check the version of the site's device.";
    CountMismatch = "E012",
        "件数が目録と一致しません。束を保全し、施設に確認してください。",
        "The counts differ from the manifest. Keep the batch and ask the site.";
    TokensMismatch = "E013",
        "名寄せ用トークンの版が目録と一致しません。束を保全し、施設に確認してください。",
        "The linkage tokens differ from the manifest. Keep the batch and ask the site.";
    ForeignDocument = "E014",
        "別の本人の文書が混ざっています。束を保全し、施設に確認してください。",
        "A document belongs to another subject. Keep the batch and ask the site.";
    TooLarge = "E015",
        "上限を超える大きさです。束を保全し、施設の設定を確認してください。",
        "Larger than a limit. Keep the batch and check the site's settings.";
}

coded_errors! {
    /// Why a letter was not made or not taken. Nothing of it is applied in any case.
    LetterError:
    NotALetter = "L001",
        "センターの通知として読めません。センターに連絡してください。",
        "Not a letter of Sekisho. Call the centre.";
    UnknownFormat = "L002",
        "新しい形式の通知です。機器のプログラムを更新してください。",
        "The letter has a newer format. Update the device's program.";
    OtherKind = "L003",
        "別の種類の通知です。センターに連絡してください。",
        "A letter of another kind. Call the centre.";
    ForeignSite = "L004",
        "ほかの施設あての通知なので適用しません。センターに連絡してください。",
        "The letter is for another site and is not applied. Call the centre.";
    Forged = "L005",
        "センターの署名ではないため適用しません。センターに電話で確認してください。",
        "The letter is not signed by the centre and is not applied. Call the centre.";
    OtherRecipient = "L006",
        "この機器の鍵あてではありません。センターに登録された機器の鍵を確認してください。",
        "The letter is sealed for another key. Check the device's key at the centre.";
    Undecryptable = "L007",
        "通知を復号できません。センターにもう一度作ってもらってください。",
        "The letter cannot be decrypted. Have the centre make it again.";
    Malformed = "L008",
        "通知の中身が正しくありません。センターにもう一度作ってもらってください。",
        "The letter's content is malformed. Have the centre make it again.";
    TooLarge = "L009",
        "通知が上限を超える大きさです。センターに連絡してください。",
        "The letter is larger than its limit. Call the centre.";
    Expired = "L010",
        "通知の期限が過ぎています。センターにもう一度作ってもらってください。",
        "The letter has expired. Have the centre make it again.";
    Future = "L011",
        "通知の日時が先の日時です。機器とセンターの時計を確認してください。",
        "The letter lies in the future. Check the clocks of device and centre.";
    Replayed = "L012",
        "一度使われた番号の通知なので適用しません。センターに連絡してください。",
        "The letter's number was used before and it is not applied. Call the centre.";
    Encode = "L013",
        "通知を作れません。鍵を確認してください。",
        "The letter could not be made. Check the keys.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_error_has_its_own_code_and_two_texts_with_a_next_step() {
        let codes: BTreeSet<_> = OpenError::ALL.iter().map(|error| error.code()).collect();
        assert_eq!(codes.len(), OpenError::ALL.len());
        for error in OpenError::ALL {
            assert!(error.ja().matches('。').count() >= 2, "{error:?}");
            assert!(error.to_string().matches('.').count() >= 2, "{error:?}");
        }
    }

    #[test]
    fn every_fault_of_a_letter_has_its_own_code_and_two_texts_with_a_next_step() {
        let codes: BTreeSet<_> = LetterError::ALL.iter().map(|error| error.code()).collect();
        assert_eq!(codes.len(), LetterError::ALL.len());
        for error in LetterError::ALL {
            assert!(error.ja().matches('。').count() >= 2, "{error:?}");
            assert!(error.to_string().matches('.').count() >= 2, "{error:?}");
        }
    }
}
