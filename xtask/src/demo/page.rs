//! `report.html`: one self-contained page, Japanese with English beside it.

use std::collections::BTreeMap;

use harness::summary::{Summary, grouped};
use record::{FindingCode, Measure};

/// Fills the page.
pub(crate) fn page(summary: &Summary) -> String {
    let (lead_ja, lead_en) = lead(summary);
    include_str!("page.html")
        .replace("{{lead_ja}}", &lead_ja)
        .replace("{{lead_en}}", &lead_en)
        .replace("{{footer}}", footer(summary))
        .replace("{{cards}}", &cards(summary))
        .replace("{{funnel}}", &funnel(summary))
        .replace("{{withheld}}", &withheld(summary))
        .replace("{{linkage}}", &linkage(summary))
        .replace("{{release}}", &release(summary))
        .replace("{{kinds}}", &bars(&pairs(summary.records_by_kind.iter())))
        .replace("{{findings}}", &findings(summary))
        .replace("{{quality}}", &quality(summary))
        .replace("{{steps}}", &steps(summary))
        .replace("{{sizes}}", &sizes(summary))
}

fn footer(summary: &Summary) -> &'static str {
    match summary.precision {
        Some(_) => "すべて架空のデータです。 / All data is synthetic. ",
        None => {
            "指定されたストレージのデータです。架空とは限りません。 / Data of the storage you named; \
             it may be real. "
        }
    }
}

/// Whose figures are not among those of the sites.
pub(crate) fn elsewhere(summary: &Summary) -> Option<(String, String)> {
    let sites = summary.by_appliance.join(", ");
    (!sites.is_empty()).then(|| {
        (
            format!("{sites} は機器が読みました。読んだ数と封かんした数は機器の中にあり、上の施設の数に含みません。センターの数はすべての施設の合計です。"),
            format!(
                "{sites} was read by the appliance, which keeps its own counts; they are not among \
                 those of the sites above. The centre's figures are of all sites."
            ),
        )
    })
}

fn lead(summary: &Summary) -> (String, String) {
    if summary.batches == 0 && summary.sent == 0 {
        return (
            format!(
                "前回から変わったものがないため、何も封かんせず、何も送りませんでした（変更なし {} ファイル）。二重に送られた記録はありません。",
                grouped(summary.unchanged_files)
            ),
            format!(
                "Nothing has changed since the last run: nothing was sealed, nothing was sent ({} files unchanged). No record was sent twice.",
                grouped(summary.unchanged_files)
            ),
        );
    }
    (
        format!(
            "{} ファイルを読み、{} 件の記録を封かんして届け、{} 人につなぎ、{} 人分を匿名加工しました。",
            grouped(summary.files),
            grouped(summary.sealed_records),
            grouped(summary.persons),
            grouped(summary.persons_released)
        ),
        format!(
            "{} files were read, {} records sealed and delivered, linked to {} persons, and {} persons released anonymized.",
            grouped(summary.files),
            grouped(summary.sealed_records),
            grouped(summary.persons),
            grouped(summary.persons_released)
        ),
    )
}

fn cards(summary: &Summary) -> String {
    let rate = |value: Option<f64>| value.map_or("—".to_owned(), |v| format!("{v:.4}"));
    let withheld: u64 = summary.withheld.values().map(|w| w.persons).sum();
    [
        ("名寄せ後の人数", "persons linked", grouped(summary.persons)),
        (
            "提供しない患者（施設ごと）",
            "site-patients withheld",
            grouped(withheld),
        ),
        (
            "適合率：つないだうち正しい割合",
            "precision",
            rate(summary.precision),
        ),
        (
            "再現率：つなぐべきうちつないだ割合",
            "recall",
            rate(summary.recall),
        ),
        ("最小の組の人数 k", "smallest group, k", grouped(summary.k)),
        (
            "提供した行",
            "rows released",
            grouped(summary.rows_released),
        ),
    ]
    .map(|(ja, en, value)| {
        format!("<div class=\"card\"><b>{value}</b>{ja} <span class=\"en\">{en}</span></div>")
    })
    .concat()
}

