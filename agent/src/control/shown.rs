//! What is printed for people.

#![expect(
    clippy::print_stdout,
    reason = "the purpose of the commands is to print"
)]

use std::path::Path;

use control::Task;

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
        Some((at, outcome)) => (time(at), outcome.texts().join(" / ")),
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
