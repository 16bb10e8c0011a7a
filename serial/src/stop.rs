//! The signal to stop.

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};

use nix::sys::signal::{SigSet, Signal};

/// A channel that gives one message when the process is told to stop.
///
/// The signals are blocked here and in every later thread, so that they interrupt nothing; a
/// thread of its own waits for them.
///
/// # Errors
/// The thread cannot be started.
pub fn signal() -> io::Result<Receiver<()>> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    signals.thread_block()?;
    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            // An error here ends the wait as well: better to stop than to be deaf.
            let _ = signals.wait();
            let _ = sender.send(());
        })?;
    Ok(receiver)
}
