//! The loop: measure, write, wait, until the signal to stop.

use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use ::health::History;
use agent::files::replace;
use agent::history;
use agent::notify::Manager;

use crate::device::{Device, SYS};
use crate::error::AgentError;
use crate::health::Health;

/// The health of this moment, on one line.
const HEALTH: &str = "health.json";

/// Where a run measures and writes.
pub(crate) struct Places<'a> {
    /// The folder of `health.json`, `history.cbor` and `starts`.
    pub(crate) data: &'a Path,
    /// A folder that is empty after each start of the device.
    pub(crate) since_start: Option<&'a Path>,
    /// The interface of the closed network.
    pub(crate) line: Option<&'a str>,
    /// The folder in which gateways leave how they stand.
    pub(crate) gateways: Option<&'a Path>,
}

/// Keeps `health.json` and the history of seven days up to date until SIGTERM or SIGINT.
///
/// # Errors
/// The first file cannot be written: then the settings are wrong. A later failure, such as a full
/// disk, is reported and tried again, because a device in trouble must not lose its voice.
pub(crate) fn run(places: &Places<'_>, interval: Duration) -> Result<(), AgentError> {
    let stop = serial::stop::signal().map_err(AgentError::Signals)?;
    let socket = std::env::var_os("NOTIFY_SOCKET");
    let manager = Manager::at(socket.as_deref()).map_err(AgentError::Signals)?;

    let starts = history::starts(places.data, places.since_start).map_err(AgentError::Write)?;
    let mut history = history::read(places.data);
    report(places, starts, &mut history)?;
    manager.ready();
    let mut failing = false;
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(interval) {
        manager.alive();
        match report(places, starts, &mut history) {
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

/// Measures, writes, and keeps the history when a slot of it is finished.
fn report(places: &Places<'_>, starts: u32, history: &mut History) -> Result<(), AgentError> {
    let device = Device::look(Path::new(SYS), places.line, places.gateways);
    let health = Health::measure(places.data, jiff::Timestamp::now(), device)?;
    let line = health.to_json() + "\n";
    let written = replace(places.data, HEALTH, line.as_bytes());
    if history.push(health.sample(starts)) {
        history::write(places.data, history).map_err(AgentError::Write)?;
    }
    written.map_err(AgentError::Write)
}
