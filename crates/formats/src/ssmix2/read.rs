//! Reading one file: decode, split, map, and check whose it is.

use std::sync::Arc;

use memchr::memmem;
use record::content::Patient;
use record::{
    ChartNumber, DocumentKey, DocumentState, Domain, Finding, FindingCode, Identity, Moment, Named,
    Place, Reading, Record,
};
use text::jis::{self, Encoding};

use super::claims;
use super::identity;
use super::individual;
use super::kinds::Mapper;
use super::message::{self, Event};
use super::name::{FileName, Flag, Kind};
use super::notes::{Names, Notes};
use super::participants;
use super::said::{self, Asked, Said};
use super::table::{self, Allowed};
use crate::Municipality;
use crate::hl7::{self, Fields, Line, Segment};

/// What a file has given so far.
#[derive(Default)]
pub(crate) struct Output {
    /// The patient as identifiers.
    pub(crate) identity: Arc<Identity>,
    /// The patient as content.
    pub(crate) patient: Patient,
    /// The records.
    pub(crate) records: Vec<Record>,
    /// Staff and institutions by number.
    pub(crate) named: Vec<Named>,
    /// Findings and counts.
    pub(crate) notes: Notes,
}

/// Reads one file of a supported kind.
///
/// # Errors
/// As for [`FileReader::read`].
pub fn read(name: &FileName, bytes: &[u8]) -> Result<Reading, Finding> {
    FileReader::default().read(name, bytes)
}

/// Reads one file after another, and works out once what they share. What a file gives does not
/// depend on those before it.
#[derive(Default)]
pub struct FileReader {
    municipality: Option<Municipality>,
    said: Vec<Said>,
    names: Names,
}

impl FileReader {
    /// A reader that knows who gives the numbers of residents. Without, such a number in PID-3 is
    /// one of another patient.
    pub fn new(municipality: Option<Municipality>) -> Self {
        Self {
            municipality,
            ..Self::default()
        }
    }

    /// A reader that knows nothing but what this one was told at first.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::new(self.municipality.clone())
    }

    /// Forgets, and wipes, what it knows of the patient.
    pub fn forget_patient(&mut self) {
        self.said.clear();
    }

    /// Reads one file of a supported kind.
    ///
    /// # Errors
    /// The finding for which the whole file is set aside: an unsupported or unknown kind, an empty
    /// file, no HL7 message, a message type that the kind may not carry, more lines than the limit,
    /// no patient number, or one that is not the storage's.
    pub fn read(&mut self, name: &FileName, bytes: &[u8]) -> Result<Reading, Finding> {
        let (key, mapper) = match (name.kind, name.key()) {
            (Kind::Known(kind), Some(key)) => (key, Mapper::of(kind)),
            _ => return Err(Finding::of_file(FindingCode::KindUnknown)),
        };
        let mapper = mapper.ok_or(Finding::of_file(FindingCode::KindUnsupported))?;
        read_with(name, key, mapper, bytes, self)
    }

    /// Whether the message of a file takes its document back by its trigger event, and is about the
    /// patient whose number the file carries.
    pub fn cancels(&mut self, name: &FileName, bytes: &[u8]) -> bool {
        let Some(key) = name.key() else {
            return false;
        };
        if self.read(name, bytes).is_err() {
            return false;
        }
        let decoded = jis::decode(bytes, declared(bytes));
        let header = hl7::lines(&decoded.text).ok().and_then(|lines| {
            lines.flatten().find_map(|line| match line {
                Line::Segment(segment) if &segment.name == b"MSH" => segment.fields(),
                _ => None,
            })
        });
        header.and_then(|header| message::event(key.kind, header.field(9))) == Some(Event::Cancel)
    }
}

/// Reads observations of the extended storage (ORU^R30), by the rules of laboratory results.
///
/// # Errors
/// As for [`read`].
pub(crate) fn read_observations(
    name: &FileName,
    municipality: Option<&Municipality>,
    bytes: &[u8],
) -> Result<Reading, Finding> {
    let key = name.key();
    let key = key.ok_or(Finding::of_file(FindingCode::KindUnknown))?;
    let mut alone = FileReader::new(municipality.cloned());
    read_with(name, key, Mapper::observations(), bytes, &mut alone)
}

