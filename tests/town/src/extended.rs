//! The extended storage of hospital A: vitals, discharge summaries with a picture of themselves,
//! and documents of a type that nobody names in a table. Identifiers stand wherever they may.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::entry::{Content, Entry, Flag, reversed};
use crate::hl7::{self, Segment};
use crate::message;
use crate::model::Registration;
use crate::storage::HOSPITAL_FOLDERS;
use crate::town::Town;

/// What was written to the extended storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WrittenExtended {
    /// Stays, each with one document of every type.
    pub stays: u64,
    /// Stays of patients who may leave.
    pub leaving: u64,
    /// Observations of one stay that a reader must give.
    pub observations: u64,
    /// Files of one stay.
    pub files: u64,
}

const VITALS: &str = "L-OBSERVATIONS^OBSERVATIONS^99ZL01";
const SUMMARY: &str = "L18^退院時サマリー^99TWN^18842-5^退院時サマリー^LN";
const PICTURE: &str = "L99^外来スキャン^99TWN";
const FACILITY: &str = "10111234567";

/// Writes `hospital-a/extended` below a town's root.
///
/// # Errors
/// Something cannot be written.
pub fn write_extended(town: &Town, root: &Path) -> anyhow::Result<WrittenExtended> {
    let storage = root.join(HOSPITAL_FOLDERS[0]).join("extended");
    fs::create_dir_all(&storage)?;
    let mut written = WrittenExtended {
        // Three of the vitals, the remark without its words among them, and two of the summary.
        observations: 5,
        files: 5,
        ..WrittenExtended::default()
    };
    let of_hospital = town.registrations.iter().filter(|it| it.hospital == 0);
    for registration in of_hospital {
        for entry in town.entries(registration) {
            let stays = matches!(entry.content, Content::Discharge { .. });
            if stays && entry.flag == Flag::Valid && !entry.cancels {
                let stay = Stay {
                    town,
                    registration,
                    entry: &entry,
                };
                stay.write(&storage).context("a stay cannot be written")?;
                written.stays += 1;
                let leaves = registration.standing == crate::model::Standing::MayLeave;
                written.leaving += u64::from(leaves);
            }
        }
    }
    Ok(written)
}

/// One stay in hospital, known by its discharge.
struct Stay<'a> {
    town: &'a Town,
    registration: &'a Registration,
    entry: &'a Entry,
}

