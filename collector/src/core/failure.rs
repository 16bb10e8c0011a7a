//! Errors of the core that an operator sees: a stable code, Japanese, English, and what to do next.

use std::error::Error as StdError;
use std::fmt;

/// What the core's steps return.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,
       $ja:literal, $en:literal, $do_ja:literal, $do_en:literal;)*) => {
        /// What stopped a run. Texts never hold data of a person.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Problem {
            $($(#[$doc])* $variant,)*
        }

        impl Problem {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            const fn texts(self) -> [&'static str; 4] {
                match self { $(Self::$variant => [$ja, $en, $do_ja, $do_en],)* }
            }
        }
    };
}

problems! {
    /// The settings file cannot be used.
    Settings = "K001",
        "設定ファイルが使えません。", "The settings file cannot be used.",
        "下の行に示す項目を直してください。", "Correct the item named below.";
    /// A key file cannot be used.
    Key = "K002",
        "鍵ファイルが使えません。", "A key file cannot be used.",
        "鍵ファイルの場所と権限と中身を確認してください。",
        "Check the key file's place, permission and content.";
    /// The inbox cannot be read.
    Inbox = "K003",
        "受信箱が見つからないか、読めません。", "The inbox is missing or cannot be read.",
        "設定の inbox と読み取り権限を確認してください。",
        "Check the setting `inbox` and read permission.";
    /// The state folder cannot be written.
    State = "K004",
        "状態を保存できません。", "The state cannot be stored.",
        "データ領域の空きと権限を確認してください。", "Check free space and permission of the data folder.";
    /// No space is left.
    DiskFull = "K005",
        "ディスクがいっぱいです。取り込み済みのデータは失われていません。",
        "The disk is full. What was taken before is safe.",
        "空きを作ってから、もう一度実行してください。", "Free some space, then run again.";
    /// Another run is going on.
    AlreadyRunning = "K006",
        "別の処理が動いています。", "Another run is in progress.",
        "終わるまで待ってください。対応は不要です。", "Wait until it ends; nothing to do.";
    /// A table or the catalogue is damaged.
    Damaged = "K007",
        "センターの表または目録が壊れています。", "A table or the catalogue is damaged.",
        "下の行に示すものを控えから戻し、もう一度実行してください。",
        "Restore what is named below from the backup and run again.";
    /// The catalogue was written by a newer program.
    CatalogueNewer = "K008",
        "目録はこのプログラムより新しい版で書かれています。",
        "The catalogue was written by a newer program.",
        "新しい版のプログラムを使ってください。", "Use the newer program.";
    /// A recipe cannot be used.
    Recipe = "K010",
        "加工方法 (recipe) が使えません。", "The recipe cannot be used.",
        "下の行に示す項目を直してください。", "Correct the item named below.";
    /// A column is not classified.
    Unclassified = "K011",
        "加工方法で分類されていない列があるため、作成しません。",
        "A column is not classified by the recipe; nothing is made.",
        "下に示す列の分類と処理を加工方法に書いてください。",
        "Classify the column named below in the recipe.";
    /// The release exists with other inputs.
    ReleaseExists = "K012",
        "同じ名前の提供が、別の内容で既にあります。",
        "A release of this name exists with other inputs.",
        "別の名前を指定してください。", "Choose another name.";
    /// The linter found something.
    LintHit = "K013",
        "公開前検査で問題が見つかったため、提供を止めました。",
        "The release linter found something; the release is blocked.",
        "report.json の件数と列を確認し、加工方法を直してください。",
        "See the columns and counts in its report.json and correct the recipe.";
    /// Too little time is covered to shift dates.
    WindowTooShort = "K014",
        "データの期間が短く、日付をずらしても元の期間が分かってしまいます。",
        "The data covers too short a time: shifted dates would still show the original ones.",
        "期間の長いデータを使うか、日付を含まない加工方法にしてください。",
        "Use data that covers more time, or a recipe without dates.";
    /// Nothing can be released.
    NothingToRelease = "K015",
        "提供できる人がいません。", "There is no person to release.",
        "取り込みと名寄せの結果を status で確認してください。",
        "Check what was taken and linked with `status`.";
    /// A list of forbidden strings cannot be read.
    LintList = "K016",
        "検査用の一覧が読めません。", "The list of forbidden strings cannot be read.",
        "ファイルの場所と文字コード (UTF-8) を確認してください。",
        "Check the file's place and that it is UTF-8.";
    /// A reference given on the command line is unknown.
    UnknownSubject = "K017",
        "指定された対象者が見つかりません。", "No such subject.",
        "export-links の一覧から「施設:参照番号」を写してください。",
        "Copy `SITE:REFERENCE` from the output of `export-links`.";
    /// A document given on the command line is unknown.
    UnknownDocument = "K021",
        "指定された文書が見つかりません。", "No such document.",
        "表の列 site と document から「施設:参照番号」を写してください。",
        "Copy `SITE:REFERENCE` from the columns `site` and `document` of a table.";
    /// A fixed seed stands in the settings, and nobody asked for one.
    FixedSeed = "K018",
        "固定の乱数種が指定されています。本番では使えません。",
        "A fixed seed is asked for, which must not be used in production.",
        "指定を消すか、試験なら設定 danger_fixed_seed と --danger-fixed-seed に同じ値を書いてください。",
        "Remove it, or for a test give the same number in the settings and by --danger-fixed-seed.";
    /// An output file of the operator's choosing cannot be written.
    Output = "K019",
        "指定された出力ファイルに書けません。", "The output file cannot be written.",
        "場所と権限を確認してください。", "Check its place and permission.";
    /// Letters to devices are not set up.
    Letters = "K022",
        "この施設の機器へ通知を送る設定がありません。",
        "Letters to this site's device are not set up.",
        "設定の letters、keys.letters と、施設の device_key を書いてください。",
        "Set `letters`, `keys.letters` and the site's `device_key`.";
    /// What was given does not make a stop order.
    Order = "K023",
        "停止の求めの内容が足りないか、正しくありません。何も作っていません。",
        "What was given does not make a stop order. Nothing was made.",
        "下の行に示す項目を直して、もう一度入力してください。",
        "Correct the item named below and enter it again.";
    /// An order given on the command line is unknown.
    UnknownOrder = "K024",
        "その停止指示はありません。", "No such stop order.",
        "orders の一覧から番号を写してください。", "Copy the order from the output of `orders`.";
    /// The folders between core and front cannot be used.
    LetterFolder = "K025",
        "受付と受け渡すフォルダが使えません。", "A folder between core and front cannot be used.",
        "設定の letters のフォルダと権限を確認してください。",
        "Check the folders of the setting `letters` and their permissions.";
    /// There is no identity envelope of a subject.
    NoEnvelope = "K026",
        "その対象者の封じた氏名（封緘の別便）はありません。",
        "There is no identity envelope of that subject.",
        "契約と、export-links の「施設:参照番号」を確認してください。",
        "Check the contract, and `SITE:REFERENCE` in the output of `export-links`.";
    /// A site given on the command line is not stopped.
    NotStopped = "K027",
        "その施設は止められていません。", "That site is not stopped.",
        "status の一覧で施設を確認してください。", "See the sites in the output of `status`.";
    /// A batch cannot be kept.
    NotContending = "K028",
        "その束は残せません。同じ番号を争う束ではないか、別の束が既に取り込まれています。",
        "That batch cannot be kept: it does not contend for the place, or another one was taken.",
        "status の一覧から束の番号を写してください。取り込み済みの束があれば、それだけを残せます。",
        "Copy the batch from the output of `status`; where one was taken, only that can be kept.";
    /// The list of stopped sites cannot be written.
    Blocked = "K029",
        "止めた施設の一覧を書けません。", "The list of stopped sites cannot be written.",
        "設定の blocked の場所と権限を確認してください。",
        "Check the place and permission of the setting `blocked`.";
    /// Records may not be disposed of yet.
    Retention = "K030",
        "保存期間が終わっていないため、廃棄しません。", "The records are still to be kept; nothing was disposed of.",
        "下に示す日より前の日を指定してください。", "Name a day that is not later than the one shown below.";
    /// Records are on hold.
    OnHold = "K031",
        "保全の対象になっている施設の記録があるため、何も廃棄していません。",
        "A site's records are on hold; nothing was disposed of.",
        "保全を決めた人に確認し、解くときは hold --end を使ってください。",
        "Ask who put the hold on; `hold --end` takes it off.";
    /// The ledger has nothing to certify at a place.
    NothingToCertify = "K032",
        "台帳のその位置には、証明できる廃棄も消去もありません。",
        "At that place of the ledger there is neither a disposal nor an erasure.",
        "dispose や certificates が示す位置を写してください。",
        "Copy the place from the output of `dispose` or `certificates`.";
    /// Ledgers of device and centre differ.
    Unexplained = "K033",
        "機器とセンターの送信記録に、説明のつかない違いがあります。",
        "The transfer ledgers of device and centre differ, and nothing explains it.",
        "上に示した施設と束を調べてください。手順は docs/transfer-ledger.md にあります。",
        "Look into the sites and batches shown above, as docs/transfer-ledger.md says.";
    /// An anchor cannot be used.
    Anchor = "K034",
        "記録の錨（anchor）が、このセンターの署名したものではありません。",
        "An anchor of the ledgers was not signed by this centre.",
        "ファイルを控えと比べ、だれが書き換えたかを調べてください。",
        "Compare the file with its copy and find out who changed it.";
    /// A batch given on the command line was not refused.
    NotRefused = "K020",
        "その束は、拒否されたものの中にありません。", "No such batch was refused.",
        "status の一覧から束の番号を写してください。", "Copy the batch from the output of `status`.";
}

