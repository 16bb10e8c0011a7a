use std::collections::BTreeMap;

use envelope::{RENEWAL_DAY, enrolment_is_signed, renewal_is_signed};
use rcgen::{CertificateSigningRequestParams, CertifiedIssuer, KeyPair, date_time_ymd};

use super::*;

const DAY: i64 = 86_400;
const BEGIN: i64 = 1_800_000_000;

/// An authority that does what the real one does with requests, and a front that counts.
struct Authority {
    issuer: Arc<CertifiedIssuer<'static, KeyPair>>,
    /// Certificates by what was asked, PEM.
    given: BTreeMap<Vec<u8>, String>,
    /// Answers that come before the certificate does.
    waits: u32,
    /// Whether connections are heard.
    hears: bool,
    proven: Vec<String>,
    /// From when its certificates are good.
    begins: i64,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            issuer: Arc::new(CertifiedIssuer::self_signed(params, key).unwrap()),
            given: BTreeMap::new(),
            waits: 0,
            hears: true,
            proven: Vec::new(),
            begins: DUE - 3_600,
        }
    }

    fn issue(&self, key: &impl rcgen::PublicKeyData, from: i64) -> String {
        let mut params = CertificateParams::default();
        let moment = |at: i64| date_time_ymd(1970, 1, 1) + Duration::from_secs(at as u64);
        params.not_before = moment(from);
        params.not_after = moment(from + 90 * DAY);
        params.signed_by(key, self.issuer.as_ref()).unwrap().pem()
    }
}

impl Office for Authority {
    fn ask(&mut self, request: &[u8]) -> Result<Option<CertificateAnswer>, Failure> {
        if self.waits > 0 {
            self.waits -= 1;
            return Ok(None);
        }
        let asked = CertificateRequest::read(request).unwrap();
        let (CertificateRequest::Renewal { request: text, .. }
        | CertificateRequest::Enrolment { request: text, .. }) = &asked;
        let params = CertificateSigningRequestParams::from_pem(text).unwrap();
        let chain = match self.given.get(request) {
            Some(chain) => chain.clone(),
            None => self.issue(&params.public_key, self.begins),
        };
        self.given.insert(request.to_vec(), chain.clone());
        Ok(Some(CertificateAnswer::Issued { chain }))
    }

    fn prove(&mut self, pair: &Path) -> Result<bool, Failure> {
        self.proven.push(fs::read_to_string(pair).unwrap());
        Ok(self.hears)
    }
}

struct Device {
    root: tempfile::TempDir,
    store: Store,
}

impl Device {
    /// A device with a certificate from a given moment on.
    fn new(authority: &Authority) -> Self {
        let root = tempfile::tempdir().unwrap();
        let given = ["device.pem", "device.key"].map(|name| root.path().join(name));
        let key = KeyPair::generate().unwrap();
        fs::write(&given[0], authority.issue(&key, BEGIN)).unwrap();
        fs::write(&given[1], key.serialize_pem()).unwrap();
        let authority_file = root.path().join("authority.pem");
        fs::write(&authority_file, authority.issuer.pem()).unwrap();
        let folder = root.path().join("certificate");
        fs::create_dir(&folder).unwrap();
        Self {
            store: Store {
                folder,
                given: Some(given),
                maker: Maker::Software,
                service: root.path().join("keys"),
                authority: authority_file,
            },
            root,
        }
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(&self.store.folder).unwrap();
        let entries = entries.map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        entries
            .map(|path| (name(&path), fs::read(&path).unwrap()))
            .collect()
    }

    fn put(&self, files: &BTreeMap<String, Vec<u8>>) {
        fs::remove_dir_all(&self.store.folder).unwrap();
        fs::create_dir(&self.store.folder).unwrap();
        for (name, bytes) in files {
            fs::write(self.store.path(name), bytes).unwrap();
        }
    }
}

const DUE: i64 = BEGIN + (RENEWAL_DAY + 14) * DAY;

/// O-06: an order of the centre has a certificate renewed before its time, and only once.
#[test]
fn a_certificate_is_renewed_early_when_the_centre_orders_it() {
    let mut authority = Authority::new();
    let device = Device::new(&authority);
    let early = BEGIN + 5 * DAY;
    authority.begins = early - 3_600;
    let ordered = |since: i64| since < early;
    let mut keep_up = || {
        device
            .store
            .keep_up(early, ordered, &mut authority)
            .unwrap()
    };
    assert_eq!(keep_up(), Kept::Renewed);
    assert!(device.store.path(CURRENT).exists());
    let given = authority.given.len();
    let not_ordered = |since: i64| since < BEGIN - DAY;
    let kept = device.store.keep_up(early, not_ordered, &mut authority);
    assert_eq!((kept.unwrap(), authority.given.len()), (Kept::Good, given));
}

