//! Valid inputs of every target, from which libFuzzer starts and which the tests damage.
//!
//! The messages follow the tables of the standard; the patient is invented.

use encoding_rs::{EUC_JP, ISO_2022_JP, SHIFT_JIS};
use record::DataKind;

/// The number of the invented patient of every message. All of its digits say something, so that
/// the search for identifiers looks for it anywhere.
pub const CHART: &str = "7741902358";

const PATIENT: &str = "PID|0001||7741902358^^^^PI||山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^P||19650415|M\
    |||^^^^184-0014^JPN^H^東京都小金井市貫井南町１－２－３||^PRN^PH^^^^^^^^^099-385-6880";
const VISIT: &str = "PV1|0001|O|01^^^^^C||||110^医師^一郎^^^^^^^L^^^^^I||||||||||||||||||\
    ||||||||||||||||||\
    |20111220103000|";
const STAY: &str = "PV1|0001|I|4A^405^1^^^N||||110^医師^一郎|||02|||||||||||||||||||||||||01||||||||\
    20111218100000|20111220101500";
const ORDER: &str = "ORC|NW|000000011000354||000000011000354_01|||||20111220102800|900^入力^花子\
    ||110^医師^一郎|01^^^^^C||||02^循環器科^99Z01|||||||||||O^外来患者オーダ^HL70482";

