use envelope::{SigningKey, read_statement};
use record::SubjectRef;

use super::*;
use crate::core::failure::Problem;
use crate::core::fixture::{Centre, Hospital, basic, patient, problems, visit};
use crate::core::random::Randomness;
use crate::core::records::certify;
use crate::core::report::{Report, Status};
use crate::core::settings::Settings;
use crate::core::tables::Current;
use crate::core::{Core, Step};

const DAY: jiff::civil::Date = jiff::civil::date(2024, 5, 6);

/// How many rows of a person the table files of a site hold, counted from the files themselves.
fn rows_of(centre: &Centre, person: SubjectRef) -> usize {
    let tables = centre.settings.state.join("tables");
    let mut found = 0;
    for table in Table::all() {
        let columns = table.columns();
        let subject = position(&columns, "subject");
        let Ok(files) = std::fs::read_dir(tables.join(table.name())) else {
            continue;
        };
        for file in files {
            let mut reader = Reader::open(&file.unwrap().path(), &columns).unwrap();
            while let Some(rows) = reader.next().unwrap() {
                let person = person.to_string();
                let of_person = |row: &usize| rows.text(subject, *row) == Some(person.as_str());
                found += (0..rows.rows()).filter(of_person).count();
            }
        }
    }
    found
}

fn status(centre: &Centre) -> Status {
    let (folder, catalogue) = centre.open();
    Status::of(&catalogue, &folder, &centre.settings, 1_743_500_000).unwrap()
}

fn erase(centre: &Centre) -> u64 {
    let (folder, mut catalogue) = centre.open();
    finish(&mut catalogue, &folder.tables(), 1_743_500_009).unwrap()
}

/// Two persons in two batches, linked; one of them in a file alone.
fn filled(hospital: &mut Hospital) -> Centre {
    let centre = Centre::new(&[hospital]);
    let one = |order| patient(1, vec![basic(1, 1), visit(1, order, 1, DAY)]);
    let other = patient(2, vec![basic(2, 1), problems(2, "E119", DAY)]);
    centre.deliver(&hospital.seal(vec![one("1"), other]));
    centre.deliver(&hospital.seal(vec![one("2")]));
    assert_eq!(centre.pull().accepted, 2);
    centre.link();
    centre
}

/// what a site has erased stands in no table and no link, other persons stay, and the trace
/// says that it was done.
#[test]
fn an_erasure_removes_every_row_of_the_person_and_of_nobody_else() {
    let mut hospital = Hospital::new("HOSP-A", 1);
    let centre = filled(&mut hospital);
    let [one, other] = [1, 2].map(|number| hospital.subject(number));
    let (before, others) = (rows_of(&centre, one), rows_of(&centre, other));
    assert!(before > 0 && others > 0);
    assert_eq!(status(&centre).subjects, 2);

    centre.deliver(&hospital.seal_and_erase(vec![], &[1]));
    let summary = centre.pull();
    assert_eq!((summary.accepted, summary.erased), (1, 1));
    assert_eq!(erase(&centre), 1);
    assert_eq!(
        (rows_of(&centre, one), rows_of(&centre, other)),
        (0, others)
    );
    let after = status(&centre);
    assert_eq!((after.subjects, after.erased, after.to_erase), (1, 1, 0));
    assert_eq!(after.records["Encounter"], 0);
    assert_eq!(after.records["Condition"], 1);
    let (_folder, catalogue) = centre.open();
    let mut entries = catalogue.ledger().unwrap();
    let (done, told) = (entries.pop().unwrap(), entries.pop().unwrap());
    for (entry, what) in [(&told, "\"erased\""), (&done, "\"erasure_done\"")] {
        assert!(
            entry.contains(what) && entry.contains(&one.to_string()),
            "{entry}"
        );
    }
    // the proof names what was looked through and how much went, and is signed.
    assert!(
        done.contains(&format!("\"rows\":{before}")),
        "{done} {before}"
    );
    let key = SigningKey::from_seed([4; 32]).unwrap();
    let statement = certify(&catalogue, entries.len() as u64 + 2, &key).unwrap();
    let text = read_statement(&statement, &key.public()).unwrap();
    assert!(
        text.contains("消去証明書") && text.contains(&done),
        "{text}"
    );
    assert_eq!(catalogue.certifiable().unwrap().len(), 1);
    drop((_folder, catalogue));
    centre.link();
    assert_eq!(status(&centre).subjects, 1);
    assert_eq!(erase(&centre), 0);
}

