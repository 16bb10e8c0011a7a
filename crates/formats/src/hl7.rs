//! HL7 v2.5 messages: segments, fields, repetitions, components, over decoded text.
//!
//! Text is split only after decoding, because the bytes of Japanese characters contain the
//! separators. Nothing is copied but values with escapes, which are resolved last. Real files end
//! segments with CR, LF or both, leave segments bare (`AL1` alone), or hold several messages.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use record::FindingCode;

/// The most segments that one file may hold.
pub const MAX_SEGMENTS: u32 = 20_000;
/// The most fields that one segment may hold.
pub const MAX_FIELDS: usize = 512;
/// The most repetitions of one field that are looked at.
pub const MAX_REPETITIONS: usize = 100;
/// Fields above this number are counted and not kept: no segment of HL7 v2.5 has so many.
const KEPT_FIELDS: usize = 56;

/// The separators that a message declares in MSH-1 and MSH-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separators {
    field: u8,
    component: u8,
    repetition: u8,
    escape: u8,
    subcomponent: u8,
}

impl Separators {
    /// Those of nearly every message: `|^~\&`.
    pub const DEFAULT: Self = Self {
        field: b'|',
        component: b'^',
        repetition: b'~',
        escape: b'\\',
        subcomponent: b'&',
    };

    /// Reads what follows `MSH`. A separator that is missing takes its usual sign. `None` when the
    /// signs cannot separate: letters, digits, blanks, quotes or two equal ones.
    fn read(after_name: &str) -> Option<Self> {
        let (&field, rest) = after_name.as_bytes().split_first()?;
        let end = memchr(field, rest).unwrap_or(rest.len());
        let declared = after_name.get(1..=end).unwrap_or_default();
        // In the code of older systems the yen sign stands where ASCII has the backslash.
        let declared = match declared.is_ascii() {
            true => Cow::Borrowed(declared),
            false => Cow::Owned(declared.replace(['¥', '￥'], "\\")),
        };
        let declared = declared.as_bytes();
        let usual = Self::DEFAULT;
        let sign = |index: usize, usual: u8| declared.get(index).copied().unwrap_or(usual);
        let signs = [
            field,
            sign(0, usual.component),
            sign(1, usual.repetition),
            sign(2, usual.escape),
            sign(3, usual.subcomponent),
        ];
        let separates = |b: u8| b.is_ascii_punctuation() && b != b'"';
        let distinct = (1..signs.len()).all(|n| !signs[n..].contains(&signs[n - 1]));
        let [field, component, repetition, escape, subcomponent] = signs;
        (distinct && signs.into_iter().all(separates)).then_some(Self {
            field,
            component,
            repetition,
            escape,
            subcomponent,
        })
    }
}

/// A three-letter segment name.
pub type SegmentName = [u8; 3];

/// A set of components or subcomponents, by number. Numbers above 15 belong to [`Parts::ALL`] only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts(u16);

impl Parts {
    /// Every one.
    pub const ALL: Self = Self(u16::MAX);
    /// None.
    pub const NONE: Self = Self(0);

    /// Those of the list.
    pub const fn of(numbers: &[u8]) -> Self {
        let mut set = 0;
        let mut at = 0;
        while at < numbers.len() {
            set |= 1 << numbers[at];
            at += 1;
        }
        Self(set)
    }

    /// Whether a number is one of them.
    pub const fn holds(self, number: u8) -> bool {
        match number {
            0..=15 => self.0 >> number & 1 == 1,
            _ => self.0 == u16::MAX,
        }
    }

    /// Those of both.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of another.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// One line of a file.
#[derive(Debug, Clone, Copy)]
pub enum Line<'t> {
    /// A segment.
    Segment(Segment<'t>),
    /// A line that does not begin like a segment.
    Unreadable {
        /// Which line, from 1, empty lines not counted.
        line: u32,
        /// What stands there.
        words: Words<'t>,
    },
}

/// A line that nobody understood. It does not print.
#[derive(Clone, Copy)]
pub struct Words<'t>(&'t str);

impl<'t> Words<'t> {
    /// The line.
    pub fn as_written(self) -> &'t str {
        self.0
    }
}

