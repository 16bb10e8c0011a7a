//! Orders from their signature to their answer.

use proptest::prelude::*;

use super::*;

const DEVICE: &str = "HOSP-A:box-1";
const NOW: i64 = 1_790_000_000;

/// Signatures for tests: whoever knows the number of a key can sign with it.
struct Persons(u8);

fn mark(signer: &SignerId, message: &[u8]) -> [u8; SIGNATURE] {
    let sum = message.iter().enumerate().fold(0_u64, |sum, (at, byte)| {
        sum.wrapping_mul(31)
            .wrapping_add(u64::from(*byte) ^ at as u64)
    });
    std::array::from_fn(|at| signer[at % 8] ^ sum.to_be_bytes()[at % 8])
}

impl Signers for Persons {
    fn verifies(&self, signer: &SignerId, message: &[u8], signature: &[u8; SIGNATURE]) -> bool {
        (1..=self.0).any(|person| *signer == [person; 8]) && *signature == mark(signer, message)
    }
}

fn order(number: u64, job: Job) -> Order {
    Order::new(
        DEVICE.parse().unwrap(),
        number,
        NOW + 3_600,
        "PLAN-7".parse().unwrap(),
        Reason::Planned,
        job,
    )
}

fn signed(order: &Order, persons: &[u8]) -> Vec<u8> {
    let body = order.to_bytes().unwrap();
    let message = [ORDER_DOMAIN, &body].concat();
    let mut all = persons.iter().map(|person| {
        let signer = [*person; 8];
        (signer, mark(&signer, &message))
    });
    let (signer, signature) = all.next().unwrap();
    let mut signed = SignedOrder::new(&body, signer, signature);
    for (signer, signature) in all {
        signed.sign(signer, signature).unwrap();
    }
    signed.to_bytes()
}

fn verified(order: &Order) -> Verified {
    let bytes = signed(order, &[1, 2]);
    SignedOrder::read(&bytes)
        .unwrap()
        .verify(&Persons(2))
        .unwrap()
}

fn number(after: u64) -> u64 {
    u64::try_from(NOW).unwrap() * 1_000 + after
}

fn docket() -> Docket {
    Docket::new(DEVICE.parse().unwrap())
}

fn jobs() -> Vec<Job> {
    vec![
        Job::SelfTest,
        Job::Support,
        Job::RotateKey,
        Job::SendNow,
        Job::Pause { hours: 336 },
        Job::Resume,
        Job::Quarantine,
        Job::Release,
        Job::Blink { minutes: 60 },
        Job::Settings {
            text: "x".repeat(SETTINGS_MAX),
            minutes: 120,
        },
        Job::Update,
        Job::Decommission,
    ]
}

/// O-06: every job of the catalogue travels, and those that cannot be taken back, lift a protection
/// or change where data go ask for two persons.
#[test]
fn every_job_travels_and_the_grave_ones_ask_for_two_persons() {
    let kinds: Vec<JobKind> = jobs().iter().map(Job::kind).collect();
    assert_eq!(kinds, JobKind::ALL);
    for job in jobs() {
        let kind = job.kind();
        let order = order(number(0), job);
        let one = signed(&order, &[1]);
        let read = SignedOrder::read(&one).unwrap().verify(&Persons(2));
        match kind {
            JobKind::Release | JobKind::Settings | JobKind::Decommission => {
                assert_eq!(read, Err(OrderError::OnePerson), "{kind:?}");
            }
            _ => assert_eq!(*read.unwrap().order(), order, "{kind:?}"),
        }
        let two = signed(&order, &[1, 2]);
        assert!(two.len() <= ORDER_MAX);
        let read = SignedOrder::read(&two).unwrap().verify(&Persons(2));
        assert_eq!(*read.unwrap().order(), order, "{kind:?}");
    }
}

/// The bytes of a fixed order: devices read them for years.
#[test]
fn the_bytes_of_an_order_never_change() {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
    let order = order(number(5), Job::Pause { hours: 2 });
    assert_eq!(
        hex(&order.to_bytes().unwrap()),
        include_str!("order.hex").trim()
    );
}

