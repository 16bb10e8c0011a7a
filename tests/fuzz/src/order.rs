//! Orders for a device: bytes of whoever has the broker, and content that two persons have signed.

use control::{
    Answer, Arrival, DeviceId, Docket, Job, ORDER_DOMAIN, Order, Outcome, Reason, SIGNATURE,
    SignedOrder, SignerId, Signers,
};
use ring::digest::{SHA256, digest};

const NOW: i64 = 1_790_000_000;

/// Whoever knows how signs; what is looked for lies behind the signatures.
struct Two;

fn signature(signer: SignerId, message: &[u8]) -> [u8; SIGNATURE] {
    let seal = digest(&SHA256, &[&signer[..], message].concat());
    let mut signature = [0; SIGNATURE];
    for (to, from) in signature.iter_mut().zip(seal.as_ref().iter().cycle()) {
        *to = *from;
    }
    signature
}

impl Signers for Two {
    fn verifies(&self, signer: &SignerId, message: &[u8], given: &[u8; SIGNATURE]) -> bool {
        [[1; 8], [2; 8]].contains(signer) && *given == signature(*signer, message)
    }
}

/// A device that knows no signer takes nothing.
struct Nobody;

impl Signers for Nobody {
    fn verifies(&self, _: &SignerId, _: &[u8], _: &[u8; SIGNATURE]) -> bool {
        false
    }
}

#[expect(clippy::unwrap_used, reason = "fixed values")]
fn device() -> DeviceId {
    "HOSP-A:box-1".parse().unwrap()
}

/// The first byte says whether the rest is a whole order, the content of a signed one, a docket or
/// an answer.
pub(crate) fn run(data: &[u8]) {
    match data.split_first() {
        Some((0, content)) => signed(content),
        Some((1, bytes)) => docket(bytes),
        Some((2, bytes)) => {
            if let Ok(answer) = Answer::read(bytes) {
                assert!(answer.to_bytes().is_ok(), "an answer that cannot be told");
            }
        }
        Some((_, bytes)) => {
            let order = SignedOrder::read(bytes).map(|order| order.verify(&Nobody).is_ok());
            assert_ne!(order, Ok(true), "taken without a signature");
        }
        None => {}
    }
}

fn with_signatures(body: &[u8]) -> Vec<u8> {
    let message = [ORDER_DOMAIN, body].concat();
    let mut order = SignedOrder::new(body, [1; 8], signature([1; 8], &message));
    let second = order.sign([2; 8], signature([2; 8], &message));
    assert!(second.is_ok(), "a second person");
    order.to_bytes()
}

/// Whatever is signed is begun once or not at all.
fn signed(content: &[u8]) {
    let bytes = with_signatures(content);
    let Ok(Ok(order)) = SignedOrder::read(&bytes).map(|order| order.verify(&Two)) else {
        return;
    };
    assert!(order.order().job.check().is_ok(), "out of range");
    let mut docket = Docket::new(device());
    let first = docket.arrive(&order, NOW);
    let mine = *order.order().device.as_str() == *device().as_str();
    assert!(mine || first != Arrival::Begun, "for another device");
    assert_ne!(docket.arrive(&order, NOW), Arrival::Begun, "begun twice");
    docket.finish(order.order().number, NOW, Outcome::Done);
    assert_eq!(docket.open().count(), 0);
    assert!(serde_cbor::to_vec(&docket).is_ok());
}

/// A docket of a damaged disk is refused, or goes on without a panic.
fn docket(bytes: &[u8]) {
    let Ok(mut docket) = serde_cbor::from_slice::<Docket>(bytes) else {
        return;
    };
    let open: Vec<u64> = docket.open().map(|(task, _)| task.number).collect();
    for number in open {
        docket.finish(number, NOW, Outcome::Late);
    }
    for _ in 0..docket.tasks().len() {
        if let Some(answer) = docket.untold() {
            docket.told(answer.number);
        }
    }
    let _ = (docket.paused(i64::MAX), docket.decommissioned(NOW));
}

/// A content for every kind of job, a whole order, a docket and an answer.
#[expect(clippy::unwrap_used, reason = "fixed values")]
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let order = |at: u64, job: Job| {
        let plan = "PLAN-7".parse().unwrap();
        Order::new(
            device(),
            1_790_000_000_000 + at,
            NOW + 60,
            plan,
            Reason::Fault,
            job,
        )
    };
    let text = "site = \"HOSP-A\"\n".to_owned();
    let jobs = [
        Job::SelfTest,
        Job::Pause { hours: 3 },
        Job::Blink { minutes: 5 },
        Job::Settings { text, minutes: 15 },
        Job::Decommission,
    ];
    let mut seeds = Vec::new();
    let mut docket = Docket::new(device());
    for (at, job) in (0..).zip(jobs) {
        let name = job.kind().word().to_owned();
        let body = order(at, job).to_bytes().unwrap();
        let bytes = with_signatures(&body);
        let verified = SignedOrder::read(&bytes).unwrap().verify(&Two).unwrap();
        docket.arrive(&verified, NOW);
        seeds.push((format!("{name}-whole"), [&[3], bytes.as_slice()].concat()));
        seeds.push((name, [&[0], body.as_slice()].concat()));
    }
    let kept = serde_cbor::to_vec(&docket).unwrap();
    seeds.push(("docket".to_owned(), [&[1], kept.as_slice()].concat()));
    docket.finish(1_790_000_000_000, NOW, Outcome::SelfTest(4_102));
    let answer = docket.untold().unwrap().to_bytes().unwrap();
    seeds.push(("answer".to_owned(), [&[2], answer.as_slice()].concat()));
    seeds
}
