use std::fs;
use std::path::PathBuf;

use config::imports::Field;
use envelope::MacKey;
use privacy::gate::{Gate, Ground, Withheld};
use record::ChartNumber;

use super::*;
use crate::ledger::tests::Site;
use crate::ledger::{command, terms};

/// 2026-06-01 in Japan.
pub(super) const TODAY: i64 = 1_780_272_000;
const DAY: i64 = 86_400;

const SETTINGS: &str = r#"
[[ledger.imports]]
name = "notices"
what = "notices"
columns = { chart = "患者番号", date = "通知日", birth = "生年月日" }
constants = { document = "2026-04", method = "handed" }
[[ledger.imports]]
name = "stops"
what = "stops"
columns = { chart = "患者番号", date = "申出日", requester = "申出者", scope = "範囲" }
values = { "本人" = "self", "家族" = "family", "検診のみ" = "checkup/*/.." }
[[ledger.imports]]
name = "visits"
what = "visits"
columns = { chart = "患者番号", date = "来院日" }
[[ledger.imports]]
name = "consents"
what = "consents"
columns = { chart = "患者番号", date = "同意日" }
constants = { document = "2026-04" }
[[ledger.imports]]
name = "merges"
what = "merges"
columns = { chart = "旧番号", into = "新番号" }
"#;

pub(super) struct Desk {
    pub(super) site: Site,
    pub(super) file: PathBuf,
}

impl Desk {
    pub(super) fn new() -> Self {
        let mut site = Site::new();
        site.notices(&[]);
        let example = include_str!("../../../../config/examples/gateway.toml");
        let settings = Settings::parse(&format!("{example}{SETTINGS}")).unwrap();
        site.settings.ledger.imports = settings.ledger.imports;
        site.settings.notice = settings.notice;
        let folder = site.settings.ledger.notices.parent().unwrap().to_owned();
        site.settings.keys.site = folder.join("site.key");
        let key = MacKey::from_bytes([1; 32]);
        fs::write(&site.settings.keys.site, key.to_text().as_str()).unwrap();
        let file = folder.join("export.csv");
        Self { site, file }
    }

    pub(super) fn preview(&self, name: &str, bytes: &[u8]) -> Result<Preview, Problem> {
        fs::write(&self.file, bytes).unwrap();
        let settings = &self.site.settings;
        let import = named(settings, name).unwrap();
        let preview = preview(settings, import, &self.file, self.site.at(TODAY));
        preview.map_err(|failure| {
            assert!(!failure.to_string().contains("0001"), "{failure}");
            failure.problem()
        })
    }

    fn apply_at(&self, name: &str, text: &str, at: i64) -> Result<(ImportId, Preview), Problem> {
        fs::write(&self.file, text).unwrap();
        let settings = &self.site.settings;
        let import = named(settings, name).unwrap();
        let applied = apply(settings, import, &self.file, self.site.at(at));
        applied.map_err(|failure| failure.problem())
    }

    fn apply(&self, name: &str, text: &str) -> Result<(ImportId, Preview), Problem> {
        self.apply_at(name, text, TODAY)
    }

    /// The same, so many lines together.
    pub(super) fn apply_in_parts(
        &self,
        name: &str,
        bytes: &[u8],
        together: usize,
    ) -> Result<(ImportId, Preview), Problem> {
        fs::write(&self.file, bytes).unwrap();
        let settings = &self.site.settings;
        let import = named(settings, name).unwrap();
        let now = self.site.at(TODAY);
        let applied = super::apply_in_parts(settings, import, &self.file, now, together);
        applied.map_err(|failure| failure.problem())
    }

    pub(super) fn entries(&self) -> u64 {
        let ledger = crate::ledger::open(&self.site.settings).unwrap();
        ledger.standing(None).unwrap().1.entries
    }

    /// What the gate says of a number on a day, from what the ledger holds.
    pub(super) fn of(&self, chart: &str, day: &str) -> Option<Withheld> {
        let ledger = crate::ledger::open(&self.site.settings).unwrap();
        let (standing, head) = ledger.standing(None).unwrap();
        let terms = terms::terms(&self.site.settings).unwrap();
        let gate = Gate::new(terms, standing, head, day.parse().unwrap());
        gate.decide(&[ChartNumber::new(chart).unwrap()]).err()
    }
}

const STOPS: &str = "申出者,患者番号,範囲,申出日\n\
    本人,0001,,令和8年5月1日\n\
    家族,0002,検診のみ,2026/05/02\n\
    本人,0001,,R8.5.1\n";