impl std::fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// One segment, not yet split.
#[derive(Clone, Copy)]
pub struct Segment<'t> {
    /// Its name.
    pub name: SegmentName,
    /// Which segment of the file, from 1.
    pub line: u32,
    /// Everything after the name and, but for MSH, after the first separator.
    body: &'t str,
    separators: Separators,
}

impl std::fmt::Debug for Segment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment")
            .field("name", &self.name)
            .field("line", &self.line)
            .finish()
    }
}

/// The lines of a file, first to last.
pub struct Lines<'t> {
    rest: &'t str,
    line: u32,
    separators: Separators,
}

/// Starts reading a file.
///
/// # Errors
/// [`FindingCode::NotHl7`] when the text does not begin with a message header.
pub fn lines(text: &str) -> Result<Lines<'_>, FindingCode> {
    let rest = text.trim_start().trim_end_matches(is_filling);
    let header = rest.strip_prefix("MSH").ok_or(FindingCode::NotHl7)?;
    let separators = Separators::read(first_line(header)).ok_or(FindingCode::NotHl7)?;
    Ok(Lines {
        rest,
        line: 0,
        separators,
    })
}

impl<'t> Iterator for Lines<'t> {
    type Item = Result<Line<'t>, FindingCode>;

    /// The next line that is not empty; [`FindingCode::LimitReached`] above [`MAX_SEGMENTS`].
    fn next(&mut self) -> Option<Self::Item> {
        let line = loop {
            if self.rest.is_empty() {
                return None;
            }
            let line = first_line(self.rest);
            self.rest = self.rest.get(line.len() + 1..).unwrap_or_default();
            if !line.trim().is_empty() {
                break line;
            }
        };
        self.line += 1;
        if self.line > MAX_SEGMENTS {
            self.rest = "";
            return Some(Err(FindingCode::LimitReached));
        }
        Some(Ok(self.segment(line)))
    }
}

impl<'t> Lines<'t> {
    fn segment(&mut self, text: &'t str) -> Line<'t> {
        let line = self.line;
        let words = Words(text);
        let unreadable = Line::Unreadable { line, words };
        let Some((name, after)) = text.split_at_checked(3) else {
            return unreadable;
        };
        let Ok(name) = SegmentName::try_from(name.as_bytes()) else {
            return unreadable;
        };
        let named = name[0].is_ascii_uppercase()
            && name
                .iter()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if &name == b"MSH" {
            // A bare or broken header in the middle starts no message.
            let Some(separators) = Separators::read(after) else {
                return unreadable;
            };
            self.separators = separators;
            return Line::Segment(Segment {
                name,
                line,
                body: after,
                separators,
            });
        }
        let separators = self.separators;
        let body = match after.as_bytes().first() {
            None => "",
            Some(&first) if first == separators.field => after.get(1..).unwrap_or_default(),
            Some(_) => return unreadable,
        };
        if !named {
            return unreadable;
        }
        Line::Segment(Segment {
            name,
            line,
            body,
            separators,
        })
    }
}

impl<'t> Segment<'t> {
    /// Everything after the name and, but for MSH, after the first separator.
    pub(crate) fn text(&self) -> &'t str {
        self.body
    }

    /// The separators of its message.
    pub(crate) fn separators(&self) -> Separators {
        self.separators
    }

    /// Splits the segment into its fields; `None` above [`MAX_FIELDS`].
    pub fn fields(&self) -> Option<Fields<'t>> {
        let mut ends = [0u32; KEPT_FIELDS];
        let bytes = self.body.as_bytes();
        let whole = u32::try_from(bytes.len()).ok()?;
        // MSH-1 is the separator itself, which stands where others end their first field.
        let mut count = 1usize;
        for end in positions(self.separators.field, bytes) {
            if let Some(slot) = ends.get_mut(count) {
                *slot = end;
            }
            count += 1;
            if count > MAX_FIELDS {
                return None;
            }
        }
        if let Some(slot) = ends.get_mut(count) {
            *slot = whole;
        }
        Some(Fields {
            segment: *self,
            ends,
            count,
        })
    }
}

/// A segment split into its fields.
#[derive(Clone, Copy)]
pub struct Fields<'t> {
    segment: Segment<'t>,
    /// Where each field ends in the body of the segment; it begins after the separator that ends
    /// the one before.
    ends: [u32; KEPT_FIELDS],
    count: usize,
}