fn funnel(summary: &Summary) -> String {
    let note =
        elsewhere(summary).map(|(ja, en)| format!("<p>{ja} <span class=\"en\">{en}</span></p>"));
    let withheld: u64 = summary.withheld.values().map(|w| w.records).sum();
    bars(&[
        ("今回見たファイル files seen".to_owned(), summary.files),
        (
            "今回読んだ記録 records read now".to_owned(),
            summary.records,
        ),
        ("提供しない記録 withheld".to_owned(), withheld),
        (
            "今回封かんした記録 sealed now".to_owned(),
            summary.sealed_records,
        ),
        (
            "累計: センターの記録 stored in all".to_owned(),
            summary.stored_records,
        ),
        (
            "累計: 患者（施設ごと） site-patients".to_owned(),
            summary.subjects,
        ),
        (
            "累計: つないだ人 persons linked".to_owned(),
            summary.persons,
        ),
        (
            "提供した人 persons released".to_owned(),
            summary.persons_released,
        ),
        ("提供した行 rows released".to_owned(), summary.rows_released),
    ]) + &format!(
        "<p>束 {} / 送信 {} / 受領 {} / 拒否 {} <span class=\"en\">batches sealed / sent / accepted / refused (accepted and refused over all runs)</span></p>",
        grouped(summary.batches),
        grouped(summary.sent),
        grouped(summary.accepted),
        grouped(summary.refused)
    ) + &note.unwrap_or_default()
}

fn withheld(summary: &Summary) -> String {
    let mut rows = String::new();
    for (reason, count) in &summary.withheld {
        let name = reason_name(reason);
        rows += &row(&name, &[count.persons, count.files, count.records]);
    }
    if rows.is_empty() {
        rows = row("なし none", &[0, 0, 0]);
    }
    let head = [
        "理由 reason",
        "人 persons",
        "ファイル files",
        "記録 records",
    ];
    let others = [
        (
            "隔離したファイル quarantined files",
            summary.quarantined_files,
        ),
        (
            "古い版のファイル superseded versions",
            summary.superseded_files,
        ),
        (
            "施設が削除した文書 deleted by the site",
            summary.withdrawn_files,
        ),
    ];
    let others: String = others
        .iter()
        .map(|(name, count)| row(name, &[*count]))
        .collect();
    table(&head, &rows) + &table(&["その他 other", "ファイル files"], &others)
}

/// A reason of the gate in words.
pub(crate) fn reason_name(reason: &str) -> String {
    match reason {
        "stopped" => "提供停止の求め stopped by the person",
        "hold" => "通知後の待機期間中 hold is running",
        "not_notified" => "未通知 not notified",
        "no_contract" => "契約なし no contract",
        "contract_not_active" => "契約期間外 contract not active",
        "no_filing" => "届出なし no filing",
        "decision_pending" => "判断待ち decision pending",
        "no_consent" => "同意なし no consent",
        "notice_outdated" => "通知文が古い notice text outdated",
        other => return escape(other),
    }
    .to_owned()
}

fn linkage(summary: &Summary) -> String {
    let text = match (summary.precision, summary.recall) {
        (Some(precision), Some(recall)) => format!(
            "<p>町の正解と比べて、適合率 {precision:.5}、再現率 {recall:.5} でした。<br>\
             <span class=\"en\">Against the town's truth: precision {precision:.5}, \
             recall {recall:.5}.</span></p>"
        ),
        _ => "<p>正解のないデータのため、精度は測れません。<br><span class=\"en\">\
             There is no truth to compare with, so precision and recall are not known.</span></p>"
            .to_owned(),
    };
    text + &bars(&[
        (
            "患者（施設ごと） site-patients".to_owned(),
            summary.subjects,
        ),
        ("人 persons".to_owned(), summary.persons),
    ])
}

fn release(summary: &Summary) -> String {
    let k = grouped(summary.k);
    let (asked, suppressed) = (grouped(summary.k_asked), grouped(summary.suppressed));
    let (coarse_ja, coarse_en) = coarseness(summary);
    let text = format!(
        "<p>準識別子の組は、どれも {k} 人以上に当てはまります（基準 {asked} 人）。\
         そのために {suppressed} 人を除きました。\
         {coarse_ja}<br><span class=\"en\">Every combination of quasi-identifiers fits at \
         least {k} persons ({asked} were asked for); \
         {suppressed} persons were suppressed to reach this. \
         {coarse_en}</span></p>"
    );
    text + &searched(summary)
        + &bars(&pairs(summary.rows_by_table.iter()))
        + &reasons(
            "出さなかった行 rows left out",
            "行 rows",
            &summary.rows_left,
        )
        + &reasons(
            "空にした値 values left empty",
            "値 values",
            &summary.cells_emptied,
        )
}

