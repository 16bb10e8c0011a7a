//! Threads that call the file system of somebody else, seen from outside.
//!
//! A call to a share that does not answer cannot be taken back: its thread is given up, and
//! another takes its place. A thread that was given up and comes back does nothing more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::pace::Pacer;

/// What one thread shows of itself: how many calls it began and ended (odd while inside one), and
/// whether it was given up. One number, so that giving up and coming back exclude each other.
#[derive(Debug, Default)]
pub(crate) struct Beat(AtomicU64);

const GIVEN_UP: u64 = 1;
const STEP: u64 = 2;

impl Beat {
    fn is_inside(value: u64) -> bool {
        value / STEP % 2 == 1
    }

    /// Whether a call is open.
    pub(crate) fn inside(&self) -> bool {
        Self::is_inside(self.0.load(Ordering::Acquire))
    }

    fn step(&self) -> Result<(), GivenUp> {
        match self.0.fetch_add(STEP, Ordering::AcqRel) & GIVEN_UP {
            0 => Ok(()),
            _ => Err(GivenUp),
        }
    }

    /// A sign of life inside a long call.
    fn touch(&self) {
        self.0.fetch_add(2 * STEP, Ordering::AcqRel);
    }

    /// Gives the thread up if it still is inside the call in which it was seen.
    fn give_up(&self, seen: u64) -> bool {
        let given_up = seen | GIVEN_UP;
        Self::is_inside(seen)
            && self
                .0
                .compare_exchange(seen, given_up, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }
}

/// The thread was given up while it was inside a call: it must end without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GivenUp;

/// Through which a thread calls the source: at the pace asked for, and visible to the watch.
#[derive(Clone)]
pub(crate) struct Caller {
    beat: Arc<Beat>,
    pacer: Arc<Pacer>,
}

impl Caller {
    /// A caller for one new thread.
    pub(crate) fn new(pacer: Arc<Pacer>) -> Self {
        Self {
            beat: Arc::default(),
            pacer,
        }
    }

    /// What others can see of this thread.
    pub(crate) fn beat(&self) -> Arc<Beat> {
        Arc::clone(&self.beat)
    }

    /// One call that touches `files` files; 0 for folders.
    ///
    /// # Errors
    /// The thread was given up.
    pub(crate) fn call<T>(
        &self,
        files: u32,
        call: impl FnOnce(&dyn Fn()) -> T,
    ) -> Result<T, GivenUp> {
        self.pacer.pass(files);
        self.beat.step()?;
        let result = call(&|| self.beat.touch());
        self.beat.step()?;
        Ok(result)
    }
}

/// Looks at one thread from time to time.
pub(crate) struct Watch {
    beat: Arc<Beat>,
    seen: u64,
    since: Duration,
}

impl Watch {
    /// Starts to look at a thread.
    pub(crate) fn new(beat: Arc<Beat>, now: Duration) -> Self {
        Self {
            beat,
            seen: 0,
            since: now,
        }
    }

    /// Whether the thread has been inside one call for `most` and was given up just now.
    pub(crate) fn gave_up(&mut self, now: Duration, most: Duration) -> bool {
        let seen = self.beat.0.load(Ordering::Acquire);
        if seen != self.seen {
            self.seen = seen;
            self.since = now;
        }
        now.saturating_sub(self.since) >= most && self.beat.give_up(seen)
    }

    /// Whether a thread that was given up still is inside its call.
    pub(crate) fn is_stuck(&self) -> bool {
        self.beat.inside()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_given_up_only_inside_one_long_call_and_learns_of_it() {
        let seconds = Duration::from_secs;
        let caller = Caller::new(Arc::new(Pacer::unbounded()));
        let mut watch = Watch::new(caller.beat(), seconds(0));
        assert!(!watch.gave_up(seconds(100), seconds(30)), "no call is open");
        let ended = caller.call(0, |alive| {
            assert!(!watch.gave_up(seconds(101), seconds(30)), "it just began");
            assert!(!watch.gave_up(seconds(130), seconds(30)));
            alive();
            assert!(!watch.gave_up(seconds(140), seconds(30)), "it showed life");
            assert!(watch.gave_up(seconds(170), seconds(30)));
            assert!(watch.is_stuck());
        });
        assert_eq!(ended, Err(GivenUp));
        assert!(!watch.is_stuck());
        assert_eq!(caller.call(0, |_| ()), Err(GivenUp));
    }
}
