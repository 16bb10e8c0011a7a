//! Tokens of a person whose keyed values are made elsewhere: what has to be asked, and the answers.
//!
//! Exact tokens are the values themselves. Filters need a key of their own: the filters of the
//! names have one for each day of birth, and that of the day of birth one for each full name and
//! sex. The centre compares names only where the day is the same, and days only where name and sex
//! are, so nothing is lost by it; and nobody learns a key from which the filters of other people
//! could be made.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use record::Identity;
use zeroize::Zeroizing;

use super::{TokenKey, tokenize};
use crate::Prf;
use crate::message::Message;

const DOMAIN: &str = "sekisho filter key v1";

/// What the keyed function has to be asked for the tokens of one person in one epoch. The messages
/// hold who the person is, so they are wiped when dropped and never leave as they are.
pub struct Asked {
    epoch: u16,
    messages: Vec<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({} messages)", self.messages.len())
    }
}

impl Asked {
    /// What the tokens of a person take.
    pub fn of(identity: &Identity, epoch: u16) -> Self {
        let list = List::default();
        tokenize(identity, &list, epoch);
        let found = list.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let messages = found.into_iter().map(Zeroizing::new).collect();
        Self { epoch, messages }
    }

    /// The epoch.
    pub const fn epoch(&self) -> u16 {
        self.epoch
    }

    /// The messages, each once, in order.
    pub fn messages(&self) -> &[Zeroizing<Vec<u8>>] {
        &self.messages
    }

    /// The answers, one for each message, in their order. `None` when there are more or fewer.
    /// `keyed` makes the function whose key a value is.
    pub fn answered(
        self,
        values: &[Zeroizing<[u8; 32]>],
        keyed: impl Fn(&[u8; 32]) -> Box<dyn Prf>,
    ) -> Option<Evaluated> {
        if values.len() != self.messages.len() {
            return None;
        }
        let answer = |value: &Zeroizing<[u8; 32]>| Answer {
            value: value.clone(),
            function: keyed(value),
        };
        let answers = self.messages.into_iter().zip(values.iter().map(answer));
        Some(Evaluated(answers.collect()))
    }
}

/// Notes what is asked, and answers nothing.
#[derive(Default)]
struct List(Mutex<BTreeSet<Vec<u8>>>);

impl List {
    fn note(&self, message: &[u8]) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.insert(message.to_vec());
    }
}

impl TokenKey for List {
    fn exact(&self, message: &[u8]) -> Option<[u8; 32]> {
        self.note(message);
        None
    }

    fn names(&self, epoch: u16, day: Option<&str>) -> Option<&dyn Prf> {
        self.note(about_names(epoch, day?).as_bytes());
        None
    }

    fn birth(&self, epoch: u16, who: Option<(&str, &str)>) -> Option<&dyn Prf> {
        self.note(about_birth(epoch, who?).as_bytes());
        None
    }
}

struct Answer {
    value: Zeroizing<[u8; 32]>,
    function: Box<dyn Prf>,
}

/// The answers about one person, in order of their messages. They key the tokens of that person and
/// of nobody else.
#[derive(Default)]
pub struct Evaluated(Vec<(Zeroizing<Vec<u8>>, Answer)>);

impl fmt::Debug for Evaluated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Evaluated({} messages)", self.0.len())
    }
}

impl Evaluated {
    fn answer(&self, message: &[u8]) -> Option<&Answer> {
        let at = self
            .0
            .binary_search_by(|(asked, _)| asked.as_slice().cmp(message));
        self.0.get(at.ok()?).map(|(_, answer)| answer)
    }

    fn function(&self, about: &Message) -> Option<&dyn Prf> {
        Some(self.answer(about.as_bytes())?.function.as_ref())
    }
}

impl TokenKey for Evaluated {
    fn exact(&self, message: &[u8]) -> Option<[u8; 32]> {
        Some(*self.answer(message)?.value)
    }

    fn names(&self, epoch: u16, day: Option<&str>) -> Option<&dyn Prf> {
        self.function(&about_names(epoch, day?))
    }

    fn birth(&self, epoch: u16, who: Option<(&str, &str)>) -> Option<&dyn Prf> {
        self.function(&about_birth(epoch, who?))
    }
}

fn about_names(epoch: u16, day: &str) -> Message {
    Message::new(DOMAIN).number(epoch).part("names").part(day)
}

fn about_birth(epoch: u16, (kana, sex): (&str, &str)) -> Message {
    let message = Message::new(DOMAIN).number(epoch).part("birth");
    message.part(kana).part(sex)
}

#[cfg(test)]
mod tests;
