//! Linkage tokens as the core keeps them: keyed again with a key that never reaches a device.
//!
//! A thief of a device's key can then compute nothing that stands in the core's tables, and a
//! thief of the tables nothing that a device sends.

use envelope::MacKey;
use privacy::tokens::{Filter, LinkageTokens, Token, TokenKind};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use record::{SiteId, SubjectRef};

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

/// The second key of the tokens: exact tokens by HMAC, filters by a secret order of their bits,
/// which leaves their likeness as it is.
pub(crate) struct Rekey {
    exact: MacKey,
    orders: [[u8; 256]; 3],
}

impl Rekey {
    /// Derives what is needed from the core's key.
    pub(crate) fn new(key: &MacKey) -> Self {
        let orders = FilterField::ALL.map(|field| order(key, field));
        Self {
            exact: key.derive("sekisho core linkage tokens v1"),
            orders,
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

    /// A filter with its bits in the core's order.
    pub(crate) fn filter(&self, field: FilterField, filter: &Filter) -> Filter {
        let order = match (field, &self.orders) {
            (FilterField::Family, [order, _, _])
            | (FilterField::Given, [_, order, _])
            | (FilterField::Birth, [_, _, order]) => order,
        };
        let mut bytes = [0; 32];
        for (from, to) in order.iter().enumerate() {
            let set = filter
                .as_bytes()
                .get(from / 8)
                .is_some_and(|byte| byte >> (from % 8) & 1 == 1);
            if let Some(byte) = bytes.get_mut(usize::from(to / 8)).filter(|_| set) {
                *byte |= 1 << (to % 8);
            }
        }
        Filter::new(bytes)
    }

    /// The rows of a subject: one for each token and filter; one without a field when there is
    /// nothing to link by.
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
            let filter = self.filter(field, &field.of(tokens)?);
            Some((field.as_str(), hex(filter.as_bytes())))
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

/// A secret order of 256 places (Fisher-Yates).
fn order(key: &MacKey, field: FilterField) -> [u8; 256] {
    let label = format!("sekisho core filter order v1 {}", field.as_str());
    let mut random = ChaCha20Rng::from_seed(key.derive(&label).mac(b"order"));
    let mut order = [0; 256];
    for (place, value) in order.iter_mut().zip(0..=255) {
        *place = value;
    }
    for last in (1..256_usize).rev() {
        // 2^64 modulo at most 256: the bias is below 2^-56.
        let other = random.next_u64() % (last as u64 + 1);
        order.swap(last, other as usize);
    }
    order
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use privacy::tokens::dice;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stored_tokens_depend_on_the_core_key_and_on_kind_version_and_epoch() {
        let token = Token::new([7; 16]);
        let [a, b] = [1, 2].map(|seed| Rekey::new(&MacKey::from_bytes([seed; 32])));
        let kind = TokenKind::Insured;
        let stored = a.token(kind, 1, 1, &token);
        assert_eq!(stored, a.token(kind, 1, 1, &token));
        for other in [
            b.token(kind, 1, 1, &token),
            a.token(TokenKind::NamePostal, 1, 1, &token),
            a.token(kind, 2, 1, &token),
            a.token(kind, 1, 2, &token),
            *token.as_bytes(),
        ] {
            assert_ne!(stored, other);
        }
    }

    proptest! {
        /// The order of bits is a permutation: likeness stays, the filter itself does not.
        #[test]
        fn keyed_again_filters_are_as_alike_as_before(a: [u8; 32], b: [u8; 32], seed: u8) {
            let rekey = Rekey::new(&MacKey::from_bytes([seed; 32]));
            for field in FilterField::ALL {
                let [x, y] = [a, b].map(|bytes| rekey.filter(field, &Filter::new(bytes)));
                let before = dice(&Filter::new(a), &Filter::new(b));
                prop_assert!((dice(&x, &y) - before).abs() < 1e-12);
            }
        }
    }
}
