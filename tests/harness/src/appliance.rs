//! What an appliance of a deployment is told before it goes to its site: the folder that
//! `sekisho-collector commission` takes.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use toml::{Table, Value};

use crate::job::Job;
use crate::tunnel::{CENTRE, Certifier, DEVICE, put};

/// How the appliance reaches the centre.
pub struct Reach {
    /// The front, behind the centre's end of the tunnel.
    pub front: SocketAddr,
    /// The centre's end of the tunnel, on the carrier's network.
    pub vpn: IpAddr,
    /// The appliance's address inside the tunnel.
    pub inner: IpAddr,
    /// The time server, on the carrier's network.
    pub time: IpAddr,
    /// The carrier's network, as `ADDRESS/BITS`.
    pub carrier: String,
}

/// Secrets by the key of the settings that names them.
const SECRETS: [(&str, &str, &str); 5] = [
    ("keys", "token", "token.key"),
    ("keys", "site", "site.key"),
    ("keys", "signing", "signing.key"),
    ("front", "private_key", "tls.key"),
    ("letters", "device_key", "device.key"),
];
/// Public files by the key of the settings that names them.
const PUBLIC: [(&str, &str, &str); 5] = [
    ("keys", "core", "core.pub"),
    ("front", "authority", "authority.pem"),
    ("front", "certificate", "device.pem"),
    ("front", "receipt_key", "receipt.pub"),
    ("letters", "core_key", "letters.pub"),
];
const CREDENTIALS: &str = "/run/credentials/sekisho-gateway.service";
const SOURCE: &str = "/mnt/ssmix2";

/// Writes everything for one site of a deployment. The appliance reads the storage from the disk
/// with the serial number `source`, and runs a minute after each start.
///
/// # Errors
/// A file cannot be written, or a program does not render what belongs to it.
pub fn write(
    folder: &Path,
    job: &Job,
    site: usize,
    reach: &Reach,
    certifier: &Certifier,
) -> Result<()> {
    let site = job.deployment.sites.get(site).context("no such site")?;
    let mut settings: Table = fs::read_to_string(&site.config)?.parse()?;
    for (section, key, name) in SECRETS {
        let from = take(
            &mut settings,
            section,
            key,
            &format!("{CREDENTIALS}/{name}"),
        )?;
        put(
            folder,
            &format!("credentials/{name}"),
            &fs::read_to_string(from)?,
        )?;
    }
    for (section, key, name) in PUBLIC {
        let from = take(&mut settings, section, key, &format!("/etc/sekisho/{name}"))?;
        put(
            folder,
            &format!("sekisho/{name}"),
            &fs::read_to_string(from)?,
        )?;
    }
    for (key, name) in [("notices", "notices.csv"), ("stops", "stops.csv")] {
        let to = format!("/var/lib/sekisho/ledger/{name}");
        let from = take(&mut settings, "ledger", key, &to)?;
        put(
            folder,
            &format!("ledger/{name}"),
            &fs::read_to_string(from)?,
        )?;
    }
    take(
        &mut settings,
        "clock",
        "synchronized",
        "/run/systemd/timesync/synchronized",
    )?;
    take(&mut settings, "state", "folder", "/var/lib/sekisho/gateway")?;
    take(&mut settings, "front", "address", &reach.front.to_string())?;
    take(&mut settings, "front", "transport", "ipsec")?;
    let source = section(&mut settings, "source")?;
    source.insert("storages".to_owned(), Value::Array(vec![SOURCE.into()]));
    settings.insert(
        "network".to_owned(),
        network(reach).parse::<Table>()?.into(),
    );
    // Whoever tries it does not wait for the night.
    settings.insert("upload".to_owned(), far_window().parse::<Table>()?.into());
    put(folder, "sekisho/gateway.toml", &toml::to_string(&settings)?)?;
    put(folder, "sekisho/device.toml", &device(reach))?;
    for (name, text) in units(reach) {
        put(folder, &format!("units/{name}"), &text)?;
    }
    rendered(job, folder)?;
    certifier.certify(DEVICE, &folder.join("swanctl"), "sekisho-device")?;
    certifier.believe(&folder.join("swanctl"), false)
}

fn section<'a>(settings: &'a mut Table, name: &str) -> Result<&'a mut Table> {
    let found = settings.get_mut(name).and_then(Value::as_table_mut);
    found.with_context(|| format!("no [{name}]"))
}

/// Replaces a text of the settings; what it was.
fn take(settings: &mut Table, name: &str, key: &str, to: &str) -> Result<String> {
    let before = section(settings, name)?.insert(key.to_owned(), to.into());
    match before {
        Some(Value::String(text)) => Ok(text),
        _ => anyhow::bail!("no {name}.{key}"),
    }
}

fn network(reach: &Reach) -> String {
    format!(
        "interface = \"ipsec0\"\nlocal = [\"udp {}:123\"]\n[ipsec]\nremote_address = \"{}\"\n\
         remote_id = \"{CENTRE}\"\nlocal_id = \"{DEVICE}\"\nlocal_inner = \"{}\"\n",
        reach.time, reach.vpn, reach.inner
    )
}

/// A window of the night that is twelve hours away.
fn far_window() -> String {
    let hour = jiff::Timestamp::now().as_second().div_euclid(3_600);
    let there = (hour + 9 + 12).rem_euclid(24);
    format!("window_starts = \"{there:02}:00\"\nwindow_minutes = 60\n")
}

fn device(reach: &Reach) -> String {
    format!(
        "[[lines]]\ninterface = \"lan0\"\naddressing = \"dhcp\"\n\n[[lines]]\ninterface = \"wan0\"\n\
         addressing = \"dhcp\"\nroutes = [\"{}\"]\n\n[time]\nserver = \"{}\"\n\
         network = \"closed\"\n",
        reach.carrier, reach.time
    )
}

fn units(reach: &Reach) -> Vec<(String, String)> {
    let gateway = "sekisho-gateway.service.d/site.conf";
    let texts = [
        (
            "mnt-ssmix2.mount",
            format!(
                "[Unit]\nDescription=SS-MIX2 storage\n\n[Mount]\nWhat=/dev/disk/by-id/virtio-source\n\
                 Where={SOURCE}\nType=ext4\nOptions=ro,nodev,nosuid,noexec,noload\n"
            ),
        ),
        (
            gateway,
            format!(
                "[Unit]\nRequiresMountsFor={SOURCE}\n\n[Service]\nIPAddressAllow={} {}\n\
                 LoadCredentialEncrypted=device.key:/etc/sekisho/credentials/device.key\n\
                 LoadCredentialEncrypted=tls.key:/etc/sekisho/credentials/tls.key\n\
                 RestartSec=20s\n",
                reach.front.ip(),
                reach.vpn
            ),
        ),
        (
            "sekisho-gateway.timer.d/site.conf",
            "[Timer]\nOnBootSec=60s\nRandomizedDelaySec=0\n".to_owned(),
        ),
    ];
    let owned = |(name, text): (&str, String)| (name.to_owned(), text);
    texts.into_iter().map(owned).collect()
}

/// Firewall, tunnel and networks, as the programs render them.
fn rendered(job: &Job, folder: &Path) -> Result<()> {
    let mut firewall = job.programs.gateway();
    firewall.args(["network", "--config"]);
    firewall.arg(folder.join("sekisho/gateway.toml"));
    run(firewall.arg("--write").arg(folder))?;
    let mut networks = job.programs.selftest();
    networks.args(["network", "--device"]);
    networks.arg(folder.join("sekisho/device.toml"));
    run(networks.arg("--write").arg(folder))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {told}");
    Ok(())
}
