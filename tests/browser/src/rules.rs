//! Rules of accessible pages, by axe-core: a package of the npm registry, fetched once into the
//! user's cache and never kept here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ring::digest::{SHA256, digest};

use crate::Tab;

const VERSION: &str = "4.14.1";
/// SHA-256 of its `axe.min.js`.
const SHA: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";

/// The rules, ready to be run in a page.
pub struct Rules(String);

/// A rule that a page breaks.
#[derive(Debug)]
pub struct Breach {
    /// Which rule.
    pub rule: String,
    /// How bad it is: `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    /// Where.
    pub places: Vec<String>,
}

impl Rules {
    /// Takes the rules from the cache, or fetches them.
    ///
    /// # Errors
    /// There is no npm (`apt-get install npm`), no registry, or the file is not the known one.
    pub fn load() -> Result<Self> {
        let file = cache()?.join(format!("axe-core-{VERSION}/axe.min.js"));
        if !file.is_file() {
            fetch(&file)?;
        }
        let script = std::fs::read_to_string(&file)?;
        let found: String = digest(&SHA256, script.as_bytes())
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        ensure!(
            found == SHA,
            "{} is not the known one: {found}",
            file.display()
        );
        Ok(Self(script))
    }

    /// What the page in a tab breaks.
    ///
    /// # Errors
    /// The rules do not run.
    pub fn breaches(&self, tab: &Tab) -> Result<Vec<Breach>> {
        tab.run(&format!("{};0", self.0))?;
        let script = "axe.run().then(found => JSON.stringify(found.violations.map(rule => \
            [rule.id, rule.impact, rule.nodes.map(node => node.target.join(' ') + ': ' + \
            node.failureSummary)])))";
        let found = tab.run(script)?;
        let found: Vec<(String, String, Vec<String>)> =
            serde_json::from_str(found.as_str().context("axe")?)?;
        let of = |(rule, impact, places)| Breach {
            rule,
            impact,
            places,
        };
        Ok(found.into_iter().map(of).collect())
    }
}

fn cache() -> Result<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home);
    let cache = cache.context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(cache.join("sekisho"))
}

fn fetch(file: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let package = format!("axe-core@{VERSION}");
    let packed = Command::new("npm")
        .args(["pack", "--silent", "--ignore-scripts", &package])
        .current_dir(folder.path())
        .output()
        .context("no npm here: apt-get install npm")?;
    let told = || String::from_utf8_lossy(&packed.stderr).into_owned();
    ensure!(packed.status.success(), "npm pack {package}: {}", told());
    let name = String::from_utf8_lossy(&packed.stdout);
    let unpacked = Command::new("tar")
        .args(["xzf", name.trim(), "package/axe.min.js"])
        .current_dir(folder.path())
        .status()?;
    ensure!(unpacked.success(), "tar {name}");
    std::fs::create_dir_all(file.parent().context("cache")?)?;
    // Under a name of its own first: two tests may fetch it at once.
    let new = file.with_extension(format!("{}", std::process::id()));
    std::fs::copy(folder.path().join("package/axe.min.js"), &new)?;
    Ok(std::fs::rename(&new, file)?)
}

impl Breach {
    /// Whether it keeps people from using the page.
    pub fn is_serious(&self) -> bool {
        matches!(self.impact.as_str(), "serious" | "critical")
    }
}
