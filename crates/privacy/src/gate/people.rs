//! Lists of persons by chart number, small enough for a million notices on an appliance.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use zeroize::{Zeroize, Zeroizing};

use super::terms::DocumentVersion;

/// Values by chart number, sorted once all are in, and found by a table of places.
pub(super) struct Charts<V> {
    entries: Zeroizing<Vec<Entry<V>>>,
    /// The numbers that are too long for their entries.
    long: Zeroizing<Vec<u8>>,
    /// Where the first entry of a number is: at the place that the number's hash names, or at one
    /// of those behind it, before the first that is free. The upper bits are of the hash.
    places: Vec<u32>,
}

/// A place of the table that is free.
const FREE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Entry<V> {
    number: Number,
    value: V,
}

impl<V> Zeroize for Entry<V> {
    fn zeroize(&mut self) {
        self.number.0.zeroize();
    }
}

/// A chart number in its entry, because to look elsewhere would be what a question costs: up to 15
/// bytes and their length. Of a longer one, start and length among the long ones, and [`LONG`].
#[derive(Clone, Copy, PartialEq, Eq)]
struct Number([u8; 16]);

/// Stands for the length of a number that is too long for its entry.
const LONG: u8 = u8::MAX;

impl Number {
    /// A number that is short enough for an entry.
    fn short(chart: &[u8]) -> Option<Self> {
        let mut bytes = [0; 16];
        let room = bytes.get_mut(..15)?.get_mut(..chart.len())?;
        room.copy_from_slice(chart);
        bytes[15] = u8::try_from(chart.len()).ok()?;
        Some(Self(bytes))
    }

    /// A number that lies among the long ones; `None` when it is too far behind or too long.
    fn long(start: usize, length: usize) -> Option<Self> {
        let [a, b, c, d] = u32::try_from(start).ok()?.to_le_bytes();
        let [e, f] = u16::try_from(length).ok()?.to_le_bytes();
        Some(Self([a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0, 0, LONG]))
    }

    /// The number as it is written.
    fn text<'n>(&'n self, long: &'n [u8]) -> &'n [u8] {
        let text = match self.0 {
            [a, b, c, d, e, f, .., LONG] => {
                let start = u32::from_le_bytes([a, b, c, d]) as usize;
                let length = usize::from(u16::from_le_bytes([e, f]));
                long.get(start..start + length)
            }
            [.., length] => self.0.get(..usize::from(length)),
        };
        text.unwrap_or_default()
    }
}

impl<V> Default for Charts<V> {
    fn default() -> Self {
        Self {
            entries: Zeroizing::new(Vec::new()),
            long: Zeroizing::new(Vec::new()),
            places: Vec::new(),
        }
    }
}

impl<V: Copy + Ord> Charts<V> {
    /// Adds a number; `false` when there is no room for it.
    pub(super) fn push(&mut self, chart: &str, value: V) -> bool {
        let chart = chart.as_bytes();
        let short = Number::short(chart);
        let Some(number) = short.or_else(|| Number::long(self.long.len(), chart.len())) else {
            return false;
        };
        if short.is_none() {
            reserve(&mut self.long, chart.len());
            self.long.extend_from_slice(chart);
        }
        self.places.clear();
        reserve(&mut self.entries, 1);
        self.entries.push(Entry { number, value });
        true
    }

    /// Replaces every value.
    pub(super) fn replace(&mut self, with: impl Fn(V) -> V) {
        self.entries
            .iter_mut()
            .for_each(|entry| entry.value = with(entry.value));
    }

    /// The same numbers with other values, to be finished again.
    pub(super) fn map<W>(self, with: impl Fn(V) -> W) -> Charts<W> {
        let mut entries = Vec::with_capacity(self.entries.len());
        entries.extend(self.entries.iter().map(|entry| Entry {
            number: entry.number,
            value: with(entry.value),
        }));
        Charts {
            entries: Zeroizing::new(entries),
            long: self.long,
            places: Vec::new(),
        }
    }

    /// Drops the values that do not count, before the numbers are finished.
    pub(super) fn retain(&mut self, keep: impl Fn(V) -> bool) {
        self.places.clear();
        self.entries.retain(|entry| keep(entry.value));
    }

    /// Sorts by number and value; equal values of one number become one. To be called before
    /// [`of`](Self::of), and again after a further [`push`](Self::push).
    pub(super) fn finish(&mut self) {
        let long = &self.long;
        self.entries.sort_unstable_by(|a, b| {
            let numbers = a.number.text(long).cmp(b.number.text(long));
            numbers.then_with(|| a.value.cmp(&b.value))
        });
        self.entries.dedup_by(|later, kept| {
            later.value == kept.value && later.number.text(long) == kept.number.text(long)
        });
        fit(&mut self.long);
        self.place();
    }

    /// Of several values for one number only one stays: the first that `better` prefers to none of
    /// the others.
    pub(super) fn choose(&mut self, better: impl Fn(V, V) -> bool) {
        let long = &self.long;
        self.entries.dedup_by(|later, kept| {
            let same = later.number.text(long) == kept.number.text(long);
            if same && better(later.value, kept.value) {
                kept.value = later.value;
            }
            same
        });
        self.place();
    }

