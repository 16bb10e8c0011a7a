//! Linkage against the town's truth: pairs of site-patients that are the same person.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use harness::job::Job;
use harness::summary::Summary;
use town::Truth;

/// Fills precision and recall over all pairs of site-patients that reached the centre.
pub(crate) fn compare(job: &Job, truth: &Truth, summary: &mut Summary) -> Result<()> {
    let linked = job.links()?;
    let mut true_sizes: BTreeMap<u32, u64> = BTreeMap::new();
    let mut linked_sizes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut common_sizes: BTreeMap<(u32, &str), u64> = BTreeMap::new();
    for person in &truth.persons {
        for registration in &person.registrations {
            let site = usize::from(registration.hospital);
            let subject = job.deployment.subject(site, &registration.chart_number)?;
            let site = job
                .deployment
                .sites
                .get(site)
                .context("site")?
                .source
                .site
                .as_str();
            let Some(research) = linked.get(&(site.to_owned(), subject.to_string())) else {
                continue;
            };
            *true_sizes.entry(person.number).or_default() += 1;
            *linked_sizes.entry(research).or_default() += 1;
            *common_sizes.entry((person.number, research)).or_default() += 1;
        }
    }
    let (right, common) = (
        pairs(true_sizes.into_values()),
        pairs(common_sizes.into_values()),
    );
    let found = pairs(linked_sizes.into_values());
    summary.precision = (found > 0).then(|| common as f64 / found as f64);
    summary.recall = (right > 0).then(|| common as f64 / right as f64);
    Ok(())
}

fn pairs(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.map(|size| size * (size - 1) / 2).sum()
}
