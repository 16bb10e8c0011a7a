//! The site dictionary (B-111): names of local codes, and which of them may leave.
//!
//! A name is text that somebody typed, and a careless house writes a patient into it. So a name
//! leaves only when ten patients who may leave have it, none of whom it names, and no member of
//! staff of their files. Until then nothing but a keyed reference is kept of it.

use std::collections::BTreeSet;
use std::fmt;

use record::dictionary::{Said, Term, TermName};
use record::identity::{Identity, Name, Sensitive};
use text::fold;

use crate::Prf;
use crate::gate::{PatientReadings, Screened};
use crate::message::Message;

/// The fewest patients who must have a name.
pub const FEWEST_PATIENTS: usize = 10;

/// The longest part of an address that a name may share with it, in characters.
const ADDRESS: usize = 3;

/// 128 bits of the keyed function over a code and its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TermRef([u8; 16]);

impl TermRef {
    /// Wraps raw bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Equal references are equal names, of whatever.
impl fmt::Debug for TermRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TermRef([hidden])")
    }
}

/// A name that a patient's files have. Only [`candidates`] makes one.
pub struct Candidate {
    reference: TermRef,
    said: Option<Said>,
}

impl Candidate {
    /// The site's keyed reference for the code and its name.
    pub const fn reference(&self) -> TermRef {
        self.reference
    }

    /// Whether the name may ever leave: not one that names a patient or a member of staff.
    pub const fn is_clean(&self) -> bool {
        self.said.is_some()
    }

    /// The line of the dictionary, if so many patients have it.
    pub fn release(&self, patients: usize) -> Option<Term> {
        let said = self.said.as_ref().filter(|_| patients >= FEWEST_PATIENTS)?;
        Some(Term {
            system: said.system.clone(),
            code: said.code.clone(),
            name: TermName::new(said.name.expose()).ok()?,
        })
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Candidate([hidden])")
    }
}

/// What the files of a patient who passed the gate call the house's codes. `staff` holds every name
/// of a member of staff in the same files.
pub fn candidates(
    screened: &Screened<PatientReadings>,
    said: BTreeSet<Said>,
    staff: &BTreeSet<Sensitive>,
    site: &dyn Prf,
) -> Vec<Candidate> {
    let persons = Persons::of(screened.value(), staff);
    let candidate = |said: Said| {
        let message = Message::new("sekisho term v1")
            .part(said.system.as_str())
            .part(said.code.as_str())
            .part(said.name.expose());
        let usable = TermName::new(said.name.expose()).is_ok();
        let clean = usable && !persons.in_name(said.name.expose());
        Candidate {
            reference: TermRef(message.short(site)),
            said: clean.then_some(said),
        }
    };
    said.into_iter().map(candidate).collect()
}

/// Whom a name must not hold, each in the form in which it is searched for.
struct Persons {
    /// Anywhere in the name.
    parts: BTreeSet<Sensitive>,
    /// As the whole name only: families of one character (林, 森) are in many words.
    wholes: BTreeSet<Sensitive>,
}

impl Persons {
    fn of(patient: &PatientReadings, staff: &BTreeSet<Sensitive>) -> Self {
        let mut persons = Self {
            parts: BTreeSet::new(),
            wholes: BTreeSet::new(),
        };
        for reading in &patient.readings {
            // Every field is named, so that a new one cannot be forgotten. Numbers of five digits
            // and more are in no name.
            let Identity {
                kanji,
                kana,
                letters,
                birth: _,
                died: _,
                sex: _,
                postal: _,
                addresses,
                phones: _,
                insurance: _,
                municipal: _,
                former: _,
            } = &*reading.identity;
            for name in kanji.iter().chain(kana).chain(letters) {
                persons.add_name(name);
            }
            for address in addresses {
                persons.add_address(address);
            }
        }
        staff.iter().for_each(|name| persons.add(name.expose()));
        let charts = patient.readings.iter().flat_map(|it| &it.claimed);
        for chart in charts.chain([&patient.chart]) {
            persons.add(chart.expose());
        }
        persons
    }

    fn add_name(&mut self, name: &Name) {
        let [family, given] = [&name.family, &name.given].map(Sensitive::expose);
        self.add(family);
        self.add(given);
        self.add(Sensitive::new([family, given].concat()).expose());
    }

