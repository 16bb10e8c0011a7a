//! Evidence of decisions, and the centre's check of it.

use super::*;

type Change = fn(&mut GateEvidence);

/// What makes sound evidence unsound, and the fault that is told.
const CHANGES: [(Change, EvidenceFault); 13] = [
    (|e| e.products = Products::ALL, EvidenceFault::TermsDiffer),
    (|e| e.mode = ConsentMode::OptIn, EvidenceFault::TermsDiffer),
    (
        |e| e.contract_kind = ContractKind::Collective,
        EvidenceFault::TermsDiffer,
    ),
    (
        |e| e.contract = "K-2".parse().unwrap(),
        EvidenceFault::ContractDiffers,
    ),
    (
        |e| e.filing = "13".parse().unwrap(),
        EvidenceFault::FilingDiffers,
    ),
    (
        |e| e.filed_on = date(2024, 6, 16),
        EvidenceFault::FilingTooLate,
    ),
    (|e| e.hold_days = 29, EvidenceFault::HoldOutOfRange),
    (|e| e.hold_days = 3651, EvidenceFault::HoldOutOfRange),
    (
        |e| e.as_of = date(2024, 3, 31),
        EvidenceFault::OutsideContract,
    ),
    (
        |e| e.as_of = date(2024, 6, 16),
        EvidenceFault::OutsideContract,
    ),
    (
        |e| *e.documents.values_mut().next().unwrap() = 0,
        EvidenceFault::DocumentsImplausible,
    ),
    (
        |e| *e.withheld.entry(Withheld::NoFiling).or_default() += 1,
        EvidenceFault::Contradiction,
    ),
    (|e| e.taken_back = 3, EvidenceFault::Contradiction),
];

/// Batches from before these counts keep their bytes, so what is zero is not written.
#[test]
fn counts_of_nothing_are_not_written() {
    let written = |state: &State, tally: &Tally| {
        let evidence = state.gate().evidence(tally).unwrap();
        let evidence = serde_json::to_value(evidence).unwrap();
        let has = |name: &&str| evidence.get(*name).is_some();
        ["persons_stopped", "taken_back"]
            .into_iter()
            .filter(has)
            .count()
    };
    let (mut state, mut tally) = (State::open(), Tally::default());
    assert_eq!(written(&state, &tally), 0);
    state.events.push(stop("1001", TODAY));
    tally.withhold(Withheld::Stopped);
    tally.take_back();
    assert_eq!(written(&state, &tally), 2);
}

/// B-007.
#[test]
fn evidence_of_a_sound_decision_holds_and_each_change_is_found() {
    let gate = State::open().gate();
    let mut tally = Tally::default();
    tally.pass(&gate.decide(&[chart("1001")]).unwrap());
    tally.pass(&gate.decide(&[chart("1001")]).unwrap());
    tally.withhold(Withheld::Stopped);
    tally.withhold(Withheld::Stopped);
    tally.leave_out(3);
    tally.leave_out(4);
    tally.take_back();
    tally.take_back();
    let evidence = gate.evidence(&tally).unwrap();
    assert_eq!(evidence.passed(), 2);
    assert_eq!(evidence.withheld, [(Withheld::Stopped, 2)].into());
    assert_eq!((evidence.documents_left_out, evidence.taken_back), (7, 2));
    let terms = ContractTerms {
        contract: "K-2024-01".parse().unwrap(),
        kind: ContractKind::Individual,
        products: Products::of(&[Product::Anonymized]),
        mode: ConsentMode::OptOut,
        filing: "府科事第12号".parse().unwrap(),
        effective_from: date(2024, 4, 1),
        leaves_on: Some(date(2024, 6, 16)),
    };
    assert_eq!(evidence.check(&terms, TODAY), Ok(()));
    assert_eq!(evidence.check(&terms, date(2024, 6, 14)), Ok(()));
    assert_eq!(
        evidence.check(&terms, date(2024, 6, 13)),
        Err(EvidenceFault::InFuture)
    );
    // A filing of the same day is in time.
    let filed_today = GateEvidence {
        filed_on: TODAY,
        ..evidence.clone()
    };
    assert_eq!(filed_today.check(&terms, TODAY), Ok(()));
    for (change, fault) in CHANGES {
        let mut changed = evidence.clone();
        change(&mut changed);
        assert_eq!(changed.check(&terms, TODAY), Err(fault));
    }
}

#[test]
fn there_is_no_evidence_without_contract_and_filing() {
    let mut state = State::open();
    state.contract().filing = None;
    assert_eq!(state.gate().evidence(&Tally::default()), None);
    state.terms.contracts.clear();
    assert_eq!(state.gate().evidence(&Tally::default()), None);
}

#[test]
fn evidence_round_trips_and_refuses_text_outside_its_patterns() {
    let gate = State::open().gate();
    let mut tally = Tally::default();
    tally.pass(&gate.decide(&[chart("1001")]).unwrap());
    Withheld::ALL
        .iter()
        .for_each(|reason| tally.withhold(*reason));
    let evidence = gate.evidence(&tally).unwrap();
    let bytes = serde_cbor::to_vec(&evidence).unwrap();
    assert_eq!(
        serde_cbor::from_slice::<GateEvidence>(&bytes).unwrap(),
        evidence
    );
    let json = serde_json::to_string(&evidence).unwrap();
    assert_eq!(
        serde_json::from_str::<GateEvidence>(&json).unwrap(),
        evidence
    );
    for (from, to) in [
        ("2024-06-15", "2024-06-15T00:00"),
        ("2024-06-15", "2024-06-31"),
        ("\"v1\"", "\"山田太郎\""),
        ("K-2024-01", "K 2024"),
        ("[1,1,", "["),
        ("[1,1,", "[1,1,1,"),
        ("\"hold\"", "\"held\""),
        ("\"anonymized\"", "\"anonymous\""),
        ("\"anonymized\"", "\"\""),
    ] {
        let changed = json.replacen(from, to, 1);
        assert_ne!(changed, json);
        assert!(
            serde_json::from_str::<GateEvidence>(&changed).is_err(),
            "{to}"
        );
    }
}
