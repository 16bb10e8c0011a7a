//! Whole batches: sealed, tampered with, opened.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod corpus;
mod epochs;

use std::sync::LazyLock;

use privacy::gate::{
    ConsentMode, Contract, ContractKind, Event, Filing, Gate, GateEvidence, HoldDays, LedgerHead,
    Notice, NoticeDocument, NoticeMethod, PatientReadings, Products, Terms,
};
use privacy::separate::{Erasure, ParticipantRules, Separated, SiteKeys, separate};
use privacy::tokens::EpochKey;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use record::content::{Condition, DocumentState, Record};
use record::reading::{DocumentKey, Drops, Reading, Version};
use record::{
    ChartNumber, Code, Concept, DataKind, Date, Domain, Identity, ResourceKind, Sensitive,
    SubjectRef,
};

use crate::container::{Parts, Writer};
use crate::signing::SIGNATURE;
use crate::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn chart(number: usize) -> ChartNumber {
    ChartNumber::new(&format!("{number:08}")).unwrap()
}

fn reading(patient: usize, order: usize, records: usize, state: DocumentState) -> Reading {
    let code: Code = "E119".parse().unwrap();
    let condition = Record::Condition(Condition {
        code: Some(Concept::of(code, None)),
        ..Condition::default()
    });
    Reading {
        chart: chart(patient),
        claimed: vec![chart(patient)],
        key: DocumentKey {
            kind: DataKind::Ppr01,
            care_date: None,
            order: Sensitive::new(format!("{order:015}")),
            local_kind: None,
        },
        domain: Domain::Medical,
        version: Version(20_260_401_120_000_000),
        state,
        identity: Identity::default().into(),
        records: vec![condition; records],
        named: Vec::new(),
        findings: Vec::new(),
        drops: Drops::default(),
    }
}

fn gate(persons: usize) -> Gate {
    let contract = Contract {
        id: "K-1".parse().unwrap(),
        kind: ContractKind::Individual,
        filing: Some(Filing {
            reference: "F-1".parse().unwrap(),
            filed_on: day("2026-01-01"),
            revoked_on: None,
        }),
        products: Products::ALL,
        effective_from: day("2026-02-01"),
        leaves_on: None,
        hold_days: HoldDays::default(),
    };
    let document = NoticeDocument {
        version: "v1".parse().unwrap(),
        published_on: day("2026-02-01"),
        products: Products::ALL,
        reopens: false,
    };
    let notices = (0..persons).map(|person| {
        Event::Notified(Notice {
            chart: chart(person),
            notified_on: day("2026-02-01"),
            document: "v1".parse().unwrap(),
            method: NoticeMethod::Letter,
            sixteen_on: None,
        })
    });
    let head = LedgerHead {
        digest: [1; 32],
        entries: 2,
    };
    let terms = Terms::of(contract, document);
    Gate::new(terms, notices.collect(), head, day("2026-06-01"))
}

/// One subject for each list of documents, which are given by their number of records.
fn subjects(shape: &[Vec<usize>], epoch: u16) -> Vec<Separated> {
    subjects_of(shape, epoch, None)
}

fn subjects_of(shape: &[Vec<usize>], epoch: u16, next: Option<u16>) -> Vec<Separated> {
    let [tokens, site, later] = [1, 2, 3].map(|byte| MacKey::from_bytes([byte; 32]));
    let keys = SiteKeys {
        tokens: EpochKey::new(epoch, &tokens),
        next: next.map(|next| EpochKey::new(next, &later)),
        site: &site,
        municipality: None,
        vault: None,
        participants: ParticipantRules::default(),
    };
    let gate = gate(shape.len());
    let person = |(patient, documents): (usize, &Vec<usize>)| {
        let readings = documents.iter().enumerate().map(|(order, &records)| {
            let current = records > 0;
            let state = if current {
                DocumentState::Current
            } else {
                DocumentState::Withdrawn
            };
            reading(patient, order, records, state)
        });
        let readings = PatientReadings {
            chart: chart(patient),
            readings: readings.collect(),
            doubtful: Vec::new(),
        };
        separate(gate.screen(readings).unwrap(), &keys)
    };
    shape.iter().enumerate().map(person).collect()
}