    fn add(&mut self, part: &str) {
        let Some(form) = form(part) else {
            return;
        };
        match form.expose().chars().count() {
            0 => false,
            1 => self.wholes.insert(form),
            _ => self.parts.insert(form),
        };
    }

    /// Every piece of an address that is longer than what a name may share.
    fn add_address(&mut self, address: &Sensitive) {
        let Some(form) = form(address.expose()) else {
            return;
        };
        let characters: Vec<char> = form.expose().chars().collect();
        for piece in characters.windows(ADDRESS + 1) {
            let piece: String = piece.iter().collect();
            self.parts.insert(Sensitive::new(piece));
        }
    }

    fn in_name(&self, name: &str) -> bool {
        let Some(name) = form(name) else {
            return true;
        };
        let holds = |part: &Sensitive| name.expose().contains(part.expose());
        self.wholes.contains(&name) || self.parts.iter().any(holds)
    }
}

/// The form in which names and persons are compared: variants of characters, width, blanks and the
/// kind of kana are one. `None` for what is damaged.
fn form(text: &str) -> Option<Sensitive> {
    let folded = Sensitive::new(fold::kanji(text)?);
    let katakana = |c: char| match c {
        'ぁ'..='ゖ' => char::from_u32(u32::from(c) + 0x60).unwrap_or(c),
        other => other,
    };
    let form: String = folded.expose().chars().map(katakana).collect();
    Some(Sensitive::new(form))
}

#[cfg(test)]
mod tests {
    use record::kind::DataKind;

    use super::*;
    use crate::fixtures::{Key, chart, name, open_gate, reading};

    fn said(name: &str) -> Said {
        Said {
            system: "99LOC".parse().unwrap(),
            code: "A01".parse().unwrap(),
            name: Sensitive::new(name),
        }
    }

    fn candidate(term: &str) -> Candidate {
        let mut reading = reading("0001112223", DataKind::Adt00, Vec::new());
        std::sync::Arc::make_mut(&mut reading.identity).kanji = name("髙橋", "翔一");
        std::sync::Arc::make_mut(&mut reading.identity).kana = name("タカハシ", "ショウイチ");
        std::sync::Arc::make_mut(&mut reading.identity).addresses =
            vec![Sensitive::new("東京都小金井市桜町１－２")];
        let patient = PatientReadings {
            chart: chart("0001112223"),
            readings: vec![reading],
            doubtful: Vec::new(),
        };
        let screened = open_gate("0001112223").screen(patient).unwrap();
        let staff = ["佐藤", "一郎", "林"].map(Sensitive::new).into();
        let said = [said(term)].into();
        let mut found = candidates(&screened, said, &staff, &Key::fixed(1));
        found.pop().unwrap()
    }

    /// B-111: a name that names the patient, where they live or who treats them never leaves,
    /// however many have it.
    #[test]
    fn what_names_a_person_of_the_files_is_no_word_of_the_dictionary() {
        for (term, clean) in [
            ("CRP定量", true),
            ("常食", true),
            ("小児科", true),
            ("森林浴", true),
            ("東京都採血", true),
            ("高橋翔一", false),
            ("髙　橋様検査", false),
            ("たかはしさん用", false),
            ("ﾀｶﾊｼ", false),
            ("翔一", false),
            ("佐藤医師指示", false),
            ("林", false),
            ("小金井市採血", false),
            ("0001112223", false),
            ("予約2231", true),
            ("電話090-1234-56789", false),
            ("検査●", false),
        ] {
            let candidate = candidate(term);
            assert_eq!(candidate.is_clean(), clean, "{term}");
            assert_eq!(candidate.release(1_000).is_some(), clean, "{term}");
        }
    }

    #[test]
    fn nine_patients_are_too_few() {
        let candidate = candidate("CRP定量");
        assert_eq!(candidate.release(FEWEST_PATIENTS - 1), None);
        let term = candidate.release(FEWEST_PATIENTS).unwrap();
        assert_eq!(term.name.as_str(), "CRP定量");
        assert!(format!("{candidate:?} {:?}", candidate.reference()).contains("hidden"));
        let other = super::tests::candidate("CRP");
        assert_ne!(candidate.reference(), other.reference());
    }
}
