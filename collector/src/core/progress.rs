//! Lines for the operator, Japanese first: short figures of what was done.

use std::fmt::Write as _;
use std::io::Write as _;

use super::catalogue::Decided;
use super::failure::Failure;
use super::letters::OrderState;
use super::quality::{self, SiteQuality};
use super::report::Status;
use super::tables::Stated;
use super::transfers::{self, Comparison};
use super::{link, make, pull, rewrap};

/// Says what was taken.
pub(crate) fn pulled(it: &pull::Summary) {
    let refused: u64 = it.refused.values().sum();
    let waiting: u64 = it.waiting.values().sum();
    say(&format!(
        "取り込み: 受入 {} 束（本人 {}、文書 {}）、拒否 {refused}、待ち {waiting}、処理済み {}",
        it.accepted, it.subjects, it.documents, it.decided_before
    ));
    say(&format!(
        "  pull: {} batches accepted ({} subjects, {} documents), {refused} refused, \
         {waiting} waiting, {} decided before",
        it.accepted, it.subjects, it.documents, it.decided_before
    ));
    for (reason, count) in it.refused.iter().chain(&it.waiting) {
        say(&format!("    {reason}: {count}"));
    }
}

/// Says how far the keys of stored batches are wrapped, a hundred times at most.
pub(crate) fn rewrapping(done: usize, all: usize) {
    if done.is_multiple_of(all.div_ceil(100).max(1)) {
        say(&format!("鍵の付け替え / rewrap: {done} / {all}"));
    }
}

/// Says which stored batches the new key reads.
pub(crate) fn rewrapped(it: &rewrap::Summary) {
    say(&format!(
        "鍵の付け替え: 新しい鍵で読めるようにした束 {}、前から読める {}、別の鍵あて {}、束でない {}",
        it.rewrapped, it.readable_before, it.of_other_keys, it.unusable
    ));
    say(&format!(
        "  rewrap: {} batches made readable by the new key, {} were before, {} for other keys, \
         {} are no batches",
        it.rewrapped, it.readable_before, it.of_other_keys, it.unusable
    ));
    if it.of_other_keys > 0 {
        say("  ほかの鍵あての束があります。その鍵でも実行してください。");
        say("  Some are for other keys: run this with those keys too.");
    }
}

/// Says in what the transfer ledgers of a site differ; of the daily comparison only what nothing
/// explains.
pub(crate) fn compared(it: &Comparison, unexplained_only: bool) {
    for difference in &it.differences {
        let explained = difference.what.is_explained();
        if explained && unexplained_only {
            continue;
        }
        let [ja, en] = difference.what.texts();
        let mark = if explained { "・" } else { "！" };
        let reason = difference.reason.as_deref();
        let reason = reason
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default();
        say(&format!(
            "{mark}{} {}: {ja}{reason}",
            it.site, difference.at
        ));
        say(&format!("    {en}"));
    }
}

/// Says what came of comparing the transfer ledgers.
pub(crate) fn reconciled(it: &transfers::Summary) {
    say(&format!(
        "突き合わせ: {} 施設、説明のつく違い {}、説明のつかない違い {}",
        it.sites, it.explained, it.unexplained
    ));
    say(&format!(
        "  reconcile: {} sites, {} differences explained, {} not",
        it.sites, it.explained, it.unexplained
    ));
}

/// Says who was linked.
pub(crate) fn linked(it: &link::Summary) {
    say(&format!(
        "名寄せ: {} 件の本人登録を {} 人に（複数施設 {} 人）",
        it.subjects, it.persons, it.persons_at_several_sites
    ));
    say(&format!(
        "  link: {} subjects are {} persons ({} at several sites)",
        it.subjects, it.persons, it.persons_at_several_sites
    ));
}

/// Says what was made.
pub(crate) fn made(it: &make::Summary) {
    let rows: u64 = it.tables.values().map(|table| table.rows).sum();
    let k = &it.k_anonymity;
    say(&format!(
        "加工: {} 人中 {} 人を提供（除外 {}）、k = {}、{rows} 行",
        it.persons_in, it.persons_released, it.persons_suppressed, k.reached
    ));
    say(&format!(
        "  make: {} of {} persons released ({} suppressed), k = {}, {rows} rows",
        it.persons_released, it.persons_in, it.persons_suppressed, k.reached
    ));
}

/// Says that nothing had to be made.
pub(crate) fn stands(name: &str) {
    say(&format!(
        "加工: 提供 {name} は同じ内容で作成済みです。対応は不要です。"
    ));
    say(&format!(
        "  make: release {name} stands already, made from the same; nothing to do"
    ));
}

/// Says that an erasure could not be finished, and that this step goes on.
pub(crate) fn not_erased(failure: &Failure) {
    say(&format!(
        "消去を終えられません。取り込み・名寄せ・加工は、直るまで止まります。\n  \
         an erasure cannot be finished; pull, link and make stop until this is mended\n{failure}"
    ));
}

