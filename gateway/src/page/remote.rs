//! The report on remote work (B-090): what the centre had the device do, under which number of the
//! plan, why, when, and what came of it. It is read from what the control channel keeps.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use control::{Docket, Reason, Task};

use super::texts::{Filled, T, Text};
use super::words::moment;

/// More than a docket takes.
const MOST_BYTES: u64 = 1 << 20;
/// One order.
pub(crate) struct Work {
    pub(crate) came: String,
    pub(crate) plan: String,
    pub(crate) what: Filled,
    pub(crate) why: Text,
    pub(crate) ended: String,
    pub(crate) outcome: Filled,
}

/// All that are kept, the newest first; none where nothing is kept or it cannot be read.
pub(crate) fn report(folder: &Path) -> Vec<Work> {
    let docket = read(folder);
    let tasks = docket.as_ref().map_or(&[][..], Docket::tasks);
    tasks.iter().rev().map(Work::of).collect()
}

fn read(folder: &Path) -> Option<Docket> {
    let file = File::open(folder.join("docket.cbor")).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    serde_cbor::from_slice(&bytes).ok()
}

impl Work {
    fn of(task: &Task) -> Self {
        let both = |[ja, en]: [String; 2]| Filled { ja, en };
        let (ended, outcome) = match task.ended {
            Some((at, outcome)) => (moment(at), both(outcome.texts())),
            None => (String::new(), T.remote_open.plain()),
        };
        Self {
            came: moment(task.came),
            plan: task.plan.to_string(),
            what: both([task.kind.japanese(), task.kind.word()].map(str::to_owned)),
            why: match task.reason {
                Reason::Planned => T.remote_planned,
                Reason::Fault => T.remote_fault,
                Reason::Incident => T.remote_incident,
                Reason::Requested => T.remote_requested,
                Reason::Disposal => T.remote_disposal,
            },
            ended,
            outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use control::{Job, Order, Outcome, SignedOrder, SignerId, Signers};

    use super::*;

    struct Everybody;

    impl Signers for Everybody {
        fn verifies(&self, _: &SignerId, _: &[u8], _: &[u8; control::SIGNATURE]) -> bool {
            true
        }
    }

    fn docket() -> Docket {
        let mut docket = Docket::new("HOSP-A:box-1".parse().unwrap());
        for (at, job) in [(1, Job::SelfTest), (2, Job::Quarantine)] {
            let (plan, device) = ("PLAN-7".parse().unwrap(), docket.device().clone());
            let order = Order::new(device, at, 10, plan, Reason::Incident, job);
            let body = order.to_bytes().unwrap();
            let signed = SignedOrder::new(&body, [1; 8], [0; 64]);
            docket.arrive(&signed.verify(&Everybody).unwrap(), 5);
        }
        docket.finish(1, 6, Outcome::SelfTest(4_102));
        docket
    }

    /// B-090: the newest work first, with plan, reason and result; work that goes on is shown too.
    #[test]
    fn remote_work_is_reported_with_plan_reason_and_result() {
        let folder = tempfile::tempdir().unwrap();
        assert!(report(folder.path()).is_empty());
        let bytes = serde_cbor::to_vec(&docket()).unwrap();
        std::fs::write(folder.path().join("docket.cbor"), &bytes).unwrap();
        let works = report(folder.path());
        let rows: Vec<_> = works
            .iter()
            .map(|work| {
                (
                    work.plan.as_str(),
                    work.what.ja.as_str(),
                    work.outcome.ja.as_str(),
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("PLAN-7", "隔離", "作業中"),
                ("PLAN-7", "自己点検", "点検コード 4102")
            ]
        );
        assert!(works[0].ended.is_empty() && !works[1].ended.is_empty());
        std::fs::write(folder.path().join("docket.cbor"), &bytes[..bytes.len() / 2]).unwrap();
        assert!(report(folder.path()).is_empty());
    }
}
