//! What the settings say to the gate.

use std::str::FromStr;

use config::consent;
use privacy::gate::{Contract, Filing, HoldDays, NoticeDocument, Terms, VisitPolicy};
use record::Date;

use crate::error::{Failure, Problem};

/// What the settings say to the gate.
///
/// # Errors
/// A section of them is malformed.
pub(crate) fn terms(settings: &config::gateway::Settings) -> Result<Terms, Failure> {
    let notice = &settings.notice;
    Ok(Terms {
        contracts: settings
            .contracts
            .iter()
            .map(contract)
            .collect::<Result<_, _>>()?,
        documents: notice
            .documents
            .iter()
            .map(document)
            .collect::<Result<_, _>>()?,
        policy: notice.policy.as_ref().map(policy).transpose()?,
        mode: word("notice.mode", &notice.mode)?,
    })
}

fn contract(section: &consent::Contract) -> Result<Contract, Failure> {
    let reference = section
        .filing_reference
        .as_ref()
        .zip(section.filed_on.as_ref());
    let filing = match reference {
        None => None,
        Some((reference, filed_on)) => Some(Filing {
            reference: word("contracts.filing_reference", reference)?,
            filed_on: day("contracts.filed_on", filed_on)?,
            revoked_on: some_day("contracts.revoked_on", section.revoked_on.as_deref())?,
        }),
    };
    Ok(Contract {
        id: word("contracts.id", &section.id)?,
        kind: word("contracts.kind", &section.kind)?,
        filing,
        products: word("contracts.products", &section.products.join("+"))?,
        effective_from: day("contracts.effective_from", &section.effective_from)?,
        leaves_on: some_day("contracts.leaves_on", section.leaves_on.as_deref())?,
        hold_days: HoldDays::new(section.hold_days)
            .map_err(|_| malformed("contracts.hold_days"))?,
    })
}

fn document(section: &consent::NoticeDocument) -> Result<NoticeDocument, Failure> {
    Ok(NoticeDocument {
        version: word("notice.documents.version", &section.version)?,
        published_on: day("notice.documents.published_on", &section.published_on)?,
        products: word("notice.documents.products", &section.products.join("+"))?,
        reopens: section.reopens,
    })
}

fn policy(section: &consent::VisitPolicy) -> Result<VisitPolicy, Failure> {
    Ok(VisitPolicy {
        starts_on: day("notice.policy.starts_on", &section.starts_on)?,
        document: word("notice.policy.document", &section.document)?,
    })
}

fn malformed(key: &str) -> Failure {
    Failure::new(Problem::Settings, key.to_owned())
}

fn word<T: FromStr>(key: &str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| malformed(key))
}

fn day(key: &'static str, text: &str) -> Result<Date, Failure> {
    consent::date(key, text).map_err(|error| Failure::because(Problem::Settings, key, error))
}

fn some_day(key: &'static str, text: Option<&str>) -> Result<Option<Date>, Failure> {
    text.map(|text| day(key, text)).transpose()
}
