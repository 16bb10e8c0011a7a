//! The byte layout of a sealed batch.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic `SEKISHO` and the layout version, `01` |
//! | 4 | length of the header, big endian, at most 64 KiB |
//! | … | header, CBOR: format, suite, site, sequence, 1 to 4 recipients (key id, encapsulated key of 1,120 bytes, wrapped file key of 48), signer key id, body salt (32) |
//! | 4 | length of the manifest, big endian, at most 1 MiB |
//! | … | manifest, CBOR: see [`crate::Manifest`] |
//! | 64 | Ed25519 signature by the site over the text `sekisho batch v1`, a zero byte, SHA-256 of the header's bytes, and the manifest's bytes |
//! | rest | body: zstd of a sequence of CBOR items, one for each subject, encrypted in chunks; where the manifest counts erasures, a list of subject references stands before them |
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
//! The manifest holds the length and SHA-256 of the encrypted body. So the signature covers every
//! byte, and a front or an archive can check a whole batch without being able to open it.

use crate::error::OpenError;
use crate::signing::SIGNATURE;

/// The first bytes of every sealed batch: a name and the layout version.
pub const MAGIC: &[u8; 8] = b"SEKISHO\x01";
/// Most bytes of a header.
pub const HEADER_MAX: usize = 64 << 10;
/// Most bytes of a manifest.
pub const MANIFEST_MAX: usize = 1 << 20;
/// Bytes from the start within which every header ends, see [`crate::peek`].
pub const PREFIX_MAX: usize = MAGIC.len() + 4 + HEADER_MAX;

/// What the site signs before the digest of the header and the manifest.
pub(crate) const SIGN_DOMAIN: &[u8] = b"sekisho batch v1\0";

/// The parts of a batch, as bytes.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) manifest: &'a [u8],
    pub(crate) signature: &'a [u8; SIGNATURE],
    pub(crate) body: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(crate) fn split(bytes: &'a [u8]) -> Result<Self, OpenError> {
        let (header, rest) = split_header(bytes)?;
        let (manifest, rest) = sized(rest, MANIFEST_MAX)?;
        let (signature, body) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
        Ok(Self {
            header,
            manifest,
            signature,
            body,
        })
    }

    pub(crate) fn join(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(
            MAGIC.len() + 8 + self.header.len() + self.manifest.len() + SIGNATURE + self.body.len(),
        );
        bytes.extend_from_slice(MAGIC);
        for part in [self.header, self.manifest] {
            // Both are bounded far below 4 GiB before they come here.
            bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(self.signature);
        bytes.extend_from_slice(self.body);
        bytes
    }
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
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(OpenError::Truncated)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| OpenError::TooLarge)?;
    if length > most {
        return Err(OpenError::TooLarge);
    }
    rest.split_at_checked(length).ok_or(OpenError::Truncated)
}
