//! Small tables of standard and local codes for what stands in the charts.

/// Departments: SS-MIX2 unified code (table 0069) and name.
pub(crate) const DEPARTMENTS: [(&str, &str); 8] = [
    ("01", "内科"),
    ("05", "呼吸器科"),
    ("06", "消化器科"),
    ("08", "循環器科"),
    ("09", "小児科"),
    ("10", "外科"),
    ("11", "整形外科"),
    ("013", "第３内科"),
];

/// A diagnosis: exchange code (MDCDX2), name, ICD-10 (2013) and a local code where sites add one.
pub(crate) struct Diagnosis {
    pub(crate) exchange: &'static str,
    pub(crate) name: &'static str,
    pub(crate) icd10: &'static str,
    pub(crate) local: Option<&'static str>,
}

const fn diagnosis(
    exchange: &'static str,
    name: &'static str,
    icd10: &'static str,
    local: Option<&'static str>,
) -> Diagnosis {
    Diagnosis {
        exchange,
        name,
        icd10,
        local,
    }
}

pub(crate) const DIAGNOSES: [Diagnosis; 12] = [
    diagnosis("20061688", "本態性高血圧症", "I10", None),
    diagnosis("20053896", "２型糖尿病", "E119", Some("D0042")),
    diagnosis("20054174", "胃炎", "K297", None),
    diagnosis("20058577", "急性肺炎", "J189", None),
    diagnosis("20056479", "気管支喘息", "J459", Some("D0107")),
    diagnosis("20054179", "慢性胃炎", "K295", None),
    diagnosis("20055472", "高コレステロール血症", "E780", None),
    diagnosis("20060346", "脳梗塞", "I639", Some("D0311")),
    diagnosis("20061310", "変形性膝関節症", "M179", None),
    diagnosis("20054688", "鉄欠乏性貧血", "D509", None),
    diagnosis("20052380", "アレルギー性鼻炎", "J304", None),
    diagnosis("20063028", "慢性腎臓病", "N189", Some("D0555")),
];

/// A medicine: HOT code (13 or 9 digits), name, unit and its name, usual amount a day.
pub(crate) struct Medicine {
    pub(crate) hot: &'static str,
    pub(crate) name: &'static str,
    pub(crate) unit: (&'static str, &'static str),
    pub(crate) a_day: u32,
}

const fn medicine(
    hot: &'static str,
    name: &'static str,
    unit: (&'static str, &'static str),
    a_day: u32,
) -> Medicine {
    Medicine {
        hot,
        name,
        unit,
        a_day,
    }
}

const TABLET: (&str, &str) = ("TAB", "錠");

pub(crate) const ORAL: [Medicine; 8] = [
    medicine("1178442010101", "アムロジピン錠５ｍｇ", TABLET, 1),
    medicine("1148016010101", "ロキソプロフェンＮａ錠６０ｍｇ", TABLET, 3),
    medicine("1163414010202", "アセトアミノフェン錠２００ｍｇ", TABLET, 3),
    medicine("1137324020101", "メトホルミン塩酸塩錠２５０ｍｇ", TABLET, 2),
    medicine("1152358010101", "ファモチジン錠１０ｍｇ", TABLET, 2),
    medicine("1181503010201", "ロスバスタチン錠２．５ｍｇ", TABLET, 1),
    medicine("103835401", "酸化マグネシウム錠３３０ｍｇ", TABLET, 3),
    medicine("112432401", "モンテルカスト錠１０ｍｇ", TABLET, 1),
];

const GRAM: (&str, &str) = ("G", "g");
const MILLILITRE: (&str, &str) = ("ML", "mL");

pub(crate) const SALINE: Medicine = medicine("1076790020102", "生理食塩水", MILLILITRE, 500);

pub(crate) const INJECTED: [Medicine; 3] = [
    medicine(
        "1198744010101",
        "セフトリアキソンナトリウム静注用１ｇ",
        GRAM,
        1,
    ),
    medicine("1112905010101", "アンピシリンナトリウム注射用１ｇ", GRAM, 2),
    medicine("1079432010102", "ブドウ糖注射液５％", MILLILITRE, 250),
];

