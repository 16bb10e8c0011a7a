//! Thieves, with the real programs: each test is one attack, takes what that thief would have, and
//! states what they get. `docs/threat-model.md` says which control each test stands for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;

use e2e::{Search, leftovers};
use envelope::{CoreSecretKey, MacKey, Opened, SigningKey, VerifyingKey, inspect, open};
use harness::job::Job;
use harness::process::Programs;
use harness::scene::town_with_deployment;
use privacy::tokens::{LinkageTokens, tokenize};
use record::Sensitive;
use record::identity::{Birth, Identity, Insurance, Name, Sex};
use town::{TruePerson, TrueRegistration, Truth};

const PERSONS: u32 = 120;

/// A town whose batches wait in the queues of both sites when the disks are taken; then they travel
/// to the front, and the core links everybody.
struct Scene {
    truth: Truth,
    job: Job,
    /// Copies of the folders of the sites, as they were while the batches waited.
    disks: PathBuf,
}

fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redteam");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        let (truth, deployment) = town_with_deployment(&folder, 11, PERSONS).unwrap();
        let job = Job::new(deployment, Programs::beside_test().unwrap());
        let disks = folder.join("disks");
        for (site, place) in job.deployment.sites.iter().enumerate() {
            job.run_gateway(site, &["--hold"]).unwrap().well().unwrap();
            let from = place.config.parent().unwrap();
            copy(from, &disks.join(&place.source.site));
        }
        let mut front = job.start_front().unwrap();
        for site in 0..job.deployment.sites.len() {
            job.run_gateway(site, &[]).unwrap().well().unwrap();
        }
        front.kill().unwrap();
        for step in ["pull", "link"] {
            job.run_core(&[step]).unwrap().well().unwrap();
        }
        Scene { truth, job, disks }
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// Every file below a folder, as a thief has it: path and bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found
}

fn key<K: FromStr>(path: &Path) -> K {
    fs::read_to_string(path)
        .unwrap()
        .trim()
        .parse()
        .ok()
        .unwrap()
}

impl Scene {
    fn keys(&self) -> PathBuf {
        self.job.deployment.root.join("keys")
    }

    fn core_key(&self) -> CoreSecretKey {
        key(&self.keys().join("core.key"))
    }

    fn site_keys(&self) -> Vec<VerifyingKey> {
        let sites = self.job.deployment.sites.iter();
        let path = |site: &str| self.keys().join(site).join("signing.pub");
        sites.map(|site| key(&path(&site.source.site))).collect()
    }

    /// No file of a thief, and no name of one, holds anything of anybody.
    fn names_nobody(&self, found: &[(PathBuf, Vec<u8>)]) {
        let search = Search::new(&self.truth.identifiers).unwrap();
        for (path, bytes) in found {
            let name = path.as_os_str().as_encoded_bytes();
            assert_eq!(search.hits(bytes), 0, "{}", path.display());
            assert_eq!(search.hits(name), 0, "{}", path.display());
        }
    }

    /// The batches among the files of a thief open under none of the keys of the device or of the
    /// front, which the thief is given as well; the core's key opens them.
    fn open_for_the_core_alone(&self, found: &[(PathBuf, Vec<u8>)]) -> Vec<Opened> {
        let others = files(&self.job.deployment.root.join("front"));
        let own = files(&self.keys()).into_iter();
        let own = own.filter(|(path, _)| !path.ends_with("core.key"));
        let thieves: Vec<CoreSecretKey> = own
            .chain(others)
            .filter_map(|(_, bytes)| String::from_utf8(bytes).ok()?.trim().parse().ok())
            .collect();
        let is_batch = |path: &Path| path.extension().is_some_and(|it| it == "batch");
        let batches = found.iter().filter(|(path, _)| is_batch(path));
        let (core, sites) = (self.core_key(), self.site_keys());
        let opened = batches.map(|(path, bytes)| {
            // Compressed content in clear would begin like this.
            let clear = bytes.windows(4).any(|at| at == [0x28, 0xB5, 0x2F, 0xFD]);
            assert!(!clear, "{}", path.display());
            let by =
                |core: &CoreSecretKey| sites.iter().find_map(|site| open(bytes, site, core).ok());
            assert!(thieves.iter().all(|key| by(key).is_none()));
            by(&core).unwrap_or_else(|| panic!("{}", path.display()))
        });
        opened.collect()
    }

