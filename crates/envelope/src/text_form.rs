//! The text form of keys in files: one line, `prefix:` and lower-case hexadecimal digits.

use zeroize::Zeroizing;

use crate::keys::KeyError;

pub(crate) const MAC: &str = "sekisho-mac-v1";
pub(crate) const SIGNING: &str = "sekisho-signing-v1";
pub(crate) const VERIFYING: &str = "sekisho-verifying-v1";
pub(crate) const CORE_SECRET: &str = "sekisho-core-secret-v1";
pub(crate) const CORE_PUBLIC: &str = "sekisho-core-public-v1";
pub(crate) const EVALUATION_SECRET: &str = "sekisho-evaluation-secret-v1";
pub(crate) const EVALUATION_PUBLIC: &str = "sekisho-evaluation-public-v1";
pub(crate) const VAULT_PUBLIC: &str = "sekisho-vault-public-v1";
pub(crate) const VAULT_SHARE: &str = "sekisho-vault-share-v1";
pub(crate) const DEVICE_SECRET: &str = "sekisho-device-secret-v1";
pub(crate) const DEVICE_PUBLIC: &str = "sekisho-device-public-v1";

/// `prefix:hex`.
pub(crate) fn format(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    // The capacity is exact: a growing string would leave copies of a secret behind.
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + 1 + bytes.len() * 2));
    text.push_str(prefix);
    text.push(':');
    push_hex(&mut text, bytes);
    text
}

/// Reads what [`format()`] wrote, white space around it left aside.
pub(crate) fn parse<const N: usize>(
    prefix: &str,
    text: &str,
) -> Result<Zeroizing<[u8; N]>, KeyError> {
    let digits = text
        .trim()
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix(':'));
    let digits = digits.ok_or(KeyError::Kind)?.as_bytes();
    if digits.len() != N * 2 {
        return Err(KeyError::Length);
    }
    let mut bytes = Zeroizing::new([0; N]);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else {
            return Err(KeyError::Length);
        };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Ok(bytes)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    push_hex(&mut text, bytes);
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(if nibble < 10 {
                b'0' + nibble
            } else {
                b'a' + nibble - 10
            }));
        }
    }
}

/// Reads what [`hex`] wrote, of at most so many bytes; `None` for anything else.
pub(crate) fn unhex_any(text: &str, most: usize) -> Option<Vec<u8>> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let fits = odd.is_empty() && pairs.len() <= most;
    let byte = |&[high, low]: &[u8; 2]| Some(digit(high).ok()? << 4 | digit(low).ok()?);
    fits.then(|| pairs.iter().map(byte).collect())?
}

fn digit(byte: u8) -> Result<u8, KeyError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(KeyError::Digit),
    }
}

#[cfg(test)]
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks_exact(2)
        .map(|pair| digit(pair[0]).unwrap() << 4 | digit(pair[1]).unwrap())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_line_is_read_back_and_anything_else_is_refused() {
        let line = format(MAC, &[0x0f, 0xa0]);
        assert_eq!(line.as_str(), "sekisho-mac-v1:0fa0");
        assert_eq!(
            *parse::<2>(MAC, " sekisho-mac-v1:0fa0\n").unwrap(),
            [0x0f, 0xa0]
        );
        for (text, error) in [
            ("sekisho-signing-v1:0fa0", KeyError::Kind),
            ("sekisho-mac-v1", KeyError::Kind),
            ("sekisho-mac-v1:0fa", KeyError::Length),
            ("sekisho-mac-v1:0fa0a0", KeyError::Length),
            ("sekisho-mac-v1:0FA0", KeyError::Digit),
            ("sekisho-mac-v1:鍵0", KeyError::Digit),
        ] {
            assert_eq!(parse::<2>(MAC, text).err(), Some(error), "{text}");
        }
    }
}
