#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;

use encoding_rs::{EUC_JP, SHIFT_JIS};
use jiff::civil::date;
use proptest::prelude::*;
use record::identity::Birth;
use text::jis;

use super::*;
use crate::fixtures::{Key, card, hex, name};

fn person() -> Identity {
    Identity {
        kanji: name("髙橋", "翔一"),
        kana: name("タカハシ", "ショウイチ"),
        birth: Some(Birth::new(date(1958, 3, 9))),
        sex: Some(Sex::Male),
        postal: Sensitive::new("184-0014"),
        insurance: vec![card("06130012", "１２３４", "５６７", "01")],
        municipal: Sensitive::new("0012345"),
        ..Identity::default()
    }
}

fn tokens(identity: &Identity) -> LinkageTokens {
    tokenize(identity, &Key::fixed(7), 1).with_municipal(identity, &Key::fixed(9))
}

fn kinds(tokens: &LinkageTokens) -> Vec<TokenKind> {
    tokens.exact.keys().copied().collect()
}

/// The kinds of which two persons have a token in common.
fn shared(one: &Identity, other: &Identity) -> Vec<TokenKind> {
    let (one, other) = (tokens(one), tokens(other));
    let common = |kind: &TokenKind| {
        let other: BTreeSet<_> = other.exact.get(kind).into_iter().flatten().collect();
        one.exact
            .get(kind)
            .into_iter()
            .flatten()
            .any(|token| other.contains(token))
    };
    TokenKind::ALL.iter().copied().filter(common).collect()
}

/// Test vectors, raw to token, under the key 07 07 … 07 in epoch 1, and 09 09 … 09 of a
/// municipality. A change here means that no
/// token made before compares with one made after: raise the folding version or the domain.
#[test]
fn tokens_of_a_fixed_person_under_a_fixed_key_never_change() {
    let made = tokens(&person());
    let exact: Vec<_> = made
        .exact
        .iter()
        .map(|(kind, tokens)| format!("{} {}", kind.as_str(), hex(tokens[0].as_bytes())))
        .collect();
    assert_eq!((made.version, made.epoch), (3, 1));
    assert_eq!(
        exact,
        [
            "kana_birth_sex 66f24471c93374e1a311e76fb07fcea5",
            "kanji_birth_sex 99236ddf3401e0cf38eeb27d21bc2b62",
            "insured 67f4780d6f5ced2fa943bc3d388908fe",
            "insured_household 28fd88a49987ed7e794264ab4ad9fcbf",
            "given_birth_sex ab12b668135b8221f61243d5b3eb0180",
            "family_birth_sex 04713307b5db0cb4f1b1caabc34c8025",
            "name_birth_year 3f3204304dd1028d98e6faebf466a788",
            "name_postal 01ac3547254e32e737015efe96d85ad2",
            "birth_sex_postal 7bfafd5acf1c4dc1d72ce10908eae180",
            "insured_number d4b95bb9d9da8e501af051550d69ecd1",
            "municipal 12500fade993d64bb9518f0d06eb396a"
        ]
    );
    assert_eq!(
        hex(made.family.unwrap().as_bytes()),
        "1000002104620010840080080020200c200110706040b0b86114101050200888"
    );
    assert_eq!(
        hex(made.given.unwrap().as_bytes()),
        "2800187840600340208304392c0500c42302100000872058000023b102022000"
    );
    assert_eq!(
        hex(made.birth.unwrap().as_bytes()),
        "0802e40402a43c015880ac1208083419e118311b1104223402802020810e7608"
    );
}

/// The encoding that is hashed, written out by hand once.
/// A key that keeps its masks gives what the bare key gives: for one after another, for names that
/// push each other out of their places, and again for the first.
#[test]
fn kept_masks_change_no_token() {
    let (bare, held) = (Key::fixed(7), HeldKey::new(Key::fixed(7)));
    let syllables = || ('ア'..='ン').chain(['ー', 'ヴ']);
    let mut names = 0;
    for (first, second) in syllables().flat_map(|a| syllables().map(move |b| (a, b))) {
        let mut other = person();
        other.kana = name(
            &format!("{first}{second}{first}"),
            &format!("{second}{first}"),
        );
        other.birth = Some(Birth::new(date(1900 + (names % 120), 3, 9)));
        names += 1;
        for epoch in [1, 2] {
            let made = tokenize(&other, &held, epoch);
            assert_eq!(made, tokenize(&other, &bare, epoch));
        }
    }
    assert!(names > 6_000, "{names}");
    let bare = tokenize(&person(), &bare, 1);
    assert_eq!(tokenize(&person(), &held, 1), bare);
    other_key_shares_nothing(&held);
}

