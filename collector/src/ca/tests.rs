//! The authority from outside: what it signs, what it refuses, what it takes back.

use std::fs;
use std::path::PathBuf;

use envelope::{CertificateAnswer, CertificateRequest, EnrolmentCode, RENEWAL_DOMAIN, sha256};
use rcgen::{CertificateParams, KeyPair, SigningKey as _};
use record::BatchId;

use super::*;

const NOW: i64 = 1_800_000_000;
const SITE: &str = "HOSP-A";

struct World {
    root: tempfile::TempDir,
}

/// A device: its key and the chain that it was given.
struct Device {
    key: KeyPair,
    chain: String,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        authority::make_root(&path("root"), NOW).unwrap();
        authority::make_issuing(&path("root"), &path("ca"), NOW).unwrap();
        for folder in ["requests", "answers"] {
            fs::create_dir(path(folder)).unwrap();
        }
        let settings = "folder = \"ca\"\nrequests = \"requests\"\nanswers = \"answers\"\n\
                        revocations = \"devices.crl\"\n";
        fs::write(path("ca.toml"), settings).unwrap();
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn office(&self, at: i64) -> Office {
        Office::open(&self.path("ca.toml"), at).unwrap()
    }

    fn code(&self, at: i64, hours: i64) -> EnrolmentCode {
        let (site, device) = (SITE.parse().unwrap(), "box-1".parse().unwrap());
        let code = self.office(at).enrol(&site, &device, "op", hours);
        code.unwrap().parse().unwrap()
    }

    /// Puts a request where the front does, lets the authority work, and reads its answer.
    fn ask(&self, request: &CertificateRequest, at: i64) -> CertificateAnswer {
        let bytes = request.to_bytes();
        let name = BatchId::new(sha256(&bytes)).to_string();
        fs::write(self.path("requests").join(format!("{name}.request")), bytes).unwrap();
        self.office(at).sign().unwrap();
        let answer = fs::read(self.path("answers").join(format!("{name}.answer")));
        CertificateAnswer::read(&answer.unwrap()).unwrap()
    }

    fn enrol(&self, at: i64) -> Device {
        let code = self.code(at, 1);
        let key = KeyPair::generate().unwrap();
        match self.ask(&enrolment(&key, &code), at) {
            CertificateAnswer::Issued { chain } => Device { key, chain },
            other => panic!("{other:?}"),
        }
    }

    fn listed(&self, at: i64) -> Vec<String> {
        let list = self.office(at).list().unwrap();
        list.lines().skip(1).map(str::to_owned).collect()
    }

    /// The serial number of the first certificate in a state.
    fn serial(&self, at: i64, state: &str) -> String {
        let listed = self.listed(at);
        let line = listed.iter().find(|line| line.ends_with(state)).unwrap();
        line.split(',').next().unwrap().to_owned()
    }

    fn renew(&self, device: &Device, at: i64) -> Device {
        let key = KeyPair::generate().unwrap();
        match self.ask(&renewal(device, &key), at) {
            CertificateAnswer::Issued { chain } => Device { key, chain },
            other => panic!("{other:?}"),
        }
    }

    fn revoked(&self) -> usize {
        let list = fs::read(self.path("devices.crl")).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&list).unwrap();
        let (_, list) = x509_parser::parse_x509_crl(&pem.contents).unwrap();
        list.iter_revoked_certificates().count()
    }
}

fn csr(key: &KeyPair) -> String {
    let request = CertificateParams::default().serialize_request(key);
    request.unwrap().pem().unwrap()
}

fn enrolment(key: &KeyPair, code: &EnrolmentCode) -> CertificateRequest {
    let request = csr(key);
    let signature = code.sign(request.as_bytes()).unwrap();
    CertificateRequest::Enrolment {
        site: SITE.parse().unwrap(),
        device: "box-1".parse().unwrap(),
        request,
        signature: CertificateRequest::signature_text(&signature),
    }
}

fn renewal(device: &Device, next: &KeyPair) -> CertificateRequest {
    let (_, pem) = x509_parser::pem::parse_x509_pem(device.chain.as_bytes()).unwrap();
    let request = csr(next);
    let message = [RENEWAL_DOMAIN, request.as_bytes()].concat();
    CertificateRequest::Renewal {
        certificate: BatchId::new(sha256(&pem.contents)),
        request,
        signature: CertificateRequest::signature_text(&device.key.sign(&message).unwrap()),
    }
}

fn refused(answer: CertificateAnswer) -> String {
    match answer {
        CertificateAnswer::Refused { code } => code,
        other => panic!("{other:?}"),
    }
}

