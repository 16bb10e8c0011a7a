//! Keyed references of what identifies a person, equal on both sides where the same is meant.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use record::identity::{Birth, ChartNumber, Insurance, Name, Sensitive, Sex};
use text::fold;
use zeroize::Zeroizing;

use super::OrderKeys;
use crate::Prf;
use crate::gate::spelling::any_spelling;
use crate::gate::{PatientReadings, identities};
use crate::message::Message;

const DOMAIN: &str = "sekisho order key v1";

/// What a reference stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// A chart number in any spelling.
    Chart,
    /// The whole name in kana.
    Kana,
    /// The day of birth.
    Birth,
    /// An insurance card. Without a branch number it is that of a household.
    Card,
    /// The sex, which names nobody and can only speak against somebody.
    Sex,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Chart, Self::Kana, Self::Birth, Self::Card, Self::Sex];

    /// The stable number, which is part of what is keyed.
    pub const fn number(self) -> u8 {
        match self {
            Self::Chart => 1,
            Self::Kana => 2,
            Self::Birth => 3,
            Self::Card => 4,
            Self::Sex => 5,
        }
    }

    /// The kind of a number.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.number() == number)
    }

    /// Whether persons are looked for by it.
    pub const fn names(self) -> bool {
        !matches!(self, Self::Sex)
    }
}

/// 128 bits of the keyed function. It never leaves the site.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyRef([u8; 16]);

impl KeyRef {
    /// Wraps raw bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn of(kind: KeyKind, parts: &[&str], key: &dyn Prf) -> Self {
        let start = Message::new(DOMAIN).number(u16::from(kind.number()));
        let message = parts.iter().fold(start, |message, part| message.part(part));
        Self(message.short(key))
    }
}

/// Equal references are equal persons, so they stay out of logs.
impl fmt::Debug for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRef([hidden])")
    }
}

/// What a site knows of one of its patients, keyed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    keys: BTreeSet<(KeyKind, KeyRef)>,
}

impl Known {
    /// Everything by which a patient who was read could be named: all numbers, also doubtful and
    /// older ones, and the identity of every reading.
    pub fn of(patient: &PatientReadings, key: &dyn Prf) -> Self {
        let mut known = Self::default();
        // All files of a patient say nearly the same: each value is folded and keyed once.
        let identities = || identities(&patient.readings);
        let claimed = patient.readings.iter().flat_map(|it| &it.claimed);
        let charts: BTreeSet<&ChartNumber> = std::iter::once(&patient.chart)
            .chain(&patient.doubtful)
            .chain(patient.readings.iter().map(|reading| &reading.chart))
            .chain(claimed)
            .chain(identities().flat_map(|it| &it.former))
            .collect();
        charts
            .into_iter()
            .for_each(|chart| known.add_chart(chart, key));
        let names: BTreeSet<&Name> = identities().filter_map(|it| it.kana.as_ref()).collect();
        names.into_iter().for_each(|name| known.add_kana(name, key));
        let births: BTreeSet<_> = identities().filter_map(|it| it.birth).collect();
        let births = births
            .into_iter()
            .map(|birth| (KeyKind::Birth, of_birth(birth, key)));
        known.keys.extend(births);
        let sexes: BTreeSet<_> = identities().filter_map(|it| it.sex).collect();
        let sexes = sexes.into_iter().filter_map(|sex| of_sex(sex, key));
        known.keys.extend(sexes.map(|sex| (KeyKind::Sex, sex)));
        let cards: BTreeSet<&Insurance> = identities().flat_map(|it| &it.insurance).collect();
        cards.into_iter().for_each(|card| known.add_card(card, key));
        known
    }

    /// References as they were kept.
    pub fn kept(keys: impl IntoIterator<Item = (KeyKind, KeyRef)>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
        }
    }

    /// All references, in order.
    pub fn keys(&self) -> impl Iterator<Item = (KeyKind, KeyRef)> {
        self.keys.iter().copied()
    }

    /// Adds what another says of the same person. Gives whether anything was new.
    pub fn learn(&mut self, other: &Self) -> bool {
        let before = self.keys.len();
        self.keys.extend(other.keys.iter().copied());
        self.keys.len() > before
    }

    pub(super) fn holds(&self, kind: KeyKind, key: KeyRef) -> bool {
        self.keys.contains(&(kind, key))
    }

    pub(super) fn has(&self, kind: KeyKind) -> bool {
        self.keys.iter().any(|(known, _)| *known == kind)
    }

    fn add_chart(&mut self, chart: &ChartNumber, key: &dyn Prf) {
        self.keys.insert((KeyKind::Chart, of_chart(chart, key)));
    }

    fn add_kana(&mut self, name: &Name, key: &dyn Prf) {
        if let Some(kana) = whole(name) {
            let reference = KeyRef::of(KeyKind::Kana, &[&kana], key);
            self.keys.insert((KeyKind::Kana, reference));
        }
    }

    fn add_card(&mut self, card: &Insurance, key: &dyn Prf) {
        let Some(household) = household(card) else {
            return;
        };
        let branch = fold::branch(card.branch.expose()).map(Zeroizing::new);
        let branch = branch.as_ref().map(|branch| branch.as_str());
        // A branch that is known is found by it and by the household; one that is not, by any.
        let own = of_card(&household, branch.or(Some("")), key);
        let all = of_card(&household, None, key);
        self.keys.extend([own, all].map(|it| (KeyKind::Card, it)));
    }
}

/// Most persons of one household: a card that more have is a filler of the house's own (`1234567`
/// for everybody), and a token of it would join strangers. So is a municipal number.
pub const HOUSEHOLD_MOST: usize = 16;

