extern crate std;

use std::format;
use std::string::ToString as _;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_790_000_000;
const GREEN: Light = Light::Lit(Colour::Green, Rhythm::On);
const AMBER: Light = Light::Lit(Colour::Amber, Rhythm::Slow);
const RED: Light = Light::Lit(Colour::Red, Rhythm::Fast);

const PATH: DataPath = DataPath {
    at: NOW - 3_600,
    problem: 0,
    oldest: None,
    source: Some(NOW - 3_600),
};

const HEALTH: Health = Health {
    at: NOW,
    clock: true,
    room: true,
    temperature: Some(45),
    wear: Some(10),
    line: Some(true),
    path: Some(PATH),
};

fn good() -> Facts {
    Facts {
        health: Some(HEALTH),
        address: Some([192, 168, 1, 20].into()),
        notices: Notices::default(),
        self_test: None,
        wanted: false,
    }
}

fn notice(notice: Notice) -> Facts {
    let notices = Notices::default().and(notice);
    Facts { notices, ..good() }
}

fn health(health: Health) -> Facts {
    let health = Some(health);
    Facts { health, ..good() }
}

fn path(path: DataPath) -> Facts {
    let path = Some(path);
    health(Health { path, ..HEALTH })
}

/// One device for each row of the table, with its lights.
#[rustfmt::skip]
fn devices() -> Vec<(&'static Row, Facts, [Light; 3])> {
    std::vec![
        (&table::READY, good(), [GREEN; 3]),
        (&table::WANTED, Facts { wanted: true, ..good() }, [AMBER; 3]),
        (&table::UNKNOWN, Facts { health: None, ..good() }, [RED, GREEN, Light::Off]),
        (&table::SAFE_MODE, notice(Notice::SafeMode), [RED, GREEN, GREEN]),
        (&table::CLOCK, health(Health { clock: false, ..HEALTH }), [RED, GREEN, GREEN]),
        (&table::DISK_LOW, health(Health { room: false, ..HEALTH }), [AMBER, GREEN, GREEN]),
        (&table::WORN, health(Health { wear: Some(90), ..HEALTH }), [AMBER, GREEN, GREEN]),
        (&table::HOT, health(Health { temperature: Some(85), ..HEALTH }), [AMBER, GREEN, GREEN]),
        (&table::BATTERY_LOW, notice(Notice::BatteryLow), [RED, GREEN, GREEN]),
        (&table::ON_BATTERY, notice(Notice::OnBattery), [AMBER, GREEN, GREEN]),
        (&table::UPS_SILENT, notice(Notice::UpsSilent), [AMBER, GREEN, GREEN]),
        (&table::UPDATE_RETURNED, notice(Notice::UpdateReturned), [AMBER, GREEN, GREEN]),
        (&table::UPDATING, notice(Notice::Updating), [GREEN; 3]),
        (&table::NO_ADDRESS, Facts { address: None, ..good() }, [GREEN, RED, GREEN]),
        (&table::LINE_DOWN, health(Health { line: Some(false), ..HEALTH }), [GREEN, RED, GREEN]),
        (&table::ABSENCE_ENDS, notice(Notice::AbsenceEnds), [GREEN, RED, GREEN]),
        (&table::NEVER_RUN, health(Health { path: None, ..HEALTH }), [GREEN, GREEN, AMBER]),
        (&table::NOT_RUN, path(DataPath { at: NOW - 2 * DAY, ..PATH }), [GREEN, GREEN, RED]),
        (&table::SOURCE_UNREAD, path(DataPath { source: None, ..PATH }), [GREEN, GREEN, RED]),
        (&table::NOT_TAKEN, path(DataPath { oldest: Some(0), ..PATH }), [GREEN, GREEN, RED]),
        (&table::DATA_PATH, path(DataPath { problem: 12, ..PATH }), [GREEN, GREEN, AMBER]),
        (&table::MEDIA_READING, notice(Notice::MediaReading), [GREEN; 3]),
        (&table::MEDIA_DONE, notice(Notice::MediaDone), [GREEN; 3]),
        (&table::MEDIA_IGNORED, notice(Notice::MediaIgnored), [GREEN, GREEN, AMBER]),
        (&table::MEDIA_FAILED, notice(Notice::MediaFailed), [GREEN, GREEN, RED]),
        (&table::TESTING, notice(Notice::Testing), [GREEN; 3]),
        (&table::TEST_PASSED, Facts { self_test: Some(0), ..good() }, [GREEN; 3]),
        (&table::TEST_FOUND, Facts { self_test: Some(4_210), ..good() }, [GREEN, RED, GREEN]),
    ]
}

/// C-01, C-06: every row of the table is what some device shows, with the light that it names and
/// a code that leads back to it.
#[test]
fn every_row_is_shown_by_some_device_and_found_by_its_code() {
    let devices = devices();
    for row in TABLE {
        assert!(devices.iter().any(|(other, ..)| *other == row), "{row:?}");
    }
    for (row, facts, lights) in devices {
        let shown = face(&facts, Page::State);
        assert_eq!(shown.lines[0].to_string().trim_end(), row.line);
        assert_eq!(shown.lights, lights, "{}", row.line);
        let code = Code::read(&code(&facts).to_string()).unwrap();
        assert_eq!(explain(code), Some(row), "{code}");
    }
}