fn evidence() -> GateEvidence {
    GateEvidence {
        contract: "K-1".parse().unwrap(),
        contract_kind: ContractKind::Individual,
        products: Products::ALL,
        mode: ConsentMode::OptOut,
        filing: "F-1".parse().unwrap(),
        filed_on: day("2026-01-01"),
        hold_days: 30,
        as_of: day("2026-06-01"),
        ledger: [1; 32],
        ledger_entries: 2,
        documents: [("v1".parse().unwrap(), 2)].into(),
        withheld: Default::default(),
        documents_left_out: 0,
        persons_notified: 0,
        persons_stopped: 0,
        taken_back: 0,
    }
}

fn draft() -> ManifestDraft {
    ManifestDraft {
        site: "HOSP-A".parse().unwrap(),
        sequence: 7,
        previous: Some([9; 32]),
        sealed_at: 1_780_000_000,
        gate: evidence(),
        transport: TransportProfile::Laboratory,
        mapping: 3,
        quality: Default::default(),
        transfers: None,
    }
}

struct Keys {
    site: SigningKey,
    core: CoreSecretKey,
}

/// Made once, because making the core's key takes longer than opening a batch.
fn keys() -> &'static Keys {
    static KEYS: LazyLock<Keys> = LazyLock::new(|| {
        let site = SigningKey::from_seed([3; 32]).unwrap();
        Keys {
            site,
            core: CoreSecretKey::from_seed([4; 32]).unwrap(),
        }
    });
    &KEYS
}

fn sealed(shape: &[Vec<usize>], seed: u64) -> Sealed {
    let Keys { site, core } = keys();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    seal(draft(), subjects(shape, 1), core.public(), site, &mut rng).unwrap()
}

fn opened(bytes: &[u8]) -> Result<Opened, OpenError> {
    let Keys { site, core } = keys();
    open(bytes, &site.public(), core)
}

/// The batch with another manifest, signed by the site itself.
fn restated(sealed: &Sealed, change: impl FnOnce(&mut Manifest)) -> Vec<u8> {
    let parts = Parts::split(&sealed.bytes).unwrap();
    let mut manifest = sealed.manifest.clone();
    change(&mut manifest);
    let manifest = serde_cbor::to_vec(&manifest).unwrap();
    let signed = [sha256(parts.header).as_slice(), &manifest].concat();
    let signature = keys().site.sign(container::SIGN_DOMAIN, &signed).unwrap();
    joined(parts.header, parts.body, &manifest, &signature)
}

fn joined(header: &[u8], body: &[u8], manifest: &[u8], signature: &[u8; SIGNATURE]) -> Vec<u8> {
    let mut batch = Writer::new(header, 0);
    let added = batch.add(|bytes| {
        bytes.extend_from_slice(body);
        Ok::<_, ()>(())
    });
    added.unwrap();
    batch.finish(manifest, signature).0
}

const SHAPE: [usize; 2] = [2, 0];

fn small() -> Sealed {
    sealed(&[SHAPE.to_vec(), vec![1]], 5)
}

#[test]
fn the_core_opens_what_the_site_sealed() {
    let sealed = small();
    let opened = opened(&sealed.bytes).unwrap();
    assert_eq!(opened.id, sealed.id);
    assert_eq!(opened.manifest, sealed.manifest);
    assert_eq!(opened.manifest_digest, sealed.manifest_digest);
    for (subject, separated) in opened
        .subjects
        .iter()
        .zip(subjects(&[SHAPE.to_vec(), vec![1]], 1))
    {
        assert_eq!(subject.subject, separated.subject().subject);
        assert_eq!(subject.tokens, separated.subject().tokens);
        assert_eq!(subject.documents, separated.documents());
    }
}

#[test]
fn the_manifest_counts_what_the_content_holds() {
    let manifest = small().manifest;
    assert_eq!((manifest.subjects, manifest.withdrawn), (2, 1));
    assert_eq!(manifest.documents, [(DataKind::Ppr01, 3)].into());
    assert_eq!(manifest.records, [(ResourceKind::Condition, 3)].into());
    assert_eq!(
        (manifest.normaliser, manifest.token_epoch),
        (text_version(), 1)
    );
}