/// Cards and municipal numbers that more than [`HOUSEHOLD_MOST`] patients of a site have.
#[derive(Debug, Clone, Default)]
pub struct SharedCards(BTreeSet<KeyRef>);

impl SharedCards {
    /// Of the references that so many patients share. Those of other kinds do no harm.
    pub fn of(references: impl IntoIterator<Item = KeyRef>) -> Self {
        Self(references.into_iter().collect())
    }

    /// Takes these cards and numbers out of what is known of a patient, so that no token is made of
    /// them. Gives how many.
    pub fn take_out(&self, patient: &mut PatientReadings, key: &dyn Prf) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let shared = |card: &Insurance| {
            let household = household(card);
            household.is_some_and(|it| self.0.contains(&of_card(&it, None, key)))
        };
        // Readers give a municipal number as one of the patient's other numbers as well.
        let filler = |number: &Sensitive| {
            let number = ChartNumber::new(number.expose());
            number.is_some_and(|it| self.0.contains(&of_chart(&it, key)))
        };
        let mut taken = 0;
        for reading in &mut patient.readings {
            if filler(&reading.identity.municipal) {
                Arc::make_mut(&mut reading.identity).municipal = Sensitive::default();
                taken += 1;
            }
            if !reading.identity.insurance.iter().any(shared) {
                continue;
            }
            let cards = &mut Arc::make_mut(&mut reading.identity).insurance;
            let before = cards.len();
            cards.retain(|card| !shared(card));
            taken += before - cards.len();
        }
        taken
    }
}

/// What an order asks for, keyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    keys: BTreeSet<(KeyKind, KeyRef)>,
}

impl Wanted {
    /// The keys of an order under the site's key.
    pub fn of(keys: &OrderKeys, key: &dyn Prf) -> Self {
        let told = keys.told();
        let mut wanted = BTreeSet::new();
        if let Some(chart) = ChartNumber::new(told.chart.expose()) {
            wanted.insert((KeyKind::Chart, of_chart(&chart, key)));
        }
        if let Some(kana) = fold::kana(told.kana.expose()).map(Zeroizing::new) {
            wanted.insert((KeyKind::Kana, KeyRef::of(KeyKind::Kana, &[&kana], key)));
        }
        let birth = told.birth.map(|birth| of_birth(birth, key));
        wanted.extend(birth.map(|birth| (KeyKind::Birth, birth)));
        let sex = told.sex.and_then(|sex| of_sex(sex, key));
        wanted.extend(sex.map(|sex| (KeyKind::Sex, sex)));
        if let Some(household) = household(&told.card) {
            let branch = fold::branch(told.card.branch.expose()).map(Zeroizing::new);
            let cards = match &branch {
                Some(branch) => vec![Some(branch.as_str()), Some("")],
                None => vec![None],
            };
            let cards = cards
                .into_iter()
                .map(|branch| (KeyKind::Card, of_card(&household, branch, key)));
            wanted.extend(cards);
        }
        Self { keys: wanted }
    }

    /// References as they were kept.
    pub fn kept(keys: impl IntoIterator<Item = (KeyKind, KeyRef)>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
        }
    }

    /// All references, in order.
    pub fn keys(&self) -> impl Iterator<Item = (KeyKind, KeyRef)> {
        self.keys.iter().copied()
    }

    /// Whether the order gives anything of a kind.
    pub(super) fn gives(&self, kind: KeyKind) -> bool {
        self.keys.iter().any(|(given, _)| *given == kind)
    }

    /// Whether what the order gives of a kind is what is known.
    pub(super) fn fits(&self, kind: KeyKind, known: &Known) -> bool {
        self.keys
            .iter()
            .any(|(given, key)| *given == kind && known.holds(kind, *key))
    }
}

fn of_chart(chart: &ChartNumber, key: &dyn Prf) -> KeyRef {
    KeyRef::of(KeyKind::Chart, &[&any_spelling(chart)], key)
}

fn of_birth(birth: Birth, key: &dyn Prf) -> KeyRef {
    let day = Zeroizing::new(birth.expose().to_string());
    KeyRef::of(KeyKind::Birth, &[&day], key)
}

/// Only what is stated can speak against somebody.
fn of_sex(sex: Sex, key: &dyn Prf) -> Option<KeyRef> {
    let stated = matches!(sex, Sex::Male | Sex::Female);
    stated.then(|| KeyRef::of(KeyKind::Sex, &[sex.as_str()], key))
}

/// Insurer, symbol and number, folded. `None` for a card that names nobody.
pub(super) fn household(card: &Insurance) -> Option<[Zeroizing<String>; 3]> {
    let insurer = fold::insurer(card.insurer.expose())?;
    let symbol = match card.symbol.is_empty() {
        true => String::new(),
        false => fold::insured(card.symbol.expose()).unwrap_or_default(),
    };
    let number = fold::insured(card.number.expose())?;
    Some([insurer, symbol, number].map(Zeroizing::new))
}

/// A card with this branch (empty: with none), or of the household whatever the branch.
fn of_card(household: &[Zeroizing<String>; 3], branch: Option<&str>, key: &dyn Prf) -> KeyRef {
    let [insurer, symbol, number] = household;
    match branch {
        Some(branch) => KeyRef::of(KeyKind::Card, &[insurer, symbol, number, branch], key),
        None => KeyRef::of(KeyKind::Card, &[insurer, symbol, number], key),
    }
}

/// Family and given name as one, folded.
fn whole(name: &Name) -> Option<Zeroizing<String>> {
    let joined = Zeroizing::new([name.family.expose(), name.given.expose()].concat());
    fold::kana(&joined).map(Zeroizing::new)
}
