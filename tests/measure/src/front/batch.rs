//! Sealed batches of any site, as gateways seal them.

use anyhow::{Context as _, Result};
use envelope::{Body, CoreSecretKey, Sealed, SigningKey, seal_body};
use privacy::gate::{GateEvidence, Tally, Withheld};
use privacy::separate::Erasure;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;
use record::{SiteId, SubjectRef};

use crate::seal::draft;
use crate::stages::gate;

/// Seals.
pub(super) struct Sealer {
    core: CoreSecretKey,
    signer: SigningKey,
    evidence: GateEvidence,
}

impl Sealer {
    /// Keys of nobody.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            core: CoreSecretKey::from_seed([4; 32])?,
            signer: SigningKey::from_seed([3; 32])?,
            evidence: gate(&[])?.evidence(&Tally::default()).context("evidence")?,
        })
    }

    /// A batch of about so many bytes that do not compress.
    pub(super) fn seal(
        &self,
        site: &SiteId,
        sequence: u64,
        bytes: usize,
        random: &mut ChaCha20Rng,
    ) -> Result<Sealed> {
        let mut plain = vec![0; bytes];
        random.fill_bytes(&mut plain);
        let of = |bytes: &[u8; 16]| Erasure::of(SubjectRef::new(*bytes), Withheld::Stopped);
        let erasures = plain.as_chunks::<16>().0.iter().map(of);
        let erasures: Vec<_> = erasures.collect::<Option<_>>().context("stopped")?;
        let body = Body {
            erasures: &erasures,
            ..Body::default()
        };
        let draft = draft(site.clone(), sequence, &self.evidence);
        Ok(seal_body(
            draft,
            body,
            self.core.public(),
            &self.signer,
            random,
        )?)
    }
}
