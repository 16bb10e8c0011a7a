//! The keys of `device.toml`, which the crate `selftest` reads.

use super::Form::{Text, Texts, Words};
use super::Given::{Always, Else, Perhaps};
use super::{Form, Key, Section, key, section};

const ADDRESS: Form = Text("番地", "an address");
const NETWORK: Form = Text("番地/長さ", "ADDRESS/LENGTH");

pub(super) const SECTIONS: &[Section] = &[
    section(
        "[[lines]]",
        "ネットワークの口です。1～4つ。自己診断はこの順に確かめます。",
        "Network ports, 1 to 4, in the order in which the self-test examines them.",
    ),
    section("[time]", "時刻サーバーです。", "The time server."),
];

pub(super) const KEYS: &[&[Key]] = &[ALL];

const ALL: &[Key] = &[
    key(
        "lines.interface",
        Text(
            "1～15文字の A-Z a-z 0-9 . - _",
            "1 to 15 of A-Z a-z 0-9 . - _",
        ),
        Always,
        "口の名前。",
        "The interface.",
    ),
    key(
        "lines.addressing",
        Words(&["dhcp", "fixed", "ipv6"]),
        Always,
        "アドレスの決め方。`dhcp` は自動（IPv4）、`ipv6` は IPv6 だけの回線。",
        "How it comes by its address: `dhcp` (IPv4), `fixed`, or `ipv6` announced by a router.",
    ),
    key(
        "lines.address",
        NETWORK,
        Perhaps,
        "固定アドレス（`fixed` のときは必須、ほかでは書けません）。",
        "The fixed address: needed for `fixed`, refused otherwise.",
    ),
    key(
        "lines.gateway",
        ADDRESS,
        Perhaps,
        "固定アドレスのときの、隣のルーター。",
        "The router beside a fixed address.",
    ),
    key(
        "lines.routes",
        Texts(0, 16),
        Else("[]"),
        "この口の先にあるネットワーク（`番地/長さ`）。書かなければ、すべての宛先をこの口から送ります。",
        "Networks that this port leads to (`ADDRESS/LENGTH`); without any it leads everywhere.",
    ),
    key(
        "time.server",
        ADDRESS,
        Always,
        "時刻サーバーの番地。名前では書けません。",
        "The address of the time server; not a name.",
    ),
    key(
        "time.network",
        Words(&["institution", "closed"]),
        Else("\"institution\""),
        "時刻サーバーがあるネットワーク。閉域網にあるときは、回線とVPNの後で確かめます。",
        "The network in which it stands; one in the closed network is asked after line and tunnel.",
    ),
];
