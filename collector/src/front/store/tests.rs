#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use envelope::{CoreSecretKey, ManifestDraft, Sealed, TransportProfile, seal};
use privacy::gate::{ConsentMode, ContractKind, GateEvidence, Products};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;

use super::*;
use crate::front::settings::{InboxGuard, Keys, Limits, Tls};

struct Bench {
    root: TempDir,
    store: Store,
}

fn receipt_key() -> SigningKey {
    SigningKey::from_seed([1; 32]).unwrap()
}

impl Bench {
    fn new(limits: Limits) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for folder in ["inbox", "staging", "receipts"] {
            fs::create_dir(path(folder)).unwrap();
        }
        fs::write(path("receipt.key"), receipt_key().to_text().as_bytes()).unwrap();
        let store = Self::front_on(root.path(), limits);
        Self { root, store }
    }

    /// A second front on the same folders.
    fn another_front(&self, limits: Limits) -> Store {
        Self::front_on(self.root.path(), limits)
    }

    fn front_on(root: &Path, limits: Limits) -> Store {
        let path = |name: &str| root.join(name);
        let [inbox, staging, receipts] = ["inbox", "staging", "receipts"].map(path);
        let settings = Settings {
            name: "front-1".parse().unwrap(),
            listen: "127.0.0.1:0".parse().unwrap(),
            inbox_guard: InboxGuard::Required,
            folders: Folders {
                inbox,
                staging,
                receipts,
            },
            letters: None,
            certificates: None,
            blocked: None,
            tls: Tls {
                certificate: PathBuf::new(),
                private_key: PathBuf::new(),
                client_authority: PathBuf::new(),
                revocations: PathBuf::new(),
            },
            keys: Keys {
                receipt: path("receipt.key"),
            },
            limits,
        };
        Store::open(&settings).unwrap()
    }

    fn put(&self, batch: &Sealed, from: usize, to: usize) -> Result<State, (Refusal, Option<u64>)> {
        put_part(&self.store, batch, from, to)
    }

    fn state(&self, batch: &Sealed) -> Result<State, Refusal> {
        self.store.state(&site("HOSP-A"), batch.id)
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let names = fs::read_dir(self.root.path().join(folder)).unwrap();
        names
            .map(|name| name.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn staged(&self, batch: &Sealed) -> PathBuf {
        self.root
            .path()
            .join("staging/HOSP-A")
            .join(format!("{}.part", batch.id))
    }
}

fn site(text: &str) -> SiteId {
    text.parse().unwrap()
}

/// Sends a part of a batch as its device does.
fn put_part(store: &Store, batch: &Sealed, from: usize, to: usize) -> Outcome {
    let chunk = Chunk {
        offset: from as u64,
        length: batch.bytes.len() as u64,
        bytes: &batch.bytes[from..to],
        digest: BatchId::new(envelope::sha256(&batch.bytes[..to])),
    };
    store.append(&site("HOSP-A"), batch.id, &chunk)
}

/// Sends bytes with the digest of what is staged and of them.
fn put_bytes(
    store: &Store,
    of: &str,
    number: u8,
    (offset, length): (u64, u64),
    bytes: &[u8],
) -> Outcome {
    let (site, id) = (site(of), BatchId::new([number; 32]));
    let mut all = fs::read(store.upload(&site, id).staged).unwrap_or_default();
    all.extend_from_slice(bytes);
    let chunk = Chunk {
        offset,
        length,
        bytes,
        digest: BatchId::new(envelope::sha256(&all)),
    };
    store.append(&site, id, &chunk)
}

type Outcome = Result<State, (Refusal, Option<u64>)>;

fn batch(site_id: &str, sequence: u64) -> Sealed {
    let draft = ManifestDraft {
        site: site(site_id),
        sequence,
        previous: None,
        sealed_at: 0,
        gate: GateEvidence {
            contract: "K-1".parse().unwrap(),
            contract_kind: ContractKind::Individual,
            products: Products::ALL,
            mode: ConsentMode::OptOut,
            filing: "F-1".parse().unwrap(),
            filed_on: "2026-01-01".parse().unwrap(),
            hold_days: 30,
            as_of: "2026-06-01".parse().unwrap(),
            ledger: [0; 32],
            ledger_entries: 0,
            documents: Default::default(),
            withheld: Default::default(),
            documents_left_out: 0,
            persons_notified: 0,
            persons_stopped: 0,
            taken_back: 0,
        },
        transport: TransportProfile::Laboratory,
        mapping: 1,
        quality: Default::default(),
        transfers: None,
    };
    let core = CoreSecretKey::from_seed([2; 32]).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(sequence);
    seal(draft, Vec::new(), core.public(), &receipt_key(), &mut rng).unwrap()
}

fn stored(state: Result<State, Refusal>) -> Receipt {
    let Ok(State::Stored(receipt)) = state else {
        panic!("{state:?}")
    };
    Receipt::verify(&receipt, &receipt_key().public()).unwrap()
}

fn refused(done: Result<State, (Refusal, Option<u64>)>) -> Refusal {
    done.unwrap_err().0
}

#[test]
fn chunks_in_order_become_one_batch_with_one_receipt() {
    let bench = Bench::new(Limits::default());
    let batch = batch("HOSP-A", 12);
    let length = batch.bytes.len();
    assert_eq!(bench.state(&batch), Ok(State::Absent));
    assert_eq!(bench.put(&batch, 0, 100), Ok(State::Partial(100)));
    assert_eq!(bench.state(&batch), Ok(State::Partial(100)));
    let State::Stored(receipt) = bench.put(&batch, 100, length).unwrap() else {
        panic!()
    };
    let told = stored(bench.state(&batch));
    assert_eq!(
        (told.site, told.sequence, told.batch),
        (site("HOSP-A"), 12, batch.id)
    );
    let name = format!("HOSP-A-000000000012-{}.batch", batch.id);
    assert_eq!(bench.names("inbox"), std::slice::from_ref(&name));
    assert_eq!(
        fs::read(bench.root.path().join("inbox").join(name)).unwrap(),
        batch.bytes
    );
    assert!(bench.names("staging/HOSP-A").is_empty());
    // Whatever is sent again, the answer stays.
    assert_eq!(
        bench.put(&batch, 0, 100),
        Ok(State::Stored(receipt.clone()))
    );
    assert_eq!(bench.state(&batch), Ok(State::Stored(receipt)));
}

#[test]
fn a_chunk_elsewhere_is_told_where_to_go_on() {
    let bench = Bench::new(Limits::default());
    let batch = batch("HOSP-A", 1);
    assert_eq!(
        bench.put(&batch, 50, 60),
        Err((Refusal::WrongOffset, Some(0)))
    );
    bench.put(&batch, 0, 50).unwrap();
    assert_eq!(
        bench.put(&batch, 0, 50),
        Err((Refusal::WrongOffset, Some(50)))
    );
    assert_eq!(
        bench.put(&batch, 60, 70),
        Err((Refusal::WrongOffset, Some(50)))
    );
    assert_eq!(bench.state(&batch), Ok(State::Partial(50)));
}

#[test]
fn what_is_not_the_named_batch_of_this_site_is_dropped() {
    let bench = Bench::new(Limits::default());
    let mut altered = batch("HOSP-A", 1);
    altered.bytes[100] ^= 1;
    let length = altered.bytes.len();
    assert_eq!(
        refused(bench.put(&altered, 0, length)),
        Refusal::BatchDigest
    );
    let foreign = batch("HOSP-B", 1);
    assert_eq!(
        refused(bench.put(&foreign, 0, foreign.bytes.len())),
        Refusal::ForeignSite
    );
    for (bytes, refusal) in [
        (b"not a batch".as_slice(), Refusal::NotABatch),
        (
            b"SEKISHO\x02 of later years".as_slice(),
            Refusal::UnknownFormat,
        ),
    ] {
        let id = BatchId::new(envelope::sha256(bytes));
        let other = Sealed {
            id,
            bytes: bytes.to_vec(),
            ..batch("HOSP-A", 1)
        };
        assert_eq!(refused(bench.put(&other, 0, bytes.len())), refusal);
    }
    assert!(bench.names("inbox").is_empty());
    assert!(bench.names("staging/HOSP-A").is_empty());
}

#[test]
fn sizes_and_numbers_beyond_the_limits_are_refused() {
    let limits = Limits {
        batch_bytes: 1 << 16,
        uploads_per_site: 2,
        ..Limits::default()
    };
    let bench = Bench::new(limits);
    let put = |number: u8, length: u64, bytes: &[u8]| {
        put_bytes(&bench.store, "HOSP-A", number, (0, length), bytes)
    };
    assert_eq!(refused(put(1, (1 << 16) + 1, b"x")), Refusal::BatchTooLarge);
    assert_eq!(refused(put(1, 1, b"xy")), Refusal::WrongLength);
    assert_eq!(put(1, 10, b"x"), Ok(State::Partial(1)));
    assert_eq!(put(2, 10, b"x"), Ok(State::Partial(1)));
    assert_eq!(refused(put(3, 10, b"x")), Refusal::TooManyUploads);
    // An upload that was begun may go on, and other sites are not held up.
    let more = put_bytes(&bench.store, "HOSP-A", 1, (1, 10), b"y");
    assert_eq!(more, Ok(State::Partial(2)));
    let other = put_bytes(&bench.store, "HOSP-B", 1, (0, 10), b"y");
    assert_eq!(other, Ok(State::Partial(1)));
}

const MIB: u64 = 1 << 20;

/// One byte of a batch, at a place of it.
fn put(store: &Store, of: &str, number: u8, offset: u64, length: u64) -> Outcome {
    put_bytes(store, of, number, (offset, length), b"x")
}

/// O-11: one site cannot fill the centre's disks, whichever front it asks, and others go on. A
/// batch takes a mebibyte at least, so that very many small ones are bounded too.
#[test]
fn bytes_beyond_the_day_are_refused_by_every_front() {
    let limits = Limits {
        bytes_per_site_and_day: 2 * MIB + 10,
        ..Limits::default()
    };
    let bench = Bench::new(limits);
    let second = bench.another_front(limits);
    assert_eq!(put(&bench.store, "HOSP-A", 1, 0, 60), Ok(State::Partial(1)));
    assert_eq!(put(&second, "HOSP-A", 2, 0, 30), Ok(State::Partial(1)));
    for store in [&bench.store, &second] {
        assert_eq!(refused(put(store, "HOSP-A", 3, 0, 20)), Refusal::Quota);
        assert_eq!(put(store, "HOSP-B", 3, 0, 20), Ok(State::Partial(1)));
        fs::remove_file(
            bench
                .root
                .path()
                .join(format!("staging/HOSP-B/{}.part", BatchId::new([3; 32]))),
        )
        .unwrap();
    }
    // What is left of the day is left for what was begun.
    assert_eq!(put(&second, "HOSP-A", 1, 1, 60), Ok(State::Partial(2)));
}

/// What a sender says of the whole counts for nothing: each byte is taken from the allowance.
#[test]
fn a_batch_that_grows_beyond_what_was_said_of_it_is_counted_as_it_grows() {
    let limits = Limits {
        bytes_per_site_and_day: 3 * MIB,
        ..Limits::default()
    };
    let bench = Bench::new(limits);
    assert_eq!(put(&bench.store, "HOSP-A", 1, 0, 2), Ok(State::Partial(1)));
    let much = vec![0; MIB as usize];
    let more = |offset| put_bytes(&bench.store, "HOSP-A", 1, (offset, 64 * MIB), &much);
    assert_eq!(more(1), Ok(State::Partial(1 + MIB)));
    assert_eq!(more(1 + MIB), Ok(State::Partial(1 + 2 * MIB)));
    assert_eq!(refused(more(1 + 2 * MIB)), Refusal::Quota);
}

/// whoever had the site's certificate for a while and left uploads behind does not keep its
/// device out for a week.
#[test]
fn uploads_that_do_not_go_on_give_way_to_a_new_one() {
    let limits = Limits {
        uploads_per_site: 2,
        ..Limits::default()
    };
    let bench = Bench::new(limits);
    let begin = |number| put(&bench.store, "HOSP-A", number, 0, 10);
    for number in [1, 2] {
        assert_eq!(begin(number), Ok(State::Partial(1)));
    }
    assert_eq!(refused(begin(3)), Refusal::TooManyUploads);
    let left = bench
        .root
        .path()
        .join(format!("staging/HOSP-A/{}.part", BatchId::new([1; 32])));
    let an_hour_ago = Timestamp::now() - SignedDuration::from_secs(3_700);
    fs::File::open(&left)
        .unwrap()
        .set_modified(an_hour_ago.into())
        .unwrap();
    assert_eq!(begin(3), Ok(State::Partial(1)));
    assert!(!left.exists());
    assert_eq!(refused(begin(4)), Refusal::TooManyUploads);
}

/// A stop between the link and the receipt leaves the staged name on the inbox's own file.
#[test]
fn a_chunk_after_a_stop_never_reaches_what_the_inbox_has() {
    let bench = Bench::new(Limits::default());
    let batch = batch("HOSP-A", 1);
    let length = batch.bytes.len();
    bench.put(&batch, 0, length - 1).unwrap();
    fs::write(bench.staged(&batch), &batch.bytes).unwrap();
    let stored = bench.root.path().join("inbox/linked.batch");
    fs::hard_link(bench.staged(&batch), &stored).unwrap();
    let more = Chunk {
        offset: length as u64,
        length: length as u64 + 1,
        bytes: b"x",
        digest: batch.id,
    };
    let answer = bench.store.append(&site("HOSP-A"), batch.id, &more);
    assert!(matches!(answer, Ok(State::Stored(_))), "{answer:?}");
    assert_eq!(fs::read(&stored).unwrap(), batch.bytes);
}

/// P-03: a chunk that changed on the way costs itself, and nothing of it reaches the disk.
#[test]
fn a_chunk_that_changed_on_the_way_is_refused_and_sent_again() {
    let bench = Bench::new(Limits::default());
    let batch = batch("HOSP-A", 1);
    let length = batch.bytes.len();
    let mut changed = batch.clone();
    changed.bytes[600] ^= 1;
    for offset in [0, 500] {
        let part = Chunk {
            offset: offset as u64,
            length: length as u64,
            bytes: &changed.bytes[offset..700],
            digest: BatchId::new(envelope::sha256(&batch.bytes[..700])),
        };
        let answer = bench.store.append(&site("HOSP-A"), batch.id, &part);
        assert_eq!(refused(answer), Refusal::ChunkDigest);
        let staged = fs::read(bench.staged(&batch)).unwrap_or_default();
        assert_eq!(staged, batch.bytes[..offset]);
        bench.put(&batch, offset, offset + 500).unwrap();
    }
    bench.put(&batch, 1_000, length).unwrap();
    assert_eq!(stored(bench.state(&batch)).batch, batch.id);
}

/// whoever says the digest of what it sends under another batch's id stores nothing.
#[test]
fn chunks_that_fit_each_other_and_not_the_id_are_dropped_before_the_last_is_written() {
    let bench = Bench::new(Limits::default());
    let mut altered = batch("HOSP-A", 1);
    altered.bytes[100] ^= 1;
    let length = altered.bytes.len();
    bench.put(&altered, 0, 500).unwrap();
    let last = bench.put(&altered, 500, length);
    assert_eq!(refused(last), Refusal::BatchDigest);
    assert_eq!(bench.state(&altered), Ok(State::Absent));
    assert!(bench.names("inbox").is_empty());
}

/// C-09, O-18: after a power cut, or at another front, what is staged is read and believed only as
/// far as it leads to what the device says. Whether the device asks before it goes on is the same.
#[test]
fn what_a_stop_left_is_dropped_when_the_next_chunk_does_not_fit_it() {
    let bench = Bench::new(Limits::default());
    let batch = batch("HOSP-A", 1);
    let length = batch.bytes.len();
    for asks in [false, true] {
        bench.put(&batch, 0, 500).unwrap();
        let mut left = batch.bytes[..500].to_vec();
        left[499] ^= 1;
        fs::write(bench.staged(&batch), left).unwrap();
        let again = bench.another_front(Limits::default());
        if asks {
            let state = again.state(&site("HOSP-A"), batch.id);
            assert_eq!(state, Ok(State::Partial(500)));
        }
        let answer = put_part(&again, &batch, 500, 600);
        assert_eq!(refused(answer), Refusal::BatchDigest, "{asks}");
        let state = again.state(&site("HOSP-A"), batch.id);
        assert_eq!(state, Ok(State::Absent), "{asks}");
    }
    bench.put(&batch, 0, length).unwrap();
    assert_eq!(stored(bench.state(&batch)).batch, batch.id);
}

/// O-18: chunks that come to one front and the other by turns make the batch.
#[test]
fn two_fronts_take_chunks_of_one_batch_by_turns() {
    let bench = Bench::new(Limits::default());
    let second = bench.another_front(Limits::default());
    let batch = batch("HOSP-A", 1);
    let length = batch.bytes.len();
    let ends: Vec<usize> = (0..length).step_by(300).chain([length]).collect();
    for (turn, part) in ends.windows(2).enumerate() {
        let store = [&bench.store, &second][turn % 2];
        put_part(store, &batch, part[0], part[1]).unwrap();
    }
    assert_eq!(stored(second.state(&site("HOSP-A"), batch.id)).sequence, 1);
    let name = format!("HOSP-A-000000000001-{}.batch", batch.id);
    let inbox = bench.root.path().join("inbox").join(name);
    assert_eq!(fs::read(inbox).unwrap(), batch.bytes);
}

/// A power cut may leave bytes that nobody sent.
#[test]
fn an_upload_longer_than_the_batch_is_dropped_and_begins_anew() {
    let bench = Bench::new(Limits::default());
    let batch = batch("HOSP-A", 1);
    let length = batch.bytes.len();
    for (torn, refusal) in [
        (length, Refusal::BatchDigest),
        (length + 9, Refusal::WrongLength),
    ] {
        bench.put(&batch, 0, 1).unwrap();
        fs::write(bench.staged(&batch), vec![0; torn]).unwrap();
        assert_eq!(bench.state(&batch), Ok(State::Partial(torn as u64)));
        let empty = Chunk {
            offset: torn as u64,
            length: length as u64,
            bytes: b"",
            digest: batch.id,
        };
        let answer = bench.store.append(&site("HOSP-A"), batch.id, &empty);
        assert_eq!(answer, Err((refusal, None)));
        assert_eq!(bench.state(&batch), Ok(State::Absent));
    }
    assert!(matches!(bench.put(&batch, 0, length), Ok(State::Stored(_))));
}

/// A stop between any two steps of storing leaves something that the next question completes,
/// once.
#[test]
fn a_stop_at_any_step_of_storing_loses_and_doubles_nothing() {
    type Leave = fn(&Bench, &Sealed);
    let steps: [(&str, Leave); 4] = [
        ("complete, not linked", |_, _| ()),
        ("linked, no receipt", |bench, batch| {
            let name = format!("HOSP-A-000000000005-{}.batch", batch.id);
            fs::hard_link(
                bench.staged(batch),
                bench.root.path().join("inbox").join(name),
            )
            .unwrap();
        }),
        ("half a receipt", |bench, batch| {
            let folder = bench.root.path().join("receipts/HOSP-A");
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(format!("{}.new", batch.id)), b"SEKI").unwrap();
        }),
        ("receipt, still staged", |bench, batch| {
            let staged = fs::read(bench.staged(batch)).unwrap();
            stored(bench.state(batch));
            fs::write(bench.staged(batch), staged).unwrap();
        }),
    ];
    for (step, leave) in steps {
        let bench = Bench::new(Limits::default());
        let batch = batch("HOSP-A", 5);
        let folder = bench.root.path().join("staging/HOSP-A");
        fs::create_dir(folder).unwrap();
        fs::write(bench.staged(&batch), &batch.bytes).unwrap();
        leave(&bench, &batch);
        assert_eq!(stored(bench.state(&batch)).sequence, 5, "{step}");
        assert_eq!(bench.names("inbox").len(), 1, "{step}");
        assert_eq!(bench.names("receipts/HOSP-A").len(), 1, "{step}");
        assert!(bench.names("staging/HOSP-A").is_empty(), "{step}");
    }
}

