//! What is known of the device, from files of other programs and the kernel's list of addresses.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use health::Gateway;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use panel::shown::{DataPath, Facts, Health, Notice, Notices};
use serde::Deserialize;

/// The health changes every minute; after this it is not known.
const STALE: Duration = Duration::from_secs(300);
/// Most bytes of the health.
const HEALTH_MAX: u64 = 4_096;
/// Most notices that are looked at.
const NOTICES_MAX: usize = 64;
/// The longest that an order lets the device blink.
const BLINK_MAX_SECONDS: i64 = 3_600;
/// Most bytes of a second since 1970.
const BLINK_MAX_BYTES: u64 = 24;
/// A notice of this name says what the last self-test found: `self-test-4210`.
const SELF_TEST: &str = "self-test-";

/// Where it is found.
pub(crate) struct Places {
    /// `health.json` of the agent.
    pub(crate) health: PathBuf,
    /// The folder in which programs leave notices as names of files.
    pub(crate) notices: PathBuf,
    /// Until when the centre wants the device to be found: a second since 1970 (`blink` among the
    /// requests of `sekisho-control`).
    pub(crate) blink: Option<PathBuf>,
    /// The interface of the local network; any that has an address where it is not told.
    pub(crate) lan: Option<String>,
}

/// Looks at these places.
pub(crate) struct Looker {
    places: Places,
    /// The health as it was first seen in this form, and when.
    told: Option<(Told, Instant)>,
}

impl Looker {
    pub(crate) fn at(places: Places) -> Self {
        Self { places, told: None }
    }

    /// What is known now.
    pub(crate) fn look(&mut self, now: Instant) -> Facts {
        let (notices, self_test) = notices(&self.places.notices);
        let second = jiff::Timestamp::now().as_second();
        let health = self.health(now);
        let blink = self.places.blink.as_deref();
        Facts {
            health,
            address: address(self.places.lan.as_deref()),
            notices,
            self_test,
            wanted: blink.is_some_and(|path| wanted(path, second)),
        }
    }

    fn health(&mut self, now: Instant) -> Option<Health> {
        let told = Told::read(&self.places.health)?;
        match &self.told {
            Some((same, since)) if *same == told => {
                (now.saturating_duration_since(*since) < STALE).then(|| told.health())
            }
            _ => Some(self.told.insert((told, now)).0.health()),
        }
    }
}

/// What the agent tells of the health, as far as it is shown. Other fields may come and go.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Told {
    measured_at_seconds: i64,
    uptime_seconds: u64,
    clock: Clock,
    disk_state: DiskState,
    temperature_celsius: Option<i8>,
    wear_percent: Option<u8>,
    line_up: Option<bool>,
    gateway: Option<Gateway>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Clock {
    Plausible,
    BeforeFloor,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DiskState {
    Ample,
    Low,
}

impl Told {
    fn read(path: &Path) -> Option<Self> {
        let mut text = Vec::new();
        let file = File::open(path).ok()?;
        file.take(HEALTH_MAX).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn health(&self) -> Health {
        Health {
            at: self.measured_at_seconds,
            clock: self.clock == Clock::Plausible,
            room: self.disk_state == DiskState::Ample,
            temperature: self.temperature_celsius,
            wear: self.wear_percent,
            line: self.line_up,
            path: self.gateway.map(|gateway| DataPath {
                at: gateway.at,
                problem: gateway.problem,
                oldest: gateway.oldest,
                source: gateway.source,
            }),
        }
    }
}

/// The names of the folder that are notices, and what the last self-test found. Nothing is opened.
fn notices(folder: &Path) -> (Notices, Option<u16>) {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = files.take(NOTICES_MAX).map(|file| file.file_name());
    let mut standing = (Notices::default(), None);
    for name in names.filter_map(|name| name.into_string().ok()) {
        let notice = Notice::ALL.into_iter().find(|it| it.word() == name);
        standing.0 = notice.map_or(standing.0, |notice| standing.0.and(notice));
        let digits = name.strip_prefix(SELF_TEST).filter(|it| it.len() == 4);
        let number = digits.and_then(|digits| digits.parse().ok());
        standing.1 = standing.1.max(number);
    }
    standing
}

/// Whether the moment in the file is ahead, and no further than any order asks for: a clock that
/// jumps lets nothing blink for ever.
fn wanted(path: &Path, now: i64) -> bool {
    let mut text = String::new();
    let file = File::open(path);
    let read = file.and_then(|file| file.take(BLINK_MAX_BYTES).read_to_string(&mut text));
    let until: Option<i64> = read.ok().and_then(|_| text.trim().parse().ok());
    until.is_some_and(|until| (1..=BLINK_MAX_SECONDS).contains(&until.saturating_sub(now)))
}

/// The address by which the device is found in the local network.
fn address(lan: Option<&str>) -> Option<IpAddr> {
    let all = getifaddrs().ok()?;
    let mine = all.filter(|it| lan.is_none_or(|lan| it.interface_name == lan));
    let mine = mine.filter_map(|it| ip(&it.address?));
    mine.filter(|it| rank(it) > 0).max_by_key(rank)
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let four = address.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
    four.or_else(|| address.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip())))
}

