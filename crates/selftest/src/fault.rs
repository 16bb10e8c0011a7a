//! The catalogue of codes: four digits that a person reads out and the help desk looks up. The
//! first digit is the layer.

use std::fmt::Write as _;

use crate::Layer;

/// One line of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Which.
    pub fault: Fault,
    /// What is wrong, in Japanese.
    pub ja: &'static str,
    /// What is wrong, in English.
    pub en: &'static str,
    /// What to do next, in Japanese.
    pub next_ja: &'static str,
    /// What to do next, in English.
    pub next_en: &'static str,
    /// What the self-test saw, for the help desk: Japanese and English.
    pub seen: &'static str,
}

macro_rules! faults {
    ($($layer:ident { $($(#[$doc:meta])* $name:ident = $code:literal:
        $ja:literal, $en:literal, $next_ja:literal, $next_en:literal, $seen:literal;)* })*) => {
        /// What can be wrong. Its number is the code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Fault {
            $($($(#[$doc])* $name = $code,)*)*
        }

        impl Fault {
            /// The layer at fault.
            pub const fn layer(self) -> Layer {
                match self {
                    $($(Self::$name => Layer::$layer,)*)*
                }
            }

            /// Its line of the catalogue.
            pub const fn entry(self) -> Entry {
                match self {
                    $($(Self::$name => Entry {
                        fault: self,
                        ja: $ja,
                        en: $en,
                        next_ja: $next_ja,
                        next_en: $next_en,
                        seen: $seen,
                    },)*)*
                }
            }

            /// All of them, by their codes.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];
        }
    };
}

faults! {
    Link {
        /// The device has no such port.
        NoPort = 1001:
            "ネットワークの口が見つかりません。",
            "The network port is not there.",
            "機器の電源を入れ直し、続くときは保守窓口に連絡してください。",
            "Switch the device off and on; if this stays, call support.",
            "device.toml の interface がない / no interface of the name in device.toml";
        /// The port is switched off.
        PortOff = 1002:
            "ネットワークの口が使える状態になっていません。",
            "The network port is switched off.",
            "機器の電源を入れ直し、続くときは保守窓口に連絡してください。",
            "Switch the device off and on; if this stays, call support.",
            "インターフェースが down。systemd-networkd が動いているか / interface down: does systemd-networkd run";
        /// Nothing at the other end of the cable.
        NoCable = 1003:
            "LANケーブルがつながっていません。",
            "The network cable is not connected.",
            "ケーブルの両端を「カチッ」と音がするまで差し直してください。別のケーブル、ルーターの別の口も試してください。",
            "Plug in both ends of the cable until they click; try another cable and another port.",
            "キャリアなし / no carrier";
    }
    Address {
        /// No DHCP server answers.
        DhcpSilent = 2001:
            "アドレスがもらえません（DHCPサーバーが答えません）。",
            "No address is given: no DHCP server answers.",
            "ルーターの電源が入っているか確かめてください。固定アドレスの施設では、ネットワークの担当者に伝えてください。",
            "Check that the router is on; where addresses are fixed, tell whoever looks after the network.",
            "IPv4アドレスなし、DISCOVER に応答なし / no IPv4 address, no answer to DISCOVER";
        /// A server offers, and no address was taken.
        DhcpNotTaken = 2002:
            "アドレスを受け取っている途中か、受け取れません。",
            "An address is offered and has not been taken.",
            "1分待ってからもう一度確かめてください。続くときは保守窓口に連絡してください。",
            "Wait a minute and test again; if this stays, call support.",
            "応答はあるがアドレスなし。重複で辞退した可能性 / an offer but no address: perhaps declined as a duplicate";
        /// Somebody else has the address.
        AddressTaken = 2003:
            "同じアドレスを使っている機器がほかにあります。",
            "Another machine has the same address.",
            "ネットワークの担当者に、この機器のための空いているアドレスを決めてもらってください。",
            "Have whoever looks after the network choose a free address for this device.",
            "ARP に別の機器が応答、または IPv6 DAD 失敗 / another machine answers ARP, or IPv6 DAD failed";
        /// The fixed address is not on the port.
        AddressMissing = 2004:
            "決められたアドレスが機器に付いていません。",
            "The fixed address is not on the port.",
            "機器の電源を入れ直し、続くときは保守窓口に連絡してください。",
            "Switch the device off and on; if this stays, call support.",
            "device.toml のアドレスがない。networkd の設定を書き出したか / not on the interface: were networkd's files written";
        /// The router does not answer.
        RouterMute = 2005:
            "ルーター（ゲートウェイ）が答えません。",
            "The router does not answer.",
            "ルーターの電源を確かめてください。固定アドレスの施設では、アドレスとゲートウェイの番号が正しいか担当者に確かめてもらってください。",
            "Check that the router is on; where addresses are fixed, have address and gateway checked.",
            "ゲートウェイが ARP に応答しない / the gateway does not answer ARP";
        /// No router announces IPv6.
        Ipv6Silent = 2006:
            "IPv6のアドレスがもらえません。",
            "No IPv6 address is given.",
            "回線の機器（ONU、ルーター）の電源を確かめ、5分待ってからもう一度確かめてください。",
            "Check that the equipment of the line is on, wait five minutes and test again.",
            "ルーター広告なし、または global アドレスなし / no router advertisement, or no global address";
        /// Two DHCP servers contradict each other.
        TwoDhcpServers = 2007:
            "アドレスを配る機器（DHCPサーバー）が2台あり、食い違っています。",
            "Two DHCP servers give different answers.",
            "最近つないだルーターや無線の機器がないか、ネットワークの担当者に伝えてください。",
            "Tell whoever looks after the network; a router or access point may have been added lately.",
            "OFFER のルーターが食い違う / offers name different routers";
        /// No router came with the address.
        NoRouter = 2008:
            "外への出口（ルーター）が知らされていません。",
            "No router was given with the address.",
            "ネットワークの担当者に、DHCP でルーターを配るよう伝えてください。",
            "Ask whoever looks after the network to have DHCP name a router.",
            "必要な経路なし / no route by this port";
    }
    Time {
        /// No answer of the time server.
        TimeServerMute = 3001:
            "時刻サーバーが答えません。",
            "The time server does not answer.",
            "ネットワークの担当者に、時刻（NTP、UDP 123番）が通るか確かめてもらってください。",
            "Have whoever looks after the network check that NTP (UDP port 123) passes.",
            "SNTP に応答なし / no answer to SNTP";
        /// The server's clock is not set.
        TimeServerUnset = 3002:
            "時刻サーバーの時刻が合っていません。",
            "The time server's own clock is not set.",
            "時刻サーバーの担当者に連絡してください。",
            "Call whoever looks after the time server.",
            "leap 3 または stratum 範囲外 / leap 3, or a stratum out of range";
        /// Our clock is off.
        ClockOff = 3003:
            "機器の時計が時刻サーバーとずれています。",
            "The device's clock is not what the time server says.",
            "5分待ってからもう一度確かめてください。続くときは保守窓口に連絡してください。",
            "Wait five minutes and test again; if this stays, call support.",
            "5秒を超えるずれ / more than 5 seconds off";
        /// The time service has not confirmed the clock yet.
        ClockUnconfirmed = 3004:
            "時刻の確認がまだ終わっていません。",
            "The clock is not confirmed yet.",
            "5分待ってからもう一度確かめてください。続くときは保守窓口に連絡してください。",
            "Wait five minutes and test again; if this stays, call support.",
            "サーバーは正常、clock.synchronized が2時間以内に更新されていない / server in order, clock.synchronized not touched within 2 hours";
    }
    Carrier {
        /// The interface of the line is not there.
        LineMissing = 4001:
            "閉域網の回線の口が見つかりません。",
            "The port of the closed network is not there.",
            "保守窓口に連絡してください。",
            "Call support.",
            "network.interface がない / no interface of the name network.interface";
        /// The line has no carrier.
        LineDown = 4002:
            "閉域網の回線がつながっていません。",
            "The line of the closed network is down.",
            "回線の機器の電源とケーブルを確かめてください。続くときは回線の会社に連絡してください。",
            "Check power and cable of the line's equipment; if this stays, call the carrier.",
            "network.interface が down またはキャリアなし / network.interface down or without carrier";
        /// There is no way to the other end.
        NoWay = 4003:
            "センターへの経路がありません。",
            "There is no route to the centre.",
            "保守窓口に連絡してください（経路の設定）。",
            "Call support: the routes need to be set.",
            "カーネルに経路なし / no route in the kernel";
        /// The way leads elsewhere.
        WayElsewhere = 4004:
            "センターへの経路が、閉域網でない口を通っています。",
            "The route to the centre leads by another network.",
            "保守窓口に連絡してください（経路の設定）。記録は送られません。",
            "Call support: the routes need to be set. Nothing is sent meanwhile.",
            "経路の出口が network.interface でない / the route's interface is not network.interface";
        /// The interface is of a kind that the transport does not have.
        WrongKind = 4005:
            "閉域網の口の種類が、契約の回線と違います。",
            "The port is of another kind than the contract's line.",
            "保守窓口に連絡してください。",
            "Call support.",
            "front.transport とインターフェースの種類が合わない / front.transport and the interface's kind differ";
        /// The device passes packets on.
        Forwards = 4006:
            "機器が2つのネットワークをつないでしまう設定になっています。",
            "The device forwards between networks.",
            "LANケーブルを抜き、保守窓口に連絡してください。",
            "Unplug the network cable and call support.",
            "forwarding が 0 でない / forwarding is not 0";
        /// The proxy does not answer.
        ProxyMute = 4007:
            "プロキシーが答えません。",
            "The proxy does not answer.",
            "ネットワークの担当者に、プロキシーのアドレスと動作を確かめてもらってください。",
            "Have whoever looks after the network check the proxy's address and that it runs.",
            "front.proxy に接続できない、または HTTP でない / front.proxy cannot be connected to, or does not speak HTTP";
        /// The proxy says no.
        ProxyRefuses = 4008:
            "プロキシーが、センターへの通信を断りました。",
            "The proxy refuses the connection to the centre.",
            "ネットワークの担当者に、センターのアドレスへの CONNECT を許すよう頼んでください。",
            "Ask whoever looks after the network to allow CONNECT to the centre's address.",
            "CONNECT への 403・405 など / 403, 405 or the like to CONNECT";
        /// The proxy wants a name and a password.
        ProxyAsksPassword = 4009:
            "プロキシーが利用者名とパスワードを求めています。",
            "The proxy asks for a name and a password.",
            "ネットワークの担当者に、この機器のアドレスを認証なしで通すよう頼んでください。",
            "Ask whoever looks after the network to let this device's address pass without a password.",
            "CONNECT への 407 / 407 to CONNECT";
        /// The proxy cannot reach the centre.
        ProxyCannotReach = 4010:
            "プロキシーから先、センターに届きません。",
            "The proxy cannot reach the centre.",
            "ネットワークの担当者に、プロキシーから閉域網への経路を確かめてもらってください。",
            "Have whoever looks after the network check the proxy's route into the closed network.",
            "CONNECT への 5xx / 5xx to CONNECT";
        /// Small packets pass and large ones vanish.
        LargePacketsLost = 4011:
            "大きなパケットが途中で失われています（MTU）。",
            "Large packets are lost on the way (MTU).",
            "回線の会社または保守窓口に「MTUの問題（4011）」と伝えてください。",
            "Tell the carrier or support: an MTU problem, 4011.",
            "MSS 536 では届き、通常の大きさでは届かない / arrives with MSS 536 and not with the usual size";
    }
    Tunnel {
        /// The interface of the tunnel is not there.
        TunnelMissing = 5001:
            "VPNの準備ができていません。",
            "The VPN is not set up.",
            "機器の電源を入れ直し、続くときは保守窓口に連絡してください。",
            "Switch the device off and on; if this stays, call support.",
            "トンネルのインターフェースがない / no interface of the tunnel";
        /// The tunnel does not stand.
        TunnelDown = 5002:
            "VPNがつながっていません。",
            "The VPN does not stand.",
            "5分待ってからもう一度確かめてください。続くときは、ネットワークの担当者に UDP 500番・4500番が通るか確かめてもらってください。",
            "Wait five minutes and test again; if this stays, have it checked that UDP 500 and 4500 pass.",
            "トンネルのインターフェースが down。strongSwan のログを / interface of the tunnel down: see strongSwan's log";
        /// The way to the centre does not lead through the tunnel.
        WayBesideTunnel = 5003:
            "センターへの経路がVPNを通っていません。",
            "The route to the centre does not lead through the VPN.",
            "保守窓口に連絡してください。記録は送られません。",
            "Call support. Nothing is sent meanwhile.",
            "front.address への経路がトンネル以外 / the route to front.address leads elsewhere";
        /// The interface is no tunnel.
        TunnelKind = 5004:
            "VPNの口の種類が違います。",
            "The interface of the VPN is of another kind.",
            "保守窓口に連絡してください。",
            "Call support.",
            "xfrm・vti でない / neither xfrm nor vti";
    }
    Certificate {
        /// There is none yet.
        CertificateMissing = 6001:
            "機器の証明書がまだありません。",
            "The device has no certificate yet.",
            "センターから受け取った登録番号で登録してください。",
            "Enrol the device with the code that the centre gave.",
            "証明書または鍵のファイルがない / no file of certificate or key";
        /// It cannot be read.
        CertificateUnreadable = 6002:
            "機器の証明書が読めません。",
            "The device's certificate cannot be read.",
            "保守窓口に連絡してください。",
            "Call support.",
            "PEM または X.509 として読めない / not PEM, or not X.509";
        /// It does not hold yet.
        CertificateEarly = 6003:
            "機器の証明書はまだ有効ではありません。",
            "The device's certificate does not hold yet.",
            "機器の時計が正しいか、保守窓口に確かめてもらってください。",
            "Have support check the device's clock.",
            "notBefore が先 / notBefore is ahead";
        /// It has ended.
        CertificateExpired = 6004:
            "機器の証明書の期限が切れています。",
            "The device's certificate has expired.",
            "センターに連絡し、更新の承認を受けてください。",
            "Call the centre: it approves a renewal.",
            "notAfter を過ぎた / notAfter has passed";
        /// It is of another site.
        CertificateOfOther = 6005:
            "機器の証明書が、この施設のものではありません。",
            "The device's certificate is of another site.",
            "機器が入れ替わっていないか確かめ、保守窓口に連絡してください。",
            "Check that devices were not exchanged, and call support.",
            "urn:sekisho:site が site と違う / urn:sekisho:site is not site";
        /// The key is not of the certificate.
        KeyOfOther = 6006:
            "機器の証明書と鍵が合いません。",
            "The device's certificate and key do not belong together.",
            "保守窓口に連絡してください。",
            "Call support.",
            "秘密鍵が証明書と合わない / the private key is not the certificate's";
        /// The authority's certificate cannot be used.
        AuthorityUnusable = 6007:
            "認証局の証明書が読めません。",
            "The authority's certificate cannot be read.",
            "保守窓口に連絡してください。",
            "Call support.",
            "front.authority が読めない / front.authority cannot be read";
        /// The TPM or its service does not answer.
        KeyAway = 6008:
            "機器の鍵を使えません（TPM が応答しません）。",
            "The device's key cannot be used: the TPM does not answer.",
            "機器の電源を切って入れ直してください。続くときは保守窓口に連絡してください。",
            "Turn the device off and on; if this stays, call support.",
            "鍵サービスか TPM が答えない（AK01・AK02・AK06・AK07） / the key service or the TPM does not answer";
        /// The TPM does not know the key.
        KeyOfOtherTpm = 6009:
            "機器の鍵が、この機器の TPM のものではありません。",
            "The device's key is not of this device's TPM.",
            "センターに連絡し、新しい登録番号で登録し直してください。",
            "Call the centre, and enrol the device again with a new code.",
            "TPM が消去されたか、基板が交換された（AK03） / the TPM was cleared, or the board replaced";
    }
    Centre {
        /// Nothing answers.
        CentreMute = 7001:
            "センターが答えません。",
            "The centre does not answer.",
            "10分待ってからもう一度確かめてください。続くときは保守窓口に連絡してください。",
            "Wait ten minutes and test again; if this stays, call support.",
            "TCP が時間切れ、または届かない / TCP timed out, or unreachable";
        /// The connection is refused.
        CentreRefuses = 7002:
            "センターの受付が動いていません。",
            "The centre's front is not running.",
            "10分待ってからもう一度確かめてください。続くときは保守窓口に連絡してください。",
            "Wait ten minutes and test again; if this stays, call support.",
            "TCP の接続拒否 / TCP connection refused";
        /// Something else answers, without TLS.
        NotTls = 7003:
            "センターではない機器が答えています（TLSではありません）。",
            "Something that is not the centre answers, without TLS.",
            "施設のネットワークに、利用登録の画面や通信を横取りする機器がないか、担当者に確かめてもらってください。",
            "Have it checked whether the network has a sign-in page or a device that intercepts.",
            "TLS 以外の応答 / an answer that is not TLS";
        /// Somebody else's certificate.
        ForeignCertificate = 7004:
            "センターではない機器が答えています（証明書が違います）。",
            "Something that is not the centre answers, with a certificate of its own.",
            "通信を検査する機器（SSL検査など）の対象から、この機器を外すよう担当者に頼んでください。",
            "Ask to exempt this device from TLS inspection.",
            "相手の証明書が front.authority のものでない、名前が違う、期限切れ / the other end's certificate is of another authority or name, or has expired";
        /// The centre does not take the device's certificate.
        DeviceRefused = 7005:
            "センターが、この機器の証明書を受け付けません。",
            "The centre does not take this device's certificate.",
            "センターに連絡してください（失効、登録の取り消し）。",
            "Call the centre: the certificate may have been revoked.",
            "TLS alert で拒否された / refused by a TLS alert";
        /// It has no time.
        CentreBusy = 7006:
            "センターが混み合っています。",
            "The centre is busy.",
            "このままお待ちください。機器は自動でやり直します。",
            "Wait: the device tries again by itself.",
            "HTTP 429 または 503 / HTTP 429 or 503";
        /// It answers something else.
        OtherAnswer = 7007:
            "センターの答えが正しくありません。",
            "The centre's answer makes no sense.",
            "保守窓口に連絡してください。",
            "Call support.",
            "/v1/health が 200 でない、または途中で切れた / /v1/health is not 200, or broke off";
    }
}

impl Fault {
    /// The four digits.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The fault of a code.
    pub fn of(code: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.code() == code)
    }
}

/// The page of the codes, `docs/operating/self-test.md`.
pub fn page() -> String {
    let mut page = String::from(HEADER);
    for layer in Layer::ALL {
        let (ja, en) = layer.words();
        // Writing to a text does not fail.
        let _ = write!(page, "\n### {}… {ja} / {en}\n\n{COLUMNS}", layer.digit());
        for fault in Fault::ALL.iter().filter(|fault| fault.layer() == layer) {
            let entry = fault.entry();
            let _ = writeln!(
                page,
                "| **{}** | {}<br>{} | {}<br>{} | {} |",
                fault.code(),
                entry.ja,
                entry.en,
                entry.next_ja,
                entry.next_en,
                entry.seen
            );
        }
    }
    page
}

const COLUMNS: &str = "\
| 番号<br>code | 状態<br>state | すること<br>what to do | 見えたもの（窓口用）<br>what was seen, for the help desk |
|---|---|---|---|
";

const HEADER: &str = include_str!("page.txt");

#[cfg(test)]
mod tests {
    use super::*;

    /// C-03: the help desk hears four digits and knows the layer by the first.
    #[test]
    fn every_code_has_four_digits_and_begins_with_its_layer() {
        let codes: Vec<u16> = Fault::ALL.iter().map(|fault| fault.code()).collect();
        assert!(codes.is_sorted_by(|one, other| one < other), "{codes:?}");
        for fault in Fault::ALL {
            assert_eq!(fault.code() / 1_000, fault.layer().digit(), "{fault:?}");
            assert_eq!(Fault::of(fault.code()), Some(*fault));
        }
        for layer in Layer::ALL {
            assert!(Fault::ALL.iter().any(|fault| fault.layer() == layer));
        }
        assert_eq!(Fault::of(0), None);
    }

    #[test]
    fn every_code_says_what_is_wrong_and_what_to_do_in_both_languages() {
        for fault in Fault::ALL {
            let entry = fault.entry();
            assert_eq!(entry.fault, *fault);
            for ja in [entry.ja, entry.next_ja] {
                assert!(!ja.is_ascii() && ja.contains('。'), "{fault:?}: {ja}");
            }
            for en in [entry.en, entry.next_en] {
                assert!(en.is_ascii() && en.ends_with('.'), "{fault:?}: {en}");
            }
            assert!(
                entry.seen.contains(" / ") && !page_breaks(&entry),
                "{fault:?}"
            );
        }
    }

    fn page_breaks(entry: &Entry) -> bool {
        let texts = [entry.ja, entry.en, entry.next_ja, entry.next_en, entry.seen];
        texts.iter().any(|text| text.contains(['|', '\n']))
    }
}
