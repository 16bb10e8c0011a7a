//! One question to a time server (SNTP, RFC 4330 and 5905).

/// Seconds between the beginnings of the two countings, 1900 and 1970.
const SINCE_1900: i64 = 2_208_988_800;
/// Seconds after which the counting of the wire begins anew.
const ERA: i64 = 1 << 32;

/// What a server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Whether it says that its own clock is set.
    pub set: bool,
    /// How far its clock is ahead of ours, in milliseconds.
    pub ahead_ms: i64,
}

/// The question. `nonce` stands in the place of our own time: the answer repeats it, so that
/// nobody who does not see the question can answer it, and it tells nobody what our clock says.
pub fn question(nonce: [u8; 8]) -> [u8; 48] {
    let mut packet = [0; 48];
    // Version 4, from a client.
    packet[0] = 4 << 3 | 3;
    packet[40..].copy_from_slice(&nonce);
    packet
}

/// Reads the answer to the question with that nonce, sent and received when our clock said so
/// (milliseconds since 1970).
pub fn answer(packet: &[u8], nonce: [u8; 8], sent_ms: i64, received_ms: i64) -> Option<Answer> {
    let head = *packet.first()?;
    let (leap, mode) = (head >> 6, head & 7);
    let stratum = *packet.get(1)?;
    if packet.len() < 48 || mode != 4 || packet.get(24..32)? != nonce {
        return None;
    }
    let taken = moment(packet.get(32..40)?)?;
    let given = moment(packet.get(40..48)?)?;
    let (out, back) = (taken.checked_sub(sent_ms)?, given.checked_sub(received_ms)?);
    Some(Answer {
        set: leap != 3 && (1..=15).contains(&stratum) && taken > 0,
        ahead_ms: out.checked_add(back)? / 2,
    })
}

/// Milliseconds since 1970. What is before 1968 on the wire is after 2036.
fn moment(bytes: &[u8]) -> Option<i64> {
    let seconds = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
    let fraction = u32::from_be_bytes(bytes.get(4..8)?.try_into().ok()?);
    let era = if seconds >> 31 == 0 { ERA } else { 0 };
    let since_1970 = i64::from(seconds) + era - SINCE_1900;
    Some(since_1970 * 1_000 + ((i64::from(fraction) * 1_000) >> 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

    fn stamp(since_1970_ms: i64) -> [u8; 8] {
        let seconds = (since_1970_ms.div_euclid(1_000) + SINCE_1900) as u32;
        let fraction = ((since_1970_ms.rem_euclid(1_000) << 32) / 1_000) as u32;
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..].copy_from_slice(&fraction.to_be_bytes());
        bytes
    }

    fn packet(head: u8, stratum: u8, at_ms: i64) -> Vec<u8> {
        let mut packet = vec![0; 48];
        packet[0] = head;
        packet[1] = stratum;
        packet[24..32].copy_from_slice(&NONCE);
        packet[32..40].copy_from_slice(&stamp(at_ms));
        packet[40..48].copy_from_slice(&stamp(at_ms));
        packet
    }

    #[test]
    fn how_far_the_clock_is_off_is_told_in_either_direction_and_beyond_2036() {
        for now in [1_780_000_000_000, 2_200_000_000_000_i64] {
            for off in [-3_600_000, -400, 0, 400, 86_400_000] {
                let read = answer(&packet(0x24, 2, now + off), NONCE, now - 20, now + 20);
                let read = read.unwrap();
                assert!(read.set);
                assert!((read.ahead_ms - off).abs() <= 1, "{read:?} {off}");
            }
        }
    }

    #[test]
    fn only_an_answer_to_our_question_counts_and_an_unset_server_says_so() {
        let now = 1_780_000_000_000;
        let read = |packet: &[u8]| answer(packet, NONCE, now, now);
        assert!(answer(&packet(0x24, 2, now), [0; 8], now, now).is_none());
        assert!(read(&packet(0x23, 2, now)).is_none(), "a question");
        assert!(read(&packet(0x24, 2, now)[..47]).is_none());
        assert!(
            !read(&packet(0xe4, 2, now)).unwrap().set,
            "not synchronized"
        );
        assert!(!read(&packet(0x24, 0, now)).unwrap().set, "kiss of death");
        assert!(!read(&packet(0x24, 16, now)).unwrap().set);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_none(bytes: Vec<u8>, sent: i64, received: i64) {
            let _ = answer(&bytes, NONCE, sent, received);
            let whole = [packet(0x24, 1, 0), bytes].concat();
            let _ = answer(&whole, NONCE, sent, received);
        }
    }
}
