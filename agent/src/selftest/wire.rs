//! Ethernet frames of one port: the few questions of the address layer, and what comes back.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send,
    setsockopt, socket,
};
use nix::sys::time::TimeVal;
use selftest::arp::Mac;

/// Longest frame that is looked at.
const FRAME_MOST: usize = 2_048;
/// Most frames that are looked at in one listening: a busy network has many.
const FRAMES_MOST: usize = 100_000;
/// How long one wait for a frame lasts.
const WAIT_MICROSECONDS: i64 = 50_000;

/// One port, for frames.
pub(crate) struct Wire {
    socket: OwnedFd,
    mac: Mac,
}

impl Wire {
    /// Opens the port of that name. `None` where it is no Ethernet.
    ///
    /// # Errors
    /// The kernel refuses: the right `CAP_NET_RAW` is missing.
    pub(crate) fn open(name: &str) -> io::Result<Option<Self>> {
        let Some((address, mac)) = ethernet(name)? else {
            return Ok(None);
        };
        let (family, flags) = (AddressFamily::Packet, SockFlag::SOCK_CLOEXEC);
        let socket = socket(family, SockType::Raw, flags, SockProtocol::EthAll)?;
        bind(socket.as_raw_fd(), &address)?;
        setsockopt(&socket, ReceiveTimeout, &TimeVal::new(0, WAIT_MICROSECONDS))?;
        Ok(Some(Self { socket, mac }))
    }

    /// The port's own address.
    pub(crate) fn mac(&self) -> Mac {
        self.mac
    }

    /// Sends a frame.
    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        send(self.socket.as_raw_fd(), frame, MsgFlags::empty())?;
        Ok(())
    }

    /// Hands every frame that passes to `look`, for so long at most, until it has seen enough.
    pub(crate) fn listen(&self, time: Duration, mut look: impl FnMut(&[u8]) -> bool) {
        let until = Instant::now() + time;
        let mut frame = [0; FRAME_MOST];
        for _ in 0..FRAMES_MOST {
            if Instant::now() >= until {
                return;
            }
            // Nothing within the wait is an error as well.
            let Ok(size) = recv(self.socket.as_raw_fd(), &mut frame, MsgFlags::empty()) else {
                continue;
            };
            if look(frame.get(..size).unwrap_or_default()) {
                return;
            }
        }
    }
}

/// The kernel's own address of the port, by which a socket is bound to it.
fn ethernet(name: &str) -> io::Result<Option<(LinkAddr, Mac)>> {
    let found = getifaddrs()?.filter(|it| it.interface_name == name);
    let mut links = found.filter_map(|it| Some(*it.address?.as_link_addr()?));
    let link = links.find(|link| link.halen() == 6);
    Ok(link.and_then(|link| Some((link, link.addr()?))))
}