/// How often, as coded by JAMI.
pub(crate) const DIRECTIONS: [(u32, &str); 3] = [
    (1, "1011040000000000&内服・経口・１日１回朝食後&JAMISDP01"),
    (2, "1012040400000000&内服・経口・１日２回朝夕食後&JAMISDP01"),
    (
        3,
        "1013044400000000&内服・経口・１日３回朝昼夕食後&JAMISDP01",
    ),
];

/// A laboratory item: JLAC10 (none for a local item), local code, name, unit, low and high in
/// tenths of the unit, digits after the point.
pub(crate) struct Item {
    pub(crate) jlac10: Option<&'static str>,
    pub(crate) local: &'static str,
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) range: (i64, i64),
    pub(crate) blood: bool,
    pub(crate) tenths: bool,
}

const fn item(
    jlac10: Option<&'static str>,
    local: &'static str,
    name: &'static str,
    unit: &'static str,
    range: (i64, i64),
) -> Item {
    Item {
        jlac10,
        local,
        name,
        unit,
        range,
        blood: false,
        tenths: true,
    }
}

const fn whole(it: Item) -> Item {
    Item {
        tenths: false,
        ..it
    }
}

const fn blood(it: Item) -> Item {
    Item { blood: true, ..it }
}

pub(crate) const ITEMS: [Item; 16] = [
    blood(whole(item(
        Some("2A010000001930901"),
        "L0001",
        "白血球数",
        "/μL",
        (2800, 14000),
    ))),
    blood(whole(item(
        Some("2A020000001930901"),
        "L0002",
        "赤血球数",
        "×10*4/μL",
        (320, 580),
    ))),
    blood(item(
        Some("2A030000001930101"),
        "L0003",
        "ヘモグロビン",
        "g/dL",
        (82, 175),
    )),
    blood(item(
        Some("2A050000001930101"),
        "L0004",
        "血小板数",
        "×10*4/μL",
        (90, 400),
    )),
    blood(item(
        Some("3D046000001906202"),
        "L0005",
        "HbA1c(NGSP)",
        "%",
        (48, 105),
    )),
    item(
        Some("3A010000002327101"),
        "L0011",
        "総蛋白",
        "g/dL",
        (58, 84),
    ),
    whole(item(
        Some("3B035000002327201"),
        "L0012",
        "AST",
        "U/L",
        (10, 160),
    )),
    whole(item(
        Some("3B045000002327201"),
        "L0013",
        "ALT",
        "U/L",
        (8, 180),
    )),
    whole(item(
        Some("3B090000002327101"),
        "L0014",
        "γ-GT",
        "U/L",
        (9, 220),
    )),
    item(
        Some("3C015000002327101"),
        "L0015",
        "クレアチニン",
        "mg/dL",
        (4, 38),
    ),
    item(
        Some("3C025000002327101"),
        "L0016",
        "尿素窒素",
        "mg/dL",
        (70, 420),
    ),
    whole(item(
        Some("3F077000002327101"),
        "L0017",
        "LDLコレステロール",
        "mg/dL",
        (60, 210),
    )),
    whole(item(
        Some("3H010000002326101"),
        "L0018",
        "ナトリウム",
        "mmol/L",
        (128, 149),
    )),
    item(
        Some("3H015000002326101"),
        "L0019",
        "カリウム",
        "mmol/L",
        (30, 58),
    ),
    item(Some("5C070000002306201"), "L0020", "CRP", "mg/dL", (0, 140)),
    whole(item(None, "L0901", "院内血糖（簡易）", "mg/dL", (70, 320))),
];

/// Allergens: type (table 0127), code, name, coding system.
pub(crate) const ALLERGENS: [(&str, &str, &str, &str); 6] = [
    ("DA^薬剤アレルギー^HL70127", "61", "ペニシリン系", "99XYZ"),
    ("DA^薬剤アレルギー^HL70127", "62", "ヨード造影剤", "99XYZ"),
    ("FA^食物アレルギー^HL70127", "J9FB11", "鶏卵", "JFAGY"),
    ("FA^食物アレルギー^HL70127", "J9FC11", "牛乳", "JFAGY"),
    ("FA^食物アレルギー^HL70127", "J9FH11", "そば", "JFAGY"),
    ("EA^環境アレルギー^HL70127", "91", "スギ花粉", "99XYZ"),
];
