//! The service's half of the exchange: BlindEvaluate and GenerateProof of RFC 9497 (sections 2.2.1
//! and 3.3.2) for many points at once.
//!
//! `voprf` multiplies each point twice more for the proof. Whoever has the key needs the weighted
//! sum of the points alone, which is `M`, and `Z` is the key times that (`ComputeCompositesFast`).
//! The weights and the points are public, so the sum may take a time that depends on them; whatever
//! the key, the random number of the proof or half of the key takes part in runs in constant time.

use std::fmt;

use curve25519_dalek::RistrettoPoint;
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_TABLE;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul as _;
use rand_core::CryptoRng;
use ring::digest;
use voprf::{CipherSuite, Group, Ristretto255};
use zeroize::Zeroizing;

use super::{EvaluationError, ForVoprf, POINT, PROOF};

/// `"OPRFV1-" || I2OSP(1, 1) || "-" || "ristretto255-SHA512"`, the verifiable mode.
const CONTEXT: &[u8] = b"OPRFV1-\x01-ristretto255-SHA512";
const TO_SCALAR: &[u8] = b"HashToScalar-";
const SEED: &[u8] = b"Seed-";
const LENGTH_OF_POINT: [u8; 2] = [0, 32];
const LENGTH_OF_SEED: [u8; 2] = [0, 64];

/// A key that evaluates and proves. It does not print and is wiped when dropped.
pub(super) struct Prover {
    key: Zeroizing<Scalar>,
    /// Half of the key, since points are doubled on the way into bytes: that takes one inversion
    /// for all of them instead of one for each.
    half: Zeroizing<Scalar>,
    public: [u8; POINT],
    /// From which the weights of all batches are drawn.
    seed: digest::Digest,
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prover")
    }
}

impl Prover {
    /// Takes a key.
    pub(super) fn new(key: Zeroizing<Scalar>) -> Self {
        let public = (&*key * RISTRETTO_BASEPOINT_TABLE).compress().to_bytes();
        let half = Zeroizing::new(*key * Scalar::from(2_u8).invert());
        let mut seed = digest::Context::new(&digest::SHA512);
        let length = SEED.len() + CONTEXT.len();
        let length = u16::try_from(length).unwrap_or_default().to_be_bytes();
        for part in [&LENGTH_OF_POINT, &public[..], &length, SEED, CONTEXT] {
            seed.update(part);
        }
        Self {
            key,
            half,
            public,
            seed: seed.finish(),
        }
    }

    /// The points, multiplied by the key, and one proof for all of them.
    ///
    /// # Errors
    /// One of them is no point, or the point at infinity.
    pub(super) fn evaluate(
        &self,
        asked: &[[u8; POINT]],
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<[u8; POINT]>, [u8; PROOF]), EvaluationError> {
        let malformed = |_| EvaluationError::Malformed;
        let points = asked
            .iter()
            .map(|point| Ristretto255::deserialize_elem(point));
        let points: Vec<RistrettoPoint> = points.collect::<Result<_, _>>().map_err(malformed)?;
        let halves: Vec<_> = points.iter().map(|point| point * *self.half).collect();
        let evaluated: Vec<_> = RistrettoPoint::double_and_compress_batch(&halves)
            .iter()
            .map(|point| point.to_bytes())
            .collect();
        let mut weights = Vec::with_capacity(points.len());
        for (number, (asked, answer)) in (0_u16..).zip(asked.iter().zip(&evaluated)) {
            weights.push(self.weight(number, asked, answer)?);
        }
        let sum = RistrettoPoint::vartime_multiscalar_mul(&weights, &points);
        let proof = self.prove(sum, rng)?;
        Ok((evaluated, proof))
    }

    /// How much a point counts in the sum, which nobody can choose.
    fn weight(
        &self,
        number: u16,
        asked: &[u8; POINT],
        answer: &[u8; POINT],
    ) -> Result<Scalar, EvaluationError> {
        to_scalar(&[
            &LENGTH_OF_SEED,
            self.seed.as_ref(),
            &number.to_be_bytes(),
            &LENGTH_OF_POINT,
            asked,
            &LENGTH_OF_POINT,
            answer,
            b"Composite",
        ])
    }

    /// That the public key and the sum are multiplied by the same number.
    fn prove(
        &self,
        sum: RistrettoPoint,
        rng: &mut impl CryptoRng,
    ) -> Result<[u8; PROOF], EvaluationError> {
        let random = Zeroizing::new(Ristretto255::random_scalar(&mut ForVoprf(rng)));
        let commitments = [
            sum,
            sum * *self.key,
            &*random * RISTRETTO_BASEPOINT_TABLE,
            sum * *random,
        ];
        let [m, z, t2, t3] = commitments.map(|point| point.compress().to_bytes());
        let length = &LENGTH_OF_POINT;
        let challenge = to_scalar(&[
            length,
            &self.public,
            length,
            &m,
            length,
            &z,
            length,
            &t2,
            length,
            &t3,
            b"Challenge",
        ])?;
        let response = *random - challenge * *self.key;
        let mut proof = [0; PROOF];
        let (first, second) = proof.split_at_mut(POINT);
        first.copy_from_slice(challenge.as_bytes());
        second.copy_from_slice(response.as_bytes());
        Ok(proof)
    }
}

fn to_scalar(parts: &[&[u8]]) -> Result<Scalar, EvaluationError> {
    type Hash = <Ristretto255 as CipherSuite>::Hash;
    Ristretto255::hash_to_scalar::<Hash>(parts, &[TO_SCALAR, CONTEXT])
        .map_err(|_| EvaluationError::Malformed)
}
