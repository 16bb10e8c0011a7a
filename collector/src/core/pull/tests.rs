use envelope::{SigningKey, TransportProfile};
use jiff::civil::date;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use record::ResourceKind;

use crate::core::failure::Problem;
use crate::core::fixture::{
    Centre, Hospital, TODAY, basic, contents, patient, problems, visit, withdrawn,
};
use crate::core::folder::Folder;
use crate::core::report::Status;
use crate::core::rewrap;
use crate::core::tables::{Current, Table, history};

const DAY: jiff::civil::Date = date(2024, 5, 6);

fn hospital() -> Hospital {
    Hospital::new("HOSP-A", 1)
}

fn status(centre: &Centre) -> Status {
    let (folder, catalogue) = centre.open();
    Status::of(&catalogue, &folder, &centre.settings, 1_743_500_000).unwrap()
}

#[test]
fn batches_are_taken_in_order_once_and_a_second_pull_does_nothing() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    for number in 1..=3 {
        let readings = vec![basic(number, 1), visit(number, "1", 1, DAY)];
        centre.deliver(&hospital.seal(vec![patient(number, readings)]));
    }
    let first = centre.pull();
    assert_eq!((first.accepted, first.subjects, first.documents), (3, 3, 6));
    assert!(first.refused.is_empty() && first.waiting.is_empty());
    let tables = contents(&centre.settings.state.join("tables"));
    let again = centre.pull();
    assert_eq!((again.accepted, again.decided_before), (0, 3));
    assert_eq!(contents(&centre.settings.state.join("tables")), tables);
    let status = status(&centre);
    assert_eq!((status.batches, status.sites, status.documents), (3, 1, 6));
    assert_eq!(status.records["Patient"], 3);
    assert_eq!(status.records["Encounter"], 3);
}

/// a batch that comes too early waits and is taken once its predecessor is there.
#[test]
fn a_gap_waits_and_closes() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let sealed: Vec<_> = (1..=3)
        .map(|number| hospital.seal(vec![patient(number, vec![basic(number, 1)])]))
        .collect();
    centre.deliver(&sealed[0]);
    centre.deliver(&sealed[2]);
    let first = centre.pull();
    assert_eq!(first.accepted, 1);
    assert_eq!(first.waiting["waiting_for_predecessor"], 1);
    assert_eq!(
        status(&centre).files["waiting"]["waiting_for_predecessor"],
        1
    );
    centre.deliver(&sealed[1]);
    let second = centre.pull();
    assert_eq!((second.accepted, second.waiting.len()), (2, 0));
    assert!(!status(&centre).files.contains_key("waiting"));
}

/// A core that was given the wrong key takes everything once it has the right one.
#[test]
fn batches_wait_for_the_key_that_opens_them() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
    let other = envelope::CoreSecretKey::from_seed([8; 32]).unwrap();
    let with_other = centre.pull_with(&other);
    assert_eq!((with_other.accepted, with_other.refused.len()), (0, 0));
    assert_eq!(with_other.waiting["other_recipient"], 1);
    let with_own = centre.pull();
    assert_eq!((with_own.accepted, with_own.waiting.len()), (1, 0));
}

/// B-112: after the old key is gone, what was sealed for it is taken by the new one.
#[test]
fn batches_of_a_destroyed_key_are_taken_once_their_keys_were_wrapped_again() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
    let [old, new, other] = [7, 8, 9].map(|seed| {
        let key = envelope::CoreSecretKey::from_seed([seed; 32]);
        key.unwrap()
    });
    let move_on = |from: &envelope::CoreSecretKey, to: &envelope::CoreSecretKey| {
        let (folder, _catalogue) = centre.open();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (settings, beside) = (&centre.settings, folder.rewrapped());
        rewrap::run(settings, &beside, from, to.public(), &mut rng, |_, _| {}).unwrap()
    };
    let rewrap = |from| move_on(from, &new);
    assert_eq!(rewrap(&other).of_other_keys, 1);
    assert_eq!(centre.pull_with(&new).waiting["other_recipient"], 1);
    assert_eq!(rewrap(&old).rewrapped, 1);
    assert_eq!(
        (rewrap(&old).rewrapped, rewrap(&old).readable_before),
        (0, 1)
    );
    assert_eq!(move_on(&new, &other).rewrapped, 1);
    assert_eq!(centre.pull_with(&new).waiting["other_recipient"], 1);
    assert_eq!(centre.pull_with(&other).accepted, 1);
}

