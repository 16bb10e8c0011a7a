//! File names of the standardized storage.
//!
//! `<patient>_<care date>_<kind>_<order>_<time>_<department>_<flag>`, seven parts, no extension.
//! Some tools leave out the department or the order number: six parts are read as well, and told
//! apart by which of them is a time.

use record::{
    ChartNumber, Code, DataKind, Date, DocumentKey, FindingCode, Moment, Sensitive, Version,
};

/// The order number of kinds that have none.
pub const NO_ORDER: &str = "999999999999999";

/// The data kind that a name states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One of the table.
    Known(DataKind),
    /// Not of the table, but met in storages: counted by its name.
    Met(&'static str),
    /// Something else. Its name could be anything, so it is not told.
    Unknown,
}

/// Kinds that storages were seen to have beside those of the table.
const MET: &[&str] = &["ADT-02", "OML-12"];

/// Whether the file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// `0`: deleted; some sites also mark superseded files so.
    Deleted,
    /// `1`: valid.
    Valid,
    /// `2`: superseded by a later file.
    Superseded,
}

/// What a file name says. It identifies a patient: `Debug` hides the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// The patient.
    pub chart: ChartNumber,
    /// The care date; `None` for undated kinds (`-`).
    pub care_date: Option<Moment>,
    /// The data kind.
    pub kind: Kind,
    /// The order number, `999999999999999` where a kind has none.
    pub order: Sensitive,
    /// The time of the transaction, 17 digits.
    pub version: Version,
    /// The digit after those, which some systems write; 0 otherwise. It orders two versions of the
    /// same millisecond.
    pub fourth_decimal: u8,
    /// The department (table 0069); `None` for `-`.
    pub department: Option<Code>,
    /// Whether the file stands.
    pub flag: Flag,
    /// The site's document type; `None` in the standardized storage.
    pub local_kind: Option<Sensitive>,
    /// Whether the name has fewer parts or another number of time digits than the standard's 17.
    pub deviates: bool,
}

impl FileName {
    /// Reads a file name. Times of 14 to 18 digits are accepted: all after the 14th are decimals of
    /// the second.
    ///
    /// # Errors
    /// [`FindingCode::NameUnreadable`] for anything that is not six or seven valid parts.
    pub fn parse(name: &str) -> Result<Self, FindingCode> {
        Self::of_parts(name).ok_or(FindingCode::NameUnreadable)
    }

    /// Which document the file is a version of; `None` for unknown kinds.
    pub fn key(&self) -> Option<DocumentKey> {
        let Kind::Known(kind) = self.kind else {
            return None;
        };
        Some(DocumentKey {
            kind,
            care_date: self.care_date,
            order: self.order.clone(),
            local_kind: self.local_kind.clone(),
        })
    }

    fn of_parts(name: &str) -> Option<Self> {
        let mut parts = name.split('_');
        let [chart, care_date, kind] = std::array::from_fn(|_| parts.next());
        let rest = std::array::from_fn(|_| parts.next());
        if parts.next().is_some() {
            return None;
        }
        // A department has at most five characters, a time fourteen or more.
        let [order, time, department, flag] = match rest {
            [Some(order), Some(time), Some(department), Some(flag)] => {
                [order, time, department, flag]
            }
            [Some(order), Some(time), Some(flag), None] if time_of(time).is_some() => {
                [order, time, "-", flag]
            }
            [Some(time), Some(department), Some(flag), None] => [NO_ORDER, time, department, flag],
            _ => return None,
        };
        let (version, fourth_decimal) = time_of(time)?;
        Some(Self {
            chart: ChartNumber::new(chart?)?,
            care_date: care_date_of(care_date?)?,
            kind: kind_of(kind?),
            order: order_of(order)?,
            version,
            fourth_decimal,
            department: department
                .parse()
                .ok()
                .filter(|code: &Code| code.as_str() != "-"),
            flag: match flag {
                "0" => Flag::Deleted,
                "1" => Flag::Valid,
                "2" => Flag::Superseded,
                _ => return None,
            },
            local_kind: None,
            deviates: rest.last() == Some(&None) || time.len() != 17,
        })
    }
}

/// The kind of a name or folder of the standardized storage.
pub(super) fn kind_of(text: &str) -> Kind {
    match text.parse() {
        Ok(kind) if !DataKind::is_extended(kind) => Kind::Known(kind),
        _ => {
            let met = MET.iter().find(|known| **known == text);
            met.map_or(Kind::Unknown, |name| Kind::Met(name))
        }
    }
}

/// The care date of a name or folder: `Some(None)` for `-`, `None` for what is neither that nor an
/// existing day written `YYYYMMDD`.
pub(crate) fn care_date_of(text: &str) -> Option<Option<Moment>> {
    if text == "-" {
        return Some(None);
    }
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u32 = text.parse().ok()?;
    let year = i16::try_from(number / 10_000).ok()?;
    let [month, day] = [number / 100 % 100, number % 100].map(i8::try_from);
    let date = Date::new(year, month.ok()?, day.ok()?).ok()?;
    (1850..=2200)
        .contains(&year)
        .then_some(Some(Moment::of_day(date)))
}

pub(super) fn order_of(text: &str) -> Option<Sensitive> {
    const LONGEST: usize = 64;
    let fits = (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| Sensitive::new(text))
}

