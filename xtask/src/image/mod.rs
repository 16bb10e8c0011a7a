//! `cargo xtask image`: the disk image of the appliance, from the lists and files in `image/`.
//!
//! Steps, each in a file of its own: a base of Debian packages, the root with our programs and
//! units in it, modules and initrd, the hash tree, one signed file to boot, the disk, the list of
//! parts. What the image is stands in `image/README.md`.

#![expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print its result"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::Workspace;

mod base;
mod board_check;
pub(crate) mod boot;
pub(crate) mod check;
mod container_check;
mod device;
mod disk;
pub(crate) mod esp;
mod kernel;
mod lists;
pub(crate) mod machine;
mod measurement;
mod monitor;
mod parts;
pub(crate) mod power_cuts;
mod releases;
mod root;
mod scan;
mod snapshot;
mod stick_check;
mod surface;
pub(crate) mod tool;
pub(crate) mod update_check;
mod update_cuts;
mod verity;
mod wire_check;
mod write_log;

use lists::Lists;
use tool::Tool;

/// The version of this checkout.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `cargo xtask image` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder for the image and what belongs to it.
    #[arg(long, value_name = "FOLDER", default_value = "out/image")]
    out: PathBuf,
    /// The key for Secure Boot, PEM; without it the published test key of OVMF.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// The certificate of that key, PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The root of trust of updates (`sekisho-release root`). Without it the device takes none.
    #[arg(long, value_name = "FILE")]
    update_root: Option<PathBuf>,
    /// The public key of the operator, whose settings a device takes (`sekisho-collector orders
    /// make-key`). Without it the device takes none.
    #[arg(long, value_name = "FILE")]
    operator: Option<PathBuf>,
    /// Take our programs from this folder instead of building them.
    #[arg(long, value_name = "FOLDER", conflicts_with = "twice")]
    programs: Option<PathBuf>,
    /// Write the versions that the archive has now to image/base/versions.txt.
    #[arg(long)]
    pin: bool,
    /// Boot the image for tests and write docs/operating/attack-surface.md.
    #[arg(long)]
    surface: bool,
    /// Build everything twice, the base and the programs included, and compare every byte.
    #[arg(long)]
    twice: bool,
}

/// The files of one image.
pub(crate) struct Image {
    /// The whole disk: a signed loader, two slots, the first of them filled.
    pub(crate) disk: PathBuf,
    /// The root, as it is written to a slot.
    pub(crate) root: PathBuf,
    /// Its hash tree.
    pub(crate) tree: PathBuf,
    /// The signed boot entry.
    pub(crate) entry: PathBuf,
    /// What the archive has that is not what is pinned; empty when everything is.
    pub(crate) drift: Vec<String>,
}

/// What an image is made with.
pub(crate) struct Recipe<'a> {
    pub(crate) workspace: &'a Workspace,
    /// The folder of our stripped programs.
    pub(crate) programs: PathBuf,
    /// Where the image goes.
    pub(crate) out: PathBuf,
    /// The version that the image and its boot entry say they are.
    pub(crate) version: &'a str,
    /// Whether the probe of the tests is in it (`image/test`).
    pub(crate) probe: bool,
    pub(crate) signer: boot::Signer,
    /// Whose updates are taken.
    pub(crate) update_root: Option<PathBuf>,
    /// Whose settings are taken.
    pub(crate) operator: Option<PathBuf>,
    /// A folder of files that are laid over the root at last: what a test breaks in it.
    pub(crate) broken: Option<PathBuf>,
    /// Whether every step is told.
    pub(crate) loud: bool,
    /// Whether a base that was made before may be taken.
    pub(crate) fresh_base: bool,
}

