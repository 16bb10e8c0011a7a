//! What the desk enters of a stop, as TOML on standard input: arguments of a program are visible to
//! others. A fault names the field and never what stands in it.

use privacy::gate::{Requester, Scope, Verification};
use privacy::order::{KeysError, OrderKeys, Told};
use record::Date;
use record::identity::{Birth, Insurance, Sensitive, Sex};
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::core::failure::{Failure, Problem, Result};

/// A request that makes an order.
pub(super) struct Request {
    pub(super) requested_on: Date,
    pub(super) requester: Requester,
    pub(super) verification: Verification,
    pub(super) scope: Scope,
    pub(super) keys: OrderKeys,
    /// To which legal entity the request was addressed; empty when nobody said.
    pub(super) addressee: String,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Entered {
    #[serde(default)]
    requested_on: String,
    #[serde(default)]
    requester: String,
    #[serde(default)]
    verification: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    chart: String,
    #[serde(default)]
    kana: String,
    #[serde(default)]
    birth: String,
    #[serde(default)]
    sex: String,
    #[serde(default)]
    insurer: String,
    #[serde(default)]
    symbol: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    branch: String,
    #[serde(default)]
    addressee: String,
}

impl Request {
    /// Reads what was entered. `addressees` are the legal entities of this desk.
    ///
    /// # Errors
    /// A field is unknown or not as it has to be.
    pub(super) fn read(text: &str, addressees: &[String], today: Date) -> Result<Self> {
        // The error of the reader may quote the line.
        let entered: Entered = toml::from_str(text).map_err(|_| wrong("TOML"))?;
        let sex = match entered.sex.as_str() {
            "" => None,
            "M" => Some(Sex::Male),
            "F" => Some(Sex::Female),
            _ => return Err(wrong("sex: M, F")),
        };
        let text = |text: &String| Sensitive::new(text.as_str());
        let told = Told {
            chart: text(&entered.chart),
            kana: text(&entered.kana),
            birth: optional(&entered.birth, "birth: YYYY-MM-DD")?.map(Birth::new),
            sex,
            card: Insurance {
                insurer: text(&entered.insurer),
                symbol: text(&entered.symbol),
                number: text(&entered.number),
                branch: text(&entered.branch),
            },
        };
        let requested_on = optional(&entered.requested_on, "requested_on: YYYY-MM-DD")?;
        let words = "requester: self, family, bereaved, representative, guardian";
        let requester: Option<Requester> = optional(&entered.requester, words)?;
        let verification = optional(
            &entered.verification,
            "verification: unverified, document, known",
        )?;
        let scope = optional(&entered.scope, "scope: DOMAINS/PRODUCTS/FROM..UNTIL")?;
        let addressee = entered.addressee.clone();
        if !addressee.is_empty() && !addressees.contains(&addressee) {
            let all = addressees.join(", ");
            return Err(wrong(&format!("addressee: {all}")));
        }
        Ok(Self {
            addressee,
            requested_on: requested_on.unwrap_or(today),
            requester: requester.ok_or_else(|| wrong(words))?,
            verification: verification.unwrap_or(Verification::Unverified),
            scope: scope.unwrap_or(Scope::ALL),
            keys: OrderKeys::new(told).map_err(|error: KeysError| wrong(&error.to_string()))?,
        })
    }
}

fn optional<T: std::str::FromStr>(text: &str, expected: &str) -> Result<Option<T>> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| wrong(expected)),
    }
}

fn wrong(detail: &str) -> Failure {
    Failure::new(Problem::Order, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_and_a_wrong_one_is_refused_by_field_without_quoting_it() {
        let today: Date = "2026-09-01".parse().unwrap();
        let read = |text: &str| {
            Request::read(text, &["A".to_owned()], today).map_err(|error| error.to_string())
        };
        let full = "requester = \"family\"\nkana = \"ヤマダ タロウ\"\nbirth = \"1950-01-02\"\n";
        let request = read(full).ok().unwrap();
        assert_eq!(request.requested_on, today);
        assert_eq!(request.scope, Scope::ALL);
        for (text, named) in [
            ("chart = \"0001112223\"", "requester"),
            ("requester = \"self\"", "needs a chart number"),
            ("requester = \"self\"\nbirth = \"1950-01-99\"", "birth"),
            ("requester = \"self\"\nkana = \"山田\"", "kana"),
            ("requester = \"self\"\nnumber = \"12345\"", "card"),
            ("requester = \"self\"\nname = \"ヤマダ\"", "TOML"),
            ("requester = \"self\"\nsex = \"X\"\nchart = \"1\"", "sex"),
            (
                "requester = \"self\"\naddressee = \"B\"\nchart = \"1\"",
                "addressee: A",
            ),
        ] {
            let error = read(text).err().unwrap();
            assert!(error.contains("K023") && error.contains(named), "{error}");
            for hidden in ["0001112223", "ヤマダ", "山田", "12345"] {
                assert!(!error.contains(hidden), "{error}");
            }
        }
    }
}
