//! What is printed for people.

#![expect(
    clippy::print_stdout,
    reason = "the purpose of the commands is to print"
)]

use std::path::Path;

use control::{Outcome, Refusal, Task};

use crate::store;

pub(crate) fn well_formed() {
    println!("設定ファイルは正しい形です。\nThe settings file is well formed.");
}

/// The orders that are kept, oldest first.
pub(crate) fn orders(state: &Path) {
    let Some(docket) = store::shown(state) else {
        println!("指示の控えはありません。\nNo orders are kept.");
        return;
    };
    for task in docket.tasks() {
        println!("{}", line(task));
    }
}

fn line(task: &Task) -> String {
    let time = |at: i64| {
        jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |it| it.to_string())
    };
    let (ended, outcome) = match task.ended {
        Some((at, outcome)) => (time(at), word(outcome)),
        None => ("-".to_owned(), "作業中 / open".to_owned()),
    };
    format!(
        "{}  {}  {} / {}  {}  {ended}  {outcome}",
        time(task.came),
        task.plan,
        task.kind.japanese(),
        task.kind.word(),
        task.reason.word(),
    )
}

fn word(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done => "済み / done".to_owned(),
        Outcome::SelfTest(0) => "すべて正常 / everything works".to_owned(),
        Outcome::SelfTest(code) => format!("点検コード / code of the self-test {code:04}"),
        Outcome::Support(_) => "報告済み / reported".to_owned(),
        Outcome::Stopped(problem) => format!("停止 / stopped G{problem:03}"),
        Outcome::Unreadable => "設定を読めません / settings cannot be read".to_owned(),
        Outcome::Returned => {
            "センターに届かず元の設定に戻しました / centre not reached, settings put back"
                .to_owned()
        }
        Outcome::Late => "時間切れ / not in time".to_owned(),
        Outcome::Refused(refusal) => match refusal {
            Refusal::OtherDevice => "別の機器あて / for another device",
            Refusal::Expired => "期限切れ / expired",
            Refusal::Clock => "時刻が合いません / clock differs",
            Refusal::Busy => "作業が多すぎます / too many open",
        }
        .to_owned(),
    }
}
