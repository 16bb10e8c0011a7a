//! What the panel shows of a device: from facts to lights, lines and a status code, and nothing
//! else. Numbers and fixed words go in, so nothing about a patient can come out.

mod table;

use core::fmt::Write as _;
use core::net::{IpAddr, Ipv6Addr};

use heapless::{String, Vec};

use crate::code::{Code, Layer};
use crate::face::{COLUMNS, Colour, Face, Light, Line, Rhythm};

pub use table::{Level, Place, Row, TABLE};

const DAY: i64 = 86_400;
/// A night without a run may be a closed day; a second one is not.
const RUN_DAYS: i64 = 2;
/// A weekend and one night: the source was not read, or nobody took what waits.
const STANDSTILL_DAYS: i64 = 3;
/// Ten degrees below what the processors of fanless devices bear.
const HOT_CELSIUS: i8 = 85;
/// The last step but one that flash storage tells.
const WORN_PERCENT: u8 = 90;
/// The number that says that a self-test found nothing.
const TEST_PASSED: u16 = 0;

/// The largest number that another program may give; our own stand above.
const NUMBER_MAX: u16 = 8_999;

/// What is known of a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// How the device is; `None` where it is not known, or was told too long ago.
    pub health: Option<Health>,
    /// Its address in the local network.
    pub address: Option<IpAddr>,
    /// What other programs have to say.
    pub notices: Notices,
    /// What the last self-test found: four digits, 0 for nothing.
    pub self_test: Option<u16>,
    /// The centre wants the device to be found among others.
    pub wanted: bool,
}

/// How the device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// When it was measured, in seconds since 1970, as all moments here.
    pub at: i64,
    /// Whether its clock can be right.
    pub clock: bool,
    /// Whether there is room on the disk.
    pub room: bool,
    /// The warmest part, in degrees Celsius.
    pub temperature: Option<i8>,
    /// How much of the disk's life is used up, in percent.
    pub wear: Option<u8>,
    /// Whether the interface of the closed network has a carrier.
    pub line: Option<bool>,
    /// How the data path stood, once it has run.
    pub path: Option<DataPath>,
}

/// How the data path stood when its last run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataPath {
    /// When that was.
    pub at: i64,
    /// What stopped it: 12 for `G012`, 0 for nothing.
    pub problem: u16,
    /// When the oldest batch that waits was sealed.
    pub oldest: Option<i64>,
    /// When the source was last read to its end.
    pub source: Option<i64>,
}

/// A fixed word by which another program says something; the order is that of their bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The centre was not heard of for so long that the keys of the data are destroyed soon.
    AbsenceEnds,
    /// The battery will soon be empty, and the device stops.
    BatteryLow,
    /// What is on a stick was taken.
    MediaDone,
    /// A stick could not be read.
    MediaFailed,
    /// A stick that nobody registered is left alone.
    MediaIgnored,
    /// A stick is being read.
    MediaReading,
    /// There is no mains.
    OnBattery,
    /// Services that kept failing were stopped.
    SafeMode,
    /// A self-test runs.
    Testing,
    /// An update was not healthy, and the version before runs again.
    UpdateReturned,
    /// An update is being written.
    Updating,
    /// The supply with a battery does not answer.
    UpsSilent,
}

impl Notice {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::AbsenceEnds,
        Self::BatteryLow,
        Self::MediaDone,
        Self::MediaFailed,
        Self::MediaIgnored,
        Self::MediaReading,
        Self::OnBattery,
        Self::SafeMode,
        Self::Testing,
        Self::UpdateReturned,
        Self::Updating,
        Self::UpsSilent,
    ];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AbsenceEnds => "absence-ends",
            Self::BatteryLow => "battery-low",
            Self::MediaDone => "media-done",
            Self::MediaFailed => "media-failed",
            Self::MediaIgnored => "media-ignored",
            Self::MediaReading => "media-reading",
            Self::OnBattery => "on-battery",
            Self::SafeMode => "safe-mode",
            Self::Testing => "testing",
            Self::UpdateReturned => "update-returned",
            Self::Updating => "updating",
            Self::UpsSilent => "ups-silent",
        }
    }
}

