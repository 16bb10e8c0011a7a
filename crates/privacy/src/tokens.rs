//! Linkage tokens: keyed forms of who a person is.
//!
//! An *exact* token is 128 bits of the keyed function over folded fields; the centre compares it
//! for equality. A [`Filter`] is a keyed Bloom filter of one field; the centre compares it by
//! [`dice`], to find near matches among persons that already share an exact token.
//!
//! The filters of names are salted with the year of birth where it is known: a frequent name then
//! looks different in every year, which takes away the frequencies that attacks on such filters
//! need. So filters of names compare only between persons of equal birth year; a wrong year of
//! birth is caught by [`TokenKind::NamePostal`] instead, which does not contain it.

mod evaluated;
mod filter;
mod masks;
mod municipal;
mod placeholder;

use std::collections::BTreeMap;
use std::fmt;

use record::code::PatternError;
use record::identity::{Identity, Insurance, Name, Sensitive, Sex};
use record::moment::Date;
use serde::{Deserialize, Serialize};
use text::fold;
use zeroize::Zeroizing;

use crate::message::Message;
use crate::{Prf, wire};
pub use evaluated::{Asked, Evaluated};
pub use filter::{Filter, FilterParameters, dice};
use filter::{Maker, Part};
pub use masks::{HeldKey, Masks};

/// The most insurance cards of a person that become tokens.
pub const MOST_INSURANCES: usize = 8;

const DOMAIN: &str = "sekisho token v1";

/// Which fields an exact token stands for. Serialised as a small number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum TokenKind {
    /// Full kana name, day of birth, sex.
    KanaBirthSex,
    /// Full kanji name, day of birth, sex.
    KanjiBirthSex,
    /// Insurer, symbol, number, branch, day of birth: one person.
    Insured,
    /// Insurer, symbol, number, day of birth, sex, for cards without a branch number.
    InsuredHousehold,
    /// Kana given name, day of birth, sex: survives a change of the family name.
    GivenBirthSex,
    /// Kana family name, day of birth, sex: survives a misread given name.
    FamilyBirthSex,
    /// Full kana name, year of birth, sex: survives a wrong day.
    NameBirthYear,
    /// Full kana name, sex, postal code: survives a wrong year.
    NamePostal,
    /// Day of birth, sex, postal code: survives a misread name.
    BirthSexPostal,
    /// Insurer, number, day of birth, sex: survives a symbol (記号) that one house writes in words,
    /// another in digits and a third leaves out.
    InsuredNumber,
    /// The municipality's own number of the person (宛名番号) and the day of birth, under a key of
    /// the municipality: one person within it.
    Municipal,
}

impl TokenKind {
    /// Every kind, by number.
    pub const ALL: &[Self] = &[
        Self::KanaBirthSex,
        Self::KanjiBirthSex,
        Self::Insured,
        Self::InsuredHousehold,
        Self::GivenBirthSex,
        Self::FamilyBirthSex,
        Self::NameBirthYear,
        Self::NamePostal,
        Self::BirthSexPostal,
        Self::InsuredNumber,
        Self::Municipal,
    ];

    /// The stable number, 1 to 11. It is part of what is hashed.
    pub const fn number(self) -> u8 {
        match self {
            Self::KanaBirthSex => 1,
            Self::KanjiBirthSex => 2,
            Self::Insured => 3,
            Self::InsuredHousehold => 4,
            Self::GivenBirthSex => 5,
            Self::FamilyBirthSex => 6,
            Self::NameBirthYear => 7,
            Self::NamePostal => 8,
            Self::BirthSexPostal => 9,
            Self::InsuredNumber => 10,
            Self::Municipal => 11,
        }
    }

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KanaBirthSex => "kana_birth_sex",
            Self::KanjiBirthSex => "kanji_birth_sex",
            Self::Insured => "insured",
            Self::InsuredHousehold => "insured_household",
            Self::GivenBirthSex => "given_birth_sex",
            Self::FamilyBirthSex => "family_birth_sex",
            Self::NameBirthYear => "name_birth_year",
            Self::NamePostal => "name_postal",
            Self::BirthSexPostal => "birth_sex_postal",
            Self::InsuredNumber => "insured_number",
            Self::Municipal => "municipal",
        }
    }
}

impl From<TokenKind> for u8 {
    fn from(kind: TokenKind) -> Self {
        kind.number()
    }
}

impl TryFrom<u8> for TokenKind {
    type Error = PatternError;

    fn try_from(number: u8) -> Result<Self, PatternError> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.number() == number)
            .ok_or(PatternError)
    }
}

/// An exact token: 128 bits of the keyed function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Token(#[serde(with = "wire::bytes")] [u8; 16]);

impl Token {
    /// Wraps raw bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Tokens link persons, so they stay out of logs like the names they stand for.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([hidden])")
    }
}

/// By what the tokens of one epoch are keyed: a key that is at hand, or answers about one person.
/// `None` stands for what was not answered; the token or filter is left out then.
pub trait TokenKey: Send + Sync {
    /// The value for an exact token.
    fn exact(&self, message: &[u8]) -> Option<[u8; 32]>;

