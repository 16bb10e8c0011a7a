//! between front and core there is no route and no common credential, in what is shipped:
//! units, users, folders and the settings that fit them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn systemd() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd")
}

/// The lines of a unit by key, those that repeat one after the other.
fn unit(name: &str) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(systemd().join(name)).unwrap();
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, value)) = line.split_once('=') {
            let values = lines.entry(key.to_owned()).or_default();
            values.extend(value.split_whitespace().map(str::to_owned));
        }
    }
    lines
}

fn values(unit: &BTreeMap<String, Vec<String>>, key: &str) -> BTreeSet<String> {
    let values = unit.get(key).into_iter().flatten();
    values
        .map(|it| it.trim_start_matches('-').to_owned())
        .collect()
}

fn credentials(unit: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let given = values(unit, "LoadCredentialEncrypted");
    let sources = given.iter().map(|it| it.split_once(':').unwrap().1);
    sources.map(str::to_owned).collect()
}

/// Every text in a settings file that is a path.
fn paths(name: &str) -> BTreeSet<String> {
    fn gather(value: &toml::Value, into: &mut BTreeSet<String>) {
        match value {
            toml::Value::Table(table) => table.values().for_each(|it| gather(it, into)),
            toml::Value::String(text) if text.starts_with('/') => {
                into.insert(text.clone());
            }
            _ => {}
        }
    }
    let text = fs::read_to_string(systemd().join("examples").join(name)).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let mut found = BTreeSet::new();
    gather(&toml::Value::Table(table), &mut found);
    found
}

const SERVICES: [&str; 3] = ["front", "core", "ca"];

#[test]
fn no_credential_of_one_service_is_given_to_another() {
    let mut holders: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for service in SERVICES {
        let unit = unit(&format!("sekisho-{service}.service"));
        assert_eq!(unit["User"], [format!("sekisho-{service}")]);
        for credential in credentials(&unit) {
            holders.entry(credential).or_default().push(service);
        }
        // Whatever lies beside is out of reach, encrypted as it is.
        let closed = values(&unit, "InaccessiblePaths");
        assert!(closed.contains("/etc/sekisho/credentials"), "{service}");
        for path in paths(&format!("{service}.toml")) {
            if path.starts_with("/run/credentials/") {
                let own = format!("/run/credentials/sekisho-{service}.service/");
                let name = path.strip_prefix(&own).unwrap().to_owned();
                let given = credentials(&unit);
                assert!(
                    given.contains(&format!("/etc/sekisho/credentials/{name}")),
                    "{path}"
                );
            }
        }
    }
    let shared: Vec<_> = holders.iter().filter(|(_, who)| who.len() > 1).collect();
    assert!(shared.is_empty(), "{shared:?}");
    let front: Vec<_> = holders
        .iter()
        .filter(|(_, who)| who.contains(&"front"))
        .collect();
    let front: Vec<_> = front.iter().map(|(name, _)| name.as_str()).collect();
    // What opens a batch, keys tokens or signs letters is not among them.
    assert_eq!(
        front,
        [
            "/etc/sekisho/credentials/front.key",
            "/etc/sekisho/credentials/receipt.key"
        ]
    );
}

#[test]
fn there_is_no_route_from_the_front_to_the_core() {
    let front = unit("sekisho-front.service");
    assert_eq!(values(&front, "IPAddressDeny"), ["any".to_owned()].into());
    assert!(values(&front, "IPAddressAllow").is_empty());
    assert_eq!(values(&front, "SocketBindDeny"), ["any".to_owned()].into());
    let families = values(&front, "RestrictAddressFamilies");
    assert_eq!(families, ["AF_INET", "AF_INET6"].map(str::to_owned).into());
    for service in ["core", "ca"] {
        let unit = unit(&format!("sekisho-{service}.service"));
        assert_eq!(unit["PrivateNetwork"], ["yes"], "{service}");
        assert_eq!(unit["RestrictAddressFamilies"], ["none"], "{service}");
    }
    // Neither the core's state nor its settings exist for the front.
    let closed = values(&front, "InaccessiblePaths");
    for path in [
        "/var/lib/sekisho-core",
        "/etc/sekisho/core.toml",
        "/var/lib/sekisho-ca",
    ] {
        assert!(closed.contains(path), "{path}");
    }
    let state = paths("core.toml");
    assert!(state.contains("/var/lib/sekisho-core"));
}

/// What one writes the other only reads, and each folder that both may write says why.
#[test]
fn folders_between_the_services_go_one_way() {
    let text = fs::read_to_string(systemd().join("tmpfiles.d/sekisho-centre.conf")).unwrap();
    let mut folders = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("d ")) {
        let [_, path, mode, owner, group, _] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        folders.insert(
            path.to_owned(),
            (mode.to_owned(), owner.to_owned(), group.to_owned()),
        );
    }
    let writes = |service: &str| {
        let unit = unit(&format!("sekisho-{service}.service"));
        values(&unit, "ReadWritePaths")
    };
    let common: Vec<_> = writes("front")
        .intersection(&writes("core"))
        .cloned()
        .collect();
    assert_eq!(common, ["/srv/sekisho/answers"]);
    let common: Vec<_> = writes("front")
        .intersection(&writes("ca"))
        .cloned()
        .collect();
    assert_eq!(common, ["/srv/sekisho/requests"]);
    assert!(writes("core").is_disjoint(&writes("ca")));
    assert!(!writes("core").contains("/srv/sekisho/inbox"));
    for service in SERVICES {
        let user = format!("sekisho-{service}");
        for path in writes(service) {
            let (mode, owner, group) = &folders[&path];
            let both = mode == "2770" && *group == user;
            assert!(*owner == user || both, "{service} {path}");
        }
        // Every folder of its settings is one that is made, or its own.
        for path in paths(&format!("{service}.toml")) {
            if let Some(rest) = path.strip_prefix("/srv/sekisho/") {
                let folder = rest.split('/').next().unwrap();
                assert!(
                    folders.contains_key(&format!("/srv/sekisho/{folder}")),
                    "{path}"
                );
            }
        }
    }
}

/// The examples are settings that the programs take.
#[test]
fn the_example_settings_are_taken_by_the_programs() {
    for (service, code) in [("front", "C102"), ("ca", "N002")] {
        let example = systemd().join("examples").join(format!("{service}.toml"));
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sekisho-collector"));
        command.arg(service);
        if service == "ca" {
            command.arg("list");
        }
        let output = command.arg("--config").arg(example).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        // The settings are read; the files that they name are missing on this machine.
        assert!(told.starts_with(code), "{service}: {told}");
    }
}
