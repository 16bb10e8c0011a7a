//! A key as it lies outside the TPM: its public part, and its private part sealed by the storage
//! key, which only the TPM that made it opens.
//!
//! The file is that of `TSS2 PRIVATE KEY` (draft-bottomley-tpm2-keys), which other programs read as
//! well, in PEM.

use std::fmt;

use crate::command::OWNER;
use crate::der;
use crate::wire::{Reader, Writer};

const ECC: u16 = 0x0023;
const SHA256: u16 = 0x000b;
const AES: u16 = 0x0006;
const CFB: u16 = 0x0043;
const ECDSA: u16 = 0x0018;
const NOTHING: u16 = 0x0010;
const P256: u16 = 0x0003;

/// `fixedTPM | fixedParent | sensitiveDataOrigin | userWithAuth | noDA`: made in this TPM, never to
/// leave it, under an empty password that no wrong guess can lock.
const KEPT: u32 = 0x2 | 0x10 | 0x20 | 0x40 | 0x400;
const RESTRICTED_DECRYPT: u32 = 0x1_0000 | 0x2_0000;
const SIGN: u32 = 0x4_0000;

const LABEL: &str = "TSS2 PRIVATE KEY";
/// 2.23.133.10.1.3, a key that can be loaded.
const LOADABLE: [u8; 8] = [0x06, 0x06, 0x67, 0x81, 0x05, 0x0a, 0x01, 0x03];
/// `[0] EXPLICIT BOOLEAN TRUE`: its password is empty.
const EMPTY_AUTH: [u8; 5] = [0xa0, 0x03, 0x01, 0x01, 0xff];
const OCTETS: u8 = 0x04;
/// Longest wrapped part of a key of P-256, with room to spare.
const PART_MAX: usize = 512;

/// `ecPublicKey` on `prime256v1`, then a bit string of an uncompressed point.
const SPKI_HEAD: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// The owner's storage key, as the draft names it (ECC P-256, AES-128-CFB).
pub(crate) fn storage() -> Vec<u8> {
    Writer::default()
        .u16(ECC)
        .u16(SHA256)
        .u32(KEPT | RESTRICTED_DECRYPT)
        .sized(&[])
        .u16(AES)
        .u16(128)
        .u16(CFB)
        .u16(NOTHING)
        .u16(P256)
        .u16(NOTHING)
        .sized(&[])
        .sized(&[])
        .done()
}

/// A key of ours up to its point: it signs by ECDSA over SHA-256, and does nothing else.
fn kind() -> Vec<u8> {
    Writer::default()
        .u16(ECC)
        .u16(SHA256)
        .u32(KEPT | SIGN)
        .sized(&[])
        .u16(NOTHING)
        .u16(ECDSA)
        .u16(SHA256)
        .u16(P256)
        .u16(NOTHING)
        .done()
}

pub(crate) fn template() -> Vec<u8> {
    [kind(), vec![0; 4]].concat()
}

/// A block of PEM, as it is written everywhere here.
pub(crate) fn encoded(block: &pem::Pem) -> String {
    let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(block, lines)
}

/// What is wrong with a stored key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("not a stored key of a TPM")]
    Form,
    /// It is of another kind: it might be exported, or do more than sign.
    #[error("a key of another kind than ours")]
    Kind,
}

/// A key of this kind: P-256, made in a TPM, for signing only, not to be exported.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    public: Vec<u8>,
    private: Vec<u8>,
    spki: [u8; 91],
}

impl WrappedKey {
    /// From the TPM's two parts (`TPMT_PUBLIC` and `TPM2B_PRIVATE` without its length).
    pub(crate) fn new(public: Vec<u8>, private: Vec<u8>) -> Result<Self, KeyError> {
        let kind = kind();
        let rest = public.strip_prefix(kind.as_slice()).ok_or(KeyError::Kind)?;
        let mut point = Reader(rest);
        let mut coordinate = || -> Result<[u8; 32], KeyError> {
            let bytes = point.sized().map_err(|_| KeyError::Form)?;
            // Some TPMs leave zeros at the front away.
            let gap = 32_usize.checked_sub(bytes.len()).ok_or(KeyError::Form)?;
            let padded = [&[0; 32].as_slice()[..gap], bytes].concat();
            padded.try_into().map_err(|_| KeyError::Form)
        };
        let (x, y) = (coordinate()?, coordinate()?);
        point.end().map_err(|_| KeyError::Form)?;
        if private.is_empty() || private.len() > PART_MAX {
            return Err(KeyError::Form);
        }
        let spki = [SPKI_HEAD.as_slice(), &x, &y].concat();
        let spki = spki.try_into().map_err(|_| KeyError::Form)?;
        Ok(Self {
            public,
            private,
            spki,
        })
    }

    /// Reads one from a text in PEM, whatever else stands in it; `None` where there is none.
    ///
    /// # Errors
    /// There is one that cannot be read, or is of another kind.
    pub fn from_pem(text: &[u8]) -> Result<Option<Self>, KeyError> {
        if !text.windows(LABEL.len()).any(|it| it == LABEL.as_bytes()) {
            return Ok(None);
        }
        let blocks = pem::parse_many(text).map_err(|_| KeyError::Form)?;
        let found = blocks.iter().find(|block| block.tag() == LABEL);
        found.map(|it| Self::from_der(it.contents())).transpose()
    }

    /// The same as text in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        encoded(&pem::Pem::new(LABEL, self.to_der()))
    }

    /// Reads `TPMKey`.
    ///
    /// # Errors
    /// The bytes are none, or of a key of another kind.
    pub fn from_der(bytes: &[u8]) -> Result<Self, KeyError> {
        let parts = || {
            let rest = der::whole(bytes)?.strip_prefix(LOADABLE.as_slice())?;
            let rest = rest.strip_prefix(EMPTY_AUTH.as_slice())?;
            let rest = rest.strip_prefix(der::integer(&OWNER.to_be_bytes()).as_slice())?;
            let (public, rest) = der::expect(OCTETS, rest)?;
            let (private, rest) = der::expect(OCTETS, rest)?;
            let mut fields = [Reader(public), Reader(private)];
            let [public, private] = fields.each_mut().map(|it| it.sized().ok());
            let done = rest.is_empty() && fields.into_iter().all(|it| it.end().is_ok());
            done.then_some((public?.to_vec(), private?.to_vec()))
        };
        let (public, private) = parts().ok_or(KeyError::Form)?;
        Self::new(public, private)
    }

    /// The same as `TPMKey`.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let octets = |part: &[u8]| der::element(OCTETS, &Writer::default().sized(part).done());
        let fields = [
            LOADABLE.to_vec(),
            EMPTY_AUTH.to_vec(),
            der::integer(&OWNER.to_be_bytes()),
            octets(&self.public),
            octets(&self.private),
        ];
        der::sequence(&fields.concat())
    }

    /// The public key as in X.509 (`SubjectPublicKeyInfo`).
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The point, uncompressed, 65 bytes.
    #[must_use]
    pub fn point(&self) -> &[u8] {
        self.spki.split_at(SPKI_HEAD.len() - 1).1
    }

    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    pub(crate) fn private(&self) -> &[u8] {
        &self.private
    }
}

/// The private part is sealed, but nobody has a use for it in a log.
impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappedKey")
    }
}