    /// The function for filters of the names of people born on a day.
    fn names(&self, epoch: u16, day: Option<&str>) -> Option<&dyn Prf>;

    /// The function for filters of the day of birth of people with a full kana name and sex.
    fn birth(&self, epoch: u16, who: Option<(&str, &str)>) -> Option<&dyn Prf>;

    /// What the functions for filters made before, where one function serves everybody.
    fn masks(&self) -> Option<&Masks> {
        None
    }
}

impl<P: Prf> TokenKey for P {
    fn exact(&self, message: &[u8]) -> Option<[u8; 32]> {
        Some(self.prf(message))
    }

    fn names(&self, _: u16, _: Option<&str>) -> Option<&dyn Prf> {
        Some(self)
    }

    fn birth(&self, _: u16, _: Option<(&str, &str)>) -> Option<&dyn Prf> {
        Some(self)
    }
}

/// A key of linkage tokens and its epoch. Tokens of one epoch compare with those of no other.
#[derive(Clone, Copy)]
pub struct EpochKey<'a> {
    /// The epoch.
    pub epoch: u16,
    /// The key.
    pub key: &'a dyn TokenKey,
}

impl<'a> EpochKey<'a> {
    /// The key of an epoch.
    pub const fn new(epoch: u16, key: &'a dyn TokenKey) -> Self {
        Self { epoch, key }
    }
}

/// Everything by which the centre can link a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkageTokens {
    /// The version of the folding rules ([`fold::VERSION`]); tokens of other versions do not
    /// compare.
    pub version: u16,
    /// The key epoch; tokens of other epochs do not compare.
    pub epoch: u16,
    /// Exact tokens, sorted; several of one kind when a person has several insurances.
    pub exact: BTreeMap<TokenKind, Vec<Token>>,
    /// Kana family name, salted with the birth year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Filter>,
    /// Kana given name, salted with the birth year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Filter>,
    /// Day of birth, digit by digit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth: Option<Filter>,
}

/// Makes the tokens of a person. A token exists only when all its parts are present and undamaged;
/// an unknown sex counts as absent, and so does what systems fill in for the unknown. At most
/// [`MOST_INSURANCES`] cards are used.
pub fn tokenize(identity: &Identity, key: &dyn TokenKey, epoch: u16) -> LinkageTokens {
    let who = Folded::of(identity);
    let mut tokens = Tokens {
        key,
        epoch,
        exact: BTreeMap::new(),
        spare: None,
    };
    tokens.persons(&who);
    for card in identity.insurance.iter().take(MOST_INSURANCES) {
        tokens.insured(&who, card);
    }
    for several in tokens.exact.values_mut() {
        several.sort_unstable();
        several.dedup();
    }
    let [day, kana] = [&who.day, &who.kana].map(|text| text.as_ref().map(|text| text.as_str()));
    let masks = key.masks();
    let maker = |key| Maker { key, epoch, masks };
    let names = key.names(epoch, day).map(maker);
    let name = |part, text: &Option<Text>| {
        let text = text.as_ref()?;
        Some(filter::of_name(names?, part, who.born_in, text))
    };
    let birth = key.birth(epoch, kana.zip(who.sex)).map(maker);
    LinkageTokens {
        version: fold::VERSION,
        epoch,
        exact: tokens.exact,
        family: name(Part::Family, &who.family),
        given: name(Part::Given, &who.given),
        birth: birth
            .zip(day)
            .map(|(maker, day)| filter::of_birth(maker, day)),
    }
}

type Text = Zeroizing<String>;

/// The fields of a person in the form in which they are hashed.
struct Folded {
    kanji: Option<Text>,
    kana: Option<Text>,
    family: Option<Text>,
    given: Option<Text>,
    /// `YYYYMMDD`
    day: Option<Text>,
    year: Option<Text>,
    born_in: Option<u16>,
    sex: Option<&'static str>,
    postal: Option<Text>,
}

impl Folded {
    fn of(identity: &Identity) -> Self {
        let (family, given) = folded_parts(identity.kana.as_ref(), fold::kana);
        let told = |name: &Text| !placeholder::is_name(name);
        let (family, given) = (family.filter(told), given.filter(told));
        let (kanji_family, kanji_given) = folded_parts(identity.kanji.as_ref(), fold::kanji);
        let birth = birth_of(identity);
        let born_in = birth.and_then(|date| u16::try_from(date.year()).ok());
        Self {
            kanji: joined(kanji_family.as_ref(), kanji_given.as_ref()),
            kana: joined(family.as_ref(), given.as_ref()),
            family,
            given,
            day: birth.and_then(day_of),
            year: born_in.map(|year| digits::<4>(u32::from(year))),
            born_in,
            sex: identity
                .sex
                .filter(|sex| *sex != Sex::Unknown)
                .map(Sex::as_str),
            postal: fold::postal(identity.postal.expose()).map(Text::new),
        }
    }
}

/// The day of birth, unless it is one that systems put for an unknown day.
fn birth_of(identity: &Identity) -> Option<Date> {
    let birth = identity.birth.map(|birth| birth.expose());
    birth.filter(|day| !placeholder::is_birth(*day))
}

