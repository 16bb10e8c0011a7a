//! Oblivious evaluation beside the bare curve operation: decode a point, multiply it, encode it.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use envelope::{EVALUATIONS_MAX, EvaluationKey, Question};
use jiff::civil::date;
use privacy::tokens::Asked;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use record::identity::{Birth, Identity, Insurance, Name, Sensitive, Sex};
use serde_json::{Value, json};
use voprf::{Group as _, Ristretto255};
use zeroize::Zeroizing;

/// What the command takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Points of each kind of work.
    #[arg(long, default_value_t = 8_192)]
    points: usize,
}

/// Gives the rates on one core, in points a second, and the points of one person.
///
/// # Errors
/// An answer is not accepted.
pub(crate) fn evaluate(arguments: &Arguments) -> Result<Value> {
    let person = Asked::of(&person(), 1).messages().len();
    let key = EvaluationKey::from_seed([7; 32])?;
    let mut random = ChaCha20Rng::seed_from_u64(1);
    let bare = bare(arguments.points)?;
    let mut rates = Vec::new();
    for batch in [person, EVALUATIONS_MAX] {
        let rounds = arguments.points.div_ceil(batch);
        let inputs = |round: usize| -> Vec<Zeroizing<Vec<u8>>> {
            let input = |at: usize| Zeroizing::new(format!("person {round} {at}").into_bytes());
            (0..batch).map(input).collect()
        };
        let started = Instant::now();
        let questions = (0..rounds).map(|round| Question::blind(1, inputs(round), &mut random));
        let questions = questions.collect::<Result<Vec<_>, _>>()?;
        let mut device = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let answers = questions
            .iter()
            .map(|question| key.evaluate(1, question.bytes(), &mut random));
        let answers = answers.collect::<Result<Vec<_>, _>>()?;
        let service = started.elapsed().as_secs_f64();
        let started = Instant::now();
        for (question, answer) in questions.iter().zip(&answers) {
            let values = question.finish(key.public(), answer)?;
            ensure!(values.len() == batch, "{} values", values.len());
        }
        device += started.elapsed().as_secs_f64();
        let points = (rounds * batch) as f64;
        rates.push((points / service, points / device));
    }
    let [one, most] = <[_; 2]>::try_from(rates).ok().context("two batches")?;
    Ok(json!({
        "points_of_person": person,
        "bare": bare,
        "service_of_person": one.0,
        "device_of_person": one.1,
        "service_of_most": most.0,
        "device_of_most": most.1,
        "most": EVALUATIONS_MAX,
    }))
}

fn bare(points: usize) -> Result<f64> {
    let failed = |error| anyhow::anyhow!("{error:?}");
    let mut scalar = [9; 32];
    scalar[31] = 1;
    let scalar = Ristretto255::deserialize_scalar(&scalar).map_err(failed)?;
    let mut point = Ristretto255::serialize_elem(Ristretto255::base_elem());
    let started = Instant::now();
    for _ in 0..points {
        let element = Ristretto255::deserialize_elem(&point).map_err(failed)?;
        point = Ristretto255::serialize_elem(black_box(element * scalar));
    }
    Ok(points as f64 / started.elapsed().as_secs_f64())
}

/// Somebody with every field that a source usually has.
fn person() -> Identity {
    let name = |family, given| {
        Some(Name {
            family: Sensitive::new(family),
            given: Sensitive::new(given),
        })
    };
    Identity {
        kanji: name("髙橋", "翔一"),
        kana: name("タカハシ", "ショウイチ"),
        birth: Some(Birth::new(date(1958, 3, 9))),
        sex: Some(Sex::Male),
        postal: Sensitive::new("1840014"),
        insurance: vec![Insurance {
            insurer: Sensitive::new("06130012"),
            symbol: Sensitive::new("1234"),
            number: Sensitive::new("567"),
            branch: Sensitive::new("01"),
        }],
        ..Identity::default()
    }
}
