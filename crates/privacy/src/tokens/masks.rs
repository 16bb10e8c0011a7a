//! The masks of a key that were made before: names share their syllables and days their digits, so
//! most elements of a filter have been asked for already.

use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::{Zeroize as _, ZeroizeOnDrop};

use super::TokenKey;
use super::filter::{Element, Positions};
use crate::Prf;

/// A key of linkage tokens that is at hand, and the masks that it has made. Gives what the key
/// alone gives.
pub struct HeldKey<P> {
    key: P,
    masks: Masks,
}

impl<P: Prf> HeldKey<P> {
    /// Takes a key.
    pub const fn new(key: P) -> Self {
        Self {
            key,
            masks: Masks::new(),
        }
    }
}

impl<P: Prf> TokenKey for HeldKey<P> {
    fn exact(&self, message: &[u8]) -> Option<[u8; 32]> {
        Some(self.key.prf(message))
    }

    fn names(&self, _: u16, _: Option<&str>) -> Option<&dyn Prf> {
        Some(&self.key)
    }

    fn birth(&self, _: u16, _: Option<(&str, &str)>) -> Option<&dyn Prf> {
        Some(&self.key)
    }

    fn masks(&self) -> Option<&Masks> {
        Some(&self.masks)
    }
}

/// How many are kept: 2 MiB. Every element has one place, and a newcomer takes it, so the memory
/// does not grow with the persons, whatever their names are.
const PLACES: usize = 1 << 16;

/// Masks of one key, for one person after another. They tell which syllables occurred in which year
/// of birth, so they are wiped as the key itself.
pub struct Masks(Mutex<Places>);

/// Empty until the first mask is made.
#[derive(Default)]
pub(super) struct Places(Vec<(u128, Positions)>);

impl ZeroizeOnDrop for Masks {}

impl Drop for Places {
    fn drop(&mut self) {
        for (element, positions) in &mut self.0 {
            element.zeroize();
            positions.zeroize();
        }
    }
}

impl Masks {
    const fn new() -> Self {
        Self(Mutex::new(Places(Vec::new())))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// The positions of an element, made if they are not there.
    pub(super) fn get(
        &mut self,
        epoch: u16,
        element: Element,
        make: impl FnOnce() -> Positions,
    ) -> Positions {
        if self.0.is_empty() {
            self.0.resize(PLACES, (0, Positions::default()));
        }
        let number = element.number(epoch);
        let Some((kept, positions)) = self.0.get_mut(place(number)) else {
            return make();
        };
        if *kept != number {
            *positions = make();
            *kept = number;
        }
        *positions
    }
}

/// Spreads numbers over the places: the upper bits of a product (Fibonacci hashing).
fn place(number: u128) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let folded = (number as u64) ^ ((number >> 64) as u64).wrapping_mul(ODD).rotate_left(29);
    (folded.wrapping_mul(ODD) >> (u64::BITS - PLACES.ilog2())) as usize
}
