//! What the TPM will measure of a boot entry, signed beforehand: the key of the data partition is
//! given out to every kernel with such a signature, so that an update needs no new key.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::boot::Signer;
use super::kernel::Kernel;
use super::tool::{Tool, hex, sha256};

/// The register into which systemd's stub measures the entry.
const REGISTER: u32 = 11;

/// The parts of an entry that are measured.
pub(crate) struct Measured<'a> {
    pub(crate) release: &'a Path,
    pub(crate) command_line: &'a Path,
    pub(crate) kernel: &'a Kernel,
}

/// Writes the public key and the signature, in the form in which the stub hands them on.
///
/// # Errors
/// A tool fails.
pub(crate) fn sign(
    signer: &Signer,
    measured: &Measured<'_>,
    work: &Path,
) -> anyhow::Result<(PathBuf, PathBuf)> {
    let public = work.join("measured-key.pem");
    let mut write = Command::new("openssl");
    write.args(["pkey", "-pubout", "-in"]).arg(&signer.key);
    Tool(write.arg("-out").arg(&public)).run()?;

    let policy = policy(&expected(measured, &public)?);
    let (plain, signed) = (work.join("policy"), work.join("policy.signature"));
    fs::write(&plain, policy).context("policy")?;
    let mut sign = Command::new("openssl");
    sign.args(["dgst", "-sha256", "-sign"]).arg(&signer.key);
    Tool(sign.arg("-out").arg(&signed).arg(&plain)).run()?;
    let mut encode = Command::new("openssl");
    let signature = Tool(encode.args(["base64", "-A", "-in"]).arg(&signed)).run()?;

    // systemd names a key by the hash of its bare form.
    let bare = work.join("measured-key.der");
    let mut convert = Command::new("openssl");
    convert.args(["rsa", "-pubin", "-RSAPublicKey_out", "-outform", "DER"]);
    Tool(convert.arg("-in").arg(&public).arg("-out").arg(&bare)).run()?;
    let signatures = work.join("measured.json");
    let list = json!({ "sha256": [{
        "pcrs": [REGISTER],
        "pkfp": sha256(&bare)?,
        "pol": hex(&policy),
        "sig": signature.trim(),
    }]});
    fs::write(&signatures, list.to_string()).context("measured.json")?;
    Ok((public, signatures))
}

/// The value of the register once the entry has been started.
fn expected(measured: &Measured<'_>, public: &Path) -> anyhow::Result<Vec<u8>> {
    let mut calculate = Command::new("/usr/lib/systemd/systemd-measure");
    calculate
        .args(["calculate", "--bank=sha256", "--phase=:"])
        .arg(format!("--osrel={}", measured.release.display()))
        .arg(format!("--cmdline={}", measured.command_line.display()))
        .arg(format!("--linux={}", measured.kernel.image.display()))
        .arg(format!("--initrd={}", measured.kernel.initrd.display()))
        .arg(format!("--pcrpkey={}", public.display()));
    let said = Tool(&mut calculate).run()?;
    let value = said
        .lines()
        .find_map(|line| line.strip_prefix("11:sha256="))
        .context("systemd-measure tells no value")?;
    unhex(value.trim()).context("systemd-measure tells no value")
}

/// The TPM's policy "the register has this value", as a TPM computes it (TPM 2.0 Library, part 3,
/// TPM2_PolicyPCR).
fn policy(value: &[u8]) -> [u8; 32] {
    const POLICY_PCR: u32 = 0x0000_017f;
    const SHA256: u16 = 0x000b;
    // One selection of three bytes, in which bit 11 is set.
    let selected = (1_u32 << REGISTER).to_le_bytes();
    Sha256::new()
        .chain_update([0; 32])
        .chain_update(POLICY_PCR.to_be_bytes())
        .chain_update(1_u32.to_be_bytes())
        .chain_update(SHA256.to_be_bytes())
        .chain_update([3])
        .chain_update(&selected[..3])
        .chain_update(Sha256::digest(value))
        .finalize()
        .into()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{hex, policy, unhex};

    /// The value that a TPM in software gave for a register of zeros (`tpm2_policypcr`).
    #[test]
    fn the_policy_is_what_a_tpm_computes() {
        assert_eq!(
            hex(&policy(&[0; 32])),
            "fd32fa22c52cfc8e1a0c29eb38519f87084cab0b04b0d8f020a4d38b2f4e223e"
        );
    }

    #[test]
    fn values_are_read_as_they_are_written() {
        assert_eq!(unhex("00ff"), Some(vec![0, 255]));
        assert_eq!(unhex("0g"), None);
    }
}
