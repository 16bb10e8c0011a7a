//! Rules of the house that no other tool checks: sizes, words, paths, links, who names algorithms.
//!
//! Sizes are a ratchet: what is larger than the rule stands in [`LARGER`] with its size, may
//! shrink, may not grow, and leaves the list when it fits.

use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;

use crate::test::Outcome;
use crate::{Workspace, algorithms};

const FILE_LINES: usize = 800;
const FUNCTION_LINES: usize = 70;
const LINE_COLUMNS: usize = 100;

/// `(what, size)`: a path for a file, `path name` for a function.
const LARGER: &[(&str, usize)] = &[];

/// Written in two parts, so that this file passes its own check.
const UNFINISHED: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];
const MACHINE_PATHS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];

/// B-073: only a certified maker produces this, so what runs at a site never uses the word.
const SITE_FOLDERS: [&str; 2] = ["gateway/", "agent/"];
const RESERVED_WORD: &str = "仮名加工医療情報";

const TEXT_KINDS: [&str; 13] = [
    "conf", "css", "csv", "html", "md", "rs", "service", "sh", "sql", "svg", "timer", "toml", "txt",
];

/// Reads every text of the checkout and names every breach.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let mut files = Vec::new();
    collect(&workspace.root, Path::new(""), &mut files)?;
    files.sort();

    let mut faults = Vec::new();
    let mut larger = Vec::new();
    for path in &files {
        let text = std::fs::read_to_string(workspace.root.join(path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.to_string_lossy();
        words(&name, &text, &mut faults);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => {
                sizes(&name, &text, &mut faults, &mut larger);
                algorithms::check(&name, &text, &mut faults);
            }
            Some("md") => links(&workspace.root, path, &text, &mut faults),
            _ => {}
        }
        if path.ends_with("Cargo.toml") && text.contains("[package]") {
            let inherits = text.contains("[lints]\nworkspace = true");
            if !inherits {
                faults.push(format!("{name}: does not take the lints of the workspace"));
            }
        }
    }
    ratchet(LARGER, &larger, &mut faults);
    Ok(if faults.is_empty() {
        Outcome::Passed(format!("{} files", files.len()))
    } else {
        Outcome::Failed(faults.join("\n"))
    })
}

/// The text files below `folder`, without what git ignores and without samples of other makers.
fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(root.join(folder))
        .with_context(|| format!("cannot read {}", folder.display()))?
    {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let left_out = [".git", "target", "out", "tests/samples"];
            if !left_out.iter().any(|name| path == Path::new(name)) {
                collect(root, &path, files)?;
            }
        } else if kind.is_file() && is_text(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_text(path: &Path) -> bool {
    path.starts_with(".ci")
        || path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| TEXT_KINDS.contains(&extension))
}

fn words(name: &str, text: &str, faults: &mut Vec<String>) {
    let at_site = SITE_FOLDERS.iter().any(|folder| name.starts_with(folder));
    for (number, line) in (1..).zip(text.lines()) {
        for word in UNFINISHED {
            if holds_word(line, word) {
                faults.push(format!("{name}:{number}: unfinished work ({word})"));
            }
        }
        for path in MACHINE_PATHS {
            if holds_machine_path(line, path) {
                faults.push(format!("{name}:{number}: a path of one machine ({path})"));
            }
        }
        if at_site && line.contains(RESERVED_WORD) {
            faults.push(format!(
                "{name}:{number}: a site never makes {RESERVED_WORD} (B-073)"
            ));
        }
    }
}

/// Whether `word` stands in `line` with no letter or digit beside it.
fn holds_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|left| left.chars().next_back());
        let after = line
            .get(at + word.len()..)
            .and_then(|right| right.chars().next());
        ![before, after]
            .into_iter()
            .flatten()
            .any(char::is_alphanumeric)
    })
}

/// Whether an absolute path under `path` stands in `line`: not as the middle of another path,
/// and with something below it.
fn holds_machine_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|left| left.chars().next_back());
        let after = line
            .get(at + path.len()..)
            .and_then(|right| right.chars().next());
        let starts =
            before.is_none_or(|letter| !letter.is_alphanumeric() && !"-_.}/".contains(letter));
        starts && after.is_some_and(char::is_alphanumeric)
    })
}

fn sizes(name: &str, text: &str, faults: &mut Vec<String>, larger: &mut Vec<(String, usize)>) {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > FILE_LINES {
        larger.push((name.to_owned(), lines.len()));
    }
    for (number, line) in (1..).zip(&lines) {
        let columns = line.chars().count();
        if columns > LINE_COLUMNS && !stays_whole(line) {
            faults.push(format!(
                "{name}:{number}: {columns} columns, {LINE_COLUMNS} at most"
            ));
        }
    }
    for (function, size) in functions(&lines) {
        if size > FUNCTION_LINES {
            larger.push((format!("{name} {function}"), size));
        }
    }
}

/// Whether breaking the line would not help its reader: a text that stands alone, as in a table
/// of messages, or a row of a table in a document comment.
fn stays_whole(line: &str) -> bool {
    let line = line.trim_start();
    ["\"", "//! |", "/// |"]
        .iter()
        .any(|begin| line.starts_with(begin))
}

