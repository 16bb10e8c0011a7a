//! P-15: every input that fuzzing has kept, and every seed, goes through its target again.

use std::fs;
use std::path::Path;

/// What the corpus may weigh in the repository.
const MOST_BYTES: u64 = 1 << 20;

#[test]
fn every_input_of_the_corpus_keeps_the_oracles_of_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut bytes = 0;
    for target in fuzz::TARGETS {
        let folder = corpus.join(target.name);
        let mut files = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            let input = fs::read(entry.unwrap().path()).unwrap();
            bytes += input.len() as u64;
            files += 1;
            (target.run)(&input);
        }
        assert!(files > 0, "{} has no corpus", target.name);
    }
    assert!(bytes <= MOST_BYTES, "{bytes} bytes of corpus");
}

#[test]
fn every_seed_keeps_the_oracles_of_its_target() {
    for target in fuzz::TARGETS {
        let seeds = fuzz::seeds::of(target.name);
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for (_, seed) in seeds {
            (target.run)(&seed);
        }
    }
}

/// The corpus has no folder whose target is gone.
#[test]
fn every_folder_of_the_corpus_belongs_to_a_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in fs::read_dir(corpus).unwrap() {
        let name = entry.unwrap().file_name();
        let known = fuzz::TARGETS
            .iter()
            .any(|target| name.to_str() == Some(target.name));
        assert!(known, "{}", name.display());
    }
}
