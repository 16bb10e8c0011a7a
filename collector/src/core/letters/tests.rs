//! Orders from the desk to the outbox, answers from the front back, and what waits meanwhile.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use envelope::{DeviceSecretKey, LetterPlace, Outcome};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::*;

const AT: i64 = 1_788_000_000;
const REQUEST: &str = "requester = \"self\"\nchart = \"0001112223\"\n";

/// A core with one site whose device can be told.
struct Centre {
    root: tempfile::TempDir,
    settings: Settings,
    catalogue: Catalogue,
    rng: ChaCha20Rng,
}

fn device() -> DeviceSecretKey {
    DeviceSecretKey::from_seed([2; 32]).unwrap()
}

fn opening() -> CoreSecretKey {
    CoreSecretKey::from_seed([3; 32]).unwrap()
}

fn site_key() -> SigningKey {
    SigningKey::from_seed([4; 32]).unwrap()
}

fn site() -> SiteId {
    "HOSP-A".parse().unwrap()
}

impl Centre {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let signing = SigningKey::from_seed([1; 32]).unwrap();
        fs::write(root.path().join("letters.key"), signing.to_text().as_str()).unwrap();
        let text = format!(
            "inbox = \"inbox\"\nstate = \"state\"\n[keys]\ncore = \"c\"\nrekey = \"r\"\n\
             letters = \"letters.key\"\n[letters]\noutbox = \"outbox\"\nanswers = \"answers\"\n\
             addressees = [\"KANTO\", \"KANSAI\"]\n\
             [[site]]\nsite = \"HOSP-A\"\nverifying_key = \"{}\"\ndevice_key = \"{}\"\n\
             contract = \"C\"\nfiling_reference = \"F\"\neffective_from = \"2020-01-01\"\n",
            site_key().public(),
            device().public(),
        );
        let path = root.path().join("core.toml");
        fs::write(&path, text).unwrap();
        fs::create_dir_all(root.path().join("answers/HOSP-A")).unwrap();
        Self {
            settings: Settings::load(&path).unwrap(),
            catalogue: Catalogue::open(&root.path().join("catalogue.sqlite")).unwrap(),
            rng: ChaCha20Rng::seed_from_u64(1),
            root,
        }
    }

    fn order(&mut self, instead_of: Option<&str>, at: i64) -> Result<String> {
        self.order_of(REQUEST, instead_of, at)
    }

    fn order_of(&mut self, request: &str, instead_of: Option<&str>, at: i64) -> Result<String> {
        let post = Post::open(&self.settings)?.unwrap();
        let (catalogue, rng) = (&mut self.catalogue, &mut self.rng);
        post.order(catalogue, &site(), request, instead_of, at, rng)
    }

    fn emergency(&mut self, account: &str, at: i64) -> Result<(String, String)> {
        let post = Post::open(&self.settings)?.unwrap();
        let (catalogue, rng) = (&mut self.catalogue, &mut self.rng);
        post.emergency(catalogue, &site(), account, "tanaka", at, rng)
    }

    fn run(&mut self, at: i64) -> Summary {
        let mut summary = Summary::default();
        let post = Post::open(&self.settings).unwrap().unwrap();
        let (catalogue, rng) = (&mut self.catalogue, &mut self.rng);
        post.run(catalogue, &[opening()], at, rng, &mut summary)
            .unwrap();
        summary
    }

    fn letter(&self, number: u64) -> PathBuf {
        let name = format!("outbox/HOSP-A/{number:012}.letter");
        self.root.path().join(name)
    }

    fn answer(&mut self, number: u64, revision: u32, outcome: Outcome, key: &SigningKey) {
        self.answer_at(AT, (number, revision), outcome, key);
    }

    fn answer_at(
        &mut self,
        at: i64,
        (number, revision): (u64, u32),
        outcome: Outcome,
        key: &SigningKey,
    ) {
        let answer = Answer {
            place: LetterPlace {
                site: site(),
                number,
                revision,
            },
            at,
            ledger_entries: 1,
            outcome,
        };
        let bytes = answer.seal(opening().public(), key, &mut self.rng).unwrap();
        let name = format!("answers/HOSP-A/{number:012}-{revision:06}.answer");
        fs::write(self.root.path().join(name), bytes).unwrap();
    }

    fn answers(&self) -> usize {
        fs::read_dir(self.root.path().join("answers/HOSP-A"))
            .unwrap()
            .count()
    }

    fn state(&self, at: i64) -> Vec<&'static str> {
        let orders = orders(&self.catalogue, at).unwrap();
        orders.iter().map(|order| order.state).collect()
    }

    fn overdue(&self, at: i64) -> bool {
        overdue(&self.catalogue, at).unwrap() == BTreeSet::from([site()])
    }
}

fn applied(stopped: u32, held: u32, others: u32) -> Outcome {
    Outcome::Applied {
        stopped,
        held,
        others,
    }
}

