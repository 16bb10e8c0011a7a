//! What each institution must have for itself: its site, its state folder, its lists, its storage
//! folders and its secret keys. Two that share one of these are both refused, since nobody can tell
//! which of them is right; the others are not held up.
//!
//! The key of the linkage tokens is the exception: it is the same at all sites of a centre, or
//! nobody could be linked (decision 0022).

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use config::gateway::{PrivateKey, Settings};
use envelope::{DeviceSecretKey, MacKey, SigningKey, sha256};
use zeroize::Zeroizing;

/// What two institutions share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The site.
    Site,
    /// A folder or file, or one lies in the other's.
    Place,
    /// A secret key.
    Key,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Site => "site",
            Self::Place => "source.storages, ledger, state.folder",
            Self::Key => "keys.site, keys.signing, keys.ledger, front.private_key",
        })
    }
}

/// The first thing that an institution shares, and with which other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shared {
    /// What.
    pub(super) what: What,
    /// The other's index.
    pub(super) with: usize,
}

/// What one institution claims for itself. It holds no key, only what tells equal ones.
#[derive(Debug)]
pub(super) struct Claim {
    /// The name of its settings file.
    pub(super) name: String,
    /// Its site.
    pub(super) site: String,
    places: Vec<PathBuf>,
    inodes: Vec<(u64, u64)>,
    tokens: Option<[u8; 32]>,
    secrets: Vec<[u8; 32]>,
}

impl Claim {
    /// Reads what the settings name. What cannot be read is not compared: the institution's own
    /// run fails for it.
    pub(super) fn of(name: String, settings: &Settings) -> Self {
        let feed = &settings.source.feed;
        let transactions = feed.transactions.iter().flat_map(|it| &it.folders);
        let own = [
            &settings.state.folder,
            &settings.ledger.notices,
            &settings.ledger.stops,
        ];
        let named = own
            .into_iter()
            .chain(&settings.source.storages)
            .chain(&settings.source.extended.storages)
            .chain(transactions)
            .chain(feed.index_csv.iter().map(|it| &it.file));
        let places: Vec<PathBuf> = named.map(|path| resolved(path)).collect();
        let inodes = places.iter().filter_map(|place| {
            let data = fs::metadata(place).ok()?;
            Some((data.dev(), data.ino()))
        });
        let inodes = inodes.collect();
        let keys = &settings.keys;
        let secrets = [
            key::<MacKey>(&keys.site).map(|key| mark(&key)),
            key::<SigningKey>(&keys.signing).map(|key| sha256(key.public().to_string().as_bytes())),
            match &settings.front.private_key {
                // It lies in the state folder, which is each institution's own.
                PrivateKey::Tpm => None,
                PrivateKey::File(file) => text(file).map(|it| sha256(it.trim().as_bytes())),
            },
            keys.ledger
                .as_deref()
                .and_then(key::<MacKey>)
                .map(|key| mark(&key)),
            settings.letters.as_ref().and_then(|letters| {
                let device = key::<DeviceSecretKey>(&letters.device_key)?;
                Some(sha256(device.public().to_string().as_bytes()))
            }),
        ];
        Self {
            name,
            site: settings.site.to_string(),
            places,
            inodes,
            tokens: key::<MacKey>(&keys.token).map(|key| mark(&key)),
            secrets: secrets.into_iter().flatten().collect(),
        }
    }
}

fn text(path: &Path) -> Option<Zeroizing<String>> {
    fs::read_to_string(path).ok().map(Zeroizing::new)
}

fn key<K: FromStr>(path: &Path) -> Option<K> {
    text(path)?.trim().parse().ok()
}

/// Equal for equal keys, and tells nothing else about them.
fn mark(key: &MacKey) -> [u8; 32] {
    key.mac(b"sekisho whether two institutions share a key")
}

/// A path without links and `..`, also where its last parts do not exist yet.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop();
            }
            part => {
                resolved.push(part);
                if let Ok(real) = fs::canonicalize(&resolved) {
                    resolved = real;
                }
            }
        }
    }
    resolved
}

