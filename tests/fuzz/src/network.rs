//! What strangers send to a device that is plugged in: frames, answers of time servers, proxies and
//! fronts, and the first bytes of a stick.

use std::net::Ipv4Addr;

use media::list::FileSystem;
use media::volume;
use selftest::connect::Head;
use selftest::{arp, connect, dhcp, health, ntp};

const MAC: arp::Mac = [2, 0, 0, 0, 0, 1];
const NUMBER: u32 = 7;
const NONCE: [u8; 8] = *b"12345678";
/// What a volume of the seeds says that it has.
const VOLUME: u64 = 4 << 20;

/// The first byte says who reads the rest.
pub(crate) fn run(data: &[u8]) {
    match data.split_first() {
        Some((0, frame)) => claim(frame),
        Some((1, frame)) => offer(frame),
        Some((2, packet)) => time(packet),
        Some((3, answer)) => proxy(answer),
        Some((4, answer)) => front(answer),
        Some((5, head)) => stick(head),
        _ => {}
    }
}

/// Who says that it has an address says the same in a question of its own.
fn claim(frame: &[u8]) {
    if let Some((mac, ip)) = arp::claim(frame) {
        let again = arp::question(mac, ip, Ipv4Addr::BROADCAST);
        assert_eq!(arp::claim(&again), Some((mac, ip)));
        assert!(!ip.is_unspecified());
    }
}

/// An offer answers one question, and no other.
fn offer(frame: &[u8]) {
    if dhcp::offer(frame, NUMBER).is_some() {
        assert_eq!(dhcp::offer(frame, NUMBER + 1), None);
    }
}

/// An answer is one to our question, and is off as much as our clock is set by.
fn time(packet: &[u8]) {
    if let Some(answer) = ntp::answer(packet, NONCE, 0, 0) {
        assert_eq!(ntp::answer(packet, [0; 8], 0, 0), None);
        let later = ntp::answer(packet, NONCE, 1_000, 1_000);
        assert_eq!(later.map(|it| answer.ahead_ms - it.ahead_ms), Some(1_000));
    }
}

/// A status comes only with the end of a head, of three digits.
fn proxy(answer: &[u8]) {
    if let Head::Status(status) = connect::head(answer) {
        assert!(status <= 999 && answer.ends_with(b"\r\n\r\n"));
    }
}

/// All is well only in the front's own words.
fn front(answer: &[u8]) {
    if let Some((status, well)) = health::answer(answer) {
        assert!(status <= 999);
        let said = answer.windows(4).any(|bytes| bytes == br#""ok""#);
        assert!(!well || said);
    }
}

/// A volume that fits a stick fits a larger one, and none fits a stick without bytes.
fn stick(head: &[u8]) {
    for kind in [FileSystem::Vfat, FileSystem::Exfat, FileSystem::Ext4] {
        assert!(volume::check(kind, head, 0).is_err());
        if volume::check(kind, head, VOLUME).is_ok() {
            assert!(volume::check(kind, head, u64::MAX).is_ok());
        }
    }
}

/// An input of each kind.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let own = Ipv4Addr::new(192, 0, 2, 9);
    let mut time = vec![0; 48];
    (time[0], time[1]) = (0x24, 2);
    time[24..32].copy_from_slice(&NONCE);
    time[32] = 0xee;
    time[40] = 0xee;
    let seeds: [(&str, u8, Vec<u8>); 8] = [
        ("claim", 0, arp::question(MAC, own, own)),
        ("offer", 1, offered()),
        ("time", 2, time),
        ("proxy", 3, b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        (
            "front",
            4,
            b"HTTP/1.1 200 OK\r\n\r\n{\"status\": \"ok\"}".to_vec(),
        ),
        ("fat", 5, fat()),
        ("exfat", 5, exfat()),
        ("ext4", 5, ext4()),
    ];
    let named = |(name, reader, rest): (&str, u8, Vec<u8>)| {
        (name.to_owned(), [&[reader], rest.as_slice()].concat())
    };
    seeds.into_iter().map(named).collect()
}

/// The question, turned into its answer.
fn offered() -> Vec<u8> {
    let mut frame = dhcp::discover(MAC, NUMBER);
    frame.splice(34..38, [0, 67, 0, 68]);
    frame[42] = 2;
    frame.splice(
        282..,
        [53, 1, 2, 54, 4, 192, 0, 2, 1, 3, 4, 192, 0, 2, 254, 255],
    );
    frame
}

fn fat() -> Vec<u8> {
    let mut head = vec![0; 512];
    head[11..17].copy_from_slice(&[0, 2, 4, 4, 0, 2]);
    head[19..24].copy_from_slice(&[0, 32, 0, 8, 0]);
    head[54..57].copy_from_slice(b"FAT");
    head[510..].copy_from_slice(&[0x55, 0xaa]);
    head
}

fn exfat() -> Vec<u8> {
    let mut head = vec![0; 512];
    head[3..11].copy_from_slice(b"EXFAT   ");
    head[73] = 32;
    head[108] = 9;
    head[510..].copy_from_slice(&[0x55, 0xaa]);
    head
}

fn ext4() -> Vec<u8> {
    let mut head = vec![0; 1_124];
    head[1_028] = 1;
    head[1_080..1_082].copy_from_slice(&[0x53, 0xef]);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The oracles are asked of what is taken, not of what is refused at once.
    #[test]
    fn every_seed_is_taken_by_its_reader() {
        let seeds = seeds();
        let rest = |at: usize| &seeds[at].1[1..];
        assert!(arp::claim(rest(0)).is_some());
        assert!(dhcp::offer(rest(1), NUMBER).is_some());
        assert!(ntp::answer(rest(2), NONCE, 0, 0).is_some());
        assert_eq!(connect::head(rest(3)), Head::Status(200));
        assert_eq!(health::answer(rest(4)), Some((200, true)));
        for (at, kind) in [
            (5, FileSystem::Vfat),
            (6, FileSystem::Exfat),
            (7, FileSystem::Ext4),
        ] {
            assert_eq!(volume::check(kind, rest(at), VOLUME), Ok(()), "{kind:?}");
        }
    }
}
