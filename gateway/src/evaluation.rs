//! Tokens keyed by the centre's evaluation service, which does not see of whom (RFC 9497). Whether
//! a key of linkage tokens is at hand or at the service is told by what the key file holds.
//!
//! There is no way round the service: a person whose tokens it did not key waits, and everybody
//! behind them in the same run, without asking again. What was sealed before goes out all the same.

mod queue;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use config::gateway::Settings;
use envelope::{EvaluationError, EvaluationPublicKey, MacKey, Question};
use getrandom::SysRng;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use privacy::Prf;
use privacy::gate::{PatientReadings, Screened};
use privacy::separate;
use privacy::tokens::{Asked, Evaluated};
use rand_core::UnwrapErr;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use transfer::Backoff;

use crate::error::{Failure, Problem};
use crate::keys::TokenKeys;
use crate::send::connection::{Answer, Connection, Peer, Trouble};
use crate::send::delivery::reason;
use crate::send::random;
use queue::{Queue, Turn};

/// Tries of one question.
const TRIES: u32 = 3;

/// The service, as all threads of a run share it.
pub(crate) struct Service {
    peer: Option<Peer>,
    patience: Duration,
    /// Whether this run asks at all: one that seals nothing has no use for tokens.
    asks: bool,
    /// What ended the asking in this run.
    failed: Mutex<Option<Failure>>,
    queue: Mutex<Queue>,
    line: Mutex<Line>,
}

/// Why a person waits: see [`Service::failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waits;

/// Answers about one person, by epoch; without any where the key is at hand.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) now: Evaluated,
    pub(crate) next: Evaluated,
}

impl Service {
    /// The service that the settings name, if they do.
    ///
    /// # Errors
    /// A certificate cannot be used, or a key is at a service that the settings do not name.
    pub(crate) fn of(settings: &Settings, keys: &TokenKeys, asks: bool) -> Result<Self, Failure> {
        let at = settings.evaluation.as_ref();
        if keys.are_served() && at.is_none() {
            return Err(Failure::new(Problem::Settings, "evaluation"));
        }
        let peer = at.map(|at| {
            let name = ("evaluation.server_name", at.server_name.as_str());
            Peer::at(at.address, name, settings)
        });
        let seconds = at.map_or(0, |at| at.timeout_seconds);
        Ok(Self {
            peer: peer.transpose()?,
            patience: Duration::from_secs(u64::from(seconds)),
            asks,
            failed: Mutex::default(),
            queue: Mutex::default(),
            line: Mutex::default(),
        })
    }

