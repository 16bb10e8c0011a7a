//! Installations in a world that loses its power at any moment, from seeds.

use proptest::prelude::*;

use crate::*;

/// What a slot of the world holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// All of one version.
    Whole(Version),
    /// Something else: half of a version, or a version with a wrong bit.
    Torn,
}

/// A device: what is on its disks when the power is gone.
#[derive(Debug, Clone)]
struct World {
    slots: [Held; 2],
    entries: Vec<Entry>,
    record: Vec<u8>,
    /// What has passed its gate, or came with the device.
    proven: Vec<Version>,
    /// How often each version was tried without passing.
    running: Version,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// An update to a version is begun, and the power goes after so many steps; in the step after
    /// them, what it does may be done or half done.
    Install {
        version: u16,
        steps: usize,
        half: bool,
        torn: bool,
    },
    /// The device starts; what is new would pass its gate or not, and the power may go before the
    /// gate, after it, or after the entry was blessed.
    Start { well: bool, cut: u8 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (
            1..9_u16,
            0..9_usize,
            any::<bool>(),
            prop::bool::weighted(0.1)
        )
            .prop_map(|(version, steps, half, torn)| Act::Install {
                version,
                steps,
                half,
                torn
            }),
        (any::<bool>(), 0..4_u8).prop_map(|(well, cut)| Act::Start { well, cut }),
    ]
}

fn version(minor: u16) -> Version {
    Version([1, minor, 0])
}

impl World {
    fn new() -> Self {
        Self {
            slots: [Held::Whole(version(1)), Held::Torn],
            entries: vec![Entry {
                version: version(1),
                left: None,
            }],
            record: Record::default().to_bytes().unwrap(),
            proven: vec![version(1)],
            running: version(1),
        }
    }

    fn slot(&self) -> Slot {
        match self.slots[0] == Held::Whole(self.running) {
            true => Slot::A,
            false => Slot::B,
        }
    }

    fn other(&mut self) -> &mut Held {
        match self.slot() {
            Slot::A => &mut self.slots[1],
            Slot::B => &mut self.slots[0],
        }
    }

    /// One step; `half`: the power goes in its middle.
    fn step(&mut self, install: &Install, half: bool, torn: bool) -> Result<(), Reason> {
        let (new, running) = (install.version(), self.running);
        match install.poll_step() {
            // Replaced by renaming: never half.
            Step::Keep if half => {}
            Step::Keep => self.record = install.record().to_bytes().unwrap(),
            Step::Clear if half => {
                // One of several is gone.
                if let Some(at) = self.entries.iter().position(|it| it.version != running) {
                    self.entries.remove(at);
                }
            }
            Step::Clear => self.entries.retain(|it| it.version == running),
            Step::Write => {
                *self.other() = match half || torn {
                    true => Held::Torn,
                    false => Held::Whole(new),
                };
            }
            Step::Check if *self.other() != Held::Whole(new) => return Err(Reason::WriteFailed),
            Step::Check | Step::Restart => {}
            Step::Place if half => {}
            Step::Place => self.entries.push(Entry {
                version: new,
                left: Some(TRIES),
            }),
        }
        Ok(())
    }

    fn install(&mut self, to: u16, steps: usize, half: bool, torn: bool) {
        let record = Record::read(&self.record).unwrap();
        let board: Name = "qemu".parse().unwrap();
        let running = Running {
            board: board.clone(),
            version: self.running,
            slot: self.slot(),
            proven: self
                .entries
                .iter()
                .any(|it| it.version == self.running && it.left.is_none()),
        };
        let (version, least) = (version(to), version(0));
        let offer = Offer {
            board,
            version,
            least,
            centre: true,
            asked: to.is_multiple_of(2),
        };
        let begun = Install::begin(record, &running, &offer);
        let highest = self.proven.iter().max().copied().unwrap();
        if version < highest {
            // Never a roll-back below what has been good.
            assert!(begun.is_err());
        }
        let Ok(mut install) = begun else { return };
        for _ in 0..steps {
            if install.poll_step() == Step::Restart {
                return;
            }
            match self.step(&install, false, torn) {
                Ok(()) => install.handle_done(),
                Err(why) => {
                    self.record = install.handle_failed(why).to_bytes().unwrap();
                    return;
                }
            }
        }
        if half {
            let _ = self.step(&install, true, torn);
        }
    }

    /// The boot loader: the newest entry that has tries left or has proven itself.
    fn boot(&mut self) {
        let able = self.entries.iter_mut().filter(|it| it.left != Some(0));
        let entry = able
            .max_by_key(|it| it.version)
            .expect("something always boots");
        entry.left = entry.left.map(|left| left - 1);
        self.running = entry.version;
        // The heart of it: what boots is whole, always.
        assert!(self.slots.contains(&Held::Whole(self.running)), "{self:?}");
    }

