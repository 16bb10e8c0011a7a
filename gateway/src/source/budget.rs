//! Bytes that may be on their way between the readers and the sealer: bounds memory.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Patients that may be on their way at once.
pub(crate) const AHEAD: u64 = 1_024;

/// Shares out bytes. Whoever is next in the order of the walk always gets what it asks for, or
/// everybody could wait for somebody who waits.
pub(crate) struct Budget {
    shares: Mutex<Shares>,
    changed: Condvar,
    most: u64,
}

struct Shares {
    used: u64,
    held: BTreeMap<u64, u64>,
    next: u64,
    ended: bool,
}

impl Budget {
    /// A budget of `most` bytes.
    pub(crate) fn new(most: u64) -> Self {
        Self {
            shares: Mutex::new(Shares {
                used: 0,
                held: BTreeMap::new(),
                next: 0,
                ended: false,
            }),
            changed: Condvar::new(),
            most,
        }
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `bytes` for the patient of this number; no when the run has ended.
    pub(crate) fn acquire(&self, number: u64, bytes: u64) -> bool {
        let mut shares = self.shares();
        while !shares.ended
            && shares.used.saturating_add(bytes) > self.most
            && shares.used > 0
            && number > shares.next
        {
            shares = self
                .changed
                .wait(shares)
                .unwrap_or_else(PoisonError::into_inner);
        }
        shares.used = shares.used.saturating_add(bytes);
        *shares.held.entry(number).or_default() += bytes;
        !shares.ended
    }

    /// Waits until a patient of this number is not too far ahead; no when the run has ended.
    pub(crate) fn may_begin(&self, number: u64) -> bool {
        let mut shares = self.shares();
        while !shares.ended && number >= shares.next + AHEAD {
            shares = self
                .changed
                .wait(shares)
                .unwrap_or_else(PoisonError::into_inner);
        }
        !shares.ended
    }

    /// Gives back what the patient of this number held, which has been taken.
    pub(crate) fn release(&self, number: u64) {
        let mut shares = self.shares();
        let held = shares.held.remove(&number).unwrap_or_default();
        shares.used = shares.used.saturating_sub(held);
        shares.next = number + 1;
        self.changed.notify_all();
    }

    /// Lets everybody go, because the run ends.
    pub(crate) fn end(&self) {
        self.shares().ended = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_next_in_order_never_waits_and_the_others_wait_for_room() {
        let budget = Budget::new(10);
        assert!(budget.acquire(1, 8));
        assert!(budget.acquire(0, 8), "the next one");
        thread::scope(|scope| {
            let later = scope.spawn(|| budget.acquire(2, 8));
            budget.release(0);
            budget.release(1);
            assert!(later.join().unwrap());
            let last = scope.spawn(|| budget.acquire(4, 8));
            budget.end();
            assert!(!last.join().unwrap());
        });
    }
}
