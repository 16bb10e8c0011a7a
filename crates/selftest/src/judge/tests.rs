use std::net::Ipv4Addr;

use super::*;
use crate::ntp;
use crate::seen::Address;
use crate::settings::Device;

const GATEWAY: &str = include_str!("../../../../config/examples/gateway.toml");

fn line(text: &str) -> Line {
    let file = format!("[[lines]]\ninterface = \"lan0\"\n{text}\n[time]\nserver = \"192.0.2.1\"\n");
    Device::parse(&file).unwrap().lines.remove(0)
}

fn dhcp_line() -> Line {
    line("addressing = \"dhcp\"")
}

fn fixed_line() -> Line {
    line("addressing = \"fixed\"\naddress = \"192.0.2.9/24\"\ngateway = \"192.0.2.1\"")
}

fn site(changes: &[(&str, &str)]) -> Site {
    let text = changes.iter().fold(GATEWAY.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    });
    Site::parse(&text).unwrap()
}

fn tunnel_site() -> Site {
    site(&[("\"ip-vpn\"", "\"ipsec\""), ("\"wan0\"", "\"ipsec0\"")])
}

fn port(index: u32, name: &str, kind: Option<&str>) -> Link {
    Link {
        index,
        name: name.to_owned(),
        up: true,
        running: true,
        kind: kind.map(str::to_owned),
        forwards: false,
    }
}

fn own(ip: &str) -> Address {
    Address {
        ip: ip.parse().unwrap(),
        duplicate: false,
        ready: true,
        global: true,
    }
}

fn offer(server: u8, router: u8) -> Offer {
    Offer {
        server: Ipv4Addr::new(192, 0, 2, server),
        router: Some(Ipv4Addr::new(192, 0, 2, router)),
    }
}

#[test]
fn a_port_is_missing_off_or_without_cable() {
    type Break = fn(&mut Vec<Link>);
    let cases: [(Break, Verdict); 4] = [
        (|_| {}, Ok(())),
        (Vec::clear, Err(Fault::NoPort)),
        (|links| links[0].up = false, Err(Fault::PortOff)),
        (|links| links[0].running = false, Err(Fault::NoCable)),
    ];
    for (breaks, expected) in cases {
        let mut links = vec![port(2, "lan0", None)];
        breaks(&mut links);
        assert_eq!(link(&dhcp_line(), &links), expected, "{links:?}");
    }
}

#[test]
fn every_way_in_which_an_address_is_not_there_has_its_own_code() {
    type Break = fn(&mut Addresses);
    let (dhcp, fixed, ipv6) = (dhcp_line(), fixed_line(), line("addressing = \"ipv6\""));
    let cases: [(&Line, &str, Break, Verdict); 15] = [
        (&dhcp, "192.0.2.9", |_| {}, Ok(())),
        (
            &dhcp,
            "192.0.2.9",
            |it| it.own.clear(),
            Err(Fault::DhcpNotTaken),
        ),
        (
            &dhcp,
            "192.0.2.9",
            |it| (it.own, it.offers) = (Vec::new(), Vec::new()),
            Err(Fault::DhcpSilent),
        ),
        // An address that the machine gave itself, and one that is still being examined.
        (
            &dhcp,
            "192.0.2.9",
            |it| it.own[0].global = false,
            Err(Fault::DhcpNotTaken),
        ),
        (
            &dhcp,
            "192.0.2.9",
            |it| it.own[0].ready = false,
            Err(Fault::DhcpNotTaken),
        ),
        (
            &dhcp,
            "192.0.2.9",
            |it| it.taken = true,
            Err(Fault::AddressTaken),
        ),
        (
            &dhcp,
            "192.0.2.9",
            |it| it.router_answers = Some(false),
            Err(Fault::RouterMute),
        ),
        (
            &dhcp,
            "192.0.2.9",
            |it| it.routed = false,
            Err(Fault::NoRouter),
        ),
        (
            &dhcp,
            "192.0.2.9",
            |it| it.offers.push(offer(2, 2)),
            Err(Fault::TwoDhcpServers),
        ),
        // Two that agree are one service.
        (&dhcp, "192.0.2.9", |it| it.offers.push(offer(2, 1)), Ok(())),
        (&fixed, "192.0.2.9", |_| {}, Ok(())),
        (&fixed, "192.0.2.8", |_| {}, Err(Fault::AddressMissing)),
        (&ipv6, "2001:db8::9", |_| {}, Ok(())),
        (&ipv6, "192.0.2.9", |_| {}, Err(Fault::Ipv6Silent)),
        (
            &ipv6,
            "2001:db8::9",
            |it| it.own[0].duplicate = true,
            Err(Fault::AddressTaken),
        ),
    ];
    for (line, ip, breaks, expected) in cases {
        let mut seen = Addresses {
            own: vec![own(ip)],
            routed: true,
            taken: false,
            router_answers: Some(true),
            offers: vec![offer(1, 1)],
        };
        breaks(&mut seen);
        assert_eq!(address(line, &seen), expected, "{line:?} {seen:?}");
    }
}