/// A day as `YYYYMMDD`.
fn day_of(date: Date) -> Option<Text> {
    let year = u16::try_from(date.year()).ok()?;
    Some(digits::<8>(u32::from(year) * 10_000 + month_and_day(date)))
}

/// `MMDD` as a number.
fn month_and_day(date: Date) -> u32 {
    u32::from(date.month().unsigned_abs()) * 100 + u32::from(date.day().unsigned_abs())
}

/// The last digits of a number.
fn digits<const COUNT: u32>(number: u32) -> Text {
    let mut text = Text::new(String::with_capacity(COUNT as usize));
    let digit = |place| number / 10_u32.pow(place) % 10;
    text.extend(
        (0..COUNT)
            .rev()
            .filter_map(|place| char::from_digit(digit(place), 10)),
    );
    text
}

/// Family and given name, each folded. A source that writes both into the family part, with a
/// blank between, is split at the blank.
fn folded_parts(
    name: Option<&Name>,
    fold: fn(&str) -> Option<String>,
) -> (Option<Text>, Option<Text>) {
    let Some(name) = name else {
        return (None, None);
    };
    let (family, given) = (name.family.expose(), name.given.expose());
    let mut pieces = family
        .split(fold::is_blank)
        .filter(|piece| !piece.is_empty());
    let (family, given) = match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(first), Some(second), None) if given.chars().all(fold::is_blank) => (first, second),
        _ => (family, given),
    };
    (fold(family).map(Text::new), fold(given).map(Text::new))
}

fn joined(family: Option<&Text>, given: Option<&Text>) -> Option<Text> {
    let (family, given) = family.zip(given)?;
    let mut full = Text::new(String::with_capacity(family.len() + given.len()));
    full.push_str(family);
    full.push_str(given);
    Some(full)
}

struct Tokens<'a> {
    key: &'a dyn TokenKey,
    epoch: u16,
    exact: BTreeMap<TokenKind, Vec<Token>>,
    /// The last message, for its room.
    spare: Option<Message>,
}

impl Tokens<'_> {
    fn persons(&mut self, who: &Folded) {
        let [kanji, kana, family, given, day, year, postal] = [
            &who.kanji,
            &who.kana,
            &who.family,
            &who.given,
            &who.day,
            &who.year,
            &who.postal,
        ]
        .map(|text| text.as_ref().map(|text| text.as_str()));
        let sex = who.sex;
        self.add(TokenKind::KanaBirthSex, &[kana, day, sex]);
        self.add(TokenKind::KanjiBirthSex, &[kanji, day, sex]);
        self.add(TokenKind::GivenBirthSex, &[given, day, sex]);
        self.add(TokenKind::FamilyBirthSex, &[family, day, sex]);
        self.add(TokenKind::NameBirthYear, &[kana, year, sex]);
        self.add(TokenKind::NamePostal, &[kana, sex, postal]);
        self.add(TokenKind::BirthSexPostal, &[day, sex, postal]);
    }

    fn insured(&mut self, who: &Folded, card: &Insurance) {
        let insurer = fold::insurer(card.insurer.expose()).map(Text::new);
        let insurer = insurer.filter(|number| !placeholder::is_insurer(number));
        let symbol = symbol(&card.symbol);
        let number = fold::insured(card.number.expose()).map(Text::new);
        let number = number.filter(|number| !placeholder::is_card(number));
        let branch = fold::branch(card.branch.expose()).map(Text::new);
        let [insurer, symbol, number, branch, day] =
            [&insurer, &symbol, &number, &branch, &who.day]
                .map(|text| text.as_ref().map(|text| text.as_str()));
        self.add(TokenKind::Insured, &[insurer, symbol, number, branch, day]);
        self.add(
            TokenKind::InsuredHousehold,
            &[insurer, symbol, number, day, who.sex],
        );
        self.add(TokenKind::InsuredNumber, &[insurer, number, day, who.sex]);
    }

    fn add(&mut self, kind: TokenKind, parts: &[Option<&str>]) {
        if parts.iter().any(Option::is_none) {
            return;
        }
        let start = match self.spare.take() {
            Some(spare) => spare.again(DOMAIN),
            None => Message::new(DOMAIN),
        };
        let start = start.number(u16::from(kind.number())).number(self.epoch);
        let whole = parts
            .iter()
            .flatten()
            .fold(start, |message, part| message.part(part));
        if let Some(wide) = self.key.exact(whole.as_bytes()) {
            self.exact
                .entry(kind)
                .or_default()
                .push(Token(std::array::from_fn(|index| wide[index])));
        }
        self.spare = Some(whole);
    }
}

/// A card may have no 記号 (後期高齢者 have none). Blank or zeros say so; damaged does not.
fn symbol(symbol: &Sensitive) -> Option<Text> {
    let width = Zeroizing::new(fold::signs(symbol.expose()).into_owned());
    let none = width
        .chars()
        .all(|c| fold::is_blank(c) || matches!(c, '0' | '-'));
    if none {
        Some(Text::default())
    } else {
        fold::insured(&width).map(Text::new)
    }
}

#[cfg(test)]
mod tests;
