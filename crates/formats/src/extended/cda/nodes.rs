//! The allow-list of CDA R2: which elements are entered, and which of their attributes are read.
//! Everything else stays behind, with all that is in it, and is counted by name.

/// An element that is entered. The same name means different things in different places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// `ClinicalDocument`.
    Document,
    /// `recordTarget`.
    Target,
    /// `patientRole`.
    Role,
    /// A number of the patient.
    RoleId,
    /// `patient`.
    Patient,
    /// When the patient was born: for comparison only.
    BirthTime,
    /// `component` below the document.
    Body,
    /// `structuredBody`.
    Structured,
    /// `component` below the body or a section.
    Part,
    /// `section`.
    Section,
    /// `entry`.
    Entry,
    /// `organizer`: a group of entries.
    Organizer,
    /// `component` of an organizer.
    Member,
    /// `entryRelationship`.
    Relation,
    /// `observation`.
    Observation,
    /// `substanceAdministration`.
    Substance,
    /// `act`: only for the entries in it.
    Act,
    /// `procedure`.
    Procedure,
    /// `code` of an entry.
    Code,
    /// Another coding of the same.
    Translation,
    /// `value` of an observation.
    Value,
    /// The lower bound of a value.
    ValueLow,
    /// The upper bound of a value.
    ValueHigh,
    /// `effectiveTime`.
    Time,
    /// The beginning of a time.
    TimeLow,
    /// The end of a time.
    TimeHigh,
    /// `statusCode`.
    Status,
    /// `interpretationCode`.
    Interpretation,
    /// `methodCode`.
    Method,
    /// `referenceRange`.
    Reference,
    /// `observationRange`.
    Range,
    /// The value of a range.
    RangeValue,
    /// The lower bound of a range.
    RangeLow,
    /// The upper bound of a range.
    RangeHigh,
    /// `doseQuantity`.
    Dose,
    /// `routeCode`.
    Route,
    /// `consumable`.
    Consumable,
    /// `manufacturedProduct`.
    Product,
    /// `manufacturedMaterial`.
    Material,
    /// The code of the medicine.
    Medicine,
    /// Another coding of the medicine.
    MedicineTranslation,
    /// `subject`: the entry is about somebody else.
    Subject,
}

use Node::*;

/// Which elements are entered below which.
const ALLOWED: &[(Node, &str, Node)] = &[
    (Document, "recordTarget", Target),
    (Target, "patientRole", Role),
    (Role, "id", RoleId),
    (Role, "patient", Patient),
    (Patient, "birthTime", BirthTime),
    (Document, "component", Body),
    (Body, "structuredBody", Structured),
    (Structured, "component", Part),
    (Part, "section", Section),
    (Section, "component", Part),
    (Section, "entry", Entry),
    (Section, "subject", Subject),
    (Organizer, "component", Member),
    (Organizer, "subject", Subject),
    (Observation, "subject", Subject),
    (Substance, "subject", Subject),
    (Procedure, "subject", Subject),
    (Act, "subject", Subject),
    (Organizer, "statusCode", Status),
    (Observation, "statusCode", Status),
    (Substance, "statusCode", Status),
    (Procedure, "statusCode", Status),
    (Act, "statusCode", Status),
    (Observation, "code", Code),
    (Procedure, "code", Code),
    (Code, "translation", Translation),
    (Observation, "value", Value),
    (Value, "translation", Translation),
    (Value, "low", ValueLow),
    (Value, "high", ValueHigh),
    (Observation, "effectiveTime", Time),
    (Substance, "effectiveTime", Time),
    (Procedure, "effectiveTime", Time),
    (Time, "low", TimeLow),
    (Time, "high", TimeHigh),
    (Observation, "interpretationCode", Interpretation),
    (Observation, "methodCode", Method),
    (Method, "translation", Translation),
    (Observation, "referenceRange", Reference),
    (Reference, "observationRange", Range),
    (Range, "value", RangeValue),
    (RangeValue, "low", RangeLow),
    (RangeValue, "high", RangeHigh),
    (Substance, "doseQuantity", Dose),
    (Substance, "routeCode", Route),
    (Route, "translation", Translation),
    (Substance, "consumable", Consumable),
    (Consumable, "manufacturedProduct", Product),
    (Product, "manufacturedMaterial", Material),
    (Material, "code", Medicine),
    (Medicine, "translation", MedicineTranslation),
];

