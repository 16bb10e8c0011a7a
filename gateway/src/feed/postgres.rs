//! The index database behind PostgreSQL, read and never written.
//!
//! Every question runs in a transaction that the server itself holds to reading, in a session whose
//! transactions are all read-only. Names of the table and its columns come from the settings and
//! are quoted; everything else is a parameter. What the server says of an error can hold data: only
//! its code is told.

use std::fs;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::sleep;
use std::time::Duration;

use config::feed::IndexPostgres;
use envelope::MacKey;
use formats::ssmix2::index::{Column, Columns, moment};
use jiff::civil::DateTime;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, NoTls, TlsConnect};
use tokio_postgres::{Client, Config, IsolationLevel};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::index::{Rows, named};
use super::{Mark, Read, Since, Tell, Unavailable};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer than the server's own limit an answer is waited for.
const ANSWER_MARGIN: Duration = Duration::from_secs(10);
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MOST: Duration = Duration::from_secs(30);

/// Reads the rows since the last reading, and those that are waited for. The time of the newest
/// row is where the next reading begins.
pub(super) fn read(
    settings: &IndexPostgres,
    key: &MacKey,
    since: &Since,
    tell: Tell<'_>,
) -> Result<(Option<DateTime>, Read), Unavailable> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Unavailable::io(&error))?;
    let mut pause = BACKOFF_FIRST;
    for tries in 1.. {
        // What a broken try has told is told again; that changes nothing.
        let mut read = Read::default();
        let mut rows = Rows {
            since,
            key,
            oldest: None,
            newest: None,
            read: &mut read,
            tell: &mut *tell,
        };
        match runtime.block_on(fetch(settings, since, &mut rows)) {
            Ok(newest) => {
                if let Some(last) = since.last {
                    // The newest row only ever becomes newer, unless the database was set back.
                    read.gap = newest.is_none_or(|newest| newest < last);
                }
                return Ok((since.reached(newest), read));
            }
            Err(error) if tries >= settings.attempts => return Err(error),
            Err(_) => sleep(pause),
        }
        pause = (pause * 2).min(BACKOFF_MOST);
    }
    Err(Unavailable::new("no try was allowed"))
}

/// One try: the newest time of all, and every row that is asked for.
async fn fetch(
    settings: &IndexPostgres,
    since: &Since,
    rows: &mut Rows<'_, '_>,
) -> Result<Option<DateTime>, Unavailable> {
    let mut client = session(settings).await?;
    let newest = newest_query(settings);
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start();
    let transaction = answer(settings, transaction).await?;
    let latest = since.latest.to_string();
    let newest = answer(settings, transaction.query_one(&newest, &[&latest])).await?;
    let newest = newest
        .try_get::<_, Option<String>>(0)
        .map_err(|error| told(&error))?;
    let newest = match newest {
        None => None,
        Some(text) => {
            let unreadable = || Unavailable::new("UpdateDatetime is not a time");
            Some(moment(&text).ok_or_else(unreadable)?)
        }
    };
    let waiting = since.waiting.iter().filter_map(|mark| match mark {
        Mark::Row { updated, .. } => updated.as_ref()?.parse().ok(),
        Mark::Record { .. } => None,
    });
    let from = waiting.fold(since.from, DateTime::min).to_string();
    let columns =
        Columns::at(|column| Some(column as usize)).ok_or_else(|| Unavailable::new("columns"))?;
    let query = rows_query(settings);
    let statement = answer(settings, transaction.prepare(&query)).await?;
    let portal = answer(settings, transaction.bind(&statement, &[&from])).await?;
    let most = i32::try_from(settings.fetch_rows).unwrap_or(1);
    loop {
        let fetched = answer(settings, transaction.query_portal(&portal, most)).await?;
        for row in &fetched {
            let cells: Vec<String> = (0..row.len())
                .map(|at| row.try_get::<_, Option<String>>(at).ok().flatten())
                .map(Option::unwrap_or_default)
                .collect();
            rows.take(columns.read(&cells));
        }
        if fetched.len() < settings.fetch_rows as usize {
            return Ok(newest);
        }
    }
}

