//! The page and the pictures of the front panel, from what its program goes by.

use std::fmt::Write as _;

use emulator::svg;
use panel::code::{Code, Layer};
use panel::shown::{DataPath, Facts, Health, Level, Notice, Page, Place, TABLE, face};

const HEAD: &str = include_str!("front_panel/head.txt");
const TAIL: &str = include_str!("front_panel/tail.txt");

/// The page for staff and the help desk.
pub(crate) fn page() -> String {
    let example = Code::new(Layer::Device, 3).to_string();
    let mut page = HEAD.replace("D0003_", &example);
    for level in [Level::Fault, Level::Attention, Level::Good] {
        for row in TABLE.iter().filter(|row| row.level == level) {
            let code = match row.number {
                Some(number) => Code::new(row.layer, number).to_string(),
                None => format!("{}数字", row.layer.letter()),
            };
            let place = match row.place {
                Place::Device => "A ●",
                Place::Network => "B ▲",
                Place::Data => "C ■",
            };
            let lit = match row.level {
                Level::Good => "点灯 on",
                Level::Attention => "ゆっくり slow",
                Level::Fault => "速い fast",
            };
            let [what, next] = row.ja;
            let [what_en, next_en] = row.en;
            // Writing to a string does not fail.
            let _ = writeln!(
                page,
                "| `{code}` | {} | {place} {lit} | {what}{next} / {what_en} {next_en} |",
                row.line
            );
        }
    }
    page.push_str(TAIL);
    for notice in Notice::ALL {
        let _ = writeln!(page, "- `{}`", notice.word());
    }
    page.push_str(
        "- `self-test-NNNN`：自己診断の番号、0000 は合格 \
         / what the self-test found, 0000 for nothing\n",
    );
    page
}

/// A device of which nothing is wrong.
pub(crate) fn good() -> String {
    svg(&face(&facts(true), Page::State))
}

/// One whose line is down.
pub(crate) fn line_down() -> String {
    svg(&face(&facts(false), Page::State))
}

/// The code of that one.
pub(crate) fn code() -> String {
    svg(&face(&facts(false), Page::Code))
}

fn facts(line: bool) -> Facts {
    let now = 1_790_000_000;
    let path = DataPath {
        at: now,
        problem: 0,
        oldest: None,
        source: Some(now),
    };
    let health = Health {
        at: now,
        clock: true,
        room: true,
        temperature: None,
        wear: None,
        line: Some(line),
        path: Some(path),
    };
    Facts {
        health: Some(health),
        address: Some([192, 168, 1, 20].into()),
        ..Facts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-01: the help desk finds every code on the page.
    #[test]
    fn every_row_is_on_the_page() {
        let page = page();
        for row in TABLE {
            assert!(
                page.contains(row.line) && page.contains(row.ja[1]),
                "{row:?}"
            );
            if let Some(number) = row.number {
                let code = Code::new(row.layer, number).to_string();
                assert!(page.contains(&format!("| `{code}` |")), "{code}");
            }
        }
    }
}
