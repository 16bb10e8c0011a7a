//! Sealed batches, receipts and letters: what travels from a site to the centre, and back.
//!
//! This crate is the only place that names algorithms, and the list is closed (B-110):
//! HMAC-SHA-256, HKDF-SHA-256, SHA-256, AES-256-GCM, Ed25519, ECDSA P-256 (certificates), HPKE with
//! X-Wing (X25519 + ML-KEM-768), and the verifiable oblivious function of RFC 9497 over
//! ristretto255 with SHA-512. Settings cannot add to it; every header names its suite.
//!
//! | step | here |
//! |---|---|
//! | keyed tokens and references | [`MacKey`] |
//! | tokens keyed by the centre, who does not see of what | [`Question`], [`EvaluationKey`] |
//! | closing a batch at a site | [`seal()`] |
//! | routing a batch without opening it | [`peek`], [`inspect`] |
//! | opening a batch at the core | [`open()`] |
//! | moving a stored batch to another key | [`Rewrapped`] |
//! | acknowledging a batch | [`Receipt`] |
//! | letters of the centre to a device, and its answers | [`StopOrder`], [`ErasedWord`], [`EmergencyCode`], [`Answer`] |
//! | what a device is told before it goes to its site | [`Commission`] |
//! | who a person is, for two people together | [`VaultPublicKey`], [`LockedVault`] |
//! | what certificates may be, and who may ask for one | [`CertificateFacts`], [`EnrolmentCode`] |
//! | what the centre states for people | [`sign_statement`] |
//! | what a program keeps for itself | [`AtRestKey`] |
//!
//! The byte layout stands at the head of [`container`]. The crate does no I/O and reads no clock;
//! randomness comes in as an argument.

mod answer;
mod at_rest;
mod body;
mod bundle;
mod certificate;
mod certificate_request;
mod commission;
pub mod container;
mod content;
mod device;
mod device_order;
mod digest;
mod emergency;
mod enrolment;
mod error;
mod header;
mod keys;
mod letter;
mod mac;
mod manifest;
mod oblivious;
mod octets;
mod open;
mod order;
mod packing;
mod receipt;
mod rewrap;
mod seal;
mod signing;
mod statement;
mod suite;
mod text_form;
mod vault;

pub use answer::{Answer, ERASED_AT_ONCE, ErasedWord, Outcome};
pub use at_rest::{AtRestKey, NONCE_BYTES};
pub use bundle::{BUNDLE_BATCHES_MAX, BUNDLE_INDEX_MAX, BundleError, BundleIndex, Bundled};
pub use certificate::{
    CERTIFICATE_KEYS, CertificateFacts, CertificateFault, CertificateKey, CertificateRole,
    LATE_DAYS, RENEWAL_DAY, RENEWAL_DOMAIN, RENEWAL_LEAST_DAYS, RENEWAL_SPREAD_DAYS,
    enrolment_is_signed, renewal_at, renewal_is_signed,
};
pub use certificate_request::{
    CERTIFICATE_MESSAGE_MAX, CertificateAnswer, CertificateRequest, DeviceName,
};
pub use commission::Commission;
pub use content::{Item, Subject};
pub use device::{DevicePublicKey, DeviceSecretKey};
pub use device_order::sign_device_order;
pub use digest::{Sha256, sha256};
pub use emergency::{EMERGENCY_SECONDS_MAX, EmergencyCode};
pub use enrolment::EnrolmentCode;
pub use error::{LetterError, OpenError, SealError};
pub use header::{Header, RECIPIENTS_MAX, Recipient, peek};
pub use keys::{KeyError, KeyId};
pub use letter::{LETTER_MAX, LetterKind, LetterPlace, letter_kind};
pub use mac::MacKey;
pub use manifest::{
    BodySeal, LEDGER_LINES_MAX, LedgerEnd, Manifest, ManifestDraft, TransportProfile,
};
pub use oblivious::{
    EVALUATION_BYTES_MAX, EVALUATIONS_MAX, EvaluationError, EvaluationKey, EvaluationPublicKey,
    Question, question_of,
};
pub use open::{Inspected, Limits, Opened, inspect, open, open_rewrapped, open_within};
pub use order::{AuthenticOrder, REPLACES_MAX, StopOrder, VALID_DAYS_MAX};
pub use receipt::{FrontId, Receipt, ReceiptError};
pub use rewrap::{REWRAPPED_MAX, Rewrapped};
pub use seal::{Body, Recipients, Sealed, seal, seal_body, seal_items, seal_with_erasures};
pub use signing::{SigningKey, VerifyingKey};
pub use statement::{read_statement, sign_statement};
pub use suite::{CorePublicKey, CoreSecretKey};
pub use vault::{
    ENVELOPE_MAX, EnvelopeError, HOLDERS_MAX, LockedVault, Person, PersonName, Share, ShareError,
    SiteVault, VaultPublicKey, VaultSecretKey, envelope_key,
};

#[cfg(test)]
mod tests;
