//! What the kernel says of its interfaces, addresses and routes, by netlink.

use std::io;
use std::net::IpAddr;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope,
};
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use selftest::seen::{Address, Link};
use selftest::settings::Cidr;

/// Datagrams that one answer may have: a device has a handful of interfaces and routes.
const DATAGRAMS_MOST: usize = 4_096;

/// A route of the kernel's tables that leads by one interface.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    /// The interface.
    pub(crate) index: u32,
    /// Where it leads; a length of 0 is everywhere.
    pub(crate) to: Cidr,
    /// The router, unless it leads to the wire itself.
    pub(crate) gateway: Option<IpAddr>,
}

/// All interfaces.
pub(crate) fn links() -> io::Result<Vec<Link>> {
    let answers = ask(
        RouteNetlinkMessage::GetLink(LinkMessage::default()),
        NLM_F_DUMP,
    )?;
    let links = answers.into_iter().filter_map(|message| match message {
        RouteNetlinkMessage::NewLink(link) => Some(link_of(&link)),
        _ => None,
    });
    Ok(links.collect())
}

/// The addresses of one interface.
pub(crate) fn addresses(index: u32) -> io::Result<Vec<Address>> {
    let asked = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    let answers = ask(asked, NLM_F_DUMP)?;
    let addresses = answers.into_iter().filter_map(|message| match message {
        RouteNetlinkMessage::NewAddress(it) if it.header.index == index => address_of(&it),
        _ => None,
    });
    Ok(addresses.collect())
}

/// All routes of both families.
pub(crate) fn routes() -> io::Result<Vec<Route>> {
    let mut routes = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut asked = RouteMessage::default();
        asked.header.address_family = family;
        let answers = ask(RouteNetlinkMessage::GetRoute(asked), NLM_F_DUMP)?;
        routes.extend(answers.into_iter().filter_map(|message| match message {
            RouteNetlinkMessage::NewRoute(route) => route_of(&route),
            _ => None,
        }));
    }
    Ok(routes)
}

/// The interface by which the kernel would reach an address; `None` without a route.
pub(crate) fn way(to: IpAddr) -> Option<u32> {
    let mut way = RouteMessage::default();
    (
        way.header.address_family,
        way.header.destination_prefix_length,
    ) = match to {
        IpAddr::V4(_) => (AddressFamily::Inet, 32),
        IpAddr::V6(_) => (AddressFamily::Inet6, 128),
    };
    way.attributes.push(RouteAttribute::Destination(to.into()));
    let answers = ask(RouteNetlinkMessage::GetRoute(way), 0).ok()?;
    answers.iter().find_map(|message| match message {
        RouteNetlinkMessage::NewRoute(route) => out(route),
        _ => None,
    })
}

fn link_of(message: &LinkMessage) -> Link {
    let mut link = Link {
        index: message.header.index,
        up: message.header.flags.contains(LinkFlags::Up),
        running: message.header.flags.contains(LinkFlags::LowerUp),
        ..Link::default()
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::LinkInfo(infos) => {
                link.kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            LinkAttribute::AfSpecUnspec(families) => {
                link.forwards = families.iter().any(forwards);
            }
            _ => {}
        }
    }
    link
}

fn forwards(family: &AfSpecUnspec) -> bool {
    match family {
        AfSpecUnspec::Inet(specs) => specs
            .iter()
            .any(|spec| matches!(spec, AfSpecInet::DevConf(settings) if settings.forwarding != 0)),
        AfSpecUnspec::Inet6(specs) => specs
            .iter()
            .any(|spec| matches!(spec, AfSpecInet6::DevConf(settings) if settings.forwarding != 0)),
        _ => false,
    }
}

fn address_of(message: &AddressMessage) -> Option<Address> {
    let attributes = &message.attributes;
    // Of a line between two points, `Address` is the other end.
    let local = attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(ip) => Some(*ip),
        _ => None,
    });
    let named = attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(ip) => Some(*ip),
        _ => None,
    });
    let long = attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Flags(flags) => Some(*flags),
        _ => None,
    });
    let short = message.header.flags;
    let flag = |in_long: AddressFlags, in_short: AddressHeaderFlags| match long {
        Some(flags) => flags.contains(in_long),
        None => short.contains(in_short),
    };
    let duplicate = flag(AddressFlags::Dadfailed, AddressHeaderFlags::Dadfailed);
    let examined = flag(AddressFlags::Tentative, AddressHeaderFlags::Tentative);
    let optimistic = flag(AddressFlags::Optimistic, AddressHeaderFlags::Optimistic);
    Some(Address {
        ip: local.or(named)?,
        duplicate,
        ready: !duplicate && (!examined || optimistic),
        global: message.header.scope == AddressScope::Universe,
    })
}

fn route_of(message: &RouteMessage) -> Option<Route> {
    let to = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Destination(to) => ip(to),
            _ => None,
        });
    let gateway = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Gateway(gateway) => ip(gateway),
            _ => None,
        });
    let everywhere = match message.header.address_family {
        AddressFamily::Inet => IpAddr::from([0; 4]),
        AddressFamily::Inet6 => IpAddr::from([0; 16]),
        _ => return None,
    };
    Some(Route {
        index: out(message)?,
        to: Cidr {
            ip: to.unwrap_or(everywhere),
            bits: message.header.destination_prefix_length,
        },
        gateway,
    })
}

fn out(route: &RouteMessage) -> Option<u32> {
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => Some(*index),
            _ => None,
        })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

fn ask(message: RouteNetlinkMessage, flags: u16) -> io::Result<Vec<RouteNetlinkMessage>> {
    let socket = Socket::new(NETLINK_ROUTE)?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let header = NetlinkHeader::default();
    let mut packet = NetlinkMessage::new(header, NetlinkPayload::from(message));
    packet.header.flags = NLM_F_REQUEST | flags;
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut answers = Vec::new();
    for _ in 0..DATAGRAMS_MOST {
        let (bytes, _) = socket.recv_from_full()?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let read = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest);
            let answer = read.map_err(io::Error::other)?;
            // Messages stand at multiples of four bytes.
            let length = (answer.header.length as usize).next_multiple_of(4).max(4);
            rest = rest.get(length..).unwrap_or_default();
            match answer.payload {
                NetlinkPayload::Done(_) => return Ok(answers),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(inner) => answers.push(inner),
                _ => {}
            }
        }
        if flags & NLM_F_DUMP == 0 {
            return Ok(answers);
        }
    }
    Err(io::Error::other("too many interfaces"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel of this machine can be asked: the loopback interface is there with its address,
    /// and its way to itself leads through it.
    #[test]
    fn the_kernel_says_what_interfaces_addresses_and_routes_there_are() {
        let links = links().unwrap();
        let lo = links.iter().find(|link| link.name == "lo").unwrap();
        let home = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(way(home), Some(lo.index));
        let addresses = addresses(lo.index).unwrap();
        let own = addresses.iter().find(|own| own.ip == home).unwrap();
        assert!(own.ready && !own.global, "{own:?}");
        assert!(
            routes()
                .unwrap()
                .iter()
                .any(|route| route.index == lo.index)
        );
    }
}
