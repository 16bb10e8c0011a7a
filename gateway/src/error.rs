//! Errors that a person sees: a stable code, Japanese, English, and what to do next.

use std::error::Error as StdError;
use std::fmt;

use keys::{KeyError, Kind};

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $exit:literal,
       $ja:literal, $en:literal, $do_ja:literal, $do_en:literal;)*) => {
        /// What stopped a run. Texts never hold data of a patient.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Problem {
            $($(#[$doc])* $variant,)*
        }

        impl Problem {
            /// Every problem.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The exit status of the program: 1 needs a person, 75 mends itself at the next
            /// run, 76 is as the centre wants it.
            pub(crate) const fn exit_status(self) -> u8 {
                match self { $(Self::$variant => $exit,)* }
            }

            /// What happened and what to do next, each in Japanese and English.
            pub(crate) const fn texts(self) -> [&'static str; 4] {
                match self { $(Self::$variant => [$ja, $en, $do_ja, $do_en],)* }
            }
        }
    };
}

problems! {
    /// The settings file cannot be used.
    Settings = "G001", 1,
        "設定ファイルが使えません。", "The settings file cannot be used.",
        "下の行に示す項目を直してください。", "Correct the item named below.";
    /// A key file cannot be used.
    Key = "G002", 1,
        "鍵ファイルが使えません。", "A key file cannot be used.",
        "センターから受け取った鍵を入れ直してください。", "Install the key from the centre again.";
    /// A source folder is missing.
    SourceMissing = "G003", 1,
        "SS-MIX2 のフォルダが見つからないか、開けません。", "A storage folder is missing or cannot be opened.",
        "共有フォルダの接続と読み取り権限を確認してください。", "Check the share's connection and read permission.";
    /// The storage holds no patient at all.
    SourceEmpty = "G004", 1,
        "SS-MIX2 のフォルダに患者のデータがありません。", "The storage holds no patient data.",
        "フォルダの指定が正しいか、出力が動いているかを確認してください。",
        "Check that the folder is the right one and that the exporter works.";
    /// The notice ledger or stop list is missing.
    LedgerMissing = "G005", 1,
        "通知台帳または提供停止一覧がないため、何も送りません。",
        "The notice ledger or the stop list is missing; nothing is sent.",
        "2つの CSV を設定の場所に置いてください。停止がなければ見出し行だけの一覧を置きます。",
        "Put both CSV files where the settings say; with no stops, a list with only its header.";
    /// The notice ledger or stop list is malformed.
    LedgerMalformed = "G006", 1,
        "通知台帳または提供停止一覧に読めない行があるため、何も送りません。",
        "The notice ledger or the stop list has a line that cannot be read; nothing is sent.",
        "下に示す行を直してください。", "Correct the line named below.";
    /// The clock is before what has been seen.
    Clock = "G007", 1,
        "機器の時計が戻っているため、読み取りだけを行い、封かんも送信もしません。",
        "The clock has gone back: the source is read, and nothing is sealed or sent.",
        "時刻の取得先との接続を確認してください。時計が直れば自動で再開します。",
        "Check the time source; work resumes by itself once the clock is right.";
    /// Nothing confirms the time yet.
    ClockUnproven = "G060", 75,
        "機器の時刻がまだ一度も確かめられていないため、読み取りだけを行い、封かんも送信もしません。",
        "Nothing has confirmed the time yet: the source is read, and nothing is sealed or sent.",
        "時刻同期サービスと時刻サーバーとの接続を確認してください。時刻が合えば自動で再開します。",
        "Check the time service and the line to its server; work goes on by itself once the clock is set.";
    /// The clock is further ahead than is proven.
    ClockAhead = "G061", 75,
        "機器の時計が、確かめられた時刻より進んでいます。読み取りだけを行い、封かんも送信もしません。",
        "The clock is ahead of what is confirmed: the source is read, and nothing is sealed or sent.",
        "時刻同期サービスと時刻サーバーとの接続を確認してください。停電や停止の後は、時刻が合えば自動で再開します。",
        "Check the time service and the line to its server; after a power cut work goes on once the clock is set.";
    /// The centre's receipts say that the clock was ahead.
    ClockDisputed = "G062", 1,
        "機器の時計が、センターの受領証の時刻より進んでいます。封かんも送信も止めました。",
        "The clock is ahead of the centre's receipts; sealing and sending have stopped.",
        "時刻サーバーが正しいか確認してください。直してから機器を再起動し、センターにこのコードを伝えてください。",
        "Check the time server, restart the appliance once it is right, and tell the centre this code.";
    /// The state folder cannot be written.
    State = "G008", 1,
        "状態を保存できません。", "The state cannot be stored.",
        "データ領域の空きと権限を確認してください。", "Check free space and permission of the data folder.";
    /// No space is left.
    DiskFull = "G009", 1,
        "ディスクがいっぱいです。送信待ちのデータは失われていません。",
        "The disk is full. What waits to be sent is safe.",
        "空きを作るか、回線を復旧して送信を進めてください。",
        "Free some space, or restore the line so that the queue can drain.";
    /// The queue holds as much as it may.
    SpoolFull = "G010", 75,
        "送信待ちが上限に達したため、読み取りを止めています。送信待ちのデータは失われていません。",
        "The queue has reached its limit; reading has paused. What waits is safe.",
        "回線とセンターの状態を確認してください。送信が進めば自動で再開します。",
        "Check the line and the centre; reading resumes by itself as the queue drains.";
    /// A queued batch does not match its digest.
    SpoolDamaged = "G011", 1,
        "送信待ちのデータが壊れているため、送信を止めました。",
        "A queued batch is damaged; sending has stopped.",
        "センターに連絡してください。元の記録から作り直せます。",
        "Call the centre; the batch can be made again from the source.";
    /// The front cannot be reached.
    FrontUnreachable = "G012", 75,
        "センターに接続できません。データは失われていません。次回もう一度送ります。",
        "The centre cannot be reached. Nothing is lost; it is tried again next time.",
        "回線（閉域網）の状態を確認してください。", "Check the closed network line.";
    /// The front's certificate is not ours.
    FrontUntrusted = "G013", 1,
        "接続先がセンターであることを確認できないため、送信しませんでした。",
        "The peer could not prove to be the centre; nothing was sent.",
        "センターに連絡してください。接続先や証明書が変わっていないか確認します。",
        "Call the centre, which checks the address and the certificates.";
    /// The front refused a batch.
    FrontRefused = "G014", 1,
        "センターが受け取りを断りました。データは手元に残っています。",
        "The centre refused a batch. It stays in the queue.",
        "下の理由をセンターに伝えてください。", "Tell the centre the reason below.";
    /// A receipt is forged or about something else.
    ReceiptInvalid = "G015", 1,
        "受領証の署名を確認できません。データは手元に残っています。",
        "A receipt's signature could not be verified. The batch stays in the queue.",
        "センターに連絡してください。", "Call the centre.";
    /// Another run is going on.
    AlreadyRunning = "G016", 75,
        "別の処理が動いています。", "Another run is in progress.",
        "終わるまで待ってください。対応は不要です。", "Wait until it ends; nothing to do.";
    /// The change feed could not be read.
    FeedUnavailable = "G025", 75,
        "変更記録（トランザクションまたは索引）を読めませんでした。ほかの処理は終えています。データは失われていません。",
        "The change feed could not be read; everything else is done. Nothing is lost.",
        "接続先・フォルダ・権限を確認してください。読めるようになれば続きから、読めないままでも次の全件の調べ直しで読みます。",
        "Check the connection, folder and permissions. Reading goes on from there, or with the next full scan.";
    /// Some institution of several needs a person.
    Institutions = "G030", 1,
        "一部の施設の処理が終わりませんでした。ほかの施設の処理は終わっています。",
        "Some institutions did not finish; the others did.",
        "下に示す施設の表示を確認してください。", "See what is told about the institutions named below.";
    /// Whatever failed at some institutions of several mends itself.
    InstitutionsLater = "G031", 75,
        "一部の施設の処理は次回に続きます。データは失われていません。",
        "Some institutions continue next time. Nothing is lost.",
        "対応は不要です。続くときは下に示す施設の回線を確認してください。",
        "Nothing to do; if it goes on, check the line of the institutions named below.";
    /// Two institutions share what must be one's own.
    Shared = "G032", 1,
        "ほかの施設と同じ施設番号・フォルダ・台帳・鍵を使う設定のため、両方とも動かしませんでした。",
        "Two institutions share a site, folder, list or key; neither was run.",
        "下に示す項目を施設ごとに分けてください。", "Give each institution its own of what is named below.";
    /// An institution took longer than it may.
    TookTooLong = "G033", 75,
        "時間内に終わらなかったため中断しました。封かん済みのデータは失われていません。",
        "It took longer than it may and was ended. What was sealed is safe.",
        "対応は不要です。次回に続きから進みます。", "Nothing to do; the next run goes on from there.";
    /// The state folder belongs to another site.
    StateOfOther = "G034", 1,
        "状態フォルダは別の施設のものです。何も読まず、何も送りません。",
        "The state folder belongs to another site; nothing is read or sent.",
        "設定の site と state.folder の組み合わせを確認してください。",
        "Check that `site` and `state.folder` of the settings belong together.";
    /// A reference is unknown, or may not be shown.
    NotFound = "G035", 1,
        "その参照に当たるファイルが見つかりません。",
        "No file of the storage has that reference.",
        "品質報告の参照をそのまま指定してください。移動や改名をしたファイルは見つかりません。",
        "Give the reference as the quality report writes it; a file that was moved or renamed is not found.";
    /// Standard output is not a screen.
    NotAScreen = "G036", 1,
        "場所には患者番号が含まれるため、画面以外には表示しません。",
        "A place holds a patient number; it is shown on a screen only.",
        "機器の端末で、出力先を変えずに実行してください。",
        "Run it on a terminal of the appliance without redirecting its output.";
    /// The page cannot listen.
    PageListen = "G040", 1,
        "画面の待ち受けを始められません。", "The page cannot listen at its address.",
        "設定の listen の番地がこの機器のもので、ほかに使われていないか確認してください。",
        "Check that `listen` is an address of this appliance and that nothing else uses it.";
    /// An account cannot be made as asked.
    PageAccount = "G041", 1,
        "利用者を登録できません。", "The account cannot be made.",
        "下に示す項目を確認してください。", "Check the item named below.";
    /// A status code that was misread.
    StatusCode = "G043", 1,
        "状態コードが違います。", "That is no status code.",
        "もう一度、1文字ずつ読み上げてもらってください。", "Have it read again, letter by letter.";
    /// The access log is not as it was written.
    PageLog = "G042", 1,
        "操作記録が書き換えられたか、欠けています。画面は開きません。",
        "The access log was changed or cut; the page stays closed.",
        "画面のフォルダをそのまま残し、センターに連絡してください。",
        "Keep the page's folder as it is and call the centre.";
    /// The ledger was changed, or its key is another.
    LedgerBroken = "G050", 1,
        "台帳が書き換えられたか、壊れているか、鍵が違います。何も読まず、何も送りません。",
        "The ledger was changed or damaged, or the key is another; nothing is read or sent.",
        "状態フォルダをそのまま残し、センターに連絡してください。控えがあれば、センターと一緒に戻します。",
        "Keep the state folder as it is and call the centre; a backup is restored together with it.";
    /// The ledger lacks entries that were there.
    LedgerRolledBack = "G051", 1,
        "台帳が古い状態に戻っているか、欠けています。停止の求めが失われたおそれがあるため、何も送りません。",
        "The ledger is older than known, or cut; somebody's stop may be lost, so nothing is sent.",
        "状態フォルダをそのまま残し、センターに連絡してください。新しいほうの控えを戻します。",
        "Keep the state folder as it is and call the centre; the newer backup has to be restored.";
    /// There is no such entry, or it cannot be taken back.
    LedgerEntry = "G052", 1,
        "台帳にその番号の記載がないか、取り消せません。", "The ledger has no such entry, or it cannot be taken back.",
        "番号を台帳の表示（ledger show）で確認してください。", "Check the number with `ledger show`.";
    /// An entry that was told by hand is no entry.
    LedgerAdd = "G059", 1,
        "入力した内容では台帳に記載できません。何も記載していません。",
        "What was entered makes no entry of the ledger; nothing was added.",
        "示した項目を直して、もう一度実行してください（書き方は docs/operating/ledger.md）。",
        "Correct the field that is named and run it again (docs/operating/ledger.md tells how).";
    /// A file to be taken into the ledger cannot be read.
    ImportFile = "G053", 1,
        "取り込むファイルを読めません。何も取り込んでいません。",
        "The file cannot be read; nothing was taken in.",
        "ファイルの場所と権限を確認してください。", "Check the file's place and permission.";
    /// A file to be taken into the ledger is in no known encoding.
    ImportEncoding = "G054", 1,
        "取り込むファイルの文字コードが UTF-8 でも Shift_JIS でもありません。何も取り込んでいません。",
        "The file is neither UTF-8 nor Shift_JIS; nothing was taken in.",
        "下に示す行の付近を確認し、UTF-8 または Shift_JIS の CSV で書き出し直してください。",
        "Look near the line below, and export again as CSV in UTF-8 or Shift_JIS.";
    /// A file to be taken into the ledger does not end with its last line.
    ImportCut = "G055", 1,
        "取り込むファイルが途中で切れています。何も取り込んでいません。",
        "The file ends within a line; nothing was taken in.",
        "書き出しが終わっているか確認してください。最後の行の後に改行が必要です。",
        "Check that the export came to its end; the last line has to end with a line break.";
    /// A file to be taken into the ledger lacks a column.
    ImportColumns = "G056", 1,
        "取り込むファイルの見出しに、設定にある列がないか、2つあります。何も取り込んでいません。",
        "A column of the settings is not in the header, or is there twice; nothing was taken in.",
        "見出しと設定の columns を見比べてください。", "Compare the header with `columns` of the settings.";
    /// A file to be taken into the ledger has lines that cannot be read.
    ImportLine = "G057", 1,
        "取り込むファイルに読めない行があります。何も取り込んでいません。",
        "A line of the file cannot be read; nothing was taken in.",
        "--apply を付けずに実行すると、読めない行の一覧が出ます。直してからやり直してください。",
        "Run it without --apply for a list of such lines, correct them and try again.";
    /// A list or a file to be taken into the ledger holds individual numbers.
    IndividualNumber = "G090", 1,
        "読み込むファイルに個人番号（マイナンバー）とみられる列か番号があるため、読みません。何も取り込まず、何も送りません。",
        "The file has a column or a number that looks like the individual number (My Number); it is not read, nothing is taken in and nothing is sent.",
        "下に示す行（見出しは1行目）の列を除いて書き出し直してください。個人番号を含むファイルは機器から消してください。",
        "Export again without the column of the line named below (the header is line 1), and remove the file from the device.";
    /// An import is too old to be taken back.
    UndoTooLate = "G058", 1,
        "待機期間が過ぎたため、取り込みをまとめて取り消せません。",
        "The hold is over; the import can no longer be taken back as a whole.",
        "1件ずつ ledger revoke で取り消してください。", "Take entries back one by one with `ledger revoke`.";
    /// The evaluation service cannot be reached.
    EvaluationUnreachable = "G070", 75,
        "名寄せの計算サービスにつながりません。新しい記録は、つながるまで待ちます。",
        "The evaluation service cannot be reached; new records wait until it can.",
        "回線とセンターの状態を確認してください。つながれば自動で再開します。",
        "Check the line and the centre; work goes on by itself once the service answers.";
    /// The site asked as much as it may for now.
    EvaluationLimit = "G071", 75,
        "名寄せの計算が、この施設の上限に達しました。残りの記録は次の実行まで待ちます。",
        "This site has asked the evaluation service as much as it may; the rest waits for later runs.",
        "初回の全件送信なら、センターに上限を上げるよう頼んでください。そうでなければ、センターに知らせてください。",
        "At a first full run, ask the centre for a higher limit; otherwise tell the centre.";
    /// The evaluation service does not take the question.
    EvaluationRefused = "G072", 1,
        "名寄せの計算サービスが要求を受け付けません。新しい記録は待ちます。",
        "The evaluation service does not take what it is asked; new records wait.",
        "鍵の世代とプログラムの版を確認し、センターに連絡してください。",
        "Check the epoch of the key and the version of the program, and call the centre.";
    /// The evaluation service cannot prove who it is.
    EvaluationUntrusted = "G073", 1,
        "名寄せの計算サービスが本物と確かめられません。新しい記録は待ちます。",
        "The evaluation service cannot prove who it is; new records wait.",
        "設定の evaluation.server_name を確認し、センターに連絡してください。",
        "Check evaluation.server_name in the settings, and call the centre.";
    /// The evaluation service used another key than it should.
    EvaluationProof = "G074", 1,
        "名寄せの計算サービスの証明が、この機器の持つ公開鍵と合いません。新しい記録は待ちます。",
        "The evaluation service's proof does not fit the public key that this device has; new records wait.",
        "公開鍵を入れ直さず、センターに連絡してください。別の鍵で計算されたおそれがあります。",
        "Leave the key as it is and call the centre: somebody may have used another key.";
    /// The authority refused a certificate.
    CertificateRefused = "G095", 1,
        "センターの認証局が、この装置の証明書を出しませんでした。",
        "The centre's authority refused a certificate for this device.",
        "下の行のコードをセンターに伝えてください。新しい登録コードが要ることがあります。",
        "Tell the centre the code below; a new one-time code may be needed.";
    /// The authority has not answered yet.
    CertificateWaits = "G096", 75,
        "証明書の申請は届きましたが、まだ返事がありません。",
        "The request for a certificate has arrived and is not answered yet.",
        "対応は不要です。次の実行で自動で受け取ります。", "Nothing to do: the next run fetches it.";
    /// What was typed is no code.
    EnrolmentCode = "G097", 1,
        "登録コードとして読めません。", "This is no one-time code.",
        "センターから受け取った24文字のコードを入れ直してください。",
        "Type the 24 letters from the centre again.";
    /// The interface of the closed network is not there or down.
    NetworkDown = "G080", 75,
        "閉域網のインターフェースがないか、落ちているため、送信しませんでした。データは失われていません。",
        "The interface of the closed network is missing or down; nothing was sent, nothing is lost.",
        "回線・VPN の装置とケーブルを確認してください。つながれば自動で再開します。",
        "Check the line, the VPN equipment and the cable; sending resumes by itself.";
    /// The kernel would reach the centre by another way.
    NetworkRoute = "G081", 75,
        "センターへの経路が閉域網を通らないため、送信しませんでした。データは失われていません。",
        "The route to the centre does not lead through the closed network; nothing was sent, nothing is lost.",
        "network.interface と機器の経路の設定を確認してください。直れば自動で再開します。",
        "Check network.interface and the routes of the appliance; sending resumes by itself.";
    /// The interface is not of the transport.
    NetworkKind = "G082", 1,
        "閉域網のインターフェースの種類が front.transport と合わないため、送信しません。",
        "The interface's kind does not fit front.transport; nothing is sent.",
        "network.interface と front.transport を確認してください。",
        "Check network.interface and front.transport.";
    /// The appliance forwards packets.
    NetworkForwards = "G083", 1,
        "機器が院内網と閉域網の間の通信を中継する設定のため、送信しません。",
        "The appliance forwards packets between networks; nothing is sent.",
        "下に示すインターフェースの転送（ip_forward）を切ってください。docs/operating/network.md を見てください。",
        "Switch forwarding (ip_forward) of the interface named below off; see docs/operating/network.md.";
    /// The transfer ledger is not as it was written.
    TransferLog = "G084", 1,
        "送信記録が書き換えられたか、欠けています。何も送りません。",
        "The transfer ledger was changed or cut; nothing is sent.",
        "状態フォルダをそのまま残し、センターに連絡してください。",
        "Keep the state folder as it is and call the centre.";
    /// The centre has quarantined the device.
    Quarantined = "G100", 76,
        "センターの指示で隔離されています。読み取りも送信もしません。データはそのまま残ります。",
        "The centre has quarantined this device; nothing is read or sent. What is here stays.",
        "センターに連絡してください。理由が分かるまで、解除されません。",
        "Call the centre. It is released when the reason is known.";
    /// The centre has paused the device.
    Paused = "G101", 76,
        "センターの指示で一時停止しています。データはそのまま残ります。",
        "The centre has paused this device. What is here stays.",
        "することはありません。期限が来るか、再開の指示で動き出します。",
        "Nothing is to be done. It goes on by itself or when the centre says so.";
    /// The TPM or the key service do not answer.
    KeyAway = "G110", 75,
        "この機器の鍵を使えません。TPM か鍵サービスが応答しません。データはそのまま残ります。",
        "This device's key cannot be used: the TPM or the key service does not answer. What is here stays.",
        "機器の電源を切って入れ直してください。続く場合は、保守窓口にこのコードと下の行を伝えてください。",
        "Turn the device off and on. If this stays, tell support this code and the line below.";
    /// The key is of another TPM, or of this one before it was cleared.
    KeyForeign = "G111", 1,
        "この機器の鍵は、いまの TPM では使えません（TPM が消去されたか、基板が交換されました）。データはそのまま残ります。",
        "The TPM cannot use this device's key: it was cleared, or the board was replaced. What is here stays.",
        "センターから新しい登録コードを受け取り、sekisho-gateway enrol で登録し直してください。",
        "Get a new code from the centre and enrol the device again with sekisho-gateway enrol.";
    /// What was to be signed is nothing that the key signs.
    KeyPurpose = "G112", 1,
        "鍵サービスが署名を断りました。プログラムの版が合っていない恐れがあります。",
        "The key service refuses to sign; the programs may be of different versions.",
        "機器を再起動し、続く場合はセンターにこのコードを伝えてください。",
        "Restart the device; if this stays, tell the centre this code.";
    /// There is no certificate yet.
    NotEnrolled = "G113", 1,
        "この機器はまだ登録されていません。", "This device is not enrolled yet.",
        "センターから登録コードを受け取り、sekisho-gateway enrol で登録してください。",
        "Get a code from the centre and enrol the device with sekisho-gateway enrol.";
    /// The TPM refuses with a code of its own.
    KeyRefused = "G114", 1,
        "TPM が鍵の作成か使用を断りました。", "The TPM refuses to make or use the key.",
        "ファームウェアで TPM が有効か確認し、保守窓口にこのコードと下の行を伝えてください。",
        "Check that the firmware has the TPM switched on, and tell support this code and the line below.";
    /// What was put on the boot partition is not for this device, or not from the operator.
    CommissionLetter = "G120", 1,
        "起動区画に置かれた設定が、この機器あてでないか、運用者のものではありません。何も変えていません。",
        "The settings on the boot partition are not for this device, or not from its operator; nothing was changed.",
        "この機器の device.toml の鍵で作り直してください。",
        "Make them again for the key in this device's device.toml.";
    /// Settings older than those that were taken.
    CommissionOld = "G121", 1,
        "起動区画に置かれた設定は、すでに受け取ったものより古いため使いません。",
        "The settings on the boot partition are older than those that were taken.",
        "device.toml の taken より大きい番号で作り直してください。",
        "Make them again with a number above `taken` in device.toml.";
    /// Settings that say what none may say.
    CommissionPlace = "G122", 1,
        "起動区画に置かれた設定に、置いてはならないものがあります。何も変えていません。",
        "The settings on the boot partition hold something that may not be there; nothing was changed.",
        "下に示すものを除いて作り直してください。", "Make them again without what is named below.";
    /// The board does not keep or give a secret.
    CommissionBoard = "G123", 1,
        "機器の TPM が鍵を預からないか、返しません。", "The TPM of the board does not keep or give a key.",
        "TPM が有効かを確認してください。基板を替えたときは、設定を最初からやり直します。",
        "Check that the TPM is on. On a new board commissioning begins anew.";
    /// A medium that is not registered.
    BundleMedium = "G085", 1,
        "登録されていない媒体です。何も書いていません。", "The medium is not registered; nothing was written.",
        "bundle.media にある番号の媒体を使うか、bundle register で登録してください。",
        "Use a medium of bundle.media, or register it with `bundle register`.";
    /// The program met a state that it should not.
    Internal = "G017", 1,
        "想定外の状態になったため止めました。データは失われていません。",
        "An unexpected state stopped the run. Nothing is lost.",
        "コードと下の行をセンターに伝えてください。", "Tell the centre the code and the line below.";
    /// Too much of the source does not answer.
    SourceHangs = "G018", 75,
        "SS-MIX2 のフォルダが応答しないため、読み取りを中断しました。データは失われていません。",
        "The storage does not answer; reading was broken off. Nothing is lost.",
        "共有フォルダと回線の状態を確認してください。次回、続きから読みます。",
        "Check the share and its network; the next run goes on from here.";
}

