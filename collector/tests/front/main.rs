//! The front as a real process: who it talks to, what it takes, what survives a kill.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod authority;
mod world;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use envelope::Receipt;

use world::{Answer, Authority, World, batch, patch_head, receipt_key};

fn receipt(answer: &Answer) -> Receipt {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("sekisho-state"), Some("stored"));
    Receipt::verify(&answer.body, &receipt_key().public()).unwrap()
}

/// P-03: a batch arrives in chunks, on as many connections as it takes, and is answered with a
/// receipt that stays the same.
#[test]
fn a_batch_sent_in_chunks_is_stored_once_and_acknowledged() {
    let world = World::new("");
    let front = world.start();
    let batch = batch("HOSP-A", 3);
    let length = batch.bytes.len();
    let mut connection = world.connect(&front, "HOSP-A");
    assert_eq!(connection.get("/v1/health").unwrap().status, 200);
    let absent = connection.state(&batch);
    assert_eq!(absent.header("sekisho-state"), Some("absent"));
    assert_eq!(absent.header("upload-offset"), Some("0"));
    let partial = connection.put(&batch, 0, 700);
    assert_eq!(partial.header("sekisho-state"), Some("partial"));
    assert_eq!(partial.header("upload-offset"), Some("700"));
    let mut connection = world.connect(&front, "HOSP-A");
    assert_eq!(
        connection.state(&batch).header("upload-offset"),
        Some("700")
    );
    let first = receipt(&connection.put(&batch, 700, length));
    assert_eq!(
        (first.site.as_str(), first.sequence, first.batch),
        ("HOSP-A", 3, batch.id)
    );
    assert_eq!(receipt(&connection.state(&batch)), first);
    assert_eq!(receipt(&connection.put(&batch, 0, 700)), first);
    let name = format!("HOSP-A-000000000003-{}.batch", batch.id);
    assert_eq!(world.names("inbox"), std::slice::from_ref(&name));
    assert_eq!(
        fs::read(world.path("inbox").join(name)).unwrap(),
        batch.bytes
    );
}

/// P-03: of a chunk whose connection breaks, nothing counts; the upload goes on before it.
#[test]
fn an_upload_goes_on_after_a_dropped_connection() {
    let world = World::new("");
    let front = world.start();
    let batch = batch("HOSP-A", 1);
    let mut connection = world.connect(&front, "HOSP-A");
    connection.put(&batch, 0, 500);
    let part = &batch.bytes[500..1000];
    connection
        .say(patch_head(&batch, 500, part).as_bytes())
        .unwrap();
    connection.say(&part[..200]).unwrap();
    drop(connection);
    let mut connection = world.connect(&front, "HOSP-A");
    assert_eq!(
        connection.state(&batch).header("upload-offset"),
        Some("500")
    );
    receipt(&connection.put(&batch, 500, batch.bytes.len()));
}

/// a kill at any moment loses nothing that was acknowledged and stores nothing twice. Every
/// other kill comes while the front works on a chunk.
#[test]
fn a_killed_front_goes_on_where_it_was() {
    let world = World::new("");
    let batch = batch("HOSP-A", 1);
    let length = batch.bytes.len();
    let mut acknowledged = 0;
    let mut waiting = false;
    let receipt_before = loop {
        let front = world.start();
        let mut connection = world.connect(&front, "HOSP-A");
        let state = connection.state(&batch);
        if state.header("sekisho-state") == Some("stored") {
            break receipt(&state);
        }
        let offset: usize = state.header("upload-offset").unwrap().parse().unwrap();
        assert!(offset >= acknowledged, "{offset} {acknowledged}");
        let part = &batch.bytes[offset..length.min(offset + 250)];
        connection
            .say(patch_head(&batch, offset, part).as_bytes())
            .unwrap();
        connection.say(part).unwrap();
        if waiting {
            assert_eq!(connection.hear().unwrap().status, 200);
            acknowledged = offset + part.len();
        }
        front.kill();
        waiting = !waiting;
    };
    let front = world.start();
    let mut connection = world.connect(&front, "HOSP-A");
    assert_eq!(receipt(&connection.state(&batch)), receipt_before);
    assert_eq!(world.names("inbox").len(), 1);
    assert!(world.names("staging/HOSP-A").is_empty());
}

