//! What the machine needs for the closed network, rendered from the settings: firewall rules that
//! let nothing else out (B-083), and the tunnel of `ipsec`.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use config::gateway::Settings;
use config::network::{Ipsec, Network};

use crate::error::{Failure, Problem};

/// The number that ties tunnel and interface together.
const IF_ID: u32 = 77;

/// A file for the machine: its name and its text.
pub(crate) struct Rendered {
    /// Where it belongs, below `/etc`.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) text: String,
}

/// The files of the settings.
///
/// # Errors
/// The settings name no network.
pub(crate) fn files(settings: &Settings) -> Result<Vec<Rendered>, Failure> {
    let network = settings.network.as_ref();
    let network = network.ok_or_else(|| Failure::new(Problem::Settings, "network"))?;
    let mut files = vec![
        Rendered {
            name: "nftables.d/sekisho.nft",
            text: firewall(settings, network),
        },
        Rendered {
            name: "sysctl.d/60-sekisho.conf",
            text: FORWARDING.to_owned(),
        },
    ];
    if let Some(ipsec) = &network.ipsec {
        files.push(Rendered {
            name: "swanctl/conf.d/sekisho.conf",
            text: tunnel(ipsec, settings.front.address.ip()),
        });
        files.push(Rendered {
            name: "swanctl/sekisho-updown",
            text: updown(&network.interface, ipsec.local_inner),
        });
        files.push(Rendered {
            name: "systemd/network/25-sekisho-tunnel.netdev",
            text: interface(&network.interface),
        });
        files.push(Rendered {
            name: "systemd/network/25-sekisho-tunnel.network",
            text: format!(
                "{MADE_ONLY}[Match]\nName={}\n\n[Link]\nUnmanaged=yes\n",
                network.interface
            ),
        });
    }
    Ok(files)
}

const FORWARDING: &str = "\
# Nothing is forwarded between the institution's network and the closed one (B-083).
net.ipv4.ip_forward = 0
net.ipv6.conf.all.forwarding = 0
";

fn firewall(settings: &Settings, network: &Network) -> String {
    let interface = &network.interface;
    let mut rules = String::new();
    let centre = [
        Some(settings.front.address),
        settings.front.newcomers,
        settings.evaluation.as_ref().map(|it| it.address),
    ];
    // A proxy stands before all of them.
    let centre = match settings.front.proxy {
        Some(proxy) => [Some(proxy), None, None],
        None => centre,
    };
    for address in centre.into_iter().flatten() {
        allow(&mut rules, Some(interface), "tcp", address);
    }
    if let Some(ipsec) = &network.ipsec {
        let (family, remote) = (family(ipsec.remote_address), ipsec.remote_address);
        let _ = writeln!(
            rules,
            "        {family} daddr {remote} udp dport {{ 500, 4500 }} accept"
        );
        let _ = writeln!(
            rules,
            "        {family} daddr {remote} meta l4proto esp accept"
        );
    }
    for local in &network.local {
        allow(&mut rules, None, local.protocol.as_str(), local.address);
    }
    format!(
        "\
# The device calls these and nothing else, and forwards nothing (A-124, B-083).
table inet sekisho
delete table inet sekisho
table inet sekisho {{
    chain output {{
        type filter hook output priority filter; policy drop;
        oifname \"lo\" accept
        ct state established,related accept
{rules}        meta l4proto ipv6-icmp accept
        counter reject with icmpx admin-prohibited
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
    }}
}}
"
    )
}

fn allow(rules: &mut String, interface: Option<&str>, protocol: &str, address: SocketAddr) {
    let bound = interface.map_or(String::new(), |name| format!("oifname \"{name}\" "));
    let (family, ip, port) = (family(address.ip()), address.ip(), address.port());
    // Writing to a text does not fail.
    let _ = writeln!(
        rules,
        "        {bound}{family} daddr {ip} {protocol} dport {port} accept"
    );
}

fn family(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ip",
        IpAddr::V6(_) => "ip6",
    }
}

/// IKEv2 with certificates at both ends. Everything to the front goes through the interface, which
/// the updown script switches on and off with the tunnel: while it is down there is no way out.
fn tunnel(ipsec: &Ipsec, front: IpAddr) -> String {
    let (remote, local_id) = (ipsec.remote_address, ipsec.local_id.as_str());
    let (remote_id, inner) = (ipsec.remote_id.as_str(), ipsec.local_inner);
    let (front_bits, inner_bits) = (bits(front), bits(inner));
    format!(
        "\
connections {{
    sekisho {{
        version = 2
        keyingtries = 0
        remote_addrs = {remote}
        proposals = aes256gcm16-prfsha384-ecp384
        dpd_delay = 30s
        mobike = no
        if_id_in = {IF_ID}
        if_id_out = {IF_ID}
        local {{
            auth = pubkey
            certs = sekisho-device.pem
            id = {local_id}
        }}
        remote {{
            auth = pubkey
            cacerts = sekisho-vpn-authority.pem
            id = {remote_id}
            revocation = strict
        }}
        children {{
            front {{
                local_ts = {inner}/{inner_bits}
                remote_ts = {front}/{front_bits}
                esp_proposals = aes256gcm16-ecp384
                start_action = start
                close_action = start
                dpd_action = restart
                updown = /bin/sh /etc/swanctl/sekisho-updown
            }}
        }}
    }}
}}
"
    )
}