impl Stay<'_> {
    fn write(&self, storage: &Path) -> anyhow::Result<()> {
        let chart = self.registration.chart_number.as_str();
        let mut patient = storage.to_owned();
        for level in [chart.get(..3), chart.get(3..6), Some(chart)] {
            patient.push(level.unwrap_or(chart));
        }
        let message = hl7::encoded(&self.vitals());
        self.file(&patient, VITALS, Flag::Valid, "main_document.hl7", &message)?;
        for flag in [Flag::Superseded, Flag::Valid] {
            let document = self.summary(flag == Flag::Valid);
            self.file(&patient, SUMMARY, flag, "summary.xml", document.as_bytes())?;
        }
        let name = &self.registration.name;
        let picture = format!("%PDF-1.7\n({} {} {chart})", name.family, name.given);
        let file = format!("{chart}.pdf");
        self.file(&patient, SUMMARY, Flag::Valid, &file, picture.as_bytes())?;
        let image = [b"\xFF\xD8\xFF\xE0", chart.as_bytes()].concat();
        self.file(&patient, PICTURE, Flag::Valid, "scan.jpg", &image)
    }

    /// Writes one file into its content folder; an older version was made a minute before.
    fn file(
        &self,
        patient: &Path,
        kind: &str,
        flag: Flag,
        name: &str,
        bytes: &[u8],
    ) -> anyhow::Result<()> {
        let minutes = i64::from(flag == Flag::Superseded);
        let at = self
            .entry
            .at
            .saturating_sub(jiff::Span::new().minutes(minutes));
        let content = format!(
            "{}_{}_{kind}_{}{:05}_{}_-_{}",
            self.registration.chart_number,
            self.entry.care_folder(),
            reversed(&self.registration.chart_number),
            self.entry.message,
            hl7::millisecond(at, ""),
            flag as u8,
        );
        let folder = patient
            .join(self.entry.care_folder())
            .join(kind)
            .join(content);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)?;
        Ok(())
    }

    /// ORU^R30 with two numbers and a remark that names the patient.
    fn vitals(&self) -> String {
        let writer = message::Writer {
            registration: self.registration,
            hospital: self.town.hospital(self.registration),
            entry: self.entry,
        };
        let mut message = String::new();
        writer.opening("ORU^R30^ORU_R30", &mut message);
        writer.patient(&mut message);
        Segment::new("OBR")
            .set(1, "1")
            .set(4, "1^バイタル^99ZL01")
            .end(&mut message);
        let at = hl7::second(self.entry.at);
        let remark = format!("{}さん、機嫌よい", self.registration.name.family);
        let lines = [
            ("NM", "1^体温^99ZL01", "36.5", "Cel^℃^UCUM"),
            ("NM", "2^脈拍^99ZL01", "72", "/min^回/分^UCUM"),
            ("TX", "9^所見^99ZL01", remark.as_str(), ""),
        ];
        for (form, item, value, unit) in lines {
            Segment::new("OBX")
                .set(2, form)
                .set(3, item)
                .set(5, value)
                .set(6, unit)
                .set(11, "F")
                .set(14, at.as_str())
                .end(&mut message);
        }
        message
    }

    /// CDA R2 with two coded results, the name of an operator and a story.
    fn summary(&self, current: bool) -> String {
        let it = self.registration;
        let doctor = &self.town.hospital(it).staff[self.entry.doctor].name;
        let person = format!("{}　{}", it.name.family, it.name.given);
        let (birth, at) = (hl7::date(it.birth_date), hl7::second(self.entry.at));
        let chart = &it.chart_number;
        let address = it.address.text(0);
        let pressure = if current { 120 } else { 999 };
        let loinc = "codeSystem=\"2.16.840.1.113883.6.1\"";
        let local = format!("codeSystem=\"1.2.392.200250.2.2.99.{FACILITY}\"");
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <ClinicalDocument xmlns=\"urn:hl7-org:v3\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
             <id root=\"1.2.392.200250.2.2.1.{FACILITY}\" extension=\"{chart}.{at}\"/>\
             <title>{person}様 退院時サマリー</title><effectiveTime value=\"{at}\"/>\
             <recordTarget><patientRole>\
             <id root=\"1.2.392.200250.3.3.1.{FACILITY}\" extension=\"{chart}\"/>\
             <addr>{address}</addr><patient><name use=\"IDE\">{person}</name>\
             <birthTime>{birth}</birthTime></patient></patientRole></recordTarget>\
             <author><assignedAuthor><assignedPerson><name>{family}</name></assignedPerson>\
             </assignedAuthor></author><component><structuredBody><component><section>\
             <text><table><tr><td>{person}</td><td>{address}</td></tr></table></text>\
             <entry><observation classCode=\"OBS\" moodCode=\"EVN\">\
             <code code=\"8480-6\" {loinc} displayName=\"収縮期血圧\"/>\
             <effectiveTime value=\"{at}\"/>\
             <value xsi:type=\"PQ\" value=\"{pressure}\" unit=\"mm[Hg]\"/></observation></entry>\
             <entry><observation classCode=\"OBS\" moodCode=\"EVN\">\
             <code code=\"W1\" {local}/><effectiveTime value=\"{at}\"/>\
             <value xsi:type=\"PQ\" value=\"58.5\" unit=\"kg\"/></observation></entry>\
             <entry><observation classCode=\"OBS\" moodCode=\"EVN\">\
             <code code=\"52526-1\" {loinc}/>\
             <value xsi:type=\"ST\">{family}</value></observation></entry>\
             </section></component></structuredBody></component></ClinicalDocument>",
            family = doctor.family,
        )
    }
}
