//! How the gateways of a device stood when their last runs ended.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use health::{GATEWAY_MAX, Gateway};

/// Most sites of one device.
const GATEWAYS_MAX: usize = 64;

/// The gateways of all sites of the device, as the worst of them stands, from the files that they
/// leave in a folder.
pub fn joined(folder: &Path) -> Option<Gateway> {
    all(folder).into_iter().reduce(Gateway::with)
}

/// Each of them.
pub fn all(folder: &Path) -> Vec<Gateway> {
    let files = fs::read_dir(folder).into_iter().flatten();
    let files = files.take(GATEWAYS_MAX).flatten();
    let read = |file: fs::DirEntry| -> Option<Gateway> {
        let path = file.path();
        path.extension().filter(|kind| *kind == "cbor")?;
        let mut bytes = Vec::new();
        let most = GATEWAY_MAX as u64 + 1;
        let file = fs::File::open(path).ok()?;
        file.take(most).read_to_end(&mut bytes).ok()?;
        Gateway::read(&bytes).ok()
    };
    files.filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gateways_left_is_joined_and_other_files_are_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let look = || joined(root.path());
        assert_eq!(look(), None);
        let one = Gateway {
            at: 10,
            problem: 0,
            waiting: 1,
            oldest: Some(5),
            source: Some(9),
            receipt: Some(8),
            front: Some(9),
            asked: None,
            certificate: Some(1),
        };
        let other = Gateway { waiting: 2, ..one };
        for (name, bytes) in [
            ("HOSP-A.cbor", one.to_bytes().unwrap().to_vec()),
            ("HOSP-B.cbor", other.to_bytes().unwrap().to_vec()),
            ("HOSP-C.cbor.new", other.to_bytes().unwrap().to_vec()),
            ("HOSP-D.cbor", vec![0xff; 1 << 20]),
        ] {
            fs::write(root.path().join(name), bytes).unwrap();
        }
        assert_eq!(look(), Some(Gateway { waiting: 3, ..one }));
    }
}
