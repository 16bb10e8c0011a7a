//! Letters of the core to devices, as files: `OUTBOX/SITE/NUMBER.letter` of the core's, and
//! `ANSWERS/SITE/NUMBER-REVISION.answer` of the devices', which the core removes once it has taken
//! them. Nothing of them can be opened here.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use envelope::{LETTER_MAX, LetterKind, letter_kind, sha256};
use record::{BatchId, SiteId};

use crate::front::refusal::Refusal;
use crate::front::settings::Letters as Folders;
use crate::front::store::write_whole;

/// Most letters that are listed at once.
const LISTED_MAX: usize = 256;
/// The core's note of the number of a site's last letter, beside the letters.
const LAST: &str = "last";
/// Most answers to one letter.
const REVISIONS_MAX: u32 = 256;

/// The folders of letters.
pub(crate) struct Letters {
    folders: Folders,
}

impl Letters {
    pub(crate) fn new(folders: Folders) -> Self {
        Self { folders }
    }

    /// The letters that wait for a site and have a number above `after`, as JSON: the first of very
    /// many. A device that refuses some of them for ever asks for those behind them.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn list(&self, site: &SiteId, after: u64) -> Result<String, Refusal> {
        let entries = match fs::read_dir(self.folders.outbox.join(site.as_str())) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(listed(&[])),
            Err(error) => return Err(storage(error)),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(storage)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".letter"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.retain(|number| *number > after);
        numbers.sort_unstable();
        numbers.truncate(LISTED_MAX);
        let mut letters = Vec::new();
        for number in numbers {
            match self.read(site, number) {
                Ok(bytes) => letters.push((number, BatchId::new(sha256(&bytes)))),
                // It was answered meanwhile.
                Err(Refusal::NoLetter) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(listed(&letters))
    }

    /// One letter.
    ///
    /// # Errors
    /// The site has no such letter, or it cannot be read.
    pub(crate) fn read(&self, site: &SiteId, number: u64) -> Result<Vec<u8>, Refusal> {
        let path = self.letter(site, number);
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_file() && data.len() <= LETTER_MAX as u64 => {}
            Ok(_) => return Err(Refusal::NoLetter),
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Refusal::NoLetter),
            Err(error) => return Err(storage(error)),
        }
        match fs::read(&path) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Refusal::NoLetter),
            Err(error) => Err(storage(error)),
        }
    }

    /// Keeps an answer to a letter that waits or waited once. The first of a revision stays until
    /// the core has taken it or set it aside; another one is not said to be kept.
    ///
    /// # Errors
    /// The site never had such a letter, the bytes are no answer, another answer is there, or they
    /// cannot be stored.
    pub(crate) fn answer(
        &self,
        site: &SiteId,
        number: u64,
        revision: u32,
        bytes: &[u8],
    ) -> Result<(), Refusal> {
        if !(1..=REVISIONS_MAX).contains(&revision) || letter_kind(bytes) != Ok(LetterKind::Answer)
        {
            return Err(Refusal::BadRequest);
        }
        let path = |revision| {
            let name = format!("{number:012}-{revision:06}.answer");
            self.folders.answers.join(site.as_str()).join(name)
        };
        match fs::read(path(revision)) {
            Ok(kept) if kept == bytes => return Ok(()),
            Ok(_) => return Err(Refusal::OtherAnswer),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(storage(error)),
        }
        if !self.letter(site, number).exists() && !(1..=self.last(site)).contains(&number) {
            return Err(Refusal::NoLetter);
        }
        write_whole(&path(revision), bytes).map_err(storage)?;
        tracing::info!(%site, number, revision, "answer stored");
        Ok(())
    }

    /// The number of the last letter that the site was ever sent, as the core notes it.
    fn last(&self, site: &SiteId) -> u64 {
        let path = self.folders.outbox.join(site.as_str()).join(LAST);
        let text = fs::read_to_string(path).unwrap_or_default();
        text.parse().unwrap_or_default()
    }

    fn letter(&self, site: &SiteId, number: u64) -> PathBuf {
        let name = format!("{number:012}.letter");
        self.folders.outbox.join(site.as_str()).join(name)
    }
}

fn listed(letters: &[(u64, BatchId)]) -> String {
    let letter = |(number, digest): &(u64, BatchId)| {
        let digest = digest.to_string();
        serde_json::json!({ "number": number, "sha256": digest })
    };
    let letters: Vec<_> = letters.iter().map(letter).collect();
    serde_json::json!({ "letters": letters }).to_string()
}

