//! A file as UTF-8, whatever it is written in; strictly: a byte that does not fit ends the reading.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use config::imports::FileEncoding;
use encoding_rs::{DecoderResult, Encoding, SHIFT_JIS, UTF_8};

use crate::error::{Failure, Problem};

const CHUNK: usize = 64 << 10;

/// A reader that decodes.
pub(super) struct Decoded<R> {
    inner: R,
    decoder: encoding_rs::Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: Read> Decoded<R> {
    fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self {
            inner,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: vec![0; CHUNK],
            text: Vec::new(),
            given: 0,
            ended: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let length = self.inner.read(&mut self.raw)?;
        let last = length == 0;
        self.text.resize(CHUNK * 4, 0);
        let raw = self.raw.get(..length).unwrap_or_default();
        let (result, read, written) =
            self.decoder
                .decode_to_utf8_without_replacement(raw, &mut self.text, last);
        // The buffer takes four bytes for each, which no encoding exceeds.
        if result != DecoderResult::InputEmpty || read != length {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        self.text.truncate(written);
        let control = |b: &u8| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r') || *b == 0x7F;
        if self.text.iter().any(control) {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        self.given = 0;
        self.ended = last;
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            self.fill()?;
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let Some((to, from)) = buffer.get_mut(..length).zip(rest.get(..length)) {
            to.copy_from_slice(from);
        }
        self.given += length;
        Ok(length)
    }
}

/// Opens a file whose every byte has been looked at: in one of the encodings, and whole to the end
/// of its last line.
///
/// # Errors
/// It cannot be read, is in none of the encodings, or does not end with its last line.
pub(super) fn open(
    path: &Path,
    encoding: FileEncoding,
    most: u64,
) -> Result<Decoded<io::Take<BufReader<File>>>, Failure> {
    let open = |encoding| -> Result<_, Failure> {
        let file = File::open(path)
            .map_err(|error| Failure::because(Problem::ImportFile, "", error.kind().to_string()))?;
        Ok(Decoded::new(BufReader::new(file).take(most), encoding))
    };
    let candidates: &[&'static Encoding] = match encoding {
        FileEncoding::Auto => &[UTF_8, SHIFT_JIS],
        FileEncoding::Utf8 => &[UTF_8],
        FileEncoding::ShiftJis => &[SHIFT_JIS],
    };
    let mut fault = Failure::new(Problem::ImportEncoding, "");
    for candidate in candidates {
        match scan(open(candidate)?) {
            Ok(Some(b'\n')) => return open(candidate),
            Ok(_) => return Err(Failure::new(Problem::ImportCut, "")),
            Err((error, line)) if error.kind() == io::ErrorKind::InvalidData => {
                let detail = format!("{} {line}", candidate.name());
                fault = Failure::new(Problem::ImportEncoding, detail);
            }
            Err((error, _)) => {
                let why = error.kind().to_string();
                return Err(Failure::because(Problem::ImportFile, "", why));
            }
        }
    }
    Err(fault)
}

/// The last byte, or what is wrong and in which line.
fn scan<R: Read>(mut decoded: Decoded<R>) -> Result<Option<u8>, (io::Error, u64)> {
    let mut buffer = vec![0; CHUNK];
    let (mut last, mut lines) = (None, 1);
    loop {
        match decoded.read(&mut buffer) {
            Ok(0) => return Ok(last),
            Ok(length) => {
                let read = buffer.get(..length).unwrap_or_default();
                lines += read.iter().filter(|b| **b == b'\n').count() as u64;
                last = read.last().copied();
            }
            Err(error) => return Err((error, lines)),
        }
    }
}
