//! Whose turn it is: a fleet updates in growing shares, and a device's place in the order follows
//! from its name and the plan's salt, so that nobody keeps a list (O-04).

use serde::{Deserialize, Serialize};

use crate::Digest;

/// A share is counted in ten-thousandths of the fleet: this is all of it.
pub const SHARE_ALL: u16 = 10_000;
/// Most stages of a plan.
const STAGES_MAX: usize = 16;
const SALT_MAX: usize = 64;
const DOMAIN: &[u8] = b"sekisho update wave v1\0";

/// From when on which share of the fleet updates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Changes the order of devices from plan to plan, so that not the same ones are always first.
    pub salt: String,
    /// The stages, earlier ones first; a share never shrinks.
    pub stages: Vec<Stage>,
    /// Nobody begins any more. What is being tried ends by its own health gate.
    pub halted: bool,
}

/// One stage of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Seconds since 1970 at which it begins.
    pub from: i64,
    /// Share of the fleet that may update from then on, 1 to [`SHARE_ALL`].
    pub share: u16,
}

impl Plan {
    /// Whether its bounds hold.
    pub(crate) fn sound(&self) -> bool {
        let grows = self
            .stages
            .is_sorted_by(|one, next| one.from < next.from && one.share <= next.share);
        let shares = self
            .stages
            .iter()
            .all(|it| (1..=SHARE_ALL).contains(&it.share));
        grows
            && shares
            && (1..=STAGES_MAX).contains(&self.stages.len())
            && (1..=SALT_MAX).contains(&self.salt.len())
    }

    /// Whether it is the turn of a device at a time.
    pub fn admits(&self, device: &str, now: i64) -> bool {
        let begun = self.stages.iter().rev().find(|stage| stage.from <= now);
        let share = begun.map_or(0, |stage| stage.share);
        !self.halted && position(device, &self.salt) < share
    }
}

/// Where a device stands in the order of a plan: 0 to 9,999, evenly over the fleet.
pub fn position(device: &str, salt: &str) -> u16 {
    let length = (salt.len() as u64).to_be_bytes();
    let digest = Digest::of_parts(&[DOMAIN, &length, salt.as_bytes(), device.as_bytes()]);
    let [a, b, c, d, ..] = *digest.bytes();
    let part = (u64::from(u32::from_be_bytes([a, b, c, d])) * u64::from(SHARE_ALL)) >> 32;
    // Below `SHARE_ALL`.
    part as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn plan() -> Plan {
        let stages = [(0, 100), (1, 1_000), (3, 5_000), (6, SHARE_ALL)];
        let stages = stages.map(|(day, share)| Stage {
            from: day * DAY,
            share,
        });
        Plan {
            salt: "1.4.0".to_owned(),
            stages: stages.to_vec(),
            halted: false,
        }
    }

    /// O-04: rings of 1, 10, 50 and 100 per cent; A-113: everybody within seven days.
    #[test]
    fn shares_of_a_fleet_follow_the_plan_and_nobody_falls_back() {
        const FLEET: usize = 20_000;
        let plan = plan();
        let mut before = vec![false; FLEET];
        for (day, percent) in [(-1, 0.0), (0, 1.0), (1, 10.0), (4, 50.0), (6, 100.0)] {
            let admitted: Vec<bool> = (0..FLEET)
                .map(|n| plan.admits(&format!("box-{n}"), day * DAY))
                .collect();
            let count = admitted.iter().filter(|it| **it).count();
            let share = count as f64 * 100.0 / FLEET as f64;
            assert!(
                (share - percent).abs() <= percent * 0.2,
                "day {day}: {share} %"
            );
            assert!(before.iter().zip(&admitted).all(|(was, is)| !was || *is));
            before = admitted;
        }
        let halted = Plan {
            halted: true,
            ..plan
        };
        assert!((0..FLEET).all(|n| !halted.admits(&format!("box-{n}"), 9 * DAY)));
    }

    #[test]
    fn another_salt_gives_another_order_and_the_order_is_fixed() {
        let first = |salt: &str| -> Vec<usize> {
            let all = 0..10_000;
            all.filter(|n| position(&format!("box-{n}"), salt) < 100)
                .collect()
        };
        let (one, two) = (first("one"), first("two"));
        assert!(one.iter().filter(|it| two.contains(it)).count() < 20);
        // A change of the derivation would reorder a fleet in the middle of a plan.
        assert_eq!(position("box-1", "1.4.0"), 8_465);
    }

    #[test]
    fn a_plan_out_of_bounds_is_not_sound() {
        assert!(plan().sound());
        let with = |change: fn(&mut Plan)| {
            let mut plan = plan();
            change(&mut plan);
            plan.sound()
        };
        assert!(!with(|it| it.stages.clear()));
        assert!(!with(|it| it.stages[1].from = 0));
        assert!(!with(|it| it.stages[3].share = 10));
        assert!(!with(|it| it.stages[0].share = 0));
        assert!(!with(|it| it.stages[3].share = SHARE_ALL + 1));
        assert!(!with(|it| it.salt.clear()));
        assert!(!with(|it| it.stages = vec![it.stages[0]; 17]));
    }
}
