//! A port scan of the appliance: frames put on its wire by hand, so that nothing between the
//! scanner and the device can answer for it.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

/// The scanner's own addresses on the wire.
pub(super) const OUR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
const OUR_IP: [u8; 16] = link_local(OUR_MAC);
/// So many ports are asked before the scanner makes sure that the device has heard them.
const BURST: usize = 64;
const PATIENCE: Duration = Duration::from_secs(60);
const HERE: (&str, u16) = ("127.0.0.1", 0);
const SYN: u8 = 0x02;

/// A wire to one network card of a machine.
pub(crate) struct Wire {
    socket: UdpSocket,
    theirs: SocketAddr,
    mac: [u8; 6],
}

impl Wire {
    /// A new wire to a card with this address.
    ///
    /// # Errors
    /// No port is free on this machine.
    pub(crate) fn new(mac: [u8; 6]) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind(HERE).context("the scanner's wire")?;
        // The machine binds this one itself.
        let theirs = UdpSocket::bind(HERE)?.local_addr()?;
        socket.connect(theirs)?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        Ok(Self {
            socket,
            theirs,
            mac,
        })
    }

    /// The other end, as QEMU takes it.
    pub(crate) fn netdev(&self) -> String {
        let ours = self.socket.local_addr().map_or(0, |address| address.port());
        format!("socket,udp=127.0.0.1:{ours},localaddr={}", self.theirs)
    }

    /// The address of the card, as QEMU takes it.
    pub(crate) fn mac(&self) -> String {
        self.mac.map(|byte| format!("{byte:02x}")).join(":")
    }

    /// Asks every TCP port of the device at its link-local address; those from which anything came
    /// back, accepted or refused.
    ///
    /// # Errors
    /// The device is not there.
    pub(crate) fn scan(&self) -> anyhow::Result<BTreeSet<u16>> {
        let mut answered = BTreeSet::new();
        let ports: Vec<u16> = (1..=u16::MAX).collect();
        for burst in ports.chunks(BURST) {
            for port in burst {
                self.send(&self.syn(*port))?;
            }
            self.wait_until_heard(&mut answered)?;
        }
        Ok(answered)
    }

    /// The address of the device's card.
    pub(super) fn card(&self) -> [u8; 6] {
        self.mac
    }

    /// The frames of the device that have come, and those of a while longer.
    pub(super) fn frames(&self, more: Duration) -> Vec<Vec<u8>> {
        let begin = Instant::now();
        let mut frames = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(size) => {
                    let frame = buffer.get(..size).unwrap_or_default();
                    if frame.get(6..12) == Some(&self.mac) {
                        frames.push(frame.to_vec());
                    }
                }
                Err(_) if begin.elapsed() >= more => return frames,
                Err(_) => {}
            }
        }
    }

    /// Puts a frame on the wire.
    pub(super) fn send(&self, frame: &[u8]) -> anyhow::Result<()> {
        self.socket
            .send(frame)
            .map(drop)
            .context("the scanner's wire")
    }

    /// Asks for the device's own address until it answers, which it does after all that was sent
    /// before; what comes back in between is noted.
    fn wait_until_heard(&self, answered: &mut BTreeSet<u16>) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            self.send(&self.solicitation())?;
            let mut frame = [0; 2048];
            while let Ok(size) = self.socket.recv(&mut frame) {
                let frame = frame.get(..size).unwrap_or_default();
                match self.read(frame) {
                    Some(Heard::Here) => return Ok(()),
                    Some(Heard::Port(port)) => {
                        answered.insert(port);
                    }
                    Some(Heard::WhoAreYou) => self.send(&self.advertisement())?,
                    None => {}
                }
            }
            ensure!(begin.elapsed() < PATIENCE, "the device does not answer");
        }
    }

    /// What a frame of the device says.
    fn read(&self, frame: &[u8]) -> Option<Heard> {
        if frame.get(6..12)? != self.mac || frame.get(12..14)? != [0x86, 0xdd] {
            return None;
        }
        match (frame.get(20)?, frame.get(54)?) {
            (6, _) => Some(Heard::Port(u16::from_be_bytes([
                *frame.get(54)?,
                *frame.get(55)?,
            ]))),
            (58, 136) => Some(Heard::Here),
            (58, 135) if frame.get(62..78)? == OUR_IP => Some(Heard::WhoAreYou),
            _ => None,
        }
    }

    /// "May I connect to this port?"
    fn syn(&self, port: u16) -> Vec<u8> {
        let mut tcp = vec![0xc0, 0x00];
        tcp.extend(port.to_be_bytes());
        tcp.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, SYN, 0x04, 0, 0, 0, 0, 0]);
        self.packet(self.ends(), (6, 64), tcp, 16)
    }

    /// "Who has this address?"
    fn solicitation(&self) -> Vec<u8> {
        let mut question = vec![135, 0, 0, 0, 0, 0, 0, 0];
        question.extend(link_local(self.mac));
        question.extend([1, 1]);
        question.extend(OUR_MAC);
        self.packet(self.ends(), (58, 255), question, 2)
    }

    /// "I have it."
    fn advertisement(&self) -> Vec<u8> {
        let mut answer = vec![136, 0, 0, 0, 0x60, 0, 0, 0];
        answer.extend(OUR_IP);
        answer.extend([2, 1]);
        answer.extend(OUR_MAC);
        self.packet(self.ends(), (58, 255), answer, 2)
    }

    /// The scanner's address and the device's.
    fn ends(&self) -> [[u8; 16]; 2] {
        [OUR_IP, link_local(self.mac)]
    }

    /// An Ethernet frame around an IPv6 packet, with the checksum of its content at `check`.
    pub(super) fn packet(
        &self,
        ends: [[u8; 16]; 2],
        (kind, hops): (u8, u8),
        mut content: Vec<u8>,
        check: usize,
    ) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
        let mut pseudo: Vec<u8> = ends.concat();
        pseudo.extend(u32::from(length).to_be_bytes());
        pseudo.extend([0, 0, 0, kind]);
        let sum = checksum(pseudo.iter().chain(&content).copied());
        if let Some(place) = content.get_mut(check..check + 2) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
        let mut frame: Vec<u8> = [self.mac, OUR_MAC].concat();
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend(length.to_be_bytes());
        frame.extend([kind, hops]);
        frame.extend(ends.concat());
        frame.extend(content);
        frame
    }
}