/// The erasure goes before what its own and later batches say: who comes back is taken anew.
#[test]
fn who_comes_back_after_an_erasure_stands_with_what_came_since() {
    let mut hospital = Hospital::new("HOSP-A", 1);
    let centre = filled(&mut hospital);
    let again = patient(1, vec![basic(1, 2), visit(1, "9", 1, DAY)]);
    centre.deliver(&hospital.seal_and_erase(vec![again], &[1]));
    assert_eq!(centre.pull().accepted, 1);
    erase(&centre);
    let (folder, catalogue) = centre.open();
    let site = "HOSP-A".parse().unwrap();
    let current = Current::load(&catalogue, &folder.tables(), &site).unwrap();
    // Two documents of each person; those of the first came in the last batch.
    assert_eq!(current.counts(), (4, 0));
}

/// Persons of another site under an equal reference are not touched.
#[test]
fn an_erasure_reaches_no_other_site() {
    let mut first = Hospital::new("HOSP-A", 1);
    let mut second = Hospital::new("HOSP-B", 1);
    let centre = Centre::new(&[&first, &second]);
    for hospital in [&mut first, &mut second] {
        centre.deliver(&hospital.seal(vec![patient(1, vec![basic(1, 1)])]));
    }
    centre.deliver(&first.seal_and_erase(vec![], &[1]));
    assert_eq!(centre.pull().accepted, 3);
    let all = rows_of(&centre, first.subject(1));
    erase(&centre);
    assert_eq!(rows_of(&centre, second.subject(1)) * 2, all);
}

/// A run that is killed anywhere is done again: after the word and before any file, and with a file
/// written anew and not noted, whether other rows are left in it or none.
#[test]
fn an_erasure_that_was_interrupted_is_brought_to_its_end() {
    for written in [None, Some(1), Some(2)] {
        let mut hospital = Hospital::new("HOSP-A", 1);
        let centre = filled(&mut hospital);
        centre.deliver(&hospital.seal_and_erase(vec![], &[1]));
        assert_eq!(centre.pull().accepted, 1);
        let (folder, mut catalogue) = centre.open();
        let site: SiteId = "HOSP-A".parse().unwrap();
        let tables = folder.tables();
        let leave = BTreeMap::from([(hospital.subject(1).to_string(), hospital.subject(1))]);
        let parts = catalogue.parts(&site, Table::Document.name()).unwrap();
        if let Some((sequence, known)) = parts.into_iter().find(|part| Some(part.0) == written) {
            let part = Part {
                site: &site,
                sequence,
                known,
            };
            rewrite(&mut catalogue, &tables, Table::Document, &part, &leave).unwrap();
            let before = Stored {
                name: Table::Document.name().to_owned(),
                rows: 99,
                digest: known,
            };
            catalogue.restate(&site, sequence, &before).unwrap();
        }
        drop((folder, catalogue));
        assert_eq!(erase(&centre), 1, "{written:?}");
        assert_eq!(rows_of(&centre, hospital.subject(1)), 0, "{written:?}");
        let (folder, catalogue) = centre.open();
        let parts = catalogue.parts(&site, Table::Document.name()).unwrap();
        // The word itself came in a batch of its own, without documents.
        assert!(parts.len() >= 2, "{written:?}");
        for (sequence, stored) in parts {
            let path = tables::file(&folder.tables(), Table::Document.name(), &site, sequence);
            assert_eq!(digest(&path).unwrap().0, stored, "{written:?}");
        }
    }
}

/// A file that is gone or is another one than was stored may have held rows of others: the erasure
/// says so, is not counted as done, and the catalogue keeps what it knew.
#[test]
fn a_lost_or_exchanged_table_stops_the_erasure() {
    for lost in [true, false] {
        let mut hospital = Hospital::new("HOSP-A", 1);
        let centre = filled(&mut hospital);
        centre.deliver(&hospital.seal_and_erase(vec![], &[1]));
        centre.pull();
        let (folder, mut catalogue) = centre.open();
        let site = "HOSP-A".parse().unwrap();
        let file =
            |sequence| tables::file(&folder.tables(), Table::Document.name(), &site, sequence);
        // The first holds two persons, the second is a readable table of the first of them.
        match lost {
            true => std::fs::remove_file(file(1)).unwrap(),
            false => drop(std::fs::copy(file(2), file(1)).unwrap()),
        }
        let known = catalogue.parts(&site, Table::Document.name()).unwrap();
        let failure = finish(&mut catalogue, &folder.tables(), 1).unwrap_err();
        assert_eq!(failure.problem(), Problem::Damaged, "lost: {lost}");
        assert_eq!(catalogue.erasures().unwrap(), (0, 1), "lost: {lost}");
        let after = catalogue.parts(&site, Table::Document.name()).unwrap();
        assert_eq!(after.first(), known.first(), "lost: {lost}");
    }
}

