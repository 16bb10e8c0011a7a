//! Pauses between tries: a bound that doubles, and of it a random part (full jitter), so that many
//! sites do not come back in step (O-11).

use std::time::Duration;

/// The first bound.
const FIRST: Duration = Duration::from_millis(250);
/// No bound grows beyond this.
const MOST: Duration = Duration::from_secs(30);
/// A front that asks for more patience than this gets this much.
const ASKED_MOST: Duration = Duration::from_secs(900);

/// The tries that are left, and how long to pause before the next.
#[derive(Debug, Clone)]
pub struct Backoff {
    attempts: u32,
    left: u32,
    bound: Duration,
}

impl Backoff {
    /// Pauses for that many tries in all.
    pub const fn new(attempts: u32) -> Self {
        Self {
            attempts,
            left: attempts.saturating_sub(1),
            bound: FIRST,
        }
    }

    /// The pause before the next try, or `None` when there is none. `random` is any number;
    /// `asked` is what the front wants to be left alone for.
    pub fn pause(&mut self, random: u64, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let pause = part(self.bound, random);
        self.bound = (self.bound * 2).min(MOST);
        Some(asked.unwrap_or_default().min(ASKED_MOST) + pause)
    }

    /// All tries are there again: something was achieved.
    pub(crate) fn renew(&mut self) {
        *self = Self::new(self.attempts);
    }
}

/// A part of a span, as a random number picks it: from nothing to just below the whole.
pub(crate) fn part(span: Duration, random: u64) -> Duration {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(share(micros, random))
}

/// A number below `whole`, as a random one picks it; 0 of 0.
pub(crate) fn share(whole: u64, random: u64) -> u64 {
    // The high half of the product is below `whole`.
    ((u128::from(whole) * u128::from(random)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// O-11: pauses grow up to a bound and end after the allowed tries.
    #[test]
    fn pauses_are_bounded_in_length_and_number() {
        let longest = |backoff: &mut Backoff| backoff.pause(u64::MAX, None);
        let mut backoff = Backoff::new(20);
        let pauses: Vec<_> = std::iter::from_fn(|| longest(&mut backoff)).collect();
        assert_eq!(pauses.len(), 19);
        assert!(pauses.iter().all(|pause| *pause < MOST));
        assert!(pauses.is_sorted() && pauses[0] < FIRST && pauses[18] > MOST / 2);
        assert_eq!(Backoff::new(1).pause(0, None), None);
        assert_eq!(Backoff::new(9).pause(0, None), Some(Duration::ZERO));
    }

    #[test]
    fn a_front_is_left_alone_as_long_as_it_asks_within_reason() {
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert!(Backoff::new(2).pause(0, asked(42)) == asked(42));
        assert!(Backoff::new(2).pause(u64::MAX, asked(42)) > asked(42));
        assert!(Backoff::new(2).pause(0, asked(86_400)) == Some(ASKED_MOST));
    }
}