#[test]
fn a_fixed_line_without_a_router_needs_no_route() {
    let line = line("addressing = \"fixed\"\naddress = \"192.0.2.9/24\"");
    let seen = Addresses {
        own: vec![own("192.0.2.9")],
        ..Addresses::default()
    };
    assert_eq!(address(&line, &seen), Ok(()));
}

#[test]
fn the_clock_is_confirmed_or_the_reason_is_named() {
    let answer = |set, ahead_ms| Some(ntp::Answer { set, ahead_ms });
    for (answer, confirmed, expected) in [
        (None, true, Ok(())),
        (None, false, Err(Fault::TimeServerMute)),
        (answer(false, 0), false, Err(Fault::TimeServerUnset)),
        (answer(true, 5_001), false, Err(Fault::ClockOff)),
        (answer(true, -5_001), false, Err(Fault::ClockOff)),
        (answer(true, i64::MIN), false, Err(Fault::ClockOff)),
        (answer(true, 5_000), false, Err(Fault::ClockUnconfirmed)),
    ] {
        assert_eq!(time(&TimeSeen { answer, confirmed }), expected);
    }
}

fn way() -> Way {
    Way {
        links: vec![port(2, "lan0", None), port(3, "wan0", Some("veth"))],
        route: Some(3),
        proxy: None,
    }
}

#[test]
fn every_way_in_which_the_line_is_not_there_has_its_own_code() {
    type Break = fn(&mut Way);
    let cases: [(Break, Verdict); 14] = [
        (|_| {}, Ok(())),
        (|way| way.links[0].forwards = true, Err(Fault::Forwards)),
        (|way| way.links.truncate(1), Err(Fault::LineMissing)),
        (|way| way.links[1].up = false, Err(Fault::LineDown)),
        (|way| way.links[1].running = false, Err(Fault::LineDown)),
        (
            |way| way.links[1].kind = Some("wireguard".to_owned()),
            Err(Fault::WrongKind),
        ),
        (|way| way.route = None, Err(Fault::NoWay)),
        (|way| way.route = Some(2), Err(Fault::WayElsewhere)),
        (|way| way.proxy = Some(Proxy::Status(200)), Ok(())),
        (|way| way.proxy = Some(Proxy::Mute), Err(Fault::ProxyMute)),
        (
            |way| way.proxy = Some(Proxy::Status(403)),
            Err(Fault::ProxyRefuses),
        ),
        (
            |way| way.proxy = Some(Proxy::Status(302)),
            Err(Fault::ProxyRefuses),
        ),
        (
            |way| way.proxy = Some(Proxy::Status(407)),
            Err(Fault::ProxyAsksPassword),
        ),
        (
            |way| way.proxy = Some(Proxy::Status(502)),
            Err(Fault::ProxyCannotReach),
        ),
    ];
    for (breaks, expected) in cases {
        let mut seen = way();
        breaks(&mut seen);
        assert_eq!(carrier(&site(&[]), &seen), expected, "{seen:?}");
    }
    // Under a tunnel the line is whatever leads to its other end.
    let bare = Way {
        links: vec![port(2, "lan0", None)],
        route: Some(2),
        proxy: None,
    };
    assert_eq!(carrier(&tunnel_site(), &bare), Ok(()));
}

