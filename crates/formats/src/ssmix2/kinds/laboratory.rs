//! OML-11: laboratory results, by specimen.

use super::observation::{self, Around};
use crate::hl7::Fields;
use crate::ssmix2::notes::FieldSet;
use crate::ssmix2::read::Output;
use crate::ssmix2::terms;

const READ_SPECIMEN: FieldSet = FieldSet::of(&[1, 4, 17]);
const READ_GROUP: FieldSet = FieldSet::of(&[1, 7]);

/// The specimen and the group of tests that the next lines belong to.
#[derive(Default)]
pub(crate) struct Results(Around);

impl Results {
    pub(super) fn segment(&mut self, fields: &Fields<'_>, output: &mut Output) {
        let notes = &mut output.notes;
        match &fields.name() {
            b"SPM" => {
                notes.leave_unread(fields, READ_SPECIMEN);
                self.0 = Around {
                    specimen: terms::concept(fields, 4, notes),
                    collected: terms::moment(fields, 17, notes),
                    observed: None,
                };
            }
            b"OBR" => {
                notes.leave_unread(fields, READ_GROUP);
                self.0.observed = terms::moment(fields, 7, notes);
            }
            _ => observation::segment(fields, &self.0, output),
        }
    }
}
