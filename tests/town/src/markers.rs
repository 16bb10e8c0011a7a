//! Messages with a marker in every field that can name somebody, for every kind of message
//! (A-037, A-038, B-133). What is searched for them afterwards must not hold one.

mod table;

use encoding_rs::ISO_2022_JP;
use table::ALL;
pub use table::{Class, EVENTS, FIELDS, LINES, VALUE_TYPES};

/// What a marker looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A name in kanji.
    Kanji,
    /// A name in kana.
    Kana,
    /// A number like those of charts and orders.
    Number,
    /// An address.
    Address,
    /// A telephone number.
    Phone,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 5] = [
        Self::Kanji,
        Self::Kana,
        Self::Number,
        Self::Address,
        Self::Phone,
    ];
}

/// Something that must not be found where it is not meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Segment, field, component, form.
    pub place: String,
    /// The text.
    pub text: String,
}

/// A message with markers.
#[derive(Debug, Clone)]
pub struct Marked {
    /// The kind of its file.
    pub kind: &'static str,
    /// What is marked.
    pub what: String,
    /// The message, one line for each segment.
    pub text: String,
    /// The markers in it.
    pub markers: Vec<Marker>,
}

impl Marked {
    /// The file: ISO-2022-JP, segments ended by CR.
    pub fn bytes(&self) -> Vec<u8> {
        ISO_2022_JP.encode(&self.text).0.into_owned()
    }
}

/// The components that get a marker: those that some type of HL7 fills, and some that none does.
const COMPONENTS: [usize; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14];

/// A target: one field of one segment, or a value of a type.
#[derive(Debug, Clone, Copy)]
struct Target {
    segment: &'static str,
    field: u8,
    value_type: Option<&'static str>,
}

impl Target {
    fn is_of_whole_segment(&self) -> bool {
        let fields = FIELDS
            .iter()
            .find(|(segment, _, _)| *segment == self.segment);
        fields.is_some_and(|(_, fields, _)| std::ptr::eq(*fields, ALL))
    }
}

fn targets() -> Vec<Target> {
    let fields = FIELDS.iter().flat_map(|(segment, fields, _)| {
        fields.iter().map(|field| Target {
            segment,
            field: *field,
            value_type: None,
        })
    });
    let values = VALUE_TYPES.iter().map(|value_type| Target {
        segment: "OBX",
        field: 5,
        value_type: Some(value_type),
    });
    fields.chain(values).collect()
}

/// One message for each target and form: the form in every component of the field. Segments of
/// which nothing is read get one form for each field.
pub fn messages(kind: &'static str, chart: &str) -> Vec<Marked> {
    let mut all = Vec::new();
    for (number, target) in (0u32..).zip(targets()) {
        for (index, form) in (0..).zip(Form::ALL) {
            if !target.is_of_whole_segment() || number % 5 == index {
                all.push(message(kind, chart, target, number, form));
            }
        }
    }
    all
}

/// One message for each target and a few for each segment of which nothing is read: enough to
/// search what programs leave on disk.
pub fn few_messages(kind: &'static str, chart: &str) -> Vec<Marked> {
    let numbered = (0usize..).zip(targets());
    let picked =
        numbered.filter(|(_, target)| !target.is_of_whole_segment() || target.field % 8 == 5);
    picked
        .map(|(number, target)| {
            let form = Form::ALL
                [(number + kind.bytes().map(usize::from).sum::<usize>()) % Form::ALL.len()];
            message(kind, chart, target, number as u32, form)
        })
        .collect()
}

/// A message of a kind without a marker: header and patient.
pub fn plain(kind: &'static str, chart: &str) -> String {
    format!("{}\r{}\r", header(kind), patient(chart))
}

fn patient(chart: &str) -> String {
    format!("PID|1||{chart}^^^^PI||山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^P||19500102|M")
}

