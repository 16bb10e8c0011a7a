//! Observation to fault, one layer after the other.

use std::net::IpAddr;

use crate::Fault;
use crate::dhcp::Offer;
use crate::seen::{
    Addresses, Centre, Certificate, CertificateFacts, Key, Link, Proxy, Time as TimeSeen, Way,
};
use crate::settings::{Addressing, Line, Site, Transport};

/// That a layer is in order, or what is wrong in it.
pub type Verdict = Result<(), Fault>;

/// How far the clock may be off, in milliseconds.
const CLOCK_OFF_MOST_MS: u64 = 5_000;

/// The cable.
///
/// # Errors
/// See the codes that begin with 1.
pub fn link(line: &Line, links: &[Link]) -> Verdict {
    let link = links
        .iter()
        .find(|link| link.name == line.interface.as_str());
    match link {
        None => Err(Fault::NoPort),
        Some(link) if !link.up => Err(Fault::PortOff),
        Some(link) if !link.running => Err(Fault::NoCable),
        Some(_) => Ok(()),
    }
}

/// The address, and the router beside it.
///
/// # Errors
/// See the codes that begin with 2.
pub fn address(line: &Line, seen: &Addresses) -> Verdict {
    if seen.taken || seen.own.iter().any(|address| address.duplicate) {
        return Err(Fault::AddressTaken);
    }
    match line.addressing {
        Addressing::Dhcp => dhcp(seen)?,
        Addressing::Fixed => {
            let meant = line.address.map(|address| address.ip);
            let has = |ip: IpAddr| seen.own.iter().any(|own| own.ip == ip && own.ready);
            if !meant.is_some_and(has) {
                return Err(Fault::AddressMissing);
            }
        }
        Addressing::Ipv6 => {
            let usable = |ip: IpAddr| ip.is_ipv6();
            if !has_address(seen, usable) || !seen.routed {
                return Err(Fault::Ipv6Silent);
            }
        }
    }
    if seen.router_answers == Some(false) {
        return Err(Fault::RouterMute);
    }
    // A fixed line without a router leads to its own wire only, and is meant to.
    let needs_route = line.addressing != Addressing::Fixed || line.gateway.is_some();
    if needs_route && !seen.routed {
        return Err(Fault::NoRouter);
    }
    Ok(())
}

fn dhcp(seen: &Addresses) -> Verdict {
    if !has_address(seen, |ip| ip.is_ipv4()) {
        let none = seen.offers.is_empty();
        return Err(if none {
            Fault::DhcpSilent
        } else {
            Fault::DhcpNotTaken
        });
    }
    if contradict(&seen.offers) {
        return Err(Fault::TwoDhcpServers);
    }
    Ok(())
}

fn has_address(seen: &Addresses, family: impl Fn(IpAddr) -> bool) -> bool {
    let usable = seen.own.iter().filter(|own| own.ready && own.global);
    usable.into_iter().any(|own| family(own.ip))
}

/// Two servers that name the same router are one service; others lead machines astray.
fn contradict(offers: &[Offer]) -> bool {
    let Some(first) = offers.first() else {
        return false;
    };
    let other = |it: &Offer| it.server != first.server && it.router != first.router;
    offers.iter().any(other)
}

/// The clock. What the time service has confirmed lately needs no further question.
///
/// # Errors
/// See the codes that begin with 3.
pub fn time(seen: &TimeSeen) -> Verdict {
    if seen.confirmed {
        return Ok(());
    }
    match seen.answer {
        None => Err(Fault::TimeServerMute),
        Some(answer) if !answer.set => Err(Fault::TimeServerUnset),
        Some(answer) if answer.ahead_ms.unsigned_abs() > CLOCK_OFF_MOST_MS => Err(Fault::ClockOff),
        Some(_) => Err(Fault::ClockUnconfirmed),
    }
}

/// The line of the closed network: up to the other end of the tunnel where there is one, up to the
/// proxy or the front otherwise.
///
/// # Errors
/// See the codes that begin with 4.
pub fn carrier(site: &Site, seen: &Way) -> Verdict {
    if seen.links.iter().any(|link| link.forwards) {
        return Err(Fault::Forwards);
    }
    let network = site.network.as_ref().filter(|_| !site.has_tunnel());
    if let Some(network) = network {
        let named = |link: &&Link| link.name == network.interface.as_str();
        let link = seen.links.iter().find(named).ok_or(Fault::LineMissing)?;
        if !fits(site.front.transport, link.kind.as_deref()) {
            return Err(Fault::WrongKind);
        }
        if !link.up || !link.running {
            return Err(Fault::LineDown);
        }
        if seen.route.is_some_and(|route| route != link.index) {
            return Err(Fault::WayElsewhere);
        }
    }
    if seen.route.is_none() {
        return Err(Fault::NoWay);
    }
    proxy(seen.proxy)
}

