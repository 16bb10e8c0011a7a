//! Bodies of the problem list, prescriptions, injections and laboratory results.

use crate::codes::{self, Medicine};
use crate::entry::{Content, Finding, Problem};
use crate::hl7::{self, Segment};
use crate::message::Writer;

/// ORC-29.
const OUTPATIENT: &str = "O^外来患者オーダ^HL70482";
const INPATIENT: &str = "I^入院患者オーダ^HL70482";

/// Writes the whole message of a clinical entry; nothing for any other content.
pub(crate) fn write(writer: &Writer<'_>, message: &mut String) {
    match &writer.entry.content {
        Content::Problems(problems) => {
            writer.opening("PPR^ZD1^PPR_ZD1", message);
            writer.patient(message);
            for (at, problem) in problems.iter().enumerate() {
                self::problem(writer, at, problem, message);
            }
        }
        Content::Oral {
            medicines,
            days,
            taken,
            text,
        } => {
            writer.opening(pharmacy(*taken), message);
            writer.patient(message);
            writer.visit().end(message);
            for (at, &medicine) in medicines.iter().enumerate() {
                let medicine = &codes::ORAL[medicine];
                oral(
                    writer,
                    (at, medicine),
                    *days,
                    *taken,
                    text.as_deref(),
                    message,
                );
            }
        }
        Content::Injection {
            medicine,
            bags,
            given,
            room,
        } => {
            writer.opening(pharmacy(*given), message);
            writer.patient(message);
            writer.inpatient(*room).end(message);
            injection(writer, &codes::INJECTED[*medicine], *bags, *given, message);
        }
        Content::Laboratory {
            findings,
            text,
            room,
        } => {
            writer.opening("OUL^R22^OUL_R22", message);
            writer.patient(message);
            match room {
                Some(room) => writer.inpatient(*room).end(message),
                None => writer.visit().end(message),
            }
            laboratory(writer, findings, text.as_deref(), room.is_some(), message);
        }
        _ => {}
    }
}

fn pharmacy(done: bool) -> &'static str {
    if done {
        "RAS^O17^RAS_O17"
    } else {
        "RDE^O11^RDE_O11"
    }
}

fn problem(writer: &Writer<'_>, at: usize, problem: &Problem, message: &mut String) {
    let diagnosis = &codes::DIAGNOSES[problem.diagnosis];
    let local = diagnosis
        .local
        .map(|code| format!("^{code}^{}^99XYZ", diagnosis.name))
        .unwrap_or_default();
    let number = format!(
        "{}{at:02}",
        crate::entry::control_id(writer.registration, 0)
    );
    let resolved = problem.resolved.map(hl7::date);
    Segment::new("PRB")
        .set(1, "AD")
        .set(2, hl7::second(writer.at()))
        .set(
            3,
            format!("{}^{}^MDCDX2{local}", diagnosis.exchange, diagnosis.name),
        )
        .set(4, number)
        .set(7, hl7::date(problem.since))
        .maybe(9, resolved.clone())
        .set(10, format!("{}^^I10^O^外来時^JHSD0004", diagnosis.icd10))
        .maybe(14, resolved.map(|_| "R^治癒^JHSD0006"))
        .set(16, hl7::date(problem.since))
        .end(message);
    if let Some(text) = &problem.text {
        Segment::new("ZPR")
            .set(1, (at + 1).to_string())
            .set(7, hl7::escaped(text))
            .end(message);
    }
    // Every third list repeats the insurance, as hospitals with a claims system do.
    if at == 0
        && writer.registration.person.is_multiple_of(3)
        && let Some(card) = &writer.registration.insurance
    {
        writer.insurance("ZI1", card, message);
    }
    Segment::new("ORC")
        .set(1, "NW")
        .set(9, hl7::second(writer.at()))
        .set(10, writer.doctor().xcn())
        .set(12, writer.doctor().xcn_with_kana())
        .end(message);
}

fn coded(medicine: &Medicine) -> String {
    let system = if medicine.hot.len() == 9 {
        "HOT9"
    } else {
        "HOT13"
    };
    format!("{}^{}^{system}", medicine.hot, medicine.name)
}

fn unit(medicine: &Medicine) -> String {
    format!("{}^{}^MR9P", medicine.unit.0, medicine.unit.1)
}

fn oral(
    writer: &Writer<'_>,
    (at, medicine): (usize, &Medicine),
    days: i64,
    taken: bool,
    text: Option<&str>,
    message: &mut String,
) {
    let Some(day) = writer.entry.care_date else {
        return;
    };
    let (times, direction) = codes::DIRECTIONS[(medicine.a_day as usize).clamp(1, 3) - 1];
    let total = i64::from(medicine.a_day) * days;
    let once = (medicine.a_day / times).max(1);
    let group = format!("{:02}_{:03}", 1, at + 1);
    writer
        .order("NW", Some(&group))
        .set(29, OUTPATIENT)
        .end(message);
    let text = text
        .filter(|_| at == 0)
        .map(|text| format!("^{}", hl7::escaped(text)));
    Segment::new("RXE")
        .set(2, coded(medicine))
        .set(3, once.to_string())
        .set(5, unit(medicine))
        .set(6, "TAB^錠剤^MR9P")
        .maybe(7, text)
        .set(10, total.to_string())
        .set(11, unit(medicine))
        .set(13, writer.doctor().xcn())
        .set(15, writer.order_number())
        .set(
            19,
            format!(
                "{}^{}&{}&MR9P",
                medicine.a_day, medicine.unit.0, medicine.unit.1
            ),
        )
        .end(message);
    Segment::new("TQ1")
        .set(1, "1")
        .set(3, direction)
        .set(6, format!("{days}^d"))
        .set(7, hl7::date(day))
        .end(message);
    Segment::new("RXR").set(1, "PO^口^HL70162").end(message);
    if taken {
        administration(writer, (at, medicine), once.to_string(), message);
    }
}