/// What reaching k cost.
fn coarseness(summary: &Summary) -> (String, String) {
    let (age_ja, age_en) = match summary.age_years {
        0 => ("年齢は出さず".to_owned(), "Age is not released".to_owned()),
        years => (
            format!("年齢は {years} 歳きざみ"),
            format!("Age is in steps of {years} years"),
        ),
    };
    let (area_ja, area_en) = match summary.area.as_str() {
        "prefecture" => ("都道府県まで", "down to the prefecture"),
        "region" => ("地方まで", "down to the region"),
        _ => ("出していません", "not released"),
    };
    (
        format!("{age_ja}、地域は{area_ja}。"),
        format!("{age_en}, area is {area_en}."),
    )
}

fn searched(summary: &Summary) -> String {
    if summary.identifiers_searched == 0 {
        return "<p>この運転では、識別子の一覧による検査をしていません。<br>\
         <span class=\"en\">\
                This run had no list of identifiers to search the release for.</span></p>"
            .to_owned();
    }
    let (cells, strings) = (
        grouped(summary.cells_searched),
        grouped(summary.identifiers_searched),
    );
    format!(
        "<p>提供データの {cells} 個の値から、町の識別子 {strings} 件を探し、\
         見つかったものは 0 件でした。<br>\
         <span class=\"en\">{cells} values of the release were searched for {strings} \
         identifiers of the town: 0 found.</span></p>"
    )
}

fn findings(summary: &Summary) -> String {
    let mut rows = String::new();
    for code in FindingCode::ALL {
        if let Some(count) = summary.findings.get(code.as_str()) {
            let text = format!(
                "{code} {}<br><span class=\"en\">{}</span>",
                code.ja(),
                code.en()
            );
            rows += &row(&text, &[*count]);
        }
    }
    if rows.is_empty() {
        rows = row("なし none", &[0]);
    }
    let dropped: String = summary
        .dropped
        .iter()
        .map(|(name, count)| row(&escape(name), &[*count]))
        .collect();
    let head = ["名前 name", "件 count"];
    let total: u64 = summary.dropped.values().sum();
    let dropped = table(&head, &dropped);
    table(&["所見 finding", "件 count"], &rows)
        + &format!(
            "<details><summary>施設から出さなかった項目 {} 種 {} 件 <span class=\"en\">fields and lines left on site, by name</span></summary>{dropped}</details>",
            summary.dropped.len(),
            grouped(total)
        )
}

/// The shares of the measures at each site; a site above a limit is red.
fn quality(summary: &Summary) -> String {
    let sites: Vec<_> = summary.quality.iter().collect();
    let names = sites.iter().map(|(site, it)| match it.red {
        true => format!("{} <b>赤 red</b>", escape(site)),
        false => format!("{} 問題なし in order", escape(site)),
    });
    let head: Vec<String> = std::iter::once("品質 quality".to_owned())
        .chain(names)
        .collect();
    let line = |title: &str, name: &str| {
        let cells: String = sites
            .iter()
            .map(|(_, it)| match it.shares.get(name) {
                Some(share) => {
                    let mark = if share.red { " ▲" } else { "" };
                    format!("<td class=\"n\">{:.2} %{mark}</td>", share.per_cent)
                }
                None => "<td class=\"n\">–</td>".to_owned(),
            })
            .collect();
        format!("<tr><td>{title}</td>{cells}</tr>")
    };
    let mut rows = line("隔離したファイル files set aside", "set_aside");
    for measure in Measure::ALL {
        let title = format!("{} {}", measure.ja(), measure.en());
        rows += &line(&title, measure.as_str());
    }
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &rows)
}

fn steps(summary: &Summary) -> String {
    let total: f64 = summary.steps.iter().map(|(_, seconds)| seconds).sum();
    let rows: Vec<_> = summary
        .steps
        .iter()
        .map(|(name, seconds)| {
            let share = if total > 0.0 { seconds / total } else { 0.0 };
            (name.clone(), share, format!("{seconds:.1} s"))
        })
        .collect();
    chart(&rows)
}

