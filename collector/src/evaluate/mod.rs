//! Evaluation (計算サービス): keys linkage tokens for devices that have no key, without seeing of
//! whom (RFC 9497, verifiable mode; [`envelope::Question`]). It stands beside the front, apart from
//! the core: it never sees a batch, and the core never sees its key.
//!
//! HTTP/1.1 over TLS 1.3 with client certificates of our own authority, as at the front.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/evaluations` with a question as body | 200 with the answer as body |
//! | `GET /v1/health` | 200 `{"status": "ok"}` |
//!
//! Whatever is wrong is a 4xx with `{"code", "ja", "en"}`; being busy is a 503 with `Retry-After`.
//! How much a site may ask is bounded, and the bound survives a restart: it is the speed at which
//! somebody with a stolen certificate can try names. A site above it is answered 429.
//!
//! What is logged of a question is the site and the number of points.

mod api;
mod settings;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use envelope::EvaluationKey;
use getrandom::SysRng;
use rand_core::UnwrapErr;

use crate::evaluate::api::{Service, router};
use crate::evaluate::settings::Settings;
use crate::front::guard;
use crate::front::server;
use crate::front::start::{Problem, StartError};
use crate::front::tls::Gate;

/// Threads that serve connections; the arithmetic has its own.
const WORKERS: usize = 2;

/// Runs the evaluation service, or makes its key.
#[derive(Debug, Args)]
pub(crate) struct Command {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// 計算サービス: answer devices until SIGTERM or SIGINT.
    Serve {
        /// Settings file (TOML).
        #[arg(long)]
        config: PathBuf,
    },
    /// 鍵の作成: make a key of the service and its public half, in new files.
    MakeKey {
        /// Where the secret key goes.
        #[arg(long)]
        key: PathBuf,
        /// Where the public key goes, for the devices.
        #[arg(long)]
        public: PathBuf,
    },
}

impl Command {
    /// Runs the step.
    ///
    /// # Errors
    /// The service cannot start as it is set up, or a key file is there already.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.step {
            Step::Serve { config } => Ok(serve(&config)?),
            Step::MakeKey { key, public } => Ok(make_key(&key, &public)?),
        }
    }
}

fn serve(config: &Path) -> Result<(), StartError> {
    let settings = Settings::load(config)?;
    let gate = Arc::new(Gate::open(&settings.tls)?);
    let limits = settings.limits;
    let service = Arc::new(Service::open(&settings)?);
    let listener = TcpListener::bind(settings.listen)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| StartError::because(Problem::Listen, settings.listen, error))?;
    // Certificates, keys and settings are read; from here on, the allowances and what the centre
    // tells are the only files.
    // Landlock holds for the calling thread and those that it starts, so this stands before the
    // runtime.
    if let Some(key) = settings.keys.first() {
        let allowances = settings.allowances();
        let told = settings.blocked.as_deref().into_iter();
        let told = told.chain([settings.tls.revocations.as_path()]);
        let told: Vec<&Path> = told.filter_map(Path::parent).collect();
        guard::restrict_to(&allowances, &told, &key.file, settings.file_guard)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(limits.threads)
        .enable_all()
        .build()
        .map_err(|error| StartError::because(Problem::Runtime, "tokio", error))?;
    let (looked, stopped) = (Arc::clone(&gate), Arc::clone(&service));
    runtime.block_on(async {
        tokio::spawn(server::look_on(move || {
            looked.look();
            stopped.look();
        }));
        server::serve(listener, &gate, router(service), limits.connections()).await
    })
}

fn make_key(key: &Path, public: &Path) -> Result<(), StartError> {
    let made = EvaluationKey::generate(&mut UnwrapErr(SysRng))
        .map_err(|error| StartError::because(Problem::EvaluationKey, "", error))?;
    write_new(key, 0o600, &made.to_text())?;
    write_new(public, 0o644, &made.public().to_string())
}

/// A key that is there already is not written over: tokens under it would be lost.
fn write_new(path: &Path, mode: u32, line: &str) -> Result<(), StartError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    let written = file.and_then(|mut file| {
        file.write_all(line.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    written.map_err(|error| StartError::because(Problem::EvaluationKey, path.display(), error))
}