/// C-07: columns in any order, both encodings, both calendars, repetitions counted.
#[test]
fn a_file_is_looked_at_in_either_encoding_before_it_is_taken_in() {
    let desk = Desk::new();
    let expected = Preview {
        lines: 3,
        new: 2,
        repeated: 1,
        unknown: 3,
        ..Preview::default()
    };
    let (sjis, _, _) = encoding_rs::SHIFT_JIS.encode(STOPS);
    let bom = format!("\u{feff}{}", STOPS.replace('\n', "\r\n"));
    for bytes in [STOPS.as_bytes(), &sjis, bom.as_bytes()] {
        assert_eq!(desk.preview("stops", bytes).as_ref(), Ok(&expected));
        assert_eq!(desk.entries(), 0);
    }
    let (_, applied) = desk.apply("stops", STOPS).unwrap();
    assert_eq!((applied, desk.entries()), (expected, 2));
    let again = desk.preview("stops", &sjis).unwrap();
    assert_eq!((again.new, again.known, again.repeated), (0, 3, 1));
    assert_eq!(desk.of("0001", "2026-06-01"), Some(Withheld::Stopped));
}

#[test]
fn a_file_that_is_not_as_it_should_be_is_refused_whole() {
    let desk = Desk::new();
    let utf16: Vec<u8> = STOPS.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cut = STOPS.trim_end();
    let renamed = STOPS.replace("申出日", "日付");
    let twice = STOPS.replace("範囲", "申出日");
    let mixed = [STOPS.as_bytes(), b"\x96\x7b\x90\x6c\xff,0003,,2026-05-01\n"].concat();
    for (bytes, problem) in [
        (utf16.as_slice(), Problem::ImportEncoding),
        (&mixed, Problem::ImportEncoding),
        (b"\0\0\n", Problem::ImportEncoding),
        (cut.as_bytes(), Problem::ImportCut),
        (&STOPS.as_bytes()[..STOPS.len() - 3], Problem::ImportCut),
        (b"", Problem::ImportCut),
        (renamed.as_bytes(), Problem::ImportColumns),
        (twice.as_bytes(), Problem::ImportColumns),
    ] {
        assert_eq!(desk.preview("stops", bytes), Err(problem));
        assert_eq!(desk.entries(), 0);
    }
    fs::remove_file(&desk.file).unwrap();
    let settings = &desk.site.settings;
    let import = named(settings, "stops").unwrap();
    let missing = preview(settings, import, &desk.file, desk.site.at(TODAY));
    assert_eq!(missing.unwrap_err().problem(), Problem::ImportFile);
}

/// B-132: a file with the individual number is refused by the name of a column before its lines are
/// read, and by what stands in them; the error tells the line and never the number.
#[test]
fn a_file_with_individual_numbers_is_refused_by_name_and_by_value() {
    let desk = Desk::new();
    // Of the house's own numbers of twelve digits every tenth passes the check digit.
    let own = |n: u64| format!("本人,7{n:011},,2026-05-01\n");
    let own: String = (0..200).map(own).collect();
    let individual = [
        "123456789018",
        "123456789093",
        "123456789166",
        "123456789247",
    ];
    let individual: String = individual
        .iter()
        .map(|number| format!("本人,{number},,2026-05-01\n"))
        .collect();
    let header = "申出者,患者番号,範囲,申出日\n";
    for (text, line) in [
        (STOPS.replace("申出者,", "個人番号,申出者,"), Some("1")),
        (
            "申出者,患者番号,範囲,申出日,My Number\n".to_owned(),
            Some("1"),
        ),
        (
            "申出者,患者番号,範囲,申出日,備考\n本人,0001,,2026-05-01,1234-5678-9018\n".to_owned(),
            Some("2"),
        ),
        (format!("{header}{individual}"), Some("5")),
        (format!("{header}{own}"), None),
        (
            STOPS.replace("申出者,", "マイナンバーカード確認,申出者,"),
            None,
        ),
    ] {
        fs::write(&desk.file, text).unwrap();
        let settings = &desk.site.settings;
        let import = named(settings, "stops").unwrap();
        let looked = preview(settings, import, &desk.file, desk.site.at(TODAY));
        match (line, looked) {
            (Some(line), Err(failure)) => {
                assert_eq!(failure.problem(), Problem::IndividualNumber);
                let told = failure.to_string();
                assert!(told.contains(line) && !told.contains("5678"), "{told}");
            }
            (None, Ok(_)) => {}
            (_, looked) => panic!("{:?}", looked.map_err(|failure| failure.to_string())),
        }
    }
}