    /// Fills the table of places: half as many again as there are entries. The hash is the same in
    /// every run; whoever could choose numbers to collide would write the site's ledger.
    fn place(&mut self) {
        fit(&mut self.entries);
        let mut places = vec![FREE; self.entries.len() + self.entries.len() / 2 + 1];
        let mask = self.mask();
        let mut last = None;
        for (place, entry) in (0u32..).zip(self.entries.iter()) {
            let chart = entry.number.text(&self.long);
            if last.replace(chart) != Some(chart) {
                let hash = hash(chart);
                let mut slots = slots(hash, places.len());
                let free = slots.find(|slot| places.get(*slot) == Some(&FREE));
                if let Some(slot) = free.and_then(|slot| places.get_mut(slot)) {
                    *slot = mark(hash, mask) | place;
                }
            }
        }
        self.places = places;
    }

    /// The bits of a table's word that name an entry. All of them set name none.
    fn mask(&self) -> u32 {
        let entries = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        u32::MAX >> entries.leading_zeros().min(31)
    }

    /// The values for a number, exactly as written, smallest first.
    pub(super) fn of(&self, chart: &str) -> impl Iterator<Item = V> {
        let chart = chart.as_bytes();
        let short = Number::short(chart);
        let is = move |entry: &Entry<V>| match short {
            Some(number) => entry.number == number,
            None => entry.number.text(&self.long) == chart,
        };
        let (hash, mask) = (hash(chart), self.mask());
        let known = slots(hash, self.places.len())
            .map_while(|slot| self.places.get(slot).filter(|word| **word != FREE))
            .filter(|word| *word & !mask == mark(hash, mask))
            .map(|word| (word & mask) as usize)
            .find(|place| self.entries.get(*place).is_some_and(is));
        let from = known.and_then(|start| self.entries.get(start..));
        let from = from.unwrap_or_default();
        let of_chart = from.iter().take_while(move |entry| is(entry));
        of_chart.map(|entry| entry.value)
    }

    /// Every number with each of its values, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, V)> {
        self.entries.iter().filter_map(|entry| {
            let chart = std::str::from_utf8(entry.number.text(&self.long)).ok()?;
            Some((chart, entry.value))
        })
    }

    /// Bytes held on the heap.
    pub(super) fn size(&self) -> usize {
        self.entries.capacity() * size_of::<Entry<V>>()
            + self.long.capacity()
            + self.places.capacity() * size_of::<u32>()
    }
}

/// Makes room by hand, because a growing vector leaves its old bytes behind.
fn reserve<T: Copy + Zeroize>(list: &mut Zeroizing<Vec<T>>, more: usize) {
    let needed = list.len() + more;
    if needed > list.capacity() {
        move_to(list, needed + needed / 2);
    }
}

/// Gives back the room that is not needed, and wipes it.
fn fit<T: Copy + Zeroize>(list: &mut Zeroizing<Vec<T>>) {
    if list.len() < list.capacity() {
        move_to(list, list.len());
    }
}

fn move_to<T: Copy + Zeroize>(list: &mut Zeroizing<Vec<T>>, capacity: usize) {
    let mut other = Vec::with_capacity(capacity);
    other.extend_from_slice(list);
    // What held the numbers before is wiped as it is dropped.
    *list = Zeroizing::new(other);
}

fn hash(chart: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(chart);
    hasher.finish()
}

/// Part of a hash, beside the entry in a word of the table: nearly every other number is told from
/// the one that is looked for without looking at it.
fn mark(hash: u64, mask: u32) -> u32 {
    (hash as u32) & !mask
}

/// The places of a table in which a number may be looked for, the most likely first.
fn slots(hash: u64, table: usize) -> impl Iterator<Item = usize> {
    // The upper half of the product is spread over the table as evenly as the hash.
    let first = (u128::from(hash) * table as u128) >> 64;
    let first = usize::try_from(first).unwrap_or(0);
    (first..table).chain(0..first)
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
    use std::collections::BTreeSet;

    use proptest::prelude::*;

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

    /// Numbers of every length, around that from which they do not stand in their entries.
    fn numbers() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9]{0,3}", "[01]{14,17}", "[0-9]{64}"]
    }

    proptest! {
        /// Found by the table is what is there, and nothing else.
        #[test]
        fn the_table_finds_what_a_search_through_all_finds(
            pushed in prop::collection::vec((numbers(), 0u8..4), 0..200),
            asked in prop::collection::vec(numbers(), 1..40),
        ) {
            let mut charts = Charts::default();
            for (chart, value) in &pushed {
                prop_assert!(charts.push(chart, *value));
            }
            charts.finish();
            for chart in asked.iter().chain(pushed.iter().map(|(chart, _)| chart)) {
                let of_chart = pushed.iter().filter(|(known, _)| known == chart);
                let all: BTreeSet<u8> = of_chart.map(|(_, value)| *value).collect();
                prop_assert_eq!(charts.of(chart).collect::<Vec<_>>(), Vec::from_iter(all));
            }
            let in_order = |pair: &[(&str, u8)]| pair[0] < pair[1];
            let listed: Vec<_> = charts.iter().collect();
            prop_assert!(listed.windows(2).all(in_order));
            let different: BTreeSet<_> = pushed.iter().collect();
            prop_assert_eq!(listed.len(), different.len());
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