fn other_key_shares_nothing(held: &HeldKey<Key>) {
    let other = HeldKey::new(Key::fixed(8));
    let (one, two) = (tokenize(&person(), held, 1), tokenize(&person(), &other, 1));
    assert_ne!(one.family, two.family);
    assert_ne!(one.birth, two.birth);
}

#[test]
fn a_token_is_the_first_half_of_the_keyed_function_over_length_prefixed_parts() {
    let mut message = Vec::new();
    message.extend(b"\0\0\0\x10sekisho token v1");
    message.extend(b"\0\x01\0\x01");
    message.extend(b"\0\0\0\x1b");
    message.extend("タカハシシヨウイチ".as_bytes());
    message.extend(b"\0\0\0\x0819580309\0\0\0\x01M");
    let whole = Key::fixed(7).prf(&message);
    let token = tokens(&person()).exact[&TokenKind::KanaBirthSex][0];
    assert_eq!(token.as_bytes(), &whole[..16]);
}

#[test]
fn a_person_with_every_field_has_a_token_of_every_kind() {
    let made = tokens(&person());
    assert_eq!(kinds(&made), TokenKind::ALL);
    let all: BTreeSet<_> = made.exact.values().flatten().collect();
    assert_eq!(all.len(), TokenKind::ALL.len());
}

#[test]
fn spellings_of_one_person_give_equal_tokens() {
    let base = tokens(&person());
    let spelled: [fn(&mut Identity); 8] = [
        |p| p.kana = name("ﾀｶﾊｼ", "ｼｮｳｲﾁ"),
        |p| p.kana = name("たかはし", "しょういち"),
        |p| p.kana = name("タカハシ", "シヨウイチ"),
        |p| p.kana = name("タカハシ　ショウイチ", ""),
        |p| p.kanji = name("高橋", "翔一"),
        |p| p.kanji = name("髙橋 翔一", ""),
        |p| p.postal = Sensitive::new("１８４００１４"),
        |p| p.insurance = vec![card(" 6130012", "1234", "000567", "1")],
    ];
    for (index, change) in spelled.into_iter().enumerate() {
        let mut other = person();
        change(&mut other);
        assert_eq!(tokens(&other), base, "spelling {index}");
    }
}

/// A person as one line: kanji name, kana name, postal code, insurer, symbol, number, branch.
fn from_line(bytes: &[u8]) -> (Identity, jis::Repairs) {
    let decoded = jis::decode(bytes, jis::Encoding::Iso2022Jp);
    let parts: Vec<_> = decoded.text.split('|').map(str::to_owned).collect();
    let named = |text: &str| {
        let (family, given) = text.split_once('^').unwrap();
        name(family, given)
    };
    let identity = Identity {
        kanji: named(&parts[1]),
        kana: named(&parts[2]),
        postal: Sensitive::new(&*parts[3]),
        insurance: vec![card(&parts[4], &parts[5], &parts[6], &parts[7])],
        ..person()
    };
    (identity, decoded.repairs)
}

/// One person in every encoding and width that sites write (section 6.5 of the format, C-25).
#[test]
fn one_person_gives_equal_tokens_through_every_encoding_and_width() {
    let expected = tokens(&person());
    let mut read = 0;
    for line in [
        "PID|髙橋^翔一|タカハシ^ショウイチ|184-0014|06130012|１２３４|５６７|01|",
        "PID|高橋^翔一|ﾀｶﾊｼ^ｼｮｳｲﾁ|1840014|06130012|1234|567|1|",
        "PID|髙橋　^翔一|たかはし^しょういち|１８４－００１４|０６１３００１２|1234|567|０１|",
        "PID|髙橋^翔　一|タカハシ　^シヨウイチ|184−0014|06130012|12-34|５６７|01|",
        "PID|髙橋^翔一|ﾀｶﾊｼ^ｼﾖｳｲﾁ|〒184-0014|6130012|１２－３４|567|01|",
        "PID|髙橋^翔一|タカ・ハシ^ショ〜ウイチ|184ー0014|06130012|12～34|567|01|",
    ] {
        // What CP932 and EUC-JP write for the signs that Unicode has twice.
        let legacy = line.replace('−', "－").replace('〜', "～");
        let mut files = vec![line.as_bytes().to_vec(), jis::encode(line).unwrap()];
        for encoding in [SHIFT_JIS, EUC_JP] {
            let (bytes, _, unmappable) = encoding.encode(&legacy);
            assert!(!unmappable, "{line}");
            files.push(bytes.into_owned());
        }
        for bytes in files {
            let (identity, repairs) = from_line(&bytes);
            assert_eq!(repairs.count(jis::Repair::Undecodable), 0, "{line}");
            assert_eq!(tokens(&identity), expected, "{line} {repairs:?}");
            read += 1;
        }
    }
    assert_eq!(read, 24);
}

