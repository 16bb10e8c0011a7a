//! How the gateway stands, for the agent that tells the centre of the device's health (B-024): a
//! few numbers in a folder that the agent may read, which may read nothing else of ours.

use std::path::Path;

use config::gateway::Settings;
use health::Gateway;

use crate::certificate::Standing;
use crate::error::{Failure, Problem};
use crate::page::facts::Facts;
use crate::spool::write_durably;

/// Leaves how a run ended, where the settings name a folder for it.
///
/// # Errors
/// The state cannot be read, or the file not written.
pub(crate) fn leave(settings: &Settings, problem: Option<Problem>, at: i64) -> Result<(), Failure> {
    let Some(folder) = &settings.state.status else {
        return Ok(());
    };
    let facts = Facts::open(settings)?;
    let transfer = facts.transfer()?;
    let before = read(&folder.join(name(settings)));
    let gateway = Gateway {
        at,
        problem: problem.map_or(0, number),
        waiting: u32::try_from(transfer.waiting).unwrap_or(u32::MAX),
        oldest: transfer.oldest_waiting,
        source: facts.source_read_at(),
        receipt: transfer.last_received,
        front: before.and_then(|it| it.front),
        asked: before.and_then(|it| it.asked),
        certificate: Standing::of(settings).map(|it| it.since),
    };
    write(settings, folder, &gateway)
}

/// Leaves that the front was reached, and with which certificate.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn reached(settings: &Settings, asked: Option<u64>, at: i64) -> Result<(), Failure> {
    let Some(folder) = &settings.state.status else {
        return Ok(());
    };
    let before = read(&folder.join(name(settings))).unwrap_or(NEVER_RUN);
    let gateway = Gateway {
        front: Some(at),
        asked,
        certificate: Standing::of(settings).map(|it| it.since),
        ..before
    };
    write(settings, folder, &gateway)
}

/// Before the first run.
const NEVER_RUN: Gateway = Gateway {
    at: 0,
    problem: 0,
    waiting: 0,
    oldest: None,
    source: None,
    receipt: None,
    front: None,
    asked: None,
    certificate: None,
};

fn name(settings: &Settings) -> String {
    format!("{}.cbor", settings.site)
}

fn read(path: &Path) -> Option<Gateway> {
    Gateway::read(&std::fs::read(path).ok()?).ok()
}

fn write(settings: &Settings, folder: &Path, gateway: &Gateway) -> Result<(), Failure> {
    let bytes = gateway
        .to_bytes()
        .map_err(|error| Failure::because(Problem::Internal, "status", error))?;
    let path = folder.join(name(settings));
    write_durably(&path, &bytes)
        .map_err(|error| Failure::storing(path.display().to_string(), error))
}

/// The number in a code.
fn number(problem: Problem) -> u16 {
    let digits = problem.code().trim_start_matches('G');
    digits.parse().unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_number_that_says_it_again() {
        for problem in Problem::ALL {
            assert_eq!(format!("G{:03}", number(*problem)), problem.code());
        }
    }
}