/// One message of a data kind: its type and the lines behind the patient.
type Body = (DataKind, &'static str, &'static [&'static str]);

#[rustfmt::skip]
const BODIES: &[Body] = &[
    (DataKind::Adt00, "ADT^A08^ADT_A01", &[
        "NK1|1|山田^花子^^^^^L^I|SPO^配偶者^HL70063|^^^^184-0014^JPN^H^東京都小金井市|^PRN^PH^^^^^^^^^099-385-6880",
        "PV1|0001|O", "DB1|1|PT||N",
        "OBX|1|NM|9N001000000000001^身長^JC10||167.8|cm^cm^ISO+|||||F|||20111220",
        "OBX|2|CWE|5H010000001999911^血液型-ABO式^JC10||A^A^JSHR002||||||F",
        "AL1|1|DA^薬剤^HL70127|106824501^アリナミン^HOT9|MI^軽度^HL70128|かゆみ",
        "IN1|1|06^組合管掌健康保険^JHSD0001|06050116|||||||９２０４５|１０|19990514|||||SEL^本人^HL70063",
    ]),
    (DataKind::Adt01, "ADT^A54^ADT_A54", &["PV1|0001|I|||||110^医師^一郎"]),
    (DataKind::Adt12, "ADT^A04^ADT_A01", &["EVN||20111220103059", VISIT]),
    (DataKind::Adt21, "ADT^A14^ADT_A05", &["EVN||20111220103059", STAY, "PV2||||||||201112251000"]),
    (DataKind::Adt22, "ADT^A01^ADT_A01", &["EVN||20111220103059", STAY]),
    (DataKind::Adt22, "ADT^A11^ADT_A09", &["EVN||20111220103059", STAY]),
    (DataKind::Adt31, "ADT^A21^ADT_A21", &[
        "EVN||20111220103059||||20111220180000",
        STAY,
        "PV2|||||||||||||||||||||||||||||||||||||||||||||||201112211000",
    ]),
    (DataKind::Adt32, "ADT^A22^ADT_A21", &["EVN||20111220103059||||20111221100000", STAY]),
    (DataKind::Adt41, "ADT^A15^ADT_A15", &["EVN||20111220103059", STAY, "PV2||||||||201112251000"]),
    (DataKind::Adt42, "ADT^A02^ADT_A02", &[
        "EVN||20111220103059||||20111220140000",
        "PV1|0001|I|5B^501^2^^^N|||4A^405^1^^^N",
    ]),
    (DataKind::Adt51, "ADT^A16^ADT_A16", &[
        "EVN||20111220103059",
        STAY,
        "PV2|||||||||201112251000",
    ]),
    (DataKind::Adt52, "ADT^A03^ADT_A03", &["EVN||20111220103059", STAY]),
    (DataKind::Adt61, "ADT^A60^ADT_A60", &[
        "PV1|0001|O",
        "IAM|1|LA^花粉^HL70127|5A1002216023023^スギ^JC10|MI^軽度^HL70128|かゆみ|A^追加^HL70323|1||||199601|小学校の頃|20111220||||C^確認済^HL70438",
    ]),
    (DataKind::Ppr01, "PPR^ZD1^PPR_ZD1", &[
        "PRB|AD|20110915|20054174^胃炎^MDCDX2|123|||20110831||20110915|K297^^I10^O^外来時^JHSD0004|||1|N^回復せず^HL70241|20110915|20110831|胃炎",
        "ZPR|1||||||本人の訴え", "ZPD|1|M",
        "ZI1|1|01^健康保険^JHSD0001|1130012||||||||||||||||19650415|^^^^1050001^^H^東京都",
        "ORC|NW||||||||20110915|110^医師^一郎",
    ]),
    (DataKind::Omd, "OMD^O03^OMD_O03", &[
        VISIT,
        ORDER,
        "TQ1|1||||||201112201800|201112221200",
        "ODS|D|1^朝食^99Z02|020000000000000^常食^JSHR009|塩分6g",
    ]),
    (DataKind::Omp01, "RDE^O11^RDE_O11", &[
        VISIT, ORDER,
        "RXE||103835401^ムコダイン錠２５０ｍｇ^HOT9|1||TAB^錠^MR9P|TAB^錠剤^MR9P|01^１回目から服用^JHSP0005|||9|TAB^錠^MR9P||||000000011000354||||3^TAB&錠&MR9P||OHP^外来処方^MR9P~OHI^院内処方^MR9P",
        "TQ1|1||1013044400000000&内服・経口・１日３回朝昼夕食後&JAMISDP01|||3^D&日&ISO+|20111220||||",
        "RXR|PO^口^HL70162",
    ]),
    (DataKind::Omp11, "RAS^O17^RAS_O17", &[
        VISIT, ORDER,
        "RXE||103835401^ムコダイン^HOT9|1||TAB^錠^MR9P|TAB^錠剤^MR9P||||9|TAB^錠^MR9P",
        "TQ1|1||1013044400000000&朝昼夕食後&JAMISDP01|||3^D&日&ISO+|20111220",
        "RXR|PO^口^HL70162",
        "RXA|0|1|20111220||103835401^ムコダイン^HOT9|1|TAB^錠^MR9P||||||||||||||CP",
    ]),
    (DataKind::Omp02, "RDE^O11^RDE_O11", &[
        STAY, ORDER,
        "RXE||107750603^ソリタ－Ｔ３号輸液５００ｍＬ^HOT9|500||ML^ｍＬ^MR9P|INJ^注射剤^MR9P|||||||||||||||100|ML/H",
        "TQ1|1||||||201112201000|201112201500", "RXR|IV^静脈内^HL70162|ARM^腕^HL70163|IVP^IVポンプ^HL70164",
        "RXC|B|107750603^ソリタ^HOT9|500|ML^ｍＬ^MR9P", "RXC|A|108010001^アドナ^HOT9|1|AMP^アンプル^MR9P",
        "OBX|1|NM|3A010^体重^JC10||60|kg^kg^ISO+|||||F", "CTI|T1234",
    ]),
    (DataKind::Omp12, "RAS^O17^RAS_O17", &[
        STAY, ORDER, "RXE||107750603^ソリタ^HOT9|500||ML^ｍＬ^MR9P",
        "TQ1|1||||||201112201000|201112201500", "RXR|IV^静脈内^HL70162",
        "RXC|B|107750603^ソリタ^HOT9|500|ML^ｍＬ^MR9P",
        "RXA|0|1|201112201000|201112201500|107750603^ソリタ^HOT9|500|ML^ｍＬ^MR9P||||||||L1||||||CP",
    ]),
    (DataKind::Oml01, "OML^O33^OML_O33", &[
        VISIT, "SPM|1|11000354||023^血清^JC10|||||||||||||20111220", ORDER,
        "TQ1|1||||||20111220||R^通常^HL70485", "OBR|1|000000011000354||3F050000002327101^HDL^JC10",
        "OBX|1|ST|9A1^コメント^L||空腹時||||||F", PATIENT, VISIT,
        "OBR|2|||3F015^前回^JC10", "OBX|1|NM|3F050000002327101^HDL^JC10||58|mg/dL",
    ]),
    (DataKind::Oml11, "OUL^R22^OUL_R22", &[
        VISIT, "SPM|1|11000354||023^血清^JC10|||||||||||||20111220101500|20111220102000",
        "OBR|1|000000011000354||E001^生化学^L|||20111220101500|||||||||110^医師^一郎||||||20111220120000|||F", ORDER,
        "OBX|1|NM|3F050000002327101^HDL-コレステロール^JC10^1234^HDL-C^99Z03||58|mg/dL^mg/dL^ISO+|40-85|N|||F|||20111220101500|||||20111220115900",
        "OBX|2|ST|5C070000002306201^CRP^JC10||0.1未満|mg/dL|0-0.3||||F",
        "OBX|3|SN|3B035^AST^JC10||<^5|U/L|13～33|L|||F", "OBX|4|CWE|5F016^HBs抗原^JC10||-^陰性^99Z04||||||F",
        "OBX|5|FT|9X^所見^L||フリー\\.br\\コメント||||||F", "NTE|1||溶血あり",
    ]),
    (DataKind::Omg01, "OMG^O19^OMG_O19", &[
        VISIT, ORDER, "TQ1|1||||||20111221||R^通常^HL70485",
        "OBR|1|000000011000354||1000000000000200^X線単純撮影^JJ1017-32P|||||||||||110^医師^一郎",
        "OBX|1|TX|9T^主訴^L||咳が続く||||||O",
    ]),
    (DataKind::Omg11, "OMI^Z23^OMI_Z23", &[
        VISIT, ORDER, "TQ1|1||||||20111221",
        "OBR|1|000000011000354||1000000000000200^X線単純撮影^JJ1017-32P|||20111221100000|||||||||110^医師^一郎",
        "OBX|1|NM|ZRD01^線量^L||1.5|mGy||||F", "IPC|20111221001|1|1.2.392.200036.9999.1|1|CR^CR^DCM",
        "ZE1|1|1|201112211000|201112211010|CR||技師^次郎", "ZE2|1|103^フィルム^L|2|MAI^枚^MR9P",
    ]),
    (DataKind::Omg02, "OMG^O19^OMG_O19", &[
        VISIT,
        ORDER,
        "TQ1|1||||||20111221",
        "OBR|1|000000011000354||E11^上部内視鏡^L|||||||||||110^医師^一郎",
    ]),
    (DataKind::Omg12, "OMI^Z23^OMI_Z23", &[
        VISIT, ORDER, "OBR|1|000000011000354||E11^上部内視鏡^L|||20111221100000",
        "OBX|1|XCN|E20^術者^L||110^医師^一郎||||||F", "IPC|1|1|1.2.392.1|1|ES^ES^DCM", "ZE1|1|1|201112211000|201112211010|ES",
    ]),
    (DataKind::Omg03, "OMG^O19^OMG_O19", &[
        VISIT, "AL1|1|DA|106824501^アリナミン^HOT9", ORDER, "TQ1|1||||||20111221",
        "OBR|1|000000011000354||P01^心電図^L|||||||||||110^医師^一郎",
    ]),
    (DataKind::Omg13, "ORU^R01^ORU_R01", &[
        VISIT,
        ORDER,
        "OBR|1|000000011000354||P01^心電図^L|||20111221100000|||||||||110^医師^一郎||||||20111221110000|||F",
        "OBX|1|NM|9A110000002027901^心拍数^JC10||72|/min|||||F", "OBX|2|ED|P02^波形^L||^^PDF^Base64^JVBERi0xLjc=||||||F",
        "OBX|3|DT|P03^検査日^L||20111221||||||F",
    ]),
];

/// The text of one message of every kind, segments ended by CR.
pub fn messages() -> impl Iterator<Item = (DataKind, String)> {
    BODIES.iter().map(|(kind, of_type, lines)| {
        let mut text = format!(
            "MSH|^~\\&|HIS123|SEND|GW|RCV|20111220103059.0000||{of_type}|20111220131032|P|2.5\
             ||||||~ISO IR87||ISO 2022-1994|SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\
             \r{PATIENT}\r"
        );
        for line in *lines {
            text.push_str(line);
            text.push('\r');
        }
        (*kind, text)
    })
}

/// A text in the encoding of the standard.
pub fn jis(text: &str) -> Vec<u8> {
    ISO_2022_JP.encode(text).0.into_owned()
}

/// The place of a kind in the list of all, by which the message target chooses it.
fn number(kind: DataKind) -> u8 {
    let place = DataKind::ALL.iter().position(|one| *one == kind);
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(u8::MAX)
}

/// The first inputs of a target: a name and its bytes.
pub fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "cda" => documents(),
        "folders" => folders(),
        "decoder" | "folding" => encodings(),
        "index" => indexes(),
        "astm" => crate::astm::seeds(),
        "batch" => crate::batch::seeds(),
        "envelope" => crate::envelope::seeds(),
        "evaluation" => crate::evaluation::seeds(),
        "letter" => crate::letter::seeds(),
        "network" => crate::network::seeds(),
        "order" => crate::order::seeds(),
        "panel" => crate::panel::seeds(),
        "share" => crate::share::seeds(),
        "message" => files(),
        "names" => names(),
        "tokenizer" => messages()
            .map(|(kind, text)| (kind.to_string(), text.into_bytes()))
            .collect(),
        "transaction" => transactions(),
        "ups" => crate::ups::seeds(),
        _ => Vec::new(),
    }
}