#[test]
fn one_person_cannot_sign_for_two() {
    let order = order(number(0), Job::Decommission);
    let body = order.to_bytes().unwrap();
    let message = [ORDER_DOMAIN, &body].concat();
    let signer = [1; 8];
    let signature = mark(&signer, &message);
    let mut signed = SignedOrder::new(&body, signer, signature);
    assert_eq!(signed.sign(signer, signature), Err(OrderError::Signature));
    // Somebody who writes the bytes by hand.
    let one = signed.to_bytes();
    let part = &one[9..81];
    let twice = [&one[..8], &[2], part, part, &body].concat();
    let read = SignedOrder::read(&twice).unwrap().verify(&Persons(2));
    assert_eq!(read, Err(OrderError::OnePerson));
}

#[test]
fn strangers_and_changed_bytes_are_not_heard() {
    let order = order(
        number(0),
        Job::Settings {
            text: "x".into(),
            minutes: 1,
        },
    );
    let bytes = signed(&order, &[1, 2]);
    let verify = |bytes: &[u8], persons: u8| -> bool {
        SignedOrder::read(bytes).is_ok_and(|it| it.verify(&Persons(persons)).is_ok())
    };
    assert!(verify(&bytes, 2));
    assert!(!verify(&bytes, 1), "the second signer is unknown");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(!verify(&changed, 2), "{at}");
        assert!(!verify(&bytes[..at], 2), "{at}");
    }
}

#[test]
fn parameters_out_of_range_are_refused_when_made_and_when_read() {
    for job in [
        Job::Pause { hours: 0 },
        Job::Pause { hours: 337 },
        Job::Blink { minutes: 0 },
        Job::Blink { minutes: 61 },
        Job::Settings {
            text: String::new(),
            minutes: 1,
        },
        Job::Settings {
            text: "x".repeat(SETTINGS_MAX + 1),
            minutes: 1,
        },
        Job::Settings {
            text: "x".into(),
            minutes: 0,
        },
        Job::Settings {
            text: "x".into(),
            minutes: 121,
        },
    ] {
        let order = order(number(0), job);
        assert_eq!(order.to_bytes(), Err(OrderError::NotUnderstood));
        let body = serde_cbor::to_vec(&order).unwrap();
        let message = [ORDER_DOMAIN, &body].concat();
        let mut by_hand = SignedOrder::new(&body, [1; 8], mark(&[1; 8], &message));
        by_hand.sign([2; 8], mark(&[2; 8], &message)).unwrap();
        let bytes = by_hand.to_bytes();
        let read = SignedOrder::read(&bytes).unwrap().verify(&Persons(2));
        assert_eq!(read, Err(OrderError::NotUnderstood));
    }
}

/// P-02: an order counts once, whatever is repeated and whatever the clock does.
#[test]
fn an_order_counts_once() {
    let mut docket = docket();
    let first = verified(&order(number(1), Job::Quarantine));
    let second = verified(&order(number(2), Job::Release));
    assert_eq!(docket.arrive(&first, NOW), Arrival::Begun);
    assert_eq!(docket.arrive(&first, NOW), Arrival::Known);
    assert_eq!(docket.open().count(), 1);
    docket.finish(number(1), NOW, Outcome::Done);
    assert!(docket.quarantined());
    assert_eq!(docket.arrive(&second, NOW), Arrival::Begun);
    docket.finish(number(2), NOW, Outcome::Done);
    assert!(!docket.quarantined());
    // The broker kept the first and gives it again, at another clock.
    for clock in [NOW, 0, i64::MIN, NOW + 3_601] {
        assert_eq!(docket.arrive(&first, clock), Arrival::Known);
    }
    assert_eq!(docket.open().count(), 0);
    assert!(!docket.quarantined());
    let old = verified(&order(number(0), Job::Quarantine));
    assert_eq!(docket.arrive(&old, NOW), Arrival::Ignored);
}