/// a code is good once, for one device, within its time.
#[test]
fn a_code_enrols_one_key_once() {
    let world = World::new();
    let code = world.code(NOW, 1);
    let [one, other] = [0, 1].map(|_| KeyPair::generate().unwrap());
    let wrong = EnrolmentCode::draw(&mut UnwrapErr(SysRng));
    assert_eq!(refused(world.ask(&enrolment(&one, &wrong), NOW)), "N012");
    let first = world.ask(&enrolment(&one, &code), NOW);
    assert!(matches!(first, CertificateAnswer::Issued { .. }));
    // The answer was lost on the way: the same request gives the same certificate.
    assert_eq!(world.ask(&enrolment(&one, &code), NOW), first);
    let later = world.ask(&enrolment(&other, &code), NOW + 3_601);
    assert_eq!(refused(later), "N013");
    assert_eq!(world.revoked(), 0);
    let late = world.code(NOW, 1);
    let answer = world.ask(&enrolment(&other, &late), NOW + 3_601);
    assert_eq!(refused(answer), "N013");
    // Nothing of the code is in the register.
    let register = fs::read(world.path("ca/register.sqlite")).unwrap();
    let text = code.to_string().replace('-', "");
    let holds = |part: &[u8]| register.windows(part.len()).any(|it| it == part);
    assert!(!holds(text.as_bytes()) && !holds(code.to_string().as_bytes()));
}

/// a device that is set up anew ends what the site had before.
#[test]
fn enrolling_anew_revokes_the_device_before() {
    let world = World::new();
    let old = world.enrol(NOW);
    assert_eq!(world.revoked(), 0);
    world.enrol(NOW + DAY);
    assert_eq!(world.revoked(), 1);
    let next = KeyPair::generate().unwrap();
    let answer = world.ask(&renewal(&old, &next), NOW + 61 * DAY);
    assert_eq!(refused(answer), "N014");
}

/// B-118: a device renews by itself, from day 60 on or when the centre orders it; within 180 days
/// after the end a person lets it in; later it takes a new code.
#[test]
fn a_certificate_is_renewed_in_time_or_with_an_approval_or_not_at_all() {
    let world = World::new();
    let device = world.enrol(NOW);
    let next = KeyPair::generate().unwrap();
    let request = renewal(&device, &next);
    assert_eq!(refused(world.ask(&request, NOW + DAY / 2)), "N015");
    let renewed = world.ask(&request, NOW + 60 * DAY);
    let CertificateAnswer::Issued { chain } = &renewed else {
        panic!("{renewed:?}");
    };
    // Asked again, also after the old one has ended, it gives the same.
    assert_eq!(world.ask(&request, NOW + 95 * DAY), renewed);
    let device = Device {
        key: next,
        chain: chain.clone(),
    };
    let next = KeyPair::generate().unwrap();
    let request = renewal(&device, &next);
    let late = NOW + 60 * DAY + (90 + 180) * DAY - 3_601;
    assert_eq!(world.ask(&request, late), CertificateAnswer::Waiting);
    assert!(
        world
            .listed(late)
            .iter()
            .any(|line| line.ends_with("waits"))
    );
    let waits = world.serial(late, "waits");
    world.office(late).approve(&waits, "op").unwrap();
    // The request was kept, so the device need not ask again.
    world.office(late).sign().unwrap();
    let waited = fs::read_dir(world.path("requests")).unwrap().count();
    assert_eq!(waited, 0);
    let issued = world.ask(&request, late);
    let CertificateAnswer::Issued { chain } = issued else {
        panic!("{issued:?}");
    };
    let device = Device { key: next, chain };
    let request = renewal(&device, &KeyPair::generate().unwrap());
    let too_late = late + (90 + 180) * DAY + 1;
    assert_eq!(refused(world.ask(&request, too_late)), "N016");
}

/// a copied box asks for the successor of the same certificate with a key of its own. Both
/// are stopped, and shown.
#[test]
fn two_keys_for_one_certificate_stop_both_devices() {
    let world = World::new();
    let device = world.enrol(NOW);
    let [true_one, clone] = [0, 1].map(|_| KeyPair::generate().unwrap());
    let at = NOW + 61 * DAY;
    let issued = world.ask(&renewal(&device, &true_one), at);
    assert!(matches!(issued, CertificateAnswer::Issued { .. }));
    assert_eq!(refused(world.ask(&renewal(&device, &clone), at)), "N017");
    let listed = world.listed(at);
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|line| line.ends_with("revoked:cloned")));
    assert_eq!(world.revoked(), 2);
    // The true one cannot go on either, until the site is enrolled anew.
    assert_eq!(refused(world.ask(&renewal(&device, &true_one), at)), "N014");
    world.enrol(at);
}

