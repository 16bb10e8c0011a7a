//! Messages for the keyed function: an encoding in which no two different lists of parts agree.

use zeroize::{Zeroize as _, ZeroizeOnDrop};

use crate::Prf;

/// A message under construction. Wiped when dropped, because parts identify persons.
pub(crate) struct Message(Vec<u8>);

/// What was written is wiped and not the room behind it: messages only grow, and to wipe that room
/// took longer than to hash what stands before it.
impl Drop for Message {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl ZeroizeOnDrop for Message {}

impl Message {
    /// Starts a message. Every use of a key has a domain of its own, so that no value of one use
    /// can stand for a value of another.
    pub(crate) fn new(domain: &'static str) -> Self {
        // Room for every usual message: growing would leave unwiped copies behind.
        Self(Vec::with_capacity(512)).part(domain)
    }

    /// Starts another message in the room of this one, which is wiped.
    pub(crate) fn again(mut self, domain: &'static str) -> Self {
        self.0.as_mut_slice().zeroize();
        self.0.clear();
        self.part(domain)
    }

    /// Adds a number.
    pub(crate) fn number(mut self, number: u16) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Adds a text with its length in bytes before it.
    pub(crate) fn part(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a text that is given by its characters.
    pub(crate) fn characters(mut self, characters: &[char]) -> Self {
        let length: usize = characters.iter().map(|one| one.len_utf8()).sum();
        self.0.extend_from_slice(&(length as u32).to_be_bytes());
        for character in characters {
            let mut bytes = [0; 4];
            self.0
                .extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
            bytes.zeroize();
        }
        self
    }

    /// Adds bytes that need not be text, with their length before them.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        // Nothing here is longer than a source file, and those are far below 4 GiB.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds a text that may be absent; absent differs from empty.
    pub(crate) fn optional(self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.number(1).part(text),
            None => self.number(0),
        }
    }

    /// The message.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The 32 bytes of the keyed function.
    pub(crate) fn wide(&self, key: &dyn Prf) -> [u8; 32] {
        key.prf(&self.0)
    }

    /// The first 128 bits of the keyed function.
    pub(crate) fn short(&self, key: &dyn Prf) -> [u8; 16] {
        let wide = self.wide(key);
        std::array::from_fn(|index| wide[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Prf for Plain {
        fn prf(&self, message: &[u8]) -> [u8; 32] {
            let mut sum = [0u8; 32];
            for (index, byte) in message.iter().enumerate() {
                sum[index % 32] = sum[index % 32].rotate_left(3) ^ byte;
            }
            sum
        }
    }

    #[test]
    fn parts_that_join_to_the_same_text_give_different_messages() {
        let bytes = |message: Message| message.0.clone();
        let one = bytes(Message::new("d").part("ab").part("c"));
        let other = bytes(Message::new("d").part("a").part("bc"));
        assert_ne!(one, other);
        let absent = bytes(Message::new("d").optional(None));
        let empty = bytes(Message::new("d").optional(Some("")));
        assert_ne!(absent, empty);
        assert_ne!(
            Message::new("a").wide(&Plain),
            Message::new("b").wide(&Plain)
        );
    }
}
