//! A broker set up by the example that is shipped, and the centre's two hands on it: one that puts
//! orders there, one that hears devices.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::pki::Authority;
use harness::process::{Running, free_address, wait_for};

/// A machine with other work is slow; waiting ends with what is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systemd/examples");
pub(crate) const NAME: &str = "broker.sekisho.internal";

/// The broker of one test.
pub(crate) struct Broker {
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    running: Option<Running>,
    hearing: Option<Running>,
}

/// A message of a device, as the centre heard it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) topic: String,
    pub(crate) bytes: Vec<u8>,
}

impl Broker {
    /// Writes its settings; it does not run yet.
    pub(crate) fn prepare(folder: &Path, authority: &Authority) -> Self {
        let address = free_address().unwrap();
        let at = |name: &str| folder.join(name);
        authority
            .issue_server(NAME, &at("broker.pem"), &at("broker.key"))
            .unwrap();
        authority.write(&at("root.pem")).unwrap();
        let example = fs::read_to_string(format!("{EXAMPLES}/mosquitto.conf")).unwrap();
        let mut settings = example;
        for (shipped, here) in [
            ("/etc/sekisho/root.pem", at("root.pem")),
            ("/etc/sekisho/broker.pem", at("broker.pem")),
            ("/etc/sekisho/broker.key", at("broker.key")),
            ("/srv/sekisho/told/devices.crl", authority.revocations()),
            ("/run/mosquitto/centre.sock", at("centre.sock")),
            ("/var/lib/mosquitto/", folder.join("kept/")),
            (
                "/etc/mosquitto/sekisho-devices.acl",
                PathBuf::from(format!("{EXAMPLES}/mosquitto-devices.acl")),
            ),
            (
                "/etc/mosquitto/sekisho-centre.acl",
                PathBuf::from(format!("{EXAMPLES}/mosquitto-centre.acl")),
            ),
        ] {
            assert!(settings.contains(shipped), "{shipped}");
            settings = settings.replace(shipped, here.to_str().unwrap());
        }
        let listener = "listener 8883 0.0.0.0";
        assert!(settings.contains(listener));
        let here = format!("listener {} 127.0.0.1", address.port());
        let settings = settings.replace(listener, &here);
        fs::create_dir_all(at("kept")).unwrap();
        fs::write(at("mosquitto.conf"), format!("user root\n{settings}")).unwrap();
        Self {
            folder: folder.to_owned(),
            address,
            running: None,
            hearing: None,
        }
    }

    pub(crate) fn start(&mut self) {
        let mut command = Command::new("/usr/sbin/mosquitto");
        command.arg("-c").arg(self.folder.join("mosquitto.conf"));
        let log = self.folder.join("mosquitto.log");
        // What a killed broker left.
        let centre = self.folder.join("centre.sock");
        let _ = fs::remove_file(&centre);
        let mut running = Running::start(&mut command, &log).expect("apt install mosquitto");
        wait_for(self.address, &mut running).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while !centre.exists() {
            assert!(Instant::now() < deadline, "no socket for the centre");
            sleep(Duration::from_millis(20));
        }
        self.running = Some(running);
        let mut hearing = self.client("mosquitto_sub");
        hearing.args(["-q", "1", "-i", "centre", "-c", "-F", "%t %x"]);
        for topic in ["health", "presence", "answers"] {
            hearing.args(["-t", &format!("sekisho/1/+/{topic}")]);
        }
        let log = self.folder.join("heard.log");
        self.hearing = Some(Running::start(&mut hearing, &log).unwrap());
    }

    /// As a power cut would.
    pub(crate) fn stop(&mut self) {
        self.hearing = None;
        self.running = None;
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("--unix").arg(self.folder.join("centre.sock"));
        command
    }

    /// A client that speaks to a device, without what it says.
    pub(crate) fn to(&self, device: &str) -> Command {
        let mut command = self.client("mosquitto_pub");
        command.args(["-q", "1", "-t", &format!("sekisho/1/{device}/orders")]);
        command
    }

    /// Puts a message there for a device.
    pub(crate) fn order(&self, device: &str, file: &Path, retained: bool) {
        let mut command = self.to(device);
        command.arg("-f").arg(file);
        if retained {
            command.arg("-r");
        }
        assert!(command.status().unwrap().success());
    }

    /// Everything that the centre has heard so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        let log = fs::read_to_string(self.folder.join("heard.log")).unwrap_or_default();
        // The last line may be half written.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().filter_map(heard).collect()
    }

    /// What a device said of one thing, once there is enough of it.
    pub(crate) fn wait_for(&self, what: &str, enough: impl Fn(&[Vec<u8>]) -> bool) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = self.heard().into_iter();
            let told: Vec<_> = all
                .filter(|heard| heard.topic.ends_with(what))
                .map(|heard| heard.bytes)
                .collect();
            if enough(&told) {
                return told;
            }
            assert!(Instant::now() < deadline, "{what}: {} messages", told.len());
            sleep(Duration::from_millis(100));
        }
    }
}

fn heard(line: &str) -> Option<Heard> {
    let (topic, hex) = line.split_once(' ')?;
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|it| it as u8);
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect();
    Some(Heard {
        topic: topic.to_owned(),
        bytes: bytes.filter(|_| rest.is_empty())?,
    })
}
