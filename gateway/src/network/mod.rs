//! Whether the closed network is what the settings say (A-124, B-020, B-080, B-083): asked before
//! each batch and each further try, and before letters and tokens are asked for.
//!
//! - The interface is there, up and running, and of a kind that fits the transport.
//! - The way that the kernel would take to the front leads through it.
//! - Nothing is forwarded between interfaces.
//!
//! Connections are bound to the interface besides ([`crate::send::connection`]), so that a way that
//! changes between this look and the sending leads nowhere else. No name service takes part.

mod netlink;
pub(crate) mod render;

use std::net::IpAddr;
use std::path::Path;

use config::gateway::{Settings, Transport};

use crate::error::{Failure, Problem};
use crate::spool::write_durably;

/// One interface.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Link {
    index: u32,
    name: String,
    /// Switched on.
    up: bool,
    /// With a carrier: for a tunnel, that it stands.
    running: bool,
    /// What made it; none for a network card.
    kind: Option<String>,
    /// Whether packets are forwarded from it.
    forwards: bool,
}

/// What the kernel says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Seen {
    links: Vec<Link>,
    /// The interface by which it would reach the front.
    route: Option<u32>,
}

/// The way to the centre, as the settings name it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    transport: Transport,
    interface: Option<String>,
}

impl Line {
    /// Of these settings. Without a network, which is for a laboratory, every way will do.
    pub(crate) fn of(settings: &Settings) -> Self {
        let network = settings.network.as_ref();
        Self {
            transport: settings.front.transport,
            interface: network.map(|network| network.interface.clone()),
        }
    }

    /// The interface to which connections are bound.
    pub(crate) fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// Looks whether an address of the centre may be called now.
    ///
    /// # Errors
    /// The closed network is not what the settings say.
    pub(crate) fn check(&self, to: IpAddr) -> Result<(), Failure> {
        let Some(interface) = &self.interface else {
            return Ok(());
        };
        let seen = netlink::look(to)
            .map_err(|error| Failure::because(Problem::NetworkDown, "netlink", error))?;
        judge(self.transport, interface, &seen)
            .map_err(|(problem, detail)| Failure::new(problem, detail))
    }
}

const CLOSED: &str = "閉域網は設定のとおりです。\n\
    The closed network is what the settings say.";

/// Writes the files of firewall and tunnel, or looks at the line and tells how it stands.
///
/// # Errors
/// The settings name no network, the files cannot be written, or the line is not closed.
pub(crate) fn command(
    settings: &Settings,
    write: Option<&Path>,
    tell: &dyn Fn(&str),
) -> Result<(), Failure> {
    let Some(folder) = write else {
        Line::of(settings).check(settings.front.address.ip())?;
        tell(CLOSED);
        return Ok(());
    };
    for file in render::files(settings)? {
        let path = folder.join(file.name);
        let storing = |error| Failure::storing(path.display().to_string(), error);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(storing)?;
        write_durably(&path, file.text.as_bytes()).map_err(storing)?;
        tell(&path.display().to_string());
    }
    Ok(())
}

fn judge(transport: Transport, interface: &str, seen: &Seen) -> Result<(), (Problem, String)> {
    let told = |what: &str| format!("{interface}: {what}");
    if let Some(open) = seen.links.iter().find(|link| link.forwards) {
        return Err((Problem::NetworkForwards, open.name.clone()));
    }
    let Some(link) = seen.links.iter().find(|link| link.name == interface) else {
        return Err((Problem::NetworkDown, told("no such interface")));
    };
    if !fits(transport, link.kind.as_deref()) {
        let kind = link.kind.as_deref().unwrap_or("card");
        return Err((Problem::NetworkKind, told(kind)));
    }
    match (link.up, link.running, seen.route) {
        (false, ..) => Err((Problem::NetworkDown, told("down"))),
        (_, false, _) => Err((Problem::NetworkDown, told("no carrier"))),
        (.., None) => Err((Problem::NetworkRoute, told("no route"))),
        (.., Some(route)) if route != link.index => {
            Err((Problem::NetworkRoute, told("the route leads elsewhere")))
        }
        _ => Ok(()),
    }
}

/// Whether an interface of a kind can be the closed network of a transport. A line that the carrier
/// closes ends in a network card or in what is cut from one; a tunnel of another sort would be
/// somebody else's.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, kind: Option<&str>) -> Link {
        Link {
            index,
            name: name.to_owned(),
            up: true,
            running: true,
            kind: kind.map(str::to_owned),
            forwards: false,
        }
    }

    fn closed(kind: Option<&str>) -> Seen {
        Seen {
            links: vec![
                link(1, "lo", None),
                link(2, "lan0", None),
                link(3, "wan0", kind),
            ],
            route: Some(3),
        }
    }

    /// every way in which the closed network is not there ends in a reason of its own.
    #[test]
    fn nothing_may_leave_unless_the_closed_network_is_what_the_settings_say() {
        type Break = fn(&mut Seen);
        let cases: [(Break, Result<(), Problem>); 8] = [
            (|_| {}, Ok(())),
            (|seen| seen.links.truncate(2), Err(Problem::NetworkDown)),
            (|seen| seen.links[2].up = false, Err(Problem::NetworkDown)),
            (
                |seen| seen.links[2].running = false,
                Err(Problem::NetworkDown),
            ),
            (|seen| seen.route = None, Err(Problem::NetworkRoute)),
            (|seen| seen.route = Some(2), Err(Problem::NetworkRoute)),
            (
                |seen| seen.links[1].forwards = true,
                Err(Problem::NetworkForwards),
            ),
            (
                |seen| seen.links[2].kind = Some("wireguard".to_owned()),
                Err(Problem::NetworkKind),
            ),
        ];
        for (breaks, expected) in cases {
            let mut seen = closed(None);
            breaks(&mut seen);
            let judged = judge(Transport::IpVpn, "wan0", &seen);
            assert_eq!(judged.map_err(|(problem, _)| problem), expected, "{seen:?}");
        }
    }

    #[test]
    fn an_interface_serves_only_the_transport_that_it_is_of() {
        let kinds = [None, Some("xfrm"), Some("wireguard"), Some("tun")];
        for (transport, fitting) in [
            (Transport::LeasedLine, [true, false, false, false]),
            (Transport::IpVpn, [true, false, false, false]),
            (Transport::Ipsec, [false, true, false, false]),
            (Transport::Wireguard, [false, false, true, false]),
            (Transport::Laboratory, [true, true, true, true]),
        ] {
            for (kind, fits) in kinds.into_iter().zip(fitting) {
                let judged = judge(transport, "wan0", &closed(kind));
                assert_eq!(judged.is_ok(), fits, "{transport:?} {kind:?}");
            }
        }
    }

    /// The kernel of this machine can be asked: the loopback interface is there, and its way to
    /// itself leads through it.
    #[test]
    fn the_kernel_says_which_interfaces_there_are() {
        let seen = netlink::look(IpAddr::from([127, 0, 0, 1])).unwrap();
        let lo = seen.links.iter().find(|link| link.name == "lo").unwrap();
        assert_eq!(seen.route, Some(lo.index));
    }
}
