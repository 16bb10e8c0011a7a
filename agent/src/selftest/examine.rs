//! Observes one layer after the other and has each judged.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use selftest::judge::{self, Verdict};
use selftest::report::Report;
use selftest::seen::{Address, Addresses, Link, Way};
use selftest::settings::{Addressing, Device, Line, Side, Site};
use selftest::{Layer, arp, dhcp};

use crate::error::SelftestError;
use crate::kernel::Route;
use crate::wire::Wire;
use crate::{centre, certificate, kernel, time};

/// Between two looks at a layer that is waited for.
const PAUSE: Duration = Duration::from_secs(2);
/// How long answers to DHCP are waited for: a server tries an address for three seconds before it
/// offers it.
const OFFERS: Duration = Duration::from_millis(4_500);
/// How long answers to one ARP question are waited for, and how often it is asked.
const ARP: Duration = Duration::from_millis(400);
const ARP_TRIES: usize = 3;
/// Most offers that are kept.
const OFFERS_MOST: usize = 16;

/// Examines everything, and waits for layers that fail until patience is at its end.
///
/// # Errors
/// The kernel does not tell of its network.
pub(crate) fn all(
    site: &Site,
    device: &Device,
    patience: Duration,
) -> Result<Report, SelftestError> {
    let until = Instant::now() + patience;
    let mut broken = None;
    let behind_line = device.time.network == Side::Closed;
    let mut report = Report::make(site, behind_line, |layer| {
        loop {
            let seen = one(layer, site, device).unwrap_or_else(|error| {
                // The report is not used then.
                broken = Some(error);
                (Ok(()), None)
            });
            if seen.0.is_ok() || Instant::now() + PAUSE > until {
                return seen;
            }
            std::thread::sleep(PAUSE);
        }
    });
    if let Some(error) = broken {
        return Err(SelftestError::Kernel(error));
    }
    report.version = version();
    report.at_seconds = Timestamp::now().as_second();
    Ok(report)
}

fn version() -> [u16; 3] {
    let mut numbers = env!("CARGO_PKG_VERSION").split('.').map(str::parse);
    std::array::from_fn(|_| numbers.next().and_then(Result::ok).unwrap_or(0))
}

type Seen = (Verdict, Option<u8>);

fn one(layer: Layer, site: &Site, device: &Device) -> std::io::Result<Seen> {
    let whole = |verdict| Ok((verdict, None));
    match layer {
        Layer::Link => {
            let links = kernel::links()?;
            each(device, |line| Ok(judge::link(line, &links)))
        }
        Layer::Address => {
            let (links, routes) = (kernel::links()?, kernel::routes()?);
            each(device, |line| {
                let seen = addresses(line, &links, &routes)?;
                Ok(judge::address(line, &seen))
            })
        }
        Layer::Time => {
            let seen = time::look(device.time.server, &site.clock.synchronized);
            whole(judge::time(&seen))
        }
        Layer::Carrier => {
            let mut way = way(site.beyond_line())?;
            // A line that is not there leads to no proxy.
            if judge::carrier(site, &way).is_ok() {
                way.proxy = centre::proxy(site);
            }
            whole(judge::carrier(site, &way))
        }
        Layer::Tunnel => whole(judge::tunnel(site, &way(site.front.address.ip())?)),
        Layer::Certificate => {
            let (seen, _) = certificate::look(&site.front);
            let now = Timestamp::now().as_second();
            whole(judge::certificate(site, &seen, now))
        }
        Layer::Centre => {
            let (_, identity) = certificate::look(&site.front);
            let seen = identity.map(|identity| centre::look(site, identity));
            whole(seen.map_or(Err(selftest::Fault::CertificateMissing), judge::centre))
        }
    }
}

/// The first line that is at fault, counted from 1.
fn each(
    device: &Device,
    mut examine: impl FnMut(&Line) -> std::io::Result<Verdict>,
) -> std::io::Result<Seen> {
    for (line, number) in device.lines.iter().zip(1..) {
        if let Err(fault) = examine(line)? {
            return Ok((Err(fault), Some(number)));
        }
    }
    Ok((Ok(()), None))
}