/// What the core holds, as text.
pub(crate) fn status(it: &Status, not_taken: &[Decided]) -> String {
    let mut text = String::new();
    let mut line = |ja: &str, en: &str, number: u64| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{ja} / {en}: {number}");
    };
    line("施設", "sites", it.sites);
    line("受入済みの束", "accepted batches", it.batches);
    line("有効な文書", "documents that stand", it.documents);
    line(
        "取り消された文書",
        "documents withdrawn",
        it.documents_withdrawn,
    );
    line(
        "新しい版に置き換えられた文書（履歴）",
        "document versions replaced, kept as history",
        it.documents_replaced,
    );
    line("本人登録", "subjects", it.subjects);
    line("人", "persons", it.persons);
    line(
        "来歴台帳の高さ（検証済み）",
        "ledger height (checked)",
        it.ledger_height,
    );
    for (name, count) in &it.records {
        line("表", name, *count);
    }
    for (name, persons) in &it.releases {
        line("提供", name, *persons);
    }
    for (state, orders) in &it.orders {
        match state.starts_with("code_") {
            true => line("緊急コード", &format!("emergency codes, {state}"), *orders),
            false => line("停止指示", &format!("stop orders, {state}"), *orders),
        }
    }
    for (addressee, states) in &it.requests {
        let all = states.values().sum();
        line(
            "停止のお申し出（あて先別）",
            &format!("requests, {addressee}"),
            all,
        );
    }
    for (site, rate) in &it.stop_rates {
        let _ = writeln!(text, "{}", rate.for_people(site));
    }
    troubled(it, &mut text);
    for (site, quality) in &it.quality {
        text.push_str(&of_site(site, quality));
    }
    for file in not_taken {
        let _ = writeln!(
            text,
            "{} {}: {}",
            file.outcome.as_str(),
            file.reason,
            file.path
        );
    }
    text.trim_end().to_owned()
}

/// Sites of which somebody has to know something.
fn troubled(it: &Status, text: &mut String) {
    for site in &it.sites_damaged {
        let _ = writeln!(
            text,
            "表の壊れている施設（数に入っていません。控えから戻してください） / \
             tables damaged, not counted above, restore them from the backup: {site}"
        );
    }
    for site in &it.sites_held_back {
        let _ = writeln!(
            text,
            "保留中の施設（停止指示が24時間確認されていません。施設に連絡してください） / \
             held back, a stop order is not confirmed for 24 hours, call the site: {site}"
        );
    }
    for (site, batches) in &it.sites_stopped {
        let _ = writeln!(
            text,
            "止めている施設（同じ番号の束が2つあります。装置が複製された恐れがあるため、装置を確認し、\
             core resume で残す束を選んでください） / stopped, several batches contend for one place: \
             find out which device is the copy, then choose with `core resume`: {site}"
        );
        for batch in batches {
            let _ = writeln!(text, "    {batch}");
        }
    }
    for (site, subjects) in &it.token_epochs_behind {
        let _ = writeln!(
            text,
            "名寄せの鍵が前の世代の施設（新しい鍵で送り直すまで、前の鍵を終わらせないでください） / \
             site with an earlier token key, do not end that key before it has sent anew: \
             {site} ({subjects})"
        );
    }
}

/// How good the data of a site is: one line, and one more for each share above what is allowed.
fn of_site(site: &str, it: &SiteQuality) -> String {
    let (ja, en) = match it.red {
        true => ("赤（施設に確認してください）", "red, ask the site"),
        false => ("問題なし", "in order"),
    };
    let mut text = format!(
        "品質 {site}: {ja} / quality: {en} ({} files, {} batches)\n",
        it.files, it.batches
    );
    for (name, share) in it.shares.iter().filter(|(_, share)| share.red) {
        let (ja, en) = quality::title(name).unwrap_or_default();
        let most = share.most_per_cent.unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {name} {ja} / {en}: {:.2} % (上限 / at most {most} %)",
            share.per_cent
        );
    }
    text
}

/// Stop orders, as text: one line each.
pub(crate) fn orders(orders: &[OrderState]) -> String {
    let mut text = String::from("指示 / order, 施設 / site, 経過時間 / hours, 状態 / state\n");
    for it in orders {
        let ja = match it.state {
            "waiting" => "機器の確認を待っています",
            "overdue" => "24時間確認がありません。施設に電話してください",
            "stopped" => "停止しました",
            "held" => "候補を保留し、施設の判断を待っています",
            "no_match" => "該当者なし。求めた人に確認してください",
            "not_meant" => "施設が別人と判断しました。求めた人に確認してください",
            "expired" => "期限切れ。--instead-of で作り直してください",
            "code_waiting" => "緊急コード。機器がまだ受け取っていません",
            "code_ready" => "緊急コード。使えます",
            "code_used" => "緊急コード。使われました",
            "code_expired" => "緊急コード。使われないまま期限が切れました",
            _ => "作り直し済み",
        };
        let _ = writeln!(
            text,
            "{}, {}, {}, {ja} / {}",
            it.order, it.site, it.hours, it.state
        );
    }
    text.trim_end().to_owned()
}

/// The versions of a document, as text.
pub(crate) fn history(stated: &[Stated]) -> String {
    let mut text =
        String::from("束 / batch, 版 / version, 状態 / state, 記録 / records, 取込 / taken\n");
    for it in stated {
        let state = match (it.state.as_str(), it.stands) {
            (_, true) => "有効 / stands",
            ("withdrawn", _) => "取消 / withdrawn",
            _ => "旧版 / replaced",
        };
        let _ = writeln!(
            text,
            "{} {}, {}, {state}, {}, {}",
            it.sequence, it.batch, it.version, it.records, it.accepted_at
        );
    }
    text.trim_end().to_owned()
}

/// One line on standard error; nothing is left to tell when even that is gone.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
