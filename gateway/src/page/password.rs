//! Passwords: what may be one, and how it is kept (Argon2id).

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::secret::{random, same};
use crate::error::{Failure, Problem};

/// Shortest password (B-086 asks for 8 beside a second factor).
pub(crate) const SHORTEST: usize = 10;
const LONGEST: usize = 200;
const SALT: usize = 16;
const HASH: usize = 32;
/// 19 MiB, two passes, one lane: what OWASP's cheat sheet on storing passwords asks for.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Why a text is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weak {
    /// Fewer than [`SHORTEST`] characters, or more than anybody types.
    Length,
    /// It is the account's name, or a few characters again and again.
    Guessable,
}

/// Whether a text may be the password of this account.
///
/// # Errors
/// Why not.
pub(crate) fn fit(text: &str, name: &str) -> Result<(), Weak> {
    if text.chars().count() < SHORTEST || text.len() > LONGEST {
        return Err(Weak::Length);
    }
    let small = text.to_lowercase();
    let mut letters: Vec<char> = small.chars().collect();
    let rising = letters.windows(2).all(|pair| match pair {
        [one, next] => *next as u32 == *one as u32 + 1 || (*one, *next) == ('9', '0'),
        _ => true,
    });
    letters.sort_unstable();
    letters.dedup();
    let named = small.contains(&name.to_lowercase()) && small.len() < name.len() + 6;
    let known = ["password", "passw0rd", "sekisho", "qwerty", "123456"]
        .iter()
        .any(|word| small.contains(word) && small.len() < word.len() + 6);
    match letters.len() < 5 || rising || named || known {
        true => Err(Weak::Guessable),
        false => Ok(()),
    }
}

/// What is kept of a password: salt and hash.
///
/// # Errors
/// Only for want of memory.
pub(crate) fn keep(text: &str) -> Result<Vec<u8>, Failure> {
    let salt = random::<SALT>();
    Ok([salt.as_slice(), hash(text, &salt)?.as_slice()].concat())
}

/// Whether a text is the kept password. Without one it takes as long and says no, so that the time
/// does not tell which accounts there are.
///
/// # Errors
/// Only for want of memory.
pub(crate) fn is(text: &str, kept: Option<&[u8]>) -> Result<bool, Failure> {
    let known = kept.and_then(|kept| kept.split_at_checked(SALT));
    let nobody = ([0; SALT].as_slice(), [].as_slice());
    let (salt, expected) = known.unwrap_or(nobody);
    // A long text costs the same as a short one, and is never right.
    let short = text.len() <= LONGEST;
    let made = hash(if short { text } else { "" }, salt)?;
    Ok(same(made.as_slice(), expected) && short && known.is_some())
}

fn hash(text: &str, salt: &[u8]) -> Result<Zeroizing<[u8; HASH]>, Failure> {
    let failed = |_| Failure::new(Problem::Internal, "argon2");
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(HASH)).map_err(failed)?;
    let mut made = Zeroizing::new([0; HASH]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(text.as_bytes(), salt, made.as_mut_slice())
        .map_err(failed)?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-086: no shared default, no trivial password.
    #[test]
    fn passwords_that_anybody_would_guess_are_refused() {
        for (text, result) in [
            ("short", Err(Weak::Length)),
            ("123456789", Err(Weak::Length)),
            ("1234567890", Err(Weak::Guessable)),
            ("aaaaaaaaaaaa", Err(Weak::Guessable)),
            ("abababababab", Err(Weak::Guessable)),
            ("yamada2026", Err(Weak::Guessable)),
            ("password2026", Err(Weak::Guessable)),
            ("abcdefghijkl", Err(Weak::Guessable)),
            ("asagao-to-tsuyu", Ok(())),
            ("あさがおとつゆくさ2", Ok(())),
        ] {
            assert_eq!(fit(text, "yamada"), result, "{text}");
        }
        assert_eq!(fit(&"ab1cd2ef3g".repeat(21), "yamada"), Err(Weak::Length));
    }

    #[test]
    fn a_kept_password_is_recognised_and_no_other() {
        let kept = keep("asagao-to-tsuyu").unwrap();
        assert_ne!(kept, keep("asagao-to-tsuyu").unwrap());
        assert!(is("asagao-to-tsuyu", Some(&kept)).unwrap());
        for wrong in ["asagao-to-tsuya", "", &"x".repeat(500)] {
            assert!(!is(wrong, Some(&kept)).unwrap());
            assert!(!is(wrong, None).unwrap());
        }
    }
}
