//! Folder names of the extended storage.
//!
//! `<local code>^<local name>^<system>^<standard code>^<standard name>^<system>` names a document
//! type; either half may be empty. Below it, one content folder holds one version of a document:
//! `<patient>_<care date>_<type>_<key>_<time>_<department>_<flag>`.
//!
//! Names come as raw bytes: on shares they may be in CP932, where the second byte of a character
//! can be `^` or `_`, so they are decoded before they are split.

use std::borrow::Cow;

use record::{DataKind, FindingCode, Sensitive};
use text::jis::{self, Encoding};

use crate::ssmix2::name::{self, FileName, Kind};
use crate::ssmix2::place;

/// The longest folder name in bytes: what file systems allow.
const LONGEST: usize = 255;

/// A document type, as its folder names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindFolder {
    whole: Sensitive,
    parts: [Sensitive; 6],
}

impl KindFolder {
    /// Reads the name of a document type's folder. Missing parts at the end count as empty.
    ///
    /// # Errors
    /// [`FindingCode::NameUnreadable`] when it cannot be decoded, has more than six parts, or no
    /// code and no name at all.
    pub fn parse(name: &[u8]) -> Result<Self, FindingCode> {
        let whole = text_of(name).ok_or(FindingCode::NameUnreadable)?;
        let mut parts = whole.split('^').map(str::trim);
        let six = std::array::from_fn(|_| Sensitive::new(parts.next().unwrap_or_default()));
        let kind = Self {
            whole: Sensitive::new(&*whole),
            parts: six,
        };
        let says = [0, 1, 3, 4].iter().any(|&part| !kind.part(part).is_empty());
        (says && parts.next().is_none())
            .then_some(kind)
            .ok_or(FindingCode::NameUnreadable)
    }

    /// The site's own code, perhaps empty.
    pub fn local_code(&self) -> &str {
        self.part(0)
    }

    /// The system of the site's own code, perhaps empty.
    pub fn local_system(&self) -> &str {
        self.part(2)
    }

    /// The standard code, perhaps empty.
    pub fn standard_code(&self) -> &str {
        self.part(3)
    }

    /// The system of the standard code, perhaps empty.
    pub fn standard_system(&self) -> &str {
        self.part(5)
    }

    /// What tells documents of this type from others: the site's code, or where it has none, its
    /// name together with the standard code. Names change more often than codes.
    pub(crate) fn key(&self) -> Sensitive {
        let key = match self.local_code() {
            "" => [self.part(1), self.standard_code(), self.standard_system()].join("^"),
            code => [code, self.local_system()].join("^"),
        };
        Sensitive::new(key)
    }

    fn part(&self, number: usize) -> &str {
        self.parts.get(number).map_or("", Sensitive::expose)
    }
}

/// One version of a document, as its content folder names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFolder {
    /// The name in the terms of the standardized storage, so that versions are resolved alike.
    pub(crate) name: FileName,
    /// Whether the name differs from the standard.
    pub(crate) deviates: bool,
}

/// The names of the folders of a document, outermost first, as they lie on disk.
#[derive(Clone, Copy)]
pub struct Folders<'p> {
    /// The first three characters of the patient number.
    pub level1: &'p str,
    /// The characters four to six.
    pub level2: &'p str,
    /// The patient number.
    pub level3: &'p str,
    /// The care date, or `-`.
    pub care_date: &'p [u8],
    /// The document type.
    pub kind: &'p [u8],
    /// The content folder.
    pub content: &'p [u8],
}

impl ContentFolder {
    /// Reads the name of a content folder and compares it with the folders above it.
    ///
    /// # Errors
    /// [`FindingCode::NameUnreadable`] when it does not have the parts,
    /// [`FindingCode::PlaceMismatch`] when it disagrees with a folder above.
    pub(crate) fn parse(
        folders: &Folders<'_>,
        kind: &KindFolder,
        read_as: DataKind,
    ) -> Result<Self, FindingCode> {
        let whole = text_of(folders.content).ok_or(FindingCode::NameUnreadable)?;
        let (parts, six) = Parts::of(&whole).ok_or(FindingCode::NameUnreadable)?;
        let mut name = parts.name(read_as).ok_or(FindingCode::NameUnreadable)?;
        name.local_kind = Some(kind.key());
        let care_date = text_of(folders.care_date);
        let care_date = care_date.as_deref().and_then(name::care_date_of);
        let agrees = place::levels_agree(folders.level1, folders.level2, &name.chart)
            && folders.level3 == name.chart.expose()
            && care_date == Some(name.care_date)
            && kind.is_named(parts.kind);
        if !agrees {
            return Err(FindingCode::PlaceMismatch);
        }
        let empty_member = parts.key.contains("..") || parts.key.ends_with('.');
        let deviates = six || parts.time.len() != 17 || empty_member;
        Ok(Self { name, deviates })
    }
}

