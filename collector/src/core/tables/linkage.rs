//! Linkage tokens as the core keeps them: keyed again with a key that never reaches a device.
//!
//! A thief of a device's key can then compute nothing that stands in the core's tables, and a
//! thief of the tables nothing that a device sends. Exact tokens keep one property, equality.
//! Filters keep none: a form in which their likeness still shows can be matched with a list of
//! names by whoever has a device's key, so they are encrypted and open only while persons are
//! linked.

use envelope::{AtRestKey, MacKey, NONCE_BYTES};
use privacy::tokens::{Filter, LinkageTokens, Token, TokenKind};
use record::{SiteId, StaffRef, SubjectRef};

use super::sheet::Cell;

/// Which field a filter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FilterField {
    /// Family name.
    Family,
    /// Given name.
    Given,
    /// Day of birth.
    Birth,
}

impl FilterField {
    /// Every field.
    pub(crate) const ALL: [Self; 3] = [Self::Family, Self::Given, Self::Birth];

    /// The word in the table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Family => "family",
            Self::Given => "given",
            Self::Birth => "birth",
        }
    }

    fn of(self, tokens: &LinkageTokens) -> Option<Filter> {
        match self {
            Self::Family => tokens.family,
            Self::Given => tokens.given,
            Self::Birth => tokens.birth,
        }
    }
}

/// Whose filter of which field it is, and of which version and epoch. A filter opens only there.
#[derive(Clone, Copy)]
pub(crate) struct FilterPlace<'a> {
    pub(crate) site: &'a SiteId,
    pub(crate) subject: &'a SubjectRef,
    pub(crate) version: u16,
    pub(crate) epoch: u16,
    pub(crate) field: FilterField,
}

impl FilterPlace<'_> {
    /// No two places give the same bytes: only the site's length varies, and it stands last.
    fn context(self) -> Vec<u8> {
        let mut context = self.subject.as_bytes().to_vec();
        context.extend(self.version.to_be_bytes());
        context.extend(self.epoch.to_be_bytes());
        context.extend([self.field as u8]);
        context.extend(self.site.as_str().as_bytes());
        context
    }
}

/// The second key of the tokens: exact tokens by HMAC, filters by encryption.
pub(crate) struct Rekey {
    exact: MacKey,
    filters: AtRestKey,
    nonces: MacKey,
    staff: MacKey,
}

impl Rekey {
    /// Derives what is needed from the core's key.
    pub(crate) fn new(key: &MacKey) -> Self {
        Self {
            exact: key.derive("sekisho core linkage tokens v1"),
            filters: AtRestKey::derive(key, "sekisho core filters v1"),
            nonces: key.derive("sekisho core filter nonces v1"),
            staff: key.derive("sekisho core staff tokens v1"),
        }
    }

    /// An exact token under the core's key. Tokens of another version, epoch or kind differ.
    pub(crate) fn token(
        &self,
        kind: TokenKind,
        version: u16,
        epoch: u16,
        token: &Token,
    ) -> [u8; 16] {
        let mut message = vec![kind.number()];
        message.extend(version.to_be_bytes());
        message.extend(epoch.to_be_bytes());
        message.extend(token.as_bytes());
        let [mac @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = self.exact.mac(&message);
        mac
    }

    /// A staff token under the core's key. Equal ones stay equal, also of two sites that share a
    /// staff key.
    pub(crate) fn staff(&self, token: &StaffRef) -> [u8; 16] {
        let [mac @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            self.staff.mac(token.as_bytes());
        mac
    }

    /// A filter, encrypted for its place. The same filter at the same place gives the same bytes;
    /// the nonce is a keyed function of both, so no two messages share one.
    pub(crate) fn seal(&self, place: FilterPlace<'_>, filter: &Filter) -> Option<Vec<u8>> {
        let context = place.context();
        let mac = self.nonces.mac(&[filter.as_bytes(), &*context].concat());
        let nonce = mac.first_chunk::<NONCE_BYTES>()?;
        self.filters.seal(*nonce, &context, filter.as_bytes())
    }

    /// The filter of a place; `None` when the bytes are not those that were sealed there.
    pub(crate) fn open(&self, place: FilterPlace<'_>, sealed: &[u8]) -> Option<Filter> {
        let bytes = self.filters.open(&place.context(), sealed)?;
        Some(Filter::new(bytes.as_slice().try_into().ok()?))
    }

    /// The rows of a subject for the tokens of one epoch: one for each token and filter; one
    /// without a field when there is nothing to link by.
    pub(crate) fn rows(
        &self,
        site: &SiteId,
        subject: &SubjectRef,
        tokens: &LinkageTokens,
    ) -> Vec<Vec<Cell>> {
        let (version, epoch) = (tokens.version, tokens.epoch);
        let exact = tokens.exact.iter().flat_map(|(kind, several)| {
            several.iter().map(|token| {
                (
                    kind.as_str(),
                    hex(&self.token(*kind, version, epoch, token)),
                )
            })
        });
        let filters = FilterField::ALL.into_iter().filter_map(|field| {
            let place = FilterPlace {
                site,
                subject,
                version,
                epoch,
                field,
            };
            let sealed = self.seal(place, &field.of(tokens)?)?;
            Some((field.as_str(), hex(&sealed)))
        });
        let row = |field: Option<&str>, value: Option<String>| {
            vec![
                Cell::text(Some(site)),
                Cell::text(Some(subject)),
                Cell::Whole(version.into()),
                Cell::Whole(epoch.into()),
                Cell::text(field),
                Cell::text(value),
            ]
        };
        let mut rows: Vec<_> = exact
            .chain(filters)
            .map(|(field, value)| row(Some(field), Some(value)))
            .collect();
        if rows.is_empty() {
            rows.push(row(None, None));
        }
        rows
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
