//! Sealing one batch as large as it may become in content that does not compress, beside the bare
//! cipher over as many bytes, and beside the cipher and one SHA-256 over what it made, which is the
//! least of anything that others can check without a key. All on one core.

use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use envelope::{
    Body, CoreSecretKey, ManifestDraft, SigningKey, TransportProfile, seal_body, sha256,
};
use privacy::gate::{GateEvidence, Tally, Withheld};
use privacy::separate::Erasure;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use record::{SiteId, SubjectRef};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};

use crate::stages::gate;

/// What the command takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many batches are sealed.
    #[arg(long, default_value_t = 20)]
    batches: u32,
    /// Where to write down as many bytes for another program.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// References of a batch: random bytes, as many as one may have.
const REFERENCES: usize = 200_000;
const CHUNK: usize = 64 << 10;

/// Seals, encrypts without anything else, and encrypts and digests.
///
/// # Errors
/// A batch cannot be sealed, or the bytes cannot be written down.
pub(crate) fn seal(arguments: &Arguments) -> Result<Value> {
    let mut random = ChaCha20Rng::seed_from_u64(20_261_129);
    let mut plain = vec![0; REFERENCES * 16];
    random.fill_bytes(&mut plain);
    if let Some(path) = &arguments.write {
        fs::write(path, plain.repeat(usize::try_from(arguments.batches)?))?;
    }
    let of = |bytes: &[u8; 16]| Erasure::of(SubjectRef::new(*bytes), Withheld::Stopped);
    let erasures = plain.as_chunks::<16>().0.iter().map(of);
    let erasures: Vec<_> = erasures.collect::<Option<_>>().context("stopped")?;
    let (core, signer) = (
        CoreSecretKey::from_seed([4; 32])?,
        SigningKey::from_seed([3; 32])?,
    );
    let evidence = gate(&[])?.evidence(&Tally::default()).context("evidence")?;
    let started = Instant::now();
    for sequence in 1..=arguments.batches {
        let body = Body {
            erasures: &erasures,
            ..Body::default()
        };
        let draft = draft("BENCH".parse()?, u64::from(sequence), &evidence);
        black_box(seal_body(draft, body, core.public(), &signer, &mut random)?);
    }
    let sealed = started.elapsed().as_secs_f64();
    let started = Instant::now();
    for _ in 0..arguments.batches {
        black_box(encrypt(black_box(&plain))?);
    }
    let bare = started.elapsed().as_secs_f64();
    let started = Instant::now();
    for _ in 0..arguments.batches {
        let body = encrypt(black_box(&plain))?;
        black_box(sha256(&body));
    }
    let checkable = started.elapsed().as_secs_f64();
    let megabytes = f64::from(arguments.batches) * plain.len() as f64 / 1e6;
    Ok(json!({
        "sealed_megabytes_per_second": megabytes / sealed,
        "cipher_megabytes_per_second": megabytes / bare,
        "cipher_and_digest_megabytes_per_second": megabytes / checkable,
        "megabytes": megabytes,
    }))
}

/// AES-256-GCM by ring, chunk by chunk into a new place, as a body is.
fn encrypt(plain: &[u8]) -> Result<Vec<u8>> {
    let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).map(LessSafeKey::new);
    let key = key.ok().context("key")?;
    let mut body = Vec::with_capacity(plain.len() + plain.len() / CHUNK * 16 + 16);
    for (number, chunk) in plain.chunks(CHUNK).enumerate() {
        let start = body.len();
        body.extend_from_slice(chunk);
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let chunk = body.get_mut(start..).context("chunk")?;
        let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), chunk);
        body.extend_from_slice(tag.ok().context("tag")?.as_ref());
    }
    Ok(body)
}

/// What stands in the manifest of a batch of a site.
pub(crate) fn draft(site: SiteId, sequence: u64, gate: &GateEvidence) -> ManifestDraft {
    ManifestDraft {
        site,
        sequence,
        previous: None,
        sealed_at: 1_788_000_000,
        gate: gate.clone(),
        transport: TransportProfile::Laboratory,
        mapping: 1,
        quality: Default::default(),
        transfers: None,
    }
}
