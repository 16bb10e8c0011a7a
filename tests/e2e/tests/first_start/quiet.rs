//! What the box does to the network beside it (C-04), by a capture of everything that leaves it.

use std::collections::BTreeSet;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::lan::{Centre, Lan};
use crate::scenes::{CENTRE, well};

const DEVICE: &str = "[[lines]]\ninterface = \"lan0\"\naddressing = \"dhcp\"\n\
    [time]\nserver = \"192.168.10.1\"\n";

/// Questions to everybody that machines of an office answer: mDNS, LLMNR, NetBIOS names, SSDP,
/// WS-Discovery, SNMP, DHCP, time, echo.
const ASK_EVERYBODY: &str = r#"
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"nb0")
name = b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04_all\x05local\x00\x00\xff\x00\x01"
search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n"
everybody = ["255.255.255.255", "192.168.10.255"]
for address, port, data in (
    [("224.0.0.251", 5353, name), ("224.0.0.252", 5355, name), ("239.255.255.250", 1900, search),
     ("239.255.255.250", 3702, search)]
    + [(a, p, name) for a in everybody for p in (7, 67, 68, 111, 123, 137, 138, 161, 1900, 5353)]
):
    s.sendto(data, (address, port))
for host in range(1, 255):
    for port in (9, 137):
        s.sendto(b"x", ("192.168.10.%d" % host, port))
"#;

/// Lines of what was noted that a filter lets through.
fn noted(lan: &Lan<'_>, filter: &str) -> Vec<String> {
    let file = lan.folder.join("all.pcap");
    let output = lan.shell(
        "sw",
        &format!("tcpdump -nn -r {} '{filter}' 2>/dev/null", file.display()),
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// C-04: the box takes one address, answers nothing that is asked of everybody, and sends nothing
/// but what it has to.
#[test]
fn the_box_disturbs_nobody() {
    if !crate::can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let centre = Centre::new(folder.path());
    let mut lan = Lan::new(&centre, &folder.path().join("lan"));
    well(&mut lan);
    let file = lan.folder.join("all.pcap").display().to_string();
    lan.start("sw", &format!("tcpdump -i p0 -U -w {file} -Z root"));
    sleep(Duration::from_secs(1));
    let mac = lan.shell("box", "cat /sys/class/net/lan0/address").stdout;
    let mac = String::from_utf8(mac).unwrap().trim().to_owned();
    lan.plug_in(DEVICE);
    lan.has_address("192.168.10.");
    let (status, _, told) = lan.test(60);
    assert_eq!(status, Some(0), "{told}");

    let script = lan.folder.join("ask.py");
    fs::write(&script, ASK_EVERYBODY).unwrap();
    lan.shell("nb", &format!("python3 {}", script.display()));
    // Neighbours that are asked for at once are told in the time that the kernel takes for three tries.
    sleep(Duration::from_secs(4));

    let (host, port) = CENTRE.split_once(':').unwrap();
    let own = format!("ether src {mac}");
    let allowed = [
        "arp".to_owned(),
        "(udp and src port 68 and dst port 67)".to_owned(),
        format!("(tcp and dst host {host} and dst port {port})"),
        // What the neighbour sent to the box's own address is refused, to it alone.
        "(icmp[icmptype] == icmp-unreach and dst host 192.168.10.77)".to_owned(),
    ];
    let others = noted(&lan, &format!("{own} and not ({})", allowed.join(" or ")));
    assert_eq!(others, Vec::<String>::new());
    for expected in &allowed {
        assert!(
            !noted(&lan, &format!("{own} and {expected}")).is_empty(),
            "{expected}"
        );
    }
    // It was asked of everybody, and the box heard it.
    assert!(!noted(&lan, "udp port 5353 and dst host 224.0.0.251").is_empty());

    let replies = noted(&lan, &format!("{own} and arp[6:2] == 2"));
    let addresses: BTreeSet<_> = replies
        .iter()
        .filter_map(|line| line.split("Reply ").nth(1)?.split_whitespace().next())
        .collect();
    assert_eq!(addresses.len(), 1, "{replies:?}");
    let senders = noted(&lan, &format!("{own} and ip and not src host 0.0.0.0"));
    let sources: BTreeSet<_> = senders
        .iter()
        .filter_map(|line| {
            let source = line.split(" IP ").nth(1)?.split_whitespace().next()?;
            Some(source.split('.').take(4).collect::<Vec<_>>().join("."))
        })
        .collect();
    assert_eq!(
        sources.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        addresses
    );
}