/// A session that can only read: what the server refuses, no mistake of ours can do.
async fn session(settings: &IndexPostgres) -> Result<Client, Unavailable> {
    let password = fs::read_to_string(&settings.password)
        .map(Zeroizing::new)
        .map_err(|_| Unavailable::new("the password file cannot be read"))?;
    let mut config = Config::new();
    config
        .user(&settings.user)
        .password(password.trim_end_matches(['\r', '\n']))
        .dbname(&settings.database)
        .application_name("sekisho-gateway");
    let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(settings.address))
        .await
        .map_err(|_| Unavailable::new("no answer"))?
        .map_err(|error| Unavailable::io(&error))?;
    let client = match (&settings.authority, &settings.server_name) {
        (Some(authority), Some(name)) => {
            let encrypted = Encrypted::new(authority, name)?;
            config.ssl_mode(SslMode::Require);
            connect(&config, stream, encrypted).await?
        }
        _ => {
            config.ssl_mode(SslMode::Disable);
            connect(&config, stream, NoTls).await?
        }
    };
    let milliseconds = u64::from(settings.statement_timeout_seconds) * 1000;
    let limits = format!(
        "SET default_transaction_read_only = on; SET statement_timeout = {milliseconds}; \
         SET lock_timeout = {milliseconds}; SET TIME ZONE 'Asia/Tokyo'; SET DateStyle = 'ISO, YMD'"
    );
    answer(settings, client.batch_execute(&limits)).await?;
    Ok(client)
}

/// Waits for an answer, but not much longer than the server may take for it: a server that hangs,
/// or a connection that is dead and says nothing, keeps no limit.
async fn answer<T>(
    settings: &IndexPostgres,
    asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Unavailable> {
    let most = Duration::from_secs(u64::from(settings.statement_timeout_seconds)) + ANSWER_MARGIN;
    let answered = timeout(most, asked).await;
    let answered = answered.map_err(|_| Unavailable::new("no answer"))?;
    answered.map_err(|error| told(&error))
}

async fn connect<T>(config: &Config, stream: TcpStream, tls: T) -> Result<Client, Unavailable>
where
    T: TlsConnect<TcpStream>,
    T::Stream: Send + 'static,
{
    let connected = timeout(CONNECT_TIMEOUT, config.connect_raw(stream, tls)).await;
    let connected = connected.map_err(|_| Unavailable::new("no answer"))?;
    let (client, connection) = connected.map_err(|error| told(&error))?;
    tokio::spawn(async move {
        // How the connection ended is seen by the question that it breaks.
        let _ = connection.await;
    });
    Ok(client)
}

/// The code of an error, never its text: a server quotes values.
fn told(error: &tokio_postgres::Error) -> Unavailable {
    match error.code() {
        Some(state) => Unavailable(format!("PostgreSQL {}", state.code())),
        None => Unavailable::new("the connection to PostgreSQL failed"),
    }
}

fn newest_query(settings: &IndexPostgres) -> String {
    let updated = quoted(&settings.columns.update_datetime);
    format!(
        "SELECT max({updated}) FILTER (WHERE {updated} <= $1::text::timestamp)::text FROM {}",
        table(settings),
    )
}

/// The columns in the order of [`Column::ALL`].
fn rows_query(settings: &IndexPostgres) -> String {
    let columns: Vec<_> = Column::ALL
        .map(|column| format!("{}::text", quoted(named(&settings.columns, column))))
        .into();
    let updated = quoted(&settings.columns.update_datetime);
    format!(
        "SELECT {} FROM {} WHERE {updated} IS NULL OR {updated} >= $1::text::timestamp \
         ORDER BY {updated}",
        columns.join(", "),
        table(settings),
    )
}

fn table(settings: &IndexPostgres) -> String {
    format!("{}.{}", quoted(&settings.schema), quoted(&settings.table))
}

/// A name as SQL takes it whatever is in it. Settings allow neither zero bytes nor empty names.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// TLS 1.3 with the site's own certificate authority.
struct Encrypted {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Encrypted {
    fn new(authority: &Path, name: &str) -> Result<Self, Unavailable> {
        let unusable = || Unavailable::new("the certificate authority cannot be used");
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority).map_err(|_| unusable())? {
            let certificate = certificate.map_err(|_| unusable())?;
            roots.add(certificate).map_err(|_| unusable())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|_| unusable())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| Unavailable::new("server_name is no name"))?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, name })
    }
}

impl TlsConnect<TcpStream> for Encrypted {
    type Stream = Secured;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Secured>> + Send>>;

    fn connect(self, stream: TcpStream) -> Self::Future {
        Box::pin(async move { Ok(Secured(self.connector.connect(self.name, stream).await?)) })
    }
}

/// An encrypted connection.
struct Secured(tokio_rustls::client::TlsStream<TcpStream>);

impl tokio_postgres::tls::TlsStream for Secured {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
