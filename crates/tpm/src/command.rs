//! The commands (TPM 2.0 Library, Part 3), with the empty password that owner and key have.

use crate::key::{self, WrappedKey};
use crate::wire::Writer;

const NO_SESSIONS: u16 = 0x8001;
const SESSIONS: u16 = 0x8002;

const CREATE_PRIMARY: u32 = 0x131;
const CREATE: u32 = 0x153;
const LOAD: u32 = 0x157;
const SIGN: u32 = 0x15d;
const FLUSH_CONTEXT: u32 = 0x165;

/// The hierarchy of the device's owner.
pub(crate) const OWNER: u32 = 0x4000_0001;
const NOBODY: u32 = 0x4000_0007;
const PASSWORD: u32 = 0x4000_0009;
const HASH_CHECK: u16 = 0x8024;
const NO_SCHEME: u16 = 0x0010;

/// What a TPM has loaded, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle(pub(crate) u32);

impl Handle {
    /// Nothing is loaded under this number.
    pub const NONE: Self = Self(NOBODY);
}

/// Makes the owner's storage key anew: the same one each time, from a seed that stays in the TPM
/// until its owner clears it. Answered with a handle.
#[must_use]
pub fn create_primary() -> Vec<u8> {
    let made = made_of(&key::storage());
    command(SESSIONS, CREATE_PRIMARY, &[OWNER], &made)
}

/// Makes a key of our kind under the storage key. Answered with a wrapped key.
#[must_use]
pub fn create(parent: Handle) -> Vec<u8> {
    let made = made_of(&key::template());
    command(SESSIONS, CREATE, &[parent.0], &made)
}

/// Loads a wrapped key. Answered with a handle.
#[must_use]
pub fn load(parent: Handle, key: &WrappedKey) -> Vec<u8> {
    let parts = Writer::default().sized(key.private()).sized(key.public());
    command(SESSIONS, LOAD, &[parent.0], &parts.done())
}

/// Signs a SHA-256 digest with ECDSA. Answered with a signature.
#[must_use]
pub fn sign(key: Handle, digest: &[u8; 32]) -> Vec<u8> {
    let asked = Writer::default()
        .sized(digest)
        // The key says the scheme itself.
        .u16(NO_SCHEME)
        // That the TPM has hashed it is asked of restricted keys only.
        .u16(HASH_CHECK)
        .u32(NOBODY)
        .sized(&[]);
    command(SESSIONS, SIGN, &[key.0], &asked.done())
}

/// Gives up what was loaded.
#[must_use]
pub fn flush(loaded: Handle) -> Vec<u8> {
    command(NO_SESSIONS, FLUSH_CONTEXT, &[loaded.0], &[])
}

/// An object with an empty password and no data of ours, bound to no register.
fn made_of(public: &[u8]) -> Vec<u8> {
    let sensitive = Writer::default().sized(&[]).sized(&[]).done();
    let asked = Writer::default().sized(&sensitive).sized(public);
    asked.sized(&[]).u32(0).done()
}

fn command(tag: u16, code: u32, handles: &[u32], parameters: &[u8]) -> Vec<u8> {
    let mut body = Writer::default();
    for handle in handles {
        body = body.u32(*handle);
    }
    if tag == SESSIONS {
        let session = Writer::default().u32(PASSWORD).sized(&[]).u8(0).sized(&[]);
        let session = session.done();
        let length = u32::try_from(session.len()).unwrap_or(u32::MAX);
        body = body.u32(length).raw(&session);
    }
    let body = body.raw(parameters).done();
    let length = u32::try_from(body.len() + 10).unwrap_or(u32::MAX);
    let head = Writer::default().u16(tag).u32(length).u32(code);
    head.raw(&body).done()
}
