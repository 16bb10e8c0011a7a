//! What the firmware starts: one signed file of kernel, initrd and command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::Recipe;
use super::base::Base;
use super::kernel::Kernel;
use super::lists::Lists;
use super::measurement::{self, Measured};
use super::tool::{TEST_CERTIFICATE, TEST_KEY, Tool, at_epoch};
use super::verity::Verity;

/// Where the parts lie in the memory of the stub; far enough apart for any kernel.
const PLACES: [(&str, &str); 6] = [
    ("osrel", "0x20000"),
    ("cmdline", "0x30000"),
    ("pcrpkey", "0x40000"),
    ("pcrsig", "0x50000"),
    ("linux", "0x2000000"),
    ("initrd", "0x3000000"),
];

/// Whose signature the firmware accepts.
pub(crate) struct Signer {
    /// Private key, PEM.
    pub(crate) key: PathBuf,
    /// Certificate, PEM.
    pub(crate) certificate: PathBuf,
}

impl Signer {
    /// The key that OVMF publishes; its password is known to everybody.
    ///
    /// # Errors
    /// OVMF is not installed.
    pub(crate) fn for_tests(folder: &Path) -> anyhow::Result<Self> {
        let key = folder.join("test-key.pem");
        let mut open = Command::new("openssl");
        open.args(["pkey", "-passin", "pass:snakeoil", "-in", TEST_KEY, "-out"]);
        Tool(open.arg(&key)).run()?;
        Ok(Self {
            key,
            certificate: PathBuf::from(TEST_CERTIFICATE),
        })
    }

    /// Signs a program of the firmware. The same file gives the same signature: the time in it is
    /// that of the image.
    ///
    /// # Errors
    /// The key does not fit the certificate, or the file is no program of the firmware.
    pub(crate) fn sign(&self, from: &Path, to: &Path, epoch: u64) -> anyhow::Result<()> {
        let mut sign = at_epoch("sbsign", epoch);
        sign.arg("--key").arg(&self.key);
        sign.arg("--cert").arg(&self.certificate);
        Tool(sign.arg("--output").arg(to).arg(from)).run().map(drop)
    }
}

/// Makes and signs `sekisho.efi`.
///
/// # Errors
/// A tool fails.
pub(crate) fn unified(
    recipe: &Recipe<'_>,
    lists: &Lists,
    base: &Base,
    kernel: &Kernel,
    verity: &Verity,
    work: &Path,
    version: &str,
) -> anyhow::Result<PathBuf> {
    let words = [
        format!("sekisho.root={}", verity.name.replace('-', "")),
        format!("sekisho.hash={}", verity.hash),
        format!("sekisho.salt={}", verity.salt),
        format!("sekisho.blocks={}", verity.blocks),
    ];
    let line: Vec<&String> = lists.command_line.iter().chain(&words).collect();
    let line: Vec<&str> = line.iter().map(|word| word.as_str()).collect();
    let (command_line, release) = (work.join("cmdline"), work.join("osrel"));
    fs::write(&command_line, line.join(" ")).context("the command line")?;
    let name =
        format!("ID=sekisho\nNAME=Sekisho\nVERSION_ID={version}\nPRETTY_NAME=Sekisho {version}\n");
    fs::write(&release, name).context("the name of the boot entry")?;

    let stub = base.loader().join("linuxx64.efi.stub");
    let unsigned = work.join("unsigned.efi");
    let mut join = at_epoch("objcopy", lists.epoch);
    let measured = Measured {
        release: &release,
        command_line: &command_line,
        kernel,
    };
    let (public, signature) = measurement::sign(&recipe.signer, &measured, work)?;
    let files = [
        &release,
        &command_line,
        &public,
        &signature,
        &kernel.image,
        &kernel.initrd,
    ];
    for ((section, place), file) in PLACES.iter().zip(files) {
        join.arg(format!("--add-section=.{section}={}", file.display()));
        join.arg(format!("--change-section-vma=.{section}={place}"));
    }
    Tool(join.arg(stub).arg(&unsigned)).run()?;
    let signed = recipe.out.join("sekisho.efi");
    recipe.signer.sign(&unsigned, &signed, lists.epoch)?;
    Ok(signed)
}
