//! strongSwan at both ends of a tunnel, each at a host of its own: IKEv2 as in operation, and the
//! data plane in user space, so that the kernel needs nothing but TUN.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use harness::process::Running;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, RevokedCertParams,
    SerialNumber, date_time_ymd,
};

use crate::lines::Hosts;

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

/// Who certifies the ends of tunnels.
pub(crate) struct Certifier(CertifiedIssuer<'static, KeyPair>);

/// The number of every certificate of the other end, by which it is taken back.
const SERIAL: u64 = 7;

impl Certifier {
    pub(crate) fn new() -> Self {
        let mut own = parameters("vpn-authority");
        own.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        own.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(own, key()).unwrap())
    }

    /// Installs a certificate of this name, with its key, for one end.
    fn certify(&self, name: &str, folder: &Path, file: &str) {
        let (mut own, key) = (parameters(name), key());
        own.subject_alt_names = vec![rcgen::SanType::DnsName(name.try_into().unwrap())];
        own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        own.use_authority_key_identifier_extension = true;
        own.serial_number = Some(SerialNumber::from(SERIAL));
        let certificate = own.signed_by(&key, &self.0).unwrap();
        put(folder, &format!("x509/{file}.pem"), &certificate.pem());
        put(folder, &format!("pkcs8/{file}.key"), &key.serialize_pem());
    }

    /// Tells an end whom it may believe, and which certificates were taken back.
    fn believe(&self, folder: &Path, revoked: bool) {
        put(folder, "x509ca/sekisho-vpn-authority.pem", &self.0.pem());
        let taken_back = RevokedCertParams {
            serial_number: SerialNumber::from(SERIAL),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2099, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.then_some(taken_back).into_iter().collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.0).unwrap();
        put(folder, "x509crl/sekisho-vpn.crl", &list.pem().unwrap());
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = date_time_ymd(2025, 1, 1);
    parameters.not_after = date_time_ymd(2099, 1, 1);
    parameters
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
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
            put(&end.swanctl(hosts), name, &text);
        }
        let updown = end.swanctl(hosts).join("sekisho-updown");
        let executable = Command::new("chmod").arg("755").arg(updown).status();
        assert!(executable.unwrap().success());
        certifier.certify("device", &end.swanctl(hosts), "sekisho-device");
        certifier.believe(&end.swanctl(hosts), false);
        end
    }

    /// The centre's end, which lets in whomever its certifier knows.
    pub(crate) fn centre(hosts: &Hosts, root: &Path, certifier: &Certifier) -> Self {
        let end = Self::at(hosts, "fr", root);
        put(&end.swanctl(hosts), "conf.d/site.conf", CENTRE);
        certifier.certify("vpn", &end.swanctl(hosts), "vpn");
        certifier.believe(&end.swanctl(hosts), false);
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
        );
        for empty in [
            "x509aa", "x509ac", "x509ocsp", "pubkey", "private", "rsa", "ecdsa", "bliss", "pkcs12",
        ] {
            fs::create_dir_all(end.swanctl(hosts).join(empty)).unwrap();
        }
        put(
            &end.folder,
            "strongswan.conf",
            &format!(
                "charon-systemd {{
 load = {PLUGINS}
 plugins {{ vici {{ socket = {} }} }}
 \
                 filelog {{ told {{
 path = {}
 default = 1
 flush_line = yes
 }} }}
}}
\
                 swanctl {{ }}
",
                end.socket(),
                end.folder.join("charon.log").display()
            ),
        );
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
        certifier.certify("vpn", &self.swanctl(hosts), "vpn");
    }

    /// This end learns whether the certificates of its certifier were taken back.
    pub(crate) fn learns(&self, hosts: &Hosts, certifier: &Certifier, revoked: bool) {
        certifier.believe(&self.swanctl(hosts), revoked);
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

const PLUGINS: &str = "random nonce aes sha1 sha2 hmac kdf gcm pem pkcs1 pkcs8 x509 revocation \
    constraints pubkey openssl kernel-libipsec kernel-netlink socket-default vici updown";

const CENTRE: &str = "\
connections {
    site {
        version = 2
        proposals = aes256gcm16-prfsha384-ecp384
        mobike = no
        local {
            auth = pubkey
            certs = vpn.pem
            id = vpn
        }
        remote {
            auth = pubkey
            cacerts = sekisho-vpn-authority.pem
            id = device
        }
        children {
            front {
                local_ts = 10.4.0.2/32
                remote_ts = 10.9.0.2/32
                esp_proposals = aes256gcm16-ecp384
            }
        }
    }
}
";