fn way(to: IpAddr) -> std::io::Result<Way> {
    Ok(Way {
        links: kernel::links()?,
        route: kernel::way(to),
        proxy: None,
    })
}

fn addresses(line: &Line, links: &[Link], routes: &[Route]) -> std::io::Result<Addresses> {
    let name = line.interface.as_str();
    let index = links.iter().find(|link| link.name == name);
    let index = index.map_or(0, |link| link.index);
    let own = kernel::addresses(index)?;
    let routes = routes.iter().filter(|route| route.index == index);
    let through: Vec<_> = routes.filter(|route| leads(line, route)).collect();
    let router = through.iter().find_map(|route| route.gateway);
    let needed = line.routes.len().max(1);
    let mut seen = Addresses {
        routed: through.len() >= needed,
        own,
        ..Addresses::default()
    };
    if let Some(wire) = Wire::open(name)? {
        on_wire(&wire, line, router, &mut seen)?;
    }
    Ok(seen)
}

/// Whether a route is one of those that the line is meant for.
fn leads(line: &Line, route: &Route) -> bool {
    let v6 = match line.addressing {
        Addressing::Dhcp => false,
        Addressing::Fixed => line.address.is_some_and(|address| address.ip.is_ipv6()),
        Addressing::Ipv6 => true,
    };
    let everywhere = line.routes.is_empty() && route.to.bits == 0 && route.gateway.is_some();
    let named = line
        .routes
        .iter()
        .any(|named| named.bits == route.to.bits && named.holds(route.to.ip));
    route.to.ip.is_ipv6() == v6 && (everywhere || named)
}

/// What machines beside us say: who has our address, whether the router is there, who gives
/// addresses.
fn on_wire(
    wire: &Wire,
    line: &Line,
    router: Option<IpAddr>,
    seen: &mut Addresses,
) -> std::io::Result<()> {
    let own = own_v4(line, &seen.own);
    if let Some(own) = own {
        // As somebody without an address: nobody learns one from it (RFC 5227).
        let probe = arp::question(wire.mac(), Ipv4Addr::UNSPECIFIED, own);
        seen.taken = answered(wire, &probe, own)?;
    }
    let has = |ip: Ipv4Addr| {
        seen.own
            .iter()
            .any(|it| it.ip == IpAddr::V4(ip) && it.ready)
    };
    if let (Some(IpAddr::V4(router)), Some(own)) = (router, own.filter(|own| has(*own))) {
        let question = arp::question(wire.mac(), own, router);
        seen.router_answers = Some(answered(wire, &question, router)?);
    }
    if line.addressing == Addressing::Dhcp {
        seen.offers = offers(wire)?;
    }
    Ok(())
}

/// The address that is ours, or is meant to be.
fn own_v4(line: &Line, own: &[Address]) -> Option<Ipv4Addr> {
    let given = own.iter().find_map(|address| match address.ip {
        IpAddr::V4(ip) if address.global => Some(ip),
        _ => None,
    });
    match line.addressing {
        Addressing::Dhcp => given,
        Addressing::Fixed => line.fixed_v4(),
        Addressing::Ipv6 => None,
    }
}

/// Whether somebody else says that it has an address.
fn answered(wire: &Wire, question: &[u8], about: Ipv4Addr) -> std::io::Result<bool> {
    let mut answered = false;
    for _ in 0..ARP_TRIES {
        wire.send(question)?;
        wire.listen(ARP, |frame| {
            let claimed = arp::claim(frame);
            answered = claimed.is_some_and(|(mac, ip)| ip == about && mac != wire.mac());
            answered
        });
        if answered {
            break;
        }
    }
    Ok(answered)
}

fn offers(wire: &Wire) -> std::io::Result<Vec<dhcp::Offer>> {
    let mut number = [0; 4];
    getrandom::fill(&mut number).map_err(std::io::Error::other)?;
    let number = u32::from_ne_bytes(number);
    let mut offers = BTreeSet::new();
    wire.send(&dhcp::discover(wire.mac(), number))?;
    wire.listen(OFFERS, |frame| {
        offers.extend(dhcp::offer(frame, number));
        offers.len() >= OFFERS_MOST
    });
    Ok(offers.into_iter().collect())
}
