//! A storage with a marker in every field that can name somebody.
#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod browser;

use std::fs;
use std::path::Path;

use harness::deployment::SiteSource;
use town::markers::{EVENTS, few_messages};

pub(crate) const SITE: &str = "MARKED";

/// What was written: how many files, and every text that must stay behind.
pub(crate) struct Written {
    pub(crate) files: usize,
    pub(crate) markers: Vec<String>,
    pub(crate) charts: Vec<String>,
}

/// One patient for each kind, whose files each hold one field full of markers.
pub(crate) fn write_storage(root: &Path) -> Written {
    let mut written = Written {
        files: 0,
        markers: Vec::new(),
        charts: Vec::new(),
    };
    for (patient, (kind, _)) in (0u32..).zip(EVENTS) {
        let chart = format!("00{:08}", 48_213_709 + 7_919 * patient);
        let dated = !matches!(*kind, "ADT-00" | "ADT-61" | "PPR-01");
        let day = if dated { "20260105" } else { "-" };
        let (first, rest) = chart.split_at_checked(3).unwrap();
        let (second, _) = rest.split_at_checked(3).unwrap();
        let folder = root
            .join(first)
            .join(second)
            .join(&chart)
            .join(day)
            .join(kind);
        fs::create_dir_all(&folder).unwrap();
        let backwards: String = chart.chars().rev().collect();
        for (number, message) in (1u32..).zip(few_messages(kind, &chart)) {
            // The number of the order holds the patient's, backwards.
            let order = format!("{backwards}{number:05}");
            let name = format!("{chart}_{day}_{kind}_{order}_20260105101112000_01_1");
            fs::write(folder.join(name), message.bytes()).unwrap();
            written.files += 1;
            written
                .markers
                .extend(message.markers.into_iter().map(|marker| marker.text));
        }
        written.markers.extend([chart.clone(), backwards]);
        written.charts.push(chart);
    }
    written.markers.sort_unstable();
    written.markers.dedup();
    written
}

pub(crate) fn source(root: &Path, charts: &[String]) -> SiteSource {
    let rows: String = charts
        .iter()
        .map(|chart| format!("{chart},2025-01-01,2024-12,posted\n"))
        .collect();
    let header = "patient_id,notified_on,document_version,method\n";
    let [notices, stops] = ["notices.csv", "stops.csv"].map(|name| root.join(name));
    fs::write(&notices, [header, &rows].concat()).unwrap();
    fs::write(&stops, "patient_id,requested_on,requester\n").unwrap();
    SiteSource {
        site: SITE.to_owned(),
        storage: root.join("storage"),
        notices,
        stops,
    }
}
