//! The storage of an independent generator: every file is clean ISO-2022-JP, and comes back byte
//! for byte (A-020, C-25).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]
#![expect(
    clippy::disallowed_types,
    reason = "a test unpacks the sample; the library itself does no I/O"
)]

use std::process::Command;

use text::jis::{self, Encoding};

const SAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/samples/storage-200-patients.tar.xz"
);

/// The contents of the regular files of an archive in the format of tar.
fn files(archive: &[u8]) -> Vec<&[u8]> {
    const BLOCK: usize = 512;
    let mut found = Vec::new();
    let mut rest = archive;
    while let Some((header, after)) = rest.split_at_checked(BLOCK) {
        let size = std::str::from_utf8(&header[124..135]).unwrap_or_default();
        let Ok(size) = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8) else {
            break;
        };
        if matches!(header[156], b'0' | 0) {
            found.push(&after[..size]);
        }
        rest = &after[size.next_multiple_of(BLOCK)..];
    }
    found
}

#[test]
fn every_file_of_the_sample_is_clean_and_comes_back_byte_for_byte() {
    let unpacked = Command::new("xz").args(["-dc", SAMPLE]).output();
    let unpacked = unpacked.expect("Debian package: xz-utils");
    assert!(unpacked.status.success());
    let files = files(&unpacked.stdout);
    assert_eq!(files.len(), 11_656);
    let mut text = String::new();
    let mut japanese = 0;
    for bytes in files {
        let repairs = jis::decode_into(bytes, Encoding::Iso2022Jp, &mut text);
        assert!(repairs.is_clean(), "{repairs:?}");
        assert!(jis::encode(&text).unwrap() == bytes);
        japanese += usize::from(!text.is_ascii());
    }
    assert_eq!(japanese, 11_656);
}
