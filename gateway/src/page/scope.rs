//! To what a stop or a consent extends, as forms ask for it and as people read it.

use privacy::gate::{Domains, Product, Products, Scope};
use record::{Date, Domain};

use super::answer::Refusal;
use super::texts::{Filled, T, Text};
use super::visit::Fields;

/// What a form offers: each choice by its word.
pub(super) struct Choices {
    /// Kinds of records.
    pub(super) domains: Vec<(&'static str, Text)>,
    /// What is made of them.
    pub(super) products: Vec<(&'static str, Text)>,
}

impl Choices {
    /// Everything there is.
    pub(super) fn all() -> Self {
        let domain = |it: &Domain| (it.as_str(), domain_text(*it));
        let product = |it: &Product| (it.as_str(), product_text(*it));
        Self {
            domains: Domain::ALL.iter().map(domain).collect(),
            products: Product::ALL.iter().map(product).collect(),
        }
    }
}

/// Reads the scope of a form. Of kinds and uses at least one must be chosen: nobody can mean
/// nothing.
///
/// # Errors
/// A word is unknown, a day is none, or the period ends before it begins.
pub(super) fn read(fields: &Fields) -> Result<Scope, Refusal> {
    let wrong = || Refusal::Form(T.choice_wrong);
    let domains: Option<Vec<Domain>> = fields.all("domain").map(|it| it.parse().ok()).collect();
    let products: Option<Vec<Product>> = fields.all("product").map(|it| it.parse().ok()).collect();
    let domains = Domains::of(&domains.ok_or_else(wrong)?);
    let products = Products::of(&products.ok_or_else(wrong)?);
    if domains.is_empty() || products.is_empty() {
        return Err(Refusal::Form(T.scope_empty));
    }
    let (from, until) = (day(fields, "from")?, day(fields, "until")?);
    if from.zip(until).is_some_and(|(from, until)| from > until) {
        return Err(Refusal::Form(T.scope_reversed));
    }
    Ok(Scope {
        domains,
        products,
        from,
        until,
    })
}

fn day(fields: &Fields, name: &str) -> Result<Option<Date>, Refusal> {
    match fields.one(name) {
        "" => Ok(None),
        _ => fields.read_as(name, T.day_wrong).map(Some),
    }
}

/// A scope in words, for people.
pub(super) fn words(scope: &Scope) -> Filled {
    if *scope == Scope::ALL {
        return T.scope_all.plain();
    }
    let mut parts = Vec::new();
    match scope.domains {
        Domains::ALL => parts.push(T.scope_all_domains.plain()),
        some => parts.push(joined(some.members().map(domain_text))),
    }
    match scope.products {
        Products::ALL => parts.push(T.scope_all_products.plain()),
        some => parts.push(joined(some.members().map(product_text))),
    }
    match (scope.from, scope.until) {
        (None, None) => {}
        (Some(from), None) => parts.push(T.scope_since.of(from)),
        (None, Some(until)) => parts.push(T.scope_up_to.of(until)),
        (Some(from), Some(until)) => {
            parts.push(
                T.scope_between
                    .fill(&[&from.to_string(), &until.to_string()]),
            );
        }
    }
    let all = |of: fn(&Filled) -> &str| parts.iter().map(of).collect::<Vec<_>>();
    Filled {
        ja: all(|it| &it.ja).join("／"),
        en: all(|it| &it.en).join("; "),
    }
}

fn joined(texts: impl Iterator<Item = Text>) -> Filled {
    let texts: Vec<Text> = texts.collect();
    let all = |of: fn(&Text) -> &'static str| texts.iter().map(of).collect::<Vec<_>>();
    Filled {
        ja: all(|it| it.ja).join("、"),
        en: all(|it| it.en).join(", "),
    }
}

fn domain_text(domain: Domain) -> Text {
    match domain {
        Domain::Medical => T.domain_medical,
        Domain::Checkup => T.domain_checkup,
        Domain::Care => T.domain_care,
        Domain::VitalStatus => T.domain_vital_status,
        Domain::Lifestyle => T.domain_lifestyle,
    }
}

fn product_text(product: Product) -> Text {
    match product {
        Product::Anonymized => T.product_anonymized,
        Product::Pseudonymized => T.product_pseudonymized,
        Product::NdbLinkable => T.product_ndb_linkable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-005: what the confirmation says is what the gate was told.
    #[test]
    fn a_scope_is_told_in_words_of_its_own_parts() {
        for (scope, ja, en) in [
            ("*/*/..", "すべての医療情報", "all medical records"),
            (
                "checkup+care/*/..",
                "健診、介護／すべての使い道",
                "check-ups, long-term care; every use",
            ),
            (
                "*/anonymized/2020-04-01..",
                "すべての種類／匿名加工／2020-04-01 からの受診",
                "every kind; anonymized data; care from 2020-04-01 on",
            ),
            (
                "medical/*/2020-04-01..2021-03-31",
                "診療／すべての使い道／2020-04-01 から 2021-03-31 までの受診",
                "medical care; every use; care from 2020-04-01 to 2021-03-31",
            ),
        ] {
            let told = words(&scope.parse().unwrap());
            assert_eq!((told.ja.as_str(), told.en.as_str()), (ja, en));
        }
    }
}
