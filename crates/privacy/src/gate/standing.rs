//! Where every person stands: the history folded into what the gate asks about.

use std::collections::{BTreeMap, BTreeSet};

use record::identity::ChartNumber;
use record::moment::Date;
use zeroize::Zeroizing;

use super::contract::Terms;
use super::history::Event;
use super::parts::Parts;
use super::people::{Charts, Documents};
use super::scope::Scope;
use super::spelling::any_spelling;

/// A value with the entry that made it, which may still be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Of<V> {
    value: V,
    entry: u32,
}

/// A person was told, or came while everybody was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    /// When.
    pub(super) on: Date,
    /// Which text, by its number in the list of texts.
    pub(super) document: u8,
}

/// Stands for the text of the policy until that is known.
const BY_POLICY: u8 = u8::MAX;

/// Something that withholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// To what it extends, by its number in the list of scopes; `None` for a decision that is
    /// pending.
    pub(super) scope: Option<u16>,
}

/// A consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Agreed {
    /// When.
    pub(super) on: Date,
    /// Which text, by its number in the list of texts.
    pub(super) document: u8,
    /// To what it extends, by its number in the list of scopes.
    pub(super) scope: u16,
}

struct Merge {
    numbers: [Zeroizing<String>; 2],
    entry: u32,
}

/// A history being read, entry by entry; see [`Standing::push`].
///
/// Memory: about 30 bytes a notice and 26 a stop, the number of 10 characters included; of the gate
/// that is made of it 28 each.
pub struct Standing {
    told: Charts<Of<Told>>,
    marks: Charts<Of<Mark>>,
    agreed: Charts<Of<Agreed>>,
    sixteen: Charts<Of<Date>>,
    merges: Vec<Merge>,
    documents: Documents,
    scopes: Scopes,
    /// Entries that take back, each with the earlier one that it takes back, in order.
    revoking: Vec<(u32, u32)>,
    parts: Parts,
    /// Whether everything that withholds found room. If not, nobody passes.
    complete: bool,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            told: Charts::default(),
            marks: Charts::default(),
            agreed: Charts::default(),
            sixteen: Charts::default(),
            merges: Vec::new(),
            documents: Documents::default(),
            scopes: Scopes::default(),
            revoking: Vec::new(),
            parts: Parts::default(),
            complete: true,
        }
    }
}

impl Standing {
    /// Takes the next entry of the history. `number` counts from 1 and grows.
    ///
    /// What opens the gate and finds no room is left out; when a stop finds none, nobody passes.
    pub fn push(&mut self, number: u64, event: Event) {
        let Ok(entry) = u32::try_from(number) else {
            self.complete &= !withholds(&event);
            return;
        };
        match event {
            Event::Notified(notice) => {
                let Some(document) = self.documents.index(notice.document) else {
                    return;
                };
                let on = notice.notified_on;
                let value = Told { on, document };
                self.told.push(notice.chart.expose(), Of { value, entry });
                if let Some(value) = notice.sixteen_on {
                    self.sixteen
                        .push(notice.chart.expose(), Of { value, entry });
                }
            }
            Event::Visited { chart, on } => {
                let document = BY_POLICY;
                let value = Told { on, document };
                self.told.push(chart.expose(), Of { value, entry });
            }
            Event::Stopped(stop) => {
                // A scope that finds no number is taken as the widest.
                let scope = self.scopes.index(stop.scope);
                let scope = scope.or_else(|| self.scopes.index(Scope::ALL));
                self.mark(&stop.chart, scope, entry);
                self.complete &= scope.is_some();
            }
            Event::Held { chart, .. } => self.mark(&chart, None, entry),
            Event::Consented(consent) => {
                let document = self.documents.index(consent.document);
                if let Some((document, scope)) = document.zip(self.scopes.index(consent.scope)) {
                    let value = Agreed {
                        on: consent.given_on,
                        document,
                        scope,
                    };
                    self.agreed
                        .push(consent.chart.expose(), Of { value, entry });
                }
            }
            Event::Merged { from, into } => self.merges.push(Merge {
                numbers: [&from, &into].map(|number| any_spelling(number).into_owned()),
                entry,
            }),
            Event::Part { .. } | Event::Whole { .. } => self.parts.note(number, &event),
            // An entry cannot take back itself or what is still to come, and none of an import that
            // is not whole takes anything back.
            Event::Revoked { entry: earlier, .. }
                if earlier < number && !self.parts.in_last(number) =>
            {
                self.revoking
                    .extend(u32::try_from(earlier).map(|earlier| (entry, earlier)));
            }
            Event::Revoked { .. } | Event::Provided(_) => {}
        }
    }

