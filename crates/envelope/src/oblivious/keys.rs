//! The key of the evaluation service, and the public half that devices know.

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;
use voprf::{Group, Ristretto255, VoprfServer};
use zeroize::{Zeroize as _, Zeroizing};

use super::prover::Prover;
use super::{EvaluationError, head, split};
use crate::keys::{KeyError, KeyId};
use crate::text_form;

type Point = <Ristretto255 as Group>::Elem;
type Scalar = <Ristretto255 as Group>::Scalar;

/// Part of what the key is derived from, beside its seed.
const INFO: &[u8] = b"sekisho evaluation v1";

/// The secret key of the service, 32 bytes. It does not print and is wiped when dropped.
///
/// Text form: `sekisho-evaluation-secret-v1:` and 64 hexadecimal digits.
pub struct EvaluationKey {
    seed: Zeroizing<[u8; 32]>,
    prover: Prover,
    public: EvaluationPublicKey,
}

impl EvaluationKey {
    /// Takes a seed, which must come from a random source.
    ///
    /// # Errors
    /// None that can be met: every seed has a key, but for a chance below 2^-250.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, KeyError> {
        Self::derived(seed, INFO)
    }

    pub(super) fn derived(seed: [u8; 32], info: &[u8]) -> Result<Self, KeyError> {
        let seed = Zeroizing::new(seed);
        let server = VoprfServer::<Ristretto255>::new_from_seed(seed.as_slice(), info);
        let server = server.map_err(|_| KeyError::Invalid)?;
        let public = EvaluationPublicKey::of(server.get_public_key());
        Ok(Self {
            seed,
            prover: Prover::new(scalar_of(&server)?),
            public,
        })
    }

    /// Draws a new key.
    ///
    /// # Errors
    /// See [`EvaluationKey::from_seed`].
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// The public half.
    pub const fn public(&self) -> &EvaluationPublicKey {
        &self.public
    }

    /// The line for a key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        text_form::format(text_form::EVALUATION_SECRET, self.seed.as_slice())
    }

    /// Answers a question for the epoch of this key.
    ///
    /// # Errors
    /// The bytes are no question, or one for another epoch.
    pub fn evaluate(
        &self,
        epoch: u16,
        question: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, EvaluationError> {
        let (asked, points) = split(question)?;
        if asked != epoch {
            return Err(EvaluationError::Epoch);
        }
        let mut answer = head(epoch, points.len())?;
        let (evaluated, proof) = self.prover.evaluate(points, rng)?;
        answer.extend_from_slice(evaluated.as_flattened());
        answer.extend_from_slice(&proof);
        Ok(answer)
    }
}

/// The secret number, which the library shows within its bytes only.
fn scalar_of(server: &VoprfServer<Ristretto255>) -> Result<Zeroizing<Scalar>, KeyError> {
    let mut bytes = server.serialize();
    let scalar = bytes
        .first_chunk::<32>()
        .and_then(|bytes| Ristretto255::deserialize_scalar(bytes).ok())
        .map(Zeroizing::new);
    bytes.iter_mut().zeroize();
    scalar.ok_or(KeyError::Invalid)
}

impl FromStr for EvaluationKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text_form::parse(text_form::EVALUATION_SECRET, text).and_then(|seed| Self::from_seed(*seed))
    }
}

/// The public key of the service, 32 bytes. Devices have it in their settings, so that no other key
/// can stand in its place: tokens under a key of its own would let a false service tell persons
/// apart, or tear them from those of other sites.
///
/// Text form: `sekisho-evaluation-public-v1:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EvaluationPublicKey {
    point: Point,
    id: KeyId,
}

impl EvaluationPublicKey {
    fn of(point: Point) -> Self {
        let id = KeyId::of(&Ristretto255::serialize_elem(point));
        Self { point, id }
    }

    /// The id of the key.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    pub(super) const fn point(&self) -> Point {
        self.point
    }
}

impl FromStr for EvaluationPublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = text_form::parse::<32>(text_form::EVALUATION_PUBLIC, text)?;
        Ristretto255::deserialize_elem(bytes.as_slice())
            .map(Self::of)
            .map_err(|_| KeyError::Invalid)
    }
}

impl fmt::Display for EvaluationPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = Ristretto255::serialize_elem(self.point);
        f.write_str(&text_form::format(text_form::EVALUATION_PUBLIC, &bytes))
    }
}

impl fmt::Debug for EvaluationPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EvaluationPublicKey({})", self.id)
    }
}