/// A problem with what it was about and why. The detail names settings, columns or files of ours,
/// never anything about a person.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: Problem,
    detail: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Failure {
    /// A failure without an underlying error.
    pub(crate) fn new(problem: Problem, detail: impl Into<String>) -> Self {
        Self {
            problem,
            detail: detail.into(),
            source: None,
        }
    }

    /// A failure with what caused it.
    pub(crate) fn because(
        problem: Problem,
        detail: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            problem,
            detail: detail.into(),
            source: Some(source.into()),
        }
    }

    /// A failure of writing to our own state: a full disk is told apart.
    pub(crate) fn storing(detail: impl Into<String>, source: std::io::Error) -> Self {
        let full = matches!(
            source.kind(),
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
        );
        Self::because(
            if full {
                Problem::DiskFull
            } else {
                Problem::State
            },
            detail,
            source,
        )
    }

    /// What kind of problem it is.
    #[cfg(test)]
    pub(crate) fn problem(&self) -> Problem {
        self.problem
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ja, en, do_ja, do_en] = self.problem.texts();
        let code = self.problem.code();
        writeln!(f, "{code}  {ja}\n      {do_ja}")?;
        write!(f, "      {en} {do_en}")?;
        if !self.detail.is_empty() {
            write!(f, "\n      -> {}", self.detail)?;
        }
        let mut cause = self.source.as_deref().map(|error| error as &dyn StdError);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

