//! A site and a front on hosts of their own, with every packet noted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::deployment::Deployment;
use harness::job::Job;
use harness::process::{Programs, Running};
use harness::scene::{today, town_sources, write_town};
use town::TownPlan;

use crate::lines::{self, Hosts, Packet};

pub(crate) struct Scene {
    pub(crate) hosts: Hosts,
    pub(crate) job: Job,
    front: String,
}

/// What a run of the gateway did, and what passed its interfaces meanwhile.
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) told: String,
    pub(crate) packets: Vec<Packet>,
}

impl Scene {
    /// The front's address, the transport by its word, and the section `[network]` of the site.
    pub(crate) fn new(root: &Path, front: &str, transport: &str, network: &str) -> Self {
        let town = root.join("town");
        let plan = TownPlan {
            seed: 31,
            persons: 120,
            as_of: today(),
        };
        write_town(&town, &plan, &mut |_, _| {}).unwrap();
        let deployment =
            Deployment::prepare(&root.join("centre"), &town_sources(&town), today()).unwrap();
        let loopback = deployment.address.to_string();
        for file in [&deployment.front_config, &deployment.sites[0].config] {
            let text = fs::read_to_string(file).unwrap();
            let text = text
                .replace(&loopback, front)
                .replace("\"laboratory\"", &format!("\"{transport}\""));
            fs::write(file, text).unwrap();
        }
        let site = &deployment.sites[0].config;
        let more = format!("\n{network}[limits]\nsend_attempts = 2\n");
        fs::write(site, fs::read_to_string(site).unwrap() + &more).unwrap();
        Self {
            hosts: Hosts::new(),
            job: Job::new(deployment, Programs::beside_test().unwrap()),
            front: front.to_owned(),
        }
    }

    pub(crate) fn front(&self, config: &Path) -> Running {
        let mut command = self.job.programs.collector();
        command.arg("front").arg("--config").arg(config);
        let log = self.job.deployment.root.join("front-network.log");
        Running::start(&mut self.hosts.at("fr", &command), &log).unwrap()
    }

    pub(crate) fn wait_for_front(&self) {
        let probe = format!("exec 3<>/dev/tcp/{}", self.front.replace(':', "/"));
        let mut command = Command::new("bash");
        command.args(["-c", &probe]);
        let listens = || {
            let probed = self.hosts.at("fr", &command).output();
            probed.unwrap().status.success()
        };
        assert!((0..400).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            listens()
        }));
    }

    pub(crate) fn gateway(&self, arguments: &[&str]) -> Outcome {
        let captures = [self.hosts.capture("gw"), self.hosts.capture("rt")];
        let mut command = self.job.programs.gateway();
        let config = &self.job.deployment.sites[0].config;
        command
            .arg("run")
            .arg("--config")
            .arg(config)
            .args(arguments);
        let output = self.hosts.at("gw", &command).output().unwrap();
        Outcome {
            status: output.status.code(),
            told: String::from_utf8_lossy(&output.stderr).into_owned(),
            packets: captures.into_iter().flat_map(lines::Capture::end).collect(),
        }
    }

    /// The files of firewall and tunnel, as the gateway writes them.
    pub(crate) fn render(&self) -> PathBuf {
        let folder = self.job.deployment.root.join("rendered");
        let mut command = self.job.programs.gateway();
        command
            .args(["network", "--config"])
            .arg(&self.job.deployment.sites[0].config)
            .arg("--write")
            .arg(&folder);
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        folder
    }

    /// The gateway's host takes the firewall.
    pub(crate) fn load_firewall(&self, rendered: &Path) {
        let rules = rendered.join("nftables.d/sekisho.nft");
        self.hosts
            .shell("gw", &format!("nft -f {}", rules.display()));
    }

    pub(crate) fn waiting(&self) -> usize {
        fs::read_dir(self.job.deployment.sites[0].state.join("spool"))
            .unwrap()
            .count()
    }

    pub(crate) fn stored(&self) -> usize {
        fs::read_dir(&self.job.deployment.inbox).unwrap().count()
    }
}
