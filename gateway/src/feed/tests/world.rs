//! A site in a folder: volumes, an exporter that keeps to the rules of versioning and writes down
//! what it does, and the gateway that runs in this process.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use config::gateway::Settings;
use envelope::{CoreSecretKey, MacKey, SigningKey, open};
use jiff::ToSpan as _;
use jiff::civil::DateTime;
use record::DocumentState;

use crate::error::Failure;
use crate::report::Report;
use crate::run::{Delivery, run};

pub(crate) const PATIENTS: u64 = 12;

/// Repeatable randomness.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One thing that the exporter did.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) chart: String,
    pub(crate) day: String,
    pub(crate) order: String,
    pub(crate) action: &'static str,
    pub(crate) time: String,
    pub(crate) updated: DateTime,
    pub(crate) message: String,
}

impl Told {
    /// The header line of a transaction.
    pub(crate) fn header(&self) -> String {
        let Self {
            chart,
            day,
            order,
            action,
            time,
            ..
        } = self;
        format!("#SSMIX,2.00,1312345678,{chart},{day},ADT-12,{order},{action},01,{time}")
    }

    /// A row of the index with shuffled and extra columns.
    pub(crate) fn row(&self) -> String {
        let Self {
            chart,
            day,
            order,
            action,
            time,
            updated,
            ..
        } = self;
        let updated = updated.to_string().replace('T', " ");
        format!("{updated},STD01,7,\"{chart}\",{day},ADT-12,{order},{action},{time}")
    }
}

pub(crate) const ROW_NAMES: &str = "UpdateDatetime,VolumeLabel,UniqueID,PatientID,\
     OrderDate,DataKind,OrderNo,ProcessingType,TransactionDatetime";

#[derive(Clone)]
struct File {
    folder: PathBuf,
    stem: String,
    flag: u8,
}

