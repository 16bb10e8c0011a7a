//! B-110: cryptographic algorithms are named in one crate, and in the few files of this list. A
//! file that names one anywhere else breaks the check of the house's rules.

/// Packages by which an algorithm is named.
const PACKAGES: [&str; 27] = [
    "aes",
    "aes_gcm",
    "aes_gcm_siv",
    "argon2",
    "aws_lc_rs",
    "blake2",
    "blake3",
    "chacha20poly1305",
    "curve25519_dalek",
    "ed25519_dalek",
    "hkdf",
    "hmac",
    "hpke",
    "md5",
    "ml_dsa",
    "ml_kem",
    "openssl",
    "p256",
    "p384",
    "pbkdf2",
    "ring",
    "rsa",
    "sha1",
    "sha2",
    "sha3",
    "voprf",
    "x25519_dalek",
];
/// Of `ring` these name none.
const RING_WITHOUT_ALGORITHM: [&str; 2] = ["ring::rand", "ring::error"];

/// What is not shipped: tests hold the product against other implementations.
const NOT_SHIPPED: [&str; 2] = ["tests/", "xtask/"];

/// Where algorithms are named, and why there. `docs/decisions/0005` lists them.
const NAMED_IN: [(&str, &str); 12] = [
    ("crates/envelope/", "the closed list"),
    ("crates/privacy/src/fixtures.rs", "keys of tests"),
    (
        "crates/update/src/digest.rs",
        "digests of chunks: pure, and without the envelope",
    ),
    ("gateway/src/page/password.rs", "Argon2id of passwords"),
    ("gateway/src/page/totp.rs", "what authenticator apps speak"),
    ("gateway/src/page/passkey.rs", "what passkeys sign with"),
    ("gateway/src/page/secret.rs", "second factors at rest"),
    ("agent/src/media/log.rs", "keyed references of sticks"),
    ("agent/src/release/keys.rs", "signing of releases"),
    ("keys/src/main.rs", "what the TPM signs is a digest"),
    ("agent/src/control/signers.rs", "signatures of orders"),
    (
        "instrument/src/folder.rs",
        "names of messages by their bytes",
    ),
];

/// Names every line of a source that names an algorithm and is not on the list.
pub(crate) fn check(name: &str, text: &str, faults: &mut Vec<String>) {
    let listed = NAMED_IN.iter().any(|(path, _)| name.starts_with(path));
    let in_tests = name.contains("/tests/") || name.ends_with("tests.rs");
    if listed || in_tests || NOT_SHIPPED.iter().any(|folder| name.starts_with(folder)) {
        return;
    }
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(package) = PACKAGES.iter().find(|package| names(line, package)) {
            faults.push(format!(
                "{name}:{number}: `{package}` names algorithms, which crates/envelope does (B-110)"
            ));
        }
    }
}

/// Whether a line reaches into a package, not into a module of the same name of another one.
fn names(line: &str, package: &str) -> bool {
    let path = format!("{package}::");
    line.match_indices(&path).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        let own = |last: char| !last.is_alphanumeric() && last != '_' && last != ':';
        let rest = line.get(at..).unwrap_or_default();
        before.chars().next_back().is_none_or(own)
            && !line.trim_start().starts_with("//")
            && !RING_WITHOUT_ALGORITHM
                .iter()
                .any(|module| rest.starts_with(module))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(name: &str, line: &str) -> usize {
        let mut faults = Vec::new();
        check(name, line, &mut faults);
        faults.len()
    }

    #[test]
    fn an_algorithm_is_named_where_the_list_allows_it_and_nowhere_else() {
        for (name, line, expected) in [
            ("gateway/src/run.rs", "use sha2::Sha256;", 1),
            (
                "gateway/src/run.rs",
                "    let key = ring::hmac::Key::new(",
                1,
            ),
            ("crates/text/src/fold.rs", "use md5::compute;", 1),
            ("crates/envelope/src/mac.rs", "use sha2::Sha256;", 0),
            ("gateway/src/page/totp.rs", "use ring::hmac;", 0),
            ("tests/fuzz/src/batch.rs", "use ring::hmac;", 0),
            ("gateway/src/page/tests/desk.rs", "use ring::hmac;", 0),
            (
                "gateway/src/send/mod.rs",
                "use ring::rand::SystemRandom;",
                0,
            ),
            (
                "gateway/src/tls.rs",
                "use rustls::crypto::ring::default_provider;",
                0,
            ),
            ("gateway/src/run.rs", "String::from_utf8(bytes)", 0),
            ("gateway/src/run.rs", "// as sha2::Sha256 does", 0),
        ] {
            assert_eq!(faults(name, line), expected, "{name}: {line}");
        }
    }
}
