//! The loop: measure, write, wait, until the signal to stop.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

use crate::error::AgentError;
use crate::health::Health;
use crate::health_file;
use crate::notify::Manager;

/// Keeps `health.json` in `data_dir` up to date until SIGTERM or SIGINT.
///
/// # Errors
/// The first file cannot be written: then the settings are wrong. A later failure, such as a full
/// disk, is reported and tried again, because a device in trouble must not lose its voice.
pub(crate) fn run(data_dir: &Path, interval: Duration) -> Result<(), AgentError> {
    let stop = stop_signal().map_err(AgentError::Signals)?;
    let socket = std::env::var_os("NOTIFY_SOCKET");
    let manager = Manager::at(socket.as_deref()).map_err(AgentError::Signals)?;

    report(data_dir)?;
    manager.ready();
    let mut failing = false;
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(interval) {
        manager.alive();
        match report(data_dir) {
            Ok(()) => failing = false,
            // Once per trouble, not once per minute.
            Err(error) if !failing => {
                error.print();
                failing = true;
            }
            Err(_) => {}
        }
    }
    manager.stopping();
    Ok(())
}

fn report(data_dir: &Path) -> Result<(), AgentError> {
    let health = Health::measure(data_dir, jiff::Timestamp::now())?;
    health_file::replace(data_dir, &health.to_json()).map_err(AgentError::Write)
}

/// A channel that gives one message when the process is told to stop.
///
/// The signals are blocked here and in every later thread, so that they interrupt nothing; a
/// thread of its own waits for them.
fn stop_signal() -> io::Result<Receiver<()>> {
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