fn text_version() -> u16 {
    subjects(&[vec![1]], 1)[0].subject().tokens.version
}

#[test]
fn header_and_manifest_are_readable_without_a_key() {
    let sealed = small();
    let start = sealed
        .bytes
        .get(..container::PREFIX_MAX)
        .unwrap_or(&sealed.bytes);
    let header = peek(start).unwrap();
    assert_eq!((header.site.as_str(), header.sequence), ("HOSP-A", 7));
    let inspected = inspect(&sealed.bytes).unwrap();
    assert_eq!((inspected.id, &inspected.header), (sealed.id, &header));
    assert_eq!(inspected.manifest, sealed.manifest);
    assert_eq!(inspected.verify(&keys().site.public()), Ok(()));
    assert!(header.is_for(keys().core.id()));
}

/// no bit of a batch can change unnoticed.
#[test]
fn every_flipped_bit_is_refused() {
    let bytes = small().bytes;
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(
            opened(&flipped).is_err(),
            "bit {bit} of {}",
            bytes.len() * 8
        );
    }
}

/// neither can a batch become shorter or longer.
#[test]
fn every_truncation_and_every_extension_is_refused() {
    let bytes = small().bytes;
    for length in 0..bytes.len() {
        assert!(opened(&bytes[..length]).is_err(), "{length}");
    }
    for (more, error) in [
        (&b"x"[..], OpenError::Truncated),
        (&bytes[bytes.len() - 4..], OpenError::Decode),
        (&[0; 4], OpenError::Decode),
    ] {
        assert_eq!(opened(&[&bytes[..], more].concat()), Err(error), "{more:?}");
    }
}

#[test]
fn each_kind_of_damage_has_its_own_error() {
    let bytes = small().bytes;
    let header = usize::from(u16::from_be_bytes([bytes[10], bytes[11]]));
    let with = |at: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[at] = value;
        opened(&changed)
    };
    assert_eq!(with(0, b'X'), Err(OpenError::Magic));
    assert_eq!(with(7, 2), Err(OpenError::UnknownFormat));
    assert_eq!(with(8, 1), Err(OpenError::TooLarge));
    let length = bytes.len() - 4;
    assert_eq!(with(length, 1), Err(OpenError::TooLarge));
    assert_eq!(with(length + 1, 15), Err(OpenError::Truncated));
    let signature = length - SIGNATURE;
    assert_eq!(
        with(signature, bytes[signature] ^ 1),
        Err(OpenError::BadSignature)
    );
    for body in [
        12 + header,
        11 + header + small().manifest.body.len as usize,
    ] {
        assert_eq!(with(body, bytes[body] ^ 1), Err(OpenError::BodyDigest));
    }
    assert_eq!(opened(&[]), Err(OpenError::Truncated));
}

/// B-112: a header of a later version is told from a broken one, whatever else it holds.
#[test]
fn later_formats_and_suites_are_named_as_such() {
    #[derive(serde::Serialize)]
    struct Later {
        format: u16,
        suite: u16,
        something: &'static str,
    }
    for (format, suite, error) in [
        (2, 1, OpenError::UnknownFormat),
        (1, 2, OpenError::UnknownSuite),
        (1, 1, OpenError::Decode),
    ] {
        let header = serde_cbor::to_vec(&Later {
            format,
            suite,
            something: "new",
        })
        .unwrap();
        let later = joined(&header, &[], &[], &[0; SIGNATURE]);
        assert_eq!(peek(&later), Err(error));
    }
}

#[test]
fn other_keys_open_nothing() {
    let bytes = small().bytes;
    let Keys { site, core } = keys();
    let other = SigningKey::from_seed([8; 32]).unwrap();
    assert_eq!(
        open(&bytes, &other.public(), core),
        Err(OpenError::UnknownSigner)
    );
    let other = CoreSecretKey::from_seed([8; 32]).unwrap();
    assert_eq!(
        open(&bytes, &site.public(), &other),
        Err(OpenError::UnknownRecipient)
    );
}