fn transactions() -> Vec<(String, Vec<u8>)> {
    let mut file = vec![40];
    for (kind, text) in messages() {
        let order = "000000011000354";
        let header = format!(
            "#SSMIX,2.00,1234567890,{CHART},20111220,{kind},{order},INS,01,20111220103059000\r\n"
        );
        file.extend(header.into_bytes());
        file.extend(jis(&text.chars().take(200).collect::<String>()));
    }
    let lines: &[&[u8]] = &[
        b"#SSMIX,2.00,1,1,-,ADT-00,999999999999999,DEL,-,20111220103059000",
        b"\"#SSMIX\",\"2.00\",\"1\",\"2\",\"20111220\",\
        \"OML-11\",\"1\",\"INS\",\"01\",\"20111220103059\"",
        b"#SSMIX,2.00,1,3,20111220,L1^a,b^99Z^1^x^LN,1,INS,01,20111220103059000#SSMIX,2.00,1,4",
        b"TR_20111220103059000_00001.DAT",
    ];
    let mut made = vec![("kinds".to_owned(), file)];
    for (number, line) in lines.iter().enumerate() {
        let bytes = [b"\x07", *line, b"\r\nMSH|^~\\&|\r"].concat();
        made.push((format!("line-{number}"), bytes));
    }
    made
}

