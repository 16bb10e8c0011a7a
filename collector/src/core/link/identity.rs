//! What linkage knows of a subject: tokens under the core's key, and the sex that content states.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use privacy::tokens::{Filter, LinkageTokens, TokenKind};
use record::SubjectRef;

use crate::core::catalogue::{Catalogue, Member};
use crate::core::failure::{Failure, Problem, Result};
use crate::core::tables::{
    self, Columns, Current, FilterField, FilterPlace, Reader, Rekey, Table, position,
};

/// Version of the normaliser and epoch of the key: only tokens that were made alike compare.
pub(crate) type Made = (u16, u16);

/// Tokens of one subject that were made alike.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Exact tokens, sorted. Version and epoch are part of each value.
    pub(crate) exact: Vec<(TokenKind, [u8; 16])>,
    /// Family name.
    pub(crate) family: Option<Filter>,
    /// Given name.
    pub(crate) given: Option<Filter>,
    /// Day of birth.
    pub(crate) birth: Option<Filter>,
}

impl Tokens {
    /// The tokens of one kind.
    pub(crate) fn of_kind(&self, kind: TokenKind) -> &[(TokenKind, [u8; 16])] {
        let start = self.exact.partition_point(|(other, _)| *other < kind);
        let end = self.exact.partition_point(|(other, _)| *other <= kind);
        self.exact.get(start..end).unwrap_or_default()
    }

    /// Whether both have a token of a kind in common. Both lists are sorted and short.
    pub(crate) fn shares(&self, other: &Self, kind: TokenKind) -> bool {
        let others = other.of_kind(kind);
        self.of_kind(kind)
            .iter()
            .any(|token| others.binary_search(token).is_ok())
    }

    /// Whether a token that names one person is as it was: the full name with day of birth and sex,
    /// the card with its branch, or the municipal number.
    fn names_the_same(&self, other: &Self) -> bool {
        [
            TokenKind::KanaBirthSex,
            TokenKind::KanjiBirthSex,
            TokenKind::Insured,
            TokenKind::Municipal,
        ]
        .into_iter()
        .any(|kind| self.shares(other, kind))
    }
}

/// A subject with everything that linkage compares.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// Who at which site.
    pub(crate) member: Member,
    /// Tokens by how they were made; of several epochs while and after the site changed its key.
    pub(crate) tokens: BTreeMap<Made, Tokens>,
    /// Male or female, when content says so.
    pub(crate) male: Option<bool>,
}

impl Identity {
    /// A subject of whom nothing is known.
    pub(crate) fn unknown(member: Member) -> Self {
        Self {
            member,
            tokens: BTreeMap::new(),
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
        let made = (tokens.version, tokens.epoch);
        let tokens = Tokens {
            exact,
            family: tokens.family,
            given: tokens.given,
            birth: tokens.birth,
        };
        Self {
            tokens: [(made, tokens)].into(),
            ..Self::unknown(member)
        }
    }

    /// Exact tokens of every epoch.
    pub(crate) fn exact(&self) -> impl Iterator<Item = (TokenKind, [u8; 16])> {
        self.tokens
            .values()
            .flat_map(|tokens| tokens.exact.iter().copied())
    }

    /// The newest tokens of two subjects that were made alike, if there are any.
    pub(crate) fn alike<'a>(&'a self, other: &'a Self) -> Option<(&'a Tokens, &'a Tokens)> {
        let mut newest = self.tokens.iter().rev();
        newest.find_map(|(made, tokens)| Some((tokens, other.tokens.get(made)?)))
    }

    /// Takes what a later batch of the site says. It replaces what was said before, except that
    /// tokens of an epoch which the site has left stand on, so that its persons are not torn from
    /// those of sites that are still in it: as long as tokens which were sent together with them
    /// still name the same person. A person whom the site corrected to somebody else has no older
    /// tokens.
    fn follow(&mut self, later: BTreeMap<Made, Tokens>) {
        let stands = later.iter().any(|(made, tokens)| {
            let before = self.tokens.get(made);
            before.is_some_and(|before| before.names_the_same(tokens))
        });
        match stands {
            true => self.tokens.extend(later),
            false => self.tokens = later,
        }
    }
}

/// Every subject of every site, in order, each with its newest tokens.
///
/// # Errors
/// A table file is missing or damaged.
pub(crate) fn load(catalogue: &Catalogue, tables: &Path, rekey: &Rekey) -> Result<Vec<Identity>> {
    let mut all = Vec::new();
    for site in catalogue.sites()? {
        let mut subjects: BTreeMap<SubjectRef, Identity> = BTreeMap::new();
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
            for (subject, mut identity) in batch {
                for tokens in identity.tokens.values_mut() {
                    tokens.exact.sort_unstable();
                }
                match subjects.entry(subject) {
                    Entry::Vacant(vacant) => drop(vacant.insert(identity)),
                    Entry::Occupied(mut known) => known.get_mut().follow(identity.tokens),
                }
            }
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
    Ok(all)
}

/// Adds one row of the linkage table: see [`Rekey::rows`] for its columns.
fn add_token(identity: &mut Identity, rekey: &Rekey, rows: &Columns, row: usize) -> Result<()> {
    let damaged = || Failure::new(Problem::Damaged, "linkage row");
    let number = |column| -> Option<u16> { rows.whole(column, row)?.try_into().ok() };
    let made = (
        number(2).ok_or_else(damaged)?,
        number(3).ok_or_else(damaged)?,
    );
    let tokens = identity.tokens.entry(made).or_default();
    let (Some(field), Some(value)) = (rows.text(4, row), rows.text(5, row)) else {
        return Ok(());
    };
    if let Some(kind) = TokenKind::ALL.iter().find(|kind| kind.as_str() == field) {
        let token = hex(value).and_then(|bytes| bytes.try_into().ok());
        tokens.exact.push((*kind, token.ok_or_else(damaged)?));
        return Ok(());
    }
    let fields = FilterField::ALL;
    let known = fields.into_iter().find(|known| known.as_str() == field);
    let place = FilterPlace {
        site: &identity.member.site,
        subject: &identity.member.subject,
        version: made.0,
        epoch: made.1,
        field: known.ok_or_else(damaged)?,
    };
    let sealed = hex(value).ok_or_else(damaged)?;
    let filter = Some(rekey.open(place, &sealed).ok_or_else(damaged)?);
    match place.field {
        FilterField::Family => tokens.family = filter,
        FilterField::Given => tokens.given = filter,
        FilterField::Birth => tokens.birth = filter,
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