/// Builds the image, and says what came of it.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let out = workspace.root.join(&arguments.out);
    let recipe = |out: PathBuf, fresh: bool| {
        Ok::<_, anyhow::Error>(Recipe {
            workspace,
            programs: match &arguments.programs {
                Some(built) => stripped(workspace, built)?,
                None => release_programs(workspace, fresh)?,
            },
            out,
            version: VERSION,
            probe: false,
            loud: true,
            signer: signer(workspace, arguments)?,
            update_root: arguments.update_root.clone(),
            operator: arguments.operator.clone(),
            broken: None,
            fresh_base: fresh,
        })
    };
    if arguments.pin {
        let lists = Lists::read(&workspace.root)?;
        let base = base::make(workspace, &lists, true)?;
        base::write_pins(workspace, &base)?;
        println!(
            "image/base/versions.txt has {} packages",
            base.packages.len()
        );
    }
    if arguments.surface {
        check::write_surface(workspace)?;
        println!("{} is written", surface::PAGE);
        return Ok(ExitCode::SUCCESS);
    }
    let image = build(&recipe(out.clone(), arguments.twice)?)?;
    if !image.drift.is_empty() {
        for line in &image.drift {
            println!("  {line}");
        }
        println!("The archive no longer has the pinned versions: --pin takes the new ones.");
        return Ok(ExitCode::FAILURE);
    }
    if arguments.twice {
        let again = build(&recipe(workspace.scratch("image/again")?, true)?)?;
        let same = same_files(&out, again.disk.parent().unwrap_or(Path::new(".")))?;
        println!("built twice: {same} files, the same bytes");
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes one image.
pub(crate) fn build(recipe: &Recipe<'_>) -> anyhow::Result<Image> {
    tool::require()?;
    let workspace = recipe.workspace;
    let lists = Lists::read(&workspace.root)?;
    let version = recipe.version;
    std::fs::create_dir_all(&recipe.out)
        .with_context(|| format!("cannot make {}", recipe.out.display()))?;

    let base = step(recipe.loud, "base", || {
        base::make(workspace, &lists, recipe.fresh_base)
    })?;
    let drift = base::drift(&lists, &base);
    let work = emptied(workspace, "image/work")?;
    let tree = work.join("root");
    step(recipe.loud, "root", || {
        root::make(recipe, &lists, &base, &tree, version)
    })?;
    let kernel = step(recipe.loud, "kernel", || {
        kernel::make(&lists, &base, &work, &tree)
    })?;
    let verity = step(recipe.loud, "verity", || {
        verity::make(&tree, &recipe.out, version, lists.epoch)
    })?;
    let unified = step(recipe.loud, "boot", || {
        boot::unified(recipe, &lists, &base, &kernel, &verity, &work, version)
    })?;
    let disk = step(recipe.loud, "disk", || {
        disk::make(recipe, &lists, &base, &verity, &unified, &work, version)
    })?;
    step(recipe.loud, "parts", || {
        parts::write(recipe, &lists, &base, version)
    })?;
    if recipe.loud {
        let size = std::fs::metadata(&verity.root).context("root")?.len();
        println!("  root {:.1} MB, {}", size as f64 / 1e6, disk.display());
    }
    Ok(Image {
        disk,
        root: verity.root,
        tree: verity.tree,
        entry: unified,
        drift,
    })
}

/// Runs one step and prints how long it took.
fn step<T>(loud: bool, name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let begin = Instant::now();
    let made = work().with_context(|| format!("image: {name}"))?;
    if loud {
        println!("  {name:<8} {:>6.1} s", begin.elapsed().as_secs_f64());
    }
    Ok(made)
}

/// A scratch folder with nothing in it.
fn emptied(workspace: &Workspace, name: &str) -> anyhow::Result<PathBuf> {
    let folder = workspace.scratch(name)?;
    std::fs::remove_dir_all(&folder)
        .with_context(|| format!("cannot empty {}", folder.display()))?;
    workspace.scratch(name)
}

fn signer(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<boot::Signer> {
    match (&arguments.key, &arguments.certificate) {
        (Some(key), Some(certificate)) => Ok(boot::Signer {
            key: std::path::absolute(key)?,
            certificate: std::path::absolute(certificate)?,
        }),
        _ => {
            println!("  signed with OVMF's published test key: never for a device in the field");
            boot::Signer::for_tests(&workspace.scratch("image")?)
        }
    }
}

/// Our programs as they are shipped: no path of this machine in them, so that any checkout gives
/// the same bytes.
pub(crate) fn release_programs(workspace: &Workspace, fresh: bool) -> anyhow::Result<PathBuf> {
    let target = workspace.target.join("xtask/image/target");
    if fresh && target.exists() {
        std::fs::remove_dir_all(&target).context("programs of an earlier run")?;
    }
    let cargo_home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    let flags = [
        format!("--remap-path-prefix={}=sekisho", workspace.root.display()),
        format!("--remap-path-prefix={cargo_home}=cargo"),
    ];
    let status = workspace
        .cargo()
        .args(["build", "--quiet", "--release", "--locked", "--bins"])
        .args([
            "--package",
            "gateway",
            "--package",
            "agent",
            "--package",
            "instrument",
        ])
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .status()
        .context("cargo cannot be started")?;
    ensure!(status.success(), "the programs cannot be built");
    stripped(workspace, &target.join("release"))
}

/// Copies our programs without symbols; the folder they are in.
pub(crate) fn stripped(workspace: &Workspace, built: &Path) -> anyhow::Result<PathBuf> {
    let folder = emptied(workspace, "image/programs")?;
    let names = parts::programs(workspace)?;
    for name in &names {
        let mut strip = Command::new("strip");
        strip.arg("--strip-all").arg("-o").arg(folder.join(name));
        Tool(strip.arg(built.join(name))).run()?;
    }
    Ok(folder)
}

/// Compares the files of two folders; how many there are.
pub(crate) fn same_files(one: &Path, other: &Path) -> anyhow::Result<usize> {
    let (first, second) = (digests(one)?, digests(other)?);
    for (name, digest) in &first {
        ensure!(
            second.get(name) == Some(digest),
            "{name} differs between two builds of the same checkout"
        );
    }
    ensure!(first.len() == second.len(), "one build made more files");
    Ok(first.len())
}

/// The SHA-256 of every file of a folder.
fn digests(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut digests = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        digests.insert(name.into_owned(), tool::sha256(&path)?);
    }
    Ok(digests)
}
