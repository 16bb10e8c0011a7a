//! The table: which field of which segment becomes what, and the one walk that enforces it.
//!
//! Readers of data kinds never see a segment itself. They see it `Allowed`: the walk has counted
//! every field and component that the table does not let through, and hides it. So the table alone
//! decides what can leave, and the page for clinics is written from it (`docs/what-leaves.md`).
//!
//! The rows stand in `rows`; everything that the walk looks up is computed from them when the
//! program is compiled.

use record::{DataKind, Role};

use super::notes::Notes;
use crate::hl7::{Field, Fields, Parts, SegmentName};

mod groups;
mod row;
mod rows;

pub use groups::Kinds;
pub use rows::SEGMENTS;

/// What a field is about, as far as it could tell who a person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Identifies the patient or a relative.
    Direct,
    /// Names a member of staff.
    Staff,
    /// Names an institution or a place of one.
    Facility,
    /// Helps to identify together with others.
    Quasi,
    /// A number by which records of other systems are found.
    Linkable,
    /// Words that anybody typed.
    Text,
    /// What was found, ordered or done.
    Content,
}

/// What becomes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Treatment {
    /// Leaves as it is, when the vocabulary can say it.
    Keep,
    /// Leaves as a keyed hash only, for linkage.
    Token,
    /// A number that leaves as a keyed reference or as a place in an order.
    Rekey,
    /// Leaves coarser than it is.
    Generalise,
    /// Stays, unless a contract says otherwise: then a staff number leaves as a keyed token, the
    /// code of an institution as it is. Counted as what stays either way, because the name beside
    /// it does.
    Named(Role),
    /// Is read to understand the message, and stays.
    Read,
    /// Stays.
    Drop,
}

impl Treatment {
    /// Whether readers of data kinds see the field.
    pub const fn passes(self) -> bool {
        !matches!(self, Self::Drop | Self::Named(_))
    }
}

/// A version of the guideline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guideline {
    /// 1.2c, the first one whose table is known here.
    V1_2c,
    /// 1.2h.
    V1_2h,
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The field.
    pub field: u8,
    /// Which of its components.
    pub components: Parts,
    /// Which subcomponents of those.
    pub subcomponents: Parts,
    /// Components that hold names of the codes beside: they stay without being counted.
    pub names: Parts,
    /// Whether every repetition is read, and not the first alone.
    pub repeats: bool,
    /// What it is, in Japanese.
    pub label: &'static str,
    /// How far it identifies.
    pub class: Class,
    /// What becomes of it.
    pub treatment: Treatment,
    /// For which data kinds. Elsewhere it stays.
    pub kinds: Kinds,
    /// Where it goes in the vocabulary.
    pub target: &'static str,
    /// Since which version of the guideline it is there.
    pub since: Guideline,
    /// Until which version.
    pub until: Option<Guideline>,
}

impl Row {
    /// Whether the row lets something through for a kind.
    pub fn passes(&self, kind: DataKind) -> bool {
        self.treatment.passes() && self.kinds.holds(kind)
    }
}

/// The rows of a segment.
#[derive(Debug, Clone, Copy)]
pub struct SegmentRows {
    /// Its name.
    pub name: SegmentName,
    /// What it is, in Japanese.
    pub ja: &'static str,
    /// Its rows, by field.
    pub rows: &'static [Row],
}

/// What a type of OBX-5 may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A number.
    Number,
    /// A short text of which only numbers and signs of a closed list are read.
    Sign,
    /// A number with a comparator.
    Structured,
    /// A code.
    Coded,
    /// A date or time.
    Time,
    /// A thing used, with its amount.
    Used,
    /// Nothing: it stays.
    Nothing,
}

/// A type of OBX-5.
#[derive(Debug, Clone, Copy)]
pub struct ValueType {
    /// Its name in HL7.
    pub name: &'static str,
    /// What it is, in Japanese.
    pub ja: &'static str,
    /// How far it identifies.
    pub class: Class,
    /// What it becomes.
    pub form: Form,
}

const fn value(name: &'static str, ja: &'static str, class: Class, form: Form) -> ValueType {
    ValueType {
        name,
        ja,
        class,
        form,
    }
}

