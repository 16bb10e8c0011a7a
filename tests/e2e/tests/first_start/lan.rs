//! A clinic's network made of network namespaces: the box, a switch, a neighbour, the router, the
//! carrier's equipment and the front, with the real programs on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use harness::deployment::{Deployment, SiteSource};
use harness::process::{Programs, Running};
use harness::scene::today;

pub(crate) const SITE: &str = "CLINIC-1";
pub(crate) const FRONT: &str = "10.2.0.2:8443";
pub(crate) const FRONT_V6: &str = "[2001:db8:2::2]:8443";
const HOSTS: [&str; 6] = ["box", "sw", "nb", "rt", "nw", "fr"];

/// The centre of a test: keys, certificates and settings.
pub(crate) struct Centre {
    pub(crate) deployment: Deployment,
    pub(crate) programs: Programs,
}

impl Centre {
    pub(crate) fn new(root: &Path) -> Self {
        fs::create_dir_all(root).unwrap();
        for (name, header) in [
            (
                "notices.csv",
                "patient_id,notified_on,document_version,method\n",
            ),
            ("stops.csv", "patient_id,requested_on,requester\n"),
        ] {
            fs::write(root.join(name), header).unwrap();
        }
        let source = SiteSource {
            site: SITE.to_owned(),
            storage: root.join("storage"),
            notices: root.join("notices.csv"),
            stops: root.join("stops.csv"),
        };
        let deployment = Deployment::prepare(&root.join("centre"), &[source], today()).unwrap();
        Self {
            deployment,
            programs: Programs::beside_test().unwrap(),
        }
    }
}

/// One network, gone with this value.
pub(crate) struct Lan<'a> {
    pub(crate) centre: &'a Centre,
    suffix: String,
    pub(crate) folder: PathBuf,
    running: Vec<Running>,
    /// The settings of the gateway, as text.
    pub(crate) gateway: toml::Table,
}

impl<'a> Lan<'a> {
    /// Box, switch and router are joined; the router leads to the carrier's equipment, that to the
    /// front, and both hide what is behind them (NAT).
    pub(crate) fn new(centre: &'a Centre, folder: &Path) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        fs::create_dir_all(folder).unwrap();
        let settings = fs::read_to_string(&centre.deployment.sites[0].config).unwrap();
        let mut lan = Self {
            centre,
            suffix: format!("{}-{made}", std::process::id()),
            folder: folder.to_owned(),
            running: Vec::new(),
            gateway: settings.parse().unwrap(),
        };
        for host in HOSTS {
            run("ip", &["netns", "add", &lan.name(host)]);
            lan.ip(host, &["link", "set", "lo", "up"]);
        }
        lan.ip("sw", &["link", "add", "br0", "type", "bridge"]);
        lan.ip("sw", &["link", "set", "br0", "up"]);
        for (host, interface, port) in [
            ("box", "lan0", "p0"),
            ("nb", "nb0", "p1"),
            ("rt", "up0", "p2"),
        ] {
            lan.join((host, interface), ("sw", port));
            lan.ip("sw", &["link", "set", port, "master", "br0"]);
        }
        lan.join(("rt", "mid0"), ("nw", "mid1"));
        lan.join(("nw", "fr1"), ("fr", "fr0"));
        // Only networkd switches the box's port on.
        lan.ip("box", &["link", "set", "lan0", "down"]);
        for (host, address, interface) in [
            ("nb", "192.168.10.77/24", "nb0"),
            ("rt", "192.168.10.1/24", "up0"),
            ("rt", "100.64.0.2/24", "mid0"),
            ("nw", "100.64.0.1/24", "mid1"),
            ("nw", "10.2.0.1/24", "fr1"),
            ("fr", "10.2.0.2/24", "fr0"),
        ] {
            lan.ip(host, &["addr", "add", address, "dev", interface]);
        }
        lan.ip("rt", &["route", "add", "default", "via", "100.64.0.1"]);
        lan.ip("fr", &["route", "add", "default", "via", "10.2.0.1"]);
        for (host, out) in [("rt", "mid0"), ("nw", "fr1")] {
            lan.shell(host, "echo 1 > /proc/sys/net/ipv4/ip_forward");
            lan.rules(host, &format!(
                "table ip nat {{ chain out {{ type nat hook postrouting priority 100; oifname \"{out}\" masquerade; }} }}"
            ));
        }
        lan.set("front.address", &format!("\"{FRONT}\""));
        lan.set("front.transport", "\"ip-vpn\"");
        lan.set("network.interface", "\"lan0\"");
        lan
    }

