//! One file of a storage: its key, its version and what its message says.

use jiff::civil::{Date, DateTime};

use crate::hl7;
use crate::model::Registration;

/// Data kinds of the standardized storage that the town writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Adt00,
    Adt01,
    Adt12,
    Adt21,
    Adt22,
    Adt31,
    Adt32,
    Adt41,
    Adt42,
    Adt51,
    Adt52,
    Adt61,
    Ppr01,
    Omd,
    Omp01,
    Omp11,
    Omp02,
    Omp12,
    Oml01,
    Oml11,
    Omg01,
    Omg02,
    Omg03,
    Omg11,
    Omg12,
    Omg13,
}

impl Kind {
    /// Folder name.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Adt00 => "ADT-00",
            Self::Adt01 => "ADT-01",
            Self::Adt12 => "ADT-12",
            Self::Adt21 => "ADT-21",
            Self::Adt22 => "ADT-22",
            Self::Adt31 => "ADT-31",
            Self::Adt32 => "ADT-32",
            Self::Adt41 => "ADT-41",
            Self::Adt42 => "ADT-42",
            Self::Adt51 => "ADT-51",
            Self::Adt52 => "ADT-52",
            Self::Adt61 => "ADT-61",
            Self::Ppr01 => "PPR-01",
            Self::Omd => "OMD",
            Self::Omp01 => "OMP-01",
            Self::Omp11 => "OMP-11",
            Self::Omp02 => "OMP-02",
            Self::Omp12 => "OMP-12",
            Self::Oml01 => "OML-01",
            Self::Oml11 => "OML-11",
            Self::Omg01 => "OMG-01",
            Self::Omg02 => "OMG-02",
            Self::Omg03 => "OMG-03",
            Self::Omg11 => "OMG-11",
            Self::Omg12 => "OMG-12",
            Self::Omg13 => "OMG-13",
        }
    }
}

/// Last part of a file name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    Deleted = 0,
    Valid = 1,
    Superseded = 2,
}

/// A problem on the list.
#[derive(Clone)]
pub(crate) struct Problem {
    pub(crate) diagnosis: usize,
    pub(crate) since: Date,
    pub(crate) resolved: Option<Date>,
    pub(crate) text: Option<String>,
}

/// A result of the laboratory.
#[derive(Clone)]
pub(crate) struct Finding {
    pub(crate) item: usize,
    pub(crate) value: String,
}

/// What a message says beside the patient.
#[derive(Clone)]
pub(crate) enum Content {
    Basic {
        previous: bool,
        blood: usize,
        height: i64,
        weight: i64,
    },
    Reception,
    Admission {
        cancelled: bool,
        room: i64,
    },
    Discharge {
        admitted: DateTime,
        room: i64,
        died: bool,
    },
    Allergies {
        allergens: Vec<usize>,
        text: Option<String>,
    },
    Problems(Vec<Problem>),
    Oral {
        medicines: Vec<usize>,
        days: i64,
        taken: bool,
        text: Option<String>,
    },
    Injection {
        medicine: usize,
        bags: i64,
        given: bool,
        room: i64,
    },
    Laboratory {
        findings: Vec<Finding>,
        text: Option<String>,
        /// The patient's room during a stay.
        room: Option<i64>,
    },
    /// One of the kinds that only a few patients have; the kind itself says which.
    Further {
        room: i64,
    },
}

/// One file of one registration.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// `None` for kinds without a care date.
    pub(crate) care_date: Option<Date>,
    /// Number of the order in the chart; `None` for kinds without order numbers.
    pub(crate) order: Option<u32>,
    /// Time of sending.
    pub(crate) at: DateTime,
    pub(crate) department: Option<usize>,
    pub(crate) flag: Flag,
    /// The message takes its order back.
    pub(crate) cancels: bool,
    /// Position of the responsible doctor in the hospital's staff.
    pub(crate) doctor: usize,
    /// Number of the message in the chart.
    pub(crate) message: u32,
    pub(crate) content: Content,
}

/// Order number of kinds that have none.
const NO_ORDER: &str = "999999999999999";

/// Fifteen digits that hold the chart number, as vendors make them: hospital A reverses it,
/// hospital B takes its last eight digits.
pub(crate) fn order_number(registration: &Registration, order: u32) -> String {
    let chart = &registration.chart_number;
    match registration.hospital {
        0 => format!("{}{order:05}", reversed(chart)),
        _ => format!("{}{order:07}", chart.get(2..).unwrap_or(chart)),
    }
}

/// MSH-10: the chart number, reversed at hospital A, and a counter.
pub(crate) fn control_id(registration: &Registration, message: u32) -> String {
    let chart = &registration.chart_number;
    match registration.hospital {
        0 => format!("{}{message}", reversed(chart)),
        _ => format!("{chart}{message:04}"),
    }
}

/// The digits from last to first.
pub(crate) fn reversed(chart: &str) -> String {
    chart.chars().rev().collect()
}

impl Entry {
    /// Care-date folder: YYYYMMDD or `-`.
    pub(crate) fn care_folder(&self) -> String {
        self.care_date.map_or_else(|| "-".to_owned(), hl7::date)
    }

    /// The seven parts of the file name.
    pub(crate) fn file_name(&self, registration: &Registration) -> String {
        let order = self.order.map(|order| order_number(registration, order));
        let department = self
            .department
            .map_or("-", |at| crate::codes::DEPARTMENTS[at].0);
        format!(
            "{}_{}_{}_{}_{}_{department}_{}",
            registration.chart_number,
            self.care_folder(),
            self.kind.code(),
            order.as_deref().unwrap_or(NO_ORDER),
            hl7::millisecond(self.at, ""),
            self.flag as u8,
        )
    }
}
