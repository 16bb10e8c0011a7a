//! The little of DER (X.690) that signatures and stored keys need: lengths up to 65,535.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// One element with its tag and length.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let mut out = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    out.extend(content);
    out
}

pub(crate) fn sequence(content: &[u8]) -> Vec<u8> {
    element(SEQUENCE, content)
}

/// A number that is not negative, from its bytes.
pub(crate) fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0);
    let digits = start.and_then(|start| bytes.get(start..)).unwrap_or(&[0]);
    let negative = digits.first().is_some_and(|byte| byte & 0x80 != 0);
    let sign: &[u8] = if negative { &[0] } else { &[] };
    element(INTEGER, &[sign, digits].concat())
}

/// Takes one element off the front: its tag, its content, and what follows. `None` where there is
/// none, or its length is written in more bytes than it needs.
pub(crate) fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (*length >= 0x80).then_some((usize::from(*length), rest))?
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let length = u16::from_be_bytes(*length);
            (length > 0xff).then_some((usize::from(length), rest))?
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The same, with the whole element in the place of its content.
pub(crate) fn first(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, _, rest) = split(bytes)?;
    let (element, rest) = bytes.split_at_checked(bytes.len() - rest.len())?;
    Some((tag, element, rest))
}

/// The content of the one element of that tag, and what follows.
pub(crate) fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = split(bytes)?;
    (found == tag).then_some((content, rest))
}

/// The content of a sequence that is all there is.
pub(crate) fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let (content, rest) = expect(SEQUENCE, bytes)?;
    rest.is_empty().then_some(content)
}