/// O-18: two fronts share the folders. What one began the other completes when the first is lost,
/// every batch that was acknowledged is in the inbox, and both know it.
#[test]
fn a_lost_front_loses_no_acknowledged_batch_because_another_goes_on() {
    let world = World::new("");
    let (first, second) = (world.start(), world.start_second());
    let batches: Vec<_> = (1..=6).map(|number| batch("HOSP-A", number)).collect();
    let mut acknowledged = Vec::new();
    for (number, sealed) in batches.iter().enumerate().take(3) {
        let front = [&first, &second][number % 2];
        let mut connection = world.connect(front, "HOSP-A");
        acknowledged.push(receipt(&connection.put(sealed, 0, sealed.bytes.len())));
    }
    let half = batches[3].bytes.len() / 2;
    let taken = world.connect(&first, "HOSP-A").put(&batches[3], 0, half);
    assert_eq!(
        taken.header("upload-offset"),
        Some(half.to_string().as_str())
    );
    // The power goes while a chunk is on its way.
    let part = &batches[3].bytes[half..];
    let mut connection = world.connect(&first, "HOSP-A");
    connection
        .say(patch_head(&batches[3], half, part).as_bytes())
        .unwrap();
    connection.say(&part[..part.len() / 2]).unwrap();
    first.kill();
    let mut connection = world.connect(&second, "HOSP-A");
    assert_eq!(
        connection.state(&batches[3]).header("upload-offset"),
        Some(half.to_string().as_str())
    );
    let length = batches[3].bytes.len();
    acknowledged.push(receipt(&connection.put(&batches[3], half, length)));
    for (sealed, known) in batches.iter().zip(&acknowledged) {
        assert_eq!(receipt(&connection.state(sealed)), *known);
    }
    let first = world.start();
    let mut connection = world.connect(&first, "HOSP-A");
    for (sealed, known) in batches.iter().zip(&acknowledged) {
        assert_eq!(receipt(&connection.state(sealed)), *known);
    }
    assert_eq!(world.names("inbox").len(), acknowledged.len());
}

/// O-18: a device whose line moves from one front to the other sends the same chunk to both at
/// once. It is taken once, and the batch is whole.
#[test]
fn the_same_chunks_at_two_fronts_at_once_make_one_batch() {
    let world = World::new("");
    let fronts = [world.start(), world.start_second()];
    let sealed = batch("HOSP-A", 1);
    let length = sealed.bytes.len();
    let receipts: Vec<Receipt> = std::thread::scope(|scope| {
        let send = |front| {
            let mut connection = world.connect(front, "HOSP-A");
            loop {
                let state = connection.state(&sealed);
                if state.header("sekisho-state") == Some("stored") {
                    return receipt(&state);
                }
                // Busy while the other front has the file.
                let offset = state
                    .header("upload-offset")
                    .map_or(0, |it| it.parse().unwrap());
                connection.put(&sealed, offset, length.min(offset + 100));
            }
        };
        let both = fronts
            .each_ref()
            .map(|front| scope.spawn(move || send(front)));
        both.map(|one| one.join().unwrap()).into()
    });
    assert_eq!(receipts[0], receipts[1]);
    let name = format!("HOSP-A-000000000001-{}.batch", sealed.id);
    assert_eq!(world.names("inbox"), std::slice::from_ref(&name));
    let stored = fs::read(world.path("inbox").join(name)).unwrap();
    assert_eq!(stored, sealed.bytes);
}