/// The institutions that share something, each with the first thing found.
pub(super) fn shared(claims: &[Claim]) -> BTreeMap<usize, Shared> {
    let mut found = BTreeMap::new();
    let sites = claims.iter().map(|claim| claim.site.as_str());
    equal(What::Site, sites.zip(0..).collect(), &mut found);
    let secrets = owned(claims, |claim| &claim.secrets);
    equal(What::Key, secrets, &mut found);
    token_keys_used_otherwise(claims, &mut found);
    let inodes = owned(claims, |claim| &claim.inodes);
    equal(What::Place, inodes, &mut found);
    nested(owned(claims, |claim| &claim.places), &mut found);
    found
}

fn owned<T: Clone>(claims: &[Claim], of: impl Fn(&Claim) -> &Vec<T>) -> Vec<(T, usize)> {
    let each = claims.iter().zip(0..);
    each.flat_map(|(claim, owner)| of(claim).iter().map(move |it| (it.clone(), owner)))
        .collect()
}

fn note(what: What, a: usize, b: usize, found: &mut BTreeMap<usize, Shared>) {
    found.entry(a).or_insert(Shared { what, with: b });
    found.entry(b).or_insert(Shared { what, with: a });
}

/// Finds equal things of different owners.
fn equal<T: Ord>(what: What, mut things: Vec<(T, usize)>, found: &mut BTreeMap<usize, Shared>) {
    things.sort_unstable();
    for ((one, owner), (next, other)) in things.iter().zip(things.iter().skip(1)) {
        if one == next && owner != other {
            note(what, *owner, *other, found);
        }
    }
}

/// Finds token keys that another institution uses as a key of its own.
fn token_keys_used_otherwise(claims: &[Claim], found: &mut BTreeMap<usize, Shared>) {
    let mut secrets = owned(claims, |claim| &claim.secrets);
    secrets.sort_unstable();
    for (claim, owner) in claims.iter().zip(0..) {
        let Some(tokens) = claim.tokens else { continue };
        let at = secrets.partition_point(|(secret, _)| *secret < tokens);
        let same = secrets.iter().skip(at).take_while(|(s, _)| *s == tokens);
        for (_, other) in same.filter(|(_, other)| *other != owner) {
            note(What::Key, owner, *other, found);
        }
    }
}

