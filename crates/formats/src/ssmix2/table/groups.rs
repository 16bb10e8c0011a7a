//! Groups of data kinds for which a row of the table holds.

use record::DataKind;

/// A set of data kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    pub(crate) const fn of(kinds: &[DataKind]) -> Self {
        let mut set = 0;
        let mut at = 0;
        while at < kinds.len() {
            set |= 1 << kinds[at] as u32;
            at += 1;
        }
        Self(set)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a kind is one of them.
    pub const fn holds(self, kind: DataKind) -> bool {
        self.0 >> kind as u32 & 1 == 1
    }
}

use DataKind as K;

pub(crate) const ALL: Kinds = Kinds::of(DataKind::ALL);

pub(crate) const BASIC: Kinds = Kinds::of(&[K::Adt00]);
pub(crate) const ATTENDING: Kinds = Kinds::of(&[K::Adt01]);
pub(crate) const VISIT: Kinds = Kinds::of(&[K::Adt12]);
pub(crate) const ADMISSION: Kinds = Kinds::of(&[K::Adt21, K::Adt22]);
pub(crate) const LEAVE: Kinds = Kinds::of(&[K::Adt31, K::Adt32]);
pub(crate) const TRANSFER: Kinds = Kinds::of(&[K::Adt41, K::Adt42]);
pub(crate) const PLANNED_IN: Kinds = Kinds::of(&[K::Adt21, K::Adt41]);
pub(crate) const PLANNED_OUT: Kinds = Kinds::of(&[K::Adt51]);
pub(crate) const DISCHARGE: Kinds = Kinds::of(&[K::Adt52]);
/// Visits and every event of a stay.
pub(crate) const STAY: Kinds = ATTENDING
    .and(VISIT)
    .and(ADMISSION)
    .and(LEAVE)
    .and(TRANSFER)
    .and(PLANNED_OUT)
    .and(DISCHARGE);
/// All ADT messages but allergies.
pub(crate) const ADT: Kinds = BASIC.and(STAY);

pub(crate) const ALLERGY: Kinds = Kinds::of(&[K::Adt61]);
pub(crate) const PROBLEM: Kinds = Kinds::of(&[K::Ppr01]);
pub(crate) const MEAL: Kinds = Kinds::of(&[K::Omd]);

pub(crate) const PRESCRIBED: Kinds = Kinds::of(&[K::Omp01, K::Omp02]);
pub(crate) const GIVEN: Kinds = Kinds::of(&[K::Omp11, K::Omp12]);
pub(crate) const MEDICATION: Kinds = PRESCRIBED.and(GIVEN);

const LAB_ORDER: Kinds = Kinds::of(&[K::Oml01]);
/// Results alone: of the laboratory, and observations of the extended storage.
pub(crate) const LAB_RESULT: Kinds = Kinds::of(&[K::Oml11, K::ExtHl7]);
pub(crate) const LABORATORY: Kinds = LAB_ORDER.and(LAB_RESULT);

const IMAGE_ORDER: Kinds = Kinds::of(&[K::Omg01, K::Omg02, K::Omg03]);
/// Radiology, endoscopy and physiology as performed.
pub(crate) const PERFORMED: Kinds = Kinds::of(&[K::Omg11, K::Omg12, K::Omg13]);
pub(crate) const RADIOGRAPHY: Kinds = Kinds::of(&[K::Omg11]);
pub(crate) const EXAMINATION: Kinds = IMAGE_ORDER.and(PERFORMED);
/// Examinations of every sort as ordered.
pub(crate) const EXAM_ORDER: Kinds = LAB_ORDER.and(IMAGE_ORDER);
pub(crate) const EXAM_OR_LAB: Kinds = EXAMINATION.and(LABORATORY);

/// Kinds with orders.
pub(crate) const ORDERED: Kinds = MEAL.and(MEDICATION).and(EXAM_OR_LAB);
/// Kinds whose records say when they were ordered.
pub(crate) const REQUESTED: Kinds = MEAL.and(PRESCRIBED).and(EXAM_ORDER);
/// Kinds whose records say whether the order was an outpatient's or an inpatient's.
pub(crate) const CLASSED: Kinds = MEAL.and(MEDICATION).and(EXAM_ORDER).and(PERFORMED);
/// Kinds with a repeat pattern.
pub(crate) const DOSED: Kinds = PRESCRIBED.and(MEAL);
/// Kinds whose orders have a time to begin.
pub(crate) const TIMED: Kinds = DOSED.and(EXAM_ORDER);
/// Kinds whose orders have an urgency.
pub(crate) const URGENT: Kinds = PRESCRIBED.and(EXAM_ORDER);
/// Kinds that may hold observations.
pub(crate) const OBSERVED: Kinds = ADT.and(MEDICATION).and(EXAM_OR_LAB);