    fn start(&mut self, well: bool, cut: u8) {
        // Also what would only be fallen back to.
        for entry in &self.entries {
            assert!(self.slots.contains(&Held::Whole(entry.version)), "{self:?}");
        }
        self.boot();
        if cut == 0 {
            return;
        }
        let mut record = Record::read(&self.record).unwrap();
        let left = record.tried().and_then(|tried| {
            self.entries
                .iter()
                .find(|it| it.version == tried)
                .and_then(|it| it.left)
        });
        let boot = record.handle_boot(self.running, self.slot(), left);
        self.record = record.to_bytes().unwrap();
        if cut == 1 {
            return;
        }
        if let Boot::Gate { .. } = boot {
            let verdict = if well { Verdict::Well } else { Verdict::Ill };
            match judge(true, |_| verdict) {
                Ok(passed) => {
                    record.handle_passed(passed);
                    self.proven.push(self.running);
                }
                Err(why) => record.handle_refused(why),
            }
            self.record = record.to_bytes().unwrap();
            if !well {
                return;
            }
        } else {
            // Without a gate nothing new gets as far as this.
            assert!(self.proven.contains(&self.running), "{self:?}");
        }
        if cut > 2 {
            let running = self.running;
            let entry = self.entries.iter_mut().find(|it| it.version == running);
            entry.unwrap().left = None;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// C-14: whenever the power goes, the device boots a version that is whole; nothing is blessed
    /// without its gate; nothing below what was good is installed.
    #[test]
    fn power_lost_at_any_moment_boots_what_is_whole(
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let mut world = World::new();
        for act in acts {
            match act {
                Act::Install { version, steps, half, torn } => {
                    world.install(version, steps, half, torn);
                    world.start(true, 1);
                }
                Act::Start { well, cut } => world.start(well, cut),
            }
        }
        // And it can still be updated: starts until what is tried is settled, then a new version.
        for _ in 0..=TRIES + 1 {
            world.start(true, 3);
        }
        world.install(20, STEPS_ALL, false, false);
        world.start(true, 3);
        prop_assert_eq!(world.running, version(20));
    }

    #[test]
    fn bytes_of_a_damaged_record_are_read_or_refused(
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut bytes = Record::unknown(version(3), Slot::B).to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(record) = Record::read(&bytes) {
            prop_assert_eq!(Record::read(&record.to_bytes().unwrap()), Ok(record));
        }
    }
}

const STEPS_ALL: usize = 10;

fn running() -> Running {
    Running {
        board: "qemu".parse().unwrap(),
        version: version(3),
        slot: Slot::A,
        proven: true,
    }
}

fn offer(to: u16) -> Offer {
    Offer {
        board: "qemu".parse().unwrap(),
        version: version(to),
        least: version(0),
        centre: true,
        asked: false,
    }
}

fn with(stage: Stage) -> Record {
    let mut record = Record::default();
    record.stage = stage;
    record
}

#[test]
fn an_offer_is_taken_or_refused_with_its_reason() {
    let given_up = Stage::Returned {
        version: version(4),
        why: Reason::PageSilent,
    };
    let trying = Record::unknown(version(3), Slot::A).stage;
    let board = Offer {
        board: "other".parse().unwrap(),
        ..offer(4)
    };
    let least = Offer {
        least: version(5),
        ..offer(4)
    };
    let asked = Offer {
        asked: true,
        ..offer(4)
    };
    for (stage, offer, expected) in [
        (Stage::Idle {}, offer(4), None),
        (Stage::Idle {}, offer(3), Some(Unwanted::Runs)),
        (Stage::Idle {}, offer(2), Some(Unwanted::Older)),
        (Stage::Idle {}, board, Some(Unwanted::Board)),
        (Stage::Idle {}, least, Some(Unwanted::Older)),
        (
            given_up,
            offer(4),
            Some(Unwanted::GivenUp(Reason::PageSilent)),
        ),
        (given_up, asked, None),
        (given_up, offer(5), None),
        (trying, offer(4), Some(Unwanted::Busy)),
    ] {
        let begun = Install::begin(with(stage), &running(), &offer);
        assert_eq!(begun.err(), expected, "{stage:?} {offer:?}");
    }
}

/// C-14: the reason of a return is kept, whichever way it comes about.
#[test]
fn a_version_that_does_not_stay_leaves_its_reason() {
    let (tried, old) = (version(4), version(3));
    let staged = Stage::Staged {
        version: tried,
        slot: Slot::B,
        centre: true,
    };
    let returned = |record: &Record| match record.stage {
        Stage::Returned { version, why } => Some((version, why)),
        _ => None,
    };
    // It never came to its gate.
    let mut record = with(staged);
    assert_eq!(record.handle_boot(old, Slot::A, Some(0)), Boot::Proven);
    assert_eq!(returned(&record), Some((tried, Reason::NotStarted)));
    // Its gate said no; the last word counts.
    let mut record = with(staged);
    for why in [Reason::PageSilent, Reason::CentreUnreachable] {
        assert_eq!(
            record.handle_boot(tried, Slot::B, Some(2)),
            Boot::Gate { centre: true }
        );
        record.handle_refused(why);
    }
    record.handle_boot(old, Slot::A, Some(0));
    assert_eq!(returned(&record), Some((tried, Reason::CentreUnreachable)));
    // It was good, and is lost.
    let mut record = with(Stage::Good { version: tried });
    record.handle_boot(old, Slot::A, None);
    assert_eq!(returned(&record), Some((tried, Reason::FellBack)));
    // The entry has all its tries: the start before it was somebody's own.
    let mut record = with(staged);
    record.handle_boot(old, Slot::A, Some(TRIES));
    assert_eq!(record.stage, staged);
}

/// What other programs read: a change of the form is a change for them.
#[test]
fn the_record_has_a_fixed_form() {
    let record = with(Stage::Returned {
        version: version(4),
        why: Reason::PageSilent,
    });
    let text = String::from_utf8(record.to_bytes().unwrap()).unwrap();
    assert_eq!(
        text,
        "{\"format\":1,\"least\":[0,0,0],\"stage\":{\"at\":\"returned\",\"version\":[1,4,0],\
         \"why\":\"page-silent\"}}\n"
    );
    for bad in [
        "",
        "{}",
        "[]",
        &text.replace(":1,", ":2,"),
        &"x".repeat(5_000),
    ] {
        assert_eq!(Record::read(bad.as_bytes()), Err(RecordError), "{bad}");
    }
}
