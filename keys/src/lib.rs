//! The device's key, wherever it lies: as a file, or wrapped for the TPM of this device, where only
//! the key service can use it (B-115, decision 0061).
//!
//! The service, `sekisho-keys`, is the one process with the TPM. It keeps nothing: who asks brings
//! the wrapped key along, so that having its file and being let to the socket are both needed.

mod device_key;
mod error;
mod protocol;
mod service;

pub use device_key::DeviceKey;
pub use error::{KeyError, Kind};
pub use protocol::{Asked, REQUEST_MAX, answer};
pub use service::{Service, refusal_in};
