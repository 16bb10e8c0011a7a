//! What the kernel tells of the device below `/sys`, and gateways of their last run. What is not
//! there or makes no sense is not known; nothing of it stops anything.

use std::fs;
use std::path::Path;

use ::health::Gateway;
use agent::gateways;

/// Where the kernel tells it.
pub(crate) const SYS: &str = "/sys";

/// What is known of the device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Device {
    /// The warmest part, in degrees Celsius.
    pub(crate) temperature: Option<i8>,
    /// How much of the disk's life is used up, in percent, as flash storage (eMMC) tells it in
    /// steps of ten.
    pub(crate) wear: Option<u8>,
    /// Whether the interface of the closed network has a carrier.
    pub(crate) line: Option<bool>,
    /// How the data path stood.
    pub(crate) gateway: Option<Gateway>,
}

impl Device {
    /// Asks the kernel, for the line by the name of its interface, and reads what gateways left in
    /// their folder.
    pub(crate) fn look(sys: &Path, line: Option<&str>, folder: Option<&Path>) -> Self {
        Self {
            temperature: temperature(sys),
            wear: wear(sys),
            line: line.map(|name| carrier(sys, name)),
            gateway: folder.and_then(gateways::joined),
        }
    }
}

fn temperature(sys: &Path) -> Option<i8> {
    let zones = fs::read_dir(sys.join("class/thermal")).ok()?;
    let read = |zone: fs::DirEntry| -> Option<i8> {
        let thousandths: i32 = text(&zone.path().join("temp"))?.parse().ok()?;
        i8::try_from(thousandths / 1_000).ok()
    };
    zones.flatten().filter_map(read).max()
}

fn wear(sys: &Path) -> Option<u8> {
    let disks = fs::read_dir(sys.join("block")).ok()?;
    let read = |disk: fs::DirEntry| -> Option<u8> {
        let told = text(&disk.path().join("device/life_time"))?;
        // Two kinds of cells, each from 0x01 (up to 10 % used) to 0x0b (all of it and more).
        let steps = told.split_whitespace().filter_map(|part| {
            let step = u8::from_str_radix(part.strip_prefix("0x")?, 16).ok()?;
            (1..=11).contains(&step).then_some(step)
        });
        steps.max().map(|step| step * 10)
    };
    disks.flatten().filter_map(read).max()
}

/// An interface that is down gives an error, as one that is not there.
fn carrier(sys: &Path, name: &str) -> bool {
    // A name with a slash is the name of no interface.
    !name.contains('/')
        && text(&sys.join("class/net").join(name).join("carrier")).as_deref() == Some("1")
}

fn text(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn the_warmest_zone_the_most_worn_disk_and_the_line_are_told() {
        let root = tempfile::tempdir().unwrap();
        put(
            root.path(),
            &[
                ("class/thermal/thermal_zone0/temp", "41500\n"),
                ("class/thermal/thermal_zone1/temp", "67000\n"),
                ("class/thermal/cooling_device0/type", "fan\n"),
                ("block/mmcblk0/device/life_time", "0x02 0x05\n"),
                ("block/sda/size", "1\n"),
                ("class/net/wan0/carrier", "1\n"),
                ("class/net/wan1/carrier", "0\n"),
            ],
        );
        for (line, up) in [
            (Some("wan0"), Some(true)),
            (Some("wan1"), Some(false)),
            (Some("wan2"), Some(false)),
            (Some("../net/wan0"), Some(false)),
            (None, None),
        ] {
            let told = Device::look(root.path(), line, None);
            let known = (told.temperature, told.wear);
            assert_eq!((known, told.line), ((Some(67), Some(50)), up), "{line:?}");
        }
    }

    #[test]
    fn nonsense_is_not_known() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Device::look(root.path(), None, None), Device::default());
        put(
            root.path(),
            &[
                ("class/thermal/thermal_zone0/temp", "999999\n"),
                ("class/thermal/thermal_zone1/temp", "warm\n"),
                ("block/mmcblk0/device/life_time", "0x00 0x0c\n"),
                ("block/mmcblk1/device/life_time", "5\n"),
            ],
        );
        assert_eq!(Device::look(root.path(), None, None), Device::default());
    }
}
