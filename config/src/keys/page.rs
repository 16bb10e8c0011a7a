//! The keys of `page.toml`.

use super::Form::{Address, Number, Place, Text, Texts};
use super::Given::{Always, Else, Perhaps};
use super::{Key, Section, key, section};

pub(super) const SECTIONS: &[Section] = &[
    section(
        "",
        "画面の待ち受けと、置き場所です。",
        "Where the page answers and keeps its data.",
    ),
    section(
        "[[institutions]]",
        "施設または部署です。500まで書けます。利用者は、許された施設だけを見ます。",
        "Institutions or departments, up to 500; an account sees only its own.",
    ),
    section(
        "[sessions]",
        "ログインの長さです。短くはできますが、延ばせません。",
        "How long a session lasts; it can be shortened, never lengthened.",
    ),
];

pub(super) const KEYS: &[&[Key]] = &[ALL];

const ALL: &[Key] = &[
    key(
        "listen",
        Address,
        Always,
        "院内の網での番地とポート。",
        "Where the page answers, on the institution's own network.",
    ),
    key(
        "names",
        Texts(1, 16),
        Always,
        "ブラウザーで開くときの名前と番地（小文字）。証明書に入り、ほかの名前では開けません。",
        "Names and addresses that browsers call, in lower case; others are refused.",
    ),
    key(
        "folder",
        Place,
        Always,
        "利用者と操作記録を置く、暗号化したデータ領域の専用のフォルダ。",
        "Accounts and access log: a folder of its own on the encrypted data partition.",
    ),
    key(
        "orders",
        Place,
        Perhaps,
        "監視と指示の回線（sekisho-control）が控えを置くフォルダ。「機器の状態」に遠隔作業の報告が出る。",
        "The folder in which sekisho-control keeps orders of the centre; the appliance's page then \
         reports remote work.",
    ),
    key(
        "institutions.name",
        Text("1～60文字", "1 to 60 characters"),
        Always,
        "施設の名前。確認書に印刷します。",
        "Its name as people know it.",
    ),
    key(
        "institutions.settings",
        Place,
        Always,
        "その施設の gateway.toml。施設ごとに別のファイルです。",
        "Its gateway settings, a file of its own.",
    ),
    key(
        "institutions.contact",
        Text("120文字まで", "up to 120 characters"),
        Else("\"\""),
        "確認書と案内に印刷する連絡先。",
        "Whom a person may call, as printed on confirmation and leaflet.",
    ),
    key(
        "institutions.stops_shared_in",
        Text("言葉", "a word"),
        Perhaps,
        "同じ言葉を書いた部署は、停止を分け合います。同じ番号が同じ人のときだけ使えます。",
        "Departments with the same word share stops; their numbers must mean the same persons.",
    ),
    key(
        "sessions.idle_minutes",
        Number(2, 15),
        Else("15"),
        "操作がないと終わるまでの分。",
        "Minutes without a click after which it ends.",
    ),
    key(
        "sessions.hours",
        Number(1, 8),
        Else("8"),
        "必ず終わるまでの時間。",
        "Hours after which it ends in any case.",
    ),
];