/// A name with a character of the site's own, or a sign for one, never becomes a token, so it
/// cannot link two persons who both lost a character.
#[test]
fn a_name_with_a_lost_character_gives_no_token_whatever_lost_it() {
    for family in [
        &b"\x1B$B\x22\x23\x36\x36\x1B(B"[..],
        b"\x1B$B\x75\x21\x36\x36\x1B(B",
        b"\x1B$B\x2A\x21\x36\x36\x1B(B",
        b"\x1B$B\x36\x36\x1B(B\x80",
        b"\xF0\x40\x8B\xB4",
        "\u{E000}橋".as_bytes(),
        "〓橋".as_bytes(),
        "\u{FFFD}橋".as_bytes(),
    ] {
        let family = jis::decode(family, jis::Encoding::Iso2022Jp).text;
        let identity = Identity {
            kanji: name(&family, "翔一"),
            ..person()
        };
        let made = kinds(&tokens(&identity));
        assert!(!made.contains(&TokenKind::KanjiBirthSex), "{family:?}");
        assert_eq!(made.len(), kinds(&tokens(&person())).len() - 1);
    }
}

#[test]
fn an_absent_or_damaged_field_leaves_out_every_token_that_needs_it() {
    use TokenKind::*;
    let names = vec![KanaBirthSex, GivenBirthSex, NameBirthYear, NamePostal];
    type Change = fn(&mut Identity);
    let cases: [(Change, Vec<TokenKind>); 11] = [
        (|p| p.kanji = name("●橋", "翔一"), vec![KanjiBirthSex]),
        (|p| p.kana = name("タカハシ", ""), names.clone()),
        (|p| p.kana = name("タカハシ", "●"), names),
        (
            |p| p.birth = None,
            TokenKind::ALL
                .iter()
                .copied()
                .filter(|kind| *kind != NamePostal)
                .collect(),
        ),
        (
            |p| p.sex = Some(Sex::Unknown),
            TokenKind::ALL
                .iter()
                .copied()
                .filter(|kind| !matches!(kind, Insured | Municipal))
                .collect(),
        ),
        (
            |p| p.postal = Sensitive::new("184"),
            vec![NamePostal, BirthSexPostal],
        ),
        (
            |p| p.insurance.clear(),
            vec![Insured, InsuredHousehold, InsuredNumber],
        ),
        (
            |p| p.insurance = vec![card("06130012", "1234", "567", "00")],
            vec![Insured],
        ),
        (
            |p| p.insurance = vec![card("06130012", "1●", "567", "01")],
            vec![Insured, InsuredHousehold],
        ),
        (|p| p.municipal = Sensitive::new("12●45"), vec![Municipal]),
        (
            |p| p.insurance = vec![card("", "1234", "567", "01")],
            vec![Insured, InsuredHousehold, InsuredNumber],
        ),
    ];
    for (index, (change, absent)) in cases.into_iter().enumerate() {
        let mut other = person();
        change(&mut other);
        let made = tokens(&other);
        let missing: Vec<_> = TokenKind::ALL
            .iter()
            .copied()
            .filter(|kind| !made.exact.contains_key(kind))
            .collect();
        assert_eq!(missing, absent, "case {index}");
    }
    let nobody = tokens(&Identity::default());
    assert!(nobody.exact.is_empty() && nobody.family.is_none() && nobody.birth.is_none());
}

#[test]
fn a_card_without_a_symbol_gives_tokens() {
    let mut elder = person();
    elder.insurance = vec![card("39131234", "", "01234567", "01")];
    let mut zeros = person();
    zeros.insurance = vec![card("39131234", "０００", "1234567", "01")];
    assert!(shared(&elder, &zeros).contains(&TokenKind::Insured));
}

/// A symbol that one house writes in kanji, another in digits and a third leaves out.
#[test]
fn a_card_links_by_its_number_whatever_the_symbol() {
    for symbol in ["", "京医", "●"] {
        let mut other = person();
        other.insurance = vec![card("06130012", symbol, "567", "01")];
        let common = shared(&person(), &other);
        assert!(common.contains(&TokenKind::InsuredNumber), "{symbol}");
        assert!(!common.contains(&TokenKind::Insured), "{symbol}");
    }
}