    fn mark(&mut self, chart: &ChartNumber, scope: Option<u16>, entry: u32) {
        let value = Mark { scope };
        self.complete &= self.marks.push(&any_spelling(chart), Of { value, entry });
    }

    /// The state for these terms on a day.
    pub(super) fn settle(mut self, terms: &Terms) -> Settled {
        let revoked = revoked(&self.revoking);
        let is_revoked = |entry: u64| u32::try_from(entry).is_ok_and(|it| revoked.contains(&it));
        let open = std::mem::take(&mut self.parts).open(is_revoked);
        let stands = |entry: u32| {
            let number = u64::from(entry);
            !revoked.contains(&entry) && !open.unfinished(number) && !open.taken_back(number)
        };
        self.told.retain(|told| stands(told.entry));
        self.marks.retain(|mark| stands(mark.entry));
        self.agreed.retain(|agreed| stands(agreed.entry));
        self.sixteen.retain(|sixteen| stands(sixteen.entry));
        self.merges.retain(|merge| stands(merge.entry));
        self.tell_by_policy(terms);
        // By text and not by arrival, so that the order of entries changes nothing.
        let (documents, places) = self.documents.finish();
        let place = |document: u8| places.get(usize::from(document)).copied().unwrap_or(0);
        let mut told = self.told.map(|told| Told {
            document: place(told.value.document),
            ..told.value
        });
        let mut agreed = self.agreed.map(|agreed| Agreed {
            document: place(agreed.value.document),
            ..agreed.value
        });
        let mut sixteen = self.sixteen.map(|sixteen| sixteen.value);
        let mut marks = self.marks.map(|mark| mark.value);
        told.finish();
        agreed.finish();
        sixteen.finish();
        marks.finish();
        let complete = spread(&self.merges, &mut marks) && self.complete;
        Settled {
            told,
            marks,
            agreed,
            sixteen,
            documents,
            scopes: self.scopes.list,
            complete,
        }
    }

    /// Visits count as notices of the policy's text from its start on, and else not at all.
    fn tell_by_policy(&mut self, terms: &Terms) {
        let policy = terms.policy.as_ref().and_then(|policy| {
            let document = self.documents.index(policy.document.clone())?;
            Some((policy.starts_on, document))
        });
        self.told.retain(|Of { value: told, .. }| {
            told.document != BY_POLICY || policy.is_some_and(|(starts_on, _)| starts_on <= told.on)
        });
        if let Some((_, document)) = policy {
            self.told.replace(|told| {
                let value = match told.value.document {
                    BY_POLICY => Told {
                        document,
                        ..told.value
                    },
                    _ => told.value,
                };
                Of { value, ..told }
            });
        }
    }
}

impl FromIterator<Event> for Standing {
    /// A whole history, its first entry first.
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut standing = Self::default();
        for (number, event) in (1..).zip(events) {
            standing.push(number, event);
        }
        standing
    }
}

/// The entries that no longer count, of pairs of an entry that takes back and the earlier one that
/// it takes back, in order. Read from the last to the first, so that an entry which was itself
/// taken back takes nothing back.
pub fn revoked(revoking: &[(u32, u32)]) -> BTreeSet<u32> {
    let mut revoked = BTreeSet::new();
    for (entry, earlier) in revoking.iter().rev() {
        if !revoked.contains(entry) {
            revoked.insert(*earlier);
        }
    }
    revoked
}