/// a site that sends slowly holds its own places only.
#[test]
fn slow_uploads_of_one_site_leave_the_places_of_others_free() {
    let world = World::new("chunks_in_flight = 3\nchunks_per_site = 2\nconnections_per_site = 4");
    let front = world.start();
    let slow: Vec<_> = (1..=4).map(|number| batch("HOSP-A", number)).collect();
    let mut held = Vec::new();
    for sealed in &slow[..2] {
        let mut connection = world.connect(&front, "HOSP-A");
        let head = patch_head(sealed, 0, &sealed.bytes);
        let head = head.replace("content-length", "expect: 100-continue\r\ncontent-length");
        connection.say(head.as_bytes()).unwrap();
        // The interim answer shows that the front has begun with the request.
        assert_eq!(connection.hear().unwrap().status, 100);
        held.push(connection);
    }
    let mut third = world.connect(&front, "HOSP-A");
    let refused = third.put(&slow[2], 0, slow[2].bytes.len());
    assert_eq!((refused.status, refused.code().as_str()), (503, "R014"));
    assert!(refused.header("retry-after").is_some());
    let other = batch("HOSP-B", 1);
    receipt(
        &world
            .connect(&front, "HOSP-B")
            .put(&other, 0, other.bytes.len()),
    );
    let mut more = vec![world.connect(&front, "HOSP-A")];
    assert_eq!(more[0].get("/v1/health").unwrap().status, 200);
    // The fifth connection of the site is told to come back, the second of the other is heard.
    more.push(world.connect(&front, "HOSP-A"));
    assert_eq!(more[1].get("/v1/health").unwrap().code(), "R014");
    let mut beside = world.connect(&front, "HOSP-B");
    assert_eq!(beside.get("/v1/health").unwrap().status, 200);
}

#[test]
fn damaged_foreign_and_oversized_uploads_are_refused_with_a_code() {
    let world = World::new("chunk_bytes = 65536\nbatch_bytes = 65536");
    let front = world.start();
    let good = batch("HOSP-A", 1);
    let length = good.bytes.len();
    let mut connection = world.connect(&front, "HOSP-A");

    let mut changed_on_the_way = good.bytes[..500].to_vec();
    changed_on_the_way[7] ^= 1;
    connection
        .say(patch_head(&good, 0, &good.bytes[..500]).as_bytes())
        .unwrap();
    connection.say(&changed_on_the_way).unwrap();
    assert_eq!(connection.hear().unwrap().code(), "R006");
    assert_eq!(connection.state(&good).header("upload-offset"), Some("0"));

    let mut altered = good.clone();
    altered.bytes[700] ^= 1;
    let answer = connection.put(&altered, 0, length);
    assert_eq!((answer.status, answer.code().as_str()), (422, "R007"));

    let foreign = batch("HOSP-B", 1);
    let answer = connection.put(&foreign, 0, foreign.bytes.len());
    assert_eq!((answer.status, answer.code().as_str()), (403, "R010"));

    let answer = connection.put(&good, 100, 200);
    assert_eq!((answer.status, answer.code().as_str()), (409, "R011"));
    assert_eq!(answer.header("upload-offset"), Some("0"));

    let mut long = good.clone();
    long.bytes.resize(65537, 0);
    assert_eq!(connection.put(&long, 0, 10).code(), "R005");
    for (path, code) in [
        ("/v1/batches/xyz", "R002"),
        ("/", "R002"),
        ("/v1/batches/../x", "R002"),
    ] {
        assert_eq!(connection.get(path).unwrap().code(), code, "{path}");
    }
    let head = format!("PATCH /v1/batches/{} HTTP/1.1\r\nhost: front\r\n", good.id);
    connection
        .say(format!("{head}content-length: 0\r\n\r\n").as_bytes())
        .unwrap();
    assert_eq!(connection.hear().unwrap().code(), "R003");
    // Refused before the body is sent.
    connection
        .say(patch_head(&long, 0, &long.bytes).as_bytes())
        .unwrap();
    let answer = connection.hear().unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (413, "R004"));
    assert!(world.names("inbox").is_empty());
}

/// A-120, B-081: only devices of our authority are heard, over TLS 1.3 only, and only for the
/// site that their certificate names.
#[test]
fn only_devices_of_our_authority_are_heard() {
    let world = World::new("");
    let front = world.start();
    let foreign = Authority::new().device("urn:sekisho:site:HOSP-A");
    for device in [None, Some(&foreign)] {
        let asked = world
            .connect_as(&front, device)
            .and_then(|mut c| c.get("/v1/health"));
        assert!(asked.is_err(), "{asked:?}");
    }
    // B-111: what lives longer than a device's certificate may is not heard either.
    let long = world.authority.device_for("urn:sekisho:site:HOSP-A", 91);
    let asked = world.connect_as(&front, Some(&long));
    assert!(asked.and_then(|mut c| c.get("/v1/health")).is_err());
    let nameless = world.authority.device("urn:example:no-site");
    let mut connection = world.connect_as(&front, Some(&nameless)).unwrap();
    assert_eq!(connection.state(&batch("HOSP-A", 1)).code(), "R001");

    let stored = batch("HOSP-A", 1);
    receipt(
        &world
            .connect(&front, "HOSP-A")
            .put(&stored, 0, stored.bytes.len()),
    );
    let other = world.connect(&front, "HOSP-B").state(&stored);
    assert_eq!(other.header("sekisho-state"), Some("absent"));
}

