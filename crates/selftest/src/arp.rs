//! ARP (RFC 826, RFC 5227): who has an IPv4 address on the wire of an Ethernet.

use std::net::Ipv4Addr;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// Asks for everybody's attention.
const EVERYBODY: Mac = [0xff; 6];
/// Ethernet, IPv4, lengths of both addresses.
const HEAD: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// A frame that asks who has `about`. With [`Ipv4Addr::UNSPECIFIED`] as sender it is a probe
/// (RFC 5227): nobody learns an address from it.
pub fn question(mac: Mac, from: Ipv4Addr, about: Ipv4Addr) -> Vec<u8> {
    let mut frame = Vec::with_capacity(42);
    frame.extend_from_slice(&EVERYBODY);
    frame.extend_from_slice(&mac);
    frame.extend_from_slice(&[0x08, 0x06]);
    frame.extend_from_slice(&HEAD);
    frame.extend_from_slice(&[0, 1]);
    frame.extend_from_slice(&mac);
    frame.extend_from_slice(&from.octets());
    frame.extend_from_slice(&[0; 6]);
    frame.extend_from_slice(&about.octets());
    frame
}

/// Who says of itself in an ARP frame that it has which address: of an answer and of a question
/// alike. `None` for every other frame, and for probes.
pub fn claim(frame: &[u8]) -> Option<(Mac, Ipv4Addr)> {
    if frame.get(12..14)? != [0x08, 0x06] || frame.get(14..20)? != HEAD {
        return None;
    }
    let mac: Mac = frame.get(22..28)?.try_into().ok()?;
    let address: [u8; 4] = frame.get(28..32)?.try_into().ok()?;
    let address = Ipv4Addr::from(address);
    (!address.is_unspecified()).then_some((mac, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Mac = [2, 0, 0, 0, 0, 1];

    #[test]
    fn a_question_says_whose_address_it_comes_from_and_a_probe_does_not() {
        let (own, other) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 9));
        let question_ = question(OURS, own, other);
        assert_eq!(question_.len(), 42);
        assert_eq!(claim(&question_), Some((OURS, own)));
        assert_eq!(claim(&question(OURS, Ipv4Addr::UNSPECIFIED, own)), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_claim_or_none(bytes: Vec<u8>) {
            let _ = claim(&bytes);
        }
    }
}
