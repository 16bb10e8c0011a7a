//! How updates stand, for people.

use update::{Reason, Stage};

use crate::error::UpdateError;
use crate::report::{Outcome, Report};
use crate::running;
use crate::settings::Settings;
use crate::state;

/// Prints the version that runs, the record and the last runs.
#[expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print"
)]
pub(crate) fn print(settings: &Settings) -> Result<(), UpdateError> {
    let (version, slot) = running::now(settings)?;
    let record = state::record(settings)?;
    println!("動いている版 / running: {version} ({slot:?})");
    println!("更新 / update: {}", stage(&record.stage));
    println!(
        "これより古い版は入れません / nothing below: {}",
        record.least()
    );
    for (name, folder) in [
        ("受け取り / download", &settings.incoming),
        ("入れ替え / installation", &settings.state),
    ] {
        if let Some(report) = Report::read(folder) {
            println!("{name}: {}", line(&report));
        }
    }
    Ok(())
}

/// Tells how a run ended.
#[expect(clippy::print_stdout, reason = "a run says how it ended, for the log")]
pub(crate) fn tell(report: &Report) {
    println!("{}", line(report));
}

fn line(report: &Report) -> String {
    let said = match report.outcome {
        Outcome::Newest => "最新です / the newest version runs",
        Outcome::Waits => {
            "新しい版があります。順番を待っています / a newer version waits for its turn"
        }
        Outcome::Closed => {
            "新しい版があります。更新の時間帯を待っています / a newer version waits for the hours of updates"
        }
        Outcome::Held => {
            "新しい版がありますが、設定で止めています / a newer version is held by the settings"
        }
        Outcome::GivenUp => "新しい版は一度試して戻しました / the newer version was given up",
        Outcome::Loaded => "新しい版を受け取りました / a newer version was downloaded",
        Outcome::Installed => {
            "新しい版を入れました。次の起動で試します / installed; the next start tries it"
        }
        Outcome::Failed => "失敗しました / failed",
    };
    let at = jiff::Timestamp::from_second(report.at).map_or(String::new(), |it| it.to_string());
    let version = report.version.map_or(String::new(), |it| format!(" {it}"));
    let code = match report.code {
        0 => String::new(),
        code => format!(" AG{code:02}"),
    };
    let bytes = match report.outcome {
        Outcome::Loaded => format!(" {} / {} bytes", report.received, report.total),
        _ => String::new(),
    };
    format!("{at} {said}{version}{code}{bytes}")
}

fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Idle {} => "まだありません / none yet".to_owned(),
        Stage::Writing { version, .. } => format!("書き込み中 / being written: {version}"),
        Stage::Written { version, .. } => format!("書き込み済み / written: {version}"),
        Stage::Staged { version, .. } => format!("次の起動で試します / next start: {version}"),
        Stage::Trying {
            version,
            starts,
            why,
            ..
        } => {
            let why = why.map_or(String::new(), |why| format!("; {}", reason(why)));
            format!("確認中 / being tried: {version} ({starts}){why}")
        }
        Stage::Good { version } => format!("確認済み / good: {version}"),
        Stage::Returned { version, why } => {
            format!("戻しました / given up: {version}; {}", reason(*why))
        }
    }
}

fn reason(why: Reason) -> &'static str {
    match why {
        Reason::Tampered => "内容が署名と一致しない / not what was signed",
        Reason::NoRoom => "区画に入らない / does not fit",
        Reason::WriteFailed => "書き込めない / cannot be written",
        Reason::NotStarted => "起動しなかった / did not start",
        Reason::AgentSilent => "状態の測定が動かない / the agent is silent",
        Reason::SpoolUnreadable => "送信待ちを読めない / the queue cannot be read",
        Reason::SettingsRefused => "設定を受け付けない / the gateway refuses its settings",
        Reason::PageSilent => "画面が答えない / the page does not answer",
        Reason::CentreUnreachable => "センターに届かない / the centre cannot be reached",
        Reason::FellBack => "確認後に起動しなくなった / it stopped starting later",
    }
}
