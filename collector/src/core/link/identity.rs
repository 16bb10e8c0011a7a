//! What linkage knows of a subject: tokens under the core's key, and the sex that content states.

use std::collections::BTreeMap;
use std::path::Path;

use privacy::tokens::{Filter, LinkageTokens, TokenKind};
use record::SubjectRef;

use crate::core::catalogue::{Catalogue, Member};
use crate::core::failure::{Failure, Problem, Result};
use crate::core::tables::{
    self, Columns, Current, FilterField, FilterPlace, Reader, Rekey, Table, position,
};

/// A subject with everything that linkage compares.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// Who at which site.
    pub(crate) member: Member,
    /// Exact tokens, sorted. Version and epoch are part of each value.
    pub(crate) exact: Vec<(TokenKind, [u8; 16])>,
    /// Filters; they compare only when `made` is equal.
    pub(crate) family: Option<Filter>,
    /// See `family`.
    pub(crate) given: Option<Filter>,
    /// See `family`.
    pub(crate) birth: Option<Filter>,
    /// Version and epoch of the tokens.
    pub(crate) made: (u16, u16),
    /// Male or female, when content says so.
    pub(crate) male: Option<bool>,
}

impl Identity {
    /// A subject of whom nothing is known.
    pub(crate) fn unknown(member: Member) -> Self {
        Self {
            member,
            exact: Vec::new(),
            family: None,
            given: None,
            birth: None,
            made: (0, 0),
            male: None,
        }
    }

    /// A subject with tokens straight from a site.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the linkage tests come in here")
    )]
    pub(crate) fn of(member: Member, tokens: &LinkageTokens, rekey: &Rekey) -> Self {
        let mut exact: Vec<_> = tokens
            .exact
            .iter()
            .flat_map(|(kind, several)| several.iter().map(move |token| (*kind, token)))
            .map(|(kind, token)| (kind, rekey.token(kind, tokens.version, tokens.epoch, token)))
            .collect();
        exact.sort_unstable();
        Self {
            exact,
            family: tokens.family,
            given: tokens.given,
            birth: tokens.birth,
            made: (tokens.version, tokens.epoch),
            ..Self::unknown(member)
        }
    }

    /// The tokens of one kind.
    pub(crate) fn tokens(&self, kind: TokenKind) -> &[(TokenKind, [u8; 16])] {
        let start = self.exact.partition_point(|(other, _)| *other < kind);
        let end = self.exact.partition_point(|(other, _)| *other <= kind);
        self.exact.get(start..end).unwrap_or_default()
    }
}

/// Every subject of every site, in order, each with its newest tokens.
///
/// # Errors
/// A table file is missing or damaged.
pub(crate) fn load(catalogue: &Catalogue, tables: &Path, rekey: &Rekey) -> Result<Vec<Identity>> {
    let mut all = Vec::new();
    for site in catalogue.sites()? {
        let mut subjects = BTreeMap::new();
        let columns = Table::Linkage.columns();
        for (sequence, _) in catalogue.parts(&site, Table::Linkage.name())? {
            let path = tables::file(tables, Table::Linkage.name(), &site, sequence);
            let mut reader = Reader::open(&path, &columns)?;
            let mut batch: BTreeMap<SubjectRef, Identity> = BTreeMap::new();
            while let Some(rows) = reader.next()? {
                for row in 0..rows.rows() {
                    let subject = reference(&rows, row)?;
                    let identity = batch.entry(subject).or_insert_with(|| {
                        Identity::unknown(Member {
                            site: site.clone(),
                            subject,
                        })
                    });
                    add_token(identity, rekey, &rows, row)?;
                }
            }
            // A later batch replaces all tokens of a subject.
            subjects.extend(batch);
        }
        let current = Current::load(catalogue, tables, &site)?;
        let patient = Table::Records(record::ResourceKind::Patient);
        let sex = position(&patient.columns(), "sex");
        current.rows(catalogue, tables, patient, |rows, row| {
            if let Some(identity) = subjects.get_mut(&reference(rows, row)?) {
                identity.male = match rows.text(sex, row) {
                    Some("M") => Some(true),
                    Some("F") => Some(false),
                    _ => identity.male,
                };
            }
            Ok(())
        })?;
        all.extend(subjects.into_values());
    }
    for identity in &mut all {
        identity.exact.sort_unstable();
    }
    Ok(all)
}

/// Adds one row of the linkage table: see [`Rekey::rows`] for its columns.
fn add_token(identity: &mut Identity, rekey: &Rekey, rows: &Columns, row: usize) -> Result<()> {
    let damaged = || Failure::new(Problem::Damaged, "linkage row");
    let number = |column| -> Option<u16> { rows.whole(column, row)?.try_into().ok() };
    identity.made = (
        number(2).ok_or_else(damaged)?,
        number(3).ok_or_else(damaged)?,
    );
    let (Some(field), Some(value)) = (rows.text(4, row), rows.text(5, row)) else {
        return Ok(());
    };
    if let Some(kind) = TokenKind::ALL.iter().find(|kind| kind.as_str() == field) {
        let token = hex(value).and_then(|bytes| bytes.try_into().ok());
        identity.exact.push((*kind, token.ok_or_else(damaged)?));
        return Ok(());
    }
    let fields = FilterField::ALL;
    let known = fields.into_iter().find(|known| known.as_str() == field);
    let place = FilterPlace {
        site: &identity.member.site,
        subject: &identity.member.subject,
        version: identity.made.0,
        epoch: identity.made.1,
        field: known.ok_or_else(damaged)?,
    };
    let sealed = hex(value).ok_or_else(damaged)?;
    let filter = Some(rekey.open(place, &sealed).ok_or_else(damaged)?);
    match place.field {
        FilterField::Family => identity.family = filter,
        FilterField::Given => identity.given = filter,
        FilterField::Birth => identity.birth = filter,
    }
    Ok(())
}

/// The subject column stands at the same place in every table.
fn reference(rows: &Columns, row: usize) -> Result<SubjectRef> {
    let text = rows.text(1, row).unwrap_or_default();
    text.parse()
        .map_err(|_| Failure::new(Problem::Damaged, "subject reference"))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|pair| byte(pair)).collect();
    bytes.filter(|_| rest.is_empty())
}