/// The time of a record or name as 17 digits.
pub(super) fn version_of(text: &str) -> Option<Version> {
    time_of(text).map(|(version, _)| version)
}

/// The time of a name as 17 digits, and a fourth decimal of the second.
fn time_of(text: &str) -> Option<(Version, u8)> {
    let digits = text.len();
    if !(14..=18).contains(&digits) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = text.parse().ok()?;
    let missing = u32::try_from(18 - digits).ok()?;
    let number = number.checked_mul(10u64.pow(missing))?;
    Some((Version(number / 10), u8::try_from(number % 10).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_the_standard_and_its_dialects_are_read() {
        use DataKind::{Adt00, Omg11, Oml11};
        for (name, kind, version, department, flag) in [
            (
                "0001112223_-_ADT-00_999999999999999_20111220224447339_-_1",
                Kind::Known(Adt00),
                20_111_220_224_447_339,
                None,
                Flag::Valid,
            ),
            (
                "0001112223_20111220_OML-11_000000011000354_201112201030590_01_2",
                Kind::Known(Oml11),
                20_111_220_103_059_000,
                Some("01"),
                Flag::Superseded,
            ),
            (
                "A12_20111220_OMG-11_2011122000300_20111220224447_24_0",
                Kind::Known(Omg11),
                20_111_220_224_447_000,
                Some("24"),
                Flag::Deleted,
            ),
            (
                "A12_20111220_EXT-CDA_1_20111220224447_24_1",
                Kind::Unknown,
                20_111_220_224_447_000,
                Some("24"),
                Flag::Valid,
            ),
            (
                "A12_20111220_OML-12_1_20111220224447_24_1",
                Kind::Met("OML-12"),
                20_111_220_224_447_000,
                Some("24"),
                Flag::Valid,
            ),
        ] {
            let file = FileName::parse(name).unwrap();
            let read = (file.kind, file.version.0, file.flag);
            assert_eq!(read, (kind, version, flag), "{name}");
            assert_eq!(
                file.department.as_ref().map(Code::as_str),
                department,
                "{name}"
            );
            assert_eq!(
                file.key().is_some(),
                matches!(kind, Kind::Known(_)),
                "{name}"
            );
        }
    }

    /// a name may lack its department or order number, and its time may have 14 to 18
    /// digits, all after the 14th being decimals of the second.
    #[test]
    fn deviating_names_are_read_and_marked() {
        for (name, order, version, fourth, department, deviates) in [
            (
                "1_-_ADT-00_9_20111220224447339_01_1",
                "9",
                339,
                0,
                Some("01"),
                false,
            ),
            ("1_-_ADT-00_9_20111220224447339_1", "9", 339, 0, None, true),
            (
                "1_-_ADT-00_20111220224447339_-_1",
                NO_ORDER,
                339,
                0,
                None,
                true,
            ),
            (
                "1_-_ADT-00_000000011000354_20111220224447_1",
                "000000011000354",
                0,
                0,
                None,
                true,
            ),
            (
                "1_-_ADT-00_20111220224447_01_1",
                NO_ORDER,
                0,
                0,
                Some("01"),
                true,
            ),
            ("1_-_ADT-00_9_201112202244479_-_1", "9", 900, 0, None, true),
            ("1_-_ADT-00_9_2011122022444797_-_1", "9", 970, 0, None, true),
            (
                "1_-_ADT-00_9_201112202244473398_-_1",
                "9",
                339,
                8,
                None,
                true,
            ),
        ] {
            let file = FileName::parse(name).unwrap();
            assert_eq!(file.order.expose(), order, "{name}");
            assert_eq!(file.version.0, 20_111_220_224_447_000 + version, "{name}");
            let read = (file.fourth_decimal, file.deviates);
            assert_eq!(read, (fourth, deviates), "{name}");
            let found = file.department.as_ref().map(Code::as_str);
            assert_eq!(found, department, "{name}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "",
            "desktop.ini",
            "1_-_ADT-00_20111220224447339_1",
            "1_-_ADT-00_9_-_1",
            "1_-_ADT-00_9_20111220224447339_-_1_1",
            "1_-_ADT-00_9_2011122022444733912_-_1",
            "1_-_ADT-00_9_20111220224447339_-_3",
            "1_-_ADT-00_9_20111220224447339_-_1.tmp",
            "_-_ADT-00_9_20111220224447339_-_1",
            "1_20110230_ADT-12_9_20111220224447339_-_1",
            "1_-_ADT-00__20111220224447339_-_1",
            "1_-_ADT-00_9_2011122022444_-_1",
            "1_-_ADT-00_9_20111220２24447_-_1",
        ] {
            assert_eq!(
                FileName::parse(name),
                Err(FindingCode::NameUnreadable),
                "{name}"
            );
        }
    }

    /// B-133: a name never shows the numbers that it holds.
    #[test]
    fn debug_output_hides_the_numbers_of_a_name() {
        let name = "7770001_20111220_OML-11_555000111_20111220224447_01_1";
        let shown = format!("{:?}", FileName::parse(name).unwrap());
        assert!(
            !shown.contains("7770001") && !shown.contains("555000111"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(name in "\\PC{0,80}") {
            let _ = FileName::parse(&name);
        }

        #[test]
        fn names_nearly_right_do_not_make_it_panic(name in "([-0-9A-Z]{0,18}_){5,8}[0-9]{0,2}") {
            let _ = FileName::parse(&name);
        }
    }
}
