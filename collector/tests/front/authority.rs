//! The front beside the authority as it is operated: certificates made by `sekisho-collector ca`,
//! codes, requests, and revocation that takes hold while connections are open.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};

use envelope::{CertificateAnswer, CertificateRequest, EnrolmentCode, sha256};
use rcgen::{CertificateParams, KeyPair};
use record::BatchId;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::world::{Answer, Connection, Device, Front, World, batch};

/// A front whose certificates come from an authority of its own.
struct Centre {
    world: World,
    newcomers: SocketAddr,
}

impl Centre {
    fn new() -> Self {
        let world = World::new("");
        for folder in ["requests", "answers"] {
            fs::create_dir(world.path(folder)).unwrap();
        }
        for old in ["front.pem", "front.key"] {
            fs::remove_file(world.path(old)).unwrap();
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let newcomers = free.local_addr().unwrap();
        drop(free);
        let root = world.path("");
        let root = root.to_str().unwrap().trim_end_matches('/');
        fs::write(
            world.path("ca.toml"),
            "folder = \"ca\"\nrequests = \"requests\"\nanswers = \"answers\"\n\
             revocations = \"told/devices.crl\"\n",
        )
        .unwrap();
        fs::write(world.path("told/blocked"), "").unwrap();
        let more = format!(
            "blocked = \"{root}/told/blocked\"\n[certificates]\nrequests = \"{root}/requests\"\n\
             answers = \"{root}/answers\"\nnewcomers = \"{newcomers}\"\n[folders]"
        );
        let settings = world.settings("").replace("[folders]", &more);
        fs::write(world.path("front.toml"), settings).unwrap();
        let centre = Self { world, newcomers };
        centre.ca(&["make-root", "--out", "root"]);
        centre.ca(&["make-issuing", "--root", "root", "--out", "ca"]);
        centre.ca_with(&[
            "issue-server",
            "--name",
            "front.test",
            "--certificate",
            "front.pem",
            "--key",
            "front.key",
        ]);
        fs::copy(
            centre.world.path("root/root.pem"),
            centre.world.path("authority.pem"),
        )
        .unwrap();
        centre
    }

    fn ca(&self, arguments: &[&str]) -> String {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_sekisho-collector"))
            .current_dir(self.world.path(""))
            .arg("ca")
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?} {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn ca_with(&self, arguments: &[&str]) -> String {
        let (step, rest) = arguments.split_first().unwrap();
        self.ca(&[&[*step, "--config", "ca.toml"], rest].concat())
    }

    fn device(&self, site: &str) -> Device {
        let (certificate, key) = (format!("{site}.pem"), format!("{site}.key"));
        let files = ["--certificate", &certificate, "--key", &key];
        let whose = ["issue-device", "--site", site, "--device", "box-1"];
        self.ca_with(&[&whose[..], &files].concat());
        let key = fs::read_to_string(self.world.path(&key)).unwrap();
        Device {
            chain: chain(&fs::read_to_string(self.world.path(&certificate)).unwrap()),
            key: KeyPair::from_pem(&key).unwrap().serialize_der(),
        }
    }

    fn connect(&self, front: &Front, device: &Device) -> Connection {
        self.world.connect_as(front, Some(device)).unwrap()
    }
}

fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes());
    chain.collect::<Result<_, _>>().unwrap()
}

fn put(connection: &mut Connection, path: &str, body: &[u8]) -> Answer {
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: front\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.say(head.as_bytes()).unwrap();
    connection.say(body).unwrap();
    connection.hear().unwrap()
}

/// a certificate that is revoked while its connection is open ends that connection, and
/// opens no other. Another site's goes on. The reads wait for the 60 seconds that are allowed.
#[test]
fn a_revoked_certificate_is_stopped_on_open_connections_and_new_ones() {
    let centre = Centre::new();
    let (stolen, other) = (centre.device("HOSP-A"), centre.device("HOSP-B"));
    let front = centre.world.start();
    let mut open = centre.connect(&front, &stolen);
    let mut beside = centre.connect(&front, &other);
    assert_eq!(open.get("/v1/health").unwrap().status, 200);
    assert_eq!(beside.get("/v1/health").unwrap().status, 200);
    centre.ca_with(&["revoke", "--site", "HOSP-A", "--reason", "stolen"]);
    // Nothing is sent: the front ends the connection by itself.
    let ended = open.hear().unwrap_err();
    assert!(
        !matches!(
            ended.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
        ),
        "{ended}"
    );
    let again = centre.world.connect_as(&front, Some(&stolen));
    assert!(again.and_then(|mut it| it.get("/v1/health")).is_err());
    assert_eq!(beside.get("/v1/health").unwrap().status, 200);
    let (_, log) = front.terminate();
    let log = log.join("\n");
    // B-084: each session is told with the certificate of the other end.
    let listed = centre.ca_with(&["list"]);
    for site in ["HOSP-A", "HOSP-B"] {
        let line = listed.lines().find(|line| line.contains(site)).unwrap();
        let serial = line.split(',').next().unwrap();
        let session = log
            .lines()
            .find(|it| it.contains("\"session\"") && it.contains(site));
        assert!(session.unwrap().contains(serial), "{log}");
    }
}

