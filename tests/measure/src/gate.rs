//! Decisions of the gate from its state in memory, beside what the plainest program would do: look
//! the number up in a hash table of notices and in a hash set of stops.

use std::collections::{HashMap, HashSet};
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use privacy::gate::{
    Channel, Contract, ContractKind, Event, Filing, Gate, HoldDays, LedgerHead, Notice,
    NoticeDocument, NoticeMethod, Products, Requester, Scope, Standing, Stop, Terms, Verification,
};
use record::ChartNumber;
use serde_json::{Value, json};

const TODAY: Date = date(2026, 9, 1);
const NOTIFIED: Date = date(2026, 5, 1);

/// What the command takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Persons who were notified.
    #[arg(long, default_value_t = 1_000_000)]
    persons: u32,
    /// Every which person said no.
    #[arg(long, default_value_t = 1_000)]
    every: u32,
}

/// Asks about everybody once, in the order of the walk and in no order, and gives the rates.
///
/// # Errors
/// The gate does not say what it has to.
pub(crate) fn decide(arguments: &Arguments) -> Result<Value> {
    let (persons, every) = (arguments.persons, arguments.every.max(1));
    let before = resident_bytes()?;
    let gate = gate(persons, every)?;
    let after = resident_bytes()?;
    let walk = (0..persons).map(chart).collect::<Result<Vec<_>>>()?;
    let mut drawn: Vec<ChartNumber> = walk.clone();
    shuffle(&mut drawn);
    let withheld = u64::from(persons.div_ceil(every));
    let in_order = rate(&walk, withheld, |chart| {
        gate.decide(std::slice::from_ref(chart)).is_err()
    })?;
    let in_none = rate(&drawn, withheld, |chart| {
        gate.decide(std::slice::from_ref(chart)).is_err()
    })?;
    let plain = Plain::of(persons, every)?;
    let plain_in_order = rate(&walk, withheld, |chart| plain.withholds(chart))?;
    let plain_in_none = rate(&drawn, withheld, |chart| plain.withholds(chart))?;
    let each = |bytes: usize| bytes as f64 / f64::from(persons);
    Ok(json!({
        "in_order": in_order,
        "in_none": in_none,
        "reference_in_order": plain_in_order,
        "reference_in_none": plain_in_none,
        "bytes": each(gate.bytes()),
        "resident_bytes": each(after.saturating_sub(before)),
    }))
}

fn gate(persons: u32, every: u32) -> Result<Gate> {
    let contract = Contract {
        id: "C-1".parse()?,
        kind: ContractKind::Individual,
        filing: Some(Filing {
            reference: "F-1".parse()?,
            filed_on: NOTIFIED,
            revoked_on: None,
        }),
        products: Products::ALL,
        effective_from: NOTIFIED,
        leaves_on: None,
        hold_days: HoldDays::SHORTEST,
    };
    let text = NoticeDocument {
        version: "v1".parse()?,
        published_on: NOTIFIED,
        products: Products::ALL,
        reopens: false,
    };
    let mut standing = Standing::default();
    let mut entries = 0;
    for person in 0..persons {
        entries += 1;
        let notice = Notice {
            chart: chart(person)?,
            notified_on: NOTIFIED,
            document: text.version.clone(),
            method: NoticeMethod::Handed,
            sixteen_on: None,
        };
        standing.push(entries, Event::Notified(notice));
        if person % every == 0 {
            entries += 1;
            let stop = Stop {
                chart: chart(person)?,
                requested_on: NOTIFIED,
                requester: Requester::Own,
                channel: Channel::Desk,
                verification: Verification::Known,
                scope: Scope::ALL,
            };
            standing.push(entries, Event::Stopped(stop));
        }
    }
    let head = LedgerHead {
        digest: [0; 32],
        entries,
    };
    Ok(Gate::new(Terms::of(contract, text), standing, head, TODAY))
}

/// Ten digits, as chart numbers often have, that do not lie one beside the other.
fn chart(person: u32) -> Result<ChartNumber> {
    ChartNumber::new(&format!("{:010}", u64::from(person) * 7 + 1)).context("chart number")
}

/// The plainest program.
struct Plain {
    notices: HashMap<String, Date>,
    stops: HashSet<String>,
}

impl Plain {
    fn of(persons: u32, every: u32) -> Result<Self> {
        let number = |person| Ok(chart(person)?.expose().to_owned());
        let stopped = (0..persons).filter(|person| person % every == 0);
        Ok(Self {
            notices: (0..persons)
                .map(|person| Ok((number(person)?, NOTIFIED)))
                .collect::<Result<_>>()?,
            stops: stopped.map(number).collect::<Result<_>>()?,
        })
    }

    fn withholds(&self, chart: &ChartNumber) -> bool {
        let over = |on: &Date| on.checked_add(30.days()).is_ok_and(|day| day <= TODAY);
        self.stops.contains(chart.expose()) || !self.notices.get(chart.expose()).is_some_and(over)
    }
}

/// Decisions per second.
fn rate(
    charts: &[ChartNumber],
    withheld: u64,
    withholds: impl Fn(&ChartNumber) -> bool,
) -> Result<f64> {
    let started = Instant::now();
    let found: u64 = charts
        .iter()
        .map(|chart| u64::from(withholds(black_box(chart))))
        .sum();
    let seconds = started.elapsed().as_secs_f64();
    ensure!(found == withheld, "{found} withheld instead of {withheld}");
    Ok(charts.len() as f64 / seconds)
}

/// The same disorder at every run.
fn shuffle(charts: &mut [ChartNumber]) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for last in (1..charts.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state % (last as u64 + 1)).unwrap_or(last);
        charts.swap(last, other);
    }
}

fn resident_bytes() -> Result<usize> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = text
        .split_whitespace()
        .nth(1)
        .context("statm")?
        .parse()
        .context("statm")?;
    // The page of every machine that the benches run on.
    Ok(pages * 4096)
}