/// A-117, B-007: whatever a site may not send is refused with its reason and kept as evidence.
#[test]
fn batches_that_are_not_in_order_are_refused_with_a_reason_and_kept() {
    type Spoil = fn(&mut Hospital);
    let cases: [(&str, Spoil); 5] = [
        ("unknown_site", |it| it.site = "HOSP-X"),
        ("unknown_signer", |it| {
            it.signing = SigningKey::from_seed([99; 32]).unwrap()
        }),
        ("bad_evidence:contract_differs", |it| {
            it.contract = "CONTRACT-2"
        }),
        ("transport_not_allowed", |it| {
            it.transport = TransportProfile::Laboratory
        }),
        ("broken_chain", |it| it.previous = Some([5; 32])),
    ];
    for (reason, spoil) in cases {
        let centre = Centre::new(&[&hospital()]);
        let mut hospital = hospital();
        spoil(&mut hospital);
        centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
        assert_refused_and_kept(&centre, reason);
    }
}

/// B-112: while a site changes the key that signs for it, batches of both are one chain; before and
/// after, the other key is a stranger's.
#[test]
fn a_site_changes_the_key_that_signs_for_it_within_its_chain() {
    let mut hospital = hospital();
    let mut centre = Centre::new(&[&hospital]);
    let seal = |hospital: &mut Hospital, seed: u8, number| {
        hospital.signing = SigningKey::from_seed([seed; 32]).unwrap();
        hospital.seal(vec![patient(number, vec![basic(number, 1)])])
    };
    centre.deliver(&seal(&mut hospital, 1, 1));
    assert_eq!(centre.pull().accepted, 1);
    let changed = seal(&mut hospital, 50, 2);
    centre.deliver(&changed);
    assert_eq!(centre.pull().refused["unknown_signer"], 1);
    let next = hospital.signing.public();
    centre.change(
        "[[site]]",
        &format!("[[site]]\nnext_verifying_key = \"{next}\""),
    );
    let (_folder, mut catalogue) = centre.open();
    assert_eq!(catalogue.judge_again(&changed.id, 0).unwrap(), 1);
    drop((_folder, catalogue));
    assert_eq!(centre.pull().accepted, 1);
    centre.deliver(&seal(&mut hospital, 50, 3));
    centre.deliver(&seal(&mut hospital, 51, 4));
    let last = centre.pull();
    assert_eq!((last.accepted, last.refused["unknown_signer"]), (1, 1));
}

/// Mode E is off by default: identity envelopes come only where the contract says so.
#[test]
fn identity_envelopes_that_are_not_agreed_are_refused() {
    let mut hospital = hospital();
    let mut centre = Centre::new(&[&hospital]);
    let mut manifest = hospital.seal(vec![patient(1, vec![basic(1, 1)])]).manifest;
    let admitted = |centre: &Centre, manifest: &envelope::Manifest| {
        let site = centre.settings.site(&manifest.site).unwrap();
        super::check::admission(manifest, site, &centre.settings, TODAY)
    };
    assert_eq!(admitted(&centre, &manifest), Ok(()));
    manifest.envelopes = 1;
    let refused = admitted(&centre, &manifest).unwrap_err();
    assert_eq!(refused.code(), "identity_envelope_not_agreed");
    centre.change("[[site]]", "[[site]]\nidentity_envelope = true");
    assert_eq!(admitted(&centre, &manifest), Ok(()));
}