fn indexes() -> Vec<(String, Vec<u8>)> {
    const HEADER: &str = "VolumeLabel,FacilityID,PatientID,OrderDate,DataKind,OrderNo,\
        ProcessingType,EnterOrgCD,TransactionDatetime,OutRelDirectory,FileName,UpdateDatetime";
    const ROW: &str = "STD01,1234567890,7741902358,20111220,OML-11,000000011000354,INS,01,\
        20111220103059000,000/111,x_1,";
    let times = [
        "2011-12-20 22:44:47.339",
        "2011/12/20 9:04:07",
        "20111220224447339",
        "2011-12-20T22:44:47+09:00",
        "\"2011-12-20 22:44:47\"",
    ];
    let rows: Vec<String> = times
        .iter()
        .map(|time| format!("{ROW}{time}\r\n"))
        .collect();
    let named = format!("\x28{HEADER}\r\n{}", rows.concat());
    let placed = "\x01\"1\",20111220224447,20111220,\"L1^a,b^c\",7,INS,20111220103059000\n";
    vec![
        ("named".to_owned(), named.into_bytes()),
        ("placed".to_owned(), placed.as_bytes().to_vec()),
        ("time".to_owned(), b"\x002011-12-20 22:44:47".to_vec()),
    ]
}

fn files() -> Vec<(String, Vec<u8>)> {
    let message = |(at, (kind, text)): (usize, (DataKind, String))| {
        let mut file = vec![number(kind), 1];
        file.extend(jis(&text));
        (format!("{at:02}-{kind}"), file)
    };
    messages().enumerate().map(message).collect()
}

