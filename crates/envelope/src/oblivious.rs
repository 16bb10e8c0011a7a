//! Oblivious evaluation of linkage tokens: the verifiable mode of RFC 9497 over ristretto255 and
//! SHA-512. A device blinds what it wants keyed, the centre's service multiplies by its key without
//! seeing what, and proves that it was the key which the device knows the public half of.
//!
//! # Bytes
//!
//! Both ways: version 1 (one byte), epoch of the key, number of points (two bytes each, big
//! endian), the points (32 bytes each). The answer has the proof at its end (64 bytes); it is one
//! for all points.

mod keys;
mod prover;
#[cfg(test)]
mod tests;

use std::fmt;

use rand_core::CryptoRng;
use thiserror::Error;
use voprf::{EvaluationElement, Proof, Ristretto255, VoprfClient};
use zeroize::Zeroizing;

pub use keys::{EvaluationKey, EvaluationPublicKey};

use crate::mac::expand;

/// Most points of one exchange.
pub const EVALUATIONS_MAX: usize = 1024;
/// Most bytes of a question or an answer.
pub const EVALUATION_BYTES_MAX: usize = HEAD + EVALUATIONS_MAX * POINT + PROOF;

const VERSION: u8 = 1;
const HEAD: usize = 5;
const POINT: usize = 32;
const PROOF: usize = 64;
const SALT: &[u8] = b"sekisho oblivious v1";

/// What is wrong with a question or an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EvaluationError {
    /// Not the layout, or a point or scalar that is none.
    #[error("the bytes are no question or answer of an evaluation")]
    Malformed,
    /// No points, or more than [`EVALUATIONS_MAX`].
    #[error("the number of points is out of bounds")]
    Count,
    /// The key is of another epoch than the one asked for.
    #[error("the key is of another epoch")]
    Epoch,
    /// The proof does not hold: the service has another key than the device knows, or the answer
    /// changed on the way.
    #[error("the proof of the evaluation does not hold")]
    Proof,
}

/// A question on its way: the inputs with what blinds them. Wiped when dropped.
pub struct Question {
    epoch: u16,
    inputs: Vec<Zeroizing<Vec<u8>>>,
    clients: Vec<VoprfClient<Ristretto255>>,
    bytes: Vec<u8>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({} points)", self.inputs.len())
    }
}

impl Question {
    /// Blinds inputs for the key of an epoch.
    ///
    /// # Errors
    /// There are no inputs or too many, or one is longer than 65,535 bytes.
    pub fn blind(
        epoch: u16,
        inputs: Vec<Zeroizing<Vec<u8>>>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, EvaluationError> {
        let mut bytes = head(epoch, inputs.len())?;
        let mut clients = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let blinded = VoprfClient::blind(input, &mut ForVoprf(rng));
            let blinded = blinded.map_err(|_| EvaluationError::Malformed)?;
            bytes.extend_from_slice(&blinded.message.serialize());
            clients.push(blinded.state);
        }
        Ok(Self {
            epoch,
            inputs,
            clients,
            bytes,
        })
    }

    /// What the service is sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Checks the proof and takes the blinds away: one value for each input, in their order. Equal
    /// inputs give equal values under one key, whoever asks.
    ///
    /// # Errors
    /// The answer is not one to this question, or the proof does not hold for the public key.
    pub fn finish(
        &self,
        key: &EvaluationPublicKey,
        answer: &[u8],
    ) -> Result<Vec<Zeroizing<[u8; 32]>>, EvaluationError> {
        let outputs = self.outputs(key, answer)?;
        let value = |output: &Zeroizing<Vec<u8>>| {
            let mut value = Zeroizing::new([0; 32]);
            expand(SALT, output, b"value", &mut value);
            value
        };
        Ok(outputs.iter().map(value).collect())
    }

    /// The outputs as the RFC has them, 64 bytes each.
    fn outputs(
        &self,
        key: &EvaluationPublicKey,
        answer: &[u8],
    ) -> Result<Vec<Zeroizing<Vec<u8>>>, EvaluationError> {
        let (points, proof) = answer
            .len()
            .checked_sub(PROOF)
            .and_then(|at| answer.split_at_checked(at))
            .ok_or(EvaluationError::Malformed)?;
        let (epoch, points) = split(points)?;
        if epoch != self.epoch {
            return Err(EvaluationError::Epoch);
        }
        if points.len() != self.inputs.len() {
            return Err(EvaluationError::Count);
        }
        let malformed = |_| EvaluationError::Malformed;
        let points = points
            .iter()
            .map(|point| EvaluationElement::deserialize(point));
        let points: Vec<_> = points.collect::<Result<_, _>>().map_err(malformed)?;
        let proof = Proof::deserialize(proof).map_err(malformed)?;
        let inputs: Vec<&[u8]> = self.inputs.iter().map(|input| input.as_slice()).collect();
        let outputs =
            VoprfClient::batch_finalize(&inputs, &self.clients, &points, &proof, key.point())
                .map_err(|_| EvaluationError::Proof)?;
        outputs
            .map(|output| output.map(|output| Zeroizing::new(output.to_vec())))
            .collect::<Result<_, _>>()
            .map_err(malformed)
    }
}

/// The epoch of the key that a question is for, and how many points it has. Nothing looks at them.
///
/// # Errors
/// The bytes are no question.
pub fn question_of(bytes: &[u8]) -> Result<(u16, usize), EvaluationError> {
    split(bytes).map(|(epoch, points)| (epoch, points.len()))
}

fn head(epoch: u16, points: usize) -> Result<Vec<u8>, EvaluationError> {
    let count = u16::try_from(points).map_err(|_| EvaluationError::Count)?;
    if count == 0 || points > EVALUATIONS_MAX {
        return Err(EvaluationError::Count);
    }
    let mut bytes = Vec::with_capacity(HEAD + points * POINT + PROOF);
    bytes.push(VERSION);
    bytes.extend_from_slice(&epoch.to_be_bytes());
    bytes.extend_from_slice(&count.to_be_bytes());
    Ok(bytes)
}

fn split(bytes: &[u8]) -> Result<(u16, &[[u8; POINT]]), EvaluationError> {
    let Some((&[VERSION, e0, e1, c0, c1], rest)) = bytes.split_first_chunk::<HEAD>() else {
        return Err(EvaluationError::Malformed);
    };
    let count = usize::from(u16::from_be_bytes([c0, c1]));
    if count == 0 || count > EVALUATIONS_MAX {
        return Err(EvaluationError::Count);
    }
    match rest.as_chunks::<POINT>() {
        (points, []) if points.len() == count => Ok((u16::from_be_bytes([e0, e1]), points)),
        _ => Err(EvaluationError::Malformed),
    }
}

/// Our source of randomness as the library knows one.
struct ForVoprf<'r, R>(&'r mut R);

impl<R: CryptoRng> rand_core_of_voprf::RngCore for ForVoprf<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_of_voprf::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl<R: CryptoRng> rand_core_of_voprf::CryptoRng for ForVoprf<'_, R> {}