/// A list that is no list, or an older one, does not let anybody in again.
#[test]
fn an_older_or_damaged_list_changes_nothing() {
    let centre = Centre::new();
    let stolen = centre.device("HOSP-A");
    let list = centre.world.path("told/devices.crl");
    let before = fs::read(&list).unwrap();
    centre.ca_with(&["revoke", "--site", "HOSP-A", "--reason", "stolen"]);
    let front = centre.world.start();
    let heard = |device: &Device| {
        let connection = centre.world.connect_as(&front, Some(device));
        connection.and_then(|mut it| it.get("/v1/health")).is_ok()
    };
    assert!(!heard(&stolen));
    // The list of stopped sites is looked at after the other: once it has taken hold, the front
    // has seen both.
    let other = centre.device("HOSP-B");
    for (round, bytes) in [before.as_slice(), b"nonsense"].into_iter().enumerate() {
        fs::write(centre.world.path("new"), bytes).unwrap();
        fs::rename(centre.world.path("new"), &list).unwrap();
        let stopped = ["HOSP-B", ""][round];
        fs::write(centre.world.path("new"), stopped).unwrap();
        fs::rename(centre.world.path("new"), centre.world.path("told/blocked")).unwrap();
        let mut connection = centre.connect(&front, &other);
        while (connection.state(&batch("HOSP-B", 1)).code() == "R021") != (round == 0) {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        assert!(!heard(&stolen), "round {round}");
        assert!(heard(&other), "round {round}");
    }
}

/// a new device makes its own key, proves a code that does not travel, and is heard with the
/// certificate that comes back. Where newcomers ask, nothing else is heard.
#[test]
fn a_new_device_enrols_through_the_front_and_is_heard() {
    let centre = Centre::new();
    centre.ca_with(&["sign"]);
    let front = centre.world.start();
    let newcomer = || centre.world.connect_to(centre.newcomers, None).unwrap();
    for path in ["/v1/health", "/v1/letters"] {
        assert_eq!(newcomer().get(path).unwrap().code(), "R002");
    }
    assert_eq!(newcomer().state(&batch("HOSP-A", 1)).code(), "R002");
    let whose = ["enrol", "--site", "HOSP-A", "--device", "box-1"];
    let code = centre.ca_with(&[&whose[..], &["--operator", "op"]].concat());
    let code: EnrolmentCode = code.trim().parse().unwrap();
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default().serialize_request(&key);
    let request = request.unwrap().pem().unwrap();
    let signature = code.sign(request.as_bytes()).unwrap();
    let asked = CertificateRequest::Enrolment {
        site: "HOSP-A".parse().unwrap(),
        device: "box-1".parse().unwrap(),
        request,
        signature: CertificateRequest::signature_text(&signature),
    };
    let bytes = asked.to_bytes();
    let path = format!("/v1/certificates/{}", BatchId::new(sha256(&bytes)));
    assert_eq!(newcomer().get(&path).unwrap().code(), "R024");
    assert_eq!(put(&mut newcomer(), &path, b"x").code(), "R003");
    assert_eq!(put(&mut newcomer(), &path, &bytes).status, 202);
    assert_eq!(newcomer().get(&path).unwrap().status, 202);
    centre.ca_with(&["sign"]);
    let answer = newcomer().get(&path).unwrap();
    assert_eq!(answer.status, 200);
    let Some(CertificateAnswer::Issued { chain: pem }) = CertificateAnswer::read(&answer.body)
    else {
        panic!("{answer:?}")
    };
    let device = Device {
        chain: chain(&pem),
        key: key.serialize_der(),
    };
    let mut connection = centre.connect(&front, &device);
    let sealed = batch("HOSP-A", 1);
    let stored = connection.put(&sealed, 0, sealed.bytes.len());
    assert_eq!(stored.header("sekisho-state"), Some("stored"));
}