/// The notices that stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notices(u16);

impl Notices {
    /// With one more.
    #[must_use]
    pub const fn and(self, notice: Notice) -> Self {
        Self(self.0 | 1 << notice as u16)
    }

    /// Whether this one stands.
    #[must_use]
    pub const fn hold(self, notice: Notice) -> bool {
        self.0 & 1 << notice as u16 != 0
    }
}

/// A page of the display; a short press turns to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Page {
    /// What is the matter, and the address.
    #[default]
    State,
    /// The status code.
    Code,
    /// The whole address.
    Address,
}

impl Page {
    /// The page behind this one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::State => Self::Code,
            Self::Code => Self::Address,
            Self::Address => Self::State,
        }
    }
}

/// What the panel shows of these facts.
#[must_use]
pub fn face(facts: &Facts, page: Page) -> Face {
    let found = found(facts);
    let first = first(&found);
    let lines = match page {
        Page::State => [Line::new(first.row.line), short(facts.address)],
        Page::Code => [Line::new("ﾃﾞﾝﾜﾃﾞ ﾂﾀｴﾙ ｺｰﾄﾞ"), written(first.code())],
        Page::Address => whole(facts.address),
    };
    let lights = match facts.wanted {
        true => [Light::Lit(Colour::Amber, Rhythm::Slow); 3],
        false => [Place::Device, Place::Network, Place::Data].map(|it| light(facts, &found, it)),
    };
    Face { lights, lines }
}

/// The status code of these facts.
#[must_use]
pub fn code(facts: &Facts) -> Code {
    first(&found(facts)).code()
}

/// The row of the table that explains a code.
#[must_use]
pub fn explain(code: Code) -> Option<&'static Row> {
    let of_layer = || TABLE.iter().filter(|row| row.layer == code.layer());
    let exact = of_layer().find(|row| row.number == Some(code.number()));
    exact.or_else(|| of_layer().find(|row| row.number.is_none()))
}

/// A row that holds for the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    row: &'static Row,
    number: u16,
}

impl Found {
    fn code(self) -> Code {
        Code::new(self.row.layer, self.row.number.unwrap_or(self.number))
    }
}

/// Most rows that can hold at once.
const FOUND_MAX: usize = 24;

/// Every row that holds.
fn found(facts: &Facts) -> Vec<Found, FOUND_MAX> {
    let mut found = Vec::new();
    let mut add = |holds: bool, row: &'static Row, number: u16| {
        if holds {
            let number = number.min(NUMBER_MAX);
            let _ = found.push(Found { row, number });
        }
    };
    let notices = [
        (Notice::MediaReading, &table::MEDIA_READING),
        (Notice::MediaDone, &table::MEDIA_DONE),
        (Notice::MediaIgnored, &table::MEDIA_IGNORED),
        (Notice::MediaFailed, &table::MEDIA_FAILED),
        (Notice::AbsenceEnds, &table::ABSENCE_ENDS),
        (Notice::BatteryLow, &table::BATTERY_LOW),
        (Notice::SafeMode, &table::SAFE_MODE),
        (Notice::OnBattery, &table::ON_BATTERY),
        (Notice::UpdateReturned, &table::UPDATE_RETURNED),
        (Notice::UpsSilent, &table::UPS_SILENT),
        (Notice::Updating, &table::UPDATING),
        (Notice::Testing, &table::TESTING),
    ];
    add(facts.wanted, &table::WANTED, 0);
    for (notice, row) in notices {
        add(facts.notices.hold(notice), row, 0);
    }
    add(facts.address.is_none(), &table::NO_ADDRESS, 0);
    match facts.self_test {
        Some(TEST_PASSED) => add(true, &table::TEST_PASSED, 0),
        Some(number) => add(true, &table::TEST_FOUND, number),
        None => {}
    }
    let Some(health) = facts.health else {
        add(true, &table::UNKNOWN, 0);
        return found;
    };
    add(health.line == Some(false), &table::LINE_DOWN, 0);
    add(!health.clock, &table::CLOCK, 0);
    add(!health.room, &table::DISK_LOW, 0);
    let hot = health.temperature.is_some_and(|it| it >= HOT_CELSIUS);
    add(hot, &table::HOT, 0);
    let worn = health.wear.is_some_and(|it| it >= WORN_PERCENT);
    add(worn, &table::WORN, 0);
    let Some(path) = health.path else {
        add(true, &table::NEVER_RUN, 0);
        return found;
    };
    let days = |moment: i64| health.at.saturating_sub(moment) / DAY;
    add(days(path.at) >= RUN_DAYS, &table::NOT_RUN, 0);
    let unread = path.source.is_none_or(|it| days(it) >= STANDSTILL_DAYS);
    add(unread, &table::SOURCE_UNREAD, 0);
    let waits = path.oldest.is_some_and(|it| days(it) >= STANDSTILL_DAYS);
    add(waits, &table::NOT_TAKEN, 0);
    add(path.problem != 0, &table::DATA_PATH, path.problem);
    found
}

