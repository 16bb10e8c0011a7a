//! Records of receipt for people and authorities, their disposal once the law and the contract
//! allow it, and signed statements of what the ledger says about disposals and erasures.

use std::path::PathBuf;

use clap::Subcommand;
use envelope::{SigningKey, sign_statement};
use jiff::tz::Offset;
use jiff::{Span, Timestamp};
use record::{Date, SiteId};
use serde::Serialize;
use serde_json::Value;

use super::catalogue::{Catalogue, Receipt};
use super::failure::{Failure, Problem, Result};

/// What is done with records.
#[derive(Debug, Subcommand)]
pub(crate) enum Act {
    /// 受領の記録: write the receipt record of every batch, one JSON object a line.
    Records {
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
    },
    /// 保全: keep the records of a site from being disposed of, whatever their age.
    Hold {
        /// The site.
        #[arg(long)]
        site: SiteId,
        /// End it instead.
        #[arg(long)]
        end: bool,
        /// Who decides at the centre: 1 to 64 of `A-Z a-z 0-9 . _ -`.
        #[arg(long, value_parser = super::operator)]
        operator: String,
    },
    /// 廃棄: dispose of receipt records that need not be kept any more.
    Dispose {
        /// Those of before this day, YYYY-MM-DD.
        #[arg(long)]
        before: Date,
        /// Who does it at the centre: 1 to 64 of `A-Z a-z 0-9 . _ -`.
        #[arg(long, value_parser = super::operator)]
        operator: String,
        /// A new file: the signed certificate.
        #[arg(long)]
        certificate: PathBuf,
    },
    /// 証明書の一覧: show every disposal and erasure of the ledger, with its place.
    Certificates,
    /// 証明書の発行: write a signed certificate of a disposal or an erasure.
    Certify {
        /// Its place in the ledger, as `certificates` shows it.
        #[arg(long)]
        place: u64,
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
    },
}

/// Years for which receipt records are kept at least, by law (B-006).
pub(crate) const LEAST_YEARS: u8 = 3;

/// A receipt record as it is handed out.
#[derive(Serialize)]
struct Line<'a> {
    received_on: String,
    provider: &'a str,
    sequence: u64,
    batch: String,
    bytes: u64,
    persons: &'a Value,
    documents: &'a Value,
    items: &'a Value,
    withdrawn: &'a Value,
    transport: &'a Value,
    evidence: &'a Value,
}

/// Every record, one JSON object a line, oldest first.
///
/// # Errors
/// A record cannot be read.
pub(crate) fn lines(catalogue: &Catalogue) -> Result<String> {
    let mut text = String::new();
    for receipt in catalogue.receipts(i64::MAX)? {
        text.push_str(&line(&receipt)?);
        text.push('\n');
    }
    Ok(text)
}

fn line(receipt: &Receipt) -> Result<String> {
    let damaged = |error| Failure::because(Problem::Damaged, "receipt", error);
    let manifest: Value = serde_json::from_str(&receipt.manifest).map_err(damaged)?;
    let at = |key: &str| manifest.get(key).unwrap_or(&Value::Null);
    let line = Line {
        received_on: super::today_at(receipt.received_at).to_string(),
        provider: &receipt.site,
        sequence: receipt.sequence,
        batch: receipt.batch.to_string(),
        bytes: receipt.bytes,
        persons: at("subjects"),
        documents: at("documents"),
        items: at("records"),
        withdrawn: at("withdrawn"),
        transport: at("transport"),
        evidence: at("gate"),
    };
    serde_json::to_string(&line).map_err(damaged)
}

/// The first moment of a day in Japan from which on records are kept that long.
///
/// # Errors
/// The day before which they are to be disposed of is later than that.
pub(crate) fn disposable(before: Date, years: u8, today: Date) -> Result<i64> {
    let last = today
        .checked_sub(Span::new().years(years))
        .map_err(|error| Failure::because(Problem::Retention, "date", error))?;
    if before > last {
        let detail = format!("{before} > {last} ({years})");
        return Err(Failure::new(Problem::Retention, detail));
    }
    let midnight = before.at(0, 0, 0, 0);
    let moment = Offset::constant(9).to_timestamp(midnight);
    moment
        .map(Timestamp::as_second)
        .map_err(|error| Failure::because(Problem::Retention, "date", error))
}