/// B-081: a client that offers TLS 1.2 at most gets the alert `protocol_version`.
#[test]
fn tls_1_2_is_refused() {
    let world = World::new("");
    let front = world.start();
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..],  // supported_groups: secp256r1
        &[0, 13, 0, 6, 0, 4, 4, 3, 8, 4], // signature_algorithms: ECDSA, RSA-PSS
        &[0, 11, 0, 2, 1, 0],             // ec_point_formats: uncompressed
    ]
    .concat();
    let hello = [
        &[3, 3][..], // TLS 1.2
        &[7; 32],    // random
        &[0],        // no session
        &[0, 2, 0xc0, 0x2b],
        &[1, 0], // no compression
        &u16::try_from(extensions.len()).unwrap().to_be_bytes(),
        &extensions,
    ]
    .concat();
    let length = u8::try_from(hello.len()).unwrap();
    let record = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat();
    let mut stream = TcpStream::connect(front.address).unwrap();
    stream.write_all(&record).unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!((answer[0], answer[6]), (21, 70), "{answer:?}");
}

/// O-11: above the limit of connections a site is told when to come back.
#[test]
fn a_surplus_connection_is_told_to_come_back_later() {
    let world = World::new("connections = 1");
    let front = world.start();
    let mut held = world.connect(&front, "HOSP-A");
    assert_eq!(held.get("/v1/health").unwrap().status, 200);
    let answer = world.connect(&front, "HOSP-B").state(&batch("HOSP-B", 1));
    assert_eq!((answer.status, answer.code().as_str()), (503, "R014"));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((5..60).contains(&seconds));
    assert_eq!(held.get("/v1/health").unwrap().status, 200);
}

/// A request that was begun is answered after SIGTERM; the log tells of bytes and outcomes only.
#[test]
fn a_front_asked_to_end_finishes_what_it_began() {
    let world = World::new("");
    let front = world.start();
    let batch = batch("HOSP-A", 1);
    let mut connection = world.connect(&front, "HOSP-A");
    // The interim answer shows that the front has begun with the request.
    let head = patch_head(&batch, 0, &batch.bytes);
    let head = head.replace("content-length", "expect: 100-continue\r\ncontent-length");
    connection.say(head.as_bytes()).unwrap();
    assert_eq!(connection.hear().unwrap().status, 100);
    let ended = std::thread::spawn(move || front.terminate());
    connection.say(&batch.bytes).unwrap();
    receipt(&connection.hear().unwrap());
    let (status, log) = ended.join().unwrap();
    assert!(status.success(), "{status} {log:#?}");
    let log = log.join("\n");
    // the running process itself tried the inbox and was refused.
    assert!(log.contains("guard of the files holds"), "{log}");
    assert!(
        log.contains("HOSP-A") && log.contains(&batch.id.to_string()),
        "{log}"
    );
}

/// Bad set-ups end with one error: a code, Japanese, English.
#[test]
fn a_front_that_cannot_work_says_why_and_does_not_start() {
    for (spoil, code) in [
        ("front.toml", "C101"),
        ("front.pem", "C102"),
        ("receipt.key", "C103"),
        ("inbox", "C104"),
    ] {
        let world = World::new("");
        let path = world.path(spoil);
        if path.is_dir() {
            fs::remove_dir(path).unwrap();
        } else {
            fs::write(path, "nonsense").unwrap();
        }
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sekisho-collector"))
            .args(["front", "--config"])
            .arg(world.path("front.toml"))
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{spoil}: {told}");
        assert!(told.contains(code), "{spoil}: {told}");
        // What stands in a key file is not repeated.
        assert!(
            spoil == "front.toml" || !told.contains("nonsense"),
            "{spoil}: {told}"
        );
    }
}