/// A site's device that signs something else than its content says is caught by the counts.
#[test]
fn a_signed_manifest_that_misstates_its_content_is_refused() {
    type Change = fn(&mut Manifest);
    let changes: [(Change, OpenError); 9] = [
        (|m| m.subjects += 1, OpenError::CountMismatch),
        (|m| m.withdrawn = 0, OpenError::CountMismatch),
        (|m| m.documents.clear(), OpenError::CountMismatch),
        (|m| m.records.clear(), OpenError::CountMismatch),
        (|m| m.token_epoch += 1, OpenError::TokensMismatch),
        (|m| m.normaliser += 1, OpenError::TokensMismatch),
        (|m| m.sequence += 1, OpenError::HeaderMismatch),
        (
            |m| m.site = "HOSP-B".parse().unwrap(),
            OpenError::HeaderMismatch,
        ),
        (|m| m.body.len += 1, OpenError::BodyDigest),
    ];
    let sealed = small();
    assert!(opened(&restated(&sealed, |_| ())).is_ok());
    for (number, (change, error)) in changes.into_iter().enumerate() {
        assert_eq!(
            opened(&restated(&sealed, change)),
            Err(error),
            "change {number}"
        );
    }
}

#[test]
fn content_beyond_the_limits_is_refused() {
    let bytes = small().bytes;
    let Keys { site, core } = keys();
    let most = Limits::default();
    for limits in [
        Limits {
            content_bytes: 100,
            ..most
        },
        Limits {
            subjects: 1,
            ..most
        },
        Limits {
            documents: 2,
            ..most
        },
    ] {
        let opened = open_within(&bytes, &site.public(), core, &limits);
        assert_eq!(opened, Err(OpenError::TooLarge), "{limits:?}");
    }
}

#[test]
fn subjects_with_tokens_of_different_epochs_are_not_sealed_together() {
    let Keys { site, core } = keys();
    let mut mixed = subjects(&[vec![1]], 1);
    mixed.extend(subjects(&[vec![1]], 2));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let sealed = seal(draft(), mixed, core.public(), site, &mut rng);
    assert!(matches!(sealed, Err(SealError::MixedTokens)));
}

/// P-24, B-114: the same random bytes give the same batch; others give another key, so that
/// neither wrapped keys nor bodies resemble each other, while the counts stay.
#[test]
fn only_the_random_bytes_make_two_seals_differ() {
    let shape = [vec![1, 2]];
    let [a, again, b] = [1, 1, 2].map(|seed| sealed(&shape, seed));
    assert_eq!(a.bytes, again.bytes);
    assert_ne!(a.id, b.id);
    let [body_a, body_b] =
        [&a, &b].map(|sealed| Parts::split(&sealed.bytes).unwrap().body.to_vec());
    assert_ne!(body_a.first_chunk::<16>(), body_b.first_chunk::<16>());
    let without_body = |sealed: &Sealed| Manifest {
        body: BodySeal {
            len: 0,
            sha256: [0; 32],
        },
        ..sealed.manifest.clone()
    };
    assert_eq!(without_body(&a), without_body(&b));
}

