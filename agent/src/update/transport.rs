//! How `tough` asks our server for metadata: small files, each held whole.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream;
use tough::{Bytes, Transport, TransportError, TransportErrorKind, TransportStream, async_trait};
use url::Url;

use crate::error::UpdateError;
use crate::server::{Line, Server};

/// Most bytes of one file: a manifest is the largest.
const FILE_MAX: usize = update::MANIFEST_MAX;

/// Asks the server over one connection.
#[derive(Clone)]
pub(crate) struct ServerTransport(Arc<Shared>);

struct Shared {
    server: Arc<Server>,
    line: tokio::sync::Mutex<Option<Line>>,
    /// What went wrong with the line: `tough` would tell it as a text only.
    trouble: Mutex<Option<UpdateError>>,
}

impl ServerTransport {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        Self(Arc::new(Shared {
            server: Arc::clone(server),
            line: tokio::sync::Mutex::default(),
            trouble: Mutex::default(),
        }))
    }

    /// What went wrong with the line, if that was it.
    pub(crate) fn trouble(&self) -> Option<UpdateError> {
        let trouble = self.0.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn whole(&self, path: &str) -> Result<Vec<u8>, UpdateError> {
        let mut line = self.0.line.lock().await;
        let mut open = match line.take() {
            Some(open) => open,
            None => self.0.server.connect().await?,
        };
        let mut file = Vec::new();
        let taken = |bytes: &[u8]| {
            file.extend_from_slice(bytes);
            match file.len() <= FILE_MAX {
                true => Ok(()),
                false => Err(UpdateError::Signature("a file without an end".into())),
            }
        };
        let got = open.get(path, None, taken).await;
        // A file that is not there leaves the line as it was; anything else may have broken it.
        if matches!(got, Ok(()) | Err(UpdateError::Incomplete)) {
            *line = Some(open);
        }
        got.map(|()| file)
    }
}

impl fmt::Debug for ServerTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTransport")
    }
}

#[async_trait]
impl Transport for ServerTransport {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        match self.whole(url.path()).await {
            Ok(file) => Ok(Box::pin(stream::iter([Ok(Bytes::from(file))]))),
            Err(UpdateError::Incomplete) => {
                Err(TransportError::new(TransportErrorKind::FileNotFound, url))
            }
            Err(error) => {
                let kind = TransportErrorKind::Other;
                let told = TransportError::new_with_cause(kind, url, error.to_string());
                let trouble = self.0.trouble.lock();
                *trouble.unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(told)
            }
        }
    }
}
