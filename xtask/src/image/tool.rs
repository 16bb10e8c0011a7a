//! Programs of Debian that build the image, and what went wrong with one.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

/// Program and package of everything that is started.
const NEEDED: &[(&str, &str)] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("mkfs.erofs", "erofs-utils"),
    ("veritysetup", "cryptsetup-bin"),
    ("depmod", "kmod"),
    ("cpio", "cpio"),
    ("zstd", "zstd"),
    ("strip", "binutils"),
    ("sbsign", "sbsigntool"),
    ("faketime", "faketime"),
    ("openssl", "openssl"),
    ("mkfs.vfat", "dosfstools"),
    ("mcopy", "mtools"),
    ("sgdisk", "gdisk"),
    ("systemd-sysusers", "systemd"),
];

/// The certificate and key that OVMF publishes for tests.
pub(crate) const TEST_KEY: &str = "/usr/share/ovmf/PkKek-1-snakeoil.key";
pub(crate) const TEST_CERTIFICATE: &str = "/usr/share/ovmf/PkKek-1-snakeoil.pem";

/// Fails with what to install when something is missing.
pub(crate) fn require() -> anyhow::Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "the image is built as root: its files belong to users of their own"
    );
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).exists());
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(program, _)| !found(program))
        .map(|(_, package)| *package)
        .collect();
    ensure!(
        missing.is_empty(),
        "missing: apt-get install {}",
        missing.join(" ")
    );
    ensure!(
        Path::new(TEST_KEY).exists(),
        "missing: apt-get install ovmf"
    );
    Ok(())
}

/// A program that either does what it is asked or fails the build with what it said.
pub(crate) struct Tool<'a>(pub(crate) &'a mut Command);

impl Tool<'_> {
    /// Runs it; what it wrote to its output.
    ///
    /// # Errors
    /// It cannot be started, or ends with another status than 0.
    pub(crate) fn run(self) -> anyhow::Result<String> {
        let name = self.0.get_program().to_string_lossy().into_owned();
        let output = self
            .0
            .output()
            .with_context(|| format!("{name} cannot be started"))?;
        if !output.status.success() {
            bail!(
                "{name} ended with {}:\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// `name`, run at the time of the image: what writes times into its output writes this one.
pub(crate) fn at_epoch(name: &str, epoch: u64) -> Command {
    let mut command = Command::new("faketime");
    command
        .arg("-f")
        .arg(format!("@{}", faketime_text(epoch)))
        .arg(name)
        .env("SOURCE_DATE_EPOCH", epoch.to_string())
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8");
    command
}

/// The time as faketime takes it.
fn faketime_text(epoch: u64) -> String {
    let seconds = i64::try_from(epoch).unwrap_or(0);
    let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn sha256(path: &Path) -> anyhow::Result<String> {
    let mut file =
        std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).context("read")?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first sixteen bytes of a digest, as a name in the form of a UUID.
pub(crate) fn uuid_of(digest: &str) -> String {
    let mut text: String = digest.chars().take(32).collect();
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}

/// The SHA-256 of a text, in hexadecimal.
pub(crate) fn sha256_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{faketime_text, uuid_of};

    #[test]
    fn a_digest_gives_a_name_of_sixteen_bytes() {
        assert_eq!(
            uuid_of("00112233445566778899aabbccddeeff0123"),
            "00112233-4455-6677-8899-aabbccddeeff"
        );
    }

    #[test]
    fn the_time_is_told_in_utc() {
        assert_eq!(faketime_text(1_793_491_200), "2026-11-01 00:00:00");
    }
}