#[test]
fn a_damaged_table_stops_the_erasure_with_its_name() {
    let mut hospital = Hospital::new("HOSP-A", 1);
    let centre = filled(&mut hospital);
    centre.deliver(&hospital.seal_and_erase(vec![], &[1]));
    centre.pull();
    let (folder, mut catalogue) = centre.open();
    let site = "HOSP-A".parse().unwrap();
    let path = tables::file(&folder.tables(), Table::Document.name(), &site, 1);
    std::fs::write(path, "no table").unwrap();
    let failure = finish(&mut catalogue, &folder.tables(), 1).unwrap_err();
    assert_eq!(failure.problem(), Problem::Damaged);
    assert_eq!(catalogue.erasures().unwrap(), (0, 1));
}

/// Documents of a site, each with the person.
fn documents(centre: &Centre, sequence: u64) -> Vec<(String, String)> {
    let site = "HOSP-A".parse().unwrap();
    let tables = centre.settings.state.join("tables");
    let path = tables::file(&tables, Table::Document.name(), &site, sequence);
    let columns = Table::Document.columns();
    let [subject, document] = ["subject", "document"].map(|name| position(&columns, name));
    let mut reader = Reader::open(&path, &columns).unwrap();
    let mut found = Vec::new();
    while let Some(rows) = reader.next().unwrap() {
        let text = |column, row| rows.text(column, row).unwrap().to_owned();
        found.extend((0..rows.rows()).map(|row| (text(subject, row), text(document, row))));
    }
    found
}

/// A damaged table keeps an erasure from being finished. Whoever has to mend it can still look,
/// what is to be erased is not shown, and nothing is made.
#[test]
fn while_an_erasure_cannot_be_finished_the_core_shows_what_it_holds_and_makes_nothing() {
    let mut hospital = Hospital::new("HOSP-A", 1);
    let centre = filled(&mut hospital);
    let [one, other] = [1, 2].map(|number| hospital.subject(number).to_string());
    let all = documents(&centre, 1);
    let document = |person: &str| {
        let (_, document) = all.iter().find(|(of, _)| of == person).unwrap();
        format!("HOSP-A:{document}")
    };
    let batch = hospital.seal_and_erase(vec![], &[1]);
    centre.deliver(&batch);
    centre.pull();
    let step = |step: &Step| {
        let (folder, catalogue) = centre.open();
        let mut core = Core {
            settings: Settings::load(&centre.config()).unwrap(),
            randomness: Randomness::Fixed(1),
            at: jiff::Timestamp::UNIX_EPOCH,
            report: Report::default(),
            catalogue,
            folder,
        };
        core.step(step).map_err(|failure| failure.problem())
    };
    let site = "HOSP-A".parse().unwrap();
    let condition = Table::Records(record::ResourceKind::Condition);
    let path = tables::file(
        &centre.settings.state.join("tables"),
        condition.name(),
        &site,
        1,
    );
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, "no table").unwrap();
    let history = |document| Step::History {
        document,
        json: true,
    };
    for (looked, found) in [
        (Step::Status { json: true }, Ok(())),
        (Step::Trace { batch: batch.id }, Ok(())),
        (Step::Orders { json: true }, Ok(())),
        (history(document(&other)), Ok(())),
        (history(document(&one)), Err(Problem::UnknownDocument)),
        (Step::Link, Err(Problem::Damaged)),
        (Step::Pull, Err(Problem::Damaged)),
    ] {
        assert_eq!(step(&looked), found, "{looked:?}");
    }
    let told = status(&centre);
    assert_eq!((told.to_erase, told.documents), (1, 0));
    assert_eq!(told.sites_damaged, ["HOSP-A"]);
    std::fs::write(&path, whole).unwrap();
    assert_eq!(step(&Step::Status { json: true }), Ok(()));
    let told = status(&centre);
    assert_eq!((told.to_erase, told.erased, told.documents), (0, 1, 2));
    assert!(told.sites_damaged.is_empty());
}