/// The elements that hold an entry, wherever one may stand.
const ENTRIES: &[(&str, Node)] = &[
    ("observation", Observation),
    ("organizer", Organizer),
    ("substanceAdministration", Substance),
    ("act", Act),
    ("procedure", Procedure),
];

impl Node {
    /// What an element below this one is; `None` for what is not entered.
    pub(super) fn child(self, name: &str) -> Option<Self> {
        if matches!(self, Entry | Member | Relation) {
            return ENTRIES
                .iter()
                .find(|(entry, _)| *entry == name)
                .map(|(_, node)| *node);
        }
        if name == "entryRelationship" && self.is_entry() {
            return Some(Relation);
        }
        ALLOWED
            .iter()
            .find(|(parent, child, _)| *parent == self && *child == name)
            .map(|(_, _, node)| *node)
    }

    /// Whether the element is an entry or holds entries with a context of their own.
    pub(super) fn is_entry(self) -> bool {
        matches!(self, Observation | Organizer | Substance | Act | Procedure)
    }

    /// The attributes that are read.
    pub(super) fn attributes(self) -> &'static [&'static str] {
        match self {
            RoleId => &["root", "extension"],
            BirthTime | Time | TimeLow | TimeHigh => &["value", "nullFlavor"],
            Code | Translation | Method | Interpretation | Route | Medicine
            | MedicineTranslation => &["code", "codeSystem", "nullFlavor"],
            Value => &["type", "value", "unit", "code", "codeSystem", "nullFlavor"],
            ValueLow | ValueHigh | RangeLow | RangeHigh => {
                &["value", "unit", "inclusive", "nullFlavor"]
            }
            Dose => &["value", "unit", "nullFlavor"],
            Status => &["code"],
            Observation | Substance | Procedure | Organizer | Act => {
                &["moodCode", "negationInd", "nullFlavor"]
            }
            _ => &[],
        }
    }
}

/// The name under which an element that is not entered is counted.
pub(super) fn left(name: &str) -> &'static str {
    let found = COUNTED.binary_search_by(|(element, _)| (*element).cmp(name));
    found
        .ok()
        .and_then(|at| COUNTED.get(at))
        .map_or("cda:unknown", |(_, counted)| counted)
}

macro_rules! counted {
    ($($name:literal)*) => { &[$(($name, concat!("cda:", $name)),)*] };
}

/// Elements of CDA R2 that stand where something is entered, in order for the search.
const COUNTED: &[(&str, &str)] = counted!(
    "act" "addr" "administrationUnitCode" "administrativeGenderCode" "approachSiteCode"
    "asLicensedEntity" "asPatient" "assignedAuthor" "assignedCustodian" "assignedEntity"
    "assignedPerson" "associatedEntity" "authenticator" "author" "authorization" "birthTime"
    "birthplace" "center" "code" "component" "componentOf" "confidentialityCode" "consumable"
    "copyTime" "criterion" "custodian" "dataEnterer" "documentationOf" "doseCheckQuantity"
    "doseQuantity" "effectiveTime" "encounter" "entry" "entryRelationship" "ethnicGroupCode"
    "guardian" "high" "id" "inFulfillmentOf" "informant" "informationRecipient"
    "interpretationCode" "languageCode" "languageCommunication" "legalAuthenticator"
    "lotNumberText" "low" "manufacturerOrganization" "maritalStatusCode" "maxDoseQuantity"
    "methodCode" "name" "nonXMLBody" "observation" "observationMedia" "organizer" "originalText"
    "participant" "patient" "performer" "period" "phase" "precondition" "priorityCode" "procedure"
    "providerOrganization" "qualifier" "raceCode" "rateQuantity" "realmCode" "reference"
    "referenceRange" "regionOfInterest" "relatedDocument" "religiousAffiliationCode"
    "repeatNumber" "routeCode" "sequenceNumber" "setId" "signatureCode" "specimen" "statusCode"
    "structuredBody" "subject" "supply" "targetSiteCode" "telecom" "templateId" "text" "thumbnail"
    "title" "translation" "typeId" "uncertaintyCode" "value" "versionNumber" "width"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_of_the_list_is_found_under_a_name_that_reports_take() {
        assert!(COUNTED.is_sorted_by(|(a, _), (b, _)| a < b));
        let mut drops = record::Drops::default();
        for (name, counted) in COUNTED {
            assert_eq!(left(name), *counted);
            drops.count(counted);
        }
        assert_eq!(drops.iter().count(), COUNTED.len());
        assert!(drops.iter().all(|(name, _)| name.starts_with("cda:")));
        assert_eq!(left("yamada"), "cda:unknown");
    }
}