#[test]
fn what_is_too_late_or_from_the_future_is_refused_with_its_reason() {
    let refused = |order: Order, clock: i64| {
        let mut docket = docket();
        assert_eq!(docket.arrive(&verified(&order), clock), Arrival::Refused);
        assert_eq!(docket.open().count(), 0);
        (docket.untold().unwrap().outcome, docket)
    };
    let plain = |number| order(number, Job::SelfTest);
    let (outcome, _) = refused(plain(number(1)), NOW + 3_601);
    assert_eq!(outcome, Outcome::Refused(Refusal::Expired));

    // A signer with a wrong clock does not lock out those with a right one, and the same order
    // counts once its time has come, with one answer.
    let future = number(601_000);
    let (outcome, mut docket) = refused(plain(future), NOW);
    assert_eq!(outcome, Outcome::Refused(Refusal::Clock));
    let well = verified(&plain(number(2)));
    assert_eq!(docket.arrive(&well, NOW), Arrival::Begun);
    docket.finish(number(2), NOW, Outcome::SelfTest(0));
    assert_eq!(
        docket.arrive(&verified(&plain(future)), NOW + 60),
        Arrival::Begun
    );
    docket.finish(future, NOW + 61, Outcome::SelfTest(0));
    let mut told = Vec::new();
    while let Some(answer) = docket.untold() {
        docket.told(answer.number);
        told.push((answer.number, answer.outcome));
    }
    let well = Outcome::SelfTest(0);
    assert_eq!(told, [(number(2), well), (future, well)]);
}

/// nothing that others have signed keeps a stop from counting.
#[test]
fn a_stop_counts_whatever_the_clock_says_and_whatever_else_was_ordered() {
    let stop = verified(&order(number(0), Job::Quarantine));
    let mut ordered = docket();
    for (after, job) in jobs().into_iter().enumerate() {
        if job.kind().line() != JobKind::Quarantine {
            let later = order(number(after as u64 + 100_000), job);
            assert_eq!(ordered.arrive(&verified(&later), NOW), Arrival::Begun);
        }
    }
    let mut other = order(number(500_000), Job::Release);
    other.device = "HOSP-B:box-1".parse().unwrap();
    assert_eq!(ordered.arrive(&verified(&other), NOW), Arrival::Ignored);
    for clock in [NOW, NOW - 400 * 86_400, NOW + 400 * 86_400] {
        let mut docket = ordered.clone();
        assert_eq!(docket.arrive(&stop, clock), Arrival::Begun);
        docket.finish(number(0), clock, Outcome::Done);
        assert!(docket.quarantined());
    }
}

/// What is repeated is told again, and the disk is left alone.
#[test]
fn a_repeated_order_changes_nothing_that_is_kept() {
    let mut docket = docket();
    let order = verified(&order(number(1), Job::Support));
    docket.arrive(&order, NOW);
    docket.finish(number(1), NOW, Outcome::Done);
    assert!(docket.told(number(1)));
    let kept = serde_cbor::to_vec(&docket).unwrap();
    assert_eq!(docket.arrive(&order, NOW), Arrival::Known);
    assert_eq!(docket.untold().unwrap().number, number(1));
    assert_eq!(serde_cbor::to_vec(&docket).unwrap(), kept);
    assert!(!docket.told(number(1)));
    assert_eq!(docket.untold(), None);
}

#[test]
fn settings_with_characters_that_hide_others_are_refused() {
    let settings = |text: &str| Job::Settings {
        text: text.to_owned(),
        minutes: 1,
    };
    assert!(settings("name = \"みなと診療所\"\t# ①\n").check().is_ok());
    for hidden in [
        '\u{1b}',
        '\u{9b}',
        '\r',
        '\u{202e}',
        '\u{2066}',
        '\u{200b}',
        '\u{feff}',
        '\u{e0041}',
    ] {
        assert!(
            settings(&format!("a = 1 # {hidden}\n")).check().is_err(),
            "{hidden:?}"
        );
    }
}