impl<'t> Fields<'t> {
    /// The name of the segment.
    pub fn name(&self) -> SegmentName {
        self.segment.name
    }

    /// Which segment of the file, from 1.
    pub fn line(&self) -> u32 {
        self.segment.line
    }

    /// Field `number`, from 1 as the standard counts; empty when there is none.
    pub fn field(&self, number: u8) -> Field<'t> {
        Field {
            text: self.text(number).unwrap_or_default(),
            separators: self.segment.separators,
            components: Parts::ALL,
            subcomponents: Parts::ALL,
        }
    }

    /// The fields above the greatest one that is kept, as they are written.
    pub(crate) fn beyond(&self) -> &'t str {
        let end = self.ends.get(KEPT_FIELDS - 1).map(|end| *end as usize);
        let rest = end.filter(|_| self.count >= KEPT_FIELDS);
        rest.and_then(|end| self.segment.body.get(end..))
            .unwrap_or_default()
    }

    fn text(&self, number: u8) -> Option<&'t str> {
        let number = usize::from(number);
        let body = self.segment.body;
        let start = match number {
            0 => return None,
            1 if &self.segment.name == b"MSH" => return body.get(..1),
            1 => 0,
            _ => 1 + *self.ends.get(number - 1)?,
        };
        let end = (number <= self.count).then(|| self.ends.get(number))??;
        body.get(start as usize..*end as usize)
    }

    /// The fields that say something, by number, a bit each. Bit 63 stands for the fields above
    /// number 55, which nobody reads.
    pub fn filled(&self) -> u64 {
        let last = self.count.min(KEPT_FIELDS - 1);
        let mut filled = 0;
        for number in (1u8..).take(last) {
            let says = self.text(number).is_some_and(|text| !says_nothing(text));
            filled |= u64::from(says) << number;
        }
        let after = self.ends.get(KEPT_FIELDS - 1).map(|end| *end as usize);
        let more = self.count >= KEPT_FIELDS
            && after
                .and_then(|after| self.segment.body.as_bytes().get(after..))
                .is_some_and(|rest| rest.iter().any(|b| *b != self.segment.separators.field));
        filled | u64::from(more) << 63
    }
}

/// Whether a field says nothing: absent, or `""`, which asks to delete the value.
fn says_nothing(text: &str) -> bool {
    matches!(text, "" | "\"\"")
}

/// One field with its repetitions, or one of them.
#[derive(Clone, Copy)]
pub struct Field<'t> {
    text: &'t str,
    separators: Separators,
    components: Parts,
    subcomponents: Parts,
}

impl<'t> Field<'t> {
    /// The whole field with its separators and escapes.
    pub(crate) fn as_written(self) -> &'t str {
        self.text
    }

    /// The field with other components and subcomponents hidden: they read as empty.
    pub fn limited(self, components: Parts, subcomponents: Parts) -> Self {
        Self {
            components,
            subcomponents,
            ..self
        }
    }

    /// Whether the field says nothing: absent, or `""`, which asks to delete the value.
    pub fn is_empty(self) -> bool {
        says_nothing(self.text)
    }

    /// Whether it has more than one component.
    pub fn is_compound(self) -> bool {
        find(self.separators.component, self.text.as_bytes()).is_some()
    }

    /// Whether it has more than one repetition.
    pub fn is_repeated(self) -> bool {
        find(self.separators.repetition, self.text.as_bytes()).is_some()
    }

    /// Whether there are more repetitions than [`MAX_REPETITIONS`].
    pub fn is_over_limit(self) -> bool {
        self.text.len() > MAX_REPETITIONS
            && memchr::memchr_iter(self.separators.repetition, self.text.as_bytes()).count()
                >= MAX_REPETITIONS
    }

    /// Its repetitions, at most [`MAX_REPETITIONS`], none when the field is empty.
    pub fn repetitions(self) -> impl Iterator<Item = Repetition<'t>> {
        let mut rest = (!self.is_empty()).then_some(self.text);
        let separator = self.separators.repetition;
        std::iter::from_fn(move || {
            let (first, after) = split_once(rest?, separator);
            rest = after;
            Some(self.repetition(first))
        })
        .take(MAX_REPETITIONS)
    }

    /// The first repetition.
    pub fn first(self) -> Repetition<'t> {
        let text = match self.is_empty() {
            true => "",
            false => split_once(self.text, self.separators.repetition).0,
        };
        self.repetition(text)
    }

    fn repetition(self, text: &'t str) -> Repetition<'t> {
        Repetition { text, field: self }
    }

    /// The first component of the first repetition.
    pub fn value(self) -> Value<'t> {
        self.first().component(1)
    }
}

