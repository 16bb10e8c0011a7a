//! What keeps the front from starting: a stable code, Japanese, English, what to do.

use crate::problem::{self, problems};

problems! {
    Settings = "C101",
        "設定ファイルが使えません。次の項目を直してください。",
        "The settings file cannot be used. Correct the item named here.";
    Certificate = "C102",
        "TLS の証明書または鍵が使えません。発行し直したものを置いてください。",
        "A TLS certificate or key cannot be used. Put one that was issued anew.";
    ReceiptKey = "C103",
        "受領書の署名鍵が使えません。鍵ファイルを確認してください。",
        "The receipt signing key cannot be used. Check the key file.";
    Folder = "C104",
        "フォルダが使えません。存在、権限、空き容量を確認してください。",
        "A folder cannot be used. Check that it exists, its permission and free space.";
    OtherFileSystem = "C105",
        "staging と inbox が別のファイルシステムにあります。同じところに置いてください。",
        "Staging and inbox are on different file systems. Put them on the same one.";
    Listen = "C106",
        "受付の住所とポートが使えません。listen の設定と他のプログラムを確認してください。",
        "The address cannot be used. Check `listen` and whether another program has it.";
    Guard = "C107",
        "使わないファイルを開けなくする保護 (Landlock) が働かないため、起動しません。\
         Linux 6.2 以降で Landlock を有効にしてください。",
        "The guard that shuts the inbox and every other file (Landlock) does not work, so the \
         service does not start. Enable Landlock on Linux 6.2 or later.";
    EvaluationKey = "C109",
        "計算サービスの鍵ファイルが使えません。ファイルを確認してください。既にある鍵は上書きしません。",
        "A key file of the evaluation service cannot be used. Check it; one that is there is never \
         written over.";
    Blocked = "C110",
        "停止中の施設の一覧が読めません。中核で core status を実行すると作られます。",
        "The list of stopped sites cannot be read. Running `core status` at the core makes it.";
    Runtime = "C108",
        "実行環境を用意できません。メモリとスレッドの上限を確認してください。",
        "The runtime cannot start. Check the limits on memory and threads.";
}

/// A problem with its detail.
pub(crate) type StartError = problem::Failure<Problem>;
