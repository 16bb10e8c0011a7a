//! Everything that the panel can say, with its status code and what to do.

use crate::code::Layer;

use Level::{Attention, Fault, Good};
use Place::{Data, Device, Network};

/// One thing that the panel can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The letter of its code.
    pub layer: Layer,
    /// The digits of its code; `None` where they come from another program.
    pub number: Option<u16>,
    /// Which light shows it.
    pub place: Place,
    /// How bad it is.
    pub level: Level,
    /// The upper line of the display.
    pub line: &'static str,
    /// What it means and what to do, in Japanese.
    pub ja: [&'static str; 2],
    /// The same in English.
    pub en: [&'static str; 2],
}

/// One of the lights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Light A, a circle.
    Device,
    /// Light B, a triangle.
    Network,
    /// Light C, a square.
    Data,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing to do: green, on.
    Good,
    /// Somebody should look at it in the next days: amber, slow.
    Attention,
    /// Records do not travel, or will not: red, fast.
    Fault,
}

/// Every row. Of those that hold and are equally bad, the first is on the display: what stops the
/// device before what stops a way, and a cause before what comes of it.
pub const TABLE: &[Row] = &[
    BATTERY_LOW,
    SAFE_MODE,
    UNKNOWN,
    CLOCK,
    ABSENCE_ENDS,
    TEST_FOUND,
    NO_ADDRESS,
    LINE_DOWN,
    SOURCE_UNREAD,
    NOT_TAKEN,
    NOT_RUN,
    MEDIA_FAILED,
    ON_BATTERY,
    DISK_LOW,
    HOT,
    UPDATE_RETURNED,
    UPS_SILENT,
    WORN,
    DATA_PATH,
    NEVER_RUN,
    MEDIA_IGNORED,
    UPDATING,
    TESTING,
    TEST_PASSED,
    MEDIA_READING,
    MEDIA_DONE,
    WANTED,
    READY,
];

