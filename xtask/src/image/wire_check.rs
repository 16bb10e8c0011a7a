//! What goes over the wires of the device on its own accord, and whether anything goes through it
//! from one wire to the other (A-112, A-114, B-083).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::machine::Machine;
use super::scan::{OUR_MAC, Wire, checksum};

/// What is looked for on the other wire.
const MARK: &[u8] = b"FROM-ONE-WIRE-TO-THE-OTHER";
const SETTLED: Duration = Duration::from_secs(3);
/// Our address on either wire ends in 2, the device's in 1.
const NETWORKS: [&str; 2] = ["10.77.1", "10.77.2"];
const NETWORKS6: [&str; 2] = ["fd77:1:", "fd77:2:"];

/// Nothing but what it takes to get an address was said.
///
/// # Errors
/// Something else was, or nothing at all.
pub(super) fn says_nothing_unasked(wires: &[Wire; 2]) -> anyhow::Result<String> {
    let mut told = BTreeSet::new();
    let mut frames = 0;
    for (wire, name) in wires.iter().zip(["lan", "wan"]) {
        for frame in wire.frames(Duration::ZERO) {
            frames += 1;
            let what = kind(&frame);
            ensure!(ALLOWED.contains(&what.as_str()), "on {name}: {what}");
            told.insert(what);
        }
    }
    ensure!(told.contains("udp 67"), "no frame was caught: {told:?}");
    Ok(format!("{frames} frames of its own, for addresses only"))
}

/// Questions for addresses and routers, and who listens to which group.
const ALLOWED: [&str; 7] = [
    "arp",
    "udp 67",
    "udp 547",
    "icmp6 133",
    "icmp6 135",
    "icmp6 136",
    "icmp6 143",
];

/// What a frame is: of datagrams and connections the port that is spoken to.
fn kind(frame: &[u8]) -> String {
    let byte = |at: usize| frame.get(at).copied().unwrap_or_default();
    let port = |at: usize| u16::from_be_bytes([byte(at), byte(at + 1)]);
    match (port(12), byte(23), byte(20)) {
        (0x0806, ..) => "arp".to_owned(),
        (0x0800, 17, _) => format!("udp {}", port(14 + usize::from(byte(14) & 15) * 4 + 2)),
        (0x0800, other, _) => format!("ip {other}"),
        (0x86dd, _, 17) => format!("udp {}", port(56)),
        (0x86dd, _, 58) => format!("icmp6 {}", byte(54)),
        // Group listeners say their word behind an option for routers.
        (0x86dd, _, 0) if byte(54) == 58 => format!("icmp6 {}", byte(62)),
        (0x86dd, _, other) => format!("ip6 {other}"),
        (other, ..) => format!("ethernet {other:04x}"),
    }
}

/// B-083: with addresses on both sides and packets for the other side nothing comes out there; not
/// even if the kernel were told to forward. Only when the firewall is taken away as well it does,
/// which shows that the check would see it.
///
/// # Errors
/// Something goes through, or nothing does in the end.
pub(super) fn lets_nothing_through(
    machine: &mut Machine,
    wires: &[Wire; 2],
) -> anyhow::Result<String> {
    for (card, (v4, v6)) in ["lan0", "wan0"].iter().zip(NETWORKS.iter().zip(NETWORKS6)) {
        machine.ask(&format!(
            "busybox ip link set {card} up; busybox ip address add {v4}.1/24 dev {card}; \
             busybox ip address add {v6}:1/64 dev {card}"
        ))?;
    }
    // An address of IPv6 counts once nobody has objected.
    std::thread::sleep(SETTLED);
    for weakened in ["true", FORWARD] {
        machine.ask(weakened)?;
        for way in [[0, 1], [1, 0]] {
            let came = went(wires, way)?;
            ensure!(came.is_empty(), "{way:?} after `{weakened}`: {came:?}");
        }
    }
    machine.ask("nft flush ruleset")?;
    for way in [[0, 1], [1, 0]] {
        let came = went(wires, way)?;
        ensure!(came.len() == 2, "{way:?} without a firewall: {came:?}");
    }
    Ok("nothing goes from one wire to the other".to_owned())
}

const FORWARD: &str = "busybox sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1";