impl KindFolder {
    /// Whether a content folder's third part names this type: by the whole name or by a code of it.
    fn is_named(&self, part: &str) -> bool {
        let codes = [self.whole.expose(), self.local_code(), self.standard_code()];
        let whole = self.whole.expose().trim_end_matches('^');
        !part.is_empty() && (codes.contains(&part) || part.trim_end_matches('^') == whole)
    }
}

struct Parts<'t> {
    chart: &'t str,
    care_date: &'t str,
    kind: &'t str,
    key: &'t str,
    time: &'t str,
    department: &'t str,
    flag: &'t str,
}

impl<'t> Parts<'t> {
    /// Splits a name, and tells whether its department is left out. The type may hold `_` itself,
    /// so the parts behind it are taken from the right.
    fn of(whole: &'t str) -> Option<(Self, bool)> {
        let (chart, rest) = whole.split_once('_')?;
        let (care_date, rest) = rest.split_once('_')?;
        let (rest, flag) = rest.rsplit_once('_')?;
        let (before, last) = rest.rsplit_once('_')?;
        let is_time = |text: &str| {
            (14..=17).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
        };
        let six = is_time(last);
        let (rest, time, department) = match six {
            true => (before, last, "-"),
            false => {
                let (rest, time) = before.rsplit_once('_')?;
                (rest, time, last)
            }
        };
        let (kind, key) = rest.rsplit_once('_')?;
        let parts = Self {
            chart,
            care_date,
            kind,
            key,
            time,
            department,
            flag,
        };
        Some((parts, six))
    }

    fn name(&self, read_as: DataKind) -> Option<FileName> {
        let department = if self.department.is_empty() {
            "-"
        } else {
            self.department
        };
        // The words of the type are not part of the name in these terms.
        let parts = [
            self.chart,
            self.care_date,
            "-",
            self.key,
            self.time,
            department,
            self.flag,
        ];
        let mut name = FileName::parse(&parts.join("_")).ok()?;
        name.kind = Kind::Known(read_as);
        Some(name)
    }
}