    /// What the core's tables say, every cell in clear.
    fn tables(&self) -> Vec<u8> {
        let left = leftovers(
            &self.job.deployment.core_state,
            &self.core_key(),
            &self.site_keys(),
        );
        let left = left.unwrap().into_iter();
        left.flat_map(|file| file.contents).flatten().collect()
    }

    fn inbox(&self) -> Vec<Opened> {
        self.open_for_the_core_alone(&files(&self.job.deployment.inbox))
    }
}

/// A queue that was stolen tells the site, the times and counts, and names nobody.
#[test]
fn a_stolen_queue_tells_sites_times_and_counts() {
    let scene = scene();
    let found = files(&scene.disks);
    let batches: Vec<_> = found
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|it| it == "batch"))
        .collect();
    assert!(batches.len() >= 2, "both sites have something waiting");
    scene.names_nobody(&batches);
    let opened = scene.open_for_the_core_alone(&batches);
    assert!(opened.iter().any(|batch| !batch.subjects.is_empty()));
    for (_, bytes) in &batches {
        let manifest = inspect(bytes).unwrap();
        let told = format!("{manifest:?}");
        let search = Search::new(&scene.truth.identifiers).unwrap();
        assert_eq!(search.hits(told.as_bytes()), 0, "{told}");
    }
}

/// A-120, B-133. A disk that was taken from a device tells the sites, times and counts. Of keys it
/// holds the one of the connection, and that of the ledger unless it is a credential: whoever has
/// that one can find out which people of a list are patients, and learns no name that is not on it.
#[test]
fn a_stolen_disk_names_nobody_and_holds_no_key_but_two() {
    let scene = scene();
    let found = files(&scene.disks);
    assert!(
        found
            .iter()
            .any(|(path, _)| path.ends_with("state/state.sqlite"))
    );
    assert!(
        found
            .iter()
            .any(|(path, _)| path.ends_with("state/ledger.sqlite"))
    );
    scene.names_nobody(&found);
    let is_key = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim();
        let raw = bytes.len() == 32;
        raw || MacKey::from_str(text).is_ok()
            || CoreSecretKey::from_str(text).is_ok()
            || SigningKey::from_str(text).is_ok()
            || text.contains("PRIVATE KEY")
    };
    let keys: BTreeSet<_> = found
        .iter()
        .filter(|(_, bytes)| is_key(bytes))
        .map(|(path, _)| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(keys, BTreeSet::from(["device.key", "ledger.key"]));
}

/// Whoever takes the front has its keys, what it received and its receipts: sites, times
/// and counts.
#[test]
fn a_stolen_front_opens_nothing_and_names_nobody() {
    let scene = scene();
    let root = &scene.job.deployment.root;
    let mut found = files(&scene.job.deployment.inbox);
    assert!(!found.is_empty());
    found.extend(files(&root.join("front")));
    scene.names_nobody(&found);
    assert!(!scene.open_for_the_core_alone(&found).is_empty());
}

/// A registration as the attacker's list has it: name, day of birth, sex, card.
fn listed(person: &TruePerson, it: &TrueRegistration) -> Vec<Identity> {
    let part = |text: &str| Sensitive::new(text);
    let name = |name: &town::Name| Name {
        family: part(&name.family),
        given: part(&name.given),
    };
    let card = it.insured.as_ref().map(|card| Insurance {
        insurer: part(&card.insurer),
        symbol: part(card.symbol.as_deref().unwrap_or_default()),
        number: part(&card.number),
        branch: part(card.branch.as_deref().unwrap_or_default()),
    });
    let births = [&person.birth_date, &it.birth_date];
    let kana = it.kana.iter().chain([&person.kana]);
    kana.flat_map(|kana| {
        births.map(|birth| Identity {
            kana: Some(name(kana)),
            kanji: it.names.first().map(name),
            birth: birth.parse().ok().map(Birth::new),
            sex: Some(match person.sex {
                town::Sex::Male => Sex::Male,
                town::Sex::Female => Sex::Female,
            }),
            insurance: card.clone().into_iter().collect(),
            ..Identity::default()
        })
    })
    .collect()
}

fn texts(tokens: &LinkageTokens) -> impl Iterator<Item = String> {
    let hex = |bytes: &[u8; 16]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    tokens
        .exact
        .values()
        .flatten()
        .map(move |token| hex(token.as_bytes()))
}