/// B-011, O-13: from the desk to the device's confirmation.
#[test]
fn an_order_waits_for_its_confirmation_and_then_leaves_the_outbox() {
    let mut centre = Centre::new();
    let name = centre.order(None, AT).unwrap();
    let bytes = fs::read(centre.letter(1)).unwrap();
    let core = SigningKey::from_seed([1; 32]).unwrap().public();
    let order = StopOrder::open(&bytes, &site(), &core, &device()).unwrap();
    let order = order.at(AT).unwrap();
    assert_eq!((order.number, order.id.as_str()), (1, name.as_str()));
    assert_eq!(order.keys.told().chart.expose(), "0001112223");
    // Nothing of the person is kept.
    for file in ["catalogue.sqlite", "catalogue.sqlite-wal"] {
        let kept = fs::read(centre.root.path().join(file)).unwrap_or_default();
        assert!(!kept.windows(10).any(|it| it == b"0001112223"), "{file}");
    }
    let day = UNCONFIRMED_SECONDS;
    assert!(!centre.overdue(AT + day - 1) && centre.overdue(AT + day));
    assert_eq!(centre.state(AT), ["waiting"]);
    assert_eq!(centre.state(AT + day), ["overdue"]);
    centre.answer(1, 1, applied(0, 2, 0), &site_key());
    assert_eq!(centre.run(AT + day).answers, 1);
    assert!(!centre.letter(1).exists());
    assert!(!centre.overdue(AT + day));
    assert_eq!(centre.state(AT + day), ["held"]);
    // What somebody decides at the site follows.
    centre.answer(1, 2, applied(1, 0, 1), &site_key());
    assert_eq!(centre.run(AT).answers, 1);
    assert_eq!(centre.state(AT), ["stopped"]);
    assert_eq!(centre.run(AT), Summary::default());
    // What the catalogue holds is not kept twice, also when the device tells it again.
    assert_eq!(centre.answers(), 0);
    centre.answer(1, 2, applied(1, 0, 1), &site_key());
    assert_eq!(centre.run(AT), Summary::default());
    assert_eq!(centre.answers(), 0);
}

/// A run that is killed after its answer was stored does not know that it was. The next one tells
/// what came of the order meanwhile, under the same number.
#[test]
fn of_two_answers_under_one_number_the_later_counts() {
    let mut centre = Centre::new();
    centre.order(None, AT).unwrap();
    for (at, outcome, taken, state) in [
        (AT, applied(0, 0, 0), 1, "no_match"),
        (AT + 60, applied(1, 0, 0), 1, "stopped"),
        // The same again, and one that comes after it and is older.
        (AT + 90, applied(1, 0, 0), 0, "stopped"),
        (AT + 30, applied(0, 0, 0), 0, "stopped"),
    ] {
        centre.answer_at(at, (1, 1), outcome, &site_key());
        assert_eq!(centre.run(AT + 100).answers, taken, "{at}");
        assert_eq!(centre.state(AT), [state], "{at}");
        assert_eq!(centre.answers(), 0);
    }
}

#[test]
fn an_answer_that_the_site_did_not_sign_confirms_nothing() {
    let mut centre = Centre::new();
    centre.order(None, AT).unwrap();
    let stranger = SigningKey::from_seed([9; 32]).unwrap();
    centre.answer(1, 1, applied(1, 0, 0), &stranger);
    let summary = centre.run(AT);
    assert_eq!(summary.answers, 0);
    assert_eq!(summary.refused.get("L005"), Some(&1));
    assert!(centre.letter(1).exists() && centre.overdue(AT + UNCONFIRMED_SECONDS));
    assert_eq!(centre.answers(), 1, "it is kept for whoever looks into it");
    // Its place is free for the site's own.
    centre.answer(1, 1, applied(1, 0, 0), &site_key());
    assert_eq!((centre.run(AT).answers, centre.answers()), (1, 1));
}

/// B-011: an order tells the device which earlier ones do not come any more, so that it does not
/// miss them for ever; those that it answered are none of them.
#[test]
fn an_order_names_the_earlier_ones_that_it_will_never_see() {
    let mut centre = Centre::new();
    let first = centre.order(None, AT).unwrap();
    centre.answer(1, 1, Outcome::Expired, &site_key());
    centre.run(AT);
    let second = centre.order(Some(&first), AT).unwrap();
    let third = centre.order(Some(&second), AT).unwrap();
    centre.order(None, AT).unwrap();
    centre.order(Some(&third), AT).unwrap();
    let core = SigningKey::from_seed([1; 32]).unwrap().public();
    for (number, replaces) in [(4, vec![2]), (5, vec![2, 3])] {
        let bytes = fs::read(centre.letter(number)).unwrap();
        let order = StopOrder::open(&bytes, &site(), &core, &device()).unwrap();
        assert_eq!(order.at(AT).unwrap().replaces, replaces, "{number}");
    }
    let last = centre.root.path().join("outbox/HOSP-A/last");
    assert_eq!(fs::read_to_string(last).unwrap(), "5");
}

