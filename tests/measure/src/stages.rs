//! The stages of one file, each alone, for counting instructions under callgrind. What a stage
//! needs is made before it starts; only the function of the stage is counted.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use envelope::{CoreSecretKey, MacKey, ManifestDraft, SigningKey, TransportProfile, seal};
use formats::hl7::{self, Line};
use formats::ssmix2::{FileName, read};
use jiff::civil::date;
use privacy::gate::{
    Contract, ContractKind, Event, Filing, Gate, HoldDays, LedgerHead, Notice, NoticeDocument,
    NoticeMethod, PatientReadings, Products, Screened, Tally, Terms,
};
use privacy::separate::{ParticipantRules, Separated, SiteKeys, separate};
use privacy::tokens::EpochKey;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use record::{ChartNumber, Reading};
use serde_json::{Value, json};
use text::jis::{Encoding, decode};

/// A stage on the way of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stage {
    /// Bytes to text.
    Decode,
    /// Text to segments and fields.
    Tokenize,
    /// Bytes to records: decoding and tokenizing are part of it.
    Read,
    /// Records to content and tokens.
    Separate,
    /// Content and tokens to a sealed batch.
    Seal,
}

/// Puts the files through a stage.
///
/// # Errors
/// The storage has too few files that can be read.
pub(crate) fn run(stage: Stage, storage: &Path, most: usize) -> Result<Value> {
    let files = load(storage, most)?;
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    match stage {
        Stage::Decode => stage_decode(&files),
        Stage::Tokenize => {
            let texts: Vec<String> = files
                .iter()
                .map(|(_, bytes)| decode(bytes, Encoding::Iso2022Jp).text)
                .collect();
            stage_tokenize(&texts);
        }
        Stage::Read => drop(black_box(stage_read(&files))),
        Stage::Separate => drop(black_box(stage_separate(screened(&files)?.0))),
        Stage::Seal => {
            let (screened, gate) = screened(&files)?;
            let mut tally = Tally::default();
            screened.iter().for_each(|one| tally.pass(one.pass()));
            let draft = ManifestDraft {
                site: "BENCH".parse()?,
                sequence: 1,
                previous: None,
                sealed_at: 1_788_000_000,
                gate: gate.evidence(&tally).context("gate evidence")?,
                transport: TransportProfile::Laboratory,
                mapping: 1,
                quality: Default::default(),
                transfers: None,
            };
            stage_seal(draft, stage_separate(screened))?;
        }
    }
    Ok(json!({ "files": files.len(), "bytes": bytes }))
}

#[inline(never)]
fn stage_decode(files: &[(FileName, Vec<u8>)]) {
    for (_, bytes) in files {
        black_box(decode(bytes, Encoding::Iso2022Jp));
    }
}

#[inline(never)]
fn stage_tokenize(texts: &[String]) {
    for text in texts {
        for line in hl7::lines(text).into_iter().flatten().flatten() {
            if let Line::Segment(segment) = line {
                black_box(segment.fields());
            }
        }
    }
}

#[inline(never)]
fn stage_read(files: &[(FileName, Vec<u8>)]) -> Vec<Reading> {
    let readings = files.iter().map(|(name, bytes)| read(name, bytes));
    readings.filter_map(Result::ok).collect()
}

#[inline(never)]
fn stage_separate(screened: Vec<Screened<PatientReadings>>) -> Vec<Separated> {
    let [tokens, site] = [1, 2].map(|byte| MacKey::from_bytes([byte; 32]));
    let keys = SiteKeys {
        tokens: EpochKey::new(1, &tokens),
        next: None,
        site: &site,
        municipality: None,
        vault: None,
        participants: ParticipantRules::default(),
    };
    let separated = screened.into_iter().map(|one| separate(one, &keys));
    separated.collect()
}

#[inline(never)]
fn stage_seal(draft: ManifestDraft, separated: Vec<Separated>) -> Result<()> {
    let core = CoreSecretKey::from_seed([4; 32])?;
    let signer = SigningKey::from_seed([3; 32])?;
    let mut random = ChaCha20Rng::from_seed([5; 32]);
    black_box(seal(draft, separated, core.public(), &signer, &mut random)?);
    Ok(())
}

/// A gate with a contract under which whoever has one of these notices passes.
pub(crate) fn gate(notified: &[ChartNumber]) -> Result<Gate> {
    let day = date(2026, 1, 1);
    let contract = Contract {
        id: "C-1".parse()?,
        kind: ContractKind::Individual,
        filing: Some(Filing {
            reference: "F-1".parse()?,
            filed_on: day,
            revoked_on: None,
        }),
        products: Products::ALL,
        effective_from: day,
        leaves_on: None,
        hold_days: HoldDays::SHORTEST,
    };
    let text = NoticeDocument {
        version: "v1".parse()?,
        published_on: day,
        products: Products::ALL,
        reopens: false,
    };
    let notices = notified.iter().map(|chart| {
        Event::Notified(Notice {
            chart: chart.clone(),
            notified_on: day,
            document: text.version.clone(),
            method: NoticeMethod::Handed,
            sixteen_on: None,
        })
    });
    let standing = notices.collect();
    let head = LedgerHead {
        digest: [0; 32],
        entries: 1,
    };
    let today = date(2026, 9, 1);
    Ok(Gate::new(Terms::of(contract, text), standing, head, today))
}

/// The readings of each patient behind the gate.
fn screened(files: &[(FileName, Vec<u8>)]) -> Result<(Vec<Screened<PatientReadings>>, Gate)> {
    let charts: Vec<_> = files.iter().map(|(name, _)| name.chart.clone()).collect();
    let gate = gate(&charts)?;
    let mut patients: Vec<PatientReadings> = Vec::new();
    for reading in stage_read(files) {
        match patients.last_mut() {
            Some(patient) if patient.chart == reading.chart => patient.readings.push(reading),
            _ => patients.push(PatientReadings {
                chart: reading.chart.clone(),
                readings: vec![reading],
                doubtful: Vec::new(),
            }),
        }
    }
    let screened = patients
        .into_iter()
        .filter_map(|patient| gate.screen(patient).ok())
        .collect();
    Ok((screened, gate))
}

/// The first files of a storage in the order of their paths, patient by patient.
fn load(storage: &Path, most: usize) -> Result<Vec<(FileName, Vec<u8>)>> {
    let mut files = Vec::new();
    descend(storage, most, &mut files)?;
    ensure!(files.len() == most, "{} files only", files.len());
    Ok(files)
}

fn descend(folder: &Path, most: usize, files: &mut Vec<(FileName, Vec<u8>)>) -> Result<()> {
    let entries: std::io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    let mut paths: Vec<PathBuf> = entries?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        if files.len() >= most {
            return Ok(());
        }
        let name = path.file_name().and_then(|name| name.to_str());
        match name.map(FileName::parse) {
            Some(Ok(name)) if path.is_file() => files.push((name, fs::read(&path)?)),
            _ if path.is_dir() => descend(&path, most, files)?,
            _ => {}
        }
    }
    Ok(())
}
