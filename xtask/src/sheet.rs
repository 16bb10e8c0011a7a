//! `cargo xtask sheet`: the sheet by which a receptionist plugs the device in (C-01), one A4 side
//! as PDF. `cargo xtask test sheet` prints it and looks at what came out.

#![expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print its result"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};
use selftest::Fault;

use crate::Workspace;
use crate::test::Outcome;

/// The sheet without the table of codes.
const SHEET: &str = "docs/operating/first-start-sheet.html";
const CODES: &str = "<!-- codes -->";
/// The most steps that a person has to take (C-01).
const STEPS_MOST: usize = 10;

/// What a receptionist can do something about, or has to tell.
const SHOWN: &[Fault] = &[
    Fault::NoCable,
    Fault::DhcpSilent,
    Fault::AddressTaken,
    Fault::RouterMute,
    Fault::TimeServerMute,
    Fault::LineDown,
    Fault::TunnelDown,
    Fault::CertificateMissing,
    Fault::CentreMute,
    Fault::NotTls,
];

/// Prints the sheet, and says where it is.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    println!("{}", print(workspace)?.display());
    Ok(ExitCode::SUCCESS)
}

/// Whether the sheet is one A4 side with every step, in the font that it is meant for.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let pdf = print(workspace)?;
    let faults = faults(&html(workspace)?, &pdf)?;
    Ok(match faults.is_empty() {
        true => Outcome::Passed("one A4 side".to_owned()),
        false => Outcome::Failed(faults.join("\n")),
    })
}

fn html(workspace: &Workspace) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(workspace.root.join(SHEET)).context(SHEET)?;
    ensure!(
        text.matches(CODES).count() == 1,
        "{SHEET}: no place for the codes"
    );
    let rows = SHOWN.iter().fold(String::new(), |mut rows, fault| {
        let entry = fault.entry();
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            fault.code(),
            entry.ja,
            entry.next_ja
        );
        rows
    });
    Ok(text.replace(CODES, &rows))
}

fn print(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = workspace.scratch("sheet")?;
    let (page, pdf) = (
        folder.join("sheet.html"),
        folder.join("first-start-sheet.pdf"),
    );
    std::fs::write(&page, html(workspace)?).context("the page")?;
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("chromium").display()
        ))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(&page)
        .output()
        .context("chromium is missing: apt-get install chromium")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && pdf.exists(), "chromium: {told}");
    Ok(pdf)
}

fn faults(html: &str, pdf: &Path) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    let about = tool("pdfinfo", pdf, &[])?;
    for line in ["Pages:1", "Pagesize:594.96x841.92pts(A4)"] {
        let bare = |line: &str| line.split_whitespace().collect::<String>();
        if !about.lines().any(|told| bare(told) == line) {
            faults.push(format!("not {line}:\n{about}"));
        }
    }
    let fonts = tool("pdffonts", pdf, &[])?;
    let rows = fonts.lines().skip(2);
    let foreign = |row: &&str| !row.contains("IPAexGothic");
    faults.extend(
        rows.filter(foreign)
            .map(|row| format!("another font: {row}")),
    );
    let text: String = tool("pdftotext", pdf, &["-"])?.split_whitespace().collect();
    let steps = steps(html);
    if !(1..=STEPS_MOST).contains(&steps.len()) {
        faults.push(format!("{} steps, {STEPS_MOST} at most", steps.len()));
    }
    let codes = SHOWN.iter().map(|fault| fault.code().to_string());
    for part in steps.into_iter().chain(codes) {
        if !text.contains(&part) {
            faults.push(format!("not on the sheet: {part}"));
        }
    }
    Ok(faults)
}

/// The beginnings of the steps, up to the first mark-up, without spaces.
fn steps(html: &str) -> Vec<String> {
    let steps = html.split("<li>").skip(1);
    let beginnings = steps.filter_map(|step| step.split('<').next());
    beginnings
        .map(|text| text.split_whitespace().collect())
        .collect()
}

fn tool(name: &str, pdf: &Path, more: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(name).arg(pdf).args(more).output();
    let output = output.with_context(|| {
        format!("{name} is missing: apt-get install poppler-utils fonts-ipaexfont-gothic")
    })?;
    ensure!(output.status.success(), "{name} cannot read the sheet");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn a_step_is_known_by_its_words_up_to_the_first_mark() {
        let html = "<ol><li>one two</li><li>three<b>four</b></li></ol>";
        assert_eq!(steps(html), ["onetwo", "three"]);
    }
}
