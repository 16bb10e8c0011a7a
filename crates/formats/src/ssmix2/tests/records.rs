//! What each kind of line becomes, and what of it stays behind (rows 11, 18, 20, 25, 26, 30).

use record::content::Value;

use super::*;

/// an observation of a name, a number or an address is left out whole in every kind of
/// message, ordered ones too, whatever its value is written as.
#[test]
fn observations_that_say_who_somebody_is_are_left_out_and_counted() {
    for kind in ["ADT-12", "OML-11", "OML-01", "OMG-11"] {
        for (item, person) in [
            ("45394-4^x^LN", true),
            ("45394-4&1^x^LN", true),
            ("1^x^99XYZ^56799-0^住所^LN", true),
            ("21112-8", true),
            ("8480-6^x^LN", false),
        ] {
            for value in ["CWE||YAMADA", "TS||19500102", "NM||5", "ST||"] {
                let (value_type, value) = value.split_once('|').unwrap();
                let line = format!("OBX|1|{value_type}|{item}|{value}");
                let reading = of_lines(kind, &["ORC|NW", "OBR|1|||1^x^99XYZ", &line]);
                let is_of_item = |record: &&Record| match record {
                    Record::Observation(it) => it.code.is_some(),
                    Record::ServiceRequest(it) => it.part,
                    _ => false,
                };
                let found = reading.records.iter().any(|record| is_of_item(&record));
                assert_eq!(found, !person, "{kind} {line}");
                let counted = drops(&reading).get("person:OBX").copied();
                assert_eq!(counted, person.then_some(1), "{kind} {line}");
            }
        }
    }
}

#[test]
fn encounters_take_their_time_and_department() {
    let visit = format!(
        "PV1|0001|O|01^^^^^C||||110^医師^一郎|||02{}20111220|",
        "|".repeat(34)
    );
    let discharge = format!(
        "PV1|0001|I|4A^9^3{}01{}20111220101500",
        "|".repeat(33),
        "|".repeat(9)
    );
    for (kind, line, shown) in [
        ("ADT-12", &*visit, "AMB visit 2011-12-20 02 -"),
        ("ADT-22", "PV1|0001|I|4A", "IMP admission - 01 -"),
        (
            "ADT-52",
            &discharge,
            "IMP discharge 2011-12-20T10:15:00 01 01",
        ),
        // Row 11: the department two fields early is not read.
        ("ADT-12", "PV1|0001|E|||||02^内科", "EMER visit - 01 -"),
        ("ADT-12", "EVN|", "- visit - 01 -"),
    ] {
        let reading = of_lines(kind, &[line, "OBX|1|NM|1^x^JC10||1", "IN1|1|06^x^JHSD0001"]);
        let [
            Record::Encounter(encounter),
            Record::Observation(_),
            Record::Coverage(_),
        ] = reading.records.as_slice()
        else {
            panic!("{kind}")
        };
        let dash = |text: Option<String>| text.unwrap_or("-".to_owned());
        let read = [
            dash(encounter.class.map(|c| c.as_str().to_owned())),
            encounter.event.as_str().to_owned(),
            dash(encounter.at.map(|at| at.to_string())),
            dash(encounter.department.as_ref().map(ToString::to_string)),
            dash(encounter.disposition.as_ref().map(ToString::to_string)),
        ];
        assert_eq!(read.join(" "), shown, "{kind} {line}");
    }
}

#[test]
fn allergies_and_problems_become_one_record_or_one_drop_per_line() {
    let reading = of_lines(
        "ADT-61",
        &[
            "IAM|1|LA^花粉^HL70127|5A1002216023023^スギ^JC10|MI^軽度^HL70128|かゆみ|A|||||199601",
            "IAM|2|FA^食物^HL70127|^ソバ|MO^中等度^HL70128|湿疹|A||||||小学校低学年の頃",
            "IAM|3|DA^薬剤^HL70127|106824501^アリナミン^HOT9||のどの渇き|D",
            "IAM|4||^何か|",
        ],
    );
    assert_eq!(
        record_kinds(&reading),
        [ResourceKind::AllergyIntolerance; 2]
    );
    let counted = drops(&reading);
    assert_eq!(
        (
            counted["line:IAM"],
            counted["field:IAM-3"],
            counted["field:IAM-12"]
        ),
        (2, 2, 1)
    );

    let reading = of_lines(
        "PPR-01",
        &[
            "PRB|AD|20110915|20054174^胃炎^MDCDX2|123|||20110831||20110915|K297^^I10^O^外来^JHSD0004\
             |||1|N^回復せず^HL70241|20110915|20110831|胃炎",
            "PRB|AD|20110915|^手書きの病名|124|||20110231",
            "PRB|DE|20110915|20054174^胃炎^MDCDX2|125",
            "PRB|AD|",
            "ZI1|1|01^健康保険^JHSD0001|1130012||||||||||||||||19650415|^^^^1050001^^H^東京都",
        ],
    );
    let [
        Record::Condition(coded),
        Record::Condition(words),
        Record::Coverage(_),
    ] = reading.records.as_slice()
    else {
        panic!()
    };
    assert!(!coded.free_text && words.free_text && words.code.is_none());
    assert!(coded.provisional && !words.provisional);
    assert_eq!(
        coded.outcome.as_ref().map(|c| c.first.code.as_str()),
        Some("N")
    );
    assert_eq!(
        coded.icd10.as_ref().map(|c| c.first.code.as_str()),
        Some("K297")
    );
    assert_eq!(codes(&reading), [FindingCode::DateImpossible]);
    let counted = drops(&reading);
    assert_eq!(
        (counted["line:PRB"], counted["field:ZI1-20"]),
        (2, 1),
        "row 18"
    );
}

