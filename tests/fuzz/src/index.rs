//! The index database as CSV.

use formats::ssmix2::index::{Column, Columns, ROW_BYTES_MAX, Row, Scanner, moment};
use record::ChartNumber;
use text::jis;

/// The first byte says where the file is cut into pieces; the rest is the file.
pub(crate) fn run(data: &[u8]) {
    let Some((&cut, file)) = data.split_first() else {
        return;
    };
    let piece = usize::from(cut) + 1;
    let header = |column: Column| column.name().to_owned();
    let named = scan(Scanner::with_header(header), [file].into_iter());
    let pieces = scan(Scanner::with_header(header), file.chunks(piece));
    assert!(named == pieces, "pieces matter");
    if let Some(columns) = Columns::at(|column| Some(column as usize)) {
        let placed = scan(
            Scanner::<fn(Column) -> String>::with_columns(columns),
            [file].into_iter(),
        );
        assert_eq!(placed.len(), rows(file), "one for each row");
    }
    check(file, &named);
    let text = jis::decode(file, jis::Encoding::Cp932).text;
    if let Some(moment) = moment(&text) {
        assert!((1850..=2200).contains(&moment.year()), "year");
    }
    cell_returns(&text);
}

fn scan<'f, N: Fn(Column) -> String>(
    mut scanner: Scanner<N>,
    pieces: impl Iterator<Item = &'f [u8]>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for piece in pieces {
        scanner.push(piece, &mut |row| rows.push(row));
    }
    scanner.finish(&mut |row| rows.push(row));
    rows
}

/// Lines that say anything.
fn rows(file: &[u8]) -> usize {
    file.split(|b| matches!(b, b'\r' | b'\n'))
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace) || line.len() > ROW_BYTES_MAX)
        .count()
}

/// With a header that fits, every other row is told; with one that does not, only that is.
fn check(file: &[u8], told: &[Row]) {
    if told.contains(&Row::ColumnsUnknown) {
        assert_eq!(told.len(), 1, "rows without columns");
        return;
    }
    if *told == [Row::IndividualNumber] {
        // The header names one, and nothing more is read; or the one row after it holds one.
        return;
    }
    assert_eq!(told.len() + 1, rows(file), "one for each row");
    for row in told {
        if let Row::Change { change, .. } = row {
            crate::transaction::hides(change);
        }
    }
}

/// A patient number that is written as CSV asks comes back as it was.
fn cell_returns(text: &str) {
    let cell: String = text.chars().take(20).collect();
    let cell = cell.trim();
    // Of other letters a single row does not always tell the encoding.
    let plain = cell.is_ascii() && !cell.contains(['/', '\\']);
    let Some(chart) = ChartNumber::new(cell).filter(|_| plain) else {
        return;
    };
    if matches!(cell, "." | "..") {
        return;
    }
    let file = format!(
        "\"UpdateDatetime\",\"PatientID\"\r\n2011-12-20 22:44:47,\"{}\"\r\n",
        cell.replace('"', "\"\"")
    );
    let header = |column: Column| column.name().to_owned();
    let told = scan(Scanner::with_header(header), [file.as_bytes()].into_iter());
    let [Row::Change { change, updated }] = told.as_slice() else {
        panic!("a row is lost");
    };
    assert!(change.chart == chart, "a patient number changes");
    assert!(updated.is_some(), "a time is lost");
}
