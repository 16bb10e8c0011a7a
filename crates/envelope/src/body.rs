//! Encryption of the body in chunks. See [`crate::container`] for the construction.

use rand_core::CryptoRng;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::mac::{expand, mac};
use crate::suite::FileKey;

/// Bytes of plain text in a chunk.
pub(crate) const CHUNK: usize = 64 << 10;
const TAG: usize = 16;
const KEY_DOMAIN: &[u8] = b"sekisho body key v1";

/// The key of one body.
pub(crate) struct BodyKey(LessSafeKey);

/// A length that the cipher refuses.
#[derive(Debug)]
pub(crate) struct CipherError;

impl FileKey {
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut key = Self([0; 32]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// The salt of a body: keyed, so that it tells nothing about the content.
    pub(crate) fn salt(&self, plain: &[u8]) -> [u8; 32] {
        mac(&self.0, plain)
    }

    /// The key of the body with this salt.
    pub(crate) fn body_key(&self, salt: &[u8; 32]) -> Result<BodyKey, CipherError> {
        let bytes = self.body_key_bytes(salt);
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice()).map_err(|_| CipherError)?;
        Ok(BodyKey(LessSafeKey::new(key)))
    }

    fn body_key_bytes(&self, salt: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        expand(salt, &self.0, KEY_DOMAIN, &mut bytes);
        bytes
    }
}

impl BodyKey {
    /// Encrypts; an empty body is one empty chunk.
    pub(crate) fn encrypt(self, plain: &[u8], aad: &[u8; 32]) -> Result<Vec<u8>, CipherError> {
        let mut body = Vec::with_capacity(encrypted_length(plain.len()));
        for chunk in chunks(plain) {
            self.append(&chunk, aad, &mut body)?;
        }
        Ok(body)
    }

    /// Encrypts a chunk of a body in its place behind what is there.
    pub(crate) fn append(
        &self,
        chunk: &Chunk<'_>,
        aad: &[u8; 32],
        bytes: &mut Vec<u8>,
    ) -> Result<(), CipherError> {
        let start = bytes.len();
        bytes.extend_from_slice(chunk.plain);
        let placed = bytes.get_mut(start..).unwrap_or_default();
        let nonce = nonce(chunk.number, chunk.last);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), placed);
        bytes.extend_from_slice(tag.map_err(|_| CipherError)?.as_ref());
        Ok(())
    }

    /// Decrypts what [`BodyKey::encrypt`] made.
    pub(crate) fn decrypt(self, body: &[u8], aad: &[u8; 32]) -> Result<Vec<u8>, OpenError> {
        let chunks = body.len().div_ceil(CHUNK + TAG);
        let mut plain = Vec::with_capacity(body.len());
        for (number, chunk) in body.chunks(CHUNK + TAG).enumerate() {
            let start = plain.len();
            plain.extend_from_slice(chunk);
            let sealed = plain.get_mut(start..).unwrap_or_default();
            let nonce = nonce(number, number + 1 == chunks);
            let opened = self.0.open_in_place(nonce, Aad::from(aad), sealed);
            let length = opened.map_err(|_| OpenError::Decrypt)?.len();
            if length == 0 && number > 0 {
                return Err(OpenError::Decrypt);
            }
            plain.truncate(start + length);
        }
        (chunks > 0).then_some(plain).ok_or(OpenError::Truncated)
    }
}

/// A part of a body before it is encrypted.
pub(crate) struct Chunk<'a> {
    number: usize,
    last: bool,
    plain: &'a [u8],
}

/// The chunks of a body, one at least.
pub(crate) fn chunks(plain: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let count = plain.len().div_ceil(CHUNK).max(1);
    (0..count).map(move |number| {
        let rest = plain.get(number * CHUNK..).unwrap_or_default();
        Chunk {
            number,
            last: number + 1 == count,
            plain: rest.get(..CHUNK).unwrap_or(rest),
        }
    })
}

/// How long a body of so many bytes becomes.
pub(crate) fn encrypted_length(plain: usize) -> usize {
    plain + TAG * plain.div_ceil(CHUNK).max(1)
}