const MADE_ONLY: &str = "\
# The interface is made at the start; the tunnel switches it on and off.
";

/// The XFRM interface of the tunnel, made by systemd-networkd.
fn interface(name: &str) -> String {
    format!(
        "{MADE_ONLY}[NetDev]\nName={name}\nKind=xfrm\n\n[Xfrm]\nInterfaceId={IF_ID}\n\
         Independent=yes\n"
    )
}

/// The length of a prefix that is one address.
const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn updown(interface: &str, inner: IpAddr) -> String {
    let bits = bits(inner);
    format!(
        "\
#!/bin/sh
# The interface is up exactly while the tunnel stands; the gateway sends nothing otherwise.
case \"$PLUTO_VERB\" in
up-client*)
    ip address replace {inner}/{bits} dev {interface} &&
        ip link set {interface} up &&
        ip route replace \"$PLUTO_PEER_CLIENT\" dev {interface} ;;
down-client*) ip link set {interface} down ;;
esac
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../config/examples/gateway.toml");

    fn rendered(settings: &str) -> Vec<(&'static str, String)> {
        let settings = Settings::parse(settings).unwrap();
        let files = files(&settings).unwrap().into_iter();
        files.map(|file| (file.name, file.text)).collect()
    }

    /// B-083: what may go out is a list, and its end is a refusal.
    #[test]
    fn the_firewall_lets_out_what_the_settings_name_and_nothing_else() {
        let files = rendered(EXAMPLE);
        let accepted: Vec<_> = files[0]
            .1
            .lines()
            .filter(|line| line.ends_with("accept"))
            .collect();
        assert_eq!(
            accepted,
            [
                "        oifname \"lo\" accept",
                "        ct state established,related accept",
                "        oifname \"wan0\" ip daddr 10.0.0.10 tcp dport 8443 accept",
                "        ip daddr 192.168.10.20 tcp dport 445 accept",
                "        ip daddr 192.168.10.1 udp dport 123 accept",
                "        meta l4proto ipv6-icmp accept",
            ]
        );
        assert_eq!(files[0].1.matches("policy drop;").count(), 2);
        assert_eq!(files.len(), 2);
    }

    #[test]
    fn where_a_proxy_leads_to_the_centre_it_alone_may_be_called() {
        let line = "# proxy = \"192.168.10.5:3128\"";
        assert!(EXAMPLE.contains(line));
        let firewall = &rendered(&EXAMPLE.replace(line, line.trim_start_matches("# ")))[0].1;
        let rule = "oifname \"wan0\" ip daddr 192.168.10.5 tcp dport 3128 accept";
        assert!(firewall.contains(rule), "{firewall}");
        assert!(!firewall.contains("10.0.0.10"), "{firewall}");
    }

    #[test]
    fn the_tunnel_carries_the_front_only_and_proves_both_ends() {
        let ipsec = "[network.ipsec]\nremote_address = \"198.51.100.1\"\nremote_id = \"vpn\"\n\
             local_id = \"device\"\nlocal_inner = \"10.1.0.2\"\n";
        let settings = EXAMPLE
            .replace("transport = \"ip-vpn\"", "transport = \"ipsec\"")
            .replace("interface = \"wan0\"", "interface = \"ipsec0\"")
            .replace("[upload]", &format!("{ipsec}[upload]"));
        let files = rendered(&settings);
        let text = |name: &str| &files.iter().find(|file| file.0 == name).unwrap().1;
        let tunnel = text("swanctl/conf.d/sekisho.conf");
        for line in [
            "version = 2",
            "remote_addrs = 198.51.100.1",
            "local_ts = 10.1.0.2/32",
            "remote_ts = 10.0.0.10/32",
            "id = vpn",
        ] {
            assert!(tunnel.contains(line), "{line}");
        }
        assert_eq!(tunnel.matches("auth = pubkey").count(), 2);
        assert_eq!(tunnel.matches('{').count(), tunnel.matches('}').count());
        let firewall = text("nftables.d/sekisho.nft");
        assert!(firewall.contains("ip daddr 198.51.100.1 udp dport { 500, 4500 } accept"));
        assert!(text("swanctl/sekisho-updown").contains("ip link set ipsec0 down"));
    }
}
