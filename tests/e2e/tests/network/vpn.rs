//! strongSwan at both ends of a tunnel, each at a host of its own: IKEv2 as in operation, and the
//! data plane in user space, so that the kernel needs nothing but TUN.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use harness::process::Running;
use harness::tunnel::{self, Certifier, put};

use crate::lines::Hosts;

/// The front behind the centre's end, and the device inside the tunnel.
const FRONT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 4, 0, 2));
const INNER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2));
const PROGRAMS: [&str; 2] = ["charon-systemd", "swanctl"];
const USER_SPACE: &str = "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so";

/// Whether strongSwan is here, with its data plane in user space, and TUN for it.
pub(crate) fn available() -> bool {
    let there = |program: &str| {
        let asked = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output();
        asked.is_ok_and(|output| output.status.success())
    };
    PROGRAMS.into_iter().all(there)
        && Path::new(USER_SPACE).exists()
        && Path::new("/dev/net/tun").exists()
}

/// One end of the tunnel. It ends with this value.
pub(crate) struct End {
    host: &'static str,
    folder: PathBuf,
    charon: Option<Running>,
}

impl End {
    /// The device: what `sekisho-gateway network --write` gave, at `/etc/swanctl` of its host.
    pub(crate) fn device(
        hosts: &Hosts,
        root: &Path,
        rendered: &Path,
        certifier: &Certifier,
    ) -> Self {
        let end = Self::at(hosts, "gw", root);
        for name in ["conf.d/sekisho.conf", "sekisho-updown"] {
            let text = fs::read_to_string(rendered.join("swanctl").join(name)).unwrap();
            put(&end.swanctl(hosts), name, &text).unwrap();
        }
        let updown = end.swanctl(hosts).join("sekisho-updown");
        let executable = Command::new("chmod").arg("755").arg(updown).status();
        assert!(executable.unwrap().success());
        certifier
            .certify("device", &end.swanctl(hosts), "sekisho-device")
            .unwrap();
        certifier.believe(&end.swanctl(hosts), false).unwrap();
        end
    }

    /// The centre's end, which lets in whomever its certifier knows.
    pub(crate) fn centre(hosts: &Hosts, root: &Path, certifier: &Certifier) -> Self {
        let end = Self::at(hosts, "fr", root);
        let settings = tunnel::centre(FRONT, INNER);
        put(&end.swanctl(hosts), "conf.d/site.conf", &settings).unwrap();
        certifier
            .certify("vpn", &end.swanctl(hosts), "vpn")
            .unwrap();
        certifier.believe(&end.swanctl(hosts), false).unwrap();
        end
    }

    fn at(hosts: &Hosts, host: &'static str, root: &Path) -> Self {
        let folder = root.join("vpn").join(host);
        let end = Self {
            host,
            folder,
            charon: None,
        };
        put(
            &end.swanctl(hosts),
            "swanctl.conf",
            "include conf.d/*.conf\n",
        )
        .unwrap();
        for empty in [
            "x509aa", "x509ac", "x509ocsp", "pubkey", "private", "rsa", "ecdsa", "bliss", "pkcs12",
        ] {
            fs::create_dir_all(end.swanctl(hosts).join(empty)).unwrap();
        }
        let own = tunnel::strongswan(&end.folder);
        put(&end.folder, "strongswan.conf", &own).unwrap();
        end
    }

    /// What stands at `/etc/swanctl` of the host.
    fn swanctl(&self, hosts: &Hosts) -> PathBuf {
        hosts.etc(self.host).join("swanctl")
    }

    fn socket(&self) -> String {
        format!("unix://{}", self.folder.join("vici").display())
    }

    /// Another certifier stands behind this end from now on, and is believed by nobody else.
    pub(crate) fn certified_by(&self, hosts: &Hosts, certifier: &Certifier) {
        certifier
            .certify("vpn", &self.swanctl(hosts), "vpn")
            .unwrap();
    }

    /// This end learns whether the certificates of its certifier were taken back.
    pub(crate) fn learns(&self, hosts: &Hosts, certifier: &Certifier, revoked: bool) {
        certifier.believe(&self.swanctl(hosts), revoked).unwrap();
    }

    /// Starts strongSwan and loads everything.
    pub(crate) fn start(&mut self, hosts: &Hosts) {
        let log = self.folder.join("charon.out");
        let mut command = self.inside(hosts, "charon-systemd", &[]);
        self.charon = Some(Running::start(&mut command, &log).unwrap());
        let loaded = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            self.ask(hosts, &["--stats"]).status.success()
        });
        assert!(loaded, "{}", self.log());
        let output = self.ask(hosts, &["--load-all"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Ends strongSwan as a power cut would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut charon) = self.charon.take() {
            charon.kill().unwrap();
        }
    }

    /// `swanctl` at this end.
    pub(crate) fn ask(&self, hosts: &Hosts, arguments: &[&str]) -> Output {
        let socket = self.socket();
        let arguments = [arguments, &["--uri", &socket]].concat();
        self.inside(hosts, "swanctl", &arguments).output().unwrap()
    }

    /// Waits until the tunnel stands, at most so many seconds: a call that got no answer is
    /// repeated after four seconds and then after seven.
    pub(crate) fn stands_within(&self, hosts: &Hosts, seconds: u64) -> bool {
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until {
            let listed = self.ask(hosts, &["--list-sas"]).stdout;
            if String::from_utf8_lossy(&listed).contains("INSTALLED") {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// What strongSwan told.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("charon.log")).unwrap_or_default()
    }

    fn inside(&self, hosts: &Hosts, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments);
        let mut inside = hosts.at(self.host, &command);
        inside.env("STRONGSWAN_CONF", self.folder.join("strongswan.conf"));
        inside
    }
}
