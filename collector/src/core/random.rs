//! Randomness of the core: the operating system's, or repeatable from a fixed seed in tests.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::failure::{Failure, Problem, Result};

/// Where random numbers come from.
#[derive(Clone, Copy)]
pub(crate) enum Randomness {
    /// The operating system.
    System,
    /// A fixed seed: the same purpose and matter give the same stream. Never for real data.
    Fixed(u64),
}

impl Randomness {
    /// A stream of random numbers for one purpose (`research-id`, `offset`, …) about one matter.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub(crate) fn stream(self, purpose: &str, matter: &[u8]) -> Result<ChaCha20Rng> {
        let mut seed = Zeroizing::new([0; 32]);
        match self {
            Self::System => SystemRandom::new()
                .fill(seed.as_mut())
                .map_err(|_| Failure::new(Problem::State, "no randomness"))?,
            Self::Fixed(number) => {
                let mut message = number.to_be_bytes().to_vec();
                message.extend((purpose.len() as u64).to_be_bytes());
                message.extend(purpose.as_bytes());
                message.extend(matter);
                *seed = envelope::sha256(&message);
            }
        }
        Ok(ChaCha20Rng::from_seed(*seed))
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::Rng as _;

    use super::*;

    #[test]
    fn a_fixed_seed_repeats_per_purpose_and_matter_and_the_system_never() {
        let next = |from: Randomness, purpose: &str, matter: &[u8]| {
            from.stream(purpose, matter).unwrap().next_u64()
        };
        let fixed = Randomness::Fixed(7);
        assert_eq!(next(fixed, "a", b"1"), next(fixed, "a", b"1"));
        assert_ne!(next(fixed, "a", b"1"), next(fixed, "a", b"2"));
        assert_ne!(next(fixed, "a", b"1"), next(fixed, "b", b"1"));
        assert_ne!(
            next(fixed, "a", b"1"),
            next(Randomness::Fixed(8), "a", b"1")
        );
        let system = Randomness::System;
        assert_ne!(next(system, "a", b"1"), next(system, "a", b"1"));
    }
}