/// B-074.
#[test]
fn another_branch_number_is_another_person_of_the_household() {
    let mut sibling = person();
    sibling.insurance = vec![card("06130012", "1234", "567", "02")];
    let common = shared(&person(), &sibling);
    assert!(!common.contains(&TokenKind::Insured));
    assert!(common.contains(&TokenKind::InsuredHousehold));
}

#[test]
fn twins_share_the_tokens_of_household_family_and_place_only() {
    use TokenKind::*;
    let mut twin = person();
    twin.kana = name("タカハシ", "ダイキ");
    twin.kanji = name("髙橋", "大輝");
    twin.insurance = vec![card("06130012", "1234", "567", "02")];
    twin.municipal = Sensitive::new("0012346");
    assert_eq!(
        shared(&person(), &twin),
        [
            InsuredHousehold,
            FamilyBirthSex,
            BirthSexPostal,
            InsuredNumber
        ]
    );
    let (one, other) = (tokens(&person()), tokens(&twin));
    assert_eq!(one.family, other.family);
    assert!(dice(&one.given.unwrap(), &other.given.unwrap()) < 0.6);
}

#[test]
fn a_change_of_name_a_move_and_a_wrong_birth_year_each_leave_a_shared_token() {
    use TokenKind::*;
    let mut married = person();
    married.kana = name("サトウ", "ショウイチ");
    married.kanji = name("佐藤", "翔一");
    married.postal = Sensitive::new("100-0001");
    married.insurance.clear();
    assert_eq!(shared(&person(), &married), [GivenBirthSex, Municipal]);
    let mut wrong_year = person();
    wrong_year.birth = Some(Birth::new(date(1968, 3, 9)));
    assert_eq!(shared(&person(), &wrong_year), [NamePostal]);
    let mut wrong_day = person();
    wrong_day.birth = Some(Birth::new(date(1958, 9, 3)));
    assert_eq!(shared(&person(), &wrong_day), [NameBirthYear, NamePostal]);
}

#[test]
fn several_insurances_give_several_tokens_in_one_order_up_to_the_limit() {
    let cards: Vec<_> = (1..=9)
        .map(|n| card("06130012", "1234", &format!("{n}"), "01"))
        .collect();
    let with = |cards: &[Insurance]| {
        let mut person = person();
        person.insurance = cards.to_vec();
        tokens(&person)
    };
    let (first, second, twice) = (
        with(&cards[..2]),
        with(&[cards[1].clone(), cards[0].clone()]),
        with(&[cards[0].clone(), cards[0].clone()]),
    );
    assert_eq!(first, second);
    assert_eq!(first.exact[&TokenKind::Insured].len(), 2);
    assert_eq!(twice.exact[&TokenKind::Insured].len(), 1);
    assert_eq!(
        with(&cards).exact[&TokenKind::Insured].len(),
        MOST_INSURANCES
    );
}

#[test]
fn another_key_or_epoch_shares_nothing() {
    let base = tokens(&person());
    for other in [
        tokenize(&person(), &Key::fixed(8), 1).with_municipal(&person(), &Key::fixed(10)),
        tokenize(&person(), &Key::fixed(7), 2).with_municipal(&person(), &Key::fixed(9)),
    ] {
        for kind in TokenKind::ALL {
            assert_ne!(base.exact[kind], other.exact[kind]);
        }
        assert!(dice(&base.family.unwrap(), &other.family.unwrap()) < 0.6);
    }
}

#[test]
fn filters_of_near_names_are_near_and_differ_by_birth_year_and_field() {
    let mut near = person();
    near.kana = name("タカハジ", "ショウイチ");
    let mut other_year = person();
    other_year.birth = Some(Birth::new(date(1959, 3, 9)));
    let mut same = person();
    same.kana = name("タカハシ", "タカハシ");
    let base = tokens(&person());
    let family =
        |identity: &Identity| dice(&base.family.unwrap(), &tokens(identity).family.unwrap());
    assert!((0.5..0.95).contains(&family(&near)), "{}", family(&near));
    assert!(family(&other_year) < 0.5, "{}", family(&other_year));
    let both = tokens(&same);
    assert!(dice(&both.family.unwrap(), &both.given.unwrap()) < 0.5);
    let birth = |date| {
        let mut other = person();
        other.birth = Some(Birth::new(date));
        dice(&base.birth.unwrap(), &tokens(&other).birth.unwrap())
    };
    assert!(birth(date(1958, 3, 8)) > birth(date(1958, 2, 8)));
    assert!(birth(date(1958, 2, 8)) > birth(date(2003, 11, 20)));
}

