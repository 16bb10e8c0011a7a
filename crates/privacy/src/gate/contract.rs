//! On which ground a site provides: contract, filing, hold, notice texts, notice by policy.

use record::moment::Date;

use super::scope::Products;
use super::terms::{ConsentMode, ContractId, DocumentVersion, FilingReference, TermError, worded};

/// Days between notice and first provision: 30 to 3650, JST calendar days (B-001). Settings can
/// lengthen it, never shorten it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HoldDays(u16);

impl HoldDays {
    /// The shortest hold, and the default.
    pub const SHORTEST: Self = Self(30);
    /// The longest hold.
    pub const LONGEST: Self = Self(3650);

    /// Takes a number of days.
    ///
    /// # Errors
    /// Fewer than 30 or more than 3650.
    pub const fn new(days: u16) -> Result<Self, TermError> {
        if days >= Self::SHORTEST.0 && days <= Self::LONGEST.0 {
            Ok(Self(days))
        } else {
            Err(TermError)
        }
    }

    /// The number of days.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Default for HoldDays {
    fn default() -> Self {
        Self::SHORTEST
    }
}

worded!(
    /// Who stands on the site's side of a contract.
    ContractKind {
        /// 個別契約
        Individual = "individual",
        /// 集合契約。The site is one member of several.
        Collective = "collective",
    }
);

/// The filing with the minister.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filing {
    /// Its reference.
    pub reference: FilingReference,
    /// Its day. A day after the gate's own closes the gate.
    pub filed_on: Date,
    /// The first day on which it no longer stands.
    pub revoked_on: Option<Date>,
}

/// What site and centre agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// Which contract.
    pub id: ContractId,
    /// Whose.
    pub kind: ContractKind,
    /// The site's filing; without it nothing leaves.
    pub filing: Option<Filing>,
    /// What may be made of the records.
    pub products: Products,
    /// The first day of provision: of the contract, or of the site as its member.
    pub effective_from: Date,
    /// The first day without provision, once the site has left.
    pub leaves_on: Option<Date>,
    /// How long a person's notice must have stood.
    pub hold_days: HoldDays,
}

impl Contract {
    /// Whether the contract is in force on a day.
    pub(super) fn active_on(&self, day: Date) -> bool {
        self.effective_from <= day && self.leaves_on.is_none_or(|left| day < left)
    }

    /// Whether the filing stands on a day.
    pub(super) fn filed_by(&self, day: Date) -> bool {
        self.filing.as_ref().is_some_and(|filing| {
            filing.filed_on <= day && filing.revoked_on.is_none_or(|revoked| day < revoked)
        })
    }
}

/// A notice text as published (B-008, B-014).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeDocument {
    /// Which text.
    pub version: DocumentVersion,
    /// The day from which it is handed out.
    pub published_on: Date,
    /// The products that it names.
    pub products: Products,
    /// Whether items that the law fixes changed: notices of earlier texts no longer suffice.
    pub reopens: bool,
}

/// Notice by the institution's policy: from a day on, everybody who comes is told (B-002).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitPolicy {
    /// The start of the notice. The first visit on or after it is a person's day 0.
    pub starts_on: Date,
    /// The text that is posted or handed out.
    pub document: DocumentVersion,
}

/// Everything that settings say to the gate. Nothing in it opens the gate by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The contracts of the site. The first by number that is in force and filed is provided under.
    pub contracts: Vec<Contract>,
    /// The notice texts. A notice of a text that is not here is no notice.
    pub documents: Vec<NoticeDocument>,
    /// Notice by policy, where there is one.
    pub policy: Option<VisitPolicy>,
    /// The ground on which the source provides.
    pub mode: ConsentMode,
}

impl Terms {
    /// The terms of an opt-out source with one contract and one notice text, without policy.
    pub fn of(contract: Contract, document: NoticeDocument) -> Self {
        Self {
            contracts: vec![contract],
            documents: vec![document],
            policy: None,
            mode: ConsentMode::OptOut,
        }
    }

    /// The first day on which a notice of this text suffices for `products` on `day`: the one on
    /// which it was published. `None` when it does not: it does not name all the products, or a
    /// later text that was out by `day` changed what the law fixes.
    pub(super) fn suffices_since(
        &self,
        version: &DocumentVersion,
        products: Products,
        day: Date,
    ) -> Option<Date> {
        let known = self.documents.iter().find(|one| one.version == *version)?;
        let overtaken = self.documents.iter().any(|later| {
            later.reopens
                && later.version != *version
                && later.published_on > known.published_on
                && later.published_on <= day
        });
        let suffices = known.products.holds_all(products) && !overtaken;
        suffices.then_some(known.published_on)
    }
}
