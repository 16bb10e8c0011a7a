//! What the kernel says of its interfaces and routes, by netlink.

use std::io;
use std::net::IpAddr;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::{Link, Seen};

/// Messages that one answer may have: a device has a handful of interfaces.
const MESSAGES_MOST: usize = 4_096;

/// Asks for all interfaces and for the way that the kernel would take to an address.
pub(super) fn look(to: IpAddr) -> io::Result<Seen> {
    let socket = Socket::new(NETLINK_ROUTE)?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let asked = RouteNetlinkMessage::GetLink(LinkMessage::default());
    let links = ask(&socket, asked, NLM_F_DUMP)?;
    let links = links.into_iter().filter_map(|message| match message {
        RouteNetlinkMessage::NewLink(link) => Some(of(&link)),
        _ => None,
    });
    let links = links.collect();
    let mut way = RouteMessage::default();
    (
        way.header.address_family,
        way.header.destination_prefix_length,
    ) = match to {
        IpAddr::V4(_) => (AddressFamily::Inet, 32),
        IpAddr::V6(_) => (AddressFamily::Inet6, 128),
    };
    let address = match to {
        IpAddr::V4(address) => RouteAddress::Inet(address),
        IpAddr::V6(address) => RouteAddress::Inet6(address),
    };
    way.attributes.push(RouteAttribute::Destination(address));
    // Without a route the kernel answers with an error.
    let ways = ask(&socket, RouteNetlinkMessage::GetRoute(way), 0).unwrap_or_default();
    let route = ways.iter().find_map(|message| match message {
        RouteNetlinkMessage::NewRoute(route) => {
            route
                .attributes
                .iter()
                .find_map(|attribute| match attribute {
                    RouteAttribute::Oif(index) => Some(*index),
                    _ => None,
                })
        }
        _ => None,
    });
    Ok(Seen { links, route })
}

fn of(message: &LinkMessage) -> Link {
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

fn ask(
    socket: &Socket,
    message: RouteNetlinkMessage,
    flags: u16,
) -> io::Result<Vec<RouteNetlinkMessage>> {
    let header = NetlinkHeader::default();
    let mut packet = NetlinkMessage::new(header, NetlinkPayload::from(message));
    packet.header.flags = NLM_F_REQUEST | flags;
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut answers = Vec::new();
    while answers.len() < MESSAGES_MOST {
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
