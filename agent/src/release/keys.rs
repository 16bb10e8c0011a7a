//! The keys of the roles. They stay with those who hold them, never in a repository.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::Serialize;
use serde_json::{Value, json};
use tough::schema::Role;
use tough::schema::key::Key;

/// The holders of the root: any two of them sign a change.
const ROOTS: [&str; 3] = ["root-1", "root-2", "root-3"];
/// The roles that sign by one key.
const ONLINE: [&str; 3] = ["targets", "snapshot", "timestamp"];
/// How many of the root's holders have to sign.
const ROOT_THRESHOLD: usize = 2;
const KEY_MAX: u64 = 4_096;

/// One key: who holds it can sign, everybody can name it.
struct Holder {
    pair: Option<Ed25519KeyPair>,
    id: String,
    public: Value,
}

/// The keys that are at hand, by the name of their file.
pub(crate) struct Keys(BTreeMap<String, Holder>);

/// Makes a key for each role, in a folder that has none, and the public half beside it: holders of
/// the root take their keys away and leave those.
pub(crate) fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for name in ROOTS.iter().chain(&ONLINE) {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let made = made.map_err(|_| anyhow!("no randomness"))?;
        let path = folder.join(format!("{name}.pk8"));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        let mut file = file.with_context(|| path.display().to_string())?;
        file.write_all(made.as_ref())?;
        file.sync_all()?;
        let pair = Ed25519KeyPair::from_pkcs8(made.as_ref());
        let pair = pair.map_err(|_| anyhow!("no Ed25519 key"))?;
        let public = serde_json::to_vec(&public(&pair))?;
        let path = folder.join(format!("{name}.pub"));
        fs::write(&path, public).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn public(pair: &Ed25519KeyPair) -> Value {
    json!({
        "keytype": "ed25519",
        "scheme": "ed25519",
        "keyval": {"public": hex(pair.public_key().as_ref())},
    })
}

impl Keys {
    /// Reads the keys of a folder, of some the public half only.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut keys = BTreeMap::new();
        for name in ROOTS.iter().chain(&ONLINE) {
            let at = |kind: &str| folder.join(format!("{name}.{kind}"));
            let holder = match (read(&at("pk8"))?, read(&at("pub"))?) {
                (Some(bytes), _) => {
                    let pair = Ed25519KeyPair::from_pkcs8(&bytes)
                        .map_err(|_| anyhow!("{name}.pk8: no Ed25519 key"))?;
                    Holder::new(public(&pair), Some(pair))?
                }
                (None, Some(bytes)) => Holder::new(serde_json::from_slice(&bytes)?, None)?,
                (None, None) => continue,
            };
            keys.insert((*name).to_owned(), holder);
        }
        Ok(Self(keys))
    }

    /// The part of a root that says which keys hold which role.
    pub(crate) fn roles(&self) -> Result<(Value, Value)> {
        let mut keys = serde_json::Map::new();
        let mut roles = serde_json::Map::new();
        for name in ROOTS.iter().chain(&ONLINE) {
            let holder = self.0.get(*name).with_context(|| format!("{name}.pub"))?;
            keys.insert(holder.id.clone(), holder.public.clone());
        }
        let ids = |names: &[&str]| -> Vec<&str> {
            let known = names.iter().filter_map(|name| self.0.get(*name));
            known.map(|holder| holder.id.as_str()).collect()
        };
        let role =
            |ids: Vec<&str>, threshold: usize| json!({"keyids": ids, "threshold": threshold});
        roles.insert("root".to_owned(), role(ids(&ROOTS), ROOT_THRESHOLD));
        for name in ONLINE {
            roles.insert(name.to_owned(), role(ids(&[name]), 1));
        }
        Ok((Value::Object(keys), Value::Object(roles)))
    }

    /// Signs a role by every key at hand that may hold it.
    pub(crate) fn sign<T: Role + Serialize>(&self, role: &T) -> Result<Vec<u8>> {
        self.add_to(role, Vec::new())
    }

    /// Adds signatures by the keys at hand to those that are there.
    pub(crate) fn add_to<T: Role + Serialize>(
        &self,
        role: &T,
        mut signatures: Vec<Value>,
    ) -> Result<Vec<u8>> {
        let form = role.canonical_form().map_err(|error| anyhow!("{error}"))?;
        let own = T::TYPE.to_string();
        let holds = |name: &str| name == own || (own == "root" && name.starts_with("root-"));
        let before = signatures.len();
        for (name, holder) in &self.0 {
            let there = signatures
                .iter()
                .any(|it| it["keyid"] == holder.id.as_str());
            let Some(pair) = holder.pair.as_ref().filter(|_| holds(name) && !there) else {
                continue;
            };
            let signature = hex(pair.sign(&form).as_ref());
            signatures.push(json!({"keyid": holder.id, "sig": signature}));
        }
        ensure!(
            signatures.len() > before,
            "{own}: no key at hand that has not signed"
        );
        let signed = json!({"signed": role, "signatures": signatures});
        Ok(serde_json::to_vec_pretty(&signed)?)
    }
}

impl Holder {
    fn new(public: Value, pair: Option<Ed25519KeyPair>) -> Result<Self> {
        let key: Key = serde_json::from_value(public.clone())?;
        let id = key.key_id().map_err(|error| anyhow!("{error}"))?;
        Ok(Self {
            pair,
            id: hex(&id),
            public,
        })
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    if !path.exists() {
        return Ok(None);
    }
    let size = fs::metadata(path)?.len();
    ensure!(size <= KEY_MAX, "{}: too large", path.display());
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(Some(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
