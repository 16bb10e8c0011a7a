//! Machines and lines of a test, made of network namespaces, and what travels on them.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use nix::net::if_::if_indextoname;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket,
};
use nix::sys::time::TimeVal;

/// Tells hosts of this machine apart that are there at once.
fn unique() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    format!("{}-{made}", std::process::id())
}

/// The hosts of a test: gateway, router, front. They end with this value.
pub(crate) struct Hosts {
    suffix: String,
}

/// A packet as it passed an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) interface: String,
    pub(crate) from: [u8; 4],
    pub(crate) to: [u8; 4],
    /// `6` TCP, `17` UDP.
    pub(crate) protocol: u8,
    pub(crate) to_port: u16,
    /// Bytes that the protocol carries.
    pub(crate) payload: usize,
}

/// Everything that passes the interfaces of one host.
pub(crate) struct Capture {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Packet>>,
}

impl Hosts {
    /// Gateway `gw` with `wan0` and `lan0`, both to a router `rt` that leads to the front `fr`.
    pub(crate) fn new() -> Self {
        let hosts = Self { suffix: unique() };
        for host in ["gw", "rt", "fr"] {
            ip(&["netns", "add", &hosts.name(host)]);
            ip(&["-n", &hosts.name(host), "link", "set", "lo", "up"]);
        }
        hosts.join(("gw", "wan0", "10.1.0.2/24"), ("rt", "wan1", "10.1.0.1/24"));
        hosts.join(
            ("gw", "lan0", "192.168.77.2/24"),
            ("rt", "lan1", "192.168.77.1/24"),
        );
        hosts.join(("fr", "fr0", "10.2.0.2/24"), ("rt", "fr1", "10.2.0.1/24"));
        hosts.shell("rt", "echo 1 > /proc/sys/net/ipv4/ip_forward");
        // The router answers whatever comes, also by another way than it came.
        hosts.shell(
            "rt",
            "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done",
        );
        hosts.ip("fr", &["route", "add", "default", "via", "10.2.0.1"]);
        hosts.ip("gw", &["route", "add", "10.2.0.0/24", "via", "10.1.0.1"]);
        hosts
    }

    pub(crate) fn name(&self, host: &str) -> String {
        format!("sk-{host}-{}", self.suffix)
    }

    /// What one host has in the place of the same names below `/etc`.
    pub(crate) fn etc(&self, host: &str) -> PathBuf {
        Path::new("/etc/netns").join(self.name(host))
    }

    fn join(&self, one: (&str, &str, &str), other: (&str, &str, &str)) {
        let (here, there) = (self.name(one.0), self.name(other.0));
        ip(&[
            "link", "add", one.1, "netns", &here, "type", "veth", "peer", "name", other.1, "netns",
            &there,
        ]);
        for (host, interface, address) in [one, other] {
            self.ip(host, &["addr", "add", address, "dev", interface]);
            self.ip(host, &["link", "set", interface, "up"]);
        }
    }

    /// `ip` at one host.
    pub(crate) fn ip(&self, host: &str, arguments: &[&str]) {
        let name = self.name(host);
        ip(&[&["-n", &name], arguments].concat());
    }

    /// A line of shell at one host.
    pub(crate) fn shell(&self, host: &str, line: &str) {
        let name = self.name(host);
        ip(&["netns", "exec", &name, "sh", "-c", line]);
    }

    /// The same command at one host.
    pub(crate) fn at(&self, host: &str, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.name(host)]);
        inside.arg(command.get_program()).args(command.get_args());
        inside
    }

    /// Begins to note everything that passes the interfaces of a host.
    pub(crate) fn capture(&self, host: &str) -> Capture {
        let space = File::open(Path::new("/run/netns").join(self.name(host))).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, ready) = (Arc::clone(&stop), Arc::new(AtomicBool::new(false)));
        let listening = Arc::clone(&ready);
        let thread = std::thread::spawn(move || {
            setns(space, CloneFlags::CLONE_NEWNET).unwrap();
            let (family, flags) = (AddressFamily::Packet, SockFlag::SOCK_CLOEXEC);
            let all = socket(family, SockType::Raw, flags, SockProtocol::EthAll).unwrap();
            setsockopt(&all, ReceiveTimeout, &TimeVal::new(0, 50_000)).unwrap();
            listening.store(true, Ordering::Release);
            let mut packets = Vec::new();
            let mut frame = vec![0; 70_000];
            loop {
                match recvfrom::<LinkAddr>(all.as_raw_fd(), &mut frame) {
                    Ok((size, from)) => packets.extend(read(&frame[..size], from)),
                    // What had been sent before the end was asked for has been read by now.
                    Err(_) if stopped.load(Ordering::Acquire) => return packets,
                    Err(_) => {}
                }
            }
        });
        while !ready.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        Capture { stop, thread }
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in ["gw", "rt", "fr"] {
            let _ = Command::new("ip")
                .args(["netns", "del", &self.name(host)])
                .status();
            let _ = std::fs::remove_dir_all(self.etc(host));
        }
    }
}

impl Capture {
    /// What passed until now.
    pub(crate) fn end(self) -> Vec<Packet> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap()
    }
}

/// Whether the test can run here. Where it cannot, somebody has to have said that it may be left
/// out.
pub(crate) fn can_run(also: bool) -> bool {
    if permitted() && also {
        return true;
    }
    let left_out = std::env::var_os(LEFT_OUT).is_some();
    assert!(
        left_out,
        "this test makes network namespaces (root, iproute2) and needs nftables, procps, \
         strongswan-swanctl, charon-systemd, libcharon-extra-plugins, /dev/net/tun; {LEFT_OUT}=1 \
         leaves it out"
    );
    false
}

const LEFT_OUT: &str = "SEKISHO_WITHOUT_NETWORK_NAMESPACES";

/// Whether this machine lets the test make hosts of its own.
fn permitted() -> bool {
    let probe = format!("sk-probe-{}", unique());
    let made = Command::new("ip").args(["netns", "add", &probe]).output();
    let made = made.is_ok_and(|output| output.status.success());
    if made {
        ip(&["netns", "del", &probe]);
    }
    made
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {told}");
}

/// An IPv4 packet in an Ethernet frame.
fn read(frame: &[u8], from: Option<LinkAddr>) -> Option<Packet> {
    let index = u32::try_from(from?.ifindex()).ok()?;
    let name = if_indextoname(index).ok()?.into_string().ok()?;
    // A tunnel has no Ethernet.
    let packet = match frame.first()? >> 4 == 4 && name.starts_with("ipsec") {
        true => frame,
        false => frame
            .get(14..)
            .filter(|_| frame.get(12..14) == Some(&[0x08, 0x00]))?,
    };
    let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let length = usize::from(word(2)?);
    let protocol = *packet.get(9)?;
    let carried = match protocol {
        6 => header + usize::from(packet.get(header + 12)? >> 4) * 4,
        _ => header + 8,
    };
    Some(Packet {
        interface: name,
        from: packet.get(12..16)?.try_into().ok()?,
        to: packet.get(16..20)?.try_into().ok()?,
        protocol,
        to_port: word(header + 2)?,
        payload: length.saturating_sub(carried),
    })
}
