//! Stops and consents that extend to a part of a person's records.

use super::*;

fn dated(number: &str, order: &str, day: Option<Date>) -> Reading {
    let mut reading = fixtures::reading(number, DataKind::Adt12, Vec::new());
    reading.key.care_date = day.map(Moment::of_day);
    reading.key.order = record::identity::Sensitive::new(order);
    reading
}

/// what lies within a limited stop is taken back, what lies outside goes on.
#[test]
fn a_limited_stop_takes_back_what_it_covers_and_nothing_else() {
    let period = "medical/*/2024-01-01..2024-01-31".parse().unwrap();
    let mut state = State::open();
    state.events.push(scoped_stop("1001", TODAY, period));
    let readings = |days: &[Option<Date>]| PatientReadings {
        chart: chart("1001"),
        readings: days
            .iter()
            .enumerate()
            .map(|(place, day)| dated("1001", &place.to_string(), *day))
            .collect(),
        doubtful: Vec::new(),
    };
    let mixed = readings(&[Some(date(2024, 1, 15)), Some(date(2024, 2, 1)), None]);
    let screened = state.gate().screen(mixed).unwrap();
    assert_eq!(screened.left_out(), 2);
    assert_eq!(
        screened.pass().limits(),
        "-medical/*/2024-01-01..2024-01-31"
    );
    let states: Vec<_> = screened.value().readings.iter().map(|r| r.state).collect();
    let (standing, withdrawn) = (DocumentState::Current, DocumentState::Withdrawn);
    assert_eq!(states, [withdrawn, standing, withdrawn]);
    let covered = readings(&[Some(date(2024, 1, 15))]);
    assert_eq!(state.gate().screen(covered).map(|s| s.left_out()), Ok(1));
    // Of other products or domains nothing is covered here.
    for scope in ["*/pseudonymized/..", "care/*/.."] {
        let mut state = State::open();
        state
            .events
            .push(scoped_stop("1001", TODAY, scope.parse().unwrap()));
        let all = readings(&[Some(date(2024, 1, 15)), None]);
        let screened = state.gate().screen(all).unwrap();
        assert_eq!(screened.left_out(), 0);
        // What is of other products limits nothing; what is of other domains could.
        let limits = if scope.starts_with('*') {
            ""
        } else {
            "-care/*/.."
        };
        assert_eq!(screened.pass().limits(), limits);
    }
}

/// a consent for a period extends to nothing else, and not to what has no day.
#[test]
fn a_limited_consent_extends_only_to_what_it_covers() {
    let mut state = State::open();
    state.terms.mode = ConsentMode::OptIn;
    state.events = vec![consent("1001", TODAY, "*/*/2024-01-01..2024-01-31")];
    let days = [Some(date(2024, 1, 31)), Some(date(2024, 2, 1)), None];
    let readings = days.iter().zip(["1", "2", "3"]);
    let patient = PatientReadings {
        chart: chart("1001"),
        readings: readings
            .map(|(day, order)| dated("1001", order, *day))
            .collect(),
        doubtful: Vec::new(),
    };
    let screened = state.gate().screen(patient).unwrap();
    assert_eq!(screened.left_out(), 2);
    let outside = PatientReadings {
        chart: chart("1001"),
        readings: vec![dated("1001", "1", None)],
        doubtful: Vec::new(),
    };
    assert_eq!(state.gate().screen(outside).map(|s| s.left_out()), Ok(1));
}
