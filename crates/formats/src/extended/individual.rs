//! The guard against the individual number (B-132) in XML: over the text of a whole document, its
//! narrative and every attribute, before anything of it is read.

use memchr::memrchr2;
use record::{ChartNumber, Finding, FindingCode};
use text::individual::{self, Evidence};

/// Looks at a document as it stands in the file.
///
/// # Errors
/// [`FindingCode::IndividualNumber`], without the number.
pub(super) fn check(text: &str, chart: &ChartNumber) -> Result<(), Finding> {
    let hit = individual::finds(text).any(|find| {
        let found = text.get(find.start..find.end).unwrap_or_default();
        found != chart.expose() && counts(text, find)
    });
    match hit {
        true => Err(Finding::of_file(FindingCode::IndividualNumber)),
        false => Ok(()),
    }
}

/// Bytes before a number in which the name of what it is must stand.
const NEAR: usize = 200;

/// Whether a find counts where it stands: numbers of documents and orders, and codes, may have
/// twelve digits of their own (decision 0034).
fn counts(text: &str, find: individual::Find) -> bool {
    let before = text.get(..find.start).unwrap_or_default();
    let near = before.len().saturating_sub(NEAR);
    let near = (near..before.len()).find_map(|from| before.get(from..));
    if near.is_some_and(individual::is_named) {
        return true;
    }
    find.evidence == Evidence::Strong && !attribute(before).is_some_and(is_of_other_numbers)
}

/// The attribute whose value the end of a text stands in; `None` in text between tags.
fn attribute(before: &str) -> Option<&str> {
    let tag = before.get(memrchr2(b'<', b'>', before.as_bytes())?..)?;
    let (names, _) = tag.strip_prefix('<')?.rsplit_once('=')?;
    names.trim_end().rsplit([' ', '\t', '\r', '\n']).next()
}

/// Whether an attribute holds numbers of things.
fn is_of_other_numbers(name: &str) -> bool {
    matches!(name, "extension" | "root" | "code" | "codeSystem" | "ID")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-132.
    #[test]
    fn what_counts_depends_on_where_it_stands() {
        let chart = ChartNumber::new("0001112223").unwrap();
        for (text, hit) in [
            ("<td>123456789018</td>", true),
            ("<td>1234 5678 9018</td>", true),
            ("<value value='123456789018'/>", true),
            ("<value unit='1' value = \"123456789018\"/>", true),
            ("<telecom value='tel:123456789018'/>", true),
            ("<id root='1.2.3' extension='123456789018'/>", false),
            ("<code code='123456789018' codeSystem='1.2.3'/>", false),
            ("<time value='202601051038'/>", false),
            ("<td>マイナンバー</td><td>202601051038</td>", true),
            (
                "<id assigningAuthorityName='個人番号' extension='123456789018'/>",
                true,
            ),
            ("<td>0001112223</td>", false),
            ("<id extension='1.2.392.123456789018.1'/>", false),
        ] {
            assert_eq!(check(text, &chart).is_err(), hit, "{text}");
        }
        let own = ChartNumber::new("123456789018").unwrap();
        assert!(check("<td>123456789018</td>", &own).is_ok());
    }
}
