//! How many of those who were told said no: a rate far from the usual one is a sign that
//! something is wrong with the telling or with the taking down.

use super::Gate;
use super::terms::worded;

/// So many persons told, and not one who said no.
const TOLD_WITHOUT_STOP: u64 = 10_000;
/// More than one in so many.
const ONE_IN: u64 = 100;
/// So few can say no by chance whatever the rate: with one in a thousand, which is usual, more than
/// five of 500 happen once in 70,000 times.
const BY_CHANCE: u64 = 5;

/// Persons who were told and persons who said no, by number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StopRate {
    /// Persons with a notice.
    pub notified: u64,
    /// Persons with a stop, of whatever scope.
    pub stopped: u64,
}

worded!(
    /// Why a rate is suspicious.
    RateAlarm {
        /// Nobody of very many said no: perhaps nobody can, or nobody writes it down.
        Nobody = "nobody",
        /// Far more than usual: perhaps the leaflet frightens, or an import is wrong.
        Many = "many",
    }
);

impl StopRate {
    /// Whether the rate is suspicious.
    pub const fn alarm(self) -> Option<RateAlarm> {
        let Self { notified, stopped } = self;
        if stopped == 0 && notified >= TOLD_WITHOUT_STOP {
            return Some(RateAlarm::Nobody);
        }
        if stopped > BY_CHANCE && stopped.saturating_mul(ONE_IN) > notified {
            return Some(RateAlarm::Many);
        }
        None
    }
}

impl Gate {
    /// How many persons the ledger has with a notice, and how many with a stop. Numbers that were
    /// merged count one by one.
    pub(super) fn count_rate(&self) -> StopRate {
        StopRate {
            notified: distinct(self.told.iter().map(|(chart, _)| chart)),
            stopped: distinct(
                self.marks
                    .iter()
                    .filter(|(_, mark)| mark.scope.is_some())
                    .map(|(chart, _)| chart),
            ),
        }
    }
}

/// How many different ones there are of a list in order.
fn distinct<'a>(charts: impl Iterator<Item = &'a str>) -> u64 {
    let (mut last, mut count) = (None, 0);
    for chart in charts {
        if last.replace(chart) != Some(chart) {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn nobody_of_very_many_and_more_than_one_in_a_hundred_are_suspicious() {
        for (notified, stopped, alarm) in [
            (0, 0, None),
            (9_999, 0, None),
            (10_000, 0, Some(RateAlarm::Nobody)),
            (10_000, 1, None),
            (10_000, 100, None),
            (10_000, 101, Some(RateAlarm::Many)),
            (10, 5, None),
            (10, 6, Some(RateAlarm::Many)),
            (0, 6, Some(RateAlarm::Many)),
            (600, 6, None),
        ] {
            let rate = StopRate { notified, stopped };
            assert_eq!(rate.alarm(), alarm, "{rate:?}");
        }
    }
}