#[test]
fn every_text_fits_the_display_and_no_code_is_given_twice() {
    for (place, row) in TABLE.iter().enumerate() {
        assert_eq!(Line::new(row.line).to_string().trim_end(), row.line);
        let same = TABLE.iter().skip(place + 1);
        let same = same.filter(|it| (it.layer, it.number) == (row.layer, row.number));
        assert_eq!(same.count(), 0, "{row:?}");
        assert_eq!(
            explain(Code::new(row.layer, row.number.unwrap_or(77))),
            Some(row)
        );
    }
}

/// A rhythm stands for one colour only, so the lights can be read without seeing colours.
#[test]
fn lights_are_read_without_their_colour() {
    for (_, facts, _) in devices() {
        for light in face(&facts, Page::State).lights {
            let Light::Lit(colour, rhythm) = light else {
                continue;
            };
            let only = match rhythm {
                Rhythm::On => Colour::Green,
                Rhythm::Slow => Colour::Amber,
                Rhythm::Fast => Colour::Red,
            };
            assert_eq!(colour, only);
        }
    }
}

#[test]
fn of_several_problems_the_worst_is_shown_and_a_stick_before_all() {
    let facts = path(DataPath {
        problem: 12,
        ..PATH
    });
    assert_eq!(
        code(&facts).to_string(),
        Code::new(Layer::DataPath, 12).to_string()
    );
    let facts = Facts {
        address: None,
        ..facts
    };
    assert_eq!(code(&facts), Code::new(Layer::Network, 1));
    let notices = Notices::default().and(Notice::MediaIgnored);
    let shown = face(&Facts { notices, ..facts }, Page::State);
    assert_eq!(shown.lines[0], Line::new("USB ﾐﾄｳﾛｸ"));
    assert_eq!(shown.lights, [GREEN, RED, AMBER]);
    let wanted = Facts {
        notices,
        wanted: true,
        ..facts
    };
    assert_eq!(code(&wanted), Code::new(Layer::Ready, 1));
}

#[test]
fn an_address_is_shown_whole() {
    for (address, state, page) in [
        (
            "192.168.100.200",
            "192.168.100.200",
            ["ｱﾄﾞﾚｽ", "192.168.100.200"],
        ),
        (
            "fd00::1",
            "fd00::1",
            ["FD00000000000000", "0000000000000001"],
        ),
        (
            "2001:db8:1234:5678:9abc:def0:1234:5678",
            "IPv6 ﾎﾞﾀﾝ ｦ ｵｽ",
            ["20010DB812345678", "9ABCDEF012345678"],
        ),
        (
            "::ffff:255.255.255.255",
            "IPv6 ﾎﾞﾀﾝ ｦ ｵｽ",
            ["0000000000000000", "0000FFFFFFFFFFFF"],
        ),
    ] {
        let facts = Facts {
            address: Some(address.parse().unwrap()),
            ..good()
        };
        let trimmed = |line: Line| line.to_string().trim_end().to_string();
        assert_eq!(trimmed(face(&facts, Page::State).lines[1]), state);
        assert_eq!(face(&facts, Page::Address).lines.map(trimmed), page);
    }
    assert_eq!(short(None), Line::new("ｱﾄﾞﾚｽ ﾅｼ"));
}

#[test]
fn the_button_turns_to_the_code_and_the_address_and_back() {
    let pages = [Page::State, Page::Code, Page::Address, Page::State];
    for pair in pages.windows(2) {
        assert_eq!(pair[0].next(), pair[1]);
    }
    let lines = face(&good(), Page::Code).lines;
    assert_eq!(lines[1].to_string().trim_end(), code(&good()).to_string());
}

#[test]
fn every_notice_has_a_word_and_a_bit_of_its_own() {
    for (one, notice) in Notice::ALL.into_iter().enumerate() {
        let standing = Notices::default().and(notice);
        for (other, asked) in Notice::ALL.into_iter().enumerate() {
            assert_eq!(standing.hold(asked), one == other, "{asked:?}");
            assert_eq!(notice.word() == asked.word(), one == other, "{asked:?}");
        }
    }
}

proptest! {
    /// Whatever the numbers are, something is shown, and its code is one of the table.
    #[test]
    fn any_facts_are_shown(
        at in any::<[i64; 2]>(), since in any::<[Option<i64>; 2]>(), problem in any::<u16>(),
        bits in any::<[bool; 2]>(), wanted in any::<bool>(),
        device in any::<(Option<i8>, Option<u8>, Option<bool>)>(),
        address in any::<Option<u128>>(), notices in any::<u16>(),
        self_test in any::<Option<u16>>(),
    ) {
        let path = DataPath { at: at[1], problem, oldest: since[0], source: since[1] };
        let health = Health {
            at: at[0], clock: bits[0], room: bits[1], temperature: device.0, wear: device.1,
            line: device.2, path: Some(path),
        };
        let facts = Facts {
            health: Some(health),
            address: address.map(|it| Ipv6Addr::from_bits(it).into()),
            notices: Notices(notices),
            self_test,
            wanted,
        };
        let code = code(&facts);
        let row = explain(code).unwrap();
        prop_assert_eq!(face(&facts, Page::State).lines[0], Line::new(row.line));
        prop_assert_eq!(face(&facts, Page::Code).lines[1], Line::new(&format!("{code}")));
    }
}
