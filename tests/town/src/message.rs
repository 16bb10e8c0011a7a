//! The HL7 v2.5 message of an entry, as the standard says.

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};

use crate::codes;
use crate::entry::{Content, Entry, control_id, order_number};
use crate::hl7::{self, Segment};
use crate::model::{Address, Insurance, Registration};
use crate::staff::{Hospital, Staff};
use crate::{clinical_message, further_message, staff};

/// Everything a message is written from.
pub(crate) struct Writer<'a> {
    pub(crate) registration: &'a Registration,
    pub(crate) hospital: &'a Hospital,
    pub(crate) entry: &'a Entry,
}

/// The text of the entry's message, every segment ended by CR.
pub(crate) fn text(
    registration: &Registration,
    hospital: &staff::Hospital,
    entry: &Entry,
) -> String {
    let writer = Writer {
        registration,
        hospital,
        entry,
    };
    let mut message = String::with_capacity(1500);
    match &entry.content {
        Content::Basic {
            previous,
            blood,
            height,
            weight,
        } => {
            writer.opening("ADT^A08^ADT_A01", &mut message);
            writer.event(&mut message);
            writer.basic(*previous, *blood, (*height, *weight), &mut message);
        }
        Content::Reception => {
            writer.opening("ADT^A04^ADT_A01", &mut message);
            writer.event(&mut message);
            writer.patient(&mut message);
            writer
                .visit()
                .set(44, hl7::second(entry.at))
                .end(&mut message);
        }
        Content::Admission { cancelled, room } => {
            let trigger = if *cancelled {
                "ADT^A11^ADT_A09"
            } else {
                "ADT^A01^ADT_A01"
            };
            writer.opening(trigger, &mut message);
            writer.event(&mut message);
            writer.patient(&mut message);
            let visit = writer.inpatient(*room).set(44, hl7::second(entry.at));
            visit.end(&mut message);
        }
        Content::Discharge {
            admitted,
            room,
            died,
        } => {
            writer.opening("ADT^A03^ADT_A03", &mut message);
            writer.event(&mut message);
            writer.patient(&mut message);
            writer
                .inpatient(*room)
                .set(36, if *died { "20" } else { "01" })
                .set(44, hl7::second(*admitted))
                .set(45, hl7::second(entry.at))
                .end(&mut message);
        }
        Content::Allergies { allergens, text } => {
            writer.opening("ADT^A60^ADT_A60", &mut message);
            writer.event(&mut message);
            writer.patient(&mut message);
            writer.visit().end(&mut message);
            writer.allergies(allergens, text.as_deref(), &mut message);
        }
        Content::Further { room } => further_message::write(&writer, *room, &mut message),
        _ => clinical_message::write(&writer, &mut message),
    }
    message
}

