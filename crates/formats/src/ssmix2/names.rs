//! What a message calls the house's own codes, for the site dictionary, and whom of the staff it
//! names, so that no name of a code names them. Reading a document leaves both behind.

use std::collections::BTreeSet;

use record::dictionary::Said;
use record::{Code, DataKind, Sensitive, System};
use text::jis;

use super::name::{FileName, Kind};
use super::read::declared;
use super::table::{self, Class};
use crate::hl7::{self, Field, Fields, Line, Repetition};
use crate::persons::names_person;

/// The most names that are taken of one file.
const MOST: usize = 2_000;
/// A house's own systems begin so, by the guideline.
const NINETY_NINE: &str = "99";
/// And are called so by HL7.
const OWN: &str = "L";

/// What was found in one file.
#[derive(Debug, Default)]
pub struct Names {
    /// Local codes with their names.
    pub codes: BTreeSet<Said>,
    /// Names of members of staff, family and given name each by itself.
    pub staff: BTreeSet<Sensitive>,
}

/// The names in a message that [`super::read()`] has read, of fields whose codes leave.
pub fn names(name: &FileName, bytes: &[u8]) -> Names {
    let mut names = Names::default();
    let Kind::Known(kind) = name.kind else {
        return names;
    };
    let decoded = jis::decode(bytes, declared(bytes));
    let Ok(lines) = hl7::lines(&decoded.text) else {
        return names;
    };
    for line in lines {
        let Ok(Line::Segment(segment)) = line else {
            continue;
        };
        if let Some(fields) = segment.fields() {
            names.take(kind, &fields);
        }
    }
    names
}

impl Names {
    /// Adds those of another file.
    pub fn add(&mut self, other: Self) {
        self.codes.extend(other.codes);
        self.staff.extend(other.staff);
    }

    fn take(&mut self, kind: DataKind, fields: &Fields<'_>) {
        for number in 1..=table::GREATEST {
            let field = fields.field(number);
            if field.is_empty() {
                continue;
            }
            if table::classes(fields.name(), number).any(|class| class == Class::Staff) {
                self.take_staff(field);
            } else if table::is_coded(kind, fields.name(), number) && !is_of_person(fields) {
                field.repetitions().for_each(|it| self.take_codes(it));
            }
        }
    }

    /// An XCN: number, family name, given name; kana in a further repetition.
    fn take_staff(&mut self, field: Field<'_>) {
        for repetition in field.repetitions() {
            let parts = [2, 3].map(|number| repetition.component(number).subcomponent(1));
            let parts = parts.into_iter().filter(|part| !part.is_empty());
            for part in parts.take(MOST.saturating_sub(self.staff.len())) {
                self.staff.insert(Sensitive::new(part.text()));
            }
        }
    }

    fn take_codes(&mut self, repetition: Repetition<'_>) {
        let [code, name, system, second, second_name, second_system] = repetition.components();
        for [code, name, system] in [[code, name, system], [second, second_name, second_system]] {
            let text = system.text();
            let own = text == OWN || text.starts_with(NINETY_NINE);
            if !own || name.is_empty() || self.codes.len() >= MOST {
                continue;
            }
            let (code, system): (Option<Code>, Option<System>) =
                (code.text().parse().ok(), text.parse().ok());
            if let (Some(code), Some(system)) = (code, system) {
                let name = Sensitive::new(name.text());
                self.codes.insert(Said { system, code, name });
            }
        }
    }
}

/// Whether a line says who somebody is.
fn is_of_person(fields: &Fields<'_>) -> bool {
    let item = fields.field(3).first();
    &fields.name() == b"OBX"
        && [1, 4]
            .into_iter()
            .any(|number| names_person(&item.component(number).text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_local_codes_and_of_staff_are_found_where_codes_leave() {
        let name = "0001112223_20260105_OML-11_000000000000001_20260105101112000_01_1";
        let name = FileName::parse(name).unwrap();
        let text = "MSH|^~\\&|\r\
            PID|1||0001112223||山田^太郎\r\
            ORC|SC|1||||||||^受付^花子|||\r\
            OBR|1|||X01^生化学^99LAB|||20260105|||||||||D01^佐藤^一郎\r\
            OBX|1|NM|3A01^標準^JC10^L01^CRP定量^99LAB||1\r\
            OBX|2|CWE|L02^所見^99LAB||P^陽性^99RES~N^陰性^99RES\r\
            OBX|3|ST|52526-1^担当^LN^L03^担当者^99LAB||x\r\
            NTE|1||L09^秘密^99LAB\r";
        let found = names(&name, text.as_bytes());
        let shown = |said: &Said| format!("{} {} {}", said.system, said.code, said.name.expose());
        let codes: Vec<_> = found.codes.iter().map(shown).collect();
        assert_eq!(
            codes,
            [
                "99LAB L01 CRP定量",
                "99LAB L02 所見",
                "99LAB X01 生化学",
                "99RES N 陰性",
                "99RES P 陽性"
            ]
        );
        let staff: Vec<_> = found.staff.iter().map(Sensitive::expose).collect();
        assert_eq!(staff, ["一郎", "佐藤", "受付", "花子"]);
    }
}
