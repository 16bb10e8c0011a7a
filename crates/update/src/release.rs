//! What the centre offers to a board: one version and the plan by which it spreads.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Name, Plan, Version};

/// Most bytes of a release.
pub const RELEASE_MAX: usize = 64 << 10;
const FORMAT: u8 = 1;

/// The version that devices of a board should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    format: u8,
    /// The board that it is for.
    pub board: Name,
    /// The version offered.
    pub version: Version,
    /// The oldest version that may be installed from now on: what is known to be unsafe stays out.
    pub least: Version,
    /// By which the fleet takes it.
    pub plan: Plan,
}

/// Why bytes are no release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReleaseError {
    /// More than [`RELEASE_MAX`].
    #[error("the release is too large")]
    TooLarge,
    /// Not JSON of this form, or of a newer one.
    #[error("the release cannot be read")]
    Malformed,
    /// Its plan is out of bounds, or its version below what it asks for.
    #[error("the release has a plan or a version out of bounds")]
    Bounds,
}

impl Release {
    /// Describes what is offered.
    ///
    /// # Errors
    /// [`ReleaseError::Bounds`].
    pub fn new(
        board: Name,
        version: Version,
        least: Version,
        plan: Plan,
    ) -> Result<Self, ReleaseError> {
        let release = Self {
            format: FORMAT,
            board,
            version,
            least,
            plan,
        };
        release.sound()
    }

    /// Reads it.
    ///
    /// # Errors
    /// See [`ReleaseError`].
    pub fn read(bytes: &[u8]) -> Result<Self, ReleaseError> {
        if bytes.len() > RELEASE_MAX {
            return Err(ReleaseError::TooLarge);
        }
        let release: Self = serde_json::from_slice(bytes).map_err(|_| ReleaseError::Malformed)?;
        if release.format != FORMAT {
            return Err(ReleaseError::Malformed);
        }
        release.sound()
    }

    /// Writes it.
    ///
    /// # Errors
    /// Does not happen: numbers and short texts can be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ReleaseError> {
        serde_json::to_vec(self).map_err(|_| ReleaseError::Malformed)
    }

    fn sound(self) -> Result<Self, ReleaseError> {
        match self.plan.sound() && self.least <= self.version {
            true => Ok(self),
            false => Err(ReleaseError::Bounds),
        }
    }

    /// The name of its target in a repository.
    pub fn target(board: &Name) -> String {
        format!("release-{board}.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PlanStage;

    fn release(least: u16) -> Result<Release, ReleaseError> {
        let stages = vec![PlanStage {
            from: 0,
            share: 100,
        }];
        let plan = Plan {
            salt: "s".to_owned(),
            stages,
            halted: false,
        };
        Release::new(
            "qemu".parse().unwrap(),
            Version([1, 2, 3]),
            Version([1, least, 0]),
            plan,
        )
    }

    #[test]
    fn a_release_comes_back_and_nonsense_is_refused() {
        let made = release(2).unwrap();
        let bytes = made.to_bytes().unwrap();
        assert_eq!(Release::read(&bytes), Ok(made));
        assert_eq!(release(3), Err(ReleaseError::Bounds));
        let text = String::from_utf8(bytes).unwrap();
        for (from, to, error) in [
            ("\"format\":1", "\"format\":2", ReleaseError::Malformed),
            (
                "\"format\":1",
                "\"format\":1,\"more\":1",
                ReleaseError::Malformed,
            ),
            ("qemu", "../qemu", ReleaseError::Malformed),
            ("[1,2,3]", "[1,2]", ReleaseError::Malformed),
            ("\"share\":100", "\"share\":0", ReleaseError::Bounds),
        ] {
            assert!(text.contains(from));
            assert_eq!(
                Release::read(text.replacen(from, to, 1).as_bytes()),
                Err(error),
                "{to}"
            );
        }
        assert_eq!(
            Release::read(&[b' '; RELEASE_MAX + 1]),
            Err(ReleaseError::TooLarge)
        );
    }
}
