use std::collections::BTreeSet;
use std::fmt::Debug;

use toml::{Table, Value};

use super::probe::{Asked, keys};
use super::*;

/// Every section with what it has to have, and nothing else.
const GATEWAY: &str = r#"
site = "HOSPITAL-1"
[source]
storages = ["/s"]
[source.extended]
[[source.extended.kinds]]
standard = "1"
reader = "cda"
[[source.extended.systems]]
oid = "1.2"
name = "99A"
[source.changes]
[source.feed.transactions]
folders = ["/t"]
[source.feed.index_csv]
file = "/i"
[source.feed.index_csv.columns]
[source.feed.index_csv.places]
PatientID = 1
UpdateDatetime = 2
[source.feed.index_postgres]
address = "127.0.0.1:5432"
database = "d"
user = "u"
password = "/p"
[source.feed.index_postgres.columns]
[source.pace]
[source.municipality]
authority = "CITY"
key = "/k"
[ledger]
notices = "/n"
stops = "/o"
[[ledger.imports]]
name = "a"
what = "merges"
columns = { chart = "a", into = "b" }
[notice]
[[notice.documents]]
version = "1"
published_on = "2026-01-01"
[notice.policy]
starts_on = "2026-01-01"
document = "1"
[[contracts]]
id = "1"
effective_from = "2026-01-01"
[state]
folder = "/f"
[keys]
token = "/k"
site = "/k"
signing = "/k"
core = "/k"
vault = "/k"
staff = "/k"
[keys.next]
token = "/k"
token_epoch = 65535
[front]
address = "10.0.0.1:1"
server_name = "f"
authority = "/k"
receipt_key = "/k"
transport = "ipsec"
[network]
interface = "ipsec0"
[network.ipsec]
remote_address = "192.0.2.1"
remote_id = "vpn"
local_id = "device"
local_inner = "10.1.0.2"
[upload]
[bundle]
[clock]
[evaluation]
address = "10.0.0.1:2"
server_name = "e"
[letters]
device_key = "/k"
core_key = "/k"
[dictionary]
[limits]
"#;

const PAGE: &str = r#"
listen = "10.0.0.1:1"
names = ["a"]
folder = "/f"
[[institutions]]
name = "a"
settings = "/g"
[sessions]
"#;

const DEVICE: &str = r#"
[[lines]]
interface = "lan0"
addressing = "dhcp"
[time]
server = "10.0.0.1"
"#;

/// One of the settings files.
struct File {
    keys: Vec<&'static Key>,
    sections: &'static [Section],
    least: &'static str,
    asked: BTreeSet<String>,
    form: fn(&str) -> Asked,
    /// Reads a file; what is read, as text.
    read: fn(&str) -> Result<String, String>,
}

fn shown<T: Debug, E: ToString>(read: Result<T, E>) -> Result<String, String> {
    read.map(|settings| format!("{settings:?}"))
        .map_err(|error| error.to_string())
}

fn files() -> [File; 3] {
    type Device = selftest::settings::Device;
    type Gateway = crate::gateway::Settings;
    type Page = crate::page::Settings;
    [
        File {
            keys: gateway::KEYS.iter().copied().flatten().collect(),
            sections: gateway::SECTIONS,
            least: GATEWAY,
            asked: keys::<Gateway>().into_keys().collect(),
            form: |name| keys::<Gateway>()[name].clone(),
            read: |text| shown(Gateway::parse(text)),
        },
        File {
            keys: page::KEYS.iter().copied().flatten().collect(),
            sections: page::SECTIONS,
            least: PAGE,
            asked: keys::<Page>().into_keys().collect(),
            form: |name| keys::<Page>()[name].clone(),
            read: |text| shown(Page::parse(text)),
        },
        File {
            keys: device::KEYS.iter().copied().flatten().collect(),
            sections: device::SECTIONS,
            least: DEVICE,
            asked: keys::<Device>().into_keys().collect(),
            form: |name| keys::<Device>()[name].clone(),
            read: |text| shown(Device::parse(text)),
        },
    ]
}

impl File {
    /// The least file with one key set.
    fn with(&self, name: &str, value: &Value) -> Result<String, String> {
        let mut whole: Table = self.least.parse().unwrap();
        put(&mut whole, name, value.clone());
        (self.read)(&toml::to_string(&whole).unwrap())
    }
}

/// Sets a key, in the first of a list of sections.
fn put(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        None => drop(table.insert(name.to_owned(), value)),
        Some((first, rest)) => {
            let inner = match table.get_mut(first).unwrap_or_else(|| panic!("{first}")) {
                Value::Array(list) => &mut list[0],
                inner => inner,
            };
            put(inner.as_table_mut().unwrap(), rest, value);
        }
    }
}

/// Removes a key, from the first of a list of sections.
fn remove(table: &mut Table, name: &str) {
    match name.split_once('.') {
        None => drop(table.remove(name).unwrap_or_else(|| panic!("{name}"))),
        Some((first, rest)) => {
            let inner = match table.get_mut(first).unwrap_or_else(|| panic!("{first}")) {
                Value::Array(list) => &mut list[0],
                inner => inner,
            };
            remove(inner.as_table_mut().unwrap(), rest);
        }
    }
}

fn literal(text: &str) -> Value {
    let table: Table = format!("it = {text}").parse().unwrap();
    table["it"].clone()
}

