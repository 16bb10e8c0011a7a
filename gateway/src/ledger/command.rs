//! `sekisho-gateway ledger …`: the ledger at the command line of the appliance.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Subcommand;
use config::gateway::Settings;
use jiff::Timestamp;
use jiff::tz::Offset;
use privacy::gate::{Event, Ground, TermError};
use record::ChartNumber;

use super::{Actor, Entry, Ledger, open};
use crate::clock::{self, Now};
use crate::error::{Failure, Problem};
use crate::state::State;

/// What can be done with the ledger.
#[derive(Subcommand)]
pub(crate) enum Act {
    /// 台帳の鎖をすべて確かめる / check the whole chain.
    Verify {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
    },
    /// 1人の記載、または判断待ちの記載を画面に示す / show the entries of a person, or those that
    /// wait for a decision, on the screen.
    Show {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 患者番号（なければ判断待ち） / chart number; without it what waits for a decision.
        #[arg(long)]
        chart: Option<String>,
    },
    /// 記載を1件取り消す（消さずに、取り消しの記載を加える） / take one entry back by a further one.
    Revoke {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 記載の番号 / number of the entry.
        #[arg(long)]
        entry: u64,
        /// 理由: mistake 誤記, wish 本人の希望, other-person 別人 / why.
        #[arg(long, value_parser = ground)]
        ground: Ground,
    },
}

fn ground(word: &str) -> Result<Ground, TermError> {
    word.parse()
}

impl Act {
    /// Does it.
    ///
    /// # Errors
    /// The ledger cannot be used, or what is asked for is not there.
    pub(crate) fn run(
        self,
        settings: impl Fn(&std::path::Path) -> Result<Settings, Failure>,
        tell: &dyn Fn(&str),
    ) -> Result<(), Failure> {
        match self {
            Self::Verify { config } => {
                let (_, head) = open(&settings(&config)?)?.standing(None)?;
                tell(&format!(
                    "台帳に異常はありません (the ledger is whole): {}",
                    head.entries
                ));
                Ok(())
            }
            Self::Show { config, chart } => show(&open(&settings(&config)?)?, chart.as_deref()),
            Self::Revoke {
                config,
                entry,
                ground,
            } => {
                let settings = settings(&config)?;
                let at = now(&settings)?;
                let number = revoke(&mut open(&settings)?, &Actor::Operator, at, entry, ground)?;
                tell(&format!("取り消しました (taken back): {entry} -> {number}"));
                Ok(())
            }
        }
    }
}

/// The time, checked as a run checks it.
fn now(settings: &Settings) -> Result<Now, Failure> {
    crate::spool::private_folder(&settings.state.folder)?;
    let state = State::open(&settings.state.folder.join("state.sqlite"))?;
    let now = clock::now(state.latest_seen()?)?;
    state.saw(now.seconds)?;
    Ok(now)
}

/// Takes an entry back by a further one and gives the number of that.
///
/// # Errors
/// There is no such entry, or it no longer counts.
pub(crate) fn revoke(
    ledger: &mut Ledger,
    actor: &Actor,
    at: Now,
    entry: u64,
    ground: Ground,
) -> Result<u64, Failure> {
    let found = ledger.entries(entry..=entry)?;
    if found.first().is_none_or(|found| found.revoked) {
        return Err(Failure::new(Problem::LedgerEntry, entry.to_string()));
    }
    let added = ledger.append(actor, at, vec![Event::Revoked { entry, ground }])?;
    Ok(*added.end())
}

/// Entries name persons: they are shown on a screen only.
fn show(ledger: &Ledger, chart: Option<&str>) -> Result<(), Failure> {
    let mut screen = std::io::stdout();
    if !screen.is_terminal() {
        return Err(Failure::new(Problem::NotAScreen, ""));
    }
    let entries = match chart {
        None => ledger.pending()?,
        Some(chart) => {
            let chart = ChartNumber::new(chart);
            ledger.of_chart(&chart.ok_or_else(|| Failure::new(Problem::LedgerEntry, ""))?)?
        }
    };
    for entry in &entries {
        // A line that cannot be written is no reason to fail.
        let _ = writeln!(screen, "{}", line(entry));
    }
    Ok(())
}

fn line(entry: &Entry) -> String {
    let at = Timestamp::from_second(entry.recorded_at).unwrap_or(Timestamp::UNIX_EPOCH);
    let at = Offset::constant(9).to_datetime(at);
    let stands = if entry.revoked { "×" } else { "○" };
    let event = entry.event.encode();
    format!(
        "{} {stands} {at} {} {}",
        entry.number,
        entry.actor,
        event.as_str()
    )
}
