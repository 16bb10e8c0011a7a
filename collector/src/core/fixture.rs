//! Two hospitals and a centre for tests: batches are really screened, separated, sealed and taken.

use std::path::{Path, PathBuf};

use envelope::{CoreSecretKey, Item, LedgerEnd, MacKey, ManifestDraft, Sealed, SigningKey};
use envelope::{TransportProfile, seal_with_erasures};
use jiff::civil::date;
use privacy::gate::{
    Contract, ContractKind, Event, Filing, Gate, HoldDays, LedgerHead, Notice, NoticeDocument,
    NoticeMethod, PatientReadings, Product, Products, Tally, Terms, Withheld,
};
use privacy::separate::{
    Erasure, ParticipantRules, Separated, SiteKeys, document_ref, separate, subject_ref,
    without_content,
};
use privacy::tokens::EpochKey;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use record::content::{
    Condition, Dose, Encounter, EncounterClass, EncounterEvent, MedicationRequest, Observation,
    Patient, Prefecture, Value,
};
use record::identity::{Birth, Insurance, Name, Sex};
use record::reading::{DocumentKey, Named, Reading};
use record::{
    ChartNumber, Concept, DataKind, Date, DocumentState, Domain, Drops, Identity, Moment, Quality,
    Quantity, Record, Role, Sensitive, SubjectRef, Version, YearMonth,
};

use super::catalogue::Catalogue;
use super::folder::Folder;
use super::make::{DEFAULT, Forbidden, Make, Outcome, Recipe};
use super::pull::{Pull, Summary};
use super::random::Randomness;
use super::settings::Settings;
use super::tables::Rekey;
use super::{failure, link};

/// The day on which everything happens.
pub(crate) const TODAY: Date = date(2025, 4, 1);

const CONTRACT: &str = "CONTRACT-1";
const FILING: &str = "FILING-1";

/// A hospital that seals batches.
pub(crate) struct Hospital {
    pub(crate) site: &'static str,
    pub(crate) signing: SigningKey,
    pub(crate) contract: &'static str,
    pub(crate) transport: TransportProfile,
    pub(crate) sequence: u64,
    pub(crate) previous: Option<[u8; 32]>,
    pub(crate) quality: Quality,
    /// What the next batch holds of persons whom it counts as withheld.
    pub(crate) withheld: Vec<Separated>,
    /// Epoch of its token key, and the one to which it is changing.
    pub(crate) epochs: (u16, Option<u16>),
    /// The key of its staff tokens, where its contract has them.
    pub(crate) staff: Option<MacKey>,
    /// Whether codes of institutions leave.
    pub(crate) institutions: bool,
    /// What the next batch tells of the device's transfer ledger.
    pub(crate) transfers: Option<LedgerEnd>,
    seed: u8,
}

impl Hospital {
    pub(crate) fn new(site: &'static str, seed: u8) -> Self {
        Self {
            site,
            signing: SigningKey::from_seed([seed; 32]).unwrap(),
            contract: CONTRACT,
            transport: TransportProfile::Ipsec,
            sequence: 0,
            previous: None,
            quality: Quality::default(),
            withheld: Vec::new(),
            epochs: (1, None),
            staff: None,
            institutions: false,
            transfers: None,
            seed,
        }
    }

    /// What a person's readings become, as if the gate had let them through.
    pub(crate) fn separated(&self, patient: PatientReadings) -> Separated {
        let (tokens, site) = self.keys();
        let screened = self.gate(std::slice::from_ref(&patient)).screen(patient);
        let keys = SiteKeys {
            participants: self.participants(),
            ..site_keys(&tokens, &site)
        };
        separate(screened.unwrap(), &keys)
    }