#[test]
fn tokens_round_trip_through_cbor_in_few_bytes() {
    let made = tokens(&person());
    let bytes = serde_cbor::to_vec(&made).unwrap();
    assert_eq!(
        serde_cbor::from_slice::<LinkageTokens>(&bytes).unwrap(),
        made
    );
    assert!(bytes.len() < 400, "{}", bytes.len());
    assert_eq!(
        serde_json::from_str::<LinkageTokens>(&serde_json::to_string(&made).unwrap()).unwrap(),
        made
    );
}

/// B-133.
#[test]
fn debug_output_shows_no_token() {
    let shown = format!("{:?}", tokens(&person()));
    assert!(shown.contains("hidden"));
    for token in tokens(&person()).exact.values().flatten() {
        assert!(
            !shown.contains(&format!("{:?}", token.as_bytes())),
            "{shown}"
        );
    }
}

proptest! {
    #[test]
    fn names_of_any_length_fill_at_most_about_half(
        family in "[ア-ン]{1,40}", given in "[ア-ン]{1,6}", byte: u8,
    ) {
        let mut other = person();
        other.kana = name(&family, &given);
        let made = tokenize(&other, &Key::fixed(byte), 1);
        // One letter again and again stands for no name.
        prop_assume!(made.family.is_some() && made.given.is_some());
        let bits = |filter: Option<Filter>| {
            filter.unwrap().words().iter().map(|word| word.count_ones()).sum::<u32>()
        };
        prop_assert!((1..=144).contains(&bits(made.family)), "{}", bits(made.family));
        prop_assert!((1..=80).contains(&bits(made.given)));
        prop_assert!(bits(made.birth) <= 80);
    }

    #[test]
    fn dice_is_symmetric_and_one_only_for_equal_filters(a: [u8; 32], b: [u8; 32]) {
        let (a, b) = (Filter::new(a), Filter::new(b));
        prop_assert_eq!(dice(&a, &b), dice(&b, &a));
        prop_assert!((0.0..=1.0).contains(&dice(&a, &b)));
        prop_assert_eq!(dice(&a, &a), 1.0);
        prop_assert_eq!(dice(&a, &b) == 1.0, a == b);
    }

    #[test]
    fn no_name_makes_it_panic(
        family in "\\PC{0,12}", given in "\\PC{0,12}", number in "\\PC{0,12}",
    ) {
        let mut other = person();
        other.kana = name(&family, &given);
        other.kanji = name(&family, &given);
        other.insurance = vec![card(&number, &family, &number, &given)];
        tokens(&other);
    }
}

/// B-116, A-045: what systems fill in for the unknown makes no token, because it would join
/// strangers.
#[test]
fn what_stands_for_the_unknown_makes_no_token() {
    let without = |change: &dyn Fn(&mut Identity), lost: &[TokenKind]| {
        let mut who = person();
        change(&mut who);
        let left: Vec<_> = kinds(&tokens(&person()))
            .into_iter()
            .filter(|kind| !lost.contains(kind))
            .collect();
        assert_eq!(kinds(&tokens(&who)), left);
    };
    let of_kana = [
        TokenKind::KanaBirthSex,
        TokenKind::GivenBirthSex,
        TokenKind::FamilyBirthSex,
        TokenKind::NameBirthYear,
        TokenKind::NamePostal,
    ];
    without(&|who| who.kana = name("フメイ", "フメイ"), &of_kana);
    without(&|who| who.kana = name("ダミー", "アアア"), &of_kana);
    let given = [
        TokenKind::KanaBirthSex,
        TokenKind::GivenBirthSex,
        TokenKind::NameBirthYear,
        TokenKind::NamePostal,
    ];
    without(&|who| who.kana = name("タカハシ", "ナナシ"), &given);
    without(&|who| who.kana = name("タカハシ", "ナナ"), &[]);
    for day in [
        date(1900, 1, 1),
        date(1901, 1, 1),
        date(1800, 5, 5),
        date(9999, 12, 31),
    ] {
        let all: Vec<_> = TokenKind::ALL
            .iter()
            .copied()
            .filter(|kind| *kind != TokenKind::NamePostal)
            .collect();
        without(&|who| who.birth = Some(Birth::new(day)), &all);
    }
    let cards = [
        TokenKind::Insured,
        TokenKind::InsuredHousehold,
        TokenKind::InsuredNumber,
    ];
    for (insurer, number) in [
        ("99999999", "567"),
        ("06130012", "9999999"),
        ("06130012", "９９９"),
    ] {
        let change = |who: &mut Identity| who.insurance = vec![card(insurer, "1234", number, "01")];
        without(&change, &cards);
    }
    without(
        &|who| who.insurance = vec![card("06130012", "1234", "9", "01")],
        &[],
    );
}
