//! What the centre has at the other end of the appliance's line: the carrier's network, a time
//! server, and its end of the tunnel. All of it within a network of its own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::appliance::Reach;
use harness::process::Running;
use harness::tunnel::{self, CENTRE, Certifier, put};

use crate::image::tool::Tool;

/// The carrier's network.
const CARRIER: &str = "10.2.0.0/24";
/// The centre's end of the tunnel and the time server, on the carrier's network.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 2);
const FRONT: Ipv4Addr = Ipv4Addr::new(10, 4, 0, 2);
const FRONT_PORT: u16 = 8443;
const INNER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const TRIES: u32 = 100;

/// The programs that a line takes, with their packages.
pub(super) const NEEDED: [(&str, &str); 4] = [
    ("charon-systemd", "charon-systemd"),
    ("swanctl", "strongswan-swanctl"),
    ("chronyd", "chrony"),
    ("unshare", "util-linux"),
];

/// The centre's side of the line. It ends with this value.
pub(super) struct Line {
    pub(super) certifier: Certifier,
    folder: PathBuf,
    _time: Running,
    _tunnel: Running,
}

/// How the appliance reaches the centre.
pub(super) fn reach() -> Reach {
    Reach {
        front: SocketAddr::from((FRONT, FRONT_PORT)),
        vpn: OUTSIDE.into(),
        inner: INNER.into(),
        time: OUTSIDE.into(),
        carrier: CARRIER.to_owned(),
    }
}

impl Line {
    /// Makes the line; everything that it writes is in `folder`.
    ///
    /// # Errors
    /// A program is missing or does not start.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let swanctl = folder.join("swanctl");
        if swanctl.exists() {
            fs::remove_dir_all(&swanctl)?;
        }
        networks()?;
        let certifier = Certifier::new()?;
        put(&swanctl, "swanctl.conf", "include conf.d/*.conf\n")?;
        let settings = tunnel::centre(FRONT.into(), INNER.into());
        put(&swanctl, "conf.d/site.conf", &settings)?;
        certifier.certify(CENTRE, &swanctl, CENTRE)?;
        certifier.believe(&swanctl, false)?;
        put(folder, "strongswan.conf", &tunnel::strongswan(folder))?;
        // Where strongSwan looks, as seen from here alone.
        let mut over = Command::new("mount");
        over.arg("--bind").arg(&swanctl).arg("/etc/swanctl");
        Tool(&mut over).run()?;
        let time = time(folder)?;
        let tunnel = tunnel_end(folder)?;
        Ok(Self {
            certifier,
            folder: folder.to_owned(),
            _time: time,
            _tunnel: tunnel,
        })
    }

    /// What the tunnel's end told, for a message.
    pub(super) fn told(&self) -> String {
        let told = fs::read_to_string(self.folder.join("charon.log")).unwrap_or_default();
        let lines: Vec<&str> = told.lines().collect();
        let from = lines.len().saturating_sub(15);
        lines.get(from..).unwrap_or_default().join("\n")
    }
}

/// The addresses of the centre, in the network that this process has for itself.
fn networks() -> Result<()> {
    let (outside, front) = (format!("{OUTSIDE}/24"), format!("{FRONT}/32"));
    for line in [
        "link set lo up",
        "link add carrier0 type veth peer name carrier1",
        "link set carrier0 up",
        "link set carrier1 up",
        &format!("address add {outside} dev carrier0"),
        &format!("address add {front} dev lo"),
    ] {
        Tool(Command::new("ip").args(line.split(' '))).run()?;
    }
    Ok(())
}

/// A time server that tells the time of this machine and never sets it.
fn time(folder: &Path) -> Result<Running> {
    let mut command = Command::new("chronyd");
    command.args(["-x", "-d", "-u", "root", "allow all", "local stratum 1"]);
    command.args(["cmdport 0", "bindcmdaddress /"]);
    command.arg(format!("bindaddress {OUTSIDE}"));
    command.arg(format!("pidfile {}/chrony.pid", folder.display()));
    Running::start(&mut command, &folder.join("chrony.log"))
}

fn tunnel_end(folder: &Path) -> Result<Running> {
    let told = folder.join("charon.log");
    if told.exists() {
        fs::remove_file(&told)?;
    }
    let settings = folder.join("strongswan.conf");
    let mut charon = Command::new("charon-systemd");
    charon.env("STRONGSWAN_CONF", &settings);
    let mut running = Running::start(&mut charon, &folder.join("charon.out"))?;
    let ask = |what: &str| {
        let mut ask = Command::new("swanctl");
        ask.env("STRONGSWAN_CONF", &settings).arg(what);
        ask.arg("--uri")
            .arg(format!("unix://{}/vici", folder.display()));
        Tool(&mut ask).run()
    };
    for _ in 0..TRIES {
        ensure!(running.ended()?.is_none(), "charon-systemd has ended");
        if ask("--stats").is_ok() {
            ask("--load-all")?;
            return Ok(running);
        }
        sleep(Duration::from_millis(100));
    }
    anyhow::bail!("charon-systemd does not answer")
}

/// Where the front listens.
pub(super) fn front() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(FRONT), FRONT_PORT)
}
