//! Movements, meals, and orders and performances of examinations.

use crate::codes;
use crate::entry::Kind;
use crate::hl7::{self, Segment};
use crate::message::Writer;

/// Writes the whole message of an entry whose kind alone says what it is.
pub(crate) fn write(writer: &Writer<'_>, room: i64, message: &mut String) {
    let trigger = match writer.entry.kind {
        Kind::Adt01 => "ADT^A54^ADT_A54",
        Kind::Adt21 => "ADT^A14^ADT_A05",
        Kind::Adt31 => "ADT^A21^ADT_A21",
        Kind::Adt32 => "ADT^A22^ADT_A21",
        Kind::Adt41 => "ADT^A15^ADT_A15",
        Kind::Adt42 => "ADT^A02^ADT_A02",
        Kind::Adt51 => "ADT^A16^ADT_A16",
        Kind::Omd => "OMD^O03^OMD_O03",
        Kind::Oml01 => "OML^O33^OML_O33",
        Kind::Omg01 | Kind::Omg02 | Kind::Omg03 => "OMG^O19^OMG_O19",
        Kind::Omg13 => "ORU^R01^ORU_R01",
        _ => "OMI^Z23^OMI_Z23",
    };
    writer.opening(trigger, message);
    match writer.entry.kind {
        Kind::Omd => {
            writer.patient(message);
            writer.inpatient(room).end(message);
            meal(writer, message);
        }
        Kind::Oml01 => {
            writer.patient(message);
            writer.visit().end(message);
            laboratory(writer, message);
        }
        Kind::Omg01 | Kind::Omg02 | Kind::Omg03 | Kind::Omg11 | Kind::Omg12 | Kind::Omg13 => {
            writer.patient(message);
            writer.visit().end(message);
            examination(writer, message);
        }
        _ => movement(writer, room, message),
    }
}

fn movement(writer: &Writer<'_>, room: i64, message: &mut String) {
    let at = hl7::second(writer.entry.at);
    Segment::new("EVN")
        .set(2, at.clone())
        .set(5, writer.doctor().id.clone())
        .set(6, at.clone())
        .end(message);
    writer.patient(message);
    let ward = format!("{}B^{}01^1^^^N", 1 + room % 6, 1 + room % 6);
    let visit = writer.inpatient(room);
    let visit = match writer.entry.kind {
        Kind::Adt41 => visit.set(42, ward),
        Kind::Adt42 => visit.set(6, ward),
        _ => visit,
    };
    visit.end(message);
    let planned = match writer.entry.kind {
        Kind::Adt21 | Kind::Adt41 => 8,
        Kind::Adt51 => 9,
        Kind::Adt31 | Kind::Adt32 => 47,
        _ => return,
    };
    Segment::new("PV2").set(planned, at).end(message);
}

fn meal(writer: &Writer<'_>, message: &mut String) {
    writer.order("NW", None).end(message);
    Segment::new("TQ1")
        .set(1, "1")
        .set(3, "TID&１日３回&HL70335")
        .set(7, hl7::second(writer.at()))
        .set(9, "R^ルーチン^HL70485")
        .end(message);
    Segment::new("ODS")
        .set(1, "D")
        .set(3, "001^減塩食^99XY3")
        .set(4, "塩分控えめ")
        .end(message);
}

fn laboratory(writer: &Writer<'_>, message: &mut String) {
    Segment::new("SPM")
        .set(1, "1")
        .set(4, "023^血清^JC10")
        .set(17, hl7::second(writer.at()))
        .end(message);
    writer.order("NW", None).end(message);
    Segment::new("TQ1")
        .set(1, "1")
        .set(9, "R^ルーチン^HL70485")
        .end(message);
    Segment::new("OBR")
        .set(1, "1")
        .set(2, writer.order_number())
        .set(4, "E002^生化学的検査^99O03")
        .set(16, writer.doctor().xcn())
        .end(message);
    for (at, item) in codes::ITEMS
        .iter()
        .filter(|item| !item.blood)
        .take(3)
        .enumerate()
    {
        let Some(code) = item.jlac10 else { continue };
        Segment::new("OBX")
            .set(1, (at + 1).to_string())
            .set(
                3,
                format!(
                    "{code}^{}^JC10^{}^{}^99X03",
                    item.name, item.local, item.name
                ),
            )
            .set(11, "O")
            .end(message);
    }
}

fn examination(writer: &Writer<'_>, message: &mut String) {
    let (code, modality) = match writer.entry.kind {
        Kind::Omg01 | Kind::Omg11 => ("1000000000000000^Ｘ線単純撮影^JJ1017", "CR^^DCM"),
        Kind::Omg02 | Kind::Omg12 => ("11000001000^上部消化管内視鏡^LENDO", "ES^^DCM"),
        _ => ("9A110^標準１２誘導心電図^JC10", "ECG^^DCM"),
    };
    let performed = matches!(writer.entry.kind, Kind::Omg11 | Kind::Omg12 | Kind::Omg13);
    let at = hl7::second(writer.at());
    writer.order("NW", None).end(message);
    let request = Segment::new("OBR")
        .set(1, "1")
        .set(2, writer.order_number())
        .set(4, code)
        .set(13, "精査希望")
        .set(16, writer.doctor().xcn());
    let request = match performed {
        true => request.set(7, at.clone()).set(22, at).set(25, "F"),
        false => request,
    };
    request.end(message);
    if writer.entry.kind == Kind::Omg13 {
        Segment::new("OBX")
            .set(1, "1")
            .set(2, "NM")
            .set(3, "32769^心拍数^99MFR")
            .set(5, "67")
            .set(6, "bpm")
            .set(11, "F")
            .end(message);
    }
    if matches!(writer.entry.kind, Kind::Omg11 | Kind::Omg12) {
        Segment::new("ZE1")
            .set(1, "1")
            .set(2, "RS")
            .set(3, code)
            .set(7, writer.nurse().xcn())
            .end(message);
    }
    if performed {
        Segment::new("IPC")
            .set(1, format!("A{}", writer.order_number()))
            .set(5, modality)
            .end(message);
    }
}
