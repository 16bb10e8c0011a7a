//! The time server, and whether the time service has confirmed the clock.

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};
use selftest::{ntp, seen};

const PORT: u16 = 123;
const TRIES: usize = 3;
const PATIENCE: Duration = Duration::from_millis(1_500);
/// A confirmation is good for so long, in seconds: as long as the gateway takes it.
const CONFIRMED_FOR: i64 = 7_200;
/// How far ahead of the clock it may be, in seconds.
const AHEAD: i64 = 600;

/// Asks, unless the time service has done so.
pub(crate) fn look(server: IpAddr, synchronized: &Path) -> seen::Time {
    let confirmed = confirmed(synchronized);
    let answer = match confirmed {
        true => None,
        false => (0..TRIES).find_map(|_| ask(server)),
    };
    seen::Time { answer, confirmed }
}

fn confirmed(synchronized: &Path) -> bool {
    let now = Timestamp::now().as_second();
    let recent = now - CONFIRMED_FOR..=now + AHEAD;
    fs::metadata(synchronized).is_ok_and(|file| recent.contains(&file.mtime()))
}

fn ask(server: IpAddr) -> Option<ntp::Answer> {
    let family = match server {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    // Never bound: the unit forbids listening on any port.
    let socket = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).ok()?;
    let server = SockaddrStorage::from(SocketAddr::new(server, PORT));
    connect(socket.as_raw_fd(), &server).ok()?;
    let socket = UdpSocket::from(socket);
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce).ok()?;
    let sent = Timestamp::now().as_millisecond();
    socket.send(&ntp::question(nonce)).ok()?;
    let mut packet = [0; 512];
    let size = socket.recv(&mut packet).ok()?;
    let received = Timestamp::now().as_millisecond();
    ntp::answer(packet.get(..size)?, nonce, sent, received)
}