    /// IPv6 beside IPv4 on the whole way, without NAT.
    pub(crate) fn v6(&mut self) {
        for (host, address, interface) in [
            ("rt", "2001:db8:1::1/64", "up0"),
            ("rt", "2001:db8:9::2/64", "mid0"),
            ("nw", "2001:db8:9::1/64", "mid1"),
            ("nw", "2001:db8:2::1/64", "fr1"),
            ("fr", "2001:db8:2::2/64", "fr0"),
        ] {
            self.ip(host, &["addr", "add", address, "dev", interface, "nodad"]);
        }
        for host in ["rt", "nw"] {
            self.shell(host, "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
        }
        self.ip(
            "rt",
            &["route", "add", "2001:db8:2::/64", "via", "2001:db8:9::1"],
        );
        self.ip(
            "nw",
            &["route", "add", "2001:db8:1::/64", "via", "2001:db8:9::2"],
        );
        self.ip(
            "fr",
            &["route", "add", "2001:db8:1::/64", "via", "2001:db8:2::1"],
        );
        self.set("front.address", &format!("\"{FRONT_V6}\""));
    }

    pub(crate) fn name(&self, host: &str) -> String {
        format!("sf-{host}-{}", self.suffix)
    }

    fn join(&self, one: (&str, &str), other: (&str, &str)) {
        let (here, there) = (self.name(one.0), self.name(other.0));
        run(
            "ip",
            &[
                "link", "add", one.1, "netns", &here, "type", "veth", "peer", "name", other.1,
                "netns", &there,
            ],
        );
        for (host, interface) in [one, other] {
            // Packets are as large on these wires as they would be on real ones.
            self.ip(host, &["link", "set", interface, "gso_max_segs", "1"]);
            self.ip(host, &["link", "set", interface, "up"]);
        }
    }

    pub(crate) fn ip(&self, host: &str, arguments: &[&str]) {
        let name = self.name(host);
        run("ip", &[&["-n", &name], arguments].concat());
    }

    /// A line of shell at one host.
    pub(crate) fn shell(&self, host: &str, line: &str) -> Output {
        let name = self.name(host);
        run("ip", &["netns", "exec", &name, "sh", "-c", line])
    }

    /// Rules of the kernel's firewall at one host.
    pub(crate) fn rules(&self, host: &str, rules: &str) {
        let file = self.folder.join(format!("{host}.nft"));
        // A line ends before a brace that closes a table.
        fs::write(&file, rules.replace("} }", "}\n}\n")).unwrap();
        self.shell(host, &format!("nft -f {}", file.display()));
    }

    /// Starts a line of shell at one host; it ends with the network.
    pub(crate) fn start(&mut self, host: &str, line: &str) {
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            &self.name(host),
            "sh",
            "-c",
            &format!("exec {line}"),
        ]);
        let log = self.folder.join(format!("{host}.log"));
        self.running
            .push(Running::start(&mut command, &log).unwrap());
    }

    /// A key of `gateway.toml`, by its name with dots, as TOML.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let value: toml::Table = format!("it = {value}").parse().unwrap();
        let (parents, last) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = &mut self.gateway;
        for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
            let new = || toml::Value::Table(toml::Table::new());
            let inner = table.entry(parent).or_insert_with(new);
            table = inner.as_table_mut().unwrap();
        }
        table.insert(last.to_owned(), value["it"].clone());
    }

    /// A DHCP server, with its further options.
    pub(crate) fn dhcp(&mut self, host: &str, interface: &str, options: &str) {
        let leases = self.folder.join(format!("{host}.leases"));
        self.start(
            host,
            &format!(
                "dnsmasq --no-daemon --conf-file=/dev/null --no-hosts --no-resolv --no-ping --port=0 \
                 --user=root --interface={interface} --bind-interfaces --dhcp-leasefile={} {options}",
                leases.display()
            ),
        );
    }

    /// A time server on the router, with what it is told besides, behind another command if any.
    pub(crate) fn chrony(&mut self, before: &str, told: &str) {
        let folder = self.folder.display().to_string();
        self.start(
            "rt",
            &format!(
                "{before} chronyd -x -d -u root 'allow all' 'cmdport 0' 'bindcmdaddress /' \
                 'pidfile {folder}/chrony.pid' {told}"
            ),
        );
        let listens = || self.shell("rt", "ss -lun | grep -c :123 || true").stdout != b"0\n";
        wait("chronyd", listens);
    }

    /// The front with these settings at one host.
    pub(crate) fn front(&mut self, host: &str, config: &Path, listen: &str) {
        let text = fs::read_to_string(config).unwrap();
        let mut settings: toml::Table = text.parse().unwrap();
        settings.insert("listen".to_owned(), listen.into());
        let own = self.folder.join(format!("front-{host}.toml"));
        fs::write(&own, toml::to_string(&settings).unwrap()).unwrap();
        let collector = self.centre.programs.collector();
        let program = collector.get_program().to_str().unwrap().to_owned();
        self.start(host, &format!("{program} front --config {}", own.display()));
        let port = listen.rsplit(':').next().unwrap().to_owned();
        let line = format!("ss -ltn | grep -c :{port} || true");
        wait("front", || self.shell(host, &line).stdout != b"0\n");
    }

    /// The product's own front in its place.
    pub(crate) fn real_front(&mut self) {
        let listen: String = self.gateway["front"]["address"]
            .as_str()
            .unwrap()
            .to_owned();
        let config = self.centre.deployment.front_config.clone();
        self.front("fr", &config, &listen);
    }

    fn selftest(&self) -> PathBuf {
        let gateway = self.centre.programs.gateway();
        Path::new(gateway.get_program()).with_file_name("sekisho-selftest")
    }

    /// What the help desk reads of a code.
    pub(crate) fn explain(&self, code: &str) -> String {
        let output = Command::new(self.selftest())
            .args(["explain", code])
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    /// The box takes its addresses by the real systemd-networkd, from the files that the self-test
    /// writes of its settings.
    pub(crate) fn plug_in(&mut self, device: &str) {
        let settings = self.folder.join("device.toml");
        fs::write(&settings, device).unwrap();
        let etc = self.folder.join("etc");
        let output = Command::new(self.selftest())
            .args(["network", "--device"])
            .arg(&settings)
            .arg("--write")
            .arg(&etc)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        // No udev and no manager: networkd is told by a system that cannot be written.
        let line = format!(
            "unshare -m sh -c 'mount -t tmpfs none /run/systemd && mkdir /run/systemd/network && \
             cp {}/* /run/systemd/network && chmod 755 /run/systemd /run/systemd/network && \
             chmod 644 /run/systemd/network/* && mount -o remount,bind,ro /sys && \
             exec /usr/lib/systemd/systemd-networkd'",
            etc.join("systemd/network").display()
        );
        self.start("box", &line);
    }

    /// Waits until the box's port is switched on.
    pub(crate) fn is_on(&self) {
        let line = "ip link show dev lan0 up | grep -c lan0 || true";
        wait("the port", || self.shell("box", line).stdout != b"0\n");
    }

    /// Waits until the box has an address of that beginning, with its routes.
    pub(crate) fn has_address(&self, beginning: &str) {
        let line = format!(
            "ip addr show dev lan0 scope global -tentative | grep -c 'inet.* {beginning}' || true"
        );
        wait(beginning, || self.shell("box", &line).stdout != b"0\n");
    }

    /// What the panel reads.
    pub(crate) fn notices(&self) -> PathBuf {
        let folder = self.folder.join("notices");
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// One run of the gateway at the box: exit status and what it tells.
    pub(crate) fn gateway(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let config = self.folder.join("gateway.toml");
        fs::write(&config, toml::to_string(&self.gateway).unwrap()).unwrap();
        let output = Command::new("ip")
            .args(["netns", "exec", &self.name("box")])
            .arg(self.centre.programs.gateway().get_program())
            .args(arguments)
            .arg("--config")
            .arg(&config)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), told)
    }

    /// One self-test of the box: exit status and result.
    pub(crate) fn test(&self, patience: u32) -> (Option<i32>, serde_json::Value, String) {
        let config = self.folder.join("gateway.toml");
        fs::write(&config, toml::to_string(&self.gateway).unwrap()).unwrap();
        let state = self.folder.join("state");
        fs::create_dir_all(&state).unwrap();
        let output = Command::new("ip")
            .args(["netns", "exec", &self.name("box")])
            .arg(self.selftest())
            .args(["run", "--config"])
            .arg(&config)
            .arg("--device")
            .arg(self.folder.join("device.toml"))
            .arg("--write")
            .arg(&state)
            .arg("--notices")
            .arg(self.notices())
            .args(["--patience", &patience.to_string()])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let kept = fs::read(state.join("selftest.json")).unwrap_or_default();
        let json = serde_json::from_slice(&kept).unwrap_or_default();
        (output.status.code(), json, told)
    }
}

impl Drop for Lan<'_> {
    fn drop(&mut self) {
        self.running.clear();
        for host in HOSTS {
            let name = self.name(host);
            // What a shell started may have outlived it.
            let pids = Command::new("ip").args(["netns", "pids", &name]).output();
            let pids = pids.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
            for pid in pids.unwrap_or_default().split_whitespace() {
                let _ = Command::new("kill").args(["-9", pid]).status();
            }
            let _ = Command::new("ip").args(["netns", "del", &name]).status();
        }
    }
}

fn wait(what: &str, ready: impl Fn() -> bool) {
    let found = (0..600).any(|_| {
        let found = ready();
        if !found {
            sleep(Duration::from_millis(100));
        }
        found
    });
    assert!(found, "{what} is not there within a minute");
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    output
}
