//! Comparing two subjects: agreement of each piece of evidence, a score in bits, and vetoes.
//!
//! The score follows Fellegi and Sunter: each piece adds log2 of (how often it comes out so for
//! one person) over (how often for two strangers); the number of subjects takes away log2 of it,
//! because every subject brings as many strangers to be confused with. The weights below are set
//! by hand from what is known of Japanese names and registers, on the careful side, and are no
//! function of any data set. Members of a family are not strangers to each other: they share
//! name, address and card. So a veto stands where only they differ: the given name, the branch
//! number of the card, the sex.

use privacy::tokens::{TokenKind, dice};

use super::identity::{Identity, Tokens};

/// Bits that a pair must reach.
pub(crate) const THRESHOLD: f64 = 6.0;

/// Bits by which the best partner at a site must be ahead of the second best.
pub(crate) const MARGIN: f64 = 3.0;

/// Fewest subjects assumed, so that a small data set does not make strangers look alike.
const FEWEST: usize = 10_000;

/// Filters alike by so much hold one typing error at most. Kana names have two to five
/// characters, so one error halves their bigrams.
const NAME_NEAR: f64 = 0.45;

/// Birth dates alike by so much have two wrong digits of eight at most.
const BIRTH_NEAR: f64 = 0.79;

/// How one piece of evidence came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// The same.
    Equal,
    /// The same but for a typing error.
    Near,
    /// Something else.
    Differs,
    /// Missing on one side, or not comparable.
    Unknown,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Near => "near",
            Self::Differs => "differs",
            Self::Unknown => "unknown",
        }
    }
}

/// How two insurance cards stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Card {
    /// The same card and branch number, or the same municipal number: one person.
    Person,
    /// The same card; a branch number is missing on one side.
    Household,
    /// The same insurer and number, and the symbol not the same: written otherwise, or of another
    /// employer whose people are counted from one as well.
    Number,
    /// The same card and another branch number: members of one household.
    OtherBranch,
    /// Other cards.
    Differs,
    /// Missing on one side, or not comparable.
    Unknown,
}

impl Card {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Household => "household",
            Self::Number => "number",
            Self::OtherBranch => "other_branch",
            Self::Differs => "differs",
            Self::Unknown => "unknown",
        }
    }
}

/// Two subjects compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Comparison {
    /// Kana family name.
    pub(crate) family: Level,
    /// Kana given name.
    pub(crate) given: Level,
    /// Full kanji name.
    pub(crate) kanji: Level,
    /// Day of birth.
    pub(crate) birth: Level,
    /// Year of birth is the same though the day is not.
    pub(crate) birth_year: bool,
    /// Sex.
    pub(crate) sex: Level,
    /// Postal code.
    pub(crate) postal: Level,
    /// Insurance card.
    pub(crate) card: Card,
    /// The strongest rule, for reports.
    pub(crate) rule: &'static str,
}

impl Comparison {
    /// Compares two subjects, by their newest tokens that were made alike.
    pub(crate) fn of(a: &Identity, b: &Identity) -> Self {
        let nothing = (&Tokens::default(), &Tokens::default());
        let (one, other) = a.alike(b).unwrap_or(nothing);
        Self::of_tokens(one, other, (a.male, b.male))
    }

    fn of_tokens(a: &Tokens, b: &Tokens, male: (Option<bool>, Option<bool>)) -> Self {
        use TokenKind::{
            BirthSexPostal, FamilyBirthSex, GivenBirthSex, Insured, InsuredHousehold,
            InsuredNumber, KanaBirthSex, KanjiBirthSex, Municipal, NameBirthYear, NamePostal,
        };
        let shares = |kind| a.shares(b, kind);
        let full_kana = [KanaBirthSex, NameBirthYear, NamePostal]
            .into_iter()
            .any(shares);
        let day_and_sex = [
            KanaBirthSex,
            KanjiBirthSex,
            GivenBirthSex,
            FamilyBirthSex,
            BirthSexPostal,
            InsuredNumber,
        ]
        .into_iter()
        .any(shares);
        let birth = birth(
            a,
            b,
            day_and_sex
                || [Insured, InsuredHousehold, Municipal]
                    .into_iter()
                    .any(shares),
        );
        let sex = sex(male, day_and_sex || full_kana || shares(InsuredHousehold));
        // Filters of names hold the year of birth, tokens day and sex: without those they say
        // nothing about the rest.
        let same_day = birth == Level::Equal;
        let comparable = same_day && sex == Level::Equal;
        let token = |kind| match (shares(kind), both(a, b, kind) && comparable) {
            (true, _) => Level::Equal,
            (false, true) => Level::Differs,
            (false, false) => Level::Unknown,
        };
        let name = |shared: bool, x: &Option<_>, y: &Option<_>| match (shared, x, y) {
            (true, _, _) => Level::Equal,
            (false, Some(x), Some(y)) if same_day => name_level(dice(x, y)),
            _ => Level::Unknown,
        };
        Self {
            family: name(full_kana || shares(FamilyBirthSex), &a.family, &b.family),
            given: name(full_kana || shares(GivenBirthSex), &a.given, &b.given),
            kanji: token(KanjiBirthSex),
            birth,
            birth_year: shares(NameBirthYear),
            sex,
            postal: match shares(NamePostal) {
                true => Level::Equal,
                false => token(BirthSexPostal),
            },
            card: card(a, b, comparable),
            rule: rule(a, b, birth),
        }
    }

