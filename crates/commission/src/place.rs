//! Where a file may go.

/// A place of the closed list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    folder: Folder,
    /// Path below the folder.
    rest: String,
}

/// Who reads a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// Everybody on the device: it holds no secret.
    Everybody,
    /// Root alone.
    Root,
    /// Root and those who read the ledger.
    Ledger,
    /// Whoever replaces settings when the centre orders it.
    Control,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Folder {
    Sekisho,
    Settings,
    Units,
    Network,
    Firewall,
    Tunnel,
    Ledger,
}

/// Longest name of a file.
const NAME_MAX: usize = 64;
/// Units to which a site adds something besides those of ours.
const UNITS: [&str; 2] = ["strongswan.service", "systemd-timesyncd.service"];
const TUNNEL_CERTIFICATES: [&str; 2] = ["x509", "x509ca"];

impl Place {
    /// Reads a place; `None` when it is not on the list.
    pub fn parse(text: &str) -> Option<Self> {
        let (folder, rest) = text.split_once('/')?;
        let folder = match folder {
            "sekisho" if rest == "gateway.toml" => Folder::Settings,
            "sekisho" if named(rest, &[".toml", ".pem", ".pub", ".crl"]) => Folder::Sekisho,
            "units" if unit(rest) => Folder::Units,
            "systemd" if network(rest) => Folder::Network,
            "nftables.d" if named(rest, &[".nft"]) => Folder::Firewall,
            "swanctl" if tunnel(rest) => Folder::Tunnel,
            "ledger" if ["notices.csv", "stops.csv"].contains(&rest) => Folder::Ledger,
            _ => return None,
        };
        let rest = rest.to_owned();
        Some(Self { folder, rest })
    }

    /// The path on the device, below its root.
    pub fn path(&self) -> String {
        let folder = match self.folder {
            Folder::Sekisho => "etc/sekisho",
            Folder::Settings => "var/lib/sekisho/settings",
            Folder::Units => "etc/sekisho/units",
            Folder::Network => "etc/sekisho/systemd",
            Folder::Firewall => "etc/nftables.d",
            Folder::Tunnel => "etc/swanctl",
            Folder::Ledger => "var/lib/sekisho/ledger",
        };
        format!("{folder}/{}", self.rest)
    }

    /// Who reads it.
    pub fn keeper(&self) -> Keeper {
        match self.folder {
            Folder::Settings => Keeper::Control,
            Folder::Ledger => Keeper::Ledger,
            Folder::Tunnel => Keeper::Root,
            _ => Keeper::Everybody,
        }
    }

    /// Whether what it holds is a part of the service manager's configuration.
    pub fn is_unit(&self) -> bool {
        self.folder == Folder::Units
    }
}

/// One name without a folder, of lower case letters, digits, `.`, `_` and `-`, with one of these
/// endings.
fn named(name: &str, endings: &[&str]) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let begins = name
        .bytes()
        .next()
        .is_some_and(|it| it.is_ascii_alphanumeric());
    let ends = endings
        .iter()
        .any(|ending| name.len() > ending.len() && name.ends_with(ending));
    begins && ends && name.len() <= NAME_MAX && name.bytes().all(plain)
}

fn unit(rest: &str) -> bool {
    let Some((folder, name)) = rest.split_once('/') else {
        // The name of a mount is the place where it goes.
        return named(rest, &[".mount"]) && rest.starts_with("mnt-");
    };
    let Some(unit) = folder.strip_suffix(".d") else {
        return false;
    };
    let ours = unit.starts_with("sekisho-") && named(unit, &[".service", ".timer"]);
    (ours || UNITS.contains(&unit)) && named(name, &[".conf"])
}

/// As `sekisho-selftest network` and `sekisho-gateway network` name them.
fn network(rest: &str) -> bool {
    match rest.split_once('/') {
        Some(("network", name)) => named(name, &[".network", ".netdev"]),
        Some(("timesyncd.conf.d", name)) => named(name, &[".conf"]),
        _ => false,
    }
}

fn tunnel(rest: &str) -> bool {
    match rest.split_once('/') {
        None => rest == "sekisho-updown",
        Some(("conf.d", name)) => named(name, &[".conf"]),
        Some(("x509crl", name)) => named(name, &[".pem", ".crl"]),
        Some(("private", name)) => named(name, &[".pem"]),
        Some((folder, name)) => TUNNEL_CERTIFICATES.contains(&folder) && named(name, &[".pem"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_to_the_places_of_the_list_and_nowhere_else() {
        let cases = [
            (
                "sekisho/gateway.toml",
                Some("var/lib/sekisho/settings/gateway.toml"),
            ),
            ("sekisho/device.toml", Some("etc/sekisho/device.toml")),
            ("sekisho/core.pub", Some("etc/sekisho/core.pub")),
            ("sekisho/credentials/tls.key", None),
            ("sekisho/.toml", None),
            ("sekisho/../x.toml", None),
            ("sekisho//x.toml", None),
            ("/etc/sekisho/x.toml", None),
            ("sekisho/x.sh", None),
            ("sekisho/X.toml", None),
            ("sekisho/a\0.toml", None),
            (
                "units/sekisho-gateway.service.d/front.conf",
                Some("etc/sekisho/units/sekisho-gateway.service.d/front.conf"),
            ),
            (
                "units/mnt-ssmix2.mount",
                Some("etc/sekisho/units/mnt-ssmix2.mount"),
            ),
            ("units/usr-bin.mount", None),
            ("units/evil.service", None),
            ("units/sshd.service.d/x.conf", None),
            ("units/sekisho-gateway.service.d/../x.conf", None),
            ("units/sekisho-gateway.service.d/a/x.conf", None),
            (
                "systemd/network/25-ipsec0.netdev",
                Some("etc/sekisho/systemd/network/25-ipsec0.netdev"),
            ),
            (
                "systemd/timesyncd.conf.d/sekisho.conf",
                Some("etc/sekisho/systemd/timesyncd.conf.d/sekisho.conf"),
            ),
            ("systemd/network/x.link", None),
            ("systemd/system/x.service", None),
            ("nftables.d/sekisho.nft", Some("etc/nftables.d/sekisho.nft")),
            ("swanctl/x509ca/vpn.pem", Some("etc/swanctl/x509ca/vpn.pem")),
            (
                "swanctl/private/device.pem",
                Some("etc/swanctl/private/device.pem"),
            ),
            ("swanctl/sekisho-updown", Some("etc/swanctl/sekisho-updown")),
            ("swanctl/swanctl.conf", None),
            (
                "ledger/notices.csv",
                Some("var/lib/sekisho/ledger/notices.csv"),
            ),
            ("ledger/other.csv", None),
            ("shadow", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let path = Place::parse(text).map(|place| place.path());
            assert_eq!(path.as_deref(), expected, "{text}");
        }
        let long = format!("sekisho/{}.toml", "a".repeat(NAME_MAX));
        assert_eq!(Place::parse(&long), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_leads_out_of_the_folders(text in "[a-z./-]{0,40}|\\PC{0,40}") {
            if let Some(place) = Place::parse(&text) {
                let path = place.path();
                let plain = path.split('/').all(|part| !part.is_empty() && part != "..");
                proptest::prop_assert!(plain);
            }
        }
    }
}
