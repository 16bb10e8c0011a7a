//! The front, as the device's certificate is asked for and proven there.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use config::gateway::Settings;
use envelope::{CertificateAnswer, sha256};
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use record::BatchId;

use super::{Identity, Office};
use crate::error::{Failure, Problem};
use crate::send::connection::{Answer, Peer, Trouble};
use crate::send::delivery::reason;

/// The front. Who has no valid certificate asks at the address for newcomers, without one.
pub(super) struct Front<'a> {
    settings: &'a Settings,
    newcomer: bool,
}

impl<'a> Front<'a> {
    pub(super) const fn new(settings: &'a Settings, newcomer: bool) -> Self {
        Self { settings, newcomer }
    }

    fn peer(&self) -> Result<Peer, Failure> {
        match self.newcomer {
            false => Peer::new(self.settings),
            true => Peer::without_certificate(self.newcomers()?, self.settings),
        }
    }

    fn newcomers(&self) -> Result<SocketAddr, Failure> {
        let missing = || Failure::new(Problem::Settings, "front.newcomers");
        self.settings.front.newcomers.ok_or_else(missing)
    }
}

impl Office for Front<'_> {
    fn ask(&mut self, request: &[u8]) -> Result<Option<CertificateAnswer>, Failure> {
        let path = format!("/v1/certificates/{}", BatchId::new(sha256(request)));
        let answer = once(&self.peer()?, Method::PUT, &path, request)?;
        match answer.status {
            StatusCode::ACCEPTED => Ok(None),
            StatusCode::OK => CertificateAnswer::read(&answer.body)
                .map(Some)
                .ok_or_else(|| Failure::new(Problem::FrontRefused, "protocol: certificate")),
            status => {
                let problem = match status.is_server_error() {
                    true => Problem::FrontUnreachable,
                    false => Problem::FrontRefused,
                };
                let code = reason(&answer.body);
                let detail = format!("certificate: HTTP {} {code}", status.as_u16());
                Err(Failure::new(problem, detail))
            }
        }
    }

    fn prove(&mut self, pair: &Path) -> Result<bool, Failure> {
        let peer = Peer::proven_by(&Identity::pair(pair), self.settings)?;
        let answer = once(&peer, Method::GET, "/v1/health", &[])?;
        Ok(answer.status == StatusCode::OK)
    }
}

/// Asks the front how it is, by the closed network and with the certificate in use.
///
/// # Errors
/// The network, the certificate or the front do not answer for it.
pub(crate) fn reach(settings: &Settings) -> Result<(), Failure> {
    let answer = once(&Peer::new(settings)?, Method::GET, "/v1/health", &[])?;
    match answer.status {
        StatusCode::OK => Ok(()),
        status => {
            let detail = format!("health: HTTP {}", status.as_u16());
            Err(Failure::new(Problem::FrontUnreachable, detail))
        }
    }
}

/// One request on a connection of its own.
fn once(peer: &Peer, method: Method, path: &str, body: &[u8]) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::because(Problem::Internal, "runtime", error))?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "front")
        .header("content-length", body.len())
        .body(Full::from(Bytes::copy_from_slice(body)))
        .map_err(|error| Failure::because(Problem::Internal, "request", error))?;
    let asked = runtime.block_on(async { peer.connect().await?.ask(request).await });
    asked.map_err(|trouble| match trouble {
        Trouble::Passing(failure) | Trouble::Lasting(failure) => failure,
    })
}
