//! a build in which the gate is skipped does not compile.
//!
//! The expected messages are those of the workspace's compiler. After a new compiler, look at what
//! changed and write them anew with `TRYBUILD=overwrite cargo test -p privacy --test proof`.

#[test]
fn a_build_that_skips_a_step_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/proof/screened_without_gate.rs");
    cases.compile_fail("tests/proof/separated_without_separation.rs");
    cases.compile_fail("tests/proof/separation_of_unscreened_readings.rs");
    cases.compile_fail("tests/proof/pass_without_gate.rs");
}