fn sizes(summary: &Summary) -> String {
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let lines = [
        ("元のファイル source files", mib(summary.source_bytes)),
        ("封かんした束 sealed batches", mib(summary.sealed_bytes)),
        ("回線に出た量 sent over the line", mib(summary.sent_bytes)),
        ("最大メモリ largest process", mib(summary.peak_memory_bytes)),
        ("全体の時間 all steps", format!("{:.1} s", summary.seconds)),
    ];
    let rows: String = lines
        .iter()
        .map(|(name, value)| format!("<tr><td>{name}</td><td class=\"n\">{value}</td></tr>"))
        .collect();
    format!("<table>{rows}</table>")
}

fn pairs<'a>(entries: impl Iterator<Item = (&'a String, &'a u64)>) -> Vec<(String, u64)> {
    entries
        .map(|(name, count)| (format!("{}{name}", in_japanese(name)), *count))
        .collect()
}

/// The Japanese name of a kind of record or of a table of the release, with a blank behind it.
fn in_japanese(name: &str) -> &'static str {
    match name {
        "AllergyIntolerance" | "allergies" => "アレルギー ",
        "Condition" | "conditions" => "傷病名 ",
        "Coverage" => "保険の種別 ",
        "Encounter" | "encounters" => "受診・入退院 ",
        "MedicationAdministration" | "medication_administrations" => "投薬の実施 ",
        "MedicationRequest" | "medication_requests" => "処方・注射の指示 ",
        "Observation" | "observations" => "検査・測定値 ",
        "Patient" => "患者 ",
        "persons" => "人 ",
        _ => "",
    }
}

/// A table of counts by reason, the reasons in words.
fn reasons(title: &str, unit: &str, counts: &BTreeMap<String, u64>) -> String {
    let mut rows = String::new();
    for (reason, count) in counts {
        let name = match reason.as_str() {
            "person_suppressed" => "k に満たない人の行 rows of suppressed persons",
            "outside_window" => {
                "期間の両端（日付をずらした幅を推測されないように除外） \
                 at the edges of the period, so that the date shift cannot be read"
            }
            "code_rare" => "まれなコード rare codes",
            "code_not_standard" => "標準コードでないもの codes that are not standard",
            "nothing_released" => "出せる値が残らない行 rows with no value left to release",
            other => other,
        };
        rows += &row(&escape(name), &[*count]);
    }
    if rows.is_empty() {
        rows = row("なし none", &[0]);
    }
    format!(
        "<div class=\"scroll\">{}</div>",
        table(&[title, unit], &rows)
    )
}

fn bars(entries: &[(String, u64)]) -> String {
    let most = entries
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(0)
        .max(1);
    let rows: Vec<_> = entries
        .iter()
        .map(|(name, count)| (name.clone(), *count as f64 / most as f64, grouped(*count)))
        .collect();
    chart(&rows)
}

/// Horizontal bars; every bar carries its name and number as text.
fn chart(rows: &[(String, f64, String)]) -> String {
    const ROW: usize = 30;
    let mut marks = String::new();
    for (index, (name, share, value)) in rows.iter().enumerate() {
        let top = index * ROW;
        let width = (share * 420.0).max(1.0);
        let name = escape(name);
        marks += &format!(
            "<text x=\"0\" y=\"{y}\">{name}</text>\
             <rect x=\"300\" y=\"{rect}\" width=\"420\" height=\"20\" fill=\"#eef3f8\"/>\
             <rect x=\"300\" y=\"{rect}\" width=\"{width:.1}\" height=\"20\" fill=\"#2f5d8a\"/>\
             <text x=\"730\" y=\"{y}\">{value}</text>",
            y = top + 20,
            rect = top + 5,
        );
    }
    let height = rows.len() * ROW + 4;
    let label: Vec<_> = rows
        .iter()
        .map(|(name, _, value)| format!("{name} {value}"))
        .collect();
    let label = escape(&label.join(", "));
    format!(
        "<div class=\"scroll\"><svg viewBox=\"0 0 860 {height}\" role=\"img\" aria-label=\"{label}\">{marks}</svg></div>"
    )
}

fn table(head: &[&str], rows: &str) -> String {
    let mut cells = String::new();
    for (index, name) in head.iter().enumerate() {
        let class = if index == 0 { "" } else { " class=\"n\"" };
        cells += &format!("<th{class}>{name}</th>");
    }
    format!("<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>")
}

fn row(name: &str, counts: &[u64]) -> String {
    let counts: String = counts
        .iter()
        .map(|count| format!("<td class=\"n\">{}</td>", grouped(*count)))
        .collect();
    format!("<tr><td>{name}</td>{counts}</tr>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