    fn participants(&self) -> ParticipantRules<'_> {
        ParticipantRules {
            staff: self.staff.as_ref().map(|key| key as &dyn privacy::Prf),
            institutions: self.institutions,
        }
    }

    /// A person of whom nothing may leave and these documents are taken back.
    pub(crate) fn taken_back(&self, number: u32, documents: &[DocumentKey]) -> Separated {
        let (tokens, site) = self.keys();
        let chart = chart(number);
        let keys = site_keys(&tokens, &site);
        let mut separated = without_content(&chart, Withheld::NotNotified, &keys).unwrap();
        for key in documents {
            let document = document_ref(&chart, key, &site);
            separated.take_back(document, key.kind, Version(2));
        }
        separated
    }

    fn keys(&self) -> (MacKey, MacKey) {
        let site = MacKey::from_bytes([self.seed; 32]);
        (token_key(1), site)
    }

    /// Seals the next batch of the chain.
    pub(crate) fn seal(&mut self, patients: Vec<PatientReadings>) -> Sealed {
        self.seal_and_erase(patients, &[])
    }

    /// The site's reference of a patient.
    pub(crate) fn subject(&self, number: u32) -> SubjectRef {
        subject_ref(&chart(number), &MacKey::from_bytes([self.seed; 32]))
    }

    /// A gate that lets these patients pass.
    fn gate(&self, patients: &[PatientReadings]) -> Gate {
        let contract = Contract {
            id: self.contract.parse().unwrap(),
            kind: ContractKind::Individual,
            filing: Some(Filing {
                reference: FILING.parse().unwrap(),
                filed_on: date(2020, 1, 1),
                revoked_on: None,
            }),
            products: Products::of(&[Product::Anonymized]),
            effective_from: date(2020, 1, 1),
            leaves_on: None,
            hold_days: HoldDays::SHORTEST,
        };
        let document = NoticeDocument {
            version: "v1".parse().unwrap(),
            published_on: date(2020, 1, 1),
            products: Products::ALL,
            reopens: false,
        };
        let notices = patients.iter().map(|patient| {
            Event::Notified(Notice {
                chart: patient.chart.clone(),
                notified_on: date(2024, 1, 1),
                document: document.version.clone(),
                method: NoticeMethod::Handed,
                sixteen_on: None,
            })
        });
        let standing = notices.collect();
        let head = LedgerHead {
            digest: [1; 32],
            entries: 1,
        };
        Gate::new(Terms::of(contract, document), standing, head, TODAY)
    }

    /// Seals the next batch of the chain, which has everything of some persons erased.
    pub(crate) fn seal_and_erase(
        &mut self,
        patients: Vec<PatientReadings>,
        erased: &[u32],
    ) -> Sealed {
        let gate = self.gate(&patients);
        let (epoch, next) = self.epochs;
        let tokens = token_key(epoch);
        let next = next.map(|next| (next, token_key(next)));
        let site = MacKey::from_bytes([self.seed; 32]);
        let keys = SiteKeys {
            tokens: EpochKey::new(epoch, &tokens),
            next: next.as_ref().map(|(next, key)| EpochKey::new(*next, key)),
            site: &site,
            municipality: None,
            vault: None,
            participants: self.participants(),
        };
        let mut tally = Tally::default();
        let mut separated: Vec<Separated> = patients
            .into_iter()
            .map(|patient| {
                let screened = gate.screen(patient).unwrap();
                tally.pass(screened.pass());
                separate(screened, &keys)
            })
            .collect();
        for person in self.withheld.drain(..) {
            tally.withhold(Withheld::NotNotified);
            tally.take_back();
            separated.push(person);
        }
        self.sequence += 1;
        let draft = ManifestDraft {
            site: self.site.parse().unwrap(),
            sequence: self.sequence,
            previous: self.previous,
            sealed_at: 1_743_400_000,
            gate: gate.evidence(&tally).unwrap(),
            transport: self.transport,
            mapping: 1,
            quality: self.quality.clone(),
            transfers: self.transfers.take(),
        };
        let mut random = ChaCha20Rng::seed_from_u64(self.sequence * 1000 + u64::from(self.seed));
        let core = core_key();
        let items = separated.into_iter().map(Item::new);
        let erasures: Vec<_> = erased
            .iter()
            .map(|number| Erasure::of(self.subject(*number), Withheld::Stopped).unwrap())
            .collect();
        let sealed = seal_with_erasures(
            draft,
            items.collect::<Result<_, _>>().unwrap(),
            &erasures,
            core.public(),
            &self.signing,
            &mut random,
        )
        .unwrap();
        self.previous = Some(sealed.manifest_digest);
        sealed
    }
}

/// The key of linkage tokens of an epoch.
pub(crate) fn token_key(epoch: u16) -> MacKey {
    let [_, low] = epoch.to_be_bytes();
    MacKey::from_bytes([8 + low; 32])
}

fn core_key() -> CoreSecretKey {
    CoreSecretKey::from_seed([7; 32]).unwrap()
}

/// A centre that trusts some hospitals.
pub(crate) struct Centre {
    pub(crate) root: tempfile::TempDir,
    pub(crate) settings: Settings,
}

