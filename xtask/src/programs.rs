//! The product's programs, built when they are needed.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use harness::process::Programs;

use crate::Workspace;

impl Workspace {
    /// The programs as `cargo xtask test` builds them: quick to build from nothing.
    pub(crate) fn dev_programs(&self) -> Result<Programs> {
        self.build(&[], "debug")
    }

    /// The programs as they are shipped.
    pub(crate) fn release_programs(&self) -> Result<Programs> {
        self.build(&["--release"], "release")
    }

    /// The references of the benches, built like the programs that are shipped.
    pub(crate) fn measure_program(&self) -> Result<PathBuf> {
        let status = self
            .cargo()
            .args(["build", "--quiet", "--release", "--locked"])
            .args(["--package", "measure"])
            .status()?;
        ensure!(status.success(), "the references cannot be built");
        Ok(self.target.join("release/sekisho-measure"))
    }

    fn build(&self, arguments: &[&str], folder: &str) -> Result<Programs> {
        let programs = [
            // Not by package: then they would be built with other features than for the tests.
            "--bin",
            "sekisho-gateway",
            "--bin",
            "sekisho-collector",
            "--bin",
            "sekisho-selftest",
            "--bin",
            "sekisho-agent",
            "--locked",
        ];
        let status = self
            .cargo()
            .arg("build")
            .args(programs)
            .args(arguments)
            .status()?;
        ensure!(status.success(), "the programs cannot be built");
        Programs::in_folder(&self.target.join(folder))
    }
}