fn read_with(
    name: &FileName,
    key: DocumentKey,
    mapper: Mapper,
    bytes: &[u8],
    shared: &mut FileReader,
) -> Result<Reading, Finding> {
    if bytes.iter().all(|b| b.is_ascii_whitespace() || *b == 0) {
        return Err(Finding::of_file(FindingCode::FileEmpty));
    }
    let decoded = jis::decode(bytes, declared(bytes));
    let mut reader = Reader {
        name,
        kind: key.kind,
        mapper,
        event: Event::Expected,
        claimed: Vec::new(),
        patients: 0,
        patients_of_message: 0,
        differs: false,
        output: Output::default(),
        municipality: shared.municipality.as_ref(),
        said: &mut shared.said,
    };
    for finding in decoded.repairs.findings() {
        reader.output.notes.found(finding);
    }
    for line in hl7::lines(&decoded.text).map_err(Finding::of_file)? {
        match line.map_err(Finding::of_file)? {
            Line::Segment(segment) => reader.segment(&segment)?,
            Line::Unreadable { line, words } => {
                individual::check_words(line, words)?;
                reader.output.notes.leave_unreadable(line);
            }
        }
    }
    reader.check_patient()?;
    let (event, claimed) = (reader.event, std::mem::take(&mut reader.claimed));
    let mut output = reader.finish();
    let withdrawn = event == Event::Cancel || name.flag == Flag::Deleted;
    if withdrawn {
        output.records.clear();
        output.named.clear();
    }
    let (findings, drops) = output.notes.finish(&mut shared.names);
    Ok(Reading {
        chart: name.chart.clone(),
        claimed,
        key,
        domain: Domain::Medical,
        version: name.version,
        state: if withdrawn {
            DocumentState::Withdrawn
        } else {
            DocumentState::Current
        },
        identity: output.identity,
        records: output.records,
        named: output.named,
        findings,
        drops,
    })
}

struct Reader<'n> {
    name: &'n FileName,
    kind: record::DataKind,
    mapper: Mapper,
    event: Event,
    claimed: Vec<ChartNumber>,
    patients: usize,
    patients_of_message: usize,
    /// Whether a care date was found to differ.
    differs: bool,
    output: Output,
    /// Who gives numbers of residents.
    municipality: Option<&'n Municipality>,
    /// The PIDs of earlier files of the patient.
    said: &'n mut Vec<Said>,
}

