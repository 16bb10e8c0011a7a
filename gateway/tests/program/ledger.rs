//! Imports that are killed, from the command line to the ledger.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::appliance::Appliance;

const LINES: usize = 20_000;

const KIND: &str = r#"
[[ledger.imports]]
name = "told"
what = "notices"
columns = { chart = "患者番号", date = "通知日" }
constants = { document = "v1", method = "handed" }
"#;

/// How many entries the whole ledger has.
fn entries(appliance: &Appliance, settings: &std::path::Path) -> usize {
    let verify = ["ledger", "verify", "--config"].map(std::ffi::OsStr::new);
    let (status, told) = appliance.gateway(&[&verify[..], &[settings.as_os_str()]].concat());
    assert_eq!(status, 0, "{told}");
    let count = told.trim().rsplit(' ').next().unwrap();
    count.parse().unwrap()
}

/// An import that is killed at whatever moment has taken in everything or nothing, and can be done
/// again.
#[test]
fn an_import_that_is_killed_took_in_everything_or_nothing() {
    let (appliance, _) = Appliance::new(1);
    let settings = appliance.path("settings/0000.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}{KIND}")).unwrap();
    let lines: String = (0..LINES)
        .map(|line| format!("88{line:08},令和2年1月1日\n"))
        .collect();
    let file = appliance.path("export.csv");
    fs::write(&file, format!("患者番号,通知日\n{lines}")).unwrap();
    let import = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho-gateway"));
        command.args(["ledger", "import", "--name", "told", "--apply", "--config"]);
        command.arg(&settings).arg("--file").arg(&file);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut cut_short = 0;
    for milliseconds in [0, 5, 20, 50, 100, 200, 400, 800] {
        let mut running = import().spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        running.kill().unwrap();
        running.wait().unwrap();
        let entries = entries(&appliance, &settings);
        assert!([0, LINES].contains(&entries), "{entries}");
        cut_short += usize::from(entries == 0);
    }
    assert!(cut_short > 0);
    assert!(import().status().unwrap().success());
    assert_eq!(entries(&appliance, &settings), LINES);
}

/// One entry by hand: told on standard input, added once, refused whole by the field at fault.
#[test]
fn one_entry_is_added_from_standard_input_and_never_twice() {
    let (appliance, _) = Appliance::new(1);
    let settings = appliance.path("settings/0000.toml");
    let add = |entered: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho-gateway"));
        command.args(["ledger", "add", "--config"]).arg(&settings);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        let mut input = running.stdin.take().unwrap();
        input.write_all(entered.as_bytes()).unwrap();
        drop(input);
        let ended = running.wait_with_output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        (ended.status.code().unwrap(), told)
    };
    let stop =
        "kind = \"stop\"\nchart = \"0012345678\"\nrequester = \"family\"\non = \"2026-01-05\"\n";
    for told in ["(added): 1", "(stands already): 1"] {
        let (status, said) = add(stop);
        assert!(status == 0 && said.contains(told), "{status}: {said}");
    }
    let (status, said) = add(&stop.replace("family", "neighbour"));
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("G059") && said.contains("requester"),
        "{said}"
    );
    assert!(!said.contains("0012345678"), "{said}");
    assert_eq!(entries(&appliance, &settings), 1);
}