#[test]
fn medicines_take_time_and_route_of_their_order_group_only() {
    let reading = of_lines(
        "OMP-02",
        &[
            "ORC|NW|123456789012345||123_01_001",
            "RXE||00^一般^99I02|510||ML^ミリリットル^MR9P|INJ^注射剤^MR9P",
            "TQ1|1||1013044400000000&内服&JAMISDP01|||5^d|201107010800|201107011300",
            "RXR|IV^静脈内^HL70162||IVP^点滴ポンプ^HL70164",
            "RXC|B|620007329^ソリタ^HOT9|1|HON^本^MR9P",
            "RXC|A|^手書きの薬||",
            "ORC|NW|123456789012345||123_01_002",
            "RXE||^手書きの薬|2||^袋",
            "ORC|CA|123456789012345||123_01_003",
            "RXE||620007329^ソリタ^HOT9|1|HON^本^MR9P",
        ],
    );
    let shown: Vec<_> = reading
        .records
        .iter()
        .map(|record| {
            let Record::MedicationRequest(r) = record else {
                panic!()
            };
            let route = r.route.as_ref().map(|c| c.first.code.as_str());
            (
                r.component,
                r.dose.medication.is_some(),
                r.start.is_some(),
                route,
            )
        })
        .collect();
    let expected = [
        (false, true, true, Some("IV")),
        (true, true, true, Some("IV")),
        (false, false, false, None),
    ];
    assert_eq!(shown, expected);
    let counted = drops(&reading);
    assert_eq!(
        (
            counted["line:RXC"],
            counted["line:RXE"],
            counted["field:RXE-2"]
        ),
        (1, 1, 1)
    );
}

#[test]
fn components_that_come_before_their_administration_take_its_time() {
    let reading = of_lines(
        "OMP-12",
        &[
            "ORC|NW|1",
            "RXE||00^一般^99I02|510||ML^ミリリットル^MR9P",
            "RXC|B|620007329^ソリタ^HOT9|1|HON^本^MR9P",
            "RXA|0|1|20110701080521|20110701130543|620002559^アドナ^HOT9|1|AMP^アンプル^MR9P||^左手\
             ^99IC2|200^看護^花子||||||||||CP",
            "RXR|IV^静脈内^HL70162",
        ],
    );
    for record in &reading.records {
        let Record::MedicationAdministration(given) = record else {
            panic!()
        };
        let start = given.start.map(|start| start.to_string());
        assert_eq!(start.as_deref(), Some("2011-07-01T08:05:21"));
        assert_eq!(given.status.as_ref().map(|s| s.as_str()), Some("CP"));
        assert!(given.route.is_some());
    }
    assert_eq!(reading.records.len(), 2);
    assert_eq!(drops(&reading)["line:RXE"], 1);
}

/// OBX lines from the second field on.
const RESULTS: &[&str] = &[
    "NM|1^総蛋白^JC10||7.2|g/dl^g/dl^99XYZ|6.70-8.3|N|||F",
    "NM|2^CRP^JC10||<0.5|mg/dL",
    "ST|3^尿蛋白^JC10||（２＋）",
    "ST|4^赤血球数^JC10||505×10^4|/μL",
    "CWE|5^血液型^JC10||A^A型^JSHR002",
    "SN|6^抗体価^JC10||>^128",
    "TX|7^所見^JC10||１２月に山田氏から聞いた話",
    "ED|8^報告書^JC10||^application^pdf^Base64^JVBERi0xLjc=",
    "XCN|9^担当^JC10||110^医師^一郎",
    "NM|10^何か^JC10||再検",
    "NM|11^時刻^JC10||1||||||F|||201112192530",
    "TX|^||所見だけ",
];

#[test]
fn results_keep_what_the_vocabulary_can_say_and_count_the_rest() {
    let lines: Vec<String> = RESULTS.iter().map(|rest| format!("OBX|1|{rest}")).collect();
    let mut all = vec![
        "SPM|1|000000001219001||023^血清^JC10|||||||||||||201112191500",
        "ORC|SC|1",
    ];
    all.extend(lines.iter().map(String::as_str));
    all.push("NTE|1||自由記載");
    let reading = of_lines("OML-11", &all);
    let values: Vec<_> = reading
        .records
        .iter()
        .map(|record| {
            let Record::Observation(observation) = record else {
                panic!()
            };
            assert_eq!(
                observation.at.map(|at| at.to_string()).as_deref(),
                Some("2011-12-19T15:00")
            );
            match &observation.value {
                Some(Value::Quantity(q)) => {
                    let sign = q.comparator.map_or("", |c| c.as_str());
                    let unit = q.unit.as_ref().map_or("", |u| u.as_str());
                    format!("{sign}{}{unit}", q.value)
                }
                Some(Value::Concept(c)) => c.first.code.to_string(),
                Some(Value::Sign(sign)) => sign.to_string(),
                Some(Value::Moment(moment)) => moment.to_string(),
                Some(Value::Used(dose)) => format!("{dose:?}"),
                None => String::new(),
            }
        })
        .collect();
    let expected = [
        "7.2g/dl",
        "<0.5mg/dL",
        "2+",
        "5050000/μL",
        "A",
        ">128",
        "",
        "",
        "",
        "",
        "1",
    ];
    assert_eq!(values, expected);
    assert_eq!(
        codes(&reading),
        [
            FindingCode::CareDateDiffers,
            FindingCode::ValueInvalid,
            FindingCode::DateImpossible
        ],
        "rows 22 and 30"
    );
    let counted = drops(&reading);
    let left = (
        counted["line:OBX"],
        counted["field:OBX-5"],
        counted["segment:NTE"],
    );
    assert_eq!(left, (1, 5, 1));
}
