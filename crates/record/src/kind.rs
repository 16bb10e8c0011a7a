//! Kinds: what a source file is, what a record is, and which domain of life it belongs to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::code::PatternError;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Every value, in a fixed order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name as data and reports write it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = PatternError;

            fn from_str(text: &str) -> Result<Self, PatternError> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(PatternError),
                }
            }
        }
    };
}

named!(
    /// A data kind (データ種別) of SS-MIX2: the folder of the standardized storage that holds the
    /// file, or how a document of the extended storage is read.
    DataKind {
        /// Basic patient data.
        Adt00 = "ADT-00",
        /// Attending doctor.
        Adt01 = "ADT-01",
        /// Outpatient reception.
        Adt12 = "ADT-12",
        /// Admission planned.
        Adt21 = "ADT-21",
        /// Admission done.
        Adt22 = "ADT-22",
        /// Leave.
        Adt31 = "ADT-31",
        /// Return from leave.
        Adt32 = "ADT-32",
        /// Transfer planned.
        Adt41 = "ADT-41",
        /// Transfer done.
        Adt42 = "ADT-42",
        /// Discharge planned.
        Adt51 = "ADT-51",
        /// Discharge done.
        Adt52 = "ADT-52",
        /// Allergies.
        Adt61 = "ADT-61",
        /// Problem list.
        Ppr01 = "PPR-01",
        /// Meal order.
        Omd = "OMD",
        /// Prescription order.
        Omp01 = "OMP-01",
        /// Prescription administered.
        Omp11 = "OMP-11",
        /// Injection order.
        Omp02 = "OMP-02",
        /// Injection administered.
        Omp12 = "OMP-12",
        /// Laboratory order.
        Oml01 = "OML-01",
        /// Laboratory result.
        Oml11 = "OML-11",
        /// Radiology order.
        Omg01 = "OMG-01",
        /// Radiology performed.
        Omg11 = "OMG-11",
        /// Endoscopy order.
        Omg02 = "OMG-02",
        /// Endoscopy performed.
        Omg12 = "OMG-12",
        /// Physiology order.
        Omg03 = "OMG-03",
        /// Physiology result.
        Omg13 = "OMG-13",
        /// Observations of the extended storage, as HL7 v2 (ORU^R30).
        ExtHl7 = "EXT-HL7",
        /// A document of the extended storage, as HL7 CDA R2.
        ExtCda = "EXT-CDA",
    }
);

impl DataKind {
    /// Whether documents of this kind lie in the extended storage. No folder of the standardized
    /// storage has such a name.
    pub const fn is_extended(self) -> bool {
        matches!(self, Self::ExtHl7 | Self::ExtCda)
    }
}

named!(
    /// The kind of a record, by its FHIR resource name. One table at the centre each.
    ResourceKind {
        /// Who the subject is, as far as content may say.
        Patient = "Patient",
        /// Which kind of insurance covers the subject.
        Coverage = "Coverage",
        /// A visit, or an event of a stay.
        Encounter = "Encounter",
        /// An allergy or intolerance.
        AllergyIntolerance = "AllergyIntolerance",
        /// A disease entry.
        Condition = "Condition",
        /// A prescription or injection as ordered.
        MedicationRequest = "MedicationRequest",
        /// A prescription or injection as administered.
        MedicationAdministration = "MedicationAdministration",
        /// A laboratory result, a body measurement or a finding.
        Observation = "Observation",
        /// An examination as ordered.
        ServiceRequest = "ServiceRequest",
        /// An examination as performed.
        Procedure = "Procedure",
        /// A meal order.
        NutritionOrder = "NutritionOrder",
    }
);

named!(
    /// The domain of life that a record belongs to.
    Domain {
        /// 医療情報
        Medical = "medical",
        /// 健診情報
        Checkup = "checkup",
        /// 介護情報
        Care = "care",
        /// 死亡・住民情報
        VitalStatus = "vital-status",
        /// 生活情報
        Lifestyle = "lifestyle",
    }
);

named!(
    /// As what somebody took part in what a document tells.
    Role {
        /// 主治医
        Attending = "attending",
        /// 紹介医
        Referring = "referring",
        /// 相談医
        Consulting = "consulting",
        /// 入院を決めた医師
        Admitting = "admitting",
        /// 依頼者
        Ordering = "ordering",
        /// 麻薬施用者免許の番号
        NarcoticsLicence = "narcotics-licence",
        /// 確認した薬剤師
        Pharmacist = "pharmacist",
        /// 与薬・投与した人
        Administering = "administering",
        /// 判読した医師
        Interpreting = "interpreting",
        /// 依頼した施設
        OrderingInstitution = "ordering-institution",
        /// 検査を実施した施設
        PerformingInstitution = "performing-institution",
    }
);

impl Role {
    /// Whether it is an institution that has the role.
    pub const fn is_of_institution(self) -> bool {
        matches!(
            self,
            Self::OrderingInstitution | Self::PerformingInstitution
        )
    }
}