/// B-118: nothing happens before day 60; then the device asks, signed by the key it has, and uses
/// what it gets once a connection has been heard with it.
#[test]
fn a_certificate_is_renewed_by_itself_and_used_once_it_is_proven() {
    let mut authority = Authority::new();
    let device = Device::new(&authority);
    let early = BEGIN + RENEWAL_DAY * DAY - 1;
    assert_eq!(
        device
            .store
            .keep_up(early, |_| false, &mut authority)
            .unwrap(),
        Kept::Good
    );
    assert!(device.files().is_empty() && authority.given.is_empty());
    (authority.waits, authority.hears) = (2, false);
    for _ in 0..4 {
        let kept = device
            .store
            .keep_up(DUE, |_| false, &mut authority)
            .unwrap();
        assert_eq!(kept, Kept::Waiting);
        assert!(!device.store.path(CURRENT).exists());
    }
    let asked: Vec<_> = authority.given.keys().cloned().collect();
    let [request] = asked.as_slice() else {
        panic!("{}", asked.len())
    };
    let old = device.store.current().unwrap().unwrap();
    let request = CertificateRequest::read(request).unwrap();
    let CertificateRequest::Renewal {
        certificate,
        request: text,
        ..
    } = &request
    else {
        panic!()
    };
    assert_eq!(*certificate, old.digest);
    let signature = request.signature().unwrap();
    let signed = renewal_is_signed(old.key.der_bytes(), text.as_bytes(), &signature);
    assert!(signed);
    authority.hears = true;
    let kept = device
        .store
        .keep_up(DUE, |_| false, &mut authority)
        .unwrap();
    assert_eq!(kept, Kept::Renewed);
    let files = device.files();
    assert_eq!(files.keys().collect::<Vec<_>>(), [CURRENT]);
    let new = device.store.current().unwrap().unwrap();
    assert_ne!(new.digest, old.digest);
    assert_eq!(
        device
            .store
            .keep_up(DUE, |_| false, &mut authority)
            .unwrap(),
        Kept::Good
    );
    drop(device.root);
}

/// B-118: whatever files a power cut leaves of those that a renewal writes one after the other, the
/// next run ends with a certificate that fits its key, and the authority was asked for one only.
#[test]
fn a_renewal_that_is_cut_anywhere_is_completed_by_the_next_run() {
    let mut authority = Authority::new();
    let device = Device::new(&authority);
    let mut states = vec![device.files()];
    device
        .store
        .ask_next(&device.store.current().unwrap().unwrap())
        .unwrap();
    let asked = device.files();
    let key = asked.get(KEY).unwrap().clone();
    states.push(BTreeMap::from([(KEY.to_owned(), key)]));
    states.push(asked);
    authority.hears = false;
    device
        .store
        .keep_up(DUE, |_| false, &mut authority)
        .unwrap();
    // One that no connection has proven is asked for again; a cut leaves it there.
    let mut given = device.files();
    assert_eq!(given.len(), 2);
    let pair = authority.proven.last().unwrap().clone();
    given.insert(NEXT.to_owned(), pair.into_bytes());
    states.push(given.clone());
    // The pair is in use, and what led to it is taken away one by one.
    let mut used = given;
    let pair = used.remove(NEXT).unwrap();
    used.insert(CURRENT.to_owned(), pair);
    states.push(used.clone());
    used.remove(REQUEST);
    states.push(used);
    authority.hears = true;
    for (number, state) in states.iter().enumerate() {
        let mut again = Authority {
            issuer: Arc::clone(&authority.issuer),
            given: authority.given.clone(),
            ..Authority::new()
        };
        device.put(state);
        let kept = device.store.keep_up(DUE, |_| false, &mut again).unwrap();
        assert!(
            matches!(kept, Kept::Renewed | Kept::Good),
            "{number} {kept:?}"
        );
        let current = device.store.current().unwrap().unwrap();
        assert_ne!(current.not_before, BEGIN, "{number}");
        let known = again.given.len() - authority.given.len();
        // Only where no request had been written was another one made.
        assert_eq!(known, usize::from(number < 2), "{number}");
    }
}

/// B-115: while the key service is away nothing is asked and nothing is left; no key in clear takes
/// the place of one in the TPM.
#[test]
fn without_the_key_service_no_key_is_made_at_all() {
    let mut authority = Authority::new();
    let mut device = Device::new(&authority);
    device.store.maker = Maker::Tpm(Service::at(&device.store.service));
    let told = device.store.keep_up(DUE, |_| false, &mut authority);
    assert_eq!(told.unwrap_err().problem(), Problem::KeyAway);
    assert!(device.files().is_empty() && authority.given.is_empty());
}

/// What the key service signs and what the authority asks to be signed begin alike.
#[test]
fn the_key_service_knows_renewals_by_the_words_of_the_envelope() {
    assert_eq!(tpm::RENEWAL_DOMAIN, RENEWAL_DOMAIN);
}

