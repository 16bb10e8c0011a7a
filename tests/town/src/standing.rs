//! Notice ledger and stop list: which registrations may leave, and why not.

use jiff::civil::Date;

use crate::dice::{Dice, Purpose};
use crate::households::days_before;
use crate::model::{Notice, Registration, Standing, Stop};
use crate::rates;

/// Days since the notice from which a registration is safely out of every hold.
const LONG_AGO: (i64, i64) = (60, 400);
/// Days since the notice of registrations on hold.
const LATELY: (i64, i64) = (1, 25);

const METHODS: [&str; 4] = ["handed", "posted", "kiosk", "letter"];
const VERSIONS: [&str; 3] = ["2024-04", "2025-01", "2025-10"];
const REQUESTERS: [&str; 4] = ["self", "family", "bereaved", "representative"];

/// Gives every registration its notice, and some a stop.
pub(crate) fn assign(registrations: &mut [Registration], seed: u64, persons: u32, as_of: Date) {
    for registration in registrations.iter_mut() {
        notify(registration, seed, as_of);
    }
    for hospital in 0..2 {
        stop(registrations, hospital, seed, persons, as_of);
    }
}

fn notify(registration: &mut Registration, seed: u64, as_of: Date) {
    let mut dice = Dice::new(seed, Purpose::Standing, registration.index);
    let point = dice.unit();
    registration.standing = if point < rates::NOT_NOTIFIED {
        Standing::NotNotified
    } else if point < rates::NOT_NOTIFIED + rates::HOLD {
        Standing::Hold
    } else {
        Standing::MayLeave
    };
    let (low, high) = match registration.standing {
        Standing::NotNotified => return,
        Standing::Hold => LATELY,
        Standing::MayLeave | Standing::Stopped => LONG_AGO,
    };
    let known = registration
        .registered_on
        .until(as_of)
        .map_or(low, |span| span.get_days().into());
    let days = dice.between(low, high.min(known.max(low)));
    registration.notice = Some(Notice {
        notified_on: days_before(as_of, days),
        document_version: VERSIONS[dice.index(VERSIONS.len())],
        method: METHODS[dice.index(METHODS.len())],
    });
}

/// Stops the hospital's quota of registrations, all of them notified long ago.
fn stop(list: &mut [Registration], hospital: u8, seed: u64, persons: u32, as_of: Date) {
    let mut dice = Dice::new(seed, Purpose::Standing, u64::MAX - u64::from(hospital));
    let mut candidates: Vec<usize> = (0..list.len())
        .filter(|&at| list[at].hospital == hospital && list[at].standing == Standing::MayLeave)
        .collect();
    let least = match persons {
        200.. => 2,
        20..200 => 1,
        _ => 0,
    };
    let quota = ((candidates.len() as f64 * rates::STOPPED).round() as usize).max(least);
    for _ in 0..quota.min(candidates.len()) {
        let at = candidates.swap_remove(dice.index(candidates.len()));
        let registration = &mut list[at];
        let requester = match registration.died_on {
            Some(_) => "bereaved",
            None => REQUESTERS[[0, 0, 1, 3][dice.index(4)]],
        };
        registration.standing = Standing::Stopped;
        registration.stop = Some(Stop {
            requested_on: days_before(as_of, dice.between(1, 59)),
            requester,
        });
    }
}
