//! A device with its control channel, and two persons at the centre who sign orders for it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use control::{Answer, Outcome};
use harness::pki::Authority;
use harness::process::{Programs, Running};
use health::{Amount, Sample};

use crate::broker::{Broker, NAME};

pub(crate) const SITE: &str = "HOSP-A";
pub(crate) const DEVICE: &str = "HOSP-A:box-1";

/// Everything of one test.
pub(crate) struct Scene {
    pub(crate) folder: PathBuf,
    pub(crate) authority: Authority,
    pub(crate) broker: Broker,
    pub(crate) programs: Programs,
    orders: std::cell::Cell<u32>,
}

impl Scene {
    /// A device that is enrolled, and a broker that runs.
    pub(crate) fn new(folder: &Path) -> Self {
        let programs = Programs::beside_test().unwrap();
        let authority = Authority::open(&folder.join("ca")).unwrap();
        let broker = Broker::prepare(folder, &authority);
        let at = |name: &str| folder.join(name);
        let pair = [at("device.pem"), at("device.key")];
        authority.issue_device(SITE, &pair[0], &pair[1]).unwrap();
        for name in [
            "state", "standing", "requests", "agent", "status", "selftest", "settings", "private",
        ] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let mut scene = Self {
            folder: folder.to_owned(),
            authority,
            broker,
            programs,
            orders: std::cell::Cell::new(0),
        };
        for person in ["one", "two", "stranger"] {
            let key = scene.path(&format!("{person}.key"));
            scene.centre(&["orders", "make-key", "--out", key.to_str().unwrap()]);
        }
        scene.write_settings();
        let names = ["standing", "status"].map(|name| scene.path(name).display().to_string());
        let [standing, status] = names;
        let gateway = format!("[state]\nstanding = \"{standing}\"\nstatus = \"{status}\"\n");
        fs::write(scene.path("settings/gateway.toml"), gateway).unwrap();
        scene.broker.start();
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write_settings(&self) {
        let key = |person: &str| {
            let path = self.path(&format!("{person}.key.pub"));
            fs::read_to_string(path).unwrap().trim().to_owned()
        };
        let example = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../config/examples/control.toml"
        );
        let mut settings: toml::Table = fs::read_to_string(example).unwrap().parse().unwrap();
        let broker = settings["broker"].as_table_mut().unwrap();
        broker.remove("interface");
        broker["address"] = self.broker.address.to_string().into();
        broker["server_name"] = NAME.into();
        broker["authority"] = self.path("root.pem").to_str().unwrap().into();
        settings["orders"]["signers"] = vec![key("one"), key("two")].into();
        let folders = settings["folders"].as_table_mut().unwrap();
        for (name, folder) in [
            ("state", "state"),
            ("standing", "standing"),
            ("requests", "requests"),
            ("health", "agent"),
            ("gateways", "status"),
            ("self_test", "selftest"),
            ("settings", "settings"),
        ] {
            folders[name] = self.path(folder).to_str().unwrap().into();
        }
        let text = toml::to_string(&settings).unwrap();
        fs::write(self.path("control.toml"), text).unwrap();
    }

    /// Starts the control channel.
    pub(crate) fn start(&self) -> Running {
        let gateway = self.programs.gateway();
        let program = Path::new(gateway.get_program()).with_file_name("sekisho-control");
        self.start_by(Command::new(program))
    }

    /// The same at another time and faster, as `faketime` takes it; without the program of that
    /// name, which would stay between us and ours.
    pub(crate) fn start_at(&self, time: &str) -> Running {
        let gateway = self.programs.gateway();
        let program = Path::new(gateway.get_program()).with_file_name("sekisho-control");
        let library = format!(
            "/usr/lib/{}-linux-gnu/faketime/libfaketime.so.1",
            std::env::consts::ARCH
        );
        assert!(Path::new(&library).exists(), "apt-get install faketime");
        let mut command = Command::new(program);
        command.env("LD_PRELOAD", library).env("FAKETIME", time);
        self.start_by(command)
    }

    fn start_by(&self, mut command: Command) -> Running {
        command.arg("run");
        for (name, path) in [
            ("--config", "control.toml"),
            ("--certificate", "device.pem"),
            ("--key", "device.key"),
            ("--private", "private"),
        ] {
            command.arg(name).arg(self.path(path));
        }
        command
            .arg("--gateway")
            .arg(self.programs.gateway().get_program());
        Running::start(&mut command, &self.path("control.log")).unwrap()
    }

