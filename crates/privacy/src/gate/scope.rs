//! Scope of a statement of will: which domains, which products, which period of care.

use std::fmt;
use std::str::FromStr;

use record::kind::Domain;
use record::moment::{Date, Moment};
use serde::{Deserialize, Serialize};

use super::terms::{TermError, worded};

worded!(
    /// What a certified maker makes of provided records (B-014).
    Product {
        /// 匿名加工医療情報
        Anonymized = "anonymized",
        /// 仮名加工。The full word is reserved for certified makers (B-073).
        Pseudonymized = "pseudonymized",
        /// NDB 等の公的データベースと連結できる形
        NdbLinkable = "ndb-linkable",
    }
);

/// A set of products; in text, their words joined by `+`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Products(u8);

/// A set of domains; in text, their words joined by `+`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Domains(u8);

macro_rules! set_of {
    ($set:ident, $member:ident, $word:path) => {
        impl $set {
            /// Every one.
            pub const ALL: Self = Self((1 << $member::ALL.len()) - 1);
            /// None at all: covers nothing.
            pub const NONE: Self = Self(0);

            /// The set of these.
            pub fn of(members: &[$member]) -> Self {
                let bit = |member: &$member| 1 << *member as u8;
                Self(members.iter().map(bit).fold(0, |set, bit: u8| set | bit))
            }

            /// Whether it holds a member.
            pub fn holds(self, member: $member) -> bool {
                self.0 & Self::of(&[member]).0 != 0
            }

            /// Whether it holds every member of another.
            pub fn holds_all(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether it shares a member with another.
            pub fn meets(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Whether it holds nothing.
            pub fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Its members in a fixed order.
            pub fn members(self) -> impl Iterator<Item = $member> {
                let all = $member::ALL.iter().copied();
                all.filter(move |member| self.holds(*member))
            }
        }

        impl fmt::Display for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (place, member) in self.members().enumerate() {
                    let joint = if place == 0 { "" } else { "+" };
                    write!(f, "{joint}{}", $word(member))?;
                }
                Ok(())
            }
        }

        impl fmt::Debug for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $set {
            type Err = TermError;

            /// At least one word, each once or more, none unknown.
            fn from_str(text: &str) -> Result<Self, TermError> {
                text.split('+').try_fold(Self::NONE, |set, word| {
                    let member = word.parse::<$member>().map_err(|_| TermError)?;
                    Ok(Self(set.0 | Self::of(&[member]).0))
                })
            }
        }
    };
}

set_of!(Products, Product, Product::as_str);
set_of!(Domains, Domain, Domain::as_str);

impl TryFrom<String> for Products {
    type Error = TermError;

    fn try_from(text: String) -> Result<Self, TermError> {
        text.parse()
    }
}

impl From<Products> for String {
    fn from(products: Products) -> Self {
        products.to_string()
    }
}

/// To what a stop or a consent extends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// Which domains of life.
    pub domains: Domains,
    /// Which products.
    pub products: Products,
    /// The first day of care; all earlier ones too when absent.
    pub from: Option<Date>,
    /// The last day of care; all later ones too when absent.
    pub until: Option<Date>,
}

impl Scope {
    /// Everything.
    pub const ALL: Self = Self {
        domains: Domains::ALL,
        products: Products::ALL,
        from: None,
        until: None,
    };

    /// Whether a stop of this scope forbids a document for these products. What has no certain day
    /// of care could lie in the period, so a stop covers it.
    pub(super) fn forbids(
        &self,
        domain: Domain,
        products: Products,
        care_date: Option<Moment>,
    ) -> bool {
        self.domains.holds(domain)
            && self.products.meets(products)
            && self.in_period(care_date).unwrap_or(true)
    }

    /// Whether a consent of this scope allows a document for all these products. What has no
    /// certain day of care is not covered by a consent for a period.
    pub(super) fn allows(
        &self,
        domain: Domain,
        products: Products,
        care_date: Option<Moment>,
    ) -> bool {
        self.domains.holds(domain)
            && self.products.holds_all(products)
            && self.in_period(care_date).unwrap_or(false)
    }

    /// Whether a stop of this scope leaves nothing of a person for these products.
    pub(super) fn forbids_everything(&self, products: Products) -> bool {
        self.domains.holds_all(Domains::ALL)
            && self.products.meets(products)
            && self.from.is_none()
            && self.until.is_none()
    }

    /// Whether everything in another scope lies in this one.
    pub fn covers(&self, other: &Self) -> bool {
        let begins = |from: Date| other.from.is_some_and(|begun| from <= begun);
        let ends = |until: Date| other.until.is_some_and(|ended| ended <= until);
        self.domains.holds_all(other.domains)
            && self.products.holds_all(other.products)
            && self.from.is_none_or(begins)
            && self.until.is_none_or(ends)
    }

