//! Lists of persons by chart number, small enough for a million notices on an appliance.

use std::collections::BTreeMap;

use record::moment::Date;
use zeroize::{Zeroize, Zeroizing};

use super::terms::DocumentVersion;

/// What the ledger keeps of a person: the day of the notice and which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Opened {
    pub(super) notified_on: Date,
    pub(super) document: u8,
}

/// Values by chart number: the numbers in one block of bytes, sorted once all are in.
pub(super) struct Charts<V> {
    bytes: Zeroizing<Vec<u8>>,
    entries: Vec<Entry<V>>,
}

struct Entry<V> {
    start: u32,
    length: u16,
    value: V,
}

impl<V> Default for Charts<V> {
    fn default() -> Self {
        Self {
            bytes: Zeroizing::new(Vec::new()),
            entries: Vec::new(),
        }
    }
}

impl<V: Copy + Ord> Charts<V> {
    /// Adds a number; `false` when there is no room for it.
    pub(super) fn push(&mut self, chart: &str, value: V) -> bool {
        let (Ok(start), Ok(length)) = (u32::try_from(self.bytes.len()), u16::try_from(chart.len()))
        else {
            return false;
        };
        self.reserve(chart.len());
        self.bytes.extend_from_slice(chart.as_bytes());
        self.entries.push(Entry {
            start,
            length,
            value,
        });
        true
    }

    /// Replaces every value.
    pub(super) fn replace(&mut self, with: impl Fn(V) -> V) {
        self.entries
            .iter_mut()
            .for_each(|entry| entry.value = with(entry.value));
    }

    /// Sorts; of several values for one number the smallest stays. To be called before [`get`].
    ///
    /// [`get`]: Self::get
    pub(super) fn finish(&mut self) {
        let bytes = &self.bytes;
        self.entries.sort_unstable_by(|a, b| {
            text(bytes, a)
                .cmp(text(bytes, b))
                .then_with(|| a.value.cmp(&b.value))
        });
        self.entries
            .dedup_by(|later, kept| text(bytes, later) == text(bytes, kept));
        self.entries.shrink_to_fit();
    }

    /// The value for a number, exactly as written.
    pub(super) fn get(&self, chart: &str) -> Option<V> {
        let found = self
            .entries
            .binary_search_by(|entry| text(&self.bytes, entry).cmp(chart.as_bytes()));
        found
            .ok()
            .and_then(|index| self.entries.get(index))
            .map(|entry| entry.value)
    }

    /// Every number, in order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .filter_map(|entry| std::str::from_utf8(text(&self.bytes, entry)).ok())
    }

    /// Bytes held on the heap.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry<V>>()
    }

    /// Grows by hand, because a growing vector leaves its old bytes behind.
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let mut larger = Vec::with_capacity(needed + needed / 2);
            larger.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = Zeroizing::new(larger);
        }
    }
}

fn text<'a, V>(bytes: &'a [u8], entry: &Entry<V>) -> &'a [u8] {
    let start = entry.start as usize;
    bytes
        .get(start..start + usize::from(entry.length))
        .unwrap_or_default()
}

/// The notice texts of a ledger, at most 256 of them: more can only be a misread column, and a
/// misread column must not reach a manifest.
#[derive(Default)]
pub(super) struct Documents {
    arrived: BTreeMap<DocumentVersion, u8>,
}

impl Documents {
    /// The number of a text, by arrival; `None` when there is no room for one more.
    pub(super) fn index(&mut self, document: DocumentVersion) -> Option<u8> {
        if let Some(index) = self.arrived.get(&document) {
            return Some(*index);
        }
        let index = u8::try_from(self.arrived.len()).ok()?;
        self.arrived.insert(document, index);
        Some(index)
    }

    /// The texts in order, and the place in that order of each number given out so far.
    pub(super) fn finish(self) -> (Vec<DocumentVersion>, [u8; 256]) {
        let mut places = [0; 256];
        for (place, index) in (0..=u8::MAX).zip(self.arrived.values()) {
            places[usize::from(*index)] = place;
        }
        (self.arrived.into_keys().collect(), places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_value_of_a_number_stays_whatever_the_order() {
        for order in [[3, 1, 2], [1, 2, 3], [2, 3, 1]] {
            let mut charts = Charts::default();
            for value in order {
                assert!(charts.push("0001", value));
                assert!(charts.push("1", value + 10));
            }
            charts.finish();
            assert_eq!(charts.get("0001"), Some(1));
            assert_eq!(charts.get("1"), Some(11));
            assert_eq!(charts.get("01"), None);
            assert_eq!(charts.get(""), None);
        }
    }

    #[test]
    fn a_million_notices_take_less_than_32_megabytes() {
        let mut charts = Charts::default();
        for number in 0..1_000_000u32 {
            let opened = Opened {
                notified_on: jiff::civil::date(2024, 4, 1),
                document: 0,
            };
            assert!(charts.push(&format!("{number:010}"), opened));
        }
        charts.finish();
        assert!(charts.size() < 32_000_000, "{} bytes", charts.size());
        assert!(charts.get("0000999999").is_some());
    }

    #[test]
    fn notice_texts_are_numbered_alike_whatever_the_order_and_end_at_256() {
        let version = |n: u32| format!("v{n:03}").parse::<DocumentVersion>().unwrap();
        let mut documents = Documents::default();
        let indexes: Vec<_> = [2, 0, 1]
            .map(|n| documents.index(version(n)).unwrap())
            .into();
        let (texts, places) = documents.finish();
        let placed: Vec<_> = indexes.iter().map(|i| places[usize::from(*i)]).collect();
        assert_eq!(
            (placed, texts),
            (vec![2, 0, 1], [0, 1, 2].map(version).into())
        );

        let mut documents = Documents::default();
        assert!((0..256).all(|n| documents.index(version(n)).is_some()));
        assert_eq!(documents.index(version(256)), None);
        assert_eq!(documents.index(version(255)), Some(255));
    }
}
