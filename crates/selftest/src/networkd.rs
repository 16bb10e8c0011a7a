//! The files by which systemd-networkd gives the ports of the device their addresses, and
//! systemd-timesyncd knows its server (C-03, C-04).
//!
//! The device takes one address of each line, names itself to nobody, and answers no broadcast
//! service.

use std::fmt::Write as _;

use crate::settings::{Addressing, Cidr, Device, Line, Side, Time};

/// A file for the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Where it belongs, below `/etc`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The files of the settings.
pub fn files(device: &Device) -> Vec<Rendered> {
    let mut files: Vec<_> = device.lines.iter().map(network).collect();
    files.push(Rendered {
        name: "systemd/timesyncd.conf.d/sekisho.conf".to_owned(),
        text: timesync(&device.time),
    });
    files
}

/// What holds for every line: nobody is told a name, nothing is forwarded, nothing is answered
/// that was asked of everybody.
const QUIET: &str = "\
LLMNR=no
MulticastDNS=no
LLDP=no
EmitLLDP=no
IPForward=no
IPMasquerade=no
DHCPServer=no
IPv6SendRA=no
IPv6PrivacyExtensions=no
";

fn network(line: &Line) -> Rendered {
    let interface = line.interface.as_str();
    let mut text = format!(
        "# Written by sekisho-selftest from device.toml; changes here are lost.\n\
         [Match]\nName={interface}\n\n[Network]\n{QUIET}"
    );
    let own = match line.addressing {
        Addressing::Dhcp => dhcp(line),
        Addressing::Fixed => fixed(line),
        Addressing::Ipv6 => ipv6(line),
    };
    text.push_str(&own);
    Rendered {
        name: format!("systemd/network/20-sekisho-{interface}.network"),
        text,
    }
}

/// IPv4 by DHCP alone. The server learns the hardware's number and nothing else; what it says of
/// names, time servers and routes elsewhere is not taken.
fn dhcp(line: &Line) -> String {
    let everywhere = line.routes.is_empty();
    let gateway = if everywhere { "yes" } else { "no" };
    let mut text = format!(
        "DHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n\n\
         [DHCPv4]\nClientIdentifier=mac\nSendHostname=no\nUseHostname=no\nUseDomains=no\n\
         UseDNS=no\nUseNTP=no\nUseSIP=no\nUseTimezone=no\nUseMTU=no\nUseRoutes=no\n\
         UseGateway={gateway}\n"
    );
    routes(&mut text, &line.routes, "_dhcp4");
    text
}

/// A fixed address. Where somebody else has it, the port stays without (RFC 5227).
fn fixed(line: &Line) -> String {
    let mut text = String::from("DHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n");
    let Some(address) = line.address else {
        return text;
    };
    let detection = if address.ip.is_ipv4() { "ipv4" } else { "ipv6" };
    // Writing to a text does not fail.
    let _ = write!(
        text,
        "\n[Address]\nAddress={address}\nDuplicateAddressDetection={detection}\n"
    );
    if let Some(gateway) = line.gateway {
        match line.routes.is_empty() {
            true => {
                let _ = write!(text, "\n[Route]\nGateway={gateway}\n");
            }
            false => routes(&mut text, &line.routes, &gateway.to_string()),
        }
    }
    text
}

/// An address that a router announces; no IPv4 at all.
fn ipv6(line: &Line) -> String {
    let everywhere = line.routes.is_empty();
    let gateway = if everywhere { "yes" } else { "no" };
    let mut text = format!(
        "DHCP=no\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=yes\n\n\
         [IPv6AcceptRA]\nUseDNS=no\nUseDomains=no\nDHCPv6Client=yes\nUseRoutePrefix=no\n\
         UseGateway={gateway}\n\n\
         [DHCPv6]\nSendHostname=no\nUseHostname=no\nUseDNS=no\nUseNTP=no\n\
         UseDelegatedPrefix=no\n"
    );
    routes(&mut text, &line.routes, "_ipv6ra");
    text
}

fn routes(text: &mut String, routes: &[Cidr], gateway: &str) {
    for route in routes {
        let _ = write!(text, "\n[Route]\nDestination={route}\nGateway={gateway}\n");
    }
}

/// One server, and none of the distribution's own.
fn timesync(time: &Time) -> String {
    let side = match time.network {
        Side::Institution => "institution",
        Side::Closed => "closed",
    };
    format!(
        "# Written by sekisho-selftest from device.toml; changes here are lost.\n\
         # The server stands in this network: {side}\n\
         [Time]\nNTP={}\nFallbackNTP=\n",
        time.server
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(line: &str) -> String {
        let file = format!("[[lines]]\n{line}\n[time]\nserver = \"192.0.2.1\"\n");
        files(&Device::parse(&file).unwrap())[0].text.clone()
    }

    /// C-04: whatever the addressing, nobody hears of the device by name and nobody is answered.
    #[test]
    fn every_line_is_quiet_and_has_one_kind_of_address() {
        for (line, holds, lacks) in [
            (
                "interface = \"lan0\"\naddressing = \"dhcp\"",
                &["DHCP=ipv4", "IPv6AcceptRA=no", "UseGateway=yes"][..],
                &["[Address]", "[Route]"][..],
            ),
            (
                "interface = \"lan0\"\naddressing = \"dhcp\"\nroutes = [\"10.0.0.0/24\"]",
                &["UseGateway=no", "Destination=10.0.0.0/24\nGateway=_dhcp4"],
                &["[Address]"],
            ),
            (
                "interface = \"lan0\"\naddressing = \"fixed\"\naddress = \"192.0.2.9/24\"\n\
                 gateway = \"192.0.2.1\"",
                &[
                    "DHCP=no",
                    "Address=192.0.2.9/24\nDuplicateAddressDetection=ipv4",
                    "[Route]\nGateway=192.0.2.1",
                ],
                &["Destination="],
            ),
            (
                "interface = \"lan0\"\naddressing = \"fixed\"\naddress = \"192.0.2.9/24\"",
                &["Address=192.0.2.9/24"],
                &["[Route]"],
            ),
            (
                "interface = \"wan0\"\naddressing = \"ipv6\"",
                &["DHCP=no", "IPv6AcceptRA=yes", "UseGateway=yes"],
                &["DHCP=ipv4", "[Address]"],
            ),
        ] {
            let text = rendered(line);
            for part in QUIET.lines().chain(holds.iter().copied()) {
                assert!(text.contains(part), "{line}: {part}\n{text}");
            }
            for part in lacks {
                assert!(!text.contains(part), "{line}: {part}\n{text}");
            }
        }
    }

    #[test]
    fn each_line_has_a_file_of_its_own_and_time_has_one_server() {
        let file = "[[lines]]\ninterface = \"lan0\"\naddressing = \"dhcp\"\n[[lines]]\n\
                    interface = \"wan0\"\naddressing = \"ipv6\"\n[time]\nserver = \"2001:db8::1\"\n";
        let files = files(&Device::parse(file).unwrap());
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "systemd/network/20-sekisho-lan0.network",
                "systemd/network/20-sekisho-wan0.network",
                "systemd/timesyncd.conf.d/sekisho.conf",
            ]
        );
        assert!(files[2].text.contains("NTP=2001:db8::1\nFallbackNTP=\n"));
    }
}