/// What people type is preferred to what machines find by themselves; 0 leads nowhere.
fn rank(address: &IpAddr) -> u8 {
    match address {
        IpAddr::V4(it) if it.is_loopback() || *it == Ipv4Addr::UNSPECIFIED => 0,
        IpAddr::V4(it) if it.is_link_local() => 2,
        IpAddr::V4(_) => 4,
        IpAddr::V6(it) if it.is_loopback() || *it == Ipv6Addr::UNSPECIFIED => 0,
        IpAddr::V6(it) if it.is_unicast_link_local() => 1,
        IpAddr::V6(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEALTH: &str = r#"{"version":[0,1,0],"measured_at_seconds":1790000000,
        "clock":"plausible","uptime_seconds":5,"load_hundredths":[1,2,3],
        "memory":{"total_bytes":1,"free_bytes":1},"disk":{"total_bytes":1,"free_bytes":1},
        "disk_state":"low","temperature_celsius":41,"wear_percent":null,"line_up":true,
        "gateway":{"at":1790000000,"problem":12,"waiting":3,"oldest":7,"source":null,
        "receipt":null}}"#;

    fn looker(folder: &Path) -> Looker {
        Looker::at(Places {
            health: folder.join("health.json"),
            notices: folder.to_owned(),
            blink: Some(folder.join("blink")),
            lan: Some("lo".to_owned()),
        })
    }

    #[test]
    fn health_that_stands_still_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut looker = looker(folder.path());
        let begin = Instant::now();
        assert_eq!(looker.look(begin).health, None);
        fs::write(folder.path().join("health.json"), HEALTH).unwrap();
        let seen = looker.look(begin).health.unwrap();
        assert_eq!(
            (seen.at, seen.clock, seen.room),
            (1_790_000_000, true, false)
        );
        assert_eq!(seen.path.unwrap().problem, 12);
        assert_eq!(looker.look(begin + STALE / 2).health, Some(seen));
        assert_eq!(looker.look(begin + STALE).health, None);
        let later = HEALTH.replace("\"uptime_seconds\":5", "\"uptime_seconds\":65");
        fs::write(folder.path().join("health.json"), later).unwrap();
        assert_eq!(looker.look(begin + STALE).health, Some(seen));
    }

    #[test]
    fn health_that_is_cut_or_endless_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let endless = format!("{}{HEALTH}", " ".repeat(1 << 20));
        let (cut, _) = HEALTH.split_at(90);
        for text in ["", "{}", cut, &endless] {
            fs::write(folder.path().join("health.json"), text).unwrap();
            assert_eq!(looker(folder.path()).look(Instant::now()).health, None);
        }
    }

    /// C-06: notices are names of files; nothing else in the folder says anything.
    #[test]
    fn names_of_files_are_notices() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "media-ignored",
            "media-ignored.new",
            "MEDIA-DONE",
            "self-test-99",
            "x",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let facts = looker(folder.path()).look(Instant::now());
        assert_eq!(facts.notices, Notices::default().and(Notice::MediaIgnored));
        assert_eq!(facts.self_test, None);
        fs::write(folder.path().join("self-test-4210"), "").unwrap();
        let facts = looker(folder.path()).look(Instant::now());
        assert_eq!(facts.self_test, Some(4_210));
        assert_eq!(facts.address, None, "the loopback leads nowhere");
    }

    #[test]
    fn a_device_is_wanted_until_the_second_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blink");
        assert!(!wanted(&path, 0));
        for (text, now, blinks) in [
            ("1000\n", 999, true),
            ("1000\n", 1_000, false),
            ("4601\n", 1_000, false),
            ("1000000000000000000000000", 0, false),
            ("soon", 0, false),
            ("", 0, false),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(wanted(&path, now), blinks, "{text:?} at {now}");
        }
    }

    #[test]
    fn the_address_that_people_type_is_preferred() {
        let order = [
            "127.0.0.1",
            "fe80::1",
            "169.254.1.1",
            "2001:db8::1",
            "192.168.1.2",
        ];
        let ranks = order.map(|it| rank(&it.parse().unwrap()));
        assert!(ranks.is_sorted(), "{ranks:?}");
        assert_eq!([rank(&"::1".parse().unwrap()), ranks[0]], [0, 0]);
    }
}