impl Writer<'_> {
    /// MSH.
    pub(crate) fn opening(&self, kind: &str, message: &mut String) {
        let (sent, id) = (
            hl7::millisecond(self.entry.at, "."),
            control_id(self.registration, self.entry.message),
        );
        message.push_str(&format!(
            "MSH|^~\\&|{}|SEND|GW|RCV|{sent}||{kind}|{id}|P|2.5||||||~ISO IR87||ISO 2022-1994|\
             SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r",
            self.hospital.system
        ));
    }

    /// PID with what every message says of the patient.
    pub(crate) fn patient(&self, message: &mut String) {
        self.identity(&self.registration.address).end(message);
    }

    fn event(&self, message: &mut String) {
        Segment::new("EVN")
            .set(2, hl7::second(self.entry.at))
            .set(5, self.doctor().id.clone())
            .end(message);
    }

    fn identity(&self, address: &Address) -> Segment {
        let it = self.registration;
        Segment::new("PID")
            .set(1, "0001")
            .set(3, format!("{}^^^^PI", it.chart_number))
            .set(5, hl7::person_name(&it.name, it.kana.as_ref()))
            .set(7, hl7::date(it.birth_date))
            .set(8, it.sex.code())
            .set(11, self.address(address))
            .maybe(13, self.phones("PRN"))
    }

    /// XTN, the home telephone and a mobile as a second repetition.
    fn phones(&self, usage: &str) -> Option<String> {
        let it = self.registration;
        let home = it
            .home_phone
            .as_ref()
            .map(|phone| format!("^{usage}^PH^^^^^^^^^{phone}"));
        let mobile = it
            .mobile_phone
            .as_ref()
            .map(|phone| format!("^ORN^CP^^^^^^^^^{phone}"));
        let both: Vec<String> = home.into_iter().chain(mobile).collect();
        (!both.is_empty()).then(|| both.join("~"))
    }

    /// XAD: hospital A writes postal codes with a hyphen, hospital B without.
    fn address(&self, address: &Address) -> String {
        let postal = match (
            self.registration.hospital,
            address.postal_code.split_at_checked(3),
        ) {
            (0, Some((area, town))) => format!("{area}-{town}"),
            _ => address.postal_code.clone(),
        };
        format!(
            "^^^^{postal}^JPN^H^{}",
            address.text(self.registration.hospital)
        )
    }

    fn basic(&self, previous: bool, blood: usize, body: (i64, i64), message: &mut String) {
        let it = self.registration;
        let address = it
            .previous_address
            .as_ref()
            .filter(|_| previous)
            .unwrap_or(&it.address);
        // A death is known to the current version only.
        let died = it
            .died_on
            .filter(|_| self.entry.flag != crate::entry::Flag::Superseded);
        self.identity(address)
            .maybe(
                14,
                it.employer
                    .map(|(_, phone)| format!("^WPN^PH^^^^^^^^^{phone}")),
            )
            .maybe(29, died.map(|day| format!("{}0000", hl7::date(day))))
            .maybe(30, died.map(|_| "Y"))
            .set(33, hl7::second(self.entry.at))
            .end(message);
        Segment::new("NK1")
            .set(1, "1")
            .set(
                2,
                hl7::person_name(&it.relative.name, Some(&it.relative.kana)),
            )
            .set(3, it.relative.relation)
            .set(4, self.address(address))
            .maybe(5, self.phones("PRN"))
            .maybe(13, it.employer.map(|(name, _)| name))
            .end(message);
        self.visit().end(message);
        Segment::new("DB1")
            .set(1, "1")
            .set(2, "PT")
            .set(4, "N")
            .end(message);
        self.body(blood, body, message);
        if let Some(insurance) = &it.insurance {
            self.insurance("IN1", insurance, message);
        }
    }

    fn body(&self, blood: usize, (height, weight): (i64, i64), message: &mut String) {
        let tenths = |value: i64| format!("{}.{}", value / 10, value % 10);
        let values = [
            (
                "NM",
                "9N001000000000001^身長^JC10",
                tenths(height),
                "cm^cm^ISO+",
            ),
            (
                "NM",
                "9N006000000000001^体重^JC10",
                tenths(weight),
                "kg^kg^ISO+",
            ),
            (
                "CWE",
                "5H010000001999911^血液型-ABO式^JC10",
                ["A^A^JSHR002", "O^O^JSHR002", "B^B^JSHR002", "AB^AB^JSHR002"][blood].to_owned(),
                "",
            ),
        ];
        for (at, (form, item, value, unit)) in values.into_iter().enumerate() {
            Segment::new("OBX")
                .set(1, (at + 1).to_string())
                .set(2, form)
                .set(3, item)
                .set(5, value)
                .set(6, unit)
                .set(11, "F")
                .end(message);
        }
    }

    /// IN1, or ZI1 of the problem list.
    pub(crate) fn insurance(&self, segment: &str, card: &Insurance, message: &mut String) {
        let (code, name) = card.plan.coded();
        let symbol = card.symbol.as_deref().unwrap_or_default();
        let (tenth, eleventh) = if card.split {
            (hl7::full_width(symbol), hl7::full_width(&card.number))
        } else {
            let branch = card
                .branch
                .as_ref()
                .map(|it| format!("~{it}"))
                .unwrap_or_default();
            (format!("{symbol}~{}{branch}", card.number), String::new())
        };
        let insured = matches!(card.branch.as_deref(), None | Some("00"));
        let from = hl7::date(self.registration.registered_on);
        Segment::new(segment)
            .set(1, "1")
            .set(2, format!("{code}^{name}^JHSD0001"))
            .set(3, card.insurer.clone())
            .set(4, card.insurer_name.clone())
            .set(10, tenth)
            .set(11, eleventh)
            .set(12, from)
            .set(
                17,
                if insured {
                    "SEL^本人^HL70063"
                } else {
                    "OTH^被扶養者^HL70063"
                },
            )
            .end(message);
    }

    fn allergies(&self, allergens: &[usize], text: Option<&str>, message: &mut String) {
        let it = self.registration;
        for (at, &allergen) in allergens.iter().enumerate() {
            let (kind, code, name, system) = codes::ALLERGENS[allergen];
            Segment::new("IAM")
                .set(1, (at + 1).to_string())
                .set(2, kind)
                .set(3, format!("{code}^{name}^{system}"))
                .set(4, ["MO^中等度^HL70128", "MI^軽度^HL70128"][allergen % 2])
                .maybe(5, text.map(hl7::escaped))
                .set(6, "A^追加^HL70323")
                .set(7, format!("{}{at:02}", control_id(it, self.entry.message)))
                .set(11, hl7::date(it.registered_on))
                .maybe(12, text.map(|_| "小学校低学年の頃"))
                .set(13, hl7::second(self.entry.at))
                .set(14, hl7::person_name(&it.relative.name, None))
                .set(17, "C^確認済^HL70438")
                .set(18, self.doctor().xcn())
                .end(message);
        }
    }

    /// PV1 of an outpatient.
    pub(crate) fn visit(&self) -> Segment {
        let department = codes::DEPARTMENTS[self.entry.department.unwrap_or(0)].0;
        let doctor = match self.registration.hospital {
            0 => self.doctor().xcn(),
            _ => self.doctor().xcn_with_kana(),
        };
        Segment::new("PV1")
            .set(1, "0001")
            .set(2, "O")
            .set(3, format!("{department}^^^^^C"))
            .set(7, doctor)
            .set(10, department)
    }

    /// PV1 of an inpatient.
    pub(crate) fn inpatient(&self, room: i64) -> Segment {
        let ward = 2 + room % 6;
        self.visit()
            .set(2, "I")
            .set(3, format!("{ward}A^{ward}{room:02}^{}^^^N", 1 + room % 4))
            .set(17, self.doctor().xcn())
    }

    /// ORC with the doctor who entered and who ordered, and the hospital.
    pub(crate) fn order(&self, code: &str, group: Option<&str>) -> Segment {
        let number = self.order_number();
        let (department, name) = codes::DEPARTMENTS[self.entry.department.unwrap_or(0)];
        Segment::new("ORC")
            .set(1, if self.entry.cancels { "CA" } else { code })
            .set(2, number.clone())
            .maybe(4, group.map(|group| format!("{number}_{group}")))
            .set(9, hl7::second(self.at()))
            .set(10, self.nurse().xcn())
            .set(12, self.doctor().xcn())
            .set(17, format!("{department}^{name}^HL70069"))
            .set(21, self.hospital.name)
            .set(22, self.hospital.address)
            .set(23, self.hospital.phone)
    }

    pub(crate) fn order_number(&self) -> String {
        order_number(self.registration, self.entry.order.unwrap_or(0))
    }

    pub(crate) fn doctor(&self) -> &Staff {
        &self.hospital.staff[self.entry.doctor]
    }

    /// Somebody else of the staff, who enters and gives.
    pub(crate) fn nurse(&self) -> &Staff {
        let staff = &self.hospital.staff;
        &staff[(self.entry.doctor + 1 + self.entry.message as usize) % staff.len()]
    }

    pub(crate) fn at(&self) -> DateTime {
        self.entry.at
    }

    /// The care date with a time of day in minutes, YYYYMMDDHHMM.
    pub(crate) fn minute(&self, day: Date, hour: i64) -> String {
        let at = day.at(0, 0, 0, 0).saturating_add(hour.hours());
        hl7::second(at).get(..12).unwrap_or_default().to_owned()
    }
}