/// Every key that the programs read has its words, in both languages, and no other has.
#[test]
fn every_key_of_the_settings_is_described() {
    for file in files() {
        let described: BTreeSet<String> = file.keys.iter().map(|key| key.name.to_owned()).collect();
        assert_eq!(described.len(), file.keys.len(), "a key stands twice");
        let missing: Vec<_> = file.asked.difference(&described).collect();
        assert!(
            missing.is_empty(),
            "without words in config/src/keys: {missing:?}"
        );
        let gone: Vec<_> = described.difference(&file.asked).collect();
        assert!(gone.is_empty(), "described, and never read: {gone:?}");
        for key in &file.keys {
            assert!(!key.ja.is_ascii() && key.en.is_ascii(), "{}", key.name);
            assert!(!key.en.is_empty() && !key.since.is_empty(), "{}", key.name);
            assert!(
                !key.ja.contains('|') && !key.en.contains('|'),
                "{}",
                key.name
            );
        }
        let sections: BTreeSet<_> = file.sections.iter().map(Section::name).collect();
        for key in &file.keys {
            assert!(
                sections.contains(key.section()),
                "{} has no section",
                key.name
            );
        }
        for section in file.sections {
            let used = |key: &&Key| key.section() == section.name();
            assert!(file.keys.iter().any(used), "{} is empty", section.heading);
            assert!(
                !section.ja.is_ascii() && section.en.is_ascii(),
                "{}",
                section.heading
            );
        }
    }
}

#[test]
fn the_described_form_is_the_one_that_is_read() {
    for file in files() {
        for key in &file.keys {
            let asked = (file.form)(key.name);
            let fits = match (key.form, &asked) {
                (Form::Number(..), Asked::Number) | (Form::Flag, Asked::Flag) => true,
                (Form::Words(words), Asked::Words(read)) => words == read.as_slice(),
                // Some words are read as text and checked later.
                (Form::Words(_), Asked::Text) | (Form::Pairs(..), Asked::Map) => true,
                (Form::Day | Form::Place | Form::Address | Form::Text(..), Asked::Text) => true,
                (Form::SomeOf(_) | Form::Places(..) | Form::Texts(..), Asked::List(inner)) => {
                    **inner == Asked::Text
                }
                _ => false,
            };
            assert!(fits, "{}: {:?} is read as {asked:?}", key.name, key.form);
        }
    }
}

#[test]
fn the_described_default_is_what_holds_without_the_key() {
    for file in files() {
        let least = (file.read)(file.least).unwrap();
        for key in &file.keys {
            match key.given {
                Given::Else(value) => {
                    let given = file.with(key.name, &literal(value)).unwrap();
                    assert_eq!(given, least, "{}", key.name);
                }
                Given::Always => {
                    let mut table: Table = file.least.parse().unwrap();
                    remove(&mut table, key.name);
                    let without = (file.read)(&toml::to_string(&table).unwrap());
                    assert!(without.is_err(), "{} is not needed", key.name);
                }
                Given::Perhaps => {}
            }
        }
    }
}

#[test]
fn the_described_ranges_are_those_that_are_checked() {
    let number = |value: u64| Value::Integer(i64::try_from(value).unwrap());
    for file in files() {
        let mut checked = 0;
        for key in &file.keys {
            let Form::Number(least, most) = key.form else {
                continue;
            };
            for (value, taken) in [
                (least.checked_sub(1), false),
                (Some(least), true),
                (Some(most), true),
                (Some(most + 1), false),
            ] {
                let Some(value) = value else { continue };
                let read = file.with(key.name, &number(value));
                // Places count only where there is no header.
                let unchecked = key.section().ends_with(".places") && value < 256;
                assert!(unchecked || read.is_ok() == taken, "{} = {value}", key.name);
                checked += 1;
            }
        }
        // `device.toml` has no numbers.
        assert!(checked > 6 || file.least == DEVICE);
    }
}

#[test]
fn a_key_beside_those_described_is_refused_in_every_section() {
    for file in files() {
        for section in file.sections {
            let name = match section.name() {
                "" => "surprise".to_owned(),
                name => format!("{name}.surprise"),
            };
            let error = file.with(&name, &Value::Integer(1)).unwrap_err();
            assert!(error.contains("surprise"), "{name}: {error}");
        }
    }
}

/// P-23: whoever updates learns the new name from the message.
#[test]
fn a_renamed_key_is_refused_with_its_new_name() {
    for (old, new) in renamed::RENAMED {
        let text = format!("{GATEWAY}\n[{old}]\nit = 1\n");
        let error = crate::gateway::Settings::parse(&text).unwrap_err();
        let told = error.to_string();
        assert!(told.contains(&format!("`{old}`")), "{told}");
        assert!(told.contains(&format!("`{new}`")), "{told}");
        let known = |name: &str| gateway::SECTIONS.iter().any(|it| it.name() == name);
        let key = |name: &str| {
            gateway::KEYS
                .iter()
                .copied()
                .flatten()
                .any(|it| it.name == name)
        };
        assert!(known(new) || key(new), "{new} is no key");
        assert!(!known(old) && !key(old), "{old} is still a key");
    }
    let lists: Table = "[[a]]\nb = 1\n[[a]]\nc = 1".parse().unwrap();
    for (old, found) in [
        ("a.c", true),
        ("a.d", false),
        ("a.b.c", false),
        ("c", false),
    ] {
        assert_eq!(
            renamed::refuse(&lists, &[(old, "new")]).is_err(),
            found,
            "{old}"
        );
    }
}

#[test]
fn numbers_are_grouped_by_thousands() {
    for (number, text) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (1 << 40, "1,099,511,627,776"),
    ] {
        assert_eq!(grouped(number), text);
    }
}

#[test]
fn the_page_in_docs_is_made_from_these_keys() {
    let committed = include_str!("../../../docs/operating/settings.md");
    assert!(committed == page(), "run `cargo xtask docs`");
}