/// A name on disk as text: UTF-8, else what the Japanese decoder makes of it; bytes without a
/// character keep names apart as private signs. `None` when there is a control sign, or the name is
/// longer than file systems allow.
fn text_of(name: &[u8]) -> Option<Cow<'_, str>> {
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    let text = match std::str::from_utf8(name) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(jis::decode(name, Encoding::Cp932).text),
    };
    (!text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cp932(text: &str) -> Vec<u8> {
        encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
    }

    fn check(date: &[u8], kind: &[u8], content: &[u8]) -> Result<ContentFolder, FindingCode> {
        let folders = Folders {
            level1: "012",
            level2: "345",
            level3: "0123456789",
            care_date: date,
            kind,
            content,
        };
        ContentFolder::parse(&folders, &KindFolder::parse(kind)?, DataKind::ExtCda)
    }

    #[test]
    fn either_half_of_a_document_type_may_be_empty_and_names_may_be_in_cp932() {
        let whole = "L1^退院時サマリー（データ）^99ZZZ^18842-5^退院時サマリー^LN";
        for (name, codes) in [
            (whole.as_bytes().to_vec(), ["L1", "99ZZZ", "18842-5", "LN"]),
            // The second byte of these characters is `^` or `_` in CP932.
            (cp932(whole), ["L1", "99ZZZ", "18842-5", "LN"]),
            (
                cp932("^タダ^^11506-3^経過記録^LN"),
                ["", "", "11506-3", "LN"],
            ),
            (
                b"L-OBSERVATIONS^OBSERVATIONS^99ZL01".to_vec(),
                ["L-OBSERVATIONS", "99ZL01", "", ""],
            ),
            (b"LJCS-100D".to_vec(), ["LJCS-100D", "", "", ""]),
            (b"L1^x^99ZZZ^^^".to_vec(), ["L1", "99ZZZ", "", ""]),
        ] {
            let kind = KindFolder::parse(&name).unwrap();
            let read = [
                kind.local_code(),
                kind.local_system(),
                kind.standard_code(),
                kind.standard_system(),
            ];
            assert_eq!(read, codes);
        }
        for name in [&b""[..], b"^^^^^", b"a^b^c^d^e^f^g", b"a\nb", &[b'a'; 256]] {
            assert_eq!(KindFolder::parse(name), Err(FindingCode::NameUnreadable));
        }
    }

    #[test]
    fn content_folders_of_the_standard_and_its_dialects_are_read() {
        let vitals = "L-OBSERVATIONS^OBSERVATIONS^99ZL01";
        let summary = "L_1^サマリー_データ^99ZZZ^18842-5^退院時サマリー^LN";
        for (kind, content, deviates, key) in [
            (
                summary,
                format!("0123456789_20160101_{summary}_7_20160115003210012_01_1"),
                false,
                "7",
            ),
            (
                summary,
                "0123456789_20160101_L_1_7_20160115003210012_01_1".into(),
                false,
                "7",
            ),
            (
                summary,
                "0123456789_20160101_18842-5_7_20160115003210012_-_2".into(),
                false,
                "7",
            ),
            (
                vitals,
                format!("0123456789_20160101_{vitals}_000000020160101_201601011500321_1"),
                true,
                "000000020160101",
            ),
            (
                vitals,
                "0123456789_20160101_L-OBSERVATIONS_8_201601011500321_010_1".into(),
                true,
                "8",
            ),
            (
                "LJCS-100D",
                "0123456789_20160101_LJCS-100D_20231205101112...1002_20231205112233000_100_1"
                    .into(),
                true,
                "20231205101112...1002",
            ),
        ] {
            let read = check(b"20160101", kind.as_bytes(), content.as_bytes()).unwrap();
            assert_eq!(
                (read.deviates, read.name.order.expose()),
                (deviates, key),
                "{content}"
            );
            let in_cp932 = check(b"20160101", &cp932(kind), &cp932(&content)).unwrap();
            assert_eq!(in_cp932, read);
            assert!(read.name.key().unwrap().local_kind.is_some());
        }
    }

    #[test]
    fn a_folder_that_disagrees_with_those_above_it_or_lacks_parts_is_set_aside() {
        let kind = b"L1^x^99ZZZ";
        for (date, content, code) in [
            (
                "20160101",
                "0123456780_20160101_L1_7_20160115003210012_01_1",
                FindingCode::PlaceMismatch,
            ),
            (
                "20160102",
                "0123456789_20160101_L1_7_20160115003210012_01_1",
                FindingCode::PlaceMismatch,
            ),
            (
                "-",
                "0123456789_20160101_L1_7_20160115003210012_01_1",
                FindingCode::PlaceMismatch,
            ),
            (
                "x",
                "0123456789_20160101_L1_7_20160115003210012_01_1",
                FindingCode::PlaceMismatch,
            ),
            (
                "20160101",
                "0123456789_20160101_L2_7_20160115003210012_01_1",
                FindingCode::PlaceMismatch,
            ),
            (
                "20160101",
                "0123456789_20160101_L1_7_20160115003210012_01_3",
                FindingCode::NameUnreadable,
            ),
            (
                "20160101",
                "0123456789_20160101_L1__20160115003210012_01_1",
                FindingCode::NameUnreadable,
            ),
            (
                "20160101",
                "0123456789_20160101_L1_1",
                FindingCode::NameUnreadable,
            ),
            ("20160101", "Thumbs.db", FindingCode::NameUnreadable),
        ] {
            let read = check(date.as_bytes(), kind, content.as_bytes());
            assert_eq!(read.unwrap_err(), code, "{date} {content}");
        }
    }

    /// B-133: a name never shows what it holds.
    #[test]
    fn debug_output_hides_what_a_folder_name_holds() {
        let kind = KindFolder::parse(b"7770001^Yamada^99ZZZ").unwrap();
        let shown = format!("{kind:?}");
        assert!(
            !shown.contains("7770001") && !shown.contains("Yamada"),
            "{shown}"
        );
    }

    proptest! {
        /// P-15.
        #[test]
        fn no_folder_name_makes_it_panic(
            kind in proptest::collection::vec(any::<u8>(), 0..64),
            content in proptest::collection::vec(any::<u8>(), 0..128),
        ) {
            let _ = check(b"20160101", &kind, &content);
        }

        #[test]
        fn names_made_by_the_rule_are_read_and_any_other_patient_is_refused(
            code in "[A-Z0-9-]{1,12}", words in "[ぁ-んァ-ヶ亜-熙（）]{0,8}",
            key in "[0-9A-Za-z.]{1,20}",
            time in "20[0-9]{12}([0-9]{3})?", other in "[0-9]{10}", flag in 0u8..3,
        ) {
            let kind = format!("{code}^{words}^99ZZZ^18842-5^{words}^LN");
            let content = |chart: &str| format!("{chart}_20160101_{kind}_{key}_{time}_01_{flag}");
            let read = |chart: &str| check(b"20160101", kind.as_bytes(), content(chart).as_bytes());
            prop_assert!(read("0123456789").is_ok());
            if other != "0123456789" {
                prop_assert_eq!(read(&other).unwrap_err(), FindingCode::PlaceMismatch);
            }
        }
    }
}
