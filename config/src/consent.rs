//! Settings of the gate: contracts and notice. None of them opens the gate by itself.

use record::Date;
use serde::Deserialize;

use crate::SettingsError;
use crate::error::range;

/// A contract with the certified operator.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Contract number: 1 to 64 of `A-Z a-z 0-9 . _ - /`.
    pub id: String,
    /// `individual` (個別契約) or `collective` (集合契約, the site is one of its members).
    #[serde(default = "individual")]
    pub kind: String,
    /// What may be made of the records: `anonymized`, `pseudonymized`, `ndb-linkable`.
    #[serde(default = "anonymized")]
    pub products: Vec<String>,
    /// Filing reference (届出番号), same alphabet. Without it nothing leaves.
    pub filing_reference: Option<String>,
    /// Day of filing.
    pub filed_on: Option<String>,
    /// First day on which the filing no longer stands.
    pub revoked_on: Option<String>,
    /// First day of provision: of the contract, or of the site as its member.
    pub effective_from: String,
    /// First day without provision.
    pub leaves_on: Option<String>,
    /// Days between notice and provision: 30 to 3650.
    #[serde(default = "thirty")]
    pub hold_days: u16,
    /// Whether names and numbers go along, sealed for the vault (`keys.vault`), which only two of
    /// its holders together can open.
    #[serde(default)]
    pub identity_envelope: bool,
    /// Whether staff numbers leave, as tokens under `keys.staff`. Their names never do.
    #[serde(default)]
    pub staff_tokens: bool,
    /// Whether codes of institutions that ordered or performed something leave.
    #[serde(default)]
    pub institutions: Institutions,
}

/// What becomes of codes of institutions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Institutions {
    /// They stay.
    #[default]
    Drop,
    /// Codes of ten digits (医療機関コード) leave as they are; names stay.
    Keep,
}

impl Contract {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let hold = u64::from(self.hold_days);
        range("contracts.hold_days", hold, 30, 3650)?;
        date("contracts.effective_from", &self.effective_from)?;
        for (key, day) in [
            ("contracts.filed_on", &self.filed_on),
            ("contracts.revoked_on", &self.revoked_on),
            ("contracts.leaves_on", &self.leaves_on),
        ] {
            day.iter().try_for_each(|day| date(key, day).map(drop))?;
        }
        Ok(())
    }
}

/// How persons are told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notice {
    /// `opt-out`: notice, hold, no stop. `opt-in`: only those who agreed.
    pub mode: String,
    /// The notice texts. A notice of a text that is not listed is no notice.
    pub documents: Vec<NoticeDocument>,
    /// Notice by policy: everybody who comes is told.
    pub policy: Option<VisitPolicy>,
}

/// Notice by policy: from a day on, everybody who comes is told. A person's first visit on or after
/// that day is day 0 of the hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitPolicy {
    /// The first day of the notice.
    pub starts_on: String,
    /// The text that is posted or handed out, one of `notice.documents`.
    pub document: String,
}

impl Default for Notice {
    fn default() -> Self {
        Self {
            mode: "opt-out".to_owned(),
            documents: Vec::new(),
            policy: None,
        }
    }
}

impl Notice {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        range("notice.documents", self.documents.len() as u64, 0, 200)?;
        self.documents.iter().try_for_each(|document| {
            date("notice.documents.published_on", &document.published_on).map(drop)
        })?;
        self.policy.as_ref().map_or(Ok(()), |policy| {
            date("notice.policy.starts_on", &policy.starts_on)?;
            let named = |document: &NoticeDocument| document.version == policy.document;
            if self.documents.iter().any(named) {
                return Ok(());
            }
            Err(SettingsError::Range {
                key: "notice.policy.document",
                value: policy.document.clone(),
                expected: "the version of one of notice.documents".to_owned(),
            })
        })
    }
}

/// A notice text as published.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeDocument {
    /// Its version as the notice ledger writes it: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub version: String,
    /// The day from which it is handed out.
    pub published_on: String,
    /// The products that it names.
    #[serde(default = "anonymized")]
    pub products: Vec<String>,
    /// Whether items that the law fixes changed: who was told with an earlier text is told again.
    #[serde(default)]
    pub reopens: bool,
}

/// Reads one of the date settings (`YYYY-MM-DD`).
///
/// # Errors
/// Not a calendar day.
pub fn date(key: &'static str, text: &str) -> Result<Date, SettingsError> {
    text.parse().map_err(|_| SettingsError::Range {
        key,
        value: text.to_owned(),
        expected: "a calendar day YYYY-MM-DD".to_owned(),
    })
}

fn individual() -> String {
    "individual".to_owned()
}

fn anonymized() -> Vec<String> {
    vec!["anonymized".to_owned()]
}

fn thirty() -> u16 {
    30
}