/// B-080, A-124: a contract that names its network has batches come by that one only.
#[test]
fn a_batch_by_another_network_than_the_contracts_is_refused() {
    for (transport, accepted) in [("ipsec", 1), ("ip-vpn", 0)] {
        let mut hospital = hospital();
        let mut centre = Centre::new(&[&hospital]);
        centre.change(
            "[[site]]",
            &format!("[[site]]\ntransport = \"{transport}\""),
        );
        centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
        assert_eq!(centre.pull().accepted, accepted, "{transport}");
    }
}

/// A mistake in the centre's own settings does not cut a site off for ever.
#[test]
fn a_refused_batch_is_judged_again_when_the_operator_asks() {
    let mut hospital = hospital();
    let mut centre = Centre::new(&[&hospital]);
    let right = std::mem::take(&mut centre.settings.transports);
    let sealed = hospital.seal(vec![patient(1, vec![basic(1, 1)])]);
    centre.deliver(&sealed);
    assert_eq!(centre.pull().refused["transport_not_allowed"], 1);
    centre.settings.transports = right;
    assert_eq!(centre.pull().accepted, 0);
    let (_folder, mut catalogue) = centre.open();
    assert_eq!(catalogue.judge_again(&sealed.id, 0).unwrap(), 1);
    drop((_folder, catalogue));
    assert_eq!(centre.pull().accepted, 1);
    let (_folder, mut catalogue) = centre.open();
    assert_eq!(catalogue.judge_again(&sealed.id, 0).unwrap(), 0);
}

#[test]
fn files_that_are_damaged_are_refused_with_a_reason_and_kept() {
    type Spoil = fn(&mut Vec<u8>);
    let cases: [(&str, Spoil); 4] = [
        ("bad_digest", |bytes| {
            let header = u32::from_be_bytes(bytes[8..12].try_into().unwrap());
            bytes[12 + header as usize] ^= 1;
        }),
        ("malformed", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("not_a_batch", |bytes| {
            *bytes = b"hello, here is no batch".to_vec()
        }),
        ("truncated", |bytes| bytes.truncate(20)),
    ];
    for (reason, spoil) in cases {
        let mut hospital = hospital();
        let centre = Centre::new(&[&hospital]);
        let mut sealed = hospital.seal(vec![patient(1, vec![basic(1, 1)])]);
        spoil(&mut sealed.bytes);
        centre.deliver(&sealed);
        assert_refused_and_kept(&centre, reason);
    }
}

fn assert_refused_and_kept(centre: &Centre, reason: &str) {
    let summary = centre.pull();
    assert_eq!(summary.accepted, 0, "{reason}");
    assert_eq!(
        summary.refused.get(reason),
        Some(&1),
        "{reason}: {:?}",
        summary.refused
    );
    let evidence = contents(&centre.settings.state.join("evidence"));
    let delivered = contents(&centre.inbox());
    let told = format!("\"reason\": \"{reason}\"");
    let tells = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&told);
    assert_eq!(evidence.len(), 2, "{reason}");
    assert!(
        evidence.iter().any(|(_, bytes)| *bytes == delivered[0].1),
        "{reason}"
    );
    assert!(evidence.iter().any(|(_, bytes)| tells(bytes)), "{reason}");
    assert_eq!(centre.pull().decided_before, 1, "{reason}");
    assert!(
        contents(&centre.settings.state.join("tables")).is_empty(),
        "{reason}"
    );
}

/// flipping any one of many places of a batch never gets anything accepted.
#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let sealed = hospital().seal(vec![patient(1, vec![basic(1, 1)])]);
    let centre = Centre::new(&[&hospital()]);
    let places: Vec<usize> = (0..sealed.bytes.len()).step_by(97).collect();
    for place in &places {
        let mut bytes = sealed.bytes.clone();
        bytes[*place] ^= 0x10;
        std::fs::write(centre.inbox().join(format!("{place}.batch")), bytes).unwrap();
    }
    let summary = centre.pull();
    assert_eq!(summary.accepted, 0);
    assert_eq!(summary.refused.values().sum::<u64>(), places.len() as u64);
}