/// A stop in the middle of writing a chunk leaves a shorter beginning, from which to go on.
#[test]
fn a_half_written_chunk_is_continued_where_it_ends() {
    let bench = Bench::new(Limits::default());
    let batch = batch("HOSP-A", 5);
    bench.put(&batch, 0, 500).unwrap();
    fs::write(bench.staged(&batch), &batch.bytes[..300]).unwrap();
    assert_eq!(bench.state(&batch), Ok(State::Partial(300)));
    let length = batch.bytes.len();
    bench.put(&batch, 300, length).unwrap();
    assert_eq!(stored(bench.state(&batch)).batch, batch.id);
}

/// A name that is taken by something else in the inbox is never replaced.
#[test]
fn the_inbox_is_written_once() {
    let bench = Bench::new(Limits::default());
    let batch = batch("HOSP-A", 5);
    let name = format!("HOSP-A-000000000005-{}.batch", batch.id);
    let taken = bench.root.path().join("inbox").join(name);
    fs::write(&taken, "other").unwrap();
    assert_eq!(
        refused(bench.put(&batch, 0, batch.bytes.len())),
        Refusal::Storage
    );
    assert_eq!(fs::read(taken).unwrap(), b"other");
}

#[test]
fn a_batch_in_work_is_busy_for_a_second_request() {
    let bench = Bench::new(Limits::default());
    let batch = batch("HOSP-A", 5);
    let turn = bench.store.turn(&site("HOSP-A"), batch.id).ok().unwrap();
    assert_eq!(refused(bench.put(&batch, 0, 10)), Refusal::Busy);
    drop(turn);
    assert_eq!(bench.put(&batch, 0, 10), Ok(State::Partial(10)));
}

#[test]
fn uploads_that_do_not_go_on_are_given_up() {
    let bench = Bench::new(Limits {
        stale_upload_hours: 1,
        ..Limits::default()
    });
    let [old, new] = [1, 2].map(|sequence| batch("HOSP-A", sequence));
    for upload in [&old, &new] {
        bench.put(upload, 0, 10).unwrap();
    }
    let file = File::options()
        .append(true)
        .open(bench.staged(&old))
        .unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    bench.store.remove_stale().unwrap();
    assert_eq!(bench.state(&old), Ok(State::Absent));
    assert_eq!(bench.state(&new), Ok(State::Partial(10)));
}
