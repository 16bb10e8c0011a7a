//! Lists of persons by chart number, small enough for a million notices on an appliance.

use std::collections::BTreeMap;

use zeroize::{Zeroize, Zeroizing};

use super::terms::DocumentVersion;

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

    /// Drops the values that do not count.
    pub(super) fn retain(&mut self, keep: impl Fn(V) -> bool) {
        self.entries.retain(|entry| keep(entry.value));
    }

    /// Sorts by number and value; equal values of one number become one. To be called before
    /// [`of`](Self::of), and again after a further [`push`](Self::push).
    pub(super) fn finish(&mut self) {
        let bytes = &self.bytes;
        self.entries.sort_unstable_by(|a, b| {
            text(bytes, a)
                .cmp(text(bytes, b))
                .then_with(|| a.value.cmp(&b.value))
        });
        self.entries.dedup_by(|later, kept| {
            later.value == kept.value && text(bytes, later) == text(bytes, kept)
        });
        self.entries.shrink_to_fit();
        self.resize(self.bytes.len());
    }

    /// Of several values for one number only one stays: the first that `better` prefers to none of
    /// the others.
    pub(super) fn choose(&mut self, better: impl Fn(V, V) -> bool) {
        let bytes = &self.bytes;
        self.entries.dedup_by(|later, kept| {
            let same = text(bytes, later) == text(bytes, kept);
            if same && better(later.value, kept.value) {
                kept.value = later.value;
            }
            same
        });
        self.entries.shrink_to_fit();
    }

    /// The values for a number, exactly as written, smallest first.
    pub(super) fn of(&self, chart: &str) -> impl Iterator<Item = V> {
        let chart = chart.as_bytes();
        let start = self
            .entries
            .partition_point(|entry| text(&self.bytes, entry) < chart);
        let from = self.entries.get(start..).unwrap_or_default();
        from.iter()
            .take_while(move |entry| text(&self.bytes, entry) == chart)
            .map(|entry| entry.value)
    }

    /// Every number with each of its values, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, V)> {
        self.entries.iter().filter_map(|entry| {
            let chart = std::str::from_utf8(text(&self.bytes, entry)).ok()?;
            Some((chart, entry.value))
        })
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
            self.resize(needed + needed / 2);
        }
    }

    fn resize(&mut self, capacity: usize) {
        let mut other = Vec::with_capacity(capacity);
        other.extend_from_slice(&self.bytes);
        self.bytes.zeroize();
        self.bytes = Zeroizing::new(other);
    }
}

fn text<'a, V>(bytes: &'a [u8], entry: &Entry<V>) -> &'a [u8] {
    let start = entry.start as usize;
    bytes
        .get(start..start + usize::from(entry.length))
        .unwrap_or_default()
}

/// The notice texts of a ledger, at most 255 of them: more can only be a misread column, and a
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
        // The last number is kept for "the text of the policy".
        if index == u8::MAX {
            return None;
        }
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
    fn a_number_has_its_values_in_order_and_each_once() {
        for order in [[3, 1, 2], [1, 2, 3], [2, 3, 1]] {
            let mut charts = Charts::default();
            for value in order {
                assert!(charts.push("0001", value) && charts.push("0001", value));
                assert!(charts.push("1", value + 10));
            }
            charts.finish();
            assert_eq!(charts.of("0001").collect::<Vec<_>>(), [1, 2, 3]);
            assert_eq!(charts.of("1").collect::<Vec<_>>(), [11, 12, 13]);
            assert_eq!((charts.of("01").count(), charts.of("").count()), (0, 0));
            assert_eq!(charts.iter().count(), 6);
            charts.retain(|value| value != 12);
            charts.choose(|one, other| one > other);
            assert_eq!(charts.of("0001").collect::<Vec<_>>(), [3]);
            assert_eq!(charts.of("1").collect::<Vec<_>>(), [13]);
        }
    }

    #[test]
    fn notice_texts_are_numbered_alike_whatever_the_order_and_end_at_255() {
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
        assert!((0..255).all(|n| documents.index(version(n)).is_some()));
        assert_eq!(documents.index(version(255)), None);
        assert_eq!(documents.index(version(254)), Some(254));
    }
}
