//! A front in memory that keeps the protocol of the real one.

use std::collections::BTreeMap;
use std::time::Duration;

use envelope::{FrontId, Receipt, SigningKey, sha256};
use record::{BatchId, SiteId};
use transfer::Answer;

pub(crate) struct Front {
    pub(crate) key: SigningKey,
    pub(crate) site: SiteId,
    name: FrontId,
    staging: BTreeMap<BatchId, Vec<u8>>,
    receipts: BTreeMap<BatchId, Vec<u8>>,
    /// What was stored, in order, with its bytes.
    pub(crate) inbox: Vec<(u64, BatchId, Vec<u8>)>,
    /// Which sequence the header of a batch would tell.
    pub(crate) sequences: BTreeMap<BatchId, u64>,
}

/// A request as it arrives.
#[derive(Debug, Clone)]
pub(crate) enum Arrived {
    Question(BatchId),
    Chunk {
        id: BatchId,
        offset: u64,
        length: u64,
        digest: [u8; 32],
        bytes: Vec<u8>,
    },
}

impl Front {
    pub(crate) fn new(key: SigningKey, site: SiteId) -> Self {
        Self {
            key,
            site,
            name: "front-1".parse().unwrap(),
            staging: BTreeMap::new(),
            receipts: BTreeMap::new(),
            inbox: Vec::new(),
            sequences: BTreeMap::new(),
        }
    }

    pub(crate) fn serve(&mut self, arrived: &Arrived) -> Answer {
        match arrived {
            Arrived::Question(id) => self.standing(*id),
            Arrived::Chunk { digest, bytes, .. } if sha256(bytes) != *digest => {
                refused(422, "R006")
            }
            Arrived::Chunk {
                id,
                offset,
                length,
                bytes,
                ..
            } => self.append(*id, *offset, *length, bytes),
        }
    }

    fn standing(&self, id: BatchId) -> Answer {
        match self.receipts.get(&id) {
            Some(receipt) => stored(receipt.clone()),
            None => reached(200, self.staging.get(&id).map_or(0, Vec::len) as u64),
        }
    }

    fn append(&mut self, id: BatchId, offset: u64, length: u64, bytes: &[u8]) -> Answer {
        if self.receipts.contains_key(&id) {
            return self.standing(id);
        }
        let staged = self.staging.entry(id).or_default();
        if staged.len() as u64 != offset {
            return reached(409, staged.len() as u64);
        }
        if offset + bytes.len() as u64 > length {
            return refused(422, "R012");
        }
        staged.extend_from_slice(bytes);
        if (staged.len() as u64) < length {
            return self.standing(id);
        }
        if sha256(staged) != *id.as_bytes() {
            self.staging.remove(&id);
            return refused(422, "R007");
        }
        let whole = self.staging.remove(&id).unwrap_or_default();
        let sequence = self.sequences[&id];
        self.inbox.push((sequence, id, whole));
        self.receipts
            .insert(id, self.receipt(self.site.clone(), sequence, id));
        self.standing(id)
    }

    pub(crate) fn receipt(&self, site: SiteId, sequence: u64, id: BatchId) -> Vec<u8> {
        let receipt = Receipt {
            site,
            sequence,
            batch: id,
            received_at: 1_800_000_000,
            front: self.name.clone(),
        };
        receipt.sign(&self.key).unwrap()
    }

    /// Forgets what has arrived of a batch: another front, or a restart without its disk.
    pub(crate) fn forget(&mut self, id: BatchId) {
        self.staging.remove(&id);
    }

    /// Changes a byte of what has arrived of a batch.
    pub(crate) fn rot(&mut self, id: BatchId, place: usize) {
        if let Some(staged) = self.staging.get_mut(&id) {
            let length = staged.len().max(1);
            if let Some(byte) = staged.get_mut(place % length) {
                *byte ^= 1;
            }
        }
    }
}

pub(crate) fn stored(receipt: Vec<u8>) -> Answer {
    Answer {
        status: 200,
        stored: true,
        body: receipt,
        ..Answer::default()
    }
}

pub(crate) fn reached(status: u16, offset: u64) -> Answer {
    Answer {
        status,
        offset: Some(offset),
        ..Answer::default()
    }
}

pub(crate) fn refused(status: u16, code: &str) -> Answer {
    Answer {
        status,
        code: code.to_owned(),
        ..Answer::default()
    }
}

pub(crate) fn busy(seconds: u64) -> Answer {
    Answer {
        retry_after: Some(Duration::from_secs(seconds)),
        ..refused(503, "R014")
    }
}