    /// Has the device destroy its keys after so many days without the centre.
    pub(crate) fn lost_after(&self, days: u16) {
        let file = self.path("control.toml");
        let mut text = fs::read_to_string(&file).unwrap();
        let notices = self.path("notices").display().to_string();
        text.push_str(&format!("[lost]\ndays = {days}\nnotices = \"{notices}\"\n"));
        fs::create_dir_all(notices).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Starts it, and waits until the broker keeps orders for it: before its first connection
    /// nobody knows that there is such a device.
    pub(crate) fn start_and_greet(&self) -> Running {
        let control = self.start();
        self.broker.wait_for("/presence", |told| !told.is_empty());
        control
    }

    /// Runs a program of the centre.
    pub(crate) fn centre(&self, arguments: &[&str]) -> bool {
        let mut command = self.programs.collector();
        command.env("SEKISHO_LOG", "warn").args(arguments);
        command.output().unwrap().status.success()
    }

    /// Signs as a second person who has read the order.
    fn sign(&self, arguments: &[&str]) -> bool {
        let mut command = self.programs.collector();
        command.env("SEKISHO_LOG", "warn").args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"PLAN-7\n").unwrap();
        child.wait().unwrap().success()
    }

    /// An order, signed by these persons. Gives its file.
    pub(crate) fn make(&self, device: &str, job: &[&str], persons: &[&str]) -> PathBuf {
        let number = self.orders.get();
        self.orders.set(number + 1);
        let mut file = self.path(&format!("order-{number}-0"));
        for (index, person) in persons.iter().enumerate() {
            let key = self.path(&format!("{person}.key"));
            let next = self.path(&format!("order-{number}-{index}"));
            let (key, out) = (key.to_str().unwrap(), next.to_str().unwrap());
            let made = match index {
                0 => {
                    let whose = ["orders", "make", "--device", device, "--plan", "PLAN-7"];
                    let how = ["--reason", "planned", "--key", key, "--out", out];
                    self.centre(&[&whose, &how, job].concat())
                }
                _ => {
                    let order = file.to_str().unwrap();
                    let what = ["orders", "sign", "--order", order, "--key", key];
                    self.sign(&[&what[..], &["--out", out]].concat())
                }
            };
            assert!(made, "{job:?}");
            file = next;
        }
        file
    }

    /// Makes an order for the device and puts it on the broker.
    pub(crate) fn order(&self, job: &[&str], persons: &[&str]) -> PathBuf {
        let file = self.make(DEVICE, job, persons);
        self.broker.order(DEVICE, &file, false);
        file
    }

    /// The first answers of the device, each once.
    pub(crate) fn answers(&self, count: usize) -> Vec<Outcome> {
        let told = self
            .broker
            .wait_for("/answers", |told| distinct(told).len() >= count);
        distinct(&told).into_iter().map(|it| it.outcome).collect()
    }

    pub(crate) fn standing(&self, name: &str) -> bool {
        self.path("standing").join(name).exists()
    }

    /// Leaves the history that the agent would have measured: one sample for ten minutes.
    pub(crate) fn measured(&self, slots: std::ops::Range<i64>) {
        let samples: Vec<Sample> = slots.map(sample).collect();
        let bytes = serde_cbor::to_vec(&samples).unwrap();
        let path = self.path("agent").join("history.cbor");
        fs::write(path.with_extension("new"), bytes).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }
}

pub(crate) fn sample(slot: i64) -> Sample {
    let amount = Amount {
        total: 4_000,
        free: 3_000,
    };
    Sample {
        at: 1_790_000_400 + slot * 600,
        uptime: 600,
        starts: 1,
        version: [0, 1, 0],
        load: 10,
        memory: amount,
        disk: amount,
        temperature: Some(40),
        wear: Some(10),
        line: Some(true),
        gateway: None,
    }
}

fn distinct(told: &[Vec<u8>]) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    for bytes in told {
        let answer = Answer::read(bytes).unwrap();
        // Said twice is the same.
        match answers.iter().find(|it| it.number == answer.number) {
            Some(before) => assert_eq!(*before, answer),
            None => answers.push(answer),
        }
    }
    answers
}
