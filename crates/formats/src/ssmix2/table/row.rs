//! How a row is written down, in few words.

use record::Role;

use super::groups::{ALL, Kinds};
use super::{Class, Guideline, Row, Treatment};
use crate::hl7::Parts;

/// The components that hold the codes of a coded field (CWE): both triplets, without the names.
const CODES: Parts = Parts::of(&[1, 3, 4, 6]);
/// The names of the codes, and the systems of short codes: known, never passed on, not counted.
const NAMES: Parts = Parts::of(&[2, 3, 5, 6]);

const BASE: Row = Row {
    field: 0,
    components: Parts::ALL,
    subcomponents: Parts::ALL,
    names: Parts::NONE,
    repeats: false,
    label: "",
    class: Class::Content,
    treatment: Treatment::Drop,
    kinds: ALL,
    target: "",
    since: Guideline::V1_2c,
    until: None,
};

impl Row {
    /// With coded subcomponents: their names stay.
    pub(super) const fn coded(self) -> Self {
        Self {
            subcomponents: CODES,
            ..self
        }
    }

    /// With the names of codes in other components.
    pub(super) const fn named(self) -> Self {
        Self {
            names: NAMES.without(self.components),
            ..self
        }
    }

    /// Only the first subcomponent.
    pub(super) const fn first(self) -> Self {
        Self {
            subcomponents: Parts::of(&[1]),
            ..self
        }
    }

    /// With a suffix to the code in further subcomponents (`9A100&IMP`).
    pub(super) const fn suffixed(self) -> Self {
        Self {
            subcomponents: Parts::ALL,
            ..self
        }
    }

    /// Every repetition is read, not the first alone.
    pub(super) const fn repeated(self) -> Self {
        Self {
            repeats: true,
            ..self
        }
    }

    /// Of another class.
    pub(super) const fn classed(self, class: Class) -> Self {
        Self { class, ..self }
    }
}

/// A field of which some components are treated alike.
pub(super) const fn parts(
    field: u8,
    components: &[u8],
    label: &'static str,
    class: Class,
    treatment: Treatment,
    kinds: Kinds,
    target: &'static str,
) -> Row {
    Row {
        field,
        components: Parts::of(components),
        label,
        class,
        treatment,
        kinds,
        target,
        ..BASE
    }
}

/// A coded field: its codes leave, its names stay.
pub(super) const fn code(
    field: u8,
    label: &'static str,
    kinds: Kinds,
    target: &'static str,
) -> Row {
    Row {
        components: CODES,
        ..number(field, label, kinds, target)
    }
    .named()
    .first()
}

/// A short code at the beginning of a field.
pub(super) const fn short(
    field: u8,
    label: &'static str,
    kinds: Kinds,
    target: &'static str,
) -> Row {
    number(field, label, kinds, target).named().first()
}

/// A number, or another plain value.
pub(super) const fn number(
    field: u8,
    label: &'static str,
    kinds: Kinds,
    target: &'static str,
) -> Row {
    parts(
        field,
        &[1],
        label,
        Class::Content,
        Treatment::Keep,
        kinds,
        target,
    )
}

/// A date or a time.
pub(super) const fn time(
    field: u8,
    label: &'static str,
    kinds: Kinds,
    target: &'static str,
) -> Row {
    number(field, label, kinds, target)
        .first()
        .classed(Class::Quasi)
}

/// A field that is read to understand the message and never leaves.
pub(super) const fn used(field: u8, label: &'static str, kinds: Kinds) -> Row {
    Row {
        field,
        label,
        treatment: Treatment::Read,
        repeats: true,
        kinds,
        ..BASE
    }
}

/// A whole field with what becomes of it.
pub(super) const fn about(
    field: u8,
    label: &'static str,
    class: Class,
    treatment: Treatment,
    kinds: Kinds,
    target: &'static str,
) -> Row {
    Row {
        components: Parts::ALL,
        ..parts(field, &[], label, class, treatment, kinds, target)
    }
}

/// A field that never leaves.
pub(super) const fn drop(field: u8, label: &'static str, class: Class) -> Row {
    about(field, label, class, Treatment::Drop, ALL, "")
}

/// Components that never leave, of a field of which others do.
pub(super) const fn left(field: u8, components: &[u8], label: &'static str, class: Class) -> Row {
    parts(field, components, label, class, Treatment::Drop, ALL, "")
}

/// Numbers of staff or institutions, in these components of every repetition.
pub(super) const fn named(
    field: u8,
    components: &[u8],
    label: &'static str,
    role: Role,
    kinds: Kinds,
) -> Row {
    let class = match role.is_of_institution() {
        true => Class::Facility,
        false => Class::Staff,
    };
    let treatment = Treatment::Named(role);
    parts(
        field,
        components,
        label,
        class,
        treatment,
        kinds,
        "participants",
    )
    .repeated()
}

const fn token(field: u8, label: &'static str, kinds: Kinds) -> Row {
    about(
        field,
        label,
        Class::Direct,
        Treatment::Token,
        kinds,
        "tokens",
    )
}

/// IN1 and ZI1, which have the same fields.
pub(super) const fn insurance(kinds: Kinds) -> [Row; 24] {
    use Class::{Content as C, Direct as D, Quasi as Q, Staff as S};
    [
        used(1, "連番", kinds),
        code(2, "保険の種類", kinds, "Coverage.plan"),
        token(3, "保険者番号", kinds),
        drop(4, "保険者の名前", Q),
        drop(5, "保険者の住所", D),
        drop(6, "保険者の担当者", D),
        drop(7, "保険者の電話番号", D),
        drop(8, "団体の番号", D),
        drop(9, "団体の名前", D),
        token(10, "被保険者の記号・番号・枝番", kinds).repeated(),
        token(11, "被保険者の番号（別の書き方）", kinds).repeated(),
        time(12, "有効期間の開始", kinds, "Coverage.start"),
        time(13, "有効期間の終了", kinds, "Coverage.end"),
        drop(14, "認定情報", Q),
        drop(15, "本人・家族などの区分", C),
        drop(16, "被保険者の氏名", D),
        short(17, "本人・被扶養者の別", kinds, "Coverage.relation"),
        drop(18, "被保険者の生年月日", D),
        drop(19, "被保険者の住所", D),
        drop(30, "確認者", S),
        drop(36, "証券番号", D),
        drop(44, "被保険者の勤務先の住所", D),
        drop(49, "被保険者の番号", D),
        drop(52, "被保険者の出生地", D),
    ]
}