/// What the display is about: that this is the device that somebody looks for; then a stick while
/// it is in the port, because somebody stands before it; otherwise the worst, and of those the
/// first in the table.
fn first(found: &[Found]) -> Found {
    let wanted = found.iter().find(|it| *it.row == table::WANTED);
    let stick = found.iter().find(|it| it.row.layer == Layer::Media);
    let place = |it: &&Found| TABLE.iter().position(|row| row == it.row);
    let worst = found
        .iter()
        .min_by_key(|it| (core::cmp::Reverse(it.row.level), place(it)));
    wanted.or(stick).or(worst).copied().unwrap_or(Found {
        row: &table::READY,
        number: 0,
    })
}

fn light(facts: &Facts, found: &[Found], place: Place) -> Light {
    let mine = || found.iter().filter(|it| it.row.place == place);
    let stick = mine().find(|it| it.row.layer == Layer::Media);
    let level = match stick {
        Some(stick) => Some(stick.row.level),
        None => mine().map(|it| it.row.level).max(),
    };
    // Nothing is known of the data where nothing is known of the device.
    let known = facts.health.is_some() || place != Place::Data;
    match level {
        None if !known => Light::Off,
        None | Some(Level::Good) => Light::Lit(Colour::Green, Rhythm::On),
        Some(Level::Attention) => Light::Lit(Colour::Amber, Rhythm::Slow),
        Some(Level::Fault) => Light::Lit(Colour::Red, Rhythm::Fast),
    }
}

/// The longest address of IPv6 is `ffff:` eight times.
type Text = String<40>;

fn written(value: impl core::fmt::Display) -> Line {
    let mut text = Text::new();
    // What does not fit into a line is cut anyway.
    let _ = write!(text, "{value}");
    Line::new(&text)
}

fn short(address: Option<IpAddr>) -> Line {
    let Some(address) = address else {
        return Line::new("ｱﾄﾞﾚｽ ﾅｼ");
    };
    let mut text = Text::new();
    match write!(text, "{address}") {
        Ok(()) if text.len() <= COLUMNS => Line::new(&text),
        _ => Line::new("IPv6 ﾎﾞﾀﾝ ｦ ｵｽ"),
    }
}

/// An address of IPv6 is 32 digits, which fill both lines.
fn whole(address: Option<IpAddr>) -> [Line; 2] {
    match address {
        Some(IpAddr::V6(address)) => halves(address),
        other => [Line::new("ｱﾄﾞﾚｽ"), short(other)],
    }
}

fn halves(address: Ipv6Addr) -> [Line; 2] {
    let digits = address.to_bits();
    let half = |shift: u32| {
        let mut text = Text::new();
        let _ = write!(text, "{:016X}", (digits >> shift) & u128::from(u64::MAX));
        Line::new(&text)
    };
    [half(64), half(0)]
}

#[cfg(test)]
mod tests;