fn message(kind: &'static str, chart: &str, target: Target, number: u32, form: Form) -> Marked {
    let mut markers = Vec::new();
    let mut mark = |component: usize, repetition: u32| {
        let id = number * 128 + COMPONENTS.len() as u32 * repetition + component as u32;
        let place = format!(
            "{}-{}.{component} {} {form:?}",
            target.segment,
            target.field,
            target.value_type.unwrap_or_default()
        );
        let text = text(form, id);
        markers.push(Marker {
            place,
            text: text.clone(),
        });
        text
    };
    let mut repetition = |number: u32| {
        let filled = (1..=14).map(|component| match COMPONENTS.contains(&component) {
            // Two subcomponents, the second one marked alone.
            true if component == 3 => format!("&{}", mark(component, number)),
            true => mark(component, number),
            false => String::new(),
        });
        filled.collect::<Vec<_>>().join("^")
    };
    let value = format!("{}~{}", repetition(0), repetition(4));
    Marked {
        kind,
        what: format!("{kind} {target:?} {form:?}"),
        text: lines(kind, chart, target, &value).join("\r") + "\r",
        markers,
    }
}

/// The lines of a message of a kind, with every segment that HL7 and sites know, so that whatever a
/// reader of the kind reads is there; and the value in its field.
fn lines(kind: &'static str, chart: &str, target: Target, value: &str) -> Vec<String> {
    let patient = patient(chart);
    let mut lines = vec![header(kind), patient.clone()];
    lines.extend(LINES.iter().map(|line| (*line).to_owned()));
    let mut found = false;
    for line in &mut lines {
        if line.starts_with(target.segment) && !found {
            found = true;
            *line = with_field(line, target, value);
        }
    }
    if !found {
        // At the end, and where the first order begins.
        let line = with_field(target.segment, target, value);
        lines.insert(2, line.clone());
        lines.push(line);
    }
    if target.segment == "PID" {
        // The patient again, as in front of earlier results.
        lines.push(with_field(&patient, target, value));
    }
    lines
}

fn with_field(line: &str, target: Target, value: &str) -> String {
    let mut fields: Vec<_> = line.split('|').map(str::to_owned).collect();
    // MSH-1 is the separator itself.
    let shift = usize::from(target.segment == "MSH");
    let at = usize::from(target.field) - shift;
    fields.resize(fields.len().max(at + 1), String::new());
    value.clone_into(&mut fields[at]);
    if let Some(value_type) = target.value_type {
        value_type.clone_into(&mut fields[2]);
        fields[6].clear();
        fields[7].clear();
    }
    fields.join("|")
}

fn header(kind: &'static str) -> String {
    format!(
        "MSH|^~\\&|HIS|SEND|GW|RCV|20260105101112||{}|1|P|2.5||||||~ISO IR87||ISO 2022-1994",
        event(kind)
    )
}

/// The message that registers a document of a kind.
fn event(kind: &str) -> &'static str {
    let known = EVENTS.iter().find(|(one, _)| *one == kind);
    known.map_or("ORU^R01^ORU_R01", |(_, event)| event)
}

/// Number `id` written in a form, so that no other number is a part of it.
fn text(form: Form, id: u32) -> String {
    let digits = format!("{id:06}");
    let spelled = |letters: &str| -> String {
        let letters: Vec<_> = letters.chars().collect();
        let digits = digits.bytes().map(|digit| usize::from(digit - b'0'));
        digits.filter_map(|digit| letters.get(digit)).collect()
    };
    match form {
        Form::Kanji => format!("鷺沼{}", spelled("壱弐参肆伍陸漆捌玖零")),
        Form::Kana => format!("サギヌマ{}", spelled("アカサタナハマヤラワ")),
        Form::Number => format!("7{}913", digits),
        Form::Address => format!("東京都小金井市{}町１－２", spelled("壱弐参肆伍陸漆捌玖零")),
        Form::Phone => {
            let (first, last) = digits.split_at_checked(4).unwrap_or((&digits, ""));
            format!("090-{first}-{last}13")
        }
    }
}
