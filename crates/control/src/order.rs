//! An order as it travels.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic `SEKISHD` and the layout version, `01` |
//! | 1 | number of signatures, 1 or 2 |
//! | 72 each | id of the signer's key (8), Ed25519 signature (64) over [`ORDER_DOMAIN`] and the order's bytes |
//! | rest | order, CBOR, at most 40 KiB |
//!
//! Every signature is checked before the order's bytes are looked at.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::device::DeviceId;
use crate::job::Job;
use crate::words::{PlanId, Reason};

const MAGIC: &[u8; 8] = b"SEKISHD\x01";
const FORMAT: u8 = 1;
const BODY_MAX: usize = 40 << 10;
/// Before the order in what is signed.
pub const ORDER_DOMAIN: &[u8] = b"sekisho device order v1\0";
/// Bytes of a signature.
pub const SIGNATURE: usize = 64;
/// Most signatures of one order.
pub const SIGNERS_MAX: usize = 2;
const SIGNED: usize = 8 + SIGNATURE;
/// Most bytes of an order with its signatures.
pub const ORDER_MAX: usize = MAGIC.len() + 1 + SIGNERS_MAX * SIGNED + BODY_MAX;

/// What one device shall do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    #[serde(deserialize_with = "known")]
    format: u8,
    /// Which device. Another one refuses it.
    pub device: DeviceId,
    /// When it was made, in milliseconds since 1970: later orders have higher numbers, and a device
    /// takes none that is not higher than the last.
    pub number: u64,
    /// After this second since 1970 it is too late.
    pub expires: i64,
    /// The number in the maintenance plan.
    pub plan: PlanId,
    /// Why.
    pub reason: Reason,
    /// What.
    pub job: Job,
}

/// Why bytes are no order that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OrderError {
    /// Not of this layout, or too large.
    #[error("the bytes are no order")]
    Malformed,
    /// A signature is not of a key that is known, or does not fit.
    #[error("a signature does not fit")]
    Signature,
    /// The job asks for two persons.
    #[error("the job has to be signed by two persons")]
    OnePerson,
    /// Signed, but of a newer format, or a parameter is out of range.
    #[error("the order is not understood")]
    NotUnderstood,
}

/// Names a signer's public key: the first 8 bytes of its SHA-256.
pub type SignerId = [u8; 8];

/// Whose signatures count.
pub trait Signers {
    /// Whether the key of this id is known and its signature stands under the message.
    fn verifies(&self, signer: &SignerId, message: &[u8], signature: &[u8; SIGNATURE]) -> bool;
}

/// The parts of an order; nothing is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedOrder<'a> {
    signatures: Vec<(SignerId, [u8; SIGNATURE])>,
    body: &'a [u8],
}

/// An order whose signatures fit and are enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub(crate) order: Order,
}

impl Verified {
    /// What it says.
    pub const fn order(&self) -> &Order {
        &self.order
    }
}

impl Order {
    /// An order of the format in use.
    pub const fn new(
        device: DeviceId,
        number: u64,
        expires: i64,
        plan: PlanId,
        reason: Reason,
        job: Job,
    ) -> Self {
        Self {
            format: FORMAT,
            device,
            number,
            expires,
            plan,
            reason,
            job,
        }
    }

    /// When it was made, in seconds since 1970.
    pub fn made(&self) -> i64 {
        i64::try_from(self.number / 1_000).unwrap_or(i64::MAX)
    }

    /// The bytes that are signed, behind [`ORDER_DOMAIN`].
    ///
    /// # Errors
    /// The job is out of range or too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OrderError> {
        self.job.check().map_err(|_| OrderError::NotUnderstood)?;
        let bytes = serde_cbor::to_vec(self).map_err(|_| OrderError::Malformed)?;
        let fits = bytes.len() <= BODY_MAX;
        fits.then_some(bytes).ok_or(OrderError::Malformed)
    }
}

impl<'a> SignedOrder<'a> {
    /// Puts an order's bytes and its first signature together.
    pub fn new(body: &'a [u8], signer: SignerId, signature: [u8; SIGNATURE]) -> Self {
        Self {
            signatures: vec![(signer, signature)],
            body,
        }
    }

    /// Adds the signature of another person.
    ///
    /// # Errors
    /// There are [`SIGNERS_MAX`] already, or this one has signed.
    pub fn sign(&mut self, signer: SignerId, signature: [u8; SIGNATURE]) -> Result<(), OrderError> {
        let known = self.signatures.iter().any(|(id, _)| *id == signer);
        if known || self.signatures.len() >= SIGNERS_MAX {
            return Err(OrderError::Signature);
        }
        self.signatures.push((signer, signature));
        Ok(())
    }

    /// The bytes that travel.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(u8::try_from(self.signatures.len()));
        for (signer, signature) in &self.signatures {
            bytes.extend_from_slice(signer);
            bytes.extend_from_slice(signature);
        }
        bytes.extend_from_slice(self.body);
        bytes
    }

    /// Finds the parts.
    ///
    /// # Errors
    /// [`OrderError::Malformed`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, OrderError> {
        Self::split(bytes).ok_or(OrderError::Malformed)
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (count, mut rest) = bytes.strip_prefix(MAGIC)?.split_first()?;
        if !(1..=SIGNERS_MAX).contains(&usize::from(*count)) {
            return None;
        }
        let mut signatures = Vec::new();
        for _ in 0..*count {
            let (signer, after) = rest.split_first_chunk()?;
            let (signature, after) = after.split_first_chunk()?;
            signatures.push((*signer, *signature));
            rest = after;
        }
        (rest.len() <= BODY_MAX).then_some(Self {
            signatures,
            body: rest,
        })
    }

    /// What the order says before anybody has checked it: for the one who signs.
    ///
    /// # Errors
    /// [`OrderError::NotUnderstood`].
    pub fn unchecked(&self) -> Result<Order, OrderError> {
        read(self.body)
    }

    /// The signed bytes.
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Checks every signature, and that there are as many different ones as the job asks for.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub fn verify(&self, signers: &impl Signers) -> Result<Verified, OrderError> {
        let message = [ORDER_DOMAIN, self.body].concat();
        let mut persons = BTreeSet::new();
        for (signer, signature) in &self.signatures {
            if !signers.verifies(signer, &message, signature) {
                return Err(OrderError::Signature);
            }
            persons.insert(signer);
        }
        let order = read(self.body)?;
        match order.job.kind().two_persons() && persons.len() < 2 {
            true => Err(OrderError::OnePerson),
            false => Ok(Verified { order }),
        }
    }
}

fn read(body: &[u8]) -> Result<Order, OrderError> {
    let order: Order = serde_cbor::from_slice(body).map_err(|_| OrderError::NotUnderstood)?;
    let checked = order.job.check();
    checked.map_err(|_| OrderError::NotUnderstood)?;
    Ok(order)
}

fn known<'d, D: Deserializer<'d>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        FORMAT => Ok(FORMAT),
        _ => Err(D::Error::custom("format")),
    }
}
