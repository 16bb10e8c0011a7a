//! What a type reads, found by letting it read: its keys, and of what form each value is.
//!
//! Every type is asked once for each key: the way to the key is given to it as the only content,
//! and what it asks for there is noted. Reading then fails, which does not matter.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
    value::Error,
};
use serde::forward_to_deserialize_any;

/// What stands behind a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Further keys: a section, or each of a list of sections.
    Section(Vec<&'static str>),
    Number,
    Flag,
    Words(Vec<&'static str>),
    Text,
    Map,
    List(Box<Asked>),
}

/// Every key of a type that is no section, by its name with dots.
pub(super) fn keys<T: DeserializeOwned>() -> BTreeMap<String, Asked> {
    let mut found = BTreeMap::new();
    let mut open = vec![Vec::new()];
    while let Some(way) = open.pop() {
        let asked = ask::<T>(&way).unwrap_or_else(|| panic!("{way:?} asks for nothing"));
        let inner = match &asked {
            Asked::List(inner) => inner.as_ref(),
            asked => asked,
        };
        match inner {
            Asked::Section(fields) => open.extend(fields.iter().map(|field| {
                let mut way = way.clone();
                way.push(*field);
                way
            })),
            _ => {
                found.insert(way.join("."), asked);
            }
        }
    }
    found
}

fn ask<T: DeserializeOwned>(way: &[&'static str]) -> Option<Asked> {
    let noted = RefCell::new(None);
    let probe = Probe {
        way,
        noted: &noted,
        listed: false,
    };
    // It cannot be read whole.
    let _ = T::deserialize(probe);
    noted.into_inner()
}

#[derive(Clone, Copy)]
struct Probe<'p> {
    way: &'p [&'static str],
    noted: &'p RefCell<Option<Asked>>,
    listed: bool,
}

impl Probe<'_> {
    fn note<V>(self, asked: Asked) -> Result<V, Error> {
        let asked = match self.listed {
            true => Asked::List(Box::new(asked)),
            false => asked,
        };
        self.noted.borrow_mut().get_or_insert(asked);
        Err(Error::custom("noted"))
    }
}

macro_rules! noted {
    ($asked:expr; $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            self.note($asked)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    noted!(Asked::Number; deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_i64);
    noted!(Asked::Flag; deserialize_bool);
    noted!(Asked::Text; deserialize_str deserialize_string);
    noted!(Asked::Map; deserialize_map);

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("a form that the list of keys does not know"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(One(Self {
            // Only the list that the way ends in is one of the key's own.
            listed: self.way.is_empty(),
            ..self
        }))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.note(Asked::Words(words.to_vec()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.way.split_first() {
            None => self.note(Asked::Section(fields.to_vec())),
            Some((key, way)) => visitor.visit_map(Only(Some(*key), Self { way, ..self })),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

/// A list of one.
struct One<'p>(Probe<'p>);

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        seed.deserialize(self.0).map(Some)
    }
}

/// A table with one key.
struct Only<'p>(Option<&'static str>, Probe<'p>);

impl<'de> MapAccess<'de> for Only<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let key = self.0.take();
        key.map(|key| seed.deserialize(serde::de::value::StrDeserializer::new(key)))
            .transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.1)
    }
}
