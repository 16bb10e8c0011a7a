//! One masked example of each kind of record that left, for the director to see (C-13).
//!
//! The shape is that of a real record: which fields there are and how long their values. Every
//! letter and digit is replaced before anything is kept, so that no value of anybody is in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

use record::{Document, Record, ResourceKind};
use serde_json::Value;

use crate::error::Failure;
use crate::spool::write_durably;

const FILE: &str = "examples.json";

/// Masked examples by kind.
#[derive(Debug, Default)]
pub(crate) struct Examples(BTreeMap<String, Value>);

impl Examples {
    /// What is kept; none before anything left. A file that cannot be read holds none.
    pub(crate) fn read(folder: &Path) -> Self {
        let text = fs::read(folder.join(FILE)).unwrap_or_default();
        Self(serde_json::from_slice(&text).unwrap_or_default())
    }

    /// The example of a kind, one field a line: its name and the masked value.
    pub(crate) fn of(&self, kind: ResourceKind) -> Option<String> {
        let mut lines = Vec::new();
        list(self.0.get(kind.as_str())?, "", &mut lines);
        Some(lines.join("\n"))
    }
}

fn list(value: &Value, name: &str, lines: &mut Vec<String>) {
    let below = |part: &str| match name {
        "" => part.to_owned(),
        name => format!("{name}.{part}"),
    };
    match value {
        Value::Object(fields) => {
            for (part, value) in fields {
                list(value, &below(part), lines);
            }
        }
        Value::Array(values) => {
            for (place, value) in (1..).zip(values) {
                list(value, &below(&place.to_string()), lines);
            }
        }
        Value::String(text) => lines.push(format!("{name}: {text}")),
        Value::Null | Value::Bool(_) | Value::Number(_) => lines.push(format!("{name}: -")),
    }
}

/// Examples being gathered by the threads of a run.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// A bit for each kind that has its example, so that later records cost nothing.
    found: AtomicU16,
    examples: Mutex<Examples>,
}

impl Gathering {
    /// Looks at a document that leaves.
    pub(crate) fn look(&self, document: &Document) {
        for record in &document.records {
            let bit = 1_u16 << (record.kind() as u16);
            if self.found.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
                self.take(record);
            }
        }
    }

    fn take(&self, record: &Record) {
        let Ok(value) = serde_json::to_value(record) else {
            return;
        };
        // The outermost level only says which kind it is.
        let value = match value {
            Value::Object(kinds) if kinds.len() == 1 => kinds.into_iter().next().map(|it| it.1),
            other => Some(other),
        };
        if let (Some(value), Ok(mut examples)) = (value, self.examples.lock()) {
            examples
                .0
                .insert(record.kind().as_str().to_owned(), masked(value));
        }
    }

    /// Keeps what was found beside what earlier runs found.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn keep(&self, folder: &Path) -> Result<(), Failure> {
        let Ok(mut new) = self
            .examples
            .lock()
            .map(|mut new| std::mem::take(&mut new.0))
        else {
            return Ok(());
        };
        if new.is_empty() {
            return Ok(());
        }
        let mut kept = Examples::read(folder).0;
        kept.append(&mut new);
        let text = serde_json::to_vec(&kept).map_err(std::io::Error::other);
        text.and_then(|text| write_durably(&folder.join(FILE), &text))
            .map_err(|error| Failure::storing(FILE, error))
    }
}

/// Letters become `A` and digits `9`, in every value whatever its type; names of fields stay.
fn masked(value: Value) -> Value {
    let mask = |text: &str| -> String {
        let masked = text.chars().map(|letter| match letter {
            '0'..='9' => '9',
            letter if letter.is_alphanumeric() => 'A',
            letter => letter,
        });
        masked.collect()
    };
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => Value::String("A".to_owned()),
        Value::Number(number) => Value::String(mask(&number.to_string())),
        Value::String(text) => Value::String(mask(&text)),
        Value::Array(values) => Value::Array(values.into_iter().map(masked).collect()),
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, masked(value)));
            Value::Object(fields.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// C-13, B-133: nothing of a value is left, whatever it is.
    #[test]
    fn a_masked_example_keeps_the_shape_and_no_value() {
        let value = json!({
            "code": {"s": "JC10", "c": "3D010-１"},
            "at": "2026-04-01T09:05",
            "list": [12.5, true, null, "山田"],
        });
        let shown = json!({
            "code": {"s": "AA99", "c": "9A999-A"},
            "at": "9999-99-99A99:99",
            "list": ["99.9", "A", null, "AA"],
        });
        assert_eq!(masked(value), shown);
        let mut lines = Vec::new();
        list(&shown, "", &mut lines);
        assert_eq!(lines.first().unwrap(), "at: 9999-99-99A99:99");
        assert!(lines.contains(&"code.c: 9A999-A".to_owned()));
        assert!(lines.contains(&"list.4: AA".to_owned()));
    }

    proptest! {
        #[test]
        fn no_letter_or_digit_of_a_value_survives(text in any::<String>()) {
            let Value::String(masked) = masked(Value::String(text)) else {
                panic!("not a text");
            };
            let value = |it: char| it.is_alphanumeric() && it != 'A' && it != '9';
            prop_assert!(!masked.contains(value));
        }
    }
}
