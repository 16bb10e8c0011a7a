//! A supply that answers, does not, and answers nonsense; and what the device makes of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;
use ups::{Limits, Power, Standing, Watch};

const MAINS: &str = "(100.4 100.0 101.0 034 50.0 2.05 35.0 00000000\r";
const BATTERY: &str = "(000.0 000.0 101.0 034 50.0 2.05 35.0 10000000\r";
const LOW: &str = "(000.0 000.0 101.0 034 50.0 1.75 35.0 11000000\r";
const OFF_SOON: &str = "(000.0 000.0 101.0 034 50.0 1.75 35.0 11000010\r";
const NOTHING: &str = "";
const LIMIT_MS: u64 = 300_000;

struct World {
    watch: Watch,
    now: u64,
    commands: usize,
}

impl World {
    fn new() -> Self {
        let limits = Limits {
            battery_ms: LIMIT_MS,
        };
        Self {
            watch: Watch::new(limits, 0),
            now: 0,
            commands: 0,
        }
    }

    /// One question after the other, with these answers.
    fn answered(&mut self, answers: &[&str]) -> Standing {
        let mut rest = answers;
        while let [answer, behind @ ..] = rest {
            match self.watch.poll_transmit(self.now) {
                Some(b"Q1\r") => {
                    rest = behind;
                    for byte in answer.bytes() {
                        self.watch.handle_byte(byte, self.now);
                    }
                }
                Some(command) => {
                    assert_eq!(command, b"S02R0001\r");
                    self.commands += 1;
                }
                None => self.now = self.watch.poll_timeout(),
            }
            self.watch.handle_timeout(self.now);
        }
        self.watch.standing()
    }
}

/// C-17: on the battery it waits, on a low battery it stops, whatever single answers say.
#[test]
fn a_low_battery_stops_the_device_and_one_odd_answer_does_not() {
    let told = |power: Option<Power>, silent: bool, stop: bool| Standing {
        power,
        silent,
        stop,
    };
    let (mains, battery) = (Some(Power::Mains), Some(Power::Battery));
    for (answers, standing) in [
        (&[MAINS; 9][..], told(mains, false, false)),
        (&[BATTERY][..], told(None, false, false)),
        (
            &[MAINS, MAINS, BATTERY, MAINS][..],
            told(mains, false, false),
        ),
        (&[MAINS, MAINS, LOW, MAINS][..], told(mains, false, false)),
        (&[BATTERY, BATTERY][..], told(battery, false, false)),
        (
            &[BATTERY, BATTERY, MAINS, MAINS][..],
            told(mains, false, false),
        ),
        (
            &[BATTERY, BATTERY, LOW, BATTERY][..],
            told(battery, false, false),
        ),
        (
            &[BATTERY, BATTERY, LOW, LOW][..],
            told(battery, false, true),
        ),
        (&[LOW, LOW, MAINS, MAINS][..], told(mains, false, true)),
        (&[NOTHING; 9][..], told(None, true, false)),
    ] {
        assert_eq!(World::new().answered(answers), standing, "{answers:?}");
    }
}

/// A supply that does not answer for ten seconds is silent; one that was on its battery has most
/// likely given up.
#[test]
fn silence_stops_the_device_on_the_battery_only() {
    for (before, stop) in [(MAINS, false), (BATTERY, true)] {
        let mut world = World::new();
        world.answered(&[before, before]);
        assert!(!world.answered(&[NOTHING; 4]).silent);
        let standing = world.answered(&[NOTHING; 3]);
        assert_eq!((standing.silent, standing.stop), (true, stop));
        assert!(!world.answered(&[before]).silent);
    }
}

#[test]
fn a_long_time_on_the_battery_stops_the_device() {
    let mut world = World::new();
    world.answered(&[BATTERY, BATTERY]);
    let begin = world.now;
    while !world.answered(&[BATTERY]).stop {}
    assert!((LIMIT_MS..LIMIT_MS + 20_000).contains(&(world.now - begin)));
}

#[test]
fn the_supply_is_told_to_switch_off_until_it_says_that_it_will() {
    let mut world = World::new();
    world.answered(&[LOW, LOW, LOW, LOW]);
    assert!(world.commands >= 2);
    world.answered(&[OFF_SOON]);
    let told = world.commands;
    world.answered(&[OFF_SOON; 5]);
    assert_eq!(world.commands, told);
}

/// An answer that nobody asked for counts for nothing: a flood of them stops no device.
#[test]
fn answers_without_a_question_are_passed_over() {
    let mut world = World::new();
    world.answered(&[MAINS, MAINS]);
    for byte in LOW.repeat(100).bytes() {
        world.watch.handle_byte(byte, world.now);
    }
    assert!(!world.watch.standing().stop);
}

proptest! {
    /// P-07: noise is no answer, so it stops nothing; and once the line is good, all is told.
    #[test]
    fn noise_stops_nothing(noise in proptest::collection::vec("[^(]{0,80}", 1..20)) {
        let mut world = World::new();
        let noise: Vec<&str> = noise.iter().map(String::as_str).collect();
        let standing = world.answered(&noise);
        prop_assert_eq!((standing.power, standing.stop), (None, false));
        let standing = world.answered(&[MAINS, MAINS, MAINS]);
        prop_assert_eq!((standing.power, standing.silent), (Some(Power::Mains), false));
    }
}
