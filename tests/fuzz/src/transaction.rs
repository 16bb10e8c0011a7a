//! The transaction storage: names of its files and the records in them.

use formats::ssmix2::change::Change;
use formats::ssmix2::transaction::{Event, HEADER_BYTES_MAX, Scanner, TransactionFile};
use record::ChartNumber;

const MARK: &[u8] = b"#SSMIX";

/// The first byte says where the file is cut into pieces; the rest is the file.
pub(crate) fn run(data: &[u8]) {
    let Some((&cut, file)) = data.split_first() else {
        return;
    };
    names(file);
    let (whole, complete) = scan(0, [file].into_iter());
    let piece = usize::from(cut) + 1;
    let (pieces, also) = scan(0, file.chunks(piece));
    assert!(whole == pieces && complete == also, "pieces matter");
    nothing_is_lost(file, &whole, complete);
    for (place, event) in &whole {
        let place = usize::try_from(*place).unwrap_or(usize::MAX);
        let there = file.get(place..).unwrap_or_default();
        assert!(there.starts_with(MARK), "a place without a mark");
        if let Event::Change(change) = event {
            hides(change);
        }
    }
    goes_on(file, usize::from(cut) * file.len() / 255);
}

/// What was told, and where it begins in the file.
type Told = (u64, Event);

fn scan<'f>(offset: u64, pieces: impl Iterator<Item = &'f [u8]>) -> (Vec<Told>, bool) {
    let mut scanner = Scanner::at(offset);
    let mut events = Vec::new();
    for piece in pieces {
        scanner.push(piece, &mut |place, event| events.push((place, event)));
    }
    let complete = scanner.finish(&mut |place, event| events.push((place, event)));
    (events, complete)
}

fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split(|b| matches!(b, b'\r' | b'\n'))
}

/// Every line that begins with the marker is told, and nothing is told without a marker.
fn nothing_is_lost(file: &[u8], events: &[Told], complete: bool) {
    let begun = lines(file).filter(|line| line.starts_with(MARK)).count();
    let told = events.len() + usize::from(!complete);
    assert!(told >= begun, "{begun} records, {told} told");
    let marks = memchr::memmem::find_iter(file, MARK).count();
    assert!(
        events.len() <= marks,
        "{marks} marks, {} told",
        events.len()
    );
}

/// A file that has grown is read on from where the reading said, and says the same as if it had
/// been read once.
fn goes_on(file: &[u8], cut: usize) {
    if lines(file).any(|line| line.len() > HEADER_BYTES_MAX) {
        // Such a line is told before it ends, and again.
        return;
    }
    let (before, _) = file.split_at(cut.min(file.len()));
    let mut events = Vec::new();
    let mut scanner = Scanner::at(0);
    scanner.push(before, &mut |place, event| events.push((place, event)));
    let resume = scanner.resume();
    assert!(resume <= before.len() as u64, "resumes behind the end");
    let from = usize::try_from(resume).unwrap_or(usize::MAX);
    let mut scanner = Scanner::at(resume);
    scanner.push(file.get(from..).unwrap_or_default(), &mut |place, event| {
        events.push((place, event));
    });
    let mut once = Vec::new();
    let mut scanner = Scanner::at(0);
    scanner.push(file, &mut |place, event| once.push((place, event)));
    assert!(events == once, "reading on differs from reading once");
}

/// The patient is shown by nothing, and is the name of one folder.
pub(crate) fn hides(change: &Change) {
    let chart = change.chart.expose();
    assert!(!chart.contains(['/', '\\']) && chart != ".." && chart != ".");
    let Some(other) = ChartNumber::new("A1") else {
        return;
    };
    let other = Change {
        chart: other,
        ..change.clone()
    };
    assert_eq!(format!("{change:?}"), format!("{other:?}"), "shown");
}

fn names(file: &[u8]) {
    let Some(Ok(name)) = lines(file).next().map(std::str::from_utf8) else {
        return;
    };
    if let Some(read) = TransactionFile::parse(name) {
        let written = format!("{:017}", read.begun.0);
        let time = name.split('_').nth(1).unwrap_or_default();
        // A fourth decimal of the second is read past.
        let time = time.get(..17).unwrap_or(time);
        assert!(written.starts_with(time), "time of a name");
        let number = name.split(['_', '.']).nth(2).unwrap_or_default();
        assert_eq!(number.parse(), Ok(read.number), "number of a name");
    }
}