/// The protocols by which a marked packet came out on the other wire.
fn went(wires: &[Wire; 2], [from, to]: [usize; 2]) -> anyhow::Result<BTreeSet<&'static str>> {
    let [Some(inner), Some(outer)] = [from, to].map(|at| wires.get(at)) else {
        return Ok(BTreeSet::new());
    };
    drop(outer.frames(Duration::ZERO));
    let mut came = BTreeSet::new();
    let begin = Instant::now();
    while begin.elapsed() < SETTLED && came.len() < 2 {
        inner.send(&ipv4(inner, from, to))?;
        inner.send(&ipv6(inner, from, to))?;
        for frame in outer.frames(Duration::from_millis(200)) {
            if frame.windows(MARK.len()).any(|it| it == MARK) {
                came.insert(if frame.get(12) == Some(&8) {
                    "ipv4"
                } else {
                    "ipv6"
                });
            } else if let Some(answer) = answer(outer, to, &frame) {
                outer.send(&answer)?;
            }
        }
    }
    Ok(came)
}

fn address(network: usize, host: u8) -> [u8; 4] {
    [10, 77, u8::try_from(network + 1).unwrap_or_default(), host]
}

fn address6(network: usize, host: u8) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&[0xfd, 0x77, 0, u8::try_from(network + 1).unwrap_or_default()]);
    bytes[15] = host;
    bytes
}

/// From us on one side to us on the other; 253 is a protocol for experiments.
fn ipv4(wire: &Wire, from: usize, to: usize) -> Vec<u8> {
    let length = u16::try_from(20 + MARK.len()).unwrap_or_default();
    let mut head = vec![0x45, 0];
    head.extend(length.to_be_bytes());
    head.extend([0, 1, 0, 0, 64, 253, 0, 0]);
    head.extend(address(from, 2));
    head.extend(address(to, 2));
    let sum = checksum(head.iter().copied()).to_be_bytes();
    head[10..12].copy_from_slice(&sum);
    [&wire.card()[..], &OUR_MAC, &[0x08, 0x00], &head, MARK].concat()
}

/// The same; nothing follows the header, says 59.
fn ipv6(wire: &Wire, from: usize, to: usize) -> Vec<u8> {
    let mut head = vec![0x60, 0, 0, 0];
    head.extend(u16::try_from(MARK.len()).unwrap_or_default().to_be_bytes());
    head.extend([59, 64]);
    head.extend(address6(from, 2));
    head.extend(address6(to, 2));
    [&wire.card()[..], &OUR_MAC, &[0x86, 0xdd], &head, MARK].concat()
}

/// "That address is mine", to whoever asks for ours.
fn answer(wire: &Wire, network: usize, frame: &[u8]) -> Option<Vec<u8>> {
    match kind(frame).as_str() {
        "arp" if frame.get(38..42)? == address(network, 2) => {
            let mut answer = [&wire.card()[..], &OUR_MAC, &[0x08, 0x06]].concat();
            answer.extend([0, 1, 8, 0, 6, 4, 0, 2]);
            answer.extend(OUR_MAC);
            answer.extend(address(network, 2));
            answer.extend(frame.get(22..32)?);
            Some(answer)
        }
        "icmp6 135" if frame.get(62..78)? == address6(network, 2) => {
            let own = address6(network, 2);
            let mut content = vec![136, 0, 0, 0, 0x60, 0, 0, 0];
            content.extend(own);
            content.extend([2, 1]);
            content.extend(OUR_MAC);
            let asker: [u8; 16] = frame.get(22..38)?.try_into().ok()?;
            Some(wire.packet([own, asker], (58, 255), content, 2))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn frames_are_told_by_what_they_ask_for() {
        let mut frame = vec![0; 80];
        frame[12..14].copy_from_slice(&[8, 6]);
        assert_eq!(kind(&frame), "arp");
        frame[12..14].copy_from_slice(&[8, 0]);
        (frame[14], frame[23], frame[37]) = (0x45, 17, 67);
        assert_eq!(kind(&frame), "udp 67");
        frame[23] = 6;
        assert_eq!(kind(&frame), "ip 6");
        frame[12..14].copy_from_slice(&[0x86, 0xdd]);
        (frame[20], frame[54]) = (58, 135);
        assert_eq!(kind(&frame), "icmp6 135");
        (frame[20], frame[54], frame[62]) = (0, 58, 143);
        assert_eq!(kind(&frame), "icmp6 143");
        frame[20] = 6;
        assert_eq!(kind(&frame), "ip6 6");
        assert_eq!(kind(&[]), "ethernet 0000");
    }
}
