//! Tokens and filters of persons on one core, and the folding under them. The same persons can be
//! written down for a program of others.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use envelope::MacKey;
use jiff::ToSpan as _;
use jiff::civil::date;
use privacy::tokens::{HeldKey, tokenize};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use record::identity::{Birth, Identity, Insurance, Name, Sensitive, Sex};
use serde_json::{Value, json};
use text::fold;

/// What the command takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many persons.
    #[arg(long, default_value_t = 20_000)]
    persons: u32,
    /// Where to write them down: family name, given name, day of birth, sex, postal code, one card.
    #[arg(long)]
    write: Option<PathBuf>,
}

const SEED: u64 = 20_260_105;

/// Makes the tokens of every person, one after another, and folds every name by itself.
///
/// # Errors
/// The persons cannot be written down.
pub(crate) fn make(arguments: &Arguments) -> Result<Value> {
    let mut random = ChaCha20Rng::seed_from_u64(SEED);
    let names = town::of_people(SEED, arguments.persons);
    let persons = names.map(|names| person(names, &mut random));
    let persons = persons.collect::<Result<Vec<_>>>()?;
    if let Some(path) = &arguments.write {
        fs::write(path, table(&persons)?)?;
    }
    let key = HeldKey::new(MacKey::from_bytes([7; 32]));
    let started = Instant::now();
    for person in &persons {
        black_box(tokenize(black_box(person), &key, 1));
    }
    let tokens = started.elapsed().as_secs_f64();
    let names = persons
        .iter()
        .flat_map(|person| [&person.kana, &person.kanji]);
    let names: Vec<&str> = names
        .flatten()
        .flat_map(|name| [name.family.expose(), name.given.expose()])
        .collect();
    let bytes: usize = names.iter().map(|name| name.len()).sum();
    let started = Instant::now();
    for name in &names {
        black_box(fold::kana(black_box(name)));
        black_box(fold::kanji(black_box(name)));
    }
    let folding = started.elapsed().as_secs_f64();
    Ok(json!({
        "persons_per_second": f64::from(arguments.persons) / tokens,
        // Each name is folded as kana and as kanji.
        "folded_megabytes_per_second": 2.0 * bytes as f64 / folding / 1e6,
        "peak_bytes": peak_bytes()?,
    }))
}

fn person(names: (town::Name, town::Name), random: &mut ChaCha20Rng) -> Result<Identity> {
    let part = |text: String| Sensitive::new(text);
    let [kanji, kana] = [names.0, names.1].map(|name| Name {
        family: part(name.family),
        given: part(name.given),
    });
    let days = i64::from(random.next_u32() % 30_000);
    let birth = date(1940, 1, 1).checked_add(days.days())?;
    Ok(Identity {
        kana: Some(kana),
        kanji: Some(kanji),
        birth: Some(Birth::new(birth)),
        sex: Some(match random.next_u32() % 2 {
            0 => Sex::Male,
            _ => Sex::Female,
        }),
        postal: part(format!("184-{:04}", 1 + random.next_u32() % 9999)),
        insurance: vec![Insurance {
            insurer: part("06130012".to_owned()),
            symbol: part(format!("{}", 1 + random.next_u32() % 999)),
            number: part(format!("{}", 1 + random.next_u32() % 99_999)),
            branch: part("01".to_owned()),
        }],
        ..Identity::default()
    })
}

fn table(persons: &[Identity]) -> Result<String> {
    let mut text = String::from("family,given,birth,sex,postal,card\n");
    for person in persons {
        let kana = person.kana.as_ref().context("a name")?;
        let card = person.insurance.first().context("a card")?;
        let [birth, sex] = [
            person.birth.map(|birth| birth.expose().to_string()),
            person.sex.map(|sex| sex.as_str().to_owned()),
        ]
        .map(Option::unwrap_or_default);
        writeln!(
            text,
            "{},{},{birth},{sex},{},{}{}{}",
            kana.family.expose(),
            kana.given.expose(),
            person.postal.expose(),
            card.insurer.expose(),
            card.symbol.expose(),
            card.number.expose()
        )?;
    }
    Ok(text)
}

/// The largest resident memory of this process so far.
fn peak_bytes() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    let kilobytes: u64 = kilobytes.context("VmHWM")?.parse()?;
    Ok(kilobytes << 10)
}