    /// No service.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self {
            peer: None,
            patience: Duration::ZERO,
            asks: true,
            failed: Mutex::default(),
            queue: Mutex::default(),
            line: Mutex::default(),
        }
    }

    /// What ended the asking in this run, if anything did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        lock(&self.failed).take()
    }

    /// Has the tokens of a screened person keyed, as far as their keys are at the service.
    ///
    /// # Errors
    /// They cannot be, now or any more in this run; [`Service::failure`] says why.
    pub(crate) fn key(
        &self,
        keys: &TokenKeys,
        screened: &Screened<PatientReadings>,
    ) -> Result<Answers, Waits> {
        let [now, next] = keys.served();
        let key = |served: Option<(u16, &EvaluationPublicKey)>| match served {
            None => Ok(Evaluated::default()),
            Some((epoch, key)) => self.evaluate(key, separate::ask(screened, epoch)),
        };
        Ok(Answers {
            now: key(now)?,
            next: key(next)?,
        })
    }

    /// Waits for the line; whoever has it asks for all who wait.
    fn evaluate(&self, key: &EvaluationPublicKey, asked: Asked) -> Result<Evaluated, Waits> {
        if !self.asks() {
            return Err(Waits);
        }
        if asked.messages().is_empty() {
            return Ok(Evaluated::default());
        }
        let ticket = lock(&self.queue).enter(asked);
        let mut line = lock(&self.line);
        let (tickets, persons) = match lock(&self.queue).turn(ticket) {
            Turn::Answered(answer) => return answer,
            Turn::Ask(tickets, persons) => (tickets, persons),
        };
        let answers = match self.asks() {
            true => line
                .evaluate(self, key, persons)
                .map_err(|it| self.fail(it)),
            false => Err(Waits),
        };
        lock(&self.queue).answer(tickets, answers);
        drop(line);
        match lock(&self.queue).turn(ticket) {
            Turn::Answered(answer) => answer,
            Turn::Ask(..) => Err(Waits),
        }
    }

    fn asks(&self) -> bool {
        self.asks && lock(&self.failed).is_none()
    }

    fn fail(&self, failure: Failure) -> Waits {
        tracing::warn!(code = failure.problem().code(), "tokens are not keyed");
        lock(&self.failed).get_or_insert(failure);
        Waits
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line to the service. Persons who wait while a question is on its way are asked about in the
/// next one, all together.
#[derive(Default)]
struct Line {
    open: Option<Open>,
}

struct Open {
    runtime: Runtime,
    connection: Option<Connection>,
}

impl Line {
    /// Has the tokens of several persons keyed at once: answers in their order.
    fn evaluate(
        &mut self,
        service: &Service,
        key: &EvaluationPublicKey,
        persons: Vec<Asked>,
    ) -> Result<Vec<Evaluated>, Failure> {
        let epoch = persons.first().map_or(0, Asked::epoch);
        let inputs: Vec<_> = persons.iter().flat_map(Asked::messages).cloned().collect();
        let question = Question::blind(epoch, inputs, &mut UnwrapErr(SysRng));
        let question =
            question.map_err(|error| Failure::because(Problem::Internal, "question", error))?;
        let answer = self.ask(service, &question)?;
        let values = question.finish(key, &answer).map_err(|error| {
            let problem = match error {
                EvaluationError::Proof => Problem::EvaluationProof,
                _ => Problem::EvaluationRefused,
            };
            Failure::because(problem, "evaluation", error)
        })?;
        let keyed = |value: &[u8; 32]| -> Box<dyn Prf> { Box::new(MacKey::from_bytes(*value)) };
        let mut rest = values.as_slice();
        let evaluated = persons.into_iter().map(|asked| {
            let (own, others) = rest.split_at_checked(asked.messages().len())?;
            rest = others;
            asked.answered(own, keyed)
        });
        let evaluated: Option<_> = evaluated.collect();
        evaluated.ok_or_else(|| Failure::new(Problem::Internal, "answers"))
    }

    fn ask(&mut self, service: &Service, question: &Question) -> Result<Bytes, Failure> {
        let none = || Failure::new(Problem::Settings, "evaluation");
        let peer = service.peer.as_ref().ok_or_else(none)?;
        let Open {
            runtime,
            connection,
        } = self.open()?;
        let mut tries = Backoff::new(TRIES);
        loop {
            let request = request(question)?;
            let tried = runtime.block_on(async {
                let open = match connection {
                    Some(open) => open,
                    None => {
                        let opened = timeout(service.patience, peer.connect()).await;
                        connection.insert(opened.unwrap_or_else(|_| Err(late()))?)
                    }
                };
                open.ask_within(request, service.patience).await
            });
            let failure = match tried {
                Ok(answer) if answer.status == StatusCode::OK => return Ok(answer.body),
                Ok(answer) => match refused(&answer) {
                    Trouble::Lasting(failure) => return Err(failure),
                    Trouble::Passing(failure) => failure,
                },
                Err(Trouble::Lasting(failure)) => {
                    return Err(failure.renamed(Problem::EvaluationUntrusted));
                }
                Err(Trouble::Passing(failure)) => failure.renamed(Problem::EvaluationUnreachable),
            };
            *connection = None;
            let Some(pause) = tries.pause(random(), None) else {
                return Err(failure);
            };
            std::thread::sleep(pause);
        }
    }

    fn open(&mut self) -> Result<&mut Open, Failure> {
        match &mut self.open {
            Some(open) => Ok(open),
            closed => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|error| Failure::because(Problem::Internal, "runtime", error))?;
                Ok(closed.insert(Open {
                    runtime,
                    connection: None,
                }))
            }
        }
    }
}

fn late() -> Trouble {
    let detail = "connect: no answer in time";
    Trouble::Passing(Failure::new(Problem::EvaluationUnreachable, detail))
}

fn request(question: &Question) -> Result<Request<Full<Bytes>>, Failure> {
    let body = Bytes::copy_from_slice(question.bytes());
    Request::builder()
        .method(Method::POST)
        .uri("/v1/evaluations")
        .header("host", "evaluate")
        .header("content-length", body.len())
        .body(Full::from(body))
        .map_err(|error| Failure::because(Problem::Internal, "request", error))
}

/// What a refusal means: that the service is busy passes, that the site has asked as much as it may
/// passes with the hours and not within a run.
fn refused(answer: &Answer) -> Trouble {
    let (status, code) = (answer.status, reason(&answer.body));
    let detail = format!("evaluation: HTTP {} {code}", status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            Trouble::Lasting(Failure::new(Problem::EvaluationLimit, detail))
        }
        _ if status.is_server_error() => {
            Trouble::Passing(Failure::new(Problem::EvaluationUnreachable, detail))
        }
        _ => Trouble::Lasting(Failure::new(Problem::EvaluationRefused, detail)),
    }
}