/// A signed statement of one entry of the ledger, in Japanese and English, for whoever has to be
/// shown that something was disposed of or erased.
///
/// # Errors
/// The ledger is damaged, has no such entry, or the entry is about something else.
pub(crate) fn certify(catalogue: &Catalogue, height: u64, key: &SigningKey) -> Result<Vec<u8>> {
    let entries = catalogue.check_ledger()?;
    let entry = catalogue.entry(height)?;
    let (at, event, digest) =
        entry.ok_or_else(|| Failure::new(Problem::NothingToCertify, height.to_string()))?;
    let parsed: Value = serde_json::from_str(&event)
        .map_err(|error| Failure::because(Problem::Damaged, "ledger", error))?;
    let title = match parsed.get("event").and_then(Value::as_str) {
        Some("disposed") => "廃棄証明書 / Certificate of disposal",
        Some("erasure_done") => "消去証明書 / Certificate of erasure",
        _ => return Err(Failure::new(Problem::NothingToCertify, height.to_string())),
    };
    let day = super::today_at(at);
    let digest = record::BatchId::new(digest);
    let text = format!(
        "{title}\n日 / day: {day}\n内容 / what: {event}\n\
         台帳の位置 / place in the ledger: {height} / {entries}\n\
         その行の値 / digest of the entry: {digest}\n"
    );
    sign_statement(&text, key).map_err(|error| Failure::because(Problem::Key, "letters", error))
}

#[cfg(test)]
mod tests {
    use envelope::read_statement;
    use jiff::civil::date;

    use super::*;
    use crate::core::fixture::{Centre, Hospital, basic, patient};

    /// B-006: each batch that was taken leaves a record of date, provider, items, persons and
    /// evidence.
    #[test]
    fn every_batch_that_is_taken_leaves_a_receipt_record() {
        let mut hospital = Hospital::new("HOSP-A", 1);
        let centre = Centre::new(&[&hospital]);
        let sealed = hospital.seal(vec![patient(1, vec![basic(1, 1)])]);
        centre.deliver(&sealed);
        centre.pull();
        let (_folder, catalogue) = centre.open();
        let text = lines(&catalogue).unwrap();
        let line: Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["provider"], "HOSP-A");
        assert_eq!(line["batch"], sealed.id.to_string());
        assert_eq!(line["bytes"], sealed.bytes.len());
        assert_eq!(
            (&line["persons"], &line["items"]["Patient"]),
            (&1.into(), &1.into())
        );
        assert_eq!(line["evidence"]["contract"], "CONTRACT-1");
        assert!(line["received_on"].as_str().unwrap().starts_with("20"));
    }

    /// B-006, A-142: nothing is disposed of before its time or under a hold; what is disposed of
    /// leaves a certificate that names what, when and by whom.
    #[test]
    fn records_are_disposed_of_after_their_time_only_and_with_a_certificate() {
        let today = date(2036, 4, 2);
        for (before, years, allowed) in [
            (date(2026, 4, 2), 10, true),
            (date(2026, 4, 3), 10, false),
            (date(2033, 4, 2), 3, true),
            (date(2033, 4, 3), 3, false),
        ] {
            let disposable = disposable(before, years, today);
            assert_eq!(disposable.is_ok(), allowed, "{before} {years}");
            if let Err(failure) = disposable {
                assert_eq!(failure.problem(), Problem::Retention);
            }
        }
        let mut hospital = Hospital::new("HOSP-A", 1);
        let centre = Centre::new(&[&hospital]);
        centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
        centre.pull();
        let (_folder, mut catalogue) = centre.open();
        let site = "HOSP-A".parse().unwrap();
        let received = catalogue.receipts(i64::MAX).unwrap()[0].received_at;
        assert_eq!(catalogue.dispose(received, "op", 9).unwrap().1, 0);
        assert!(catalogue.hold(&site, true, "op", 9).unwrap());
        let held = catalogue.dispose(received + 1, "op", 9).unwrap_err();
        assert_eq!(held.problem(), Problem::OnHold);
        assert_eq!(catalogue.receipts(i64::MAX).unwrap().len(), 1);
        assert!(catalogue.hold(&site, false, "op", 9).unwrap());
        let (height, records) = catalogue.dispose(received + 1, "clerk-7", 86_400).unwrap();
        assert_eq!(records, 1);
        assert!(catalogue.receipts(i64::MAX).unwrap().is_empty());
        let key = SigningKey::from_seed([4; 32]).unwrap();
        let statement = certify(&catalogue, height, &key).unwrap();
        let text = read_statement(&statement, &key.public()).unwrap();
        for part in [
            "廃棄証明書",
            "1970-01-02",
            "clerk-7",
            "\"records\":1",
            "receipts",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let other = certify(&catalogue, height - 1, &key).unwrap_err();
        assert_eq!(other.problem(), Problem::NothingToCertify);
    }
}