/// O-13: an order that came too late is not confirmed; one in its place is.
#[test]
fn an_expired_order_holds_the_site_back_until_another_stands_in_its_place() {
    let mut centre = Centre::new();
    let first = centre.order(None, AT).unwrap();
    centre.answer(1, 1, Outcome::Expired, &site_key());
    centre.run(AT);
    let later = AT + UNCONFIRMED_SECONDS;
    assert_eq!(centre.state(later), ["expired"]);
    assert!(centre.overdue(later));
    assert!(centre.order(Some("S-none"), later).is_err());
    centre.order(Some(&first), later).unwrap();
    assert_eq!(centre.state(later), ["replaced", "waiting"]);
    assert!(!centre.overdue(later));
    assert!(centre.letter(2).exists());
}

/// Killed between catalogue and outbox: the file is written from what the catalogue holds.
#[test]
fn a_letter_whose_file_is_lost_is_put_out_again_as_it_was() {
    let mut centre = Centre::new();
    centre.order(None, AT).unwrap();
    let bytes = fs::read(centre.letter(1)).unwrap();
    fs::remove_file(centre.letter(1)).unwrap();
    centre.run(AT);
    assert_eq!(fs::read(centre.letter(1)).unwrap(), bytes);
}

#[test]
fn a_site_without_a_key_of_its_device_is_given_no_order() {
    let mut centre = Centre::new();
    let path = centre.root.path().join("core.toml");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("device_key"));
    fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
    centre.settings = Settings::load(&path).unwrap();
    let failure = centre.order(None, AT).unwrap_err();
    assert_eq!(failure.problem(), Problem::Letters);
}

/// B-088: the device gets who and until when, the operator the code, and nothing of it stays here
/// but that it was made and what became of it.
#[test]
fn an_emergency_code_is_told_once_and_its_use_comes_back() {
    let mut centre = Centre::new();
    let (name, code) = centre.emergency("incho", AT).unwrap();
    assert_eq!(centre.state(AT), ["code_waiting"]);
    let bytes = fs::read(centre.letter(1)).unwrap();
    let core = SigningKey::from_seed([1; 32]).unwrap().public();
    let letter = EmergencyCode::open(&bytes, &site(), &core, &device()).unwrap();
    assert_eq!(letter.account, "incho");
    assert_eq!(letter.digest, EmergencyCode::digest(&site(), 1, &code));
    assert_eq!(letter.expires_at, AT + EMERGENCY_SECONDS_MAX);
    for file in ["catalogue.sqlite", "catalogue.sqlite-wal"] {
        let kept = fs::read(centre.root.path().join(file)).unwrap_or_default();
        assert!(!kept.windows(code.len()).any(|it| it == code.as_bytes()));
        let plain = code.replace('-', "");
        assert!(!kept.windows(plain.len()).any(|it| it == plain.as_bytes()));
    }
    // It holds nobody back, however long the device stays away.
    let day = UNCONFIRMED_SECONDS;
    assert!(!centre.overdue(AT + 2 * day));
    assert_eq!(centre.state(AT + day), ["code_expired"]);
    centre.answer(1, 1, Outcome::Noted, &site_key());
    centre.run(AT);
    assert_eq!(centre.state(AT), ["code_ready"]);
    assert!(!centre.letter(1).exists());
    centre.answer(1, 2, Outcome::Used, &site_key());
    centre.run(AT);
    assert_eq!(centre.state(AT + day), ["code_used"]);
    let listed = orders(&centre.catalogue, AT).unwrap();
    assert_eq!(listed[0].order, name);
    assert!(centre.catalogue.check_ledger().unwrap() >= 3);
    let names = ["", "In Cho", "a-name-that-is-longer-than-accounts-are"];
    for account in names {
        assert!(centre.emergency(account, AT).is_err(), "{account}");
    }
    assert_eq!(centre.state(AT), ["code_used"], "nothing half made");
}

/// requests are counted by the legal entity to which they were addressed.
#[test]
fn requests_are_counted_by_their_addressee() {
    let mut centre = Centre::new();
    let to = |addressee: &str| format!("{REQUEST}addressee = \"{addressee}\"\n");
    let first = centre.order_of(&to("KANTO"), None, AT).unwrap();
    centre.order_of(&to("KANTO"), Some(&first), AT).unwrap();
    centre.order_of(&to("KANSAI"), None, AT).unwrap();
    centre.order(None, AT).unwrap();
    assert!(centre.order_of(&to("KYUSHU"), None, AT).is_err());
    centre.emergency("incho", AT).unwrap();
    centre.answer(3, 1, applied(1, 0, 0), &site_key());
    centre.run(AT);
    let counts = requests(&centre.catalogue, AT).unwrap();
    let counts: Vec<_> = counts
        .iter()
        .flat_map(|(to, states)| {
            states
                .iter()
                .map(move |(state, n)| (to.as_str(), state.as_str(), *n))
        })
        .collect();
    let expected = [
        ("-", "waiting", 1),
        ("KANSAI", "stopped", 1),
        ("KANTO", "replaced", 1),
        ("KANTO", "waiting", 1),
    ];
    assert_eq!(counts, expected);
}
