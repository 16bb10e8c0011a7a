//! `sekisho-keys`: the one process of the device that speaks with the TPM. systemd starts it for
//! each connection to its socket; it answers one question and ends, and keeps nothing.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use keys::{Asked, KeyError, Kind, REQUEST_MAX};
use ring::digest::{SHA256, digest};

mod chip;

use chip::Chip;

/// How long the caller may take for its question and for hearing the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// TPM の中の鍵で署名します。 / Signs with the key in the TPM.
#[derive(Parser)]
#[command(name = "sekisho-keys", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 標準入力のソケットから、依頼を1つ受けて答えます。
    /// Answers the one question on the socket that is its standard input.
    Answer {
        /// TPM（装置、または試験用のソケット） / the TPM: a device, or a socket in tests
        #[arg(long, value_name = "FILE", default_value = "/dev/tpmrm0")]
        tpm: PathBuf,
    },
}

fn main() -> ExitCode {
    let Command::Answer { tpm } = Arguments::parse().command;
    let told = match serve(&tpm) {
        Ok(None) => return ExitCode::SUCCESS,
        Ok(Some(refused)) => refused.to_string(),
        // Whoever asked has gone.
        Err(error) => error.to_string(),
    };
    tell(&told);
    ExitCode::FAILURE
}

/// Hears a question, answers it, and gives what was refused.
fn serve(tpm: &Path) -> io::Result<Option<KeyError>> {
    let mut caller = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    caller.set_read_timeout(Some(PATIENCE))?;
    caller.set_write_timeout(Some(PATIENCE))?;
    let mut asked = Vec::new();
    let most = REQUEST_MAX as u64 + 1;
    (&caller).take(most).read_to_end(&mut asked)?;
    let outcome = decide(&asked, tpm);
    caller.write_all(&keys::answer(&outcome))?;
    caller.shutdown(Shutdown::Write)?;
    Ok(outcome.err())
}

fn decide(asked: &[u8], tpm: &Path) -> Result<Vec<u8>, KeyError> {
    if asked.len() > REQUEST_MAX {
        return Err(KeyError::new(Kind::Question));
    }
    match Asked::read(asked)? {
        Asked::Make => Chip::open(tpm)?.make().map(|key| key.to_der()),
        // The TPM would sign anything, so it is asked last.
        Asked::Sign { key, message } => {
            allowed(tpm::may_sign(&key, message))?;
            Chip::open(tpm)?.sign(&key, &hash(message)?)
        }
        Asked::Succeed { key, next, message } => {
            allowed(tpm::names_successor(&next, message))?;
            let mut chip = Chip::open(tpm)?;
            chip.has(&next)?;
            chip.sign(&key, &hash(message)?)
        }
    }
}

fn allowed(it_is: bool) -> Result<(), KeyError> {
    it_is.then_some(()).ok_or(KeyError::new(Kind::Purpose))
}

fn hash(message: &[u8]) -> Result<[u8; 32], KeyError> {
    let hash = digest(&SHA256, message);
    let hash = hash.as_ref().try_into();
    hash.map_err(|_| KeyError::new(Kind::Question))
}

/// For the journal.
fn tell(text: &str) {
    // A text that cannot be written is no reason to fail.
    let _ = writeln!(io::stderr(), "{text}");
}