/// whoever has the front, and with it every request that passes, gets no certificate.
#[test]
fn requests_that_were_changed_on_the_way_are_refused() {
    let world = World::new();
    let device = world.enrol(NOW);
    let thief = KeyPair::generate().unwrap();
    let at = NOW + 61 * DAY;
    let CertificateRequest::Renewal {
        certificate,
        signature,
        ..
    } = renewal(&device, &KeyPair::generate().unwrap())
    else {
        panic!()
    };
    let swapped = CertificateRequest::Renewal {
        certificate,
        request: csr(&thief),
        signature: signature.clone(),
    };
    assert_eq!(refused(world.ask(&swapped, at)), "N012");
    let unknown = CertificateRequest::Renewal {
        certificate: BatchId::new([1; 32]),
        request: csr(&thief),
        signature,
    };
    assert_eq!(refused(world.ask(&unknown, at)), "N012");
    let own = Device {
        key: thief,
        chain: device.chain,
    };
    let signed_by_thief = renewal(&own, &KeyPair::generate().unwrap());
    assert_eq!(refused(world.ask(&signed_by_thief, at)), "N012");
}

/// B-111: keys of other kinds get no certificate, and none outlives the end date.
#[test]
fn other_keys_and_end_dates_are_refused() {
    let world = World::new();
    let code = world.code(NOW, 1);
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    assert_eq!(refused(world.ask(&enrolment(&key, &code), NOW)), "N011");
    let end = envelope::CERTIFICATE_KEYS[0].ends_at;
    let late = world.path("late-root");
    let refused = authority::make_root(&late, end - 365 * DAY).unwrap_err();
    assert_eq!(refused.problem(), Problem::Policy);
}

/// The list that the front reads names what was revoked, by hand too, and its number grows.
#[test]
fn a_revoked_certificate_is_on_the_list() {
    let world = World::new();
    let site: SiteId = SITE.parse().unwrap();
    world.enrol(NOW);
    let mut office = world.office(NOW);
    office.revoke(Some(&site), None, "stolen").unwrap();
    assert_eq!(world.revoked(), 1);
    let again = office.revoke(Some(&site), None, "stolen").unwrap_err();
    assert_eq!(again.problem(), Problem::Unknown);
    assert!(world.listed(NOW)[0].ends_with("revoked:stolen"));
}

/// a code that somebody overheard is used by two. Which of them is the device cannot be
/// told, so neither goes on.
#[test]
fn two_keys_for_one_code_stop_both() {
    let world = World::new();
    let code = world.code(NOW, 1);
    let [one, other] = [0, 1].map(|_| KeyPair::generate().unwrap());
    let first = world.ask(&enrolment(&one, &code), NOW);
    assert!(matches!(first, CertificateAnswer::Issued { .. }));
    assert_eq!(refused(world.ask(&enrolment(&other, &code), NOW)), "N017");
    assert!(world.listed(NOW)[0].ends_with("revoked:cloned"));
    assert_eq!(refused(world.ask(&enrolment(&one, &code), NOW)), "N013");
    world.enrol(NOW);
}

/// what a site has is taken back with the codes that nobody has used yet.
#[test]
fn a_code_does_not_outlive_the_revocation_of_its_site() {
    let world = World::new();
    world.enrol(NOW);
    let code = world.code(NOW, 336);
    let site: SiteId = SITE.parse().unwrap();
    world
        .office(NOW)
        .revoke(Some(&site), None, "stolen")
        .unwrap();
    let key = KeyPair::generate().unwrap();
    assert_eq!(refused(world.ask(&enrolment(&key, &code), NOW)), "N012");
}

/// the key of a certificate that was renewed and is over, from an old disk, neither gets a
/// certificate nor stops the device that has gone on.
#[test]
fn an_old_key_stops_nobody() {
    let world = World::new();
    let first = world.enrol(NOW);
    let second = world.renew(&first, NOW + 61 * DAY);
    let third = world.renew(&second, NOW + 122 * DAY);
    let at = NOW + 160 * DAY;
    for old in [&first, &second] {
        let key = KeyPair::generate().unwrap();
        assert_eq!(refused(world.ask(&renewal(old, &key), at)), "N016");
    }
    assert_eq!(world.revoked(), 0);
    world.renew(&third, NOW + 183 * DAY);
}

