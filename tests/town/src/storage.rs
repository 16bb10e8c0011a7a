//! Writes the two storages, the notice ledgers, the stop lists and the truth file.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::entry::Entry;
use crate::model::Registration;
use crate::town::Town;
use crate::truth::Truth;
use crate::{hl7, message};

/// Folder names of the hospitals under the root.
pub const HOSPITAL_FOLDERS: [&str; 2] = ["hospital-a", "hospital-b"];

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Storage files by kind, hospital A first.
    pub files_by_kind: [BTreeMap<String, u64>; 2],
    /// Storage files of both hospitals.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Folders made below the storages.
    pub folders: u64,
}

/// Writes under `root`: `hospital-a/storage/…`, `hospital-a/notices.csv`, `hospital-a/stops.csv`,
/// the same for `hospital-b`, and `truth.json`. `progress` is called now and then with the
/// patients done and the patients in total (a patient of both hospitals counts twice).
///
/// # Errors
/// When the root holds a town already, or something cannot be written.
pub fn write(
    town: &Town,
    root: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> anyhow::Result<Written> {
    for taken in HOSPITAL_FOLDERS.iter().chain(&["truth.json"]) {
        if root.join(taken).exists() {
            bail!("the folder holds a town already ({taken}); choose an empty one");
        }
    }
    for folder in HOSPITAL_FOLDERS {
        fs::create_dir_all(root.join(folder).join("storage"))
            .with_context(|| format!("{folder} cannot be created"))?;
    }
    let total = town.registrations.len() as u64;
    let mut written = Written::default();
    for (done, registration) in town.registrations.iter().enumerate() {
        if done % 64 == 0 {
            progress(done as u64, total);
        }
        patient(town, root, registration, &mut written)
            .with_context(|| format!("patient {} of {total} cannot be written", done + 1))?;
    }
    for hospital in 0..2 {
        ledgers(town, root, hospital)?;
    }
    Truth::of(town).save(&root.join("truth.json"))?;
    progress(total, total);
    Ok(written)
}

/// All files of one patient at one hospital.
fn patient(
    town: &Town,
    root: &Path,
    registration: &Registration,
    written: &mut Written,
) -> anyhow::Result<()> {
    let at = usize::from(registration.hospital);
    let storage = root.join(HOSPITAL_FOLDERS[at]).join("storage");
    let entries = town.entries(registration);
    chart(town, &storage, registration, &entries, written)
}

/// Some files of one patient, in a storage.
pub(crate) fn chart(
    town: &Town,
    storage: &Path,
    registration: &Registration,
    entries: &[Entry],
    written: &mut Written,
) -> anyhow::Result<()> {
    let at = usize::from(registration.hospital);
    let chart = registration.chart_number.as_str();
    let mut folder = storage.to_owned();
    for level in [chart.get(..3), chart.get(3..6), Some(chart)] {
        folder.push(level.unwrap_or(chart));
        ensure_folder(&folder, written)?;
    }
    for entry in entries {
        let mut path = folder.join(entry.care_folder());
        ensure_folder(&path, written)?;
        path.push(entry.kind.code());
        ensure_folder(&path, written)?;
        path.push(entry.file_name(registration));
        let text = message::text(registration, town.hospital(registration), entry);
        let bytes = hl7::encoded(&text);
        fs::write(&path, &bytes)?;
        *written.files_by_kind[at]
            .entry(entry.kind.code().to_owned())
            .or_default() += 1;
        written.files += 1;
        written.bytes += bytes.len() as u64;
    }
    Ok(())
}

fn ensure_folder(path: &Path, written: &mut Written) -> std::io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => {
            written.folders += 1;
            Ok(())
        }
    }
}

/// `notices.csv` and `stops.csv` of one hospital, by chart number.
fn ledgers(town: &Town, root: &Path, hospital: u8) -> anyhow::Result<()> {
    let folder = root.join(HOSPITAL_FOLDERS[usize::from(hospital)]);
    let mut charts: Vec<&Registration> = town
        .registrations
        .iter()
        .filter(|it| it.hospital == hospital)
        .collect();
    charts.sort_by(|one, other| one.chart_number.cmp(&other.chart_number));

    let mut notices = csv::Writer::from_path(folder.join("notices.csv"))?;
    notices.write_record(["patient_id", "notified_on", "document_version", "method"])?;
    let mut stops = csv::Writer::from_path(folder.join("stops.csv"))?;
    stops.write_record(["patient_id", "requested_on", "requester"])?;
    for it in charts {
        if let Some(notice) = &it.notice {
            let day = notice.notified_on.to_string();
            let row = [
                &it.chart_number,
                day.as_str(),
                notice.document_version,
                notice.method,
            ];
            notices.write_record(row)?;
        }
        if let Some(stop) = &it.stop {
            let day = stop.requested_on.to_string();
            stops.write_record([it.chart_number.as_str(), day.as_str(), stop.requester])?;
        }
    }
    notices.flush().context("notices.csv cannot be written")?;
    stops.flush().context("stops.csv cannot be written")
}