/// What OBX-5 becomes, by OBX-2. A type that is not here stays.
pub const VALUES: &[ValueType] = &[
    value("NM", "数値", Class::Content, Form::Number),
    value(
        "ST",
        "短い文字列（数値と陰性・陽性などの記号だけ）",
        Class::Text,
        Form::Sign,
    ),
    value("IS", "区分（数値と記号だけ）", Class::Content, Form::Sign),
    value("ID", "区分（数値と記号だけ）", Class::Content, Form::Sign),
    value("SN", "不等号つきの数値", Class::Content, Form::Structured),
    value("CWE", "コード", Class::Content, Form::Coded),
    value("CE", "コード", Class::Content, Form::Coded),
    value("CNE", "コード", Class::Content, Form::Coded),
    value("TS", "日時", Class::Quasi, Form::Time),
    value("DT", "日付", Class::Quasi, Form::Time),
    value("DTM", "日時", Class::Quasi, Form::Time),
    value("ZRD", "使用した薬剤・物品と量", Class::Content, Form::Used),
    value("TX", "文章", Class::Text, Form::Nothing),
    value("FT", "書式つきの文章", Class::Text, Form::Nothing),
    value("XCN", "職員の氏名・番号", Class::Staff, Form::Nothing),
    value("PPN", "職員の氏名・番号と日時", Class::Staff, Form::Nothing),
    value("XON", "組織の名前", Class::Facility, Form::Nothing),
    value("XPN", "人の氏名", Class::Direct, Form::Nothing),
    value("XAD", "住所", Class::Direct, Form::Nothing),
    value("XTN", "電話番号", Class::Direct, Form::Nothing),
    value("CX", "番号", Class::Direct, Form::Nothing),
    value("ED", "埋め込まれた文書・画像", Class::Text, Form::Nothing),
    value("RP", "文書・画像への参照", Class::Linkable, Form::Nothing),
];

/// The form of a value by its type.
pub(crate) fn form_of(name: &str) -> Form {
    let known = VALUES.iter().find(|value| value.name == name);
    known.map_or(Form::Nothing, |value| value.form)
}

/// Whether a type of value is one of the table.
pub(crate) fn is_known(name: &str) -> bool {
    VALUES.iter().any(|value| value.name == name)
}

const SEGMENT_COUNT: usize = SEGMENTS.len();
const KINDS: usize = DataKind::ALL.len();
/// One more than the greatest field number of the table.
const FIELDS: usize = 56;

/// What the walk looks up of a field.
#[derive(Clone, Copy)]
struct Shape {
    components: Parts,
    subcomponents: Parts,
    names: Parts,
    repeats: bool,
}

/// Names of the segments, as numbers in order.
static NAMES: [u32; SEGMENT_COUNT] = names();
/// For each segment and kind, the fields that pass, as bits.
static PASSING: [[u64; KINDS]; SEGMENT_COUNT] = passing();
/// For each segment and field, the form in which it passes.
static SHAPES: [[Shape; FIELDS]; SEGMENT_COUNT] = shapes();

const fn number_of(name: SegmentName) -> u32 {
    (name[0] as u32) << 16 | (name[1] as u32) << 8 | name[2] as u32
}

const fn names() -> [u32; SEGMENT_COUNT] {
    let mut names = [0; SEGMENT_COUNT];
    let mut at = 0;
    while at < SEGMENT_COUNT {
        names[at] = number_of(SEGMENTS[at].name);
        assert!(at == 0 || names[at - 1] < names[at], "segments in order");
        at += 1;
    }
    names
}

const fn passing() -> [[u64; KINDS]; SEGMENT_COUNT] {
    let mut all = [[0; KINDS]; SEGMENT_COUNT];
    let mut at = 0;
    while at < SEGMENT_COUNT {
        let rows = SEGMENTS[at].rows;
        let mut row = 0;
        while row < rows.len() {
            let mut kind = 0;
            while kind < KINDS && rows[row].treatment.passes() {
                if rows[row].kinds.holds(DataKind::ALL[kind]) {
                    all[at][kind] |= 1 << rows[row].field;
                }
                kind += 1;
            }
            row += 1;
        }
        at += 1;
    }
    all
}

const fn shapes() -> [[Shape; FIELDS]; SEGMENT_COUNT] {
    const NONE: Shape = Shape {
        components: Parts::NONE,
        subcomponents: Parts::ALL,
        names: Parts::NONE,
        repeats: false,
    };
    let mut all = [[NONE; FIELDS]; SEGMENT_COUNT];
    let mut at = 0;
    while at < SEGMENT_COUNT {
        let rows = SEGMENTS[at].rows;
        let mut number = 0;
        while number < rows.len() {
            let row = rows[number];
            if row.treatment.passes() {
                all[at][row.field as usize] = Shape {
                    components: row.components,
                    subcomponents: row.subcomponents,
                    names: row.names,
                    repeats: row.repeats,
                };
            }
            number += 1;
        }
        at += 1;
    }
    all
}