/// a box that was stolen while it was switched off stays out, though its certificate had
/// ended before anybody noticed.
#[test]
fn an_ended_certificate_can_be_taken_back() {
    let world = World::new();
    let device = world.enrol(NOW);
    let at = NOW + 100 * DAY;
    let request = renewal(&device, &KeyPair::generate().unwrap());
    assert_eq!(world.ask(&request, at), CertificateAnswer::Waiting);
    let site: SiteId = SITE.parse().unwrap();
    world
        .office(at)
        .revoke(Some(&site), None, "stolen")
        .unwrap();
    assert_eq!(refused(world.ask(&request, at)), "N014");
    // So does one that was replaced.
    let world = World::new();
    let device = world.enrol(NOW);
    world.enrol(at);
    let request = renewal(&device, &KeyPair::generate().unwrap());
    assert_eq!(refused(world.ask(&request, at)), "N014");
}

/// B-118: one request of an ended certificate waits. A second key is a clone's: neither is let in,
/// and what else the site has goes on.
#[test]
fn two_keys_for_an_ended_certificate_are_both_refused() {
    let world = World::new();
    let device = world.enrol(NOW);
    let at = NOW + 100 * DAY;
    let [one, other] = [0, 1].map(|_| KeyPair::generate().unwrap());
    for _ in 0..3 {
        let asked = world.ask(&renewal(&device, &one), at);
        assert_eq!(asked, CertificateAnswer::Waiting);
    }
    assert_eq!(refused(world.ask(&renewal(&device, &other), at)), "N017");
    assert_eq!(refused(world.ask(&renewal(&device, &one), at)), "N014");
    assert!(world.listed(at)[0].ends_with("revoked:cloned"));
}

/// Whoever has the front can put anything into its folder: the others are answered, the list is
/// given, and the run tells that something was there.
#[test]
fn a_strange_file_keeps_nobody_from_an_answer() {
    let world = World::new();
    let strange = world.path("requests/A.request");
    fs::create_dir(&strange).unwrap();
    let list = fs::metadata(world.path("devices.crl"))
        .ok()
        .map(|it| it.modified().unwrap());
    let code = world.code(NOW, 1);
    let request = enrolment(&KeyPair::generate().unwrap(), &code).to_bytes();
    let name = BatchId::new(sha256(&request)).to_string();
    fs::write(
        world.path("requests").join(format!("{name}.request")),
        request,
    )
    .unwrap();
    let told = world.office(NOW).sign().unwrap_err();
    assert_eq!(told.problem(), Problem::Files);
    assert!(
        world
            .path("answers")
            .join(format!("{name}.answer"))
            .exists()
    );
    let newer = fs::metadata(world.path("devices.crl"))
        .unwrap()
        .modified()
        .unwrap();
    assert!(list.is_none_or(|list| newer > list));
}

/// An issuing authority near its own end refuses, and takes nothing away from whoever asks.
#[test]
fn near_its_end_the_authority_refuses_and_leaves_what_there_is() {
    let world = World::new();
    let at = NOW + (3 * 365 - 30) * DAY;
    let before = world.enrol(at - 100 * DAY);
    let code = world.code(at, 1);
    let asked = enrolment(&KeyPair::generate().unwrap(), &code);
    assert_eq!(refused(world.ask(&asked, at)), "N004");
    let asked = renewal(&before, &KeyPair::generate().unwrap());
    assert_eq!(refused(world.ask(&asked, at - 15 * DAY)), "N004");
    assert_eq!(world.revoked(), 0);
}

/// A refusal, which anybody can ask for, lies about for a day; a certificate for thirty.
#[test]
fn refusals_are_forgotten_before_certificates() {
    let world = World::new();
    let device = world.enrol(NOW);
    let early = renewal(&device, &KeyPair::generate().unwrap());
    assert_eq!(refused(world.ask(&early, NOW)), "N015");
    let answers = || fs::read_dir(world.path("answers")).unwrap().count();
    let now = Timestamp::now().as_second();
    for (days, left) in [(0, 2), (2, 1), (29, 1), (31, 0)] {
        world.office(now + days * DAY).forget_answers().unwrap();
        assert_eq!(answers(), left, "{days}");
    }
}

/// Devices look at no list, so that of a service of the centre is told, not believed done.
#[test]
fn a_service_cannot_be_stopped_by_the_list() {
    let world = World::new();
    let pair = PairFiles {
        certificate: world.path("front.pem"),
        key: world.path("front.key"),
    };
    let mut office = world.office(NOW);
    office
        .hand_out(&Subject::Server("front.example"), &pair)
        .unwrap();
    let serial = world.serial(NOW, "valid");
    let told = office.revoke(None, Some(&serial), "stolen").unwrap_err();
    assert_eq!(told.problem(), Problem::OfService);
}