/// Lines at fault are told by number, without what stands there, and none of the file is taken in.
#[test]
fn lines_at_fault_are_told_and_keep_the_whole_file_out() {
    let desk = Desk::new();
    let good = "本人,0009,,2026-05-01\n";
    for (line, fault) in [
        ("本人,0001,,2026-02-30\n", Fault::Date(Field::Date)),
        ("本人,0001,,令和8年13月1日\n", Fault::Date(Field::Date)),
        ("本人,0001,,\n", Fault::Date(Field::Date)),
        ("本人,0001,,2026-06-02\n", Fault::Future(Field::Date)),
        ("本人,００01,,2026-05-01\n", Fault::Chart),
        ("本人,,,2026-05-01\n", Fault::Chart),
        ("隣人,0001,,2026-05-01\n", Fault::Word(Field::Requester)),
        ("本人,0001,全部,2026-05-01\n", Fault::Word(Field::Scope)),
        ("本人,0001,2026-05-01\n", Fault::Fields),
        ("本人,0001,,2026-05-01,x\n", Fault::Fields),
    ] {
        let text = format!("申出者,患者番号,範囲,申出日\n{good}{line}");
        let preview = desk.preview("stops", text.as_bytes()).unwrap();
        assert_eq!(preview.first_faults, [(3, fault)], "{line}");
        assert_eq!((preview.faults, preview.new), (1, 1));
        assert!(!preview.for_people().contains("0001"));
        let applied = desk.apply("stops", &text).unwrap_err();
        assert_eq!((applied, desk.entries()), (Problem::ImportLine, 0));
    }
    let unlisted = "患者番号,通知日,生年月日\n0001,2026-05-01,1899-99-99\n";
    let preview = desk.preview("notices", unlisted.as_bytes()).unwrap();
    assert_eq!(preview.first_faults, [(2, Fault::Date(Field::Birth))]);
}

/// B-001: day 29 withholds, day 30 provides, over month ends and the leap day, through the store.
#[test]
fn the_hold_of_an_imported_notice_ends_on_its_thirtieth_day() {
    for (told, last_withheld, first_day) in [
        ("2026-04-01", "2026-04-30", "2026-05-01"),
        ("2026-05-31", "2026-06-29", "2026-06-30"),
        ("2026-03-31", "2026-04-29", "2026-04-30"),
    ] {
        let desk = Desk::new();
        let text = format!("患者番号,通知日,生年月日\n0001,{told},\n");
        desk.apply("notices", &text).unwrap();
        assert_eq!(desk.of("0001", last_withheld), Some(Withheld::HoldRunning));
        assert_eq!(desk.of("0001", first_day), None, "{told}");
    }
}

/// B-002, A-050: the first visit on or after the notice's start is day 0; earlier ones are none.
#[test]
fn by_policy_the_first_visit_from_the_start_on_is_the_notice() {
    let mut desk = Desk::new();
    let policy = "starts_on = \"2026-04-10\"\ndocument = \"2026-04\"";
    let example = include_str!("../../../../config/examples/gateway.toml");
    let settings = Settings::parse(&format!("{example}\n[notice.policy]\n{policy}\n")).unwrap();
    let visits = "患者番号,来院日\n0001,2026-04-09\n0001,2026-04-10\n0001,2026-05-01\n\
        0002,2026-04-09\n";
    assert_eq!(
        desk.preview("visits", visits.as_bytes()),
        Err(Problem::Settings)
    );
    desk.site.settings.notice = settings.notice;
    let (_, applied) = desk.apply("visits", visits).unwrap();
    assert_eq!((applied.new, applied.idle), (2, 2));
    assert_eq!(desk.of("0001", "2026-05-09"), Some(Withheld::HoldRunning));
    assert_eq!(desk.of("0001", "2026-05-10"), None);
    assert_eq!(desk.of("0002", "2026-05-10"), Some(Withheld::NotNotified));
    let (_, again) = desk
        .apply("visits", "患者番号,来院日\n0001,2026-05-20\n")
        .unwrap();
    assert_eq!((again.new, again.idle), (0, 1));
}

/// B-003: who is told before turning 16 is told again then.
#[test]
fn minors_are_listed_from_their_sixteenth_birthday_on() {
    let desk = Desk::new();
    let text = "患者番号,通知日,生年月日\n0001,2026-04-01,平成22年7月1日\n\
        0002,2026-04-01,2010-04-01\n0003,2026-04-01,S50.1.1\n";
    desk.apply("notices", text).unwrap();
    let again = |day: &str| {
        let ledger = crate::ledger::open(&desk.site.settings).unwrap();
        let (standing, head) = ledger.standing(None).unwrap();
        let terms = terms::terms(&desk.site.settings).unwrap();
        let gate = Gate::new(terms, standing, head, day.parse().unwrap());
        let charts = gate.to_tell_again().iter().map(|it| it.expose().to_owned());
        charts.collect::<Vec<_>>()
    };
    assert_eq!(again("2026-06-30"), [""; 0]);
    assert_eq!(again("2026-07-01"), ["0001"]);
}