/// Finds places that are, or lie in, a place of another owner.
fn nested(mut places: Vec<(PathBuf, usize)>, found: &mut BTreeMap<usize, Shared>) {
    // Paths compare part by part, so what lies in a folder follows it.
    places.sort_unstable();
    let mut above: Vec<&(PathBuf, usize)> = Vec::new();
    for place in &places {
        while above.last().is_some_and(|it| !place.0.starts_with(&it.0)) {
            above.pop();
        }
        for (_, other) in above.iter().filter(|(_, other)| *other != place.1) {
            note(What::Place, place.1, *other, found);
        }
        above.push(place);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = include_str!("../../../config/examples/gateway.toml");

    /// A folder with three institutions that have everything for themselves.
    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            fs::write(folder.path("token.key"), key_text(200)).unwrap();
            for number in 0..3 {
                for sub in ["storage", "state"] {
                    fs::create_dir_all(folder.path(&format!("{number}/{sub}"))).unwrap();
                }
                for list in ["notices.csv", "stops.csv"] {
                    fs::write(folder.path(&format!("{number}/{list}")), "").unwrap();
                }
                let own = |name: &str| folder.path(&format!("{number}/{name}"));
                let seed = number as u8 + 1;
                let signing = SigningKey::from_seed([seed; 32]).unwrap();
                fs::write(own("site.key"), key_text(seed)).unwrap();
                fs::write(own("signing.key"), signing.to_text().as_str()).unwrap();
                fs::write(own("tls.key"), format!("tls {number}")).unwrap();
            }
            folder
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn settings(&self, number: usize) -> Settings {
            let mut settings = Settings::parse(EXAMPLE).unwrap();
            let own = |name: &str| self.path(&format!("{number}/{name}"));
            settings.site = format!("HOSP-{number}").parse().unwrap();
            settings.source.storages = vec![own("storage")];
            settings.state.folder = own("state");
            settings.ledger.notices = own("notices.csv");
            settings.ledger.stops = own("stops.csv");
            settings.keys.token = self.path("token.key");
            settings.keys.site = own("site.key");
            settings.keys.signing = own("signing.key");
            settings.front.private_key = PrivateKey::File(own("tls.key"));
            settings
        }

        /// Which of the three are refused, and why, after a change of the second.
        fn refused(&self, change: impl Fn(&Self, &mut Settings)) -> Vec<(usize, What)> {
            let claims: Vec<Claim> = (0..3)
                .map(|number| {
                    let mut settings = self.settings(number);
                    if number == 1 {
                        change(self, &mut settings);
                    }
                    Claim::of(number.to_string(), &settings)
                })
                .collect();
            let found = shared(&claims);
            found.iter().map(|(index, it)| (*index, it.what)).collect()
        }
    }

    fn key_text(seed: u8) -> String {
        MacKey::from_bytes([seed; 32]).to_text().to_string()
    }

    type Change = fn(&Folder, &mut Settings);

    /// whatever two institutions share of what must be one's own, both are refused, and the
    /// third is not.
    #[test]
    fn institutions_that_share_something_are_both_refused_and_no_other() {
        let cases: [(&str, What, Change); 14] = [
            ("site", What::Site, |_, it| {
                it.site = "HOSP-0".parse().unwrap()
            }),
            ("state", What::Place, |at, it| {
                it.state.folder = at.path("0/state")
            }),
            ("state with ..", What::Place, |at, it| {
                it.state.folder = at.path("2/../0/state");
            }),
            ("state not made yet", What::Place, |at, it| {
                it.state.folder = at.path("0/state/new/deeper");
            }),
            ("storage", What::Place, |at, it| {
                it.source.storages.push(at.path("0/storage"));
            }),
            ("storage inside", What::Place, |at, it| {
                fs::create_dir_all(at.path("0/storage/000")).unwrap();
                it.source.storages = vec![at.path("0/storage/000")];
            }),
            ("storage by a link", What::Place, |at, it| {
                let link = at.path("1/link");
                // The case may run twice on one folder.
                let _ = symlink(at.path("0/storage"), &link);
                it.source.storages = vec![link];
            }),
            ("state in a storage", What::Place, |at, it| {
                it.state.folder = at.path("0/storage/state");
            }),
            ("notices", What::Place, |at, it| {
                it.ledger.notices = at.path("0/notices.csv")
            }),
            ("stops by a hard link", What::Place, |at, it| {
                let link = at.path("1/hard.csv");
                let _ = fs::hard_link(at.path("0/stops.csv"), &link);
                it.ledger.stops = link;
            }),
            ("site key's content", What::Key, |at, it| {
                fs::write(at.path("1/copy.key"), format!("\n{}\n", key_text(1))).unwrap();
                it.keys.site = at.path("1/copy.key");
            }),
            ("signing key", What::Key, |at, it| {
                it.keys.signing = at.path("0/signing.key")
            }),
            ("key of the connection", What::Key, |at, it| {
                it.front.private_key = PrivateKey::File(at.path("0/tls.key"));
            }),
            ("a site key as token key", What::Key, |at, it| {
                it.keys.token = at.path("0/site.key");
            }),
        ];
        for (case, what, change) in cases {
            let folder = Folder::new();
            assert_eq!(folder.refused(change), [(0, what), (1, what)], "{case}");
        }
    }

    #[test]
    fn institutions_with_everything_of_their_own_and_one_token_key_may_run() {
        assert_eq!(Folder::new().refused(|_, _| {}), []);
        // Names that begin alike are not nested.
        let alike: Change = |at, it| it.source.storages = vec![at.path("0/storage2")];
        assert_eq!(Folder::new().refused(alike), []);
    }

    proptest! {
        /// The sorted search finds what comparing every pair finds.
        #[test]
        fn nested_places_are_found_like_by_comparing_every_pair(
            places in proptest::collection::vec(("(/[ab-]{1,2}){1,4}", 0usize..5), 0..14),
        ) {
            let places: Vec<_> = places.into_iter().map(|(p, o)| (PathBuf::from(p), o)).collect();
            let mut found = BTreeMap::new();
            nested(places.clone(), &mut found);
            let mut expected: Vec<usize> = places
                .iter()
                .filter(|(one, owner)| places.iter().any(|(other, whose)| {
                    owner != whose && (one.starts_with(other) || other.starts_with(one))
                }))
                .map(|(_, owner)| *owner)
                .collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(found.into_keys().collect::<Vec<_>>(), expected);
        }
    }
}
