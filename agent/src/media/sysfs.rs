//! What the kernel tells of a block device: its size, and the USB device that it stands on.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use media::Stick;

/// Longest text of the kernel that is read, in bytes.
const TEXT_MOST: u64 = 256;
/// From a partition up to its USB device there are fewer folders.
const PARENTS_MOST: usize = 16;
const SECTOR: u64 = 512;

/// A block device.
pub(crate) struct Seen {
    /// The stick that it is on; `None` where it is on none, or on one that says nothing of itself.
    pub(crate) stick: Option<Stick>,
    /// Its size in bytes; 0 where it is not known.
    pub(crate) size: u64,
}

/// Looks at a device by its name.
pub(crate) fn look(sys: &Path, device: &str) -> Seen {
    let folder = folder(sys, device);
    let sectors = folder
        .as_ref()
        .and_then(|folder| text(&folder.join("size")));
    let sectors = sectors
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(0);
    let numbers = numbers(sys, device);
    let stick =
        numbers.and_then(|[vendor, product, serial]| Stick::new(&vendor, &product, &serial));
    Seen {
        stick,
        size: sectors.saturating_mul(SECTOR),
    }
}

/// Vendor, product and serial number of the USB device that a block device is on, as it says them.
pub(crate) fn numbers(sys: &Path, device: &str) -> Option<[String; 3]> {
    let folder = folder(sys, device)?;
    let usb = folder
        .ancestors()
        .take(PARENTS_MOST)
        .find(|folder| folder.join("idVendor").exists())?;
    let read = |name: &str| text(&usb.join(name)).unwrap_or_default();
    Some([read("idVendor"), read("idProduct"), read("serial")])
}

/// The folder of a device, with every link followed. A name that is a path is none.
fn folder(sys: &Path, device: &str) -> Option<PathBuf> {
    let plain = device.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let link = sys.join("class/block").join(device);
    (plain && !device.is_empty())
        .then(|| fs::canonicalize(link).ok())
        .flatten()
}

fn text(path: &Path) -> Option<String> {
    Some(bounded(path, TEXT_MOST).ok()?.trim().to_owned())
}

/// The text of a file, of which there may be so many bytes at most.
pub(crate) fn bounded(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    match text.len() as u64 > most {
        true => Err(io::Error::other("too large")),
        false => Ok(text),
    }
}
