//! What a file is, by its bytes. What a file says of itself decides nothing: recordings labelled as
//! waveforms turn out to be PDF.

use memchr::{memchr, memmem};
use text::jis::origin;

use super::xml;

/// How many bytes of a file [`sniff`] looks at.
pub const HEAD: usize = 64 << 10;

macro_rules! contents {
    ($($(#[$doc:meta])* $variant:ident = $name:literal [$($extension:literal)*],)*) => {
        /// The format of a file's content.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Content { $($(#[$doc])* $variant,)* }

        impl Content {
            /// Every format.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name under which files left on site are counted.
            pub const fn drop_name(self) -> &'static str {
                match self { $(Self::$variant => concat!("extended:", $name),)* }
            }

            /// The extensions that files of the format carry.
            const fn extensions(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($extension,)*],)* }
            }
        }
    };
}

contents! {
    /// Nothing, or blanks and zeros only.
    Empty = "empty" [],
    /// PDF.
    Pdf = "pdf" ["pdf"],
    /// JPEG and JPEG 2000.
    Jpeg = "jpeg" ["jpg" "jpeg" "jpe" "jp2"],
    /// PNG.
    Png = "png" ["png"],
    /// TIFF.
    Tiff = "tiff" ["tif" "tiff"],
    /// GIF.
    Gif = "gif" ["gif"],
    /// Windows bitmap.
    Bmp = "bmp" ["bmp" "dib"],
    /// DICOM.
    Dicom = "dicom" ["dcm" "dicom"],
    /// Medical waveforms (MFER).
    Mfer = "mfer" ["mwf" "mfr" "mfer"],
    /// Moving pictures (MP4, AVI).
    Video = "video" ["mp4" "m4v" "mov" "avi"],
    /// Office files in the older container (OLE2).
    Ole2 = "ole2" ["doc" "xls" "ppt" "msg"],
    /// Office files in the newer container (OOXML).
    Ooxml = "ooxml" ["docx" "xlsx" "pptx"],
    /// Archives.
    Archive = "archive" ["zip" "gz" "lzh"],
    /// Rich text.
    Rtf = "rtf" ["rtf" "doc"],
    /// HTML.
    Html = "html" ["html" "htm" "xhtml"],
    /// XSL style sheets.
    Xsl = "xsl" ["xsl" "xslt"],
    /// CSS style sheets.
    Css = "css" ["css"],
    /// HL7 CDA R2.
    Cda = "cda" ["xml" "cda"],
    /// Other XML.
    Xml = "xml" ["xml" "svg" "xsd"],
    /// HL7 v2.
    Hl7 = "hl7" ["hl7" "txt" "dat"],
    /// Records of the disaster form J-SPEED in lines.
    Jspeed = "jspeed" ["csv" "txt"],
    /// Lines with commas.
    Csv = "csv" ["csv" "txt"],
    /// Other text.
    Text = "text" ["txt" "log" "ini" "md"],
    /// Anything else.
    Unknown = "unknown" [],
}

/// Recognises a file by its first bytes, at most [`HEAD`] of them.
pub fn sniff(bytes: &[u8]) -> Content {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    if head.iter().all(|b| b.is_ascii_whitespace() || *b == 0) && head.len() == bytes.len() {
        return Content::Empty;
    }
    if let Some(content) = by_magic(head) {
        return content;
    }
    if is_mfer(head) {
        return Content::Mfer;
    }
    if is_hl7(head) {
        return Content::Hl7;
    }
    let text = xml::decode(head).text;
    if let Some(content) = by_root(&text) {
        return content;
    }
    // Readers of PDF find its mark anywhere in the first kilobyte.
    let first = head.get(..1024).unwrap_or(head);
    match memmem::find(first, b"%PDF-") {
        Some(_) => Content::Pdf,
        None => of_text(&text),
    }
}

/// Whether the extension of a file name (its raw bytes) belongs to another format. A name without
/// an extension, or with one of no known format, says nothing.
pub fn disagrees(name: &[u8], content: Content) -> bool {
    let mut parts = name.rsplit(|&b| b == b'.');
    let (Some(last), Some(_)) = (parts.next(), parts.next()) else {
        return false;
    };
    let is = |extension: &&'static str| extension.as_bytes().eq_ignore_ascii_case(last);
    let known = |content: &Content| content.extensions().iter().any(is);
    content != Content::Empty && Content::ALL.iter().any(known) && !known(&content)
}