#[test]
fn a_copy_of_a_batch_is_a_duplicate() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let first = hospital.seal(vec![patient(1, vec![basic(1, 1)])]);
    centre.deliver(&first);
    centre.pull();
    std::fs::write(centre.inbox().join("copy.batch"), &first.bytes).unwrap();
    let summary = centre.pull();
    assert_eq!((summary.accepted, summary.duplicates), (0, 1));
    assert!(summary.refused.is_empty());
}

/// of a box that was copied both chains stop, whichever sends first. Once an operator has
/// chosen, the chosen one goes on and the other does not, and neither
/// stops the site again.
#[test]
fn two_chains_of_one_site_stop_it_until_an_operator_chooses() {
    let person = |number| vec![patient(number, vec![basic(number, 1)])];
    for together in [true, false] {
        let mut first = hospital();
        let centre = Centre::new(&[&first]);
        let common = first.seal(person(1));
        centre.deliver(&common);
        centre.pull();
        let mut copy = hospital();
        (copy.sequence, copy.previous) = (first.sequence, first.previous);
        let [one, next] = [2, 3].map(|number| first.seal(person(number)));
        let [other, after] = [4, 5].map(|number| copy.seal(person(number)));
        centre.deliver(&one);
        if !together {
            assert_eq!(centre.pull().accepted, 1);
        }
        centre.deliver(&other);
        for sealed in [&next, &after] {
            centre.deliver(sealed);
        }
        let stopped = centre.pull();
        let waits = if together { 4 } else { 3 };
        // The batch that was taken before is taken; what follows it is not, where it comes later
        // than the fork.
        assert_eq!(stopped.waiting["site_stopped"], waits, "{together}");
        assert_eq!((stopped.accepted, stopped.refused.len()), (0, 0));
        let told = status(&centre).sites_stopped;
        let mut contending = [one.id.to_string(), other.id.to_string()];
        contending.sort();
        assert_eq!(told["HOSP-A"], contending);
        assert_eq!(centre.pull().accepted, 0);

        let (folder, mut catalogue) = centre.open();
        let site = "HOSP-A".parse().unwrap();
        for keep in [&common.id, &next.id] {
            let refused = catalogue.resume(&site, keep, "op", 0).unwrap_err();
            assert_eq!(refused.problem(), Problem::NotContending);
        }
        if !together {
            let refused = catalogue.resume(&site, &other.id, "op", 0).unwrap_err();
            assert_eq!(refused.problem(), Problem::NotContending);
        }
        catalogue.resume(&site, &one.id, "op", 0).unwrap();
        drop((folder, catalogue));
        let released = centre.pull();
        assert_eq!(
            released.accepted,
            if together { 2 } else { 1 },
            "{together}"
        );
        assert_eq!(released.refused["forked"], 1);
        assert_eq!(released.refused["broken_chain"], 1);
        assert!(status(&centre).sites_stopped.is_empty());
        assert_eq!(centre.pull().accepted, 0);
        let (_folder, catalogue) = centre.open();
        let ledger = catalogue.ledger().unwrap().join("\n");
        assert!(ledger.contains("\"stopped\"") && ledger.contains("\"resumed\""));
    }
}

/// Two batches after a bad one do not slip through: they wait for it to be settled.
#[test]
fn a_refused_batch_holds_up_its_successors() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    hospital.contract = "CONTRACT-2";
    centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
    hospital.contract = "CONTRACT-1";
    centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
    let summary = centre.pull();
    assert_eq!(summary.accepted, 0);
    assert_eq!(summary.waiting["waiting_for_predecessor"], 1);
}

