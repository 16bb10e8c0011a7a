//! Requests of devices for certificates, and the authority's answers. The front carries
//! both and decides nothing: it has no key that signs a certificate.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use envelope::{CERTIFICATE_MESSAGE_MAX, CertificateRequest, sha256};
use jiff::Timestamp;
use record::{BatchId, SiteId};

use crate::front::refusal::Refusal;
use crate::front::settings::Certificates as Folders;

/// Requests of one site that may wait.
const WAITING_PER_SITE: usize = 4;
/// Requests without a certificate that may wait.
const WAITING_NEW: usize = 256;
/// Requests without a certificate that are kept in a minute.
const NEW_PER_MINUTE: u32 = 60;
/// Before the names of requests of those who have no certificate.
const NEW: &str = "new";

/// What there is about a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The answer.
    Answered(Vec<u8>),
    /// It waits.
    Waiting,
    /// Nothing.
    Unknown,
}

/// The two folders.
pub(crate) struct Certificates {
    folders: Folders,
    /// The minute, and how many requests without a certificate were kept in it.
    new: Mutex<(i64, u32)>,
}

impl Certificates {
    pub(crate) fn new(folders: Folders) -> Self {
        Self {
            folders,
            new: Mutex::default(),
        }
    }

    /// What there is about a request of a site, or of one without a certificate.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub(crate) fn look(&self, site: Option<&SiteId>, id: &BatchId) -> Result<Asked, Refusal> {
        let path = self.folders.answers.join(format!("{id}.answer"));
        match fs::read(&path) {
            Ok(answer) if answer.len() <= CERTIFICATE_MESSAGE_MAX => {
                return Ok(Asked::Answered(answer));
            }
            Ok(_) => return Err(Refusal::Storage),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(storage(error)),
        }
        Ok(match self.request(site, id).exists() {
            true => Asked::Waiting,
            false => Asked::Unknown,
        })
    }

    /// Keeps a request for the authority. Its name is its digest, so that a second one under the
    /// same name is the same.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub(crate) fn keep(
        &self,
        site: Option<&SiteId>,
        id: &BatchId,
        bytes: &[u8],
    ) -> Result<Asked, Refusal> {
        if sha256(bytes) != *id.as_bytes() || CertificateRequest::read(bytes).is_none() {
            return Err(Refusal::BadRequest);
        }
        match self.look(site, id)? {
            Asked::Unknown => {}
            known => return Ok(known),
        }
        let most = match site {
            Some(_) => WAITING_PER_SITE,
            None => WAITING_NEW,
        };
        if self.waiting(site)? >= most {
            return Err(Refusal::TooManyUploads);
        }
        if site.is_none() && !self.in_time(Timestamp::now().as_second() / 60) {
            return Err(Refusal::Busy);
        }
        write_once(&self.request(site, id), bytes).map_err(storage)?;
        let site = site.map_or(NEW, SiteId::as_str);
        tracing::info!(site, request = %id, "request for a certificate kept");
        Ok(Asked::Waiting)
    }

    /// Whether one more request without a certificate may be kept in this minute.
    fn in_time(&self, minute: i64) -> bool {
        let mut new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
        if new.0 != minute {
            *new = (minute, 0);
        }
        new.1 += 1;
        new.1 <= NEW_PER_MINUTE
    }

    fn waiting(&self, site: Option<&SiteId>) -> Result<usize, Refusal> {
        let begin = format!("{}.", site.map_or(NEW, SiteId::as_str));
        let names = fs::read_dir(&self.folders.requests).map_err(storage)?;
        let own = |name: &io::Result<fs::DirEntry>| {
            let name = name.as_ref().map(fs::DirEntry::file_name);
            name.is_ok_and(|name| name.as_encoded_bytes().starts_with(begin.as_bytes()))
        };
        Ok(names.filter(own).count())
    }

    fn request(&self, site: Option<&SiteId>, id: &BatchId) -> PathBuf {
        // Names of sites are in capitals.
        let site = site.map_or(NEW, SiteId::as_str);
        self.folders.requests.join(format!("{site}.{id}.request"))
    }
}

/// Writes a file that was not there, so that it is absent or whole.
fn write_once(path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        // The authority runs as another user of the same group.
        .mode(0o640)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::File::open(folder)?.sync_all()
}

fn storage(error: io::Error) -> Refusal {
    tracing::error!(kind = ?error.kind(), "certificates");
    Refusal::Storage
}

#[cfg(test)]
mod tests {
    use super::*;

    /// whoever has no certificate fills neither the disk nor the places of those who have.
    #[test]
    fn requests_are_bounded_for_each_site_and_for_all_newcomers() {
        let root = tempfile::tempdir().unwrap();
        let [requests, answers] = ["requests", "answers"].map(|name| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        });
        let certificates = Certificates::new(Folders {
            requests,
            answers: answers.clone(),
            newcomers: None,
        });
        let request = |number: usize| {
            let request = CertificateRequest::Renewal {
                certificate: BatchId::new([1; 32]),
                request: number.to_string(),
                signature: String::new(),
            };
            let bytes = request.to_bytes();
            (BatchId::new(sha256(&bytes)), bytes)
        };
        let site: SiteId = "HOSP-A".parse().unwrap();
        for (site, most) in [(Some(&site), WAITING_PER_SITE), (None, WAITING_NEW)] {
            for number in 0..most {
                let (id, bytes) = request(number);
                // As if each came in a minute of its own.
                *certificates.new.lock().unwrap() = (0, 0);
                assert_eq!(certificates.keep(site, &id, &bytes), Ok(Asked::Waiting));
            }
            let (id, bytes) = request(most);
            let kept = certificates.keep(site, &id, &bytes);
            assert_eq!(kept, Err(Refusal::TooManyUploads));
        }
        for minute in [1, 2] {
            let kept = (0..100).filter(|_| certificates.in_time(minute)).count();
            assert_eq!(kept, NEW_PER_MINUTE as usize);
        }
        let other = "HOSP-B".parse().unwrap();
        let (id, bytes) = request(0);
        assert_eq!(certificates.look(Some(&other), &id), Ok(Asked::Unknown));
        let kept = certificates.keep(Some(&other), &id, &bytes);
        assert_eq!(kept, Ok(Asked::Waiting));
        fs::write(answers.join(format!("{id}.answer")), "answer").unwrap();
        let answered = certificates.keep(Some(&other), &id, &bytes);
        assert_eq!(answered, Ok(Asked::Answered(b"answer".to_vec())));
        let wrong = certificates.keep(None, &request(9).0, &bytes);
        assert_eq!(wrong, Err(Refusal::BadRequest));
    }
}
