//! Against a real server, which the test starts for itself from the Debian package `postgresql`.

use std::fs::{Permissions, read_dir};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use config::gateway::Settings;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use record::FindingCode;
use tokio::runtime::Runtime;

use super::*;
use crate::error::Problem;
use crate::feed::tests::{Told, World, equal};

/// A table and columns whose names have to be quoted.
const TABLE: &str = "SSMIX \"IDX\"";
const PASSWORD: &str = "only for this test; it ends with it";
/// The user `nobody` of Debian: the server refuses to run as root.
const NOBODY: u32 = 65534;

/// A server in a folder of its own. It ends with this value.
struct Server {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
    _root: tempfile::TempDir,
}

/// A command that the superuser does not run: the server refuses to.
fn unprivileged(command: &mut Command) -> &mut Command {
    match geteuid().is_root() {
        true => command.uid(NOBODY).gid(NOBODY),
        false => command,
    }
}

fn programs() -> PathBuf {
    let folders = read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<_> = folders
        .map(|version| version.path().join("bin"))
        .filter(|folder| folder.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().expect(
        "no PostgreSQL server below /usr/lib/postgresql: install the Debian package `postgresql`",
    )
}

impl Server {
    fn start(world: &World) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
        let folder = root.path().join("server");
        fs::create_dir(&folder).unwrap();
        fs::write(world.root.join("password"), format!("{PASSWORD}\n")).unwrap();
        fs::write(folder.join("password"), format!("{PASSWORD}\n")).unwrap();
        certificates(&folder, world);
        if geteuid().is_root() {
            for path in ["", "password", "server.key", "server.pem"] {
                chown(folder.join(path), Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let made = unprivileged(&mut Command::new(programs().join("initdb")))
            .current_dir(&folder)
            .args([
                "-D",
                "data",
                "-U",
                "owner",
                "--auth=scram-sha-256",
                "--pwfile=password",
            ])
            .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let process = Self::begin(&folder, address);
        let server = Self {
            process,
            address,
            folder,
            _root: root,
        };
        server.wait();
        server.sql(&format!(
            "CREATE TABLE \"SSMIX \"\"IDX\"\"\" (\"UniqueID\" serial, \"患者番号\" varchar(15), \
             \"OrderDate\" varchar(8), \"DataKind\" varchar(180), \"OrderNo\" char(22), \
             \"ProcessingType\" varchar(3), \"TransactionDatetime\" varchar(17), \
             \"UpdateDatetime\" timestamp); \
             CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'; \
             GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO reader; \
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO reader"
        ));
        server
    }

    fn begin(folder: &PathBuf, address: SocketAddr) -> Child {
        unprivileged(&mut Command::new(programs().join("postgres")))
            .current_dir(folder)
            .args([
                "-D",
                "data",
                "-k",
                "",
                "-F",
                "-c",
                "listen_addresses=127.0.0.1",
                "-p",
            ])
            .arg(address.port().to_string())
            .args(["-c", "ssl=on", "-c", "ssl_cert_file=../server.pem"])
            .args(["-c", "ssl_key_file=../server.key"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(120);
        let runtime = runtime();
        while let Err(error) = runtime.block_on(owner(self.address)) {
            assert!(
                Instant::now() < deadline,
                "the server does not answer: {error}"
            );
            sleep(Duration::from_millis(50));
        }
    }

    fn sql(&self, text: &str) {
        runtime().block_on(async {
            let client = owner(self.address).await.unwrap();
            client.batch_execute(text).await.unwrap();
        });
    }

    /// Writes what the exporter did into the index.
    fn write_down(&self, told: Vec<Told>) {
        let rows: Vec<_> = told
            .iter()
            .map(|row| {
                format!(
                    "('{}', '{}', 'ADT-12', '{}', '{}', '{}', '{}')",
                    row.chart, row.day, row.order, row.action, row.time, row.updated
                )
            })
            .collect();
        if !rows.is_empty() {
            self.sql(&format!(
                "INSERT INTO \"SSMIX \"\"IDX\"\"\" (\"患者番号\", \"OrderDate\", \"DataKind\", \
                 \"OrderNo\", \"ProcessingType\", \"TransactionDatetime\", \"UpdateDatetime\") \
                 VALUES {}",
                rows.join(", ")
            ));
        }
    }

    fn end(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        let _ = kill(pid, Signal::SIGQUIT);
        self.process.wait().unwrap();
    }

    fn settings(&self, world: &World, more: &str) -> Settings {
        let source = format!(
            "[source.changes]\nmode = \"index-postgres\"\n\
             [source.feed.index_postgres]\naddress = \"{}\"\ndatabase = \"postgres\"\n\
             user = \"reader\"\npassword = {:?}\ntable = {TABLE:?}\nattempts = 2\n\
             columns = {{ PatientID = \"患者番号\" }}\noverlap_seconds = 30\nfetch_rows = 3\n{more}",
            self.address,
            world.root.join("password"),
        );
        world.settings("feed", &source)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A certificate of the server, and the authority's beside the world's keys.
fn certificates(folder: &Path, world: &World) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).unwrap();
    fs::write(world.root.join("authority.pem"), certificate.pem()).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["index.hospital.internal".to_owned()];
    let server = rcgen::CertificateParams::new(names).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("server.pem"), server.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
    let private = Permissions::from_mode(0o600);
    fs::set_permissions(folder.join("server.key"), private).unwrap();
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

async fn owner(address: SocketAddr) -> Result<Client, Unavailable> {
    let mut config = Config::new();
    config.user("owner").password(PASSWORD).dbname("postgres");
    config.ssl_mode(SslMode::Disable);
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| Unavailable::io(&error))?;
    connect(&config, stream, NoTls).await
}

fn index(settings: &Settings) -> &IndexPostgres {
    settings.source.feed.index_postgres.as_ref().unwrap()
}

/// A-020, C-16.
#[test]
fn rows_of_a_database_lead_to_what_a_full_scan_finds() {
    let mut world = World::new(50);
    let server = Server::start(&world);
    let settings = server.settings(&world, "");
    equal::follow(&mut world, &settings, &mut |world| {
        server.write_down(std::mem::take(&mut world.told));
    });
    // A row may become visible late, with a time before that of the last row.
    world.add_for(1);
    let mut late = std::mem::take(&mut world.told);
    world.work(1);
    server.write_down(std::mem::take(&mut world.told));
    world.run_well(&settings);
    late[0].updated = late[0]
        .updated
        .checked_sub(jiff::SignedDuration::from_secs(10))
        .unwrap();
    server.write_down(late);
    assert_eq!(world.run_well(&settings).changes.full_scan, None);
    assert_eq!(world.sealed(&settings), world.afresh("afresh"));
    // A database that was set back to an older state is a gap.
    server.sql("DELETE FROM \"SSMIX \"\"IDX\"\"\" WHERE \"UniqueID\" > 20");
    let report = world.run_well(&settings);
    assert_eq!(report.changes.findings.get("F071"), Some(&1));
    assert!(report.changes.full_scan.is_some());
}

/// A row dated in the future, by a clock that was wrong once, does not hide what is written down
/// after it.
#[test]
fn a_row_of_the_future_does_not_move_the_position_there() {
    let mut world = World::new(53);
    let server = Server::start(&world);
    let settings = server.settings(&world, "");
    world.work(5);
    let told = std::mem::take(&mut world.told);
    server.write_down(told);
    world.run_well(&settings);
    world.add_for(1);
    let mut ahead = std::mem::take(&mut world.told);
    for row in &mut ahead {
        row.updated = row
            .updated
            .checked_add(jiff::SignedDuration::from_hours(24 * 36_500))
            .unwrap();
    }
    server.write_down(ahead);
    assert_eq!(world.run_well(&settings).changes.full_scan, None);
    assert_eq!(world.sealed(&settings), world.afresh("ahead"));
    for _ in 0..2 {
        world.work(5);
        server.write_down(std::mem::take(&mut world.told));
        assert_eq!(world.run_well(&settings).changes.full_scan, None);
        assert_eq!(world.sealed(&settings), world.afresh("afresh"));
    }
}

/// A server that has taken the connection and then says nothing is given up in time.
#[test]
fn a_server_that_falls_silent_is_not_waited_for_without_end() {
    let world = World::new(54);
    let server = Server::start(&world);
    let settings = server.settings(&world, "statement_timeout_seconds = 1\n");
    let answered = runtime().block_on(async {
        let begun = Instant::now();
        let silent = std::future::pending::<Result<(), tokio_postgres::Error>>();
        let answered = answer(index(&settings), silent).await;
        assert!(begun.elapsed() < Duration::from_secs(60));
        answered
    });
    assert!(answered.is_err());
}

/// The user of the test may write; the session may not.
#[test]
fn the_session_can_read_and_nothing_else() {
    let world = World::new(51);
    let server = Server::start(&world);
    let settings = server.settings(&world, "");
    let codes = runtime().block_on(async {
        let client = session(index(&settings)).await.unwrap();
        let mut codes = Vec::new();
        for write in [
            "INSERT INTO \"SSMIX \"\"IDX\"\"\" (\"OrderNo\") VALUES ('1')",
            "CREATE TABLE public.other (a int)",
            "SELECT nextval('\"SSMIX \"\"IDX\"\"_UniqueID_seq\"')",
        ] {
            let error = client.batch_execute(write).await.unwrap_err();
            codes.push(told(&error).to_string());
        }
        codes
    });
    // read_only_sql_transaction
    assert_eq!(codes, ["PostgreSQL 25006"; 3]);
    // What is refused is refused by the session: outside of it the same user may write.
    let user = "SET ROLE reader; INSERT INTO \"SSMIX \"\"IDX\"\"\" (\"OrderNo\") VALUES ('1')";
    server.sql(user);
    let query = rows_query(index(&settings)) + &newest_query(index(&settings));
    for wanted in ["\"SSMIX \"\"IDX\"\"\"", "\"患者番号\"", "\"public\"."] {
        assert!(query.contains(wanted), "{query}");
    }
}

/// B-133: a server's messages quote values; ours do not.
#[test]
fn errors_tell_their_code_and_no_value_and_are_over_when_the_server_is_back() {
    let mut world = World::new(52);
    let mut server = Server::start(&world);
    let encrypted = "server_name = \"index.hospital.internal\"\nauthority = ";
    let authority = format!("{encrypted}{:?}\n", world.root.join("authority.pem"));
    let settings = server.settings(&world, &authority);
    world.work(20);
    server.write_down(std::mem::take(&mut world.told));
    world.run_well(&settings);
    let other = server.settings(&world, &authority.replace("index.", "other."));
    let (_, outcome) = world.run(&other);
    assert_eq!(outcome.unwrap_err().problem(), Problem::FeedUnavailable);

    world.work(10);
    server.write_down(std::mem::take(&mut world.told));
    server.end();
    let (report, outcome) = world.run(&settings);
    assert_eq!(outcome.unwrap_err().problem(), Problem::FeedUnavailable);
    let code = FindingCode::FeedUnavailable.as_str();
    assert_eq!(report.changes.findings.get(code), Some(&1));
    assert_eq!(report.patients.seen, 0);
    server.process = Server::begin(&server.folder, server.address);
    server.wait();
    assert_eq!(world.run_well(&settings).changes.full_scan, None);
    assert_eq!(world.sealed(&settings), world.afresh("afresh"));

    let secret = "7799990000";
    server.sql(&format!(
        "ALTER TABLE \"SSMIX \"\"IDX\"\"\" ALTER \"UpdateDatetime\" TYPE text; \
         UPDATE \"SSMIX \"\"IDX\"\"\" SET \"UpdateDatetime\" = '{secret}'"
    ));
    let (report, outcome) = world.run(&settings);
    let told = format!(
        "{} {}",
        outcome.unwrap_err(),
        serde_json::to_string(&report).unwrap()
    );
    assert!(told.contains("G025") && !told.contains(secret), "{told}");
}