/// An order that has ended stays ended when the clock is put back.
#[test]
fn a_clock_that_was_put_back_brings_no_old_order_to_life() {
    let mut docket = docket();
    let lasting = |number, seconds, job| {
        let mut order = order(number, job);
        order.expires = NOW + seconds;
        verified(&order)
    };
    let newer = lasting(number(800_000_000), 900_000, Job::Support);
    assert_eq!(docket.arrive(&newer, NOW + 800_000), Arrival::Begun);
    // It was not seen before, its number is higher, and it ended before the newest was made.
    let old = lasting(number(800_000_001), 700_000, Job::Release);
    assert_eq!(docket.arrive(&old, NOW), Arrival::Refused);
    let answers: Vec<_> = docket
        .tasks()
        .iter()
        .filter_map(|task| task.ended)
        .collect();
    assert_eq!(answers, [(NOW, Outcome::Refused(Refusal::Expired))]);
}

#[test]
fn answers_are_told_until_the_centre_has_them_and_the_oldest_go() {
    let mut docket = docket();
    for index in 0..100 {
        let order = verified(&order(number(index), Job::SelfTest));
        assert_eq!(docket.arrive(&order, NOW), Arrival::Begun);
        docket.finish(number(index), NOW, Outcome::SelfTest(0));
    }
    assert_eq!(docket.tasks().len(), KEPT);
    let mut told = Vec::new();
    while let Some(answer) = docket.untold() {
        assert_eq!(docket.untold(), Some(answer.clone()));
        told.push(answer.number);
        docket.told(answer.number);
    }
    let kept = (100 - KEPT as u64)..100;
    assert_eq!(told, kept.map(number).collect::<Vec<_>>());
}

#[test]
fn one_of_a_kind_is_open_at_once() {
    let mut docket = docket();
    let mut arrive = |index, job| docket.arrive(&verified(&order(number(index), job)), NOW);
    assert_eq!(arrive(0, Job::SelfTest), Arrival::Begun);
    assert_eq!(arrive(1, Job::SelfTest), Arrival::Refused);
    assert_eq!(arrive(2, Job::SendNow), Arrival::Begun);
}

#[test]
fn a_pause_ends_by_itself_and_by_an_order() {
    let mut docket = docket();
    let pause = verified(&order(number(1), Job::Pause { hours: 2 }));
    docket.arrive(&pause, NOW);
    assert_eq!(docket.paused(NOW), None);
    docket.finish(number(1), NOW, Outcome::Done);
    assert_eq!(docket.paused(NOW), Some(NOW + 7_200));
    assert_eq!(docket.paused(NOW + 7_200), None);
    docket.arrive(&verified(&order(number(2), Job::Resume)), NOW);
    docket.finish(number(2), NOW, Outcome::Done);
    assert_eq!(docket.paused(NOW), None);
}

/// The largest of everything fits into what is allowed.
#[test]
fn the_largest_answer_fits_and_a_newer_form_is_refused() {
    let amount = health::Amount {
        total: u32::MAX,
        free: u32::MAX,
    };
    let now = health::Sample {
        at: i64::MIN,
        uptime: u32::MAX,
        starts: u32::MAX,
        version: [u16::MAX; 3],
        load: u16::MAX,
        memory: amount,
        disk: amount,
        temperature: Some(i8::MIN),
        wear: Some(u8::MAX),
        line: Some(false),
        gateway: Some(health::Gateway {
            at: i64::MIN,
            problem: u16::MAX,
            waiting: u32::MAX,
            oldest: Some(i64::MIN),
            source: Some(i64::MIN),
            receipt: Some(i64::MIN),
            front: Some(i64::MIN),
            asked: Some(u64::MAX),
            certificate: Some(i64::MIN),
        }),
    };
    let support = Support {
        now: Some(now),
        self_test: Some(u16::MAX),
        settings: u64::MAX,
        paused: Some(i64::MIN),
        quarantined: true,
        open: u32::MAX,
        strange: u32::MAX,
    };
    let mut docket = docket();
    docket.arrive(&verified(&order(number(1), Job::Support)), NOW);
    docket.finish(number(1), NOW, Outcome::Support(support));
    let answer = docket.untold().unwrap();
    let bytes = answer.to_bytes().unwrap();
    assert_eq!(Answer::read(&bytes), Ok(answer));
    let at = bytes
        .windows(7)
        .position(|part| part == b"\x66format")
        .unwrap()
        + 7;
    let mut newer = bytes;
    newer[at] = 2;
    assert_eq!(Answer::read(&newer), Err(AnswerError::Malformed));
    let large = vec![0; ANSWER_MAX + 1];
    assert_eq!(Answer::read(&large), Err(AnswerError::TooLarge));
}

