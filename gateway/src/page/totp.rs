//! One-time codes by time (RFC 6238): SHA-1, 30 seconds, 6 digits, which every authenticator app
//! speaks.

use ring::hmac;

use super::secret::{base32, random};

/// Bytes of a secret: as many as SHA-1 gives (RFC 4226, section 4).
pub(crate) const SECRET_BYTES: usize = 20;
const STEP_SECONDS: i64 = 30;
/// A code of the step before or after is taken too: phones are not on time to the second.
const STEPS_ASIDE: i64 = 1;

/// Draws a secret.
pub(crate) fn new_secret() -> [u8; SECRET_BYTES] {
    random()
}

/// The step at which `code` is right around `seconds`, if that step is later than `used`: a code
/// works once.
pub(crate) fn accept(secret: &[u8], code: &str, seconds: i64, used: i64) -> Option<i64> {
    let code: u32 = code_digits(code)?;
    let now = seconds.div_euclid(STEP_SECONDS);
    let steps = now - STEPS_ASIDE..=now + STEPS_ASIDE;
    steps
        .filter(|step| *step > used)
        .find(|step| at(secret, *step) == code)
}

/// The code that an app shows.
#[cfg(test)]
pub(crate) fn code(secret: &[u8], seconds: i64) -> String {
    format!("{:06}", at(secret, seconds.div_euclid(STEP_SECONDS)))
}

/// What an app reads from the picture. Issuer and name are letters, digits and `.-` only.
pub(crate) fn address(secret: &[u8], host: &str, name: &str) -> String {
    format!(
        "otpauth://totp/Sekisho%20{host}:{name}?secret={}&issuer=Sekisho%20{host}",
        base32(secret)
    )
}

/// Six digits; blanks between them are what apps show, so people type them.
fn code_digits(text: &str) -> Option<u32> {
    let digits: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let six = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit());
    six.then(|| digits.parse().ok()).flatten()
}

fn at(secret: &[u8], step: i64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    // RFC 4226, section 5.3.
    let offset = usize::from(tag.last().map_or(0, |last| last & 15));
    let four = tag
        .get(offset..offset + 4)
        .and_then(|four| four.try_into().ok());
    let number = u32::from_be_bytes(four.unwrap_or_default()) & 0x7fff_ffff;
    number % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    /// RFC 6238, appendix B (SHA-1), the last six of the eight digits.
    #[test]
    fn codes_meet_the_published_values() {
        for (seconds, shown) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, seconds), shown);
            assert_eq!(accept(SECRET, shown, seconds, 0), Some(seconds / 30));
        }
    }

    /// B-086: a code that was looked at over somebody's shoulder is worth nothing.
    #[test]
    fn a_code_works_once_and_for_a_minute_and_a_half() {
        let at = 1_800_000_015;
        let shown = code(SECRET, at);
        let step = accept(SECRET, &shown, at, 0).unwrap();
        assert_eq!(accept(SECRET, &shown, at, step), None);
        assert_eq!(accept(SECRET, &shown, at + 30, 0), Some(step));
        assert_eq!(accept(SECRET, &shown, at - 30, 0), Some(step));
        assert_eq!(accept(SECRET, &shown, at + 60, 0), None);
        assert_eq!(accept(SECRET, &shown, at - 60, 0), None);
        let (one, two) = shown.split_at(3);
        let spaced = format!(" {one} {two}");
        assert_eq!(accept(SECRET, &spaced, at, 0), Some(step));
        for wrong in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(accept(SECRET, wrong, at, 0), None, "{wrong}");
        }
    }
}
