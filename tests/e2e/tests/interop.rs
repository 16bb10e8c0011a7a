//! The envelope as it is specified (`docs/envelope.md`), read by a decoder in another language that
//! shares no code with the product (A-004, B-112, P-04).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use envelope::{CoreSecretKey, Opened, SigningKey, VerifyingKey, open, peek};
use harness::job::Job;
use harness::process::Programs;
use harness::scene::town_with_deployment;
use serde_cbor::Value as Cbor;
use serde_json::{Value as Json, json};

const INTEROP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop");

/// Python with the packages of `requirements.txt`. Tests that run side by side make it once.
fn python() -> &'static Path {
    static PYTHON: LazyLock<PathBuf> = LazyLock::new(virtual_environment);
    &PYTHON
}

/// A virtual environment, made where there is none for these packages.
fn virtual_environment() -> PathBuf {
    let wanted = fs::read_to_string(format!("{INTEROP}/requirements.txt")).unwrap();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop-python");
    let (python, made) = (home.join("bin/python"), home.join("made-for"));
    if fs::read_to_string(&made).is_ok_and(|with| with == wanted) {
        return python;
    }
    let run = |command: &mut Command, need: &str| {
        let ended = command.status();
        let ended = ended.unwrap_or_else(|error| panic!("{need}: {error}"));
        assert!(ended.success(), "{need}");
    };
    let venv = ["-m", "venv", "--clear"];
    let need = "Debian packages: python3, python3-venv";
    run(Command::new("python3").args(venv).arg(&home), need);
    let packages = format!("{INTEROP}/requirements.txt");
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--only-binary=:all:",
        "-r",
    ];
    let need = "a package registry of Python (PyPI)";
    run(Command::new(&python).args(install).arg(packages), need);
    fs::write(made, wanted).unwrap();
    python
}

/// What the decoder says of each file.
fn decoded(files: &[PathBuf], core: &CoreSecretKey, site: &VerifyingKey) -> Vec<Json> {
    let output = Command::new(python())
        .arg(format!("{INTEROP}/decode.py"))
        .arg(core.to_text().as_str())
        .arg(site.to_string())
        .args(files)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Json> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), files.len());
    lines
}

/// What the product says of a batch, in the decoder's form.
fn opened(bytes: &[u8], core: &CoreSecretKey, site: &VerifyingKey) -> Option<Json> {
    let opened = open(bytes, site, core).ok()?;
    let Opened {
        manifest,
        erased,
        terms,
        subjects,
        ..
    } = &opened;
    let cbor = |value| shown(&value);
    Some(json!({
        "id": format!("h'{}'", opened.id),
        "header": cbor(serde_cbor::value::to_value(peek(bytes).unwrap()).unwrap()),
        "manifest": cbor(serde_cbor::value::to_value(manifest).unwrap()),
        "content": {
            "erased": cbor(serde_cbor::value::to_value(erased).unwrap()),
            "terms": cbor(serde_cbor::value::to_value(terms).unwrap()),
            "subjects": cbor(serde_cbor::value::to_value(subjects).unwrap()),
        },
    }))
}

fn shown(value: &Cbor) -> Json {
    match value {
        Cbor::Null => Json::Null,
        Cbor::Bool(value) => json!(value),
        Cbor::Integer(value) => json!(i64::try_from(*value).unwrap()),
        Cbor::Bytes(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!(format!("h'{digits}'"))
        }
        Cbor::Text(text) => json!(text),
        Cbor::Array(values) => values.iter().map(shown).collect(),
        Cbor::Map(map) => {
            let named = |key: &Cbor| match key {
                Cbor::Text(text) => text.clone(),
                other => shown(other).to_string(),
            };
            map.iter()
                .map(|(key, value)| (named(key), shown(value)))
                .collect()
        }
        other => panic!("the specification has no {other:?}"),
    }
}

/// The keys of the corpus.
fn corpus_keys() -> (CoreSecretKey, VerifyingKey) {
    let site = SigningKey::from_seed([3; 32]).unwrap();
    (CoreSecretKey::from_seed([4; 32]).unwrap(), site.public())
}

fn corpus() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for format in fs::read_dir(format!("{INTEROP}/corpus")).unwrap() {
        for file in fs::read_dir(format.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "batch")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    files
}

#[test]
fn another_decoder_reads_the_golden_corpus_as_the_product_does() {
    let (core, site) = corpus_keys();
    let files = corpus();
    for (file, said) in files.iter().zip(decoded(&files, &core, &site)) {
        let ours = opened(&fs::read(file).unwrap(), &core, &site);
        assert_eq!(Some(said), ours, "{}", file.display());
    }
}

/// Every part of the layout broken in one place: a flipped bit at many places, ends cut off,
/// chunks exchanged, another key.
#[test]
fn another_decoder_refuses_what_the_product_refuses() {
    let (core, site) = corpus_keys();
    let folder = tempfile::tempdir().unwrap();
    let mut broken = BTreeMap::new();
    for file in corpus() {
        let bytes = fs::read(&file).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        for part in 0..60 {
            let at = (bytes.len() - 1) * part / 59;
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (part % 8);
            broken.insert(format!("{name}-flipped-{at}"), flipped);
            broken.insert(format!("{name}-cut-{at}"), bytes[..at].to_vec());
        }
        broken.insert(format!("{name}-longer"), [&bytes[..], b"x"].concat());
    }
    let write = |(name, bytes): (&String, &Vec<u8>)| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let files: Vec<_> = broken.iter().map(write).collect();
    for ((name, bytes), said) in broken.iter().zip(decoded(&files, &core, &site)) {
        assert!(said["refused"].is_string(), "{name}: {said}");
        assert!(opened(bytes, &core, &site).is_none(), "{name}");
    }
    let other = CoreSecretKey::from_seed([9; 32]).unwrap();
    for said in decoded(&corpus(), &other, &site) {
        assert_eq!(said, json!({ "refused": "recipient" }));
    }
    let other = SigningKey::from_seed([9; 32]).unwrap().public();
    for said in decoded(&corpus(), &core, &other) {
        assert_eq!(said, json!({ "refused": "signer" }));
    }
}

/// Batches of a real run: every kind of record that a town's hospitals have.
#[test]
fn another_decoder_reads_what_a_gateway_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let (_, deployment) = town_with_deployment(folder.path(), 7, 120).unwrap();
    let keys = deployment.root.join("keys");
    let core: CoreSecretKey = read(&keys.join("core.key")).parse().unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let site = &job.deployment.sites[0];
    let public = read(&keys.join(&site.source.site).join("signing.pub"));
    let public: VerifyingKey = public.parse().unwrap();
    job.run_gateway(0, &["--hold"]).unwrap().well().unwrap();

    let spool = fs::read_dir(site.state.join("spool")).unwrap();
    let files: Vec<_> = spool.map(|file| file.unwrap().path()).collect();
    let mut records = BTreeMap::<String, u64>::new();
    for (file, said) in files.iter().zip(decoded(&files, &core, &public)) {
        let ours = opened(&fs::read(file).unwrap(), &core, &public);
        assert_eq!(Some(&said), ours.as_ref(), "{}", file.display());
        for (kind, count) in said["manifest"]["records"].as_object().unwrap() {
            *records.entry(kind.clone()).or_default() += count.as_u64().unwrap();
        }
    }
    assert!(records.len() >= 8, "the town has less to say: {records:?}");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap().trim().to_owned()
}
