//! A stop order of the centre (B-011): who said no, sealed for the one device that can tell whom
//! that means, signed by the core.

use privacy::gate::{OrderId, Requester, Scope, Verification};
use privacy::order::{OrderKeys, Told};
use rand_core::CryptoRng;
use record::identity::{Birth, Insurance, Sensitive, Sex};
use record::{Date, SiteId};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::device::{DevicePublicKey, DeviceSecretKey};
use crate::error::LetterError;
use crate::letter::{self, LetterKind, LetterPlace};
use crate::signing::{SigningKey, VerifyingKey};

/// How far a device's clock may be behind that of the core.
pub(crate) const CLOCKS_APART_SECONDS: i64 = 86_400;
/// Most earlier orders that one order says do not come any more.
pub const REPLACES_MAX: usize = 1_000;
/// Longest validity: an order that is older than this says nothing any more.
pub const VALID_DAYS_MAX: i64 = 400;

/// A stop order.
#[derive(Debug, Clone)]
pub struct StopOrder {
    /// The site that it is for.
    pub site: SiteId,
    /// The centre's number of letters to this site, one more for each.
    pub number: u64,
    /// Its name.
    pub id: OrderId,
    /// When it was made, in seconds since 1970.
    pub issued_at: i64,
    /// From when on it is not applied any more.
    pub expires_at: i64,
    /// The day of the request.
    pub requested_on: Date,
    /// Who asked.
    pub requester: Requester,
    /// Whether it was checked who asked.
    pub verification: Verification,
    /// To what the stop extends.
    pub scope: Scope,
    /// Whom it is about.
    pub keys: OrderKeys,
    /// Numbers of earlier orders that do not come any more, because others stand in their place.
    pub replaces: Vec<u64>,
}

/// An order that the core signed for this site and device. Whether it holds today has still to be
/// asked.
#[derive(Debug)]
pub struct AuthenticOrder(StopOrder);

impl AuthenticOrder {
    /// The order, if it holds at a moment.
    ///
    /// # Errors
    /// It has expired, or lies in the future by more than clocks differ.
    pub fn at(self, now: i64) -> Result<StopOrder, LetterError> {
        if now >= self.0.expires_at {
            return Err(LetterError::Expired);
        }
        if self.0.issued_at > now.saturating_add(CLOCKS_APART_SECONDS) {
            return Err(LetterError::Future);
        }
        Ok(self.0)
    }

    /// The centre's number of the letter.
    pub const fn number(&self) -> u64 {
        self.0.number
    }

    /// Its name.
    pub const fn id(&self) -> &OrderId {
        &self.0.id
    }
}

/// The order as it travels. Wiped when dropped.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Wire {
    id: String,
    issued_at: i64,
    expires_at: i64,
    requested_on: String,
    requester: String,
    verification: String,
    scope: String,
    chart: String,
    kana: String,
    birth: String,
    sex: String,
    insurer: String,
    symbol: String,
    card: String,
    branch: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaces: Vec<u64>,
}

impl StopOrder {
    /// The sealed bytes. The same arguments and the same random bytes give the same order.
    ///
    /// # Errors
    /// It is longer than letters may be, or valid for longer than orders may be.
    pub fn seal(
        &self,
        device: &DevicePublicKey,
        core: &SigningKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, LetterError> {
        within(self.issued_at, self.expires_at)?;
        let place = LetterPlace {
            site: self.site.clone(),
            number: self.number,
            revision: 0,
        };
        let kind = LetterKind::StopOrder;
        letter::seal(kind, &place, &self.wire(), &device.0, core, rng)
    }

    /// Seals and signs whatever content in the place of an order, for tests of those who open.
    #[doc(hidden)]
    pub fn seal_content(
        place: &LetterPlace,
        content: &[u8],
        device: &DevicePublicKey,
        core: &SigningKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, LetterError> {
        let kind = LetterKind::StopOrder;
        letter::seal_bytes(kind, place, content, &device.0, core, rng)
    }

    /// Opens an order for a site.
    ///
    /// # Errors
    /// It is not one, is for another site or device, is not signed by the core, or says what no
    /// order says.
    pub fn open(
        bytes: &[u8],
        site: &SiteId,
        core: &VerifyingKey,
        device: &DeviceSecretKey,
    ) -> Result<AuthenticOrder, LetterError> {
        let kind = LetterKind::StopOrder;
        let (place, wire): (_, Wire) = letter::open(kind, site, bytes, core, &device.key)?;
        if place.revision != 0 || place.number == 0 {
            return Err(LetterError::Malformed);
        }
        Self::of_wire(place, &wire).map(AuthenticOrder)
    }

    fn wire(&self) -> Wire {
        let told = self.keys.told();
        let birth = told.birth.map(|birth| birth.expose().to_string());
        let text = |text: &Sensitive| text.expose().to_owned();
        Wire {
            id: self.id.to_string(),
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            requested_on: self.requested_on.to_string(),
            requester: self.requester.to_string(),
            verification: self.verification.to_string(),
            scope: self.scope.to_string(),
            chart: text(&told.chart),
            kana: text(&told.kana),
            birth: birth.unwrap_or_default(),
            sex: told.sex.map_or("", Sex::as_str).to_owned(),
            insurer: text(&told.card.insurer),
            symbol: text(&told.card.symbol),
            card: text(&told.card.number),
            branch: text(&told.card.branch),
            replaces: self.replaces.clone(),
        }
    }

    fn of_wire(place: LetterPlace, wire: &Wire) -> Result<Self, LetterError> {
        within(wire.issued_at, wire.expires_at)?;
        let earlier = |number: &u64| (1..place.number).contains(number);
        if wire.replaces.len() > REPLACES_MAX || !wire.replaces.iter().all(earlier) {
            return Err(LetterError::Malformed);
        }
        let sex = match wire.sex.as_str() {
            "" => None,
            "M" => Some(Sex::Male),
            "F" => Some(Sex::Female),
            "O" => Some(Sex::Other),
            "U" => Some(Sex::Unknown),
            _ => return Err(LetterError::Malformed),
        };
        let birth = match wire.birth.as_str() {
            "" => None,
            day => Some(Birth::new(word(day)?)),
        };
        let told = Told {
            chart: Sensitive::new(wire.chart.as_str()),
            kana: Sensitive::new(wire.kana.as_str()),
            birth,
            sex,
            card: Insurance {
                insurer: Sensitive::new(wire.insurer.as_str()),
                symbol: Sensitive::new(wire.symbol.as_str()),
                number: Sensitive::new(wire.card.as_str()),
                branch: Sensitive::new(wire.branch.as_str()),
            },
        };
        Ok(Self {
            site: place.site,
            number: place.number,
            id: word(&wire.id)?,
            issued_at: wire.issued_at,
            expires_at: wire.expires_at,
            requested_on: word(&wire.requested_on)?,
            requester: word(&wire.requester)?,
            verification: word(&wire.verification)?,
            scope: word(&wire.scope)?,
            keys: OrderKeys::new(told).map_err(|_| LetterError::Malformed)?,
            replaces: wire.replaces.clone(),
        })
    }
}

fn word<T: std::str::FromStr>(text: &str) -> Result<T, LetterError> {
    text.parse().map_err(|_| LetterError::Malformed)
}

fn within(issued_at: i64, expires_at: i64) -> Result<(), LetterError> {
    let length = expires_at.checked_sub(issued_at).unwrap_or(i64::MAX);
    let fits = (1..=VALID_DAYS_MAX * 86_400).contains(&length);
    fits.then_some(()).ok_or(LetterError::Malformed)
}