const SQLITE_FULL: i32 = 13;
/// No room for the index of the write-ahead log.
const SQLITE_IOERR_SHMSIZE: i32 = 4874;

/// A problem with what it was about and why. The detail names keys, files of ours or line numbers,
/// never anything from the source.
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

    /// A failure of the state database: a full disk is told apart.
    pub(crate) fn database(source: rusqlite::Error) -> Self {
        let code = source.sqlite_error().map(|error| error.extended_code);
        let full = matches!(code, Some(SQLITE_FULL | SQLITE_IOERR_SHMSIZE));
        Self::because(
            if full {
                Problem::DiskFull
            } else {
                Problem::State
            },
            "state.sqlite",
            source,
        )
    }

    /// What the key service or the TPM said.
    pub(crate) fn of_key(error: KeyError) -> Self {
        let problem = match error.kind {
            Kind::Away | Kind::Silent | Kind::Service => Problem::KeyAway,
            Kind::Foreign => Problem::KeyForeign,
            Kind::Purpose | Kind::Question => Problem::KeyPurpose,
            Kind::Refused => Problem::KeyRefused,
        };
        let detail = match error.tpm {
            0 => error.kind.code().to_owned(),
            code => format!("{} TPM 0x{code:03x}", error.kind.code()),
        };
        Self::new(problem, detail)
    }

    /// The same under another name.
    pub(crate) fn renamed(self, problem: Problem) -> Self {
        Self { problem, ..self }
    }

    /// What kind of problem it is.
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

impl StdError for Failure {}

impl From<rusqlite::Error> for Failure {
    fn from(source: rusqlite::Error) -> Self {
        Self::database(source)
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
            assert!([1, 75, 76].contains(&problem.exit_status()));
        }
    }

    #[test]
    fn the_whole_chain_of_causes_is_shown_once() {
        let io = std::io::Error::other("no route");
        let shown = Failure::because(Problem::FrontUnreachable, "front", io).to_string();
        assert!(shown.starts_with("G012  センター"), "{shown}");
        assert!(shown.ends_with("-> front: no route"), "{shown}");
    }
}
