//! What several tests of this crate start from.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use record::content::{DocumentState, Record};
use record::identity::{ChartNumber, Identity, Insurance, Name, Sensitive};
use record::kind::{DataKind, Domain};
use record::reading::{DocumentKey, Drops, Reading, Version};
use ring::hmac;

use crate::Prf;
use crate::gate::{
    Contract, ContractKind, Event, Filing, Gate, HoldDays, LedgerHead, Notice, NoticeDocument,
    NoticeMethod, Products, Terms,
};

/// HMAC-SHA-256 under 32 equal bytes.
pub(crate) struct Key(hmac::Key);

impl Key {
    pub(crate) fn fixed(byte: u8) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]))
    }
}

impl Prf for Key {
    fn prf(&self, message: &[u8]) -> [u8; 32] {
        hmac::sign(&self.0, message).as_ref().try_into().unwrap()
    }
}

pub(crate) fn chart(text: &str) -> ChartNumber {
    ChartNumber::new(text).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "identities take it as it is")]
pub(crate) fn name(family: &str, given: &str) -> Option<Name> {
    Some(Name {
        family: Sensitive::new(family),
        given: Sensitive::new(given),
    })
}

pub(crate) fn card(insurer: &str, symbol: &str, number: &str, branch: &str) -> Insurance {
    Insurance {
        insurer: Sensitive::new(insurer),
        symbol: Sensitive::new(symbol),
        number: Sensitive::new(number),
        branch: Sensitive::new(branch),
    }
}

/// A standing document without order, of a patient without identity.
pub(crate) fn reading(number: &str, kind: DataKind, records: Vec<Record>) -> Reading {
    Reading {
        chart: chart(number),
        claimed: vec![chart(number)],
        key: DocumentKey {
            kind,
            care_date: None,
            order: Sensitive::new("999999999999999"),
            local_kind: None,
        },
        domain: Domain::Medical,
        version: Version(1),
        state: DocumentState::Current,
        identity: Arc::<Identity>::default(),
        records,
        named: Vec::new(),
        findings: Vec::new(),
        drops: Drops::default(),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A gate that lets the person with this number pass.
pub(crate) fn open_gate(number: &str) -> Gate {
    let day = jiff::civil::date(2024, 4, 1);
    let contract = Contract {
        id: "K-1".parse().unwrap(),
        kind: ContractKind::Individual,
        filing: Some(Filing {
            reference: "1".parse().unwrap(),
            filed_on: day,
            revoked_on: None,
        }),
        products: Products::ALL,
        effective_from: day,
        leaves_on: None,
        hold_days: HoldDays::default(),
    };
    let document = NoticeDocument {
        version: "v1".parse().unwrap(),
        published_on: day,
        products: Products::ALL,
        reopens: false,
    };
    let notice = Event::Notified(Notice {
        chart: chart(number),
        notified_on: day,
        document: document.version.clone(),
        method: NoticeMethod::Handed,
        sixteen_on: None,
    });
    let head = LedgerHead {
        digest: [0; 32],
        entries: 1,
    };
    let today = jiff::civil::date(2024, 6, 1);
    let standing = [notice].into_iter().collect();
    Gate::new(Terms::of(contract, document), standing, head, today)
}
