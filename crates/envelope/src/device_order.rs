//! Signatures under orders for a device. Their format is the control channel's; the domain stands
//! here because every domain does.

use crate::keys::KeyError;
use crate::signing::{SIGNATURE, SigningKey};

const DOMAIN: &[u8] = b"sekisho device order v1\0";

/// One person's signature under an order's bytes.
///
/// # Errors
/// The key cannot sign.
pub fn sign_device_order(order: &[u8], key: &SigningKey) -> Result<[u8; SIGNATURE], KeyError> {
    key.sign(DOMAIN, order)
}
