//! An appliance in a temporary folder: institutions with storages, lists, keys and settings. Chart
//! numbers are the same everywhere and the persons are not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use envelope::{CoreSecretKey, MacKey, SigningKey};

/// Patients of each institution, under the same numbers everywhere.
pub(crate) const PATIENTS: u32 = 12;

/// A patient's number.
pub(crate) fn chart(patient: u32) -> String {
    format!("77{patient:08}")
}

/// The patient whom an institution stops: another one everywhere.
pub(crate) fn stopped(institution: usize) -> u32 {
    institution as u32 % PATIENTS
}

/// The appliance.
pub(crate) struct Appliance {
    root: tempfile::TempDir,
    /// Opens what is sealed.
    pub(crate) core: CoreSecretKey,
}

/// One institution of it.
pub(crate) struct Institution {
    /// Its state folder.
    pub(crate) state: PathBuf,
    /// Makes its references.
    pub(crate) site_key: MacKey,
    /// Signs its batches.
    pub(crate) signing: SigningKey,
}

impl Appliance {
    /// An appliance with so many institutions.
    pub(crate) fn new(number: usize) -> (Self, Vec<Institution>) {
        let appliance = Self {
            root: tempfile::tempdir().unwrap(),
            core: CoreSecretKey::from_seed([250; 32]).unwrap(),
        };
        fs::create_dir_all(appliance.path("settings")).unwrap();
        let receipt = SigningKey::from_seed([251; 32]).unwrap();
        let token = MacKey::from_bytes([252; 32]);
        fs::write(appliance.path("token.key"), token.to_text().as_str()).unwrap();
        fs::write(
            appliance.path("core.pub"),
            appliance.core.public().to_string(),
        )
        .unwrap();
        // In the place of the time service.
        fs::write(appliance.path("synchronized"), "").unwrap();
        fs::write(appliance.path("receipt.pub"), receipt.public().to_string()).unwrap();
        let institutions = (0..number).map(|it| appliance.institution(it)).collect();
        (appliance, institutions)
    }

    /// A place on it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn institution(&self, number: usize) -> Institution {
        let own = self.path(&format!("{number}"));
        let mut notices = "patient_id,notified_on,document_version,method\n".to_owned();
        for patient in 0..PATIENTS {
            let chart = chart(patient);
            write_patient(&own.join("storage"), &chart, number, patient);
            notices.push_str(&format!("{chart},2020-01-01,v1,handed\n"));
        }
        let stop = chart(stopped(number));
        let stops = format!("patient_id,requested_on,requester\n{stop},2020-02-01,self\n");
        fs::write(own.join("notices.csv"), notices).unwrap();
        fs::write(own.join("stops.csv"), stops).unwrap();
        let seed: [u8; 32] = std::array::from_fn(|place| match place {
            0 => (number % 256) as u8,
            1 => (number / 256) as u8,
            _ => 1,
        });
        let (site_key, signing) = (
            MacKey::from_bytes(seed),
            SigningKey::from_seed(seed).unwrap(),
        );
        fs::write(own.join("site.key"), site_key.to_text().as_str()).unwrap();
        fs::write(own.join("signing.key"), signing.to_text().as_str()).unwrap();
        fs::write(own.join("tls.key"), format!("{number}")).unwrap();
        let settings = self.settings(number);
        fs::write(self.path(&format!("settings/{number:04}.toml")), settings).unwrap();
        Institution {
            state: own.join("state"),
            site_key,
            signing,
        }
    }

    /// The settings of an institution.
    pub(crate) fn settings(&self, number: usize) -> String {
        let root = self.root.path().display();
        format!(
            r#"site = "HOSP-{number:04}"
[source]
storages = ["{root}/{number}/storage"]
[ledger]
notices = "{root}/{number}/notices.csv"
stops = "{root}/{number}/stops.csv"
[[notice.documents]]
version = "v1"
published_on = "2020-01-01"
[[contracts]]
id = "C-{number}"
filing_reference = "F-{number}"
filed_on = "2020-01-01"
effective_from = "2020-01-01"
[state]
folder = "{root}/{number}/state"
[keys]
token = "{root}/token.key"
site = "{root}/{number}/site.key"
signing = "{root}/{number}/signing.key"
core = "{root}/core.pub"
[front]
address = "127.0.0.1:9"
server_name = "front.invalid"
authority = "{root}/authority.pem"
certificate = "{root}/{number}/device.pem"
private_key = "{root}/{number}/tls.key"
receipt_key = "{root}/receipt.pub"
transport = "laboratory"
[clock]
synchronized = "{root}/synchronized"
[limits]
workers = 1
"#
        )
    }

    /// Runs all institutions without delivery. Gives the exit status and what was told.
    pub(crate) fn run(&self) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_sekisho-gateway"))
            .args(["run", "--hold", "--at-once", "2", "--institutions"])
            .arg(self.path("settings"))
            .arg("--report")
            .arg(self.path("reports"))
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        (output.status.code().unwrap(), told)
    }

    /// Runs the program with these arguments. Gives the exit status and what was told.
    pub(crate) fn gateway(&self, arguments: &[&std::ffi::OsStr]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_sekisho-gateway"))
            .args(arguments)
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        (output.status.code().unwrap(), told)
    }

    /// A report of the last run.
    pub(crate) fn report(&self, name: &str) -> serde_json::Value {
        let text = fs::read(self.path("reports").join(name)).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

fn write_patient(storage: &Path, chart: &str, institution: usize, patient: u32) {
    let folder = storage
        .join(&chart[..3])
        .join(&chart[3..6])
        .join(chart)
        .join("-/ADT-00");
    fs::create_dir_all(&folder).unwrap();
    let name = kana(institution as u32 * PATIENTS + patient);
    let year = 1930 + (institution * 7 + patient as usize) % 80;
    let message = format!(
        "MSH|^~\\&|HIS|H|GW|H|20260101000000||ADT^A08^ADT_A01|1|P|2.5||||||UNICODE UTF-8\r\
         EVN||20260101000000\r\
         PID|||{chart}^^^^PI||{name}^{name}^^^^^L^P||{year}0{month}15|M|||^^^^{postal}^JPN^H\r",
        month = 1 + patient % 9,
        postal = format_args!("1{:06}", institution as u32 * PATIENTS + patient),
    );
    let file = format!("{chart}_-_ADT-00_999999999999999_20260101000000000_-_1");
    fs::write(folder.join(file), message).unwrap();
}

/// A kana name for each number.
fn kana(mut number: u32) -> String {
    let letters: Vec<char> = "アイウエオカキクケコサシスセソタチツテト".chars().collect();
    let mut name = String::new();
    for _ in 0..5 {
        name.push(letters[number as usize % letters.len()]);
        number /= letters.len() as u32;
    }
    name
}
