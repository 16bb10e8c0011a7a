//! The golden corpus: batches of every released format, which are read for ever.
//!
//! `tests/interop/corpus/format-1` holds what this version seals from known seeds. Once a version
//! is released its folder is never written again; the next format gets a folder of its own.

use record::dictionary::{Term, TermName};
use serde_json::{Value as Json, json};

use super::*;
use crate::seal::Recipients;
use crate::text_form::hex;

macro_rules! golden {
    ($($name:literal),*) => {
        [$((
            $name,
            include_bytes!(concat!("../../../../tests/interop/corpus/format-1/", $name, ".batch")),
            include_str!(concat!("../../../../tests/interop/corpus/format-1/", $name, ".json")),
        )),*]
    };
}

/// Name, the batch, what it says.
const FORMAT_1: [(&str, &[u8], &str); 5] = golden!(
    "one-epoch",
    "two-epochs-two-recipients",
    "several-chunks",
    "erasures-and-terms",
    "nobody"
);

/// The core's key that takes the place of the one of [`keys`].
fn next() -> CoreSecretKey {
    CoreSecretKey::from_seed([5; 32]).unwrap()
}

fn terms() -> Vec<Term> {
    [("100", "血圧測定"), ("200", "体重")]
        .map(|(code, name)| Term {
            system: "JLAC10".parse().unwrap(),
            code: code.parse().unwrap(),
            name: TermName::new(name).unwrap(),
        })
        .into()
}

fn sealed_as(name: &str) -> Sealed {
    let Keys { site, core } = keys();
    let (two, next) = (name.starts_with("two"), next());
    let recipients = Recipients::during_change(core.public(), two.then(|| next.public()));
    let shape = match name {
        "several-chunks" => vec![vec![1; 13]; 500],
        "nobody" => Vec::new(),
        _ => vec![SHAPE.to_vec(), vec![1]],
    };
    let items = subjects_of(&shape, 1, two.then_some(2));
    let items = items.into_iter().map(|one| Item::new(one).unwrap());
    let more = name.starts_with("erasures");
    let erasure = |byte| {
        Erasure::of(
            SubjectRef::new([byte; 16]),
            privacy::gate::Withheld::Stopped,
        )
        .unwrap()
    };
    let body = Body {
        items: items.collect(),
        erasures: if more { &[erasure(1), erasure(2)] } else { &[] },
        terms: if more { &terms() } else { &[] },
    };
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    seal_body(draft(), body, recipients, site, &mut rng).unwrap()
}

/// What a batch says, in the words of `docs/envelope.md`; content by its digest, because it is
/// long.
fn told(opened: &Opened) -> Json {
    let content = json!({
        "erased": &opened.erased,
        "subjects": &opened.subjects,
        "terms": &opened.terms,
    });
    json!({
        "id": opened.id.to_string(),
        "manifest": &opened.manifest,
        "manifest_digest": hex(&opened.manifest_digest),
        "content": hex(&sha256(content.to_string().as_bytes())),
    })
}

#[test]
fn batches_of_every_released_format_say_what_they_said() {
    let Keys { site, core } = keys();
    for (name, bytes, said) in FORMAT_1 {
        let opened = open(bytes, &site.public(), core).unwrap();
        let said: Json = serde_json::from_str(said).unwrap();
        assert_eq!(told(&opened), said, "{name}");
    }
}

/// a change of the format cannot slip in under its old number.
#[test]
fn the_same_content_is_sealed_into_the_same_bytes_as_ever() {
    for (name, bytes, _) in FORMAT_1 {
        assert!(sealed_as(name).bytes == bytes, "{name}: the format changed");
    }
}

/// B-112: while the core changes its key, the old one and the new one each open a batch alone.
#[test]
fn either_recipient_opens_the_batch_alone_and_nobody_else() {
    let Keys { site, core } = keys();
    let bytes = sealed_as("two-epochs-two-recipients").bytes;
    let by = |core: &CoreSecretKey| open(&bytes, &site.public(), core);
    assert_eq!(by(core), by(&next()));
    assert!(by(core).is_ok());
    let other = CoreSecretKey::from_seed([6; 32]).unwrap();
    assert_eq!(by(&other), Err(OpenError::UnknownRecipient));
}

#[test]
fn a_next_key_that_is_the_key_in_use_is_one_recipient() {
    let public = keys().core.public();
    let recipients = Recipients::during_change(public, Some(public));
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let site = &keys().site;
    let sealed = seal(draft(), subjects(&[vec![1]], 1), recipients, site, &mut rng).unwrap();
    assert_eq!(peek(&sealed.bytes).unwrap().recipients.len(), 1);
}

/// The header with another list of recipients.
fn with_recipients(change: impl FnOnce(&mut Vec<Recipient>)) -> Result<Header, OpenError> {
    let mut header = peek(&small().bytes).unwrap();
    change(&mut header.recipients);
    Header::decode(&serde_cbor::to_vec(&header).unwrap())
}

#[test]
fn no_recipient_too_many_and_one_twice_are_refused() {
    let refused = Err(OpenError::Decode);
    assert_eq!(with_recipients(Vec::clear), refused);
    let twice = |all: &mut Vec<Recipient>| all.push(all[0].clone());
    assert_eq!(with_recipients(twice), refused);
    let distinct = |count: usize| {
        with_recipients(|all| {
            for seed in 1..count {
                let key = KeyId::of(&seed.to_be_bytes());
                all.push(Recipient {
                    key,
                    ..all[0].clone()
                });
            }
        })
    };
    assert!(distinct(RECIPIENTS_MAX).is_ok());
    assert_eq!(distinct(RECIPIENTS_MAX + 1), refused);
}

/// Writes the corpus of the present format, before it is released.
#[test]
#[ignore = "writes the corpus"]
#[expect(clippy::disallowed_methods, reason = "a tool, run by hand")]
fn write_the_corpus() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/interop/corpus/format-1"
    );
    let Keys { site, core } = keys();
    for (name, ..) in FORMAT_1 {
        let sealed = sealed_as(name);
        let opened = open(&sealed.bytes, &site.public(), core).unwrap();
        let said = serde_json::to_string_pretty(&told(&opened)).unwrap();
        std::fs::write(format!("{folder}/{name}.batch"), &sealed.bytes).unwrap();
        std::fs::write(format!("{folder}/{name}.json"), said + "\n").unwrap();
    }
}
