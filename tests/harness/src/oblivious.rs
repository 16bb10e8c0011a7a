//! Fleets whose devices have no key of linkage tokens: the evaluation service, and the switch.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use envelope::EvaluationKey;
use getrandom::SysRng;
use rand_core::UnwrapErr;

use crate::deployment::Deployment;
use crate::job::Job;
use crate::pki::{Authority, EVALUATE_NAME};
use crate::process::{Running, free_address, wait_for};
use crate::write_secret;

/// The evaluation service of a deployment.
#[derive(Debug, Clone)]
pub struct Evaluate {
    /// Its settings file.
    pub config: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Evaluate {
    /// Writes keys, certificate and settings of the service, for the epochs 1 and 2.
    pub(crate) fn prepare(root: &Path, authority: &Authority) -> Result<Self> {
        let folder = root.join("evaluate");
        fs::create_dir_all(folder.join("state"))?;
        authority.issue_server(
            EVALUATE_NAME,
            &folder.join("evaluate.pem"),
            &folder.join("tls.key"),
        )?;
        authority.write(&folder.join("authority.pem"))?;
        let address = free_address()?;
        let mut settings = format!(
            "listen = \"{address}\"\nstate = \"state\"\n[tls]\ncertificate = \"evaluate.pem\"\n\
             private_key = \"tls.key\"\nclient_authority = \"authority.pem\"\n\
             revocations = {:?}\n",
            authority.revocations()
        );
        for epoch in [1, 2] {
            let file = folder.join(format!("epoch-{epoch}.key"));
            if !file.exists() {
                let key = EvaluationKey::generate(&mut UnwrapErr(SysRng))?;
                let public = root.join(format!("keys/evaluation-{epoch}.pub"));
                fs::write(public, key.public().to_string())?;
                write_secret(&file, &key.to_text())?;
            }
            settings += &format!("[[key]]\nepoch = {epoch}\nfile = \"epoch-{epoch}.key\"\n");
        }
        let config = folder.join("evaluate.toml");
        fs::write(&config, settings)?;
        Ok(Self { config, address })
    }
}

impl Deployment {
    /// Changes the settings of every site as a text.
    ///
    /// # Errors
    /// A settings file cannot be read, understood or written.
    pub fn change_sites(&self, change: impl Fn(&mut toml::Table)) -> Result<()> {
        for site in &self.sites {
            let mut settings: toml::Table = fs::read_to_string(&site.config)?.parse()?;
            change(&mut settings);
            fs::write(&site.config, toml::to_string(&settings)?)?;
        }
        Ok(())
    }

    /// Takes the key of linkage tokens from every site: the service has it. The file of the key
    /// that sites shared is gone.
    ///
    /// # Errors
    /// A file cannot be changed.
    pub fn go_oblivious(&self) -> Result<()> {
        let public = self.root.join("keys/evaluation-1.pub");
        let public = public.to_str().context("path")?;
        let address = self.evaluate.address.to_string();
        self.change_sites(|settings| {
            if let Some(toml::Value::Table(keys)) = settings.get_mut("keys") {
                keys.insert("token".to_owned(), public.into());
            }
            let service = [
                ("address", address.as_str()),
                ("server_name", EVALUATE_NAME),
            ];
            let service = service.map(|(key, value)| (key.to_owned(), value.into()));
            settings.insert(
                "evaluation".to_owned(),
                toml::Value::Table(service.into_iter().collect()),
            );
        })?;
        fs::remove_file(self.root.join("keys/token.key"))?;
        Ok(())
    }
}

impl Job {
    /// Starts the evaluation service and waits until it listens.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_evaluate(&self) -> Result<Running> {
        let evaluate = &self.deployment.evaluate;
        let mut command = self.programs.collector();
        command
            .args(["evaluate", "serve", "--config"])
            .arg(&evaluate.config)
            .env("SEKISHO_LOG", "debug");
        let log = self.deployment.root.join("evaluate.log");
        let mut running = Running::start(&mut command, &log)?;
        wait_for(evaluate.address, &mut running)?;
        Ok(running)
    }
}
