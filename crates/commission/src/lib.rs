//! Where what a device is told before it goes to its site may be put: a closed list of places, and
//! what units may say. Pure: it judges names and texts, and writes nothing.
//!
//! | place in the letter | on the device | what |
//! |---|---|---|
//! | `sekisho/NAME.toml`, `.pem`, `.pub`, `.crl` | `/etc/sekisho/` | settings, certificates, public keys |
//! | `sekisho/gateway.toml` | `/var/lib/sekisho/settings/` | settings that orders of the centre may replace |
//! | `units/UNIT.d/NAME.conf`, `units/NAME.mount` | `/etc/sekisho/units/` | what the site adds to units, see [`mod@unit`] |
//! | `systemd/network/NAME.network`, `.netdev`, `systemd/timesyncd.conf.d/NAME.conf` | `/etc/sekisho/systemd/` | addresses, tunnel interface, time server |
//! | `nftables.d/NAME.nft` | `/etc/nftables.d/` | firewall |
//! | `swanctl/conf.d/NAME.conf`, `swanctl/sekisho-updown`, `swanctl/x509*/NAME.pem`, `.crl`, `swanctl/private/NAME.pem` | `/etc/swanctl/` | tunnel |
//! | `ledger/notices.csv`, `ledger/stops.csv` | `/var/lib/sekisho/ledger/` | the first ledger |
//!
//! Secrets have names of their own and are kept encrypted by the board.

mod place;
mod plan;
pub mod unit;

pub use place::{Keeper, Place};
pub use plan::{Fault, Plan, SecretName};