    /// The score among so many subjects, in bits.
    pub(crate) fn score(&self, subjects: usize) -> f64 {
        let kana = level_bits(self.family, 6.5, 2.0, -4.0) + level_bits(self.given, 6.5, 2.5, -5.0);
        let name = match self.kanji {
            Level::Equal => kana.max(12.0),
            _ => kana,
        };
        let birth = match (self.birth, self.birth_year) {
            (Level::Equal, _) => 14.5,
            (Level::Near, true) => 2.0,
            (Level::Near, false) => 0.0,
            (Level::Differs, true) => -0.5,
            (Level::Differs, false) => -7.0,
            (Level::Unknown, true) => 6.0,
            (Level::Unknown, false) => 0.0,
        };
        let card = match self.card {
            Card::Person => 18.0,
            Card::Household => 10.0,
            Card::Number => 6.0,
            Card::OtherBranch => 4.0,
            Card::Differs => -3.0,
            Card::Unknown => 0.0,
        };
        let sex = level_bits(self.sex, 1.0, 0.0, -8.0);
        let postal = level_bits(self.postal, 7.0, 0.0, -3.0);
        name + birth + card + sex + postal - (subjects.max(FEWEST) as f64).log2()
    }

    /// Why the two cannot be one person whatever the score, if so.
    pub(crate) fn veto(&self) -> Option<&'static str> {
        let kanji_equal = self.kanji == Level::Equal;
        let same_card = self.card == Card::Person;
        match self.given {
            Level::Differs if !kanji_equal => return Some("given_name_differs"),
            Level::Near if self.kanji == Level::Differs && !same_card => {
                return Some("given_name_near_but_kanji_differs");
            }
            Level::Unknown if !kanji_equal && !same_card => return Some("nothing_of_one_person"),
            _ => {}
        }
        if self.card == Card::OtherBranch && self.given != Level::Equal && !kanji_equal {
            return Some("branch_differs");
        }
        if self.sex == Level::Differs && !same_card && self.postal != Level::Equal {
            return Some("sex_differs");
        }
        None
    }

    /// Whether two subjects of one site are one person registered twice. Two persons of one name
    /// may share a birthday, so a card or the address must agree too, and kanji where present.
    pub(crate) fn registered_twice(&self) -> bool {
        let names = self.rule == TokenKind::KanaBirthSex.as_str() && self.kanji != Level::Differs;
        let card = self.card == Card::Person;
        let address = self.postal == Level::Equal && self.kanji == Level::Equal;
        names && self.card != Card::OtherBranch && (card || address)
    }

    /// Every piece with how it came out, for the catalogue. Nothing of a person stands in it.
    pub(crate) fn evidence(&self) -> String {
        format!(
            "family={} given={} kanji={} birth={} sex={} postal={} card={}",
            self.family.as_str(),
            self.given.as_str(),
            self.kanji.as_str(),
            self.birth.as_str(),
            self.sex.as_str(),
            self.postal.as_str(),
            self.card.as_str()
        )
    }
}

fn level_bits(level: Level, equal: f64, near: f64, differs: f64) -> f64 {
    match level {
        Level::Equal => equal,
        Level::Near => near,
        Level::Differs => differs,
        Level::Unknown => 0.0,
    }
}

fn name_level(dice: f64) -> Level {
    match dice {
        _ if dice > 0.999 => Level::Equal,
        _ if dice >= NAME_NEAR => Level::Near,
        _ => Level::Differs,
    }
}

fn birth(a: &Tokens, b: &Tokens, shared: bool) -> Level {
    match (&a.birth, &b.birth) {
        _ if shared => Level::Equal,
        (Some(x), Some(y)) => match dice(x, y) {
            alike if alike > 0.999 => Level::Equal,
            alike if alike >= BIRTH_NEAR => Level::Near,
            _ => Level::Differs,
        },
        _ => Level::Unknown,
    }
}

fn sex(male: (Option<bool>, Option<bool>), shared: bool) -> Level {
    match (shared, male) {
        (true, _) => Level::Equal,
        (false, (Some(a), Some(b))) if a == b => Level::Equal,
        (false, (Some(_), Some(_))) => Level::Differs,
        _ => Level::Unknown,
    }
}

/// Tokens of cards hold the day of birth, and without a branch the sex: they differ by that alone
/// where it is not the same.
fn card(a: &Tokens, b: &Tokens, comparable: bool) -> Card {
    use TokenKind::{Insured, InsuredHousehold, InsuredNumber, Municipal};
    let person = [Insured, Municipal]
        .into_iter()
        .any(|kind| a.shares(b, kind));
    match (person, a.shares(b, InsuredHousehold)) {
        (true, _) => Card::Person,
        (false, true) if both(a, b, Insured) => Card::OtherBranch,
        (false, true) => Card::Household,
        (false, false) if a.shares(b, InsuredNumber) => Card::Number,
        (false, false) if both(a, b, InsuredHousehold) && comparable => Card::Differs,
        (false, false) => Card::Unknown,
    }
}

/// The strongest rule that holds.
fn rule(a: &Tokens, b: &Tokens, birth: Level) -> &'static str {
    use TokenKind::{Insured, KanaBirthSex, KanjiBirthSex, Municipal};
    let exact = [KanaBirthSex, KanjiBirthSex, Insured, Municipal]
        .into_iter()
        .find(|kind| a.shares(b, *kind));
    match (exact, birth) {
        (Some(kind), _) => kind.as_str(),
        (None, Level::Equal) => "near_name",
        (None, _) => "near_birth",
    }
}

fn both(a: &Tokens, b: &Tokens, kind: TokenKind) -> bool {
    !a.of_kind(kind).is_empty() && !b.of_kind(kind).is_empty()
}
