//! The manifest: what a batch holds in numbers, why it could leave, and where it stands in the
//! site's chain. Signed by the site, readable without the core's key, free of any person.

use std::collections::BTreeMap;

use privacy::gate::GateEvidence;
use privacy::tokens::FilterParameters;
use record::{DataKind, Quality, ResourceKind, SiteId};
use serde::{Deserialize, Serialize};

use crate::error::OpenError;
use crate::octets;

/// By which closed network a batch travels, as the site declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TransportProfile {
    /// 専用線
    #[serde(rename = "leased-line")]
    LeasedLine,
    /// 閉域 IP-VPN
    #[serde(rename = "ip-vpn")]
    IpVpn,
    /// IPsec-VPN with IKEv2
    #[serde(rename = "ipsec")]
    Ipsec,
    /// A test on loopback or a laboratory network; the core takes it only if told so.
    #[serde(rename = "laboratory")]
    Laboratory,
}

impl TransportProfile {
    /// The name as settings and reports write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeasedLine => "leased-line",
            Self::IpVpn => "ip-vpn",
            Self::Ipsec => "ipsec",
            Self::Laboratory => "laboratory",
        }
    }
}

/// What the site says about a batch before it is sealed.
#[derive(Debug, Clone)]
pub struct ManifestDraft {
    /// The site that seals.
    pub site: SiteId,
    /// The number of the batch in the site's chain, from 1.
    pub sequence: u64,
    /// The manifest digest of the batch before, see [`crate::Sealed::manifest_digest`]; `None` for
    /// the first.
    pub previous: Option<[u8; 32]>,
    /// When, in seconds since 1970-01-01T00:00:00Z.
    pub sealed_at: i64,
    /// Why the content could leave.
    pub gate: GateEvidence,
    /// By which network it travels.
    pub transport: TransportProfile,
    /// Version of the mapping from source formats to the vocabulary.
    pub mapping: u16,
    /// The quality of what was read for the batch, in counts.
    pub quality: Quality,
    /// How far the site's transfer ledger went; `None` before its first line.
    pub transfers: Option<LedgerEnd>,
}

/// What a batch is and holds. Counts are taken from the content by [`crate::seal()`] and checked
/// against it by [`crate::open()`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of header and manifest.
    pub format: u16,
    /// The site that sealed.
    pub site: SiteId,
    /// The number of the batch in the site's chain, from 1.
    pub sequence: u64,
    /// The manifest digest of the batch before; `None` for the first.
    #[serde(with = "octets::optional")]
    pub previous: Option<[u8; 32]>,
    /// When, in seconds since 1970-01-01T00:00:00Z.
    pub sealed_at: i64,
    /// Why the content could leave.
    pub gate: GateEvidence,
    /// By which network it travels.
    pub transport: TransportProfile,
    /// Version of the mapping from source formats to the vocabulary.
    pub mapping: u16,
    /// Version of the normalisation under the linkage tokens; 0 without subjects.
    pub normaliser: u16,
    /// Epoch of the key of the linkage tokens; 0 without subjects.
    pub token_epoch: u16,
    /// Epoch of the tokens that every subject has besides, while the site changes its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_epoch: Option<u16>,
    /// How the filters among the linkage tokens are made; absent without subjects, and in batches
    /// from before it was stated, whose filters are made in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<FilterParameters>,
    /// Number of subjects.
    pub subjects: u64,
    /// Number of documents by kind, withdrawn ones included.
    pub documents: BTreeMap<DataKind, u64>,
    /// Number of documents that withdraw an earlier one.
    pub withdrawn: u64,
    /// Number of records by kind.
    pub records: BTreeMap<ResourceKind, u64>,
    /// Number of subjects of whom everything that came before is to be erased.
    #[serde(default, skip_serializing_if = "none")]
    pub erased: u64,
    /// Number of subjects with an identity envelope.
    #[serde(default, skip_serializing_if = "none")]
    pub envelopes: u64,
    /// Number of staff tokens in the documents.
    #[serde(default, skip_serializing_if = "none")]
    pub staff: u64,
    /// Number of codes of institutions among those who took part.
    #[serde(default, skip_serializing_if = "none")]
    pub institutions: u64,
    /// Number of lines of the site dictionary.
    #[serde(default, skip_serializing_if = "none")]
    pub terms: u64,
    /// The quality of what was read for the batch, in counts: the site's word, since most
    /// of what it counts is not in the content.
    #[serde(default)]
    pub quality: Quality,
    /// How far the site's transfer ledger went when the batch was sealed, and its last
    /// lines; absent before its first line, and in batches from before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfers: Option<LedgerEnd>,
    /// The encrypted body, and the header before it.
    pub body: BodySeal,
}

/// A batch without erasures, envelopes or participants has the bytes that it had before there were
/// any.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn none(count: &u64) -> bool {
    *count == 0
}

impl Manifest {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, OpenError> {
        serde_cbor::from_slice(bytes).map_err(|_| OpenError::Decode)
    }
}

/// Most bytes of [`LedgerEnd::lines`]; what is left comes with later batches.
pub const LEDGER_LINES_MAX: usize = 256 << 10;

/// How far a transfer ledger was told (`docs/transfer-ledger.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEnd {
    /// The number of the last line that was told.
    pub entries: u64,
    /// The digest of that line.
    #[serde(with = "octets")]
    pub digest: [u8; 32],
    /// The lines up to that one, as they stand in the ledger, from behind the end that an earlier
    /// batch told. Some were told before, so that a batch which is lost takes none with it. Absent
    /// where there are none, and in batches from before they were told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lines: String,
}

/// What stands before the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodySeal {
    /// Bytes of the encrypted body.
    pub len: u64,
    /// SHA-256 of every byte before the manifest: of the batch's first bytes, the header and the
    /// encrypted body.
    #[serde(with = "octets")]
    pub sha256: [u8; 32],
}