/// A segment of the table for one data kind.
#[derive(Clone, Copy)]
pub(crate) struct Gate {
    passing: u64,
    shapes: &'static [Shape; FIELDS],
}

/// Two gates of one segment are equal when the same passes.
impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        self.passing == other.passing && std::ptr::eq(self.shapes, other.shapes)
    }
}

/// What a field, or some component of it, is about; nothing for one without a line.
pub(crate) fn classes(name: SegmentName, number: u8) -> impl Iterator<Item = Class> {
    let at = NAMES.binary_search(&number_of(name)).ok();
    let rows = at
        .and_then(|at| SEGMENTS.get(at))
        .map(|segment| segment.rows);
    let rows = rows.unwrap_or_default().iter();
    rows.filter(move |row| row.field == number)
        .map(|row| row.class)
}

/// The rows of a segment that name staff or institutions for a kind.
pub(crate) fn naming(
    kind: DataKind,
    name: SegmentName,
) -> impl Iterator<Item = (&'static Row, Role)> {
    let at = NAMES.binary_search(&number_of(name)).ok();
    let rows = at
        .and_then(|at| SEGMENTS.get(at))
        .map(|segment| segment.rows);
    let rows = rows.unwrap_or_default().iter();
    rows.filter_map(move |row| match row.treatment {
        Treatment::Named(role) if row.kinds.holds(kind) => Some((row, role)),
        _ => None,
    })
}

/// The greatest field of the table.
pub(crate) const GREATEST: u8 = 55;

/// Whether the codes of a field pass for a kind, and their names do not.
pub(crate) fn is_coded(kind: DataKind, name: SegmentName, number: u8) -> bool {
    let gate = gate(kind, name);
    let passing = |gate: &Gate| gate.passing.checked_shr(number.into()).unwrap_or(0) & 1 == 1;
    let shape = gate.filter(passing).and_then(|gate| gate.shape(number));
    let value = (&name, number) == (b"OBX", 5);
    shape.is_some_and(|shape| shape.names != Parts::NONE || value)
}

/// The gate of a segment; `None` when nothing of it passes for the kind.
pub(crate) fn gate(kind: DataKind, name: SegmentName) -> Option<Gate> {
    let at = NAMES.binary_search(&number_of(name)).ok()?;
    let passing = *PASSING.get(at)?.get(kind as usize)?;
    let shapes = SHAPES.get(at)?;
    (passing != 0).then_some(Gate { passing, shapes })
}

impl Gate {
    /// Counts what does not pass and hides it.
    pub(crate) fn admit<'f, 't>(
        self,
        fields: &'f Fields<'t>,
        notes: &mut Notes,
    ) -> Allowed<'f, 't> {
        let filled = fields.filled();
        for number in bits(filled & !self.passing) {
            notes.leave_field_of(fields.name(), number);
        }
        for number in bits(filled & self.passing) {
            let Some(shape) = self.shape(number) else {
                continue;
            };
            let field = fields.field(number);
            if !shape.repeats && field.is_repeated() {
                notes.leave_field_of(fields.name(), number);
            }
            if shape.components == Parts::ALL || !field.is_compound() {
                continue;
            }
            let known = shape.components.with(shape.names);
            let components = field.first().filled();
            for component in components.filter(|number| !known.holds(*number)) {
                notes.leave_component_of(fields.name(), number, component);
            }
        }
        Allowed { fields, gate: self }
    }

    fn shape(self, number: u8) -> Option<&'static Shape> {
        self.shapes.get(usize::from(number))
    }
}

/// The numbers of the bits that are set, from the lowest.
fn bits(mut set: u64) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let next = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        u8::try_from(next).ok().filter(|next| *next < 64)
    })
}

/// A segment as the table lets it through: whatever does not pass reads as empty.
#[derive(Clone, Copy)]
pub(crate) struct Allowed<'f, 't> {
    fields: &'f Fields<'t>,
    gate: Gate,
}

impl<'t> Allowed<'_, 't> {
    /// The name of the segment.
    pub(crate) fn name(&self) -> SegmentName {
        self.fields.name()
    }

    /// Which segment of the file, from 1.
    pub(crate) fn line(&self) -> u32 {
        self.fields.line()
    }

    /// What passes of a field.
    pub(crate) fn field(&self, number: u8) -> Field<'t> {
        let passes = self.gate.passing.checked_shr(number.into()).unwrap_or(0) & 1 == 1;
        match self.gate.shape(number).filter(|_| passes) {
            Some(shape) => self
                .fields
                .field(number)
                .limited(shape.components, shape.subcomponents),
            None => self.fields.field(0),
        }
    }
}