pub(crate) struct World {
    pub(crate) root: PathBuf,
    pub(crate) volumes: Vec<PathBuf>,
    pub(crate) dice: Dice,
    /// What the exporter did and has not written down yet.
    pub(crate) told: Vec<Told>,
    files: BTreeMap<(String, String, String), Vec<File>>,
    now: DateTime,
    core: CoreSecretKey,
    signing: SigningKey,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let (core, signing) = (
            CoreSecretKey::from_seed([4; 32]).unwrap(),
            SigningKey::from_seed([3; 32]).unwrap(),
        );
        let mac = |byte| MacKey::from_bytes([byte; 32]).to_text().to_string();
        for (name, text) in [
            ("token.key", mac(1)),
            ("site.key", mac(2)),
            ("signing.key", signing.to_text().to_string()),
            ("core.pub", core.public().to_string()),
            ("receipt.pub", signing.public().to_string()),
            // In the place of the time service.
            ("synchronized", String::new()),
            (
                "stops.csv",
                "patient_id,requested_on,requester\n".to_owned(),
            ),
        ] {
            fs::write(root.join(name), text).unwrap();
        }
        let volumes: Vec<_> = ["std1", "std2"].map(|name| root.join(name)).into();
        for folder in volumes.iter().chain([&root.join("tr/2026")]) {
            fs::create_dir_all(folder).unwrap();
        }
        let world = Self {
            root,
            volumes,
            dice: Dice(seed * 2 + 1),
            told: Vec::new(),
            files: BTreeMap::new(),
            now: jiff::civil::date(2026, 11, 1).at(8, 0, 0, 0),
            core,
            signing,
            _folder: folder,
        };
        world.notify(0..PATIENTS);
        world
    }

    /// Writes the notice ledger anew.
    pub(crate) fn notify(&self, patients: impl IntoIterator<Item = u64>) {
        let mut ledger = "patient_id,notified_on,document_version,method\n".to_owned();
        for patient in patients {
            ledger += &format!("{},2026-04-01,v1,handed\n", chart(patient));
        }
        fs::write(self.root.join("notices.csv"), ledger).unwrap();
    }

    /// Settings of a gateway with a state folder of its own.
    pub(crate) fn settings(&self, state: &str, source: &str) -> Settings {
        // What a test has just written is old enough.
        let changes = "[source.changes]\n";
        let source = match source.contains(changes) {
            true => source.replace(changes, &format!("{changes}margin_seconds = 0\n")),
            false => format!("{changes}margin_seconds = 0\n{source}"),
        };
        let text = self.settings_text(state, &source);
        fs::write(self.root.join(format!("{state}.toml")), &text).unwrap();
        Settings::parse(&text).unwrap()
    }

    /// The file from which the settings were read.
    pub(crate) fn settings_file(&self, settings: &Settings) -> PathBuf {
        settings.state.folder.with_extension("toml")
    }

    fn settings_text(&self, state: &str, source: &str) -> String {
        let root = self.root.display();
        format!(
            "site = \"HOSP-A\"\n\
             [source]\nstorages = {:?}\n{source}\n\
             [ledger]\nnotices = \"{root}/notices.csv\"\nstops = \"{root}/stops.csv\"\n\
             [[notice.documents]]\nversion = \"v1\"\npublished_on = \"2020-01-01\"\n\
             [[contracts]]\nid = \"C-1\"\nfiling_reference = \"F-1\"\nfiled_on = \"2026-03-01\"\n\
             effective_from = \"2026-04-01\"\n\
             [state]\nfolder = \"{root}/{state}\"\n\
             [keys]\ntoken = \"{root}/token.key\"\nsite = \"{root}/site.key\"\n\
             signing = \"{root}/signing.key\"\ncore = \"{root}/core.pub\"\n\
             [front]\naddress = \"127.0.0.1:1\"\nserver_name = \"front\"\nauthority = \"x\"\n\
             certificate = \"x\"\nprivate_key = \"x\"\nreceipt_key = \"{root}/receipt.pub\"\n\
             transport = \"laboratory\"\n\
             [clock]\nsynchronized = \"{root}/synchronized\"\n",
            self.volumes,
        )
    }

    /// One run that seals and delivers nothing.
    pub(crate) fn run(&self, settings: &Settings) -> (Report, Result<(), Failure>) {
        let mut report = Report::new(settings.site.clone());
        let outcome = run(settings, Delivery::Hold, &mut report);
        (report, outcome)
    }

    pub(crate) fn run_well(&self, settings: &Settings) -> Report {
        let (report, outcome) = self.run(settings);
        outcome.unwrap();
        report
    }

    /// What the centre holds of this site after all batches: every standing document, and of whom.
    pub(crate) fn sealed(&self, settings: &Settings) -> BTreeMap<String, String> {
        let mut batches: Vec<_> = fs::read_dir(settings.state.folder.join("spool"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        batches.sort();
        let mut documents = BTreeMap::new();
        let mut tokens = BTreeMap::new();
        for batch in batches {
            let bytes = fs::read(batch).unwrap();
            let opened = open(&bytes, &self.signing.public(), &self.core).unwrap();
            for subject in opened.subjects {
                let person = format!("{:?}", subject.subject);
                tokens.insert(person.clone(), format!("{:?}", subject.tokens));
                for document in subject.documents {
                    let key = format!("{:?}", document.document);
                    match document.state {
                        DocumentState::Current => {
                            documents.insert(key, (person.clone(), format!("{document:?}")))
                        }
                        DocumentState::Withdrawn => documents.remove(&key),
                    };
                }
            }
        }
        documents
            .into_iter()
            .map(|(key, (person, text))| (key, format!("{person} {} {text}", tokens[&person])))
            .collect()
    }

    /// What a gateway that never ran before would tell the centre now.
    pub(crate) fn afresh(&self, state: &str) -> BTreeMap<String, String> {
        let settings = self.settings(state, "");
        self.run_well(&settings);
        self.sealed(&settings)
    }

    /// Some random work of the exporter. Returns how many patients it was about.
    pub(crate) fn work(&mut self, steps: u64) -> usize {
        let before = self.told.len();
        for _ in 0..steps {
            let existing = self.files.len() as u64;
            match self.dice.roll(10) {
                0..=3 => self.add(),
                _ if existing == 0 => self.add(),
                4..=6 => self.update(),
                7 => self.delete(),
                8 => {
                    // A changed care date is a new document; the old one is deleted.
                    self.delete();
                    self.add();
                }
                _ => self.write_again(),
            }
        }
        let mut charts: Vec<_> = self.told[before..].iter().map(|told| &told.chart).collect();
        charts.sort();
        charts.dedup();
        charts.len()
    }

    pub(crate) fn add(&mut self) {
        let patient = self.dice.roll(PATIENTS);
        self.add_for(patient);
    }

    pub(crate) fn add_for(&mut self, patient: u64) {
        let chart = chart(patient);
        let day = format!("202610{:02}", 1 + self.dice.roll(20));
        let order = format!("{:015}", 1 + self.dice.roll(1_000_000_000));
        self.insert((chart, day, order));
    }

    fn some(&mut self) -> (String, String, String) {
        let at = self.dice.roll(self.files.len() as u64) as usize;
        self.files.keys().nth(at).unwrap().clone()
    }

    fn update(&mut self) {
        let key = self.some();
        self.flag(&key, &[1], 2);
        if self.dice.roll(2) == 0 {
            self.tell(&key, "DEL", String::new());
        }
        self.insert(key);
    }

    /// The whole document again, with several valid files: sites do that.
    fn write_again(&mut self) {
        let key = self.some();
        self.insert(key);
    }

    fn delete(&mut self) {
        let key = self.some();
        self.flag(&key, &[1, 2], 0);
        self.write(&key, 0);
        let message = self.message(&key);
        self.tell(&key, "DEL", message);
        self.files.remove(&key);
    }

    fn insert(&mut self, key: (String, String, String)) {
        self.write(&key, 1);
        let message = self.message(&key);
        self.tell(&key, "INS", message);
    }

    fn flag(&mut self, key: &(String, String, String), from: &[u8], to: u8) {
        for file in self.files.get_mut(key).into_iter().flatten() {
            if from.contains(&file.flag) {
                let path = |flag: u8| file.folder.join(format!("{}_{flag}", file.stem));
                fs::rename(path(file.flag), path(to)).unwrap();
                file.flag = to;
            }
        }
    }

    fn write(&mut self, key: &(String, String, String), flag: u8) {
        self.now = self.now.checked_add(7.seconds()).unwrap();
        let (chart, day, order) = key;
        let volume = self.dice.roll(self.volumes.len() as u64) as usize;
        let folder = folder(&self.volumes[volume], chart)
            .join(day)
            .join("ADT-12");
        fs::create_dir_all(&folder).unwrap();
        let stem = format!("{chart}_{day}_ADT-12_{order}_{}_01", self.time());
        let path = folder.join(format!("{stem}_{flag}"));
        fs::write(path, self.message(key)).unwrap();
        let files = self.files.entry(key.clone()).or_default();
        files.push(File { folder, stem, flag });
    }

    fn time(&self) -> String {
        self.now.strftime("%Y%m%d%H%M%S001").to_string()
    }

    fn message(&self, (chart, day, _): &(String, String, String)) -> String {
        let mut visit = vec![String::new(); 45];
        visit[0] = "PV1".to_owned();
        visit[2] = "O".to_owned();
        visit[44] = format!("{day}{}", self.now.strftime("%H%M%S"));
        let time = self.now.strftime("%Y%m%d%H%M%S");
        format!(
            "MSH|^~\\&|HIS|S|G|R|{time}||ADT^A04^ADT_A01|{time}|P|2.5\
             ||||||~ISO IR87||ISO 2022-1994\rEVN||{time}\r\
             PID|0001||{chart}^^^^PI||^^^^^^L^I~ヤマダ^タロウ^^^^^L^P||19650415|M\r{}\r",
            visit.join("|"),
        )
    }

    fn tell(
        &mut self,
        (chart, day, order): &(String, String, String),
        action: &'static str,
        message: String,
    ) {
        self.told.push(Told {
            chart: chart.clone(),
            day: day.clone(),
            order: order.clone(),
            action,
            time: self.time(),
            updated: self.now,
            message,
        });
    }

    /// Writes down what was done, as transactions; a new file begins now and then.
    pub(crate) fn write_transactions(&mut self) {
        for told in std::mem::take(&mut self.told) {
            if self.dice.roll(8) == 0 || self.newest_transaction_file().is_none() {
                self.begin_transaction_file(&told.time);
            }
            let end = ["\r", "\n", "\r\n"][self.dice.roll(3) as usize];
            let file = self.newest_transaction_file().unwrap();
            let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
            write!(file, "{}{end}{}", told.header(), told.message).unwrap();
        }
    }

    pub(crate) fn begin_transaction_file(&self, time: &str) {
        let name = format!("TR_{time}_{:05}.DAT", 1);
        fs::write(self.root.join("tr/2026").join(name), "").unwrap();
    }

    pub(crate) fn transaction_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.root.join("tr/2026"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files
    }

    fn newest_transaction_file(&self) -> Option<PathBuf> {
        self.transaction_files().pop()
    }
}

pub(crate) fn chart(patient: u64) -> String {
    format!("77{:01}{:03}{:04}", patient % 3, patient % 5, patient)
}

pub(crate) fn folder(volume: &Path, chart: &str) -> PathBuf {
    let (first, rest) = chart.split_at(3);
    volume.join(first).join(rest.split_at(3).0).join(chart)
}