impl Reader<'_> {
    fn segment(&mut self, segment: &Segment<'_>) -> Result<(), Finding> {
        individual::check(segment, &self.name.chart)?;
        match &segment.name {
            b"MSH" => return self.header(&split(segment)?),
            b"PID" => return self.patient(segment),
            // Also of a cancel: the person is asked about all the same.
            b"MRG" => return self.merged(&split(segment)?),
            _ => {}
        }
        let cancelled = self.event == Event::Cancel;
        let gate = table::gate(self.kind, segment.name).filter(|_| !cancelled);
        let Some(gate) = gate else {
            self.output.notes.leave_segment(segment.name);
            return Ok(());
        };
        let fields = split(segment)?;
        let allowed = gate.admit(&fields, &mut self.output.notes);
        self.mapper.segment(&allowed, self.name, &mut self.output);
        // Earlier results that the message repeats have people of their own.
        if !self.mapper.is_prior() {
            participants::read(self.kind, &fields, &mut self.output.named);
        }
        self.compare_care_date(&allowed);
        Ok(())
    }

    /// Reports a day that differs from the folder's, once for a file. Nothing is changed by it.
    fn compare_care_date(&mut self, fields: &Allowed<'_, '_>) {
        let Some((name, number)) = message::care_date(self.kind) else {
            return;
        };
        if self.differs || name != fields.name() || self.mapper.is_prior() {
            return;
        }
        let stated = fields.field(number).value().subcomponent(1).text();
        let stated = Moment::from_hl7(&stated).ok().and_then(Moment::date);
        let folder = self.name.care_date.and_then(Moment::date);
        if let (Some(stated), Some(folder)) = (stated, folder)
            && stated != folder
        {
            self.differs = true;
            let notes = &mut self.output.notes;
            notes.found_at(FindingCode::CareDateDiffers, fields, number);
        }
    }

    fn header(&mut self, fields: &Fields<'_>) -> Result<(), Finding> {
        let place = Place {
            segment: Some(*b"MSH"),
            line: fields.line(),
            field: 9,
        };
        self.patients_of_message = 0;
        self.mapper.message();
        let event = match table::gate(self.kind, fields.name()) {
            Some(gate) => {
                let allowed = gate.admit(fields, &mut self.output.notes);
                message::event(self.kind, allowed.field(9))
            }
            None => None,
        };
        self.event = event.ok_or(Finding {
            code: FindingCode::MessageTypeUnknown,
            place,
        })?;
        if self.event == Event::Cancel && self.name.flag == Flag::Valid {
            self.output.notes.found(Finding {
                code: FindingCode::CancelledByMessage,
                place,
            });
        }
        if self.event == Event::Deviating {
            self.output.notes.found(Finding {
                code: FindingCode::MessageTypeDeviates,
                place,
            });
        }
        Ok(())
    }

    fn patient(&mut self, segment: &Segment<'_>) -> Result<(), Finding> {
        let Some(gate) = table::gate(self.kind, segment.name) else {
            return Err(Finding::of_file(FindingCode::PatientMissing));
        };
        let asked = Asked {
            segment,
            gate,
            chart: &self.name.chart,
        };
        match self.patients == 0 && self.output.identity.former.is_empty() {
            true => self.first_patient(asked)?,
            false => self.read_patient(asked)?,
        }
        self.patients += 1;
        self.patients_of_message += 1;
        if self.patients_of_message > 1 {
            self.mapper.patient_again();
        }
        Ok(())
    }

    /// Takes the first PID of the file as an earlier file gave it, if it is the same.
    fn first_patient(&mut self, asked: Asked<'_>) -> Result<(), Finding> {
        let written = self.name.version;
        if let Some(said) = self.said.iter().find(|said| asked.is_as(said, written)) {
            self.claimed.extend_from_slice(&said.claimed);
            self.output.identity = Arc::clone(&said.identity);
            self.output.patient = said.patient.clone();
            self.output.notes.add(&said.notes);
            return Ok(());
        }
        let before = std::mem::take(&mut self.output.notes);
        self.read_patient(asked)?;
        let Output {
            identity,
            patient,
            notes,
            ..
        } = &mut self.output;
        if self.said.len() >= said::MOST {
            self.said.remove(0);
        }
        let gave = asked.gave(&self.claimed, identity, patient, notes);
        self.said.extend(gave);
        let of_patient = std::mem::replace(notes, before);
        notes.add(&of_patient);
        Ok(())
    }

    fn read_patient(&mut self, asked: Asked<'_>) -> Result<(), Finding> {
        let fields = split(asked.segment)?;
        let fields = &asked.gate.admit(&fields, &mut self.output.notes);
        let numbers = fields.field(3);
        let place = Place {
            segment: Some(*b"PID"),
            line: fields.line(),
            field: 3,
        };
        if numbers.is_over_limit() {
            return Err(Finding {
                code: FindingCode::LimitReached,
                place,
            });
        }
        let (mut named, mut of_resident) = (false, Vec::new());
        for repetition in numbers.repetitions() {
            let number = repetition.component(1);
            if number.is_empty() {
                continue;
            }
            let mismatch = Finding {
                code: FindingCode::PatientMismatch,
                place,
            };
            let claimed = ChartNumber::new(&number.text()).ok_or(mismatch)?;
            match claimed == self.name.chart {
                true => self.claimed.push(claimed),
                false if self.municipality.is_some_and(|it| it.gave(repetition)) => {
                    of_resident.push(claimed);
                    continue;
                }
                false => return Err(mismatch),
            }
            named = true;
        }
        // A second message in the file could be about somebody else when it does not say.
        if !named {
            return Err(Finding::of_file(FindingCode::PatientMissing));
        }
        self.older(fields)?;
        self.others(of_resident, fields, 3)?;
        match self.patients {
            0 => {
                let written = self.name.version;
                identity::read(fields, written, self.municipality, &mut self.output)
            }
            _ => Ok(()),
        }
    }

    fn merged(&mut self, fields: &Fields<'_>) -> Result<(), Finding> {
        match table::gate(self.kind, fields.name()) {
            Some(gate) => {
                let fields = gate.admit(fields, &mut self.output.notes);
                self.older(&fields)
            }
            None => Ok(()),
        }
    }

    /// Takes older and other numbers of the patient. Nobody's notice is asked of them, but a stop
    /// under one of them counts.
    fn older(&mut self, fields: &Allowed<'_, '_>) -> Result<(), Finding> {
        for &number in claims::older(fields.name()) {
            let field = fields.field(number);
            if field.is_empty() {
                continue;
            }
            self.others(claims::numbers(field), fields, number)?;
        }
        Ok(())
    }

    /// Takes numbers in a field as others of the patient.
    fn others(
        &mut self,
        numbers: impl IntoIterator<Item = ChartNumber>,
        fields: &Allowed<'_, '_>,
        field: u8,
    ) -> Result<(), Finding> {
        let former = &mut Arc::make_mut(&mut self.output.identity).former;
        for number in numbers {
            if number != self.name.chart && !former.contains(&number) {
                former.push(number);
            }
        }
        // A number that is not asked about could be the one that was stopped.
        match fields.field(field).is_over_limit() || former.len() > claims::MOST_OLDER {
            true => Err(Finding {
                code: FindingCode::LimitReached,
                place: Place {
                    segment: Some(fields.name()),
                    line: fields.line(),
                    field,
                },
            }),
            false => Ok(()),
        }
    }

    fn check_patient(&self) -> Result<(), Finding> {
        match self.claimed.is_empty() {
            true => Err(Finding::of_file(FindingCode::PatientMissing)),
            false => Ok(()),
        }
    }

    fn finish(mut self) -> Output {
        if self.event != Event::Cancel {
            self.mapper.finish(self.name, &mut self.output);
        }
        self.output
    }
}

fn split<'t>(segment: &Segment<'t>) -> Result<Fields<'t>, Finding> {
    let place = Place {
        segment: Some(segment.name),
        line: segment.line,
        field: 0,
    };
    segment.fields().ok_or(Finding {
        code: FindingCode::LimitReached,
        place,
    })
}

/// What MSH-18 says, as far as it can matter: UTF-8 is the only other encoding that its table names
/// and that sites declare.
pub(super) fn declared(bytes: &[u8]) -> Encoding {
    const HEADER: usize = 512;
    let header = bytes.get(..HEADER).unwrap_or(bytes);
    let header = header
        .split(|&b| b == b'\r' || b == b'\n')
        .next()
        .unwrap_or_default();
    match memmem::find(header, b"UTF-8") {
        Some(_) => Encoding::Utf8,
        None => Encoding::Iso2022Jp,
    }
}
