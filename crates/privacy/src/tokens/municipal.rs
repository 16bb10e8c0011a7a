//! The token of the municipality's own number of a person (宛名番号).
//!
//! Two municipalities number their residents alike, so the key is the municipality's and no token
//! of one compares with one of another. National insurance, care, checkups and vaccinations of one
//! municipality join by it without a name.

use record::Identity;
use text::fold;

use super::{DOMAIN, LinkageTokens, Text, Token, TokenKind, birth_of, day_of, placeholder};
use crate::Prf;
use crate::message::Message;

impl LinkageTokens {
    /// With the token of the municipal number under the municipality's key, where the person has
    /// such a number and a day of birth.
    #[must_use]
    pub fn with_municipal(mut self, identity: &Identity, municipality: &dyn Prf) -> Self {
        let number = fold::municipal(identity.municipal.expose()).map(Text::new);
        let number = number.filter(|number| !placeholder::is_card(number));
        if let Some((number, day)) = number.zip(birth_of(identity).and_then(day_of)) {
            let message = Message::new(DOMAIN)
                .number(TokenKind::Municipal.number().into())
                .number(self.epoch)
                .part(&number)
                .part(&day);
            let token = Token(message.short(municipality));
            self.exact.insert(TokenKind::Municipal, vec![token]);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use record::Sensitive;
    use record::identity::Birth;

    use super::super::tokenize;
    use super::*;
    use crate::fixtures::Key;

    fn resident(number: &str) -> Identity {
        Identity {
            municipal: Sensitive::new(number),
            birth: Some(Birth::new(date(1958, 3, 9))),
            ..Identity::default()
        }
    }

    fn made(identity: &Identity, municipality: u8, epoch: u16) -> Option<Token> {
        let tokens = tokenize(identity, &Key::fixed(7), epoch);
        assert!(!tokens.exact.contains_key(&TokenKind::Municipal));
        let with = tokens
            .clone()
            .with_municipal(identity, &Key::fixed(municipality));
        let others = |tokens: &LinkageTokens| {
            let mut others = tokens.clone();
            others.exact.remove(&TokenKind::Municipal);
            others
        };
        assert_eq!(others(&with), tokens);
        let mut several = with.exact.get(&TokenKind::Municipal)?.iter().copied();
        let token = several.next();
        assert_eq!(several.next(), None);
        token
    }

    /// Two municipalities have the same numbers for other people.
    #[test]
    fn one_number_is_one_person_within_a_municipality_and_an_epoch_alone() {
        let token = made(&resident("0012345"), 9, 1);
        assert!(token.is_some());
        assert_eq!(token, made(&resident("１２３４５"), 9, 1));
        for other in [
            made(&resident("0012345"), 10, 1),
            made(&resident("0012345"), 9, 2),
            made(&resident("0012346"), 9, 1),
        ] {
            assert!(other.is_some());
            assert_ne!(token, other);
        }
        // Nor is it the number of a card.
        assert_ne!(
            made(&resident("567"), 7, 1).map(|token| *token.as_bytes()),
            Some(
                Message::new(DOMAIN)
                    .number(TokenKind::InsuredNumber.number().into())
                    .number(1)
                    .part("567")
                    .part("19580309")
                    .short(&Key::fixed(7))
            )
        );
    }

    #[test]
    fn no_number_no_day_and_fillers_make_no_token() {
        for number in ["", "0", "99999999", "A12", "1●2", "1234567890123456"] {
            assert_eq!(made(&resident(number), 9, 1), None, "{number}");
        }
        for birth in [None, Some(Birth::new(date(1900, 1, 1)))] {
            let identity = Identity {
                birth,
                ..resident("12345")
            };
            assert_eq!(made(&identity, 9, 1), None);
        }
    }
}