/// One repetition of a field.
#[derive(Clone, Copy)]
pub struct Repetition<'t> {
    text: &'t str,
    /// The field, for its separators and for what of it may be seen.
    field: Field<'t>,
}

impl<'t> Repetition<'t> {
    /// Component `number`, from 1; empty when there is none or when it is hidden.
    pub fn component(self, number: u8) -> Value<'t> {
        let text = match self.field.components.holds(number) {
            true => nth(self.text, self.field.separators.component, number),
            false => "",
        };
        self.value(text)
    }

    /// The first six components.
    pub fn components(self) -> [Value<'t>; 6] {
        let mut rest = Some(self.text);
        let mut number = 0;
        std::array::from_fn(|_| {
            number += 1;
            let (text, after) = match rest {
                Some(rest) => split_once(rest, self.field.separators.component),
                None => ("", None),
            };
            rest = after;
            self.value(match self.field.components.holds(number) {
                true => text,
                false => "",
            })
        })
    }

    /// The numbers of the components that say something, hidden ones too.
    pub fn filled(self) -> impl Iterator<Item = u8> {
        let mut rest = Some(self.text);
        let separator = self.field.separators.component;
        let components = (1..=u8::MAX).map_while(move |number| {
            let (text, after) = split_once(rest?, separator);
            rest = after;
            Some((number, text))
        });
        components
            .filter(move |(_, text)| !self.value(text).is_empty())
            .map(|(number, _)| number)
    }

    fn value(self, text: &'t str) -> Value<'t> {
        Value {
            text,
            separators: self.field.separators,
            subcomponents: self.field.subcomponents,
        }
    }
}

/// A component or a subcomponent.
#[derive(Clone, Copy)]
pub struct Value<'t> {
    text: &'t str,
    separators: Separators,
    subcomponents: Parts,
}

impl<'t> Value<'t> {
    /// Whether it says nothing.
    pub fn is_empty(self) -> bool {
        matches!(trimmed(self.text), "" | "\"\"")
    }

    /// Subcomponent `number`, from 1; empty when there is none or when it is hidden.
    pub fn subcomponent(self, number: u8) -> Self {
        let text = match self.subcomponents.holds(number) {
            true => nth(self.text, self.separators.subcomponent, number),
            false => "",
        };
        Self {
            text,
            subcomponents: Parts::ALL,
            ..self
        }
    }

    /// Whether it has subcomponents of which some are hidden.
    pub fn hides(self) -> bool {
        self.subcomponents != Parts::ALL
            && find(self.separators.subcomponent, self.text.as_bytes()).is_some()
    }

    /// The text without surrounding blanks, its escapes resolved. Empty for the delete value. Where
    /// subcomponents are hidden, it is the text of the first one.
    pub fn text(self) -> Cow<'t, str> {
        if self.subcomponents != Parts::ALL {
            return self.subcomponent(1).text();
        }
        let text = trimmed(self.text);
        match text {
            "\"\"" => Cow::Borrowed(""),
            _ if find(self.separators.escape, text.as_bytes()).is_none() => Cow::Borrowed(text),
            _ => Cow::Owned(unescaped(text, self.separators)),
        }
    }
}

