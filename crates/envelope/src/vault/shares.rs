//! Two holders open what one cannot. Each holder has a secret of 32 random bytes; for each pair of
//! holders, the vault's key lies encrypted under a key made of the secrets of both. One secret
//! gives no key at all, any two give one, and only algorithms of the closed list take part.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{VaultPublicKey, VaultSecretKey};
use crate::at_rest::{AtRestKey, NONCE_BYTES};
use crate::keys::{KeyError, KeyId};
use crate::mac::{MacKey, expand};
use crate::text_form;

/// Most holders of one vault.
pub const HOLDERS_MAX: usize = 10;

const PAIR_SALT: &[u8] = b"sekisho vault pair v1";
const PAIR_LABEL: &str = "sekisho vault pair v1";

/// Why a vault cannot be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ShareError {
    /// Fewer than two holders, or more than [`HOLDERS_MAX`].
    #[error("a vault has 2 to 10 holders")]
    Holders,
    /// The two shares are one and the same.
    #[error("both shares are of one holder")]
    Same,
    /// The shares are not of two holders of this vault.
    #[error("the shares are not of two holders of this vault")]
    Foreign,
}

/// The secret of one holder. It does not print and is wiped when dropped.
///
/// Text form: `sekisho-vault-share-v1:` and 66 hexadecimal digits: the holder's number and the
/// secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Share {
    holder: u8,
    secret: [u8; 32],
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({})", self.holder)
    }
}

impl Share {
    /// The number of the holder, from 1.
    pub const fn holder(&self) -> u8 {
        self.holder
    }

    /// The line for the holder's file.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; 33]);
        bytes[0] = self.holder;
        bytes[1..].copy_from_slice(&self.secret);
        text_form::format(text_form::VAULT_SHARE, bytes.as_slice())
    }
}

impl FromStr for Share {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = text_form::parse::<33>(text_form::VAULT_SHARE, text)?;
        let [holder, secret @ ..] = *bytes;
        match usize::from(holder) {
            1..=HOLDERS_MAX => Ok(Self { holder, secret }),
            _ => Err(KeyError::Invalid),
        }
    }
}

/// A vault's key under lock: of no use to whoever has fewer than two shares. It may lie anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedVault {
    /// The line of the public key.
    pub public: String,
    /// How many holders there are.
    pub holders: u8,
    /// For each pair of holders, the lower number first: the key, encrypted, in hexadecimal.
    pub(super) pairs: Vec<(u8, u8, String)>,
}

impl LockedVault {
    /// Locks a key for a number of holders. Gives the share of each.
    ///
    /// # Errors
    /// Fewer than two holders, or too many.
    pub fn lock(
        key: &VaultSecretKey,
        holders: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Vec<Share>), ShareError> {
        let count = u8::try_from(holders).map_err(|_| ShareError::Holders)?;
        if !(2..=HOLDERS_MAX).contains(&holders) {
            return Err(ShareError::Holders);
        }
        let draw = |holder| {
            let mut secret = [0; 32];
            rng.fill_bytes(&mut secret);
            Share { holder, secret }
        };
        let shares: Vec<Share> = (1..=count).map(draw).collect();
        let id = key.public().id();
        let mut pairs = Vec::new();
        for (place, one) in shares.iter().enumerate() {
            for other in shares.iter().skip(place + 1) {
                // The key of a pair encrypts this one message, so one nonce is unique.
                let sealed = pair_key(one, other, id)
                    .seal([0; NONCE_BYTES], id.as_bytes(), key.seed.as_slice())
                    .ok_or(ShareError::Holders)?;
                pairs.push((one.holder, other.holder, text_form::hex(&sealed)));
            }
        }
        let locked = Self {
            public: key.public().to_string(),
            holders: count,
            pairs,
        };
        Ok((locked, shares))
    }

    /// Puts the key together from two shares.
    ///
    /// # Errors
    /// They are of one holder, or not of this vault.
    pub fn unlock(&self, one: &Share, other: &Share) -> Result<VaultSecretKey, ShareError> {
        let (low, high) = match one.holder.cmp(&other.holder) {
            std::cmp::Ordering::Less => (one, other),
            std::cmp::Ordering::Greater => (other, one),
            std::cmp::Ordering::Equal => return Err(ShareError::Same),
        };
        let public: VaultPublicKey = self.public.parse().map_err(|_| ShareError::Foreign)?;
        let ours = |pair: &&(u8, u8, String)| (pair.0, pair.1) == (low.holder, high.holder);
        let pair = self.pairs.iter().find(ours).ok_or(ShareError::Foreign)?;
        let sealed = unhex(&pair.2).ok_or(ShareError::Foreign)?;
        let id = public.id();
        let seed = pair_key(low, high, id)
            .open(id.as_bytes(), &sealed)
            .ok_or(ShareError::Foreign)?;
        let seed: [u8; 32] = seed
            .as_slice()
            .try_into()
            .map_err(|_| ShareError::Foreign)?;
        let key = VaultSecretKey::from_seed(seed).map_err(|_| ShareError::Foreign)?;
        match *key.public() == public {
            true => Ok(key),
            false => Err(ShareError::Foreign),
        }
    }

    /// Whether the file is whole: a key, and every pair once.
    pub fn is_whole(&self) -> bool {
        let pairs: BTreeSet<_> = self.pairs.iter().map(|pair| (pair.0, pair.1)).collect();
        let holders = usize::from(self.holders);
        let all = pairs
            .iter()
            .all(|(low, high)| 0 < *low && low < high && *high <= self.holders);
        self.public.parse::<VaultPublicKey>().is_ok()
            && all
            && pairs.len() == self.pairs.len()
            && pairs.len() == holders * holders.saturating_sub(1) / 2
    }
}

fn pair_key(low: &Share, high: &Share, id: KeyId) -> AtRestKey {
    let secrets = Zeroizing::new([low.secret, high.secret].concat());
    let info = [id.as_bytes().as_slice(), &[low.holder, high.holder]].concat();
    let mut key = Zeroizing::new([0; 32]);
    expand(PAIR_SALT, &secrets, &info, &mut key);
    AtRestKey::derive(&MacKey::from_bytes(*key), PAIR_LABEL)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|pair| byte(pair)).collect();
    bytes.filter(|_| rest.is_empty())
}
