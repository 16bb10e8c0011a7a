//! Every key of the settings with its words, and the page made from them:
//! `docs/operating/settings.md`. A test holds the list against what the programs read, with types,
//! ranges and defaults.

mod device;
mod gateway;
mod page;
#[cfg(test)]
mod probe;
mod renamed;
mod source;

use std::fmt;

pub(crate) use renamed::refuse_renamed;

/// One key.
struct Key {
    /// Its name, with dots.
    name: &'static str,
    form: Form,
    given: Given,
    /// The version that brought it.
    since: &'static str,
    ja: &'static str,
    en: &'static str,
}

/// What stands behind a key.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A number within these bounds.
    Number(u64, u64),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Words(&'static [&'static str]),
    /// Some of these words.
    SomeOf(&'static [&'static str]),
    /// `YYYY-MM-DD`.
    Day,
    /// Where a file or folder is.
    Place,
    /// That many places.
    Places(u64, u64),
    /// Address and port.
    Address,
    /// A text; which, in Japanese and English.
    Text(&'static str, &'static str),
    /// That many texts.
    Texts(u64, u64),
    /// Pairs; which, in Japanese and English.
    Pairs(&'static str, &'static str),
}

/// Whether a key has to be there.
#[derive(Debug, Clone, Copy)]
enum Given {
    /// Wherever its section is.
    Always,
    /// Not necessarily; nothing takes its place.
    Perhaps,
    /// Not necessarily; this holds without it, as TOML.
    Else(&'static str),
}

/// A section, with what it is for.
struct Section {
    /// Its heading, as it stands in the file; empty for the top.
    heading: &'static str,
    ja: &'static str,
    en: &'static str,
}

const fn key(
    name: &'static str,
    form: Form,
    given: Given,
    ja: &'static str,
    en: &'static str,
) -> Key {
    Key {
        name,
        form,
        given,
        since: "0.1.0",
        ja,
        en,
    }
}

const fn section(heading: &'static str, ja: &'static str, en: &'static str) -> Section {
    Section { heading, ja, en }
}

impl Key {
    /// The key within its section.
    fn last(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    fn section(&self) -> &str {
        self.name
            .rsplit_once('.')
            .map_or("", |(section, _)| section)
    }
}

impl Section {
    /// The name of the section, without brackets.
    fn name(&self) -> &str {
        self.heading.trim_matches(['[', ']'])
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            words.join(" ")
        };
        match self {
            Self::Number(least, most) => {
                write!(f, "数 number<br>{}～{}", grouped(*least), grouped(*most))
            }
            Self::Flag => f.write_str("`true` / `false`"),
            Self::Words(words) => f.write_str(&quoted(words)),
            Self::SomeOf(words) => write!(f, "並び list<br>{}", quoted(words)),
            Self::Day => f.write_str("日 day<br>`\"YYYY-MM-DD\"`"),
            Self::Place => f.write_str("場所 path"),
            Self::Places(least, most) => write!(f, "場所の並び paths<br>{least}～{most}"),
            Self::Address => f.write_str("番地とポート address and port"),
            Self::Text(ja, en) => write!(f, "文字 text<br>{ja}<br>{en}"),
            Self::Texts(least, most) => write!(f, "文字の並び texts<br>{least}～{most}"),
            Self::Pairs(ja, en) => write!(f, "対 pairs<br>{ja}<br>{en}"),
        }
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("**必須 required**"),
            Self::Perhaps => f.write_str("なし none"),
            Self::Else(value) => write!(f, "`{value}`"),
        }
    }
}

/// A number that people can read.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let place = |at: usize| digits.len() - at;
    let comma = |at: usize| at > 0 && place(at).is_multiple_of(3);
    let letters = digits.char_indices();
    letters.fold(String::new(), |mut text, (at, digit)| {
        if comma(at) {
            text.push(',');
        }
        text.push(digit);
        text
    })
}

/// The page of the settings, made from the list of keys.
pub fn page() -> String {
    let mut page = String::from(HEADER);
    for (title, sections, keys) in [
        (
            "gateway.toml（`sekisho-gateway`）",
            gateway::SECTIONS,
            gateway::KEYS,
        ),
        (
            "page.toml（`sekisho-gateway page`）",
            page::SECTIONS,
            page::KEYS,
        ),
        (
            "device.toml（`sekisho-selftest`）",
            device::SECTIONS,
            device::KEYS,
        ),
    ] {
        page.push_str(&format!("\n## {title}\n"));
        for section in sections {
            let heading = match section.heading {
                "" => "先頭 / top".to_owned(),
                heading => format!("`{heading}`"),
            };
            let (ja, en) = (section.ja, section.en);
            page.push_str(&format!("\n### {heading}\n\n{ja}\n{en}\n\n{COLUMNS}"));
            let of_section = |key: &&Key| key.section() == section.name();
            for key in keys.iter().copied().flatten().filter(of_section) {
                page.push_str(&format!(
                    "| `{}` | {} | {} | {} | {}<br>{} |\n",
                    key.last(),
                    key.form,
                    key.given,
                    key.since,
                    key.ja,
                    key.en
                ));
            }
        }
    }
    page
}

const COLUMNS: &str = "\
| 項目<br>key | 型と範囲<br>type and range | 書かないとき<br>default | 版<br>since | 説明<br>meaning |
|---|---|---|---|---|
";

const HEADER: &str = "\
# 設定項目 / Settings

この表はプログラムから生成しています。手で直さないでください（`cargo xtask docs`）。
This page is made from the programs; do not edit it by hand (`cargo xtask docs`).

知らない項目、範囲の外の値、型の違う値があると、起動せずに項目の名前を示します（G001）。
名前の変わった項目は、新しい名前を示します。
どの設定でも、通知・待機期間・停止・契約・届出・時刻の確認を外すことはできません。
鍵や合い言葉は設定に書かず、ファイルの場所だけを書きます。

An unknown key, a value out of range or of another type stops the program (G001).
The message names the key.
A key that was renamed is refused with its new name.
No setting turns off notice, hold, stops, contract, filing or the check of the time.
Keys and passwords never stand in settings; they name the files.

例 / examples:
[gateway.toml](../../config/examples/gateway.toml),
[page.toml](../../config/examples/page.toml),
[device.toml](../../config/examples/device.toml)

確かめるには / to check a file: `sekisho-gateway check --config /etc/sekisho/gateway.toml`
";

#[cfg(test)]
mod tests;
