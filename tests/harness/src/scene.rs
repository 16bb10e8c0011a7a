//! A synthetic town with a deployment on top of it, ready to run.

use std::path::Path;

use anyhow::Result;
use jiff::civil::Date;
use jiff::{Timestamp, tz};
use town::{Town, TownPlan, Truth};

use crate::deployment::{Deployment, SiteSource};

/// Names of the two sites of a town, hospital A first.
pub const TOWN_SITES: [&str; 2] = ["HOSPITAL-A", "HOSPITAL-B"];

/// Today in Japan.
pub fn today() -> Date {
    tz::Offset::constant(9).to_datetime(Timestamp::now()).date()
}

/// Writes a town under `root` and gives its truth.
///
/// # Errors
/// The folder holds a town already or cannot be written.
pub fn write_town(root: &Path, plan: &TownPlan, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
    town::write(&Town::generate(plan), root, progress)?;
    Ok(())
}

/// The sources of the two hospitals of a written town.
pub fn town_sources(root: &Path) -> Vec<SiteSource> {
    let sites = TOWN_SITES.iter().zip(town::HOSPITAL_FOLDERS);
    sites
        .map(|(site, folder)| {
            let folder = root.join(folder);
            SiteSource {
                site: (*site).to_owned(),
                storage: folder.join("storage"),
                notices: folder.join("notices.csv"),
                stops: folder.join("stops.csv"),
            }
        })
        .collect()
}

/// The truth of a written town.
///
/// # Errors
/// There is none.
pub fn truth(root: &Path) -> Result<Truth> {
    Truth::load(&root.join("truth.json"))
}

/// A town of `persons` under `root/town` and a deployment on it under `root/run`.
///
/// # Errors
/// See [`write_town`] and [`Deployment::prepare`].
pub fn town_with_deployment(root: &Path, seed: u64, persons: u32) -> Result<(Truth, Deployment)> {
    let town = root.join("town");
    write_town(
        &town,
        &TownPlan {
            seed,
            persons,
            as_of: today(),
        },
        &mut |_, _| {},
    )?;
    let deployment = Deployment::prepare(&root.join("run"), &town_sources(&town), today())?;
    Ok((truth(&town)?, deployment))
}
