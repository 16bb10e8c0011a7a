//! What the contract in force lets leave beside records and linkage tokens. By default nothing.

use config::consent::Institutions;
use config::gateway::Settings;
use privacy::Prf;
use privacy::gate::Gate;
use privacy::separate::{ParticipantRules, Vault};

use crate::keys::Keys;

/// What a contract says of identities, staff and institutions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Agreed {
    /// Whether identities are sealed for the vault.
    pub(crate) envelopes: bool,
    /// Whether staff numbers become tokens.
    pub(crate) staff: bool,
    /// Whether codes of institutions leave.
    pub(crate) institutions: bool,
}

impl Agreed {
    /// What the contract in force says; nothing without one.
    pub(crate) fn of(settings: &Settings, gate: &Gate) -> Self {
        let in_force = gate.contract().map(|contract| contract.id.as_str());
        let mut contracts = settings.contracts.iter();
        let contract = contracts.find(|contract| Some(&*contract.id) == in_force);
        contract.map_or(Self::default(), |contract| Self {
            envelopes: contract.identity_envelope,
            staff: contract.staff_tokens,
            institutions: contract.institutions == Institutions::Keep,
        })
    }

    /// The vault, where identities are sealed for it.
    pub(crate) fn vault<'k>(&self, keys: &'k Keys) -> Option<&'k dyn Vault> {
        let vault = keys.vault.as_ref().filter(|_| self.envelopes);
        vault.map(|vault| vault as &dyn Vault)
    }

    /// What separation does with staff and institutions.
    pub(crate) fn participants<'k>(&self, keys: &'k Keys) -> ParticipantRules<'k> {
        let staff = keys.staff.as_ref().filter(|_| self.staff);
        ParticipantRules {
            staff: staff.map(|key| key as &dyn Prf),
            institutions: self.institutions,
        }
    }

    /// Tells two agreements apart, with the keys that they use: when it changes, everybody is read
    /// once more. It says nothing of a key.
    pub(crate) fn mark(&self, keys: &Keys) -> Vec<u8> {
        let vault = keys.vault.as_ref().filter(|_| self.envelopes);
        let mut mark = vault.map_or(Vec::new(), |vault| vault.key.id().as_bytes().to_vec());
        if let Some(key) = self.participants(keys).staff {
            mark.extend_from_slice(b" with staff");
            mark.extend_from_slice(&key.prf(b"sekisho staff key mark v1"));
        }
        if self.institutions {
            mark.extend_from_slice(b" with institutions");
        }
        mark
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// The contract in force counts, and no other; without one nothing is agreed.
    #[test]
    fn only_the_contract_in_force_lets_more_leave() {
        let example = include_str!("../../config/examples/gateway.toml");
        let mut settings = Settings::parse(example).unwrap();
        let gate = crate::ledger::fixture::gate(&[], &[], &[], date(2026, 9, 1));
        let in_force = gate.contract().unwrap().id.as_str().to_owned();
        let mut other = settings.contracts[0].clone();
        other.id = "C-OTHER".to_owned();
        (other.staff_tokens, other.identity_envelope) = (true, true);
        other.institutions = Institutions::Keep;
        settings.contracts[0].id.clone_from(&in_force);
        settings.contracts.insert(0, other);
        let agreed = Agreed::of(&settings, &gate);
        assert!(!agreed.staff && !agreed.envelopes && !agreed.institutions);
        settings.contracts[1].staff_tokens = true;
        settings.contracts[1].institutions = Institutions::Keep;
        let agreed = Agreed::of(&settings, &gate);
        assert!(agreed.staff && !agreed.envelopes && agreed.institutions);
    }
}
