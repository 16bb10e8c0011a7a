//! Contracts that have staff come as tokens, and institutions by their codes.

use std::fs;

use anyhow::{Context as _, Result};
use envelope::MacKey;
use getrandom::SysRng;
use rand_core::UnwrapErr;

use crate::deployment::Deployment;
use crate::write_secret;

impl Deployment {
    /// Every site and the core agree on staff tokens, each site with a key of its own, and on codes
    /// of institutions.
    ///
    /// # Errors
    /// A file cannot be read, understood or written.
    pub fn agree_on_participants(&self) -> Result<()> {
        self.sites_have_participants()?;
        let mut settings: toml::Table = fs::read_to_string(&self.core_config)?.parse()?;
        for site in tables(settings.get_mut("site"))? {
            site.insert("staff_tokens".to_owned(), true.into());
            site.insert("institutions".to_owned(), "keep".into());
        }
        Ok(fs::write(&self.core_config, toml::to_string(&settings)?)?)
    }

    /// The sites alone have them.
    ///
    /// # Errors
    /// A file cannot be read, understood or written.
    pub fn sites_have_participants(&self) -> Result<()> {
        for site in &self.sites {
            let key = self.root.join("keys").join(&site.source.site);
            let key = key.join("staff.key");
            let made = MacKey::generate(&mut UnwrapErr(SysRng));
            write_secret(&key, &made.to_text())?;
            let mut settings: toml::Table = fs::read_to_string(&site.config)?.parse()?;
            let keys = settings.get_mut("keys").and_then(toml::Value::as_table_mut);
            let path = key.to_str().context("path")?;
            keys.context("keys")?
                .insert("staff".to_owned(), path.into());
            for contract in tables(settings.get_mut("contracts"))? {
                contract.insert("staff_tokens".to_owned(), true.into());
                contract.insert("institutions".to_owned(), "keep".into());
            }
            fs::write(&site.config, toml::to_string(&settings)?)?;
        }
        Ok(())
    }
}

fn tables(list: Option<&mut toml::Value>) -> Result<impl Iterator<Item = &mut toml::Table>> {
    let list = list.and_then(toml::Value::as_array_mut).context("a list")?;
    Ok(list.iter_mut().filter_map(toml::Value::as_table_mut))
}
