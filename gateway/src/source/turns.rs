//! How many threads read the source at once. There are more threads than turns where persons wait
//! for somebody else than the source, so that the source is not asked more often for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Turns at the source. A thread has one while it reads, and gives it away while it waits for
/// anything else: nobody who has a turn waits for somebody who needs one.
pub(crate) struct Turns {
    free: Mutex<usize>,
    given: Condvar,
}

impl Turns {
    /// So many at once.
    pub(crate) fn new(turns: usize) -> Self {
        Self {
            free: Mutex::new(turns),
            given: Condvar::new(),
        }
    }

    fn free(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn.
    pub(super) fn take(&self) {
        let mut free = self.free();
        while *free == 0 {
            free = self
                .given
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
    }

    /// Gives a turn away; also that of a thread which was given up.
    pub(super) fn give(&self) {
        *self.free() += 1;
        self.given.notify_one();
    }

    /// Does something that waits, without the turn.
    pub(super) fn without<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.give();
        let given = wait();
        self.take();
        given
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::sync_channel;
    use std::thread;

    use super::*;

    #[test]
    fn no_more_threads_read_than_there_are_turns() {
        let turns = Turns::new(2);
        let (reading, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    turns.take();
                    let now = reading.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    thread::yield_now();
                    reading.fetch_sub(1, Ordering::SeqCst);
                    turns.give();
                });
            }
        });
        assert!((1..=2).contains(&most.into_inner()));
        assert_eq!(*turns.free(), 2);
    }

    #[test]
    fn a_thread_that_waits_lets_another_read() {
        let turns = Turns::new(1);
        let (tell, told) = sync_channel(1);
        turns.take();
        thread::scope(|scope| {
            scope.spawn(|| {
                turns.take();
                tell.send(()).unwrap();
                turns.give();
            });
            turns.without(|| told.recv().unwrap());
        });
        turns.give();
        assert_eq!(*turns.free(), 1);
    }
}