/// Name and number of lines of every function with a body. Tests are left out: most of a long
/// test is its table of cases, which is data, and the size of the file bounds it.
///
/// Relies on rustfmt: the closing brace stands alone, as far in as the line that begins it.
fn functions<'a>(lines: &[&'a str]) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some(function) = function_name(code) else {
            continue;
        };
        let above = lines.get(..start).unwrap_or_default().iter().rev();
        if above
            .map(|line| line.trim())
            .take_while(|line| line.starts_with('#'))
            .any(is_test)
        {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(line.len() - code.len()));
        let body = lines.iter().skip(start);
        // A declaration in a trait ends with `;` before any brace opens.
        let opens = body
            .clone()
            .find(|line| line.ends_with('{') || line.ends_with(';'));
        if line.ends_with('}') || !opens.is_some_and(|line| line.ends_with('{')) {
            continue;
        }
        if let Some(last) = body.clone().position(|line| *line == closing) {
            found.push((function, last + 1));
        }
    }
    found
}

fn is_test(attribute: &str) -> bool {
    attribute == "#[test]" || attribute.starts_with("#[tokio::test")
}

fn function_name(code: &str) -> Option<&str> {
    let mut rest = code;
    loop {
        if let Some(name) = rest.strip_prefix("fn ") {
            return name.split(['(', '<']).next();
        }
        let (word, after) = rest.split_once(' ')?;
        let qualifier = ["pub", "const", "async", "unsafe", "default"].contains(&word)
            || word.starts_with("pub(");
        rest = if qualifier { after } else { return None };
    }
}

fn ratchet(allowed: &[(&str, usize)], found: &[(String, usize)], faults: &mut Vec<String>) {
    for (what, size) in found {
        match allowed.iter().find(|(name, _)| name == what) {
            Some((_, most)) if size <= most => {}
            Some((_, most)) => faults.push(format!("{what}: grew from {most} to {size} lines")),
            None => faults.push(format!(
                "{what}: {size} lines; functions have {FUNCTION_LINES}, files {FILE_LINES} at most"
            )),
        }
    }
    for (name, _) in allowed {
        if !found.iter().any(|(what, _)| what == name) {
            faults.push(format!(
                "{name}: fits now, take it off the list in xtask/src/tidy.rs"
            ));
        }
    }
}

/// Every link to a file of the checkout has to lead somewhere.
fn links(root: &Path, path: &Path, text: &str, faults: &mut Vec<String>) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut in_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let inside = plain(&folder.join(file)).filter(|file| root.join(file).exists());
            if inside.is_none() {
                faults.push(format!("{}:{number}: dead link {target}", path.display()));
            }
        }
    }
}

/// The targets of `[text](target)` in a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
}

/// The path without `.` and `..`, or nothing when it leaves the checkout.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_of_a_function_is_counted_from_its_head_to_its_brace() {
        let text = "impl A {\n    pub(crate) async fn a<T>(\n        t: T,\n    ) -> u8 {\n        \
            if x {\n        }\n    }\n\n    fn short() {}\n}\n\nconst fn b() {\n}\n\
            trait T {\n    fn declared(\n        &self,\n    );\n}\n\
            #[test]\nfn a_table() {\n}\n";
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(functions(&lines), [("a", 6), ("b", 2)]);
    }

    #[test]
    fn larger_things_may_shrink_but_not_grow() {
        let allowed = [("a.rs", 900), ("b.rs", 900), ("c.rs f", 80)];
        let found = [
            ("a.rs".to_owned(), 850),
            ("b.rs".to_owned(), 901),
            ("d.rs".to_owned(), 801),
        ];
        let mut faults = Vec::new();
        ratchet(&allowed, &found, &mut faults);
        let beginnings = ["b.rs: grew", "d.rs: 801 lines", "c.rs f: fits now"];
        assert_eq!(faults.len(), beginnings.len(), "{faults:?}");
        for (fault, beginning) in faults.iter().zip(beginnings) {
            assert!(fault.starts_with(beginning), "{fault}");
        }
    }

    #[test]
    fn words_and_machine_paths_are_found_only_where_they_stand_alone() {
        let cases = [
            (format!("// {} later", UNFINISHED[0]), 1),
            (format!("RUSTSEC-{}X", UNFINISHED[2]), 0),
            (format!("open {}main/a", MACHINE_PATHS[0]), 1),
            (format!("a/frame{}main", MACHINE_PATHS[0]), 0),
            (
                format!("ProtectHome hides {} and more", MACHINE_PATHS[2]),
                0,
            ),
        ];
        for (line, count) in cases {
            let mut faults = Vec::new();
            words("docs/a.md", &line, &mut faults);
            assert_eq!(faults.len(), count, "{line}: {faults:?}");
        }
    }

    #[test]
    fn the_reserved_word_is_refused_at_the_site_only() {
        for (name, count) in [("gateway/src/page.html", 1), ("docs/words.md", 0)] {
            let mut faults = Vec::new();
            words(name, RESERVED_WORD, &mut faults);
            assert_eq!(faults.len(), count, "{name}: {faults:?}");
        }
    }

    #[test]
    fn links_are_taken_apart() {
        let line = "see [a](docs/a.md#b) and [c](https://example.org) ![p](p.svg \"title\")";
        let found: Vec<&str> = targets(line).collect();
        assert_eq!(found, ["docs/a.md#b", "https://example.org", "p.svg"]);
        assert_eq!(
            plain(Path::new("docs/../README.md")),
            Some(PathBuf::from("README.md"))
        );
        assert_eq!(plain(Path::new("../outside.md")), None);
    }
}