fn injection(
    writer: &Writer<'_>,
    medicine: &Medicine,
    bags: i64,
    given: bool,
    message: &mut String,
) {
    let Some(day) = writer.entry.care_date else {
        return;
    };
    writer
        .order("NW", Some("01_001"))
        .set(29, INPATIENT)
        .end(message);
    let volume = i64::from(codes::SALINE.a_day) * bags;
    Segment::new("RXE")
        .set(2, "00^一般^99I02")
        .set(3, volume.to_string())
        .set(5, unit(&codes::SALINE))
        .set(6, "INJ^注射剤^MR9P")
        .set(10, volume.to_string())
        .set(11, unit(&codes::SALINE))
        .set(13, writer.doctor().xcn())
        .set(15, writer.order_number())
        .end(message);
    Segment::new("TQ1")
        .set(1, "1")
        .set(7, writer.minute(day, 9))
        .set(8, writer.minute(day, 21))
        .end(message);
    Segment::new("RXR")
        .set(1, "IV^静脈内^HL70162")
        .set(3, "IVP^点滴ポンプ^HL70164")
        .end(message);
    let parts = [
        ("B", &codes::SALINE, volume),
        ("A", medicine, i64::from(medicine.a_day)),
    ];
    for (role, part, amount) in parts {
        Segment::new("RXC")
            .set(1, role)
            .set(2, coded(part))
            .set(3, amount.to_string())
            .set(4, unit(part))
            .end(message);
    }
    if given {
        administration(writer, (0, medicine), medicine.a_day.to_string(), message);
    }
}

fn administration(
    writer: &Writer<'_>,
    (at, medicine): (usize, &Medicine),
    amount: String,
    message: &mut String,
) {
    let Some(day) = writer.entry.care_date else {
        return;
    };
    Segment::new("RXA")
        .set(1, "0")
        .set(2, (at + 1).to_string())
        .set(3, writer.minute(day, 10))
        .set(4, writer.minute(day, 11))
        .set(5, coded(medicine))
        .set(6, amount)
        .set(7, unit(medicine))
        .set(10, writer.nurse().xcn())
        .set(20, "CP^完了^HL70322")
        .end(message);
}

fn laboratory(
    writer: &Writer<'_>,
    findings: &[Finding],
    text: Option<&str>,
    stay: bool,
    message: &mut String,
) {
    let kind = if stay { INPATIENT } else { OUTPATIENT };
    let Some(day) = writer.entry.care_date else {
        return;
    };
    let taken = writer.minute(day, 9);
    for (specimen, blood) in [true, false].into_iter().enumerate() {
        let group: Vec<&Finding> = findings
            .iter()
            .filter(|it| codes::ITEMS[it.item].blood == blood)
            .collect();
        if group.is_empty() {
            continue;
        }
        let number = writer.order_number();
        let (material, group_code) = match blood {
            true => ("019^全血(添加物入り)^JC10", "2^血液学的検査^JC10"),
            false => ("023^血清^JC10", "3^生化学的検査^JC10"),
        };
        Segment::new("SPM")
            .set(1, (specimen + 1).to_string())
            .set(2, format!("{number}{specimen:02}"))
            .set(4, material)
            .set(17, taken.clone())
            .end(message);
        Segment::new("OBR")
            .set(1, (specimen + 1).to_string())
            .set(2, number.clone())
            .set(3, number)
            .set(4, group_code)
            .set(7, taken.clone())
            .set(16, writer.doctor().xcn())
            .set(22, hl7::second(writer.at()))
            .end(message);
        writer
            .order("SC", None)
            .set(5, "CM")
            .set(29, kind)
            .end(message);
        for (at, finding) in group.iter().enumerate() {
            result(writer, at, finding, message);
        }
        if let Some(text) = text {
            let text = hl7::escaped(text);
            Segment::new("NTE")
                .set(1, "1")
                .set(2, "L")
                .set(3, text)
                .end(message);
        }
    }
}

/// OBX: standard code alone, standard and local code, or local code alone.
fn result(writer: &Writer<'_>, at: usize, finding: &Finding, message: &mut String) {
    let item = &codes::ITEMS[finding.item];
    let local = format!("{}^{}^99XYZ", item.local, item.name);
    let code = match item.jlac10 {
        Some(code) if writer.registration.hospital == 0 => {
            format!("{code}^{}^JC10^{local}", item.name)
        }
        Some(code) => format!("{code}^{}^JC10", item.name),
        None => local,
    };
    Segment::new("OBX")
        .set(1, (at + 1).to_string())
        .set(2, "NM")
        .set(3, code)
        .set(5, finding.value.clone())
        .set(6, format!("{0}^{0}^99XYZ", item.unit))
        .set(11, if writer.entry.cancels { "D" } else { "F" })
        .end(message);
}