/// A-060: an opt-in source provides for those who agreed and for nobody else.
#[test]
fn in_an_opt_in_source_an_imported_consent_opens_and_a_notice_does_not() {
    let mut desk = Desk::new();
    desk.site.settings.notice.mode = "opt-in".to_owned();
    desk.apply("consents", "患者番号,同意日\n0001,2026-05-31\n")
        .unwrap();
    desk.apply("notices", "患者番号,通知日,生年月日\n0002,2026-04-01,\n")
        .unwrap();
    assert_eq!(desk.of("0001", "2026-05-31"), None);
    assert_eq!(desk.of("0001", "2026-05-30"), Some(Withheld::NoConsent));
    assert_eq!(desk.of("0002", "2026-06-01"), Some(Withheld::NoConsent));
}

#[test]
fn a_merge_carries_the_stop_to_the_other_number() {
    let desk = Desk::new();
    desk.apply("notices", "患者番号,通知日,生年月日\n0002,2026-04-01,\n")
        .unwrap();
    let stop: String = STOPS.split_inclusive('\n').take(2).collect();
    desk.apply("stops", &stop).unwrap();
    assert_eq!(desk.of("0002", "2026-06-01"), None);
    desk.apply("merges", "旧番号,新番号\n0001,0002\n").unwrap();
    assert_eq!(desk.of("0002", "2026-06-01"), Some(Withheld::Stopped));
}

#[test]
fn an_import_is_taken_back_within_the_hold_and_its_stops_only_if_asked() {
    let desk = Desk::new();
    let (id, _) = desk.apply("stops", STOPS).unwrap();
    let undo = |stops_too, at| {
        let now = desk.site.at(at);
        let undone = undo(&desk.site.settings, &id, stops_too, &Actor::Operator, now);
        undone.map_err(|failure| failure.problem())
    };
    let of = |taken_back, kept| Ok(undo::Undone { taken_back, kept });
    assert_eq!(undo(false, TODAY), of(0, 2));
    assert_eq!(undo(true, TODAY + 30 * DAY), Err(Problem::UndoTooLate));
    assert_eq!(undo(true, TODAY + 29 * DAY), of(2, 0));
    assert_eq!(undo(true, TODAY + 29 * DAY), of(0, 0));
    // A file that still says stop stops again.
    assert_eq!(desk.preview("stops", STOPS.as_bytes()).unwrap().new, 2);
    let unknown: ImportId = "file-1".parse().unwrap();
    let now = desk.site.at(TODAY);
    let failed = super::undo(&desk.site.settings, &unknown, true, &Actor::Operator, now);
    assert_eq!(failed.unwrap_err().problem(), Problem::LedgerEntry);
}

#[test]
fn an_imported_notice_that_was_taken_back_is_not_brought_back_by_the_file() {
    let desk = Desk::new();
    let text = "患者番号,通知日,生年月日\n0001,2026-04-01,\n";
    desk.apply("notices", text).unwrap();
    let mut ledger = crate::ledger::open(&desk.site.settings).unwrap();
    let (by, at) = (Actor::Operator, desk.site.at(TODAY));
    command::revoke(&mut ledger, &by, at, 1, Ground::Mistake).unwrap();
    let (_, again) = desk.apply("notices", text).unwrap();
    assert_eq!((again.new, again.revoked), (0, 1));
}

#[test]
fn what_only_the_file_or_only_the_ledger_says_is_told_apart() {
    let desk = Desk::new();
    let header = "患者番号,通知日,生年月日\n";
    let before = format!("{header}0001,2026-04-01,\n0002,2026-04-01,\n0003,2026-04-01,\n");
    desk.apply("notices", &before).unwrap();
    let after = format!("{header}0001,2026-04-01,\n0002,2026-04-02,\n0004,2026-04-01,\n");
    fs::write(&desk.file, after).unwrap();
    let settings = &desk.site.settings;
    let import = named(settings, "notices").unwrap();
    let found = reconcile(settings, import, &desk.file, desk.site.at(TODAY)).unwrap();
    assert_eq!((found.file.known, found.file.new), (1, 2));
    assert_eq!(found.file.conflicting, 1);
    assert_eq!((found.vanished, found.differing), (1, 1));
    assert_eq!(desk.entries(), 3);
}
