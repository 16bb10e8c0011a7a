//! The front (受付): takes sealed batches from sites, stores each once, and answers with a signed
//! receipt. It has no key that opens a batch, and after its start it cannot read the inbox back.
//!
//! # Protocol
//!
//! HTTP/1.1 over TLS 1.3 with client certificates of our own authority. The site is the one URI
//! `urn:sekisho:site:<SITE-ID>` among the certificate's alternative names, never something that a
//! request says. A batch is named by its id, the SHA-256 of its bytes in lower-case hexadecimal.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/batches/{id}` | 200 with `Sekisho-State: stored` and the receipt as body, or `partial` or `absent` with `Upload-Offset` and the body `{"offset": n}` |
//! | `PATCH /v1/batches/{id}` with `Upload-Offset`, `Upload-Length`, `Sekisho-Upload-Sha256` and the chunk as body | as above, after the chunk |
//! | `GET /v1/letters?after=n` | 200 and the letters that wait for the site and have a number above `n` (0 without it): `{"letters": [{"number": n, "sha256": "…"}]}`, 256 at most, oldest first |
//! | `GET /v1/letters/{number}` | 200 with the letter as body |
//! | `PUT /v1/letters/{number}/answers/{revision}` with the answer as body | 200 once it is stored; the first of a revision stays |
//! | `PUT /v1/certificates/{request}` with a request for a certificate as body, named by its SHA-256 | 202 while it waits, 200 with the authority's answer as body |
//! | `GET /v1/certificates/{request}` | as above, or 404 |
//! | `GET /v1/health` | 200 `{"status": "ok"}` |
//!
//! A chunk is taken only at the offset that has been reached and only if its digest fits: SHA-256
//! of the batch from its first byte to the chunk's end, so that the digest of the last one is the
//! id. Offset 409 answers name the offset from which to go on. Whatever else is wrong is a 4xx with
//! `{"code", "ja", "en"}`; being busy is a 503 with `Retry-After`. Every request may be repeated.
//! A receipt is sent as the bytes that [`envelope::Receipt::verify`] reads.
//!
//! # Order of writing
//!
//! A chunk's digest is compared before the chunk is written, and it is on disk before it is
//! acknowledged. The digest goes on from what was staged before: kept in memory while the file is
//! as this process left it, otherwise read from the file. What was read there and does not fit is
//! dropped. The digest of the last chunk is that of the whole and has to be the id. Then: the
//! header's site is compared with the certificate's; the file is linked into the inbox under a new
//! name, which never replaces one; the inbox folder is made durable; the receipt is written and
//! made durable; the staged name is removed; the receipt is sent.
//! A stop at any point leaves a staged file that the next question or chunk completes.
//!
//! # Letters
//!
//! The core puts letters for a site's device into the outbox, sealed for that device and signed. A
//! device is given its own site's only. The front can open none, and keeps what the device answers.
//!
//! # Certificates
//!
//! Requests for certificates are files for the authority, and its answers are files for the device;
//! the front signs nothing. A device whose certificate is over, or that has none yet, asks at an
//! address of its own, where nothing else is heard and few are heard at once.
//!
//! # What the process may do
//!
//! See [`guard`]. Certificates, keys and settings are read before; afterwards the front can add
//! names to the inbox and do nothing else with it, and can open no connection to anywhere.

pub(crate) mod api;
pub(crate) mod blocked;
mod bundle;
mod certificates;
pub(crate) mod guard;
mod letters;
pub(crate) mod refusal;
mod running;
pub(crate) mod server;
pub(crate) mod settings;
pub(crate) mod shares;
pub(crate) mod start;
mod store;
pub(crate) mod tls;
mod told;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

pub(crate) use crate::front::bundle::ImportBundle;

use crate::front::api::{Bounds, Front, router};
use crate::front::blocked::Blocked;
use crate::front::certificates::Certificates;
use crate::front::letters::Letters;
use crate::front::settings::Settings;
use crate::front::start::{Problem, StartError};
use crate::front::store::Store;
use crate::front::tls::Gate;

/// Threads that serve connections; file work has its own.
const WORKERS: usize = 2;
/// Threads that write and hash files.
const FILE_WORKERS: usize = 8;

/// Runs the front.
#[derive(Debug, Args)]
pub(crate) struct Command {
    /// Settings file (TOML).
    #[arg(long)]
    config: PathBuf,
}

impl Command {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// The front cannot start as it is set up.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let settings = Settings::load(&self.config)?;
        let gate = Arc::new(Gate::open(&settings.tls)?);
        let blocked = settings.blocked.as_deref().map(Blocked::open).transpose()?;
        let store = Store::open(&settings)?;
        let listener = listen(settings.listen)?;
        let newcomers = settings.certificates.as_ref().and_then(|it| it.newcomers);
        let newcomers = newcomers.map(listen).transpose()?;
        let newcomers_gate = Gate::without_clients(&settings.tls)?;

        // Landlock holds for the calling thread and those that it starts from now on, so this
        // stands before the runtime, the only place that starts threads.
        guard::restrict(&settings)?;

        store.remove_stale()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(FILE_WORKERS)
            .enable_all()
            .build()
            .map_err(|error| StartError::because(Problem::Runtime, "tokio", error))?;
        let front = Arc::new(Front {
            store,
            letters: settings.letters.map(Letters::new),
            certificates: settings.certificates.map(Certificates::new),
            blocked,
            bounds: Bounds::new(&settings.limits),
        });
        let limits = settings.limits.connections();
        let (looked, told) = (Arc::clone(&gate), Arc::clone(&front));
        runtime.block_on(async {
            tokio::spawn(server::look_on(move || {
                looked.look();
                told.look();
            }));
            let devices = server::serve(listener, &gate, router(Arc::clone(&front)), limits);
            let Some(listener) = newcomers else {
                return devices.await;
            };
            let few = limits.for_newcomers();
            let newcomers = server::serve(listener, &newcomers_gate, api::newcomers(front), few);
            tokio::try_join!(devices, newcomers).map(|_| ())
        })?;
        Ok(())
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| StartError::because(Problem::Listen, address, error))
}
