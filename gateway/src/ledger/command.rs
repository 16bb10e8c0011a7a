//! `sekisho-gateway ledger …`: the ledger at the command line of the appliance.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use config::gateway::Settings;
use envelope::MacKey;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use privacy::gate::{Event, Gate, Ground, TermError};
use privacy::separate::subject_ref;
use record::ChartNumber;
use zeroize::Zeroizing;

use super::{Actor, Entry, ImportId, Ledger, add, import, open, terms};
use crate::clock::{self, Now};
use crate::error::{Failure, Problem};
use crate::keys;
use crate::state::{ErasureState, State};

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
        /// 1人の記載。患者番号は標準入力から1行で読む / of one person, whose number is read from
        /// standard input: arguments of a program are visible to others.
        #[arg(long)]
        person: bool,
        /// 過去の時点（日本時間 2026-05-01T12:00） / as of a past time in Japan.
        #[arg(long, requires = "person")]
        at: Option<DateTime>,
    },
    /// 1件を加える。内容は標準入力から TOML で読む（docs/operating/ledger.md） / add one entry, which
    /// is read as TOML from standard input: arguments of a program are visible to others.
    Add {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
    },
    /// CSV を調べ、--apply で取り込む / look at a CSV file, and take it in with --apply.
    Import {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 設定 ledger.imports の名前 / name in `ledger.imports` of the settings.
        #[arg(long)]
        name: String,
        /// ファイル / the file.
        #[arg(long)]
        file: PathBuf,
        /// 取り込む / take it in.
        #[arg(long)]
        apply: bool,
    },
    /// CSV と台帳を突き合わせる / compare a CSV file with the ledger.
    Reconcile {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 設定 ledger.imports の名前 / name in `ledger.imports` of the settings.
        #[arg(long)]
        name: String,
        /// ファイル / the file.
        #[arg(long)]
        file: PathBuf,
    },
    /// 取り込みを待機期間のうちにまとめて取り消す / take an import back while the hold runs.
    Undo {
        /// 設定ファイル / settings file.
        #[arg(long)]
        config: PathBuf,
        /// 取り込みの番号 / the import, as it was told.
        #[arg(long)]
        import: ImportId,
        /// 停止と番号の統合も取り消す / stops and merged numbers as well.
        #[arg(long)]
        also_stops: bool,
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

const NOT_YET: &str = "まだ何も取り込んでいません。--apply で取り込みます。\n\
    Nothing was taken in yet; --apply does.";

const BY_TODAYS_SETTINGS: &str = "その時点の契約と通知文は台帳にないため、今の設定で判定します \
    (the ledger has no contracts and notice texts of that time: judged by today's settings)";

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
        settings: impl Fn(&Path) -> Result<Settings, Failure>,
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
            Self::Show { config, person, at } => show(&settings(&config)?, person, at),
            Self::Add { config } => add_one(&settings(&config)?, tell),
            Self::Import {
                config,
                name,
                file,
                apply,
            } => take_in(&settings(&config)?, &name, &file, apply, tell),
            Self::Reconcile { config, name, file } => {
                let settings = settings(&config)?;
                let kind = import::named(&settings, &name)?;
                let found = import::reconcile(&settings, kind, &file, now(&settings)?)?;
                tell(&found.for_people());
                Ok(())
            }
            Self::Undo {
                config,
                import,
                also_stops,
            } => {
                let settings = settings(&config)?;
                let (by, at) = (Actor::Operator, now(&settings)?);
                let undone = import::undo(&settings, &import, also_stops, &by, at)?;
                tell(&format!(
                    "取り消した記載 (taken back): {}\n残した停止と統合 (stops and merges kept): {}",
                    undone.taken_back, undone.kept
                ));
                Ok(())
            }
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

/// Adds what standard input tells, unless it stands already.
fn add_one(settings: &Settings, tell: &dyn Fn(&str)) -> Result<(), Failure> {
    let at = now(settings)?;
    let add::Entry { event, opens } = add::entered(settings, at.today)?;
    // A clock that is behind would date it before the true day, and a hold end early.
    if opens && !clock::confirmed_now(&settings.clock) {
        return Err(Failure::new(Problem::ClockUnproven, ""));
    }
    let mut ledger = open(settings)?;
    let voided = ledger.voided()?;
    let mut same = ledger.same_as(&event)?.into_iter();
    if let Some(known) = same.find(|number| !voided.contains(*number)) {
        tell(&format!(
            "すでに同じ記載があります (stands already): {known}"
        ));
        return Ok(());
    }
    let added = ledger.append(&Actor::Operator, at, vec![event])?;
    tell(&format!("記載しました (added): {}", added.end()));
    Ok(())
}

fn take_in(
    settings: &Settings,
    name: &str,
    file: &Path,
    apply: bool,
    tell: &dyn Fn(&str),
) -> Result<(), Failure> {
    let (kind, at) = (import::named(settings, name)?, now(settings)?);
    if !apply {
        let preview = import::preview(settings, kind, file, at)?;
        tell(&preview.for_people());
        tell(NOT_YET);
        return Ok(());
    }
    let (id, preview) = import::apply(settings, kind, file, at)?;
    tell(&preview.for_people());
    tell(&format!("取り込みました (taken in): {id}"));
    Ok(())
}

/// The time, checked as a run checks it.
fn now(settings: &Settings) -> Result<Now, Failure> {
    crate::spool::private_folder(&settings.state.folder)?;
    let state = State::open(&settings.state.folder.join("state.sqlite"))?;
    clock::now(state.latest_seen()?)
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
    // What holds an import together is taken back by `undo` only, which knows what may go.
    let of_import = |found: &Entry| matches!(found.event, Event::Part { .. } | Event::Whole { .. });
    let standing = found.first().filter(|found| !found.revoked);
    if standing.is_none_or(of_import) {
        return Err(Failure::new(Problem::LedgerEntry, entry.to_string()));
    }
    let added = ledger.append(actor, at, vec![Event::Revoked { entry, ground }])?;
    Ok(*added.end())
}

/// Entries name persons: they are shown on a screen only.
fn show(settings: &Settings, person: bool, at: Option<DateTime>) -> Result<(), Failure> {
    let mut screen = std::io::stdout();
    if !screen.is_terminal() {
        return Err(Failure::new(Problem::NotAScreen, ""));
    }
    let ledger = open(settings)?;
    let lines = match person {
        false => ledger.pending()?.iter().map(line).collect(),
        true => {
            let mut number = Zeroizing::new(String::new());
            let read = std::io::stdin().read_line(&mut number);
            let chart = read.ok().and_then(|_| ChartNumber::new(number.trim()));
            let chart = chart.ok_or_else(|| Failure::new(Problem::LedgerEntry, ""))?;
            let mut lines = of_person(&ledger, settings, &chart, at)?;
            if at.is_none() {
                lines.extend(erasures(settings, &chart)?);
            }
            lines
        }
    };
    for line in lines {
        // A line that cannot be written is no reason to fail.
        let _ = writeln!(screen, "{line}");
    }
    Ok(())
}

/// How the erasure of what was sent of a person stands at the centre.
pub(super) fn erasures(settings: &Settings, chart: &ChartNumber) -> Result<Vec<String>, Failure> {
    let site: MacKey = keys::key(&settings.keys.site)?;
    let state = State::open(&settings.state.folder.join("state.sqlite"))?;
    let erasures = state.erasures_of(&subject_ref(chart, &site))?;
    let line = |erasure: &ErasureState| match (erasure.sequence, erasure.confirmed_at) {
        (None, _) => {
            "センターへの消去の求め: 次の束で送ります (erasure: told by the next batch)".to_owned()
        }
        (Some(batch), None) => format!(
            "センターへの消去の求め: 束 {batch}、完了を待っています (erasure: batch {batch}, not confirmed)"
        ),
        (Some(batch), Some(at)) => {
            let at = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
            let at = Offset::constant(9).to_datetime(at);
            format!(
                "センターでの消去: 完了 {at}、束 {batch} (erasure: batch {batch}, confirmed {at})"
            )
        }
    };
    Ok(erasures.iter().map(line).collect())
}

/// The entries of a person and what the gate says, now or at a past time by what held then.
pub(super) fn of_person(
    ledger: &Ledger,
    settings: &Settings,
    chart: &ChartNumber,
    at: Option<DateTime>,
) -> Result<Vec<String>, Failure> {
    let now = clock::unchecked();
    let seconds = at.map_or(Ok(now), |at| {
        let stamp = Offset::constant(9).to_timestamp(at);
        stamp.map(Timestamp::as_second)
    });
    let seconds = seconds.map_err(|_| Failure::new(Problem::LedgerEntry, "at"))?;
    let stamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let day = Offset::constant(9).to_datetime(stamp).date();
    let (standing, head) = ledger.standing(Some(seconds))?;
    let voided = ledger.voided_at(head.entries)?;
    let mut entries = ledger.of_chart(chart)?;
    entries.retain(|entry| entry.number <= head.entries);
    let mut lines = Vec::new();
    for mut entry in entries {
        entry.revoked = voided.contains(entry.number);
        lines.push(line(&entry));
    }
    let provided = match at {
        // What holds now is what the settings say, whether or not a run has seen them.
        None => None,
        Some(_) => ledger.provided_at(head.entries)?,
    };
    if at.is_some() && provided.is_none() {
        lines.push(BY_TODAYS_SETTINGS.to_owned());
    }
    let terms = provided.map_or_else(|| terms::terms(settings), Ok)?;
    let gate = Gate::new(terms, standing, head, day);
    lines.push(match gate.decide(std::slice::from_ref(chart)) {
        Ok(_) => format!("{day}: 提供できる (may leave)"),
        Err(reason) => format!("{day}: 提供しない (withheld): {} / {reason}", reason.ja()),
    });
    Ok(lines)
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
