//! One reader per group of data kinds. Each names the segments and fields that it reads; all else
//! is counted and stays behind.

mod allergy;
mod encounter;
mod laboratory;
mod medication;
mod observation;
mod patient;
mod problem;

use record::DataKind;
use record::content::EncounterEvent;

use super::name::FileName;
use super::read::Output;
use crate::hl7::{Fields, SegmentName};

/// The reader of a data kind, with what it remembers between segments.
pub(crate) enum Mapper {
    Patient,
    Encounter(encounter::Encounters),
    Allergy,
    Problem,
    Medication(medication::Medications),
    Laboratory(laboratory::Results),
}

impl Mapper {
    /// The reader of a kind; `None` when the kind is not supported.
    pub(crate) fn of(kind: DataKind) -> Option<Self> {
        use medication::{Medications, Stage};
        let mapper = match kind {
            DataKind::Adt00 => Self::Patient,
            DataKind::Adt12 => Self::Encounter(encounter::Encounters::new(EncounterEvent::Visit)),
            DataKind::Adt22 => {
                Self::Encounter(encounter::Encounters::new(EncounterEvent::Admission))
            }
            DataKind::Adt52 => {
                Self::Encounter(encounter::Encounters::new(EncounterEvent::Discharge))
            }
            DataKind::Adt61 => Self::Allergy,
            DataKind::Ppr01 => Self::Problem,
            DataKind::Omp01 | DataKind::Omp02 => Self::Medication(Medications::new(Stage::Ordered)),
            DataKind::Omp11 | DataKind::Omp12 => Self::Medication(Medications::new(Stage::Given)),
            DataKind::Oml11 => Self::Laboratory(laboratory::Results::default()),
            _ => return None,
        };
        Some(mapper)
    }

    /// The reader of observations in the extended storage.
    pub(crate) fn observations() -> Self {
        Self::Laboratory(laboratory::Results::default())
    }

    /// Whether segments of this name are read.
    pub(crate) fn reads(&self, name: SegmentName) -> bool {
        match self {
            Self::Patient => matches!(&name, b"OBX" | b"IN1"),
            Self::Encounter(encounters) => encounters.reads(name),
            Self::Allergy => &name == b"IAM",
            Self::Problem => &name == b"PRB",
            Self::Medication(medications) => medications.reads(name),
            Self::Laboratory(_) => matches!(&name, b"SPM" | b"OBR" | b"OBX"),
        }
    }

    /// Reads one segment.
    pub(crate) fn segment(&mut self, fields: &Fields<'_>, output: &mut Output) {
        match self {
            Self::Patient => patient::segment(fields, output),
            Self::Encounter(encounters) => encounters.segment(fields, output),
            Self::Allergy => allergy::segment(fields, output),
            Self::Problem => problem::segment(fields, output),
            Self::Medication(medications) => medications.segment(fields, output),
            Self::Laboratory(results) => results.segment(fields, output),
        }
    }

    /// Reads the end of the file.
    pub(crate) fn finish(self, name: &FileName, output: &mut Output) {
        match self {
            Self::Patient => patient::finish(output),
            Self::Encounter(encounters) => encounters.finish(name, output),
            Self::Allergy | Self::Problem | Self::Laboratory(_) | Self::Medication(_) => {}
        }
    }
}
