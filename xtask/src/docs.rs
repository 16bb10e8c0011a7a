//! `cargo xtask docs`: the pages that are made from code. One says to clinics what leaves, from the
//! table that the reader of SS-MIX2 goes by; others are the gate's truth table and the settings.
//! `cargo xtask test pages` fails when a page is not what the code says.

#![expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print its result"
)]

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use formats::ssmix2::table::{Class, Form, Row, SEGMENTS, SegmentRows, Treatment, VALUES};
use record::DataKind;

use crate::test::Outcome;
use crate::{Workspace, front_panel};

/// A page in `docs`, and what makes it.
type Page = (&'static str, fn() -> String);

/// Every page that is made from code.
const PAGES: &[Page] = &[
    ("docs/what-leaves.md", page),
    ("docs/gate.md", privacy::gate::truth_table),
    ("docs/operating/settings.md", config::keys::page),
    ("docs/operating/panel.md", front_panel::page),
    ("docs/operating/panel-good.svg", front_panel::good),
    ("docs/operating/panel-line-down.svg", front_panel::line_down),
    ("docs/operating/panel-code.svg", front_panel::code),
    ("docs/operating/self-test.md", selftest::fault::page),
];

/// Writes the pages.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    for (name, made) in PAGES {
        let path = workspace.root.join(name);
        std::fs::write(&path, made())
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("{name} is written");
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the pages that are committed are what the code says.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let mut names = Vec::new();
    for (name, made) in PAGES {
        let path = workspace.root.join(name);
        let committed = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        if committed != made() {
            let text = format!("{name} is not what the code says: run `cargo xtask docs`");
            return Ok(Outcome::Failed(text));
        }
        names.push(*name);
    }
    Ok(Outcome::Passed(names.join(", ")))
}

/// The names of the data kinds, in the order of the page.
const KINDS: &[(DataKind, &str, &str)] = &[
    (DataKind::Adt00, "患者基本情報", "basic patient data"),
    (
        DataKind::Adt01,
        "担当医の変更",
        "change of the attending doctor",
    ),
    (DataKind::Adt12, "外来受付", "outpatient visit"),
    (DataKind::Adt21, "入院予定", "planned admission"),
    (DataKind::Adt22, "入院", "admission"),
    (DataKind::Adt31, "外出・外泊", "leave"),
    (DataKind::Adt32, "外出・外泊からの帰院", "return from leave"),
    (DataKind::Adt41, "転科・転棟の予定", "planned transfer"),
    (DataKind::Adt42, "転科・転棟", "transfer"),
    (DataKind::Adt51, "退院予定", "planned discharge"),
    (DataKind::Adt52, "退院", "discharge"),
    (DataKind::Adt61, "アレルギー", "allergies"),
    (DataKind::Ppr01, "病名", "diseases"),
    (DataKind::Omd, "食事", "meals"),
    (DataKind::Omp01, "処方の指示", "prescriptions"),
    (DataKind::Omp11, "処方の実施", "prescriptions as given"),
    (DataKind::Omp02, "注射の指示", "injections"),
    (DataKind::Omp12, "注射の実施", "injections as given"),
    (DataKind::Oml01, "検体検査の指示", "laboratory orders"),
    (DataKind::Oml11, "検体検査の結果", "laboratory results"),
    (DataKind::Omg01, "放射線検査の指示", "radiology orders"),
    (
        DataKind::Omg11,
        "放射線検査の実施",
        "radiology as performed",
    ),
    (DataKind::Omg02, "内視鏡検査の指示", "endoscopy orders"),
    (
        DataKind::Omg12,
        "内視鏡検査の実施",
        "endoscopy as performed",
    ),
    (DataKind::Omg03, "生理検査の指示", "physiology orders"),
    (DataKind::Omg13, "生理検査の結果", "physiology results"),
];

/// The classes of what never leaves, in the order of the page.
const CLASSES: &[(Class, &str, &str)] = &[
    (
        Class::Direct,
        "本人・家族を直接示すもの",
        "What names the patient or the family",
    ),
    (
        Class::Staff,
        "職員を示すもの",
        "What names members of staff",
    ),
    (
        Class::Facility,
        "施設を示すもの",
        "What names an institution",
    ),
    (
        Class::Quasi,
        "ほかの情報と合わせると人が分かりうるもの",
        "What helps to identify",
    ),
    (
        Class::Linkable,
        "ほかの仕組みの記録につながる番号",
        "Numbers that lead to other systems",
    ),
    (Class::Text, "文章", "Words that somebody typed"),
    (
        Class::Content,
        "診療の内容のうち、まだ送らないもの",
        "Content that is not sent yet",
    ),
];

const HEAD: &str = "# 何が送られ、何が決して送られないか / What leaves and what never does