fn storage(error: io::Error) -> Refusal {
    tracing::error!(kind = ?error.kind(), "letters");
    Refusal::Storage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Vec<u8> {
        use envelope::{Answer, CoreSecretKey, LetterPlace, Outcome, SigningKey};
        use rand_chacha::ChaCha20Rng;
        use rand_chacha::rand_core::SeedableRng as _;
        let answer = Answer {
            place: LetterPlace {
                site: "HOSP-A".parse().unwrap(),
                number: 1,
                revision: 1,
            },
            at: 1,
            ledger_entries: 1,
            outcome: Outcome::Noted,
        };
        let core = CoreSecretKey::from_seed([1; 32]).unwrap();
        let site = SigningKey::from_seed([2; 32]).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        answer.seal(core.public(), &site, &mut rng).unwrap()
    }

    /// B-011: a site sees its own letters and answers only those.
    #[test]
    fn a_site_is_given_its_own_letters_and_its_first_answer_stays() {
        let root = tempfile::tempdir().unwrap();
        let [outbox, answers] = ["outbox", "answers"].map(|name| root.path().join(name));
        fs::create_dir_all(outbox.join("HOSP-A")).unwrap();
        fs::create_dir(&answers).unwrap();
        let letters = Letters::new(Folders {
            outbox: outbox.clone(),
            answers: answers.clone(),
        });
        let [own, other] = ["HOSP-A", "HOSP-B"].map(|site| site.parse::<SiteId>().unwrap());
        assert_eq!(letters.list(&own, 0).unwrap(), r#"{"letters":[]}"#);
        for number in [2, 1] {
            let name = format!("{number:012}.letter");
            fs::write(outbox.join("HOSP-A").join(name), [number]).unwrap();
        }
        fs::write(outbox.join("HOSP-A/x.letter"), "x").unwrap();
        let list: serde_json::Value =
            serde_json::from_str(&letters.list(&own, 0).unwrap()).unwrap();
        assert_eq!(list["letters"][0]["number"], 1);
        assert_eq!(list["letters"].as_array().unwrap().len(), 2);
        assert_eq!(letters.read(&own, 2), Ok(vec![2]));
        assert_eq!(letters.read(&own, 3), Err(Refusal::NoLetter));
        assert_eq!(letters.read(&other, 1), Err(Refusal::NoLetter));
        assert_eq!(letters.list(&other, 0).unwrap(), r#"{"letters":[]}"#);
        let bytes = answer();
        for (site, number, revision, bytes, expected) in [
            (&other, 1, 1, &bytes, Err(Refusal::NoLetter)),
            (&own, 9, 1, &bytes, Err(Refusal::NoLetter)),
            (&own, 1, 0, &bytes, Err(Refusal::BadRequest)),
            (&own, 1, 1, &b"x".to_vec(), Err(Refusal::BadRequest)),
            (&own, 1, 1, &bytes, Ok(())),
            (&own, 1, 1, &bytes, Ok(())),
        ] {
            assert_eq!(letters.answer(site, number, revision, bytes), expected);
        }
        let stored = answers.join("HOSP-A/000000000001-000001.answer");
        fs::write(&stored, "first").unwrap();
        let kept = letters.answer(&own, 1, 1, &bytes);
        assert_eq!(kept, Err(Refusal::OtherAnswer));
        assert_eq!(fs::read(&stored).unwrap(), b"first");
        // A letter that was answered and taken away can still be answered anew, also when the core
        // has removed what was answered before.
        fs::remove_file(outbox.join("HOSP-A/000000000001.letter")).unwrap();
        fs::remove_file(&stored).unwrap();
        assert_eq!(letters.answer(&own, 1, 2, &bytes), Err(Refusal::NoLetter));
        fs::write(outbox.join("HOSP-A/last"), "2").unwrap();
        assert_eq!(letters.answer(&own, 1, 2, &bytes), Ok(()));
        for number in [0, 3] {
            let refused = letters.answer(&own, number, 1, &bytes);
            assert_eq!(refused, Err(Refusal::NoLetter));
        }
    }

    /// B-011: letters that a device refuses do not hide later ones.
    #[test]
    fn every_letter_can_be_listed_however_many_stand_before_it() {
        let root = tempfile::tempdir().unwrap();
        let outbox = root.path().join("outbox");
        fs::create_dir_all(outbox.join("HOSP-A")).unwrap();
        let letters = Letters::new(Folders {
            outbox: outbox.clone(),
            answers: root.path().join("answers"),
        });
        let site = "HOSP-A".parse().unwrap();
        let all = LISTED_MAX as u64 + 44;
        for number in 1..=all {
            fs::write(outbox.join(format!("HOSP-A/{number:012}.letter")), "x").unwrap();
        }
        let listed = |after| -> Vec<u64> {
            let list: serde_json::Value =
                serde_json::from_str(&letters.list(&site, after).unwrap()).unwrap();
            let letters = list["letters"].as_array().unwrap();
            let numbers = letters.iter().map(|it| it["number"].as_u64().unwrap());
            numbers.collect()
        };
        let first = listed(0);
        assert_eq!(first.len(), LISTED_MAX);
        let rest = listed(*first.last().unwrap());
        assert_eq!((rest.len(), rest.last()), (44, Some(&all)));
        assert!(listed(all).is_empty());
    }
}
