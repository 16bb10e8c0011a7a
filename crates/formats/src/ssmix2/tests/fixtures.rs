//! Messages of every kind, with every field that the table lets through, and the records that they
//! must become.

/// One message: its kind, the lines behind PID, and what is read from it.
pub(super) struct Fixture {
    pub(super) kind: &'static str,
    pub(super) lines: &'static [&'static str],
    pub(super) records: &'static [&'static str],
}

const fn of(
    kind: &'static str,
    lines: &'static [&'static str],
    records: &'static [&'static str],
) -> Fixture {
    Fixture {
        kind,
        lines,
        records,
    }
}

/// Every kind at least once.
pub(super) const FIXTURES: &[Fixture] = &[
    of(
        "ADT-00",
        &[
            "EVN||20111220101500|||SEND001",
            "MRG|0009998885",
            "NK1|1|山田^花子|SPO|^^^^1840014||099-385-6880",
            "PV1|0001|O|01^^^^^C||||110^医師^一郎|||02",
            "DB1|1|PT||N",
            "OBX|1|NM|9N001000000000001^身長^JC10||170.5|cm^cm^ISO+|||||F",
            "AL1|1|FA^食物^HL70127|J9FB11^鶏卵^JFAGY|MO^中等度^HL70128|湿疹|20110101",
            "IN1|1|06^組合^JHSD0001|06130012|健保組合||||||記号~番号1~01||20110401|20120331||||SEL^本人^HL70063",
            "IN1|2|C0^国保^JHSD0001|00138057|||||||１２|３４５６",
        ],
        &[
            "Patient birth.month=4 birth.year=1965 prefecture=13 sex=M",
            "Observation code=9N001000000000001[JC10] status=F value.q.unit=cm value.q.value=170.5",
            "AllergyIntolerance category=FA[HL70127] code=J9FB11[JFAGY] recorded=2011-01-01 \
             severity=MO[HL70128]",
            "Coverage end=2012-03-31 plan=06[JHSD0001] relation=SEL start=2011-04-01",
            "Coverage plan=C0[JHSD0001]",
        ],
    ),
    of(
        "ADT-01",
        &[
            "EVN|A54|20111220101500|||SEND001|20111219090000",
            "PV1|0001|I|32^302^1^^^N||||110^医師^一郎|||02|||||||110^医師^一郎",
        ],
        &["Encounter at=2011-12-19T09:00:00 class=IMP department=02 event=attending ward=32"],
    ),
    of(
        "ADT-12",
        &[
            "PV1|0001|O|01^^^^^C||||110^医師^一郎|||02||||||||||||||||||||||||||||||||||20111220093000",
        ],
        &["Encounter at=2011-12-20T09:30:00 class=AMB department=02 event=visit"],
    ),
    of(
        "ADT-21",
        &[
            "EVN||20111210101500",
            "PV1|0001|I|4A^^^^^N|||||||02",
            "PV2||||||||20111220",
        ],
        &["Encounter at=2011-12-20 class=IMP department=02 event=admission-planned ward=4A"],
    ),
    of(
        "ADT-22",
        &["PV1|0001|I|4A^9^3^^^N|||||||02||||||||||||||||||||||||||||||||||20111220101500"],
        &["Encounter at=2011-12-20T10:15:00 class=IMP department=02 event=admission ward=4A"],
    ),
    of(
        "ADT-31",
        &[
            "EVN||20111220090000||||201112200900",
            "PV1|0001|I|4A^9^3^^^N|||||||02||||||||||||||||||||||||||||||||||20111201",
            "PV2|||||||||||||||||||||||||||||||||||||||||||||||20111221",
        ],
        &[
            "Encounter admitted=2011-12-01 at=2011-12-20T09:00 class=IMP department=02 event=leave \
           returns=2011-12-21 ward=4A",
        ],
    ),
    of(
        "ADT-32",
        &[
            "EVN||20111220170000||||201112201700",
            "PV1|0001|I|4A^9^3^^^N|||||||02",
            "PV2|||||||||||||||||||||||||||||||||||||||||||||||20111220",
        ],
        &[
            "Encounter at=2011-12-20T17:00 class=IMP department=02 event=return returns=2011-12-20 \
           ward=4A",
        ],
    ),
    of(
        "ADT-41",
        &[
            "PV1|0001|I|4A^9^3^^^N|||||||02||||||||||||||||||||||||||||||||6B^601^1^^^N",
            "PV2||||||||20111220",
        ],
        &[
            "Encounter at=2011-12-20 class=IMP department=02 event=transfer-planned ward=6B \
           ward_from=4A",
        ],
    ),
    of(
        "ADT-42",
        &[
            "EVN||201112202100||||201112202000|SEND001",
            "PV1|0001|I|32^305^1^^^N|||32B^302^1^^^N|110^医師^一郎|||10",
        ],
        &[
            "Encounter at=2011-12-20T20:00 class=IMP department=10 event=transfer ward=32 \
           ward_from=32B",
        ],
    ),
    of(
        "ADT-51",
        &["PV1|0001|I|4A^9^3^^^N|||||||02", "PV2|||||||||20111220"],
        &["Encounter at=2011-12-20 class=IMP department=02 event=discharge-planned ward=4A"],
    ),
    of(
        "ADT-52",
        &[
            "PV1|0001|I|4A^9^3^^^N|||||||02||||||||||||||||||||||||||01||||||||20111201|20111220101500",
        ],
        &[
            "Encounter admitted=2011-12-01 at=2011-12-20T10:15:00 class=IMP department=02 \
           disposition=01 event=discharge ward=4A",
        ],
    ),
    of(
        "ADT-61",
        &[
            "IAM|1|FA^食物^HL70127|J9FB11^鶏卵^JFAGY|MO^中等度^HL70128|湿疹|A^追加^HL70323|7001||\
           AL^アレルギー^HL70436||199601|小学校低学年の頃|20111013|山田^花子|||C^確認済^HL70438",
        ],
        &[
            "AllergyIntolerance category=FA[HL70127] code=J9FB11[JFAGY] onset=1996-01 \
           recorded=2011-10-13 sensitivity=AL[HL70436] severity=MO[HL70128] \
           verification=C[HL70438]",
        ],
    ),
    of(
        "PPR-01",
        &[
            "PRB|AD|20110915|20054174^胃炎^MDCDX2|123|||20110831||20110915|K297^^I10^O^外来^JHSD0004\
             |||1|R^治癒^HL70241|20110916|20110830|胃炎|1^主診断^JHSD0007|||||||U",
            "ZPR|4012^急性^MDCMOD|20054174^胃炎^MDCDX2|8002^の疑い^MDCMOD|A1B2^急性^MDCEX|\
             TSQF^胃炎^MDCDX2|C3D4^の疑い^MDCEX|家族の話",
            "ZPD|1|18^右上^JDENT",
            "ORC|NW|7||||||||||110^医師^一郎",
            "PRB|AD|20110915|^手書きの病名",
            "PRB|AD|20110915||||||||||||||||||||||||",
            "ZPR||20061688^高血圧^MDCDX2",
            "PRB|AD|20110915|20061688^高血圧^MDCDX2||||||||||||||||||||||V^非常に限定^HL70177",
            "ZPR||20061688^高血圧^MDCDX2",
            "PRB|DE|20110915|20061688^高血圧^MDCDX2",
            "ZI1|1|01^健保^JHSD0001|1130012|東京支部||||||123456|11010203|20110901|20120831||13||\
             OTH^家族^HL70063|19650415|^^^^1050001^^H^東京都",
        ],
        &[
            "Condition abated=2011-09-15 code=20054174[MDCDX2] exchange=TSQF[MDCDX2] \
             icd10=K297[I10]/O[JHSD0004] modifiers.prefix=4012[MDCMOD] \
             modifiers.prefix=A1B2[MDCEX] modifiers.suffix=8002[MDCMOD] \
             modifiers.suffix=C3D4[MDCEX] modifiers.tooth=18[JDENT] onset=2011-08-31 \
             outcome=R[HL70241] outcome_at=2011-09-16 provisional rank=1[JHSD0007]",
            "Condition free_text",
            "Condition code=20061688[MDCDX2]",
            "Coverage end=2012-08-31 plan=01[JHSD0001] relation=OTH start=2011-09-01",
        ],
    ),
    of(
        "OMD",
        &[
            "ORC|NW|000000011000354|||||||20111220232213|058^入力者^花子||110^医師^一郎|||||01^内科\
             |PC32|||||||||||I^入院^HL70482",
            "TQ1|1||TID&１日３回&HL70335||||2011122107|2011122319||R^^HL70485",
            "ODS|D|1^朝^99M|001^塩分制限^99XY3~002^全粥^99XY3|塩分控えめ",
            "ODS|P|||自由記載だけ",
        ],
        &[
            "NutritionOrder action=D class=IMP code=001[99XY3] end=2011-12-23 group=1 meal=1[99M] \
             requested=2011-12-20T23:22:13 start=2011-12-21 timing=TID",
            "NutritionOrder action=D class=IMP code=002[99XY3] end=2011-12-23 group=1 meal=1[99M] \
             requested=2011-12-20T23:22:13 start=2011-12-21 timing=TID",
        ],
    ),
    of(
        "OMP-01",
        &[
            "AL1|1|DA^薬剤^HL70127|61^ペニシリン^99XYZ",
            "ORC|NW|000000011000354||000000011000354_01|||||20111220103045|058^入力者^花子||\
             110^医師^一郎|||||||||||||||||O^外来^HL70482",
            "RXE||108665201^ダーゼン^HOT9|1|2|TAB^錠^MR9P|TAB^錠剤^MR9P|^食後に^99|||15|\
             TAB^錠^MR9P||||2011070112345||||3^TAB&錠&MR9P||OHP^外来処方^MR9P~OHI^院内処方^MR9P",
            "TQ1|1||1013044400000000&内服&JAMISDP01|||5^d|2011122000|20111225|R^^HL70485|||||3",
            "RXR|PO^口^HL70162|MTH^口^HL70163||BOL^一度に^HL70165",
        ],
        &[
            "MedicationRequest categories=OHI[MR9P] categories=OHP[MR9P] class=AMB \
             dispensed.unit=TAB[MR9P] dispensed.value=15 dose.amount=1 \
             dose.medication=108665201[HOT9] dose.unit=TAB[MR9P] duration.unit=d \
             duration.value=5 end=2011-12-25 form=TAB[MR9P] group=1 method=BOL[HL70165] most=2 \
             occurrences=3 per_day.unit=TAB[MR9P] per_day.value=3 priority=R \
             requested=2011-12-20T10:30:45 route=PO[HL70162] site=MTH[HL70163] start=2011-12-20 \
             timing=1013044400000000",
        ],
    ),
    of(
        "OMP-02",
        &[
            "ORC|NW|000000011000354||000000011000354_01_001|||||20111220012410|||110^医師^一郎",
            "RXE||00^一般^99I02|510||ML^ミリリットル^MR9P|INJ^注射剤^MR9P|||||||||||||||||102|\
             ml/hr^毎時^ISO+",
            "TQ1|1||||||201112200800|201112201300",
            "RXR|IV^静脈内^HL70162||IVP^点滴ポンプ^HL70164",
            "RXC|B|620007329^ソリタ^HOT9|1|HON^本^MR9P",
            "OBX|1|NM|9N006000000000001^体重^JC10||60|kg^kg^ISO+|||||F",
        ],
        &[
            "MedicationRequest device=IVP[HL70164] dose.amount=510 dose.medication=00[99I02] \
             dose.unit=ML[MR9P] end=2011-12-20T13:00 form=INJ[MR9P] group=1 rate.unit=ml/hr[ISO+] \
             rate.value=102 requested=2011-12-20T01:24:10 route=IV[HL70162] \
             start=2011-12-20T08:00",
            "MedicationRequest component device=IVP[HL70164] dose.amount=1 \
             dose.medication=620007329[HOT9] dose.unit=HON[MR9P] end=2011-12-20T13:00 group=1 \
             requested=2011-12-20T01:24:10 route=IV[HL70162] start=2011-12-20T08:00",
            "Observation code=9N006000000000001[JC10] group=1 status=F value.q.unit=kg \
             value.q.value=60",
        ],
    ),
    of(
        "OMP-11",
        &[
            "ORC|NW|000000011000354|||||||20111220113613||||||||||||||||||||I^入院^HL70482",
            "RXA|0|1|201112200805|201112200806|108665201^ダーゼン^HOT9|2|TAB^錠^MR9P|TAB^錠剤^MR9P\
             ||200^看護^花子|||||LOT-1|||||CP|A",
            "RXR|PO^口^HL70162",
        ],
        &[
            "MedicationAdministration class=IMP dose.amount=2 dose.medication=108665201[HOT9] \
             dose.unit=TAB[MR9P] end=2011-12-20T08:06 form=TAB[MR9P] group=1 lot=LOT-1 \
             route=PO[HL70162] start=2011-12-20T08:05 status=CP",
        ],
    ),
    of(
        "OMP-12",
        &[
            "ORC|NW|000000011000354||000000011000354_01_001",
            "RXA|0|1|20111220080521|20111220130543|620007329^ソリタ^HOT9|1|HON^本^MR9P||^左手^99|\
             200^看護^花子|09A^021^4|102ml/hr||||||||CP",
            "RXC|A|620002559^アドナ^HOT9|1|AMP^アンプル^MR9P",
            "RXR|IV^静脈内^HL70162|LA^左腕^HL70163",
        ],
        &[
            "MedicationAdministration dose.amount=1 dose.medication=620007329[HOT9] \
             dose.unit=HON[MR9P] end=2011-12-20T13:05:43 group=1 rate.unit=ml/hr rate.value=102 \
             route=IV[HL70162] site=LA[HL70163] start=2011-12-20T08:05:21 status=CP",
            "MedicationAdministration component dose.amount=1 dose.medication=620002559[HOT9] \
             dose.unit=AMP[MR9P] end=2011-12-20T13:05:43 group=1 route=IV[HL70162] \
             site=LA[HL70163] start=2011-12-20T08:05:21 status=CP",
        ],
    ),
    of(
        "OML-01",
        &[
            "SPM|1|S1||023^血清^JC10^01^血清^99Z01|||||||||||||201112191500",
            "ORC|NW|000000011000354|||SC||||20111220183301|||110^医師^一郎|||||||||||||||||I^入院",
            "TQ1|1||||||20111221||R^^HL70485",
            "OBR|1|000000011000354||E002^生化学^99O03||||||||||||110^医師^一郎",
            "OBX|1||3A010000002327101^総蛋白^JC10^10222^ＴＰ^99X03||||||||O",
            "OBX|2|NM|9N001000000000001^身長^JC10||170|cm|||||F",
            "PID|0001||0001112223",
            "PV1|0001|O",
            "AL1|1|DA",
            "ORC|PR|000000011000001|||CM||||20111001",
            "OBR|1|000000011000001||E001^血液学^99O03|||20111001|||||||||||||||20111002",
            "OBX|1|NM|2A010000001930901^白血球^JC10||8207|/μL|||||F",
            "ORC|NW|000000011000354|||||||20111220183301",
            "OBR|2|000000011000354||E003^免疫^99O03",
        ],
        &[
            "ServiceRequest category=laboratory class=IMP code=E002[99O03] group=1 priority=R \
             requested=2011-12-20T18:33:01 scheduled=2011-12-21 specimen=023[JC10]/01[99Z01] \
             status=SC",
            "ServiceRequest category=laboratory class=IMP code=3A010000002327101[JC10]/10222[99X03] \
             group=1 part priority=R requested=2011-12-20T18:33:01 scheduled=2011-12-21 \
             specimen=023[JC10]/01[99Z01] status=SC",
            "Observation at=2011-12-19T15:00 code=9N001000000000001[JC10] \
             collected=2011-12-19T15:00 group=1 panel=E002[99O03] \
             specimen=023[JC10]/01[99Z01] status=F value.q.unit=cm value.q.value=170",
            "Observation at=2011-10-01 code=2A010000001930901[JC10] group=1 panel=E001[99O03] \
             prior reported=2011-10-02 status=F value.q.unit=/μL value.q.value=8207",
            "ServiceRequest category=laboratory code=E003[99O03] group=2 \
             requested=2011-12-20T18:33:01 specimen=023[JC10]/01[99Z01]",
        ],
    ),
    of(
        "OML-11",
        &[
            "SPM|1|000000001219001||023^血清^JC10|||||||||||||20111220150000|20111220153000",
            "OBR|1|000000011000354|000000001219001|E001^血液^99O03|||20111220|20111220||||||\
             201112201540||110^医師^一郎||||||20111220183059",
            "ORC|SC|000000011000354|000000001219001||CM",
            "OBX|1|NM|3A016000002327102^A/G比^JC10|1.1|1.7|%^%^UCUM|1.2-2.0|H|||F|||201112201500\
             |||M1^酵素法^99M||201112201600",
            "NTE|1||自由記載",
        ],
        &[
            "Observation analysed=2011-12-20T16:00 at=2011-12-20T15:00:00 \
             code=3A016000002327102[JC10] collected=2011-12-20T15:00:00 flag=H group=1 \
             method=M1[99M] panel=E001[99O03] part=1.1 range=1.2,2.0 \
             received=2011-12-20T15:40 reported=2011-12-20T18:30:59 specimen=023[JC10] status=F \
             value.q.unit=% value.q.value=1.7",
        ],
    ),
    of(
        "OMG-01",
        &[
            "ORC|NW|000000011000354|||||||20111220100059|||110^医師^一郎|||||||||||||||||O",
            "TQ1|1||||||20111221||S^^HL70485",
            "OBR||000000011000354||1000000000000000^Ｘ線^JJ1017||||||||胸が痛い|||\
             ^^^51185008&胸部&SCT|||||||||||||||||||||201112211000",
            "ORC|PA|000000011000354|||||||20111220100059|||110^医師^一郎",
            "TQ1|1||||||||S^^HL70485",
            "OBR||000000011000354||1000000000000000^Ｘ線^JJ1017",
            "OBX||NM|01-02^体重^JSHR001||62|kg^kg^ISO+|||||F",
            "ORC|CH|000000011000355||||||000000011000354|20111220100059",
            "OBR||000000011000355||10000002000102000000010000000000^胸部^JJ1017",
            "IPC|A2011|P1|1.2.3||US^^DCM",
        ],
        &[
            "ServiceRequest body_site=51185008[SCT] category=radiology class=AMB \
             code=1000000000000000[JJ1017] group=1 priority=S requested=2011-12-20T10:00:59 \
             scheduled=2011-12-21",
            "Observation code=01-02[JSHR001] group=1 panel=1000000000000000[JJ1017] status=F \
             value.q.unit=kg value.q.value=62",
            "ServiceRequest category=radiology code=10000002000102000000010000000000[JJ1017] \
             group=2 modality=US[DCM] part requested=2011-12-20T10:00:59",
        ],
    ),
    of(
        "OMG-11",
        &[
            "ORC|NW|000000011000354|||||||20111220113540||||24^^^^^C||||||||||||||||O",
            "OBR||000000011000354||99A000000000000^超音波^JJ1017|||20111220|201112201010|||||||\
             ^^^T1&腹部&99S|||||||20111220113540|||F",
            "ORC|CH|000000011000355||||||000000011000354",
            "OBR||000000011000355||99A00005550000^胎児^JJ1017|||20111220",
            "ZE1|1|RS|99A00005550000^胎児^JJ1017|2|K1^加算^99K|NS-03|D98765^助産師^愛子|C1|\
             100555401^造影剤^HOT9^10^ML&ミリ&MR9P",
            "ZE2|1|120^kV|200^mA|100^cm|0.1^s|2|自由",
            "ZE1|2|RS|99A00006660000^別^JJ1017",
            "IPC|A2011|P1|1.2.3||US^^DCM",
        ],
        &[
            "Procedure body_site=T1[99S] category=radiology class=AMB code=99A000000000000[JJ1017] \
             end=2011-12-20T10:10 group=1 reported=2011-12-20T11:35:40 start=2011-12-20 status=F",
            "Procedure addition=K1[99K] category=radiology code=99A00005550000[JJ1017] group=2 \
             modality=US[DCM] part start=2011-12-20 times=2",
            "Observation at=2011-12-20 code=C1 group=2 panel=99A00005550000[JJ1017] \
             value.u.amount=10 value.u.medication=100555401[HOT9] value.u.unit=ML[MR9P]",
            "Observation at=2011-12-20 code=ZE2-2[SS-MIX2] group=2 panel=99A00005550000[JJ1017] \
             value.q.unit=kV value.q.value=120",
            "Observation at=2011-12-20 code=ZE2-3[SS-MIX2] group=2 panel=99A00005550000[JJ1017] \
             value.q.unit=mA value.q.value=200",
            "Observation at=2011-12-20 code=ZE2-4[SS-MIX2] group=2 panel=99A00005550000[JJ1017] \
             value.q.unit=cm value.q.value=100",
            "Observation at=2011-12-20 code=ZE2-5[SS-MIX2] group=2 panel=99A00005550000[JJ1017] \
             value.q.unit=s value.q.value=0.1",
            "Observation at=2011-12-20 code=ZE2-6[SS-MIX2] group=2 panel=99A00005550000[JJ1017] \
             value.q.value=2",
            "Procedure category=radiology code=99A00006660000[JJ1017] group=2 modality=US[DCM] \
             part start=2011-12-20",
        ],
    ),
    of(
        "OMG-02",
        &[
            "ORC|NW|000000011000354|||||||20111220125210|||110^医師^一郎",
            "OBR||000000011000354||11000000000^上部^LENDO",
            "OBX|1|CWE|04-03^視覚障害^JSHR||SV^重度^JSHR||||||F",
            "OBX|2|TX|MS3-24^外来所見^JSHR||強い上腹部痛||||||F",
        ],
        &[
            "ServiceRequest category=endoscopy code=11000000000[LENDO] group=1 \
             requested=2011-12-20T12:52:10",
            "Observation code=04-03[JSHR] group=1 panel=11000000000[LENDO] status=F \
             value.c=SV[JSHR]",
            "Observation code=MS3-24[JSHR] group=1 panel=11000000000[LENDO] status=F",
        ],
    ),
    of(
        "OMG-12",
        &[
            "ORC|NW|000000011000354",
            "OBR||000000011000354||11000001000^上部^LENDO|||20111220",
            "ZE1|1|RS|11000001000^上部^LENDO",
            "OBX|1|XCN|DR-02^実施医師^JSHR||123456^大江戸^信吉||||||F",
            "OBX|2|TS|TM-P1^開始時間^JSHR||20111220144512||||||F",
            "OBX|3|ZRD|DE-02^薬品^JSHR||100555401^セルシン^HOT9^1^AMP&管&MR9P||||||F",
        ],
        &[
            "Procedure category=endoscopy code=11000001000[LENDO] group=1 start=2011-12-20",
            "Observation at=2011-12-20 code=DR-02[JSHR] group=1 panel=11000001000[LENDO] status=F",
            "Observation at=2011-12-20 code=TM-P1[JSHR] group=1 panel=11000001000[LENDO] status=F \
             value.t=2011-12-20T14:45:12",
            "Observation at=2011-12-20 code=DE-02[JSHR] group=1 panel=11000001000[LENDO] status=F \
             value.u.amount=1 value.u.medication=100555401[HOT9] value.u.unit=AMP[MR9P]",
        ],
    ),
    of(
        "OMG-03",
        &[
            "ORC|NW|000000011000354|||||||201112201015|||110^医師^一郎",
            "TQ1|1|1|||||||A^^HL70485",
            "OBR|1|000000011000354||9A110^心電図^JC10",
        ],
        &[
            "ServiceRequest category=physiology code=9A110[JC10] group=1 priority=A \
           requested=2011-12-20T10:15",
        ],
    ),
    of(
        "OMG-13",
        &[
            "OBR|1|000000011000354||9A110^心電図^JC10|||20111220|||||||||110^医師^一郎||||||20111220152000",
            "OBX|2|TX|9A100&IMP^所見^JC10|1|心筋虚血疑い||||||F",
            "OBX|3|NM|58368&7^R振幅&V5^99MFR|2|2.505|mV|||||F",
        ],
        &[
            "Procedure category=physiology code=9A110[JC10] group=1 \
             reported=2011-12-20T15:20:00 start=2011-12-20",
            "Observation at=2011-12-20 code=9A100&IMP[JC10] group=1 panel=9A110[JC10] part=1 \
             reported=2011-12-20T15:20:00 status=F",
            "Observation at=2011-12-20 code=58368&7[99MFR] group=1 panel=9A110[JC10] part=2 \
             reported=2011-12-20T15:20:00 status=F value.q.unit=mV value.q.value=2.505",
        ],
    ),
];
