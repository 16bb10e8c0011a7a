//! What is proven of the time, and whether a clock may be believed by it. Pure.
//!
//! What proves that a moment has been: the time service's file, which is touched when the clock
//! was just compared with a source, and the centre's signed receipts. From there the uptime, which
//! nobody can set, counts on. The proven time never runs ahead of the true one, whatever the clock
//! says, so days that count by it end no hold too early.

use super::{BACKWARDS_SECONDS, EARLIEST};

/// How far the clock may be ahead of what is proven. `systemd-timesyncd` asks its source at least
/// every 35 minutes; three answers may stay out.
pub(super) const AHEAD_SECONDS: i64 = 7_200;
/// By how much the centre's clock and ours may differ.
pub(super) const DIFFER_SECONDS: i64 = 600;

/// That a moment had been when the appliance had been up for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The moment, in seconds since 1970.
    pub(crate) at_least: i64,
    /// The uptime then, in seconds.
    pub(crate) uptime: i64,
}

impl Proof {
    /// The earliest that it can be at another uptime. A shorter uptime is that of a later start,
    /// and all of it has passed since. A longer one may also be of a later start; then more has
    /// passed than this says.
    pub(crate) fn earliest(self, uptime: i64) -> i64 {
        let since = match uptime >= self.uptime {
            true => uptime - self.uptime,
            false => uptime,
        };
        self.at_least.saturating_add(since.max(0))
    }
}

/// That the centre stored a batch before this clock says that it was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dispute {
    /// What the clock said when the receipt came.
    pub(crate) wall: i64,
    /// The uptime then.
    pub(crate) uptime: i64,
    /// How far the clock had been ahead when it sealed, at least.
    pub(crate) ahead: i64,
}

impl Dispute {
    /// The dispute between a batch and its receipt, if there is one.
    pub(super) fn between(sealed: i64, received: i64, wall: i64, uptime: i64) -> Option<Self> {
        let ahead = sealed.saturating_sub(received);
        (ahead > DIFFER_SECONDS).then_some(Self {
            wall,
            uptime,
            ahead,
        })
    }

    /// Whether the cause can still be there: until the clock was set back by about as much, or the
    /// appliance was started anew, which a person does who has mended the time source.
    fn stands(self, reading: Reading) -> bool {
        let elapsed = reading.uptime - self.uptime;
        let moved = reading.wall.saturating_sub(self.wall);
        elapsed >= 0 && moved > elapsed.saturating_sub(self.ahead / 2)
    }
}

/// What there is to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// What the clock says.
    pub(super) wall: i64,
    /// For how long the appliance has been up.
    pub(super) uptime: i64,
    /// When the time service last confirmed the clock.
    pub(super) synchronized: Option<i64>,
}

/// What earlier looks left.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// The latest confirmed moment that a run saw.
    pub(super) latest: Option<i64>,
    /// The best proof.
    pub(super) proof: Option<Proof>,
    /// The open dispute.
    pub(super) dispute: Option<Dispute>,
}

/// Why the time is not confirmed, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Before this program was written.
    BeforeProgram,
    /// Before what is known to have been.
    WentBack,
    /// The centre says otherwise.
    Disputed,
    /// Nothing ever confirmed it.
    Unproven,
    /// So far ahead of what is proven.
    Ahead {
        /// By this much.
        seconds: i64,
    },
}

/// What a look at the clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The time by which days count: never later than the clock, never later than is proven.
    pub(super) proven: i64,
    /// The best proof by now.
    pub(super) proof: Option<Proof>,
    /// The dispute that is still open.
    pub(super) dispute: Option<Dispute>,
    /// Why nothing may be sealed, if it may not.
    pub(super) doubt: Option<Doubt>,
}

/// Judges the clock.
pub(super) fn judge(reading: Reading, known: Known) -> Verdict {
    let earliest = |proof: &Proof| proof.earliest(reading.uptime);
    let confirmed = reading.synchronized.map(|at_least| Proof {
        at_least,
        uptime: reading.uptime,
    });
    let confirmed = confirmed.filter(|proof| proof.at_least >= EARLIEST);
    // Of two that say the same the known one stays, so that nothing is written again.
    let proof = match (known.proof, confirmed) {
        (Some(old), Some(new)) if earliest(&new) > earliest(&old) => Some(new),
        (Some(old), _) => Some(old),
        (None, new) => new,
    };
    // Kept at the present uptime: a start that comes later would not know how long it had been.
    let proof = proof.map(|proof| match proof.uptime == reading.uptime {
        true => proof,
        false => Proof {
            at_least: earliest(&proof),
            uptime: reading.uptime,
        },
    });
    let dispute = known.dispute.filter(|dispute| dispute.stands(reading));
    let proven = proof.map_or(reading.wall, |proof| proof.at_least.min(reading.wall));
    let floor = known.latest.max(proof.map(|proof| proof.at_least));
    let ahead = reading.wall.saturating_sub(proven);
    let doubts = [
        (reading.wall < EARLIEST).then_some(Doubt::BeforeProgram),
        floor
            .is_some_and(|floor| reading.wall < floor - BACKWARDS_SECONDS)
            .then_some(Doubt::WentBack),
        dispute.map(|_| Doubt::Disputed),
        proof.is_none().then_some(Doubt::Unproven),
        (ahead > AHEAD_SECONDS).then_some(Doubt::Ahead { seconds: ahead }),
    ];
    Verdict {
        proven,
        proof,
        dispute,
        doubt: doubts.into_iter().flatten().next(),
    }
}