このページは、機器が SS-MIX2 標準化ストレージから読み取って**送るもの**と、**送らないもの**の一覧です。
プログラムが実際に使っている表から、そのまま作られています。表とこのページが違えば、検査が失敗します。

Written from the table that the program itself goes by; a check fails when they differ.

## 三つの約束 / Three rules

1. 表にある項目だけが先へ進みます。**表にない項目・セグメント・種別は、送らずに名前だけを数えます。**
   Only what is in the table passes; all else stays on site and is counted by name.
2. 送れるのは、**コード・数値・日付・決まった区分だけ**です。
   文章と氏名を入れる場所が、送る形式にありません。
   Only codes, numbers, dates and fixed words can be sent:
   the format has no place for text or names.
3. 氏名などは、**元に戻せない符号（鍵付きハッシュ）に変えてから**、同じ人の記録をつなぐためだけに使います。
   Names and the like become keyed hashes, used only to link the records of one person.

コードに患者番号・電話番号・保険の番号などが入っていたときは、その文書を送りません。
前に送った版があれば、センターで取り下げます。
短い患者番号（4・5文字）やローマ字の氏名と同じコードは、その値だけを送らずに数えます。
氏名・番号・住所・電話番号などを表す項目（LOINC）の検査結果・観察は、行ごと送らずに数えます。

A document whose codes hold an identifier of the patient is not sent,
and an earlier version of it is taken back.
A code that is also a short number of the patient or the name in Latin letters
is left out alone and counted.
Observations that say who somebody is (LOINC codes of names, numbers, addresses, telephones)
are left out whole and counted.

";

/// The whole page.
fn page() -> String {
    let mut page = HEAD.to_owned();
    person(&mut page);
    page.push_str(
        "## 種別ごとに送るもの / What is sent, by kind\n\n\
         日付は日時まで送ります。ただし生まれた日と亡くなった日は、どの項目にあっても年月だけを送ります。\n\
         センターが研究用に提供するときには、人ごとにずらします。\n\
         コードの名前（「胃炎」など）は送りません。コードだけを送ります。\n\n\
         Dates are sent as they are, but the days of birth and death as months wherever they \
         stand; they are shifted per person before any release. \
         Of a code, only the code is sent, not its name.\n\n",
    );
    for (kind, ja, en) in KINDS {
        of_kind(*kind, ja, en, &mut page);
    }
    values(&mut page);
    agreed(&mut page);
    never(&mut page);
    page
}

fn person(page: &mut String) {
    page.push_str("## 人について送るもの / About the person\n\n");
    page.push_str("| 元の項目 / field | 送る形 / as |\n|---|---|\n");
    let rows = SEGMENTS
        .iter()
        .filter(|it| &it.name == b"PID" || &it.name == b"IN1");
    for segment in rows {
        for row in segment.rows {
            let form = match row.treatment {
                Treatment::Token => "照合用の符号だけ / a keyed hash only",
                Treatment::Generalise => "粗くした値と、照合用の符号 / coarser, and a keyed hash",
                Treatment::Keep if &segment.name == b"PID" => "そのまま / as it is",
                _ => continue,
            };
            let _ = writeln!(page, "| {} ({}) | {form} |", row.label, place(segment, row));
        }
    }
    page.push_str(
        "| 診療日、種別、電文の日時（ファイル名） | そのまま / as they are |\n\
         | 患者番号、オーダ番号（ファイル名） | 照合用の符号だけ / a keyed hash only |\n\
         | 診療科（ファイル名、受診の電文に無いとき） | コードだけ / the code only |\n\n",
    );
}

fn of_kind(kind: DataKind, ja: &str, en: &str, page: &mut String) {
    let _ = writeln!(page, "### {ja} ({kind}) / {en}\n");
    for segment in SEGMENTS.iter().filter(|it| !it.name.starts_with(b"PID")) {
        let sent = segment
            .rows
            .iter()
            .filter(|row| row.passes(kind) && is_sent(row));
        let labels: Vec<_> = sent.map(|row| row.label).collect();
        if !labels.is_empty() {
            let _ = writeln!(page, "- {}：{}", segment.ja, labels.join("、"));
        }
    }
    if kind == DataKind::Adt00 {
        page.push_str("- 患者：上の「人について送るもの」\n");
    }
    page.push('\n');
}

/// Whether something of the field leaves as content.
fn is_sent(row: &Row) -> bool {
    matches!(
        row.treatment,
        Treatment::Keep | Treatment::Generalise | Treatment::Rekey
    )
}

