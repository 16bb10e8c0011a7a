//! Dates of both calendars at their boundaries, one row each, and round trips (P-21).

use proptest::prelude::*;

use super::*;

fn said(text: &str) -> String {
    match read(text) {
        Ok(Said::Day(date)) => date.to_string(),
        Ok(Said::Month(YearMonth { year, month })) => format!("{year:04}-{month:02}"),
        Ok(Said::Year(year)) => format!("{year:04}"),
        Ok(Said::FiscalYear(year)) => format!("FY{year:04}"),
        Err(Fault::NoDate) => "no date".to_owned(),
        Err(Fault::Impossible) => "impossible".to_owned(),
        Err(Fault::Lunar) => "lunar".to_owned(),
    }
}

#[test]
fn whole_dates_are_read_strictly_at_the_boundaries_of_eras() {
    for (text, day) in [
        ("昭和22年5月9日", "1947-05-09"),
        ("昭22.5.9", "1947-05-09"),
        ("S22.5.9", "1947-05-09"),
        ("S22-5-9", "1947-05-09"),
        ("Ｓ２２／０５／０９", "1947-05-09"),
        ("Ｓ２２－０５−０９", "1947-05-09"),
        ("s220509", "1947-05-09"),
        ("3220509", "1947-05-09"),
        ("昭和 22年 5月 9日", "1947-05-09"),
        ("㍼64年1月7日", "1989-01-07"),
        ("S64.1.8", "impossible"),
        ("H1.1.7", "impossible"),
        ("平成元年1月8日", "1989-01-08"),
        ("㍻元年1月8日", "1989-01-08"),
        ("H31.4.30", "2019-04-30"),
        ("H31.5.1", "impossible"),
        ("平成40年3月31日", "impossible"),
        ("令和元年5月1日", "2019-05-01"),
        ("㋿元年5月1日", "2019-05-01"),
        ("R1.4.30", "impossible"),
        ("M45.7.30", "1912-07-30"),
        ("M45.7.31", "impossible"),
        ("T1.7.30", "1912-07-30"),
        ("T1.7.29", "impossible"),
        ("M5.12.2", "lunar"),
        ("明治5年12月", "lunar"),
        ("明治元年", "lunar"),
        ("慶応3年1月1日", "lunar"),
        ("M6.1.1", "1873-01-01"),
        ("T15.12.25", "1926-12-25"),
        ("T15.12.26", "impossible"),
        ("S1.12.25", "1926-12-25"),
        ("S1.12.24", "impossible"),
        ("S50.2.29", "impossible"),
        ("S51.2.29", "1976-02-29"),
        ("S0.1.1", "impossible"),
        ("S22.13.1", "impossible"),
        ("S22.5.32", "impossible"),
        ("S229999", "impossible"),
    ] {
        assert_eq!(said(text), day, "{text}");
    }
}

#[test]
fn western_dates_are_read_in_the_same_ways() {
    for (text, day) in [
        ("1947年5月9日", "1947-05-09"),
        ("西暦1947年5月9日", "1947-05-09"),
        ("１９４７／０５／０９", "1947-05-09"),
        ("1947-5-9", "1947-05-09"),
        ("1947.5.9", "1947-05-09"),
        ("19470509", "1947-05-09"),
        ("2000-02-29", "2000-02-29"),
        ("1900-02-29", "impossible"),
        ("19470230", "impossible"),
        ("1872-12-31", "lunar"),
        ("2201-01-01", "impossible"),
        ("0047-01-01", "impossible"),
    ] {
        assert_eq!(said(text), day, "{text}");
    }
}

