//! One reader per group of data kinds. Each sees a segment only as the table lets it through; what
//! it does not make a record of is counted and stays behind.

mod allergy;
mod encounter;
mod examination;
mod meal;
mod medication;
pub(crate) mod observation;
mod order;
mod patient;
mod problem;

use record::DataKind;
use record::content::{EncounterEvent, ServiceCategory};

use super::name::FileName;
use super::read::Output;
use super::table::Allowed;

/// The reader of a data kind, with what it remembers between segments.
pub(crate) enum Mapper {
    Patient,
    Encounter(encounter::Encounters),
    Allergy,
    Problem(problem::Problems),
    Meal(meal::Meals),
    Medication(medication::Medications),
    Examination(Box<examination::Examinations>),
}

impl Mapper {
    /// The reader of a kind; `None` when the kind is not supported.
    pub(crate) fn of(kind: DataKind) -> Option<Self> {
        use EncounterEvent as E;
        use ServiceCategory::{Endoscopy, Laboratory, Physiology, Radiology};
        use examination::Stage::{Ordered, Performed, Reported};
        use medication::{Medications, Stage};
        let encounter = |event| Self::Encounter(encounter::Encounters::new(event));
        let examination = |category, stage| {
            Self::Examination(Box::new(examination::Examinations::new(category, stage)))
        };
        let mapper = match kind {
            DataKind::Adt00 => Self::Patient,
            DataKind::Adt01 => encounter(E::Attending),
            DataKind::Adt12 => encounter(E::Visit),
            DataKind::Adt21 => encounter(E::AdmissionPlanned),
            DataKind::Adt22 => encounter(E::Admission),
            DataKind::Adt31 => encounter(E::Leave),
            DataKind::Adt32 => encounter(E::Return),
            DataKind::Adt41 => encounter(E::TransferPlanned),
            DataKind::Adt42 => encounter(E::Transfer),
            DataKind::Adt51 => encounter(E::DischargePlanned),
            DataKind::Adt52 => encounter(E::Discharge),
            DataKind::Adt61 => Self::Allergy,
            DataKind::Ppr01 => Self::Problem(problem::Problems::default()),
            DataKind::Omd => Self::Meal(meal::Meals::default()),
            DataKind::Omp01 | DataKind::Omp02 => Self::Medication(Medications::new(Stage::Ordered)),
            DataKind::Omp11 | DataKind::Omp12 => Self::Medication(Medications::new(Stage::Given)),
            DataKind::Oml01 => examination(Laboratory, Ordered),
            DataKind::Oml11 => examination(Laboratory, Reported),
            DataKind::Omg01 => examination(Radiology, Ordered),
            DataKind::Omg11 => examination(Radiology, Performed),
            DataKind::Omg02 => examination(Endoscopy, Ordered),
            DataKind::Omg12 => examination(Endoscopy, Performed),
            DataKind::Omg03 => examination(Physiology, Ordered),
            DataKind::Omg13 => examination(Physiology, Performed),
            DataKind::ExtHl7 | DataKind::ExtCda => return None,
        };
        Some(mapper)
    }

    /// The reader of observations in the extended storage.
    pub(crate) fn observations() -> Self {
        let results = examination::Examinations::new(
            ServiceCategory::Laboratory,
            examination::Stage::Reported,
        );
        Self::Examination(Box::new(results))
    }

    /// A second PID of the same message was read: what follows may be earlier results.
    pub(crate) fn patient_again(&mut self) {
        if let Self::Examination(examinations) = self {
            examinations.patient_again();
        }
    }

    /// Another message of the file begins.
    pub(crate) fn message(&mut self) {
        if let Self::Examination(examinations) = self {
            examinations.message();
        }
    }

    /// Whether the lines at hand repeat earlier results.
    pub(crate) fn is_prior(&self) -> bool {
        matches!(self, Self::Examination(examinations) if examinations.is_prior())
    }

    /// Reads one segment.
    pub(crate) fn segment(
        &mut self,
        fields: &Allowed<'_, '_>,
        name: &FileName,
        output: &mut Output,
    ) {
        match self {
            Self::Patient => patient::segment(fields, output),
            Self::Encounter(encounters) => encounters.segment(fields, output),
            Self::Allergy => allergy::segment(fields, output),
            Self::Problem(problems) => problems.segment(fields, output),
            Self::Meal(meals) => meals.segment(fields, output),
            Self::Medication(medications) => medications.segment(fields, output),
            Self::Examination(examinations) => examinations.segment(fields, name, output),
        }
    }

    /// Reads the end of the file.
    pub(crate) fn finish(self, name: &FileName, output: &mut Output) {
        match self {
            Self::Patient => patient::finish(output),
            Self::Encounter(encounters) => encounters.finish(name, output),
            Self::Problem(problems) => problems.finish(output),
            Self::Allergy | Self::Meal(_) | Self::Medication(_) | Self::Examination(_) => {}
        }
    }
}