/// B-116. A dictionary under the stolen key of the devices against the core's tables. A list of
/// 100,000 names with every day of a decade is 7 · 10⁸ tokens, of which only those of people who
/// are in the tables could ever be found there: so the list that is tried is the best there can be,
/// every patient's own name, day of birth, sex and card. It names nobody. The same list finds them
/// in what a device makes before it seals: the attack itself works.
#[test]
fn a_dictionary_under_the_stolen_key_of_the_devices_finds_nobody_in_the_tables() {
    let scene = scene();
    let stolen: MacKey = key(&scene.keys().join("token.key"));
    let persons = scene.truth.persons.iter();
    let list = persons.flat_map(|person| {
        person
            .registrations
            .iter()
            .flat_map(|it| listed(person, it))
    });
    let list: BTreeSet<String> = list
        .flat_map(|who| texts(&tokenize(&who, &stolen, 1)).collect::<Vec<_>>())
        .collect();
    let list: Vec<String> = list.into_iter().collect();
    let search = Search::new(&list).unwrap();
    assert_eq!(search.hits(&scene.tables()), 0);
    let subjects: Vec<_> = scene
        .inbox()
        .into_iter()
        .flat_map(|it| it.subjects)
        .collect();
    let found = subjects
        .iter()
        .filter(|subject| texts(&subject.tokens).any(|token| list.binary_search(&token).is_ok()));
    let (found, all) = (found.count(), subjects.len());
    assert!(all > 50 && found * 10 > all * 9, "{found} of {all}");
}

/// B-116. Frequencies: without any key, equal filters of the tables would show who shares a name,
/// and the most frequent one would be 佐藤. No two stored filters are equal, though those that the
/// devices made are; exact tokens keep their equality, and that is all they keep.
#[test]
fn the_tables_show_no_frequency_of_a_name() {
    let scene = scene();
    let subjects: Vec<_> = scene
        .inbox()
        .into_iter()
        .flat_map(|it| it.subjects)
        .collect();
    let mut made = BTreeMap::new();
    for subject in &subjects {
        let tokens = &subject.tokens;
        for filter in [tokens.family, tokens.given, tokens.birth]
            .into_iter()
            .flatten()
        {
            *made.entry(filter).or_insert(0) += 1;
        }
    }
    assert!(
        made.values().any(|count| *count > 1),
        "somebody shares a filter"
    );
    let tables = String::from_utf8_lossy(&scene.tables()).into_owned();
    let mut stored = BTreeMap::new();
    for line in tables.lines() {
        for field in ["family", "given", "birth"] {
            let Some((_, value)) = line.split_once(&format!("\"{field}\", value: \"")) else {
                continue;
            };
            let value = value.split('"').next().unwrap();
            *stored.entry(value.to_owned()).or_insert(0) += 1;
        }
    }
    assert!(stored.len() > subjects.len(), "{} filters", stored.len());
    assert!(stored.values().all(|count| *count == 1));
}

/// B-117. Somebody writes records of the victim's name, birthday and card into a storage of another
/// house, to learn under which reference or token the centre has the victim. Nothing comes back:
/// after a whole round the house's folder holds no research ID, no reference and no token of the
/// other house. What the attacker can do is spoil that person's linkage.
#[test]
fn crafted_records_learn_nothing_of_another_house() {
    let scene = scene();
    let subjects: BTreeSet<String> = scene
        .inbox()
        .iter()
        .filter(|batch| batch.manifest.site.as_str() == harness::scene::TOWN_SITES[0])
        .flat_map(|batch| &batch.subjects)
        .flat_map(|it| std::iter::once(it.subject.to_string()).chain(texts(&it.tokens)))
        .collect();
    let own: BTreeSet<String> = scene
        .inbox()
        .iter()
        .filter(|batch| batch.manifest.site.as_str() != harness::scene::TOWN_SITES[0])
        .flat_map(|batch| &batch.subjects)
        .flat_map(|it| texts(&it.tokens))
        .collect();
    // The town's second registrations are such records: persons of one house that another knows.
    assert!(subjects.intersection(&own).next().is_some());
    let links = scene.job.links().unwrap();
    let persons = links.values().cloned();
    let wanted: Vec<String> = persons.chain(subjects).collect();
    let search = Search::new(&wanted).unwrap();
    let folder = scene.job.deployment.sites[1].config.parent().unwrap();
    for (path, bytes) in files(folder) {
        assert_eq!(search.hits(&bytes), 0, "{}", path.display());
    }
}
