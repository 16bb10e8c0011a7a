//! Staff tokens and codes of institutions: taken only as the contract says, keyed again, released
//! never.

use std::collections::BTreeSet;

use envelope::MacKey;
use jiff::ToSpan as _;
use jiff::civil::date;
use record::content::Who;

use crate::core::fixture::{Centre, Hospital, basic, contents, patient, prescribed_by, visit};
use crate::core::make::{DEFAULT, Recipe};
use crate::core::settings::Institutions;
use crate::core::tables::{Reader, Table, file, position};

const DAY: jiff::civil::Date = date(2024, 5, 6);

fn hospital(site: &'static str, seed: u8, staff: u8) -> Hospital {
    let mut hospital = Hospital::new(site, seed);
    hospital.staff = Some(MacKey::from_bytes([staff; 32]));
    hospital.institutions = true;
    hospital
}

fn agreeing(hospitals: &[&Hospital]) -> Centre {
    let mut centre = Centre::new(hospitals);
    for site in centre.settings.sites_mut() {
        site.staff_tokens = true;
        site.institutions = Institutions::Keep;
    }
    centre
}

/// Columns of a text of the table, by batch of a site in order.
fn column(centre: &Centre, site: &str, sequence: u64, name: &str) -> Vec<Option<String>> {
    let (folder, _) = centre.open();
    let columns = Table::Participant.columns();
    let at = position(&columns, name);
    let site = site.parse().unwrap();
    let path = file(&folder.tables(), Table::Participant.name(), &site, sequence);
    let mut reader = Reader::open(&path, &columns).unwrap();
    let rows = reader.next().unwrap().unwrap();
    (0..rows.rows())
        .map(|row| rows.text(at, row).map(str::to_owned))
        .collect()
}

#[test]
fn a_batch_with_staff_or_institutions_is_refused_unless_the_contract_has_them() {
    for (staff, institutions, reason) in [
        (false, Institutions::Keep, Some("staff_tokens_not_agreed")),
        (true, Institutions::Drop, Some("institutions_not_agreed")),
        (true, Institutions::Keep, None),
    ] {
        let mut hospital = hospital("HOSP-A", 1, 5);
        let mut centre = Centre::new(&[&hospital]);
        for site in centre.settings.sites_mut() {
            (site.staff_tokens, site.institutions) = (staff, institutions);
        }
        let prescription = prescribed_by(1, "1", DAY, "D-7");
        let sealed = hospital.seal(vec![patient(1, vec![prescription])]);
        assert_eq!(
            (sealed.manifest.staff, sealed.manifest.institutions),
            (1, 1)
        );
        centre.deliver(&sealed);
        let summary = centre.pull();
        let refused: Vec<_> = summary.refused.keys().map(String::as_str).collect();
        assert_eq!(refused, Vec::from_iter(reason));
        assert_eq!(summary.accepted, u64::from(reason.is_none()));
    }
}

#[test]
fn a_batch_of_a_contract_without_them_holds_none_and_is_taken() {
    let mut hospital = Hospital::new("HOSP-A", 1);
    let centre = Centre::new(&[&hospital]);
    let prescription = prescribed_by(1, "1", DAY, "D-7");
    let sealed = hospital.seal(vec![patient(1, vec![prescription])]);
    assert_eq!(
        (sealed.manifest.staff, sealed.manifest.institutions),
        (0, 0)
    );
    centre.deliver(&sealed);
    assert_eq!(centre.pull().accepted, 1);
    let tables = centre.settings.state.join("tables");
    assert!(
        !tables
            .join("Participant")
            .join("HOSP-A-0000000001.parquet")
            .exists()
    );
}

/// What stands is not what the site sent, and one doctor of two sites is two, unless the sites
/// were given one key.
#[test]
fn staff_tokens_are_keyed_again_and_join_only_sites_that_share_a_key() {
    let mut sites = [
        hospital("HOSP-A", 1, 5),
        hospital("HOSP-B", 2, 6),
        hospital("HOSP-C", 3, 5),
    ];
    let centre = agreeing(&sites.each_ref());
    for site in &mut sites {
        for (number, doctor) in [(1, "D-7"), (2, "D-8")] {
            let prescription = prescribed_by(number, "1", DAY, doctor);
            let sealed = site.seal(vec![patient(number, vec![prescription])]);
            centre.deliver(&sealed);
        }
    }
    assert_eq!(centre.pull().accepted, 6);
    let of = |site: &str, sequence| -> String {
        let staff = column(&centre, site, sequence, "staff");
        let [token] = &*staff.into_iter().flatten().collect::<Vec<_>>() else {
            panic!()
        };
        token.clone()
    };
    assert_eq!(of("HOSP-A", 1), of("HOSP-C", 1));
    let different: BTreeSet<_> = [("HOSP-A", 1), ("HOSP-A", 2), ("HOSP-B", 1), ("HOSP-B", 2)]
        .map(|(site, sequence)| of(site, sequence))
        .into();
    assert_eq!(different.len(), 4);
    let institutions = column(&centre, "HOSP-A", 1, "institution");
    assert!(institutions.contains(&Some("1311234567".to_owned())));
    assert!(!different.contains(&sent(&sites[0], "D-7")));
}

/// The token as the site makes it.
fn sent(hospital: &Hospital, doctor: &str) -> String {
    let prescription = prescribed_by(1, "1", DAY, doctor);
    let separated = hospital.separated(patient(1, vec![prescription]));
    let participants = &separated.documents()[0].participants;
    let token = participants.iter().find_map(|one| match &one.who {
        Who::Staff(token) => Some(token.to_string()),
        Who::Institution(_) => None,
    });
    token.unwrap()
}

/// No recipe can name the table, and a release of sites that have it holds nothing of it.
#[test]
fn nothing_of_staff_and_institutions_is_released() {
    let mut hospital = hospital("HOSP-A", 1, 5);
    let centre = agreeing(&[&hospital]);
    let mut patients = Vec::new();
    for number in 0..60 {
        // Twelve years, so that the largest offset of days leaves most of them.
        let day = |step: i64| {
            let days = (i64::from(number) * 71 + step * 400) % 4300;
            date(2013, 1, 7).saturating_add(days.days())
        };
        let mut readings = vec![basic(number, 1), prescribed_by(number, "5", day(2), "D-7")];
        readings.extend((1..4).map(|step| visit(number, &step.to_string(), 1, day(step))));
        patients.push(patient(number, readings));
    }
    centre.deliver(&hospital.seal(patients));
    assert_eq!(centre.pull().accepted, 1);
    centre.link();
    let release = centre.release("r1");
    let token = column(&centre, "HOSP-A", 1, "staff")[0].clone().unwrap();
    for (name, bytes) in contents(&release) {
        let text = String::from_utf8_lossy(&bytes);
        for hidden in [token.as_str(), "1311234567", "D-7"] {
            assert!(!text.contains(hidden), "{name:?}");
        }
    }
    let named = DEFAULT.replacen("Encounter", "Participant", 1);
    assert_ne!(named, DEFAULT);
    assert!(Recipe::parse(&named).is_err());
}