/// A row; the two pairs of texts are the meaning and the next step.
const fn row(
    (layer, number): (Layer, Option<u16>),
    (place, level): (Place, Level),
    line: &'static str,
    ja: [&'static str; 2],
    en: [&'static str; 2],
) -> Row {
    Row {
        layer,
        number,
        place,
        level,
        line,
        ja,
        en,
    }
}

pub(super) const READY: Row = row(
    (Layer::Ready, Some(0)),
    (Device, Good),
    "ｾｲｼﾞｮｳ",
    ["正常です。", "することはありません。"],
    ["All is well.", "Nothing to do."],
);

pub(super) const WANTED: Row = row(
    (Layer::Ready, Some(1)),
    (Device, Attention),
    "ｺﾉ ｷｶｲ ﾃﾞｽ",
    [
        "センターの依頼で、この機器を見つけられるように3つとも点滅しています。",
        "電話の相手に、見つけたと伝えてください。",
    ],
    [
        "The centre has all three lights blink, so that the device is found.",
        "Say on the telephone that you have found it.",
    ],
);

pub(super) const UNKNOWN: Row = row(
    (Layer::Device, Some(1)),
    (Device, Fault),
    "ｷｷ ｼﾞｮｳﾀｲ ﾌﾒｲ",
    [
        "機器の状態が分かりません（計測が止まっています）。",
        "電源を入れ直してください。続くときは、このコードを電話で伝えてください。",
    ],
    [
        "The state of the device is not known: nothing measures it.",
        "Switch it off and on. If this stays, read the code to the help desk.",
    ],
);

pub(super) const SAFE_MODE: Row = row(
    (Layer::Device, Some(2)),
    (Device, Fault),
    "ｱﾝｾﾞﾝ ﾓｰﾄﾞ ﾃｲｼ",
    [
        "失敗を繰り返した処理を止めています。",
        "このコードを電話で伝えてください。記録は失われません。",
    ],
    [
        "Services that kept failing were stopped.",
        "Read the code to the help desk. No record is lost.",
    ],
);

pub(super) const CLOCK: Row = row(
    (Layer::Device, Some(3)),
    (Device, Fault),
    "ﾄｹｲ ｶﾞ ｲｼﾞｮｳ",
    [
        "時計が正しくありません。何も送りません。",
        "ネットワークにつないだまま10分待ち、直らなければ電話してください。",
    ],
    [
        "The clock is wrong; nothing is sent.",
        "Leave it connected for ten minutes; if this stays, call.",
    ],
);

pub(super) const DISK_LOW: Row = row(
    (Layer::Device, Some(4)),
    (Device, Attention),
    "ﾃﾞｨｽｸ ﾉｺﾘﾜｽﾞｶ",
    [
        "データの空きが1割を切りました。",
        "回線の表示を確かめ、このコードを電話で伝えてください。",
    ],
    [
        "Less than a tenth of the disk is free.",
        "Look at light B, and read the code to the help desk.",
    ],
);

pub(super) const WORN: Row = row(
    (Layer::Device, Some(5)),
    (Device, Attention),
    "ﾃﾞｨｽｸ ｼｮｳﾓｳ",
    [
        "ディスクの寿命が近づいています。",
        "交換の相談のため、電話してください。急ぎません。",
    ],
    [
        "The disk nears the end of its life.",
        "Call to arrange an exchange. There is no hurry.",
    ],
);

pub(super) const HOT: Row = row(
    (Layer::Device, Some(6)),
    (Device, Attention),
    "ｵﾝﾄﾞ ｶﾞ ﾀｶｲ",
    [
        "機器の中が85度以上です。",
        "周りの物をどけ、風通しをよくしてください。",
    ],
    [
        "It is 85 degrees or more inside.",
        "Clear the space round the device.",
    ],
);

pub(super) const BATTERY_LOW: Row = row(
    (Layer::Power, Some(1)),
    (Device, Fault),
    "ﾊﾞｯﾃﾘｰｷﾞﾚ ﾃｲｼ",
    [
        "停電中で、電池が残りわずかです。まもなく自動で止まります。",
        "電気が戻ると起動します。することはありません。",
    ],
    [
        "No mains, and the battery is nearly empty: the device stops by itself.",
        "It starts when the mains are back. Nothing to do.",
    ],
);

pub(super) const ON_BATTERY: Row = row(
    (Layer::Power, Some(2)),
    (Device, Attention),
    "ﾃｲﾃﾞﾝ ﾊﾞｯﾃﾘｰ",
    [
        "停電中で、無停電電源装置（UPS）の電池で動いています。",
        "ブレーカーとコンセントを確かめてください。",
    ],
    [
        "No mains: the device runs on the battery of the supply (UPS).",
        "Check breaker and plug.",
    ],
);

pub(super) const UPS_SILENT: Row = row(
    (Layer::Power, Some(3)),
    (Device, Attention),
    "UPS ｵｳﾄｳﾅｼ",
    [
        "無停電電源装置（UPS）が答えません。",
        "UPS の電源と、機器につながる線を確かめてください。",
    ],
    [
        "The supply with a battery (UPS) does not answer.",
        "Check that it is on, and the cable to the device.",
    ],
);

pub(super) const UPDATE_RETURNED: Row = row(
    (Layer::Update, Some(1)),
    (Device, Attention),
    "ｺｳｼﾝ ｦ ﾓﾄﾞｼﾀ",
    [
        "更新に問題があり、前の版で動いています。",
        "急ぎません。このコードを電話で伝えてください。",
    ],
    [
        "An update was not healthy; the version before runs.",
        "No hurry. Read the code to the help desk.",
    ],
);

pub(super) const UPDATING: Row = row(
    (Layer::Update, Some(2)),
    (Device, Good),
    "ｺｳｼﾝﾁｭｳ ｷﾗﾅｲﾃﾞ",
    ["更新を書き込んでいます。", "電源を切らずにお待ちください。"],
    [
        "An update is being written.",
        "Leave the device switched on.",
    ],
);

pub(super) const NO_ADDRESS: Row = row(
    (Layer::Network, Some(1)),
    (Network, Fault),
    "LAN ｱﾄﾞﾚｽ ﾅｼ",
    [
        "院内ネットワークのアドレスがありません。",
        "LAN の線が両端とも差さっているか確かめてください。",
    ],
    [
        "There is no address in the local network.",
        "Check that the LAN cable is plugged in at both ends.",
    ],
);

pub(super) const LINE_DOWN: Row = row(
    (Layer::Network, Some(2)),
    (Network, Fault),
    "ｶｲｾﾝ ｶﾞ ｷﾚﾃｲﾙ",
    [
        "センターへの回線が切れています。",
        "回線の装置の電源と線を確かめてください。つながると自動で送ります。",
    ],
    [
        "The line to the centre is down.",
        "Check the line's device and cable. Sending goes on by itself.",
    ],
);

pub(super) const ABSENCE_ENDS: Row = row(
    (Layer::Network, Some(3)),
    (Network, Fault),
    "ｾﾝﾀｰ ﾄ ﾌﾂｳ ﾃﾞﾝﾜｦ",
    [
        "長い間センターにつながっていません。このままだと、2週間以内にデータの鍵を消して止まります。",
        "すぐに電話してください。つながると自動で元に戻ります。",
    ],
    [
        "The centre was not reached for very long: within two weeks the keys of the data are destroyed.",
        "Call at once. When the centre is reached, all is well again by itself.",
    ],
);

pub(super) const NEVER_RUN: Row = row(
    (Layer::DataPath, Some(0)),
    (Data, Attention),
    "ﾏﾀﾞ ｳｺﾞｲﾃｲﾅｲ",
    [
        "データの処理がまだ一度も動いていません。",
        "導入の日なら、そのままお待ちください。",
    ],
    [
        "The data path has not run yet.",
        "On the day of the installation, wait.",
    ],
);

pub(super) const NOT_RUN: Row = row(
    (Layer::DataPath, Some(9_001)),
    (Data, Fault),
    "ｼｮﾘ ｶﾞ ﾄﾏｯﾃｲﾙ",
    [
        "データの処理が2日以上動いていません。",
        "電源を入れ直してください。続くときは電話してください。",
    ],
    [
        "The data path has not run for two days or more.",
        "Switch the device off and on. If this stays, call.",
    ],
);

pub(super) const SOURCE_UNREAD: Row = row(
    (Layer::DataPath, Some(9_002)),
    (Data, Fault),
    "ﾖﾐﾄﾘﾓﾄ ﾖﾒﾅｲ",
    [
        "読み取り元を3日以上、最後まで読めていません。",
        "電子カルテ側の共有フォルダと、その機器の電源を確かめてください。",
    ],
    [
        "The source was not read to its end for three days or more.",
        "Check the shared folder of the record system, and that its machine is on.",
    ],
);

pub(super) const NOT_TAKEN: Row = row(
    (Layer::DataPath, Some(9_003)),
    (Data, Fault),
    "ｿｳｼﾝ ﾃﾞｷﾃｲﾅｲ",
    [
        "3日以上、センターが受け取っていないものがあります。",
        "回線の表示（B）を確かめてください。正常なら電話してください。",
    ],
    [
        "Something has waited for the centre for three days or more.",
        "Look at light B. If it is steady, call.",
    ],
);

pub(super) const DATA_PATH: Row = row(
    (Layer::DataPath, None),
    (Data, Attention),
    "ﾃﾞｰﾀ ｼｮﾘ ｴﾗｰ",
    [
        "前回のデータの処理が止まりました。数字は処理のエラー番号です（0012 は G012）。",
        "2日続くときは、このコードを電話で伝えてください。",
    ],
    [
        "The last run was stopped; the digits are its code (0012 is G012).",
        "If this stays for two days, read the code to the help desk.",
    ],
);

pub(super) const MEDIA_READING: Row = row(
    (Layer::Media, Some(1)),
    (Data, Good),
    "USB ﾖﾐﾄﾘﾁｭｳ",
    [
        "登録済みの USB メモリを読んでいます。",
        "抜かずにお待ちください。",
    ],
    ["A registered stick is being read.", "Leave it in."],
);

pub(super) const MEDIA_DONE: Row = row(
    (Layer::Media, Some(2)),
    (Data, Good),
    "USB ﾖﾐﾄﾘ ｶﾝﾘｮｳ",
    ["USB メモリの内容を受け取りました。", "抜いてください。"],
    ["What is on the stick was taken.", "Take it out."],
);

pub(super) const MEDIA_IGNORED: Row = row(
    (Layer::Media, Some(3)),
    (Data, Attention),
    "USB ﾐﾄｳﾛｸ",
    [
        "登録されていない USB メモリです。読んでいません。",
        "抜いて、登録済みのものを差してください。",
    ],
    [
        "The stick is not registered and is left alone.",
        "Take it out, and use a registered one.",
    ],
);

pub(super) const MEDIA_FAILED: Row = row(
    (Layer::Media, Some(4)),
    (Data, Fault),
    "USB ﾖﾐﾄﾘ ｼｯﾊﾟｲ",
    [
        "USB メモリを読めませんでした。",
        "抜き差ししてもう一度試し、続くときは電話してください。",
    ],
    [
        "The stick could not be read.",
        "Take it out and try again. If this stays, call.",
    ],
);

pub(super) const TESTING: Row = row(
    (Layer::SelfTest, Some(9_999)),
    (Network, Good),
    "ﾃｽﾄ ﾁｭｳ",
    ["自己診断をしています。", "1分ほどお待ちください。"],
    ["A self-test runs.", "Wait for about a minute."],
);

pub(super) const TEST_PASSED: Row = row(
    (Layer::SelfTest, Some(0)),
    (Network, Good),
    "ﾃｽﾄ ｺﾞｳｶｸ",
    [
        "自己診断で問題は見つかりませんでした。",
        "することはありません。",
    ],
    ["The self-test found nothing.", "Nothing to do."],
);

pub(super) const TEST_FOUND: Row = row(
    (Layer::SelfTest, None),
    (Network, Fault),
    "ﾃｽﾄ ｲｼﾞｮｳ ｱﾘ",
    [
        "自己診断が問題を見つけました。数字は自己診断の番号です。",
        "このコードを電話で伝えてください。",
    ],
    [
        "The self-test found a problem; the digits are its number.",
        "Read the code to the help desk.",
    ],
);