/// B-029: the last word comes before the end, and one that does not arrive holds it up for a while.
#[test]
fn keys_are_destroyed_after_the_centre_knows() {
    let mut docket = docket();
    docket.arrive(&verified(&order(number(1), Job::Decommission)), NOW);
    assert_eq!(docket.decommissioned(NOW), None);
    docket.finish(number(1), NOW, Outcome::Asked);
    assert_eq!(docket.decommissioned(NOW + 599), None);
    // A line that is cut does not keep what is on a stolen device.
    assert_eq!(docket.decommissioned(NOW + 600), Some(number(1)));
    docket.told(number(1));
    assert_eq!(docket.decommissioned(NOW), Some(number(1)));
}

#[test]
fn the_topics_of_a_device_are_its_own() {
    let device = DEVICE.parse().unwrap();
    let topics = Topics(&device);
    for (topic, name) in [
        (Topic::Health, "sekisho/1/HOSP-A:box-1/health"),
        (Topic::Presence, "sekisho/1/HOSP-A:box-1/presence"),
        (Topic::Answers, "sekisho/1/HOSP-A:box-1/answers"),
        (Topic::Orders, "sekisho/1/HOSP-A:box-1/orders"),
    ] {
        assert_eq!(topics.name(topic), name);
    }
}

proptest! {
    /// Malformed bytes never make a device panic, and never count.
    #[test]
    fn any_bytes_are_no_order(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for bytes in [bytes.clone(), [&b"SEKISHD\x01"[..], &bytes].concat()] {
            if let Ok(order) = SignedOrder::read(&bytes) {
                prop_assert!(order.verify(&Persons(2)).is_err());
            }
        }
        let _ = Answer::read(&bytes);
    }

    /// Orders in any sequence, any of them again and again, with stops of the device in between:
    /// none is begun twice, and what stands at the end is what the last ones said.
    #[test]
    fn no_sequence_of_orders_and_stops_begins_one_twice(
        steps in proptest::collection::vec((0_u64..12, any::<bool>(), -5_i64..5), 1..60),
    ) {
        let mut docket = docket();
        let mut begun = Vec::new();
        for (index, finishes, drift) in steps {
            let job = if index % 2 == 0 { Job::Quarantine } else { Job::Release };
            let order = verified(&order(number(index), job));
            if docket.arrive(&order, NOW + drift) == Arrival::Begun {
                begun.push(index);
            }
            // The power is cut here: what was written is all that is left.
            let bytes = serde_cbor::to_vec(&docket).unwrap();
            docket = serde_cbor::from_slice(&bytes).unwrap();
            if finishes {
                let open: Vec<u64> = docket.open().map(|(task, _)| task.number).collect();
                for number in open {
                    docket.finish(number, NOW, Outcome::Done);
                }
            }
        }
        prop_assert!(begun.is_sorted_by(|one, next| one < next), "{:?}", begun);
        let open: Vec<u64> = docket.open().map(|(task, _)| task.number).collect();
        for number in open {
            docket.finish(number, NOW, Outcome::Done);
        }
        let last = begun.last().copied();
        prop_assert_eq!(docket.quarantined(), last.is_some_and(|index| index % 2 == 0));
    }
}