#[test]
fn a_newer_version_replaces_and_a_withdrawal_removes() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let visits = |version| {
        vec![
            basic(1, version),
            visit(1, "1", version, DAY),
            visit(1, "2", version, DAY),
        ]
    };
    centre.deliver(&hospital.seal(vec![patient(1, visits(5))]));
    centre.deliver(&hospital.seal(vec![patient(
        1,
        vec![visit(1, "1", 6, DAY.tomorrow().unwrap())],
    )]));
    centre.pull();
    assert_eq!(days(&centre), ["2024-05-06", "2024-05-07"]);
    centre.deliver(&hospital.seal(vec![patient(1, vec![withdrawn(visit(1, "1", 7, DAY))])]));
    centre.pull();
    assert_eq!(days(&centre), ["2024-05-06"]);
    let status = status(&centre);
    assert_eq!((status.documents, status.documents_withdrawn), (2, 1));
}

/// C-31: a section exports a month again. What it says now stands, what it said before is history,
/// and the totals account for every version that was ever stored.
#[test]
fn a_month_that_is_exported_again_replaces_and_the_totals_explain_the_difference() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let month = |number, version, day: jiff::civil::Date| {
        let visits = (1..=4).map(|order: u32| visit(number, &order.to_string(), version, day));
        patient(number, visits.collect())
    };
    let people = |version, day| (1..=3).map(|number| month(number, version, day)).collect();
    centre.deliver(&hospital.seal(people(1, DAY)));
    centre.pull();
    let before = status(&centre);
    assert_eq!((before.documents, before.documents_replaced), (12, 0));
    assert_eq!(before.records["Encounter"], before.rows_stored["Encounter"]);

    // The same visits on the right day, and one that never happened is taken back.
    centre.deliver(&hospital.seal(people(2, DAY.tomorrow().unwrap())));
    let gone = withdrawn(visit(3, "4", 3, DAY));
    centre.deliver(&hospital.seal(vec![patient(3, vec![gone])]));
    centre.pull();
    let after = status(&centre);
    assert_eq!(days(&centre), vec!["2024-05-07"; 11]);
    assert_eq!((after.documents, after.documents_withdrawn), (11, 1));
    assert_eq!(after.documents_replaced, 13);
    let stored = after.rows_stored["Document"];
    let told = after.documents + after.documents_withdrawn + after.documents_replaced;
    assert_eq!((stored, told), (25, 25));
    // A row that was replaced is not lost: it is in the tables and stands no longer.
    assert_eq!(after.rows_stored["Encounter"], 24);
    assert_eq!(after.records["Encounter"], 11);
}

/// The days of all visits that stand.
fn days(centre: &Centre) -> Vec<String> {
    let (folder, catalogue) = centre.open();
    let table = Table::Records(ResourceKind::Encounter);
    let at = super::super::tables::position(&table.columns(), "at");
    let mut days = Vec::new();
    for site in catalogue.sites().unwrap() {
        let current = Current::load(&catalogue, &folder.tables(), &site).unwrap();
        current
            .rows(&catalogue, &folder.tables(), table, |rows, row| {
                days.push(rows.text(at, row).unwrap().to_owned());
                Ok(())
            })
            .unwrap();
    }
    days.sort();
    days
}

/// The site's chain orders what it states; a file that is deleted and filed again as it was comes
/// back, although its time is older than that of the deletion.
#[test]
fn what_a_site_states_last_stands_although_its_time_goes_back() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    for (reading, standing) in [
        (visit(1, "1", 5, DAY), 1),
        (withdrawn(visit(1, "1", 6, DAY)), 0),
        (visit(1, "1", 5, DAY), 1),
        (visit(1, "1", 4, DAY), 1),
        (withdrawn(visit(1, "1", 4, DAY)), 0),
    ] {
        centre.deliver(&hospital.seal(vec![patient(1, vec![reading])]));
        centre.pull();
        assert_eq!(days(&centre).len(), standing);
    }
}

#[test]
fn a_withdrawal_of_what_was_never_sent_is_harmless() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let gone = withdrawn(visit(1, "1", 3, DAY));
    centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1), gone])]));
    assert_eq!(centre.pull().accepted, 1);
    assert!(days(&centre).is_empty());
    let status = status(&centre);
    assert_eq!((status.documents, status.documents_withdrawn), (1, 1));
}

