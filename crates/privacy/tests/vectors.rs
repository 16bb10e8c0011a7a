//! The published vectors: what a field says in a message, what it is folded to, and the token. The
//! message is read by the reader of the product, and the token is computed a second time here, from
//! the encoding as the file describes it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;

use formats::Municipality;
use formats::ssmix2::{FileName, FileReader};
use privacy::Prf;
use privacy::tokens::{TokenKind, tokenize};
use record::Identity;
use ring::hmac;
use text::fold;

const VECTORS: &str = include_str!("../vectors/tokens.tsv");

struct Key(hmac::Key);

impl Key {
    fn published() -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]))
    }
}

impl Prf for Key {
    fn prf(&self, message: &[u8]) -> [u8; 32] {
        hmac::sign(&self.0, message).as_ref().try_into().unwrap()
    }
}

fn unescaped(written: &str) -> String {
    let mut text = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once("\\u{") {
        let (point, after) = after.split_once('}').unwrap();
        text.push_str(before);
        text.push(char::from_u32(u32::from_str_radix(point, 16).unwrap()).unwrap());
        rest = after;
    }
    text + rest
}

fn person() -> BTreeMap<&'static str, String> {
    [
        ("kanji", "高橋^翔一"),
        ("kana", "タカハシ^ショウイチ"),
        ("birth", "19580309"),
        ("sex", "M"),
        ("postal", "184-0014"),
        ("insurer", "06130012"),
        ("symbol", "1234"),
        ("number", "567"),
        ("branch", "01"),
        ("municipal", "0012345"),
    ]
    .map(|(field, text)| (field, text.to_owned()))
    .into()
}

/// The person as a message, in UTF-8 so that every character of the vectors can be written.
fn message(person: &BTreeMap<&str, String>) -> String {
    let of = |field| person.get(field).unwrap();
    format!(
        "MSH|^~\\&|HIS|SEND|GW|RCV|20260105101112||ADT^A08^ADT_A01|1|P|2.5||||||UNICODE UTF-8\r\
         PID|1||0001112223^^^^PI~{}^^^CITY||{}^^^^^L^I~{}^^^^^L^P||{}|{}|||^^^^{}^JPN^H\r\
         IN1|1|C0^国保^JHSD0001|{}|||||||{}~{}~{}\r",
        of("municipal"),
        with_given(of("kanji")),
        with_given(of("kana")),
        of("birth"),
        of("sex"),
        of("postal"),
        of("insurer"),
        of("symbol"),
        of("number"),
        of("branch")
    )
}

fn with_given(name: &str) -> String {
    match name.contains('^') {
        true => name.to_owned(),
        false => format!("{name}^"),
    }
}

fn identity(message: &str) -> Identity {
    let name = "0001112223_-_ADT-00_999999999999999_20260105101112000_-_1";
    let name = FileName::parse(name).unwrap();
    let mut reader = FileReader::new(Municipality::new("CITY"));
    let reading = reader.read(&name, message.as_bytes()).unwrap();
    Identity::clone(&reading.identity)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn token(kind: u16, parts: &[&str]) -> String {
    let part = |text: &str| {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&length[..], text.as_bytes()].concat()
    };
    let mut message = part("sekisho token v1");
    message.extend([kind, 1].into_iter().flat_map(u16::to_be_bytes));
    message.extend(parts.iter().flat_map(|text| part(text)));
    hex(&Key::published().prf(&message)[..16])
}

/// The kind of token that a field decides, and it computed from the normalised forms.
fn decided(field: &str, normalised: Option<&str>) -> (TokenKind, Option<String>) {
    let mut all: BTreeMap<_, _> = [
        ("kanji", "高橋翔一"),
        ("kana", "タカハシシヨウイチ"),
        ("birth", "19580309"),
        ("sex", "M"),
        ("postal", "1840014"),
        ("insurer", "06130012"),
        ("symbol", "1234"),
        ("number", "567"),
        ("branch", "01"),
        ("municipal", "12345"),
    ]
    .into();
    if let Some(normalised) = normalised {
        *all.get_mut(field).unwrap() = normalised;
    }
    let (kind, parts): (_, &[&str]) = match field {
        "kanji" => (TokenKind::KanjiBirthSex, &["kanji", "birth", "sex"]),
        "kana" | "birth" | "sex" => (TokenKind::KanaBirthSex, &["kana", "birth", "sex"]),
        "municipal" => (TokenKind::Municipal, &["municipal", "birth"]),
        "postal" => (TokenKind::NamePostal, &["kana", "sex", "postal"]),
        _ => (
            TokenKind::Insured,
            &["insurer", "symbol", "number", "branch", "birth"],
        ),
    };
    let parts: Vec<_> = parts.iter().map(|part| all[part]).collect();
    let made = normalised.map(|_| token(kind.number().into(), &parts));
    (kind, made)
}

/// C-25, A-028: every published step holds, from the field to the token.
#[test]
fn every_published_vector_of_a_person_holds() {
    let mut fields = BTreeMap::new();
    assert!(VECTORS.contains(&format!("Normaliser version {}.", fold::VERSION)));
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').map(unescaped).collect();
        let [field, raw, normalised, published, what] = columns.as_slice() else {
            panic!("{line}")
        };
        let normalised = (normalised != "-").then_some(normalised.as_str());
        let published = (published != "-").then_some(published.as_str());
        let mut person = person();
        let (&known, _) = person.get_key_value(field.as_str()).unwrap();
        person.insert(known, raw.clone());
        let identity = identity(&message(&person));
        let key = Key::published();
        let made = tokenize(&identity, &key, 1).with_municipal(&identity, &key);
        let (kind, expected) = decided(field, normalised);
        assert_eq!(expected.as_deref(), published, "{line}");
        let of_kind = made.exact.get(&kind).map_or(&[][..], |tokens| tokens);
        let made: Vec<_> = of_kind.iter().map(|token| hex(token.as_bytes())).collect();
        assert_eq!(
            made.first().map(String::as_str),
            published,
            "{field} {raw} ({what})"
        );
        *fields.entry(known).or_insert(0) += 1;
    }
    assert_eq!(fields.len(), person().len(), "{fields:?}");
    assert!(fields.values().sum::<u32>() > 130, "{fields:?}");
}
