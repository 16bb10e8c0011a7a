//! The service as its callers see it.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tpm::WrappedKey;

use crate::error::{KeyError, Kind};
use crate::protocol::{self, ANSWER_MAX, Asked, REQUEST_MAX};

/// A slow TPM takes seconds for a key, and another caller may be before us.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the service is.
#[derive(Debug, Clone)]
pub struct Service(PathBuf);

impl Service {
    /// At this socket.
    #[must_use]
    pub fn at(socket: &Path) -> Self {
        Self(socket.to_owned())
    }

    /// Makes a key in the TPM. It is nowhere but in the answer.
    ///
    /// # Errors
    /// The service or the TPM do not do it.
    pub fn make(&self) -> Result<WrappedKey, KeyError> {
        let made = self.ask(&Asked::Make)?;
        WrappedKey::from_der(&made).map_err(|_| KeyError::new(Kind::Service))
    }

    /// Has a message signed: ECDSA over its SHA-256, in DER.
    ///
    /// # Errors
    /// The service or the TPM do not do it, or the message is none that the key signs.
    pub fn sign(&self, key: &WrappedKey, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.ask(&Asked::Sign {
            key: key.clone(),
            message,
        })
    }

    /// Has the word for the next key signed, which the TPM has to have as well.
    ///
    /// # Errors
    /// As for [`Service::sign`]; [`Kind::Foreign`] where the next key is not in this TPM.
    pub fn succeed(
        &self,
        key: &WrappedKey,
        next: &WrappedKey,
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        self.ask(&Asked::Succeed {
            key: key.clone(),
            next: next.clone(),
            message,
        })
    }

    fn ask(&self, asked: &Asked<'_>) -> Result<Vec<u8>, KeyError> {
        let question = asked.to_bytes();
        if question.len() > REQUEST_MAX {
            return Err(KeyError::new(Kind::Question));
        }
        let exchange = || -> std::io::Result<Vec<u8>> {
            let mut stream = UnixStream::connect(&self.0)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.write_all(&question)?;
            stream.shutdown(Shutdown::Write)?;
            let mut answer = Vec::new();
            stream.take(ANSWER_MAX as u64).read_to_end(&mut answer)?;
            Ok(answer)
        };
        let answer = exchange().map_err(|_| KeyError::new(Kind::Service))?;
        protocol::read(&answer).map(<[u8]>::to_vec)
    }
}

/// The refusal of the key service that ended a handshake, if it was one.
#[must_use]
pub fn refusal_in(error: &rustls::Error) -> Option<KeyError> {
    match error {
        rustls::Error::Other(other) => other.0.downcast_ref().copied(),
        _ => None,
    }
}