fn nonce(number: usize, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    let counter = (number as u64).to_be_bytes();
    bytes
        .iter_mut()
        .skip(3)
        .zip(counter)
        .for_each(|(byte, from)| *byte = from);
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng as _;

    use super::*;
    use crate::text_form::{hex, unhex};

    const AAD: [u8; 32] = [1; 32];

    fn key(plain: &[u8]) -> BodyKey {
        let file_key = FileKey([2; 32]);
        file_key.body_key(&file_key.salt(plain)).unwrap()
    }

    /// P-04: AES-256-GCM, test case 16 of the GCM specification (McGrew and Viega).
    #[test]
    fn published_aes_gcm_values_are_met() {
        let secret = unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &secret).unwrap());
        let nonce = unhex("cafebabefacedbaddecaf888").try_into().unwrap();
        let mut text = unhex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let aad = Aad::from(unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key
            .seal_in_place_separate_tag(nonce, aad, &mut text)
            .unwrap();
        assert_eq!(
            hex(&text),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        );
        assert_eq!(hex(tag.as_ref()), "76fc6ece0f4e1768cddf8853bb2d551b");
    }

    #[test]
    fn bodies_around_the_chunk_size_round_trip() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5] {
            let plain: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let body = key(&plain).encrypt(&plain, &AAD).unwrap();
            assert_eq!(body.len(), length + TAG * length.div_ceil(CHUNK).max(1));
            assert_eq!(key(&plain).decrypt(&body, &AAD).unwrap(), plain, "{length}");
        }
    }

    /// chunks cannot be reordered, dropped, appended or moved to another header.
    #[test]
    fn rearranged_chunks_are_refused() {
        let plain = vec![7; 3 * CHUNK];
        let body = key(&plain).encrypt(&plain, &AAD).unwrap();
        let chunks: Vec<&[u8]> = body.chunks(CHUNK + TAG).collect();
        for order in [
            vec![0, 2, 1],
            vec![0, 1],
            vec![1, 2],
            vec![0, 1, 2, 2],
            vec![],
        ] {
            let moved = order
                .iter()
                .map(|&i| chunks[i])
                .collect::<Vec<_>>()
                .concat();
            assert!(key(&plain).decrypt(&moved, &AAD).is_err(), "{order:?}");
        }
        assert!(key(&plain).decrypt(&body, &[0; 32]).is_err());
    }

    /// B-114: even under the same file key, different bodies are encrypted under different keys.
    #[test]
    fn equal_file_keys_do_not_lead_to_equal_body_keys() {
        let [a, b] = [vec![0; 64], vec![1; 64]];
        let stream = |plain: &[u8]| {
            let body = key(plain).encrypt(plain, &AAD).unwrap();
            body.iter()
                .zip(plain)
                .map(|(c, p)| c ^ p)
                .collect::<Vec<u8>>()
        };
        assert_ne!(stream(&a), stream(&b));
    }

    /// The beginning of the body keys of a device whose random source begins anew at every power
    /// cut, each after another number of batches. What the bodies hold is never the same twice: the
    /// time goes back at every cut, the number in the chain does not.
    fn body_keys(batches: u64) -> Vec<u64> {
        let (mut random, mut left, mut time) = (ChaCha8Rng::seed_from_u64(1), 0, 0);
        let mut keys = Vec::new();
        for number in 0..batches {
            if left == 0 {
                (random, left, time) = (ChaCha8Rng::seed_from_u64(1), number % 97 + 1, 0_u64);
            }
            (left, time) = (left - 1, time + 1);
            let file_key = FileKey::generate(&mut random);
            let body = [number.to_be_bytes(), time.to_be_bytes()].concat();
            let key = file_key.body_key_bytes(&file_key.salt(&body));
            keys.push(u64::from_be_bytes(*key.first_chunk().unwrap()));
        }
        keys
    }

    fn are_all_different(mut keys: Vec<u64>) -> bool {
        keys.sort_unstable();
        keys.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// B-114: chunks of one body have different nonces, so different keys are all that is needed.
    #[test]
    fn no_key_comes_twice_although_the_random_source_does() {
        let keys = body_keys(100_000);
        assert!(are_all_different(keys));
        let numbers: Vec<_> = chunks(&[0; 5 * CHUNK]).map(|chunk| chunk.number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
    }

    /// B-114, in the number that it asks for.
    #[test]
    #[ignore = "ten million batches take a minute; with --release"]
    fn no_key_comes_twice_in_ten_million_batches() {
        assert!(are_all_different(body_keys(10_000_000)));
    }

    proptest! {
        #[test]
        fn any_body_round_trips(plain in proptest::collection::vec(any::<u8>(), 0..300)) {
            let body = key(&plain).encrypt(&plain, &AAD).unwrap();
            prop_assert_eq!(key(&plain).decrypt(&body, &AAD).unwrap(), plain);
        }
    }
}