/// A site that has nothing but withheld persons may still report them.
#[test]
fn a_batch_without_subjects_is_a_batch() {
    let opened = opened(&sealed(&[], 1).bytes).unwrap();
    assert!(opened.subjects.is_empty());
    assert_eq!(
        (opened.manifest.subjects, opened.manifest.normaliser),
        (0, 0)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_content_round_trips(
        shape in prop::collection::vec(prop::collection::vec(0usize..4, 0..6), 0..12),
        seed: u64,
    ) {
        let opened = opened(&sealed(&shape, seed).bytes).unwrap();
        prop_assert_eq!(opened.subjects.len(), shape.len());
        for (subject, separated) in opened.subjects.iter().zip(subjects(&shape, 1)) {
            prop_assert_eq!(&subject.documents[..], separated.documents());
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        framed: bool,
    ) {
        let bytes = if framed { [container::MAGIC, &bytes[..]].concat() } else { bytes };
        prop_assert!(opened(&bytes).is_err());
    }
}

fn erasing(shape: &[Vec<usize>], erased: &[[u8; 16]]) -> Sealed {
    let Keys { site, core } = keys();
    let items = subjects(shape, 1).into_iter().map(Item::new);
    let stopped = privacy::gate::Withheld::Stopped;
    let erasures: Vec<_> = erased
        .iter()
        .filter_map(|subject| Erasure::of(SubjectRef::new(*subject), stopped))
        .collect();
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let items = items.collect::<Result<_, _>>().unwrap();
    seal_with_erasures(draft(), items, &erasures, core.public(), site, &mut rng).unwrap()
}

/// the word that somebody is to be erased travels in the chain like content does.
#[test]
fn erasures_are_opened_as_they_were_sealed_beside_content_and_alone() {
    for shape in [vec![], vec![vec![1, 2], vec![3]]] {
        let sealed = erasing(&shape, &[[1; 16], [2; 16]]);
        let opened = opened(&sealed.bytes).unwrap();
        let erased = [[1; 16], [2; 16]].map(SubjectRef::new);
        assert_eq!(opened.erased, erased);
        assert_eq!(
            (opened.manifest.erased, opened.subjects.len()),
            (2, shape.len())
        );
    }
}

/// A batch without erasures has the bytes that it had before there were any.
#[test]
fn a_batch_without_erasures_says_nothing_of_them() {
    let without = erasing(&[vec![1]], &[]);
    let manifest = Parts::split(&without.bytes).unwrap().manifest.to_vec();
    assert!(!manifest.windows(6).any(|part| part == b"erased"));
    assert!(opened(&without.bytes).unwrap().erased.is_empty());
}

#[test]
fn erasures_that_the_manifest_does_not_count_are_refused() {
    let sealed = erasing(&[vec![1]], &[[1; 16], [2; 16]]);
    for (told, error) in [
        (0, OpenError::Decode),
        (1, OpenError::CountMismatch),
        (3, OpenError::CountMismatch),
    ] {
        let bytes = restated(&sealed, |manifest| manifest.erased = told);
        assert_eq!(opened(&bytes).err(), Some(error), "{told}");
    }
    let none = erasing(&[vec![1]], &[]);
    let bytes = restated(&none, |manifest| manifest.erased = 1);
    assert_eq!(opened(&bytes).err(), Some(OpenError::Decode));
}

/// Only a stop erases.
#[test]
fn no_other_reason_of_the_gate_makes_an_erasure() {
    for reason in privacy::gate::Withheld::ALL {
        let erasure = Erasure::of(SubjectRef::new([1; 16]), *reason);
        let stopped = *reason == privacy::gate::Withheld::Stopped;
        assert_eq!(erasure.is_some(), stopped, "{reason}");
    }
}

/// B-111: lines of the dictionary travel beside the content, counted in the manifest, and of a
/// batch without any nothing changes. The parameters of the filters stand in the manifest.
#[test]
fn lines_of_the_dictionary_are_opened_as_they_were_sealed() {
    let term = |code: &str, name: &str| record::dictionary::Term {
        system: "99LAB".parse().unwrap(),
        code: code.parse().unwrap(),
        name: record::dictionary::TermName::new(name).unwrap(),
    };
    let terms = [term("A01", "CRP定量"), term("A02", "常食")];
    let with = |terms: &[record::dictionary::Term]| {
        let Keys { core, site } = keys();
        let items = subjects(&[vec![1, 2]], 1).into_iter().map(Item::new);
        let body = Body {
            items: items.collect::<Result<_, _>>().unwrap(),
            erasures: &[],
            terms,
        };
        let mut rng = ChaCha20Rng::seed_from_u64(11);
        seal_body(draft(), body, core.public(), site, &mut rng).unwrap()
    };
    let sealed = with(&terms);
    let opened = opened(&sealed.bytes).unwrap();
    assert_eq!(
        (opened.terms.as_slice(), sealed.manifest.terms),
        (&terms[..], 2)
    );
    assert_eq!(opened.subjects.len(), 1);
    let filters = sealed.manifest.filters.unwrap();
    assert_eq!(
        (filters.bits, filters.positions, filters.salted),
        (256, 10, true)
    );
    let none = with(&[]);
    assert!(self::opened(&none.bytes).unwrap().terms.is_empty());
    let bytes = serde_cbor::to_vec(&none.manifest).unwrap();
    assert!(!bytes.windows(5).any(|at| at == b"terms"));
}
