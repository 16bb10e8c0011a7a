use record::{DataKind, Quality};

use super::*;
use crate::core::fixture::{Centre, Hospital, basic, patient};
use crate::core::report::Status;

/// A hospital's statement: of `of` persons `bad` have no date of birth, and `foreign` files were
/// about somebody else.
fn stated(of: u64, bad: u64, foreign: u64) -> Quality {
    let mut quality = Quality::default();
    for number in 0..of {
        quality.count(DataKind::Adt00, Measure::BirthMissing, number < bad);
    }
    for _ in 0..foreign {
        quality.count_set_aside(Some(DataKind::Oml11), FindingCode::PatientMismatch);
    }
    quality
}

fn status(centre: &Centre) -> Status {
    let (folder, catalogue) = centre.open();
    Status::of(&catalogue, &folder, &centre.settings, 1_743_500_000).unwrap()
}

fn red(quality: &SiteQuality) -> Vec<&str> {
    let shares = quality.shares.iter().filter(|(_, share)| share.red);
    shares.map(|(name, _)| name.as_str()).collect()
}

/// A-045: the counts of each batch reach the catalogue, and a share above the limit of the site
/// makes the site red, by name.
#[test]
fn a_site_is_red_by_its_own_limits() {
    let mut one = Hospital::new("HOSP-A", 1);
    let mut other = Hospital::new("HOSP-B", 2);
    let mut centre = Centre::new(&[&one, &other]);
    for hospital in [&mut one, &mut other] {
        hospital.quality = stated(120, 12, 0);
        centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
    }
    centre.pull();
    let quality = status(&centre).quality;
    for site in ["HOSP-A", "HOSP-B"] {
        let share = quality[site].shares["birth_missing"];
        assert_eq!((share.looked_at, share.faulty), (120, 12));
        assert_eq!((share.per_cent, share.red), (10.0, true));
        assert_eq!(red(&quality[site]), ["birth_missing"]);
    }
    centre.ask_of_site("HOSP-B", "birth_missing", 10.0);
    let quality = status(&centre).quality;
    assert!(quality["HOSP-A"].red && !quality["HOSP-B"].red);
    let told = crate::core::progress::status(&status(&centre), &[]);
    assert!(told.contains("品質 HOSP-A: 赤"), "{told}");
    assert!(told.contains("birth_missing 生年月日がない"), "{told}");
    assert!(told.contains("品質 HOSP-B: 問題なし"), "{told}");
}

#[test]
fn findings_and_files_set_aside_are_shares_of_all_files() {
    let mut hospital = Hospital::new("HOSP-A", 1);
    let centre = Centre::new(&[&hospital]);
    hospital.quality = stated(1, 0, 200);
    centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
    centre.pull();
    let quality = &status(&centre).quality["HOSP-A"];
    assert_eq!((quality.files, quality.batches), (200, 1));
    assert_eq!(red(quality), ["F003", "set_aside"]);
    assert_eq!(quality.shares["set_aside"].per_cent, 100.0);
}

#[test]
fn only_the_newest_batches_are_judged_and_a_small_base_is_not() {
    let mut hospital = Hospital::new("HOSP-A", 1);
    let mut centre = Centre::new(&[&hospital]);
    for (of, bad) in [(200, 200), (99, 99)] {
        hospital.quality = stated(of, bad, 0);
        centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
    }
    centre.pull();
    assert!(status(&centre).quality["HOSP-A"].red);
    centre.settings.quality.batches = 1;
    let quality = &status(&centre).quality["HOSP-A"];
    assert_eq!(quality.shares["birth_missing"].looked_at, 99);
    assert!(!quality.red);
    centre.settings.quality.least = 99;
    assert!(status(&centre).quality["HOSP-A"].red);
}

/// Sums of hostile numbers neither fail nor wrap.
#[test]
fn numbers_without_measure_are_summed_without_harm() {
    let mut hospital = Hospital::new("HOSP-A", 1);
    let centre = Centre::new(&[&hospital]);
    let text = format!(
        r#"{{"read": {0}, "set_aside": {0}, "findings": {{"-": {{"F003": {0}}}}},
            "rates": {{"ADT-00": {{"birth_missing": [{0}, {0}]}}}}}}"#,
        u64::MAX
    );
    for _ in 0..3 {
        hospital.quality = serde_json::from_str(&text).unwrap();
        centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
    }
    assert_eq!(centre.pull().accepted, 3);
    assert!(status(&centre).quality["HOSP-A"].red);
}

#[test]
fn every_shipped_limit_names_something_that_is_counted() {
    for (name, share) in MOST {
        assert!(title(name).is_some(), "{name}");
        assert!((0.0..=100.0).contains(share), "{name}");
    }
}