fn by_magic(head: &[u8]) -> Option<Content> {
    const OOXML: [&[u8]; 4] = [b"[Content_Types].xml", b"word/", b"xl/", b"ppt/"];
    let at = |from: usize, magic: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(magic));
    let content = match head {
        _ if at(0, b"%PDF-") => Content::Pdf,
        _ if at(0, b"\xFF\xD8\xFF") || at(0, b"\0\0\0\x0CjP  ") => Content::Jpeg,
        _ if at(0, b"\x89PNG\r\n\x1A\n") => Content::Png,
        _ if at(0, b"II*\0") || at(0, b"MM\0*") => Content::Tiff,
        _ if at(0, b"GIF87a") || at(0, b"GIF89a") => Content::Gif,
        _ if at(0, b"BM") && at(6, &[0; 4]) => Content::Bmp,
        _ if at(128, b"DICM") => Content::Dicom,
        _ if at(4, b"ftyp") || (at(0, b"RIFF") && at(8, b"AVI ")) => Content::Video,
        _ if at(0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") => Content::Ole2,
        _ if at(0, b"PK\x03\x04") || at(0, b"PK\x05\x06") || at(0, b"PK\x07\x08") => {
            let office = OOXML.iter().any(|name| memmem::find(head, name).is_some());
            if office {
                Content::Ooxml
            } else {
                Content::Archive
            }
        }
        _ if at(0, b"\x1F\x8B") || at(2, b"-lh") => Content::Archive,
        _ if at(0, b"{\\rtf") => Content::Rtf,
        _ => return None,
    };
    Some(content)
}

/// MFER begins with its preamble, or with a run of tag, length and value that fits its tags.
fn is_mfer(head: &[u8]) -> bool {
    /// Byte order, version, character set, sampling, sequence, channels and the like.
    const TAGS: &[u8] = &[
        1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 15, 17, 18, 22, 23, 30, 63, 64, 65,
    ];
    const ENOUGH: usize = 4;
    if head.starts_with(b"\x40\x20MFR ") {
        return true;
    }
    let mut rest = head;
    for seen in 0..ENOUGH {
        let [tag, length, value @ ..] = rest else {
            return false;
        };
        let (tag, length) = (*tag, usize::from(*length));
        // Before the samples every value is short, and byte order or version come first.
        let fits = TAGS.contains(&tag) && length <= 64 && (seen > 0 || matches!(tag, 1 | 2));
        let Some(after) = value.get(length..).filter(|_| fits) else {
            return false;
        };
        rest = after;
    }
    true
}

fn is_hl7(head: &[u8]) -> bool {
    let start = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let start = start.trim_ascii_start();
    let start = start.strip_prefix(b"\x0B").unwrap_or(start);
    let separator = start.strip_prefix(b"MSH").and_then(<[u8]>::first);
    separator.is_some_and(|b| b.is_ascii_punctuation() && *b != b'"')
}

/// XML and HTML by the name of the first element.
fn by_root(text: &str) -> Option<Content> {
    let name = xml::root_name(text)?;
    let content = match name {
        "ClinicalDocument" => Content::Cda,
        "stylesheet" | "transform" => Content::Xsl,
        _ if is_html(name) => Content::Html,
        _ => Content::Xml,
    };
    Some(content)
}

fn is_html(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "html", "head", "body", "div", "p", "table", "br", "font", "center",
    ];
    NAMES.iter().any(|html| name.eq_ignore_ascii_case(html))
}

fn of_text(text: &str) -> Content {
    let strange = |c: char| c.is_control() && !c.is_whitespace() || origin(c).is_some();
    let (all, odd) = text.chars().fold((0usize, 0usize), |(all, odd), c| {
        (all + 1, odd + usize::from(strange(c)))
    });
    if all == 0 || odd * 100 > all {
        return Content::Unknown;
    }
    let start = text.trim_start();
    let styles = ["@charset", "@import", "@media"];
    if styles.iter().any(|rule| start.starts_with(rule)) || is_css(start) {
        return Content::Css;
    }
    if memmem::find(text.as_bytes(), b"JPN+").is_some()
        || memmem::find(text.as_bytes(), b"J-SPEED").is_some()
    {
        return Content::Jspeed;
    }
    let mut lines = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(20)
        .peekable();
    let commas =
        lines.peek().is_some() && lines.all(|line| memchr(b',', line.as_bytes()).is_some());
    if commas { Content::Csv } else { Content::Text }
}