fn encodings() -> Vec<(String, Vec<u8>)> {
    const TEXT: &str = "PID|0001||7741902358^^^^PI||髙橋^花子^^^^^L^I~タカハシ^ハナコ\r\
        ｶﾅ １２３－４５ 令和５年１２月３日 R5.12.3\r";
    let mut made = vec![
        ("jis".to_owned(), jis(TEXT)),
        ("utf-8".to_owned(), TEXT.as_bytes().to_vec()),
        ("cp932".to_owned(), SHIFT_JIS.encode(TEXT).0.into_owned()),
        ("euc".to_owned(), EUC_JP.encode(TEXT).0.into_owned()),
        ("bom".to_owned(), ["\u{FEFF}", TEXT].concat().into_bytes()),
    ];
    let sequences: &[(&str, &[u8])] = &[
        ("kana", b"A\x1B(I6E\x1B(BB\r"),
        ("shift", b"A\x0E6E\x0FB\r"),
        ("kana-8", b"A\xB6\xC5B\r"),
        ("roman", b"\x1B(Ja\\b~\x1B(B\r"),
        ("old", b"\x1B$@;3ED\x1B(J\r"),
        ("four", b"\x1B$(B;3ED\x1B(B\r"),
        ("supplement", b"\x1B$(D0!0\x22\x1B(B\r"),
        ("plane", b"\x1B$(O.!\x1B$(Q;3\x1B(B\r"),
        ("nec", b"\x1B$B-!|b\x1B(B\r"),
        ("open", b"\x1B$B;3ED\rPV1|1\r"),
        ("high", b"\x1B$B\xBB\xB3\xC5\xC4\x1B(B\r"),
        ("announcer", b"\x1B&@\x1B$B;3\x1B(B\r"),
        ("framed", b"\x0BMSH|\r\x1C\r"),
        ("user", b"\xF0\x40\xF9\xFC\r"),
        ("surrogate", b"\xED\xA0\x80\xED\xB0\x80\r"),
    ];
    made.extend(sequences.iter().map(|(n, b)| ((*n).to_owned(), b.to_vec())));
    made
}

fn names() -> Vec<(String, Vec<u8>)> {
    let all: Vec<String> = DataKind::ALL
        .iter()
        .map(|kind| format!("{CHART}_20111220_{kind}_000000011000354_20111220103059000_01_1"))
        .collect();
    let versions = [
        "1_20111220_OML-11_7_20111220103059000_01_2",
        "1_20111220_OML-11_7_20111220103059001_01_1",
        "1_20111220_OML-11_7_201112201030590_01_1",
        "1_20111220_OML-11_8_20111220103059_24_0",
        "1_-_ADT-00_999999999999999_20111220103059000_-_1",
        "1_-_OMX_1_20111220103059000_-_1",
    ];
    vec![
        ("kinds".to_owned(), all.join("\n").into_bytes()),
        ("versions".to_owned(), versions.join("\n").into_bytes()),
    ]
}

