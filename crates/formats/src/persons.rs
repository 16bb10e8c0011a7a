//! Observations that say who somebody is instead of how somebody is.

/// Codes of LOINC, in order for the search: numbers, names, addresses, telephones and the day of
/// birth of the patient, and who did something.
const OBSERVATIONS: &[&str] = &[
    "21112-8", // day of birth
    "42077-8", // telephone number
    "45392-8", // first name
    "45393-6", // middle initial
    "45394-4", // last name
    "45395-1", // suffix of the name
    "45396-9", // social security number
    "45397-7", // number of the public insurance
    "45400-9", // number of the public assistance
    "45401-7", // postal code
    "45966-9", // numbers of both
    "52526-1", // operator
    "54125-0", // name
    "56799-0", // address
    "76435-7", // number of the patient
    "78928-9", // person who did it
    "78977-6", // person who did it
];

/// Whether an observation of this code says who somebody is.
pub(crate) fn names_person(code: &str) -> bool {
    // A suffix tells parts of one observation apart.
    let code = code.split('&').next().unwrap_or_default();
    OBSERVATIONS.binary_search(&code).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_told_from_measurements() {
        assert!(OBSERVATIONS.is_sorted());
        assert!(OBSERVATIONS.iter().all(|code| names_person(code)));
        for (code, person) in [("45394-4&1", true), ("8480-6", false), ("", false)] {
            assert_eq!(names_person(code), person, "{code}");
        }
    }
}