fn proxy(seen: Option<Proxy>) -> Verdict {
    match seen {
        None | Some(Proxy::Status(200..=299)) => Ok(()),
        Some(Proxy::Mute) => Err(Fault::ProxyMute),
        Some(Proxy::Status(407)) => Err(Fault::ProxyAsksPassword),
        Some(Proxy::Status(500..)) => Err(Fault::ProxyCannotReach),
        Some(Proxy::Status(_)) => Err(Fault::ProxyRefuses),
    }
}

/// The tunnel: an interface that is up exactly while it stands, and the way to the front by it.
///
/// # Errors
/// See the codes that begin with 5.
pub fn tunnel(site: &Site, seen: &Way) -> Verdict {
    let network = site.network.as_ref().ok_or(Fault::TunnelMissing)?;
    let named = |link: &&Link| link.name == network.interface.as_str();
    let link = seen.links.iter().find(named).ok_or(Fault::TunnelMissing)?;
    if !fits(site.front.transport, link.kind.as_deref()) {
        return Err(Fault::TunnelKind);
    }
    if !link.up || !link.running {
        return Err(Fault::TunnelDown);
    }
    if seen.route != Some(link.index) {
        return Err(Fault::WayBesideTunnel);
    }
    Ok(())
}

/// As the gateway judges it before each batch: an interface serves only the transport that it is
/// of.
fn fits(transport: Transport, kind: Option<&str>) -> bool {
    match transport {
        Transport::LeasedLine | Transport::IpVpn => {
            matches!(kind, None | Some("vlan" | "bond" | "veth"))
        }
        Transport::Ipsec => matches!(kind, Some("xfrm" | "vti" | "vti6")),
        Transport::Wireguard => kind == Some("wireguard"),
        Transport::Laboratory => true,
    }
}

/// The certificate of the device, at `now` in seconds since 1970.
///
/// # Errors
/// See the codes that begin with 6.
pub fn certificate(site: &Site, seen: &Certificate, now: i64) -> Verdict {
    let facts = match seen {
        Certificate::Missing => return Err(Fault::CertificateMissing),
        Certificate::Unreadable => return Err(Fault::CertificateUnreadable),
        Certificate::AuthorityUnusable => return Err(Fault::AuthorityUnusable),
        Certificate::Read(facts) => facts,
    };
    let CertificateFacts {
        not_before,
        not_after,
        site: named,
        key,
    } = facts;
    match () {
        () if named.as_deref() != Some(&site.site) => Err(Fault::CertificateOfOther),
        () if *key == Key::OfOther => Err(Fault::KeyOfOther),
        () if *key == Key::Foreign => Err(Fault::KeyOfOtherTpm),
        () if now < *not_before => Err(Fault::CertificateEarly),
        () if now > *not_after => Err(Fault::CertificateExpired),
        () if *key == Key::Away => Err(Fault::KeyAway),
        () => Ok(()),
    }
}

/// The front.
///
/// # Errors
/// See the codes that begin with 7; large packets that are lost are the line's fault.
pub fn centre(seen: Centre) -> Verdict {
    match seen {
        Centre::Status {
            code: 200,
            well: true,
        } => Ok(()),
        Centre::Status {
            code: 429 | 503, ..
        } => Err(Fault::CentreBusy),
        Centre::Status { .. } | Centre::Broken => Err(Fault::OtherAnswer),
        Centre::Unreachable
        | Centre::Stalled {
            small_passes: false,
        } => Err(Fault::CentreMute),
        Centre::Stalled { small_passes: true } => Err(Fault::LargePacketsLost),
        Centre::Refused => Err(Fault::CentreRefuses),
        Centre::ProxyGone => Err(Fault::ProxyMute),
        Centre::NotTls => Err(Fault::NotTls),
        Centre::Foreign => Err(Fault::ForeignCertificate),
        Centre::DeviceRefused => Err(Fault::DeviceRefused),
    }
}

#[cfg(test)]
mod tests;