    fn in_period(&self, care_date: Option<Moment>) -> Option<bool> {
        if self.from.is_none() && self.until.is_none() {
            return Some(true);
        }
        let day = care_date.and_then(Moment::date)?;
        let begun = self.from.is_none_or(|from| from <= day);
        Some(begun && self.until.is_none_or(|until| day <= until))
    }
}

impl fmt::Display for Scope {
    /// `domains/products/from..until`, `*` for everything and an open end left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.domains {
            Domains::ALL => f.write_str("*/")?,
            domains => write!(f, "{domains}/")?,
        }
        match self.products {
            Products::ALL => f.write_str("*/")?,
            products => write!(f, "{products}/")?,
        }
        self.from.iter().try_for_each(|day| write!(f, "{day}"))?;
        f.write_str("..")?;
        self.until.iter().try_for_each(|day| write!(f, "{day}"))
    }
}

impl FromStr for Scope {
    type Err = TermError;

    fn from_str(text: &str) -> Result<Self, TermError> {
        let mut parts = text.split('/');
        let mut part = || parts.next().ok_or(TermError);
        let (domains, products, period) = (part()?, part()?, part()?);
        if parts.next().is_some() {
            return Err(TermError);
        }
        let (from, until) = period.split_once("..").ok_or(TermError)?;
        let day = |text: &str| match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| TermError),
        };
        let (from, until) = (day(from)?, day(until)?);
        if from.zip(until).is_some_and(|(from, until)| from > until) {
            return Err(TermError);
        }
        Ok(Self {
            domains: if domains == "*" {
                Domains::ALL
            } else {
                domains.parse()?
            },
            products: if products == "*" {
                Products::ALL
            } else {
                products.parse()?
            },
            from,
            until,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for text in [
            "*/*/..",
            "medical+care/anonymized/2020-04-01..",
            "checkup/*/..2021-03-31",
            "lifestyle/pseudonymized+ndb-linkable/2020-04-01..2020-04-01",
        ] {
            let scope: Scope = text.parse().unwrap();
            assert_eq!(scope.to_string(), text);
        }
        for text in [
            "",
            "*/*",
            "*/*/../",
            "/*/..",
            "*//..",
            "x/*/..",
            "*/*/2021-02-30..",
            "*/*/2021-02-02..2021-02-01",
            "*/*/2021-02-02",
        ] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_scope_covers_what_lies_in_it_and_nothing_wider() {
        let scopes = [
            "*/*/..",
            "medical+care/*/..",
            "medical/anonymized/2020-04-01..",
            "medical/anonymized/2020-04-01..2020-04-30",
            "medical/anonymized/2020-04-02..2020-04-30",
        ]
        .map(|text| text.parse::<Scope>().unwrap());
        for (place, wide) in scopes.iter().enumerate() {
            for (other, narrow) in scopes.iter().enumerate() {
                assert_eq!(wide.covers(narrow), place <= other, "{wide} {narrow}");
            }
        }
        let open: Scope = "medical/anonymized/..2020-04-30".parse().unwrap();
        assert!(!scopes[2].covers(&open) && !open.covers(&scopes[2]));
    }

    ///
    #[test]
    fn a_stop_covers_what_is_uncertain_and_a_consent_does_not() {
        let scope: Scope = "medical/anonymized/2020-04-01..2020-04-30".parse().unwrap();
        let day = |d| Some(Moment::of_day(d));
        let both = Products::of(&[Product::Anonymized, Product::Pseudonymized]);
        let one = Products::of(&[Product::Anonymized]);
        for (domain, products, care_date, forbids, allows) in [
            (Domain::Medical, one, day(date(2020, 4, 1)), true, true),
            (Domain::Medical, one, day(date(2020, 4, 30)), true, true),
            (Domain::Medical, one, day(date(2020, 3, 31)), false, false),
            (Domain::Medical, one, day(date(2020, 5, 1)), false, false),
            (Domain::Medical, one, None, true, false),
            (
                Domain::Medical,
                one,
                Moment::from_hl7("202004").ok(),
                true,
                false,
            ),
            (Domain::Medical, both, day(date(2020, 4, 1)), true, false),
            (Domain::Care, one, day(date(2020, 4, 1)), false, false),
        ] {
            assert_eq!(scope.forbids(domain, products, care_date), forbids);
            assert_eq!(scope.allows(domain, products, care_date), allows);
        }
        assert!(Scope::ALL.forbids_everything(one) && !scope.forbids_everything(one));
        assert!(!Scope::ALL.forbids_everything(Products::NONE));
    }
}
