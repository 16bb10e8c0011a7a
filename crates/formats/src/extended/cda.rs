//! HL7 CDA R2: the coded entries of a document, and whose it is.
//!
//! A document is mostly what must not leave: names, addresses, numbers, narrative. So the reader
//! enters only the elements of an allow-list and reads only their listed attributes; whatever else
//! stands in the file is counted by name and stays. Entries about somebody else than the patient,
//! negated ones and those of other moods than events and orders become no records.
//!
//! The header says who the patient is, but not as trustworthily as the patient's basic data: it is
//! written by many systems, and a newer document would outvote the registration. It is used to
//! check whose the document is and never for linkage.

mod entry;
mod nodes;
mod systems;

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::{NsReader, Reader, XmlVersion};
use record::content::Value;
use record::identity::Birth;
use record::{
    ChartNumber, Code, Coding, Decimal, Drops, Finding, FindingCode, Moment, Quantity, Record,
    System, Unit,
};

use super::{individual, xml};
use crate::persons::names_person;
use entry::{Bound, Codings, Entry, Mood};
use nodes::Node;

/// The deepest nesting of elements that is read.
pub const MAX_DEPTH: usize = 128;
/// The most records that one document may give.
pub const MAX_RECORDS: usize = 20_000;
const MAX_ATTRIBUTES: usize = 64;
const MAX_FINDINGS: usize = 100;
const MAX_NUMBERS: usize = 1_000;
const NAMESPACE: &str = "urn:hl7-org:v3";

/// What a document says.
#[derive(Debug)]
pub struct Contents {
    /// Every number of a patient that the header claims.
    pub claimed: Vec<ChartNumber>,
    /// Every other number that the header gives the patient: an older one, one of another house,
    /// or of another thing.
    pub former: Vec<ChartNumber>,
    /// The coded entries.
    pub records: Vec<Record>,
    /// What was wrong.
    pub findings: Vec<Finding>,
    /// What was left behind, by name.
    pub drops: Drops,
}

/// Reads one document of a patient. `systems` names the site's own code systems by their OIDs.
///
/// # Errors
/// The finding for which the whole document is set aside: broken XML, a document type declaration,
/// something that is no CDA document, more depth or entries than the limit, no number of the
/// patient, or a number of another patient.
pub fn read(
    chart: &ChartNumber,
    systems: &BTreeMap<String, System>,
    bytes: &[u8],
) -> Result<Contents, Finding> {
    let decoded = xml::decode(bytes);
    individual::check(&decoded.text, chart)?;
    let mut walk = Walk::new(chart, systems);
    walk.findings.extend(decoded.findings);
    let mut reader = NsReader::from_str(&decoded.text);
    reader.config_mut().expand_empty_elements = true;
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(|_| unreadable())?;
        match event {
            Event::Start(start) => {
                let space = match namespace {
                    ResolveResult::Bound(Namespace(NAMESPACE)) => Space::OfCda,
                    ResolveResult::Unbound => Space::None,
                    _ => Space::Other,
                };
                walk.start(space, &start)?;
            }
            Event::End(_) => walk.end()?,
            Event::Text(text) => walk.text(&text.xml10_content()),
            Event::CData(text) => walk.text(&text.xml10_content()),
            Event::GeneralRef(_) => walk.leave("cda:entity"),
            Event::Comment(_) => walk.leave("cda:comment"),
            Event::PI(_) => walk.leave("cda:instruction"),
            Event::Decl(_) | Event::Empty(_) => {}
            // What a declaration could define is never expanded, so it is not taken at all.
            Event::DocType(_) => return Err(unreadable()),
            Event::Eof => break,
        }
    }
    walk.finish()
}

/// Every number under an OID of patients in a document that was set aside, as far as it can be
/// read: somebody of such a number may have said no.
pub fn claims(bytes: &[u8]) -> BTreeSet<ChartNumber> {
    let decoded = xml::decode(bytes);
    let mut reader = Reader::from_str(&decoded.text);
    let mut numbers = BTreeSet::new();
    while let Ok(event) = reader.read_event() {
        let (Event::Start(start) | Event::Empty(start)) = event else {
            match event {
                Event::Eof => break,
                _ => continue,
            }
        };
        if start.local_name().as_ref() != "id" || numbers.len() >= MAX_NUMBERS {
            continue;
        }
        let value = |name: &str| {
            let attribute = start.try_get_attribute(name).ok()??;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            Some(value.trim().to_owned())
        };
        if value("root").is_some_and(|root| systems::is_of_patients(&root)) {
            numbers.extend(value("extension").and_then(|number| ChartNumber::new(&number)));
        }
    }
    numbers
}