impl Centre {
    pub(crate) fn new(hospitals: &[&Hospital]) -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("inbox")).unwrap();
        let mut text = "inbox = \"inbox\"\nstate = \"state\"\n\
             [keys]\ncore = \"core.key\"\nrekey = \"rekey.key\"\n"
            .to_owned();
        for hospital in hospitals {
            text.push_str(&format!(
                "[[site]]\nsite = \"{}\"\nverifying_key = \"{}\"\ncontract = \"{CONTRACT}\"\n\
                 filing_reference = \"{FILING}\"\neffective_from = \"2020-01-01\"\n",
                hospital.site,
                hospital.signing.public(),
            ));
        }
        let path = root.path().join("core.toml");
        std::fs::write(&path, text).unwrap();
        Self {
            settings: Settings::load(&path).unwrap(),
            root,
        }
    }

    /// Changes the settings file and reads it again.
    pub(crate) fn change(&mut self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        std::fs::write(self.config(), text.replacen(from, to, 1)).unwrap();
        self.settings = Settings::load(&self.config()).unwrap();
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.root.path().join("core.toml")
    }

    pub(crate) fn inbox(&self) -> PathBuf {
        self.root.path().join("inbox")
    }

    pub(crate) fn deliver(&self, sealed: &Sealed) -> PathBuf {
        let manifest = &sealed.manifest;
        let name = format!(
            "{}-{:012}-{}.batch",
            manifest.site, manifest.sequence, sealed.id
        );
        let path = self.inbox().join(name);
        std::fs::write(&path, &sealed.bytes).unwrap();
        path
    }

    /// Sets the share of one measure that is asked of one site.
    pub(crate) fn ask_of_site(&mut self, site: &str, name: &str, per_cent: f64) {
        self.settings.ask_of_site(site, name, per_cent);
    }

    pub(crate) fn open(&self) -> (Folder, Catalogue) {
        let folder = Folder::open(&self.settings.state).unwrap();
        let catalogue = Catalogue::open(&folder.catalogue()).unwrap();
        (folder, catalogue)
    }

    pub(crate) fn pull(&self) -> Summary {
        self.pull_with(&core_key())
    }

    pub(crate) fn pull_with(&self, key: &CoreSecretKey) -> Summary {
        let (folder, mut catalogue) = self.open();
        let rekey = Rekey::new(&MacKey::from_bytes([8; 32]));
        let pull = Pull {
            settings: &self.settings,
            folder: &folder,
            catalogue: &mut catalogue,
            keys: std::slice::from_ref(key),
            rekey: &rekey,
            at: 1_743_500_000,
            today: TODAY,
        };
        pull.run().unwrap()
    }

    pub(crate) fn link(&self) -> link::Summary {
        let (folder, mut catalogue) = self.open();
        link::run(
            &folder,
            &mut catalogue,
            &Rekey::new(&MacKey::from_bytes([8; 32])),
            Randomness::Fixed(1),
            200,
            1_743_500_001,
        )
        .unwrap()
    }

    pub(crate) fn make(
        &self,
        release: &str,
        recipe: &str,
        forbidden: &Forbidden,
        randomness: Randomness,
    ) -> failure::Result<Outcome> {
        let (folder, mut catalogue) = self.open();
        let recipe = Recipe::parse(recipe)?;
        let make = Make {
            folder: &folder,
            catalogue: &mut catalogue,
            recipe: &recipe,
            release,
            forbidden,
            release_rows: 1_000_000,
            randomness,
            at: 1_743_500_002,
        };
        make.run()
    }

    /// Makes a release by the shipped recipe with a fixed seed.
    pub(crate) fn release(&self, name: &str) -> PathBuf {
        let done = self
            .make(name, DEFAULT, &Forbidden::default(), Randomness::Fixed(1))
            .unwrap();
        assert!(matches!(done, Outcome::Made(_)));
        self.settings.state.join("releases").join(name)
    }
}

fn site_keys<'k>(tokens: &'k MacKey, site: &'k MacKey) -> SiteKeys<'k> {
    SiteKeys {
        tokens: EpochKey::new(1, tokens),
        next: None,
        site,
        municipality: None,
        vault: None,
        participants: ParticipantRules::default(),
    }
}

/// A person of the tests, by number.
pub(crate) fn identity(number: u32) -> Identity {
    let kana = |mut number: u32| -> String {
        let letters: Vec<char> = "アイウエオカキクケコサシスセソタチツテト".chars().collect();
        let mut name = String::new();
        for _ in 0..4 {
            name.push(letters[number as usize % letters.len()]);
            number = number.wrapping_mul(7) / 3 + 11;
        }
        name
    };
    let name = |seed: u32| Name {
        family: Sensitive::new(kana(seed)),
        given: Sensitive::new(kana(seed * 31 + 5)),
    };
    Identity {
        kana: Some(name(number)),
        birth: Some(Birth::new(born(number))),
        sex: Some(if number.is_multiple_of(2) {
            Sex::Female
        } else {
            Sex::Male
        }),
        postal: Sensitive::new(format!("036{number:04}")),
        insurance: vec![Insurance {
            insurer: Sensitive::new("01020304"),
            symbol: Sensitive::new("7654"),
            number: Sensitive::new(format!("{number:08}")),
            branch: Sensitive::new("01"),
        }],
        ..Identity::default()
    }
}

fn born(number: u32) -> Date {
    let decade = 1940 + 10 * (number as i16 % 4);
    date(decade, 1 + (number % 12) as i8, 1 + (number % 28) as i8)
}