#[test]
fn what_is_not_known_is_left_out_and_not_made_up() {
    for (text, part) in [
        ("昭和22年5月", "1947-05"),
        ("昭和22年5月不明", "1947-05"),
        ("昭和22年5月不詳日", "1947-05"),
        ("S22.5.0", "1947-05"),
        ("S220500", "1947-05"),
        ("3220500", "1947-05"),
        ("19470500", "1947-05"),
        ("1947年5月", "1947-05"),
        ("1947/05", "1947-05"),
        ("昭和22年", "1947"),
        ("S22", "1947"),
        ("S22.00.00", "1947"),
        ("昭和22年不明月不明日", "1947"),
        ("S220000", "1947"),
        ("1947", "1947"),
        ("1947年", "1947"),
        // A month or year is possible when a day of it is.
        ("昭和64年1月", "1989-01"),
        ("昭和64年2月", "impossible"),
        ("昭和64年", "1989"),
        ("昭和65年", "impossible"),
        ("平成31年4月", "2019-04"),
        ("平成31年5月", "impossible"),
        ("大正元年7月", "1912-07"),
        ("大正元年6月", "impossible"),
        // A day without its month.
        ("S22.0.9", "impossible"),
        ("S220009", "impossible"),
        ("19470009", "impossible"),
    ] {
        assert_eq!(said(text), part, "{text}");
    }
    let moments = ["S22.5.9", "S22.5", "S22"].map(|text| read(text).unwrap().moment());
    let moments = moments.map(|moment| moment.unwrap().to_string());
    assert_eq!(moments, ["1947-05-09", "1947-05", "1947"]);
}

#[test]
fn fiscal_years_are_told_from_calendar_years() {
    for (text, year) in [
        ("平成30年度", "FY2018"),
        ("H30年度", "FY2018"),
        ("２０１８年度", "FY2018"),
        ("平成31年度", "FY2019"),
        ("令和元年度", "FY2019"),
        ("昭和63年度", "FY1988"),
        ("昭和64年度", "impossible"),
        ("平成元年度", "FY1989"),
        ("昭和元年度", "FY1926"),
        ("年度", "no date"),
    ] {
        assert_eq!(said(text), year, "{text}");
    }
    assert_eq!(Said::FiscalYear(2018).moment(), None);
}

#[test]
fn other_text_is_no_date() {
    for text in [
        "",
        " ",
        "不明",
        "小学校低学年の頃",
        "22.5.9",
        "220509",
        "194705",
        "S22.5.9.1",
        "S",
        "昭和",
        "昭和年5月9日",
        "S22.5.九",
        "S222.5.9",
        "1947.123.1",
        "5月9日",
        "昭和22年頃",
        "S22..9",
        "+1947-05-09",
        "1947-05-09T00:00",
    ] {
        assert_eq!(said(text), "no date", "{text}");
    }
}

proptest! {
    #[test]
    fn every_day_round_trips_in_every_form(offset in 0i64..89_484) {
        let day = DAYS.0.checked_add(jiff::Span::new().days(offset)).unwrap();
        let (era, year) = of(day).unwrap();
        let [full, short, letter, digit] = era.names();
        let (month, number) = (day.month(), day.day());
        let forms = [
            write(day).unwrap(),
            format!("{full}{year}年{month}月{number}日"),
            format!("{short}{year}.{month}.{number}"),
            format!("{letter}{year:02}/{month:02}/{number:02}"),
            format!("{}年{month}月{number}日", day.year()),
            day.strftime("%Y%m%d").to_string(),
            day.to_string(),
        ];
        for form in forms {
            prop_assert_eq!(read(&form), Ok(Said::Day(day)), "{}", form);
        }
        let claim = format!("{digit}{year:02}{month:02}{number:02}");
        prop_assert_eq!(parse(&claim), Some(day));
        let month_of = YearMonth::from(day);
        let by_month = format!("{full}{year}年{month}月");
        prop_assert_eq!(read(&by_month), Ok(Said::Month(month_of)));
        prop_assert_eq!(read(&format!("{full}{year}年")), Ok(Said::Year(day.year())));
    }

    /// Whatever is read exists and is what was written; whatever does not exist is not read.
    #[test]
    fn an_era_date_is_a_day_of_its_era_or_a_fault(
        era in 0usize..5, year in 0u8..=99, month in 0u8..=99, day in 0u8..=99,
    ) {
        let era = Era::ALL[era];
        let [full, ..] = era.names();
        let read = read(&format!("{full}{year}年{month}月{day}日"));
        match (month, day) {
            (1.., 1..) => prop_assert_eq!(read.ok(), date(era, year, month, day).map(Said::Day)),
            (0, 1..) => prop_assert!(read.is_err()),
            _ => prop_assert!(!matches!(read, Ok(Said::Day(_)))),
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(昭和|S|元|年|月|日|度|[0-9]{0,8}|[./-]|\\PC){0,12}") {
        if let Ok(said) = read(&text) {
            let _ = said.moment();
        }
    }
}
