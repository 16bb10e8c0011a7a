//! Message types: which events a data kind may carry.

use record::DataKind;

use crate::hl7::Fields;

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

/// Judges MSH-9; `None` when the kind may not carry such a message.
pub(crate) fn event(kind: DataKind, header: &Fields<'_>) -> Option<Event> {
    let written = header.field(9).first();
    of(
        kind,
        &written.component(1).text(),
        &written.component(2).text(),
    )
}

fn of(kind: DataKind, message: &str, event: &str) -> Option<Event> {
    use DataKind::{Adt00, Adt12, Adt22, Adt52, Adt61, ExtHl7};
    use DataKind::{Oml11, Omp01, Omp02, Omp11, Omp12, Ppr01};
    use Event::{Cancel, Deviating, Expected};
    let known = match (kind, message, event) {
        (Adt00, "ADT", "A08") => Expected,
        (Adt00, "ADT", "A23") => Cancel,
        (Adt12, "ADT", "A04") => Expected,
        (Adt12 | Adt22, "ADT", "A11") => Cancel,
        (Adt22, "ADT", "A01") => Expected,
        (Adt52, "ADT", "A03") => Expected,
        (Adt52, "ADT", "A13") => Cancel,
        (Adt00 | Adt12 | Adt22 | Adt52, "ADT", "A01" | "A04" | "A08") => Deviating,
        (Adt61, "ADT", "A60") => Expected,
        (Ppr01, "PPR", "ZD1") => Expected,
        (Ppr01, "PPR", "PC1") => Deviating,
        (Omp01 | Omp02, "RDE", "O11") => Expected,
        (Omp11 | Omp12, "RAS", "O17") => Expected,
        (Oml11, "OUL", "R22") => Expected,
        (ExtHl7, "ORU", "R30") => Expected,
        (ExtHl7, "ORU", "R01") => Deviating,
        _ => return None,
    };
    Some(known)
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
            (DataKind::Oml11, "ORU", "R01", None),
            (DataKind::Oml11, "OUL", "", None),
            (DataKind::Omp01, "RAS", "O17", None),
            (DataKind::ExtHl7, "ORU", "R30", Some(Event::Expected)),
        ] {
            assert_eq!(of(kind, message, event), judged, "{kind} {message} {event}");
        }
    }
}
