//! The terms as the ledger keeps them, so that a past day is judged by what held then.
//!
//! Fields between tabs: mode; start and text of the policy, both empty without one; the number of
//! contracts and their nine fields each; the number of notice texts and their four fields each.

use std::fmt::Write as _;

use record::moment::Date;

use super::contract::{Contract, Filing, HoldDays, NoticeDocument, Terms, VisitPolicy};
use super::history::Fields;
use super::terms::TermError;

/// More of either than settings can name.
const MOST: usize = 1_000;

/// Writes the terms after what stands in a line.
pub(super) fn write(terms: &Terms, line: &mut String) {
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = write!(line, "\t{}", terms.mode);
    let _ = match &terms.policy {
        Some(policy) => write!(line, "\t{}\t{}", policy.starts_on, policy.document),
        None => write!(line, "\t\t"),
    };
    let _ = write!(line, "\t{}", terms.contracts.len());
    for contract in &terms.contracts {
        let _ = write!(line, "\t{}\t{}", contract.id, contract.kind);
        let _ = match &contract.filing {
            Some(filing) => write!(
                line,
                "\t{}\t{}\t{}",
                filing.reference,
                filing.filed_on,
                day(filing.revoked_on)
            ),
            None => write!(line, "\t\t\t"),
        };
        let _ = write!(
            line,
            "\t{}\t{}\t{}\t{}",
            contract.products,
            contract.effective_from,
            day(contract.leaves_on),
            contract.hold_days.get()
        );
    }
    let _ = write!(line, "\t{}", terms.documents.len());
    for document in &terms.documents {
        let _ = write!(
            line,
            "\t{}\t{}\t{}\t{}",
            document.version, document.published_on, document.products, document.reopens
        );
    }
}

/// Reads what [`write()`] wrote.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Terms, TermError> {
    let mode = fields.read()?;
    let policy = match (fields.optional()?, fields.optional()?) {
        (Some(starts_on), Some(document)) => Some(VisitPolicy {
            starts_on,
            document,
        }),
        (None, None) => None,
        _ => return Err(TermError),
    };
    let contracts = many(fields, contract)?;
    let documents = many(fields, |fields| {
        Ok(NoticeDocument {
            version: fields.read()?,
            published_on: fields.read()?,
            products: fields.read()?,
            reopens: fields.read()?,
        })
    })?;
    Ok(Terms {
        contracts,
        documents,
        policy,
        mode,
    })
}

fn contract(fields: &mut Fields<'_>) -> Result<Contract, TermError> {
    let (id, kind) = (fields.read()?, fields.read()?);
    let reference = fields.optional()?;
    let (filed_on, revoked_on) = (fields.optional()?, fields.optional()?);
    let filing = match (reference, filed_on) {
        (Some(reference), Some(filed_on)) => Some(Filing {
            reference,
            filed_on,
            revoked_on,
        }),
        (None, None) if revoked_on.is_none() => None,
        _ => return Err(TermError),
    };
    Ok(Contract {
        id,
        kind,
        filing,
        products: fields.read()?,
        effective_from: fields.read()?,
        leaves_on: fields.optional()?,
        hold_days: HoldDays::new(fields.read()?)?,
    })
}

fn many<T>(
    fields: &mut Fields<'_>,
    one: impl Fn(&mut Fields<'_>) -> Result<T, TermError>,
) -> Result<Vec<T>, TermError> {
    let count: usize = fields.read()?;
    match count <= MOST {
        true => (0..count).map(|_| one(fields)).collect(),
        false => Err(TermError),
    }
}
