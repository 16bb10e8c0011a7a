//! Keys: read once from the files that the settings name (systemd credentials), held in types that
//! do not print and are wiped when dropped.

use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use envelope::{
    CorePublicKey, EvaluationPublicKey, KeyError, MacKey, SigningKey, SiteVault, VerifyingKey,
};
use privacy::Prf;
use privacy::separate::{ParticipantRules, SiteKeys, Vault};
use privacy::tokens::{EpochKey, Evaluated, HeldKey};
use zeroize::Zeroizing;

use crate::error::{Failure, Problem};
use crate::evaluation::Answers;

/// The keys of this gateway.
pub(crate) struct Keys {
    /// Make linkage tokens; all sites share them.
    pub(crate) tokens: TokenKeys,
    /// Makes this site's references.
    pub(crate) site: MacKey,
    /// Signs manifests.
    pub(crate) signing: SigningKey,
    /// Seals batches for the core.
    pub(crate) core: CorePublicKey,
    /// The core's next key, while it changes.
    pub(crate) core_next: Option<CorePublicKey>,
    /// Verify receipts: the front's key, and the one before while it changes.
    pub(crate) receipts: Vec<VerifyingKey>,
    /// Seals identities, for contracts that say so.
    pub(crate) vault: Option<SiteVault>,
    /// Makes staff tokens, for contracts that have them.
    pub(crate) staff: Option<MacKey>,
    /// Makes tokens of the numbers that a municipality gives its residents.
    pub(crate) municipality: Option<MacKey>,
}

impl Keys {
    /// Reads every key.
    ///
    /// # Errors
    /// A file is missing, or is not a key of its kind.
    pub(crate) fn load(settings: &config::gateway::Settings) -> Result<Self, Failure> {
        let files = &settings.keys;
        let site: MacKey = key(&files.site)?;
        let vault = files.vault.as_deref().map(|path| -> Result<_, Failure> {
            Ok(SiteVault {
                key: key(path)?,
                site: settings.site.clone(),
                site_key: site.clone(),
            })
        });
        let municipality = settings.source.municipality.as_ref();
        Ok(Self {
            municipality: municipality.map(|it| key(&it.key)).transpose()?,
            vault: vault.transpose()?,
            staff: files.staff.as_deref().map(key).transpose()?,
            tokens: TokenKeys::load(files)?,
            site,
            signing: key(&files.signing)?,
            core: key(&files.core)?,
            core_next: files.core_next.as_deref().map(key).transpose()?,
            receipts: keys(&settings.front.receipt_key)?,
        })
    }
}

/// The key of linkage tokens in use and, while the fleet changes to another, the next one.
#[derive(Clone)]
pub(crate) struct TokenKeys {
    now: TokenKey,
    next: Option<TokenKey>,
}

/// A key of linkage tokens and its epoch.
#[derive(Clone)]
pub(crate) struct TokenKey {
    pub(crate) epoch: u16,
    pub(crate) key: TokenMaker,
}

/// Who has the key: this device, or a service of the centre, of which it knows the public half.
#[derive(Clone)]
pub(crate) enum TokenMaker {
    Held(Arc<HeldKey<MacKey>>),
    Served(EvaluationPublicKey),
}

impl TokenMaker {
    /// The key itself.
    pub(crate) fn held(key: MacKey) -> Self {
        Self::Held(Arc::new(HeldKey::new(key)))
    }
}

impl FromStr for TokenMaker {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        match text.parse() {
            Ok(key) => Ok(Self::held(key)),
            Err(KeyError::Kind) => text.parse().map(Self::Served),
            Err(error) => Err(error),
        }
    }
}

impl TokenKey {
    fn for_separation<'a>(&'a self, answers: &'a Evaluated) -> EpochKey<'a> {
        match &self.key {
            TokenMaker::Held(key) => EpochKey::new(self.epoch, key.as_ref()),
            TokenMaker::Served(_) => EpochKey::new(self.epoch, answers),
        }
    }

    fn served(&self) -> Option<(u16, &EvaluationPublicKey)> {
        match &self.key {
            TokenMaker::Held(_) => None,
            TokenMaker::Served(key) => Some((self.epoch, key)),
        }
    }
}

impl TokenKeys {
    /// The keys of one or two epochs.
    #[cfg(test)]
    pub(crate) const fn new(now: TokenKey, next: Option<TokenKey>) -> Self {
        Self { now, next }
    }

    fn load(files: &config::gateway::Keys) -> Result<Self, Failure> {
        let at = |path, epoch| key(path).map(|key| TokenKey { epoch, key });
        let next = files.next.as_ref();
        Ok(Self {
            now: at(&files.token, files.token_epoch)?,
            next: next
                .map(|next| at(&next.token, next.token_epoch))
                .transpose()?,
        })
    }

    /// What separation takes, with the answers of the service about the person.
    pub(crate) fn for_separation<'a>(
        &'a self,
        answers: &'a Answers,
        keys: &'a Keys,
        vault: Option<&'a dyn Vault>,
        participants: ParticipantRules<'a>,
    ) -> SiteKeys<'a> {
        let next = self.next.as_ref();
        SiteKeys {
            tokens: self.now.for_separation(&answers.now),
            next: next.map(|next| next.for_separation(&answers.next)),
            site: &keys.site,
            municipality: keys.municipality.as_ref().map(|key| key as &dyn Prf),
            vault,
            participants,
        }
    }

    /// The epochs, in use and next, whose key the service has.
    pub(crate) fn served(&self) -> [Option<(u16, &EvaluationPublicKey)>; 2] {
        let next = self.next.as_ref();
        [self.now.served(), next.and_then(TokenKey::served)]
    }

    /// Whether a key is at the service.
    pub(crate) fn are_served(&self) -> bool {
        self.served().iter().any(Option::is_some)
    }

    /// Which epochs they are of, for what is read again when they change.
    pub(crate) fn epochs(&self) -> [u8; 5] {
        let next = self.next.as_ref().map_or([0; 3], |next| {
            let [high, low] = next.epoch.to_be_bytes();
            [1, high, low]
        });
        let [high, low] = self.now.epoch.to_be_bytes();
        let [there, next_high, next_low] = next;
        [high, low, there, next_high, next_low]
    }
}

/// Public keys, one a line, four at most.
pub(crate) fn keys<K: std::str::FromStr>(path: &Path) -> Result<Vec<K>, Failure> {
    let unusable = || Failure::new(Problem::Key, path.display().to_string());
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::because(Problem::Key, path.display().to_string(), error))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Result<Vec<K>, _> = lines.map(str::parse).collect();
    keys.ok()
        .filter(|keys| (1..=4).contains(&keys.len()))
        .ok_or_else(unusable)
}

/// Reads one key.
///
/// # Errors
/// The file is missing, or is not a key of its kind.
pub(crate) fn key<K: std::str::FromStr>(path: &Path) -> Result<K, Failure> {
    let name = || path.display().to_string();
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::because(Problem::Key, name(), error))?;
    // What is wrong with the text is not told: the text is a secret.
    text.trim()
        .parse()
        .map_err(|_| Failure::new(Problem::Key, name()))
}
