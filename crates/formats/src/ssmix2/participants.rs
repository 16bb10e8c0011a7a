//! Members of staff and institutions that a message names by number. Whether anything of them
//! leaves is decided at separation, by the contract; their names are not read at all.

use record::content::InstitutionCode;
use record::{DataKind, Named, Role, Sensitive};
use text::fold;

use super::table;
use crate::hl7::Fields;

/// Most that a file has; more would be no message about one patient.
const MOST: usize = 64;
/// Most bytes of a number.
const LONGEST: usize = 64;

/// Takes those of a segment, each once.
pub(super) fn read(kind: DataKind, fields: &Fields<'_>, named: &mut Vec<Named>) {
    for (row, role) in table::naming(kind, fields.name()) {
        let field = fields.field(row.field);
        if field.is_empty() {
            continue;
        }
        for repetition in field.repetitions() {
            let components = (1..=15).filter(|number| row.components.holds(*number));
            let texts = components.map(|number| repetition.component(number).text());
            let mut numbers = texts.map(|text| fold::width(text.trim()).into_owned());
            let Some(number) = numbers.find(|text| fits(role, text)) else {
                continue;
            };
            let one = Named {
                role,
                number: Sensitive::new(number),
            };
            if named.len() < MOST && !named.contains(&one) {
                named.push(one);
            }
        }
    }
}

fn fits(role: Role, text: &str) -> bool {
    match role.is_of_institution() {
        true => InstitutionCode::new(text).is_some(),
        false => (1..=LONGEST).contains(&text.len()),
    }
}
