//! Tokens of answers against tokens of a key at hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use jiff::civil::date;
use record::identity::{Birth, Sensitive, Sex};

use super::*;
use crate::fixtures::{Key, card, name};
use crate::tokens::{LinkageTokens, TokenKind, dice};

fn person() -> Identity {
    Identity {
        kanji: name("髙橋", "翔一"),
        kana: name("タカハシ", "ショウイチ"),
        birth: Some(Birth::new(date(1958, 3, 9))),
        sex: Some(Sex::Male),
        postal: Sensitive::new("184-0014"),
        insurance: vec![card("06130012", "１２３４", "５６７", "01")],
        ..Identity::default()
    }
}

/// What a service with this key would answer.
fn evaluated(asked: Asked, service: &Key) -> Evaluated {
    let value = |message: &Zeroizing<Vec<u8>>| Zeroizing::new(service.prf(message));
    let values: Vec<_> = asked.messages().iter().map(value).collect();
    asked
        .answered(&values, |value| Box::new(Key::fixed(value[0])))
        .unwrap()
}

fn tokens(identity: &Identity) -> LinkageTokens {
    let service = Key::fixed(7);
    let answers = evaluated(Asked::of(identity, 1), &service);
    tokenize(identity, &answers, 1)
}

/// B-117: every token that a key at hand would make is made of answers too, and two people are as
/// alike by them.
#[test]
fn answers_make_the_same_kinds_of_tokens_as_a_key() {
    let held = tokenize(&person(), &Key::fixed(7), 1);
    let made = tokens(&person());
    assert_eq!(made.exact, held.exact);
    assert!(made.family.is_some() && made.given.is_some() && made.birth.is_some());
    let misread = Identity {
        kana: name("タカハシ", "シヨウイチ"),
        ..person()
    };
    let alike = |a: &LinkageTokens, b: &LinkageTokens| dice(&a.family.unwrap(), &b.family.unwrap());
    assert!(alike(&tokens(&misread), &made) > 0.999);
    let other = tokens(&Identity {
        kana: name("タカハ", "ショウイチ"),
        ..person()
    });
    assert!(alike(&other, &made) > 0.45 && alike(&other, &made) < 0.999);
}

/// B-117: who learns the key of one person's filters cannot make those of somebody with another day
/// of birth, or of another name.
#[test]
fn filters_of_people_with_another_day_or_name_have_another_key() {
    let younger = Identity {
        birth: Some(Birth::new(date(1958, 3, 10))),
        ..person()
    };
    assert_ne!(tokens(&younger).family, tokens(&person()).family);
    let held = |who: &Identity| tokenize(who, &Key::fixed(7), 1);
    assert_eq!(held(&younger).family, held(&person()).family);
    let renamed = Identity {
        kana: name("サトウ", "ショウイチ"),
        ..person()
    };
    assert_ne!(tokens(&renamed).birth, tokens(&person()).birth);
}

/// Each message once, of this person and epoch alone, and none for what is unknown.
#[test]
fn as_much_is_asked_as_there_are_tokens_and_filters() {
    let asked = Asked::of(&person(), 1);
    let exact: usize = tokens(&person()).exact.values().map(Vec::len).sum();
    assert_eq!(asked.messages().len(), exact + 2);
    let other = Asked::of(&person(), 2);
    let both = asked
        .messages()
        .iter()
        .filter(|it| other.messages().contains(it));
    assert_eq!(both.count(), 0);
    assert!(Asked::of(&Identity::default(), 1).messages().is_empty());
}

/// Answers about somebody else, or too few, make no token.
#[test]
fn what_was_not_answered_is_left_out() {
    let nobody = evaluated(Asked::of(&Identity::default(), 1), &Key::fixed(7));
    let made = tokenize(&person(), &nobody, 1);
    assert!(made.exact.is_empty());
    assert_eq!((made.family, made.given, made.birth), (None, None, None));
    let too_few = [Zeroizing::new([0; 32])];
    let answered = Asked::of(&person(), 1).answered(&too_few, |_| Box::new(Key::fixed(1)));
    assert!(answered.is_none());
    let unborn = Identity {
        birth: None,
        ..person()
    };
    let made = tokens(&unborn);
    assert_eq!(
        made.exact.keys().copied().collect::<Vec<_>>(),
        [TokenKind::NamePostal]
    );
    assert_eq!((made.family, made.given, made.birth), (None, None, None));
}
