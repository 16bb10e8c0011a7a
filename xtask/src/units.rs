//! The systemd units: what systemd itself says about them, without starting any.
//!
//! Shows P-08 for the units in `systemd/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::Workspace;
use crate::test::Outcome;

/// The highest exposure a unit of ours may have, in tenths, as `--threshold` takes it.
const EXPOSURE_AT_MOST_TENTHS: u8 = 15;

/// Where the programs are on the appliance, ours and strongSwan's. `verify` wants them to exist, so
/// the copies that it reads name a program that exists everywhere.
const PROGRAMS: [&str; 3] = [
    "/usr/bin/sekisho-",
    "/usr/sbin/swanctl",
    "/usr/sbin/cryptsetup",
];
const STAND_IN: &str = "/bin/true";

/// Checks every unit in `systemd/` with `systemd-analyze`.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<Outcome> {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        let missing = "systemd-analyze is missing: apt-get install systemd";
        let required = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        return Ok(if required {
            Outcome::Failed(missing.to_owned())
        } else {
            Outcome::Skipped(format!("{missing} (required where CI is set)"))
        });
    }
    let units = stage(workspace)?;
    if units.is_empty() {
        return Ok(Outcome::Failed("there is no unit in systemd/".to_owned()));
    }
    let mut faults = verify(&units)?;
    faults.push_str(&users(workspace)?);
    let mut figures = Vec::new();
    for unit in units
        .iter()
        .filter(|unit| unit.extension().is_some_and(|ext| ext == "service"))
    {
        match exposure(unit)? {
            Ok(figure) => figures.push(figure),
            Err(fault) => faults.push_str(&fault),
        }
    }
    if faults.is_empty() {
        Ok(Outcome::Passed(format!("exposure {}", figures.join(", "))))
    } else {
        Ok(Outcome::Failed(faults))
    }
}

/// Copies the units to a scratch folder with the stand-in for our programs.
fn stage(workspace: &Workspace) -> anyhow::Result<Vec<PathBuf>> {
    let folder = workspace.scratch("units")?;
    // What an earlier run left would be checked again.
    std::fs::remove_dir_all(&folder).context("scratch folder")?;
    let folder = workspace.scratch("units")?;
    let source = workspace.root.join("systemd");
    let mut units = Vec::new();
    for entry in std::fs::read_dir(&source).context("systemd/")? {
        let path = entry.context("systemd/")?.path();
        let is_unit = path.extension().is_some_and(|ext| {
            ["service", "timer", "socket", "target", "path", "mount"]
                .iter()
                .any(|kind| ext == *kind)
        });
        let (true, Some(name)) = (is_unit, path.file_name()) else {
            continue;
        };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let copy = folder.join(name);
        std::fs::write(&copy, with_stand_in(&text))
            .with_context(|| format!("cannot write {}", copy.display()))?;
        units.push(copy);
    }
    units.sort();

    // Measured as installed: the gateway may reach the front, and nothing else; the page is
    // reached from the institution's network, the evaluation service from that of the sites.
    for (unit, example) in [
        ("sekisho-gateway", "front.conf"),
        ("sekisho-orders", "front.conf"),
        ("sekisho-page", "page.conf"),
        ("sekisho-front", "front-network.conf"),
        ("sekisho-evaluate", "evaluate.conf"),
        ("sekisho-selftest", "selftest.conf"),
        ("sekisho-update", "source.conf"),
        ("sekisho-health-gate", "gate.conf"),
    ] {
        let drop_in = folder.join(format!("{unit}.service.d"));
        std::fs::create_dir_all(&drop_in).context("scratch folder")?;
        std::fs::copy(source.join("examples").join(example), drop_in.join(example))
            .with_context(|| format!("systemd/examples/{example}"))?;
    }
    Ok(units)
}

/// The same unit with every program of ours replaced by the stand-in, arguments kept.
fn with_stand_in(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let named = PROGRAMS.iter().find_map(|program| line.split_once(program));
        match named {
            Some((key, rest)) if line.starts_with("Exec") => {
                let arguments = rest.split_once(' ').map_or("", |(_, arguments)| arguments);
                out.push_str(&format!("{key}{STAND_IN} {arguments}"));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// What systemd finds wrong in the units; empty when there is nothing.
fn verify(units: &[PathBuf]) -> anyhow::Result<String> {
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .args(units)
        .output()
        .context("systemd-analyze verify")?;
    let said = String::from_utf8_lossy(&output.stderr);
    // It reports units of the build machine too; only ours count.
    let ours: String = said.lines().filter(|line| names_one_of(line, units)).fold(
        String::new(),
        |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        },
    );
    if ours.is_empty() && !output.status.success() {
        return Ok(format!("systemd-analyze verify failed:\n{said}"));
    }
    Ok(ours)
}

/// What systemd finds wrong in the list of users, tried out on an empty root.
fn users(workspace: &Workspace) -> anyhow::Result<String> {
    let root = workspace.scratch("units-root")?;
    let output = Command::new("systemd-sysusers")
        .arg("--dry-run")
        .arg(format!("--root={}", root.display()))
        .arg(workspace.root.join("systemd/sysusers.d/sekisho.conf"))
        .arg(
            workspace
                .root
                .join("systemd/sysusers.d/sekisho-centre.conf"),
        )
        .output()
        .context("systemd-sysusers")?;
    Ok(if output.status.success() {
        String::new()
    } else {
        format!(
            "systemd-sysusers:\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

fn names_one_of(line: &str, units: &[PathBuf]) -> bool {
    units
        .iter()
        .filter_map(|unit| unit.file_name()?.to_str())
        .any(|name| line.contains(name))
}

/// `name figure`, or the whole table when the exposure is too high.
fn exposure(unit: &Path) -> anyhow::Result<Result<String, String>> {
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(format!("--threshold={EXPOSURE_AT_MOST_TENTHS}"))
        .arg(unit)
        .output()
        .context("systemd-analyze security")?;
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = unit
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    match figure(&table) {
        Some(figure) if output.status.success() => Ok(Ok(format!("{name} {figure}"))),
        _ => Ok(Err(format!(
            "{table}{}",
            String::from_utf8_lossy(&output.stderr)
        ))),
    }
}

/// The number in the last line, `→ Overall exposure level for NAME: 1.2 OK`.
fn figure(table: &str) -> Option<&str> {
    let line = table
        .lines()
        .find(|line| line.contains("Overall exposure level"))?;
    line.rsplit_once(": ")?.1.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::{figure, with_stand_in};

    #[test]
    fn only_the_program_is_replaced() {
        let unit = "[Service]\nExecStart=/usr/bin/sekisho-agent run --data-dir %S\n";
        assert_eq!(
            with_stand_in(unit),
            "[Service]\nExecStart=/bin/true run --data-dir %S\n"
        );
    }

    #[test]
    fn exposure_is_read_from_the_last_line() {
        let table = "✓ User=\n\n→ Overall exposure level for sekisho-agent.service: 1.2 OK 🙂\n";
        assert_eq!(figure(table), Some("1.2"));
        assert_eq!(figure("nothing"), None);
    }
}
