//! The list of parts (SBOM) in the form of CycloneDX: Debian packages and crates.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Recipe;
use super::base::Base;
use super::lists::Lists;
use super::tool::Tool;
use crate::Workspace;

/// Our packages whose programs are on the device.
const OURS: [&str; 3] = ["gateway", "agent", "instrument"];
/// Makes and signs releases; it belongs to the centre.
const NOT_ON_DEVICES: &str = "sekisho-release";

/// Writes `sekisho.cdx.json`.
///
/// # Errors
/// Cargo does not tell what the programs are made of.
pub(crate) fn write(
    recipe: &Recipe<'_>,
    lists: &Lists,
    base: &Base,
    version: &str,
) -> anyhow::Result<()> {
    let mut parts = Vec::new();
    for (name, package_version) in &base.packages {
        // What is removed as a whole is not a part; a package of which one file stays is.
        if lists
            .drop_packages
            .get(name)
            .is_some_and(BTreeSet::is_empty)
        {
            continue;
        }
        parts.push(json!({
            "type": "library",
            "name": name,
            "version": package_version,
            "purl": format!(
                "pkg:deb/debian/{}@{}?arch=amd64&distro=bookworm",
                encoded(name), encoded(package_version)
            ),
        }));
    }
    parts.extend(crates(&metadata(recipe.workspace)?)?);
    let seconds = i64::try_from(lists.epoch).context("epoch.txt")?;
    let list = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": jiff::Timestamp::from_second(seconds)?.to_string(),
            "component": { "type": "operating-system", "name": "sekisho", "version": version },
        },
        "components": parts,
    });
    let text = serde_json::to_string_pretty(&list)? + "\n";
    fs::write(recipe.out.join("sekisho.cdx.json"), text).context("sekisho.cdx.json")
}

/// The names of our programs.
///
/// # Errors
/// Cargo does not tell them.
pub(crate) fn programs(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let metadata = metadata(workspace)?;
    let packages = metadata["packages"].as_array().context("cargo metadata")?;
    let ours = packages
        .iter()
        .filter(|package| OURS.iter().any(|name| package["name"] == *name));
    let targets = ours
        .filter_map(|package| package["targets"].as_array())
        .flatten();
    let programs = targets
        .filter(|target| target["kind"][0] == "bin")
        .filter_map(|target| Some(target["name"].as_str()?.to_owned()));
    Ok(programs.filter(|name| name != NOT_ON_DEVICES).collect())
}

fn metadata(workspace: &Workspace) -> anyhow::Result<Value> {
    let mut ask = workspace.cargo();
    ask.args(["metadata", "--format-version=1", "--locked"]);
    ask.arg("--filter-platform=x86_64-unknown-linux-gnu");
    serde_json::from_str(&Tool(&mut ask).run()?).context("cargo metadata")
}

/// The crates that our programs are built from, without those that only build or test.
fn crates(metadata: &Value) -> anyhow::Result<Vec<Value>> {
    let array = |value: &Value| value.as_array().cloned().context("cargo metadata");
    let packages: BTreeMap<String, Value> = array(&metadata["packages"])?
        .into_iter()
        .map(|package| (text(&package["id"]), package))
        .collect();
    let mut needs = BTreeMap::new();
    for node in array(&metadata["resolve"]["nodes"])? {
        let normal = array(&node["deps"])?
            .into_iter()
            .filter(|dep| {
                let kinds = dep["dep_kinds"].as_array();
                kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
            })
            .map(|dep| text(&dep["pkg"]));
        needs.insert(text(&node["id"]), normal.collect::<Vec<_>>());
    }
    let mut wanted: Vec<String> = packages
        .iter()
        .filter(|(_, package)| OURS.iter().any(|name| package["name"] == *name))
        .map(|(id, _)| id.clone())
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = wanted.pop() {
        if seen.insert(id.clone()) {
            wanted.extend(needs.get(&id).cloned().unwrap_or_default());
        }
    }
    let mut parts: Vec<(String, Value)> = seen
        .iter()
        .filter_map(|id| packages.get(id))
        .map(|package| {
            let (name, version) = (text(&package["name"]), text(&package["version"]));
            let part = json!({
                "type": "library",
                "name": name,
                "version": version,
                "purl": format!("pkg:cargo/{name}@{}", encoded(&version)),
                "licenses": [{ "expression": text(&package["license"]).replace('/', " OR ") }],
            });
            (format!("{name} {version}"), part)
        })
        .collect();
    parts.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(parts.into_iter().map(|(_, part)| part).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A part of a package URL: what has a meaning in it is written in hexadecimal.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~".contains(&byte);
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{crates, encoded};

    #[test]
    fn crates_that_only_test_or_build_are_no_parts() {
        let package = |name: &str| json!({ "id": name, "name": name, "version": "1.0.0" });
        let dep = |name: &str, kind: Option<&str>| {
            let kinds = json!([{ "kind": kind }]);
            json!({ "pkg": name, "dep_kinds": kinds })
        };
        let metadata = json!({
            "packages": [package("gateway"), package("used"), package("deep"), package("test")],
            "resolve": { "nodes": [
                { "id": "gateway", "deps": [dep("used", None), dep("test", Some("dev"))] },
                { "id": "used", "deps": [dep("deep", None)] },
                { "id": "deep", "deps": [] },
                { "id": "test", "deps": [] },
            ] },
        });
        let names: Vec<String> = crates(&metadata)
            .unwrap()
            .iter()
            .map(|part| part["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["deep", "gateway", "used"]);
    }

    #[test]
    fn versions_of_debian_fit_a_package_url() {
        assert_eq!(encoded("1:2.0+b1~x"), "1%3A2.0%2Bb1~x");
    }
}
