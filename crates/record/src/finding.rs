//! Findings: what was wrong with a source, where, how bad, in Japanese and English.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Repaired without loss; worth telling the vendor.
    #[serde(rename = "info")]
    Info,
    /// Part of a file could not be used.
    #[serde(rename = "warning")]
    Warning,
    /// The whole file was set aside.
    #[serde(rename = "error")]
    Error,
}

macro_rules! findings {
    ($($variant:ident = $code:literal, $severity:ident, $ja:literal, $en:literal;)*) => {
        /// What was wrong. The code is stable; the texts say what happened and what to do.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum FindingCode {
            $(#[doc = $en] #[serde(rename = $code)] $variant,)*
        }

        impl FindingCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code, `F` and three digits.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// How much it matters.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// The Japanese text: what happened, what to do.
            pub const fn ja(self) -> &'static str {
                match self { $(Self::$variant => $ja,)* }
            }

            /// The English text: what happened, what to do.
            pub const fn en(self) -> &'static str {
                match self { $(Self::$variant => $en,)* }
            }
        }
    };
}

findings! {
    NameUnreadable = "F001", Error,
        "ファイル名が SS-MIX2 の7項目ではないため、このファイルは読みません。出力元の設定を確認してください。",
        "The file name does not have the seven SS-MIX2 parts; the file was set aside. Check the exporter's settings.";
    PlaceMismatch = "F002", Error,
        "ファイル名と置かれたフォルダの患者・日付・種別が一致しないため、隔離しました。出力元に確認してください。",
        "The file name disagrees with its folders (patient, date or kind); the file was quarantined. Ask the vendor.";
    PatientMismatch = "F003", Error,
        "電文の患者番号がフォルダの患者番号と一致しないため、隔離しました。どちらの患者の記録か確認してください。",
        "The patient number in the message differs from the folder's; the file was quarantined. Check whose record it is.";
    KindUnsupported = "F004", Info,
        "この版ではまだ扱わない種別です。件数だけを数えました。対応は不要です。",
        "This data kind is not handled yet; it was only counted. Nothing to do.";
    KindUnknown = "F005", Warning,
        "SS-MIX2 の表にない種別です。件数だけを数えました。出力元に種別を確認してください。",
        "The data kind is not in the SS-MIX2 table; it was only counted. Ask the vendor what it is.";
    SeveralCurrent = "F006", Warning,
        "同じ文書に有効なファイルが複数あるため、最新のものを使いました。出力元の更新処理を確認してください。",
        "Several valid files exist for one document; the newest was used. Check the exporter's update step.";
    FileUnreadable = "F007", Error,
        "ファイルを開けませんでした。読み取り権限と共有フォルダの接続を確認してください。次回もう一度読みます。",
        "The file could not be opened. Check read permission and the share; it is tried again next time.";
    FileTooLarge = "F008", Error,
        "ファイルが上限の大きさを超えているため、隔離しました。中身を確認してください。",
        "The file is larger than the limit and was quarantined. Check what it is.";
    FileEmpty = "F009", Warning,
        "ファイルが空です。書き込み中かもしれません。次回もう一度読みます。",
        "The file is empty, perhaps still being written. It is tried again next time.";
    NotHl7 = "F010", Error,
        "MSH で始まる HL7 電文ではないため、隔離しました。出力元に確認してください。",
        "Not an HL7 message that starts with MSH; quarantined. Ask the vendor.";
    PatientMissing = "F011", Error,
        "電文に患者番号 (PID-3) がないため、隔離しました。出力元に確認してください。",
        "The message has no patient number (PID-3); quarantined. Ask the vendor.";
    MessageTypeUnknown = "F012", Error,
        "電文の型 (MSH-9) が種別に許された型ではないため、隔離しました。出力元に確認してください。",
        "The message type (MSH-9) is not one that this kind may carry; quarantined. Ask the vendor.";
    MessageTypeDeviates = "F013", Info,
        "電文の型 (MSH-9) が種別の標準と異なりますが、読み取れました。出力元に伝えてください。",
        "The message type (MSH-9) differs from the standard for this kind but was readable. Tell the vendor.";
    EscapeRepaired = "F020", Info,
        "文字切替 (エスケープ) の誤りを直して読みました。出力元に伝えてください。",
        "A wrong character-set escape was repaired. Tell the vendor.";
    EncodingDeviates = "F021", Warning,
        "文字コードが MSH-18 の宣言と異なるため、内容から判別して読みました。出力元に伝えてください。",
        "The character encoding differs from what MSH-18 declares; it was recognised from the bytes. Tell the vendor.";
    CharacterUndecodable = "F022", Warning,
        "読めない文字がありました。その項目は照合に使いません。外字の登録を確認してください。",
        "Some characters could not be decoded; that field is not used for linkage. Check the site's private characters.";
    FramingRemoved = "F023", Info,
        "通信用の枠文字 (0x0B, 0x1C) を取り除いて読みました。出力元に伝えてください。",
        "Transport framing bytes (0x0B, 0x1C) were removed. Tell the vendor.";
    CharacterPrivate = "F050", Warning,
        "外字 (私用領域の文字) がありました。その項目は照合に使いません。外字の一覧をセンターに渡せるか確認してください。",
        "Private characters of the site were met; that field is not used for linkage. Check whether their list can be given to the centre.";
    CharacterReplaced = "F051", Warning,
        "氏名などに、出せない文字の代わりの記号 (■ ● 〓) がありました。その項目は照合に使いません。元の文字を出力できるか確認してください。",
        "A name or the like holds a sign that stands for a character that could not be written; that field is not used for linkage. Check whether the exporter can write the character.";
    EncodingMixed = "F052", Warning,
        "一つのファイルに複数の文字コードが混ざっていたため、行ごとに判別して読みました。出力元に伝えてください。",
        "One file mixes several character encodings; each line was recognised by itself. Tell the vendor.";
    EncodingGuessed = "F053", Warning,
        "文字コードを内容だけでは確実に決められず、より自然な方で読みました。出力元に文字コードを確認してください。",
        "The bytes fit two character encodings about equally; the more natural text was taken. Ask the vendor for the encoding.";
    DatePartial = "F054", Warning,
        "生年月日の月または日が分かりません。その日付は照合に使わず、名寄せの精度が下がります。登録内容を確認してください。",
        "The day or month of birth is not known; that date is not used for linkage, which is weaker for this patient. Check the registration.";
    SegmentUnreadable = "F030", Warning,
        "読めないセグメントがありました。その行は送りません。出力元に確認してください。",
        "A segment could not be read; that line is not sent. Ask the vendor.";
    ValueInvalid = "F031", Warning,
        "決まりに合わない値がありました。その値は送りません。出力元に確認してください。",
        "A value breaks its rule; that value is not sent. Ask the vendor.";
    DateImpossible = "F032", Warning,
        "存在しない日付・時刻がありました。その値は送りません。出力元に確認してください。",
        "A date or time does not exist; that value is not sent. Ask the vendor.";
    BirthMissing = "F033", Warning,
        "生年月日がありません。この記録では名寄せの精度が下がります。登録内容を確認してください。",
        "No date of birth; linkage is weaker for this patient. Check the registration.";
    KanaMissing = "F034", Info,
        "カナ氏名がありません。名寄せの精度が下がります。登録内容を確認してください。",
        "No kana name; linkage is weaker for this patient. Check the registration.";
    IdentifierInCode = "F035", Error,
        "コード欄に患者を識別する番号が入っていたため、その文書は送りません。出力元に確認してください。",
        "A code field holds a number that identifies the patient; the document is not sent. Ask the vendor.";
    IdentifierPerhaps = "F038", Warning,
        "コード欄に患者の短い番号またはローマ字の氏名と同じ文字があったため、その値だけを送りません。出力元に確認してください。",
        "A code field holds what is also a short number of the patient or the name in Latin letters; that value alone is not sent. Ask the vendor.";
    ReaderFailed = "F037", Error,
        "このファイルの読み取り中に内部の誤りが起きたため、隔離しました。コードと件数をセンターに伝えてください。",
        "Reading this file hit an internal error; the file was quarantined. Tell the centre the code and the count.";
    LimitReached = "F036", Error,
        "繰り返しや行数が上限を超えたため、隔離しました。中身を確認してください。",
        "More lines or repetitions than the limit; quarantined. Check what it is.";
    CareDateDiffers = "F040", Info,
        "電文の日付がフォルダの診療日と異なります。記録はそのまま送ります。出力元に伝えてください。",
        "The date in the message differs from the care date of its folder; the record is sent as it is. Tell the vendor.";
    EntryRestricted = "F041", Info,
        "開示を制限された病名がありました。その病名は送りません。対応は不要です。",
        "A disease entry is marked as restricted (PRB-25); it is not sent. Nothing to do.";
    FolderHung = "F060", Error,
        "フォルダが応答しないため、その中は読みませんでした。共有フォルダの接続を確認してください。次回もう一度読みます。",
        "A folder did not answer; what is in it was not read. Check the share; it is tried again next time.";
    FileChanged = "F061", Warning,
        "読み取り中にファイルが変わったため、使いませんでした。次回もう一度読みます。対応は不要です。",
        "The file changed while it was read and was not used. It is tried again next time; nothing to do.";
    FileVanished = "F062", Warning,
        "一覧にあったファイルが、読むときにはありませんでした。次回もう一度調べます。対応は不要です。",
        "A listed file was gone when it was to be read. It is looked for again next time; nothing to do.";
    FolderUnreadable = "F063", Error,
        "フォルダの中を調べられませんでした。読み取り権限と共有フォルダの接続を確認してください。次回もう一度調べます。",
        "A folder could not be listed. Check read permission and the share; it is tried again next time.";
    DocumentVanished = "F064", Warning,
        "削除の印なしに消えた文書を取り下げました。ファイルを消した覚えがない場合は、保管先を確認してください。",
        "A document that vanished without a deletion mark was taken back. Check the storage if nobody removed it.";
    VanishedKept = "F065", Error,
        "消えた文書がありますが、保管先が前回と違うか消えた数が多いため、取り下げていません。共有フォルダの接続を確認してください。",
        "Documents vanished, but the storage differs from last time or too many did, so none was taken back. Check the share.";
    FeedRecordUnreadable = "F070", Warning,
        "変更記録（トランザクションまたは索引）に患者を読み取れない行があったため、全件を調べ直します。出力元に確認してください。",
        "A record of the change feed names no readable patient; everything is examined instead. Ask the vendor.";
    FeedGap = "F071", Warning,
        "変更記録が前回読んだ所から続いていないため、全件を調べ直します。変更記録の保存期間を確認してください。",
        "The change feed does not continue where it was last read; everything is examined instead. Check how long it is kept.";
    FeedRecordDeviates = "F072", Info,
        "変更記録に書き方の異なる行がありましたが、患者は読み取れました。出力元に伝えてください。",
        "A record of the change feed deviates in form, but its patient was readable. Tell the vendor.";
    FeedFileMissing = "F073", Warning,
        "変更記録にある文書がストレージに見つからないままです。出力元に書き出しの遅れがないか確認してください。次の全件の調べ直しでも探します。",
        "A document that the change feed names never appeared in the storage. Ask the vendor about late exports; the next full scan looks for it too.";
    FeedUnavailable = "F074", Warning,
        "変更記録を読めませんでした。新しい変更は次回か、次の全件の調べ直しで読みます。接続先と権限を確認してください。",
        "The change feed could not be read; changes are found next time or by the next full scan. Check the connection and permissions.";
    ExtendedKindUnknown = "F075", Warning,
        "拡張ストレージの文書種別が設定の表にないため、件数だけを数えました。送る種別なら設定に加えてください。",
        "The document type of the extended storage is not in the table of the settings; it was only counted. Add it to the settings if it is to be sent.";
    ContentDeviates = "F076", Warning,
        "ファイルの拡張子と中身の形式が一致しません。中身の形式で扱いました。出力元に伝えてください。",
        "A file's extension and its content disagree; it was handled by its content. Tell the vendor.";
    XmlUnreadable = "F077", Error,
        "XML として正しくないか、許していない書き方 (DTD など) のため、隔離しました。出力元に確認してください。",
        "Broken XML, or XML with what is not allowed (such as a DTD); quarantined. Ask the vendor.";
    FolderDeviates = "F078", Info,
        "拡張ストレージのフォルダ名が標準の形と異なりますが、読み取れました。出力元に伝えてください。",
        "A folder name of the extended storage differs from the standard but was readable. Tell the vendor.";
    CodeSystemUnknown = "F079", Warning,
        "表にないコード体系 (OID) のコードがありました。その値は送りません。施設のコード体系なら設定に加えてください。",
        "Codes of a code system (OID) that is in no table; those values are not sent. Add the system to the settings if it is the site's own.";
    NameDeviates = "F080", Info,
        "ファイル名の項目数または時刻の桁数が標準と異なりますが、読み取れました。出力元に伝えてください。",
        "The file name has fewer parts or another number of time digits than the standard but was readable. Tell the vendor.";
    OrderUnderTwoDates = "F081", Warning,
        "同じオーダ番号の有効な文書が2つ以上の診療日にあります。すべて送りました。日付変更時に古い方が削除されているか確認してください。",
        "Valid documents of one order number stand under several care dates; all were sent. Check that a changed date deletes the old one.";
    ContentTwice = "F082", Warning,
        "同じ患者の別の文書に同じ内容がありました。どちらも送りました。二重に出力されていないか確認してください。",
        "Two documents of one patient say exactly the same; both were sent. Check that nothing is exported twice.";
    VoidAfterValid = "F083", Warning,
        "有効なファイルより新しい削除済みのファイルがあります。有効なファイルを使いました。出力元の削除処理を確認してください。",
        "A void file is newer than the valid one of its document; the valid one was used. Check the exporter's delete step.";
    CancelledByMessage = "F084", Warning,
        "ファイル名は有効を示しますが、電文は取消です。取消として扱いました。出力元に伝えてください。",
        "The file name says valid but the message is a cancel; it was taken as a cancel. Tell the vendor.";
    IndividualNumber = "F090", Error,
        "個人番号（マイナンバー）とみられる番号があったため、このファイルは使わずに隔離しました。診療の記録に個人番号は書けません。出力元で取り除いてください。",
        "The file holds what looks like an individual number (My Number); it was quarantined unused. Medical records must not hold one: have it removed at the source.";
    NameCut = "F091", Warning,
        "氏名が40バイトの欄で途中で切れているとみられるため、名は照合に使いません。登録画面の氏名欄の長さを確認してください。",
        "The name seems to be cut by a field of 40 bytes; the given name is not used for linkage. Check the length of the name field at registration.";
    BirthInFuture = "F092", Warning,
        "生年月日がファイルの作成日より後のため、使いません。登録内容を確認してください。",
        "The day of birth is after the file was written; it is not used. Check the registration.";
    IdentityTooLong = "F093", Warning,
        "氏名・住所・番号などが長すぎるため、その項目は使いません。登録内容を確認してください。",
        "A name, an address or a number is too long to be one; that field is not used. Check the registration.";
    CardShared = "F094", Warning,
        "同じ保険証の番号または宛名番号が、世帯とは考えられない人数の患者に登録されているため、その番号は照合に使いません。仮の番号を入れていないか確認してください。",
        "More patients than a household can have are registered with the same insurance card or municipal number; it is not used for linkage. Check whether a filler number is entered.";
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where in a message: segment name, which one of that name, field number. Never a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// The segment name, three letters or digits; absent for a line by its number alone, or for
    /// the file as a whole.
    pub segment: Option<[u8; 3]>,
    /// Which segment in the file, from 1; 0 for the file as a whole.
    pub line: u32,
    /// The field number, 0 for the whole segment.
    pub field: u8,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = self.segment else {
            return match self.line {
                0 => f.write_str("file"),
                line => write!(f, "line {line}"),
            };
        };
        for byte in name {
            let shown = if byte.is_ascii_alphanumeric() {
                char::from(byte)
            } else {
                '?'
            };
            write!(f, "{shown}")?;
        }
        match self.field {
            0 => write!(f, " (line {})", self.line),
            field => write!(f, "-{field} (line {})", self.line),
        }
    }
}

/// One finding. It carries no value from the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: FindingCode,
    /// Where.
    pub place: Place,
}

impl Finding {
    /// A finding about the file as a whole.
    pub fn of_file(code: FindingCode) -> Self {
        Self {
            code,
            place: Place::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// P-23: every text exists in both languages and says what to do.
    #[test]
    fn every_finding_has_a_stable_code_and_two_texts() {
        let codes: BTreeSet<_> = FindingCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(codes.len(), FindingCode::ALL.len());
        for code in FindingCode::ALL {
            assert!(
                code.ja().ends_with('。') && code.ja().matches('。').count() >= 2,
                "{code}"
            );
            assert!(code.en().ends_with('.'), "{code}");
            assert!(!code.ja().is_ascii() && code.en().is_ascii(), "{code}");
        }
    }
}
