//! Taking in what a site brought on a sealed medium: each batch goes the way of one that
//! came by the line, and its receipt goes back on the medium. Repeating it brings nothing new.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use envelope::{BUNDLE_INDEX_MAX, BundleIndex, Bundled, VerifyingKey, sha256};
use record::{BatchId, SiteId};

use crate::front::settings::Settings;
use crate::front::store::{Chunk, State, Store, write_whole};

/// Takes in a bundle.
#[derive(Debug, Args)]
pub(crate) struct ImportBundle {
    /// Settings file of the front (TOML).
    #[arg(long)]
    config: PathBuf,
    /// The bundle's folder on the medium: `sekisho-bundle-…`.
    #[arg(long)]
    from: PathBuf,
    /// The site's public key of manifests (`sekisho-verifying-v1`).
    #[arg(long)]
    site_key: PathBuf,
}

impl ImportBundle {
    /// Stores every batch and writes the receipts beside them.
    ///
    /// # Errors
    /// The bundle is not the site's, was changed, or cannot be stored; what was stored stays.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let settings = Settings::load(&self.config)?;
        let receipts = settings.folders.receipts.clone();
        let store = Store::open(&settings)?.for_media();
        let key: VerifyingKey = fs::read_to_string(&self.site_key)
            .context("site key")?
            .trim()
            .parse()
            .ok()
            .context("site key: not a public key of manifests")?;
        let signed = read(&self.from.join("index"), BUNDLE_INDEX_MAX as u64).context("index")?;
        let index = BundleIndex::verify(&signed, &key)?;
        let marker = receipts
            .join(index.site.as_str())
            .join(format!("bundle-{}.imported", index.seal));
        let known = first_time(&marker, &signed)?;
        let mut new = 0;
        for batch in &index.batches {
            new += u64::from(self.take(&store, &index.site, batch)?);
        }
        write_whole(&marker, &sha256(&signed)).context("marker")?;
        let all = index.batches.len();
        let again = if known { " (imported before)" } else { "" };
        let seal = &index.seal;
        writeln!(
            io::stderr(),
            "封印 {seal}: 束 {all} 個、新しいもの {new} 個\n\
             seal {seal}: {all} batches, {new} of them new{again}"
        )?;
        Ok(())
    }

    /// Stores one batch and writes its receipt. Gives whether it was new.
    fn take(&self, store: &Store, site: &SiteId, batch: &Bundled) -> anyhow::Result<bool> {
        let told = || format!("batch {}", batch.sequence);
        let refused = |refusal| anyhow::anyhow!("{}: {refusal}", told());
        let (reached, new) = match store.state(site, batch.id).map_err(refused)? {
            State::Stored(receipt) => return self.receipt(batch.id, &receipt).map(|()| false),
            State::Partial(offset) => (offset, true),
            State::Absent => (0, true),
        };
        let bytes = read(&self.from.join(batch.file_name()), batch.bytes).with_context(told)?;
        ensure!(
            sha256(&bytes) == *batch.id.as_bytes(),
            "{}: changed",
            told()
        );
        let start = usize::try_from(reached)?;
        let chunk = Chunk {
            offset: reached,
            length: batch.bytes,
            bytes: bytes.get(start..).unwrap_or_default(),
            digest: batch.id,
        };
        let stored = store
            .append(site, batch.id, &chunk)
            .map_err(|(refusal, _)| refused(refusal))?;
        match stored {
            State::Stored(receipt) => self.receipt(batch.id, &receipt).map(|()| new),
            State::Partial(_) | State::Absent => bail!("{}: not stored", told()),
        }
    }

    fn receipt(&self, id: BatchId, receipt: &[u8]) -> anyhow::Result<()> {
        let path = self.from.join("receipts").join(format!("{id}.receipt"));
        write_whole(&path, receipt).context("receipt")
    }
}

/// Whether a bundle under this seal was imported before. Another one under the same seal is not.
fn first_time(marker: &Path, signed: &[u8]) -> anyhow::Result<bool> {
    match fs::read(marker) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("marker"),
        Ok(digest) if digest == sha256(signed) => Ok(true),
        Ok(_) => bail!("another bundle was imported under this seal"),
    }
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}