/// Which version came from which batch and when it was taken back can be told for ever.
#[test]
fn the_history_of_a_withdrawn_document_stays() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let mut batches = Vec::new();
    for reading in [
        visit(1, "1", 5, DAY),
        visit(1, "1", 6, DAY),
        withdrawn(visit(1, "1", 7, DAY)),
        visit(1, "1", 8, DAY),
    ] {
        let other = visit(2, "1", 1, DAY);
        let sealed = hospital.seal(vec![patient(1, vec![reading]), patient(2, vec![other])]);
        batches.push(sealed.id.to_string());
        centre.deliver(&sealed);
    }
    centre.pull();
    let (folder, catalogue) = centre.open();
    let [site] = catalogue.sites().unwrap().try_into().unwrap();
    let document = document_of(&folder, &site, 1);
    let stated = history(&catalogue, &folder.tables(), &site, document).unwrap();
    let told: Vec<_> = stated
        .iter()
        .map(|it| {
            (
                it.sequence,
                it.version,
                it.state.as_str(),
                it.records,
                it.stands,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, 5, "current", 1, false),
            (2, 6, "current", 1, false),
            (3, 7, "withdrawn", 0, false),
            (4, 8, "current", 1, true),
        ]
    );
    let from: Vec<_> = stated.iter().map(|it| it.batch.clone()).collect();
    assert_eq!(from, batches);
    assert!(stated.iter().all(|it| it.accepted_at == 1_743_500_000));
    let unknown = record::DocumentRef::new([0; 16]);
    let nothing = history(&catalogue, &folder.tables(), &site, unknown).unwrap();
    assert!(nothing.is_empty());
}

/// The first document of a batch.
fn document_of(folder: &Folder, site: &record::SiteId, sequence: u64) -> record::DocumentRef {
    let columns = Table::Document.columns();
    let key = super::super::tables::position(&columns, "document");
    let path = super::super::tables::file(&folder.tables(), "Document", site, sequence);
    let mut reader = super::super::tables::Reader::open(&path, &columns).unwrap();
    let rows = reader.next().unwrap().unwrap();
    rows.text(key, 0).unwrap().parse().unwrap()
}

/// A problem list is one document: what the newer list lacks is gone at the centre.
#[test]
fn a_newer_problem_list_replaces_the_older_one_whole() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let mut long = problems(1, "E119", DAY);
    long.records.extend(problems(1, "I10", DAY).records);
    let mut short = problems(1, "I10", DAY);
    short.version = record::Version(2);
    for list in [long, short] {
        centre.deliver(&hospital.seal(vec![patient(1, vec![list])]));
    }
    centre.pull();
    assert_eq!(status(&centre).records["Condition"], 1);
}

/// A run killed between the table files and the catalogue leaves nothing that counts, and the next
/// run comes to the same as an undisturbed one.
#[test]
fn leftovers_of_a_killed_run_change_nothing() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let sealed = hospital.seal(vec![patient(1, vec![basic(1, 1), visit(1, "1", 1, DAY)])]);
    centre.deliver(&sealed);
    let undisturbed = Centre::new(&[&hospital]);
    undisturbed.deliver(&sealed);
    undisturbed.pull();

    let tables = centre.settings.state.join("tables");
    for (name, part) in [
        ("Patient", ".unfinished-HOSP-A-0000000001.parquet"),
        ("Patient", "HOSP-A-0000000001.parquet"),
        ("Observation", "HOSP-A-0000000001.parquet"),
        ("Observation", ".unfinished-HOSP-A-0000000001.parquet"),
    ] {
        std::fs::create_dir_all(tables.join(name)).unwrap();
        std::fs::write(tables.join(name).join(part), "half a fi").unwrap();
    }
    assert_eq!(status(&centre).batches, 0);
    assert_eq!(centre.pull().accepted, 1);
    let expected = contents(&undisturbed.settings.state.join("tables"));
    assert_eq!(contents(&tables), expected);
    assert_eq!(status(&centre), status(&undisturbed));
}