fn withholds(event: &Event) -> bool {
    matches!(
        event,
        Event::Stopped(_) | Event::Held { .. } | Event::Merged { .. }
    )
}

/// The history settled: sorted, without what was revoked.
pub(super) struct Settled {
    pub(super) told: Charts<Told>,
    pub(super) marks: Charts<Mark>,
    pub(super) agreed: Charts<Agreed>,
    sixteen: Charts<Date>,
    pub(super) documents: Vec<super::terms::DocumentVersion>,
    pub(super) scopes: Vec<Scope>,
    pub(super) complete: bool,
}

impl Settled {
    /// Persons who turned 16 by `today` and have not been told again since (B-003).
    pub(super) fn to_tell_again(&self, today: Date) -> Vec<ChartNumber> {
        let due = self.sixteen.iter().filter(|(chart, sixteen)| {
            let again = || self.told.of(chart).any(|told| told.on >= *sixteen);
            *sixteen <= today && !again()
        });
        let mut charts: Vec<_> = due
            .filter_map(|(chart, _)| ChartNumber::new(chart))
            .collect();
        charts.dedup();
        charts
    }
}

/// Gives every number of a merged person the marks of all the others. `false` when there was no
/// room.
fn spread(merges: &[Merge], marks: &mut Charts<Mark>) -> bool {
    let mut groups = Groups::default();
    for merge in merges {
        let [from, into] = &merge.numbers;
        groups.join(from, into);
    }
    let mut complete = true;
    let mut more = Vec::new();
    for group in groups.finish() {
        let all: Vec<Mark> = group.iter().flat_map(|number| marks.of(number)).collect();
        for number in group {
            more.extend(all.iter().map(|mark| (number, *mark)));
        }
    }
    for (number, mark) in more {
        complete &= marks.push(number, mark);
    }
    marks.finish();
    complete
}

/// Numbers that are one person, as a forest: each number points to another of its group.
#[derive(Default)]
struct Groups<'n> {
    numbers: Vec<&'n str>,
    places: BTreeMap<&'n str, usize>,
    parent: Vec<usize>,
}

impl<'n> Groups<'n> {
    fn place(&mut self, number: &'n str) -> usize {
        if let Some(place) = self.places.get(number) {
            return *place;
        }
        let place = self.parent.len();
        self.places.insert(number, place);
        self.numbers.push(number);
        self.parent.push(place);
        place
    }

    fn root(&mut self, mut place: usize) -> usize {
        while let Some(&parent) = self.parent.get(place) {
            if parent == place {
                break;
            }
            // Halving the way keeps it short however long chains of merges are.
            let above = self.parent.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.parent.get_mut(place) {
                *slot = above;
            }
            place = above;
        }
        place
    }

    fn join(&mut self, one: &'n str, other: &'n str) {
        let (one, other) = (self.place(one), self.place(other));
        let (one, other) = (self.root(one), self.root(other));
        if let Some(slot) = self.parent.get_mut(one) {
            *slot = other;
        }
    }

    fn finish(mut self) -> Vec<Vec<&'n str>> {
        let mut groups: BTreeMap<usize, Vec<&'n str>> = BTreeMap::new();
        for (place, number) in std::mem::take(&mut self.numbers).into_iter().enumerate() {
            groups.entry(self.root(place)).or_default().push(number);
        }
        groups.into_values().collect()
    }
}

/// The scopes that occur, each with a number.
#[derive(Default)]
struct Scopes {
    list: Vec<Scope>,
    numbers: BTreeMap<Scope, u16>,
}

impl Scopes {
    fn index(&mut self, scope: Scope) -> Option<u16> {
        if let Some(number) = self.numbers.get(&scope) {
            return Some(*number);
        }
        let number = u16::try_from(self.list.len()).ok()?;
        self.list.push(scope);
        self.numbers.insert(scope, number);
        Some(number)
    }
}
