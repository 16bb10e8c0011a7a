//! Every rate of the model in one place. All are shares between 0 and 1 unless said otherwise.

/// Persons who have a chart at both hospitals.
pub const BOTH_HOSPITALS: f64 = 0.35;
/// Persons with one chart who have it at hospital A.
pub const ONLY_HOSPITAL_A: f64 = 0.55;

/// Families with children whose youngest are twins.
pub const TWINS: f64 = 0.06;
/// Twins of the same sex among twins.
pub const TWINS_SAME_SEX: f64 = 0.65;
/// Children who live in a family with one parent only.
pub const ONE_PARENT: f64 = 0.12;
/// Names with an old or rare form available that are really written in it.
pub const OLD_FORM_IN_FAMILY_REGISTER: f64 = 0.30;
/// Persons over 60 years, and over 80 (three times), who died in the last three years.
pub const DEATH_OVER_60: f64 = 0.03;

/// Second registrations at another address: the person moved between the two.
pub const MOVED: f64 = 0.10;
/// Second registrations of persons aged 18 to 74 under another insurance.
pub const JOB_CHANGED: f64 = 0.08;
/// Second registrations of persons aged 20 to 49 under another family name.
pub const MARRIED: f64 = 0.05;
/// Women among those whose family name changed at marriage.
pub const MARRIED_WOMEN: f64 = 0.95;
/// Changed family names that came with a changed insurance.
pub const MARRIED_NEW_INSURANCE: f64 = 0.5;

/// Second registrations with a typing error in the kana name.
pub const KANA_TYPO: f64 = 0.025;
/// Second registrations with another reading of the given name, where one exists.
pub const KANA_OTHER_READING: f64 = 0.04;
/// Second registrations whose kana is written in another style (ショウ as シヨウ, コウ as コー),
/// where the name has such a place.
pub const KANA_STYLE: f64 = 0.04;
/// Second registrations without kana.
pub const KANA_MISSING: f64 = 0.03;
/// Second registrations with one wrong part of the birth date.
pub const BIRTH_DATE_TYPO: f64 = 0.01;
/// Second registrations with the wrong sex.
pub const SEX_WRONG: f64 = 0.003;
/// Second registrations with the other form of a character that has two, where the name has one.
pub const KANJI_VARIANT: f64 = 0.30;

/// Second registrations without a branch number.
pub const BRANCH_MISSING_SECOND: f64 = 0.5;
/// First (or only) registrations without a branch number.
pub const BRANCH_MISSING_FIRST: f64 = 0.15;
/// Second registrations without any insurance.
pub const INSURANCE_MISSING_SECOND: f64 = 0.08;
/// First (or only) registrations without any insurance.
pub const INSURANCE_MISSING_FIRST: f64 = 0.02;
/// Insurances written as symbol in IN1-10 and full-width number in IN1-11.
pub const INSURANCE_SPLIT_LAYOUT: f64 = 0.10;
/// Registrations whose older basic data carries a previous address.
pub const PREVIOUS_ADDRESS: f64 = 0.08;

/// Registrations notified less than 26 days ago.
pub const HOLD: f64 = 0.015;
/// Registrations that were never notified.
pub const NOT_NOTIFIED: f64 = 0.015;
/// Registrations under a stop (at least two per hospital from 200 persons on).
pub const STOPPED: f64 = 0.001;

/// Basic patient data with an older version (flag 2).
pub const BASIC_DATA_UPDATED: f64 = 0.25;
/// Orders and results with an older version (flag 2).
pub const ORDER_UPDATED: f64 = 0.08;
/// Orders and results that were deleted (flag 0).
pub const ORDER_DELETED: f64 = 0.03;
/// Registrations with an allergy record.
pub const ALLERGIES: f64 = 0.30;
/// Registrations with a problem list.
pub const PROBLEMS: f64 = 0.85;
/// Registrations with a stay in hospital.
pub const STAY: f64 = 0.12;
/// Stays that were cancelled after admission had been recorded.
pub const STAY_CANCELLED: f64 = 0.05;
/// Visits with a prescription.
pub const VISIT_PRESCRIPTION: f64 = 0.65;
/// Prescriptions recorded as taken.
pub const PRESCRIPTION_TAKEN: f64 = 0.35;
/// Visits with laboratory results.
pub const VISIT_LABORATORY: f64 = 0.60;
/// Free-text places that hold a text (of which most name the patient).
pub const FREE_TEXT: f64 = 0.20;

/// Every so many registrations has one file of each kind that is rare in a chart: movements, meals,
/// orders and performances of examinations.
pub const FURTHER_KINDS_EVERY: u64 = 20;