/// The namespace of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    /// That of CDA.
    OfCda,
    /// None: some writers forget it, and then for the whole document.
    None,
    /// Another, or one that is not declared.
    Other,
}

fn unreadable() -> Finding {
    Finding::of_file(FindingCode::XmlUnreadable)
}

/// Something that what follows belongs to: a section or an entry.
struct Scope {
    /// How many records there were before it.
    records: usize,
    /// Why nothing in it may become a record.
    spoiled: Option<&'static str>,
    /// The entry, when it is one.
    entry: Option<Entry>,
}

struct Walk<'a> {
    chart: &'a ChartNumber,
    systems: &'a BTreeMap<String, System>,
    /// The elements that are entered, outermost first.
    open: Vec<Node>,
    /// How many elements are open inside one that is not entered.
    skipped: usize,
    /// The namespace of the root, which the elements that are entered share.
    root: Option<Space>,
    scopes: Vec<Scope>,
    births: Vec<Birth>,
    /// How many numbers of this patient the header holds.
    numbers: usize,
    former: Vec<ChartNumber>,
    /// Whether the patient's role at hand has a number of this patient.
    confirmed: bool,
    records: Vec<Record>,
    findings: Vec<Finding>,
    drops: Drops,
}

impl<'a> Walk<'a> {
    fn new(chart: &'a ChartNumber, systems: &'a BTreeMap<String, System>) -> Self {
        Self {
            chart,
            systems,
            open: Vec::new(),
            skipped: 0,
            root: None,
            scopes: Vec::new(),
            births: Vec::new(),
            numbers: 0,
            former: Vec::new(),
            confirmed: false,
            records: Vec::new(),
            findings: Vec::new(),
            drops: Drops::default(),
        }
    }

    fn start(&mut self, space: Space, start: &BytesStart<'_>) -> Result<(), Finding> {
        if self.open.len() + self.skipped >= MAX_DEPTH {
            return Err(Finding::of_file(FindingCode::LimitReached));
        }
        if self.skipped > 0 {
            self.skipped += 1;
            return Ok(());
        }
        let name = start.local_name();
        let name = name.as_ref();
        let node = match self.open.last() {
            Some(parent) if self.root == Some(space) => parent.child(name),
            Some(_) => None,
            None if self.root.is_some() || space == Space::Other || name != "ClinicalDocument" => {
                return Err(unreadable());
            }
            None => Some(Node::Document),
        };
        self.root.get_or_insert(space);
        match node {
            Some(node) => self.enter(node, start),
            None => {
                let ours = self.root == Some(space);
                self.leave(if ours {
                    nodes::left(name)
                } else {
                    "cda:unknown"
                });
                self.skipped = 1;
                Ok(())
            }
        }
    }

    fn enter(&mut self, node: Node, start: &BytesStart<'_>) -> Result<(), Finding> {
        let attributes = self.attributes(node, start)?;
        self.open.push(node);
        if node.is_entry() || node == Node::Section {
            self.scopes.push(Scope {
                records: self.records.len(),
                spoiled: spoiled(&attributes),
                entry: node.is_entry().then(|| Entry {
                    node,
                    mood: Mood::of(attributes.get("moodCode")),
                    said: entry::Said::default(),
                }),
            });
            return Ok(());
        }
        match node {
            Node::Role => {
                self.confirmed = false;
                Ok(())
            }
            Node::RoleId => self.number(&attributes),
            Node::BirthTime => {
                self.birth(attributes.get("value").unwrap_or_default());
                Ok(())
            }
            Node::Subject => {
                self.spoil("cda:subject");
                Ok(())
            }
            _ => {
                self.said(node, &attributes);
                Ok(())
            }
        }
    }

