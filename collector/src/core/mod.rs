//! Stub of the role `core`.

/// Works on what the front stored.
#[derive(Debug, clap::Args)]
pub(crate) struct Command {}

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        anyhow::bail!("not built yet")
    }
}