fn documents() -> Vec<(String, Vec<u8>)> {
    const LOINC: &str = "codeSystem=\"2.16.840.1.113883.6.1\"";
    let entries = [
        format!(
            "<observation><code code=\"8480-6\" {LOINC}/><effectiveTime value=\"201601010930\"/>\
            <value xsi:type=\"PQ\" value=\"120\" unit=\"mm[Hg]\"/></observation>"
        ),
        format!(
            "<observation><code code=\"8867-4\" {LOINC}/><value xsi:type=\"IVL_PQ\">\
            <low value=\"3\" unit=\"g\"/></value></observation>"
        ),
        format!(
            "<organizer><component><observation><code code=\"1\" {LOINC}/>\
            <value xsi:type=\"CD\" code=\"A\" codeSystem=\"1.2.392.200250.9.10111234567\"/>\
            </observation></component></organizer>"
        ),
        "<substanceAdministration><consumable><manufacturedProduct><manufacturedMaterial>\
            <code code=\"103835401\" codeSystem=\"1.2.392.100495.20.2.74\"/></manufacturedMaterial>\
            </manufacturedProduct></consumable></substanceAdministration>"
            .to_owned(),
        format!("<procedure><code code=\"1\" {LOINC}><translation code=\"2\"/></code></procedure>"),
        format!(
            "<act><code code=\"1\" {LOINC}/><entryRelationship>\
            <observation><code code=\"2\" {LOINC}/>\
            <value xsi:type=\"ST\">&lt;本文&gt;<![CDATA[x]]></value>\
            </observation></entryRelationship></act>"
        ),
    ];
    let document = |entry: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ClinicalDocument xmlns=\"urn:hl7-org:v3\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><recordTarget><patientRole>\
             <id root=\"1.2.392.200250.3.3.1.10111234567\" extension=\"{CHART}\"/><patient><name>\
             <family>山田</family></name><birthTime value=\"19580309\"/></patient></patientRole>\
             </recordTarget><component><structuredBody><component><section><text>山田</text>\
             <entry>{entry}</entry></section></component></structuredBody></component>\
             </ClinicalDocument>"
        )
    };
    let mut made: Vec<(String, Vec<u8>)> = entries
        .iter()
        .enumerate()
        .map(|(at, entry)| (format!("entry-{at}"), document(entry).into_bytes()))
        .collect();
    made.push((
        "cp932".to_owned(),
        SHIFT_JIS
            .encode(&document(&entries.concat()).replace("UTF-8", "Shift_JIS"))
            .0
            .into_owned(),
    ));
    let vitals = format!(
        "MSH|^~\\&|A|B|GW|C|20160115003210||ORU^R30^ORU_R30|1|P|2.5||||||~ISO IR87\r{PATIENT}\r\
         PV1||O\rORC|NW\rOBR|1|||9A750^バイタル^JC10|||20160115\r\
         OBX|1|NM|9A755000000000001^最高血圧^JC10||120|mmHg^^ISO+|||||F|||201601150930\r"
    );
    made.push(("vitals".to_owned(), jis(&vitals)));
    made
}

fn folders() -> Vec<(String, Vec<u8>)> {
    let kind = "L1^サマリー^99ZZZ^18842-5^退院時サマリー^LN";
    let lines = [
        format!("{CHART}_20160101_{kind}_k1_20160115003210012_01_1"),
        format!("{CHART}_20160101_L1_k1_20160116003210012_01_2"),
        format!("{CHART}_20160101_18842-5_20231205..1._20160115003210_0"),
        format!("{CHART}_-_{kind}_k_1_20160115003210012_-_0"),
    ];
    let utf8 = [&[kind.to_owned()], &lines[..]].concat().join("\n");
    let cp932 = SHIFT_JIS.encode(&utf8).0.into_owned();
    vec![
        ("utf-8".to_owned(), utf8.into_bytes()),
        ("cp932".to_owned(), cp932),
        (
            "code".to_owned(),
            b"^^^18842-5\n1_-_18842-5_1_20160115003210_1".to_vec(),
        ),
    ]
}
