//! DHCP (RFC 2131), as far as asking who would offer an address. Nothing is ever taken: no request
//! follows an offer.

use std::net::Ipv4Addr;

use crate::arp::Mac;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
const UDP: u8 = 17;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// The fixed part of a message, up to the cookie.
const FIXED: usize = 236;
/// Most options that are looked at in one message.
const OPTIONS_MAX: usize = 128;

/// What a server would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offer {
    /// The server.
    pub server: Ipv4Addr,
    /// The router that it names first.
    pub router: Option<Ipv4Addr>,
}

/// A frame that asks every server of the Ethernet for an offer, answered to everybody.
/// `number` tells its answers from others'.
pub fn discover(mac: Mac, number: u32) -> Vec<u8> {
    let message = discover_message(mac, number);
    let udp_length = 8 + message.len();
    let ip_length = 20 + udp_length;
    let word = |value: usize| u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes();
    let mut frame = Vec::with_capacity(14 + ip_length);
    frame.extend_from_slice(&[0xff; 6]);
    frame.extend_from_slice(&mac);
    frame.extend_from_slice(&[0x08, 0x00]);

    let mut header = vec![0x45, 0];
    header.extend_from_slice(&word(ip_length));
    // No number, no fragments, one hop.
    header.extend_from_slice(&[0, 0, 0, 0, 1, UDP, 0, 0]);
    header.extend_from_slice(&Ipv4Addr::UNSPECIFIED.octets());
    header.extend_from_slice(&Ipv4Addr::BROADCAST.octets());
    let sum = checksum(&header).to_be_bytes();
    header.splice(10..12, sum);
    frame.extend_from_slice(&header);

    frame.extend_from_slice(&CLIENT_PORT.to_be_bytes());
    frame.extend_from_slice(&SERVER_PORT.to_be_bytes());
    frame.extend_from_slice(&word(udp_length));
    // UDP over IPv4 may go without a checksum.
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(&message);
    frame
}

fn discover_message(mac: Mac, number: u32) -> Vec<u8> {
    // A question, over Ethernet, with addresses of six bytes.
    let mut message = vec![1, 1, 6, 0];
    message.extend_from_slice(&number.to_be_bytes());
    // Answers go to everybody: there may be no address to answer to.
    message.extend_from_slice(&[0, 0, 0x80, 0]);
    message.resize(28, 0);
    message.extend_from_slice(&mac);
    message.resize(FIXED, 0);
    message.extend_from_slice(&COOKIE);
    // DISCOVER; mask and router are of interest; the end.
    message.extend_from_slice(&[53, 1, 1, 55, 2, 1, 3, 255]);
    // Some servers drop what is shorter than a message of BOOTP.
    message.resize(300, 0);
    message
}

/// Reads a frame as an offer that answers the question with that number.
pub fn offer(frame: &[u8], number: u32) -> Option<Offer> {
    if frame.get(12..14)? != [0x08, 0x00] {
        return None;
    }
    let packet = frame.get(14..)?;
    let first = *packet.first()?;
    let header = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header < 20 || *packet.get(9)? != UDP {
        return None;
    }
    let udp = packet.get(header..)?;
    if udp.get(2..4)? != CLIENT_PORT.to_be_bytes() {
        return None;
    }
    let message = udp.get(8..)?;
    let answers = *message.first()? == 2 && message.get(4..8)? == number.to_be_bytes();
    if !answers || message.get(FIXED..FIXED + 4)? != COOKIE {
        return None;
    }
    let mut kind = None;
    let (mut server, mut router) = (None, None);
    for (code, value) in options(message.get(FIXED + 4..)?) {
        match code {
            53 => kind = value.first().copied(),
            54 => server = address(value),
            3 => router = address(value),
            _ => {}
        }
    }
    (kind == Some(2)).then_some(())?;
    let server = server?;
    Some(Offer { server, router })
}

/// The options of a message, up to its end or its first fault.
fn options(bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while found.len() < OPTIONS_MAX {
        match rest {
            [0, more @ ..] => rest = more,
            [255, ..] | [] => break,
            [code, length, more @ ..] => {
                let Some((value, after)) = more.split_at_checked(usize::from(*length)) else {
                    break;
                };
                found.push((*code, value));
                rest = after;
            }
            _ => break,
        }
    }
    found
}

fn address(value: &[u8]) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = value.get(..4)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets))
}

/// The sum of RFC 1071.
fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = [2, 0, 0, 0, 0, 1];

    /// The question as a server would answer it.
    fn answered(options: &[u8]) -> Vec<u8> {
        let mut frame = discover(MAC, 7);
        frame.splice(34..38, [0, 67, 0, 68]);
        frame[42] = 2;
        frame.truncate(42 + FIXED + 4);
        frame.extend_from_slice(options);
        frame
    }

    #[test]
    fn an_offer_names_server_and_router() {
        let whole = [53, 1, 2, 54, 4, 192, 0, 2, 1, 3, 4, 192, 0, 2, 254, 255];
        let offered = Offer {
            server: Ipv4Addr::new(192, 0, 2, 1),
            router: Some(Ipv4Addr::new(192, 0, 2, 254)),
        };
        assert_eq!(offer(&answered(&whole), 7), Some(offered));
        assert_eq!(offer(&answered(&whole), 8), None, "of another question");
        let acknowledged = [53, 1, 5, 54, 4, 192, 0, 2, 1, 255];
        assert_eq!(offer(&answered(&acknowledged), 7), None);
        let without_server = [53, 1, 2, 255];
        assert_eq!(offer(&answered(&without_server), 7), None);
        assert_eq!(offer(&discover(MAC, 7), 7), None, "a question is no offer");
    }

    #[test]
    fn the_question_has_the_lengths_and_the_sum_that_the_wire_asks_for() {
        let frame = discover(MAC, 1);
        assert_eq!(frame.len(), 14 + 20 + 8 + 300);
        assert_eq!(frame[16..18], [1, 72]);
        assert_eq!(checksum(&frame[14..34]), 0);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_an_offer_or_none(bytes: Vec<u8>, tail: Vec<u8>) {
            let _ = offer(&bytes, 0);
            let _ = offer(&answered(&tail), 7);
        }
    }
}