fn values(page: &mut String) {
    page.push_str(
        "## 検査結果の値 / Values of results\n\n\
         結果の値（OBX-5）は、型によって送れる形が違います。ここにない型は送りません。\n\
         Values by their type; a type that is not here is not sent.\n\n\
         | 型 / type | 中身 / content | 送るか / sent |\n|---|---|---|\n",
    );
    for value in VALUES {
        let sent = match value.form {
            Form::Nothing => "**送りません / never**",
            Form::Sign => "数値と記号だけ / numbers and signs only",
            _ => "送ります / yes",
        };
        let _ = writeln!(page, "| {} | {} | {sent} |", value.name, value.ja);
    }
    page.push('\n');
}

fn never(page: &mut String) {
    page.push_str(
        "## 決して送らないもの / What never leaves\n\n\
         括弧の中は HL7 の項目の番号です。次のものは、どの種別でも送りません。\n\
         The numbers are fields of HL7. None of these is sent for any kind.\n\n",
    );
    for (class, ja, en) in CLASSES {
        let _ = writeln!(page, "### {ja} / {en}\n");
        for segment in SEGMENTS {
            let dropped = segment
                .rows
                .iter()
                .filter(|row| row.class == *class && row.treatment == Treatment::Drop);
            let labels: Vec<_> = dropped
                .map(|row| format!("{} ({})", row.label, place(segment, row)))
                .collect();
            if !labels.is_empty() {
                let _ = writeln!(page, "- {}：{}", segment.ja, labels.join("、"));
            }
        }
        page.push('\n');
    }
    page.push_str("### 丸ごと送らないセグメント / Whole segments\n\n");
    for segment in SEGMENTS
        .iter()
        .filter(|it| !it.rows.iter().any(passes_anywhere))
    {
        let _ = writeln!(page, "- {} ({})", segment.ja, name(segment));
    }
    page.push_str("- 施設が独自に加えたセグメント（Z で始まる、上の表にないもの） / a site's own segments\n\n");
    page.push_str(
        "### 読むだけで送らないもの / Read on site only\n\n\
         電文を理解するために読み、送りません。\n\
         Read to understand the message, never sent.\n\n",
    );
    for segment in SEGMENTS {
        let read = segment
            .rows
            .iter()
            .filter(|row| row.treatment == Treatment::Read);
        let labels: Vec<_> = read
            .map(|row| format!("{} ({})", row.label, place(segment, row)))
            .collect();
        if !labels.is_empty() {
            let _ = writeln!(page, "- {}：{}", segment.ja, labels.join("、"));
        }
    }
}

fn passes_anywhere(row: &Row) -> bool {
    row.treatment.passes()
}

/// What leaves only where a contract says so.
fn agreed(page: &mut String) {
    page.push_str(
        "## 契約に定めがあるときだけ送るもの / Only where the contract says so\n\n\
         ふだんは送りません（`gateway.toml` の `contracts.staff_tokens`、`contracts.institutions`）。\n\
         職員の番号は、その施設の鍵による符号に変えて送ります。氏名は送りません。\n\
         施設のコードは、10桁の医療機関コードだけを送ります。施設の名前は送りません。\n\n\
         Not sent by default. Numbers of staff are sent as keyed hashes under a key of the site, \
         codes of institutions as they are; never a name of either.\n\n\
         | 元の項目 / field | 送る形 / as |\n|---|---|\n",
    );
    for segment in SEGMENTS {
        for row in segment.rows {
            let Treatment::Named(role) = row.treatment else {
                continue;
            };
            let form = match role.is_of_institution() {
                true => "コードだけ / the code only",
                false => "符号だけ / a keyed hash only",
            };
            let _ = writeln!(page, "| {} ({}) | {form} |", row.label, place(segment, row));
        }
    }
    page.push('\n');
}

fn name(segment: &SegmentRows) -> String {
    segment.name.map(char::from).iter().collect()
}

/// `PV1-3`, or `PV1-3.2` where the row is about some components.
fn place(segment: &SegmentRows, row: &Row) -> String {
    let mut place = format!("{}-{}", name(segment), row.field);
    let shared = segment
        .rows
        .iter()
        .filter(|other| other.field == row.field)
        .count()
        > 1;
    if shared {
        let components: Vec<_> = (1..=15u8)
            .filter(|number| row.components.holds(*number))
            .map(|number| number.to_string())
            .collect();
        let _ = write!(place, ".{}", components.join("・"));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page that is committed is the one that the table gives.
    #[test]
    fn the_page_of_what_leaves_is_not_stale() {
        let committed =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/what-leaves.md");
        let committed = std::fs::read_to_string(committed).unwrap_or_default();
        assert!(committed == page(), "run `cargo xtask docs`");
    }

    #[test]
    fn every_kind_and_every_row_is_on_the_page() {
        let page = page();
        for kind in DataKind::ALL.iter().filter(|kind| !kind.is_extended()) {
            assert!(page.contains(&format!("({kind})")), "{kind}");
        }
        for row in SEGMENTS.iter().flat_map(|segment| segment.rows) {
            assert!(page.contains(row.label), "{}", row.label);
        }
    }
}
