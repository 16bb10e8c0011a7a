//! The comparison itself.

use super::reference::{KeyKind, Known, Wanted};

/// Whom an order means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<P> {
    /// Nobody whom the site knows.
    Nobody,
    /// This person and nobody else.
    Stop(P),
    /// Perhaps these; somebody has to decide.
    Hold(Vec<P>),
}

/// Judges whom of these persons an order means.
///
/// A person is meant when any key that names persons fits: chart number, kana name, day of birth,
/// or card. Of a single one who is named by chart number, card, or name and birthday together, and
/// of whom nothing that is known contradicts the order, the order is taken at its word. So it is
/// when several keys were given and one person agrees in all of them, while others share no more
/// than the name or the birthday. In every other case all of them are held.
pub fn judge<P>(wanted: &Wanted, persons: impl IntoIterator<Item = (P, Known)>) -> Verdict<P> {
    let fits = |(person, known)| {
        let fit = Fit::of(wanted, &known);
        fit.any.then_some((person, fit))
    };
    let mut meant: Vec<(P, Fit)> = persons.into_iter().filter_map(fits).collect();
    let several = KeyKind::ALL
        .iter()
        .filter(|kind| kind.names() && wanted.gives(**kind))
        .count()
        > 1;
    let named = meant.iter().filter(|(_, fit)| fit.named).count();
    let alone = meant.len() == 1;
    let certain = |fit: &Fit| fit.named && (fit.whole && several || alone && !fit.contradicted);
    if named == 1
        && let Some(place) = meant.iter().position(|(_, fit)| certain(fit))
    {
        return Verdict::Stop(meant.swap_remove(place).0);
    }
    match meant.is_empty() {
        true => Verdict::Nobody,
        false => Verdict::Hold(meant.into_iter().map(|(person, _)| person).collect()),
    }
}

/// What an order gives and how it compares with a person: whether it fits, `None` where nothing is
/// known.
pub fn compare(wanted: &Wanted, known: &Known) -> Vec<(KeyKind, Option<bool>)> {
    let given = KeyKind::ALL.iter().filter(|kind| wanted.gives(**kind));
    given
        .map(|kind| (*kind, known.has(*kind).then(|| wanted.fits(*kind, known))))
        .collect()
}

/// How far a person is the one of the order.
struct Fit {
    /// A key that names persons fits.
    any: bool,
    /// A key fits that few can share.
    named: bool,
    /// Everything that the order gives fits.
    whole: bool,
    /// Something is known otherwise.
    contradicted: bool,
}

impl Fit {
    fn of(wanted: &Wanted, known: &Known) -> Self {
        let fits = |kind: KeyKind| wanted.fits(kind, known);
        let given = KeyKind::ALL
            .iter()
            .copied()
            .filter(|kind| wanted.gives(*kind));
        let differs = |kind: KeyKind| known.has(kind) && !fits(kind);
        Self {
            any: given.clone().any(|kind| kind.names() && fits(kind)),
            named: fits(KeyKind::Chart)
                || fits(KeyKind::Card)
                || fits(KeyKind::Kana) && fits(KeyKind::Birth),
            whole: given.clone().all(fits),
            contradicted: given.into_iter().any(differs),
        }
    }
}
