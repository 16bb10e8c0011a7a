//! Sampling on top of ChaCha8. Every purpose and every subject has its own stream, so that a
//! part of the town can be drawn again without drawing what came before it.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What a stream is drawn for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Households = 1,
    Registration = 2,
    Standing = 3,
    Chart = 4,
    Staff = 5,
    Numbers = 6,
}

/// One stream of draws.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream for `purpose` and `subject` under `seed`.
    pub(crate) fn new(seed: u64, purpose: Purpose, subject: u64) -> Self {
        let mut key = [0_u8; 32];
        let words = [
            seed,
            purpose as u64,
            subject,
            u64::from_le_bytes(*b"sekisho1"),
        ];
        for (slot, word) in key.chunks_exact_mut(8).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // Multiply-shift: the bias is below 2^-32 for every bound used here.
        let wide = u128::from(self.0.next_u64()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low + 1).unwrap_or(0);
        low + i64::try_from(self.below(span)).unwrap_or(0)
    }

    /// An index below `length`.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, rate: f64) -> bool {
        self.unit() < rate
    }

    /// A number in 0..1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of the items, each equally likely.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// An index by cumulative weights (ascending, the last is the total).
    pub(crate) fn weighted(&mut self, cumulative: &[f64]) -> usize {
        let total = cumulative.last().copied().unwrap_or(0.0);
        let point = self.unit() * total;
        cumulative
            .partition_point(|&edge| edge <= point)
            .min(cumulative.len().saturating_sub(1))
    }

    /// `count` decimal digits, the first not 0.
    pub(crate) fn digits(&mut self, count: u32) -> String {
        let low = 10_u64.pow(count - 1);
        (low + self.below(9 * low)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_purpose_and_subject_only() {
        let draw = |seed, purpose, subject| Dice::new(seed, purpose, subject).below(1 << 60);
        let first = draw(1, Purpose::Chart, 7);
        assert_eq!(first, draw(1, Purpose::Chart, 7));
        for other in [draw(2, Purpose::Chart, 7), draw(1, Purpose::Staff, 7)] {
            assert_ne!(first, other);
        }
        assert_ne!(first, draw(1, Purpose::Chart, 8));
    }

    #[test]
    fn draws_stay_in_their_bounds() {
        let mut dice = Dice::new(3, Purpose::Numbers, 0);
        for _ in 0..1000 {
            assert!((-3..=4).contains(&dice.between(-3, 4)));
            assert!(dice.index(5) < 5);
            assert!(dice.weighted(&[1.0, 1.5, 4.0]) < 3);
            assert_eq!(dice.digits(6).len(), 6);
        }
        assert_eq!(dice.below(0), 0);
    }
}
