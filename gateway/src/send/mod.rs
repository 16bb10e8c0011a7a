//! Delivery of queued batches to the front, oldest first, over one mutually authenticated TLS 1.3
//! connection. A batch leaves the queue only with a receipt that the front signed.

pub(crate) mod connection;
pub(crate) mod delivery;

use std::time::Duration;

use config::gateway::Settings;
use envelope::Receipt;
use ring::rand::{SecureRandom, SystemRandom};

use crate::clock::{self, Trusted};
use crate::error::{Failure, Problem};
use crate::keys::Keys;
use crate::send::connection::{Connection, Peer};
use crate::send::delivery::{Delivered, deliver};
use crate::spool::Spool;
use crate::state::{State, Waiting};

const BACKOFF_FIRST: Duration = Duration::from_millis(250);
const BACKOFF_MOST: Duration = Duration::from_secs(30);

/// What a run of the sender did.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Sent {
    /// Batches that got a receipt.
    pub(crate) batches: u64,
    /// Bytes of batches that went over the line, without what an earlier run had sent.
    pub(crate) bytes: u64,
}

/// Notes that a batch is about to go out, from when on it cannot be undone.
pub(crate) type Attempt<'a> = &'a mut dyn FnMut() -> Result<(), Failure>;

/// Something that stopped one try.
pub(crate) enum Trouble {
    /// May be over at the next try.
    Passing(Failure),
    /// Another try would end the same way.
    Lasting(Failure),
}

/// Delivers everything that waits, at a confirmed time only (P-19). `stands` is asked before each
/// batch and before each further try; when it says no, what waits is not as it was, and nothing
/// more is sent. Gives whether everything was sent.
///
/// # Errors
/// The first batch that cannot be delivered after the tries that the settings allow. It and the
/// batches behind it stay queued: the chain is sent in order.
pub(crate) fn send_all(
    settings: &Settings,
    _: Trusted,
    keys: &Keys,
    state: &mut State,
    spool: &Spool,
    total: &mut Sent,
    stands: &mut dyn FnMut(&mut State) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let waiting = state.waiting()?;
    if waiting.is_empty() {
        return Ok(true);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::because(Problem::Internal, "runtime", error))?;
    let peer = Peer::new(&settings.front)?;
    let mut connection = None;
    for batch in &waiting {
        if !stands(state)? {
            return Ok(false);
        }
        let bytes = spool.get(batch)?;
        let mut tries = Tries::new(settings.limits.send_attempts);
        let delivered = loop {
            let chunk = settings.limits.chunk_bytes;
            let mut attempt = || state.attempt(batch.sequence);
            let tried = runtime.block_on(try_once(
                &peer,
                &mut connection,
                batch,
                &bytes,
                chunk,
                &mut attempt,
            ));
            match tried {
                Ok(delivered) => break delivered,
                Err(Trouble::Lasting(failure)) => return Err(failure),
                Err(Trouble::Passing(failure)) => {
                    connection = None;
                    let Some(pause) = tries.next() else {
                        return Err(failure);
                    };
                    tracing::warn!(
                        sequence = batch.sequence,
                        code = failure.problem().code(),
                        "retry"
                    );
                    std::thread::sleep(pause);
                    // What was stopped meanwhile is taken back rather than sent.
                    if !stands(state)? {
                        return Ok(false);
                    }
                }
            }
        };
        let receipt = accept_receipt(settings, keys, batch, &delivered.receipt)?;
        state.received(batch.sequence, &delivered.receipt)?;
        spool.remove(batch)?;
        tracing::info!(sequence = batch.sequence, batch = %batch.id, bytes = batch.bytes, "sent");
        total.batches += 1;
        total.bytes += delivered.bytes;
        clock::told_by_centre(state, batch.sealed_at, receipt.received_at)?;
    }
    Ok(true)
}

async fn try_once(
    peer: &Peer,
    connection: &mut Option<Connection>,
    batch: &Waiting,
    bytes: &[u8],
    chunk: usize,
    attempt: Attempt<'_>,
) -> Result<Delivered, Trouble> {
    let open = match connection {
        Some(open) => open,
        None => connection.insert(peer.connect().await?),
    };
    deliver(open, batch, bytes, chunk, attempt).await
}

fn accept_receipt(
    settings: &Settings,
    keys: &Keys,
    batch: &Waiting,
    bytes: &[u8],
) -> Result<Receipt, Failure> {
    let invalid = || Failure::new(Problem::ReceiptInvalid, format!("batch {}", batch.sequence));
    let receipt = Receipt::verify(bytes, &keys.receipt).map_err(|_| invalid())?;
    let about_this = receipt.batch == batch.id
        && receipt.site == settings.site
        && receipt.sequence == batch.sequence;
    about_this.then_some(receipt).ok_or_else(invalid)
}

/// Pauses between tries: doubling, with full jitter, so that many sites do not return in step.
pub(crate) struct Tries {
    left: u32,
    bound: Duration,
}

impl Tries {
    pub(crate) fn new(attempts: u32) -> Self {
        Self {
            left: attempts.saturating_sub(1),
            bound: BACKOFF_FIRST,
        }
    }
}

impl Iterator for Tries {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let mut random = [0; 4];
        // Without randomness the pause is the whole bound, which is only less spread out.
        let part = match SystemRandom::new().fill(&mut random) {
            Ok(()) => f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX),
            Err(_) => 1.0,
        };
        let pause = self.bound.mul_f64(part);
        self.bound = (self.bound * 2).min(BACKOFF_MOST);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// O-11: pauses grow up to a bound and end after the allowed tries.
    #[test]
    fn pauses_are_bounded_in_length_and_number() {
        let pauses: Vec<_> = Tries::new(20).collect();
        assert_eq!(pauses.len(), 19);
        assert!(pauses.iter().all(|pause| *pause <= BACKOFF_MOST));
        assert!(pauses.iter().take(1).all(|pause| *pause <= BACKOFF_FIRST));
        assert_eq!(Tries::new(1).count(), 0);
    }
}