/// A refusal is not asked about again for a day, and a certificate for another key is not taken.
#[test]
fn a_refusal_is_respected_and_a_foreign_certificate_is_not_taken() {
    struct Refusing(u32);
    impl Office for Refusing {
        fn ask(&mut self, _: &[u8]) -> Result<Option<CertificateAnswer>, Failure> {
            self.0 += 1;
            let code = "N017".to_owned();
            Ok(Some(CertificateAnswer::Refused { code }))
        }
        fn prove(&mut self, _: &Path) -> Result<bool, Failure> {
            panic!("nothing was given")
        }
    }
    let authority = Authority::new();
    let device = Device::new(&authority);
    let mut refusing = Refusing(0);
    for (at, asked) in [(DUE, 1), (DUE + 10, 1), (DUE + DAY, 2)] {
        let kept = device.store.keep_up(at, |_| false, &mut refusing).unwrap();
        assert_eq!(kept, Kept::Refused("N017".to_owned()));
        assert_eq!(refusing.0, asked, "{at}");
    }
    device
        .store
        .ask_next(&device.store.current().unwrap().unwrap())
        .unwrap();
    let foreign = authority.issue(&KeyPair::generate().unwrap(), BEGIN);
    let taken = device.store.take(&foreign, DUE).unwrap_err();
    assert_eq!(taken.problem(), Problem::CertificateRefused);
    assert!(!device.store.path(NEXT).exists());
}

/// the first certificate is asked for with the code, which is in none of the files.
#[test]
fn the_code_signs_the_first_request_and_is_kept_nowhere() {
    use rand_core::UnwrapErr;
    let mut authority = Authority::new();
    let device = Device::new(&authority);
    let code = EnrolmentCode::draw(&mut UnwrapErr(getrandom::SysRng));
    let site = "HOSP-A".parse().unwrap();
    let name = "box-1".parse().unwrap();
    device.store.ask_first(&site, &name, &code).unwrap();
    let text = code.to_string();
    for bytes in device.files().values() {
        let bytes = String::from_utf8_lossy(bytes).into_owned();
        assert!(!bytes.contains(&text) && !bytes.contains(&text.replace('-', "")));
    }
    let kept = device.store.go_on(DUE, &mut authority).unwrap();
    assert_eq!(kept, Some(Kept::Renewed));
    let (request, _) = authority.given.first_key_value().unwrap();
    let request = CertificateRequest::read(request).unwrap();
    let CertificateRequest::Enrolment { request: text, .. } = &request else {
        panic!()
    };
    let verifying = code.verifying_key().unwrap();
    let signature = request.signature().unwrap();
    assert!(enrolment_is_signed(&verifying, text.as_bytes(), &signature));
}

/// whoever has the front says no although the authority said yes. The device asks for the
/// same key again, so that the authority gives what it gave and suspects no clone.
#[test]
fn after_an_invented_refusal_the_same_key_is_asked_for() {
    struct Lying(Authority, Vec<Vec<u8>>);
    impl Office for Lying {
        fn ask(&mut self, request: &[u8]) -> Result<Option<CertificateAnswer>, Failure> {
            let read = CertificateRequest::read(request).unwrap();
            let CertificateRequest::Renewal { request: text, .. } = &read else {
                panic!()
            };
            let asked = CertificateSigningRequestParams::from_pem(text).unwrap();
            self.1.push(asked.public_key.der_bytes().to_vec());
            match self.1.len() {
                1 => Ok(Some(CertificateAnswer::Refused {
                    code: "N012".to_owned(),
                })),
                _ => self.0.ask(request),
            }
        }
        fn prove(&mut self, pair: &Path) -> Result<bool, Failure> {
            self.0.prove(pair)
        }
    }
    let authority = Authority::new();
    let device = Device::new(&authority);
    let mut lying = Lying(authority, Vec::new());
    let kept = device.store.keep_up(DUE, |_| false, &mut lying).unwrap();
    assert_eq!(kept, Kept::Refused("N012".to_owned()));
    let kept = device
        .store
        .keep_up(DUE + DAY, |_| false, &mut lying)
        .unwrap();
    assert_eq!(kept, Kept::Renewed);
    assert_eq!(lying.1.len(), 2);
    assert_eq!(lying.1[0], lying.1[1]);
    assert_eq!(device.files().len(), 1);
}

/// a certificate that somebody else made for our key is not taken, and the true one is when
/// it comes.
#[test]
fn an_invented_certificate_leaves_nothing_behind() {
    let mut inventing = Authority::new();
    let mut authority = Authority::new();
    let device = Device::new(&authority);
    let told = device
        .store
        .keep_up(DUE, |_| false, &mut inventing)
        .unwrap_err();
    assert_eq!(told.problem(), Problem::CertificateRefused);
    assert!(!device.store.path(NEXT).exists());
    let kept = device
        .store
        .keep_up(DUE, |_| false, &mut authority)
        .unwrap();
    assert_eq!(kept, Kept::Renewed);
}