#[test]
fn a_tunnel_is_an_interface_that_stands_and_that_the_way_leads_through() {
    type Break = fn(&mut Way);
    let cases: [(Break, Verdict); 6] = [
        (|_| {}, Ok(())),
        (|way| way.links.truncate(1), Err(Fault::TunnelMissing)),
        (|way| way.links[1].kind = None, Err(Fault::TunnelKind)),
        (|way| way.links[1].up = false, Err(Fault::TunnelDown)),
        (|way| way.route = Some(2), Err(Fault::WayBesideTunnel)),
        (|way| way.route = None, Err(Fault::WayBesideTunnel)),
    ];
    for (breaks, expected) in cases {
        let mut seen = way();
        seen.links[1] = port(3, "ipsec0", Some("xfrm"));
        breaks(&mut seen);
        assert_eq!(tunnel(&tunnel_site(), &seen), expected, "{seen:?}");
    }
}

#[test]
fn a_certificate_has_to_be_there_ours_and_valid_now() {
    let facts = |site: &str, key| {
        Certificate::Read(CertificateFacts {
            not_before: 100,
            not_after: 200,
            site: Some(site.to_owned()),
            key,
        })
    };
    for (seen, now, expected) in [
        (Certificate::Missing, 150, Err(Fault::CertificateMissing)),
        (
            Certificate::Unreadable,
            150,
            Err(Fault::CertificateUnreadable),
        ),
        (
            Certificate::AuthorityUnusable,
            150,
            Err(Fault::AuthorityUnusable),
        ),
        (facts("HOSPITAL-1", Key::Fits), 150, Ok(())),
        (facts("HOSPITAL-1", Key::Fits), 200, Ok(())),
        (
            facts("HOSPITAL-1", Key::Fits),
            99,
            Err(Fault::CertificateEarly),
        ),
        (
            facts("HOSPITAL-1", Key::Fits),
            201,
            Err(Fault::CertificateExpired),
        ),
        (
            facts("HOSPITAL-2", Key::Fits),
            150,
            Err(Fault::CertificateOfOther),
        ),
        (
            facts("HOSPITAL-1", Key::OfOther),
            150,
            Err(Fault::KeyOfOther),
        ),
        (facts("HOSPITAL-1", Key::Away), 150, Err(Fault::KeyAway)),
        (
            facts("HOSPITAL-1", Key::Away),
            201,
            Err(Fault::CertificateExpired),
        ),
        (
            facts("HOSPITAL-1", Key::Foreign),
            201,
            Err(Fault::KeyOfOtherTpm),
        ),
    ] {
        assert_eq!(certificate(&site(&[]), &seen, now), expected, "{seen:?}");
    }
}

#[test]
fn the_centre_answers_or_the_reason_is_named() {
    let status = |code, well| Centre::Status { code, well };
    for (seen, expected) in [
        (status(200, true), Ok(())),
        (status(200, false), Err(Fault::OtherAnswer)),
        (status(404, false), Err(Fault::OtherAnswer)),
        (status(503, false), Err(Fault::CentreBusy)),
        (status(429, false), Err(Fault::CentreBusy)),
        (Centre::Broken, Err(Fault::OtherAnswer)),
        (Centre::Unreachable, Err(Fault::CentreMute)),
        (Centre::Refused, Err(Fault::CentreRefuses)),
        (Centre::ProxyGone, Err(Fault::ProxyMute)),
        (Centre::NotTls, Err(Fault::NotTls)),
        (Centre::Foreign, Err(Fault::ForeignCertificate)),
        (Centre::DeviceRefused, Err(Fault::DeviceRefused)),
        (
            Centre::Stalled {
                small_passes: false,
            },
            Err(Fault::CentreMute),
        ),
        (
            Centre::Stalled { small_passes: true },
            Err(Fault::LargePacketsLost),
        ),
    ] {
        assert_eq!(centre(seen), expected, "{seen:?}");
    }
}
