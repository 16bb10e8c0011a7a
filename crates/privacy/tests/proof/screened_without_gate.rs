//! Only the gate makes the proof that readings were screened.

use privacy::gate::{Pass, PatientReadings, Screened};

fn skip(value: PatientReadings, pass: Pass) -> Screened<PatientReadings> {
    Screened { value, pass, left_out: 0 }
}

fn main() {}