/// The text up to the first CR or LF.
fn first_line(text: &str) -> &str {
    let end = memchr2(b'\r', b'\n', text.as_bytes()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The text without surrounding blanks, full-width ones too. Most texts have none, which their
/// first and last byte tell.
fn trimmed(text: &str) -> &str {
    let plain = |byte: &u8| (0x21..=0x7E).contains(byte);
    match text.as_bytes() {
        [] => text,
        [only] if plain(only) => text,
        [first, .., last] if plain(first) && plain(last) => text,
        _ => text.trim(),
    }
}

/// Where a separator first stands. Fields are short: a call of the general search costs more than
/// to look at their bytes.
fn find(separator: u8, bytes: &[u8]) -> Option<usize> {
    const SHORT: usize = 24;
    match bytes.len() {
        ..SHORT => bytes.iter().position(|&byte| byte == separator),
        _ => memchr(separator, bytes),
    }
}

/// Where a separator stands, eight bytes at a time: in a segment every few bytes are one.
fn positions(separator: u8, bytes: &[u8]) -> impl Iterator<Item = u32> {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let (words, rest) = bytes.as_chunks::<8>();
    let pattern = u64::from_le_bytes([separator; 8]);
    let mut at = 0;
    let in_words = words.iter().flat_map(move |word| {
        // A byte of `other` is zero where the separator stands; its top bit is then set in `marks`.
        let other = u64::from_le_bytes(*word) ^ pattern;
        let mut marks = !(((other & LOW) + LOW) | other | LOW);
        let start = at;
        at += 8;
        std::iter::from_fn(move || {
            let bit = (marks != 0).then(|| marks.trailing_zeros())?;
            marks &= marks - 1;
            Some(start + bit / 8)
        })
    });
    let start = 8 * words.len() as u32;
    let in_rest = (start..)
        .zip(rest)
        .filter(move |(_, byte)| **byte == separator);
    in_words.chain(in_rest.map(|(at, _)| at))
}

/// What systems fill a file up with, to the length of a block: zeros, blanks, the end mark of DOS,
/// behind the end of the last segment or in its place.
fn is_filling(character: char) -> bool {
    matches!(character, '\0' | '\u{1A}' | ' ' | '\r' | '\n')
}

fn split_once(text: &str, separator: u8) -> (&str, Option<&str>) {
    match find(separator, text.as_bytes()) {
        Some(end) => (text.get(..end).unwrap_or_default(), text.get(end + 1..)),
        None => (text, None),
    }
}

fn nth(text: &str, separator: u8, number: u8) -> &str {
    let mut rest = text;
    for _ in 1..number {
        match split_once(rest, separator).1 {
            Some(after) => rest = after,
            None => return "",
        }
    }
    split_once(rest, separator).0
}

/// Resolves `\F\ \S\ \T\ \R\ \E\`; formatting escapes become blanks, bytes given as hexadecimal
/// become U+FFFD, and an escape sign that begins nothing known stays.
fn unescaped(text: &str, separators: Separators) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let (before, Some(after)) = split_once(rest, separators.escape) {
        resolved.push_str(before);
        let (sequence, following) = split_once(after, separators.escape);
        let sign = match (sequence, following) {
            (_, None) => None,
            ("F", _) => Some(char::from(separators.field)),
            ("S", _) => Some(char::from(separators.component)),
            ("T", _) => Some(char::from(separators.subcomponent)),
            ("R", _) => Some(char::from(separators.repetition)),
            ("E", _) => Some(char::from(separators.escape)),
            ("H" | "N", _) => Some(' '),
            (formatting, _) if is_formatting(formatting) => Some(' '),
            (hexadecimal, _) if is_hexadecimal(hexadecimal) => Some(char::REPLACEMENT_CHARACTER),
            _ => None,
        };
        match sign.zip(following) {
            Some((sign, following)) => {
                resolved.push(sign);
                rest = following;
            }
            None => {
                resolved.push(char::from(separators.escape));
                rest = after;
            }
        }
    }
    resolved.push_str(rest);
    resolved
}

/// `.br`, `.sp+3`, `.in-4` and their like. Anything longer is text that happens to stand between
/// two escape signs, and stays.
fn is_formatting(sequence: &str) -> bool {
    const LONGEST: usize = 8;
    let command = sequence.strip_prefix('.').unwrap_or_default().as_bytes();
    (2..LONGEST).contains(&command.len())
        && command.iter().take(2).all(u8::is_ascii_alphabetic)
        && command
            .iter()
            .skip(2)
            .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-'))
}

fn is_hexadecimal(sequence: &str) -> bool {
    sequence.len() > 1
        && sequence.starts_with('X')
        && sequence.bytes().skip(1).all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