// The chain of causes is part of `Display`, so `source` stays empty: it would be shown twice.
impl StdError for Failure {}

impl From<std::io::Error> for Failure {
    fn from(source: std::io::Error) -> Self {
        Self::storing("", source)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(source: rusqlite::Error) -> Self {
        let problem = match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Problem::DiskFull,
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Problem::Damaged
            }
            _ => Problem::State,
        };
        Self::because(problem, "catalogue.sqlite", source)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// P-23: every error has a stable code, both languages and a next step.
    #[test]
    fn every_problem_speaks_both_languages_and_says_what_to_do() {
        let codes: BTreeSet<_> = Problem::ALL.iter().map(|p| p.code()).collect();
        assert_eq!(codes.len(), Problem::ALL.len());
        for problem in Problem::ALL {
            let [ja, en, do_ja, do_en] = problem.texts();
            assert!(!ja.is_ascii() && !do_ja.is_ascii(), "{}", problem.code());
            assert!(en.is_ascii() && do_en.is_ascii(), "{}", problem.code());
        }
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(
            Failure::storing("tables", full).problem(),
            Problem::DiskFull
        );
        let other = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let shown = Failure::storing("tables", other).to_string();
        assert!(
            shown.starts_with("K004") && shown.contains("-> tables: "),
            "{shown}"
        );
    }
}
