//! Message types: which events a data kind may carry, and which field states its care date.

use record::DataKind;

use super::table::Kinds;
use crate::hl7::{Field, SegmentName};

/// What a message header means for the kind of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The event of the standard.
    Expected,
    /// Another event of the same content, as some sites write it.
    Deviating,
    /// The document is taken back.
    Cancel,
}

use DataKind as K;
use Event::{Cancel, Deviating, Expected};

/// A line of the table: for which kinds, message, event, what it means.
type Line = (Kinds, &'static str, &'static str, Event);

const fn line(kinds: &[DataKind], message: &'static str, event: &'static str, it: Event) -> Line {
    (Kinds::of(kinds), message, event, it)
}

/// Which messages a kind may carry. A pair that is not here is refused: nobody knows what it says.
#[rustfmt::skip]
const EVENTS: &[Line] = &[
    line(&[K::Adt00], "ADT", "A08", Expected),
    line(&[K::Adt00], "ADT", "A23", Cancel),
    line(&[K::Adt01], "ADT", "A54", Expected),
    line(&[K::Adt01], "ADT", "A55", Cancel),
    line(&[K::Adt12], "ADT", "A04", Expected),
    line(&[K::Adt12], "ADT", "A11", Cancel),
    line(&[K::Adt21], "ADT", "A14", Expected),
    line(&[K::Adt21], "ADT", "A27", Cancel),
    line(&[K::Adt22], "ADT", "A01", Expected),
    line(&[K::Adt22], "ADT", "A11", Cancel),
    line(&[K::Adt31], "ADT", "A21", Expected),
    line(&[K::Adt31], "ADT", "A52", Cancel),
    line(&[K::Adt32], "ADT", "A22", Expected),
    line(&[K::Adt32], "ADT", "A53", Cancel),
    line(&[K::Adt41], "ADT", "A15", Expected),
    line(&[K::Adt41], "ADT", "A26", Cancel),
    line(&[K::Adt42], "ADT", "A02", Expected),
    line(&[K::Adt42], "ADT", "A12", Cancel),
    line(&[K::Adt51], "ADT", "A16", Expected),
    line(&[K::Adt51], "ADT", "A25", Cancel),
    line(&[K::Adt52], "ADT", "A03", Expected),
    line(&[K::Adt52], "ADT", "A13", Cancel),
    line(&[K::Adt61], "ADT", "A60", Expected),
    line(&[K::Ppr01], "PPR", "ZD1", Expected),
    line(&[K::Omd], "OMD", "O03", Expected),
    line(&[K::Omp01, K::Omp02], "RDE", "O11", Expected),
    line(&[K::Omp11, K::Omp12], "RAS", "O17", Expected),
    line(&[K::Oml01], "OML", "O33", Expected),
    line(&[K::Oml11], "OUL", "R22", Expected),
    line(&[K::Omg01, K::Omg02, K::Omg03], "OMG", "O19", Expected),
    line(&[K::Omg11, K::Omg12], "OMI", "Z23", Expected),
    line(&[K::Omg13], "ORU", "R01", Expected),
    // A registration or an update in place of the event itself.
    line(&[K::Adt00, K::Adt12, K::Adt22, K::Adt52], "ADT", "A01", Deviating),
    line(&[K::Adt00, K::Adt12, K::Adt22, K::Adt52], "ADT", "A04", Deviating),
    line(&[
        K::Adt01, K::Adt12, K::Adt21, K::Adt22, K::Adt31, K::Adt32, K::Adt41, K::Adt42,
        K::Adt51, K::Adt52,
    ], "ADT", "A08", Deviating),
    line(&[K::Adt21], "ADT", "A05", Deviating),
    line(&[K::Ppr01], "PPR", "PC1", Deviating),
    line(&[K::Ppr01], "PPR", "PC2", Deviating),
    line(&[K::Ppr01], "PPR", "PC3", Cancel),
    // The two messages of performances have the same groups.
    line(&[K::Omg11, K::Omg12], "ORU", "R01", Deviating),
    line(&[K::Omg13], "OMI", "Z23", Deviating),
    line(&[K::ExtHl7], "ORU", "R30", Expected),
    line(&[K::ExtHl7], "ORU", "R01", Deviating),
];

/// Judges MSH-9; `None` when the kind may not carry such a message.
pub(crate) fn event(kind: DataKind, written: Field<'_>) -> Option<Event> {
    let [message, event, ..] = written.first().components();
    of(kind, &message.text(), &event.text())
}

fn of(kind: DataKind, message: &str, event: &str) -> Option<Event> {
    let lines = EVENTS.iter().filter(|(kinds, ..)| kinds.holds(kind));
    let mut meant = lines.filter(|(_, m, e, _)| *m == message && *e == event);
    meant.next().map(|(.., event)| *event)
}

/// The field by which a kind states the day that its folder should have; `None` for kinds without
/// a care date.
pub(crate) const fn care_date(kind: DataKind) -> Option<(SegmentName, u8)> {
    match kind {
        K::Adt12 | K::Adt22 => Some((*b"PV1", 44)),
        K::Adt52 => Some((*b"PV1", 45)),
        K::Adt21 | K::Adt41 => Some((*b"PV2", 8)),
        K::Adt51 => Some((*b"PV2", 9)),
        K::Adt31 | K::Adt32 | K::Adt42 => Some((*b"EVN", 6)),
        K::Omd | K::Omp01 | K::Omp02 | K::Oml01 | K::Omg01 | K::Omg02 | K::Omg03 => {
            Some((*b"ORC", 9))
        }
        K::Omp11 | K::Omp12 => Some((*b"RXA", 3)),
        K::Oml11 => Some((*b"SPM", 17)),
        K::Omg11 | K::Omg12 | K::Omg13 => Some((*b"OBR", 7)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_of_the_table_may_be_carried() {
        for (kind, message, event, judged) in [
            (DataKind::Adt12, "ADT", "A04", Some(Event::Expected)),
            (DataKind::Adt12, "ADT", "A01", Some(Event::Deviating)),
            (DataKind::Adt22, "ADT", "A11", Some(Event::Cancel)),
            (DataKind::Adt52, "ADT", "A03", Some(Event::Expected)),
            (DataKind::Adt61, "ADT", "A08", None),
            (DataKind::Adt31, "ADT", "A22", None),
            (DataKind::Oml11, "ORU", "R01", None),
            (DataKind::Oml11, "OUL", "", None),
            (DataKind::Omp01, "RAS", "O17", None),
            (DataKind::Omg13, "OMI", "Z23", Some(Event::Deviating)),
            (DataKind::ExtHl7, "ORU", "R30", Some(Event::Expected)),
        ] {
            assert_eq!(of(kind, message, event), judged, "{kind} {message} {event}");
        }
    }
}