/// The core stores no token as a site sent it.
#[test]
fn stored_tokens_are_not_those_of_the_site() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let sealed = hospital.seal(vec![patient(1, vec![basic(1, 1)])]);
    centre.deliver(&sealed);
    centre.pull();
    let site_key = envelope::MacKey::from_bytes([9; 32]);
    let tokens = privacy::tokens::tokenize(&crate::core::fixture::identity(1), &site_key, 1);
    let (folder, catalogue) = centre.open();
    let [site] = catalogue.sites().unwrap().try_into().unwrap();
    let columns = Table::Linkage.columns();
    let path = super::super::tables::file(&folder.tables(), "Linkage", &site, 1);
    let mut reader = super::super::tables::Reader::open(&path, &columns).unwrap();
    let rows = reader.next().unwrap().unwrap();
    let stored: Vec<_> = (0..rows.rows())
        .filter_map(|row| rows.text(5, row))
        .collect();
    assert!(stored.len() > 8);
    for (_, several) in tokens.exact {
        for token in several {
            let hex: String = token
                .as_bytes()
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert!(!stored.contains(&hex.as_str()));
        }
    }
}

/// What a site deletes of a person who is withheld is gone at the centre, and the person is linked
/// as before: such a batch says nothing of who it is.
#[test]
fn a_document_of_a_withheld_person_is_taken_back_and_the_person_stays_linked() {
    let mut first = hospital();
    let mut second = Hospital::new("HOSP-B", 2);
    let centre = Centre::new(&[&first, &second]);
    let visit_of = |number| visit(number, "1", 1, DAY);
    for hospital in [&mut first, &mut second] {
        let readings = vec![basic(1, 1), visit_of(1)];
        centre.deliver(&hospital.seal(vec![patient(1, readings)]));
    }
    assert_eq!(centre.pull().accepted, 2);
    assert_eq!(centre.link().persons, 1);
    let before = status(&centre).documents;
    first.withheld = vec![first.taken_back(1, &[visit_of(1).key])];
    centre.deliver(&first.seal(Vec::new()));
    let summary = centre.pull();
    assert_eq!((summary.accepted, summary.withdrawn), (1, 1));
    assert_eq!(status(&centre).documents, before - 1);
    assert_eq!(status(&centre).records["Encounter"], 1);
    let linked = centre.link();
    assert_eq!((linked.subjects, linked.persons), (2, 1));
}

/// of persons whom the evidence counts as withheld a batch may take back and say nothing.
#[test]
fn content_of_a_person_who_is_counted_as_withheld_is_refused() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let of = |number| patient(number, vec![basic(number, 1)]);
    hospital.withheld = vec![hospital.separated(of(2))];
    centre.deliver(&hospital.seal(vec![of(1)]));
    let summary = centre.pull();
    assert_eq!(summary.accepted, 0);
    assert_eq!(summary.refused["bad_evidence:persons_differ"], 1);
}

/// the core tells of each site how many were told and how many said no, as its last batch
/// states it, and what a batch of an earlier version does not say is not made up.
#[test]
fn the_share_of_stops_of_a_site_is_that_of_its_last_batch() {
    let mut hospital = hospital();
    let centre = Centre::new(&[&hospital]);
    let persons = |count: u32| (1..=count).map(|number| patient(number, vec![basic(number, 1)]));
    centre.deliver(&hospital.seal(persons(3).collect()));
    centre.deliver(&hospital.seal(persons(2).collect()));
    centre.pull();
    let rate = &status(&centre).stop_rates["HOSP-A"];
    assert_eq!((rate.notified, rate.stopped, rate.alarm), (2, 0, None));
    let line = rate.for_people("HOSP-A");
    assert!(line.ends_with("HOSP-A 0 / 2"), "{line}");
    let catalogue = centre.open().0.catalogue();
    let old = "UPDATE batch SET manifest = json_remove(manifest, '$.gate.persons_notified')";
    let catalogue = rusqlite::Connection::open(catalogue).unwrap();
    catalogue.execute(old, []).unwrap();
    assert!(status(&centre).stop_rates.is_empty());
}