pub(crate) fn chart(number: u32) -> ChartNumber {
    ChartNumber::new(&format!("{:010}", 4_000_000_000 + u64::from(number))).unwrap()
}

/// One file of a patient.
pub(crate) fn reading(
    number: u32,
    kind: DataKind,
    order: &str,
    version: u64,
    records: Vec<Record>,
) -> Reading {
    Reading {
        chart: chart(number),
        claimed: vec![chart(number)],
        key: DocumentKey {
            kind,
            care_date: None,
            order: Sensitive::new(order),
            local_kind: None,
        },
        domain: Domain::Medical,
        version: Version(version),
        state: DocumentState::Current,
        identity: identity(number).into(),
        records,
        named: Vec::new(),
        findings: vec![],
        drops: Drops::default(),
    }
}

pub(crate) fn withdrawn(mut reading: Reading) -> Reading {
    reading.state = DocumentState::Withdrawn;
    reading.records.clear();
    reading
}

pub(crate) fn basic(number: u32, version: u64) -> Reading {
    let it = identity(number);
    let patient = Patient {
        sex: it.sex,
        birth: it.birth.map(|birth| YearMonth::from(birth.expose())),
        prefecture: Prefecture::new(2),
        died: None,
        deceased: number.is_multiple_of(17),
    };
    reading(
        number,
        DataKind::Adt00,
        "999999999999999",
        version,
        vec![Record::Patient(patient)],
    )
}

pub(crate) fn concept(code: &str, system: &str) -> Concept {
    Concept::of(code.parse().unwrap(), Some(system.parse().unwrap()))
}

pub(crate) fn visit(number: u32, order: &str, version: u64, day: Date) -> Reading {
    let encounter = Encounter {
        class: Some(EncounterClass::Outpatient),
        event: EncounterEvent::Visit,
        at: Some(Moment::of_day(day)),
        department: Some("01".parse().unwrap()),
        ..Encounter::default()
    };
    reading(
        number,
        DataKind::Adt12,
        order,
        version,
        vec![Record::Encounter(encounter)],
    )
}

pub(crate) fn laboratory(number: u32, order: &str, day: Date, code: Concept) -> Reading {
    let quantity = Quantity {
        value: "5.60".parse().unwrap(),
        unit: Some("10*4/μL".parse().unwrap()),
        comparator: None,
    };
    let observation = Observation {
        code: Some(code),
        value: Some(Value::Quantity(quantity)),
        flag: Some("H".parse().unwrap()),
        status: Some("F".parse().unwrap()),
        at: Some(Moment::of_day(day)),
        ..Observation::default()
    };
    reading(
        number,
        DataKind::Oml11,
        order,
        1,
        vec![Record::Observation(observation)],
    )
}

pub(crate) fn problems(number: u32, icd10: &str, onset: Date) -> Reading {
    let condition = Condition {
        code: Some(concept("20061688", "MDCDX2")),
        icd10: Some(concept(icd10, "I10")),
        onset: Some(Moment::of_day(onset)),
        ..Condition::default()
    };
    reading(
        number,
        DataKind::Ppr01,
        "999999999999999",
        1,
        vec![Record::Condition(condition)],
    )
}

pub(crate) fn prescription(number: u32, order: &str, day: Date) -> Reading {
    let request = MedicationRequest {
        dose: Dose {
            medication: Some(concept("1178442010101", "HOT13")),
            amount: Some("1".parse().unwrap()),
            unit: Some(concept("TAB", "MR9P")),
        },
        start: Some(Moment::of_day(day)),
        timing: Some("1011040000000000".parse().unwrap()),
        ..MedicationRequest::default()
    };
    reading(
        number,
        DataKind::Omp01,
        order,
        1,
        vec![Record::MedicationRequest(request)],
    )
}

pub(crate) fn patient(number: u32, readings: Vec<Reading>) -> PatientReadings {
    PatientReadings {
        chart: chart(number),
        readings,
        doubtful: Vec::new(),
    }
}

/// Every file below a folder with its bytes, by path.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let bytes = std::fs::read(&path).unwrap();
                    files.push((path.strip_prefix(folder).unwrap().to_owned(), bytes));
                }
            }
        }
    }
    files.sort();
    files
}

/// A prescription that names its doctor and where it was ordered.
pub(crate) fn prescribed_by(number: u32, order: &str, day: Date, doctor: &str) -> Reading {
    let mut reading = prescription(number, order, day);
    reading.named = [
        (Role::Ordering, doctor),
        (Role::OrderingInstitution, "1311234567"),
    ]
    .map(|(role, number)| Named {
        role,
        number: Sensitive::new(number),
    })
    .to_vec();
    reading
}