enum Heard {
    /// The device has this address.
    Here,
    /// Something came from this port.
    Port(u16),
    /// The device wants to send to us, and asks for our address.
    WhoAreYou,
}

/// The address that a card gives itself.
const fn link_local(mac: [u8; 6]) -> [u8; 16] {
    let [a, b, c, d, e, f] = mac;
    [
        0xfe,
        0x80,
        0,
        0,
        0,
        0,
        0,
        0,
        a ^ 2,
        b,
        c,
        0xff,
        0xfe,
        d,
        e,
        f,
    ]
}

/// The checksum of the internet protocols (RFC 1071).
pub(super) fn checksum(bytes: impl Iterator<Item = u8>) -> u16 {
    let mut sum = 0_u32;
    for (at, byte) in bytes.enumerate() {
        let shift = if at % 2 == 0 { 8 } else { 0 };
        sum += u32::from(byte) << shift;
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{checksum, link_local};

    /// The example of RFC 1071, section 3.
    #[test]
    fn the_checksum_is_that_of_the_standard() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(bytes.into_iter()), !0xddf2);
    }

    #[test]
    fn a_card_names_itself_by_its_own_address() {
        let address = link_local([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        assert_eq!(address[8..], [0x50, 0x54, 0, 0xff, 0xfe, 0x12, 0x34, 0x56]);
    }
}
