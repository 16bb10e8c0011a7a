//! Staff and institutions that a document names by number: nothing of them leaves unless a
//! contract says so, and then no name.

use record::content::{InstitutionCode, Participant, Who};
use record::identity::Sensitive;
use record::ids::StaffRef;
use record::kind::Role;
use record::reading::Named;

use super::leak::Identifiers;
use crate::Prf;
use crate::message::Message;

/// What a contract lets leave of those who took part. By default nothing.
#[derive(Clone, Copy, Default)]
pub struct ParticipantRules<'a> {
    /// The key under which numbers of staff become tokens, where they do.
    pub staff: Option<&'a dyn Prf>,
    /// Whether codes of institutions leave as they are.
    pub institutions: bool,
}

impl ParticipantRules<'_> {
    /// Those of a document, sorted. A code of an institution that is also a number of the patient
    /// stays.
    pub(super) fn apply(&self, named: &[Named], patient: &Identifiers) -> Vec<Participant> {
        let mut all: Vec<_> = named
            .iter()
            .filter_map(|one| {
                let who = match one.role.is_of_institution() {
                    true => self.institution(&one.number, patient).map(Who::Institution),
                    false => self.staff.map(|key| Who::Staff(token(one, key))),
                };
                Some(Participant {
                    role: one.role,
                    who: who?,
                })
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn institution(&self, number: &Sensitive, patient: &Identifiers) -> Option<InstitutionCode> {
        let code = InstitutionCode::new(number.expose()).filter(|_| self.institutions)?;
        (!patient.in_number(code.as_str())).then_some(code)
    }
}

/// The token of a number. A licence and a staff number that are written alike are not the same, so
/// each has a domain of its own; one person in several roles has one token.
fn token(named: &Named, key: &dyn Prf) -> StaffRef {
    let message = match named.role {
        Role::NarcoticsLicence => Message::new("sekisho narcotics licence v1"),
        _ => Message::new("sekisho staff v1"),
    };
    StaffRef::new(message.part(named.number.expose()).short(key))
}

#[cfg(test)]
mod tests;