/// A rule of CSS: a selector, and in braces a property, a colon and a semicolon.
fn is_css(start: &str) -> bool {
    let body = match start
        .strip_prefix("/*")
        .and_then(|comment| comment.split_once("*/"))
    {
        Some((_, after)) => after,
        None => start,
    };
    let Some((selector, rule)) = body.split_once('{') else {
        return false;
    };
    let named = selector
        .trim()
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || " .#:,>*-_\r\n".contains(c));
    let rule = rule.split('}').next().unwrap_or_default();
    named && !selector.trim().is_empty() && rule.contains(':') && rule.contains(';')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dicom() -> Vec<u8> {
        [&[0; 128][..], b"DICM\x02\0"].concat()
    }

    fn utf16(text: &str) -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xFF, 0xFE].into_iter().chain(units).collect()
    }

    /// Name, bytes, what it is, and whether name and bytes disagree.
    type Row<'a> = (&'a str, &'a [u8], Content, bool);

    fn check(rows: &[Row<'_>]) {
        for (name, bytes, content, disagreeing) in rows {
            assert_eq!(sniff(bytes), *content, "{name}");
            assert_eq!(disagrees(name.as_bytes(), *content), *disagreeing, "{name}");
        }
    }

    #[test]
    fn a_file_is_what_its_bytes_are_whatever_its_name_declares() {
        use Content::*;
        check(&[
            ("ecg.mwf", b"%PDF-1.7\n", Pdf, true),
            ("a.pdf", b"%PDF-1.7\n", Pdf, false),
            ("a.pdf", b"\0\0junk\n%PDF-1.4\n\xFF", Pdf, false),
            ("a.jpg", b"\xFF\xD8\xFF\xE0\0\x10JFIF", Jpeg, false),
            ("a.jpg", b"\x89PNG\r\n\x1A\n\0", Png, true),
            ("a.tif", b"II*\0\x08\0", Tiff, false),
            ("a.tiff", b"MM\0*\0\0", Tiff, false),
            ("a.gif", b"GIF89a\x01", Gif, false),
            ("a.bmp", b"BM\x46\0\0\0\0\0\0\0\x36", Bmp, false),
            ("a.dcm", &dicom(), Dicom, false),
            ("a", &dicom(), Dicom, false),
            (
                "a.MWF",
                b"\x40\x20MFR Standard 12 leads ECG       ",
                Mfer,
                false,
            ),
            (
                "a.mwf",
                b"\x01\x01\x01\x02\x03\x01\x00\x02\x08\x01\x00\x0B\x02\x01\xFD",
                Mfer,
                false,
            ),
            ("a.mp4", b"\0\0\0\x18ftypmp42", Video, false),
            ("a.doc", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0", Ole2, false),
            (
                "a.xls",
                b"PK\x03\x04..[Content_Types].xml..xl/",
                Ooxml,
                true,
            ),
            ("a.zip", b"PK\x03\x04..readme.txt", Archive, false),
            ("a.doc", b"{\\rtf1\\ansi", Rtf, false),
        ]);
    }

    #[test]
    fn texts_are_told_apart_in_every_encoding() {
        use Content::*;
        let cda = "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>";
        let sjis = encoding_rs::SHIFT_JIS
            .encode("<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><!--表--><ClinicalDocument/>");
        check(&[
            ("a.xml", b"<!DOCTYPE html><html>", Html, true),
            (
                "a.xsl",
                b"<xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\">",
                Xsl,
                false,
            ),
            ("a.css", b"body { color: red; }", Css, false),
            ("a.css", b"@charset \"UTF-8\";", Css, false),
            ("a.xml", cda.as_bytes(), Cda, false),
            (
                "a.xml",
                b"<?xml version='1.0'?><?xml-stylesheet href='a'?><!-- x --><n:ClinicalDocument>",
                Cda,
                false,
            ),
            ("a.xml", &utf16(cda), Cda, false),
            ("a.xml", &sjis.0, Cda, false),
            ("a.pdf", cda.as_bytes(), Cda, true),
            ("a.xml", b"<!-- ClinicalDocument --><root/>", Xml, false),
            ("main_document.hl7", b"\x0BMSH|^~\\&|a\r", Hl7, false),
            ("main_document.xml", b"MSH|^~\\&|a\r", Hl7, true),
            ("a.csv", b"\"x\",1,2\r\n\"y\",3,4\r\n", Csv, false),
            ("a.csv", b"\"x\",,,,1,\"JPN+1.00\"\r\n", Jspeed, false),
            ("a.txt", "こんにちは".as_bytes(), Text, false),
            ("a.bin", b"\x00\x01\x02\x03\xFE\xFF\x80", Unknown, false),
            ("a.jpg", b"\x00\x01\x02\x03\xFE\xFF\x80", Unknown, true),
            ("a.pdf", b"", Empty, false),
            ("a.pdf", b" \r\n\0", Empty, false),
        ]);
    }

    #[test]
    fn every_format_is_counted_under_its_own_valid_name() {
        let mut drops = record::Drops::default();
        Content::ALL
            .iter()
            .for_each(|content| drops.count(content.drop_name()));
        assert_eq!(drops.iter().count(), Content::ALL.len());
        assert!(drops.iter().all(|(name, _)| name.starts_with("extended:")));
    }

    proptest! {
        /// P-15.
        #[test]
        fn no_bytes_make_it_panic(
            start in proptest::sample::select(vec![
                &b""[..], b"<", b"<?xml ", b"<!--", b"\xFF\xFE<\0", b"PK\x03\x04", b"\x01\x01",
            ]),
            rest in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = [start, &rest].concat();
            let _ = disagrees(&bytes, sniff(&bytes));
        }
    }
}
