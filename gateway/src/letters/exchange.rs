//! The line to the front on which letters come and answers go: the same mutually authenticated
//! connection as for batches.

use bytes::Bytes;
use config::gateway::Settings;
use envelope::LETTER_MAX;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use record::BatchId;
use serde::Deserialize;
use tokio::runtime::Runtime;
use transfer::Backoff;

use crate::error::{Failure, Problem};
use crate::send::connection::{Answer, Connection, Peer, Trouble};
use crate::send::delivery::reason;
use crate::send::random;

/// Tries of one request.
const TRIES: u32 = 3;
/// Most letters that are looked at in one run.
const LISTED_MAX: usize = 10_000;

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// The front has it.
    Stored,
    /// The front knows no such letter.
    NoLetter,
    /// The front has another answer in its place.
    Another,
}

/// An open line.
pub(super) struct Line {
    runtime: Runtime,
    peer: Peer,
    connection: Option<Connection>,
}

#[derive(Deserialize)]
struct Listed {
    letters: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    number: u64,
    sha256: String,
}

impl Line {
    pub(super) fn open(settings: &Settings) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Self {
            runtime: runtime
                .map_err(|error| Failure::because(Problem::Internal, "runtime", error))?,
            peer: Peer::new(settings)?,
            connection: None,
        })
    }

    /// The letters that the front has for this site, by number, with their digests.
    pub(super) fn list(&mut self) -> Result<Vec<(u64, BatchId)>, Failure> {
        let mut letters: Vec<(u64, BatchId)> = Vec::new();
        loop {
            let after = letters.last().map_or(0, |(number, _)| *number);
            let mut more = self.list_after(after)?;
            // An older front says the same again.
            more.retain(|(number, _)| *number > after);
            let ends = more.is_empty();
            letters.append(&mut more);
            if ends || letters.len() >= LISTED_MAX {
                return Ok(letters);
            }
        }
    }

    fn list_after(&mut self, number: u64) -> Result<Vec<(u64, BatchId)>, Failure> {
        let path = format!("/v1/letters?after={number}");
        let answer = self.ask(Method::GET, &path, &Bytes::new())?;
        if answer.status != StatusCode::OK {
            return Err(refused(&answer));
        }
        let listed: Listed =
            serde_json::from_slice(&answer.body).map_err(|_| misunderstood("letters"))?;
        let mut letters = Vec::new();
        for one in listed.letters.iter().take(LISTED_MAX) {
            let digest = one.sha256.parse().map_err(|_| misunderstood("letters"))?;
            letters.push((one.number, digest));
        }
        letters.sort_unstable();
        Ok(letters)
    }

    /// One letter; `None` when it is gone meanwhile.
    pub(super) fn fetch(&mut self, number: u64) -> Result<Option<Bytes>, Failure> {
        let path = format!("/v1/letters/{number}");
        let answer = self.ask(Method::GET, &path, &Bytes::new())?;
        match answer.status {
            StatusCode::OK if answer.body.len() <= LETTER_MAX => Ok(Some(answer.body)),
            StatusCode::OK => Err(misunderstood("letter")),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refused(&answer)),
        }
    }

    /// Brings an answer to the front.
    pub(super) fn answer(
        &mut self,
        number: u64,
        revision: u32,
        answer: Vec<u8>,
    ) -> Result<Kept, Failure> {
        let path = format!("/v1/letters/{number}/answers/{revision}");
        let answer = self.ask(Method::PUT, &path, &Bytes::from(answer))?;
        match answer.status {
            StatusCode::OK => Ok(Kept::Stored),
            StatusCode::NOT_FOUND => Ok(Kept::NoLetter),
            StatusCode::CONFLICT => Ok(Kept::Another),
            _ => Err(refused(&answer)),
        }
    }

    fn ask(&mut self, method: Method, path: &str, body: &Bytes) -> Result<Answer, Failure> {
        let mut tries = Backoff::new(TRIES);
        loop {
            let request = Request::builder()
                .method(method.clone())
                .uri(path)
                .header("host", "front")
                .header("content-length", body.len())
                .body(Full::from(body.clone()))
                .map_err(|error| Failure::because(Problem::Internal, "request", error))?;
            let (peer, connection) = (&self.peer, &mut self.connection);
            let tried = self.runtime.block_on(async {
                let open = match connection {
                    Some(open) => open,
                    None => connection.insert(peer.connect().await?),
                };
                open.ask(request).await
            });
            let (failure, asked) = match tried {
                Ok(answer) if answer.status.is_server_error() => {
                    (refused(&answer), answer.retry_after)
                }
                Ok(answer) => return Ok(answer),
                Err(Trouble::Lasting(failure)) => return Err(failure),
                Err(Trouble::Passing(failure)) => (failure, None),
            };
            self.connection = None;
            let Some(pause) = tries.pause(random(), asked) else {
                return Err(failure);
            };
            std::thread::sleep(pause);
        }
    }
}

fn refused(answer: &Answer) -> Failure {
    let (status, code) = (answer.status.as_u16(), reason(&answer.body));
    let problem = match answer.status.is_server_error() {
        true => Problem::FrontUnreachable,
        false => Problem::FrontRefused,
    };
    Failure::new(problem, format!("letters: HTTP {status} {code}"))
}

fn misunderstood(what: &str) -> Failure {
    Failure::new(Problem::FrontRefused, format!("protocol: {what}"))
}
