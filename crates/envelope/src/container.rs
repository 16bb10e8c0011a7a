//! The byte layout of a sealed batch.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic `SEKISHO` and the layout version, `01` |
//! | 4 | length of the header, big endian, at most 64 KiB |
//! | … | header, CBOR: format, suite, site, sequence, 1 to 4 recipients (key id, encapsulated key of 1,120 bytes, wrapped file key of 48), signer key id, body salt (32) |
//! | … | body: a zstd frame of a sequence of CBOR items, one for each subject, encrypted in chunks; where the manifest counts erasures, a list of subject references stands before them |
//! | … | manifest, CBOR: see [`crate::Manifest`] |
//! | 64 | Ed25519 signature by the site over the text `sekisho batch v1`, a zero byte, SHA-256 of the header's bytes, and the manifest's bytes |
//! | 4 | length of the manifest, big endian, at most 1 MiB |
//!
//! The body is encrypted with AES-256-GCM in chunks of 64 KiB, the last one shorter, each followed
//! by its 16-byte tag (the STREAM construction): the nonce of a chunk is its number in 11 bytes,
//! big endian, and a byte that is 1 for the last chunk and 0 before, so that chunks cannot be
//! reordered, dropped or appended. Every chunk authenticates SHA-256 of the header's bytes.
//!
//! The key of the body is HKDF-SHA-256 of the file key, salted with the body salt, which is
//! HMAC-SHA-256 of the compressed body under the file key. The file key is drawn for every batch.
//! Should a broken random source give the same file key twice, different bodies still get
//! different keys, so that no nonce is ever used twice under one key (B-114).
//!
//! The manifest holds the length of the body and SHA-256 of every byte before the manifest. So the
//! signature covers every byte, and a front or an archive can check a whole batch without being
//! able to open it. The manifest stands behind the body because the digest that it holds is then
//! a state of the digest that names the batch: one pass over the bytes gives both.

use std::convert::Infallible;

use crate::digest::Sha256;
use crate::error::OpenError;
use crate::signing::SIGNATURE;

/// The first bytes of every sealed batch: a name and the layout version.
pub const MAGIC: &[u8; 8] = b"SEKISHO\x01";
/// Most bytes of a header.
pub const HEADER_MAX: usize = 64 << 10;
/// Most bytes of a manifest.
pub const MANIFEST_MAX: usize = 1 << 20;
/// Bytes from the start within which every header ends, see [`crate::peek`].
pub const PREFIX_MAX: usize = MAGIC.len() + LENGTH + HEADER_MAX;
/// Bytes of a length.
const LENGTH: usize = 4;

/// What the site signs before the digest of the header and the manifest.
pub(crate) const SIGN_DOMAIN: &[u8] = b"sekisho batch v1\0";

/// The parts of a batch, as bytes.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) manifest: &'a [u8],
    pub(crate) signature: &'a [u8; SIGNATURE],
}

impl<'a> Parts<'a> {
    pub(crate) fn split(bytes: &'a [u8]) -> Result<Self, OpenError> {
        let (header, rest) = split_header(bytes)?;
        let (rest, length) = rest.split_last_chunk().ok_or(OpenError::Truncated)?;
        let length = bounded(*length, MANIFEST_MAX)?;
        let (rest, signature) = rest.split_last_chunk().ok_or(OpenError::Truncated)?;
        let body = rest.len().checked_sub(length);
        let (body, manifest) = body
            .and_then(|body| rest.split_at_checked(body))
            .ok_or(OpenError::Truncated)?;
        Ok(Self {
            header,
            body,
            manifest,
            signature,
        })
    }

    /// How many bytes stand before the manifest.
    pub(crate) fn before_manifest(&self) -> usize {
        MAGIC.len() + LENGTH + self.header.len() + self.body.len()
    }
}

/// A batch that is being written, and its digest: bytes are digested while they are still in the
/// processor's cache.
pub(crate) struct Writer {
    bytes: Vec<u8>,
    digest: Sha256,
    digested: usize,
}

impl Writer {
    /// Begins with the header; the batch will have about so many bytes behind it.
    pub(crate) fn new(header: &[u8], behind: usize) -> Self {
        let mut bytes = Vec::with_capacity(MAGIC.len() + LENGTH + header.len() + behind);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&length_of(header));
        bytes.extend_from_slice(header);
        Self {
            bytes,
            digest: Sha256::new(),
            digested: 0,
        }
    }

    /// Adds what `write` appends, and leaves everything before it as it is.
    pub(crate) fn add<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        write(&mut self.bytes)?;
        let new = self.bytes.get(self.digested..).unwrap_or_default();
        self.digest.update(new);
        self.digested = self.bytes.len();
        Ok(())
    }

    /// SHA-256 of the bytes so far.
    pub(crate) fn so_far(&self) -> [u8; 32] {
        self.digest.clone().finish()
    }

    /// Ends the batch. Gives its bytes and their SHA-256.
    pub(crate) fn finish(
        mut self,
        manifest: &[u8],
        signature: &[u8; SIGNATURE],
    ) -> (Vec<u8>, [u8; 32]) {
        let Ok(()) = self.add(|bytes| {
            bytes.extend_from_slice(manifest);
            bytes.extend_from_slice(signature);
            bytes.extend_from_slice(&length_of(manifest));
            Ok::<_, Infallible>(())
        });
        (self.bytes, self.digest.finish())
    }
}

/// Parts are bounded far below 4 GiB before they come here.
fn length_of(part: &[u8]) -> [u8; LENGTH] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// The header's bytes and everything behind them.
pub(crate) fn split_header(bytes: &[u8]) -> Result<(&[u8], &[u8]), OpenError> {
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(OpenError::Truncated)?;
    if magic != MAGIC {
        let same_name = magic.iter().zip(MAGIC).take(7).all(|(a, b)| a == b);
        return Err(if same_name {
            OpenError::UnknownFormat
        } else {
            OpenError::Magic
        });
    }
    sized(rest, HEADER_MAX)
}

fn sized(bytes: &[u8], most: usize) -> Result<(&[u8], &[u8]), OpenError> {
    let (length, rest) = bytes.split_first_chunk().ok_or(OpenError::Truncated)?;
    rest.split_at_checked(bounded(*length, most)?)
        .ok_or(OpenError::Truncated)
}

fn bounded(length: [u8; LENGTH], most: usize) -> Result<usize, OpenError> {
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| OpenError::TooLarge)?;
    (length <= most)
        .then_some(length)
        .ok_or(OpenError::TooLarge)
}