    fn end(&mut self) -> Result<(), Finding> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        let Some(node) = self.open.pop() else {
            return Err(unreadable());
        };
        if node.is_entry() || node == Node::Section {
            self.close();
        }
        if node == Node::Role && !self.confirmed {
            return Err(Finding::of_file(FindingCode::PatientMissing));
        }
        match self.records.len() > MAX_RECORDS {
            true => Err(Finding::of_file(FindingCode::LimitReached)),
            false => Ok(()),
        }
    }

    /// Ends a section or an entry: it becomes a record, or takes back those of its inner entries.
    fn close(&mut self) {
        let Some(scope) = self.scopes.pop() else {
            return;
        };
        if let Some(reason) = scope.spoiled {
            let inner = self.records.len().saturating_sub(scope.records);
            self.records.truncate(scope.records);
            self.drops
                .add(reason, inner as u64 + u64::from(scope.entry.is_some()));
            return;
        }
        let Some(entry) = scope.entry else {
            return;
        };
        let counted = match entry.node {
            Node::Observation => "cda:observation",
            Node::Substance => "cda:substanceAdministration",
            Node::Procedure => "cda:procedure",
            // Groups and acts are there for the entries in them.
            _ => return,
        };
        match entry.record() {
            Some(record) => self.records.push(record),
            None => self.leave(counted),
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipped > 0 || text.trim().is_empty() {
            return;
        }
        // A known fault of some writers: the day of birth as text.
        match self.open.last() {
            Some(Node::BirthTime) => self.birth(text),
            _ => self.leave("cda:characters"),
        }
    }

    fn birth(&mut self, text: &str) {
        let date = Moment::from_hl7(text.trim()).ok().and_then(Moment::date);
        self.births.extend(date.map(Birth::new));
    }

    /// A number in the patient's role. Under an OID of patients it must be this patient's; under
    /// another it may be anything: it only confirms, or is asked about beside.
    fn number(&mut self, attributes: &Attributes) -> Result<(), Finding> {
        let (root, number) = (attributes.get("root"), attributes.get("extension"));
        let number = number.unwrap_or_default().trim();
        let agrees = number == self.chart.expose();
        match (root.is_some_and(systems::is_of_patients), agrees) {
            (true, false) => Err(Finding::of_file(FindingCode::PatientMismatch)),
            (_, true) => {
                self.numbers += 1;
                self.confirmed = true;
                Ok(())
            }
            (false, false) => {
                let own = text::individual::alone(self.chart.expose()).is_some();
                if text::individual::alone(number) == Some(true) && !own {
                    return Err(Finding::of_file(FindingCode::IndividualNumber));
                }
                self.leave("cda:id");
                let other = ChartNumber::new(number);
                self.former
                    .extend(other.filter(|other| !self.former.contains(other)));
                // A number that is not asked about could be the one that was stopped.
                match self.former.len() > MAX_NUMBERS {
                    true => Err(Finding::of_file(FindingCode::LimitReached)),
                    false => Ok(()),
                }
            }
        }
    }

    fn spoil(&mut self, reason: &'static str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.spoiled.get_or_insert(reason);
        }
    }

    fn leave(&mut self, name: &str) {
        self.drops.count(name);
    }

    fn found(&mut self, code: FindingCode) {
        match self.findings.len() < MAX_FINDINGS {
            true => self.findings.push(Finding::of_file(code)),
            false => self.leave("finding:more"),
        }
    }

    /// The listed attributes of an element; the others are counted.
    fn attributes(&mut self, node: Node, start: &BytesStart<'_>) -> Result<Attributes, Finding> {
        let listed = node.attributes();
        let mut read = Attributes::default();
        for (index, attribute) in start.attributes().enumerate() {
            if index >= MAX_ATTRIBUTES {
                return Err(Finding::of_file(FindingCode::LimitReached));
            }
            let attribute = attribute.map_err(|_| unreadable())?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (name, prefix) = attribute.key.decompose();
            // Only the type of a value carries a prefix.
            let of_type = name.as_ref() == "type";
            let known = listed.iter().find(|known| **known == name.as_ref());
            match known.filter(|_| of_type == prefix.is_some()) {
                Some(name) => {
                    let value = attribute
                        .normalized_value(XmlVersion::Implicit1_0)
                        .map_err(|_| unreadable())?;
                    read.0.push((name, value.trim().to_owned()));
                }
                None => self.leave("cda:attribute"),
            }
        }
        Ok(read)
    }

    /// Takes what an element says into the innermost entry.
    fn said(&mut self, node: Node, attributes: &Attributes) {
        if attributes.get("nullFlavor").is_some() {
            return self.leave("cda:nullFlavor");
        }
        let parent = self.open.iter().rev().nth(1).copied();
        match (node, parent) {
            (Node::Code, _) | (Node::Translation, Some(Node::Code)) => {
                self.coding(attributes, |said| &mut said.code);
            }
            (Node::Translation, Some(Node::Value)) => {
                self.coding(attributes, |said| &mut said.coded);
            }
            (Node::Medicine | Node::MedicineTranslation, _) => {
                self.coding(attributes, |said| &mut said.medicine);
            }
            (Node::Route, _) | (Node::Translation, Some(Node::Route)) => {
                self.coding(attributes, |said| &mut said.route);
            }
            (Node::Method, _) | (Node::Translation, Some(Node::Method)) => {
                self.coding(attributes, |said| &mut said.method);
            }
            (Node::Value, _) => self.value(attributes),
            (Node::ValueLow, _) => self.bound(attributes, 0),
            (Node::ValueHigh, _) => self.bound(attributes, 1),
            (Node::RangeLow, _) => self.range(attributes, 0),
            (Node::RangeHigh, _) => self.range(attributes, 1),
            (Node::Time | Node::TimeLow | Node::TimeHigh, _) => self.time(node, attributes),
            (Node::Status, _) => self.status(attributes),
            (Node::Interpretation, _) => self.interpretation(attributes),
            (Node::Dose, _) => {
                let amount = self.number_with_unit(attributes, "cda:doseQuantity");
                self.with_entry(|said| said.amount = said.amount.take().or(amount));
            }
            _ => {}
        }
    }

    fn with_entry(&mut self, set: impl FnOnce(&mut entry::Said)) {
        if let Some(entry) = self
            .scopes
            .last_mut()
            .and_then(|scope| scope.entry.as_mut())
        {
            set(&mut entry.said);
        }
    }

    fn coding(&mut self, attributes: &Attributes, to: fn(&mut entry::Said) -> &mut Codings) {
        let Some(code) = attributes.get("code") else {
            return;
        };
        if names_person(code) {
            self.spoil("cda:person-observation");
        }
        let system = systems::name(
            attributes.get("codeSystem").unwrap_or_default(),
            self.systems,
        );
        let code: Option<Code> = code.parse().ok();
        match (code, system) {
            (Some(code), Some(system)) => {
                let system = Some(system);
                let mut kept = true;
                self.with_entry(|said| kept = to(said).push(Coding { code, system }));
                if !kept {
                    self.leave("cda:translation");
                }
            }
            (_, None) => {
                self.found(FindingCode::CodeSystemUnknown);
                self.leave("cda:codeSystem");
            }
            (None, _) => self.leave("cda:code"),
        }
    }

    fn value(&mut self, attributes: &Attributes) {
        let of_type = attributes.get("type").unwrap_or_default();
        let of_type = of_type.rsplit(':').next().unwrap_or_default();
        let value = match of_type {
            "PQ" | "INT" | "REAL" => {
                let number = self.number_with_unit(attributes, "cda:value");
                number.map(|(value, unit)| {
                    let comparator = None;
                    Value::Quantity(Quantity {
                        value,
                        unit,
                        comparator,
                    })
                })
            }
            "TS" => self.moment(attributes).map(Value::Moment),
            "CD" | "CE" | "CV" | "CO" => {
                return self.coding(attributes, |said| &mut said.coded);
            }
            "IVL_PQ" | "IVL_INT" | "IVL_REAL" => return,
            // Words, names, addresses, documents, and types that the vocabulary does not have.
            _ => {
                self.leave("cda:value");
                None
            }
        };
        let again = self.scopes.last().and_then(|scope| scope.entry.as_ref());
        if value.is_some() && again.is_some_and(|entry| entry.said.value.is_some()) {
            return self.leave("cda:value");
        }
        self.with_entry(|said| said.value = said.value.take().or(value));
    }

    fn bound(&mut self, attributes: &Attributes, side: usize) {
        let inclusive = attributes.get("inclusive") != Some("false");
        let bound = self
            .number_with_unit(attributes, "cda:value")
            .map(|(value, unit)| Bound {
                value,
                unit,
                inclusive,
            });
        self.with_entry(|said| {
            if let Some(slot) = said.bounds.get_mut(side) {
                *slot = bound;
            }
        });
    }

    fn range(&mut self, attributes: &Attributes, side: usize) {
        let bound = self.number_with_unit(attributes, "cda:referenceRange");
        self.with_entry(|said| {
            if let (Some(slot), Some((value, _))) = (said.range.get_mut(side), bound) {
                *slot = Some(value);
            }
        });
    }

    fn number_with_unit(
        &mut self,
        attributes: &Attributes,
        counted: &str,
    ) -> Option<(Decimal, Option<Unit>)> {
        let text = attributes.get("value")?;
        let Ok(number) = text.parse::<Decimal>() else {
            self.found(FindingCode::ValueInvalid);
            self.leave(counted);
            return None;
        };
        let unit: Option<&str> = attributes.get("unit").filter(|unit| *unit != "1");
        let read = unit.and_then(|unit| unit.parse().ok());
        if unit.is_some() && read.is_none() {
            self.leave("cda:unit");
        }
        Some((number, read))
    }

    /// A moment that is not the patient's day of birth.
    fn moment(&mut self, attributes: &Attributes) -> Option<Moment> {
        let text = attributes.get("value")?;
        let Ok(moment) = Moment::from_hl7(text) else {
            self.found(FindingCode::DateImpossible);
            self.leave("cda:effectiveTime");
            return None;
        };
        let day = moment.date().map(Birth::new);
        if day.is_some_and(|day| self.births.contains(&day)) {
            self.leave("cda:birthTime");
            return None;
        }
        Some(moment)
    }

    fn time(&mut self, node: Node, attributes: &Attributes) {
        if attributes.get("value").is_none() {
            return;
        }
        let moment = self.moment(attributes);
        self.with_entry(|said| {
            let slot = match node {
                Node::TimeLow => &mut said.start,
                Node::TimeHigh => &mut said.end,
                _ => &mut said.at,
            };
            *slot = slot.or(moment);
        });
    }

    fn status(&mut self, attributes: &Attributes) {
        let stopped = [
            "aborted",
            "cancelled",
            "held",
            "nullified",
            "obsolete",
            "suspended",
        ];
        if attributes
            .get("code")
            .is_some_and(|code| stopped.contains(&code))
        {
            self.spoil("cda:statusCode");
        }
    }

    fn interpretation(&mut self, attributes: &Attributes) {
        const LONGEST: usize = 5;
        let system = attributes.get("codeSystem");
        let flag: Option<Code> = attributes.get("code").and_then(|code| code.parse().ok());
        let of_table = system.is_none_or(|oid| oid == "2.16.840.1.113883.5.83");
        match flag.filter(|flag| of_table && flag.as_str().len() <= LONGEST) {
            Some(flag) => self.with_entry(|said| said.flag = said.flag.take().or(Some(flag))),
            None => self.leave("cda:interpretationCode"),
        }
    }

    fn finish(self) -> Result<Contents, Finding> {
        if !self.open.is_empty() || self.skipped > 0 || self.root.is_none() {
            return Err(unreadable());
        }
        if self.numbers == 0 {
            return Err(Finding::of_file(FindingCode::PatientMissing));
        }
        Ok(Contents {
            claimed: vec![self.chart.clone(); self.numbers],
            former: self.former,
            records: self.records,
            findings: self.findings,
            drops: self.drops,
        })
    }
}

/// Why an entry with these attributes becomes no record.
fn spoiled(attributes: &Attributes) -> Option<&'static str> {
    if attributes
        .get("negationInd")
        .is_some_and(|negated| negated != "false")
    {
        Some("cda:negationInd")
    } else if attributes.get("nullFlavor").is_some() {
        Some("cda:nullFlavor")
    } else {
        None
    }
}

/// The attributes of an element that are read.
#[derive(Default)]
struct Attributes(Vec<(&'static str, String)>);

impl Attributes {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests;
