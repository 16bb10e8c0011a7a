//! `docs/operating/attack-surface.md`: what could be attacked, as the running image tells it.

use std::fmt::Write as _;

use super::machine::Machine;

/// The page, below the checkout.
pub(crate) const PAGE: &str = "docs/operating/attack-surface.md";

/// A part of the page: its heading in both languages, what is said of it, and the question whose
/// answer is listed, one item a line.
struct Part {
    heading: &'static str,
    japanese: &'static str,
    english: &'static str,
    question: &'static str,
}

const PARTS: &[Part] = &[
    Part {
        heading: "待ち受ける口 / Sockets that take connections",
        japanese: "設定前の機器では、TCP で待ち受けるものはありません。院内ページ（`sekisho-page`）だけが、設定された機器で、\
                    院内側（`lan0`）の443番で待ち受けます。UDP はアドレスの貸し出し（DHCP）の応答だけです。",
        english: "A device without settings takes no TCP connection. With settings the local page \
                    (`sekisho-page`) takes them on port 443, from the institution's side (`lan0`) \
                    only. Of UDP there are answers of leases (DHCP).",
        question: "ss -H -tln | busybox awk '{ print $4 }'",
    },
    Part {
        heading: "動いているサービス / Services that run",
        japanese: "常に動いているものだけです。ほかは時刻に起動し、終わると消えます。",
        english: "Those that run all the time. Others are started by a timer and end.",
        question: "systemctl list-units --type=service --state=running --plain --no-legend | \
                   busybox awk '{ print $1 }' | busybox grep -vE 'sekisho-probe|systemd-fsckd' | \
                   busybox sort",
    },
    Part {
        heading: "時刻で動くもの / Timers",
        japanese: "",
        english: "",
        question: "systemctl list-timers --plain --no-legend | \
                   busybox grep -oE '[^ ]+[.]timer' | busybox sort -u",
    },
    Part {
        heading: "機器の中だけのソケット / Local sockets",
        japanese: "網からは届きません。",
        english: "Not to be reached from a network.",
        question: "systemctl list-sockets --all --plain --no-legend | \
                   busybox awk '{ print $1 }' | busybox grep '^/' | busybox sort -u",
    },
    Part {
        heading: "権限を貸すファイル（setuid、setgid） / Files that lend rights",
        japanese: "",
        english: "",
        question: "busybox find / -xdev -type f -perm /6000",
    },
    Part {
        heading: "ログインできる利用者 / Accounts with a password",
        japanese: "",
        english: "",
        question: "busybox awk -F: '$2 !~ /^!/ { print $1 }' /etc/shadow",
    },
    Part {
        heading: "プログラム / Programs",
        japanese: "シェルは `dash` だけで、strongSwan のスクリプトとデータ領域の準備が使います。画面やシリアルに出る所はありません。",
        english: "The only shell is `dash`, for the script of strongSwan and for making the data \
                    partition; none waits at a screen or a serial line.",
        question: "busybox ls /usr/bin /usr/sbin | busybox grep -v '^/usr' | busybox grep . | \
                    busybox sort -u",
    },
    Part {
        heading: "書き込める場所 / What can be written",
        japanese: "ルートは読み取り専用で、読むたびに検証されます。起動用の区画（`/efi`）は、最初に使うときにつながります。",
        english: "The root is read-only and checked at every read. The boot partition (`/efi`) is \
                  mounted when it is first used.",
        question: "busybox awk '$4 ~ /^rw/ && $3 !~ /^(proc|sysfs|cgroup2|securityfs|devpts|\
                   efivarfs|bpf|mqueue|configfs|autofs|pstore|fusectl|ramfs|vfat)$/ \
                   { print $2 \" (\" $3 \")\" }' /proc/mounts | busybox sort -u",
    },
    Part {
        heading: "カーネルモジュール / Kernel modules",
        japanese: "ここにないものは、機器にありません。無線、音声、Bluetooth、カメラはありません。`usb-storage` は、\
                    登録された媒体を許すまで読み込まれません。",
        english: "What is not here is not on the device. There is no radio, sound, Bluetooth or \
                    camera. `usb-storage` is not loaded until a registered medium is allowed.",
        question: "busybox find /usr/lib/modules -name '*.ko' | \
                   busybox sed 's#.*/##; s#[.]ko$##' | \
                   busybox sort",
    },
];

/// Asks the running image and writes the page.
///
/// # Errors
/// The probe does not answer.
pub(crate) fn page(machine: &mut Machine) -> anyhow::Result<String> {
    let mut page = String::from(
        "# 攻撃されうる所 / The attack surface\n\n\
         この一覧は、起動した機器の中から集めたものです（`cargo xtask image --surface`）。変わると試験が落ちます。\n\
         This list is collected from inside a running device; a test fails when it changes.\n",
    );
    machine.ask("systemctl is-system-running --wait")?;
    for part in PARTS {
        let answer = machine.ask(&format!("{}; true", part.question))?;
        let items: Vec<&str> = answer
            .lines()
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .collect();
        // Writing to a text does not fail.
        let _ = writeln!(page, "\n## {}\n", part.heading);
        for text in [part.japanese, part.english] {
            if !text.is_empty() {
                let _ = writeln!(page, "{text}");
            }
        }
        if !part.japanese.is_empty() {
            page.push('\n');
        }
        let _ = match items.as_slice() {
            [] => writeln!(page, "ありません。 / None."),
            items => writeln!(page, "`{}`", items.join("`, `")),
        };
    }
    Ok(page)
}
